package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

var retentionFields = []string{"site_id", "date_range", "step", "returning", "filters", "timezone", "bots"}

// AskRetention reads a question in the form of POST /v1/retention, asks it and spells
// the answer. sites are those the asker may see. What is wrong with the question is a
// *metric.QueryError.
func AskRetention(ctx context.Context, visits Visits, body []byte, sites []account.Site, now time.Time) (out Retention, err error) {
	in := readStrictly(body, &err, retentionFields...)
	if err != nil {
		return out, err
	}
	q := &question{timeAt: -1}
	if err = q.about(in, sites); err != nil {
		return out, err
	}
	r := metric.Retention{Site: q.site.ID, Zone: q.report.Zone, Step: period.Week, Bots: q.report.Bots}
	q.readRange(in["date_range"], now)
	if in["step"].there() {
		r.Step = period.Step(in["step"].oneOf(stepNames()...))
	}
	if in["returning"].there() {
		r.Return = q.together(in["returning"], 1)
	}
	if in["filters"].there() {
		r.Where = q.together(in["filters"], 1)
	}
	if err != nil {
		return out, err
	}
	r.Window, err = q.visitsIn(ctx, visits, now, func(w period.Window) error { r.Window = w; return r.Check() })
	if err != nil {
		return out, err
	}
	c, err := visits.Retain(ctx, r)
	if err != nil {
		return out, err
	}
	return spellCohorts(r, c), nil
}

// stepNames are the steps of cohorts.
func stepNames() (all []string) {
	for _, s := range metric.RetentionSteps {
		all = append(all, string(s))
	}
	return all
}

// Retention is how metric.Cohorts are spelled.
type Retention struct {
	Cohorts  []CohortRow       `json:"cohorts"`
	Average  []AverageRow      `json:"average"`
	Visitors RetentionVisitors `json:"visitors"`
	Meta     VisitMeta         `json:"meta"`
	Query    AskedRetention    `json:"query"`
}

// CohortRow is who was first seen in a step.
type CohortRow struct {
	Start    string        `json:"start"` // the first day of the step
	Size     int64         `json:"size"`
	Partial  bool          `json:"partial,omitempty"` // the step is not over
	Returned []ReturnedRow `json:"returned"`          // of each step behind it that has begun
}

// ReturnedRow is who of a cohort came back in a step.
type ReturnedRow struct {
	Start    string       `json:"start"`
	Visitors int64        `json:"visitors"`
	Rate     *json.Number `json:"rate"` // in per cent of the cohort, to a thousandth; null of nobody
	Partial  bool         `json:"partial,omitempty"`
}

// AverageRow is who came back in the first, second … step behind their own, of all
// cohorts for which it is over.
type AverageRow struct {
	Step     int          `json:"step"`
	Of       int64        `json:"of"`
	Visitors int64        `json:"visitors"`
	Rate     *json.Number `json:"rate"`
}

// RetentionVisitors are the visitors of the window, whatever the filters.
type RetentionVisitors struct {
	Known   int64 `json:"known"`    // with a user id or an SDK's anonymous id
	LeftOut int64 `json:"left_out"` // without, who are new each day
}

// AskedRetention is a question as it was understood: it may be asked again.
type AskedRetention struct {
	Site      string      `json:"site_id"`
	Range     [2]string   `json:"date_range"` // whole steps
	Step      period.Step `json:"step"`
	Returning []any       `json:"returning"`
	Filters   []any       `json:"filters"`
	Zone      string      `json:"timezone"`
	Bots      bool        `json:"bots"`
}

// spellCohorts spells an answer.
func spellCohorts(r metric.Retention, c metric.Cohorts) Retention {
	date := func(t time.Time) string { return t.In(r.Zone).Format(time.DateOnly) }
	out := Retention{Cohorts: []CohortRow{}, Average: []AverageRow{}, Visitors: RetentionVisitors{c.Known, c.LeftOut},
		Meta: VisitMeta{Source: c.Source, AsOf: c.AsOf.In(r.Zone).Format(time.RFC3339)},
		Query: AskedRetention{Site: r.Site, Range: metric.SpellRange(r.Whole(), r.Zone), Step: r.Step, Returning: filtersOf(r.Return), Filters: filtersOf(r.Where),
			Zone: r.Zone.String(), Bots: r.Bots}}
	for n, row := range c.Rows {
		spelled := CohortRow{Start: date(row.Start), Size: row.Size, Partial: row.Partial, Returned: []ReturnedRow{}}
		for _, back := range row.Returned {
			spelled.Returned = append(spelled.Returned, ReturnedRow{date(back.Start), back.Visitors, share(back.Visitors, row.Size), back.Partial})
		}
		out.Cohorts = append(out.Cohorts, spelled)
		if n > 0 {
			visitors, of := c.Average(n)
			out.Average = append(out.Average, AverageRow{n, of, visitors, share(visitors, of)})
		}
	}
	if c.LeftOut > 0 {
		out.Meta.Warnings = append(out.Meta.Warnings, fmt.Sprintf("%d of %d visitors are left out: without a user id or an SDK's anonymous id a visitor is a new one each day", c.LeftOut, c.Known+c.LeftOut))
	}
	if !c.Since.IsZero() {
		out.Meta.Warnings = append(out.Meta.Warnings, "events of this site are kept from "+date(c.Since)+" on: who was last seen before is new again")
	}
	return out
}
