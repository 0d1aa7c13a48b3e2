package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/enrich"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/schedule"
	"footfall/weblog"
)

// addSite adds a site and returns its id.
func (h *home) addSite(domain, zone string) string {
	h.t.Helper()
	s, err := h.sites.AddSite(h.t.Context(), account.Site{Domain: domain, Zone: zone})
	must(h.t, err)
	return s.ID
}

// view is a page view of a visitor.
func view(site, page, at string, visitor uint64) event.Event {
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	return event.Event{ID: fmt.Sprint(page, at, visitor), Site: site, Kind: event.Page, Host: "shop.example", Path: page,
		Time: when, Original: when, Received: when, Channel: "web", Visitor: visitor}
}

// tabled waits until the daily job is through at every site.
func (h *home) tabled() {
	h.t.Helper()
	defer h.typed(nil, "roll") // a job that came before the site's events
	eventually(h.t, "the daily table", func() bool {
		var all []dailyDone
		if fault, code := h.call("/daily/done", &all); code != 0 {
			h.t.Fatal(fault)
		}
		return len(all) > 0 && !slices.ContainsFunc(all, func(d dailyDone) bool { return d.Behind })
	})
}

// call asks the control door.
func (h *home) call(path string, into any) (string, int) {
	c := &call{config: h.c}
	k, err := c.dial(h.t.Context())
	if err == nil {
		err = k.ask(h.t.Context(), "GET", path, nil, into)
	}
	if err != nil {
		return err.Error(), 1
	}
	return "", 0
}

// printed is what footfall daily prints as CSV, without its head.
func (h *home) printed(args ...string) (lines []string) {
	h.t.Helper()
	var out, fault bytes.Buffer
	if code := run(h.t.Context(), append([]string{"daily", "--data", h.dir}, args...), &out, &fault); code != 0 {
		h.t.Fatalf("footfall daily %v: %s", args, fault.String())
	}
	lines = strings.Split(strings.TrimSpace(out.String()), "\n")
	if lines[0] != "date,page,views,visitors" {
		h.t.Errorf("footfall daily has the head %q", lines[0])
	}
	return lines[1:]
}

func (h *home) file(site, month string) string {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, "daily", site, month+".csv"))
	must(h.t, err)
	return string(b)
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDailyOfARealLog compares the table with the log's truth. That counts
// bots' page views, too, so nobody is taken for one here.
func TestDailyOfARealLog(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "data", "accesslog-combined")
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("REAL DATA IS MISSING: %v", err)
		}
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	var truth struct {
		PageViews map[string]int64 `json:"page_views_per_day_utc"`
		Top       [][2]any         `json:"top_pages"`
	}
	must(t, json.Unmarshal(text, &truth))
	h := newHome(t)
	site := h.addSite("www.semicomplete.com", "UTC")
	h.importAll(site, filepath.Join(dir, "access.log.gz"))
	h.reopen() // the schedule knows the site from the start
	h.tabled()
	views, days := map[string]int64{}, map[string]int64{}
	must(t, h.bins.PageDays(t.Context(), site, -1<<30, 1<<30, func(l metric.PageDay) error {
		views[l.Page] += l.Views
		days[l.Date.String()] += l.Views
		if l.Visitors < 1 || l.Visitors > l.Views || l.Estimate {
			t.Errorf("%+v", l)
		}
		return nil
	}))
	if !maps.Equal(days, truth.PageViews) {
		t.Errorf("page views a day %v, want %v", days, truth.PageViews)
	}
	pages := slices.SortedFunc(maps.Keys(views), func(a, b string) int { return cmp.Or(cmp.Compare(views[b], views[a]), cmp.Compare(a, b)) })
	for _, want := range truth.Top {
		page, n := want[0].(string), int64(want[1].(float64))
		if views[page] != n {
			t.Errorf("%s has %d views, want %d", page, views[page], n)
		}
	}
	if views[pages[19]] != int64(truth.Top[19][1].(float64)) {
		t.Errorf("the 20th page is %s with %d views", pages[19], views[pages[19]])
	}
	h.sameAsEvents(site, "2015-05-18")
	lines := h.printed("--site", site, "--from", "2015-05-18", "--to", "2015-05-19")
	all, err := csv.NewReader(strings.NewReader(h.file(site, "2015-05"))).ReadAll()
	must(t, err)
	n := 0
	for _, row := range all {
		if row[0] == "2015-05-18" {
			n++
		}
	}
	if len(lines) != n || n == 0 {
		t.Errorf("printed %d lines of a day, its file has %d", len(lines), n)
	}
}

