package portal

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/ledger/ledgertest"
	"footfall/money"
	"footfall/shop"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// evil is a text that must not become part of a page.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`

// world is a portal on a desk: a programme with anna and ben, who have orders, a
// payout and flags, and one of somebody else.
type world struct {
	http.Handler
	t              *testing.T
	desk           *affiliate.Desk
	book           ledger.Book
	program, other ledger.Program
	anna, ben      ledger.Affiliate
	now            time.Time
	who            *Person // nil: not logged in
	allow          bool
	down           error    // of who looks who asks
	invited        Invited  // what becomes of links
	applied        []string // who was told of
	begun          int      // programmes
}

func newWorld(t *testing.T) *world { return newWorldWith(t, Options{}) }

// newWorldWith takes Mail, Reports and Begun from options.
func newWorldWith(t *testing.T, o Options) *world {
	t.Helper()
	w := &world{t: t, now: noon, allow: true, book: ledgertest.NewMemory()}
	var err error
	w.desk, err = affiliate.Open(t.Context(), w.book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return w.now },
		Hosts: func(site string) []string { return []string{site + ".example"} }, Money: func(string) string { return "EUR" }})
	if err != nil {
		t.Fatal(err)
	}
	if o.Begun == nil {
		o.Begun = func(context.Context) error { w.begun++; return nil }
	}
	w.Handler = New(w.desk, Options{
		Who: func(*http.Request) (Person, error) {
			if w.down != nil {
				return Person{}, w.down
			}
			if w.who == nil {
				return Person{}, account.ErrNotFound
			}
			p := *w.who
			p.Form = "secret-word"
			return p, nil
		},
		CheckForm: func(r *http.Request, word string) bool { return word != "" && r.PostFormValue("form") == word },
		Allow:     func(*http.Request) bool { return w.allow },
		Site: func(_ context.Context, id string) (account.Site, bool) {
			return account.Site{ID: id, Domain: id + ".example", Zone: "Europe/Berlin"}, true
		},
		Invite: func(_ context.Context, a affiliate.Affiliate) (Invited, error) {
			return Invited{"https://s.example/login?link=" + a.ID, w.invited.Sent, w.invited.Problem}, nil
		},
		Applied: func(p affiliate.Program, a affiliate.Affiliate) { w.applied = append(w.applied, p.Name+": "+a.Email) },
		Mail:    o.Mail,
		Reports: o.Reports,
		Begun:   o.Begun,
		Assets:  "/assets/1", Address: "https://s.example/", Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	})
	w.program, w.other = w.makeProgram("one"), w.makeProgram("two")
	w.anna, w.ben = w.join("anna"), w.join("ben")
	return w
}

func (w *world) makeProgram(site string) ledger.Program {
	w.t.Helper()
	p := affiliate.Usual()
	p.Name, p.Sites, p.MinPayout = "Courses of "+site, []string{site}, map[string]int64{"EUR": 1000}
	p = must(w.desk.PutProgram(w.t.Context(), p))
	must(w.desk.AddRule(w.t.Context(), ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: money.PPM / 2}))
	return p
}

func (w *world) join(name string) ledger.Affiliate {
	w.t.Helper()
	a := must(w.desk.Join(w.t.Context(), ledger.Affiliate{Program: w.program.ID, Email: name + "@example.com", Name: "Name of " + name, Status: ledger.Active}))
	for _, c := range []ledger.Code{{Text: name, Kind: ledger.LinkCode, Landing: "https://one.example/course"}, {Text: name + "15", Kind: ledger.CouponCode}} {
		c.Affiliate = a.ID
		must(w.desk.AddCode(w.t.Context(), c))
	}
	return a
}

// sell is a click on a link and an hour later an order.
func (w *world) sell(code, number string, net int64) ledger.Order {
	w.t.Helper()
	visitor, at := "v"+number, w.now.Add(-time.Hour)
	e := event.Event{ID: "e" + number, Site: "one", Kind: event.Page, Time: at, Original: at, Received: at, AnonymousID: visitor, Host: "one.example", Path: "/course", Search: "sub=blog&ref=" + code}
	if err := w.desk.Write(w.t.Context(), []event.Event{e}, event.Position{}); err != nil {
		w.t.Fatal(err)
	}
	return must(w.desk.Take(w.t.Context(), shop.Report{Site: "one", Number: number, Time: w.now, Said: w.now, From: shop.FromAPI, Verified: true, Anonymous: visitor,
		Order: &shop.Order{Currency: "EUR", Lines: []ledger.Line{{ID: "1", Product: "course", Quantity: 1, Net: net}}}})).Order
}

// payOut approves all that can be paid now.
func (w *world) payOut() []ledger.Payout {
	w.t.Helper()
	var seen []ledger.Payout
	for _, p := range must(w.desk.Propose(w.t.Context(), w.program.ID, w.now)) {
		seen = append(seen, p.Payout)
	}
	return must(w.desk.Approve(w.t.Context(), w.program.ID, w.now, affiliate.Exactly(seen...)))
}

// flag raises a flag on an order.
func (w *world) flag(o ledger.Order) {
	w.t.Helper()
	if err := w.book.Change(w.t.Context(), func(tx ledger.Tx) error {
		return tx.Money().Tables().Flags().Add(ledger.Flag{ID: "flag-" + o.ID, Program: w.program.ID, Affiliate: o.Affiliate, Order: o.ID, Type: "fast_order", Evidence: "evidence", State: ledger.Open, Created: w.now})
	}); err != nil {
		w.t.Fatal(err)
	}
}

// as is the same portal, asked by an affiliate.
func (w *world) as(a ledger.Affiliate) *world {
	w.who = &Person{ID: "per_" + a.ID, Name: a.Name, Affiliate: a.ID}
	return w
}

// seller is the same portal, asked by who runs programmes.
func (w *world) seller(programs ...ledger.Program) *world {
	w.who = &Person{ID: "per_seller", Name: "Seller"}
	for _, p := range programs {
		w.who.Manages, w.who.Pays = append(w.who.Manages, p.ID), append(w.who.Pays, p.ID)
	}
	return w
}

func (w *world) ask(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

// get is a page that is there.
func (w *world) get(path string) string {
	w.t.Helper()
	rec := w.ask(httptest.NewRequest("GET", path, nil))
	if rec.Code != 200 {
		w.t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// post sends a form with its token; fields are name, value, name, value ….
func (w *world) post(path string, fields ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	form := url.Values{"form": {"secret-word"}}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.ask(r)
}

// done posts a form that must be taken, and gets the page that it leads to.
func (w *world) done(path string, fields ...string) string {
	w.t.Helper()
	rec := w.post(path, fields...)
	if rec.Code != 303 {
		w.t.Fatalf("POST %s %q: %d %s", path, fields, rec.Code, rec.Body)
	}
	return w.get(rec.Header().Get("Location"))
}

// refused posts a form that must not be taken, and checks what is said.
func (w *world) refused(want, path string, fields ...string) {
	w.t.Helper()
	rec := w.post(path, fields...)
	if rec.Code != 422 || !strings.Contains(rec.Body.String(), want) {
		said := regexp.MustCompile(`class="problem"[^>]*>([^<]*)`).FindAllStringSubmatch(rec.Body.String(), -1)
		w.t.Errorf("POST %s %q: %d %q, want 422 and %q", path, fields, rec.Code, said, want)
	}
}

// has checks that a page says all of these.
func has(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func (w *world) path(below string) string { return fmt.Sprintf("/program/%s%s", w.program.ID, below) }

// must is what was made; a fault is a panic, which is a failed test as well.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
