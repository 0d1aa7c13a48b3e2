package erase

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Deletion says which events of a site were deleted by hand: those of a window that
// meet a condition and were received up to a moment. What is received later is
// nobody's mistake yet, and is kept.
type Deletion struct {
	Site   string
	Window period.Window  // of the events' times
	Zone   *time.Location // in which conditions tell weekdays and hours; nil is UTC
	Where  *metric.Where  // nil is every event, bots too
	At     time.Time      // received up to then
}

// Check reports what is wrong with the condition as a *metric.QueryError, or nil: an
// event is deleted for what it says itself, as long after its neighbours may be gone.
func (d Deletion) Check() error {
	if d.Where == nil {
		return nil
	}
	if err := d.Where.Check(); err != nil {
		return err
	}
	if len(d.Where.Visitors()) > 0 {
		return &metric.QueryError{Why: "filters: an event is deleted for what it says itself, not for what else its visitor has done: name what the event itself has"}
	}
	for _, of := range d.Where.Dimensions() {
		if _, property := of.Property(); !property && labels[of] == nil && of != metric.Weekday && of != metric.HourOfDay {
			return &metric.QueryError{Why: fmt.Sprintf("filters: an event is deleted for what it says itself, and %s is told of sessions, of an order's lines or by an affiliate programme: use another dimension, or a property of the event", of)}
		}
	}
	if of, found := d.lacking(d.Where, false); found {
		return &metric.QueryError{Why: fmt.Sprintf("filters: a condition on %s holds for events without it. Whoever is erased later leaves such events, which were not deleted: name values of it that go", of)}
	}
	return nil
}

// lacking finds a condition on a property that holds, or does within a not, where the
// property is missing. Erasing a person takes properties away: what is left must not
// become what was deleted, or a store that is made anew would lack it.
func (d Deletion) lacking(w *metric.Where, not bool) (of metric.Dimension, found bool) {
	if w.Not != nil {
		return d.lacking(w.Not, !not)
	}
	for _, all := range [][]metric.Where{w.All, w.Any} {
		for i := range all {
			if of, found = d.lacking(&all[i], not); found {
				return of, found
			}
		}
	}
	_, property := w.Dimension.Property()
	return w.Dimension, property && meaning(w)("") != not
}

// labels are the dimensions that an event has one value of.
var labels = map[metric.Dimension]func(*event.Event) string{
	"page": func(e *event.Event) string { return e.Path }, "host": func(e *event.Event) string { return e.Host },
	"source": func(e *event.Event) string { return e.Source }, "class": func(e *event.Event) string { return e.Class },
	"referrer": func(e *event.Event) string { return e.Referrer }, "country": func(e *event.Event) string { return e.Country },
	"device": func(e *event.Event) string { return e.Device }, "browser": func(e *event.Event) string { return e.Browser },
	"os":         func(e *event.Event) string { return e.OS },
	"utm_source": func(e *event.Event) string { return e.Campaign.Source }, "utm_medium": func(e *event.Event) string { return e.Campaign.Medium },
	"utm_campaign": func(e *event.Event) string { return e.Campaign.Name }, "utm_term": func(e *event.Event) string { return e.Campaign.Term },
	"utm_content": func(e *event.Event) string { return e.Campaign.Content },
	"bot":         func(e *event.Event) string { return e.Bot }, "channel": func(e *event.Event) string { return e.Channel },
	"event": func(e *event.Event) string { return e.Name }, "title": func(e *event.Event) string { return e.Title },
	"region": func(e *event.Event) string { return e.Region }, "city": func(e *event.Event) string { return e.City },
	"browser_version": func(e *event.Event) string { return e.BrowserVersion }, "os_version": func(e *event.Event) string { return e.OSVersion },
	"language": func(e *event.Event) string { return e.Language }, "screen": func(e *event.Event) string { return e.Screen },
}

// Test makes what reports whether an event is one that was deleted. The deletion must
// be one that Check has nothing against.
func (d Deletion) Test() func(*event.Event) bool {
	holds := func(*event.Event) bool { return true }
	if d.Where != nil {
		holds = d.test(d.Where)
	}
	return func(e *event.Event) bool {
		return e.Site == d.Site && !e.Received.After(d.At) && !e.Time.Before(d.Window.From) && e.Time.Before(d.Window.To) && holds(e)
	}
}

