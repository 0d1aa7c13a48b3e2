package clienttest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// shown is a page that is looked at, in every size and scheme.
type shown struct {
	Name   string `json:"name"`   // of its picture
	Route  string `json:"-"`      // line of account.Routes
	As     string `json:"as"`     // who opens it: nobody, operator, affiliate
	At     string `json:"at"`     // its path, or that of a page which leads there
	Then   string `json:"then"`   // by this link; "" is the page itself
	Open   string `json:"open"`   // what is clicked at first; "" is nothing
	Status int    `json:"status"` // what is answered; 0 is 200
}

// everyPage are the pages of every route, and some states of them; {word}s are of the
// world that TestAccess makes.
var everyPage = []shown{
	{"login", "GET /login", "nobody", "/login", "", ".help summary", 0},
	{"login-first", "GET /login", "nobody", "/sites", "", "", 401},
	{"login-link", "GET /login", "nobody", "/login?link=x", "", "", 0},
	{"login-setup", "GET /setup", "nobody", "/setup?link=x", "", "", 403},
	{"password", "GET /password", "nobody", "{invitation}", "", "", 0},
	{"share", "GET /share/{token}", "nobody", "{share}", "", "", 0},
	{"privacy-of-visitors", "GET /privacy/{site}", "nobody", "/privacy/{site}", "", "", 0},
	{"unsubscribe", "GET /unsubscribe/{token}", "nobody", "/unsubscribe/x", "", "", 404},
	{"public", "GET /public/{domain}", "nobody", "/public/shop.example", "", "", 0},
	{"embed", "GET /embed/{domain}", "nobody", "/embed/shop.example", "", "", 0},
	{"join", "GET /join/{program}", "nobody", "/join/{program}", "", "", 0},

	{"board", "GET /{$}", "operator", "/?site={site}", "", "", 0},
	{"board-program", "GET /{$}", "operator", "/?site={courses}&period=Last91Days", "", "", 0},
	{"board-period", "GET /{$}", "operator", "/?site={site}", "", "#period summary", 0},
	{"board-filter", "GET /{$}", "operator", "/?site={site}&country=DE&page.contains=a", "", ".add summary", 0},
	{"board-known", "GET /{$}", "operator", "/?site={site}&metric=PageViews", "", "#known-PageViews summary, #table summary", 0},
	{"board-keys", "GET /{$}", "operator", "/?site={site}", "", ".ways .others summary", 0},
	{"board-realtime", "GET /{$}", "operator", "/?site={site}&period=Last30Minutes", "", "", 0},
	{"board-nothing", "GET /{$}", "operator", "/?site={site}&page=/nowhere&affiliate=x", "", "", 0},
	{"board-empty", "GET /{$}", "operator", "/?site={empty}", "", "", 0},
	{"asking", "GET /{$}", "operator", "/?site={site}&add=country", "", "", 0},
	{"details", "GET /{$}", "operator", "/?site={site}&detail=page", "", "", 0},
	{"details-countries", "GET /{$}", "operator", "/?site={site}&detail=country&search=an", "", "", 0},
	{"details-nothing", "GET /{$}", "operator", "/?site={site}&detail=product", "", "", 0},
	{"audit", "GET /audit", "operator", "/audit", "", "", 0},
	{"filters", "GET /filters", "operator", "/filters?site={site}&country=DE", "", "", 0},
	{"goals", "GET /goals", "operator", "/goals?site={site}", "", "", 0},
	{"goals-none", "GET /goals", "operator", "/goals?site={empty}", "", "", 0},
	{"goal", "GET /goals/{name}", "operator", "/goals/{goal}?site={site}", "", "", 0},
	{"goal-gone", "GET /goals/{name}", "operator", "/goals/none?site={site}", "", "", 404},
	{"funnels", "GET /funnels", "operator", "/funnels?site={site}&funnel=Way", "", "", 0},
	{"funnels-none", "GET /funnels", "operator", "/funnels?site={empty}", "", "", 0},
	{"retention", "GET /retention", "operator", "/retention?site={courses}&period=Last91Days", "", "", 0},
	{"retention-none", "GET /retention", "operator", "/retention?site={empty}", "", "", 0},
	{"journeys", "GET /journeys", "operator", "/journeys?site={site}", "", "", 0},
	{"journeys-of-page", "GET /journeys", "operator", "/journeys?site={courses}&at=/&period=Last91Days", "", "", 0},
	{"notes", "GET /notes", "operator", "/notes?site={site}", "", "", 0},
	{"reports", "GET /reports", "operator", "/reports?site={site}", "", "", 0},
	{"account", "GET /account", "operator", "/account", "", "", 0},
	{"account-person", "GET /account", "affiliate", "/account", "", "", 0},
	{"people", "GET /people", "operator", "/people", "", "", 0},
	{"person", "GET /people/{person}", "operator", "/people", `a[href^="/people/"]`, "", 0},
	{"keys", "GET /keys", "operator", "/keys", "", "details summary", 0},
	{"shares", "GET /shares", "operator", "/shares", "", "details summary", 0},
	{"changes", "GET /changes", "operator", "/changes", "", "", 0},
	{"sites", "GET /sites", "operator", "/sites", "", "", 0},
	{"site", "GET /sites/{site}", "operator", "/sites/{site}", "", "", 0},
	{"site-listening", "GET /sites/{site}", "operator", "/sites/{empty}", "", "", 0},
	{"libraries", "GET /sites/{site}/libraries", "operator", "/sites/{site}/libraries", "", "main details summary", 0},
	{"settings", "GET /sites/{site}/settings", "operator", "/sites/{site}/settings", "", "", 0},
	{"site-share", "GET /sites/{site}/share", "operator", "/sites/{site}/share", "", "", 0},
	{"privacy", "GET /sites/{site}/privacy", "operator", "/sites/{site}/privacy", "", "", 0},
	{"erase", "GET /sites/{site}/erase", "operator", "/sites/{site}/erase", "", "", 0},
	{"delete", "GET /sites/{site}/delete", "operator", "/sites/{site}/delete", "", "", 0},
	{"connection", "GET /connection", "operator", "/connection", "", "", 0},
	{"operations", "GET /operations", "operator", "/operations", "", "", 0},
	{"aside", "GET /operations/aside", "operator", "/operations/aside", "", "", 0},
	{"aside-one", "GET /operations/aside/{item}", "operator", "/operations/aside", `a[href^="/operations/aside/"]`, "", 0},
	{"not-yours", "GET /people", "affiliate", "/people", "", "", 403},

	{"programs", "GET /program", "operator", "/program", "", "", 0},
	{"program-new", "GET /program/new", "operator", "/program/new", "", "", 0},
	{"program", "GET /program/{program}", "operator", "/program/{program}", "", "", 0},
	{"affiliates", "GET /program/{program}/affiliates", "operator", "/program/{program}/affiliates", "", "details summary", 0},
	{"affiliate", "GET /program/{program}/affiliates/{affiliate}", "operator", "/program/{program}/affiliates", `a[href*="/affiliates/"]`, "", 0},
	{"applications", "GET /program/{program}/applications", "operator", "/program/{program}/applications", "", "", 0},
	{"orders", "GET /program/{program}/orders", "operator", "/program/{program}/orders", "", "", 0},
	{"order", "GET /program/{program}/orders/{order}", "operator", "/program/{program}/orders", `main a[href*="/orders/"]`, "", 0},
	{"flags", "GET /program/{program}/flags", "operator", "/program/{program}/flags", "", "", 0},
	{"ledger", "GET /program/{program}/ledger", "operator", "/program/{program}/ledger", "", "", 0},
	{"payouts", "GET /program/{program}/payouts", "operator", "/program/{program}/payouts", "", "", 0},
	{"webhooks", "GET /program/{program}/webhooks", "operator", "/program/{program}/webhooks", "", "", 0},
	{"webhook", "GET /program/{program}/webhooks/{hook}", "operator", "/program/{program}/webhooks", `main a[href*="/webhooks/"]`, "", 0},
	{"program-settings", "GET /program/{program}/settings", "operator", "/program/{program}/settings", "", ".shop summary", 0},
	{"program-gone", "GET /program/{program}/orders/{order}", "operator", "/program/{program}/orders/none", "", "", 404},

	{"portal", "GET /portal", "affiliate", "/portal", "", "", 0},
	{"portal-links", "GET /portal/links", "affiliate", "/portal/links", "", "", 0},
	{"portal-orders", "GET /portal/orders", "affiliate", "/portal/orders", "", "", 0},
	{"portal-order", "GET /portal/orders/{order}", "affiliate", "/portal/orders", `main a[href*="/orders/"]`, "", 0},
	{"portal-payouts", "GET /portal/payouts", "affiliate", "/portal/payouts", "", "", 0},
	{"portal-profile", "GET /portal/profile", "affiliate", "/portal/profile", "", "", 0},
	{"portal-not-yours", "GET /program/{program}/orders", "affiliate", "/program/{program}/orders", "", "", 403},
}

