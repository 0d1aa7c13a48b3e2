package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"footfall/ledger"
)

// routes are those of a table with ids put in.
func routes(table map[string]serve, ids map[string]string) (all [][2]string) {
	for route := range table {
		method, path, _ := strings.Cut(route, " ")
		for name, id := range ids {
			path = strings.ReplaceAll(path, "{"+name+"}", id)
		}
		all = append(all, [2]string{method, path})
	}
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
	return all
}

// trading is a world in which anna has a flagged order, one that is paid, and a payout.
func trading(t *testing.T) (w *world, ids map[string]string) {
	w = newWorld(t)
	w.sell("anna", "paid-1", 10000)
	w.now = w.now.AddDate(0, 0, 40)
	payouts := w.payOut()
	o := w.sell("anna", "open-1", 8000)
	w.flag(o)
	w.sell("ben", "open-2", 6000)
	return w, map[string]string{"program": w.program.ID, "hook": w.hook("https://books.example/", "").ID, "order": o.ID, "payout": payouts[0].ID, "affiliate": w.anna.ID, "flag": "flag-" + o.ID, "code": "ANNA"}
}

// TestNobodyReachesAnother: an affiliate gets nothing of another, and who runs a
// programme nothing of another one, by whatever address.
func TestNobodyReachesAnother(t *testing.T) {
	w, ids := trading(t)
	d := &door{}
	text := w.state()
	for _, r := range routes(d.own(), ids) {
		if want := 404; strings.Contains(r[1], ids["order"]) || strings.Contains(r[1], ids["payout"]) {
			if rec := w.as(w.ben).send(r); rec.Code != want {
				t.Errorf("%s as ben: %d, want %d", r, rec.Code, want)
			}
			if rec := w.as(w.anna).send(r); rec.Code != 200 {
				t.Errorf("%s as anna: %d", r, rec.Code)
			}
		}
	}
	if rec := w.as(w.ben).send([2]string{"GET", "/portal/orders?before=" + ids["order"]}); rec.Code != 404 {
		t.Errorf("orders behind another's: %d", rec.Code)
	}
	for _, r := range routes(d.managed(), ids) {
		if rec := w.as(w.ben).send(r); rec.Code != 403 {
			t.Errorf("%s as ben: %d, want 403", r, rec.Code)
		}
		if rec := w.seller(w.other).send(r); rec.Code != 404 {
			t.Errorf("%s as who runs another programme: %d, want 404", r, rec.Code)
		}
	}
	ids["program"] = w.other.ID // one's own programme, and ids of the other
	for _, r := range routes(d.managed(), ids) {
		foreign := slices.ContainsFunc([]string{"order", "payout", "affiliate", "flag", "hook"}, func(name string) bool { return strings.Contains(r[1], ids[name]) })
		if rec := w.seller(w.other).send(r); foreign && rec.Code != 404 {
			t.Errorf("%s as who runs another programme: %d, want 404", r, rec.Code)
		}
	}
	for _, path := range []string{"/orders?affiliate=" + w.anna.ID, "/ledger?affiliate=" + w.anna.ID, "/ledger.csv?affiliate=" + w.anna.ID, "/affiliates?search=anna", "/orders?number=open-1"} {
		page := w.seller(w.other).get("/program/" + w.other.ID + path)
		if strings.Contains(page, ids["order"]) || strings.Contains(page, "Name of") {
			t.Errorf("%s tells of another programme", path)
		}
	}
	page := w.as(w.ben).get("/portal") + w.get("/portal/orders") + w.get("/portal/links") + w.get("/portal/payouts") + w.get("/portal/profile")
	for _, secret := range []string{"anna", "Anna", "ANNA", ids["order"], ids["payout"], "open-1"} {
		if strings.Contains(page, secret) {
			t.Errorf("ben's pages tell %q", secret)
		}
	}
	if w.state() != text {
		t.Error("something has changed")
	}
}

// send asks a route; a POST has a token and what most forms want.
func (w *world) send(r [2]string) *httptest.ResponseRecorder {
	if r[0] == "POST" {
		return w.post(r[1], "state", "cleared", "status", "paused", "why", "because", "name", "new", "affiliate", "")
	}
	return w.ask(httptest.NewRequest(r[0], r[1], nil))
}

