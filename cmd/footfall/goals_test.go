package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// TestGoalsAndFunnel: goals that are defined are counted at once, also of what came
// before, by command and HTTP alike.
func TestGoalsAndFunnel(t *testing.T) {
	h := newHome(t)
	site := h.addSite("shop.example", "UTC")
	var all []event.Event
	for visitor, way := range map[uint64]string{1: "/ /pricing /thanks/1 !", 2: "/pricing /thanks/2", 3: "/thanks/1 /pricing", 4: "/"} {
		for i, step := range strings.Fields(way) {
			e := events("e", 1, true)[0]
			e.ID, e.Site, e.Visitor, e.Path = fmt.Sprint(visitor, "-", i), site, visitor, step
			if e.Time = e.Time.Add(time.Duration(i) * time.Minute); step == "!" {
				e.Kind, e.Name, e.Properties = event.Track, "Signed Up", `{"plan":"pro","revenue":"19.995"}`
			}
			e.Original = e.Time
			all = append(all, e)
		}
	}
	h.publish(all...)
	var list api.GoalList
	h.must(&list, "goal", "add", "Thanks", "--page", "/thanks/*", "--value", "2.5")
	h.must(&list, "goal", "add", "Thanks", "--page", "/thanks*", "--value", "1.5")
	h.must(&list, "goal", "add", "Pro", "--event", "Signed Up", "--filters", `[["is","property:plan",["pro"]]]`, "--value-property", "revenue")
	h.must(&list, "goal", "add", "Never", "--page", "/never")
	for _, bad := range []struct{ want, args string }{{"page: name one", "goal add x"}, {"is no JSON", "goal add x --page / --filters nonsense"}, {"value: needs an amount", "goal add x --page / --value much"}, {"name the one goal", "goal add"}, {"there is no goal \"Nothing\"", "goal remove Nothing"}, {"name the one funnel", "funnel"}, {"there is no funnel \"Nothing\": use one of none", "funnel Nothing"}, {"there is no funnel \"Nothing\" at", "funnel remove Nothing"}, {"name the funnel and the file", "funnel save x"}} {
		if fault, code := h.typed(nil, strings.Fields(bad.args)...); code == 0 || !strings.Contains(fault, bad.want) {
			t.Errorf("%s: %d %s, want %s", bad.args, code, fault, bad.want)
		}
	}
	list = api.GoalList{} // else fields that are left out stay
	if h.must(&list, "goal", "list"); len(list.Goals) != 3 || list.Goals[0].Name != "Never" || list.Goals[2].Page != "/thanks*" || list.Goals[2].Value.String() != "1.5" {
		t.Errorf("%+v", list)
	}
	h.asksGoals(t, site)
	h.must(nil, "goal", "remove", "Never")
	changes, err := h.control.Changes(t.Context(), account.ChangeFilter{})
	must(t, err)
	var noted []string
	for _, c := range changes {
		if strings.HasPrefix(c.What, "goal") {
			noted = append(noted, strings.TrimSpace(fmt.Sprintf("%s %s %s -> %s", c.What, c.Target, c.Old, c.New)))
		}
	}
	text := strings.Join(noted, "\n")
	for _, want := range []string{`goal set ` + site + ` Thanks {"name":"Thanks","page":"/thanks/*","value":2.5} -> {"name":"Thanks","page":"/thanks*","value":1.5}`, `goal remove ` + site + ` Never {"name":"Never","page":"/never"} ->`} {
		if len(noted) != 5 || !strings.Contains(text, want) {
			t.Errorf("the audit log has\n%s\nnot %s", text, want)
		}
	}
}

