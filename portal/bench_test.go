package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/ledger/sqlite"
	"footfall/money"
)

// BenchmarkHome is the page of an affiliate with 10,000 orders of two years, five
// clicks each, and payouts every month: from the request to its last byte. A page
// has 50 ms (rule 17), for a year, too.
func BenchmarkHome(b *testing.B) {
	book, err := sqlite.Open(sqlite.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer book.Close()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	fillTwoYears(b, book, now)
	clock := func() time.Time { return now }
	desk, err := affiliate.Open(b.Context(), book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: clock})
	if err != nil {
		b.Fatal(err)
	}
	page := New(desk, Options{Who: func(*http.Request) (Person, error) { return Person{ID: "per", Affiliate: "a"}, nil }, Now: clock})
	for _, name := range []string{"Last30Days", "Last365Days"} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				rec := httptest.NewRecorder()
				began := time.Now()
				page.ServeHTTP(rec, httptest.NewRequestWithContext(b.Context(), "GET", "/portal?period="+name, nil))
				took = append(took, time.Since(began))
				if rec.Code != 200 || !strings.Contains(rec.Body.String(), "sub4") {
					b.Fatal(rec.Code)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

func fillTwoYears(b *testing.B, book ledger.Book, now time.Time) {
	const orders, each = 10_000, 5
	b.Helper()
	p := affiliate.Usual()
	p.ID, p.Name, p.Sites = "p", "Courses", []string{"s"}
	step, start := 2*365*24*time.Hour/orders, now.AddDate(-2, 0, 0)
	err := book.Change(b.Context(), func(tx ledger.Tx) error {
		set := tx.Set()
		if err := set.Programs().Add(p); err != nil {
			return err
		}
		if err := set.Affiliates().Add(ledger.Affiliate{ID: "a", Program: "p", Name: "Anna", Status: ledger.Active}); err != nil {
			return err
		}
		if err := set.Rules().Add(ledger.Rule{ID: "r", Program: "p", Kind: ledger.Percent, Rate: money.PPM / 2}); err != nil {
			return err
		}
		for m := range 23 {
			payout := ledger.Payout{ID: fmt.Sprint("payout", m), Program: "p", Affiliate: "a", Currency: "EUR", State: ledger.Paid}
			if err := tx.Money().Tables().Payouts().Add(payout); err != nil {
				return err
			}
		}
		for n := range orders {
			at := start.Add(time.Duration(n) * step)
			if err := fillOrder(tx, fmt.Sprint(n), at, each, n*24/orders); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// fillOrder keeps one order with its clicks, its decision and its commission.
func fillOrder(tx ledger.Tx, id string, at time.Time, clicks, month int) error {
	var touch ledger.Touch
	for k := range clicks {
		click := fmt.Sprint(id, "-", k)
		touch = ledger.Touch{ID: click, Program: "p", Affiliate: "a", Code: "ANNA", Site: "s", Time: at.Add(-time.Duration(k) * time.Minute), Sub: fmt.Sprint("sub", k), Counted: true,
			Keys: []ledger.Key{ledger.Key("click:" + click), ledger.Key("anon:" + click)}}
		if _, err := tx.Traffic().AddTouch(touch); err != nil {
			return err
		}
	}
	o := ledger.Order{ID: id, Program: "p", Site: "s", Store: "s", Number: id, Time: at, Currency: "EUR", Known: true, Verified: true, Affiliate: "a", Decision: id, Rule: affiliate.RuleLast, Code: touch.Code, Sub: touch.Sub,
		Keys: touch.Keys[1:], Lines: []ledger.Line{{ID: "1", Product: "course", Quantity: 1, Net: 9900}}}
	if err := tx.Orders().Put(o); err != nil {
		return err
	}
	d := ledger.Decision{ID: id, Order: id, Affiliate: "a", Rule: affiliate.RuleLast, Touch: touch.ID, Time: at,
		Explain: []ledger.Candidate{{Kind: affiliate.KindTouch, ID: touch.ID, Affiliate: "a", Time: touch.Time, Kept: true}}}
	if err := tx.Orders().Facts().Decide(d); err != nil {
		return err
	}
	e := ledger.Entry{ID: id, Program: "p", Affiliate: "a", Site: "s", Order: id, Line: "1", Product: "course", Kind: ledger.Earn, Amount: 4950, Currency: "EUR",
		Occurred: at, Available: at.AddDate(0, 0, 30), Posted: at, Rule: "r", Cause: affiliate.CauseOrder}
	if month < 23 {
		e.Payout = fmt.Sprint("payout", month)
	}
	return tx.Money().Post(e)
}
