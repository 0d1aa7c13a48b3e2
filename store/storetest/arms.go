package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// unit is what a visitor was exposed to of an experiment.
type unit struct {
	first time.Time
	arms  map[string]bool
}

// units are the visitors who were exposed to an experiment up to the end of the window.
func (x *tabling) units(experiment string) map[uint64]*unit {
	if of, ok := x.exposed[experiment]; ok {
		return of
	}
	of := map[uint64]*unit{}
	for _, e := range x.events { // by time
		name := cmp.Or(property(e.Properties, "experiment_id"), property(e.Properties, "experiment_name"))
		arm := cmp.Or(property(e.Properties, "variation_id"), property(e.Properties, "variation_name"))
		if e.Kind != event.Track || e.Name != event.Exposure || e.Visitor == 0 || !e.Time.Before(x.Window.To) || name != experiment || arm == "" {
			continue
		}
		if of[e.Visitor] == nil {
			of[e.Visitor] = &unit{e.Time, map[string]bool{}}
		}
		of[e.Visitor].arms[arm] = true
	}
	x.exposed[experiment] = of
	return of
}

// arm is the arm that an event is in; "" is none.
func (x *tabling) arm(experiment string, e *event.Event) string {
	u := x.units(experiment)[e.Visitor]
	if u == nil || len(u.arms) > 1 || e.Time.Before(u.first) {
		return ""
	}
	for arm := range u.arms {
		return arm
	}
	return ""
}

// told tells of each experiment how many were exposed to it, and to several arms of it.
func (x *tabling) told() (all []metric.Exposed) {
	for _, experiment := range x.Experiments() {
		of := metric.Exposed{Experiment: experiment}
		for _, u := range x.units(experiment) {
			if of.Units++; len(u.arms) > 1 {
				of.Mixed++
			}
		}
		all = append(all, of)
	}
	return all
}

// exposures are what makes of some events exposures: of experiments by id, by name or by
// both, and of what is none.
var exposures = []string{
	`{"experiment_id":"price","variation_id":"a"}`, `{"experiment_id":"price","variation_id":"a"}`, `{"experiment_id":"price","variation_id":"a","experiment_name":"Preis","variation_name":"alt"}`,
	`{"experiment_id":"price","variation_id":"b"}`, `{"experiment_id":"price","variation_name":"b"}`, `{"experiment_name":"price","variation_id":"b"}`, `{"experiment_id":"","experiment_name":"price","variation_id":null,"variation_name":"b"}`,
	`{"experiment_id":7,"variation_id":1}`, `{"experiment_id":7,"variation_id":1}`, `{"experiment_id":"7","variation_id":2}`, `{"experiment_name":"'\"; Ä","variation_name":"o'neill \""}`, `{"experiment_name":"'\"; ä","variation_name":"x"}`,
	`{"experiment_id":"price"}`, `{"variation_id":"a"}`, `{"experiment_id":"other","experiment_name":"price","variation_id":"c"}`, `no JSON`, ``,
}

// armed makes a random report about arms.
func armed(r *rand.Rand, at time.Time, zone *time.Location) (metric.Report, bool) {
	rep := report(r, at, zone)
	if r.IntN(3) == 0 {
		rep, _ = about(r, at, zone)
	}
	rep.Affiliate, rep.Limit, rep.Offset = nil, 0, 0
	arm := func() metric.Dimension { return metric.Arm(pick(r, "price", "price", "7", `'"; Ä`, "none")) }
	is := on(arm(), pick(r, "a", "b", "1", "2", `o'neill "`), pick(r, "", "b", "1"))
	if r.IntN(2) == 0 {
		is = on(arm(), pick(r, "a", "b", "1", `o'neill "`))
	}
	for _, with := range []*metric.Where{is, {Not: is}, {Done: is}}[r.IntN(3):] {
		switch {
		case r.IntN(2) == 0:
		case rep.Where == nil:
			rep.Where = with
		default:
			rep.Where = &metric.Where{All: []metric.Where{*rep.Where, *with}}
		}
	}
	if d := arm(); r.IntN(3) > 0 && !slices.Contains(rep.By, d) && len(rep.By) < metric.MaxBy {
		rep.By = slices.Insert(rep.By, r.IntN(len(rep.By)+1), d)
	}
	return rep, len(rep.Experiments()) > 0 && rep.Check() == nil
}

