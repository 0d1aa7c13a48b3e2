package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/metric"
	"footfall/query"
)

var now = time.Date(2024, 3, 10, 14, 32, 7, 0, time.UTC)

// counting is a source that answers every step with its number, and remembers
// what it was asked.
type counting struct {
	mu     sync.Mutex
	asked  []metric.Query
	fails  error
	amount int64 // of every step of a metric of money
	none   bool  // nothing has a value
}

func (c *counting) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, q)
	set := metric.Dataset{Source: "events", AsOf: now}
	series := []string{""}
	if q.By != "" {
		series = []string{"/", "/about"}
	}
	for _, s := range series {
		for i, t := range q.Step.Cut(q.Window, q.Zone) {
			value := int64(i + 1)
			if q.Metric.Money() {
				value = c.amount
			}
			set.Points = append(set.Points, metric.Point{Series: s, Time: t, Value: value, None: c.none})
		}
	}
	return set, c.fails
}

type fixture struct {
	*httptest.Server
	source            *counting
	memory            *accounttest.Memory
	all, bound, other string // tokens
}

func start(t *testing.T) fixture {
	t.Helper()
	var m accounttest.Memory
	ctx := t.Context()
	f := fixture{source: &counting{}, memory: &m}
	for _, s := range []account.Site{{Domain: "a.example", Zone: "Europe/Berlin", Currency: "EUR"}, {Domain: "b.example"}} {
		if _, err := m.AddSite(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	for site, token := range map[string]*string{"": &f.all, "a-example": &f.bound, "b-example": &f.other} {
		var err error
		if *token, _, err = m.AddKey(ctx, account.Key{Site: site, Scopes: []account.Scope{account.Read}}); err != nil {
			t.Fatal(err)
		}
	}
	f.Server = httptest.NewServer(New(f.source, &m, &m, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}))
	t.Cleanup(f.Close)
	return f
}

func (f fixture) do(t *testing.T, method, path, token, body string) (status int, answer string, h http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b)), resp.Header
}

func (f fixture) graphql(t *testing.T, token, query string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	status, answer, _ := f.do(t, "POST", "/graphql", token, string(body))
	if status != 200 {
		t.Fatalf("status %d: %s", status, answer)
	}
	return answer
}

func TestGraphQLAnswersAsDesigned(t *testing.T) {
	f := start(t)
	const fields = "{ dataset { series timestamp value } source asOf }"
	for _, x := range []struct{ name, token, args, want string }{
		{"bound key, zone of the site", f.bound, "metricType: PageViews, timeWindow: Last7Days",
			`{"data":{"getAnalyticsData":{"dataset":[{"series":"a.example","timestamp":"2024-03-04T00:00:00+01:00","value":1}`},
		{"hours, other zone", f.bound, `metricType: Visitors, timeWindow: Last24Hours, timezone: "Asia/Kolkata"`,
			`"timestamp":"2024-03-09T21:00:00+05:30","value":1}`},
		{"today by hour", f.bound, "metricType: PageViews, timeWindow: Today", `{"series":"a.example","timestamp":"2024-03-10T00:00:00+01:00","value":1},{"series":"a.example","timestamp":"2024-03-10T01:00:00+01:00"`},
		{"minutes", f.bound, "metricType: PageViews, timeWindow: Last30Minutes, granularity: Minute", `"timestamp":"2024-03-10T15:32:00+01:00"`},
		{"every site is a series", f.all, "metricType: PageViews, timeWindow: Last7Days",
			`"value":7},{"series":"b.example","timestamp":"2024-03-04T00:00:00Z","value":1}`},
		{"site by domain", f.all, `metricType: Downloads, timeWindow: Last30Days, site: "b.example", granularity: Total`,
			`{"dataset":[{"series":"b.example","timestamp":"2024-02-10T00:00:00Z","value":1}],"source":"events","asOf":"2024-03-10T14:32:07Z"}`},
		{"commissions are the source's", f.bound, "metricType: Commissions, timeWindow: Last7Days, granularity: Total", `"value":0}],"source":"events","asOf":"2024-03-10T15:32:07+01:00"}`},
		{"another's site", f.bound, `metricType: PageViews, timeWindow: Last7Days, site: "b-example"`, `"extensions":{"code":"FORBIDDEN"}`},
		{"no such site", f.bound, `metricType: PageViews, timeWindow: Last7Days, site: "c"`, `"extensions":{"code":"FORBIDDEN"}`},
		{"unknown zone", f.bound, `metricType: PageViews, timeWindow: Last7Days, timezone: "Mars"`, `unknown time zone`},
		{"too many steps", f.bound, `metricType: PageViews, timeWindow: Last365Days, granularity: FifteenMinutes`, `take a longer step`},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := f.graphql(t, x.token, "{ getAnalyticsData("+x.args+") "+fields+" }")
			if !strings.Contains(got, x.want) {
				t.Errorf("answer %s\nlacks %s", got, x.want)
			}
		})
	}
}

