package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"footfall/account"
	"footfall/api"
	"footfall/event"
)

// whose are the visitors of browsed, counted in plain Go: who viewed a page that begins
// so from the 5th to the 20th of May, and whose views ever are at least so many.
type whose struct {
	page  string
	views int
}

func (w whose) are(all []event.Event) map[uint64]bool {
	did, views := map[uint64]bool{}, map[uint64]int{}
	for _, e := range all {
		if day := e.Time.Day(); day >= 4 && day <= 24 && strings.HasPrefix(e.Path, w.page) {
			did[e.Visitor] = true
		}
		if e.UserID != "" {
			views[e.Visitor]++
		}
	}
	for visitor := range did {
		if views[visitor] < w.views {
			delete(did, visitor)
		}
	}
	return did
}

// cohorts are the sizes by week of those who come first, and how many come back a week later.
func cohortsOf(all []event.Event, who map[uint64]bool) (sizes, back [3]int64) {
	weeks := map[uint64][]int{}
	for _, e := range all {
		if week := (e.Time.Day() - 4) / 7; who[e.Visitor] && e.UserID != "" && !slices.Contains(weeks[e.Visitor], week) {
			weeks[e.Visitor] = append(weeks[e.Visitor], week)
		}
	}
	for _, in := range weeks {
		first := slices.Min(in)
		if sizes[first]++; slices.Contains(in, first+1) {
			back[first]++
		}
	}
	return sizes, back
}

// TestOfWhom: cohorts, journeys and funnels of those who reached a goal and of those in a
// segment are what a recount finds, by command, HTTP, GraphQL and page alike.
func TestOfWhom(t *testing.T) {
	h, site := browsed(t)
	all := mayVisits(site)
	h.set([]string{"site", "set", "a.example", "--history", "24"}, []string{"roll"}, []string{"segment", "set", file(t, "{name: readers, when: {views: {at_least: 5}}}")},
		[]string{"segment", "set", file(t, "{name: fans, when: {views: {at_least: 6}}}")}, []string{"goal", "add", "Went on", "--page", "/a"}, []string{"goal", "add", "The end", "--page", "/b*"})
	eventually(t, "the segments have their members", func() bool {
		in := 0
		for _, user := range []string{"u0", "u1", "u3"} {
			past, err := h.histories.Read(t.Context(), site, user)
			must(t, err)
			in += len(past.In)
		}
		return in == 4
	})
	key, _, err := h.control.AddKey(t.Context(), account.Key{Site: site, Scopes: []account.Scope{account.Read}})
	must(t, err)
	handler, l := h.server().Handler, h.looks("", "")
	for _, c := range []asksOf{
		{"", `[]`, "", whose{"/", 0}},
		{"--goal|The end", `[["has_done",["is","event:goal",["The end"]]]]`, "&goal=The+end", whose{"/b", 0}},
		{"--segment|readers", `[["is","segment",["readers"]]]`, "&segment=readers", whose{"/", 5}},
		{"--segment|fans|--goal|Went on", `[["has_done",["is","goal",["Went on"]]],["is","segment",["fans"]]]`, "&goal=Went+on&segment=fans", whose{"/a", 6}},
	} {
		h.cohortsOf(t, all, c, key, handler, l)
		h.waysOf(t, all, c, key, handler)
	}
	for args, want := range map[string]string{
		"cohorts|--goal|Nothing":                        `there is no goal "Nothing"`,
		"journey|--page|/|--goal|Nothing":               `there is no goal "Nothing"`,
		"cohorts|--segment|Nothing":                     `filters: there is no segment "Nothing": define it (footfall segment set), or use one of those there are: fans, readers`,
		"cohorts|--filters|country":                     "--filters: country is no list in JSON",
		`cohorts|--filters|[["is","goal",["The end"]]]`: "put it into has_done",
	} {
		if fault, code := h.typed(nil, strings.Split(args, "|")...); code == 0 || !strings.Contains(fault, want) {
			t.Errorf("%s: %d %s", args, code, fault)
		}
	}
	h.set([]string{"site", "set", "a.example", "--history", "off"})
	if fault, code := h.typed(nil, "cohorts", "--segment", "fans"); code == 0 || !strings.Contains(fault, "visitor history is off for this site") {
		t.Errorf("of a site without histories: %d %s", code, fault)
	}
}

