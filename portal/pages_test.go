package portal

import (
	"fmt"
	"html"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/period"
)

// shown is a figure of a page: what stands under a name.
func shown(page, name string) string {
	m := regexp.MustCompile(`<dt>` + regexp.QuoteMeta(name) + `</dt><dd[^>]*>([^<]*)</dd>`).FindStringSubmatch(page)
	if m == nil {
		return "nothing"
	}
	return html.UnescapeString(m[1])
}

// TestRule17TheFiguresAreTheDesks: what the page shows is what the Desk says.
func TestRule17TheFiguresAreTheDesks(t *testing.T) {
	w, ids := trading(t)
	w.sell("anna", "third-1", 333)
	zone, _ := time.LoadLocation("Europe/Berlin")
	window, _, _ := period.Named("Last90Days", w.now, zone)
	h := must(w.desk.Home(t.Context(), w.anna.ID, window, zone))
	page := w.as(w.anna).get("/portal?period=Last90Days")
	p := h.Purses[0]
	for name, want := range map[string]string{
		"Earned, last 90 days": spellMoney(p.Commission, "EUR"), "Revenue of your orders": spellMoney(p.Revenue, "EUR"), "Per click": perClick(p.Commission, h.Clicks, "EUR"),
		"Pending": spellMoney(p.Balance.Pending, "EUR"), "Held": spellMoney(p.Balance.Held, "EUR"), "Available": spellMoney(p.Balance.Available, "EUR"),
		"In payout": spellMoney(p.Balance.InPayout, "EUR"), "Paid": spellMoney(p.Balance.Paid, "EUR"), "Reversed, in all": spellMoney(p.Balance.Reversed, "EUR"),
		"Clicks": whole(h.Clicks), "Visitors": whole(h.Visitors), "Orders": whole(h.Orders), "Conversion rate": percent(h.Orders, h.Clicks),
	} {
		if got := shown(page, name); got != want || want == "" {
			t.Errorf("%s: the page shows %q, the Desk says %q", name, got, want)
		}
	}
	if h.Clicks != 3 || h.Orders != 3 || p.Commission != 5000+4000+167 || p.Balance.InPayout != 5000 || p.Balance.Held != 4000 {
		t.Errorf("the world is not what it should be: %+v", h)
	}
	has(t, page, html.EscapeString(h.Terms), "Link ANNA", "blog", "the order came within seconds of the click: being looked at", "until 19 May 2026",
		`href="/portal/orders/`+ids["order"]+`"`, "As of <time>14:00:00</time> · <span>Europe/Berlin</span>", "30.56\u00a0EUR", "show=clicks")
	for show, want := range map[string]string{"clicks": "Clicks by day; the highest is 2", "orders": "Orders by day", "EUR": "Earned EUR by day", "nonsense": "Earned EUR by day"} {
		has(t, w.get("/portal?period=Last90Days&show="+show), want)
	}
	orders := w.get("/portal/orders")
	has(t, orders, "open-1", "third-1", "paid-1", "1.67\u00a0EUR")
	order := w.get("/portal/orders/" + ids["order"])
	has(t, order, "Order open-1", "40.00\u00a0EUR", "one.example/course", "blog", "the last touch before the order", "ANNA")
	has(t, w.get("/portal/payouts"), "50.00\u00a0EUR", "approved", "/portal/payouts/"+ids["payout"]+"/statement.csv")
	csv := w.get("/portal/payouts/" + ids["payout"] + "/statement.csv")
	has(t, csv, "occurred_at", "50.00,EUR")
}

