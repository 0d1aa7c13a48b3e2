package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// Visits answers questions about single visits.
type Visits interface {
	Reports
	Retain(ctx context.Context, r metric.Retention) (metric.Cohorts, error)
	Follow(ctx context.Context, j metric.Journey) (metric.Paths, error)
}

// retention is POST /v1/retention.
func (d *door) retention(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	out, err := AskRetention(r.Context(), d.Visits, body, sites, d.Now())
	d.tell(w, out, err)
}

// journey is POST /v1/journey.
func (d *door) journey(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	out, err := AskJourney(r.Context(), d.Visits, body, sites, d.Now())
	d.tell(w, out, err)
}

// visitsIn is the window of a question about visits, once check takes it with one. All
// time begins with the first day of an event.
func (q *question) visitsIn(ctx context.Context, reports Reports, now time.Time, check func(period.Window) error) (w period.Window, err error) {
	if !q.all {
		return q.report.Window, check(q.report.Window)
	}
	if err := check(period.DateOf(now, q.report.Zone).Window(q.report.Zone)); err != nil {
		return w, err
	}
	q.report.Metrics = []metric.Name{metric.Events}
	if err := q.begin(ctx, reports, now); err != nil {
		return w, err
	}
	return q.report.Window, check(q.report.Window)
}

// VisitMeta tells how figures of visits came about.
type VisitMeta struct {
	Source   string   `json:"source"`
	AsOf     string   `json:"as_of"` // RFC 3339
	Warnings []string `json:"warnings,omitempty"`
}

// share is how many per cent one number is of another; nil of nothing.
func share(of, all int64) *json.Number {
	n, ok := metric.Share.Value(of, all)
	return number(metric.BounceRate, metric.Point{Value: n, None: !ok}) // spelled as every rate is
}

// Filters spells a condition as the field filters of a question has it; ParseFilters
// reads it.
func Filters(w *metric.Where) []any { return filtersOf(w) }

// filtersOf spells conditions as question.together reads them.
func filtersOf(w *metric.Where) []any {
	if w == nil {
		return []any{}
	}
	return []any{w.Spell()}
}