// state is what could have changed.
func (w *world) state() string {
	w.t.Helper()
	var all []any
	if err := w.book.View(w.t.Context(), func(tx ledger.Tx) error {
		for _, read := range []func() (any, error){
			func() (any, error) { return tx.Set().Programs().Find("", "") },
			func() (any, error) { return tx.Set().Affiliates().Find("", "") },
			func() (any, error) { return tx.Set().Codes().Find("", "") },
			func() (any, error) { return tx.Set().Rules().Find("", "") },
			func() (any, error) { return tx.Orders().List(ledger.OrderFilter{}) },
			func() (any, error) { return tx.Money().Entries(ledger.EntryFilter{}) },
			func() (any, error) { return tx.Money().Tables().Payouts().Find("", "") },
			func() (any, error) { return tx.Money().Tables().Flags().Find("", "") },
			func() (any, error) { return tx.Money().Tables().Hooks().Find("", "") },
			func() (any, error) { return tx.Money().Tables().Outbox().List(ledger.NoticeFilter{}) },
		} {
			rows, err := read()
			if err != nil {
				return err
			}
			all = append(all, rows)
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%+v", all)
}

// TestWhoGetsIn: without a session nobody does, without a programme it is refused,
// and a form without its token does nothing.
func TestWhoGetsIn(t *testing.T) {
	w, ids := trading(t)
	d := &door{}
	before := w.state()
	all := append(routes(d.own(), ids), routes(d.managed(), ids)...)
	all = append(all, [2]string{"GET", "/program"})
	for _, r := range all {
		w.who = nil
		if rec := w.send(r); rec.Code != 401 || !strings.Contains(rec.Body.String(), `href="/login"`) {
			t.Errorf("%s without a session: %d", r, rec.Code)
		}
		w.who = &Person{ID: "per_x", Name: "X"}
		if rec := w.send(r); rec.Code != 403 {
			t.Errorf("%s without a programme: %d, want 403", r, rec.Code)
		}
		if r[0] != "POST" {
			continue
		}
		w.seller(w.program).who.Affiliate = w.anna.ID
		for _, form := range []string{"state=cleared&status=paused&why=x&name=x", "form=wrong&state=cleared&status=paused&why=x&name=x"} {
			req := httptest.NewRequest("POST", r[1], strings.NewReader(form))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if rec := w.ask(req); rec.Code != 403 {
				t.Errorf("%s with the form %q: %d, want 403", r, form, rec.Code)
			}
		}
	}
	if w.state() != before {
		t.Error("something has changed")
	}
	w.seller(w.program).who.Pays = nil
	for _, path := range []string{w.path("/payouts"), w.path("/payouts/" + ids["payout"])} {
		if rec := w.post(path, "state", "sent", "seen", "a b c"); rec.Code != 403 || w.state() != before {
			t.Errorf("POST %s by who may not pay: %d", path, rec.Code)
		}
	}
	bare := New(w.desk, Options{})
	for path, want := range map[string]int{"/portal": 401, "/program": 401, "/join/" + w.program.ID: 200, "/join/x": 404, "/portal/nothing": 404} {
		rec := httptest.NewRecorder()
		bare.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != want {
			t.Errorf("%s of a portal without options: %d, want %d", path, rec.Code, want)
		}
	}
}

func TestHandles(t *testing.T) {
	for path, want := range map[string]bool{"/portal": true, "/portal/orders/x": true, "/program": true, "/program/p/orders": true, "/join/p": true,
		"/": false, "/portals": false, "/v1/portal": false, "/r/portal": false} {
		if Handles(path) != want {
			t.Errorf("Handles(%q) is %v", path, !want)
		}
	}
}

// poison writes the evil text wherever a text can be written.
func (w *world) poison() {
	w.t.Helper()
	w.program.Name = evil
	must(w.desk.PutProgram(w.t.Context(), w.program))
	must(w.desk.Alter(w.t.Context(), w.anna.ID, func(a *ledger.Affiliate) { a.Name, a.Payout, a.Note = evil, evil, evil }))
	must(w.desk.AddCode(w.t.Context(), ledger.Code{Text: "own" + evil, Affiliate: w.anna.ID, Kind: ledger.LinkCode, Landing: "https://one.example/?" + evil}))
	must(w.desk.Join(w.t.Context(), ledger.Affiliate{Program: w.program.ID, Name: evil, Email: "x@example.com", Note: evil, Status: ledger.Applied}))
	must(w.desk.AddRule(w.t.Context(), ledger.Rule{Program: w.program.ID, Product: evil, Kind: ledger.Percent, Rate: 1, From: w.now}))
	h := w.hook("https://books.example/"+evil, evil)
	w.sell("anna", evil, 10000)
	w.settle(h, func(n *ledger.Notice) {
		n.Why, n.Answers = evil, []ledger.Answer{{At: w.now, Why: evil}, {At: w.now, Why: evil}}
	})
	if err := w.book.Change(w.t.Context(), func(tx ledger.Tx) error {
		orders, err := tx.Orders().List(ledger.OrderFilter{})
		if err != nil {
			return err
		}
		o := orders[0]
		o.Lines[0].Product, o.Lines[0].Name, o.Store = evil, evil, evil
		touch := ledger.Touch{ID: "evil", Program: w.program.ID, Affiliate: w.anna.ID, Code: evil, Sub: evil, Landing: evil, Counted: true, Time: w.now, Keys: []ledger.Key{"click:evil"}}
		if _, err := tx.Traffic().AddTouch(touch); err != nil {
			return err
		}
		d := ledger.Decision{ID: "d", Order: o.ID, Affiliate: w.anna.ID, Rule: evil, Touch: "evil", Time: w.now, Explain: []ledger.Candidate{
			{Kind: "touch", ID: "evil", Affiliate: w.anna.ID, Reason: evil, Time: w.now}, {Kind: evil, ID: evil, Affiliate: evil, Reason: evil}}}
		if err := tx.Orders().Facts().Decide(d); err != nil {
			return err
		}
		e := ledger.Entry{ID: "evil", Program: w.program.ID, Affiliate: w.anna.ID, Order: o.ID, Line: "9", Product: evil, Kind: ledger.Earn, Amount: 1, Currency: "EUR", Occurred: w.now, Posted: w.now, Available: w.now, Cause: evil}
		p := ledger.Payout{ID: "evil", Program: w.program.ID, Affiliate: w.anna.ID, Currency: "EUR", State: ledger.Failed, External: evil, Why: evil, Created: w.now}
		f := ledger.Flag{ID: "evil", Program: w.program.ID, Affiliate: w.anna.ID, Type: evil, Evidence: evil, By: evil, State: ledger.Open, Created: w.now}
		tables := tx.Money().Tables()
		miss := ledger.Miss{ID: evil, Code: evil, Affiliate: w.anna.ID, Count: 3, Last: w.now}
		return errors.Join(tx.Orders().Put(o), tx.Money().Post(e), tables.Payouts().Add(p), tables.Flags().Add(f), tx.Set().Misses().Add(miss))
	}); err != nil {
		w.t.Fatal(err)
	}
}

// TestNothingBecomesMarkup: every text that somebody wrote is shown as text, and
// pages obey their own policy.
func TestNothingBecomesMarkup(t *testing.T) {
	w := newWorld(t)
	w.poison()
	orders := must(w.desk.Orders(t.Context(), ledger.OrderFilter{}))
	w.seller(w.program).who.Affiliate = w.anna.ID
	w.who.Name = evil
	ids := map[string]string{"program": w.program.ID, "order": orders[0].ID, "affiliate": w.anna.ID, "hook": must(w.desk.Hooks(t.Context(), w.program.ID))[0].ID}
	d, shown := &door{}, 0
	query := "?search=%22%3E%3Cscript%3E&number=%22%3E%3Cscript%3E&cutoff=%22%3E%3Cscript%3E&from=%22%3E%3Cscript%3E&affiliate=%22%3E%3Cscript%3E&done=%3Cscript%3E"
	for _, r := range append(routes(d.own(), ids), append(routes(d.managed(), ids), [2]string{"GET", "/join/" + w.program.ID})...) {
		if r[0] != "GET" || strings.Contains(r[1], ".csv") || r[1] == w.path("") {
			continue
		}
		for _, path := range []string{r[1], r[1] + query} {
			page := w.get(path)
			obeys(t, path, page)
			shown += strings.Count(page, "alert(1)")
		}
	}
	for _, r := range append(routes(d.own(), ids), routes(d.managed(), ids)...) {
		if r[0] == "POST" && !strings.Contains(r[1], "{") {
			fields := []string{"then", "x"}
			for _, name := range []string{"name", "email", "code", "landing_url", "payout_reference", "why", "affiliate", "status", "kind", "rate", "amount", "cap", "currency", "orders", "valid_from",
				"product", "min_payout", "allowed_hosts", "parameters", "model", "bind", "window_days", "hold_days", "cutoff", "external", "url", "note", "kinds"} {
				fields = append(fields, name, evil)
			}
			obeys(t, "POST "+r[1], w.post(r[1], fields...).Body.String())
		}
	}
	obeys(t, "join", w.post("/join/"+w.program.ID, "name", evil, "email", evil, "note", evil).Body.String())
	if shown < 40 {
		t.Errorf("the texts are shown %d times: are they on the pages at all?", shown)
	}
}

// obeys checks that a page holds no markup of others and nothing that its policy forbids.
func obeys(t *testing.T, path, page string) {
	t.Helper()
	inline := regexp.MustCompile(`<script>|<img src=x|<script[^>]*>[^<]`).FindString(page)
	bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(page, `""`) // values are in quotes, and quotes in them are escaped
	if inline += regexp.MustCompile(`<[^>]*\s(style|on\w+)=`).FindString(bare); inline != "" {
		t.Errorf("%s holds markup of others, or inline script or style: %s", path, inline)
	}
	for _, m := range regexp.MustCompile(`(?:src|action|rel="(?:icon|stylesheet)" href)="(?:https?:)?//[^"]*"`).FindAllString(page, -1) {
		t.Errorf("%s asks another host: %s", path, m)
	}
}

func TestPagesHaveAPolicy(t *testing.T) {
	w := newWorld(t)
	page := w.as(w.anna).get("/portal")
	for _, name := range []string{"portal.css", "portal.js"} {
		address := "/portal/assets/" + version + "/" + name
		has(t, page, address)
		if body := w.get(address); strings.Contains(body, "http://") || strings.Contains(body, "https://") {
			t.Errorf("%s names another host", name)
		}
	}
	has(t, page, `href="/assets/1/dash.css"`)
	rec := w.ask(httptest.NewRequest("GET", "/portal", nil))
	has(t, rec.Header().Get("Content-Security-Policy"), "default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "form-action 'self'")
	for _, name := range []string{"own.html", "../portal.go", "nothing"} {
		if rec := w.ask(httptest.NewRequest("GET", "/portal/assets/1/"+name, nil)); rec.Code == http.StatusOK {
			t.Errorf("%s is served", name)
		}
	}
	has(t, w.get("/portal"), "No clicks yet: copy your link and send it.", "Nothing is earned yet", `data-copy="https://s.example/r/anna"`)
	fresh := must(w.desk.Join(t.Context(), ledger.Affiliate{Program: w.program.ID, Name: "Fresh", Email: "fresh@example.com", Status: ledger.Applied}))
	has(t, w.as(fresh).get("/portal"), "You have no link yet", "Your application is being looked at")
	has(t, w.get("/portal/links"), "You have no link yet")
	has(t, w.get("/portal/orders"), "No orders yet: send your link")
	has(t, w.get("/portal/payouts"), "No payouts yet", "It is not known where your money goes")
	w.seller(w.other)
	for path, want := range map[string]string{"affiliates": "No affiliates yet: invite", "applications": "No applications wait", "orders": "No orders here", "flags": "No flags here", "ledger": "No entries here", "payouts": "Nothing is to be paid"} {
		has(t, w.get("/program/"+w.other.ID+"/"+path), want)
	}
}