func TestLinks(t *testing.T) {
	w := newWorld(t)
	w.as(w.anna)
	has(t, w.get("/portal/links"), "https://s.example/r/anna", `src="/r/anna/qr.svg"`, "?sub=newsletter", "anna15", "Pages of one.example")
	has(t, w.done("/portal/links", "code", "anna-yt", "landing_url", "https://one.example/b"), "Your link is made.", "https://s.example/r/anna-yt", "https://one.example/b")
	w.refused("is taken already", "/portal/links", "code", "Anna YT", "landing_url", "https://one.example/b")
	w.refused("may only lead to one.example", "/portal/links", "code", "fresh", "landing_url", "https://evil.example/")
	w.refused("no address", "/portal/links", "code", "fresh", "landing_url", "javascript:alert(1)")
	w.refused(`value="x!"`, "/portal/links", "code", "x!", "landing_url", "https://one.example/")
	must(w.desk.Alter(t.Context(), w.anna.ID, func(a *ledger.Affiliate) { a.Status = ledger.Paused }))
	w.refused("Only active affiliates", "/portal/links", "code", "fresh", "landing_url", "https://one.example/")
	has(t, w.done("/portal/profile", "name", "Anna B", "payout_reference", "account 7"), "Saved.", "account 7", `value="Anna B"`)
	w.refused("Something must be here.", "/portal/profile", "name", " ", "payout_reference", "kept as it was written")
	w.refused("kept as it was written", "/portal/profile", "name", "", "payout_reference", "kept as it was written")
	if a := must(w.desk.Affiliate(t.Context(), w.anna.ID)); a.Name != "Anna B" || a.Payout != "account 7" || a.Status != ledger.Paused {
		t.Errorf("%+v", a)
	}
}

func TestJoin(t *testing.T) {
	w := newWorld(t)
	path := "/join/" + w.program.ID
	has(t, w.get(path), "Become an affiliate of Courses of one")
	known := w.post(path, "name", "Eve", "email", "ANNA+x@example.com", "note", "hello")
	fresh := w.post(path, "name", "Eve", "email", "eve@example.com", "note", "hello")
	if known.Code != 200 || fresh.Code != 200 || known.Body.String() != fresh.Body.String() {
		t.Errorf("an address that is known is answered %d %s, a new one %d %s", known.Code, known.Body, fresh.Code, fresh.Body)
	}
	all := must(w.desk.Affiliates(t.Context(), w.program.ID))
	at := slices.IndexFunc(all, func(a ledger.Affiliate) bool { return a.Email == "eve@example.com" })
	if len(all) != 3 || at < 0 || all[at].Status != ledger.Applied || all[at].Note != "hello" {
		t.Errorf("%+v", all)
	}
	if got := strings.Join(w.applied, " "); got != "Courses of one: eve@example.com" {
		t.Errorf("told of %q", got)
	}
	w.refused("no address", path, "name", "Eve", "email", "eve")
	w.refused("Something must be here", path, "name", "", "email", "eve2@example.com")
	w.refused("longer than 2000", path, "name", "Eve", "email", "eve2@example.com", "note", strings.Repeat("x", 2001))
	w.allow = false
	if rec := w.post(path, "name", "Eve", "email", "eve3@example.com"); rec.Code != 429 || len(must(w.desk.Affiliates(t.Context(), w.program.ID))) != 3 {
		t.Errorf("one too many: %d", rec.Code)
	}
	has(t, w.seller(w.program).get(w.path("/applications")), "Eve", "hello", "eve@example.com")
	has(t, w.done(w.path("/affiliates/"+all[at].ID), "status", "active", "then", "applications"), "The affiliate is accepted.", "Make a link to log in with")
	has(t, w.get(w.path("/applications")), "No applications wait")
}

