package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/event"
	"footfall/metric"
)

// TestArmsAtEveryDoor, law 8: every metric by the arms of experiments, and who is left
// out of them, is a recount's of the raw events at each door.
func TestArmsAtEveryDoor(t *testing.T) {
	h := newHome(t)
	s := h.experiments()
	must(t, h.settled(t.Context()))
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	x := &matrix{h: h, key: key, ask: h.asking()}
	counted := newRecount(s.things, s.zone, nil, s.goals)
	for _, experiment := range []string{"price", "Preis & Ö"} {
		a := cell{site: s, by: metric.Arm(experiment)}
		for _, m := range metric.OfEvents {
			if x.askable(s, m, a.by) {
				a.metrics = append(a.metrics, m)
			}
		}
		want := counted.by(a.by)
		if len(want) < 3 || want["a"][metric.Orders] == 0 || want["a"][metric.Sessions] == 0 || len(a.metrics) < 25 {
			t.Fatalf("the recount of %s knows %v of %v", experiment, want, a.metrics)
		}
		for range 4 { // other metrics each time, so all of them
			x.compare(a, want.want)
		}
		x.leftOut(a, s.told(experiment))
	}
}

// experiments is a site with visitors of two experiments, one by id, one by name alone.
func (h *home) experiments() *site {
	s := h.makeSite("tests.example", "Europe/Berlin", "EUR", "2024-03-30", "2024-04-02", "missing", 0)
	s.small = true
	if fault, code := h.typed(nil, "goal", "add", "Thanks", "--page", "/thanks", "--value", "2.5", "--site", s.ID); code != 0 {
		h.t.Fatal(fault)
	}
	s.goals = []reached{{"Thanks", 2500, func(t *thing) bool { return t.view && t.of["page"] == "/thanks" }}}
	r := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2024, 3, 29, 20, 0, 0, 0, time.UTC) // before the window, whose exposures count, too
	var events []event.Event
	for i := range 900 {
		at := begin.Add(time.Duration(r.IntN(78*60)) * time.Minute)
		e := event.Event{ID: fmt.Sprint(i), Site: s.ID, Kind: event.Page, Path: fmt.Sprintf("/%d", r.IntN(3)), Time: at, Original: at, Received: at, Visitor: uint64(r.IntN(90))}
		switch r.IntN(6) {
		case 0, 1: // an arm of the visitor's own, mostly
			e.Kind, e.Name = event.Track, event.Exposure
			arm := []string{"a", "b"}[e.Visitor%2]
			if r.IntN(8) == 0 {
				arm = "c"
			}
			if e.Properties = fmt.Sprintf(`{"experiment_id":"price","experiment_name":"Preis & Ö","variation_id":%q}`, arm); r.IntN(3) == 0 {
				e.Properties = fmt.Sprintf(`{"experiment_name":"Preis & Ö","variation_name":%q}`, []string{"a", "b"}[e.Visitor%2])
			}
		case 2:
			e.Kind, e.Name, e.Properties = event.Track, "Order Completed", fmt.Sprintf(`{"order_id":"o%d","revenue":%d.25,"currency":"EUR"}`, i, r.IntN(90))
		case 3:
			e.Path = "/thanks"
		}
		if e.Kind == event.Track {
			e.Path = ""
		}
		events = append(events, e)
	}
	h.send(events)
	s.arms(events)
	return s
}

// arms makes things of the events of the window, each with the arms it is in.
func (s *site) arms(events []event.Event) {
	window := fromTo(s.zone, s.from, s.to)
	first, seen := map[string]time.Time{}, s.exposures(events)
	for id, of := range seen {
		for _, e := range of {
			if first[id].IsZero() || e.Time.Before(first[id]) {
				first[id] = e.Time
			}
		}
	}
	for _, e := range events {
		if e.Time.Before(window.From) || !e.Time.Before(window.To) {
			continue
		}
		t := &thing{at: e.Time, view: e.Kind == event.Page, of: map[metric.Dimension]string{"page": e.Path}}
		if e.Visitor != 0 {
			t.who = fmt.Sprint(e.Visitor)
		}
		if e.Name == "Order Completed" {
			trade, _ := e.Trade()
			t.trade, t.amount = e.Name, trade.Amount
		}
		for _, experiment := range []string{"price", "Preis & Ö"} {
			id := experiment + "|" + t.who
			if arms := armsOf(seen[id]); len(arms) == 1 && !e.Time.Before(first[id]) {
				t.of[metric.Arm(experiment)] = arms[0]
			}
		}
		s.things = append(s.things, t)
	}
	s.exposed = map[string]api.ExperimentTold{}
	for id, of := range seen {
		var experiment string
		for _, name := range []string{"price", "Preis & Ö"} {
			if len(id) > len(name) && id[:len(name)+1] == name+"|" {
				experiment = name
			}
		}
		told := s.exposed[experiment]
		told.Experiment = experiment
		if told.Units++; len(armsOf(of)) > 1 {
			told.LeftOut++
		}
		s.exposed[experiment] = told
	}
}

