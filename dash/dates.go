package dash

import (
	"context"
	"net/url"
	"time"

	"footfall/metric"
	"footfall/period"
)

// readDates reads the days of a period of the visitor's own: from, and to (the
// day after the last, as at every door) or last (as people say it, in the form).
func (s *state) readDates(v url.Values) {
	from, ok := dateOf(v.Get("from"))
	if !ok {
		return
	}
	last, ok := dateOf(v.Get("last"))
	if to, given := dateOf(v.Get("to")); given {
		last = to - 1
	} else if !ok {
		last = from
	}
	s.from, s.to = min(from, last), max(from, last)+1
}

func dateOf(text string) (period.Date, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return period.DateOf(t, nil), err == nil && t.Year() >= 1970
}

// own reports whether the period is the visitor's own days.
func (s state) own() bool { return s.to > s.from }

// ownSpan is the window of the visitor's own days, with a step that leaves the
// chart readable.
func (s state) ownSpan(x span) span {
	x.window = period.Window{From: s.from.Window(x.zone).From, To: s.to.Window(x.zone).From}
	x.days = int(s.to - s.from)
	switch {
	case x.days <= 2:
		x.step = period.Hour
	case x.days <= 100:
		x.step = period.Day
	case x.days <= 3*366:
		x.step = period.Month
	default:
		x.step = period.Year
	}
	return x
}

// words are the days as people write them.
func (s state) words() string {
	first, last := day(s.from), day(s.to-1)
	if first == last {
		return first
	}
	return first + " to " + last
}

func day(d period.Date) string { return d.Window(nil).From.Format("2 January 2006") }

// dates is the form that asks for days.
type dates struct {
	From, Last string
	Keep       []link // the rest of the state: Label is the name, Title the value
	Current    bool
}

func (s state) form(x span) dates {
	last := period.DateOf(x.window.To.Add(-1), x.zone)
	f := dates{From: period.DateOf(x.window.From, x.zone).String(), Last: last.String(), Current: s.own()}
	rest := s
	rest.from, rest.to, rest.period = 0, 0, choices[0].name
	for name, values := range rest.values() {
		for _, value := range values {
			f.Keep = append(f.Keep, link{Label: name, Title: value})
		}
	}
	return f
}

// elsewhere is when a site that is quiet in a period has page views: in words,
// and the newest month as a link. It is nil if only bots came.
func (d *Door) elsewhere(ctx context.Context, s state) *link {
	zone := s.site.Location()
	q := s.query(metric.PageViews, period.Window{From: time.Unix(0, 0), To: d.Now().AddDate(1, 0, 0)}, zone)
	q.Step = period.Month
	set, err := d.ask(ctx, q)
	var first, last time.Time
	for _, p := range set.Points {
		if p.Value > 0 {
			if last = p.Time.In(zone); first.IsZero() {
				first = last
			}
		}
	}
	if err != nil || last.IsZero() {
		return nil
	}
	s.from = period.DateOf(last, zone)
	s.to = s.from.NextMonth()
	l := &link{Label: last.Format("January 2006"), Href: s.href(), Title: "in " + last.Format("January 2006")}
	if from := first.Format("January 2006"); from != l.Label {
		l.Title = "from " + from + " to " + l.Label
	}
	return l
}
