package affiliate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/ledger/sqlite"
)

// openErasing is a desk of a programme that binds customers, by whose rules only
// a customer's first order earns, on a ledger on disk.
func openErasing(t *testing.T) *desk {
	t.Helper()
	book, err := sqlite.Open(sqlite.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { book.Close() })
	d := openDesk(t, nil)
	d.book = book
	d.reopen()
	p := affiliate.Usual()
	p.Name, p.Sites, p.Bind = "Courses", []string{"one", "two"}, ledger.BindCustomer
	if d.program, err = d.PutProgram(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err = d.AddRule(t.Context(), ledger.Rule{Program: d.program.ID, Kind: ledger.Percent, Rate: 500_000, Recurring: 1}); err != nil {
		t.Fatal(err)
	}
	d.anna, d.ben = d.join("anna"), d.join("ben")
	return d
}

// who is said of an order, by the shop.
func (d *desk) bought(number, anonymous, email string, net int64, at time.Time) affiliate.Taken {
	r := order(number, anonymous, net, at)
	r.Email = email
	return d.take(r)
}

func identify(anonymous, user string, at time.Time) event.Event {
	return event.Event{ID: "i" + anonymous + user, Site: "one", Kind: event.Identify, Time: at, Original: at, Received: at, AnonymousID: anonymous, UserID: user}
}

// erase erases whom one thing names, with everything beside it.
func (d *desk) erase(w affiliate.Who) affiliate.Erasure {
	d.t.Helper()
	keys, err := d.Name(d.t.Context(), "two", w)
	if err == nil {
		keys, err = d.Beside(d.t.Context(), d.program.ID, true, keys...)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	would, err := d.Named(d.t.Context(), d.program.ID, keys...)
	if err != nil {
		d.t.Fatal(err)
	}
	done, err := d.Erase(d.t.Context(), d.program.ID, keys...)
	if err != nil {
		d.t.Fatal(err)
	}
	if done.Orders != would.Orders || done.Touches != would.Touches || done.Keys != would.Keys {
		d.t.Errorf("erased %+v, would have %+v", done, would)
	}
	return done
}

// kept spells what the ledger has of persons.
func (d *desk) kept() (text string) {
	d.t.Helper()
	err := d.book.View(d.t.Context(), func(tx ledger.Tx) error {
		touches, err := tx.Traffic().Touches(d.program.ID, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0))
		orders, failed := tx.Orders().List(ledger.OrderFilter{Program: d.program.ID})
		links, broke := tx.Traffic().Links().Of(d.program.ID, "anon:x", "anon:x2", "user:u", "anon:b")
		text = fmt.Sprint(touches, orders, links)
		return errors.Join(err, failed, broke)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// TestErase is rule 19: whatever names the person leads to all keys; afterwards
// none is left, money is what it was, and a refund, a late click or a repeat take
// nothing but what they should.
func TestErase(t *testing.T) {
	for name, w := range map[string]affiliate.Who{"user": {User: "u"}, "browser": {Anonymous: "x"}, "address": {Email: "X+shop@example.org"}, "order": {Order: "1"}} {
		t.Run(name, func(t *testing.T) {
			d := openErasing(t)
			d.write(click("p1", "x", "anna", noon.Add(-time.Hour)), click("p2", "x2", "anna", noon.Add(-2*time.Hour)), click("p3", "b", "ben", noon.Add(-time.Hour)),
				identify("x", "u", noon), identify("x2", "u", noon))
			d.bought("1", "x", "x@example.org", 1000, noon)
			d.bought("2", "", "x@example.org", 500, noon.Add(time.Minute)) // the second of the customer earns nothing
			d.bought("3", "b", "b@example.org", 300, noon)
			anna, ben := d.earned(d.anna), d.earned(d.ben)
			home := d.visitors(d.anna)
			if anna != 500 || ben != 150 || home != 2 {
				t.Fatalf("anna earned %d, ben %d; %d visitors", anna, ben, home)
			}
			if got := d.erase(w); got.Orders != 2 || got.Touches != 2 {
				t.Errorf("erased %+v", got)
			}
			if text := d.kept(); strings.Contains(text, "anon:x") || strings.Contains(text, "user:u") || strings.Count(text, "customer:erased-") != 2 || !strings.Contains(text, "anon:b") {
				t.Errorf("it keeps %s", text)
			}
			d.write(click("p4", "y", "ben", noon.Add(-time.Minute))) // would have the order, were it hers
			d.now = noon.Add(time.Hour)
			d.take(refund("1", "r", 200, noon.Add(time.Hour)))
			d.take(refund("2", "r2", 100, noon.Add(time.Hour)))
			if anna, ben = d.earned(d.anna), d.earned(d.ben); anna != 400 || ben != 150 {
				t.Errorf("after a refund anna has earned %d, ben %d", anna, ben)
			}
			if now := d.visitors(d.anna); now != home {
				t.Errorf("anna has %d visitors, had %d", now, home)
			}
			if d.erase(affiliate.Who{User: w.User, Anonymous: w.Anonymous, Email: w.Email}) != (affiliate.Erasure{}) {
				t.Error("it can be erased twice")
			}
			if again := d.bought("4", "", "x@example.org", 700, noon.Add(2*time.Hour)); again.Order.Affiliate != "" {
				t.Errorf("who was erased is bound: %+v", again.Decision)
			}
		})
	}
}

// seenAs is the view of a link's page, by who is known by a user's id or by nothing
// but as the visitor of the day.
func seenAs(user string, at time.Time) event.Event {
	e := click(user, "", "anna", at)
	e.ID, e.AnonymousID, e.UserID, e.Visitor = fmt.Sprint(user, at.Unix()), "", user, 9
	return e
}

// TestErasedVisitor: who was a visitor of the day before being known stays one
// visitor.
func TestErasedVisitor(t *testing.T) {
	d := openErasing(t)
	d.write(seenAs("u", noon.Add(-5*time.Hour)), seenAs("", noon.Add(-3*time.Hour)))
	before := d.visitors(d.anna)
	if got := d.erase(affiliate.Who{User: "u"}); got.Touches != 2 || got.Keys != 3 {
		t.Errorf("erased %+v", got)
	}
	if after := d.visitors(d.anna); before != 1 || after != 1 {
		t.Errorf("%d visitors, before %d", after, before)
	}
}

// TestErasedAddress: a user's id that is an address is found as it is kept, also
// without what is beside it.
func TestErasedAddress(t *testing.T) {
	d := openErasing(t)
	d.write(seenAs("bob@example.org", noon.Add(-time.Hour)))
	for _, want := range []int{1, 0} {
		would, err := d.Named(t.Context(), d.program.ID, "user:Bob@example.org")
		if err != nil || would.Touches != want {
			t.Errorf("would erase %+v, %v", would, err)
		}
		done, err := d.Erase(t.Context(), d.program.ID, "user:Bob@example.org")
		if err != nil || done != would || done.Keys != 2*want {
			t.Errorf("erased %+v, would have %+v, %v", done, would, err)
		}
	}
	if text := d.kept(); strings.Contains(text, "user:") || strings.Contains(text, "visitor:0") {
		t.Errorf("it keeps %s", text)
	}
}

// visitors is how many visitors the portal tells.
func (d *desk) visitors(a ledger.Affiliate) (n int64) {
	d.t.Helper()
	err := d.book.View(d.t.Context(), func(tx ledger.Tx) (err error) {
		n, err = tx.Figures().Visitors(ledger.Cut{Affiliate: a.ID})
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// TestErasedLate: what is told of an order after its customer was erased, by
// whomever, names nobody there again; of a person who was erased that holds for
// new orders of old time as well.
func TestErasedLate(t *testing.T) {
	d := openErasing(t)
	d.bought("1", "x", "x@example.org", 1000, noon)
	keys, err := d.Name(t.Context(), "two", affiliate.Who{Email: "x@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	d.erase(affiliate.Who{Email: "x@example.org"})
	d.erased = func(site string, k ledger.Key, at time.Time) bool { return slices.Contains(keys, k) && !at.After(noon) }
	d.reopen()
	d.bought("1", "x", "x@example.org", 900, noon.Add(time.Second))
	late := d.bought("2", "z", "x@example.org", 100, noon)
	if late.Order.Customer != "" || slices.ContainsFunc(late.Order.Keys, func(k ledger.Key) bool { return k != "anon:z" }) {
		t.Errorf("a late order is %s's, %v", late.Order.Customer, late.Order.Keys)
	}
	if text := d.kept(); strings.Contains(text, string(keys[0])) || strings.Contains(text, "anon:x") {
		t.Errorf("it keeps %s", text)
	}
	later := d.bought("3", "z", "x@example.org", 100, noon.Add(time.Hour))
	if later.Order.Customer == "" {
		t.Error("what the person does afterwards is nobody's")
	}
}

// TestErasedNamed: what can't be named is told.
func TestErasedNamed(t *testing.T) {
	d := openErasing(t)
	d.bought("1", "x", "x@example.org", 1000, noon)
	d.erase(affiliate.Who{Order: "1"})
	for _, w := range []affiliate.Who{{Order: "1"}, {Order: "unknown"}, {Email: "nobody"}} {
		if _, err := d.Name(t.Context(), "two", w); err == nil {
			t.Errorf("%+v names somebody", w)
		}
	}
}
