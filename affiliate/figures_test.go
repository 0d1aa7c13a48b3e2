package affiliate_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
)

// figure is what is answered of the programme's sites in all of its time, in euros.
func (d *desk) figure(q metric.Query) []metric.Point {
	d.t.Helper()
	q.Site, q.Sites, q.Currency = d.program.Sites[0], d.program.Sites, "EUR"
	if q.Window == (period.Window{}) {
		q.Window = d.days(400)
	}
	set, err := d.Answer(d.t.Context(), q)
	if err != nil {
		d.t.Fatal(err)
	}
	return set.Points
}

func sumOf(points []metric.Point) int64 { return metric.Dataset{Points: points}.Sum() }

// bySeries adds points up by series.
func bySeries(points []metric.Point) map[string]int64 {
	all := map[string]int64{}
	for _, p := range points {
		all[p.Series] += p.Value
	}
	return all
}

// TestRule17SplitsAddUp: of half a year by chance, what is split by anything adds
// up to the whole, filters pick what the split says, and states add up to commissions.
func TestRule17SplitsAddUp(t *testing.T) {
	for seed := range uint64(6) {
		d := busy(t, seed)
		for m, dimensions := range metric.Earned {
			if _, divided := metric.Ratios[m]; divided {
				continue
			}
			whole := sumOf(d.figure(metric.Query{Metric: m}))
			for _, step := range []period.Step{period.Total, period.Week} {
				if n := sumOf(d.figure(metric.Query{Metric: m, Step: step})); n != whole {
					t.Errorf("seed %d: %s of each %s add up to %d, want %d", seed, m, step, n, whole)
				}
			}
			for _, by := range dimensions {
				split := bySeries(d.figure(metric.Query{Metric: m, By: by, Step: period.Month}))
				sum := int64(0)
				for value, n := range split {
					sum += n
					if got := sumOf(d.figure(metric.Query{Metric: m, Filters: []metric.Filter{{Dimension: by, Value: value}}})); got != n {
						t.Errorf("seed %d: %s where %s is %q is %d, the split says %d", seed, m, by, value, got, n)
					}
				}
				if ofSeveral := m == metric.Conversions && by == "product"; sum != whole && !ofSeveral || ofSeveral && sum < whole {
					t.Errorf("seed %d: %s by %s add up to %d, want %d", seed, m, by, sum, whole)
				}
				if m == metric.Commissions {
					d.statesAddUp(by, split)
				}
			}
		}
		d.statesAreTheEntries()
	}
}

// statesAddUp: the six states of what a dimension has are its commissions.
func (d *desk) statesAddUp(by metric.Dimension, commissions map[string]int64) {
	d.t.Helper()
	sums := map[string]int64{}
	for _, m := range metric.States {
		for series, n := range bySeries(d.figure(metric.Query{Metric: m, By: by})) {
			sums[series] += n
		}
	}
	drop := func(_ string, n int64) bool { return n == 0 }
	maps.DeleteFunc(sums, drop)
	maps.DeleteFunc(commissions, drop)
	if len(metric.States) != 6 || !maps.Equal(sums, commissions) {
		d.t.Errorf("states by %s add up to %v, commissions are %v", by, sums, commissions)
	}
}

// statesAreTheEntries: each state has the entries that the ledger's own list says
// are in it, now and when more of them are available.
func (d *desk) statesAreTheEntries() {
	d.t.Helper()
	at := d.now
	defer func() { d.now = at }()
	for _, later := range []time.Duration{0, 12 * 24 * time.Hour} {
		window := d.days(400)
		d.now = at.Add(later)
		entries, err := d.Entries(d.t.Context(), ledger.EntryFilter{Program: d.program.ID, Currency: "EUR", From: window.From, To: window.To})
		if err != nil {
			d.t.Fatal(err)
		}
		want := map[affiliate.State]int64{}
		for _, e := range entries {
			if e.Kind.Payable() {
				want[e.State] += money.Thousandths(e.Amount, e.Currency)
			}
		}
		states := map[metric.Name]affiliate.State{metric.CommissionsPending: affiliate.StatePending, metric.CommissionsHeld: affiliate.StateHeld, metric.CommissionsAvailable: affiliate.StateAvailable,
			metric.CommissionsInPayout: affiliate.StateInPayout, metric.CommissionsPaid: affiliate.StatePaid, metric.CommissionsReversed: affiliate.StateReversed}
		for _, m := range metric.States {
			if got := sumOf(d.figure(metric.Query{Metric: m, Window: window})); got != want[states[m]] {
				d.t.Errorf("%s is %d, the ledger's entries say %d", m, got, want[states[m]])
			}
		}
	}
}

