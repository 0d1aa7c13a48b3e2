package query

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // the tests hold on machines without a zone database

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

var (
	berlin = location("Europe/Berlin")
	apia   = location("Pacific/Apia")
	now    = time.Date(2024, 6, 4, 12, 0, 0, 0, time.UTC)
	sealed = time.Date(2024, 6, 4, 11, 45, 0, 0, time.UTC)
	first  = period.DateOf(time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC), nil) // a Saturday
)

func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func place(seq uint64) event.Position { return event.Position{Epoch: 1, Seq: seq, Total: seq} }

// eventsOnly is an event store in which every day of every series counts 100.
type eventsOnly struct {
	asked []metric.Query
	fails error
}

func (s *eventsOnly) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	s.asked = append(s.asked, q)
	return metric.Dataset{Source: "events", Points: []metric.Point{{Time: q.Window.From, Value: 100}}}, s.fails
}

// Tabulate asks for each metric by itself.
func (s *eventsOnly) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	return Tabulated(s, func() time.Time { return now }).Tabulate(ctx, r)
}

type row struct {
	value string
	date  period.Date
	views int64
	who   []uint64
}

func (r row) bin() *bins.Bin {
	b := &bins.Bin{}
	b.Counts[0], b.Counts[1], b.Counts[7], b.Counts[11] = r.views, r.views/2, r.views, r.views/2
	for _, id := range r.who {
		b.Visitors.Add(id)
	}
	return b
}

// rolled is durable bins with a state for each time they are asked for it; the
// last one stays.
type rolled struct {
	states []bins.State
	looks  int
	rows   []row
	asked  []bins.Range
	fails  error
	broken error // of State
}

func (d *rolled) State(context.Context) (bins.State, error) {
	s := d.states[min(d.looks, len(d.states)-1)]
	d.looks++
	return s, d.broken
}

func (d *rolled) Read(_ context.Context, r bins.Range, fn func(string, bins.Span, *bins.Bin) error) error {
	d.asked = append(d.asked, r)
	for _, x := range d.rows {
		if x.date >= r.From && x.date < r.To && (r.Each || x.value == r.Value) {
			if err := fn(x.value, bins.Span{From: x.date, To: x.date + 1}, x.bin()); err != nil {
				return err
			}
		}
	}
	return d.fails
}

// buckets are hot; they are lost the first times they are read.
type buckets struct {
	rows  []row
	asked []bins.HotRange
	lost  int
	fails error
}

func (h *buckets) Read(_ context.Context, r bins.HotRange, fn func(string, time.Time, *bins.Bin) error) error {
	h.asked = append(h.asked, r)
	if len(h.asked) <= h.lost {
		return fmt.Errorf("emptied: %w", bins.ErrLost)
	}
	for _, x := range h.rows {
		at := x.date.Window(berlin).From.Add(12 * time.Hour)
		if !at.Before(r.Window.From) && at.Before(r.Window.To) && (r.Each || x.value == r.Value) {
			if err := fn(x.value, at, x.bin()); err != nil {
				return err
			}
		}
	}
	return h.fails
}

// state is that of bins in Berlin with a seal and dirty dates.
func state(seal uint64, dirty ...period.Date) bins.State {
	s := bins.State{Seal: bins.Seal{Position: place(seal), At: sealed}, Dirty: map[bins.Day]uint64{{Site: "other", Date: first}: 1},
		Days: map[bins.Day]bins.Seal{}, Zones: map[string]string{"s": bins.Basis(berlin, "EUR")}}
	for _, date := range dirty {
		s.Dirty[bins.Day{Site: "s", Date: date}] = 1
	}
	return s
}

// asked is page views of four days.
func asked() metric.Query {
	return metric.Query{Site: "s", Metric: metric.PageViews, Zone: berlin, Step: period.Day, Currency: "EUR",
		Window: period.Window{From: first.Window(berlin).From, To: (first + 4).Window(berlin).From}}
}

// answer asks; hot may be nil.
func answer(t *testing.T, events *eventsOnly, durable *rolled, hot *buckets, q metric.Query) (metric.Dataset, error) {
	t.Helper()
	var h Hot
	if hot != nil {
		h = hot
	}
	return Plan(events, durable, h, nil, func() time.Time { return now }).Answer(context.Background(), q)
}

func values(d metric.Dataset) (all string) {
	for _, p := range d.Points {
		all += fmt.Sprintf("%s%d ", p.Series, p.Value)
	}
	return all
}

func fourDays() []row {
	return []row{{"", first, 10, []uint64{1, 2}}, {"", first + 1, 20, []uint64{2, 3}}, {"", first + 3, 40, []uint64{4}}}
}

