package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/event"
	"footfall/metric"
	"footfall/query"
)

// browsed is a home with a site that visitors came back to in the weeks of May 2026.
func browsed(t *testing.T) (h *home, site string) {
	h = newHome(t)
	var added account.Site
	if fault, code := h.typed(&added, "site", "add", "a.example", "--timezone", "Europe/Berlin"); code != 0 {
		t.Fatal(fault)
	}
	h.publish(mayVisits(added.ID)...)
	return h, added.ID
}

// mayVisits are what they did.
func mayVisits(site string) (all []event.Event) {
	monday := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for visitor, days := range [][]int{{0, 7, 14}, {0, 14}, {1}, {8, 15}, {0, 7}} {
		for i, day := range days {
			for minute, path := range []string{"/", "/a", "/b\x1b"}[:3-i] {
				e := events(fmt.Sprint(visitor, "-", i, "-", minute), 1, true)[0]
				e.Site, e.Path, e.Visitor = site, path, uint64(visitor+1)
				e.Time = monday.Add(time.Duration(day)*24*time.Hour + time.Duration(minute)*time.Minute)
				if e.Original = e.Time; visitor < 4 {
					e.UserID = fmt.Sprint("u", visitor)
				}
				all = append(all, e)
			}
		}
	}
	return all
}

// TestCohortsAndJourney: the commands answer from the real stores, in each form.
func TestCohortsAndJourney(t *testing.T) {
	h, site := browsed(t)
	var cohorts api.Retention
	if fault, code := h.typed(&cohorts, "cohorts", "--site", site, "--from", "2026-05-05", "--to", "2026-05-20"); code != 0 || cohorts.Visitors.LeftOut != 1 || cohorts.Query.Range != [2]string{"2026-05-04", "2026-05-24"} {
		t.Errorf("%d %s %+v", code, fault, cohorts)
	}
	const csv = "cohort,size,step,start,visitors,rate,partial\n" +
		"2026-05-04,3,0,2026-05-04,3,100,false\n2026-05-04,3,1,2026-05-11,1,33.333,false\n2026-05-04,3,2,2026-05-18,2,66.667,false\n" +
		"2026-05-11,1,0,2026-05-11,1,100,false\n2026-05-11,1,1,2026-05-18,1,100,false\n2026-05-18,0,0,2026-05-18,0,,false\n"
	if got := printed(t, h, "cohorts", "--from", "2026-05-05", "--to", "2026-05-20", "--csv"); got != csv {
		t.Errorf("as CSV\n%s", got)
	}
	file := filepath.Join(t.TempDir(), "question.json")
	must(t, os.WriteFile(file, []byte(`{"date_range":["2026-05-04","2026-05-20"],"page":"/a","direction":"previous","depth":2}`), 0o600))
	const ways = "what,views,share,page_1,page_2\nfrom,9,100,,\npage,9,100,/,\nothers,0,0,/,\nended,9,100,/,\nothers,0,0,,\nended,0,0,,\napart,0,0,,\n"
	if got := printed(t, h, "journey", "--report", file, "--csv"); got != ways {
		t.Errorf("as CSV\n%s", got)
	}
	var journey api.Journey
	if fault, code := h.typed(&journey, "journey", "--page", "/a", "--from", "2026-05-04", "--to", "2026-05-21", "--limit", "5", "--depth", "1"); code != 0 || journey.Views != 9 || journey.From.Ended != 4 || journey.From.Pages[0].Views != 5 {
		t.Errorf("%d %s %+v", code, fault, journey)
	}
	h.waysAtDoors(t, site, cohorts, journey)
	for args, want := range map[string]string{
		"cohorts --step year":                       `step: "year" is none of day, week, month`,
		"cohorts --from 2026-05-05 --to 2026-5-9":   "--to:",
		"cohorts --to 2026-05-09":                   "--from:",
		"cohorts --report x --step week":            "leave --step out",
		"cohorts --from 2026-05-05 --to 2026-05-05": "is no time",
		"journey":                               "page: from what?",
		"journey --page / --depth x":            "--depth:",
		"journey --page / --site b.example":     "b.example",
		"journey --event x --window Yesteryear": "date_range: unknown window",
	} {
		if fault, code := h.typed(nil, strings.Fields(args)...); code == 0 || !strings.Contains(fault, want) {
			t.Errorf("%s: %d %s", args, code, fault)
		}
	}
}

