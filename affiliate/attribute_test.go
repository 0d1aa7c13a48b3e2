package affiliate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
)

// ordered is the time of the order that the tests ask about.
var ordered = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// asked is a question about an order in a programme with a window of 30 days
// and coupons first. A and B are active; N, P and X are not.
func asked(touches ...ledger.Touch) Question {
	q := Question{
		Program:    ledger.Program{ID: "courses", Window: 30, Model: ledger.LastTouch, CouponPriority: true, Bind: ledger.BindNone, Hold: 30},
		Order:      ledger.Order{ID: "o1", Program: "courses", Time: ordered, Customer: "customer:c"},
		Touches:    touches,
		Affiliates: map[string]ledger.Affiliate{},
	}
	for id, status := range map[string]ledger.Status{"A": ledger.Active, "B": ledger.Active, "N": ledger.Applied, "P": ledger.Paused, "X": ledger.Banned} {
		q.Affiliates[id] = ledger.Affiliate{ID: id, Program: "courses", Status: status}
	}
	return q
}

// touched is a touch some time before the order.
func touched(id, affiliate string, before time.Duration) ledger.Touch {
	return ledger.Touch{ID: id, Program: "courses", Affiliate: affiliate, Code: affiliate + "1", Keys: []ledger.Key{"anon:v"},
		Time: ordered.Add(-before), Source: ledger.FromLink, Counted: true}
}

// couponed lists coupons in the order and gives them to affiliates: "B15", of B.
func couponed(q Question, coupons ...string) Question {
	for _, c := range coupons {
		q.Order.Coupons = append(q.Order.Coupons, c)
		q.Coupons = append(q.Coupons, ledger.Code{ID: c, Program: "courses", Affiliate: c[:1], Kind: ledger.CouponCode})
	}
	return q
}

// told writes a decision in one line: "B by coupon", "A by last t1", "nobody".
func told(d ledger.Decision) string {
	if d.Rule == RuleNone && d.Affiliate == "" && d.Touch == "" {
		return "nobody"
	}
	return strings.TrimSpace(cmp.Or(d.Affiliate, "nobody") + " by " + d.Rule + " " + d.Touch)
}

// because finds the reason for a candidate, with a + before it if it was kept.
func because(d ledger.Decision, id string) string {
	for _, c := range d.Explain {
		if c.ID == id && c.Kept {
			return "+" + c.Reason
		} else if c.ID == id {
			return c.Reason
		}
	}
	return "is not explained"
}

// decided is a question with its answer and reasons, by the candidates' ids.
type decided struct {
	name    string
	q       Question
	want    string
	reasons map[string]string
}

func checkDecisions(t *testing.T, cases []decided) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := Decide(c.q)
			if told(d) != c.want {
				t.Errorf("got %s, want %s", told(d), c.want)
			}
			for id, want := range c.reasons {
				if got := because(d, id); got != want {
					t.Errorf("%s: %q, want %q", id, got, want)
				}
			}
			if d.ID != "" || d.Order != "" || !d.Time.IsZero() {
				t.Errorf("what is the caller's is filled: %+v", d)
			}
		})
	}
}

// TestRule1Server: what a browser kept or forgot is in no answer, only whose a
// touch is and when it was. With cookies deleted the keys differ, and that is all.
func TestRule1Server(t *testing.T) {
	with := asked(touched("t1", "A", day), touched("t2", "B", 2*day))
	without := asked(touched("t1", "A", day), touched("t2", "B", 2*day))
	without.Order.Keys = []ledger.Key{"click:t1"}
	for i := range without.Touches {
		without.Touches[i].Keys = []ledger.Key{"customer:c"}
	}
	if a, b := Decide(with), Decide(without); !reflect.DeepEqual(a, b) || told(a) != "A by last t1" {
		t.Errorf("with cookies %+v, without %+v", a, b)
	}
}

