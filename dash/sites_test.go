package dash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// workshop is a Setup and Eraser that notes what it does.
type workshop struct {
	*accounttest.Memory
	sight   Sight
	did     []string
	erasure Erasure
	deletes Deletion
	asked   url.Values // of an export
	fails   error
}

func (x *workshop) AddSite(ctx context.Context, by account.Who, s account.Site) (account.Site, error) {
	return x.Memory.AddSite(ctx, s)
}

func (x *workshop) ChangeSite(ctx context.Context, by account.Who, s account.Site) (int, error) {
	s, err := x.UpdateSite(ctx, s)
	x.did = append(x.did, fmt.Sprint(s.ID, " ", s.Zone, " ", s.Currency, " ", s.Origins, s.Internal, " ", s.DNT, " ", s.Keep, " ", s.History))
	return 0, err
}

func (x *workshop) Export(_ context.Context, s account.Site, q url.Values, begin func(string) io.Writer) error {
	x.asked = q
	if x.fails == nil && q.Get("from") != "2030-01-01" { // when nothing came
		_, x.fails = io.WriteString(begin(s.ID+".csv"), "id\n")
	}
	return x.fails
}

func (x *workshop) Refusals(string) []Refusal {
	return []Refusal{{At: fixed, Reason: "event: a <track> needs a name"}}
}
func (x *workshop) Sight(*http.Request) Sight { return x.sight }

func (x *workshop) Look(_ context.Context, by account.Who, s account.Site, p Person) error {
	x.did = append(x.did, fmt.Sprint("look ", s.ID, " ", p))
	x.erasure = Erasure{Errand: Errand{Began: fixed, Ended: fixed}, Person: p, Keys: []string{"user:<u>", "anon:a"}, Places: []Place{{"event store", 12, "events likewise, in {n} objects that are written anew", []any{3}}}}
	return x.fails
}

func (x *workshop) Erase(_ context.Context, _ account.Who, s account.Site, looked time.Time) error {
	x.did = append(x.did, fmt.Sprint("erase ", s.ID, " of ", looked.Equal(x.erasure.Began)))
	x.erasure.Erases, x.erasure.Errand = true, Errand{Began: fixed}
	return x.fails
}

func (x *workshop) Erasure(account.Who, string) Erasure { return x.erasure }

func (x *workshop) LookToDelete(_ context.Context, _ account.Who, s account.Site, w period.Window, where *metric.Where) error {
	x.did = append(x.did, fmt.Sprintf("look %s %s %s %+v", s.ID, w.From.Format(time.RFC3339), w.To.Format(time.RFC3339), where))
	x.deletes = Deletion{Errand: Errand{Began: fixed, Ended: fixed}, From: w.From, To: w.To, Where: where, All: DeletedDay{Events: 1234, Views: 1000, Bots: 7, Visitors: 321}, Places: []Place{{"event store", 1234, "events go", nil}}}
	for day := range 103 {
		x.deletes.Days = append(x.deletes.Days, DeletedDay{Date: fmt.Sprint("day-", day, "."), Events: 12})
	}
	return x.fails
}

func (x *workshop) Delete(_ context.Context, _ account.Who, s account.Site, looked time.Time) error {
	x.did = append(x.did, fmt.Sprint("delete ", s.ID, " of ", looked.Equal(x.deletes.Began)))
	x.deletes.Deletes, x.deletes.Step, x.deletes.Steps, x.deletes.Errand = true, 2, 4, Errand{Began: fixed}
	return x.fails
}

func (x *workshop) Deletion(account.Who, string) Deletion { return x.deletes }

// setUp is a dashboard with a workshop, and a browser with a role on a site; "" is every site.
func setUp(t *testing.T, role account.Role, of string) (*workshop, *browser) {
	t.Helper()
	x := &workshop{Memory: &accounttest.Memory{}}
	w := newWorldWith(t, Options{Now: now, Setup: x, Eraser: x, Deleter: x}, "atelier.example", "shop.example")
	x.Memory = w.control
	w.person(t, "ada@example.com", role, of)
	b := w.browser(t)
	b.login("ada@example.com")
	return x, b
}

