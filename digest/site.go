package digest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/mail"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

// Sources answer the questions of reports.
type Sources struct {
	Tables query.Tabulator // of events
	Earned query.Source    // of affiliate programmes
	Desk   Desk            // nil: there are no programmes
}

// names are how letters call metrics.
var names = map[metric.Name]string{
	metric.Visitors: "Visitors", metric.PageViews: "Page views", metric.Sessions: "Sessions", metric.BounceRate: "Bounce rate", metric.Downloads: "Downloads",
	metric.Orders: "Orders", metric.Revenue: "Revenue", metric.Refunded: "Refunded",
	metric.Clicks: "Clicks", metric.Conversions: "Orders", metric.ConversionRate: "Conversion rate", metric.Sales: "Sales", metric.Commissions: "Commissions", metric.EPC: "Earned per click",
}

// always are told of every site, and what else is counted, and amounts, where there
// are any.
var (
	always  = []metric.Name{metric.Visitors, metric.PageViews, metric.Sessions, metric.BounceRate}
	counted = append(slices.Clone(always), metric.Downloads, metric.Orders)
	amounts = []metric.Name{metric.Revenue, metric.Refunded}
)

// rows is how many values a list has.
const rows = 8

// Site writes what a letter tells of a site. All of it are answers to reports.
func (s Sources) Site(ctx context.Context, site account.Site, p Period) (mail.Report, error) {
	zone := site.Location()
	ask := metric.Report{Site: site.ID, Window: p.Window(zone), Zone: zone, Currency: site.Currency}
	r := mail.Report{Title: site.Domain, Period: p.String(), Before: p.Before().String(), Subject: fmt.Sprintf("%s: %s", site.Domain, p)}
	var err error
	if r.Sums, err = s.sums(ctx, ask, p, site.Currency); err != nil {
		return mail.Report{}, err
	}
	if r.Chart, err = s.chart(ctx, ask, p); err != nil {
		return mail.Report{}, err
	}
	// The site's own pages and the empty source are steps within a visit.
	own := append([]string{"", site.Domain, strings.TrimPrefix(site.Domain, "www."), "internal"}, site.Internal...)
	for _, l := range []struct {
		title string
		by    metric.Dimension
		of    metric.Name
		but   []string
	}{{"Pages", "page", metric.PageViews, nil}, {"Sources", "source", metric.Visitors, own}, {"Came by", "class", metric.Visitors, own}, {"Countries", "country", metric.Visitors, nil}} {
		list, err := s.list(ctx, ask, p, l.by, l.of, l.but)
		if err != nil {
			return mail.Report{}, err
		}
		if list.Title = l.title; len(list.Rows) > 0 {
			r.Lists = append(r.Lists, list)
		}
	}
	return r, nil
}

// sums are the figures of the whole period beside those of the one before. Where money
// can't be told, as it was counted in another currency, there is none of it, and all
// others.
func (s Sources) sums(ctx context.Context, ask metric.Report, p Period, currency string) (sums []mail.Sum, err error) {
	ask.Compare = p.Before().Window(ask.Zone)
	for _, ask.Metrics = range [][]metric.Name{counted, amounts} {
		t, err := s.Tables.Tabulate(ctx, ask)
		_, untold := errors.AsType[*metric.QueryError](err)
		untold = untold && ask.Metrics[0].Money()
		if err != nil && !untold {
			return nil, err
		}
		for i, m := range ask.Metrics {
			now, before := metric.Value{None: untold}, metric.Value{None: untold}
			if len(t.Rows) > 0 {
				now, before = t.Rows[0].Values[i], t.Rows[0].Before[i]
			}
			if !untold && now.N == 0 && before.N == 0 && !slices.Contains(always, m) {
				continue
			}
			sums = append(sums, sum(m, now, before, currency))
		}
	}
	return sums, nil
}

func sum(m metric.Name, now, before metric.Value, currency string) mail.Sum {
	x := mail.Sum{Name: names[m], Value: number(m, now, currency), Before: number(m, before, currency)}
	x.Change, x.Sense = change(m, now, before)
	return x
}

// chart draws page views and visitors of each step; nil where there are none.
func (s Sources) chart(ctx context.Context, ask metric.Report, p Period) (*mail.Chart, error) {
	ask.Metrics, ask.Step, ask.Order = []metric.Name{metric.PageViews, metric.Visitors}, p.step(), []metric.Order{{}}
	t, err := s.Tables.Tabulate(ctx, ask)
	if err != nil {
		return nil, err
	}
	var times []time.Time
	var views, visitors []int64
	for _, row := range t.Rows {
		times, views, visitors = append(times, row.Time), append(views, row.Values[0].N), append(visitors, row.Values[1].N)
	}
	return picture(p, ask.Zone, times, series{metric.PageViews, views}, series{metric.Visitors, visitors}), nil
}

// series is a metric's values, one a step.
type series struct {
	of     metric.Name
	values []int64
}

// picture is the chart of two series; nil of nothing.
func picture(p Period, zone *time.Location, times []time.Time, wide, small series) *mail.Chart {
	most, at := int64(0), 0
	for i, n := range wide.values {
		if n > most {
			most, at = n, i
		}
	}
	if len(times) == 0 || max(most, slices.Max(small.values)) == 0 {
		return nil
	}
	when := func(t time.Time) string {
		if p.step() == period.Hour {
			return t.In(zone).Format("15:04")
		}
		return t.In(zone).Format("2 Jan")
	}
	c := &mail.Chart{PNG: draw(wide.values, small.values), Wide: names[wide.of], Small: names[small.of], From: when(times[0]), To: when(times[len(times)-1])}
	c.Most = number(wide.of, metric.Value{N: max(most, slices.Max(small.values))}, "")
	each := map[period.Step]string{period.Hour: "hour", period.Day: "day"}[p.step()]
	c.Alt = fmt.Sprintf("Bars of %s and %s by %s, %s. Most %s: %s, %s.", c.Wide, c.Small, each, p, c.Wide, number(wide.of, metric.Value{N: most}, ""), when(times[at]))
	return c
}

// list is the values of a dimension that have most of a metric, but some.
func (s Sources) list(ctx context.Context, ask metric.Report, p Period, by metric.Dimension, of metric.Name, but []string) (mail.List, error) {
	ask.Metrics, ask.By, ask.Limit, ask.Compare = []metric.Name{of}, []metric.Dimension{by}, rows+len(but), p.Before().Window(ask.Zone)
	t, err := s.Tables.Tabulate(ctx, ask)
	list := mail.List{Of: names[of]}
	for _, row := range t.Rows {
		if row.Values[0].N == 0 || slices.Contains(but, row.Keys[0]) || len(list.Rows) == rows {
			continue
		}
		list.Rows = append(list.Rows, mail.Row{Name: cmp.Or(row.Keys[0], "not known"), Value: number(of, row.Values[0], ""), Before: number(of, row.Before[0], "")})
	}
	return list, err
}
