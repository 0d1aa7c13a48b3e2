package clienttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// everyType is a query with a column of each type, null and not, and a row that has the
// least of all.
const everyType = `SELECT * FROM (VALUES
 ('ä€ "x"', 3::BIGINT, 99999999999999999999999999999999999999::HUGEINT, 12.5::DECIMAL(18,4), 0.25::DOUBLE, true, DATE '2026-11-22', TIMESTAMP '2026-11-22 01:02:03.000456', 1::BIGINT),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2::BIGINT),
 ('', (-9223372036854775808)::BIGINT, -7::HUGEINT, -0.0001::DECIMAL(18,4), -1.5::DOUBLE, false, DATE '1969-12-31', TIMESTAMP '1970-01-01 00:00:00', 3::BIGINT)
) t(name, n, large, price, rate, yes, day, moment, place) ORDER BY place`

type object = map[string]any

// inJavaScript is what Arrow's own JavaScript reads of answers.
type inJavaScript struct {
	Media   string
	Columns []string
	Batches int
	Rows    [][]any
}

// readArrow asks questions of a server that has three page views.
func readArrow(t *testing.T, questions ...object) (answers []inJavaScript) {
	t.Helper()
	s := start(t)
	for i, at := range []string{"2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z", "2026-05-02T10:00:00Z"} {
		s.viewed(t, "138", url.Values{"page": {fmt.Sprint("/", i)}, "time": {at}})
	}
	s.waitFor(t, 3)
	var key struct{ Token string }
	if err := json.Unmarshal(s.command(t, "key", "add", "--scope", "admin", "--site", "shop.example", "--json", "--data", s.dir), &key); err != nil || key.Token == "" {
		t.Fatal("no key:", err)
	}
	asked, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	launchWith(t, bytes.NewReader(asked), "arrow.mjs", s.host(), key.Token).finish(t, &answers)
	return answers
}

// TestArrowInJavaScript: another implementation of Arrow than the one that writes finds
// the types and values of SQL and of figures, in streams of one batch and of several.
func TestArrowInJavaScript(t *testing.T) {
	needNode(t)
	got := readArrow(t,
		object{"path": "/v1/sql", "body": object{"query": everyType}},
		object{"path": "/v1/sql", "body": object{"query": "SELECT i, CASE WHEN i % 2 = 0 THEN i::VARCHAR END AS even FROM range(20000) t(i) ORDER BY i"}},
		object{"path": "/v1/sql", "body": object{"query": "SELECT path, time FROM PageViewsTable WHERE path = '/2'"}},
		object{"path": "/v1/sql", "body": object{"query": "SELECT path, 1 AS n FROM PageViewsTable WHERE path = '/none'"}},
		object{"path": "/v1/query", "body": object{"metrics": []string{"pageviews", "views_per_visit", "total_revenue"}, "dimensions": []string{"time:day"}, "date_range": []string{"2026-05-01", "2026-05-04"}}},
	)
	type row = []any
	for i, want := range []struct {
		columns string
		rows    [][]any
	}{
		{"name Utf8, n Int64, large Decimal[38e0], price Decimal[18e+4], rate Float64, yes Bool, day Date32<DAY>, moment Timestamp<MICROSECOND, UTC>, place Int64", [][]any{
			row{`ä€ "x"`, "3", "99999999999999999999999999999999999999", "12.5000", 0.25, true, "2026-11-22", "2026-11-22T01:02:03.000456Z", "1"},
			row{nil, nil, nil, nil, nil, nil, nil, nil, "2"},
			row{"", "-9223372036854775808", "-7", "-0.0001", -1.5, false, "1969-12-31", "1970-01-01T00:00:00.000000Z", "3"},
		}},
		{"i Int64, even Utf8", nil},
		{"path Utf8, time Timestamp<MICROSECOND, UTC>", [][]any{row{"/2", "2026-05-02T10:00:00.000000Z"}}},
		{"path Utf8, n Int64", [][]any{}},
		{"time:day Date32<DAY>, PageViews Int64, ViewsPerSession Decimal[18e+3], Revenue Decimal[18e+3]", [][]any{
			row{"2026-05-01", "2", "1.000", "0.000"}, row{"2026-05-02", "1", "1.000", "0.000"}, row{"2026-05-03", "0", nil, "0.000"}, row{"2026-05-04", "0", nil, "0.000"},
		}},
	} {
		g := got[i]
		if columns := strings.Join(g.Columns, ", "); columns != want.columns || g.Media != "application/vnd.apache.arrow.stream" {
			t.Errorf("%d: the columns are\n%s\nwant\n%s", i, columns, want.columns)
		}
		if want.rows != nil && !reflect.DeepEqual(g.Rows, want.rows) {
			t.Errorf("%d: the rows are\n%v\nwant\n%v", i, g.Rows, want.rows)
		}
	}
	many := got[1]
	for i, r := range many.Rows {
		want := row{fmt.Sprint(i), nil}
		if i%2 == 0 {
			want[1] = fmt.Sprint(i)
		}
		if !reflect.DeepEqual(r, want) {
			t.Fatalf("row %d is %v, want %v", i, r, want)
		}
	}
	if len(many.Rows) != 20_000 || many.Batches < 2 {
		t.Errorf("%d of 20,000 rows in %d batches", len(many.Rows), many.Batches)
	}
}
