package api

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// startWays is a server that answers all questions about visitors' ways.
func startWays(t *testing.T) (fixture, *goalBook, *visited) {
	t.Helper()
	f, b, s := start(t), &goalBook{goals: map[string][]metric.Goal{"a-example": {{Name: "Sign up", Act: metric.Act{Event: "Signed Up"}}}}, first: 7}, &visited{}
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return now }, Reports: s, Visits: s, Goals: b, Funnels: b, Saved: b,
		Affiliate: func(string) (metric.Affiliate, []string, bool) {
			return metric.Affiliate{ID: "01J"}, []string{"a-example"}, true
		},
		Embed: func(context.Context, string) (account.Embed, error) {
			return account.Embed{Site: "a-example", Metrics: []string{"Visitors"}}, nil
		}})
	return f, b, s
}

// graph asks in GraphQL; the answer is the data, or what is wrong with its code.
func (f fixture) graph(t *testing.T, token, query string, variables map[string]any) (data map[string]any, fault string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	_, answer, _ := f.do(t, "POST", "/graphql", token, string(body))
	var out struct {
		Data   map[string]any
		Errors []struct {
			Message    string
			Extensions map[string]any
		}
	}
	d := json.NewDecoder(strings.NewReader(answer))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	if len(out.Errors) > 0 {
		code, _ := out.Errors[0].Extensions["code"].(string)
		return nil, code + " " + out.Errors[0].Message
	}
	return out.Data, ""
}

// figuresIn are all values of an answer that have a name of either door's, in order.
func figuresIn(value any, path string, all map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		for name, one := range v {
			figuresIn(one, path+"."+strings.ToLower(strings.ReplaceAll(name, "_", "")), all)
		}
	case []any:
		for i, one := range v {
			figuresIn(one, path+string(rune('a'+i)), all)
		}
	case json.Number:
		all[path] = v.String()
	case string:
		all[path] = v
	}
}

const (
	askFunnelGraph = `query($steps: [FunnelStepInput!], $filters: Conditions) { funnel(steps: $steps, dateRange: ["2024-01-01", "2024-01-31"], within: "24h", filters: $filters, bots: true)
		{ results: steps { name visitors conversion_rate: conversionRate conversion_rate_step: conversionRateStep dropoff dropoff_percentage: dropoffPercentage } } }`
	askRetentionGraph = `{ retention(site: "a.example", dateRange: ["2024-02-21", "2024-03-08"], timezone: "Asia/Kathmandu", returning: [["is", "event", ["Order Completed"]]], filters: [["is", "visit:source", ["x"]], ["has_done", ["is", "page", ["/"]]]], bots: true)
		{ cohorts { start size returned { start visitors rate } } average { step of visitors rate } } }`
	askJourneyGraph = `{ journey(dateRange: ["2024-03-01", "2024-03-08"], page: "", depth: 2, limit: 1, filters: [["is", "country", ["DE"]]]) { views apart apartShare from { ...at pages { ...at pages { ...at } } } } }
		fragment at on JourneyPlace { page views share ended endedShare others othersShare totalPages }`
)