// importAll imports a log as views of people.
func (h *home) importAll(site, path string) {
	h.t.Helper()
	f, err := os.Open(path)
	must(h.t, err)
	defer f.Close()
	_, err = weblog.Import(h.t.Context(), f, weblog.Options{Site: site, Secret: h.secret, Source: "access.log", Format: weblog.Combined, Host: "www.semicomplete.com", Salt: []byte("salt"),
		Enrich: enrich.New(enrich.Options{Salts: h.control}).Enrich,
		Publish: func(ctx context.Context, events []event.Event) error {
			for i := range events {
				events[i].Bot = ""
			}
			return h.queue.Publish(ctx, events...)
		}})
	must(h.t, err)
	h.settle()
}

// sameAsEvents compares a day's visitors by page with a count of the events.
func (h *home) sameAsEvents(site, day string) {
	h.t.Helper()
	date, err := time.Parse("2006-01-02", day)
	must(h.t, err)
	w := period.DateOf(date, nil).Window(nil)
	d, err := h.answerFromEvents(h.t.Context(), metric.Query{Site: site, Metric: metric.Visitors, By: "page", Window: w, Limit: 5000})
	must(h.t, err)
	want := map[string]int64{}
	for _, p := range d.Points {
		if p.Value > 0 {
			want[p.Series] = p.Value
		}
	}
	got := map[string]int64{}
	must(h.t, h.bins.PageDays(h.t.Context(), site, period.DateOf(date, nil), period.DateOf(date, nil)+1, func(l metric.PageDay) error {
		got[l.Page] = l.Visitors
		return nil
	}))
	if len(got) == 0 || !maps.Equal(got, want) {
		h.t.Errorf("visitors by page on %s: %d in the table, %d counted", day, len(got), len(want))
	}
}

// TestDailyLate: an event of an old date changes that date's line and its
// month's file, and no other file.
func TestDailyLate(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	site := h.addSite("shop.example", "UTC")
	h.publish(view(site, "/a", "2026-03-05T10:00:00Z", 1), view(site, "/a", "2026-04-30T10:00:00Z", 1), view(site, "/b", "2026-04-30T10:00:00Z", 2))
	h.reopen()
	h.tabled()
	expect(t, "at first", h.printed("--site", site), "2026-03-05,/a,1,1", "2026-04-30,/a,1,1", "2026-04-30,/b,1,1")
	march := filepath.Join(h.dir, "daily", site, "2026-03.csv")
	must(t, os.WriteFile(march, []byte("not written again"), 0o600))
	h.publish(view(site, "/a", "2026-04-30T11:00:00Z", 3), view(site, "/c", "2026-04-02T11:00:00Z", 3))
	if fault, code := h.typed(nil, "roll"); code != 0 {
		t.Fatal(fault)
	}
	expect(t, "after late events", h.printed("--site", site), "2026-03-05,/a,1,1", "2026-04-02,/c,1,1", "2026-04-30,/a,2,2", "2026-04-30,/b,1,1")
	if got, want := h.file(site, "2026-04"), "date,page,views,visitors\n2026-04-02,/c,1,1\n2026-04-30,/a,2,2\n2026-04-30,/b,1,1\n"; got != want {
		t.Errorf("the file has\n%s", got)
	}
	if h.file(site, "2026-03") != "not written again" {
		t.Error("a month in which nothing changed was written again")
	}
	if parts, _ := filepath.Glob(filepath.Join(h.dir, "daily", "*", "*.part")); len(parts) > 0 {
		t.Errorf("left behind: %v", parts)
	}
	h.rebuilt()
	if fault, code := h.typed(nil, "roll"); code != 0 {
		t.Fatal(fault)
	}
	expect(t, "after a rebuild", h.printed("--site", site), "2026-03-05,/a,1,1", "2026-04-02,/c,1,1", "2026-04-30,/a,2,2", "2026-04-30,/b,1,1")
	if !strings.HasPrefix(h.file(site, "2026-03"), "date,page") {
		t.Error("a rebuild does not write the files again")
	}
}

