package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"footfall/api"
	"footfall/metric"
)

// TestPrintTable: dimensions stand to the left, figures with their units to the right.
func TestPrintTable(t *testing.T) {
	n := func(s string) *json.Number { return new(json.Number(s)) }
	out := api.Table{Query: api.Asked{Metrics: []string{"Visitors", "Revenue", "ViewsPerSession", "BounceRate"}, Dimensions: []string{"page", "time:day"}, Range: [2]string{"2024-01-01", "2024-01-02"}},
		Meta:    api.TableMeta{Units: map[metric.Name]string{"Revenue": "EUR", "BounceRate": "%"}, AsOf: "2024-03-10T15:32:07+01:00", Estimate: true, Warnings: []string{"mind the gap"}},
		Results: []api.TableRow{{Metrics: []*json.Number{n("12"), n("2.5"), n("1.333"), n("50")}, Dimensions: []string{"/\x1b[31m", "2024-01-01"}}, {Metrics: []*json.Number{n("7"), n("1234.5"), nil, nil}, Dimensions: []string{"", "2024-01-02"}}}}
	var b bytes.Buffer
	printTable(&b, out)
	want := "page    time:day    Visitors  Revenue EUR  ViewsPerSession  BounceRate %\n" +
		"/�[31m  2024-01-01        12         2.50            1.333         50.00\n" +
		"-       2024-01-02         7      1234.50                –             –\n" +
		"\n2024-01-01 to 2024-01-02 as of 2024-03-10 15:32, visitors estimated to about 1 %\nmind the gap\n"
	if b.String() != want {
		t.Errorf("shown as\n%s\nwant\n%s", b.String(), want)
	}
}

// TestQueryReportRefuses what stands beside the file with the question.
func TestQueryReportRefuses(t *testing.T) {
	h := newHome(t)
	h.addSite("a.example", "UTC")
	if fault, code := h.typed(nil, "query", "--report", "-", "--metric", "Visitors", "--country", "DE"); code != 2 || !strings.Contains(fault, "leave --country, --metric out") {
		t.Errorf("%d %s", code, fault)
	}
	if fault, code := h.typed(nil, "query", "--report", t.TempDir()+"/none.json"); code != 1 || !strings.Contains(fault, "none.json") {
		t.Errorf("%d %s", code, fault)
	}
}
