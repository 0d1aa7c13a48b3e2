package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// goalBook keeps goals in memory, and answers funnels: of each step half as many as of
// the one before.
type goalBook struct {
	mu    sync.Mutex
	goals map[string][]metric.Goal
	asked []metric.Funnel
	first int64
	saved []metric.SavedFunnel // of whatever site
}

func (b *goalBook) Goals(_ context.Context, site string) ([]metric.Goal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.goals[site]), nil
}

func (b *goalBook) PutGoal(_ context.Context, site string, g metric.Goal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.goals[site]) == 3 {
		return account.ErrGoals(site)
	}
	b.goals[site] = append(b.goals[site], g)
	return nil
}

func (b *goalBook) RemoveGoal(_ context.Context, site, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(b.goals[site]), func(g metric.Goal) bool { return g.Name == name })
	if len(left) == len(b.goals[site]) {
		return account.ErrNotFound
	}
	b.goals[site] = left
	return nil
}

func (b *goalBook) Funnel(_ context.Context, f metric.Funnel) (metric.Passage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, f)
	p := metric.Passage{Source: "events", AsOf: now}
	for i := range f.Steps {
		p.Visitors = append(p.Visitors, b.first>>i)
	}
	return p, nil
}

// Funnels lists those that are kept.
func (b *goalBook) Funnels(context.Context, string) ([]metric.SavedFunnel, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.saved), nil
}

func (b *goalBook) PutFunnel(_ context.Context, _ string, f metric.SavedFunnel) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = append(slices.DeleteFunc(b.saved, func(old metric.SavedFunnel) bool { return old.Name == f.Name }), f)
	return nil
}

func (b *goalBook) RemoveFunnel(_ context.Context, _, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.saved)
	if b.saved = slices.DeleteFunc(b.saved, func(f metric.SavedFunnel) bool { return f.Name == name }); len(b.saved) == before {
		return account.ErrNotFound
	}
	return nil
}

// startGoals is a server with goals and funnels, and a key that changes goals.
func startGoals(t *testing.T) (f fixture, b *goalBook, admin string) {
	t.Helper()
	f, b = start(t), &goalBook{goals: map[string][]metric.Goal{}, first: 7}
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return now }, Reports: &tables{}, Goals: b, Funnels: b, Saved: b, Record: f.memory.Record})
	admin, _, err := f.memory.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: []account.Scope{account.Everything}})
	if err != nil {
		t.Fatal(err)
	}
	return f, b, admin
}