func TestWhatBinsCanAnswer(t *testing.T) {
	hour := func(from, to time.Duration) func(*metric.Query) {
		return func(q *metric.Query) { q.Window.From, q.Window.To = q.Window.From.Add(from), q.Window.To.Add(to) }
	}
	filters := func(f ...metric.Filter) func(*metric.Query) { return func(q *metric.Query) { q.Filters = f } }
	for name, x := range map[string]struct {
		change func(q *metric.Query)
		bins   bool
	}{
		"days":           {func(*metric.Query) {}, true},
		"weeks":          {func(q *metric.Query) { q.Step = period.Week }, true},
		"months":         {func(q *metric.Query) { q.Step = period.Month }, true},
		"years":          {func(q *metric.Query) { q.Step = period.Year }, true},
		"total":          {func(q *metric.Query) { q.Step = period.Total }, true},
		"total, spelt":   {func(q *metric.Query) { q.Step = "total" }, true},
		"hours":          {func(q *metric.Query) { q.Step = period.Hour }, false},
		"quarters":       {func(q *metric.Query) { q.Step = period.Quarter }, false},
		"by page":        {func(q *metric.Query) { q.By = "page" }, true},
		"by host":        {func(q *metric.Query) { q.By = "host" }, false},
		"of a page":      {filters(metric.Filter{Dimension: "page", Value: "/"}), true},
		"of a host":      {filters(metric.Filter{Dimension: "host", Value: "x"}), false},
		"two filters":    {filters(metric.Filter{Dimension: "page", Value: "/"}, metric.Filter{Dimension: "country", Value: "DE"}), false},
		"with bots":      {func(q *metric.Query) { q.Bots = true }, false},
		"another zone":   {func(q *metric.Query) { q.Zone = location("Europe/Paris") }, false}, // of the same midnights
		"no zone":        {func(q *metric.Query) { q.Zone = nil }, false},
		"other currency": {func(q *metric.Query) { q.Currency = "USD" }, false},
		"another site":   {func(q *metric.Query) { q.Site = "other" }, false},
		"commissions":    {func(q *metric.Query) { q.Metric = metric.Commissions }, false},
		"visitors":       {func(q *metric.Query) { q.Metric = metric.Visitors }, true},
		"sessions":       {func(q *metric.Query) { q.Metric = metric.Sessions }, true},
		"revenue":        {func(q *metric.Query) { q.Metric = metric.Revenue }, true},
		"from one":       {hour(time.Hour, 0), false},
		"until one":      {hour(0, time.Hour), false},
		"page by filter": {func(q *metric.Query) {
			q.By, q.Filters = "page", []metric.Filter{{Dimension: "country", Value: "DE"}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			q := asked()
			x.change(&q)
			d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}, rows: fourDays()}, &buckets{}, q)
			if err != nil || (d.Source == "bins") != x.bins {
				t.Errorf("answered from %q, %v", d.Source, err)
			}
		})
	}
	q := asked()
	q.Site = ""
	var wrong *metric.QueryError
	if _, err := answer(t, &eventsOnly{}, &rolled{}, nil, q); !errors.As(err, &wrong) {
		t.Errorf("a question of no site: %v", err)
	}
}

