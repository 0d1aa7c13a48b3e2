package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/sqlapi"
	"footfall/store"
)

// analyst asks /v1/sql with a key.
type analyst struct {
	t       *testing.T
	handler http.Handler
	key     string
}

func (a analyst) ask(query, format string, params map[string]any) (status int, body string) {
	a.t.Helper()
	text, err := json.Marshal(sqlapi.Request{Query: query, Params: params, Format: format})
	must(a.t, err)
	r := httptest.NewRequestWithContext(a.t.Context(), "POST", "/v1/sql", bytes.NewReader(text))
	r.Header.Set("Authorization", "Bearer "+a.key)
	rec := httptest.NewRecorder()
	a.handler.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// is checks the CSV of an answer, its lines with a | between.
func (a analyst) is(query, want string) {
	a.t.Helper()
	status, body := a.ask(query, "csv", nil)
	if got := strings.Join(strings.Split(strings.TrimSpace(body), "\n"), "|"); status != 200 || got != want {
		a.t.Errorf("%s: %d\n got %s\nwant %s", query, status, got, want)
	}
}

func (h *home) analyst(site string, scopes ...account.Scope) analyst {
	h.t.Helper()
	key, _, err := h.control.AddKey(h.t.Context(), account.Key{Site: site, Scopes: scopes})
	must(h.t, err)
	return analyst{h.t, h.server().Handler, key}
}

// designs is the query that people bring, as it stands in their design.
const designs = `SELECT website, sum(measure_value::bigint) AS value, date_trunc('day', time) AS timestamp
FROM "WebAnalyticsDb"."PageViewsTable"
WHERE "affiliate_id" = 'aff-1' AND time between ago(7day) and now()
GROUP BY website, date_trunc('day', time)
`

// TestSQLOfTheDesign: it runs as it is written, and says of an affiliate what
// metrics say; an affiliate's key, and no other, has those rows alone.
func TestSQLOfTheDesign(t *testing.T) {
	h := newHome(t)
	ids := h.twoEarners()
	var views []event.Event
	yesterday := period.DateOf(time.Now(), time.UTC).Window(time.UTC).From.Add(-12 * time.Hour)
	for i := range 12 {
		at := yesterday.Add(time.Duration(-24*(i%2)) * time.Hour)
		source := []string{"Anna", "Anna15", "Theirs"}[i%3]
		views = append(views, event.Event{ID: fmt.Sprint("v", i), Site: "a-example", Kind: event.Page, Path: "/p", Time: at, Original: at, Received: at, Visitor: uint64(i + 1), Class: metric.ClassAffiliate, Source: source, UserID: "u"})
	}
	h.publish(views...)
	all := h.analyst("a-example", account.SQL)
	all.is(designs, "website,value,timestamp")
	day := func(days int) string { return yesterday.AddDate(0, 0, -days).Format("2006-01-02") + " 00:00:00.000" }
	mine := strings.ReplaceAll(designs, "aff-1", ids["Anna"])
	want := "website,value,timestamp|a.example,4," + day(1) + "|a.example,4," + day(0)
	all.is(mine+"ORDER BY 3", want)
	all.is(`SELECT order_number, net, currency, affiliate_id = '`+ids["Anna"]+`' AS annas, quantity FROM OrdersTable ORDER BY time`,
		"order_number,net,currency,annas,quantity|mine-1,10.0100,EUR,true,2|theirs-1,9876.5400,EUR,false,2|mine-2,2.5000,EUR,true,2")
	all.is(`SELECT sum(amount) AS amount, state FROM CommissionsTable GROUP BY state`, "amount,state|4944.5300,pending")
	anna := h.analyst("a-example", account.OfAffiliate+account.Scope(ids["Anna"]))
	anna.is(mine+"ORDER BY 3", want)
	anna.is("SELECT count(*) AS n, count(user_id) AS users FROM EventsTable", "n,users|8,0")
	anna.is("SELECT sum(net) AS n FROM OrdersTable UNION ALL SELECT sum(amount) FROM CommissionsTable UNION ALL SELECT count(order_id) FROM CommissionsTable", "n|12.5100|6.2600|0.0000")
	anna.is("SELECT count(*) AS n FROM DailyPageViewsTable", "n|0")
	anna.is("SELECT count(DISTINCT visitor_id) AS n, max(length(visitor_id)) > 10 AS pseudonyms FROM PageViewsTable", "n,pseudonyms|8,true")
	for _, scope := range []account.Scope{account.Read, account.InPages, account.Orders, account.Define, account.OfAffiliate + "nobody"} {
		if status, body := h.analyst("a-example", scope).ask("SELECT 1", "csv", nil); status != 403 {
			t.Errorf("with the scope %s: %d %s", scope, status, body)
		}
	}
	h.analyst("", account.SQL).is("SELECT count(*) AS n FROM EventsTable", "n|12")
}

// TestSQLIsTheSameFigure, law 8: page views by day in SQL are those of a metric.
func TestSQLIsTheSameFigure(t *testing.T) {
	h := newHome(t)
	var site, other account.Site
	h.typed(&site, "site", "add", "shop.example", "--timezone", "UTC")
	h.typed(&other, "site", "add", "other.example", "--timezone", "UTC")
	begin := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	var all []event.Event
	for i := range 900 {
		at := begin.Add(time.Duration(i*i%(20*24*60)) * time.Minute)
		e := event.Event{ID: fmt.Sprint("e", i), Site: []string{site.ID, site.ID, other.ID}[i%3], Kind: []event.Kind{event.Page, event.Screen, event.Track}[i%7%3], Name: "N", Path: "/p", Time: at, Original: at, Received: at, Visitor: uint64(i % 50)}
		if i%11 == 0 {
			e.Bot = "crawler"
		}
		all = append(all, e)
	}
	h.publish(all...)
	d, err := h.Answer(t.Context(), metric.Query{Site: site.ID, Metric: metric.PageViews, Window: period.Window{From: begin, To: begin.AddDate(0, 0, 20)}, Step: period.Day, Zone: time.UTC})
	must(t, err)
	want := "day,views"
	for _, p := range d.Points {
		if p.Value > 0 {
			want += fmt.Sprintf("|%s 00:00:00.000,%d", p.Time.Format("2006-01-02"), p.Value)
		}
	}
	h.isDocumented(site.ID)
	query := "SELECT bin(time, 1d) AS day, sum(measure_value::bigint) AS views FROM PageViewsTable GROUP BY 1 ORDER BY 1"
	h.analyst(site.ID, account.SQL).is(query, want)
	if len(d.Points) != 20 {
		t.Errorf("%d points", len(d.Points))
	}
	_, err = h.roller.Roll(t.Context())
	must(t, err)
	must(t, h.daily.late(t.Context()))
	h.analyst(site.ID, account.SQL).is("SELECT time AS day, sum(measure_value::bigint) AS views FROM DailyPageViewsTable GROUP BY time ORDER BY 1", want)

	var out, fault bytes.Buffer
	for _, running := range []bool{true, false} {
		if !running {
			h.shut()
		}
		out.Reset()
		if code := run(t.Context(), []string{"sql", query, "--site", "shop.example", "--data", h.dir}, &out, &fault); code != 0 || strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "|") != want {
			t.Errorf("footfall sql, beside a server %v: %d %s\n%s", running, code, fault.String(), out.String())
		}
	}
	if code := run(t.Context(), []string{"sql", "SELECT\n nope FROM PageViewsTable", "--data", h.dir}, &out, &fault); code != 1 || !strings.Contains(fault.String(), "line 2, column 2: ") {
		t.Errorf("%d %s", code, fault.String())
	}
}