// TestGoals: they are defined, listed and removed by who may, told as they were
// understood, and each change is in the audit log.
func TestGoals(t *testing.T) {
	f, b, admin := startGoals(t)
	d := readDocument(t)
	for _, x := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"GET", "/v1/goals", f.bound, "", 200, `{"site":"a-example","currency":"EUR","goals":[]}`},
		{"PUT", "/v1/goals/Thanks", admin, `{"page":"/thanks*","value":"2.50"}`, 200, `{"site":"a-example","currency":"EUR","goals":[{"name":"Thanks","page":"/thanks*","value":2.5}]}`},
		{"PUT", "/v1/goals/Pro%2Fteam?site=a.example", admin, `{"name":"Pro/team","event":"Signed Up","filters":[["is","event:props:plan",["pro"]],["not",["is","country",["DE"]]]],"value_property":"revenue"}`, 200,
			`{"name":"Pro/team","event":"Signed Up","filters":[["and",[["is","property:plan",["pro"]],["is_not","country",["DE"]]]]],"value_property":"revenue"}`},
		{"GET", "/v1/goals", f.bound, "", 200, `"goals":[{"name":"Thanks","page":"/thanks*","value":2.5},{"name":"Pro/team",`},
		{"GET", "/v1/goals", f.other, "", 200, `{"site":"b-example","currency":"USD","goals":[]}`},
		{"PUT", "/v1/goals/x", f.bound, `{"page":"/"}`, 403, "scope admin"}, {"DELETE", "/v1/goals/Thanks", f.bound, "", 403, "scope admin"}, {"GET", "/v1/goals", "", "", 401, "no key"},
		{"PUT", "/v1/goals/x?site=b.example", admin, `{"page":"/"}`, 400, "unknown site"},
		{"PUT", "/v1/goals/x", admin, `{"name":"y","page":"/"}`, 400, `name: \"y\" is not \"x\"`}, {"PUT", "/v1/goals/x", admin, `{}`, 400, "page: name one, the path of a page"}, {"PUT", "/v1/goals/x", admin, `{"page":"/","event":"y"}`, 400, "page: name one"},
		{"PUT", "/v1/goals/x", admin, `{"page":"/","colour":1}`, 400, "colour: there is no such field; use name, value"}, {"PUT", "/v1/goals/x", admin, `{"page":7}`, 400, "page: must be a text, not a number"}, {"PUT", "/v1/goals/x", admin, `{"page":"/","value":1.0005}`, 400, "value: needs an amount"},
		{"PUT", "/v1/goals/x", admin, `{"page":"/","value":-1}`, 400, "value: needs an amount"}, {"PUT", "/v1/goals/x", admin, `{"page":"/","value":1000000000.001}`, 400, "value: 1000000000.001 is no amount"}, {"PUT", "/v1/goals/x", admin, `{"page":"/","value":1,"value_property":"y"}`, 400, "not both"},
		{"PUT", "/v1/goals/x", admin, `{"page":"/","filters":[["is","visit:planet",["x"]]]}`, 400, "filters[0][1]: unknown dimension"}, {"PUT", "/v1/goals/x", admin, `{"page":"/","filters":[["has_done",["is","page",["x"]]]]}`, 400, "none of them on what the visitor has done"},
		{"PUT", "/v1/goals/x", admin, `{"page":"/","filters":[["is","weekday",["1"]]]}`, 400, `can't depend on \"weekday\"`}, {"PUT", "/v1/goals/x", admin, `{"page":"/","filters":[["is","event:goal",["x"]]]}`, 400, `can't depend on \"goal\"`},
		{"PUT", "/v1/goals/%20x", admin, `{"page":"/"}`, 400, "name: a goal has a name"}, {"PUT", "/v1/goals/" + strings.Repeat("x", 101), admin, `{"page":"/"}`, 400, "name: a goal has a name"},
		{"PUT", "/v1/goals/Third", admin, `{"page":"/"}`, 200, "Third"}, {"PUT", "/v1/goals/Fourth", admin, `{"page":"/"}`, 400, "remove one first"},
		{"DELETE", "/v1/goals/Third", admin, "", 200, `{"removed":"Third","site":"a-example"}`}, {"DELETE", "/v1/goals/Third", admin, "", 404, `there is no goal \"Third\"; GET /v1/goals lists them`}, {"POST", "/v1/goals", admin, "", 405, "use GET"},
	} {
		status, answer, _ := f.do(t, x.method, x.path, x.token, x.body)
		if status != x.status || !strings.Contains(answer, x.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", x.method, x.path, x.body, status, answer, x.status, x.want)
		}
		schema := "Goals"
		switch {
		case status != 200:
			schema = "Error"
		case x.method == "DELETE":
			schema = "Removed"
		case x.method == "PUT":
			d.check(t, x.body, "Goal", x.body)
		}
		d.check(t, x.path, schema, answer)
	}
	changes, err := f.memory.Changes(t.Context(), account.ChangeFilter{})
	var noted []string
	for _, c := range changes {
		if strings.HasPrefix(c.What, "goal") {
			noted = append(noted, c.What+" "+c.Target+" "+c.Old+" -> "+c.New)
		}
	}
	slices.Sort(noted)
	if err != nil || len(noted) != 4 || noted[0] != `goal remove a-example Third {"name":"Third","page":"/"} -> ` || noted[2] != `goal set a-example Thanks  -> {"name":"Thanks","page":"/thanks*","value":2.5}` || !strings.HasPrefix(noted[1], "goal set a-example Pro/team  -> {") {
		t.Errorf("the audit log has %q", noted)
	}
	for _, g := range b.goals["a-example"] { // what is told can be set again
		text, err := json.Marshal(SpellGoal(g))
		if again, err2 := ReadGoal(text, ""); err != nil || err2 != nil || fmt.Sprintf("%s %s %d", again.Name, again.Page, again.Value) != fmt.Sprintf("%s %s %d", g.Name, g.Page, g.Value) {
			t.Errorf("%s is %+v, %v", text, again, err2)
		}
	}
}