// test makes the test of a condition: what the event store finds by it, too.
func (d Deletion) test(w *metric.Where) func(*event.Event) bool {
	each := func(of []metric.Where) (all []func(*event.Event) bool) {
		for i := range of {
			all = append(all, d.test(&of[i]))
		}
		return all
	}
	switch {
	case w.Not != nil:
		holds := d.test(w.Not)
		return func(e *event.Event) bool { return !holds(e) }
	case len(w.All) > 0:
		all := each(w.All)
		return func(e *event.Event) bool {
			return !slices.ContainsFunc(all, func(holds func(*event.Event) bool) bool { return !holds(e) })
		}
	case len(w.Any) > 0:
		anyOf := each(w.Any)
		return func(e *event.Event) bool {
			return slices.ContainsFunc(anyOf, func(holds func(*event.Event) bool) bool { return holds(e) })
		}
	}
	value, means := d.value(w.Dimension), meaning(w)
	return func(e *event.Event) bool { return means(value(e)) }
}

// meaning makes what compares a value as a condition does.
func meaning(w *metric.Where) func(string) bool {
	switch w.Op {
	case metric.Contains:
		parts := make([]string, len(w.Values))
		for i, v := range w.Values {
			parts[i] = strings.ToLower(v)
		}
		return func(s string) bool {
			s = strings.ToLower(s)
			return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
		}
	case metric.Matches:
		patterns := make([]*regexp.Regexp, len(w.Values))
		for i, v := range w.Values {
			patterns[i] = regexp.MustCompile(v) // Check has read it
		}
		return func(s string) bool {
			return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(s) })
		}
	}
	return func(s string) bool { return slices.Contains(w.Values, s) }
}

// value makes what reads a dimension of an event.
func (d Deletion) value(of metric.Dimension) func(*event.Event) string {
	zone := cmp.Or(d.Zone, time.UTC)
	if name, ok := of.Property(); ok {
		return func(e *event.Event) string { return property(e.Properties, name) }
	}
	switch of {
	case metric.Weekday:
		return func(e *event.Event) string { return fmt.Sprint((int(e.Time.In(zone).Weekday())+6)%7 + 1) }
	case metric.HourOfDay:
		return func(e *event.Event) string { return e.Time.In(zone).Format("15") }
	}
	return labels[of]
}

// property is the value of one of the properties: a text as it is, anything else as
// JSON, "" if there is none. Of two of a name the first is meant.
func property(properties, name string) string {
	if !strings.Contains(properties, `"`) || !json.Valid([]byte(properties)) {
		return ""
	}
	in := json.NewDecoder(strings.NewReader(properties))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return ""
	}
	for in.More() {
		key, err := in.Token()
		var value json.RawMessage
		if err != nil || in.Decode(&value) != nil {
			return ""
		}
		if key == name {
			return spelled(value)
		}
	}
	return ""
}

func spelled(value json.RawMessage) string {
	var text string
	var plain bytes.Buffer
	switch {
	case string(value) == "null":
		return ""
	case json.Unmarshal(value, &text) == nil:
		return text
	case json.Compact(&plain, value) != nil:
		return ""
	}
	return plain.String()
}

// Deleted is what was deleted by hand, ever. It is safe for concurrent use; the zero
// value has nothing.
type Deleted struct {
	mu    sync.RWMutex
	tests map[string][]func(*event.Event) bool // by site
}

// Add takes a deletion in.
func (l *Deleted) Add(d Deletion) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tests == nil {
		l.tests = map[string][]func(*event.Event) bool{}
	}
	l.tests[d.Site] = append(l.tests[d.Site], d.Test())
}

// Gone reports whether an event was deleted.
func (l *Deleted) Gone(e *event.Event) bool {
	l.mu.RLock()
	tests := l.tests[e.Site]
	l.mu.RUnlock()
	return slices.ContainsFunc(tests, func(gone func(*event.Event) bool) bool { return gone(e) })
}
