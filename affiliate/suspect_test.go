package affiliate

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// suspected is an order of A after a click of a day before, with all that is
// known of A, and nothing against it.
func suspected(change func(*Suspicion)) Suspicion {
	t := touched("t1", "A", day)
	t.Referrer = "blog.example"
	s := Suspicion{
		Program:   ledger.Program{ID: "courses", Banned: []string{"coupons.example", "deals.example"}},
		Affiliate: ledger.Affiliate{ID: "A", Program: "courses", Status: ledger.Active, Email: "sarah@example.org", User: "1"},
		Order:     ledger.Order{ID: "o1", Program: "courses", Time: ordered, Customer: "customer:c", Keys: []ledger.Key{"anon:v", "user:7", "customer:c"}, Coupons: []string{"TOM20"}},
		Winner:    &t, Recent: []ledger.Touch{t},
		Address: []ledger.Key{"customer:a"}, OwnCodes: []string{"SARAH15"},
	}
	change(&s)
	return s
}

// clicks are touches of one visitor, a time apart, the last one an hour before the order.
func clicks(n int, apart time.Duration) (all []ledger.Touch) {
	for i := range n {
		all = append(all, touched(fmt.Sprintf("t%02d", i), "A", time.Hour+time.Duration(i)*apart))
	}
	return all
}

// suspectCase is a change of suspected, and the one flag that comes of it; "" none.
type suspectCase struct {
	name     string
	change   func(*Suspicion)
	flag     string
	evidence string
}

func checkSuspects(t *testing.T, cases []suspectCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Suspect(suspected(c.change))
			if c.flag == "" && len(got) > 0 || c.flag != "" && len(got) != 1 {
				t.Fatalf("got %+v, want %q", got, c.flag)
			}
			if c.flag == "" {
				return
			}
			f := got[0]
			if f.Type != c.flag || !strings.Contains(f.Evidence, c.evidence) || strings.Contains(f.Evidence, "@") {
				t.Errorf("%s because %q, want %s because %q", f.Type, f.Evidence, c.flag, c.evidence)
			}
			if f.State != ledger.Open || f.Program != "courses" || f.Affiliate != "A" || f.Order != "o1" || f.By != "" || !f.Created.IsZero() {
				t.Errorf("got %+v", f)
			}
		})
	}
}

func TestRule15SelfReferral(t *testing.T) {
	checkSuspects(t, []suspectCase{
		{"nothing", func(*Suspicion) {}, "", ""},
		{"own address", func(s *Suspicion) { s.Order.Customer = "customer:a" }, SelfReferral, "the customer's e-mail address is the affiliate's own"},
		{"own address among the keys", func(s *Suspicion) { s.Order.Keys = append(s.Order.Keys, "customer:a") }, SelfReferral, "e-mail address"},
		{"own log-in of whoever bought", func(s *Suspicion) { s.Person = []ledger.Key{"user:1"} }, SelfReferral, "log-in"},
		{"own address, and no touch", func(s *Suspicion) { s.Order.Customer, s.Winner = "customer:a", nil }, SelfReferral, "e-mail address"},
		{"own log-in", func(s *Suspicion) { s.Affiliate.User = "7" }, SelfReferral, "the customer's log-in at the shop is the affiliate's own"},
		{"own log-in of the click", func(s *Suspicion) { s.Winner.Keys = []ledger.Key{"user:1"} }, SelfReferral, "log-in"},
		{"own coupon for oneself", func(s *Suspicion) { s.Order.Customer, s.Order.Coupons = "customer:a", []string{"TOM20", "SARAH15"} }, SelfReferral, "own, and so is the coupon SARAH15"},
		{"own coupon for another", func(s *Suspicion) { s.Order.Coupons = []string{"SARAH15"} }, "", ""},
		{"nothing known of either", func(s *Suspicion) {
			s.Order.Customer, s.Address, s.Affiliate.User, s.Order.Keys = "", []ledger.Key{""}, "", []ledger.Key{"user:"}
		}, "", ""},
	})
}

