package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/money"
	shops "footfall/shop"
)

// twoEarners makes a programme in which anna and ben have links, and orders: one of
// each, and one that anna's later click won.
func (h *home) twoEarners() (ids map[string]string) {
	t, desk := h.t, h.desk
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "a.example", Currency: "EUR"})
	must(t, err)
	p := affiliate.Usual()
	p.Name, p.Sites = "Courses", []string{site.ID}
	p, err = desk.PutProgram(t.Context(), p)
	must(t, err)
	_, err = desk.AddRule(t.Context(), ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: money.PPM / 2})
	must(t, err)
	ids = map[string]string{}
	for _, name := range []string{"Anna", "Theirs"} {
		a, err := desk.Join(t.Context(), ledger.Affiliate{Program: p.ID, Email: name + "@example.com", Name: name, Status: ledger.Active})
		must(t, err)
		ids[name] = a.ID
		for _, c := range []ledger.Code{{Text: name, Kind: ledger.LinkCode, Landing: "https://a.example/" + name}, {Text: name + "15", Kind: ledger.CouponCode}} {
			c.Affiliate = a.ID
			_, err = desk.AddCode(t.Context(), c)
			must(t, err)
		}
	}
	at := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Minute)
	for _, x := range []struct {
		number string
		codes  []string
		net    int64
	}{{"mine-1", []string{"Anna"}, 1001}, {"theirs-1", []string{"Theirs"}, 987_654}, {"mine-2", []string{"Theirs", "Anna"}, 250}} {
		for i, code := range x.codes {
			clicked := at.Add(time.Duration(i-9) * time.Hour)
			must(t, desk.Write(t.Context(), []event.Event{{ID: fmt.Sprint("e", x.number, i), Site: site.ID, Kind: event.Page, Time: clicked, Original: clicked, Received: clicked,
				AnonymousID: "v" + x.number, Host: "a.example", Path: "/", Search: "sub=" + code + "&ref=" + code}}, event.Position{}))
		}
		taken, err := desk.Take(t.Context(), shops.Report{Site: site.ID, Number: x.number, Time: at, Said: at, From: shops.FromAPI, Verified: true, Anonymous: "v" + x.number,
			Order: &shops.Order{Currency: "EUR", Lines: []ledger.Line{{ID: "1", Product: x.number + "-course", Name: "C", Quantity: 2, Net: x.net}}}})
		must(t, err)
		ids[x.number] = taken.Order.ID
		entries, err := desk.EntriesOf(t.Context(), taken.Order.Affiliate, "", 1)
		must(t, err)
		if len(entries) == 1 {
			ids["entry "+x.number] = entries[0].ID
		}
		at = at.Add(time.Second)
	}
	return ids
}

