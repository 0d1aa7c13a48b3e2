package accounttest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/account"
	"footfall/event"
)

// Run holds the Store that open makes to the law of control data. Every part
// runs in a bubble of fake time, with a new Store that open must also close
// (t.Cleanup).
func Run(t *testing.T, open func(*testing.T) Store) {
	for name, law := range map[string]func(*testing.T, Store){
		"sites": sites, "bad sites": badSites, "updates": updates, "webhooks": webhooks, "keys": keys, "keys end": keysEnd, "shares": shares, "secrets": secrets, "audit": audit,
		"people": people, "bad people": badPeople, "grants": grants, "a role ends links": roleEndsLinks, "credentials": credentials, "codes are used once": codesOnce, "segments": segments, "bad segments": badSegments, "definitions": defining, "bad definitions": badDefinitions, "notes": notes, "saved filters": savedFilters, "bad filters": badFilters, "bad notes": badNotes, "subscriptions": subscriptions, "bad subscriptions": badSubscriptions, "alerts": alerts, "links": links, "one winner": oneWinner,
		"sessions end": sessionsEnd, "sessions are ended": sessionsAreEnded, "log-out everywhere": everywhere, "the disabled": theDisabled, "the removed": theRemoved, "salts": salts, "cancelled": cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { law(t, open(t)) })
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func sites(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: " Example.COM. "})
	must(t, err)
	if a.Domain != "example.com" || a.ID != "example-com" || a.Zone != "UTC" || a.Currency != "USD" || !a.DNT || a.Created.IsZero() {
		t.Errorf("defaults: %+v", a)
	}
	if !strings.HasPrefix(a.WriteKey, account.WriteKeyPrefix) || len(a.WriteKey) != 28 {
		t.Errorf("write key %q", a.WriteKey)
	}
	b, err := s.AddSite(ctx, account.Site{Domain: "example-com", Zone: "Asia/Kolkata", Currency: "inr", WriteKey: "my-old-key",
		Origins: []string{"www.example-com"}, Internal: []string{"shop.example-com"}})
	must(t, err)
	if b.ID == a.ID || b.Currency != "INR" || b.WriteKey != "my-old-key" || b.Location().String() != "Asia/Kolkata" {
		t.Errorf("second site: %+v", b)
	}
	_, err = s.AddSite(ctx, account.Site{Domain: "EXAMPLE.com"})
	is(t, err, account.ErrExists)
	_, err = s.AddSite(ctx, account.Site{Domain: "other.org", WriteKey: "my-old-key"})
	is(t, err, account.ErrExists)
	all, err := s.Sites(ctx)
	must(t, err)
	if len(all) != 2 || !slices.EqualFunc(all, []account.Site{b, a}, sameSite) {
		t.Errorf("Sites = %+v, want %+v", all, []account.Site{b, a})
	}
}

