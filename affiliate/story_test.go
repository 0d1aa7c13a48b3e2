package affiliate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/money"
	"footfall/shop"
)

// story makes what happens to an order at random: contents, refunds of every
// form, disputes and decisions, over four months.
type story struct {
	*rand.Rand
	n int
}

// moment is often one that something else has too.
func (s *story) moment() time.Time { return ordered.Add(time.Duration(s.IntN(40)-4) * 3 * day) }

func (s *story) report() *shop.Report {
	s.n++
	r := &shop.Report{Time: s.moment(), Said: s.moment(), From: shop.FromAPI, Verified: s.IntN(4) > 0}
	id := fmt.Sprintf("%d", s.IntN(6))
	switch s.IntN(5) {
	case 0:
		r.Order = &shop.Order{Currency: []string{"EUR", "EUR", "EUR", "KWD"}[s.IntN(4)], Total: s.Int64N(3) * 500}
		for i := range 1 + s.IntN(3) {
			l := line(fmt.Sprint("l", i), s.Int64N(4), s.Int64N(400))
			l.Product = fmt.Sprint("p", s.IntN(3))
			r.Order.Lines = append(r.Order.Lines, l)
		}
	case 1, 2:
		r.Refund = &shop.Refund{ID: id, Full: s.IntN(12) == 0, Amount: s.Int64N(90), Gross: s.IntN(3) == 0, Cumulative: s.IntN(4) == 0}
		if s.IntN(8) == 0 {
			r.Refund.ID = ""
		}
		for range s.IntN(3) {
			r.Refund.Lines = append(r.Refund.Lines, shop.RefundLine{Line: fmt.Sprint("l", s.IntN(4)), Product: fmt.Sprint("p", s.IntN(4)), Amount: s.Int64N(3) * 20, Quantity: s.Int64N(3)})
		}
	default:
		r.Dispute = &shop.Dispute{ID: id, State: []shop.DisputeState{shop.Disputed, shop.Won, shop.Lost}[s.IntN(3)]}
	}
	return r
}

func (s *story) rules() []ledger.Rule {
	return []ledger.Rule{half,
		{ID: "b", Affiliate: "B", Kind: ledger.Percent, Rate: 333_333, Cap: 120, Currency: "EUR"},
		{ID: "p1", Product: "p1", Kind: ledger.PerUnit, Amount: 25, Currency: "EUR"},
		{ID: "p2", Product: "p2", Kind: ledger.PerOrder, Amount: 77, Currency: "EUR"}}[:1+s.IntN(4)]
}

// arrival brings facts and decisions in some order, some of them again, and
// settles after each group.
func (s *story) arrival(t *testing.T, c Case) *ledgerOf {
	l := opened(t, c.Rules...)
	l.Program, l.Decisions = c.Program, nil
	facts := slices.Clone(c.Facts)
	s.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	for len(l.Facts) < len(c.Facts) || len(l.Decisions) < len(c.Decisions) {
		for range 1 + s.IntN(3) {
			switch n := len(l.Facts); {
			case n > 0 && s.IntN(3) == 0: // an adapter may list a fact twice
				l.settle()
				l.Facts = append(l.Facts[:n:n], l.Facts[s.IntN(n)])
				if twice := l.settle(); len(twice) > 0 {
					t.Fatalf("a fact that is listed twice posts %+v", twice)
				}
				l.Facts = l.Facts[:n]
			case n < len(facts):
				l.Facts = append(l.Facts, facts[n])
			}
		}
		if n := len(l.Decisions); n < len(c.Decisions) && s.IntN(2) == 0 {
			l.Decisions = c.Decisions[:n+1]
		}
		l.settle()
	}
	return l
}

// The ledger does not depend on the order in which facts and decisions arrive,
// on their grouping or repeats: each affiliate's lines have the same sums in
// each month. An order with positive lines never gives anybody less than nothing.
func TestArrivalDoesNotMatter(t *testing.T) {
	t.Parallel()
	moved := 0
	for seed := range uint64(150) {
		s := &story{Rand: rand.New(rand.NewPCG(seed, 11))}
		c := Case{Program: ledger.Program{ID: "courses", Hold: s.IntN(3) * 20, TrustEvents: s.IntN(3) == 0}, Rules: s.rules()}
		for range s.IntN(12) {
			f := FactOf(s.report())
			if f.Order = "o1"; !slices.ContainsFunc(c.Facts, func(kept ledger.Fact) bool { return kept.ID == f.ID }) {
				c.Facts = append(c.Facts, f)
			}
		}
		for i := range s.IntN(5) {
			d := automatic(fmt.Sprint("d", i), []string{"A", "B", "C", ""}[s.IntN(4)], i)
			if d.Time = s.moment(); s.IntN(4) == 0 {
				d.Rule, d.By = RuleManual, "p1"
			}
			c.Decisions = append(c.Decisions, d)
		}
		single := opened(t, c.Rules...)
		single.Program, single.Decisions, single.Facts = c.Program, c.Decisions, c.Facts
		single.settle()
		for range 3 {
			l := s.arrival(t, c)
			byMonth := func(e ledger.Entry) string {
				return fmt.Sprint(e.Affiliate, e.Line, e.Currency, e.Occurred.Format("2006-01"))
			}
			if got, want := totals(l.Posted, byMonth), totals(single.Posted, byMonth); !maps.Equal(got, want) {
				t.Fatalf("seed %d: by month %v\nin one pass %v", seed, got, want)
			}
			if len(l.Posted) > len(single.Posted) {
				moved++
			}
			neverNegative(t, seed, l.Posted)
		}
	}
	if moved < 75 {
		t.Errorf("only %d arrivals were in a bad order", moved)
	}
}