// TestRatios: what is divided is divided once, out of the sums of the step or the
// whole, and is none without a click.
func TestRatios(t *testing.T) {
	d := busy(t, 3)
	for m, r := range metric.Ratios {
		if !m.Earned() {
			continue
		}
		for _, by := range append([]metric.Dimension{""}, metric.Earned[m]...) {
			for _, step := range []period.Step{period.Total, period.Week} {
				of, to := figures(d.figure(metric.Query{Metric: r.Of, By: by, Step: step})), figures(d.figure(metric.Query{Metric: r.To, By: by, Step: step}))
				none, some := 0, 0
				for _, p := range d.figure(metric.Query{Metric: m, By: by, Step: step}) {
					at := fmt.Sprint(p.Series, p.Time)
					want, ok := r.Value(of[at], to[at])
					if p.None == ok || p.Value != want {
						t.Errorf("%s by %q: %+v, want %d (%v)", m, by, p, want, ok)
					}
					if p.None {
						none++
					} else if p.Value != 0 {
						some++
					}
					delete(of, at)
				}
				maps.DeleteFunc(of, func(_ string, n int64) bool { return n == 0 })
				if some == 0 && by != "website" || step == period.Week && none == 0 || len(of) > 0 {
					t.Errorf("%s by %q and %s: %d values, %d none, without %v", m, by, step, some, none, of)
				}
			}
		}
	}
}

func figures(points []metric.Point) map[string]int64 {
	all := map[string]int64{}
	for _, p := range points {
		all[fmt.Sprint(p.Series, p.Time)] = p.Value
	}
	return all
}

// TestRule17ThePortalIsTheAPI: of half a year by chance, each row of the portal's
// lists is what the analytics API answers where it is split so, and nobody's
// question about one affiliate is told of another.
func TestRule17ThePortalIsTheAPI(t *testing.T) {
	for seed := range uint64(4) {
		d := busy(t, seed)
		for _, a := range []ledger.Affiliate{d.anna, d.ben} {
			h := d.home(a, d.days(100))
			of := func(m metric.Name, by metric.Dimension) map[string]int64 {
				all := bySeries(d.figure(metric.Query{Metric: m, By: by, Window: h.Window, Affiliate: &metric.Affiliate{ID: a.ID}}))
				maps.DeleteFunc(all, func(_ string, n int64) bool { return n == 0 })
				return all
			}
			for by, parts := range map[metric.Dimension][]affiliate.Part{"code": ofKind(h.Ways, "touch"), "coupon": ofKind(h.Ways, "coupon"), "sub": h.Subs, "product": h.Products, "website": h.Sites} {
				want := map[metric.Name]map[string]int64{metric.Conversions: {}, metric.Sales: {}, metric.Commissions: {}}
				if by != "coupon" && by != "product" {
					want[metric.Clicks] = map[string]int64{}
				}
				for _, p := range parts {
					for m, n := range map[metric.Name]int64{metric.Clicks: p.Clicks, metric.Conversions: p.Orders, metric.Sales: p.Made["EUR"].Revenue * 10, metric.Commissions: p.Made["EUR"].Commission * 10} {
						if want[m] != nil && n != 0 && (p.Name != "" || by == "product" || by == "website") { // "" of a code, coupon or sub id is also what no click or coupon brought
							want[m][p.Name] = n
						}
					}
				}
				for m, rows := range want {
					got := of(m, by)
					if by == "code" || by == "coupon" || by == "sub" {
						delete(got, "")
					}
					if !maps.Equal(got, rows) {
						t.Errorf("seed %d, %s: %s by %s are %v, the portal shows %v", seed, a.Name, m, by, got, rows)
					}
				}
			}
			d.onlyOf(a)
		}
	}
}

func ofKind(parts []affiliate.Part, kind string) []affiliate.Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p affiliate.Part) bool { return p.Kind != kind })
}

// onlyOf asks everything about one affiliate: no answer names another's code or
// coupon, or differs from what a filter says.
func (d *desk) onlyOf(a ledger.Affiliate) {
	d.t.Helper()
	other := map[string][]string{d.anna.ID: {"BEN", "BEN15", d.ben.ID}, d.ben.ID: {"ANNA", "ANNA15", d.anna.ID}}[a.ID]
	for m, dimensions := range metric.Earned {
		for _, by := range append([]metric.Dimension{""}, dimensions...) {
			own := d.figure(metric.Query{Metric: m, By: by, Affiliate: &metric.Affiliate{ID: a.ID}})
			filtered := d.figure(metric.Query{Metric: m, By: by, Filters: []metric.Filter{{Dimension: "affiliate", Value: a.ID}}})
			if fmt.Sprint(own) != fmt.Sprint(filtered) {
				d.t.Errorf("%s by %q of %s: %v, a filter says %v", m, by, a.Name, own, filtered)
			}
			for _, p := range own {
				if slices.Contains(other, p.Series) {
					d.t.Errorf("%s by %s of %s tells of %s", m, by, a.Name, p.Series)
				}
			}
			for _, stolen := range []metric.Query{{Metric: m, By: by, Affiliate: &metric.Affiliate{ID: a.ID}, Filters: []metric.Filter{{Dimension: "affiliate", Value: other[2]}}},
				{Metric: m, By: by, Affiliate: &metric.Affiliate{}}} {
				if points := d.figure(stolen); sumOf(points) != 0 || by != "" && len(points) > 0 {
					d.t.Errorf("%s by %q of %s where another is asked for: %v", m, by, a.Name, points)
				}
			}
		}
	}
}
