package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/event"
)

// TestComingBackByGoal: who came back by reaching a goal is a recount's of the raw events,
// by API, GraphQL and command.
func TestComingBackByGoal(t *testing.T) {
	h := newHome(t)
	site := h.addSite("a.example", "Europe/Berlin")
	if fault, code := h.typed(nil, "goal", "add", "Paid", "--event", "Order Completed", "--filters", `[["is","property:plan",["pro"]]]`, "--site", site); code != 0 {
		t.Fatal(fault)
	}
	zone := zoneNamed(t, "Europe/Berlin")
	events := payers(site, zone)
	h.send(events)
	must(t, h.settled(t.Context()))
	want, some := recountCohorts(events, zone), 0
	for _, back := range want {
		some += len(back)
	}
	if len(want) < 4 || some < 10 {
		t.Fatalf("the recount knows %v", want)
	}
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	ask := h.asking()
	var posted, typed api.Retention
	must(t, json.Unmarshal([]byte(ask(key, "POST", "/v1/retention", `{"site_id":"a.example","date_range":["2024-03-18","2024-04-21"],"returning":[["is","goal",["Paid"]]]}`)), &posted))
	if fault, code := h.typed(&typed, "cohorts", "--site", site, "--from", "2024-03-18", "--to", "2024-04-22", "--reached", "Paid"); code != 0 {
		t.Fatal(fault)
	}
	body, err := json.Marshal(map[string]string{"query": `{ retention(site: "a.example", dateRange: ["2024-03-18","2024-04-21"], returning: [["is","goal",["Paid"]]]) { cohorts { start size returned { start visitors } } } }`})
	must(t, err)
	var graph struct {
		Data struct{ Retention api.Retention }
	}
	must(t, json.Unmarshal([]byte(ask(key, "POST", "/graphql", string(body))), &graph))
	for door, cohorts := range map[string][]api.CohortRow{"POST": posted.Cohorts, "the command": typed.Cohorts, "GraphQL": graph.Data.Retention.Cohorts} {
		if got := toldCohorts(cohorts); !maps.EqualFunc(got, want, maps.Equal[map[string]int64, map[string]int64]) {
			t.Errorf("%s:\n got %v\nwant %v", door, got, want)
		}
	}
	if fault, code := h.typed(nil, "cohorts", "--site", site, "--reached", "Paid", "--event", "Order Completed"); code == 0 {
		t.Error("an event and a goal are both taken")
	} else if _, code := h.typed(nil, "cohorts", "--site", site, "--reached", "none"); code == 0 {
		t.Error("a goal that is not there is taken", fault)
	}
}

// payers are people who come and pay in some weeks.
func payers(site string, zone *time.Location) (events []event.Event) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 700 {
		at := time.Date(2024, 3, 18, 0, 0, 0, 0, zone).Add(time.Duration(r.IntN(35*24*60)) * time.Minute)
		who := r.IntN(120)
		e := event.Event{ID: fmt.Sprint(i), Site: site, Kind: event.Page, Path: "/", Time: at, Original: at, Received: at, Visitor: uint64(who + 1), AnonymousID: fmt.Sprint("a", who)}
		if r.IntN(2) == 0 {
			e.Kind, e.Path, e.Name, e.Properties = event.Track, "", "Order Completed", `{"order_id":"o`+e.ID+`","plan":"`+[]string{"pro", "free"}[r.IntN(2)]+`"}`
		}
		events = append(events, e)
	}
	return events
}

// recountCohorts is how many of each week's new visitors reached the goal in which
// week: by the first days of both, and in its own week all of them.
func recountCohorts(events []event.Event, zone *time.Location) map[string]map[string]int64 {
	slices.SortFunc(events, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	week := func(e event.Event) string {
		at := e.Time.In(zone)
		return at.AddDate(0, 0, -(int(at.Weekday())+6)%7).Format(time.DateOnly)
	}
	first, seen := map[uint64]string{}, map[string]bool{}
	all := map[string]map[string]int64{}
	for _, e := range events {
		if first[e.Visitor] == "" {
			first[e.Visitor] = week(e)
			if all[week(e)] == nil {
				all[week(e)] = map[string]int64{}
			}
			all[week(e)][week(e)]++
		}
		var said struct{ Plan string }
		once := fmt.Sprint(e.Visitor, week(e))
		if e.Kind != event.Track || json.Unmarshal([]byte(e.Properties), &said) != nil || said.Plan != "pro" || seen[once] || first[e.Visitor] == week(e) {
			continue
		}
		seen[once] = true
		all[first[e.Visitor]][week(e)]++
	}
	return all
}

// toldCohorts is what a door tells, in the form of recountCohorts.
func toldCohorts(rows []api.CohortRow) map[string]map[string]int64 {
	all := map[string]map[string]int64{}
	for _, c := range rows {
		if c.Size == 0 {
			continue
		}
		all[c.Start] = map[string]int64{c.Start: c.Size}
		for _, back := range c.Returned {
			if back.Visitors > 0 {
				all[c.Start][back.Start] = back.Visitors
			}
		}
	}
	return all
}