// TestMoney: amounts are exact decimals in a unit that is named, at every door.
func TestMoney(t *testing.T) {
	f := start(t)
	const stored = 9_007_199_254_740_993 // thousandths; no float64 holds it
	f.source.amount = stored
	_, answer, _ := f.do(t, "GET", "/v1/query?metric=Revenue&window=Last7Days&step=total", f.bound, "")
	if want := `"value":9007199254740.993}],"unit":"EUR","source"`; !strings.Contains(answer, want) {
		t.Errorf("HTTP: %s\nlacks %s", answer, want)
	}
	answer = f.graphql(t, f.all, "{ getAnalyticsData(metricType: Refunded, timeWindow: Last7Days, granularity: Total) { dataset { series value unit } } }")
	if want := `[{"series":"a.example","value":9007199254740.993,"unit":"EUR"},{"series":"b.example","value":9007199254740.993,"unit":"USD"}]`; !strings.Contains(answer, want) {
		t.Errorf("GraphQL: %s\nlacks %s", answer, want)
	}
	answer = f.graphql(t, f.bound, "{ getAnalyticsData(metricType: Orders, timeWindow: Last7Days, granularity: Total) { dataset { value unit } } }")
	if want := `[{"value":1,"unit":null}]`; !strings.Contains(answer, want) {
		t.Errorf("GraphQL of orders: %s\nlacks %s", answer, want)
	}
	var kept Answer // as the command line reads and prints it
	if err := json.Unmarshal([]byte(`{"dataset":[{"value":9007199254740.993}]}`), &kept); err != nil || *kept.Dataset[0].Value != "9007199254740.993" {
		t.Errorf("read again: %+v, %v", kept, err)
	}
}

func TestGraphQLByGetAndVariables(t *testing.T) {
	f := start(t)
	v := url.Values{"query": {"query Q($w: TimeWindow!) { getAnalyticsData(metricType: Visitors, timeWindow: $w) { dataset { value } } }"},
		"variables": {`{"w":"Last24Hours"}`}}
	status, answer, _ := f.do(t, "GET", "/graphql?"+v.Encode(), f.bound, "")
	if status != 200 || strings.Count(answer, "value") != 24 {
		t.Errorf("%d %s", status, answer)
	}
}

func TestIntrospection(t *testing.T) {
	f := start(t)
	got := f.graphql(t, f.all, `{ __type(name: "MetricType") { enumValues { name } } __schema { queryType { fields { name args { name type { kind name ofType { name } } } } } } }`)
	for _, want := range []string{`"PageViews"`, `"Visitors"`, `"Commissions"`, `"getAnalyticsData"`, `"timeWindow"`} {
		if !strings.Contains(got, want) {
			t.Errorf("introspection lacks %s: %s", want, got)
		}
	}
}

