package query

import (
	"errors"
	"testing"
	"time"

	"footfall/bins"
	"footfall/metric"
	"footfall/period"
)

// TestSessionsOfDirtyDays: what is told of sessions of days that are not rolled is asked where
// they are counted as they come, as a whole, and only where that is lost of the event store.
func TestSessionsOfDirtyDays(t *testing.T) {
	fault := errors.New("fault")
	came := []row{{"", first + 1, 8, nil}, {"", first + 3, 6, nil}, {"", first, 1000, nil}}
	for name, x := range map[string]struct {
		metric metric.Name
		hot    Hot
		came   buckets
		want   string
		source string
		err    error
	}{
		"kept":        {metric.Sessions, &buckets{}, buckets{rows: came}, "5 4 0 3 ", "bins+hot", nil},
		"without hot": {metric.Sessions, nil, buckets{rows: came}, "5 4 0 3 ", "bins+hot", nil},
		"views":       {metric.PageViews, nil, buckets{rows: came}, "10 100 0 100 ", "bins+events", nil},
		"lost":        {metric.Sessions, &buckets{}, buckets{rows: came, lost: 2}, "5 100 0 100 ", "bins+events", nil},
		"one lost":    {metric.Sessions, &buckets{}, buckets{rows: came, lost: 1}, "5 100 0 3 ", "bins+hot+events", nil},
		"a fault":     {metric.Sessions, &buckets{}, buckets{rows: came, fails: fault}, "", "", fault},
	} {
		t.Run(name, func(t *testing.T) {
			q := asked()
			q.Metric = x.metric
			durable := &rolled{states: []bins.State{state(7, first+1, first+3)}, rows: fourDays()}
			d, err := Plan(&eventsOnly{}, durable, x.hot, &x.came, func() time.Time { return now }).Answer(t.Context(), q)
			if !errors.Is(err, x.err) || values(d) != x.want || d.Source != x.source {
				t.Errorf("%s from %q, %v; want %s from %q", values(d), d.Source, err, x.want, x.source)
			}
			for i, r := range x.came.asked {
				if date := first + period.Date(1+2*i); r.Window != date.Window(berlin) || x.metric != metric.Sessions {
					t.Errorf("asked %+v", r)
				}
			}
		})
	}
}