func TestRule2Window(t *testing.T) {
	week := asked(touched("t1", "A", 7*day))
	week.Program.Window = 7
	one := asked(touched("t1", "A", day+time.Millisecond))
	one.Program.Window = 1
	summer := asked(touched("t1", "A", 30*day))
	summer.Order.Time = ordered.In(time.FixedZone("summer time", 7200))
	checkDecisions(t, []decided{
		{"nothing", asked(), "nobody", nil},
		{"at the order's time", asked(touched("t1", "A", 0)), "A by last t1", map[string]string{"t1": "+the last touch before the order"}},
		{"after it", asked(touched("t1", "A", -time.Millisecond)), "nobody", map[string]string{"t1": "came after the order"}},
		{"at the edge", asked(touched("t1", "A", 30*day)), "A by last t1", nil},
		{"older than the edge", asked(touched("t1", "A", 30*day+time.Millisecond)), "nobody", map[string]string{"t1": "over 30 days before the order: the window is 30 days"}},
		{"a day older", asked(touched("t1", "A", 31*day)), "nobody", map[string]string{"t1": "31 days before the order: the window is 30 days"}},
		{"another window", week, "A by last t1", nil},
		{"of one day", one, "nobody", map[string]string{"t1": "over 1 day before the order: the window is 1 day"}},
		{"days have 24 hours where clocks change", summer, "A by last t1", nil},
		{"a machine", asked(func() ledger.Touch { m := touched("t1", "A", day); m.Machine = "prefetch"; return m }()), "nobody",
			map[string]string{"t1": "came from a machine: prefetch"}},
		{"one that is not counted", asked(func() ledger.Touch { m := touched("t1", "A", day); m.Counted = false; return m }()), "A by last t1", nil},
	})
}

func TestWindow(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("NO TIME ZONES HERE: %v", err)
	}
	order := time.Date(2026, 3, 29, 12, 0, 0, 0, berlin) // a day after clocks went forward by an hour
	from, to := Window(ledger.Program{Window: 1}, order)
	if !to.Equal(order) || to.Sub(from) != day {
		t.Errorf("from %v to %v", from, to)
	}
	if from, _ := Window(ledger.Program{Window: 1_000_000}, order); from.Year() > 0 || from.Year() < -1000 {
		t.Errorf("a million days before %v is %v", order, from)
	}
}

// TestRule3Precedence: by hand, coupon, customer, touch, and what beats what is said.
func TestRule3Precedence(t *testing.T) {
	full := func(change func(*Question)) Question {
		q := couponed(asked(touched("t1", "A", day)), "B15")
		q.Program.Bind = ledger.BindCustomer
		q.Bound = &Binding{Order: "o0", Affiliate: "A", Time: ordered.Add(-90 * day)}
		q.Manual = &ledger.Decision{ID: "d0", Affiliate: "A", Touch: "t9", Time: ordered.Add(day), By: "ann"}
		change(&q)
		return q
	}
	noManual := func(q *Question) { q.Manual = nil }
	noCoupon := func(q *Question) { q.Manual, q.Coupons = nil, nil }
	later := func(q *Question) { q.Manual = nil; q.Program.CouponPriority = false }
	checkDecisions(t, []decided{
		{"by hand", full(func(*Question) {}), "A by manual t9", map[string]string{"d0": "+decided by hand", "B15": "what was decided by hand goes first",
			"o0": "what was decided by hand goes first", "t1": "what was decided by hand goes first"}},
		{"nobody by hand", full(func(q *Question) { q.Manual = &ledger.Decision{ID: "d0", By: "ann"} }), "nobody by manual",
			map[string]string{"d0": "+decided by hand: nobody has the order", "t1": "what was decided by hand goes first"}},
		{"by hand, and banned since", full(func(q *Question) { q.Manual.Affiliate = "X" }), "X by manual t9",
			map[string]string{"d0": "+decided by hand, and stays so; the affiliate is banned"}},
		{"a coupon of B after a click on A's link", full(noManual), "B by coupon", map[string]string{"B15": "+a coupon goes first",
			"o0": "a coupon goes first: B15", "t1": "a coupon goes first: B15"}},
		{"a customer", full(noCoupon), "A by customer", map[string]string{"o0": "+an earlier order binds the customer", "t1": "the customer is bound by an earlier order: o0"}},
		{"coupons without priority, a customer", full(later), "A by customer",
			map[string]string{"B15": "the customer is bound by an earlier order: o0", "t1": "the customer is bound by an earlier order: o0"}},
		{"coupons without priority, a link", full(func(q *Question) { later(q); q.Bound = nil }), "A by last t1",
			map[string]string{"B15": "in this programme a link goes before coupons: click t1"}},
		{"coupons without priority, and nothing else", full(func(q *Question) { later(q); q.Bound, q.Touches = nil, nil }), "B by coupon",
			map[string]string{"B15": "+a coupon, where no link counts"}},
		{"binding is off", full(func(q *Question) { noCoupon(q); q.Program.Bind = ledger.BindNone }), "A by last t1",
			map[string]string{"o0": "the programme does not bind customers"}},
	})
}