// TestMail: what pages say where affiliates are written to, and where not.
func TestMail(t *testing.T) {
	for _, mails := range []bool{false, true} {
		w := newWorldWith(t, Options{Mail: mails})
		w.post("/join/"+w.program.ID, "name", "Eve", "email", "eve@example.com", "note", "")
		w.seller(w.program)
		all := must(w.desk.Affiliates(t.Context(), w.program.ID))
		eve := w.path("/affiliates/" + all[slices.IndexFunc(all, func(a ledger.Affiliate) bool { return a.Email == "eve@example.com" })].ID)
		has(t, w.done(eve, "status", "active"), map[bool]string{false: "Give it a code, and a link to log in with", true: "gets an e-mail with a link"}[mails])
		has(t, w.post(eve+"/login").Body.String(), "Send this to eve@example.com. It works once")
		w.invited = Invited{Sent: true}
		has(t, w.post(eve+"/login").Body.String(), "It was sent to eve@example.com", "https://s.example/login?link=")
		w.invited = Invited{Problem: "the mail server refused the recipient (550 5.1.1)"}
		has(t, w.post(eve+"/login").Body.String(), "It could not be sent: the mail server refused the recipient (550 5.1.1)", "Send this to eve@example.com")
		settings := w.get(w.path("/settings"))
		if offered := strings.Contains(settings, `name="mail_payouts" checked`); offered != mails {
			t.Errorf("payout mail is offered: %v, mail is sent: %v", offered, mails)
		}
		w.done(w.path("/settings"), "name", "Courses", "window_days", "30", "hold_days", "30", "model", "last", "bind", "none")
		if p, _ := w.desk.Program("one"); p.QuietPayouts != mails {
			t.Errorf("an empty box made the programme quiet: %v, mail is sent: %v", p.QuietPayouts, mails)
		}
		if settings = w.get(w.path("/settings")); strings.Contains(settings, `name="mail_payouts" checked`) {
			t.Error("it is offered as it was")
		}
	}
}

func TestAffiliates(t *testing.T) {
	w, _ := trading(t)
	w.seller(w.program)
	has(t, w.get(w.path("/affiliates")), "Name of anna", "Name of ben", "90.00\u00a0EUR", "https://s.example/join/"+w.program.ID)
	if page := w.get(w.path("/affiliates?search=BEN@")); strings.Contains(page, "Name of anna") || !strings.Contains(page, "Name of ben") {
		t.Error("the search finds another")
	}
	if page := w.get(w.path("/affiliates?status=paused")); !strings.Contains(page, "Nobody fits") {
		t.Error("somebody is paused")
	}
	has(t, w.done(w.path("/affiliates"), "name", "Carl", "email", "carl@example.com"), "The affiliate is in the programme. Give it a code", "Carl")
	w.refused("already", w.path("/affiliates"), "name", "Carl", "email", "carl@example.com")
	self := w.path("/affiliates/" + w.anna.ID)
	has(t, w.done(self, "status", "banned"), "Saved.", "Make active")
	w.refused("must be applied, active", self, "status", "king")
	has(t, w.done(self, "name", "Anna B", "payout_reference", "x"), "Anna B")
	if a := must(w.desk.Affiliate(t.Context(), w.anna.ID)); a.Status != ledger.Banned || a.Payout != "x" {
		t.Errorf("%+v", a)
	}
	has(t, w.done(self+"/codes", "kind", "coupon", "code", "SPRING"), "The code is made.", "SPRING")
	w.refused("is no address such as", self+"/codes", "kind", "link", "code", "SPRING2")
	has(t, w.done(self+"/codes/SPRING"), "The code ends now.")
	if rec := w.post(self + "/codes/BEN"); rec.Code != 404 {
		t.Errorf("another's code: %d", rec.Code)
	}
	if rec := w.post(self + "/login"); rec.Code != 200 || !strings.Contains(rec.Body.String(), "https://s.example/login?link="+w.anna.ID) {
		t.Errorf("a link to log in with: %d", rec.Code)
	}
	if rec := w.ask(httptest.NewRequest("GET", "/program", nil)); rec.Code != 303 || rec.Header().Get("Location") != "/program/"+w.program.ID {
		t.Errorf("the only programme: %d %s", rec.Code, rec.Header())
	}
	has(t, w.seller(w.program, w.other).get("/program"), "Courses of one", "Courses of two")
}