// noPage are the routes that answer programs, and files.
var noPage = []string{"/collect", "/pixel/v1/{kind}", "/v1/pixel/{kind}", "/sourceConfig", "/v1/projects/{key}/settings", "/js/footfall.js", "/js/affiliate.js", "/debug/me",
	"/n/{name}", "/r/{code}", "/r/{code}/qr.svg", "/r/{code}/qr.png", "/js/figures.js", "/js/frame.js", "/public/{domain}/card.png", "/graphql", "/v1/query", "/v1/daily", "/v1/export", "/v1/goals", "/v1/notes", "/v1/funnels", "/v1/filters", "/openapi.json", "/v1/live",
	"/v1/visitors/{id}/history", "/v1/visitors/{id}/segments", "/v1/segments", "/v1/segments/{name}/members", "/healthz", "/readyz", "/metrics",
	"/assets/{version}/{name}", "/portal/assets/{version}/{name}", "/sites/{site}/export", "/program/{program}/ledger.csv", "/program/{program}/payouts.csv",
	"/program/{program}/payouts/{payout}/statement.csv", "/portal/payouts/{payout}/statement.csv"}

// TestNoPageForgotten: every address that can be opened is looked at, or is no page.
func TestNoPageForgotten(t *testing.T) {
	known := map[string]bool{}
	for _, p := range everyPage {
		if account.ActionOf(p.Route) == "" {
			t.Errorf("%s is of %s, which there is not", p.Name, p.Route)
		}
		known[p.Route] = true
	}
	for _, path := range noPage {
		if account.ActionOf("GET "+path) == "" || known["GET "+path] {
			t.Errorf("%s is no address, or a page", path)
		}
		known["GET "+path] = true
	}
	for _, r := range account.Routes {
		if route := r.Method + " " + r.Pattern; r.Method == "GET" && !known[route] {
			t.Errorf("nobody looks at %s: it belongs into everyPage or, if it is no page, into noPage", route)
		}
	}
}