// TestGraphQLOfWays: funnel, retention and journey ask and answer what HTTP does, with
// the same figures, digit by digit.
func TestGraphQLOfWays(t *testing.T) {
	f, b, s := startWays(t)
	steps := `[{"name":"Prices","page":"/pricing*"},{"goal":"Sign up"},{"event":"Order Completed","filters":[["is","property:plan",["pro"]]]}]`
	variables := map[string]any{"steps": json.RawMessage(steps), "filters": []any{[]any{"has_done", []any{"is", "event:goal", []string{"Sign up"}}}}}
	for _, x := range []struct{ field, query, body string }{
		{"funnel", askFunnelGraph, `{"date_range":["2024-01-01","2024-01-31"],"steps":` + steps + `,"within":"24h","filters":[["has_done",["is","event:goal",["Sign up"]]]],"bots":true}`},
		{"retention", askRetentionGraph, `{"date_range":["2024-02-21","2024-03-08"],"step":"week","timezone":"Asia/Kathmandu","returning":[["is","event",["Order Completed"]]],"filters":[["is","visit:source",["x"]],["has_done",["is","page",["/"]]]],"bots":true}`},
		{"journey", askJourneyGraph, `{"date_range":["2024-03-01","2024-03-08"],"page":"","depth":2,"limit":1,"filters":[["is","country",["DE"]]]}`},
	} {
		data, fault := f.graph(t, f.bound, x.query, variables)
		if fault != "" {
			t.Fatalf("%s: %s", x.field, fault)
		}
		_, answer, _ := f.do(t, "POST", "/v1/"+x.field, f.bound, x.body)
		var plain map[string]any
		d := json.NewDecoder(bytes.NewReader([]byte(answer)))
		d.UseNumber()
		if err := d.Decode(&plain); err != nil {
			t.Fatal(err)
		}
		delete(plain, "meta")
		delete(plain, "query")
		delete(plain, "visitors")
		got, want := map[string]string{}, map[string]string{}
		figuresIn(data[x.field], "", got)
		figuresIn(any(plain), "", want)
		if !maps.Equal(got, want) || len(want) < 12 {
			t.Errorf("%s: GraphQL has %v, HTTP %v", x.field, got, want)
		}
	}
	if one, two := b.asked[0], b.asked[1]; one.Within != two.Within || len(one.Steps) != 3 || one.Steps[2].Where == nil || !one.Bots || one.Where == nil || s.journey.Limit != 1 || !s.retention.Bots {
		t.Errorf("asked %+v and %+v", one, two)
	}
	f.asksOthers(t, b, s)
}

// asksOthers asks for what those questions leave out.
func (f fixture) asksOthers(t *testing.T, b *goalBook, s *visited) {
	b.saved = []metric.SavedFunnel{{Name: "Order", Steps: []metric.Step{{Act: metric.Act{Page: "/"}}, {Goal: "Sign up"}}}}
	data, fault := f.graph(t, f.bound, `{ funnel(name: "Order", dateRange: "30d") { name source asOf steps { name conversionRateStep } }
		retention(dateRange: "91d", step: Day) { known leftOut warnings source asOf cohorts { partial } }
		journey(dateRange: Last7Days, event: "Signed Up", direction: Previous) { from { page pages { page pages { page } } } } }`, nil)
	retention, journey := s.retention, s.journey
	text, _ := json.Marshal(data)
	for _, want := range []string{`"name":"Order"`, `"steps":[{"conversionRateStep":null,"name":"/"},{"conversionRateStep":42.857,"name":"Sign up"}]`, `"asOf":"2024-03-10T15:32:07+01:00"`, `"known":40`, `"leftOut":160`, "160 of 200 visitors are left out", `"from":{"page":"Signed Up","pages":[{"page":"/b","pages":null}]}`} {
		if fault != "" || !strings.Contains(string(text), want) {
			t.Errorf("%s %s, want %s", text, fault, want)
		}
	}
	guide, err := os.ReadFile("../docs/api.md")
	shown := regexp.MustCompile("(?s)```graphql\n(.*?)```").FindSubmatch(guide)
	if err != nil || len(shown) != 2 {
		t.Fatalf("the guide shows %d questions, %v", len(shown), err)
	}
	if _, fault := f.graph(t, f.bound, strings.NewReplacer("example.com", "a.example", "Thanks", "Sign up").Replace(string(shown[1])), nil); fault != "" {
		t.Errorf("the guide's: %s", fault)
	}
	if retention.Step != "day" || journey.Way != metric.Previous || journey.Steps != 1 || journey.Limit != 10 {
		t.Errorf("asked %+v, %+v", retention, journey)
	}
}

