package metric_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/metric"
	"footfall/period"
)

// TestGoalCheck: what is wrong with a goal is told with the field.
func TestGoalCheck(t *testing.T) {
	good := metric.Goal{Name: "Sign up", Act: metric.Act{Event: "Signed Up"}, ValueOf: "revenue"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	many := metric.Where{}
	for range metric.MaxActFilter + 1 {
		many.All = append(many.All, is("country", "DE"))
	}
	for want, change := range map[string]func(*metric.Goal){
		`that can stand in an address, not "."`: func(g *metric.Goal) { g.Name = "." }, `in an address, not ".."`: func(g *metric.Goal) { g.Name = ".." }, `in an address, not "/"`: func(g *metric.Goal) { g.Name = "/" },
		"name: a goal has": func(g *metric.Goal) { g.Name = "" }, "without spaces around": func(g *metric.Goal) { g.Name = "x " }, "name: a goal has a name": func(g *metric.Goal) { g.Name = "a\x00" },
		"page: name one": func(g *metric.Goal) { g.Page = "/" }, "event: it is a text": func(g *metric.Goal) { g.Event = strings.Repeat("x", metric.MaxValue+1) }, "page: it is": func(g *metric.Goal) { g.Event, g.Page = "", "\xff" },
		"not both": func(g *metric.Goal) { g.Value = 1 }, "value: -0.001 is": func(g *metric.Goal) { g.ValueOf, g.Value = "", -1 }, "value: the name of a property": func(g *metric.Goal) { g.ValueOf = strings.Repeat("x", 201) },
		"filters: at most 10": func(g *metric.Goal) { g.Where = &many }, `can't depend on "product"`: func(g *metric.Goal) { w := is("product", "x"); g.Where = &w },
		`can't depend on "goal"`: func(g *metric.Goal) { w := is(metric.OfGoal, "x"); g.Where = &w }, "on what the visitor has done": func(g *metric.Goal) { w := is("page", "x"); g.Where = &metric.Where{Done: &w} },
		"filters: unknown dimension": func(g *metric.Goal) { w := is("colour", "x"); g.Where = &w },
	} {
		g := good
		change(&g)
		var wrong *metric.QueryError
		if err := g.Check(); !errors.As(err, &wrong) || !strings.Contains(wrong.Why, want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestFunnelCheck likewise.
func TestFunnelCheck(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	good := metric.Funnel{Site: "a", Steps: []metric.Act{{Page: "/"}, {Event: "x"}}, Window: period.Window{From: at, To: at.Add(time.Hour)}, Within: time.Hour}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	goal := is(metric.OfGoal, "x")
	for want, change := range map[string]func(*metric.Funnel){
		"steps: a funnel has 2 to 8 steps, not 1": func(f *metric.Funnel) { f.Steps = f.Steps[:1] }, "steps[1].page: name one": func(f *metric.Funnel) { f.Steps = []metric.Act{{Page: "/"}, {}} }, "within: -1h0m0s": func(f *metric.Funnel) { f.Within = -time.Hour },
		"within: 1ns": func(f *metric.Funnel) { f.Within = 1 }, "site: which one": func(f *metric.Funnel) { f.Site = "" }, "window: it ends": func(f *metric.Funnel) { f.Window.To = at }, "a step names its goal itself": func(f *metric.Funnel) { f.Where = &goal },
	} {
		f := good
		change(&f)
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	good.Where = &metric.Where{Done: &goal}
	if err := good.Check(); err != nil {
		t.Errorf("who has reached a goal: %v", err)
	}
}

// TestWithGoals: a report is given goals only if it asks for them, and only those there are.
func TestWithGoals(t *testing.T) {
	all := []metric.Goal{{Name: "a"}, {Name: "b"}}
	done := is(metric.OfGoal, "c")
	part := metric.Where{Dimension: metric.OfGoal, Op: metric.Contains, Values: []string{"c"}}
	known := is(metric.OfGoal, "b", "a")
	for _, x := range []struct {
		r     metric.Report
		given int
		fault string
	}{
		{metric.Report{Metrics: []metric.Name{metric.Visitors}}, 0, ""}, {metric.Report{Metrics: []metric.Name{metric.GoalRate}}, 2, ""}, {metric.Report{Metrics: []metric.Name{metric.Events}, By: []metric.Dimension{metric.OfGoal}}, 2, ""},
		{metric.Report{Where: &known}, 2, ""}, {metric.Report{Where: &part}, 2, ""}, {metric.Report{Where: &metric.Where{Not: &metric.Where{Done: &done}}}, 2, `no goal "c"`}, {metric.Report{Where: &metric.Where{Any: []metric.Where{known, done}}}, 2, "those there are: a, b"},
	} {
		r, err := x.r.WithGoals(all)
		if len(r.Goals) != x.given || (err == nil) != (x.fault == "") || err != nil && !strings.Contains(err.Error(), x.fault) {
			t.Errorf("%+v: %d goals, %v", x.r, len(r.Goals), err)
		}
	}
}

// TestShares of a funnel's steps, half away from zero.
func TestShares(t *testing.T) {
	p := metric.Passage{Visitors: []int64{3, 2, 0, 0}}
	for _, x := range []struct {
		of, step int
		want     int64
		ok       bool
	}{{0, 0, metric.Whole, true}, {0, 1, 66_667, true}, {1, 2, 0, true}, {2, 3, 0, false}} {
		if n, ok := p.Share(x.of, x.step); n != x.want || ok != x.ok {
			t.Errorf("%d of %d: %d %v, want %d %v", x.step, x.of, n, ok, x.want, x.ok)
		}
	}
}
