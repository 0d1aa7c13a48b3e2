package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// visited answers every question about visits in the same way, and remembers it.
type visited struct {
	tables
	retention metric.Retention
	journey   metric.Journey
}

func (s *visited) Retain(_ context.Context, r metric.Retention) (metric.Cohorts, error) {
	s.retention = r
	c := metric.Cohorts{Rows: r.Rows(now), Known: 40, LeftOut: 160, Source: "events", AsOf: now, Since: now.AddDate(-1, 0, 0)}
	for i := range c.Rows {
		c.Rows[i].Size = int64(7 * i)
		for n := range c.Rows[i].Returned {
			c.Rows[i].Returned[n].Visitors = int64(n + 1)
		}
	}
	return c, r.Check()
}

func (s *visited) Follow(_ context.Context, j metric.Journey) (metric.Paths, error) {
	s.journey = j
	last := metric.Place{Page: "/b", Views: 2, Ended: 2}
	return metric.Paths{Views: 12, Apart: 3, Source: "events", AsOf: now, From: metric.Place{Page: j.Page + j.Event, Views: 9, Ended: 4, Others: 3, Pages: 5, Places: []metric.Place{last}}}, j.Check()
}

// startVisits is a server with questions about visits.
func startVisits(t *testing.T) (fixture, *visited) {
	t.Helper()
	f, s := start(t), &visited{}
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return now }, Reports: s, Visits: s})
	return f, s
}

// TestRetention: what is asked arrives, the answer is spelled, and its question can be
// asked again.
func TestRetention(t *testing.T) {
	f, s := startVisits(t)
	body := `{"date_range":["2024-02-21","2024-03-08"],"step":"week","timezone":"Asia/Kathmandu","returning":[["is","event",["Order Completed"]]],"filters":[["is","visit:source",["x"]],["has_done",["is","page",["/"]]]],"bots":true}`
	status, answer, _ := f.do(t, "POST", "/v1/retention", f.bound, body)
	const want = `{"cohorts":[{"start":"2024-02-19","size":0,"returned":[{"start":"2024-02-26","visitors":1,"rate":null},{"start":"2024-03-04","visitors":2,"rate":null,"partial":true}]},` +
		`{"start":"2024-02-26","size":7,"returned":[{"start":"2024-03-04","visitors":1,"rate":14.286,"partial":true}]},{"start":"2024-03-04","size":14,"partial":true,"returned":[]}],` +
		`"average":[{"step":1,"of":0,"visitors":1,"rate":null},{"step":2,"of":0,"visitors":0,"rate":null}],"visitors":{"known":40,"left_out":160},` +
		`"meta":{"source":"events","as_of":"2024-03-10T20:17:07+05:45","warnings":["160 of 200 visitors are left out: without a user id or an SDK's anonymous id a visitor is a new one each day","events of this site are kept from 2023-03-10 on: who was last seen before is new again"]},` +
		`"query":{"site_id":"a-example","date_range":["2024-02-19","2024-03-10"],"step":"week","returning":[["is","event",["Order Completed"]]],"filters":[["and",[["is","source",["x"]],["has_done",["is","page",["/"]]]]]],"timezone":"Asia/Kathmandu","bots":true}}`
	if strings.TrimSpace(answer) != want || status != 200 {
		t.Errorf("%d\n got %s\nwant %s", status, answer, want)
	}
	asked := fmt.Sprintf("%+v %+v", s.retention.Return, s.retention.Where)
	var out struct{ Query json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		t.Fatal(err)
	}
	if again := second(f.do(t, "POST", "/v1/retention", f.bound, string(out.Query))); again != answer {
		t.Errorf("again: %s", again)
	}
	if !strings.Contains(asked, "Order Completed") || !strings.Contains(asked, "All:[{") || s.retention.Site != "a-example" || !s.retention.Bots {
		t.Errorf("asked %+v", s.retention)
	}
	// All time begins with the first day of an event.
	s.since, s.asked = now.AddDate(0, 0, -20), nil
	if status, answer, _ = f.do(t, "POST", "/v1/retention", f.bound, `{"date_range":"all"}`); status != 200 || s.retention.Step != period.Week || s.retention.Window.From.Format(time.DateOnly) != "2024-02-19" {
		t.Errorf("of all time: %d %s: %s", status, s.retention.Window, answer)
	}
	if fmt.Sprint(s.asked[0].Metrics) != "[Events]" || len(s.asked) != 3 {
		t.Errorf("looked for its beginning by %+v", s.asked)
	}
}