func TestOrdersAndFlags(t *testing.T) {
	w, ids := trading(t)
	w.seller(w.program)
	self := w.path("/orders/" + ids["order"])
	has(t, w.get(w.path("/orders")), "open-1", "open-2", "paid-1", "Name of ben")
	has(t, w.get(w.path("/orders?number=open-2")), "open-2", "60.00\u00a0EUR")
	has(t, w.get(self), "Order open-1", "the last touch before the order", "fast_order"[:4], "evidence", "Name of anna")
	w.refused("Something must be here.", self, "affiliate", w.ben.ID, "why", "")
	w.refused("no affiliate of the programme", self, "affiliate", "nobody", "why", "x")
	has(t, w.done(self, "affiliate", w.ben.ID, "why", "he called me"), "The order is assigned.", "Decided by hand.", "he called me")
	if rec := w.as(w.anna).ask(httptest.NewRequest("GET", "/portal/orders/"+ids["order"], nil)); rec.Code != 404 {
		t.Errorf("the order is ben's, and anna sees it: %d", rec.Code)
	}
	if page := w.as(w.ben).get("/portal/orders/" + ids["order"]); strings.Contains(page, "he called me") {
		t.Error("the affiliate sees what the seller wrote")
	}
	w.seller(w.program)
	w.done(self, "affiliate", "", "why", "nobody's")
	if page := w.get(w.path("/orders?show=without")); !strings.Contains(page, "open-1") || strings.Contains(page, "open-2") {
		t.Error("orders without an affiliate are not those")
	}
	if page := w.get(w.path("/orders?show=with")); strings.Contains(page, "open-1") || !strings.Contains(page, "open-2") {
		t.Error("orders with an affiliate are not those")
	}
	has(t, w.get(w.path("/flags")), "<p>Evidence.</p>", "order too fast")
	w.done(w.path("/flags/"+ids["flag"]), "state", "confirmed")
	has(t, w.get(w.path("/flags?state=confirmed")), "Evidence.", "decided by per_seller")
	w.refused("must be cleared or confirmed", w.path("/flags/"+ids["flag"]), "state", "open")
}