// neverNegative looks at each moment at which something occurred.
func neverNegative(t *testing.T, seed uint64, entries []ledger.Entry) {
	t.Helper()
	for _, at := range entries {
		until := slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool { return e.Occurred.After(at.Occurred) })
		for account, sum := range totals(until, func(e ledger.Entry) string { return e.Affiliate + " " + e.Line + " " + e.Currency }) {
			if sum < 0 {
				t.Fatalf("seed %d: %s has %d at %v", seed, account, sum, at.Occurred)
			}
		}
	}
}

// Of whom no decision took the order, the sums of each kind are the same too.
func TestArrivalDoesNotMatterByKind(t *testing.T) {
	t.Parallel()
	byKind := func(e ledger.Entry) string { return fmt.Sprint(e.Line, e.Kind, e.Currency, e.Occurred.Unix()) }
	for seed := range uint64(100) {
		s := &story{Rand: rand.New(rand.NewPCG(seed, 12))}
		single := opened(t, s.rules()...)
		for range s.IntN(10) {
			single.keep(s.report())
		}
		single.settle()
		l := s.arrival(t, single.Case)
		if got, want := totals(l.Posted, byKind), totals(single.Posted, byKind); !maps.Equal(got, want) {
			t.Fatalf("seed %d: by kind %v\nin one pass %v", seed, got, want)
		}
	}
}

// Random partial refunds, in random order and grouping: the ledger adds up to
// the commission of what remains, worked out here line by line.
func TestRule11AnyRefunds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		s := &story{Rand: rand.New(rand.NewPCG(seed, 13))}
		rule := ledger.Rule{ID: "r", Kind: ledger.Percent, Rate: s.Int32N(money.PPM)}
		var lines []ledger.Line
		back := map[string]int64{}
		for i := range 1 + s.IntN(4) {
			lines = append(lines, line(fmt.Sprint("l", i), 1, s.Int64N(1000)))
		}
		type refund struct {
			line   string
			amount int64
		}
		var refunds []refund
		for range s.IntN(8) {
			r := refund{lines[s.IntN(len(lines))].ID, 1 + s.Int64N(400)}
			refunds, back[r.line] = append(refunds, r), back[r.line]+r.amount
		}
		for range 3 {
			l := opened(t, rule)
			s.Shuffle(len(refunds), func(i, j int) { refunds[i], refunds[j] = refunds[j], refunds[i] })
			reports := []*shop.Report{sold(lines...)}
			for i, rest := 0, refunds; len(rest) > 0; i++ {
				n := 1 + s.IntN(len(rest))
				r := shop.Refund{ID: fmt.Sprint(i)}
				for _, one := range rest[:n] {
					r.Lines = append(r.Lines, shop.RefundLine{Line: one.line, Amount: one.amount})
				}
				reports, rest = append(reports, refunded(s.IntN(90)-5, r)), rest[n:]
			}
			s.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
			for _, r := range reports {
				l.keep(r, r).settle()
			}
			want := map[string]int64{}
			for _, one := range lines {
				if c := money.Share(max(0, one.Net-back[one.ID]), rule.Rate); c != 0 {
					want[one.ID] = c
				}
			}
			if got := totals(l.Posted, byLine); !maps.Equal(got, want) {
				t.Fatalf("seed %d: the lines have %v, want %v", seed, got, want)
			}
		}
	}
}

// An amount of the order as a whole comes to the same in one refund or several,
// with or without tax, between refunds of lines, and told as all so far.
func TestRule11AnyGrouping(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		s := &story{Rand: rand.New(rand.NewPCG(seed, 14))}
		content := sold(line("a", 1, s.Int64N(500)), line("b", 1, s.Int64N(500)), line("c", 1, s.Int64N(500)))
		content.Order.Total = s.Int64N(2000)
		all, gross := s.Int64N(700), s.IntN(2) == 0
		ofLine := refunded(s.IntN(9), shop.Refund{ID: "line", Lines: []shop.RefundLine{{Line: "b", Amount: s.Int64N(200)}}})
		one := opened(t, half).keep(content, ofLine, refunded(5, shop.Refund{ID: "all", Amount: max(1, all), Gross: gross}))
		one.settle()
		several := opened(t, half).keep(content, ofLine)
		for left, i := max(1, all), 0; left > 0; i++ {
			some := 1 + s.Int64N(left)
			several.keep(refunded(s.IntN(9), shop.Refund{ID: fmt.Sprint(i), Amount: some, Gross: gross}))
			left -= some
		}
		several.settle()
		if got, want := totals(several.Posted, byLine), totals(one.Posted, byLine); !maps.Equal(got, want) {
			t.Fatalf("seed %d: in several %v, in one %v", seed, got, want)
		}

		one = opened(t, half).keep(content, refunded(5, shop.Refund{ID: "all", Amount: max(1, all), Gross: gross}))
		one.settle()
		soFar := opened(t, half).keep(content)
		for _, amount := range []int64{max(1, all), 1 + all/2, 1 + all/3} {
			soFar.keep(refunded(s.IntN(9), shop.Refund{ID: "ch", Amount: min(max(1, all), amount), Gross: gross, Cumulative: true})).settle()
		}
		if got, want := totals(soFar.Posted, byLine), totals(one.Posted, byLine); !maps.Equal(got, want) {
			t.Fatalf("seed %d: told as all so far %v, in one %v", seed, got, want)
		}
	}
}