// arms asks the store and the model the same random reports about arms of experiments.
func arms(t *testing.T, open Open) {
	for i, p := range []Place{Places[0], Places[3], Places[6]} {
		r := rand.New(rand.NewPCG(uint64(i), 17))
		events := Odd(r, p.At, 500)
		for i := range events {
			events[i].Visitor *= uint64(1 + r.IntN(9)) // more of them, each with less
			if r.IntN(5) == 0 {
				events[i].Kind, events[i].Name, events[i].Properties = event.Track, event.Exposure, exposures[r.IntN(len(exposures))]
			}
		}
		s, m, zone := beside(t, open, p, events)
		defer shut(t, s)
		some, mixed := 0, 0
		for asked := 0; asked < 75; {
			rep, ok := armed(r, p.At, zone)
			if !ok {
				continue
			}
			asked++
			want, got := tabulate(t, m, rep), tabulate(t, s, rep)
			sameTable(t, rep, got, want)
			if !slices.Equal(got.Exposed, want.Exposed) {
				t.Fatalf("%s: told %v, want %v", spellReport(rep), got.Exposed, want.Exposed)
			}
			if slices.ContainsFunc(want.Rows, func(row metric.Row) bool {
				return slices.ContainsFunc(row.Values, func(v metric.Value) bool { return v.N > 0 })
			}) {
				some++
			}
			if slices.ContainsFunc(want.Exposed, func(e metric.Exposed) bool { return e.Mixed > 0 && e.Mixed < e.Units }) {
				mixed++
			}
		}
		if some < 8 || mixed < 8 {
			t.Errorf("%d reports had figures, %d somebody in several arms", some, mixed)
		}
	}
}

// armTable holds figures of arms worked out by hand.
func armTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	var all []event.Event
	add := func(visitor uint64, minute int, arm string) {
		e := plain(fmt.Sprint(len(all)), start.Add(time.Duration(minute)*time.Minute))
		if e.Visitor = visitor; arm != "" {
			e.Kind, e.Name, e.Properties = event.Track, event.Exposure, `{"experiment_id":"price","variation_id":"`+arm+`"}`
		}
		all = append(all, e)
	}
	add(1, 0, "") // before the exposure: in no arm
	add(1, 0, "a")
	add(1, 1, "")
	add(2, -90, "b") // before the window
	add(2, 5, "")
	add(2, 6, "b") // again is not anew
	add(3, 5, "a") // left out: two arms
	add(3, 6, "")
	add(3, 7, "b")
	add(4, 8, "")  // never exposed
	add(5, 9, "a") // exposed, and gone
	add(6, 3, "a") // in b behind the window only
	add(6, 4, "")
	add(6, 60, "b")
	all[0].Time = all[0].Time.Add(-time.Millisecond)
	write(t, s, pos(1), all...)
	ask := func(to time.Duration) metric.Table {
		return tabulate(t, s, metric.Report{Site: "a", Window: period.Window{From: start.Add(-time.Minute), To: start.Add(to)}, By: []metric.Dimension{metric.Arm("price")},
			Metrics: []metric.Name{metric.Visitors, metric.PageViews, metric.Sessions, metric.Events}, Order: []metric.Order{{Dimension: metric.Arm("price")}}})
	}
	for to, want := range map[time.Duration]string{
		time.Hour:             `[] 3 3 3 5|[a] 3 2 1 5|[b] 1 1 1 2| [{price 5 1}]`, // in none: 1 before the exposure, by which its session is judged, 3 and 4
		time.Hour + 1_000_000: `[] 4 4 4 8|[a] 2 1 0 3|[b] 1 1 1 2| [{price 5 2}]`,
	} {
		got, table := "", ask(to)
		for _, row := range table.Rows {
			got += fmt.Sprint(row.Keys)
			for _, v := range row.Values {
				got += fmt.Sprint(" ", v.N)
			}
			got += "|"
		}
		if got += fmt.Sprint(" ", table.Exposed); got != want {
			t.Errorf("up to %v:\n got %s\nwant %s", to, got, want)
		}
	}
}
