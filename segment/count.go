package segment

import (
	"footfall/bins"
	"footfall/event"
	"footfall/history"
	"footfall/metric"
	"footfall/period"
)

// binned names what each figure of a visitor is in the bins of a site: for the
// visitor as a whole and for an item.
var binned = [len(history.Counts{})]struct{ whole, item metric.Name }{
	history.Views:    {metric.PageViews, metric.ProductViews},
	history.Adds:     {metric.CartAdds, metric.CartAdds},
	history.Orders:   {metric.Orders, metric.Orders},
	history.Revenue:  {metric.Revenue, metric.Revenue},
	history.Refunds:  {metric.Refunds, metric.Refunds},
	history.Refunded: {metric.Refunded, metric.Refunded},
}

// Count counts an event of the visitor on a date, in the site's zone. What counts
// is what counts in the site's bins: bots do not, and amounts in another
// currency than the site's are not added. Count does not know events again.
func Count(h history.History, e *event.Event, currency string, date period.Date) {
	t := bins.Tally{}
	// The tally needs nothing else to count items and the whole.
	t.Add(&event.Event{Kind: e.Kind, Name: e.Name, Properties: e.Properties, Bot: e.Bot}, currency)
	for subject, bin := range t {
		item := history.Item{Kind: history.Kind(subject.By), Value: subject.Value}
		switch subject.By {
		case "":
			item = history.Whole
		case "product", "category":
		default:
			continue
		}
		var c history.Counts
		for m, is := range binned {
			name := is.item
			if item == history.Whole {
				name = is.whole
			}
			c[m] = bin.Counts[bins.Place(name)]
		}
		h.AddDay(item, history.DayCounts{Date: date, Counts: c})
	}
}