// isDocumented runs the queries of the guide.
func (h *home) isDocumented(site string) {
	h.t.Helper()
	guide, err := os.ReadFile("../../docs/sql.md")
	must(h.t, err)
	blocks := strings.Split(string(guide), "```sql\n")[1:]
	for _, b := range blocks {
		query, _, _ := strings.Cut(b, "```")
		if status, body := h.analyst(site, account.SQL).ask(query, "csv", nil); status != 200 {
			h.t.Errorf("%s\n%d %s", query, status, body)
		}
	}
	if len(blocks) < 2 {
		h.t.Errorf("the guide has %d queries", len(blocks))
	}
}

// TestSQLColumns: what DESCRIBE tells is what there is.
func TestSQLColumns(t *testing.T) {
	h := newHome(t)
	_, err := h.sites.AddSite(t.Context(), account.Site{Domain: "shop.example"})
	must(t, err)
	a := h.analyst("", account.SQL)
	for _, table := range store.Tables {
		var told, has sheetRead
		for query, into := range map[string]*sheetRead{"DESCRIBE " + table.Name: &told, "SELECT * FROM " + table.Name: &has} {
			if status, body := a.ask(query, "json", nil); status != 200 || json.Unmarshal([]byte(body), into) != nil {
				t.Fatalf("%s: %d %s", query, status, body)
			}
		}
		if len(has.Columns) != len(told.Rows) {
			t.Errorf("%s has %d columns, and tells of %d", table.Name, len(has.Columns), len(told.Rows))
		}
		for i, c := range has.Columns {
			if told.Rows[i][0] != c.Name || !strings.EqualFold(fmt.Sprint(told.Rows[i][1]), c.Type) {
				t.Errorf("%s: %v is told, and there is %v", table.Name, told.Rows[i], c)
			}
		}
	}
	a.is("SHOW DATABASES", "Database|WebAnalyticsDb")
	a.is(`SHOW MEASURES FROM "WebAnalyticsDb"."PageViewsTable"`, "measure_name,data_type|page_view,bigint")
}

