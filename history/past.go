package history

import (
	"cmp"
	"slices"

	"footfall/event"
	"footfall/period"
)

// Kind is what an Item is.
type Kind string

// The kinds of items.
const (
	All      Kind = "all"      // the visitor as a whole; the item has no value
	Product  Kind = "product"  // product_id, else sku
	Category Kind = "category" // of a product
)

// Item is what a visitor's figures are kept for.
type Item struct {
	Kind  Kind
	Value string
}

// Whole is the visitor as a whole.
var Whole = Item{Kind: All}

// Metric is a figure of a visitor, and its place in Counts.
type Metric int

// The metrics. Their order is stored: new ones go to the end, at most eight.
const (
	Views    Metric = iota // of an item: Product Viewed; of the visitor as a whole: page views
	Adds                   // to the cart
	Orders                 // for an item: those that contain it
	Revenue                // of orders; for an item: of its lines
	Refunds                // refund notes
	Refunded               // money given back
)

// Counts are a visitor's figures by Metric; money in thousandths of the site's currency.
type Counts [6]int64

// metrics spells each Metric.
var metrics = [len(Counts{})]struct {
	name  string
	money bool
}{{"views", false}, {"adds", false}, {"orders", false}, {"revenue", true}, {"refunds", false}, {"refunded", true}}

// Metrics lists every metric.
var Metrics = []Metric{Views, Adds, Orders, Revenue, Refunds, Refunded}

// String is the metric's name in definitions.
func (m Metric) String() string { return metrics[m].name }

// Money reports whether the metric is an amount, in thousandths.
func (m Metric) Money() bool { return metrics[m].money }

// Add adds o to c.
func (c *Counts) Add(o *Counts) {
	for i := range c {
		c[i] += o[i]
	}
}

// DayCounts is the figures of a date in the site's zone.
type DayCounts struct {
	Date   period.Date
	Counts Counts
}

// History is a visitor's past: for each item the days on which something
// happened, in order of date, none twice.
type History map[Item][]DayCounts

// Known is the id under which the event's visitor has a history: the user id,
// else the SDK's anonymous id. It is false for bots and for visitors who have
// neither: a daily hash has no past.
func Known(e *event.Event) (visitor string, ok bool) {
	visitor = cmp.Or(e.UserID, e.AnonymousID)
	return visitor, visitor != "" && e.Bot == ""
}

// AddDay adds a day's figures to an item.
func (h History) AddDay(item Item, day DayCounts) {
	if day.Counts == (Counts{}) {
		return
	}
	days := h[item]
	at := len(days)
	if at > 0 && days[at-1].Date >= day.Date { // mostly, days come in order
		at = search(days, day.Date)
	}
	if at < len(days) && days[at].Date == day.Date {
		days[at].Counts.Add(&day.Counts)
		if days[at].Counts == (Counts{}) {
			h.put(item, slices.Delete(days, at, at+1))
		}
		return
	}
	h.put(item, slices.Insert(days, at, day))
}

// put keeps an item's days; an item without days is none.
func (h History) put(item Item, days []DayCounts) {
	if len(days) == 0 {
		delete(h, item)
		return
	}
	h[item] = days
}

// search is the index of the first day at or behind a date.
func search(days []DayCounts, date period.Date) int {
	at, _ := slices.BinarySearchFunc(days, date, func(d DayCounts, date period.Date) int { return cmp.Compare(d.Date, date) })
	return at
}

// Merge adds another history's figures to h; other stays as it is.
func (h History) Merge(other History) {
	for item, days := range other {
		for _, day := range days {
			h.AddDay(item, day)
		}
	}
}

// Drop removes all figures from a date up to, not including, another: those
// that are too old, or a day that is counted anew.
func (h History) Drop(from, to period.Date) {
	for item, days := range h {
		a, b := search(days, from), search(days, to)
		if a < b {
			h.put(item, slices.Delete(days, a, b))
		}
	}
}

// Sum adds up an item's figures from a date up to, not including, another.
func (h History) Sum(item Item, from, to period.Date) (sum Counts) {
	days := h[item]
	for i := search(days, from); i < len(days) && days[i].Date < to; i++ {
		sum.Add(&days[i].Counts)
	}
	return sum
}

// Items lists the items in the order of kind and value.
func (h History) Items() []Item {
	items := make([]Item, 0, len(h))
	for item := range h {
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return items
}