func TestRule15FastOrder(t *testing.T) {
	winner := func(before time.Duration) func(*Suspicion) {
		return func(s *Suspicion) { s.Winner.Time = ordered.Add(-before) }
	}
	checkSuspects(t, []suspectCase{
		{"at once", winner(0), FastOrder, "the order came 0 milliseconds after the click"},
		{"just too fast", winner(4999 * time.Millisecond), FastOrder, "4999 milliseconds"},
		{"fast", winner(5 * time.Second), "", ""},
		{"before the click", winner(-time.Second), "", ""},
		{"no click", func(s *Suspicion) { s.Winner = nil }, "", ""},
	})
}

func TestRule15ManyClicks(t *testing.T) {
	machines := clicks(21, time.Minute)
	machines[7].Machine = "prefetch"
	recent := func(touches []ledger.Touch) func(*Suspicion) {
		return func(s *Suspicion) { s.Recent = touches }
	}
	checkSuspects(t, []suspectCase{
		{"twenty clicks", recent(clicks(20, time.Minute)), "", ""},
		{"twenty-one", recent(clicks(21, time.Minute)), ManyClicks, "the visitor clicked the affiliate's links 21 times in 24 hours"},
		{"one of them a machine's", recent(machines), "", ""},
		{"over 24 hours", recent(clicks(21, 24*time.Hour/20)), ManyClicks, "21 times"},
		{"over more", recent(clicks(21, 24*time.Hour/20+time.Millisecond)), "", ""},
		{"forty, but slowly", recent(clicks(40, 2*time.Hour)), "", ""},
		{"on another day", recent(append(clicks(15, 3*time.Hour), func() []ledger.Touch {
			old := clicks(30, time.Minute)
			for i := range old {
				old[i].Time = old[i].Time.Add(-20 * day)
			}
			return old
		}()...)), ManyClicks, "30 times"},
	})
}

// viewed is what a landing page's view leaves of where its visitor came from.
func viewed(t *testing.T, referrer, query string) func(*Suspicion) {
	t.Helper()
	e := event.Event{ID: "e", Kind: event.Page, Time: ordered.Add(-day), Referrer: referrer, Search: "ref=sarah15&" + query}
	touch, ok := TouchOf(&e, ledger.Program{Params: []string{"ref"}}, func(string) (ledger.Code, bool) { return ledger.Code{Affiliate: "A"}, true })
	if !ok {
		t.Fatalf("%s is no touch", query)
	}
	return func(s *Suspicion) { s.Winner = &touch }
}

func TestRule15BannedReferrer(t *testing.T) {
	from := func(referrer string) func(*Suspicion) { return viewed(t, referrer, "") }
	checkSuspects(t, []suspectCase{
		{"banned", from("https://coupons.example/sarah"), BannedReferrer, "the visitor came from coupons.example, which the programme bans"},
		{"banned, below", from("http://WWW.best.Coupons.example:8080"), BannedReferrer, "from coupons.example,"},
		{"banned, a host", from("deals.example"), BannedReferrer, "from deals.example,"},
		{"banned, a host with more", from("deals.example./x%zz?u=https://blog.example"), BannedReferrer, "from deals.example,"},
		{"banned, named", from("https://ann%40x@coupons.example/"), BannedReferrer, "from coupons.example,"},
		{"much like it", from("https://notcoupons.example/"), "", ""},
		{"named in a path", from("https://blog.example/?u=//coupons.example"), "", ""},
		{"above it", from("https://example/"), "", ""},
		{"none", from(""), "", ""},
		{"no click", func(s *Suspicion) { s.Winner = nil }, "", ""},
	})
}

func TestRule15PaidSearch(t *testing.T) {
	query := func(q string) func(*Suspicion) { return viewed(t, "", q) }
	checkSuspects(t, []suspectCase{
		{"Google", query("x=a&gclid=Cj0"), PaidSearch, "the landing page was opened with gclid, which search engines add to advertisements"},
		{"Google, otherwise", query("GBRAID=1"), PaidSearch, "gbraid"},
		{"Google, on the web", query("wbraid=1&%zz&b=;"), PaidSearch, "wbraid"},
		{"Microsoft", query("msclkid=1"), PaidSearch, "msclkid"},
		{"cpc", query("utm_source=x&utm_medium=CPC"), PaidSearch, "utm_medium"},
		{"ppc", query("utm_medium=%20ppc"), PaidSearch, "utm_medium"},
		{"paid", query("utm_medium=email&Utm_Medium=paid-sarah@example.org"), PaidSearch, "the landing page was opened with a utm_medium of paid advertisements"},
		{"paid, then not", query("utm_medium=paid&utm_medium=email"), PaidSearch, "utm_medium"},
		{"unpaid", query("utm_medium=unpaid&utm_source=cpc&gclid="), "", ""},
		{"an affiliate's", query("utm_medium=affiliate"), "", ""},
		{"none", query(""), "", ""},
	})
}

