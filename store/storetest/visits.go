package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// lasts reports whether an event's visitor has an id that lasts.
func lasts(e *event.Event) bool { return e.UserID != "" || e.AnonymousID != "" }

// Retain answers a question for cohorts, visitor by visitor.
func (m *Model) Retain(_ context.Context, r metric.Retention) (metric.Cohorts, error) {
	if err := r.Check(); err != nil {
		return metric.Cohorts{}, err
	}
	now, starts := m.now().UTC(), r.Step.Cut(r.Window, r.Zone)
	end := starts[len(starts)-1].Add(40 * 24 * time.Hour)
	if more := r.Step.Cut(period.Window{From: starts[len(starts)-1], To: end}, r.Zone); len(more) > 1 {
		end = more[1]
	}
	begun := slices.DeleteFunc(slices.Clone(starts), func(t time.Time) bool { return t.After(now) })
	x := m.tabling(metric.Report{Site: r.Site, Window: period.Window{From: starts[0], To: end}, Zone: r.Zone, Where: r.Where, Bots: r.Bots, Goals: r.Goals, Members: r.Members})
	x.lasting = true
	stepOf := func(t time.Time) int {
		at := -1
		for i, start := range starts {
			if !t.Before(start) && t.Before(end) {
				at = i
			}
		}
		return at
	}
	out := metric.Cohorts{Source: "events", AsOf: now, Rows: []metric.Cohort{}}
	for i, at := range begun {
		row := metric.Cohort{Start: at, Partial: i == len(begun)-1 && ends(starts, i, end).After(now), Returned: []metric.Comeback{}}
		for n := i + 1; n < len(begun); n++ {
			row.Returned = append(row.Returned, metric.Comeback{Start: begun[n], Partial: n == len(begun)-1 && ends(starts, n, end).After(now)})
		}
		out.Rows = append(out.Rows, row)
	}
	for _, events := range byVisitor(x.events) {
		if slices.ContainsFunc(events, func(e event.Event) bool { return isView(&e) && within(e.Time, x.Window) }) {
			if slices.ContainsFunc(events, func(e event.Event) bool { return isView(&e) && within(e.Time, x.Window) && lasts(&e) }) {
				out.Known++
			} else {
				out.LeftOut++
			}
		}
		first := slices.IndexFunc(events, func(e event.Event) bool { return lasts(&e) })
		if first < 0 {
			continue
		}
		cohort := stepOf(events[first].Time)
		if cohort < 0 || cohort >= len(begun) || !slices.ContainsFunc(events, func(e event.Event) bool { return e.Time.Equal(events[first].Time) && x.meets(r.Where, &e) }) {
			continue
		}
		out.Rows[cohort].Size++
		for n := range out.Rows[cohort].Returned {
			if slices.ContainsFunc(events, func(e event.Event) bool {
				return stepOf(e.Time) == cohort+1+n && (r.Return == nil && isView(&e) || r.Return != nil && x.meets(r.Return, &e))
			}) {
				out.Rows[cohort].Returned[n].Visitors++
			}
		}
	}
	return out, nil
}

// ends is when a step is over.
func ends(starts []time.Time, i int, end time.Time) time.Time {
	if i+1 < len(starts) {
		return starts[i+1]
	}
	return end
}

// byVisitor is the events of each visitor who is not unknown, by time.
func byVisitor(events []event.Event) map[uint64][]event.Event {
	all := map[uint64][]event.Event{}
	for _, e := range events {
		if e.Visitor != 0 {
			all[e.Visitor] = append(all[e.Visitor], e)
		}
	}
	return all
}

// meets reports whether an event, or a line of it, meets a condition.
func (x *tabling) meets(w *metric.Where, e *event.Event) bool { return w == nil || x.did(w, e) }

// Follow answers a question for journeys, view by view.
func (m *Model) Follow(_ context.Context, j metric.Journey) (metric.Paths, error) {
	if err := j.Check(); err != nil {
		return metric.Paths{}, err
	}
	out := metric.Paths{Source: "events", AsOf: m.now().UTC()}
	x := m.tabling(metric.Report{Site: j.Site, Window: j.Window, Zone: j.Zone, Where: j.Where, Bots: j.Bots, Goals: j.Goals, Members: j.Members})
	var ways [][]string
	for i := range x.events {
		e := &x.events[i]
		from := j.Event == "" && isView(e) && e.Path == j.Page || j.Event != "" && e.Kind == event.Track && e.Name == j.Event
		if !from || !within(e.Time, j.Window) || !x.holds(j.Where, e, nil) {
			continue
		}
		out.Views++
		v := x.visitOf(e)
		if v == nil {
			out.Apart++
			continue
		}
		v = v.told()
		at := len(v) - 1 // the view that it is, or the last up to the event
		if j.Event == "" {
			at = slices.IndexFunc(v, func(view event.Event) bool { return view.ID == e.ID })
		} else {
			for v[at].Time.After(e.Time) {
				at--
			}
		}
		way := []string{}
		for n := range j.Steps {
			next := at + n + 1
			if j.Way == metric.Previous {
				if next = at - n - 1; j.Event != "" {
					next++
				}
			}
			if next >= 0 && next < len(v) {
				way = append(way, v[next].Path)
			}
		}
		ways = append(ways, way)
	}
	out.From = placed(cmp.Or(j.Event, j.Page), ways, j.Steps, j.Limit)
	return out, nil
}