// TestDomainOf: what people take from the line of their browser's address is a domain.
func TestDomainOf(t *testing.T) {
	for typed, want := range map[string]string{
		"example.com": "example.com", " Example.COM ": "example.com", "https://www.example.com/x?y=1#z": "example.com", "http://shop.example.com:8080": "shop.example.com",
		"example.com/path": "example.com", "www.example.com": "example.com", "www.com": "www.com", "Münchner-Bücher.de": "xn--mnchner-bcher-wobi.de", "localhost:3000": "localhost",
		"exa mple.com": "exa mple.com", "user@example.com": "user@example.com", "example.com:": "example.com:", "/": "/", "": "",
	} {
		if got := domainOf(typed); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}

// TestFirstSite: who may add sites is led there as long as there is none; others are told
// who adds one.
func TestFirstSite(t *testing.T) {
	for role, want := range map[account.Role]int{account.Owner: http.StatusSeeOther, account.Viewer: http.StatusOK} {
		x := &workshop{Memory: &accounttest.Memory{}}
		w := newWorldWith(t, Options{Now: now, Setup: x})
		x.Memory = w.control
		w.person(t, "ada@example.com", role, "")
		b := w.browser(t)
		b.login("ada@example.com")
		rec := b.do("GET", "/", nil)
		if to := rec.Header().Get("Location"); rec.Code != want || want == http.StatusSeeOther && to != "/sites" {
			t.Errorf("%s: %d, to %q", role, rec.Code, to)
		}
		if want == http.StatusOK {
			b.want(rec, want, "An owner or admin of all sites adds one")
		}
	}
}

// TestSites: a site is added, gets its snippet, and is changed; what is wrong is told
// at its field, with what was typed.
func TestSites(t *testing.T) {
	x, b := setUp(t, account.Admin, "")
	b.want(b.do("GET", "/sites", nil), 200, "atelier.example", "shop.example", "Add a site")
	b.want(b.send("/sites", "domain", "https://new example/x", "timezone", "Mars/Base", "currency", "EUR"), 422, "is not a host name", `value="https://new example/x"`, `value="Mars/Base"`)
	rec := b.send("/sites", "domain", "new.example", "timezone", "Europe/Paris", "currency", "EUR")
	if to := rec.Header().Get("Location"); rec.Code != 303 || !strings.HasPrefix(to, "/sites/new-example?done=") {
		t.Fatalf("a new site: %d, to %s", rec.Code, to)
	}
	page := b.do("GET", "/sites/new-example?done=site", nil).Body.String()
	key := ""
	sites, _ := x.Sites(t.Context())
	for _, s := range sites {
		if s.ID == "new-example" {
			key = s.WriteKey
		}
	}
	lacks(t, page, "The site is added.", "&lt;script defer data-site=&#34;"+key+"&#34; src=&#34;http://example.com/js/footfall.js&#34;&gt;", "data-live=\"/v1/live?bots=true&amp;metric=Events&amp;site=new-example", "a &lt;track&gt; needs a name")
	libraries := b.do("GET", "/sites/new-example/libraries", nil).Body.String()
	lacks(t, libraries, "analytics-js/bundled", key, "http://example.com", "cdnURL", "errorHandler", "/pixel/v1/track", "/collect?key=", "footfall import --site new.example")
	b.want(b.send("/sites/new-example/settings", "timezone", "UTC", "currency", "GBP", "origins", "www.new.example\nhttps://other.example:8443", "internal", "shop.other.example"), 303)
	b.want(b.send("/sites/new-example/settings", "timezone", "UTC", "currency", "pounds"), 422, "is not three letters", `value="pounds"`)
	if got := x.did[0]; got != "new-example UTC GBP [www.new.example https://other.example:8443] [shop.other.example] false 0 0" {
		t.Errorf("set %s", got)
	}
}

// TestSitesAreTheirOwners: an admin of one site sees no other one, adds none and erases nobody.
func TestSitesAreTheirOwners(t *testing.T) {
	x, b := setUp(t, account.Admin, "shop-example")
	page := b.do("GET", "/sites", nil).Body.String()
	if strings.Contains(page, "atelier.example") || strings.Contains(page, "Add a site") || !strings.Contains(page, "shop.example") {
		t.Error("the list is not that of an admin of one site")
	}
	b.want(b.do("GET", "/sites/shop-example", nil), 200)
	for _, path := range []string{"", "/libraries", "/settings", "/privacy", "/export?format=csv"} {
		b.want(b.do("GET", "/sites/atelier-example"+path, nil), 404, "not yours to change")
	}
	b.want(b.send("/sites/atelier-example/settings", "timezone", "UTC", "currency", "EUR"), 404)
	b.want(b.send("/sites/atelier-example/privacy", "keep", "30"), 404)
	b.want(b.send("/sites", "domain", "new.example"), 403)
	b.want(b.do("GET", "/sites/shop-example/erase", nil), 403)
	b.want(b.send("/sites/shop-example/erase", "kind", "user", "id", "u"), 403)
	b.want(b.send("/sites/shop-example/erase/confirm", "confirm", "erase"), 403)
	if len(x.did) > 0 {
		t.Errorf("did %q", x.did)
	}
	x, b = setUp(t, account.Owner, "shop-example")
	b.want(b.do("GET", "/sites/shop-example/erase", nil), 200)
	b.want(b.send("/sites/atelier-example/erase", "kind", "user", "id", "u"), 404)
	if len(x.did) > 0 {
		t.Errorf("an owner of another site did %q", x.did)
	}
}

// TestKeepLess: less is kept only when the domain is typed.
func TestKeepLess(t *testing.T) {
	x, b := setUp(t, account.Admin, "")
	path := "/sites/shop-example/privacy"
	b.want(b.send(path, "keep", "30", "history", ""), 422, "Type shop.example", "does not come back", `value="30"`)
	b.want(b.send(path, "keep", "30", "domain", "atelier.example"), 422, "Type shop.example")
	if len(x.did) > 0 {
		t.Fatalf("without the domain: %q", x.did)
	}
	b.want(b.send(path, "keep", "30", "history", "12", "domain", "Shop.example "), 303)
	b.want(b.send(path, "keep", "60", "history", "12"), 303) // more than before
	b.want(b.send(path, "keep", "60", "history", "6"), 422, "Type shop.example")
	b.want(b.send(path, "keep", "", "history", "12"), 303)
	b.want(b.send(path, "keep", "-3"), 422, "whole number, or left empty")
	b.want(b.send(path, "keep", "0"), 422, "that would be for ever") // whoever types it means the contrary
	b.want(b.send(path, "keep", "1", "domain", "shop.example"), 422, "neither 0")
	for i, want := range []string{"30 12", "60 12", "0 12"} {
		if !strings.HasSuffix(x.did[i], want) {
			t.Errorf("%d: %s, want %s", i, x.did[i], want)
		}
	}
	rec := b.do("GET", "/sites/shop-example/export?from=2024-01-01&to=2024-02-01&format=csv", nil)
	if b.want(rec, 200); rec.Body.String() != "id\n" || !strings.Contains(rec.Header().Get("Content-Disposition"), `"shop-example.csv"`) {
		t.Errorf("exported %q as %s", rec.Body, rec.Header())
	}
	b.do("GET", "/sites/shop-example/export?from=2024-01-01&last=2024-01-31&format=csv", nil)
	if got := x.asked.Get("to"); got != "2024-02-01" {
		t.Errorf("an export with its last day goes up to %s", got)
	}
	b.want(b.do("GET", "/sites/shop-example/export?from=2030-01-01&last=2030-01-31", nil), 422, "there are no events in these days", `value="2030-01-01"`, `value="2030-01-31"`)
	x.fails = errors.New("no time between")
	b.want(b.do("GET", "/sites/shop-example/export", nil), 422, "Nothing was exported: no time between.")
}

// TestErasePage: a person is looked for first, and erased when the word is typed.
func TestErasePage(t *testing.T) {
	x, b := setUp(t, account.Owner, "")
	path := "/sites/shop-example/erase"
	b.want(b.send(path, "kind", "user", "id", " "), 422, "Id is missing")
	b.want(b.send(path, "kind", "user", "id", "u-17", "only", "true"), 303)
	page := b.do("GET", path, nil).Body.String()
	lacks(t, page, "user u-17", "Nothing was erased yet", "user:&lt;u&gt;", "anon:a", "events likewise, in 3 objects", "Erase for good")
	x.erasure.Places[0].Count = 0
	if page := b.want(b.do("GET", path, nil), 200, "Nothing is known of this person here"); strings.Contains(page, "Erase for good") {
		t.Error("who is not known can be erased")
	}
	x.erasure.Places[0].Count = 12
	b.want(b.send(path+"/confirm", "confirm", "yes"), 422, "must be the word erase")
	if len(x.did) != 1 || x.did[0] != "look shop-example {u-17    true}" {
		t.Fatalf("did %q", x.did)
	}
	b.want(b.send(path+"/confirm", "confirm", "erase", "looked", found(t, b.do("GET", path, nil), `name="looked" value="(\d+)"`)), 303)
	if x.did[1] != "erase shop-example of true" {
		t.Errorf("did %q: not whom the page names", x.did)
	}
	rec := b.do("GET", path, nil)
	if b.want(rec, 200, "Under way since"); rec.Header().Get("Refresh") == "" || strings.Contains(rec.Body.String(), "Who asked for it?") {
		t.Error("while somebody is erased, the page does not load itself again, or offers to look for another")
	}
	x.erasure.Ended, x.erasure.Problem = fixed, "the disk is full"
	b.want(b.do("GET", path, nil), 200, "not erased everywhere yet", "the disk is full")
	x.erasure.Problem = ""
	if page := b.want(b.do("GET", path, nil), 200, "Erasing a person", "Erased. Figures and money are what they were"); strings.Contains(page, "Erase for good") {
		t.Error("who is erased can be erased again")
	}
	x.fails = event.Invalid("looking", "comes first")
	b.want(b.send(path+"/confirm", "confirm", "erase"), 422, "Looking comes first")
	x.fails = account.ErrNotYours
	b.want(b.send(path, "kind", "order", "id", "17"), 403, "for an owner of the site")
}

// TestConnection: each way through a proxy is told by its name, and no address is shown.
func TestConnection(t *testing.T) {
	public, private := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("10.1.2.3")
	for name, c := range map[string]struct {
		sight Sight
		says  []string
	}{
		"through a proxy":  {Sight{Addr: public, Told: true, Ours: true, Header: "X-Forwarded-For"}, []string{"Addresses come through", "IPv4, public"}},
		"a proxy unknown":  {Sight{Addr: private, Header: "X-Forwarded-For", Unused: []string{"X-Forwarded-For"}}, []string{"not among the trusted proxies", "trusted-proxies:", "Header X-Forwarded-For", "IPv4, of a private network"}},
		"another header":   {Sight{Addr: private, Ours: true, Header: "X-Forwarded-For", Unused: []string{"X-Real-Ip"}}, []string{"does not name your address in the header that is believed"}},
		"no header":        {Sight{Addr: private, Header: "X-Forwarded-For"}, []string{"does not hand on their addresses"}},
		"straight":         {Sight{Addr: public, Header: "X-Forwarded-For"}, []string{"straight from the internet"}},
		"a local socket":   {Sight{Header: "X-Forwarded-For"}, []string{"none: a local socket"}},
		"IPv6 of the link": {Sight{Addr: netip.MustParseAddr("fe80::1")}, []string{"IPv6, of the same link"}},
		"of a provider":    {Sight{Addr: netip.MustParseAddr("100.64.3.4")}, []string{"shared by a provider"}},
		"this machine":     {Sight{Addr: netip.MustParseAddr("::1")}, []string{"IPv6, this machine itself"}},
	} {
		t.Run(name, func(t *testing.T) {
			x, b := setUp(t, account.Owner, "")
			x.sight = c.sight
			page := b.want(b.do("GET", "/connection", nil), 200, append(c.says, "You came by http")...)
			if c.sight.Addr.IsValid() && !c.sight.Addr.IsLoopback() && strings.Contains(page, c.sight.Addr.String()) {
				t.Error("the page shows the address")
			}
		})
	}
}

// TestDeletePage: it is looked first what would go, day by day, and deleted when the
// site's domain is typed.
func TestDeletePage(t *testing.T) {
	x, b := setUp(t, account.Admin, "shop-example")
	path := "/sites/shop-example/delete"
	const closed, open = `<details class="go only"><summary>Further conditions`, `<details class="go only" open><summary>Further conditions`
	b.want(b.do("GET", path, nil), 200, "Which events should never have counted?", "Delete events", closed)
	two := func(to, of, value string) *httptest.ResponseRecorder {
		return b.do("POST", path, url.Values{"form": {form(b.session)}, "from": {"2024-05-02"}, "to": {to}, "of": {"host", of}, "op": {"is", "is"}, "is": {"a", value}})
	}
	b.want(two("2024-05-01", "bot", ""), 422, open)
	b.want(two("2024-05-03", " ", "/spam"), 422, open, "Condition has a value, and no property", `value="" aria-invalid="true"`, `value="/spam"`)
	b.want(b.send(path, "from", "soon", "to", "2024-05-02"), 422, "From is a day, such as")
	b.want(b.send(path, "from", "2024-05-02", "to", "2024-05-01", "of", "host", "op", "contains", "is", "stag<ing"), 422, "To is a day, the first one or a later one", `value="stag<ing"`)
	b.want(b.send(path, "from", "2024-05-01", "to", "2024-05-02", "of", "host", "op", "contains", "is", "stag<ing"), 303)
	if want := "look shop-example 2024-05-01T00:00:00+02:00 2024-05-03T00:00:00+02:00 &{All:[] Any:[] Not:<nil> Done:<nil> Dimension:host Op:contains Values:[stag<ing]}"; len(x.did) != 1 || x.did[0] != want {
		t.Fatalf("did %q, want %s", x.did, want)
	}
	page := b.want(b.do("GET", path, nil), 200, "Nothing was deleted yet", "2024-05-01 to 2024-05-02", "host contains stag<ing", ">1,234<", ">321<", "day-0.", "day-99.", "Days that are not listed: 3", "events go", "Type shop.example")
	if strings.Contains(page, "day-100.") {
		t.Error("all days are listed")
	}
	looked := found(t, b.do("GET", path, nil), `name="looked" value="(\d+)"`)
	b.want(b.send(path+"/confirm", "domain", "atelier.example", "looked", looked), 422, "Domain must be typed", "nothing was deleted")
	if len(x.did) != 1 {
		t.Fatalf("did %q", x.did)
	}
	b.want(b.send(path+"/confirm", "domain", " Shop.example", "looked", looked), 303)
	if x.did[1] != "delete shop-example of true" {
		t.Errorf("did %q: not what the page shows", x.did)
	}
	rec := b.do("GET", path, nil)
	if page := b.want(rec, 200, "Under way since", "step 2 of 4"); rec.Header().Get("Refresh") == "" || strings.Contains(page, "never have counted") || strings.Contains(page, "Delete for good") {
		t.Error("while events are deleted, the page does not load itself again, or offers to delete others")
	}
	x.deletes.Ended, x.deletes.Problem = fixed, "the disk is full"
	b.want(b.do("GET", path, nil), 200, "the disk is full")
	x.deletes.Problem = ""
	if page := b.want(b.do("GET", path, nil), 200, "Deleted. Figures are counted anew"); strings.Contains(page, "Delete for good") {
		t.Error("what is deleted can be deleted again")
	}
	x.deletes = Deletion{Errand: Errand{Began: fixed, Ended: fixed}}
	if page := b.want(b.do("GET", path, nil), 200, "there is nothing to delete"); strings.Contains(page, "Delete for good") {
		t.Error("nothing can be deleted")
	}
	x.fails = &metric.QueryError{Why: "filters: name what the event itself has"}
	b.want(b.send(path, "from", "2024-05-01", "to", "2024-05-02", "of", "entry_page", "op", "is", "is", "/"), 422, "name what the event itself has", `value="entry_page"`)
	b.want(b.do("GET", "/sites/atelier-example/delete", nil), 404)
	_, viewer := setUp(t, account.Viewer, "shop-example")
	viewer.want(viewer.do("GET", path, nil), 403)
	viewer.want(viewer.send(path+"/confirm", "domain", "shop.example"), 403)
}
