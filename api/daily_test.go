package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/metric"
	"footfall/period"
)

// table is a Daily with fixed lines for every site.
type table struct {
	lines []metric.PageDay
	fails error
}

func (d *table) PageDays(_ context.Context, site string, from, to period.Date, fn func(metric.PageDay) error) error {
	for _, l := range d.lines {
		if l.Date >= from && l.Date < to {
			l.Page = site + l.Page
			if err := fn(l); err != nil {
				return err
			}
		}
	}
	return d.fails
}

func TestDaily(t *testing.T) {
	f := start(t)
	first := period.DateOf(now, nil)
	d := &table{lines: []metric.PageDay{{Date: first, Page: "/", Views: 5, Visitors: 3}, {Date: first + 1, Page: "/x", Views: 2, Visitors: 1, Estimate: true}}}
	door := httptest.NewServer(New(f.source, f.memory, f.memory, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Daily: d}))
	defer door.Close()
	for _, x := range []struct {
		token, query string
		status       int
		want         string
	}{
		{"", "", 401, "no key"},
		{"ffk_wrong", "", 401, "unknown key"},
		{f.bound, "format=csv", 200, "date,page,views,visitors\n2024-03-10,a-example/,5,3\n2024-03-11,a-example/x,2,1"},
		{f.bound, "format=csv&from=2024-03-11", 200, "date,page,views,visitors\n2024-03-11,a-example/x,2,1"},
		{f.bound, "format=csv&to=2024-03-10", 200, "date,page,views,visitors"},
		{f.other, "to=2024-03-11", 200, `{"site":"b-example","days":[` + "\n" + `{"date":"2024-03-10","page":"b-example/","views":5,"visitors":3}]}`},
		{f.all, "site=b.example&from=2024-03-11", 200, `{"site":"b-example","days":[` + "\n" + `{"date":"2024-03-11","page":"b-example/x","views":2,"visitors":1,"estimate":true}]}`},
		{f.all, "", 400, "which site"},
		{f.bound, "site=b-example", 400, "unknown site"},
		{f.bound, "from=today", 400, "not a day"},
		{f.bound, "format=xls", 400, "use json, csv, ndjson"},
		{f.bound, "window=Last7Days", 400, "unknown parameter"},
	} {
		g := f
		g.Server = door
		status, answer, h := g.do(t, "GET", "/v1/daily?"+x.query, x.token, "")
		if status != x.status || x.status == 200 && answer != x.want || !strings.Contains(answer, x.want) {
			t.Errorf("%s: %d %s, want %d %s", x.query, status, answer, x.status, x.want)
		}
		if csv := strings.Contains(x.query, "format=csv"); status == 200 && csv != strings.HasPrefix(h.Get("Content-Type"), "text/csv") {
			t.Errorf("%s: %s", x.query, h.Get("Content-Type"))
		}
	}
	d.fails = errors.New("disk gone")
	g := f
	g.Server = door
	if status, answer, h := g.do(t, "GET", "/v1/daily", f.bound, ""); status != 503 || strings.Contains(answer, "disk gone") || h.Get("Retry-After") == "" {
		t.Errorf("a table that fails: %d %s", status, answer)
	}
}
