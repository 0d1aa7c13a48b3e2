package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// tabled is an event store that answers every report with the same rows.
type tabled struct {
	asked []metric.Report
	rows  []metric.Row
}

func (s *tabled) Tabulate(_ context.Context, r metric.Report) (metric.Table, error) {
	s.asked = append(s.asked, r)
	return metric.Table{Source: "events", AsOf: now.Add(-time.Minute), Total: len(s.rows), Rows: s.rows}, nil
}

// paid is a ledger in which affiliates have what stands here.
type paid map[metric.Name]map[string]int64

func (p paid) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	d := metric.Dataset{Source: "ledger", AsOf: now}
	for series, n := range p[q.Metric] {
		d.Points = append(d.Points, metric.Point{Series: series, Time: q.Window.From, Value: n})
	}
	return d, q.Check()
}

func spellTable(t metric.Table) string {
	var rows []string
	for _, row := range t.Rows {
		rows = append(rows, fmt.Sprint(row.Keys, row.Values, row.Before))
	}
	return strings.Join(rows, " ")
}

var june = period.Window{From: first.Window(berlin).From, To: (first + 2).Window(berlin).From}

// TestReportsJoin: what is earned is divided from its parts and stands beside what is
// counted from events; rows are ordered and cut behind that.
func TestReportsJoin(t *testing.T) {
	ledger := paid{metric.Clicks: {"a": 3, "b": 4}, metric.Commissions: {"a": 2000, "c": 500}}
	x := Report(Plan(&eventsOnly{}, &rolled{states: []bins.State{{}}}, nil, nil, func() time.Time { return now }), &tabled{}, ledger)
	r := metric.Report{Site: "s", Zone: berlin, Window: june, Metrics: []metric.Name{metric.EPC, metric.Commissions}, By: []metric.Dimension{"affiliate"},
		Order: []metric.Order{{Metric: metric.EPC}}}
	for _, c := range []struct {
		limit, offset int
		want          string
	}{{0, 0, "[b] [{0 false} {0 false}] [] [a] [{667 false} {2000 false}] [] [c] [{0 true} {500 false}] []"}, {1, 1, "[a] [{667 false} {2000 false}] []"}, {0, 9, ""}} {
		r.Limit, r.Offset = c.limit, c.offset
		table, err := x.Tabulate(t.Context(), r)
		if err != nil || spellTable(table) != c.want || table.Total != 3 || table.Source != "ledger" {
			t.Errorf("got %s, %+v, %v, want %s", spellTable(table), table, err, c.want)
		}
	}
	ledger[metric.Clicks] = map[string]int64{"": 9}
	x.events = &tabled{rows: []metric.Row{{Time: june.From, Values: []metric.Value{{N: 7}}}}}
	r = metric.Report{Site: "s", Zone: berlin, Window: june, Metrics: []metric.Name{metric.Clicks, metric.TimedViews}}
	table, err := x.Tabulate(t.Context(), r)
	if err != nil || spellTable(table) != "[] [{9 false} {7 false}] []" || table.Source != "ledger+events" || !table.AsOf.Equal(now.Add(-time.Minute)) {
		t.Errorf("both: %s, %+v, %v", spellTable(table), table, err)
	}
}

// TestReportsOfRemovedEvents: what needs events that are removed is refused, also of
// the window that is compared with, and never asked.
func TestReportsOfRemovedEvents(t *testing.T) {
	frozen := bins.State{Frozen: map[string]bins.Frozen{"s": {At: june.To, Before: first + 2}}, Zones: map[string]string{"s": bins.Basis(berlin, "EUR")}}
	store := &tabled{}
	x := Report(Plan(&eventsOnly{}, &rolled{states: []bins.State{frozen}}, nil, nil, func() time.Time { return now }), store, paid{})
	later := period.Window{From: june.To, To: june.To.Add(24 * time.Hour)}
	r := metric.Report{Site: "s", Zone: berlin, Currency: "EUR", Window: later, Metrics: []metric.Name{metric.TimedViews}}
	if _, err := x.Tabulate(t.Context(), r); err != nil || len(store.asked) != 1 {
		t.Fatalf("later: %v, asked %d", err, len(store.asked))
	}
	for name, spoil := range map[string]func(*metric.Report){"the window": func(r *metric.Report) { r.Window = june }, "the earlier one": func(r *metric.Report) { r.Compare = june }} {
		spoiled, asked := r, len(store.asked)
		spoil(&spoiled)
		_, err := x.Tabulate(t.Context(), spoiled)
		var fault *metric.QueryError
		if !errors.As(err, &fault) || !strings.Contains(fault.Why, "events of this site are kept from") || len(store.asked) > asked+1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReportsCompare: rows stand beside those of the same keys, in the step of the
// same number; only those are asked for.
func TestReportsCompare(t *testing.T) {
	store := &tabled{rows: []metric.Row{{Keys: []string{"/a"}, Time: june.From, Values: []metric.Value{{N: 7}}}, {Keys: []string{"/b"}, Time: (first + 1).Window(berlin).From, Values: []metric.Value{{N: 8}}}}}
	x := Report(Plan(&eventsOnly{}, &rolled{states: []bins.State{{}}}, nil, nil, func() time.Time { return now }), store, paid{})
	r := metric.Report{Site: "s", Zone: berlin, Window: june, Compare: first.Window(berlin), Step: period.Day, Metrics: []metric.Name{metric.TimedViews}, By: []metric.Dimension{"page"}, Limit: 2}
	table, err := x.Tabulate(t.Context(), r)
	if err != nil || spellTable(table) != "[/a] [{7 false}] [{7 false}] [/b] [{8 false}] [{0 true}]" {
		t.Errorf("got %s, %v", spellTable(table), err)
	}
	if asked := store.asked[1]; asked.Limit != 0 || asked.Where == nil || fmt.Sprint(asked.Where.All[0].Values) != "[/a /b]" || asked.Window != r.Compare {
		t.Errorf("asked %+v", asked)
	}
}
