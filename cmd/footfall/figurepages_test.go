package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"footfall/account"
	"footfall/api"
)

// TestPagesTellWhatTheAPITells: goals, funnels, cohorts and journeys have the same
// figures on their pages as at the API's doors, of the real stores.
func TestPagesTellWhatTheAPITells(t *testing.T) {
	h, site := browsed(t)
	h.must(nil, "goal", "add", "A page", "--page", "/a*", "--value", "1.25")
	h.must(nil, "goal", "add", "Never", "--page", "/never")
	key, _, err := h.control.AddKey(t.Context(), account.Key{Site: site, Scopes: []account.Scope{account.Read}})
	must(t, err)
	session, err := h.control.AddSession(t.Context(), "")
	must(t, err)
	handler, ask := h.server().Handler, h.asking()
	page := func(path string) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.AddCookie(&http.Cookie{Name: "footfall_session", Value: session})
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != 200 {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	same := func(path, name string, want [][]string) {
		t.Helper()
		v := url.Values{"site": {site}, "from": {"2026-05-04"}, "to": {"2026-05-25"}, "csv": {name}}
		got, err := csv.NewReader(strings.NewReader(page(path + "&" + v.Encode()))).ReadAll()
		must(t, err)
		if len(want) == 0 || !slices.EqualFunc(got[1:], want, slices.Equal) {
			t.Errorf("%s tells %v, the API %v", path, got, want)
		}
	}
	post := func(path, more string, into any) {
		t.Helper()
		must(t, json.Unmarshal([]byte(ask(key, "POST", path, `{"site_id":"a.example","date_range":["2026-05-04","2026-05-24"]`+more+`}`)), into))
	}
	var table api.Table
	post("/v1/query", `,"metrics":["Events","Visitors","GoalRate","GoalValue"],"dimensions":["event:goal"]`, &table)
	var goals [][]string
	for _, row := range table.Results {
		line := slices.Clone(row.Dimensions)
		for _, n := range row.Metrics {
			line = append(line, n.String())
		}
		goals = append(goals, line)
	}
	same("/goals?", "goals", goals)
	var funnel api.FunnelTable
	post("/v1/funnel", `,"within":"7d","steps":[{"page":"/"},{"goal":"A page"},{"page":"/b*"}]`, &funnel)
	var steps [][]string
	for i, s := range funnel.Results {
		steps = append(steps, []string{strconv.Itoa(i + 1), s.Name, fmt.Sprint(s.Visitors), inFile(s.Rate), inFile(s.StepRate), fmt.Sprint(s.Dropoff), inFile(s.DropRate)})
	}
	same("/funnels?kind=page&what=/&kind=goal&what=A+page&kind=page&what=/b*&within=7d", "funnel", steps)
	var cohorts api.Retention
	post("/v1/retention", "", &cohorts)
	var rows [][]string
	for _, c := range cohorts.Cohorts {
		for i, back := range c.Returned {
			rows = append(rows, []string{c.Start, fmt.Sprint(c.Size), strconv.Itoa(i + 1), back.Start, fmt.Sprint(back.Visitors), inFile(back.Rate), fmt.Sprint(back.Partial)})
		}
	}
	same("/retention?cohorts=week", "cohorts", rows)
	var ways [][]string
	for _, way := range []string{"previous", "next"} {
		var j api.Journey
		post("/v1/journey", `,"page":"/a","direction":"`+way+`"`, &j)
		for _, p := range j.From.Pages {
			ways = append(ways, []string{way, p.Page, "page", fmt.Sprint(p.Views)})
		}
		ways = append(ways, []string{way, "", "others", fmt.Sprint(j.From.Others)}, []string{way, "", "ended", fmt.Sprint(j.From.Ended)})
	}
	same("/journeys?at=/a", "journeys", ways)
	if text := page("/retention?cohorts=week&from=2026-05-04&to=2026-05-25&site=" + site); !strings.Contains(text, "1 of 5 visitors are left out") {
		t.Error("the page does not say who can't be followed")
	}
}

// inFile is a figure as a file has it.
func inFile(n *json.Number) string {
	if n == nil {
		return ""
	}
	return n.String()
}