// TestCouponOfBAfterClickOnA is one of what must hold: B earns, and the
// explanation names A.
func TestCouponOfBAfterClickOnA(t *testing.T) {
	d := Decide(couponed(asked(touched("t1", "A", time.Minute)), "B15"))
	want := []ledger.Candidate{
		{Kind: KindCoupon, ID: "B15", Affiliate: "B", Time: ordered, Kept: true, Reason: "a coupon goes first"},
		{Kind: KindTouch, ID: "t1", Affiliate: "A", Time: ordered.Add(-time.Minute), Reason: "a coupon goes first: B15"},
	}
	if d.Affiliate != "B" || d.Rule != RuleCoupon || d.Touch != "" || d.By != "" || !reflect.DeepEqual(d.Explain, want) {
		t.Errorf("got %+v", d)
	}
}

func TestRule3Coupons(t *testing.T) {
	spans := func(from, to time.Duration) Question {
		q := couponed(asked(touched("t1", "A", day)), "B15")
		q.Coupons[0].From, q.Coupons[0].To = ordered.Add(from), ordered.Add(to)
		return q
	}
	twice := couponed(asked(), "B15", "A15", "B15")
	checkDecisions(t, []decided{
		{"of two the one listed first", couponed(asked(), "B15", "A15"), "B by coupon", map[string]string{"B15": "+a coupon goes first", "A15": "the coupon that the order lists first counts: B15"}},
		{"the other way round", couponed(asked(), "A15", "B15"), "A by coupon", map[string]string{"B15": "the coupon that the order lists first counts: A15"}},
		{"the first one's affiliate is paused", couponed(asked(), "P15", "B15"), "B by coupon", map[string]string{"P15": "the affiliate is paused"}},
		{"a banned one's, after a click", couponed(asked(touched("t1", "A", day)), "X15"), "A by last t1", map[string]string{"X15": "the affiliate is banned"}},
		{"listed twice", twice, "B by coupon", nil},
		{"valid from now on", spans(0, day), "B by coupon", nil},
		{"not valid yet", spans(time.Millisecond, day), "A by last t1", map[string]string{"B15": "the coupon was not valid at the time of the order"}},
		{"not valid any more", spans(-day, 0), "A by last t1", map[string]string{"B15": "the coupon was not valid at the time of the order"}},
	})
	if n := len(Decide(twice).Explain); n != 2 {
		t.Errorf("two coupons, one of them twice, are explained %d times", n)
	}
}

// TestRule3Standing: only active affiliates get orders, and the next one does.
func TestRule3Standing(t *testing.T) {
	bound := func(affiliate string) Question {
		q := asked(touched("t1", "A", day))
		q.Program.Bind, q.Bound = ledger.BindCustomer, &Binding{Order: "o0", Affiliate: affiliate, Time: ordered.Add(-day)}
		return q
	}
	first := asked(touched("t1", "P", 2*day), touched("t2", "A", day))
	first.Program.Model = ledger.FirstTouch
	checkDecisions(t, []decided{
		{"paused", asked(touched("t1", "P", day)), "nobody", map[string]string{"t1": "the affiliate is paused"}},
		{"banned", asked(touched("t1", "X", day)), "nobody", map[string]string{"t1": "the affiliate is banned"}},
		{"applied", asked(touched("t1", "N", day)), "nobody", map[string]string{"t1": "the affiliate is not accepted yet"}},
		{"unknown", asked(touched("t1", "Z", day)), "nobody", map[string]string{"t1": "the affiliate is not known"}},
		{"a paused one last", asked(touched("t1", "A", 2*day), touched("t2", "P", day)), "A by last t1", map[string]string{"t2": "the affiliate is paused"}},
		{"a paused one first", first, "A by first t2", map[string]string{"t1": "the affiliate is paused"}},
		{"bound to a banned one", bound("X"), "A by last t1", map[string]string{"o0": "the affiliate is banned"}},
		{"bound to an active one", bound("B"), "B by customer", nil},
	})
}