// TestPayouts: what is approved is what was seen, and goes on step by step.
func TestPayouts(t *testing.T) {
	w, _ := trading(t)
	w.now = w.now.AddDate(0, 0, 40)
	w.seller(w.program)
	cutoff := w.now.Format("2006-01-02")
	page := w.get(w.path("/payouts?cutoff=" + cutoff))
	seen := regexp.MustCompile(`name="seen" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(seen) != 1 || !strings.HasPrefix(seen[0][1], w.ben.ID+" EUR ") {
		t.Fatalf("proposed: %v in %s", seen, page)
	}
	has(t, page, "30.00\u00a0EUR", "not known", `value="`+cutoff+`"`)
	w.refused("Tick the payouts", w.path("/payouts"), "cutoff", cutoff)
	w.refused("not what it was any more", w.path("/payouts"), "cutoff", cutoff, "seen", w.ben.ID+" EUR 00")
	w.refused("not in the future", w.path("/payouts"), "cutoff", "2027-01-01", "seen", seen[0][1])
	w.refused("Write the day as", w.path("/payouts"), "cutoff", "soon", "seen", seen[0][1])
	has(t, w.done(w.path("/payouts"), "cutoff", cutoff, "seen", seen[0][1]), "The payouts are approved.")
	w.refused("not what it was any more", w.path("/payouts"), "cutoff", cutoff, "seen", seen[0][1])
	made := must(w.desk.Payouts(t.Context(), w.program.ID, w.ben.ID))
	self := w.path("/payouts/" + made[0].ID)
	w.refused("can be sent or failed", self, "state", "paid")
	w.refused("Say why it failed", self, "state", "failed")
	w.done(self, "state", "sent", "external", "TR-1")
	has(t, w.get(w.path("/payouts.csv")), made[0].ID, "30.00")
	has(t, w.get(self+"/statement.csv"), "30.00,EUR")
	has(t, w.done(self, "state", "failed", "why", "account closed"), "account closed", "TR-1")
	if rec := w.ask(httptest.NewRequest("GET", self+"/statement.csv", nil)); rec.Code != 404 {
		t.Errorf("statement of a failed payout: %d", rec.Code)
	}
	w.refused("for good", self, "state", "sent")
	has(t, w.get(w.path("/ledger")), "payout failed", "paid out", "−30.00\u00a0EUR")
	if file := w.get(w.path("/ledger.csv?affiliate=" + w.ben.ID + "&from=2026-01-01")); strings.Count(file, "\r\n") != 4 || strings.Contains(file, w.anna.ID) {
		t.Errorf("the file of ben: %s", file)
	}
	has(t, w.get(w.path("/ledger?from=yesterday")), "A day is written as 2026-05-17.")
	if page := w.get(w.path("/ledger?from=2027-01-01")); !strings.Contains(page, "No entries here") {
		t.Error("entries of the future")
	}
}

// TestManyPayouts: they are proposed, and approved, a page at a time.
func TestManyPayouts(t *testing.T) {
	w := newWorld(t)
	for n := range mostProposed + 2 {
		name := fmt.Sprintf("many%03d", n)
		w.join(name)
		w.sell(name, name, 10000)
	}
	w.now = w.now.AddDate(0, 0, 40)
	w.seller(w.program)
	cutoff, values := w.now.Format("2006-01-02"), regexp.MustCompile(`name="seen" value="([^"]*)"`)
	for _, want := range []int{mostProposed, 2} {
		fields := []string{"cutoff", cutoff}
		for _, m := range values.FindAllStringSubmatch(w.get(w.path("/payouts?cutoff="+cutoff)), -1) {
			fields = append(fields, "seen", m[1])
		}
		if len(fields) != 2+2*want {
			t.Fatalf("%d are proposed, want %d", len(fields)/2-1, want)
		}
		w.done(w.path("/payouts"), fields...)
	}
	if made := must(w.desk.Payouts(t.Context(), w.program.ID, "")); len(made) != mostProposed+2 {
		t.Errorf("%d payouts are made", len(made))
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.seller(w.program)
	self := w.path("/settings")
	has(t, w.get(self), "50 % of every order", "10.00 EUR", "one.example")
	set := func(more ...string) []string {
		return append([]string{"name", "New", "window_days", "14", "hold_days", "7", "model", "first", "bind", "customer", "min_payout", "50.00 EUR\n\n1.250 KWD", "allowed_hosts", "a.example, B.example", "banned_hosts", "www.Coupons.example spam.example", "parameters", "ref via"}, more...)
	}
	has(t, w.done(self, set("trust_events", "on")...), "Saved.", "New", "1.250 KWD", "a.example\nb.example", "coupons.example\nspam.example")
	p, _ := w.desk.Program("one")
	if p.Window != 14 || p.Hold != 7 || p.Model != "first" || p.Bind != "customer" || p.CouponPriority || !p.TrustEvents || fmt.Sprint(p.MinPayout, p.Hosts, p.Banned, p.Params, p.Sites) != "map[EUR:5000 KWD:1250] [a.example b.example] [coupons.example spam.example] [ref via] [one]" {
		t.Errorf("%+v", p)
	}
	for want, bad := range map[string][]string{"Must be 1 to 3650": {"window_days", "0"}, "no whole number": {"hold_days", "x"}, "Must be last or first": {"model", "x"}, "Must be none or customer": {"bind", "x"},
		"in each line": {"min_payout", "50"}, "more decimals": {"min_payout", "1.5 JPY"}, "without https://": {"allowed_hosts", "https://a.example"}, "Something must be here": {"name", ""}, "is no host": {"banned_hosts", "https://x.example"}, "has letters": {"parameters", "a&b"}} {
		fields := set()
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == bad[0] {
				fields[i+1] = bad[1]
			}
		}
		w.refused(want, self, fields...)
	}
	typed := set("coupon_priority", "on")
	typed[3] = "0"
	wrong := w.post(self, typed...).Body.String() // what was typed stays
	has(t, wrong, `name="coupon_priority" checked`, "www.Coupons.example spam.example", `value="first" selected`)
	if strings.Contains(wrong, `name="trust_events" checked`) {
		t.Error("a box that was not ticked is ticked again")
	}
	has(t, w.done(self+"/rules", "kind", "percent", "rate", "2.955 %", "orders", "3", "affiliate", w.anna.ID, "product", "course"), "2.955 % of every order of a customer&#39;s first 3", "Name of anna")
	has(t, w.done(self+"/rules", "kind", "unit", "amount", "1.250", "currency", "kwd", "cap", "5", "valid_from", "2026-04-01T10:00"), "1.250 KWD for every item sold, at most 5.000 KWD an order,", "1 Apr 2026, 10:00")
	for want, bad := range map[string][]string{"Write a percentage": {"kind", "percent", "rate", "0"}, "such as 50 or 2.9": {"kind", "percent", "rate", "2.9555"}, "Name the currency": {"kind", "order", "amount", "5"},
		"Must be percent, order or unit": {"kind", "x", "amount", "5", "currency", "EUR"}, "no affiliate of the programme": {"kind", "percent", "rate", "5", "affiliate", "x"}, "Write it as": {"kind", "percent", "rate", "5", "valid_from", "x"}} {
		w.refused(want, self+"/rules", bad...)
	}
	w.now = w.now.Add(time.Minute)
	w.sell("anna", "1", 100)
	w.refused("Is before orders", self+"/rules", "kind", "percent", "rate", "5", "valid_from", "2026-01-01T10:00")
}