// TestRule15AllAtOnce: one flag of each type, in their order, the same again.
func TestRule15AllAtOnce(t *testing.T) {
	s := suspected(func(s *Suspicion) {
		s.Order.Customer, s.Affiliate.User = "customer:a", "7"
		s.Winner.Time, s.Recent = ordered, clicks(99, time.Minute)
		s.Winner.Referrer, s.Winner.Paid = "coupons.example", "gclid"
	})
	flags, types, ids := Suspect(s), []string(nil), map[string]bool{}
	for _, f := range flags {
		types, ids[f.ID] = append(types, f.Type), true
	}
	if want := []string{SelfReferral, FastOrder, ManyClicks, BannedReferrer, PaidSearch}; !reflect.DeepEqual(types, want) || len(ids) != len(want) {
		t.Fatalf("got %v with ids %v", types, ids)
	}
	random := rand.New(rand.NewPCG(1, 15))
	random.Shuffle(len(s.Recent), func(i, j int) { s.Recent[i], s.Recent[j] = s.Recent[j], s.Recent[i] })
	if again := Suspect(s); !reflect.DeepEqual(again, flags) {
		t.Errorf("%+v, and again %+v", flags, again)
	}
	s.Order.ID = "o2"
	other := Suspect(s)
	s.Order.ID, s.Affiliate.ID = "o1", "B"
	for _, f := range append(other, Suspect(s)...) {
		if ids[f.ID] {
			t.Errorf("%s of %s and %s has an id of another", f.Type, f.Order, f.Affiliate)
		}
		ids[f.ID] = true
	}
}

func TestRule15FoldEmail(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, c := range []struct{ address, want string }{
		{"sarah@example.org", "sarah@example.org"},
		{" Sarah@Example.ORG\n", "sarah@example.org"},
		{"sarah+shop@example.org", "sarah@example.org"},
		{"sarah+a+b@example.org.", "sarah@example.org"},
		{"s.a.rah@example.org", "s.a.rah@example.org"}, // dots tell apart, but at Gmail
		{"S.a.rah+x@gmail.com", "sarah@gmail.com"},
		{"sa.rah@GoogleMail.com", "sarah@gmail.com"},
		{"sa.rah@gmail.com.example", "sa.rah@gmail.com.example"},
		{"jürgen@müller.example", "jürgen@müller.example"},
		{long + "@x.y", long + "@x.y"},
		{long + "@xx.y", ""},
		{"a+" + long + "@x.y", ""},
		{"", ""}, {"sarah", ""}, {"@example.org", ""}, {"sarah@", ""}, {"sarah@.", ""}, {"+x@example.org", ""}, {"...@gmail.com", ""},
		{"a@b@c.example", ""}, {"a b@c.example", ""}, {"a+ b@c.example", ""}, {"Sarah <sarah@example.org>", ""}, {"a@b.example,c@d.example", ""}, {"a\xff@b.example", ""},
	} {
		if got, ok := FoldEmail(c.address); got != c.want || ok != (c.want != "") {
			t.Errorf("%q is %q, %v; want %q", c.address, got, ok, c.want)
		}
	}
}

func FuzzFoldEmail(f *testing.F) {
	for _, address := range []string{" S.a+x@googlemail.com. ", "a@b@c", "Ⱥ@İ", "+@gmail.com", "a@.."} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		folded, ok := FoldEmail(address)
		if again, still := FoldEmail(folded); again != folded || still != ok {
			t.Errorf("%q is %q, %v, and that is %q, %v", address, folded, ok, again, still)
		}
		if local, domain, _ := strings.Cut(folded, "@"); ok && (local == "" || domain == "" || strings.Contains(local, "+")) {
			t.Errorf("%q is %q", address, folded)
		}
	})
}
