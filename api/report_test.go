package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// tables is a source of reports that answers each row with its number, in
// thousandths where the metric has them, and remembers what it was asked.
type tables struct {
	mu    sync.Mutex
	asked []metric.Report
	fails error
	since time.Time // nothing is before
	rates bool      // but rates that are zero
}

func (s *tables) Tabulate(_ context.Context, r metric.Report) (t metric.Table, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if err := r.Check(); err != nil {
		return t, err
	}
	t = metric.Table{Source: "events", AsOf: now}
	keys := [][]string{make([]string, len(r.By))}
	for i := range r.By {
		keys[0][i] = "/"
	}
	if len(r.By) > 0 {
		keys = append(keys, append([]string{"b"}, keys[0][1:]...))
	}
	starts := r.Step.Cut(r.Window, r.Zone)
	for i, at := range starts {
		end := r.Window.To
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		for _, k := range keys {
			row := metric.Row{Keys: k, Time: at}
			for range r.Metrics {
				n := int64(len(t.Rows)+1) * 1500
				if !end.After(s.since) {
					n = 0
				}
				row.Values = append(row.Values, metric.Value{N: n, None: n == 0 && !s.rates})
				if !r.Compare.To.IsZero() {
					row.Before = append(row.Before, metric.Value{N: n / 2})
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.Total = len(t.Rows)
	return t, s.fails
}

// startReports is a server with reports.
func startReports(t *testing.T) (fixture, *tables) {
	t.Helper()
	f, s := start(t), &tables{}
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return now }, Reports: s})
	return f, s
}

// post asks POST /v1/query.
func (f fixture) post(t *testing.T, token, body string) (status int, answer string) {
	t.Helper()
	status, answer, _ = f.do(t, "POST", "/v1/query", token, body)
	return status, answer
}

// TestReportIsAnsweredAsDesigned: the whole answer to one question, byte by byte.
func TestReportIsAnsweredAsDesigned(t *testing.T) {
	f, s := startReports(t)
	status, answer := f.post(t, f.bound, `{"site_id":"a.example","metrics":["visitors","total_revenue","bounce_rate"],"date_range":["2024-01-01","2024-01-02"],
		"dimensions":["event:page","time:day"],"filters":[["is","visit:country",["DE","AT"]],["not",["has_done",["contains","event:props:plan",["pro"]]]]],
		"order_by":[["visits","desc"]],"pagination":{"limit":5}}`)
	if status != 400 || !strings.Contains(answer, `order_by[0][0]: \"visits\" is none of the question's metrics and dimensions: page, time:day, Visitors, Revenue, BounceRate`) {
		t.Errorf("%d %s", status, answer)
	}
	status, answer = f.post(t, f.bound, `{"site_id":"a.example","metrics":["visitors","total_revenue","bounce_rate"],"date_range":["2024-01-01","2024-01-02"],
		"dimensions":["event:page","time:day"],"filters":[["is","visit:country",["DE","AT"]],["not",["has_done",["contains","event:props:plan",["pro"]]]]],
		"order_by":[["total_revenue","desc"],["time","asc"]],"pagination":{"limit":5},"include":{"total_rows":true,"time_labels":true,"imports":true,"compare":"year_over_year"}}`)
	want := `{"results":[` +
		`{"metrics":[1500,1.5,1.5],"dimensions":["/","2024-01-01"],"comparison":{"metrics":[750,0.75,0.75],"dimensions":["/","2023-01-01"],"change":[100,100,100]}},` +
		`{"metrics":[3000,3,3],"dimensions":["b","2024-01-01"],"comparison":{"metrics":[1500,1.5,1.5],"dimensions":["b","2023-01-01"],"change":[100,100,100]}},` +
		`{"metrics":[4500,4.5,4.5],"dimensions":["/","2024-01-02"],"comparison":{"metrics":[2250,2.25,2.25],"dimensions":["/","2023-01-02"],"change":[100,100,100]}},` +
		`{"metrics":[6000,6,6],"dimensions":["b","2024-01-02"],"comparison":{"metrics":[3000,3,3],"dimensions":["b","2023-01-02"],"change":[100,100,100]}}],` +
		`"meta":{"units":{"BounceRate":"%","Revenue":"EUR"},"source":"events","as_of":"2024-03-10T15:32:07+01:00","estimate":false,"time_labels":["2024-01-01","2024-01-02"],"total_rows":4,` +
		`"warnings":["include.imports is ignored: what was imported is counted as everything else is"]},` +
		`"query":{"site_id":"a-example","metrics":["Visitors","Revenue","BounceRate"],"date_range":["2024-01-01","2024-01-02"],"dimensions":["page","time:day"],` +
		`"filters":[["and",[["is","country",["DE","AT"]],["has_not_done",["contains","property:plan",["pro"]]]]]],"order_by":[["Revenue","desc"],["time","asc"]],` +
		`"include":{"time_labels":true,"total_rows":true,"compare":["2023-01-01","2023-01-02"]},"pagination":{"limit":5,"offset":0},"timezone":"Europe/Berlin","bots":false}}`
	if status != 200 || answer != want {
		t.Errorf("%d\n%s\nwant\n%s", status, answer, want)
	}
	if r := s.asked[0]; len(s.asked) != 1 || r.Currency != "EUR" || r.Window.From.Format(time.RFC3339) != "2024-01-01T00:00:00+01:00" || r.Window.To.Format(time.RFC3339) != "2024-01-03T00:00:00+01:00" || r.Affiliate != nil {
		t.Errorf("asked %d times, %+v", len(s.asked), r)
	}
}

// TestReportIsStrict: what is wrong is a 400 that names the field and says what
// would be right.
func TestReportIsStrict(t *testing.T) {
	f, s := startReports(t)
	with := func(fields string) string { return `{"metrics":["visitors"],"date_range":"7d",` + fields + `}` }
	filter := func(filters string) string { return with(`"filters":[` + filters + `]`) }
	for _, x := range [][2]string{
		{``, "the body is no JSON"}, {`{"metrics":`, "the body is no JSON"}, {`[]`, "the body: must be an object, not a list"}, {`{} {}`, "behind its JSON object"}, {`{"metrics":1}`, "metrics: must be a list, not a number"},
		{`{"date_range":"7d"}`, "metrics: which figures? use some of PageViews, Visitors"}, {`{"metrics":[],"date_range":"7d"}`, "metrics: has none"}, {`{"metrics":["visitors"]}`, "date_range: which time?"},
		{`{"metrics":["visitors","likes"],"date_range":"7d"}`, `metrics[1]: unknown metric \"likes\": use one of PageViews, Visitors`}, {`{"metrics":["visits",7],"date_range":"7d"}`, "metrics[1]: must be a text, not a number"},
		{`{"metrics":["visits","Sessions"],"date_range":"7d"}`, "metrics[1]: Sessions is there already"},
		{with(`"colour":"red"`), "colour: there is no such field; use site_id, metrics, date_range"}, {with(`"site_id":"b.example"`), "site_id: unknown site"}, {with(`"site_id":["a"]`), "site_id: must be a text"},
		{with(`"dimensions":["event:colour"]`), `dimensions[0]: unknown dimension \"event:colour\": use one of page, host`}, {with(`"dimensions":["time:fortnight"]`), "dimensions[0]: unknown dimension"}, {with(`"dimensions":["time","time:day"]`), "dimensions[1]: the time is there already"},
		{with(`"dimensions":["page","event:page"]`), "dimensions[1]: page is there already"}, {with(`"dimensions":["property:"]`), "dimensions[0]: unknown dimension"}, {with(`"dimensions":["event:props:"]`), "dimensions[0]"},
		{with(`"dimensions":["page","host","source","class","country","device","os","browser","bot"]`), "dimensions: has 9 values; 7 are the most"},
		{filter(`["is","visit:country",["DE",7]]`), "filters[0][2][1]: must be a text"}, {filter(`["is","visit:country",["DE"]],["or",[["is","page",["/"]],["is_not","visit:planet",["x"]]]]`), `filters[1][1][1][1]: unknown dimension \"visit:planet\"`},
		{filter(`["resembles","page",["/"]]`), `filters[0][0]: \"resembles\" is none of is, is_not, contains, contains_not, matches, matches_not, and, or, not, has_done, has_not_done`}, {filter(`["is","page"]`), "filters[0]: needs a dimension and its values"}, {filter(`["is"]`), "filters[0]: needs a word"},
		{filter(`["is","page","/"]`), "filters[0][2]: must be a list, not a text"}, {filter(`["is","page",[]]`), "filters[0][2]: name between one and"}, {filter(`["matches","page",["("]]`), "filters[0][2]: the regular expression can't be read"}, {filter(`["and",[]]`), "filters[0][1]: has no condition"},
		{filter(`["not",["is","page",["/"]],["is","page",["/"]]]`), "filters[0][2]: is too much"}, {filter(`["is","page",["/"],{"case":true}]`), "filters[0][3].case: there is no such field; use case_sensitive"}, {filter(`["is","time:day",["2024-01-01"]]`), "filters[0][1]: the time is no dimension of a condition: say it by date_range, or by weekday or hour_of_day"}, {filter(`["is","colour",["x"]]`), "website, property:NAME\"}"},
		{filter(strings.Repeat(`["not",`, 9) + `["is","page",["/"]]` + strings.Repeat("]", 9)), "is too deep: 8 conditions"}, {filter(`["has_done",["has_done",["is","page",["/"]]]]`), "holds no other such condition"},
		{filter(strings.Repeat(`["is","page",["/"]],`, 50) + `["is","page",["/"]]`), "filters: has 51 values; 50 are the most"},
		{with(`"order_by":[["visitors"]]`), "order_by[0]: needs a metric"}, {with(`"order_by":[["visitors","up"]]`), `order_by[0][1]: \"up\" is none of asc, desc`}, {with(`"order_by":[["pageviews","asc"]]`), "order_by[0][0]"}, {with(`"order_by":[["time","asc"]]`), "order_by[0][0]"},
		{with(`"include":{"all":true}`), "include.all: there is no such field"}, {with(`"include":{"total_rows":"yes"}`), "include.total_rows: must be true or false, not a text"}, {with(`"include":{"time_labels":true}`), "include.time_labels: needs the time"},
		{with(`"include":{"compare":"tomorrow"}`), `include.compare: \"tomorrow\" is none of previous_period, year_over_year, or two dates`}, {with(`"include":{"compare":["2024-01-02","2024-01-01"]}`), "include.compare: ends before it begins"}, {with(`"include":{"compare":7}`), "include.compare: must be a list"},
		{with(`"pagination":{"limit":0}`), "pagination.limit: 0 is no whole number from 1 to 10000"}, {with(`"pagination":{"limit":10001}`), "pagination.limit"}, {with(`"pagination":{"limit":1.5}`), "pagination.limit"}, {with(`"pagination":{"offset":-1}`), "pagination.offset"}, {with(`"pagination":[]`), "pagination: must be an object, not a list"},
		{with(`"timezone":"Mars"`), "timezone: unknown time zone"}, {with(`"bots":"yes"`), "bots: must be true or false"},
		{`{"metrics":["visitors"],"date_range":"0d"}`, `date_range: unknown window \"0d\": use one of day, 24h`}, {`{"metrics":["visitors"],"date_range":["2024-01-01"]}`, "date_range: needs two ends"}, {`{"metrics":["visitors"],"date_range":["2024-01-01","1.2.2024"]}`, "date_range[1]: "}, {`{"metrics":["visitors"],"date_range":["x","2024-01-01"]}`, "date_range[0]: "},
		{`{"metrics":["visitors"],"date_range":["2024-01-02","2024-01-01"]}`, "date_range: ends before it begins"}, {`{"metrics":["visitors"],"date_range":["2000-01-01","2024-01-01"],"dimensions":["time:hour"]}`, "take a longer step"},
		{`{"metrics":["visitors"],"date_range":["2024-01-01","9998-12-31"],"dimensions":["time:minute"]}`, "take a longer step"}, {`{"metrics":["visitors"],"date_range":"all","include":{"compare":"previous_period"}}`, "include.compare: before all time"},
	} {
		if status, answer := f.post(t, f.bound, x[0]); status != 400 || !strings.Contains(answer, x[1]) {
			t.Errorf("%s: %d %s, want %s", x[0], status, answer, x[1])
		}
	}
	if len(s.asked) > 4 {
		t.Errorf("the source was asked %d times", len(s.asked))
	}
	if status, answer := f.post(t, f.bound, with(`"bots":`+strings.Repeat(" ", MaxBody)+`true`)); status != 413 {
		t.Errorf("a large body: %d %s", status, answer)
	}
	s.fails = io.ErrUnexpectedEOF
	if status, answer := f.post(t, f.bound, with(`"bots":true`)); status != 503 || strings.Contains(answer, "EOF") {
		t.Errorf("a source that fails: %d %s", status, answer)
	}
}

// TestReportAnswersItsEcho: the question that an answer tells can be asked again, and
// is the same.
func TestReportAnswersItsEcho(t *testing.T) {
	f, s := startReports(t)
	for _, body := range []string{
		`{"metrics":["visitors"],"date_range":"day"}`, `{"metrics":["Visitors","page_views","views_per_visit"],"date_range":"realtime","dimensions":["time"]}`, `{"metrics":["pageviews"],"date_range":"30m","dimensions":["time:minute"]}`,
		`{"metrics":["visits"],"date_range":"Last90Days","dimensions":["time","visit:source"],"timezone":"Asia/Kathmandu","bots":true}`, `{"metrics":["visits"],"date_range":"12mo","dimensions":["visit:channel","time"],"order_by":[["time","desc"],["visit:channel","asc"],["visits","desc"]]}`,
		`{"metrics":["events"],"date_range":"all","dimensions":["event:name"],"pagination":{"limit":7,"offset":3},"include":{"total_rows":true}}`, `{"metrics":["visits"],"date_range":["2024-03-01","9999-12-31"]}`, `{"metrics":["visits"],"date_range":["2024-03-01","9999-12-31T23:59:59Z"]}`, `{"metrics":["visits"],"date_range":["2024-03-01T10:00:00Z","2024-03-01T13:29:59.999Z"],"include":{"compare":"previous_period"}}`,
		`{"metrics":["visit_duration"],"date_range":"24h","filters":[["or",[["is_not","page",["/"]],["not",["and",[["contains","page",["x"]],["has_done",["is","event",["y"]]]]]]]],["has_not_done",["matches_not","event:hostname",["^a"]]]]}`,
		`{"metrics":["visits"],"date_range":"7d","filters":[["is","page",["/A"],{"case_sensitive":false}],["contains","page",["a.b"],{"case_sensitive":true}],["matches","page",["a"],{"case_sensitive":false}],["is","page",["/A"],{"case_sensitive":true}]]}`,
	} {
		status, answer := f.post(t, f.bound, body)
		var first, second struct{ Query json.RawMessage }
		if err := json.Unmarshal([]byte(answer), &first); status != 200 || err != nil {
			t.Fatalf("%s: %d %s", body, status, answer)
		}
		before := s.asked[len(s.asked)-1]
		status, answer = f.post(t, f.bound, string(first.Query))
		if err := json.Unmarshal([]byte(answer), &second); status != 200 || err != nil || string(first.Query) != string(second.Query) {
			t.Errorf("%s: %d\n%s\nasked again\n%s", body, status, first.Query, answer)
		}
		if after := s.asked[len(s.asked)-1]; fmt.Sprintf("%+v", where(before)) != fmt.Sprintf("%+v", where(after)) {
			t.Errorf("%s: asked\n%+v\nand then\n%+v", body, before, after)
		}
	}
}

// where is a report as it prints itself, without what is the same in another place.
func where(r metric.Report) string {
	text, _ := json.Marshal([]any{r.Site, r.Metrics, r.By, r.Step, r.Window.From.Unix(), r.Window.To.Unix(), r.Compare.From.Unix(), r.Compare.To.Unix(), r.Zone.String(), r.Where, r.Order, r.Limit, r.Offset, r.Bots})
	return string(text)
}

// TestReportRanges: what each name of a window is at 15:32 of Sunday, 10 March 2024,
// in Berlin.
func TestReportRanges(t *testing.T) {
	sites := []account.Site{{ID: "a", Zone: "Europe/Berlin"}}
	for _, x := range [][4]string{
		{"day", "2024-03-10T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "hour"}, {"24h", "2024-03-09T16:00:00+01:00", "2024-03-10T16:00:00+01:00", "hour"}, {"7d", "2024-03-04T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "day"},
		{"30d", "2024-02-10T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "day"}, {"month", "2024-03-01T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "day"}, {"6mo", "2023-10-01T00:00:00+02:00", "2024-03-11T00:00:00+01:00", "month"},
		{"12mo", "2023-04-01T00:00:00+02:00", "2024-03-11T00:00:00+01:00", "month"}, {"year", "2024-01-01T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "day"}, {"realtime", "2024-03-10T15:27:08+01:00", "2024-03-10T15:32:08+01:00", "minute"},
		{"30m", "2024-03-10T15:03:00+01:00", "2024-03-10T15:33:00+01:00", "minute"}, {"last7days", "2024-03-04T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "day"}, {"all", "1970-01-01T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "year"},
		{`["2024-03-09","2024-03-10"]`, "2024-03-09T00:00:00+01:00", "2024-03-11T00:00:00+01:00", "hour"}, {`["2024-03-09T10:00:00Z","2024-03-10"]`, "2024-03-09T11:00:00+01:00", "2024-03-11T00:00:00+01:00", "hour"}, {`["2024-03-09T10:00:00Z","2024-03-09T10:59:59Z"]`, "2024-03-09T11:00:00+01:00", "2024-03-09T12:00:00+01:00", "minute"},
	} {
		text := x[0]
		if text[0] != '[' {
			text = `"` + text + `"`
		}
		q, err := readQuestion([]byte(`{"metrics":["visitors"],"dimensions":["time"],"date_range":`+text+`}`), sites, now)
		if err != nil {
			t.Errorf("%s: %v", x[0], err)
			continue
		}
		w, zone := q.report.Window, q.report.Zone
		if got := [4]string{x[0], w.From.In(zone).Format(time.RFC3339), w.To.In(zone).Format(time.RFC3339), string(q.report.Step)}; got != x {
			t.Errorf("%v, want %v", got, x)
		}
	}
}

// TestReportOfAllTime begins with the first day that has a figure.
func TestReportOfAllTime(t *testing.T) {
	f, s := startReports(t)
	s.since = time.Date(2021, 5, 16, 22, 0, 0, 0, time.UTC)
	const body = `{"metrics":["bounce_rate","visitors"],"date_range":"all","dimensions":["time","page"],"filters":[["is","page",["/x"]]]}`
	_, answer := f.post(t, f.bound, body)
	if !strings.Contains(answer, `"date_range":["2021-05-17","2024-03-10"],"dimensions":["time:month","page"]`) || len(s.asked) != 4 {
		t.Errorf("asked %d times: %s", len(s.asked), answer)
	}
	for _, r := range s.asked[:3] {
		if r.Where != nil || len(r.By) > 0 || r.Site != "a-example" {
			t.Errorf("looked for the first day by %+v", r)
		}
	}
	s.since = now.AddDate(1, 0, 0)
	if _, answer := f.post(t, f.bound, body); !strings.Contains(answer, `"date_range":["2024-03-10","2024-03-10"],"dimensions":["time:hour","page"]`) {
		t.Errorf("of a site without figures: %s", answer)
	}
	s.rates = true
	if _, answer := f.post(t, f.bound, body); !strings.Contains(answer, `"date_range":["1970-01-01","2024-03-10"]`) {
		t.Errorf("of a site where nobody left at once at first: %s", answer)
	}
}

// TestChange: what there is nothing to compare with has none.
func TestChange(t *testing.T) {
	var got []string
	for _, x := range [][2]metric.Value{{{N: 150}, {N: 100}}, {{N: 1}, {N: 3}}, {{N: 0}, {N: 7}}, {{N: 7}, {N: 0}}, {{N: 7}, {None: true}}, {{None: true}, {N: 7}}, {{N: 5}, {N: -10}}, {{N: 9_007_199_254_740_993}, {N: 9_007_199_254_740_993}}} {
		text, _ := json.Marshal(changes([]metric.Value{x[0]}, []metric.Value{x[1]}))
		got = append(got, string(text))
	}
	if text := strings.Join(got, " "); text != "[50] [-66.7] [-100] [null] [null] [null] [150] [0]" {
		t.Error(text)
	}
}

// FuzzReport: what is read is checked, and can be asked again.
func FuzzReport(f *testing.F) {
	f.Add(`{"metrics":["visitors"],"date_range":"7d","dimensions":["time","event:props:a"],"filters":[["or",[["is","page",["/"]],["has_not_done",["matches","page",["a"]]]]]],"order_by":[["time","asc"]],"include":{"compare":"previous_period"},"timezone":"Australia/Lord_Howe"}`)
	f.Add(`{"metrics":["epc"],"date_range":["2024-01-01T00:00:00.5+05:45","2024-03-31"],"dimensions":["time:week"],"pagination":{"offset":3}}`)
	sites := []account.Site{{ID: "a", Domain: "a.example", Zone: "America/St_Johns"}}
	f.Fuzz(func(t *testing.T, body string) {
		q, err := readQuestion([]byte(body), sites, now)
		if err != nil || q.report.Check() != nil || q.all {
			return
		}
		text, err := json.Marshal(q.asked())
		if err != nil {
			t.Fatal(err)
		}
		again, err := readQuestion(text, sites, now)
		if err != nil || where(again.report) != where(q.report) {
			t.Errorf("%s is %s, and this is not the same: %v", body, text, err)
		}
	})
}

// TestReportConditions: what each spelling of a condition is.
func TestReportConditions(t *testing.T) {
	sites := []account.Site{{ID: "a-example", Domain: "a.example"}}
	for filters, want := range map[string]string{
		``:                                   "everything",
		`["is","visit:country",["DE","AT"]]`: "country is [DE AT]",
		`["is_not","event:hostname",["a"]]`:  "not (host is [a])",
		`["contains_not","channel",["a"]],["matches","visit:channel",["^a"]]`:                "all of (not (channel contains [a]), class matches [^a])",
		`["and",[["is","page",["/"]]]],["not",["or",[["is","os",["x"]],["is","bot",[""]]]]]`: "all of (all of (page is [/]), not (any of (os is [x], bot is [])))",
		`["has_done",["is","event:props:plan",["pro"]]]`:                                     "done (property:plan is [pro])", `["has_not_done",["is","event:name",["y"]]]`: "not (done (event is [y]))",
		`["is","page",["/A.b"],{"case_sensitive":false}]`: `page matches [(?i)^(?:/A\.b)$]`, `["contains","page",["A.b"],{"case_sensitive":true}]`: `page matches [A\.b]`, `["matches_not","page",["A.b"],{"case_sensitive":false}]`: `not (page matches [(?i)A.b])`,
		`["is","page",["A"],{"case_sensitive":true}]`: "page is [A]", `["contains","page",["A"],{}]`: "page contains [A]", `["is","website",["a.example","b.example"]]`: "website is [a-example b.example]",
	} {
		q, err := readQuestion([]byte(`{"metrics":["visitors"],"date_range":"7d","filters":[`+filters+`]}`), sites, now)
		if err != nil {
			t.Errorf("%s: %v", filters, err)
		} else if got := spelledOut(q.report.Where); got != want {
			t.Errorf("%s: %s, want %s", filters, got, want)
		}
	}
}

func spelledOut(w *metric.Where) string {
	several := func(of []metric.Where) string {
		var all []string
		for _, one := range of {
			all = append(all, spelledOut(&one))
		}
		return " of (" + strings.Join(all, ", ") + ")"
	}
	switch {
	case w == nil:
		return "everything"
	case w.All != nil:
		return "all" + several(w.All)
	case w.Any != nil:
		return "any" + several(w.Any)
	case w.Not != nil:
		return "not (" + spelledOut(w.Not) + ")"
	case w.Done != nil:
		return "done (" + spelledOut(w.Done) + ")"
	}
	return fmt.Sprint(w.Dimension, " ", w.Op, " ", w.Values)
}