// placed is the place that ways begin at.
func placed(page string, ways [][]string, steps, limit int) metric.Place {
	p := metric.Place{Page: page, Views: int64(len(ways))}
	if steps == 0 {
		return p
	}
	behind := map[string][][]string{}
	for _, way := range ways {
		if len(way) == 0 {
			p.Ended++
		} else {
			behind[way[0]] = append(behind[way[0]], way[1:])
		}
	}
	for next, ways := range behind {
		p.Places = append(p.Places, placed(next, ways, steps-1, limit))
	}
	slices.SortFunc(p.Places, func(a, b metric.Place) int {
		return cmp.Or(cmp.Compare(b.Views, a.Views), cmp.Compare(a.Page, b.Page))
	})
	p.Pages = int64(len(p.Places))
	for _, left := range p.Places[min(limit, len(p.Places)):] {
		p.Others += left.Views
	}
	p.Places = p.Places[:min(limit, len(p.Places))]
	return p
}

// Returning makes events around a moment as Odd does, some of them weeks away, of
// visitors of whom most have an id that lasts.
func Returning(r *rand.Rand, at time.Time, n int) []event.Event {
	events := Odd(r, at, n)
	for i := range events {
		e := &events[i]
		if r.IntN(2) == 0 { // a visitor's events are of a few weeks, which differ
			e.Visitor += 12 * uint64(r.IntN(3))
			e.Time = e.Time.Add(time.Duration(r.IntN(2+int(e.Visitor%7))) * 7 * 24 * time.Hour * time.Duration(1-2*r.IntN(2)))
		}
		e.Original = e.Time
		switch e.Visitor % 4 {
		case 0:
			if r.IntN(2) == 0 {
				e.AnonymousID = fmt.Sprint("a", e.Visitor)
			}
		case 1:
			e.AnonymousID = fmt.Sprint("a", e.Visitor)
		case 2:
			e.UserID = fmt.Sprint("u", e.Visitor)
		}
	}
	return events
}

// visits asks the store and the model the same random questions for cohorts and
// journeys, around changes of the clock.
func visits(t *testing.T, open Open) {
	back, on := 0, 0
	for i, p := range Places {
		if i%2 > 0 && i > 1 {
			continue // enough of them
		}
		t.Run(fmt.Sprint(p.Zone, p.At.Format(" 2006-01-02")), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			zone, err := time.LoadLocation(p.Zone)
			if err != nil {
				t.Fatal(err)
			}
			now := func() time.Time { return p.At.Add(4 * 24 * time.Hour) }
			s, m := open(t, t.TempDir(), now), NewModel(now)
			defer shut(t, s)
			events := Returning(r, p.At, 500)
			write(t, s, pos(1), events...)
			write(t, m, pos(1), events...)
			for range 10 {
				if n, _ := sameCohorts(t, s, m, askable(func() metric.Retention { return retention(r, p.At, zone) })).Average(1); n > 0 {
					back++
				}
				if len(samePaths(t, s, m, askable(func() metric.Journey { return journey(r, p.At, zone) })).From.Places) > 0 {
					on++
				}
			}
		})
	}
	if back < 18 || on < 18 {
		t.Errorf("in only %d answers somebody came back, only %d journeys led on", back, on)
	}
}

// askable makes questions until one can be asked: not every condition is one on events.
func askable[Q interface{ Check() error }](random func() Q) Q {
	for {
		if q := random(); q.Check() == nil {
			return q
		}
	}
}

// retention makes a random question for cohorts.
func retention(r *rand.Rand, at time.Time, zone *time.Location) metric.Retention {
	q := metric.Retention{Site: pick(r, "a", "a", "a", "b"), Zone: zone, Step: metric.RetentionSteps[r.IntN(3)], Bots: r.IntN(3) == 0, Goals: someGoals, Members: members}
	begin := at.Add(-time.Duration(r.Int64N(int64(45 * 24 * time.Hour))))
	q.Window = period.Window{From: begin, To: begin.Add(time.Duration(1 + r.Int64N(int64(90*24*time.Hour))))}
	if r.IntN(3) == 0 {
		w := condition(r, reportDimensions, 2, true)
		q.Where = &w
	}
	if r.IntN(2) == 0 {
		w := condition(r, reportDimensions, 1, false)
		q.Return = &w
	}
	if r.IntN(2) == 0 {
		q.Where = ofWhom(r, q.Where)
	}
	if r.IntN(4) == 0 {
		q.Return = on(metric.OfGoal, pick(r, "first", "signed 'up'", "any page"))
	}
	return q
}