// TestJourney: likewise.
func TestJourney(t *testing.T) {
	f, s := startVisits(t)
	status, answer, _ := f.do(t, "POST", "/v1/journey", f.bound, `{"date_range":["2024-03-01","2024-03-08"],"page":"","depth":2,"limit":1,"filters":[["is","country",["DE"]]]}`)
	const want = `{"views":12,"apart":3,"apart_share":25,"from":{"page":"","views":9,"share":75,"ended":4,"ended_share":33.333,"pages":[{"page":"/b","views":2,"share":16.667,"ended":2,"ended_share":16.667,"pages":[],"others":0,"others_share":0,"total_pages":0}],` +
		`"others":3,"others_share":25,"total_pages":5},"meta":{"source":"events","as_of":"2024-03-10T15:32:07+01:00"},"query":{"site_id":"a-example","date_range":["2024-03-01","2024-03-08"],"page":"","direction":"next","depth":2,"limit":1,"filters":[["is","country",["DE"]]],"timezone":"Europe/Berlin","bots":false}}`
	if strings.TrimSpace(answer) != want || status != 200 {
		t.Errorf("%d\n got %s\nwant %s", status, answer, want)
	}
	var out struct{ Query json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		t.Fatal(err)
	}
	if again := second(f.do(t, "POST", "/v1/journey", f.bound, string(out.Query))); again != answer {
		t.Errorf("again: %s", again)
	}
	f.do(t, "POST", "/v1/journey", f.bound, `{"date_range":"7d","event":"Signed Up","direction":"previous"}`)
	if j := s.journey; j.Event != "Signed Up" || j.Way != metric.Previous || j.Steps != 1 || j.Limit != 10 || j.Where != nil {
		t.Errorf("asked %+v", j)
	}
}

func second(_ int, answer string, _ any) string { return answer }

// TestVisitsRefused: a wrong question is told where it is wrong, and what is right.
func TestVisitsRefused(t *testing.T) {
	f, s := startVisits(t)
	for _, c := range []struct{ path, body, want string }{
		{"retention", `{}`, "date_range: which time?"},
		{"retention", `{"date_range":"30d","steps":"week"}`, "steps: there is no such field; use site_id, date_range, step, returning"},
		{"retention", `{"date_range":"30d","step":"year"}`, `step: "year" is none of day, week, month`},
		{"retention", `{"date_range":"30d","step":7}`, "step: must be a text, not a number"},
		{"retention", `{"date_range":"12mo","step":"day"}`, "step: the window has more than 120"},
		{"retention", `{"date_range":"30d","returning":[["is","colour",["x"]]]}`, `returning[0][1]: unknown dimension "colour": use one of`},
		{"retention", `{"date_range":"30d","returning":[["has_done",["is","page",["/"]]]]}`, "returning: coming back is something that happens"},
		{"retention", `{"date_range":"30d","filters":[["is","affiliate",["x"]]]}`, `filters: events don't tell "affiliate"`},
		{"retention", `{"date_range":"30d","filters":[["has_done",["is","coupon",["x"]]]]}`, `filters: events don't tell "coupon"`},
		{"retention", `{"date_range":"30d","timezone":"Mars"}`, "timezone: "}, {"retention", `{"date_range":"30d","site_id":"b"}`, "site_id: "}, {"retention", `[]`, "the body: must be an object"},
		{"journey", `{"date_range":"30d"}`, "page: from what?"}, {"journey", `{"date_range":"30d","page":"/","event":"x"}`, "page: from what?"},
		{"journey", `{"date_range":"30d","event":""}`, "event: has no name"}, {"journey", `{"date_range":"30d","page":["/"]}`, "page: must be a text, not a list"},
		{"journey", `{"page":"/"}`, "date_range: which time?"}, {"journey", `{"date_range":"30d","page":"/","direction":"up"}`, `direction: "up" is none of next, previous`},
		{"journey", `{"date_range":"30d","page":"/","depth":4}`, "depth: 4 is no whole number from 1 to 3"}, {"journey", `{"date_range":"30d","page":"/","limit":0}`, "limit: 0 is no whole number from 1"},
		{"journey", `{"date_range":"30d","page":"/","depth":3,"limit":22}`, "limit: 22 pages behind each"},
		{"journey", `{"date_range":"30d","page":"/","filters":[["is","product",["x"]]]}`, "filters: a page view has no product"},
		{"journey", `{"date_range":"30d","page":"/","filters":["page"]}`, "filters[0]: must be a list, not a text"},
		{"journey", `{"date_range":"30d","page":"` + strings.Repeat("x", 3000) + `"}`, "page: a path is a text of at most 2048 bytes"},
		{"journey", `{"date_range":"30d","page":"a\u0000"}`, "page: a path is a text"},
	} {
		status, answer, _ := f.do(t, "POST", "/v1/"+c.path, f.bound, c.body)
		var said struct{ Error string }
		if err := json.Unmarshal([]byte(answer), &said); err != nil || status != 400 || !strings.HasPrefix(said.Error, c.want) {
			t.Errorf("%s %.99s: %d %s, want %s", c.path, c.body, status, answer, c.want)
		}
	}
	if !s.retention.Window.From.IsZero() || !s.journey.Window.From.IsZero() {
		t.Error("a wrong question was asked")
	}
	if status, answer, _ := f.do(t, "GET", "/v1/journey", f.bound, ""); status != 405 || !strings.Contains(answer, "use POST") {
		t.Errorf("GET: %d %s", status, answer)
	}
}

