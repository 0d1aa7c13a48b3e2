package query

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// visited is an event store that counts what it is asked.
type visited struct{ asked int }

func (s *visited) Retain(context.Context, metric.Retention) (metric.Cohorts, error) {
	s.asked++
	return metric.Cohorts{Source: "events"}, nil
}

func (s *visited) Follow(context.Context, metric.Journey) (metric.Paths, error) {
	s.asked++
	return metric.Paths{Source: "events"}, nil
}

// begun is an event store whose cohorts have these sizes.
type begun []int64

func (s begun) Retain(context.Context, metric.Retention) (c metric.Cohorts, err error) {
	for _, size := range s {
		c.Rows = append(c.Rows, metric.Cohort{Size: size})
	}
	return c, nil
}

func (s begun) Follow(context.Context, metric.Journey) (metric.Paths, error) {
	return metric.Paths{}, nil
}

// TestCohortsBegin: steps before anybody came are no cohorts, and those after are.
func TestCohortsBegin(t *testing.T) {
	w := period.Window{From: first.Window(berlin).From, To: (first + 28).Window(berlin).From}
	for want, sizes := range map[int]begun{0: {0, 0}, 2: {0, 0, 4, 0}, 3: {4, 0, 4}} {
		c, err := Visit(sizes, &rolled{states: []bins.State{{Zones: map[string]string{"shop": bins.Basis(berlin, "EUR")}}}}).Retain(t.Context(),
			metric.Retention{Site: "shop", Window: w, Step: period.Week, Zone: berlin})
		if err != nil || len(c.Rows) != want || want > 0 && c.Rows[0].Size != 4 {
			t.Errorf("of sizes %v: %+v, %v", sizes, c.Rows, err)
		}
	}
}

// TestVisitsKept: of a site that keeps events for some days, only these are asked for,
// and the answer says from when on there are any.
func TestVisitsKept(t *testing.T) {
	frozen := bins.Frozen{Before: first + 9, At: (first + 9).Window(berlin).From} // a Monday
	state := bins.State{Zones: map[string]string{"shop": bins.Basis(berlin, "EUR")}, Frozen: map[string]bins.Frozen{"shop": frozen}}
	events := &visited{}
	x := Visit(events, &rolled{states: []bins.State{state}})
	for _, c := range []struct {
		site string
		from time.Time
		want string
	}{
		{"shop", frozen.At, ""}, {"other", frozen.At.AddDate(0, 0, -9), ""},
		{"shop", frozen.At.AddDate(0, 0, -1), "kept from 2024-06-10 on"},
	} {
		w, before := period.Window{From: c.from, To: c.from.AddDate(0, 0, 9)}, events.asked
		cohorts, err := x.Retain(t.Context(), metric.Retention{Site: c.site, Window: w, Step: period.Week, Zone: berlin})
		_, wrong := x.Follow(t.Context(), metric.Journey{Site: c.site, Window: w, Zone: berlin, Page: "/", Way: metric.Next, Steps: 1, Limit: 1})
		for _, err := range []error{err, wrong} {
			var q *metric.QueryError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &q) || !strings.Contains(q.Why, c.want)) {
				t.Errorf("%s from %s: %v", c.site, c.from, err)
			}
		}
		if since := cohorts.Since; c.want == "" && (events.asked != before+2 || since.IsZero() != (c.site == "other") || c.site == "shop" && !since.Equal(frozen.At)) || c.want != "" && events.asked != before {
			t.Errorf("%s from %s: asked %d times, since %s", c.site, c.from, events.asked-before, since)
		}
	}
	// The week that the window begins in began before there are events.
	_, err := x.Retain(t.Context(), metric.Retention{Site: "shop", Window: period.Window{From: frozen.At, To: frozen.At.AddDate(0, 0, 9)}, Step: period.Month, Zone: berlin})
	if err == nil || !strings.Contains(err.Error(), "asked from 2024-06-01 on") {
		t.Errorf("a month of which half is kept: %v", err)
	}
	for _, err := range []error{second(x.Retain(t.Context(), metric.Retention{Site: "shop"})), second(x.Follow(t.Context(), metric.Journey{}))} {
		if _, ok := errors.AsType[*metric.QueryError](err); !ok {
			t.Errorf("what is no question: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