// TestEarnersByGraphQL, rule 17: an affiliate's key reads at the server's own
// door what is the affiliate's, and nothing of another who had a click on its order.
func TestEarnersByGraphQL(t *testing.T) {
	h := newHome(t)
	ids := h.twoEarners()
	handler := h.server().Handler
	token, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.OfAffiliate + account.Scope(ids["Anna"])}})
	must(t, err)
	ask := func(query string) string {
		t.Helper()
		body, err := json.Marshal(map[string]string{"query": query})
		must(t, err)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/graphql", strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if text := rec.Body.String(); rec.Code != 200 || strings.Contains(strings.ToLower(text), "theirs") || strings.Contains(text, ids["Theirs"]) || strings.Contains(text, "9876") || strings.Contains(text, "4938") {
			t.Errorf("%s: %d %s", query, rec.Code, text)
		}
		return rec.Body.String()
	}
	all := ask(`{ affiliate { id name status programme terms asOf balances { pending held available inPayout paid earned reversed unit } links { code kind url landing clicks }
		orders { id number site time confirmed net commission unit states lines { product name quantity net } decision { rule explain { kind id own kept reason } } }
		ledger { id kind state reason order number product amount unit payout } payouts { id state amount } } }`)
	for _, want := range []string{
		`"name":"Anna","status":"active","programme":"Courses","terms":"You earn 50 % of every order within 30 days of a click on your link`,
		`"balances":[{"pending":6.26,"held":0.00,"available":0.00,"inPayout":0.00,"paid":0.00,"earned":6.26,"reversed":0.00,"unit":"EUR"}]`,
		`{"code":"Anna","kind":"link","url":"/r/Anna","landing":"https://a.example/Anna","clicks":2}`, `{"code":"Anna15","kind":"coupon","url":null,"landing":null,"clicks":0}`,
		`"number":"mine-2","site":"a-example"`, `"confirmed":true,"net":2.50,"commission":1.25,"unit":"EUR","states":["pending"],"lines":[{"product":"mine-2-course","name":"C","quantity":2,"net":2.50}]`,
		`"decision":{"rule":"last","explain":[{"kind":"touch","id":"`, `{"kind":"touch","id":null,"own":false,"kept":false,"reason":"an earlier touch`,
		`"number":"mine-1","product":"mine-1-course","amount":5.01,"unit":"EUR"`, `"payouts":[]`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s\nis not in\n%s", want, all)
		}
	}
	for _, x := range []struct{ query, want string }{
		{`{ affiliate(id: "` + ids["Theirs"] + `") { name } }`, "FORBIDDEN"},
		{`{ affiliate { orders(after: "` + ids["mine-2"] + `") { number } } }`, `{"orders":[{"number":"mine-1"}]}`},
		{`{ affiliate { orders(after: "` + ids["theirs-1"] + `") { number } } }`, "has no such row"},
		{`{ affiliate { ledger(after: "` + ids["entry mine-2"] + `") { number } } }`, `{"ledger":[{"number":"mine-1"}]}`},
		{`{ affiliate { ledger(after: "` + ids["entry theirs-1"] + `") { number } } }`, "has no such row"},
		{`{ affiliate { links(after: "Theirs") { code } } }`, "has no such row"},
	} {
		if got := ask(x.query); !strings.Contains(got, x.want) {
			t.Errorf("%s: %s, want %s", x.query, got, x.want)
		}
	}
}

// TestLedgerBegins: a ledger that was begun on an empty event store reads on from
// there, although the process ended before it had read anything.
func TestLedgerBegins(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "a.example", Currency: "EUR"})
	must(t, err)
	p := affiliate.Usual()
	p.Name, p.Sites = "Courses", []string{site.ID}
	p, err = h.desk.PutProgram(t.Context(), p)
	must(t, err)
	a, err := h.desk.Join(t.Context(), ledger.Affiliate{Program: p.ID, Email: "anna@example.com", Name: "Anna", Status: ledger.Active})
	must(t, err)
	_, err = h.desk.AddCode(t.Context(), ledger.Code{Affiliate: a.ID, Text: "anna", Kind: ledger.LinkCode, Landing: "https://a.example/"})
	must(t, err)
	must(t, h.startLedgerPump(t.Context()))
	h.stopPump("ledger", h.queue.Last()) // as if it were killed
	at := time.Now().UTC().Truncate(time.Millisecond)
	h.publish(event.Event{ID: "click", Site: site.ID, Kind: event.Page, Time: at, Original: at, Received: at, AnonymousID: "v", Host: "a.example", Path: "/", Search: "ref=anna"})
	h.reopen()
	eventually(t, "the click is read", func() bool {
		var said struct{ Dataset []struct{ Value int64 } }
		h.typed(&said, "query", "--site", site.ID, "--metric", "Clicks", "--from", "2020-01-01", "--to", "2100-01-01", "--step", "total")
		return said.Dataset[0].Value == 1
	})
}

// TestEarner: an affiliate is named by id or e-mail, in the programme of the site or in
// any; nobody of it, and nobody of another site's, is found.
func TestEarner(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	p, ok := k.desk.Program(k.site.ID)
	all, err := k.desk.Affiliates(t.Context(), p.ID)
	if must(t, err); !ok || len(all) == 0 {
		t.Fatal("no affiliate is known")
	}
	for _, site := range []string{k.site.ID, ""} {
		for _, name := range []string{all[0].ID, strings.ToUpper(all[0].Email)} {
			if id, err := k.earner(t.Context(), site, name); err != nil || id != all[0].ID {
				t.Errorf("%q of %q is %q, %v", name, site, id, err)
			}
		}
		if id, err := k.earner(t.Context(), site, "nobody"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("nobody is %q, %v", id, err)
		}
	}
	if id, err := k.earner(t.Context(), "another-site", all[0].ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("of another site it is %q, %v", id, err)
	}
}
