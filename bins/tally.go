package bins

import (
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// SessionGap ends a session: a longer time without a page view begins a new one.
const SessionGap = 30 * time.Minute

// SessionDay is how much of a session is told: of its views behind that neither number
// nor time is counted.
const SessionDay = 24 * time.Hour

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
	last [len(every)]struct {
		value string
		bin   *Bin
	}
}

// every lists the dimensions that every event has, behind the site's own.
var every = [...]metric.Dimension{"", "page", "source", "class", "country", "device", "browser", "os", "utm_source", "utm_medium", "utm_campaign", "event"}

// labels are an event's values of every.
func labels(e *event.Event) [len(every)]string {
	c := &e.Campaign
	return [...]string{"", e.Path, e.Source, e.Class, e.Country, e.Device, e.Browser, e.OS, c.Source, c.Medium, c.Name, e.Name}
}

// each calls fn with the event's bins: the site's and one for each dimension
// that every event has.
func (a *adder) each(e *event.Event, fn func(b *Bin)) {
	for i, value := range labels(e) {
		last := &a.last[i]
		if last.bin == nil || last.value != value {
			last.value, last.bin = value, a.bin(every[i], value)
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
			b.Counts[10]++
			if e.Visitor != 0 {
				b.Visitors.Add(e.Visitor)
			}
		})
	case e.Kind == event.Track && e.Name == event.Download:
		a.each(e, func(b *Bin) { b.Counts[3]++; b.Counts[10]++ })
	default:
		a.each(e, func(b *Bin) { b.Counts[10]++ })
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

// visit is a session that is being counted.
type visit struct {
	first event.Event
	last  time.Time // its newest view
	views int       // told, up to a SessionDay behind the first
	told  time.Time // the last of these
	whole int       // views, told or not
}

// goesOn reports whether a view is of the session.
func (v *visit) goesOn(e *event.Event) bool {
	return v.whole > 0 && e.Visitor == v.first.Visitor && e.Time.Sub(v.last) <= SessionGap
}

func (v *visit) add(e *event.Event) {
	if v.whole == 0 {
		v.first = *e
	}
	v.last = e.Time
	v.whole++
	if e.Time.Sub(v.first.Time) <= SessionDay {
		v.told = e.Time
		v.views++
	}
}

// session counts a session with the dimensions of its first page view.
func (a *adder) session(v *visit) {
	a.each(&v.first, func(b *Bin) {
		b.Counts[1]++
		if v.whole == 1 {
			b.Counts[2]++
		}
		b.Counts[11] += int64(v.views)
		b.Counts[12] += v.told.Sub(v.first.Time).Milliseconds()
	})
}

// A Walk hands over a site's events from one time up to another, ordered by visitor,
// then time, then arrival, and then, of visitors with a page view in the last SessionGap
// of them, the page views of the SessionDay behind: as Snapshot.Walk does.
type Walk func(from, to time.Time, fn func(*event.Event) error) error

// Count makes the tally of a window from the events from a SessionGap before it until a
// SessionGap behind it, as docs/words.md defines sessions.
func Count(w period.Window, currency string, walk Walk) (Tally, error) {
	t, _, err := count(w, currency, walk)
	return t, err
}

// count is Count, and tells who has a session that began in the window and went on
// behind it: a page view of theirs may make it longer, see Roller.overnight.
func count(w period.Window, currency string, walk Walk) (Tally, visitors, error) {
	t, beyond := adder{Tally: Tally{}}, visitors{}
	var v visit // the running session; it has no views while there is none
	end := func() {
		if v.whole > 0 && !v.first.Time.Before(w.From) && v.first.Time.Before(w.To) {
			if t.session(&v); !v.last.Before(w.To) {
				beyond[v.first.Visitor] = true
			}
		}
		v = visit{}
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
		if !v.goesOn(e) {
			end()
		}
		v.add(e)
		return nil
	})
	end()
	return t.Tally, beyond, err
}