// asksOf is how doors are asked of some visitors.
type asksOf struct {
	flags   string // of a command
	filters string // of a question
	page    string // of the dashboard
	who     whose
}

// mayDays are the days of browsed, for a command.
var mayDays = []string{"--from", "2026-05-04", "--to", "2026-05-25"}

func (c asksOf) args() []string {
	return strings.FieldsFunc(c.flags, func(r rune) bool { return r == '|' })
}

func (h *home) cohortsOf(t *testing.T, all []event.Event, c asksOf, key string, handler http.Handler, l *looker) {
	t.Helper()
	sizes, back := cohortsOf(all, c.who.are(all))
	var typed, asked api.Retention
	h.must(&typed, slices.Concat([]string{"cohorts"}, mayDays, c.args())...)
	h.post(t, handler, key, "/v1/retention", `{"date_range":["2026-05-04","2026-05-24"],"filters":`+c.filters+`}`, &asked)
	var graph struct {
		Data struct{ Retention api.Retention }
	}
	h.post(t, handler, key, "/graphql", `{"query":"{ retention(dateRange: [\"2026-05-04\", \"2026-05-24\"], filters: `+strings.ReplaceAll(c.filters, `"`, `\"`)+`) { cohorts { start size returned { start visitors rate } } } }"}`, &graph)
	for door, got := range map[string]api.Retention{"command": typed, "HTTP": asked, "GraphQL": graph.Data.Retention} {
		for week := range 3 {
			row := got.Cohorts[week]
			if row.Size != sizes[week] || week < 2 && row.Returned[0].Visitors != back[week] {
				t.Errorf("%s%s: week %d: %+v, want %d, %d of them back", door, c.flags, week, row, sizes[week], back[week])
			}
		}
	}
	line := fmt.Sprintf("2026-05-04,%d,1,2026-05-11,%d,", sizes[0], back[0])
	l.page("GET", "/retention?cohorts=week&csv=cohorts&from=2026-05-04&to=2026-05-25"+c.page, nil, 200, line)
}

func (h *home) waysOf(t *testing.T, all []event.Event, c asksOf, key string, handler http.Handler) {
	t.Helper()
	who := c.who.are(all)
	// Funnels and journeys count everybody, also without an id that lasts.
	pages, views := map[uint64]bool{}, int64(0)
	for _, e := range all {
		if e.Path == "/a" && who[e.Visitor] {
			pages[e.Visitor], views = true, views+1
		}
	}
	var way, then api.Journey
	h.must(&way, slices.Concat([]string{"journey", "--page", "/a"}, mayDays, c.args())...)
	h.post(t, handler, key, "/v1/journey", `{"date_range":["2026-05-04","2026-05-24"],"page":"/a","filters":`+c.filters+`}`, &then)
	if way.Views != views || then.Views != views || views == 0 {
		t.Errorf("journey%s: %d by command, %d by HTTP, want %d", c.flags, way.Views, then.Views, views)
	}
	h.set([]string{"funnel", "save", "On", file(t, `{"steps":[{"page":"/"},{"goal":"Went on"}]}`)})
	var funnel, passed api.FunnelTable
	h.must(&funnel, slices.Concat([]string{"funnel", "On"}, mayDays, c.args())...)
	h.post(t, handler, key, "/v1/funnel", `{"funnel":"On","date_range":["2026-05-04","2026-05-24"],"filters":`+c.filters+`}`, &passed)
	if n := int64(len(pages)); funnel.Results[1].Visitors != n || passed.Results[1].Visitors != n {
		t.Errorf("funnel%s: %+v by command, %+v by HTTP, want %d", c.flags, funnel.Results, passed.Results, n)
	}
}