// ofWhom is a condition, and one on the visitors: those who reached a goal or not, or are
// in a segment, in another or in none.
func ofWhom(r *rand.Rand, where *metric.Where) *metric.Where {
	w := &metric.Where{Done: on(metric.OfGoal, pick(r, "first", "signed 'up'", "order", "never"))}
	switch r.IntN(3) {
	case 0:
		w = on(metric.Segment, pick(r, "fans", "buyers", "", "/1"))
	case 1:
		w = &metric.Where{Done: &metric.Where{All: []metric.Where{*w.Done, *on(metric.Segment, "", "fans")}}}
	}
	if r.IntN(3) == 0 {
		w = &metric.Where{Not: w}
	}
	if where == nil {
		return w
	}
	return &metric.Where{All: []metric.Where{*where, *w}}
}

// journey makes a random question for journeys.
func journey(r *rand.Rand, at time.Time, zone *time.Location) metric.Journey {
	j := metric.Journey{Site: pick(r, "a", "a", "a", "b"), Zone: zone, Page: fmt.Sprintf("/%d", r.IntN(6)), Way: metric.Ways[r.IntN(2)], Steps: 1 + r.IntN(3), Limit: 1 + r.IntN(6), Bots: r.IntN(3) == 0, Goals: someGoals, Members: members}
	if r.IntN(3) == 0 {
		j.Page, j.Event = "", pick(r, "Signed Up", "Order Completed", event.Download)
	}
	begin := at.Add(-time.Duration(r.Int64N(int64(60 * time.Hour))))
	j.Window = period.Window{From: begin, To: begin.Add(time.Duration(1 + r.Int64N(int64(90*time.Hour))))}
	if r.IntN(3) == 0 {
		w := condition(r, reportDimensions, 2, true)
		j.Where = &w
	}
	if r.IntN(2) == 0 {
		j.Where = ofWhom(r, j.Where)
	}
	return j
}

func sameCohorts(t *testing.T, s, m store.Store, q metric.Retention) metric.Cohorts {
	t.Helper()
	got, err := s.(store.Retainer).Retain(context.Background(), q)
	want, wrong := m.(store.Retainer).Retain(context.Background(), q)
	spell := func(c metric.Cohorts) string {
		rows := []string{fmt.Sprint(c.Known, " and ", c.LeftOut, " ", c.Source, c.AsOf)}
		for _, row := range c.Rows {
			rows = append(rows, fmt.Sprint(row.Start.Unix(), row.Start, row.Partial, row.Size, row.Returned))
		}
		return strings.Join(rows, "\n")
	}
	if err != nil || wrong != nil || spell(got) != spell(want) {
		t.Fatalf("%+v where %s, returning %s: %v, %v\n got %s\nwant %s", q, spellWhere(q.Where), spellWhere(q.Return), err, wrong, spell(got), spell(want))
	}
	// The visitors of the window are those that every other question counts.
	d, err := s.Answer(context.Background(), metric.Query{Site: q.Site, Metric: metric.Visitors, Window: q.Whole(), Bots: q.Bots})
	if err != nil || d.Sum() != got.Known+got.LeftOut {
		t.Fatalf("%+v: %d and %d visitors, %d by themselves, %v", q, got.Known, got.LeftOut, d.Sum(), err)
	}
	return got
}

func samePaths(t *testing.T, s, m store.Store, j metric.Journey) metric.Paths {
	t.Helper()
	got, err := s.(store.Follower).Follow(context.Background(), j)
	want, wrong := m.(store.Follower).Follow(context.Background(), j)
	if err != nil || wrong != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v where %s: %v, %v\n got %+v\nwant %+v", j, spellWhere(j.Where), err, wrong, got, want)
	}
	addsUp(t, j, &got.From, j.Steps)
	if j.Event == "" {
		is := metric.Where{Dimension: "page", Op: metric.Is, Values: []string{j.Page}}
		of := j.Report()
		of.Metrics, of.Where = []metric.Name{metric.PageViews}, &is
		if j.Where != nil {
			of.Where = &metric.Where{All: []metric.Where{is, *j.Where}}
		}
		if views := tabulate(t, s, of).Rows[0].Values[0].N; views != got.Views || got.Views != got.Apart+got.From.Views {
			t.Fatalf("%+v: %d views of the page, but %d, %d of them in no session and %d in one", j, views, got.Views, got.Apart, got.From.Views)
		}
	}
	return got
}

// addsUp checks that what leads to a place is what ended there and what led on.
func addsUp(t *testing.T, j metric.Journey, p *metric.Place, steps int) {
	t.Helper()
	if steps == 0 {
		return
	}
	sum := p.Ended + p.Others
	for i := range p.Places {
		sum += p.Places[i].Views
		addsUp(t, j, &p.Places[i], steps-1)
	}
	if sum != p.Views || int64(len(p.Places)) != min(int64(j.Limit), p.Pages) {
		t.Fatalf("%+v: %+v adds up to %d", j, p, sum)
	}
}
