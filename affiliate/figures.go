package affiliate

import (
	"context"
	"slices"

	"footfall/ledger"
	"footfall/metric"
	"footfall/money"
)

// earnings are the kinds of entries that are commissions.
var earnings = []ledger.EntryKind{ledger.Earn, ledger.Reverse, ledger.DisputeHold, ledger.DisputeRelease, ledger.Manual}

// Answer answers questions about earned metrics (metric.Earned) of a site, or of
// some, from the ledger; it is a query source. A site in no programme has none: an
// answer without points.
func (d *Desk) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	out := metric.Dataset{Points: []metric.Point{}, Source: "ledger", AsOf: d.now()}
	if err := q.Check(); err != nil {
		return out, err
	}
	sites, set := slices.Clone(q.Sites), d.set.Load()
	if len(sites) == 0 {
		sites = []string{q.Site}
	}
	sites = slices.DeleteFunc(sites, func(site string) bool {
		_, ok := set.program(site)
		return !ok
	})
	if len(sites) == 0 || !q.Metric.Earned() || q.Affiliate != nil && q.Affiliate.ID == "" {
		return out, nil
	}
	c := counting{Query: q, cut: ledger.Cut{Sites: sites, From: q.Window.From, To: q.Window.To, Steps: q.Step.Cut(q.Window, q.Zone), Now: out.AsOf}}
	if q.Affiliate != nil {
		c.cut.Affiliate = q.Affiliate.ID
	}
	err := d.book.View(ctx, func(tx ledger.Tx) (err error) {
		out.Points, err = c.points(tx.Figures())
		return err
	})
	return out, err
}

// counting is one question on its way.
type counting struct {
	metric.Query
	cut ledger.Cut // without what it is split by
}

// points counts, and divides what is a ratio.
func (c *counting) points(f ledger.Figures) ([]metric.Point, error) {
	ratio, divided := metric.Ratios[c.Metric]
	if !divided {
		values, err := c.count(f, c.Metric)
		totals := map[string]int64{}
		for name, steps := range values {
			for _, n := range steps {
				totals[name] += n
			}
		}
		return c.Query.Answer(values, totals, c.cut.Now), err
	}
	of, err := c.count(f, ratio.Of)
	if err != nil {
		return nil, err
	}
	to, err := c.count(f, ratio.To)
	return c.Divide(of, to, c.cut.Now), err
}

// columns are how the ledger names dimensions.
var columns = map[metric.Dimension]ledger.By{"affiliate": ledger.ByAffiliate, "code": ledger.ByCode, "sub": ledger.BySub, "coupon": ledger.ByCoupon, "product": ledger.ByProduct, "website": ledger.BySite}

// text is what a figure has of a dimension; "" of none.
func text(s *ledger.Sum, d metric.Dimension) string {
	if of, ok := s.Of(columns[d]).(*string); ok {
		return *of
	}
	return ""
}

// count adds a metric up, by series and step.
func (c *counting) count(f ledger.Figures, m metric.Name) (map[string][]int64, error) {
	sums, err := sumsOf(f, m, c.split())
	values := map[string][]int64{}
	for i := range sums {
		s := &sums[i]
		if m.Money() && s.Currency != c.Currency || !counts(m, s) { // nothing is converted
			continue
		}
		if slices.ContainsFunc(c.Filters, func(f metric.Filter) bool { return text(s, f.Dimension) != f.Value }) {
			continue
		}
		series := text(s, c.By)
		if values[series] == nil {
			values[series] = make([]int64, len(c.cut.Steps))
		}
		if m.Money() {
			s.Value = money.Thousandths(s.Value, s.Currency)
		}
		values[series][s.Step] += s.Value
	}
	return values, err
}

// split is the cut of the question, by what it splits and filters.
func (c *counting) split() ledger.Cut {
	cut := c.cut
	for _, f := range append(slices.Clone(c.Filters), metric.Filter{Dimension: c.By}) {
		if by := columns[f.Dimension]; by != "" && !slices.Contains(cut.By, by) {
			cut.By = append(cut.By, by)
		}
	}
	return cut
}

// inState are the metrics of commissions in a state.
var inState = map[metric.Name]State{metric.CommissionsPending: StatePending, metric.CommissionsHeld: StateHeld, metric.CommissionsAvailable: StateAvailable,
	metric.CommissionsInPayout: StateInPayout, metric.CommissionsPaid: StatePaid, metric.CommissionsReversed: StateReversed}

// sumsOf are the figures that a metric is made of; amounts are by currency as well.
func sumsOf(f ledger.Figures, m metric.Name, cut ledger.Cut) ([]ledger.Sum, error) {
	if m.Money() {
		cut.By = append(slices.Clone(cut.By), ledger.ByCurrency)
	}
	switch m {
	case metric.Clicks:
		return f.Clicks(cut)
	case metric.Conversions:
		return f.Orders(cut)
	case metric.Sales:
		return f.Sales(cut)
	}
	if inState[m] != "" {
		cut.By = append(cut.By, ledger.ByKind, ledger.ByPayout, ledger.ByDue, ledger.ByFlagged)
	}
	return f.Commissions(cut)
}

// counts reports whether a figure is of the state that a metric counts.
func counts(m metric.Name, s *ledger.Sum) bool {
	state := inState[m]
	return state == "" || stateOf(s.Kind, placeOf(s.Payout, s.Flagged, s.Due)) == state
}