// exposures are those up to the end of the window, by experiment and visitor.
func (s *site) exposures(events []event.Event) map[string][]event.Event {
	all := map[string][]event.Event{}
	for _, e := range events {
		if e.Name != event.Exposure || e.Visitor == 0 || !e.Time.Before(fromTo(s.zone, s.from, s.to).To) {
			continue
		}
		said := saidOf(e)
		experiment := said["experiment_id"]
		if experiment == "" {
			experiment = said["experiment_name"]
		}
		id := experiment + "|" + fmt.Sprint(e.Visitor)
		all[id] = append(all[id], e)
	}
	return all
}

func saidOf(e event.Event) (said map[string]string) {
	if err := json.Unmarshal([]byte(e.Properties), &said); err != nil {
		panic(err)
	}
	return said
}

// armsOf are the arms of some exposures, each once.
func armsOf(exposures []event.Event) []string {
	arms := map[string]bool{}
	for _, e := range exposures {
		said := saidOf(e)
		arms[said["variation_id"]+said["variation_name"]] = true
	}
	return slices.Sorted(maps.Keys(arms))
}

// told is what every door must tell of an experiment.
func (s *site) told(experiment string) api.ExperimentTold { return s.exposed[experiment] }

// leftOut asks each door who is left out, also of figures that are filtered by an arm.
func (x *matrix) leftOut(a cell, want api.ExperimentTold) {
	t := x.h.t
	if want.LeftOut == 0 != (want.Experiment != "price") || want.Units < 20 {
		t.Fatalf("the recount is %+v", want)
	}
	check := func(door string, told []api.ExperimentTold) {
		if len(told) != 1 || told[0] != want {
			t.Errorf("%s: told %+v, want %+v", door, told, want)
		}
	}
	var answer, typed api.Answer
	parameters := a.parameters(metric.Visitors)
	parameters.Del("by")
	parameters.Set(string(a.by), "a")
	must(t, json.Unmarshal([]byte(x.ask(x.key, "GET", "/v1/query?"+parameters.Encode(), "")), &answer))
	check("GET", answer.Experiments)
	args := []string{"query", "--arm", want.Experiment + "=a"}
	for _, name := range []string{"site", "metric", "from", "to", "step"} {
		args = append(args, "--"+name, parameters.Get(name))
	}
	if fault, code := x.h.typed(&typed, args...); code != 0 {
		t.Fatal(fault)
	}
	check("the command", typed.Experiments)
	in := func(path string, q map[string]any, into any) {
		body, err := json.Marshal(q)
		must(t, err)
		must(t, json.Unmarshal([]byte(x.ask(x.key, "POST", path, string(body))), into))
	}
	var table api.Table
	filters := []any{[]any{"is", a.by, []string{"a"}}}
	in("/v1/query", map[string]any{"site_id": a.ID, "metrics": []string{"visitors"}, "date_range": []string{a.from, a.to}, "filters": filters}, &table)
	check("POST", table.Meta.Experiments)
	if want.LeftOut > 0 == (len(table.Meta.Warnings) == 0) {
		t.Errorf("warned %q of %+v", table.Meta.Warnings, want)
	}
	var funnel api.FunnelTable
	in("/v1/funnel", map[string]any{"site_id": a.ID, "steps": []any{map[string]string{"page": "/*"}, map[string]string{"page": "/thanks"}}, "date_range": []string{a.from, a.to}, "filters": filters}, &funnel)
	check("funnel", funnel.Meta.Experiments)
	var graph struct {
		Data struct {
			GetAnalyticsData struct {
				Experiments []struct {
					Site, Experiment string
					Units, LeftOut   int64
				}
				Dataset []api.Point
			}
		}
	}
	in("/graphql", map[string]any{"query": fmt.Sprintf(`{ getAnalyticsData(metricType: Visitors, from: %q, to: %q, granularity: Total, site: %q, filters: [{experiment: %q, value: "a"}]) { dataset { value } experiments { site experiment units leftOut } } }`,
		a.from, url.Values(parameters).Get("to"), a.ID, want.Experiment)}, &graph)
	for _, e := range graph.Data.GetAnalyticsData.Experiments {
		check("GraphQL", []api.ExperimentTold{{Experiment: e.Experiment, Units: e.Units, LeftOut: e.LeftOut}})
	}
	if all := graph.Data.GetAnalyticsData; len(all.Experiments) != 1 || all.Experiments[0].Site != a.ID || len(all.Dataset) != 1 || all.Dataset[0].Value.String() != table.Results[0].Metrics[0].String() || typed.Dataset[0].Value.String() != answer.Dataset[0].Value.String() || answer.Dataset[0].Value.String() != all.Dataset[0].Value.String() {
		t.Errorf("visitors in a: GraphQL %+v, POST %+v, GET %+v, the command %+v", all, table.Results, answer, typed)
	}
}