func TestLimits(t *testing.T) {
	f := start(t)
	many := "{"
	for i := range 150 {
		many += fmt.Sprintf(" a%d: getAnalyticsData(metricType: PageViews, timeWindow: Last7Days) { source }", i)
	}
	if got := f.graphql(t, f.bound, many+"}"); !strings.Contains(got, "errors") || len(f.source.asked) > 0 {
		t.Errorf("150 questions in one request: %d asked, %s", len(f.source.asked), got)
	}
	deep := "{ __schema { types " + strings.Repeat("{ fields { type ", 10) + "{ name }" + strings.Repeat(" } }", 10) + " } }"
	if got := f.graphql(t, f.bound, deep); !strings.Contains(got, "depth") {
		t.Errorf("20 deep: %.200s", got)
	}
	for body, want := range map[string]int{
		`{"query":"` + strings.Repeat(" ", MaxBody) + `"}`: 413,
		`{"query":`:                   400,
		`[]`:                          400,
		`{"query":""}`:                400,
		strings.Repeat("[", 20_000):   400,
		"{\"query\":\"{ \\u0000 }\"}": 200, // a GraphQL error
	} {
		if status, answer, _ := f.do(t, "POST", "/graphql", f.bound, body); status != want || !strings.Contains(answer, "error") {
			t.Errorf("%.30s…: %d %.100s, want %d", body, status, answer, want)
		}
	}
}

func TestKeysAndMethods(t *testing.T) {
	f := start(t)
	for _, path := range []string{"/graphql", "/v1/query?metric=PageViews&window=Last7Days"} {
		for _, token := range []string{"", "ffk_unknown"} {
			status, answer, h := f.do(t, "GET", path, token, "")
			if status != 401 || !strings.Contains(answer, "footfall key add") || h.Get("WWW-Authenticate") == "" || h.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s with %q: %d %s %v", path, token, status, answer, h)
			}
		}
		status, _, h := f.do(t, "OPTIONS", path, "", "")
		if status != 204 || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("preflight of %s: %d %v", path, status, h)
		}
		if status, _, h := f.do(t, "DELETE", path, f.all, ""); status != 405 || h.Get("Allow") == "" {
			t.Errorf("DELETE %s: %d %v", path, status, h)
		}
	}
}