// TestVisitsAreNotOfAPart: who sees a part only is not told what visitors did besides.
func TestVisitsAreNotOfAPart(t *testing.T) {
	f, s := startVisits(t)
	token, _, err := f.memory.AddKey(t.Context(), account.Key{Scopes: []account.Scope{"affiliate:01J"}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Visits: s, Affiliate: func(string) (metric.Affiliate, []string, bool) {
		return metric.Affiliate{ID: "01J"}, []string{"a-example"}, true
	},
		Embed: func(context.Context, string) (account.Embed, error) { return account.Embed{Site: "a-example"}, nil }}
	f.Config.Handler = New(f.source, f.memory, f.memory, o)
	for _, token := range []string{token, account.EmbedPrefix + "x"} {
		for _, path := range []string{"/v1/retention", "/v1/journey"} {
			if status, answer, _ := f.do(t, "POST", path, token, `{"date_range":"7d","page":"/"}`); status != 403 {
				t.Errorf("%s with %.4s: %d %s", path, token, status, answer)
			}
		}
	}
	if _, err := AskJourney(t.Context(), failing{s}, []byte(`{"date_range":"7d","page":"/"}`), []account.Site{{ID: "a", Zone: "UTC"}}, now); !errors.Is(err, context.Canceled) {
		t.Errorf("of a source that fails: %v", err)
	}
}

type failing struct{ *visited }

func (failing) Follow(context.Context, metric.Journey) (metric.Paths, error) {
	return metric.Paths{}, context.Canceled
}

// TestVisitsOfTheDocument: each example, and each question that the guide shows, is
// answered, and question and answer are what the document says.
func TestVisitsOfTheDocument(t *testing.T) {
	f, _ := startVisits(t)
	d := readDocument(t)
	guide, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for path, schema := range map[string]string{"/v1/retention": "Retention", "/v1/journey": "Journey"} {
		var bodies []string
		for _, of := range d.at("paths", path, "post", "requestBody", "content", "application/json", "examples").(map[string]any) {
			body, _ := json.Marshal(of.(map[string]any)["value"])
			bodies = append(bodies, string(body))
		}
		for _, shown := range regexp.MustCompile(`(?s)`+path+` -d '(\{.*?\})'`).FindAllStringSubmatch(string(guide), -1) {
			bodies = append(bodies, strings.ReplaceAll(shown[1], `"example.com"`, `"a.example"`))
		}
		if len(bodies) < 3 {
			t.Errorf("%s: only %d questions", path, len(bodies))
		}
		for _, body := range bodies {
			d.check(t, body, schema+"Question", body)
			status, answer, _ := f.do(t, "POST", path, f.bound, body)
			if d.check(t, body, schema, answer); status != 200 {
				t.Errorf("%s %s: %d %s", path, body, status, answer)
			}
		}
	}
}