// TestFunnel: the whole answer, as designed.
func TestFunnel(t *testing.T) {
	f, b, _ := startGoals(t)
	d := readDocument(t)
	b.goals["a-example"] = []metric.Goal{{Name: "Sign up", Act: metric.Act{Event: "Signed Up"}}}
	body := `{"date_range":["2024-01-01","2024-01-31"],"steps":[{"page":"/pricing*","name":"Prices"},{"goal":"Sign up"},{"event":"Order Completed","filters":[["is","property:plan",["pro"]]]},{"page":"/thanks"}],"within":"24h","filters":[["has_done",["is","event:goal",["Sign up"]]]],"bots":true}`
	status, answer, _ := f.do(t, "POST", "/v1/funnel", f.bound, body)
	want := `{"results":[{"name":"Prices","visitors":7,"conversion_rate":100,"conversion_rate_step":null,"dropoff":0,"dropoff_percentage":null},{"name":"Sign up","visitors":3,"conversion_rate":42.857,"conversion_rate_step":42.857,"dropoff":4,"dropoff_percentage":57.143},` +
		`{"name":"Order Completed","visitors":1,"conversion_rate":14.286,"conversion_rate_step":33.333,"dropoff":2,"dropoff_percentage":66.667},{"name":"/thanks","visitors":0,"conversion_rate":0,"conversion_rate_step":0,"dropoff":1,"dropoff_percentage":100}],` +
		`"meta":{"source":"events","as_of":"2024-03-10T15:32:07+01:00"},"query":{"site_id":"a-example","steps":[{"name":"Prices","page":"/pricing*"},{"goal":"Sign up"},{"event":"Order Completed","filters":[["is","property:plan",["pro"]]]},{"page":"/thanks"}],` +
		`"date_range":["2024-01-01","2024-01-31"],"within":"24h","filters":[["has_done",["is","goal",["Sign up"]]]],"timezone":"Europe/Berlin","bots":true}}`
	if strings.TrimSpace(answer) != want || status != 200 {
		t.Errorf("%d\n got %s\nwant %s", status, answer, want)
	}
	d.check(t, "a funnel", "Funnel", body)
	d.check(t, "a funnel's answer", "FunnelTable", answer)
	var told struct{ Query json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &told); err != nil {
		t.Fatal(err)
	}
	if status, again, _ := f.do(t, "POST", "/v1/funnel", f.bound, string(told.Query)); status != 200 || again != answer {
		t.Errorf("its echo: %d %s", status, again)
	}
	if one, two := fmt.Sprintf("%+v", b.asked[0].Steps), fmt.Sprintf("%+v", b.asked[1].Steps); len(one) < 90 || len(two) < 90 || b.asked[0].Within.Hours() != 24 || b.asked[0].Steps[1].Event != "Signed Up" {
		t.Errorf("asked %s and %s", one, two)
	}
	b.first = 0
	if _, answer, _ := f.do(t, "POST", "/v1/funnel", f.bound, body); !strings.Contains(answer, `"visitors":0,"conversion_rate":null,"conversion_rate_step":null,"dropoff":0,"dropoff_percentage":null},{"name":"Sign up","visitors":0,"conversion_rate":null`) {
		t.Errorf("of nobody: %s", answer)
	}
}