func TestDirtyDays(t *testing.T) {
	warm := []row{{"", first + 1, 3, []uint64{3, 9}}, {"", first + 3, 5, []uint64{4}}, {"", first, 1000, nil}}
	long := make([]period.Date, mostDirty+1)
	for i := range long {
		long[i] = first - period.Date(i)
	}
	for name, x := range map[string]struct {
		metric metric.Name
		hot    bool
		dirty  []period.Date
		want   string
		source string
	}{
		"none":                  {metric.PageViews, true, nil, "10 20 0 40 ", "bins"},
		"elsewhere":             {metric.PageViews, true, []period.Date{first - 1, first + 4}, "10 20 0 40 ", "bins"},
		"hot":                   {metric.PageViews, true, []period.Date{first + 1, first + 3}, "10 23 0 45 ", "bins+hot"},
		"one hot":               {metric.PageViews, true, []period.Date{first + 3}, "10 20 0 45 ", "bins+hot"},
		"hot visitors":          {metric.Visitors, true, []period.Date{first + 1, first + 3}, "2 3 0 1 ", "bins+hot"},
		"no hot":                {metric.PageViews, false, []period.Date{first + 1, first + 3}, "10 100 0 100 ", "bins+events"},
		"no hot, visitors":      {metric.Visitors, false, []period.Date{first + 1}, "100 ", "events"},
		"sessions":              {metric.Sessions, true, []period.Date{first + 1}, "5 100 0 20 ", "bins+events"},
		"no hot, too many days": {metric.PageViews, false, long, "100 ", "events"},
		"sessions of too many":  {metric.Sessions, true, long, "100 ", "events"},
	} {
		t.Run(name, func(t *testing.T) {
			q, events, durable := asked(), &eventsOnly{}, &rolled{states: []bins.State{state(7, x.dirty...)}, rows: fourDays()}
			if q.Metric = x.metric; len(x.dirty) > mostDirty {
				q.Window.From = (first - 100).Window(berlin).From
			}
			var hot *buckets
			if x.hot {
				hot = &buckets{rows: warm}
			}
			d, err := answer(t, events, durable, hot, q)
			if err != nil || values(d) != x.want || d.Source != x.source {
				t.Errorf("%s from %q, %v; want %s from %q", values(d), d.Source, err, x.want, x.source)
			}
			if hot != nil {
				for _, r := range hot.asked {
					if r.Since != place(7) || r.Until != (event.Position{}) {
						t.Errorf("hot buckets were asked %+v", r)
					}
				}
			}
			if x.source == "bins+events" {
				for _, one := range events.asked {
					if one.Window.To.Sub(one.Window.From) != 24*time.Hour || one.Step != period.Total {
						t.Errorf("the event store was asked %+v", one)
					}
				}
			}
		})
	}
}

// TestTogether: what is told of sessions is counted together of days that are not
// rolled, beside what bins have of each; the same is read of these once.
func TestTogether(t *testing.T) {
	events, durable := &sessions{}, &rolled{states: []bins.State{state(7, first+1)}, rows: fourDays()}
	durable.states[0].Versions = map[string]uint64{"s": 1}
	x := Report(Plan(events, durable, &buckets{}, nil, func() time.Time { return now }), events, nil)
	r := asked().Report()
	r.Metrics = []metric.Name{metric.ViewsPerSession, metric.Sessions, metric.Bounces, metric.PageViews}
	for try := range 2 {
		table, err := x.Tabulate(t.Context(), r)
		want := "[] [{1000 false} {5 false} {0 false} {10 false}] [] [] [{2500 false} {2 false} {1 false} {20 false}] [] [] [{0 true} {0 false} {0 false} {0 false}] [] [] [{1000 false} {20 false} {0 false} {40 false}] []"
		if err != nil || spellTable(table) != want || table.Source != "bins+events+hot" {
			t.Errorf("%s from %s, %v, want %s", spellTable(table), table.Source, err, want)
		}
		if len(events.asked) != try+1 || len(events.asked[try].Metrics) != 3 || len(durable.asked) != 2 {
			t.Errorf("try %d: the event store was asked %+v, bins %d times", try, events.asked, len(durable.asked))
		}
	}
}

// sessions is an event store in which a day has two sessions of five views.
type sessions struct {
	eventsOnly
	asked []metric.Report
}

func (s *sessions) Tabulate(_ context.Context, r metric.Report) (metric.Table, error) {
	s.asked = append(s.asked, r)
	row := metric.Row{Time: r.Window.From}
	for _, m := range r.Metrics {
		row.Values = append(row.Values, metric.Value{N: map[metric.Name]int64{metric.Sessions: 2, metric.SessionViews: 5, metric.Bounces: 1}[m]})
	}
	return metric.Table{Rows: []metric.Row{row}, Source: "events"}, nil
}

// TestNewerDays asks hot buckets from where the day's own bins end.
func TestNewerDays(t *testing.T) {
	s, hot := state(7, first, first+1), &buckets{}
	s.Days[bins.Day{Site: "s", Date: first + 1}] = bins.Seal{Position: place(9)}
	s.Days[bins.Day{Site: "s", Date: first}] = bins.Seal{Position: place(5)} // older than the seal
	if _, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{s}}, hot, asked()); err != nil || len(hot.asked) != 2 ||
		hot.asked[0].Since != place(7) || hot.asked[1].Since != place(9) {
		t.Errorf("%v, hot was asked %+v", err, hot.asked)
	}
}

// TestSkippedDate: a date that never was can be dirty, and counts nothing.
func TestSkippedDate(t *testing.T) {
	never := period.DateOf(time.Date(2011, 12, 30, 12, 0, 0, 0, time.UTC), nil)
	s := state(1, never)
	s.Zones["s"] = bins.Basis(apia, "EUR")
	q, events := asked(), &eventsOnly{}
	q.Zone, q.Metric, q.Window = apia, metric.Sessions, period.Window{From: (never - 1).Window(apia).From, To: (never + 2).Window(apia).From}
	d, err := answer(t, events, &rolled{states: []bins.State{s}, rows: []row{{"", never - 1, 4, nil}, {"", never + 1, 6, nil}}}, nil, q)
	if err != nil || values(d) != "2 3 " || len(events.asked) > 0 {
		t.Errorf("%s, %v, the event store was asked %v", values(d), err, events.asked)
	}
}