func TestRule3ModelAndTies(t *testing.T) {
	all := []ledger.Touch{touched("t1", "A", 3*day), touched("t2", "B", 2*day), touched("t3", "A", day)}
	first := asked(all...)
	first.Program.Model = ledger.FirstTouch
	tied := []ledger.Touch{touched("t1", "A", day), touched("t2", "B", day), touched("t0", "A", day)}
	firstTied := asked(append(tied, touched("t9", "A", time.Hour))...)
	firstTied.Program.Model = ledger.FirstTouch
	unset := asked(all...)
	unset.Program.Model = ""
	checkDecisions(t, []decided{
		{"the last", asked(all...), "A by last t3", map[string]string{"t3": "+the last touch before the order", "t1": "an earlier touch: the last one counts, click t3"}},
		{"the first", first, "A by first t1", map[string]string{"t1": "+the first touch of the window", "t3": "a later touch: the first one counts, click t1"}},
		{"the last of a tie", asked(tied...), "B by last t2", map[string]string{"t1": "a touch at the same time: the larger click id counts, t2"}},
		{"the first of a tie", firstTied, "B by first t2", map[string]string{"t0": "a touch at the same time: the larger click id counts, t2",
			"t9": "a later touch: the first one counts, click t2"}},
		{"no model is the last", unset, "A by last t3", nil},
	})
}

// TestRule4LateTouch: a touch that comes to light later changes the winner, and
// Same tells so; after a decision by hand it does not.
func TestRule4LateTouch(t *testing.T) {
	early := asked(touched("t1", "A", 2*day))
	late := asked(touched("t1", "A", 2*day), touched("t2", "B", day))
	older := asked(touched("t1", "A", 2*day), touched("t0", "B", 3*day))
	before := Decide(early)
	if after := Decide(late); Same(before, after) || told(after) != "B by last t2" {
		t.Errorf("a later touch: %s", told(after))
	}
	if after := Decide(older); !Same(before, after) {
		t.Errorf("an earlier touch: %s", told(after))
	}
	before.ID, before.Order, before.By, before.Time = "d1", "o1", "ann", ordered
	early.Manual, late.Manual = &before, &before
	if a, b := Decide(early), Decide(late); !Same(a, b) || told(b) != "A by manual t1" || b.By != "ann" {
		t.Errorf("by hand %s, then %s", told(a), told(b))
	}
}

func TestSame(t *testing.T) {
	d := ledger.Decision{ID: "d1", Affiliate: "A", Rule: RuleLast, Touch: "t1", Time: ordered}
	other := d
	other.ID, other.Time, other.Explain = "d2", ordered.Add(day), []ledger.Candidate{{ID: "t1"}}
	if !Same(d, other) {
		t.Error("another time and explanation change it")
	}
	for i, change := range []func(*ledger.Decision){
		func(d *ledger.Decision) { d.Affiliate = "B" },
		func(d *ledger.Decision) { d.Rule = RuleFirst },
		func(d *ledger.Decision) { d.Touch = "t2" },
	} {
		other := d
		if change(&other); Same(d, other) {
			t.Errorf("change %d is none", i)
		}
	}
}