// TestDailyAfterDowntime: what was missed is caught up, today is not in the
// table, and the doctor says how far it is.
func TestDailyAfterDowntime(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	site := h.addSite("shop.example", "UTC")
	h.reopen()
	h.tabled()
	newest := schedule.Newest(time.Now(), nil, dailyAt)
	must(t, h.bins.SetDone(t.Context(), dailyJob, site, newest-3))
	var want []string
	for date := newest - 2; date <= newest; date++ {
		h.publish(view(site, "/a", date.String()+"T10:00:00Z", 1))
		want = append(want, date.String()+",/a,1,1")
	}
	h.publish(view(site, "/a", time.Now().UTC().Format(time.RFC3339), 1))
	h.reopen()
	h.tabled()
	eventually(t, "the three dates", func() bool { return len(h.printed("--site", site)) == 3 })
	expect(t, "caught up", h.printed("--site", site), want...)
	c := &call{config: h.c}
	k, err := c.dial(t.Context())
	must(t, err)
	if f := k.daily(t.Context()); !f.OK || !strings.Contains(f.Says, site+" "+newest.String()) {
		t.Errorf("the doctor says %+v", f)
	}
	h.stopJobs() // a run at a full minute would catch up
	must(t, h.bins.SetDone(t.Context(), dailyJob, site, newest-9))
	if f := k.daily(t.Context()); f.OK || !strings.Contains(f.Says, "behind") {
		t.Errorf("the doctor says %+v", f)
	}
}

// TestDailyZones: each site's dates are its own, and change with its zone.
func TestDailyZones(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	east, west := h.addSite("east.example", "Asia/Kathmandu"), h.addSite("west.example", "America/New_York")
	for _, site := range []string{east, west} {
		h.publish(view(site, "/a", "2026-05-31T20:00:00Z", 1))
	}
	h.reopen()
	h.tabled()
	expect(t, "east", h.printed("--site", east), "2026-06-01,/a,1,1")
	expect(t, "west", h.printed("--site", west), "2026-05-31,/a,1,1")
	if fault, code := h.typed(nil, "site", "set", "east.example", "--timezone", "UTC"); code != 0 {
		t.Fatal(fault)
	}
	expect(t, "east before the roll", h.printed("--site", east), "2026-06-01,/a,1,1")
	if fault, code := h.typed(nil, "roll"); code != 0 {
		t.Fatal(fault)
	}
	expect(t, "east in UTC", h.printed("--site", east), "2026-05-31,/a,1,1")
	if got := h.file(east, "2026-06"); got != "date,page,views,visitors\n" {
		t.Errorf("the old date's file has %q", got)
	}
}

// TestDailyCSV: quoted as RFC 4180 wants it, and harmless in a spreadsheet.
func TestDailyCSV(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	site := h.addSite("shop.example", "UTC")
	for _, page := range []string{`=HYPERLINK("x")`, "+1", "-1", "@a", "\ta", `/a,"b"`, "/c=d", ""} {
		h.publish(view(site, page, "2026-03-05T10:00:00Z", 1))
	}
	h.reopen()
	h.tabled()
	want := []string{`2026-03-05,,1,1`, "2026-03-05,'\ta,1,1", "2026-03-05,'+1,1,1", "2026-03-05,'-1,1,1", `2026-03-05,"/a,""b""",1,1`, `2026-03-05,/c=d,1,1`,
		`2026-03-05,"'=HYPERLINK(""x"")",1,1`, `2026-03-05,'@a,1,1`}
	expect(t, "printed", h.printed("--site", site), want...)
	if got := h.file(site, "2026-03"); got != "date,page,views,visitors\n"+strings.Join(want, "\n")+"\n" {
		t.Errorf("the file has\n%s", got)
	}
	var out struct {
		Site string
		Days []api.DailyLine
	}
	if fault, code := h.typed(&out, "daily", "--site", site); code != 0 || out.Site != site || len(out.Days) != 8 || out.Days[2].Page != "+1" {
		t.Errorf("as JSON: %d %s %+v", code, fault, out)
	}
	if fault, code := h.typed(nil, "daily", "--site", site, "--from", "May"); code != 1 || !strings.Contains(fault, "is not a day") {
		t.Errorf("%d %s", code, fault)
	}
}

// TestDailyOfANewSite: after an import and a roll the table is there, although
// the schedule has not looked since the site was added.
func TestDailyOfANewSite(t *testing.T) {
	h := newHome(t)
	h.stopJobs() // it looks no more
	site := h.addSite("new.example", "UTC")
	h.publish(view(site, "/a", "2026-05-01T10:00:00Z", 1), view(site, "/a", "2026-05-01T11:00:00Z", 2))
	if fault, code := h.typed(nil, "roll"); code != 0 {
		t.Fatal(fault)
	}
	expect(t, "the table", h.printed("--site", site), "2026-05-01,/a,2,2")
}
