package digest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/ledger"
	"footfall/mail"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
)

// Desk knows affiliates; affiliate.Desk is one.
type Desk interface {
	Affiliate(ctx context.Context, id string) (ledger.Affiliate, error)
	Figures(id string) (a metric.Affiliate, sites []string, ok bool)
	Payouts(ctx context.Context, program, affiliate string) ([]ledger.Payout, error)
	Programs(ctx context.Context) ([]ledger.Program, error)
	Made(ctx context.Context, id string, window period.Window) (map[string]affiliate.Made, error)
}

// earned are what an affiliate is told, in this order.
var earned = []metric.Name{metric.Clicks, metric.Conversions, metric.ConversionRate, metric.Sales, metric.Commissions, metric.EPC}

// Affiliate writes what a letter tells an affiliate of a programme whose first site
// is given. Every question is about this affiliate alone.
func (s Sources) Affiliate(ctx context.Context, a ledger.Affiliate, program ledger.Program, site account.Site, p Period) (mail.Report, error) {
	zone := site.Location()
	own, sites, ok := s.Desk.Figures(a.ID)
	if !ok || own.ID != a.ID {
		return mail.Report{}, ledger.ErrNotFound
	}
	ask := metric.Query{Site: site.ID, Sites: sites, Window: p.Window(zone), Zone: zone, Currency: site.Currency, Affiliate: &own}
	r := mail.Report{Title: program.Name, Period: p.String(), Before: p.Before().String(), Subject: fmt.Sprintf("%s: your %s", program.Name, p)}
	for _, m := range earned {
		now, err := s.one(ctx, ask, m)
		if err != nil {
			return mail.Report{}, err
		}
		earlier := ask
		earlier.Window = p.Before().Window(zone)
		before, err := s.one(ctx, earlier, m)
		if err != nil {
			return mail.Report{}, err
		}
		r.Sums = append(r.Sums, sum(m, now, before, site.Currency))
	}
	clicks, times, err := s.steps(ctx, ask, metric.Clicks, p)
	if err != nil {
		return mail.Report{}, err
	}
	orders, _, err := s.steps(ctx, ask, metric.Conversions, p)
	if err != nil {
		return mail.Report{}, err
	}
	r.Chart = picture(p, zone, times, series{metric.Clicks, clicks}, series{metric.Conversions, orders})
	for _, l := range []struct {
		title string
		by    metric.Dimension
		of    metric.Name
	}{{"Codes", "code", metric.Clicks}, {"Products", "product", metric.Conversions}} {
		list, err := s.parts(ctx, ask, p, l.by, l.of)
		if err != nil {
			return mail.Report{}, err
		}
		if list.Title = l.title; len(list.Rows) > 0 {
			r.Lists = append(r.Lists, list)
		}
	}
	others, err := s.others(ctx, a.ID, site, p)
	if err != nil {
		return mail.Report{}, err
	}
	if len(others.Rows) > 0 {
		r.Lists = append(r.Lists, others)
	}
	payouts, err := s.payouts(ctx, a, p.Window(zone), zone)
	if len(payouts.Rows) > 0 {
		r.Lists = append(r.Lists, payouts)
	}
	return r, err
}

// one is a metric of the whole window.
func (s Sources) one(ctx context.Context, q metric.Query, m metric.Name) (metric.Value, error) {
	q.Metric = m
	d, err := s.Earned.Answer(ctx, q)
	if err != nil || len(d.Points) == 0 {
		_, divided := metric.Ratios[m]
		return metric.Value{None: divided}, err
	}
	return metric.Value{N: d.Points[0].Value, None: d.Points[0].None}, nil
}

// steps is a metric by the steps of the chart.
func (s Sources) steps(ctx context.Context, q metric.Query, m metric.Name, p Period) (values []int64, times []time.Time, err error) {
	q.Metric, q.Step = m, p.step()
	d, err := s.Earned.Answer(ctx, q)
	for _, point := range d.Points {
		values, times = append(values, point.Value), append(times, point.Time)
	}
	return values, times, err
}

// parts are the values of a dimension that have most of a metric.
func (s Sources) parts(ctx context.Context, q metric.Query, p Period, by metric.Dimension, of metric.Name) (mail.List, error) {
	q.Metric, q.By, q.Limit = of, by, rows
	now, err := s.Earned.Answer(ctx, q)
	if err != nil {
		return mail.List{}, err
	}
	q.Limit, q.Window = 0, p.Before().Window(q.Zone)
	earlier, err := s.Earned.Answer(ctx, q)
	if err != nil {
		return mail.List{}, err
	}
	before := map[string]int64{}
	for _, point := range earlier.Points {
		before[point.Series] = point.Value
	}
	list := mail.List{Of: names[of]}
	for _, point := range now.Points {
		if point.Value > 0 && point.Series != "" {
			list.Rows = append(list.Rows, mail.Row{Name: point.Series, Value: number(of, metric.Value{N: point.Value}, ""), Before: number(of, metric.Value{N: before[point.Series]}, "")})
		}
	}
	return list, nil
}

// others is what the affiliate made in other currencies than the first site's:
// nothing is converted, so it is in none of the figures above.
func (s Sources) others(ctx context.Context, id string, site account.Site, p Period) (mail.List, error) {
	list := mail.List{Title: "Other currencies", Of: "Amount"}
	now, err := s.Desk.Made(ctx, id, p.Window(site.Location()))
	if err != nil {
		return list, err
	}
	before, err := s.Desk.Made(ctx, id, p.Before().Window(site.Location()))
	for _, currency := range slices.Sorted(maps.Keys(now)) {
		if currency == site.Currency {
			continue
		}
		was := before[currency]
		list.Rows = append(list.Rows,
			mail.Row{Name: "Sales in " + currency, Value: amount(now[currency].Revenue, currency), Before: amount(was.Revenue, currency)},
			mail.Row{Name: "Commissions in " + currency, Value: amount(now[currency].Commission, currency), Before: amount(was.Commission, currency)})
	}
	return list, err
}

// payouts are the affiliate's that were made, or came into the state of now, within a window.
func (s Sources) payouts(ctx context.Context, a ledger.Affiliate, w period.Window, zone *time.Location) (mail.List, error) {
	all, err := s.Desk.Payouts(ctx, a.Program, a.ID)
	list := mail.List{Title: "Payouts", Of: "Amount"}
	in := func(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }
	for _, p := range all {
		if p.Affiliate != a.ID || !in(p.Created) && !in(p.Changed) || p.State == ledger.Draft {
			continue
		}
		list.Rows = append(list.Rows, mail.Row{Name: p.Changed.In(zone).Format("2 Jan 2006") + ", " + string(p.State), Value: amount(p.Amount, p.Currency)})
	}
	return list, err
}

// amount spells minor units.
func amount(minor int64, currency string) string {
	return grouped(money.Format(minor, currency)) + " " + currency
}
