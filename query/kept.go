package query

import (
	"fmt"
	"time"

	"footfall/bins"
	"footfall/metric"
)

// Kept is nil if the events a question is about are in the event store; else it
// says from when on they are, and what can be asked of the time before. An
// answer from some of the events would be one that nobody could tell from a
// whole one.
func Kept(s *bins.State, q metric.Query) error {
	if q.Metric.Earned() { // the ledger keeps all of them
		return nil
	}
	return kept(s, q.Site, q.Window.From, fmt.Sprintf(", "+
		"or ask for whole days, weeks, months or years of the site's own time zone, of people only, with at most one filter or split by one dimension, of: %s", bins.Dimensions))
}

// VisitsKept is Kept of a question that bins never answer.
func VisitsKept(s *bins.State, site string, from time.Time) error {
	return kept(s, site, from, fmt.Sprintf("; this was asked from %s on", from.Format(time.DateOnly)))
}

// kept is nil if a site's events from a moment on are there; more is said behind what
// to do.
func kept(s *bins.State, site string, from time.Time, more string) error {
	f, ok := s.Frozen[site]
	if !ok || !from.Before(f.At) {
		return nil
	}
	if s.Zones[site] == "" {
		return &metric.QueryError{Why: "the figures of this site are being made anew, as its time zone, currency or event store has changed: ask again in a quarter of an hour"}
	}
	return &metric.QueryError{Why: fmt.Sprintf("events of this site are kept from %s on, and this can only be counted from events: ask from then on%s", f.Before, more)}
}

// money is nil unless amounts of several currencies would be added.
func (x *plan) money(s *bins.State) error {
	f, ok := s.Frozen[x.q.Site]
	if !ok || !x.asks(metric.Revenue, metric.Refunded) {
		return nil
	}
	first := f.Since
	if f.Currency != x.q.Currency {
		first = f.Before
	}
	if x.from >= first {
		return nil
	}
	return &metric.QueryError{Why: fmt.Sprintf("before %s this site's money was counted in another currency, and its events are not kept any more: nothing is converted or added across currencies, so ask from then on", first)}
}