func TestUnknownRoute(t *testing.T) {
	f := start(t)
	for _, path := range []string{"/v1/querry", "/v1/", "/v1/daily"} { // of daily there is no table here
		status, answer, h := f.do(t, "GET", path, "", "")
		if want := `{"error":"there is no ` + path + `: figures are at GET /v1/query`; status != 404 || !strings.HasPrefix(answer, want) || !strings.HasPrefix(h.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
}

func TestQueryOverHTTP(t *testing.T) {
	f := start(t)
	for _, x := range []struct {
		token, query string
		status       int
		want         string
	}{
		{f.bound, "metric=PageViews&from=2015-05-17&to=2015-05-19&step=day", 200,
			`{"dataset":[{"series":"a.example","timestamp":"2015-05-17T00:00:00+02:00","value":1},{"series":"a.example","timestamp":"2015-05-18T00:00:00+02:00","value":2}],"source":"events","as_of":"2024-03-10T15:32:07+01:00"}`},
		{f.all, "site=b.example&metric=page_views&window=last7days&by=page&limit=2", 200,
			`{"dataset":[{"series":"/","timestamp":"2024-03-04T00:00:00Z","value":1},{"series":"/about","timestamp":"2024-03-04T00:00:00Z","value":1}],"source":"events","as_of":"2024-03-10T14:32:07Z"}`},
		{f.bound, "metric=Commissions&window=Last7Days&step=total", 200, `"value":0}],"unit":"EUR","source":"events","as_of":"2024-03-10T15:32:07+01:00"}`},
		{f.all, "metric=PageViews&window=Last7Days", 400, `which site? name one of a-example, b-example`},
		{f.bound, "site=b-example&metric=PageViews&window=Last7Days", 400, `unknown site`},
		{f.bound, "metric=Likes&window=Last7Days", 400, `unknown metric`},
		{f.bound, "metric=PageViews", 400, `which time?`},
		{f.bound, "metric=PageViews&window=Last7Days&from=2015-05-17", 400, `which time?`},
		{f.bound, "metric=PageViews&from=yesterday&to=2015-05-17", 400, `neither a day`},
		{f.bound, "metric=PageViews&from=17.5.2015", 400, `\"17.5.2015\" is neither a day`},
		{f.bound, "metric=PageViews&to=2015-05-17", 400, `which time?`},
		{f.bound, "metric=PageViews&from=2015-05-17&to=2015-05-17", 400, `from 2015-05-17 to 2015-05-17 is no time: to is the day after the last`},
		{f.bound, "metric=PageViews&from=2024-03-09&step=day", 200, `{"dataset":[{"series":"a.example","timestamp":"2024-03-09T00:00:00+01:00","value":1},{"series":"a.example","timestamp":"2024-03-10T00:00:00+01:00","value":2}]`},
		{f.bound, "metric=PageViews&from=2024-03-11", 400, `no time`},
		{f.bound, "metric=PageViews&window=Last7Days&colour=red", 400, `unknown parameter`},
		{f.bound, "metric=PageViews&window=Last7Days&limit=-1", 400, `whole number`},
		{f.bound, "metric=PageViews&window=Last7Days&step=fortnight", 400, `unknown step`},
		{f.bound, "metric=PageViews&window=Last7Days&bots=maybe", 400, `neither true nor false`},
	} {
		status, answer, _ := f.do(t, "GET", "/v1/query?"+x.query, x.token, "")
		if status != x.status || !strings.Contains(answer, x.want) {
			t.Errorf("%s: %d %s\nwant %d %s", x.query, status, answer, x.status, x.want)
		}
	}
}

func TestParametersBecomeTheQuery(t *testing.T) {
	f := start(t)
	f.do(t, "GET", "/v1/query?metric=Visitors&window=Last30Days&step=week&by=country&limit=5&bots=true&page=/x&source=", f.bound, "")
	if len(f.source.asked) != 1 {
		t.Fatal("not asked")
	}
	got := f.source.asked[0]
	if got.Site != "a-example" || got.Metric != metric.Visitors || got.Step != "week" || got.By != "country" || got.Limit != 5 || !got.Bots ||
		fmt.Sprint(got.Filters) != "[{page /x} {source }]" || got.Zone.String() != "Europe/Berlin" {
		t.Errorf("asked %+v", got)
	}
}

func TestFailingSourceIsToldWithoutDetails(t *testing.T) {
	f := start(t)
	f.source.fails = errors.New("secret path /var/x")
	status, answer, h := f.do(t, "GET", "/v1/query?metric=Visitors&window=Last7Days", f.bound, "")
	if status != 503 || h.Get("Retry-After") == "" || strings.Contains(answer, "secret") {
		t.Errorf("%d %s %v", status, answer, h)
	}
	if got := f.graphql(t, f.bound, "{ getAnalyticsData(metricType: Visitors, timeWindow: Last7Days) { source } }"); !strings.Contains(got, "UNAVAILABLE") || strings.Contains(got, "secret") {
		t.Error(got)
	}
}

// stuck is a source that answers nobody.
type stuck struct{}

func (stuck) Answer(ctx context.Context, _ metric.Query) (metric.Dataset, error) {
	<-ctx.Done()
	return metric.Dataset{}, ctx.Err()
}

// TestTroubleIsToldToPeopleOfTheServer: what is wrong with the event store, and what to type
// there, is nothing to who embeds a figure, and to affiliates.
func TestTroubleIsToldToPeopleOfTheServer(t *testing.T) {
	trouble := fmt.Errorf("event store: %w", &metric.TroubleError{Why: metric.Damaged})
	for name, x := range map[string]struct {
		asker
		told bool
	}{"a key": {asker{}, true}, "a token": {asker{shows: &Shown{}}, false}, "an affiliate": {asker{own: &metric.Affiliate{ID: "anna"}}, false}} {
		d := &door{asker: x.asker, Options: Options{Log: slog.New(slog.DiscardHandler)}}
		if status, why := d.explain(trouble); status != http.StatusServiceUnavailable || strings.Contains(why, "rebuild") != x.told {
			t.Errorf("%s: %d %s", name, status, why)
		}
	}
}

// Who waits for a turn in vain is told the same as whose question took too long.
func TestNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m accounttest.Memory
		if _, err := m.AddSite(t.Context(), account.Site{Domain: "a.example"}); err != nil {
			t.Fatal(err)
		}
		token, _, err := m.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
		if err != nil {
			t.Fatal(err)
		}
		source := query.Limit(stuck{}, 1)
		go source.Answer(t.Context(), metric.Query{}) // has the only turn until the test ends
		synctest.Wait()
		for name, source := range map[string]query.Source{"no turn": source, "slow": stuck{}} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/query?metric=Visitors&window=Last7Days", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			rec := httptest.NewRecorder()
			New(source, &m, &m, Options{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(rec, r)
			if rec.Code != 503 || rec.Header().Get("Retry-After") == "" || !strings.Contains(rec.Body.String(), "this took longer than 30s: ask for a shorter window") {
				t.Errorf("%s: %d %s %v", name, rec.Code, rec.Body, rec.Header())
			}
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	f.Add("metric=PageViews&window=Last7Days&page=/x")
	f.Add("metric=Visitors&from=2015-05-17&to=2015-05-19T10:00:00%2B05:30&step=hour&timezone=Asia/Kathmandu")
	sites := []account.Site{{ID: "a", Domain: "a.example", Zone: "Australia/Lord_Howe"}}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		q, err := ParseQuery(v, sites, now)
		if err == nil && q.Check() != nil {
			t.Errorf("%q passed with a query that does not: %v", s, q.Check())
		}
		var bad *metric.QueryError
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("%q: %v is no QueryError", s, err)
		}
	})
}