func TestVisitorsAreAUnion(t *testing.T) {
	q := asked()
	q.Metric, q.Step = metric.Visitors, period.Total
	d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}, rows: fourDays()}, nil, q)
	if err != nil || values(d) != "4 " || d.Estimate {
		t.Errorf("%s, estimate %v, %v", values(d), d.Estimate, err)
	}
	many := make([]uint64, 5000)
	for i := range many {
		many[i] = uint64(i+1) * 0x9e3779b97f4a7c15
	}
	// Each day is exact, but not their union, by which series are ordered.
	rows := []row{{"", first, 1, many[:1500]}, {"", first + 1, 1, many[1400:2900]}}
	for _, x := range []struct {
		metric   metric.Name
		step     period.Step
		by       metric.Dimension
		rows     []row
		estimate bool
	}{
		{metric.Visitors, period.Day, "", rows, false},
		{metric.Visitors, period.Day, "page", rows[:1], false},
		{metric.Visitors, period.Day, "page", rows, true},
		{metric.Visitors, period.Total, "", rows, true},
		{metric.PageViews, period.Total, "", rows, false},
		{metric.Visitors, period.Day, "", []row{{"", first, 1, many}}, true},
	} {
		q.Metric, q.Step, q.By = x.metric, x.step, x.by
		if d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}, rows: x.rows}, nil, q); err != nil || d.Estimate != x.estimate {
			t.Errorf("%s of %d days by %q and %q: estimate %v, %v", x.metric, len(x.rows), x.step, x.by, d.Estimate, err)
		}
	}
}

// TestRollBetween: what was read before a roll and after must not be mixed.
func TestRollBetween(t *testing.T) {
	moved := state(1, first)
	moved.Zones = map[string]string{"s": bins.Basis(apia, "EUR")}
	day := state(1, first)
	day.Days[bins.Day{Site: "s", Date: first}] = bins.Seal{Position: place(2)}
	other := state(1, first)
	other.Days[bins.Day{Site: "other", Date: first}] = bins.Seal{Position: place(2)}
	for name, x := range map[string]struct {
		states []bins.State
		reads  int
		source string
	}{
		"no roll":                 {[]bins.State{state(1, first)}, 1, "bins+hot"},
		"a roll":                  {[]bins.State{state(1, first), state(2)}, 2, "bins"},
		"a part of a roll":        {[]bins.State{state(1, first), day}, 2, "bins+hot"},
		"of another site":         {[]bins.State{state(1, first), other}, 1, "bins+hot"},
		"a new day":               {[]bins.State{state(1), state(1, first)}, 1, "bins"}, // of events that came meanwhile
		"a roll, and one more":    {[]bins.State{state(1, first), state(2), state(2), state(3), state(3)}, 3, "bins"},
		"rolls without end":       {[]bins.State{state(1), state(2), state(3), state(4), state(5), state(6), state(7)}, 3, "events"},
		"anew, in another's zone": {[]bins.State{state(1, first), moved}, 1, "events"},
	} {
		t.Run(name, func(t *testing.T) {
			durable := &rolled{states: x.states, rows: fourDays()}
			d, err := answer(t, &eventsOnly{}, durable, &buckets{}, asked())
			if err != nil || d.Source != x.source || len(durable.asked) != x.reads {
				t.Errorf("from %q after %d readings, %v", d.Source, len(durable.asked), err)
			}
			if d.Source != "events" && values(d) != "10 20 0 40 " {
				t.Errorf("%s", values(d))
			}
		})
	}
}

func TestHotLost(t *testing.T) {
	for lost, want := range map[int]string{0: "bins+hot", 1: "bins+hot", 2: "bins+hot", 3: "events"} {
		hot := &buckets{lost: lost, rows: []row{{"", first, 1, nil}}}
		d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1, first)}, rows: fourDays()}, hot, asked())
		if err != nil || d.Source != want || want != "events" && values(d) != "11 20 0 40 " {
			t.Errorf("lost %d times: %s from %q, %v", lost, values(d), d.Source, err)
		}
	}
}

