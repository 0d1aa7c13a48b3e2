package segment

import (
	"footfall/event"
	"footfall/history"
	"footfall/period"
)

// did is what an event adds to an item.
type did struct {
	item   history.Item
	counts history.Counts
}

// traded is where each kind of trade counts, and its money, if it has any.
var traded = map[event.TradeKind]struct{ count, money history.Metric }{
	event.Viewed:   {history.Views, -1},
	event.Added:    {history.Adds, -1},
	event.Ordered:  {history.Orders, history.Revenue},
	event.Refunded: {history.Refunds, history.Refunded},
}

// count appends what an event adds, each item once. What counts is what counts
// in the site's bins: bots do not, and amounts in another currency than the
// site's are not added. It does not know events again.
func count(all []did, e *event.Event, currency string) []did {
	switch {
	case e.Bot != "":
		return all
	case e.View():
		return append(all, did{history.Whole, history.Counts{history.Views: 1}})
	}
	trade, ok := e.Trade()
	if !ok {
		return all
	}
	in := traded[trade.Kind]
	of := func(item history.Item, amount int64) did {
		d := did{item: item}
		d.counts[in.count] = 1
		if in.money >= 0 && (trade.Currency == "" || trade.Currency == currency) {
			d.counts[in.money] = amount
		}
		return d
	}
	if trade.Kind != event.Viewed { // of the visitor as a whole, views are those of pages
		all = append(all, of(history.Whole, trade.Amount))
	}
	amounts := make(map[history.Item]int64, 2*len(trade.Lines)) // an order counts once for an item, with the sum of its lines
	for _, l := range trade.Lines {
		amounts[history.Item{Kind: history.Product, Value: l.Product}] += l.Amount
		amounts[history.Item{Kind: history.Category, Value: l.Category}] += l.Amount
	}
	for item, amount := range amounts {
		if item.Value != "" {
			all = append(all, of(item, amount))
		}
	}
	return all
}

// Count counts an event of the visitor on a date, in the site's zone.
func Count(h history.History, e *event.Event, currency string, date period.Date) {
	for _, d := range count(nil, e, currency) {
		h.AddDay(d.item, history.DayCounts{Date: date, Counts: d.counts})
	}
}