// TestSQLRequests: formats, parameters and errors.
func TestSQLRequests(t *testing.T) {
	h := newHome(t)
	_, err := h.sites.AddSite(t.Context(), account.Site{Domain: "shop.example"})
	must(t, err)
	a := h.analyst("", account.SQL)
	for _, c := range []struct {
		query, format string
		params        map[string]any
		status        int
		want          string
	}{
		{"SELECT :a AS a, :b + 1 AS b, :c AS c, :d AS d", "ndjson", map[string]any{"a": "'; DROP TABLE events; --", "b": 2, "c": nil, "d": true}, 200, `{"a":"'; DROP TABLE events; --","b":3,"c":null,"d":true}` + "\n"},
		{"SELECT 1 AS a, 1 AS a, TIMESTAMP '2026-01-01' AS t, 1.50 AS d UNION ALL SELECT 2, 2, NULL, 'NaN'::DOUBLE LIMIT 1", "", nil, 200, `{"columns":[{"name":"a","type":"INTEGER"},{"name":"a","type":"INTEGER"},{"name":"t","type":"TIMESTAMP"},{"name":"d","type":"DOUBLE"}],"rows":[` + "\n[1,1,\"2026-01-01 00:00:00.000\",1.5]]}\n"},
		{"SELECT '=1+1' AS x", "csv", nil, 200, "x\n'=1+1\n"},
		{"SELECT 7d,\n  ago(1d), näme", "", nil, 400, `"line":2,"column":12`},
		{"SELECT 1 FROM PageViewsTable WHERE\n  (", "", nil, 400, `"line":2`},
		{"SELECT *\nFROM read_csv('/etc/passwd')", "", nil, 400, `"line":2,"column":6`},
		{"SELECT :x", "", nil, 400, "parameter :x has no value"},
		{"SELECT 1", "", map[string]any{"x": 1}, 400, "the query has no :x"},
		{"SELECT 1", "", map[string]any{"x": []any{1}}, 400, "params: x is neither"},
		{"SELECT 1 AS one", "arrow", nil, 200, "one"},
		{"SELECT 170141183460469231731687303715884105727 AS large", "arrow", nil, 400, "column large: 170141183460469231731687303715884105727 has no place in arrow: cast it, such as CAST(large AS DOUBLE)"},
		{"SELECT 170141183460469231731687303715884105727 AS large", "parquet", nil, 400, "cast it"},
		{"SELECT 1", "xml", nil, 400, "use arrow, csv, ndjson, parquet or json"},
		{" ", "", nil, 400, "query is missing"},
		{"SELECT * FROM range(100001)", "", nil, 400, "more than 100000 rows"},
	} {
		if status, body := a.ask(c.query, c.format, c.params); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.query, status, body)
		}
	}
	before, err := os.ReadDir(filepath.Join(h.dir, "store"))
	must(t, err)
	for _, e := range before {
		if strings.Contains(e.Name(), "leak") {
			t.Error(e.Name())
		}
	}
}