// TestSavedFunnels: they are kept, listed and removed by who may, asked by their name with
// the answer of the same steps, and each change is in the audit log.
func TestSavedFunnels(t *testing.T) {
	f, b, admin := startGoals(t)
	d := readDocument(t)
	b.goals["a-example"] = []metric.Goal{{Name: "Sign up", Act: metric.Act{Event: "Signed Up"}}}
	const order = `{"name":"Order","steps":[{"name":"Prices","page":"/pricing*"},{"goal":"Sign up"},{"event":"Order Completed","filters":[["is","property:plan",["pro"]]]}],"within":"24h"}`
	const short = `{"name":"Short/way","steps":[{"page":"/"},{"page":"/b"}]}`
	for _, x := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"GET", "/v1/funnels", f.bound, "", 200, `{"site":"a-example","funnels":[]}`},
		{"PUT", "/v1/funnels/Order", admin, `{"steps":[{"page":"/"},{"goal":"Sign up"}]}`, 200, `"funnels":[{"name":"Order","steps":[{"page":"/"},{"goal":"Sign up"}]}]`},
		{"PUT", "/v1/funnels/Order?site=a.example", admin, strings.Replace(order, "24h", "1440m", 1), 200, `{"site":"a-example","funnels":[` + order + `]}`},
		{"PUT", "/v1/funnels/Short%2Fway", admin, short, 200, short}, {"GET", "/v1/funnels", f.bound, "", 200, `{"site":"a-example","funnels":[` + order + `,` + short + `]}`},
		{"PUT", "/v1/funnels/x", f.bound, short, 403, "scope admin"}, {"DELETE", "/v1/funnels/Order", f.bound, "", 403, "scope admin"}, {"GET", "/v1/funnels", "", "", 401, "no key"},
		{"PUT", "/v1/funnels/x", admin, short, 400, `name: \"Short/way\" is not \"x\"`}, {"PUT", "/v1/funnels/x", admin, `{}`, 400, "steps: which steps?"}, {"PUT", "/v1/funnels/x", admin, `{"steps":[{"page":"/"}]}`, 400, "2 to 8 steps"},
		{"PUT", "/v1/funnels/x", admin, `{"steps":[{"page":"/"},{"goal":"Nothing"}]}`, 400, `steps[1].goal: there is no goal \"Nothing\": use one of Sign up`}, {"PUT", "/v1/funnels/x", admin, `{"steps":[{"page":"/"},{"page":"/b"}],"date_range":"7d"}`, 400, "date_range: there is no such field"},
		{"PUT", "/v1/funnels/x", admin, `{"steps":[{"page":"/"},{"page":"/b"}],"within":"400d"}`, 400, "within: 9600h0m0s is no time up to"}, {"PUT", "/v1/funnels/%20x", admin, `{"steps":[{"page":"/"},{"page":"/b"}]}`, 400, "name: a funnel has a name"},
		{"DELETE", "/v1/funnels/Short%2Fway", admin, "", 200, `{"removed":"Short/way","site":"a-example"}`}, {"DELETE", "/v1/funnels/x", admin, "", 404, `there is no funnel \"x\"; GET /v1/funnels lists them`}, {"POST", "/v1/funnels", admin, "", 405, "use GET"},
	} {
		status, answer, _ := f.do(t, x.method, x.path, x.token, x.body)
		if status != x.status || !strings.Contains(answer, x.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", x.method, x.path, x.body, status, answer, x.status, x.want)
		}
		schema := map[string]string{"GET": "Funnels", "PUT": "Funnels", "DELETE": "Removed"}[x.method]
		if status != 200 {
			schema = "Error"
		} else if x.method == "PUT" {
			d.check(t, x.body, "SavedFunnel", x.body)
		}
		d.check(t, x.path, schema, answer)
	}
	changes, err := f.memory.Changes(t.Context(), account.ChangeFilter{})
	if err != nil || len(changes) < 4 || changes[0].What != "funnel remove" || changes[0].Target != "a-example Short/way" || changes[0].Old != short || changes[2].What != "funnel set" || changes[2].New != order || changes[2].Old == "" || changes[3].Old != "" {
		t.Errorf("the audit log has %+v, %v", changes, err)
	}
	f.asksSaved(t, b, d, order)
}

