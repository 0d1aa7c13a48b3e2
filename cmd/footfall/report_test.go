package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"footfall/api"
	"footfall/metric"
	"footfall/query"
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

// TestReportsWaitTheirTurn with all other questions, and give it back.
func TestReportsWaitTheirTurn(t *testing.T) {
	turns := query.MakeTurns(1)
	leave, err := turns.Take(t.Context())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	waiting := inTurn{atOnce{}, turns}
	if _, err := waiting.Tabulate(ctx, metric.Report{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a turn: %v", err)
	}
	leave()
	soon, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	for range 2 {
		if table, err := waiting.Tabulate(soon, metric.Report{}); err != nil || table.Source != "answered" {
			t.Errorf("%+v, %v", table, err)
		}
	}
}

type atOnce struct{}

func (atOnce) Tabulate(context.Context, metric.Report) (metric.Table, error) {
	return metric.Table{Source: "answered"}, nil
}

// TestQueryReport: the command answers the question of a file from the real stores.
func TestQueryReport(t *testing.T) {
	h, site := orders(t)
	file := filepath.Join(t.TempDir(), "question.json")
	must(t, os.WriteFile(file, []byte(`{"metrics":["pageviews","total_revenue"],"date_range":["2026-05-01","2026-05-02"],"filters":[["is_not","visit:country",["AT"]]]}`), 0o600))
	var out api.Table
	if fault, code := h.typed(&out, "query", "--site", site, "--report", file); code != 0 || len(out.Results) != 1 || out.Results[0].Metrics[0].String() != "3" || out.Results[0].Metrics[1].String() != "12.5" {
		t.Errorf("%d %s %+v", code, fault, out)
	}
}
