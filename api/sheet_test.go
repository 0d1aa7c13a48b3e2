package api

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestTableAsSheet: CSV and JSON lines have the rows and figures of the JSON answer,
// and what is not known as a format is told.
func TestTableAsSheet(t *testing.T) {
	f, _ := startReports(t)
	body := `{"site_id":"a.example","metrics":["visitors","total_revenue"],"date_range":["2026-11-18","2026-11-19"],"dimensions":["time:day","page"],"include":{"compare":"previous_period"}}`
	status, text := f.post(t, f.bound, body)
	var table Table
	if err := json.Unmarshal([]byte(text), &table); err != nil || status != 200 {
		t.Fatal(status, text, err)
	}
	_, lines, header := f.do(t, "POST", "/v1/query?format=csv", f.bound, body)
	rows, err := csv.NewReader(strings.NewReader(lines)).ReadAll()
	if err != nil || len(rows) != len(table.Results)+1 || !strings.HasPrefix(header.Get("Content-Type"), "text/csv") {
		t.Fatalf("%v %v\n%s", err, header, lines)
	}
	if want := []string{"time:day", "page", "Visitors", "Revenue", "Visitors_before", "Visitors_change", "Revenue_before", "Revenue_change"}; !slices.Equal(rows[0], want) {
		t.Errorf("columns %v", rows[0])
	}
	_, objects, _ := f.do(t, "POST", "/v1/query?format=ndjson", f.bound, body)
	read := json.NewDecoder(strings.NewReader(objects))
	read.UseNumber()
	for i, r := range table.Results {
		want := slices.Clone(r.Dimensions)
		for _, n := range r.Metrics {
			want = append(want, n.String())
		}
		for j := range r.Metrics {
			want = append(want, r.Comparison.Metrics[j].String(), r.Comparison.Change[j].String())
		}
		if !slices.Equal(rows[i+1], want) {
			t.Errorf("row %d is %v, in JSON %v", i, rows[i+1], want)
		}
		var object map[string]any
		if err := read.Decode(&object); err != nil || object["page"] != want[1] || object["Revenue"] != *r.Metrics[1] {
			t.Errorf("line %d is %v, %v, in JSON %v", i, object, err, want)
		}
	}
	if status, said, _ := f.do(t, "POST", "/v1/query?format=xml", f.bound, body); status != 400 || !strings.Contains(said, "csv, ndjson or json") {
		t.Errorf("xml: %d %s", status, said)
	}
	for accept, want := range map[string]string{"text/csv": "csv", "application/x-ndjson": "ndjson", "application/json, text/csv": "json", "": "json"} {
		r := httptest.NewRequest(http.MethodPost, "/v1/query", nil)
		r.Header.Set("Accept", accept)
		if got, err := tableFormat(r); got != want || err != nil {
			t.Errorf("Accept: %s is answered as %s, %v", accept, got, err)
		}
	}
}

// TestSheetWithoutRows has the columns all the same.
func TestSheetWithoutRows(t *testing.T) {
	var b strings.Builder
	if err := WriteTable(&b, "csv", Table{Query: Asked{Metrics: []string{"Visitors"}, Dimensions: []string{"page"}, Include: AskedInclude{Compare: &[2]string{"2024-01-01", "2024-01-02"}}}}); err != nil || strings.TrimSpace(b.String()) != "page,Visitors,Visitors_before,Visitors_change" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
