package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
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
	l, ask := h.looks("", ""), h.asking()
	days := url.Values{"site": {site}, "from": {"2026-05-04"}, "to": {"2026-05-25"}}
	p := doubled{t, func(path, name string) string {
		days.Set("csv", name)
		return l.page("GET", path+"&"+days.Encode(), nil, 200)
	}, func(path, more string, into any) {
		must(t, json.Unmarshal([]byte(ask(key, "POST", path, `{"site_id":"a.example","date_range":["2026-05-04","2026-05-24"]`+more+`}`)), into))
	}}
	p.goals()
	p.funnel()
	p.cohorts()
	p.journeys()
	days.Del("csv")
	l.page("GET", "/retention?cohorts=week&"+days.Encode(), nil, 200, "1 of 5 visitors are left out")
}

// doubled asks for a file of a page, and the API for the same.
type doubled struct {
	t    *testing.T
	file func(path, name string) string
	post func(path, more string, into any)
}

func (p doubled) same(path, name string, want [][]string) {
	p.t.Helper()
	got, err := csv.NewReader(strings.NewReader(p.file(path, name))).ReadAll()
	must(p.t, err)
	if len(want) == 0 || !slices.EqualFunc(got[1:], want, slices.Equal) {
		p.t.Errorf("%s tells %v, the API %v", path, got, want)
	}
}

func (p doubled) goals() {
	var table api.Table
	p.post("/v1/query", `,"metrics":["Events","Visitors","GoalRate","GoalValue"],"dimensions":["event:goal"]`, &table)
	var goals [][]string
	for _, row := range table.Results {
		line := slices.Clone(row.Dimensions)
		for _, n := range row.Metrics {
			line = append(line, n.String())
		}
		goals = append(goals, line)
	}
	p.same("/goals?", "goals", goals)
}

func (p doubled) funnel() {
	var funnel api.FunnelTable
	p.post("/v1/funnel", `,"within":"7d","steps":[{"page":"/"},{"goal":"A page"},{"page":"/b*"}]`, &funnel)
	var steps [][]string
	for i, s := range funnel.Results {
		steps = append(steps, []string{strconv.Itoa(i + 1), s.Name, fmt.Sprint(s.Visitors), inFile(s.Rate), inFile(s.StepRate), fmt.Sprint(s.Dropoff), inFile(s.DropRate)})
	}
	p.same("/funnels?kind=page&what=/&kind=goal&what=A+page&kind=page&what=/b*&within=7d", "funnel", steps)
}

func (p doubled) cohorts() {
	var cohorts api.Retention
	p.post("/v1/retention", "", &cohorts)
	var rows [][]string
	for _, c := range cohorts.Cohorts {
		rows = append(rows, []string{c.Start, fmt.Sprint(c.Size), "0", c.Start, fmt.Sprint(c.Size), map[bool]string{true: "100"}[c.Size > 0], fmt.Sprint(c.Partial)})
		for i, back := range c.Returned {
			rows = append(rows, []string{c.Start, fmt.Sprint(c.Size), strconv.Itoa(i + 1), back.Start, fmt.Sprint(back.Visitors), inFile(back.Rate), fmt.Sprint(back.Partial)})
		}
	}
	p.same("/retention?cohorts=week", "cohorts", rows)
}

func (p doubled) journeys() {
	var ways [][]string
	for _, way := range []string{"previous", "next"} {
		var j api.Journey
		p.post("/v1/journey", `,"page":"/a","direction":"`+way+`"`, &j)
		for _, place := range j.From.Pages {
			ways = append(ways, []string{way, place.Page, "page", fmt.Sprint(place.Views)})
		}
		ways = append(ways, []string{way, "", "others", fmt.Sprint(j.From.Others)}, []string{way, "", "ended", fmt.Sprint(j.From.Ended)})
	}
	p.same("/journeys?at=/a", "journeys", ways)
}

// inFile is a figure as a file has it.
func inFile(n *json.Number) string {
	if n == nil {
		return ""
	}
	return n.String()
}