// waysAtDoors: HTTP and GraphQL have the commands' figures (law 8).
func (h *home) waysAtDoors(t *testing.T, site string, cohorts api.Retention, journey api.Journey) {
	t.Helper()
	key, _, err := h.control.AddKey(t.Context(), account.Key{Site: site, Scopes: []account.Scope{account.Read}})
	must(t, err)
	handler := h.server().Handler
	var c api.Retention
	var j api.Journey
	h.post(t, handler, key, "/v1/retention", `{"date_range":["2026-05-05","2026-05-19"]}`, &c)
	h.post(t, handler, key, "/v1/journey", `{"date_range":["2026-05-04","2026-05-20"],"page":"/a","limit":5}`, &j)
	var graph struct {
		Data struct {
			Retention struct {
				Cohorts []api.CohortRow
				Average []api.AverageRow
				LeftOut int64
			}
			Journey struct {
				Views int64
				From  struct {
					Ended int64
					Pages []api.JourneyPlace
				}
			}
		}
	}
	h.post(t, handler, key, "/graphql", `{"query":"{ retention(dateRange: [\"2026-05-05\", \"2026-05-19\"]) { leftOut cohorts { start size partial returned { start visitors rate partial } } average { step of visitors rate } } journey(dateRange: [\"2026-05-04\", \"2026-05-20\"], page: \"/a\", limit: 5) { views from { ended pages { page views share } } } }"}`, &graph)
	g := graph.Data
	if !reflect.DeepEqual(c.Cohorts, cohorts.Cohorts) || !reflect.DeepEqual(g.Retention.Cohorts, cohorts.Cohorts) || !reflect.DeepEqual(g.Retention.Average, cohorts.Average) || g.Retention.LeftOut != cohorts.Visitors.LeftOut || len(cohorts.Cohorts) != 3 {
		t.Errorf("cohorts by command %+v, by HTTP %+v, by GraphQL %+v", cohorts, c, g.Retention)
	}
	if !reflect.DeepEqual(j.From, journey.From) || g.Journey.Views != journey.Views || g.Journey.From.Ended != journey.From.Ended || !reflect.DeepEqual(g.Journey.From.Pages, journey.From.Pages) {
		t.Errorf("the journey by command %+v, by HTTP %+v, by GraphQL %+v", journey, j, g.Journey)
	}
}

// printed is what a command prints.
func printed(t *testing.T, h *home, args ...string) string {
	t.Helper()
	var out, faults bytes.Buffer
	if code := run(t.Context(), append(args, "--data", h.dir), &out, &faults); code != 0 {
		t.Fatalf("%v: %d %s", args, code, faults.String())
	}
	return out.String()
}

// TestPrintVisits: what a person is shown.
func TestPrintVisits(t *testing.T) {
	h, site := browsed(t)
	var cohorts api.Retention
	var journey api.Journey
	h.typed(&cohorts, "cohorts", "--site", site, "--from", "2026-05-04", "--to", "2026-05-20")
	h.typed(&journey, "journey", "--page", "/", "--from", "2026-05-04", "--to", "2026-05-21", "--limit", "1", "--depth", "2")
	cohorts.Cohorts[1].Returned[0].Partial, cohorts.Cohorts[2].Partial = true, true
	journey.Apart, journey.From.Others, journey.From.TotalPages = 1, 2, 4
	cohorts.Meta.AsOf, journey.Meta.AsOf = "2026-05-20T15:32:07+02:00", "2026-05-20T15:32:07+02:00"
	var b bytes.Buffer
	printCohorts(&b, cohorts)
	printJourney(&b, journey)
	const want = `week        visitors      +1     +2
2026-05-04         3    33.3   66.7
2026-05-11         1   100.0*
2026-05-18         0*
all                     50.0   66.7

in % of the visitors first seen in a week who came back in the weeks behind it, as of 2026-05-20 15:32; * is not over, and not in the last line
1 of 5 visitors are left out: without a user id or an SDK's anonymous id a visitor is a new one each day
next               views      %
/                     10  100.0
  /a                   9   90.0
    /b�                5   50.0
    (left)             4   40.0
  (3 other pages)      2    0.0
  (left)               1   10.0
(in no session)        1    0.0

2026-05-04 to 2026-05-20 as of 2026-05-20 15:32`
	var got []string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("shown as\n%s", strings.Join(got, "\n"))
	}
}

// TestVisitsWaitTheirTurn with all other questions, and give it back.
func TestVisitsWaitTheirTurn(t *testing.T) {
	turns := query.MakeTurns(1)
	leave, err := turns.Take(t.Context())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	waiting := visitsInTurn{inTurn{atOnce{}, turns}, atOnce{}}
	_, err = waiting.Retain(ctx, metric.Retention{})
	_, wrong := waiting.Follow(ctx, metric.Journey{})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(wrong, context.DeadlineExceeded) {
		t.Errorf("without a turn: %v, %v", err, wrong)
	}
	leave()
	for range 2 {
		c, err := waiting.Retain(t.Context(), metric.Retention{})
		p, wrong := waiting.Follow(t.Context(), metric.Journey{})
		if err != nil || wrong != nil || c.Source+p.Source != "answeredanswered" {
			t.Errorf("%+v, %v, %+v, %v", c, err, p, wrong)
		}
	}
}

func (atOnce) Retain(context.Context, metric.Retention) (metric.Cohorts, error) {
	return metric.Cohorts{Source: "answered"}, nil
}

func (atOnce) Follow(context.Context, metric.Journey) (metric.Paths, error) {
	return metric.Paths{Source: "answered"}, nil
}
