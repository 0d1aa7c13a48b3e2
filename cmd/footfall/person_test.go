package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/api"
	"footfall/event"
	"footfall/history"
	"footfall/ledger"
	"footfall/period"
	"footfall/queue"
	shops "footfall/shop"
)

// known is a home with a site that keeps histories and has a programme, and two
// visitors who click, make themselves known and buy.
type known struct {
	*home
	site    account.Site
	program string
	began   time.Time
}

// ids of one of them; those of the other are Ben's.
const (
	herUser, herBrowser, herPhone = "user-anna-77", "browser-anna-4711", "phone-anna-4712"
	herEmail, herName             = "anna.schmidt@example.org", "Schmidt-Anna"
)

var hers = []string{herUser, herBrowser, herPhone, herEmail, herName, "schmidt"}

func newKnown(t *testing.T) *known {
	t.Helper()
	k := &known{home: newHome(t), began: time.Now().UTC().Truncate(time.Millisecond)}
	for _, args := range [][]string{{"site", "add", "shop.example", "--currency", "EUR"}, {"site", "set", "shop.example", "--history", "24"},
		{"program", "set", "Courses", "--site", "shop.example", "--rate", "50%", "--hold", "30"},
		{"affiliate", "add", "earner@example.com", "--name", "E", "--site", "shop.example"},
		{"code", "add", "link-1", "--affiliate", "earner@example.com", "--site", "shop.example", "--landing", "https://shop.example/"}} {
		if fault, code := k.typed(nil, args...); code != 0 {
			t.Fatal(fault)
		}
	}
	var err error
	k.site, err = k.sites.find("shop.example")
	must(t, err)
	p, _ := k.desk.Program(k.site.ID)
	k.program = p.ID
	k.publish(k.story("anna", herUser, herBrowser, herPhone, herEmail, herName, 1)...)
	k.publish(k.story("ben", "user-ben", "browser-ben", "phone-ben", "ben@example.org", "Ben", 2)...)
	must(t, k.queue.Aside().Put(t.Context(), queue.AsideItem{Reader: "collect", Reason: "no", Site: k.site.ID, Raw: `{"userId":"` + herUser + `"}`},
		queue.AsideItem{Reader: "collect", Reason: "no", Site: k.site.ID, Raw: `{"userId":"user-ben"}`}))
	for i, email := range []string{herEmail, "ben@example.org"} {
		at := k.began.Add(-time.Hour)
		_, err := k.desk.Take(t.Context(), shops.Report{Site: k.site.ID, Number: fmt.Sprint("n-", i), Time: at, Said: at, From: shops.FromAPI, Verified: true,
			Anonymous: []string{herBrowser, "browser-ben"}[i], Email: email, Order: &shops.Order{Currency: "EUR", Lines: []ledger.Line{{ID: "1", Product: "p", Quantity: 1, Net: 1000}}}})
		must(t, err)
	}
	k.roll()
	must(t, k.histories.Move(t.Context(), k.site.ID, history.Move{Visitor: herUser, In: []history.Member{{Segment: "viewers", Version: 1, Since: k.began}},
		Bodies: [][]byte{[]byte(`{"visitor":"` + herUser + `"}`)}}))
	return k
}

func (k *known) roll() {
	k.t.Helper()
	if fault, code := k.typed(nil, "roll"); code != 0 {
		k.t.Fatal(fault)
	}
	eventually(k.t, "the ledger has everything", func() bool {
		at, err := k.desk.Position(k.t.Context())
		return err == nil && at.Total == k.queue.Last().Total || k.house.pumps["ledger"] == nil
	})
}