func updates(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	b, err := s.AddSite(ctx, account.Site{Domain: "b.com", Internal: []string{"shop.b.com"}})
	must(t, err)
	want := a
	want.History, want.Keep, want.Webhook, want.WebhookSecret, want.Public = 24, 400, "https://shop.a.com/hook?a=b", "ffh_mine", []account.Part{account.TheBoard, account.Money, account.Search}
	want.Zone, want.Currency, want.DNT, want.Origins = "Europe/Berlin", "EUR", false, []string{"www.a.com", "https://dev.a.com:8443", "localhost:3000"}
	change := want
	change.Public = []account.Part{account.Search, account.Money} // the board comes with them
	change.Currency, change.Domain, change.WriteKey, change.Origins = "eur", "other.com", "ffw_other", []string{" WWW.a.com", "https://dev.a.com:8443", "localhost:3000"}
	got, err := s.UpdateSite(ctx, change)
	must(t, err)
	if !sameSite(got, want) {
		t.Errorf("UpdateSite = %+v, want %+v", got, want)
	}
	for field, bad := range map[string]account.Site{
		"timezone": {ID: a.ID, Zone: "Mars/Olympus"}, "currency": {ID: a.ID, Currency: "E1R"}, "origins": {ID: a.ID, Origins: []string{"www.a.com/shop"}}, "history": {ID: a.ID, History: 121}, "keep-events": {ID: a.ID, Keep: 1},
		"webhook": {ID: a.ID, Webhook: "ftp://a.com/"}, "public": {ID: a.ID, Public: []account.Part{"people"}}} {
		_, err := s.UpdateSite(ctx, bad)
		var invalid *event.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%+v: error %v, want one of field %s", bad, err, field)
		}
	}
	_, err = s.UpdateSite(ctx, account.Site{ID: "nowhere"})
	is(t, err, account.ErrNotFound)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.UpdateSite(gone, b); err == nil {
		t.Error("UpdateSite worked with a cancelled context")
	}
	all, err := s.Sites(ctx)
	must(t, err)
	if !slices.EqualFunc(all, []account.Site{want, b}, sameSite) {
		t.Errorf("Sites = %+v, want %+v", all, []account.Site{want, b})
	}
}

// webhooks: a webhook has a secret as long as it is there, and a new one for
// who takes the old one away.
func webhooks(t *testing.T, s Store) {
	site, err := s.AddSite(t.Context(), account.Site{Domain: "a.com", History: 120, Keep: 2, Webhook: "http://127.0.0.1:9000"})
	must(t, err)
	first := site.WebhookSecret
	if !strings.HasPrefix(first, account.WebhookPrefix) || len(first) != 36 || site.History != 120 || site.Keep != 2 {
		t.Errorf("added %+v, want a secret of 36 letters", site)
	}
	if site, err = s.UpdateSite(t.Context(), site); err != nil || site.WebhookSecret != first {
		t.Errorf("the secret changed by itself: %v", err)
	}
	site.WebhookSecret = ""
	if site, err = s.UpdateSite(t.Context(), site); err != nil || len(site.WebhookSecret) != 36 || site.WebhookSecret == first {
		t.Errorf("a secret taken away was not made anew: %v", err)
	}
	site.Webhook = ""
	if site, err = s.UpdateSite(t.Context(), site); err != nil || site.WebhookSecret != "" {
		t.Errorf("the secret outlived the webhook: %v", err)
	}
}

func sameSite(a, b account.Site) bool {
	return a.ID == b.ID && a.Domain == b.Domain && a.WriteKey == b.WriteKey && a.Zone == b.Zone && a.Currency == b.Currency &&
		slices.Equal(a.Origins, b.Origins) && slices.Equal(a.Internal, b.Internal) && a.DNT == b.DNT && a.Created.Equal(b.Created) &&
		a.History == b.History && a.Keep == b.Keep && a.Webhook == b.Webhook && a.WebhookSecret == b.WebhookSecret && slices.Equal(a.Public, b.Public)
}