// TestErrors: only what hot buckets lack is made up for.
func TestErrors(t *testing.T) {
	fault := errors.New("disk")
	for name, x := range map[string]struct {
		events  eventsOnly
		durable rolled
		hot     *buckets
	}{
		"state":           {durable: rolled{broken: fault}},
		"bins":            {durable: rolled{fails: fault}},
		"hot":             {hot: &buckets{fails: fault}},
		"a dirty day":     {events: eventsOnly{fails: fault}},
		"bins, with lost": {durable: rolled{fails: fault}, hot: &buckets{lost: 9}},
	} {
		x.durable.states = []bins.State{state(1, first)}
		d, err := answer(t, &x.events, &x.durable, x.hot, asked())
		if !errors.Is(err, fault) || d.Source != "" || len(x.events.asked) > 1 {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

func TestFreshness(t *testing.T) {
	d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}, rows: fourDays()}, nil, asked())
	if err != nil || !d.Sealed.Equal(sealed) || !d.AsOf.Equal(now) || d.AsOf.Location() != time.UTC {
		t.Errorf("sealed %v, as of %v, %v", d.Sealed, d.AsOf, err)
	}
	for i, p := range d.Points {
		if p.Partial != (i == 3) { // today
			t.Errorf("point %d: %+v", i, p)
		}
	}
	d, _ = answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}}, nil, metric.Query{Site: "s", Metric: metric.PageViews,
		Window: asked().Window, Zone: berlin, Step: period.Hour})
	if !d.Sealed.IsZero() {
		t.Errorf("events, sealed %v", d.Sealed)
	}
}

// TestSeries: the largest over the window first, then by name; a series of
// zeros is none.
func TestSeries(t *testing.T) {
	rows := []row{{"b", first, 5, []uint64{1}}, {"a", first, 5, []uint64{1}}, {"c", first, 1, []uint64{1, 2}}, {"c", first + 1, 8, []uint64{1, 2}},
		{"d", first, 0, nil}, {"e", first, 3, nil}, {"e", first + 1, -3, nil}}
	for _, x := range []struct {
		metric metric.Name
		step   period.Step
		limit  int
		want   string
	}{
		{metric.PageViews, period.Total, 0, "c9 a5 b5 "},
		{metric.PageViews, period.Total, 2, "c9 a5 "},
		{metric.Revenue, period.Month, 0, "c9 a5 b5 "},
		{metric.Revenue, period.Day, 0, "c1 c8 a5 a0 b5 b0 e3 e-3 "},
		{metric.Revenue, period.Day, 3, "c1 c8 a5 a0 b5 b0 "},
		{metric.Visitors, period.Day, 0, "c2 c2 a1 a0 b1 b0 "},
		{metric.Visitors, period.Total, 1, "c2 "},
	} {
		q := asked()
		q.Metric, q.Step, q.Limit, q.By = x.metric, x.step, x.limit, "page"
		q.Window.To = (first + 2).Window(berlin).From
		d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}, rows: rows}, nil, q)
		if err != nil || values(d) != x.want {
			t.Errorf("%s by %q, at most %d: %s, %v; want %s", x.metric, x.step, x.limit, values(d), err, x.want)
		}
	}
	q := asked()
	q.Filters = []metric.Filter{{Dimension: "page", Value: "c"}}
	durable := &rolled{states: []bins.State{state(1)}, rows: rows}
	if d, err := answer(t, &eventsOnly{}, durable, nil, q); err != nil || values(d) != "1 8 0 0 " || durable.asked[0].By != "page" || durable.asked[0].Each {
		t.Errorf("of a page: %s, %v, bins were asked %+v", values(d), err, durable.asked)
	}
	if d, err := answer(t, &eventsOnly{}, &rolled{states: []bins.State{state(1)}}, nil, asked()); err != nil || values(d) != "0 0 0 0 " {
		t.Errorf("of nothing: %s, %v", values(d), err)
	}
}

// TestOtherConditions: bins know single values of a dimension, and nothing of any other
// condition.
func TestOtherConditions(t *testing.T) {
	p := Plan(nil, nil, nil, nil, time.Now)
	day := period.DateOf(time.Now(), time.UTC).Window(time.UTC)
	q := metric.Query{Site: "a", Metric: metric.Visitors, Window: day, Zone: time.UTC, By: "page"}
	if _, ok := p.plan(q, []metric.Name{q.Metric}); !ok {
		t.Error("bins do not know visitors by page")
	}
	q.Where = &metric.Where{Not: &metric.Where{Dimension: "country", Op: metric.Is, Values: []string{"DE"}}}
	if _, ok := p.plan(q, []metric.Name{q.Metric}); ok {
		t.Error("bins are asked with a condition that they leave out")
	}
}