// TestExplainOrder: what goes first is listed first, then newer touches.
func TestExplainOrder(t *testing.T) {
	q := couponed(asked(touched("t1", "A", day), touched("t3", "A", 40*day), touched("t0", "B", day), touched("t2", "P", time.Hour)), "B15", "A15")
	q.Bound = &Binding{Order: "o0", Affiliate: "A"}
	q.Manual = &ledger.Decision{ID: "d0", Affiliate: "A", By: "ann"}
	for _, c := range []struct {
		priority bool
		want     string
	}{{true, "d0 B15 A15 o0 t2 t1 t0 t3"}, {false, "d0 o0 t2 t1 t0 t3 B15 A15"}} {
		q.Program.CouponPriority = c.priority
		var ids []string
		for _, candidate := range Decide(q).Explain {
			ids = append(ids, candidate.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("priority %v: %s, want %s", c.priority, got, c.want)
		}
	}
}

// anything makes a random question, with edges and ties in it.
func anything(r *rand.Rand) Question {
	affiliate := func() string { return string("ABNPXZ"[r.IntN(6)]) }
	q := asked()
	q.Program.CouponPriority = r.IntN(2) == 0
	q.Program.Model = []ledger.Model{ledger.LastTouch, ledger.FirstTouch}[r.IntN(2)]
	q.Program.Bind = []ledger.Bind{ledger.BindNone, ledger.BindCustomer}[r.IntN(2)]
	for i := range r.IntN(8) {
		before := []time.Duration{-time.Millisecond, 0, time.Millisecond, day, day, 29 * day, 30*day - 1e6, 30 * day, 30*day + 1e6}[r.IntN(9)]
		t := touched(fmt.Sprint("t", i), affiliate(), before)
		if r.IntN(5) == 0 {
			t.Machine = "bot"
		}
		q.Touches = append(q.Touches, t)
	}
	for i := range r.IntN(3) {
		q = couponed(q, fmt.Sprint(affiliate(), i))
		if r.IntN(4) == 0 {
			q.Coupons[i].To = ordered.Add(time.Duration(r.IntN(2)))
		}
	}
	if r.IntN(3) == 0 {
		q.Bound = &Binding{Order: "o0", Affiliate: affiliate(), Time: ordered.Add(-100 * day)}
	}
	if r.IntN(6) == 0 {
		q.Manual = &ledger.Decision{ID: "d0", Affiliate: affiliate(), By: "ann"}
	}
	return q
}

// plainly is rule 3 word by word, one candidate after the other.
func plainly(q Question) string {
	if q.Manual != nil {
		return told(ledger.Decision{Affiliate: q.Manual.Affiliate, Rule: RuleManual})
	}
	active := func(affiliate string) bool { return affiliate == "A" || affiliate == "B" }
	coupon := "nobody"
	for _, text := range slices.Backward(q.Order.Coupons) {
		for _, c := range q.Coupons {
			if c.ID == text && active(c.Affiliate) && (c.To.IsZero() || ordered.Before(c.To)) {
				coupon = c.Affiliate + " by coupon"
			}
		}
	}
	if coupon != "nobody" && q.Program.CouponPriority {
		return coupon
	}
	if q.Bound != nil && q.Program.Bind == ledger.BindCustomer && active(q.Bound.Affiliate) {
		return q.Bound.Affiliate + " by customer"
	}
	var best *ledger.Touch
	for i, t := range q.Touches {
		age := ordered.Sub(t.Time)
		if t.Machine != "" || age < 0 || age > 30*24*time.Hour || !active(t.Affiliate) {
			continue
		}
		later := best != nil && (t.Time.After(best.Time) == (q.Program.Model == ledger.LastTouch))
		if best == nil || t.Time.Equal(best.Time) && t.ID > best.ID || !t.Time.Equal(best.Time) && later {
			best = &q.Touches[i]
		}
	}
	if best == nil {
		return coupon
	}
	return best.Affiliate + " by " + string(q.Program.Model) + " " + best.ID
}

// TestRule3AnyOrder: whatever arrives in whatever order, the answer is the same
// and as rule 3 says, all that was looked at is explained, and nothing changed.
func TestRule3AnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(2026, 3))
	seen := map[string]int{}
	for range 5000 {
		q := anything(r)
		d := Decide(q)
		seen[d.Rule]++
		if want := plainly(q); told(d) != want {
			t.Fatalf("got %s, want %s of %+v", told(d), want, q)
		}
		candidates := len(q.Touches) + len(q.Coupons)
		for _, there := range []bool{q.Bound != nil, q.Manual != nil} {
			if there {
				candidates++
			}
		}
		kept := 0
		for _, c := range d.Explain {
			if c.Kept {
				kept++
			}
			if c.Reason == "" || c.Kept && c.Affiliate != d.Affiliate {
				t.Fatalf("%+v of %+v", c, d)
			}
		}
		if len(d.Explain) != candidates || (kept == 1) != (d.Rule != RuleNone) || kept > 1 {
			t.Fatalf("%d candidates, %d explained, %d kept: %+v", candidates, len(d.Explain), kept, d)
		}
		shuffled := q
		shuffled.Touches, shuffled.Coupons = slices.Clone(q.Touches), slices.Clone(q.Coupons)
		r.Shuffle(len(q.Touches), func(i, j int) {
			shuffled.Touches[i], shuffled.Touches[j] = shuffled.Touches[j], shuffled.Touches[i]
		})
		r.Shuffle(len(q.Coupons), func(i, j int) {
			shuffled.Coupons[i], shuffled.Coupons[j] = shuffled.Coupons[j], shuffled.Coupons[i]
		})
		if n := len(shuffled.Touches); n > 0 { // one that is found twice is one
			shuffled.Touches = append(shuffled.Touches, shuffled.Touches[r.IntN(n)])
		}
		before := slices.Clone(shuffled.Touches)
		if again := Decide(shuffled); !reflect.DeepEqual(again, d) {
			t.Fatalf("in another order %+v, was %+v", again, d)
		}
		if !reflect.DeepEqual(before, shuffled.Touches) {
			t.Fatal("the question was changed")
		}
	}
	for _, rule := range []string{RuleManual, RuleCoupon, RuleCustomer, RuleLast, RuleFirst, RuleNone} {
		if seen[rule] < 50 {
			t.Errorf("only %d decisions by %s", seen[rule], rule)
		}
	}
}