// TestGraphQLOfWaysIsStrict: who may not ask is refused, and what is wrong is told with
// the name of the argument.
func TestGraphQLOfWaysIsStrict(t *testing.T) {
	f, b, s := startWays(t)
	affiliate, _, err := f.memory.AddKey(t.Context(), account.Key{Scopes: []account.Scope{"affiliate:01J"}})
	if err != nil {
		t.Fatal(err)
	}
	const steps = `steps: [{page: "/"}, {page: "/b"}]`
	many := strings.Builder{}
	for _, name := range slices.Collect(strings.SplitSeq("a b c d e f g h i j k", " ")) {
		many.WriteString(name + `: journey(dateRange: "7d", page: "/") { views } `)
	}
	for _, x := range []struct{ token, query, want string }{
		{affiliate, `funnel(dateRange: "7d", ` + steps + `) { source }`, "FORBIDDEN no key may do this"}, {affiliate, `retention(dateRange: "7d") { source }`, "FORBIDDEN"}, {affiliate, `journey(dateRange: "7d", page: "/") { source }`, "FORBIDDEN"},
		{account.EmbedPrefix + "x", `retention(dateRange: "7d") { source }`, "FORBIDDEN"}, {account.EmbedPrefix + "x", `funnel(dateRange: "7d", ` + steps + `) { source }`, "FORBIDDEN"},
		{f.bound, `funnel(site: "b.example", dateRange: "7d", ` + steps + `) { source }`, "FORBIDDEN this key cannot read the site b.example"},
		{f.bound, `funnel(dateRange: "7d", steps: [{page: "/"}]) { source }`, "BAD_QUERY steps: a funnel has 2 to 8 steps, not 1"}, {f.bound, `funnel(dateRange: "7d") { source }`, "BAD_QUERY steps: which steps?"},
		{f.bound, `funnel(dateRange: "7d", name: "x") { source }`, `BAD_QUERY name: there is no funnel "x"`}, {f.bound, `funnel(dateRange: "7d", steps: [{page: "/"}, {goal: "x"}]) { source }`, `BAD_QUERY steps[1].goal: there is no goal "x": use one of Sign up`},
		{f.bound, `funnel(dateRange: "soon", ` + steps + `) { source }`, "BAD_QUERY dateRange: unknown window"}, {f.bound, `retention(dateRange: 7) { source }`, "BAD_QUERY dateRange: must be a list"},
		{f.bound, `retention(dateRange: "30d", filters: [["is", "colour", ["x"]]]) { source }`, `BAD_QUERY filters[0][1]: unknown dimension "colour"`}, {f.bound, `retention(dateRange: "12mo", step: Day) { source }`, "BAD_QUERY step: the window has more than 120"},
		{f.bound, `retention(dateRange: "30d", step: Hour) { source }`, `"Hour" does not exist`}, {f.bound, `retention { source }`, `argument "dateRange"`},
		{f.bound, `journey(dateRange: "30d") { source }`, "BAD_QUERY page: from what?"}, {f.bound, `journey(dateRange: "30d", page: "/", depth: 4) { source }`, "BAD_QUERY depth: 4 is no whole number from 1 to 3"},
		{f.bound, many.String(), "BAD_QUERY a request has at most 10"},
	} {
		if _, fault := f.graph(t, x.token, "{ "+x.query+" }", nil); !strings.Contains(fault, x.want) {
			t.Errorf("%.90s: %s, want %s", x.query, fault, x.want)
		}
	}
	if len(b.asked) > 0 || !s.retention.Window.From.IsZero() {
		t.Errorf("%+v and %+v were asked", b.asked, s.retention)
	}
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return now }})
	if _, fault := f.graph(t, f.bound, `{ retention(dateRange: "7d") { source } }`, nil); !strings.Contains(fault, "tells nothing of visitors' ways") {
		t.Errorf("without a source: %s", fault)
	}
}