// TestAccess is about who can use the pages, and how much they weigh.
func TestAccess(t *testing.T) {
	needChromium(t)
	t.Parallel()
	w := furnish(t)
	t.Run("every page", w.everyPage)
	t.Run("weight", w.weight)
	t.Run("keys", w.keys) // the last: it changes what there is
}

// everyPage: light on a desktop and dark on a phone, axe finds nothing on any page,
// nothing is wider than it, what has the focus shows it, and no other host is asked. The
// pictures of all are kept in build/screenshots. PAGES=board,aside looks at these alone,
// SCHEMES=all at both schemes in both sizes.
func (w furnished) everyPage(t *testing.T) {
	pages := slices.Clone(everyPage)
	for i := range pages {
		pages[i].At = w.words.Replace(pages[i].At)
	}
	checkPages(t, w.host(), w.people, pages)
}

// weight: the board's first load is 10 requests and 150 kB at most, and all script of
// the pages 60 kB, compressed.
func (w furnished) weight(t *testing.T) {
	var ran struct {
		Requests          []struct{ Path, Kind string }
		Bytes, OnTheWire  int
		Script            int
		Paint             float64 // ms
		Console, External []string
	}
	launch(t, "weight.mjs", w.host(), link.FindString(string(w.command(t, "login", "--data", w.dir))), w.words.Replace("{site}"), w.words.Replace("/program/{program}")).finish(t, &ran)
	if len(ran.Requests) < 5 || len(ran.Requests) > 10 || ran.Bytes < 10_000 || ran.Bytes > 150_000 || ran.OnTheWire > 150_000 {
		t.Errorf("the board is %d requests and %d bytes compressed, %d on the wire: %+v", len(ran.Requests), ran.Bytes, ran.OnTheWire, ran.Requests)
	}
	if ran.Script < 3000 || ran.Script > 60_000 {
		t.Errorf("%d bytes of script, compressed", ran.Script)
	}
	if len(ran.Console)+len(ran.External) > 0 {
		t.Errorf("console %q, other hosts %q", ran.Console, ran.External)
	}
	t.Logf("the board: %d requests, %d bytes compressed, %d on the wire; all script %d bytes; largest contentful paint after %.0f ms", len(ran.Requests), ran.Bytes, ran.OnTheWire, ran.Script, ran.Paint)
}

