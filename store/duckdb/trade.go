package duckdb

import (
	"fmt"
	"slices"
	"strings"

	"footfall/event"
	"footfall/metric"
)

// tradeOf is the kind of trade event that a metric counts.
var tradeOf = map[metric.Name]event.TradeKind{
	metric.ProductViews: event.Viewed, metric.CartAdds: event.Added, metric.Orders: event.Ordered, metric.Revenue: event.Ordered,
	metric.Refunds: event.Refunded, metric.Refunded: event.Refunded,
}

// lineColumns are dimensions that the lines table answers by itself.
var lineColumns = []metric.Dimension{"product", "category", "bot"}

// trades counts trade events or adds up their amounts.
func (x *question) trades(bucket string) string {
	n := "count(*)"
	if x.Metric.Money() {
		n = "coalesce(sum(amount) FILTER (coalesce(currency, '') IN ('', ?)), 0)"
		x.args = append(x.args, x.Currency)
	}
	if x.ofProducts() {
		return fmt.Sprintf("SELECT %s AS b, k, %s AS n FROM (%s) GROUP BY ALL", bucket, n, x.parts())
	}
	return fmt.Sprintf("SELECT %s AS b, %s AS k, %s AS n FROM events WHERE %s GROUP BY ALL", bucket, x.series(), n, x.where(x.Window.From, x.Window.To, true))
}

// dimensions lists what the question is split by and filtered on.
func (x *question) dimensions() []metric.Dimension {
	var of []metric.Dimension
	if x.By != "" {
		of = append(of, x.By)
	}
	for _, f := range x.Filters {
		if !slices.Contains(of, f.Dimension) {
			of = append(of, f.Dimension)
		}
	}
	return of
}

// ofProducts reports whether the lines of trade events are asked for.
func (x *question) ofProducts() bool {
	of := x.dimensions()
	return slices.Contains(of, "product") || slices.Contains(of, "category")
}

// parts is, of each event, the sum of the lines in question, one row a series:
// an order with two lines of a product is one order of it. A line that does not
// say its product is in no figure of products, likewise for categories.
func (x *question) parts() string {
	var outer []string // columns that only the events table has
	var named []string
	for _, d := range x.dimensions() {
		switch {
		case !slices.Contains(lineColumns, d):
			outer = append(outer, columnOf[d])
		case d != "bot":
			named = append(named, columnOf[d]+" IS NOT NULL")
		}
	}
	from := "lines"
	if len(outer) > 0 {
		from = fmt.Sprintf("lines JOIN (SELECT day, site, id, %s FROM events WHERE %s) USING (day, site, id)",
			strings.Join(outer, ", "), x.where(x.Window.From, x.Window.To, false))
	}
	return fmt.Sprintf("SELECT time_ms, day, id, currency, %s AS k, sum(amount) AS amount FROM %s WHERE %s AND %s GROUP BY ALL",
		x.series(), from, x.where(x.Window.From, x.Window.To, true), strings.Join(named, " AND "))
}