func (f fixture) asksSaved(t *testing.T, b *goalBook, d document, order string) {
	const range7 = `"date_range":["2024-01-01","2024-01-31"],"bots":true}`
	_, byName, _ := f.do(t, "POST", "/v1/funnel", f.bound, `{"funnel":"Order",`+range7)
	_, bySteps, _ := f.do(t, "POST", "/v1/funnel", f.bound, strings.Replace(strings.TrimSuffix(order, "}"), `"name":"Order",`, "", 1)+","+range7)
	if !strings.Contains(byName, `"conversion_rate_step":33.333`) || strings.Replace(byName, `,"funnel":"Order"`, "", 1) != bySteps || byName == bySteps {
		t.Errorf("by its name\n%s\nby its steps\n%s", byName, bySteps)
	}
	d.check(t, "by its name", "FunnelTable", byName)
	for _, x := range [][2]string{
		{`{"funnel":"order",` + range7, `funnel: there is no funnel \"order\": use one of Order`}, {`{"funnel":7,` + range7, "funnel: must be a text"}, {`{"funnel":"",` + range7, "funnel: has no name"},
		{`{"funnel":"Order","within":"1h",` + range7, "leave out steps and within"}, {`{"funnel":"Order","steps":[{"page":"/"},{"page":"/b"}],` + range7, "leave out steps and within"}, {`{"funnel":"Order"}`, "date_range: which time?"},
	} {
		if status, answer, _ := f.do(t, "POST", "/v1/funnel", f.bound, x[0]); status != 400 || !strings.Contains(answer, x[1]) {
			t.Errorf("%s: %d %s, want %s", x[0], status, answer, x[1])
		}
	}
	b.goals["a-example"] = nil
	if status, answer, _ := f.do(t, "POST", "/v1/funnel", f.bound, `{"funnel":"Order",`+range7); status != 400 || !strings.Contains(answer, `funnel: \"Order\" can't be asked any more: steps[1].goal: there is no goal \"Sign up\"`) {
		t.Errorf("without its goal: %d %s", status, answer)
	}
}

// TestFunnelIsStrict: what is wrong is told where it stands.
func TestFunnelIsStrict(t *testing.T) {
	f, b, _ := startGoals(t)
	b.goals["a-example"] = []metric.Goal{{Name: "Sign up", Act: metric.Act{Event: "Signed Up"}}, {Name: "Order", Act: metric.Act{Page: "/"}}}
	with := func(more string) string {
		return `{"date_range":"7d","steps":[{"page":"/"},{"page":"/b"}],` + more + `}`
	}
	steps := func(steps string) string { return `{"date_range":"7d","steps":[` + steps + `]}` }
	for _, x := range [][2]string{
		{`{}`, "steps: which steps?"}, {`[]`, "the body: must be an object"}, {`{"steps":[{"page":"/"},{"page":"/b"}]}`, "date_range: which time?"}, {steps(`{"page":"/"}`), "steps: a funnel has 2 to 8 steps, not 1"},
		{steps(strings.Repeat(`{"page":"/"},`, 8) + `{"page":"/"}`), "steps: has 9 values; 8 are the most"}, {steps(`{"page":"/"},{}`), "steps[1].page: name one"}, {steps(`{"page":"/"},"b"`), "steps[1]: must be an object"},
		{steps(`{"page":"/"},{"goal":"Nothing"}`), `steps[1].goal: there is no goal \"Nothing\": use one of Sign up, Order`}, {steps(`{"page":"/"},{"goal":"Order","page":"/"}`), "steps[1]: is a goal or what is done"},
		{steps(`{"page":"/"},{"page":"/","filters":[["is","event:colour",["x"]]]}`), "steps[1].filters[0][1]: unknown dimension"}, {steps(`{"page":"/"},{"page":"/","filters":[["is","exit_page",["x"]]]}`), `steps[1].filters: a goal or step can't depend on \"exit_page\"`},
		{with(`"within":"1y"`), "within: needs a number of minutes"}, {with(`"within":7`), "within: must be a text"}, {with(`"within":"400d"`), "within: 9600h0m0s is no time up to"}, {with(`"colour":1`), "colour: there is no such field; use site_id, funnel, steps"},
		{with(`"filters":[["is","event:goal",["Order"]]]`), "filters: a step names its goal itself"}, {with(`"filters":[["has_done",["is","event:goal",["Nothing"]]]]`), `filters: there is no goal \"Nothing\"`}, {with(`"filters":[["is","product",["x"]]]`), "no product or category"},
	} {
		if status, answer, _ := f.do(t, "POST", "/v1/funnel", f.bound, x[0]); status != 400 || !strings.Contains(answer, x[1]) {
			t.Errorf("%s: %d %s, want %s", x[0], status, answer, x[1])
		}
	}
	if len(b.asked) > 0 {
		t.Errorf("%d were asked", len(b.asked))
	}
	if status, answer, _ := f.do(t, "POST", "/v1/funnel", f.bound, with(`"date_range":"all"`)); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
}