// story is what a visitor with two devices does on three days.
func (k *known) story(name, user, browser, phone, email, called string, visitor uint64) (all []event.Event) {
	add := func(days int, e event.Event) {
		at := k.began.AddDate(0, 0, -days).Add(time.Duration(len(all)-60) * time.Minute)
		e.ID, e.Site, e.Time, e.Original, e.Received, e.Channel, e.Host = fmt.Sprint(name[:1], "-", len(all)), k.site.ID, at, at, at, "web", "shop.example"
		e.Visitor, e.Session = 100*visitor, 100*visitor+1
		all = append(all, e)
	}
	context := `{"traits":{"email":"` + email + `"}}`
	add(2, event.Event{Kind: event.Page, AnonymousID: browser, Path: "/", Search: "ref=link-1&email=" + email})
	add(2, event.Event{Kind: event.Identify, AnonymousID: browser, UserID: user, Traits: `{"name":"` + called + `","email":"` + email + `"}`})
	add(1, event.Event{Kind: event.Page, AnonymousID: browser, UserID: user, Path: "/a", Context: context})
	add(1, event.Event{Kind: event.Track, Name: "Order Completed", AnonymousID: browser, UserID: user, Properties: `{"order_id":"e-` + name[:1] + `","revenue":12.5,"currency":"EUR","email":"` + email +
		`","products":[{"product_id":"p","price":12.5,"gift_for":"` + called + `"}]}`})
	add(0, event.Event{Kind: event.Page, AnonymousID: phone, UserID: user, Path: "/b"})
	add(0, event.Event{Kind: event.Alias, UserID: user, PreviousID: phone})
	return all
}

// totals are the site's figures of the last days, which must be a recount's.
func (k *known) totals() string {
	k.t.Helper()
	var text string
	for _, m := range []string{"PageViews", "Visitors", "Sessions", "Orders", "Revenue"} {
		for _, by := range []string{"", "page"} {
			var d struct{ Series any }
			args := []string{"query", "--site", k.site.ID, "--metric", m, "--from", k.began.AddDate(0, 0, -4).Format("2006-01-02"), "--step", "day"}
			if by != "" && m != "Orders" && m != "Revenue" {
				args = append(args, "--by", by)
			}
			if fault, code := k.typed(&d, args...); code != 0 {
				k.t.Fatal(fault)
			}
			text += fmt.Sprintln(m, d)
		}
	}
	found, err := k.reconcile(k.t.Context(), "", 0, 0)
	if err != nil || found.Count > 0 || found.Figures == 0 {
		k.t.Errorf("reconcile: %v, %+v", err, found)
	}
	return text
}

// owed is the sum of the ledger's entries, and how many.
func (k *known) owed() (text string) {
	k.t.Helper()
	must(k.t, k.house.ledger.View(k.t.Context(), func(tx ledger.Tx) error {
		entries, err := tx.Money().Entries(ledger.EntryFilter{Program: k.program})
		sum := int64(0)
		for _, e := range entries {
			sum += e.Amount
		}
		text = fmt.Sprintf("%d entries, %d", len(entries), sum)
		return err
	}))
	return text
}