// asksGoals asks for goals and a funnel by command and by HTTP.
func (h *home) asksGoals(t *testing.T, site string) {
	key, _, err := h.control.AddKey(t.Context(), account.Key{Site: site, Scopes: []account.Scope{account.Read}})
	must(t, err)
	handler := h.server().Handler
	for _, x := range []struct{ path, body, want string }{
		{"/v1/query", `{"metrics":["visitors","events","conversion_rate","GoalValue"],"date_range":["2026-05-01","2026-05-01"],"dimensions":["event:goal"]}`, "[3 3 75 4.5] [Thanks] [1 1 25 19.995] [Pro] [0 0 0 0] [Never]"},
		{"/v1/query", `{"metrics":["Visitors","GoalVisitors","GoalRate"],"date_range":["2026-05-01","2026-05-01"],"filters":[["is","goal",["Pro"]]]}`, "[1 1 25] []"},
		{"/v1/query", `{"metrics":["visitors","visits"],"date_range":["2026-05-01","2026-05-01"],"filters":[["has_done",["is","event:goal",["Thanks"]]]]}`, "[3 3] []"},
	} {
		file := filepath.Join(t.TempDir(), "question.json")
		must(t, os.WriteFile(file, []byte(x.body), 0o600))
		var typed, asked api.Table
		h.must(&typed, "query", "--report", file)
		h.post(t, handler, key, x.path, x.body, &asked)
		for _, out := range []api.Table{typed, asked} {
			var got []string
			for _, row := range out.Results {
				figures := make([]string, len(row.Metrics))
				for i, n := range row.Metrics {
					figures[i] = n.String()
				}
				got = append(got, fmt.Sprint(figures, " ", row.Dimensions))
			}
			if text := strings.ReplaceAll(strings.Join(got, " "), "]  [", "] ["); text != x.want {
				t.Errorf("%s:\n got %s\nwant %s", x.body, text, x.want)
			}
		}
	}
	body := `{"date_range":["2026-05-01","2026-05-01"],"steps":[{"page":"/pricing"},{"goal":"Thanks"},{"goal":"Pro"}],"within":"30m"}`
	file := filepath.Join(t.TempDir(), "funnel.json")
	must(t, os.WriteFile(file, []byte(body), 0o600))
	var typed, asked api.FunnelTable
	h.must(&typed, "funnel", file, "--site", site)
	h.post(t, handler, key, "/v1/funnel", body, &asked)
	for _, out := range []api.FunnelTable{typed, asked} {
		var b bytes.Buffer
		printFunnel(&b, out)
		want := "step visitors of the first % of the step before % dropped dropped % /pricing 3 100.00 Thanks 2 66.667 66.667 1 33.333 Pro 1 33.333 50.00 1 50.00 2026-05-01 to 2026-05-01 as of "
		if !strings.HasPrefix(strings.Join(strings.Fields(b.String()), " "), want) {
			t.Errorf("the funnel is\n%s\nwant\n%s", b.String(), want)
		}
	}
	h.asksSaved(t, site, key, handler, typed)
	for body, want := range map[string]string{`{"metrics":["visitors"],"date_range":"7d","filters":[["is","event:goal",["Nothing"]]]}`: "there is no goal \\\"Nothing\\\": add it (footfall goal add), or use one of those there are: Never, Pro, Thanks"} {
		if rec := h.post(t, handler, key, "/v1/query", body, nil); rec.Code != 400 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
}

// asksSaved saves the funnel under a name, by which it has the same answer everywhere.
func (h *home) asksSaved(t *testing.T, site, key string, handler http.Handler, want api.FunnelTable) {
	file := filepath.Join(t.TempDir(), "steps.json")
	must(t, os.WriteFile(file, []byte(`{"steps":[{"page":"/pricing"},{"goal":"Thanks"},{"goal":"Pro"}],"within":"30m"}`), 0o600))
	var list api.FunnelList
	h.must(&list, "funnel", "save", "Pro plan", file, "--site", site)
	list = api.FunnelList{}
	if h.must(&list, "funnel", "list"); len(list.Funnels) != 1 || list.Funnels[0].Name != "Pro plan" || list.Funnels[0].Within != "30m" || len(list.Funnels[0].Steps) != 3 {
		t.Errorf("%+v", list)
	}
	var typed, asked api.FunnelTable
	h.must(&typed, "funnel", "Pro plan", "--from", "2026-05-01", "--to", "2026-05-02")
	h.post(t, handler, key, "/v1/funnel", `{"funnel":"Pro plan","date_range":["2026-05-01","2026-05-01"]}`, &asked)
	want.Meta.Funnel = "Pro plan"
	for _, out := range []api.FunnelTable{typed, asked} {
		if out.Meta.AsOf = want.Meta.AsOf; !reflect.DeepEqual(out, want) {
			t.Errorf("by its name %+v\nby its steps %+v", out, want)
		}
	}
	var graph struct {
		Data struct {
			Funnel struct {
				Steps []struct{ Visitors, Dropoff int64 }
			}
		}
	}
	h.post(t, handler, key, "/graphql", `{"query":"{ funnel(name: \"Pro plan\", dateRange: [\"2026-05-01\", \"2026-05-01\"]) { steps { visitors dropoff } } }"}`, &graph)
	for i, s := range want.Results {
		if all := graph.Data.Funnel.Steps; len(all) != 3 || s.Visitors != all[i].Visitors || s.Dropoff != all[i].Dropoff {
			t.Errorf("by GraphQL %+v, by its steps %+v", graph, want)
		}
	}
	if fault, code := h.typed(nil, "funnel", file, "--window", "7d"); code != 2 || !strings.Contains(fault, "has the whole question: leave --window out") {
		t.Errorf("a file and a window: %d %s", code, fault)
	}
	h.must(nil, "funnel", "remove", "Pro plan")
	changes, err := h.control.Changes(t.Context(), account.ChangeFilter{})
	if must(t, err); changes[0].What != "funnel remove" || changes[0].Target != site+" Pro plan" || changes[1].New != changes[0].Old || !strings.HasPrefix(changes[1].New, `{"name":"Pro plan","steps":[{"page":"/pricing"}`) {
		t.Errorf("the audit log has %+v", changes[:2])
	}
}

// post posts a question with a key.
func (h *home) post(t *testing.T, handler http.Handler, key, path, body string, into any) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	if into != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil || rec.Code != 200 {
			t.Fatalf("%s: %d %s, %v", body, rec.Code, rec.Body, err)
		}
	}
	return rec
}

// TestFunnelsWaitTheirTurn with all other questions.
func TestFunnelsWaitTheirTurn(t *testing.T) {
	turns := query.MakeTurns(1)
	leave, err := turns.Take(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waiting := funnelsInTurn{passed{}, turns}
	if _, err := waiting.Funnel(ctx, metric.Funnel{}); err == nil {
		t.Error("answered without a turn")
	}
	leave()
	for range 2 {
		if p, err := waiting.Funnel(t.Context(), metric.Funnel{}); err != nil || p.Source != "answered" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

type passed struct{}

func (passed) Funnel(context.Context, metric.Funnel) (metric.Passage, error) {
	return metric.Passage{Source: "answered"}, nil
}