func badSites(t *testing.T, s Store) {
	for _, x := range []struct {
		site         account.Site
		field, shows string
	}{
		{account.Site{}, "domain", "missing"},
		{account.Site{Domain: "https://example.com/shop"}, "domain", "write example.com"},
		{account.Site{Domain: "exa mple.com"}, "domain", "not a host name"},
		{account.Site{Domain: "-a.com"}, "domain", "not a host name"},
		{account.Site{Domain: "a..com"}, "domain", "not a host name"},
		{account.Site{Domain: "../../etc"}, "domain", "not a host name"},
		{account.Site{Domain: "bücher.de"}, "domain", "xn--"},
		{account.Site{Domain: strings.Repeat("a.", 130) + "com"}, "domain", "limit"},
		{account.Site{Domain: "a.com", Zone: "Mars/Olympus"}, "timezone", "Europe/Berlin"},
		{account.Site{Domain: "a.com", Zone: "Local"}, "timezone", "Europe/Berlin"},
		{account.Site{Domain: "a.com", Currency: "EURO"}, "currency", "three letters"},
		{account.Site{Domain: "a.com", Currency: "E1R"}, "currency", "three letters"},
		{account.Site{Domain: "a.com", History: -1}, "history", "months"},
		{account.Site{Domain: "a.com", History: account.MaxHistory + 1}, "history", "120"},
		{account.Site{Domain: "a.com", Keep: account.MinKeep - 1}, "keep-events", "for ever"},
		{account.Site{Domain: "a.com", Keep: account.MaxKeep + 1}, "keep-events", "36500"},
		{account.Site{Domain: "a.com", Keep: -1}, "keep-events", "for ever"},
		{account.Site{Domain: "a.com", Webhook: "shop.a.com/hook"}, "webhook", "https://"},
		{account.Site{Domain: "a.com", Webhook: "https:///hook"}, "webhook", "https://"},
		{account.Site{Domain: "a.com", Webhook: "https://me:word@a.com/"}, "webhook", "password"},
		{account.Site{Domain: "a.com", Webhook: "https://a.com/#x"}, "webhook", "#part"},
		{account.Site{Domain: "a.com", Webhook: "https://a.com/" + strings.Repeat("x", 2000)}, "webhook", "https://"},
	} {
		_, err := s.AddSite(t.Context(), x.site)
		var bad *event.InvalidError
		if !errors.As(err, &bad) || bad.Field != x.field || !strings.Contains(bad.Why, x.shows) {
			t.Errorf("%+v: error %v, want one of field %s that says %q", x.site, err, x.field, x.shows)
		}
	}
	all, err := s.Sites(t.Context())
	must(t, err)
	if len(all) != 0 {
		t.Errorf("bad sites were kept: %+v", all)
	}
}

func salts(t *testing.T, s Store) {
	today := event.DayOf(time.Now())
	first, err := s.Salt(today)
	must(t, err)
	before, err := s.Salt(today - 1)
	must(t, err)
	again, err := s.Salt(today)
	must(t, err)
	if len(first) != 32 || bytes.Equal(first, make([]byte, 32)) || bytes.Equal(first, before) || !bytes.Equal(first, again) {
		t.Error("salts are short, empty, equal or change within the day")
	}
	for _, day := range []event.Day{today - 2, today + 1} {
		if salt, err := s.Salt(day); err == nil || salt != nil {
			t.Errorf("there is a salt %d days from today", day-today)
		}
	}
	time.Sleep(24 * time.Hour)
	kept, err := s.Salt(today)
	must(t, err)
	next, err := s.Salt(today + 1)
	must(t, err)
	if !bytes.Equal(kept, first) || bytes.Equal(next, first) {
		t.Error("yesterday's salt changed, or today's is the same")
	}
	if _, err := s.Salt(today - 1); err == nil {
		t.Error("the day before yesterday still has a salt")
	}
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AddSite(ctx, account.Site{Domain: "example.com"}); err == nil {
		t.Error("AddSite worked with a cancelled context")
	}
	all, err := s.Sites(t.Context())
	must(t, err)
	if len(all) != 0 {
		t.Error("a cancelled AddSite left a site")
	}
	link, err := s.AddLink(t.Context(), account.ForLogin, "", time.Hour)
	must(t, err)
	if _, err := s.UseLink(ctx, link); err == nil {
		t.Error("UseLink worked with a cancelled context")
	}
	if _, err := s.UseLink(t.Context(), link); err != nil {
		t.Errorf("a cancelled UseLink burnt the link: %v", err)
	}
	if _, err := s.AddPerson(ctx, account.Person{Email: "ada@a.com"}); err == nil {
		t.Error("AddPerson worked with a cancelled context")
	}
	if all, err := s.People(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("a cancelled AddPerson left %v, %v", all, err)
	}
}