// TestConversionRate: of goals in a question about goals, of affiliates else.
func TestConversionRate(t *testing.T) {
	f, s := startReports(t)
	for _, x := range []struct {
		body, want string
		warned     bool
	}{
		{`{"metrics":["conversion_rate"],"date_range":"7d"}`, `"metrics":["ConversionRate"]`, false},
		{`{"metrics":["visitors","events","conversion_rate"],"date_range":"7d","dimensions":["event:goal"],"order_by":[["conversion_rate","desc"]]}`, `"metrics":["Visitors","Events","GoalRate"]`, false},
		{`{"metrics":["conversion_rate","GoalValue"],"date_range":"7d","dimensions":["visit:source"],"filters":[["is","event:goal",["x"]]]}`, `"metrics":["GoalRate","GoalValue"]`, true},
		{`{"metrics":["group_conversion_rate"],"date_range":"7d","dimensions":["visit:source"]}`, `"metrics":["GoalRate"]`, false},
	} {
		status, answer := f.post(t, f.bound, x.body)
		if status != 200 || !strings.Contains(answer, x.want) || strings.Contains(answer, "warnings") != x.warned {
			t.Errorf("%s: %d %s", x.body, status, answer)
		}
	}
	if o := s.asked[1].Order; len(o) != 1 || o[0].Metric != metric.GoalRate {
		t.Errorf("ordered by %+v", o)
	}
	for body, want := range map[string]string{
		`{"metrics":["visits"],"date_range":"7d","dimensions":["event:goal"]}`:                                                           "Sessions can't be told by goal",
		`{"metrics":["GoalRate"],"date_range":"7d","filters":[["or",[["is","event:goal",["x"]],["is","page",["/"]]]]]}`:                  "GoalRate needs conditions on goals to stand by themselves",
		`{"metrics":["orders"],"date_range":"7d","dimensions":["event:goal","product"]}`:                                                 "by goals or by products",
		`{"metrics":["conversion_rate","ConversionRate"],"date_range":"7d"}`:                                                             "ConversionRate is named twice",
		`{"metrics":["GoalCompletions"],"date_range":"7d","dimensions":["product"]}`:                                                     "GoalCompletions has no product",
		`{"metrics":["visitors"],"date_range":"7d","filters":[["has_done",["and",[["is","event:goal",["x"]],["is","product",["y"]]]]]]}`: "on goals or on products",
	} {
		if status, answer := f.post(t, f.bound, body); status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, want %s", body, status, answer, want)
		}
	}
}
