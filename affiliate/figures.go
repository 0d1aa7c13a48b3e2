package affiliate

import (
	"context"
	"slices"
	"sort"
	"time"

	"footfall/ledger"
	"footfall/metric"
	"footfall/money"
)

// Answer answers questions about earned metrics (metric.Earned) of a site from
// the ledger; it is a query source. A site in no programme has none: an answer
// without points.
func (d *Desk) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	out := metric.Dataset{Points: []metric.Point{}, Source: "ledger", AsOf: d.now()}
	if err := q.Check(); err != nil {
		return out, err
	}
	if _, ok := d.set.Load().program(q.Site); !ok || !q.Metric.Earned() {
		return out, nil
	}
	c := counting{Query: q, starts: q.Step.Cut(q.Window, q.Zone), values: map[string][]int64{}, totals: map[string]int64{}}
	err := d.book.View(ctx, func(tx ledger.Tx) error {
		switch q.Metric {
		case metric.Clicks:
			return c.clicks(tx)
		case metric.Commissions:
			return c.commissions(tx)
		}
		return c.orders(tx)
	})
	if err != nil {
		return out, err
	}
	out.Points = q.Answer(c.values, c.totals, out.AsOf)
	return out, nil
}

// counting is one question on its way.
type counting struct {
	metric.Query
	starts []time.Time
	values map[string][]int64
	totals map[string]int64
}

// only is the value that a dimension is filtered on, "" if it is not.
func (c *counting) only(d metric.Dimension) string {
	if d == "affiliate" && c.Affiliate != nil {
		return c.Affiliate.ID
	}
	for _, f := range c.Filters {
		if f.Dimension == d {
			return f.Value
		}
	}
	return ""
}

// add counts n for a row with these values of dimensions, if no filter leaves it out.
func (c *counting) add(at time.Time, n int64, of map[metric.Dimension]string) {
	for _, f := range c.Filters {
		if of[f.Dimension] != f.Value {
			return
		}
	}
	if c.Affiliate != nil && of["affiliate"] != c.Affiliate.ID {
		return
	}
	// A quarter that began before the window has something of it in the window.
	step := max(0, sort.Search(len(c.starts), func(i int) bool { return c.starts[i].After(at) })-1)
	series := of[c.By] // "" of no dimension
	if c.values[series] == nil {
		c.values[series] = make([]int64, len(c.starts))
	}
	c.values[series][step] += n
	c.totals[series] += n
}

func (c *counting) clicks(tx ledger.Tx) error {
	sums, err := tx.Traffic().Clicks(ledger.ClickFilter{Site: c.Site, Affiliate: c.only("affiliate"), Code: c.only("code"), From: c.Window.From, To: c.Window.To})
	for _, s := range sums {
		c.add(s.Quarter, s.Clicks, map[metric.Dimension]string{"affiliate": s.Affiliate, "code": s.Code, "sub": s.Sub})
	}
	return err
}

func (c *counting) commissions(tx ledger.Tx) error {
	sums, err := tx.Money().Sums(ledger.EntryFilter{Site: c.Site, Affiliate: c.only("affiliate"), Currency: c.Currency,
		Kinds: earnings, From: c.Window.From, To: c.Window.To})
	for _, s := range sums {
		if s.Currency != c.Currency {
			continue // nothing is converted
		}
		c.add(s.Quarter, money.Thousandths(s.Amount, s.Currency), map[metric.Dimension]string{"affiliate": s.Affiliate, "product": s.Product})
	}
	return err
}

// earnings are the kinds of entries that are commissions.
var earnings = slices.DeleteFunc(slices.Clone(ledger.EntryKinds), func(k ledger.EntryKind) bool { return !k.Payable() })

// orders counts conversions and what they sold: orders that an affiliate has.
func (c *counting) orders(tx ledger.Tx) error {
	orders, err := tx.Orders().List(ledger.OrderFilter{Site: c.Site, Affiliate: c.only("affiliate"), From: c.Window.From, To: c.Window.To})
	for i := range orders {
		o := &orders[i]
		if o.Affiliate == "" || !o.Known {
			continue
		}
		if c.Metric == metric.Conversions {
			c.add(o.Time, 1, map[metric.Dimension]string{"affiliate": o.Affiliate})
			continue
		}
		for _, l := range o.Lines {
			if o.Currency == c.Currency { // nothing is converted
				c.add(o.Time, money.Thousandths(l.Net, o.Currency), map[metric.Dimension]string{"affiliate": o.Affiliate, "product": l.Product})
			}
		}
	}
	return err
}