func BenchmarkGraphQL(b *testing.B) {
	var m accounttest.Memory
	if _, err := m.AddSite(b.Context(), account.Site{Domain: "a.example"}); err != nil {
		b.Fatal(err)
	}
	token, _, err := m.AddKey(b.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	if err != nil {
		b.Fatal(err)
	}
	h := New(&counting{}, &m, &m, Options{})
	target := "/graphql?query=" + url.QueryEscape("{ getAnalyticsData(metricType: Visitors, timeWindow: Last24Hours) { dataset { value } } }")
	for b.Loop() {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// shared lists the same slice to everybody.
type shared []account.Site

func (s shared) Sites(context.Context) ([]account.Site, error) { return s, nil }

func TestListOfSitesStaysAsItIs(t *testing.T) {
	f := start(t)
	sites := shared{{ID: "a-example", Domain: "a.example"}, {ID: "b-example", Domain: "b.example"}, {ID: "c-example", Domain: "c.example"}}
	f.Server = httptest.NewServer(New(f.source, f.memory, sites, Options{Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(f.Close)
	if status, answer, _ := f.do(t, "GET", "/v1/query?metric=PageViews&window=Last7Days", f.other, ""); status != 200 || !strings.Contains(answer, "b.example") {
		t.Errorf("%d %s", status, answer)
	}
	for i, id := range []string{"a-example", "b-example", "c-example"} {
		if sites[i].ID != id {
			t.Errorf("a request with the key of one site changed the list of sites: %+v", sites)
			break
		}
	}
}

func TestKeysForPagesReadNoFigures(t *testing.T) {
	f := start(t)
	token, _, err := f.memory.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: []account.Scope{account.InPages}})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range [][2]string{{"POST", "/graphql"}, {"GET", "/graphql"}, {"GET", "/v1/query"}} {
		if status, answer, _ := f.do(t, at[0], at[1], token, ""); status != 403 || !strings.Contains(answer, "scope read or admin") {
			t.Errorf("%v: %d %s, want 403 with the scopes it needs", at, status, answer)
		}
	}
	if len(f.source.asked) > 0 {
		t.Error("the source was asked")
	}
}