// nowhere looks for the person in all files but those of the queue, unpacked
// where they are packed.
func (k *known) nowhere(when string) {
	k.t.Helper()
	var unpacked strings.Builder
	must(k.t, k.export(k.t.Context(), k.site.ID, period.Window{}, func(e *event.Event) error { fmt.Fprintf(&unpacked, "%+v\n", *e); return nil }))
	must(k.t, k.house.archive.Scan(k.t.Context(), event.Position{}, func(events []event.Event, _ event.Position) error {
		fmt.Fprintf(&unpacked, "%+v\n", events)
		return nil
	}))
	if items, err := k.queue.Aside().List(k.t.Context(), "", 0); err != nil || len(items) != 1 || strings.Contains(items[0].Raw, herUser) {
		k.t.Errorf("%s: set aside are %+v, %v", when, items, err)
	}
	k.shut()
	files := 0
	must(k.t, filepath.WalkDir(k.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "queue" || !d.Type().IsRegular() {
			if err == nil && d.IsDir() && d.Name() == "queue" {
				return filepath.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		files++
		for _, id := range hers {
			if bytes.Contains(text, []byte(id)) {
				k.t.Errorf("%s: %s holds %q", when, strings.TrimPrefix(path, k.dir), id)
			}
		}
		return err
	}))
	k.open()
	for _, id := range append(hers, "Visitor:100 ", "Session:101 ") {
		if strings.Contains(unpacked.String(), id) {
			k.t.Errorf("%s: events hold %q", when, id)
		}
	}
	if !strings.Contains(unpacked.String(), "user-ben") || files < 8 {
		k.t.Errorf("%s: nothing was looked into: %d files, %s", when, files, unpacked.String())
	}
}

// TestErasePerson: whatever names the person, nothing of it is found anywhere
// afterwards, and figures and money are what they were; late events, a rebuild and
// the same again change nothing.
func TestErasePerson(t *testing.T) {
	t.Parallel()
	for name, who := range map[string][]string{"user": {"--user", herUser}, "phone": {"--anonymous", herPhone}, "order": {"--order", "n-0"}, "address": {"--email", "Anna.Schmidt+x@example.org"}} {
		t.Run(name, func(t *testing.T) {
			k := newKnown(t)
			figures, owed := k.totals(), k.owed()
			var would, did erasedPerson
			args := append([]string{"person", "erase", "--site", "shop.example"}, who...)
			if fault, code := k.typed(&would, append(args, "--dry-run")...); code != 0 || !would.DryRun || would.Events != 6 || would.Archive.Events != 6 || would.Aside != 1 ||
				would.History.Visitors != 2 || would.Ledger.Orders < 1 || k.totals() != figures {
				t.Fatalf("a dry run: %s %+v", fault, would)
			}
			if fault, code := k.typed(&did, args...); code != 0 || did.DryRun || did.Events != 6 || did.Until.Before(time.Now().Add(24*time.Hour)) {
				t.Fatalf("erasing: %s %+v", fault, did)
			}
			k.nowhere("after erasing")
			if now := k.totals(); now != figures || k.owed() != owed {
				t.Errorf("figures are\n%s%s, were\n%s%s", now, k.owed(), figures, owed)
			}
			late := k.story("x-late", herUser, herBrowser, herPhone, herEmail, herName, 1)
			k.publish(late...)
			k.roll()
			if fault, code := k.typed(nil, "rebuild"); code != 0 {
				t.Fatal(fault)
			}
			k.nowhere("after late events and a rebuild")
			if links, err := k.desk.Named(t.Context(), k.program, "user:"+herUser, "anon:"+herBrowser, "anon:"+herPhone); err != nil || links != (affiliate.Erasure{}) {
				t.Errorf("late events revive %+v, %v", links, err)
			}
			var audit []account.Change
			if fault, code := k.typed(&audit, "audit", "--limit", "1"); code != 0 || audit[0].What != "person erase" || strings.Contains(fmt.Sprint(audit), "anna") {
				t.Errorf("the audit log has %+v: %s", audit, fault)
			}
		})
	}
}

// TestErasePersonCutShort stops after each step, and by a restart in between: the
// same command then erases the rest.
func TestErasePersonCutShort(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	figures, owed := k.totals(), k.owed()
	x, err := k.newErasing(t.Context(), k.site, affiliate.Who{User: herUser}, false)
	must(t, err)
	for n := range x.steps() {
		k := newKnown(t)
		x, err := k.newErasing(t.Context(), k.site, affiliate.Who{User: herUser}, false)
		must(t, err)
		for _, step := range x.steps()[:n] {
			must(t, step(t.Context()))
		}
		k.reopen()
		if fault, code := k.typed(nil, "person", "erase", "--site", "shop.example", "--user", herUser); code != 0 {
			t.Fatal(fault)
		}
		k.nowhere(fmt.Sprintf("after %d steps and all of them", n))
		if k.owed() != owed || len(k.totals()) != len(figures) {
			t.Errorf("after %d steps: %s, was %s", n, k.owed(), owed)
		}
	}
}

// TestEraseOneOfMany: who shares a browser with many is not taken for them.
func TestEraseOneOfMany(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	var all []event.Event
	for i := range manyPersons + 1 {
		at := k.began.Add(-time.Minute)
		all = append(all, event.Event{ID: fmt.Sprint("k", i), Site: k.site.ID, Kind: event.Page, AnonymousID: "kiosk", UserID: fmt.Sprint("guest-", i),
			Time: at, Original: at, Received: at, Visitor: 9, Path: "/"})
	}
	k.publish(all...)
	if fault, code := k.typed(nil, "person", "erase", "--site", "shop.example", "--user", "guest-3"); code != 1 || !strings.Contains(fault, "--only") {
		t.Errorf("%d %s", code, fault)
	}
	var did erasedPerson
	if fault, code := k.typed(&did, "person", "erase", "--site", "shop.example", "--user", "guest-3", "--only"); code != 0 || did.Events != 1 {
		t.Fatalf("%s %+v", fault, did)
	}
	text, err := json.Marshal(did.Keys)
	if err != nil || strings.Contains(string(text), "kiosk") {
		t.Errorf("%s", text)
	}
	for _, wrong := range [][]string{{}, {"--order", "unknown"}, {"--email", "nobody"}} {
		if _, code := k.typed(nil, append([]string{"person", "erase", "--site", "shop.example"}, wrong...)...); code == 0 {
			t.Errorf("%v erases somebody", wrong)
		}
	}
	for user, found := range map[string]bool{"guest-4": true, "gest-4": false} { // a name misspelled is no success
		var out bytes.Buffer
		code := run(t.Context(), []string{"person", "erase", "--site", "shop.example", "--user", user, "--only", "--data", k.dir}, &out, io.Discard)
		if code != 0 || strings.Contains(out.String(), "NOTHING WAS FOUND") == found || strings.Contains(out.String(), "erased: figures") != found {
			t.Errorf("%s: %d %s", user, code, out.String())
		}
	}
}

// TestErasePersonByHTTP: a look tells what the command's does, its plan erases the same,
// and a key of one site of a programme's several erases nobody.
func TestErasePersonByHTTP(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	figures, owed := k.totals(), k.owed()
	key, made, err := k.control.AddKey(t.Context(), account.Key{Site: k.site.ID, Scopes: []account.Scope{account.Erase}})
	must(t, err)
	handler := k.server().Handler
	var would erasedPerson
	k.must(&would, "person", "erase", "--site", "shop.example", "--email", herEmail, "--dry-run")
	var look, did api.Erased
	k.post(t, handler, key, "/v1/persons/erase", `{"email":"Anna.Schmidt+x@example.org"}`, &look)
	spelled := func(places []place) (all []api.ErasedPlace) {
		for _, p := range places {
			all = append(all, api.ErasedPlace{Place: p.Place, Count: p.Count, What: p.What})
		}
		return all
	}
	if !look.DryRun || look.Plan == "" || !slices.Equal(look.Places, spelled(would.Places)) || len(look.Keys) != len(would.Keys) || len(look.Keys) < 4 || k.totals() != figures {
		t.Fatalf("a look: %+v, by command %+v", look, would)
	}
	for body, want := range map[string]string{`{"order":"unknown"}`: "user_id: nothing leads from there to a person", `{"email":"nobody"}`: "is no e-mail address"} {
		if rec := k.post(t, handler, key, "/v1/persons/erase", body, nil); rec.Code != 400 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
	k.post(t, handler, key, "/v1/persons/erase", `{"plan":"`+look.Plan+`"}`, &did)
	if did.DryRun || did.Until == "" || did.Places[0].Count != 6 || k.totals() != figures || k.owed() != owed {
		t.Errorf("erased: %+v", did)
	}
	var audit []account.Change
	if k.must(&audit, "audit", "--limit", "1"); audit[0].What != "person erase" || audit[0].Who != "key "+made.ID || strings.Contains(fmt.Sprint(audit), "anna") {
		t.Errorf("the audit log has %+v", audit)
	}
	k.must(nil, "site", "add", "blog.example")
	k.must(nil, "program", "set", "Courses", "--site", "shop.example,blog.example", "--rate", "50%")
	if rec := k.post(t, handler, key, "/v1/persons/erase", `{"user_id":"user-ben"}`, nil); rec.Code != 403 || !strings.Contains(rec.Body.String(), "a key of every site") {
		t.Errorf("of a programme with another site: %d %s", rec.Code, rec.Body)
	}
	k.nowhere("after erasing by HTTP")
}