// TestLongListsArePaged: every row is on one page.
func TestLongListsArePaged(t *testing.T) {
	w := newWorld(t)
	for n := range 2*pageSize + 3 {
		w.now = w.now.Add(time.Minute)
		w.sell("anna", fmt.Sprintf("number-%03d", n), 100)
		w.flag(must(w.desk.Orders(t.Context(), ledger.OrderFilter{Limit: 1}))[0])
		must(w.desk.Join(t.Context(), ledger.Affiliate{Program: w.program.ID, Name: fmt.Sprintf("number-%03d", n), Email: fmt.Sprintf("n%d@example.com", n), Status: ledger.Applied}))
	}
	w.seller(w.program).who.Affiliate = w.anna.ID
	for path, mark := range map[string]string{"/portal/orders": `>(number-\d+)</span>`, w.path("/orders"): `>(number-\d+)</span>`, w.path("/orders?show=with"): `>(number-\d+)</span>`,
		w.path("/affiliates?status=applied"): `>(number-\d+)</span>`, w.path("/applications"): `>(number-\d+)</span>`, w.path("/flags"): `flags/(flag-\w+)"`, w.path("/ledger"): `orders/(\w+)"`} {
		seen, pages := map[string]bool{}, 0
		for next := path; next != ""; pages++ {
			page := w.get(next)
			for _, m := range regexp.MustCompile(mark).FindAllStringSubmatch(page, -1) {
				if seen[m[1]] {
					t.Errorf("%s: %s is on two pages", path, m[1])
				}
				seen[m[1]] = true
			}
			next = ""
			if m := regexp.MustCompile(`<a href="([^"]*)" rel="next">`).FindStringSubmatch(page); m != nil {
				next = html.UnescapeString(m[1])
			}
		}
		if pages != 3 || len(seen) != 2*pageSize+3 {
			t.Errorf("%s: %d rows on %d pages", path, len(seen), pages)
		}
	}
	if rec := w.ask(httptest.NewRequest("GET", w.path("/flags?page=99999999999999999999"), nil)); rec.Code != 200 {
		t.Errorf("a page that is not there: %d", rec.Code)
	}
}

func TestSpelling(t *testing.T) {
	for got, want := range map[string]string{
		spellMoney(-1234567890, "EUR"): "−12,345,678.90\u00a0EUR", spellMoney(1234, "JPY"): "1,234\u00a0JPY", spellMoney(-5, "KWD"): "−0.005\u00a0KWD",
		perClick(100, 3, "EUR"): "0.33\u00a0EUR", perClick(5, 2, "JPY"): "3\u00a0JPY", perClick(-5, 2, "JPY"): "−3\u00a0JPY", perClick(5, 0, "JPY"): "–",
		percent(1, 3): "33.33 %", percent(1, 200): "0.5 %", percent(1, 20_001): "0", percent(3, 0): "–", percent(5, 5): "100 %", percent(1, 1000): "0.1 %", percent(21, 2000): "1.05 %",
		capital("über x"): "Über x", capital(""): "", affiliate.Percent(29000): "2.9 %",
	} {
		if got != want && !(want == "0" && got == "0 %") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
