// Package metric is the catalogue of what can be counted, and the one question
// (Query) and answer (Dataset) that every door spells in its own way.
package metric

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/period"
)

// Name is a metric's name as doors spell it.
type Name string

// The catalogue. Definitions are in docs/words.md.
const (
	PageViews   Name = "PageViews"   // page and screen events
	Visitors    Name = "Visitors"    // distinct visitors with a page view
	Sessions    Name = "Sessions"    // runs of a visitor's page views with gaps of at most 30 minutes
	Bounces     Name = "Bounces"     // sessions of exactly one page view
	Downloads   Name = "Downloads"   // track events named event.Download
	Commissions Name = "Commissions" // no data until affiliates exist
)

// Names lists the catalogue in display order.
var Names = []Name{PageViews, Visitors, Sessions, Bounces, Downloads, Commissions}

// Dimension is what a query can be split by or filtered on.
type Dimension string

// Dimensions lists what Query.By and Filter.Dimension may name.
var Dimensions = []Dimension{"page", "host", "source", "class", "referrer", "country", "device", "browser", "os",
	"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "bot", "channel", "event", "title"}

// Filter keeps the events whose Dimension has the given value.
type Filter struct {
	Dimension Dimension
	Value     string
}

// Query is one question. The zero values of Step, By, Filters, Limit and Bots
// mean: one total, not split, nothing filtered, every series, people only.
type Query struct {
	Site    string // id of the site
	Metric  Name
	Window  period.Window
	Zone    *time.Location // steps start at its midnights; nil is UTC
	Step    period.Step
	By      Dimension
	Filters []Filter
	Limit   int  // most series when By is set, the largest first; 0 is all
	Bots    bool // count bots too
}

// Point is one figure: Value in the step that starts at Time.
type Point struct {
	Series  string
	Time    time.Time
	Value   int64
	Partial bool // the step is not over yet
}

// Dataset answers a Query. Gaps are filled with zero; points are ordered by
// series (largest total first, then name), then by time.
type Dataset struct {
	Points []Point
	Source string    // which source knew: "events", later "bins", "hot"
	AsOf   time.Time // everything received before this is counted
}

// Sum adds up all values; meaningful for additive metrics.
func (d Dataset) Sum() int64 {
	var n int64
	for _, p := range d.Points {
		n += p.Value
	}
	return n
}

// QueryError says what is wrong with a question and what would be right.
type QueryError struct{ Why string }

func (e *QueryError) Error() string { return e.Why }

func wrong(format string, args ...any) error { return &QueryError{fmt.Sprintf(format, args...)} }

// MaxPoints bounds the steps of one series.
const MaxPoints = 10_000

// Check reports what is wrong with the query as a QueryError, or nil.
func (q Query) Check() error {
	if q.Site == "" {
		return wrong("which site? name one")
	}
	if !slices.Contains(Names, q.Metric) {
		return wrong("unknown metric %q: use one of %s", q.Metric, joined(Names))
	}
	if !q.Window.From.Before(q.Window.To) {
		return wrong("the window ends before it begins: from %s to %s", q.Window.From.Format(time.RFC3339), q.Window.To.Format(time.RFC3339))
	}
	if q.By != "" && !slices.Contains(Dimensions, q.By) {
		return wrong("cannot split by %q: use one of %s", q.By, joined(Dimensions))
	}
	for _, f := range q.Filters {
		if !slices.Contains(Dimensions, f.Dimension) {
			return wrong("cannot filter on %q: use one of %s", f.Dimension, joined(Dimensions))
		}
	}
	if !q.Step.Valid() {
		return wrong("unknown step %q: use one of %s", q.Step, joined(period.Steps))
	}
	if n := q.Step.Count(q.Window, q.Zone); n > MaxPoints {
		return wrong("%d steps are more than %d: take a longer step or a shorter window", n, MaxPoints)
	}
	return nil
}

func joined[T ~string](xs []T) string {
	s := make([]string, len(xs))
	for i, x := range xs {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// Parse finds a metric by its name, whatever the case and with or without
// underscores (page_views).
func Parse(s string) (Name, error) {
	for _, n := range Names {
		if strings.EqualFold(string(n), strings.ReplaceAll(s, "_", "")) {
			return n, nil
		}
	}
	return "", wrong("unknown metric %q: use one of %s", s, joined(Names))
}
