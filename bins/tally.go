package bins

import (
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// SessionGap ends a session: a longer time without a page view begins a new one.
const SessionGap = 30 * time.Minute

func (t Tally) bin(by metric.Dimension, value string) *Bin {
	s := Subject{by, value}
	b := t[s]
	if b == nil {
		b = &Bin{}
		t[s] = b
	}
	return b
}

// adder adds to a tally. It remembers the bins of the event before, as events in
// a row mostly have the same device, country, source and so on.
type adder struct {
	Tally
	last [12]struct {
		value string
		bin   *Bin
	}
}

// each calls fn with the event's bins: the site's and one for each dimension
// that every event has.
func (a *adder) each(e *event.Event, fn func(b *Bin)) {
	c := &e.Campaign
	for i, s := range [len(a.last)]Subject{{}, {"page", e.Path}, {"source", e.Source}, {"class", e.Class}, {"country", e.Country},
		{"device", e.Device}, {"browser", e.Browser}, {"os", e.OS},
		{"utm_source", c.Source}, {"utm_medium", c.Medium}, {"utm_campaign", c.Name}, {"event", e.Name}} {
		last := &a.last[i]
		if last.bin == nil || last.value != s.Value {
			last.value, last.bin = s.Value, a.bin(s.By, s.Value)
		}
		fn(last.bin)
	}
}

// Add counts an event, but for its session. Currency is the site's: amounts in
// another are not added, as nothing is converted.
func (t Tally) Add(e *event.Event, currency string) { (&adder{Tally: t}).add(e, currency) }

func (a *adder) add(e *event.Event, currency string) {
	switch {
	case e.Bot != "":
	case e.View():
		a.each(e, func(b *Bin) {
			b.Counts[0]++
			if e.Visitor != 0 {
				b.Visitors.Add(e.Visitor)
			}
		})
	case e.Kind == event.Track && e.Name == event.Download:
		a.each(e, func(b *Bin) { b.Counts[3]++ })
	default:
		a.trade(e, currency)
	}
}

// trade counts what happened to products and orders.
func (a *adder) trade(e *event.Event, currency string) {
	trade, ok := e.Trade()
	if !ok {
		return
	}
	var count, money int
	switch trade.Kind {
	case event.Viewed:
		count, money = 4, -1
	case event.Added:
		count, money = 5, -1
	case event.Ordered:
		count, money = 6, 7
	case event.Refunded:
		count, money = 8, 9
	}
	add := func(b *Bin, amount int64) {
		b.Counts[count]++
		if money >= 0 && (trade.Currency == "" || trade.Currency == currency) {
			b.Counts[money] += amount
		}
	}
	a.each(e, func(b *Bin) { add(b, trade.Amount) })
	type of struct {
		by    metric.Dimension
		value string
	}
	amounts := map[of]int64{} // an order counts once for a product or category, with the sum of its lines
	for _, l := range trade.Lines {
		amounts[of{"product", l.Product}] += l.Amount
		amounts[of{"category", l.Category}] += l.Amount
	}
	for o, amount := range amounts {
		if o.value != "" {
			add(a.bin(o.by, o.value), amount)
		}
	}
}

// session counts a session with the dimensions of its first page view.
func (a *adder) session(first *event.Event, views int) {
	a.each(first, func(b *Bin) {
		b.Counts[1]++
		if views == 1 {
			b.Counts[2]++
		}
	})
}

// Count makes the tally of a window from the events that walk hands over: those
// from a SessionGap before the window until a SessionGap behind it, ordered by
// visitor, then time, then arrival, as docs/words.md defines sessions.
func Count(w period.Window, currency string, walk func(from, to time.Time, fn func(*event.Event) error) error) (Tally, error) {
	t := adder{Tally: Tally{}}
	var first event.Event // of the running session; its ID is "" while there is none
	var last time.Time
	views := 0
	end := func() {
		if views > 0 && !first.Time.Before(w.From) && first.Time.Before(w.To) {
			t.session(&first, views)
		}
		views = 0
	}
	// A gap to the millisecond still joins: one more on both sides.
	gap := SessionGap + time.Millisecond
	err := walk(w.From.Add(-gap), w.To.Add(gap), func(e *event.Event) error {
		if !e.Time.Before(w.From) && e.Time.Before(w.To) {
			t.add(e, currency)
		}
		if !e.View() || e.Bot != "" || e.Visitor == 0 {
			return nil
		}
		if views > 0 && (e.Visitor != first.Visitor || e.Time.Sub(last) > SessionGap) {
			end()
		}
		if views == 0 {
			first = *e
		}
		last = e.Time
		views++
		return nil
	})
	end()
	return t.Tally, err
}