// checkPages opens the pages, which are shown, and keeps their pictures.
func checkPages[P any](t *testing.T, host string, people map[string]string, pages []P) {
	t.Helper()
	task, err := json.Marshal(map[string]any{"people": people, "pages": pages})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs("../build/screenshots")
	if err != nil {
		t.Fatal(err)
	}
	var ran struct {
		Amiss   map[string][]string // what, and on which pages
		Seconds map[string]float64
		Sizes   int
		Looked  int
	}
	launchWith(t, bytes.NewReader(task), "access.mjs", host, folder).finish(t, &ran)
	for what, where := range ran.Amiss {
		t.Errorf("%s: on %d pages: %s", what, len(where), strings.Join(where[:min(3, len(where))], "; "))
	}
	if (ran.Sizes < 2 || ran.Looked != ran.Sizes*len(pages)) && os.Getenv("PAGES") == "" {
		t.Errorf("%d pictures of %d pages", ran.Looked, len(pages))
	}
	t.Logf("%d pages, %d pictures of each; seconds: %v", len(pages), ran.Sizes, ran.Seconds)
}

// furnished is a server with some of everything: the demo's sites and programme, a site
// without events, and what people make.
type furnished struct {
	*server
	people map[string]string // links to log in with
	words  *strings.Replacer // of addresses
}

func furnish(t *testing.T) furnished {
	t.Helper()
	build(t)
	w := furnished{server: &server{does: "demo", dir: t.TempDir(), log: &journal{}}}
	w.begin(t)
	for end := time.Now().Add(time.Minute); !strings.Contains(w.log.String(), "Each link logs in once"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the demo is not ready; its log:\n%s", w.log)
		}
	}
	in := func(args ...string) string { return string(w.command(t, append(args, "--data", w.dir)...)) }
	in("site", "add", "empty.example")
	in("site", "set", "shop.example", "--public", "on")
	in("goal", "add", "A look at skirts", "--page", "/shop/skirts/*", "--site", "shop.example", "--value", "2.50")
	in("goal", "add", "A look at trousers", "--page", "/shop/trousers/*", "--site", "shop.example")
	in("note", "add", "A new shop window", "--site", "shop.example")
	in("user", "add", "grace@example.com", "--name", "Grace", "--role", "viewer", "--site", "shop.example")
	in("key", "add", "--scope", "read", "--site", "shop.example")
	in("hook", "add", "https://books.example/hook", "--site", "courses.example", "--note", "the books")
	in("affiliate", "add", "new@example.com", "--name", "Newcomer", "--site", "courses.example", "--status", "applied")
	steps := filepath.Join(t.TempDir(), "way.json")
	if err := os.WriteFile(steps, []byte(`{"steps":[{"page":"/"},{"page":"/shop/*"},{"goal":"A look at skirts"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	in("funnel", "save", "Way", steps, "--site", "shop.example")
	var sites []account.Site
	if err := json.Unmarshal([]byte(in("site", "list", "--json")), &sites); err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for _, s := range sites {
		of[s.Domain] = s.ID
		if s.Domain == "shop.example" {
			w.key = s.WriteKey
			w.setAside(t, s.WriteKey)
		}
	}
	var programs []struct{ Program string }
	if err := json.Unmarshal([]byte(in("program", "list", "--json")), &programs); err != nil || len(programs) == 0 {
		t.Fatalf("no programme: %v", err)
	}
	path := func(printed string) string {
		u, err := url.Parse(link.FindString(printed))
		if err != nil || u.Path == "" {
			t.Fatalf("no link: %v in %s", err, printed)
		}
		return u.RequestURI()
	}
	w.people = map[string]string{"operator": link.FindString(in("login")), "affiliate": link.FindString(in("login", "anna@example.com"))}
	w.words = strings.NewReplacer("{site}", of["shop.example"], "{courses}", of["courses.example"], "{empty}", of["empty.example"], "{goal}", "A%20look%20at%20skirts",
		"{program}", programs[0].Program, "{invitation}", path(in("user", "add", "ada@example.com", "--role", "owner")), "{share}", path(in("share", "add", "--site", "shop.example", "--name", "the bank")))
	return w
}

// setAside sends what can't be read.
func (s *server) setAside(t *testing.T, key string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.host()+"/v1/batch", strings.NewReader(`{"batch":[{"type":"page","messageId":"m1","anonymousId":"a1","timestamp":"the day before"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(key, "")
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}
