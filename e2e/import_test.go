package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// report is what import --json prints.
type report struct {
	Lines                int64   `json:"lines"`
	Valid                int64   `json:"valid"`
	Malformed            int64   `json:"malformed"`
	MalformedLineNumbers []int64 `json:"malformed_line_numbers"`
	PageViews            int64   `json:"page_views"`
	Downloads            int64   `json:"downloads"`
	Bots                 int64   `json:"bots"`
	Duplicates           int64   `json:"duplicates"`
}

// TestImport imports the real logs, with a server running and without: every
// figure is the truth's, and a second import adds nothing.
func TestImport(t *testing.T) {
	t.Parallel()
	for _, d := range dataSets {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/running=%v", d.format, running), func(t *testing.T) {
				s := newServer(t)
				at := s.addSite(d.host)
				if running {
					s.start()
					defer s.stop()
				}
				want := d.truth(t)
				importTwice(t, s, at, d, want)
				checkFigures(t, s, at, d, want)
			})
		}
	}
}

func importTwice(t *testing.T, s *server, at site, d dataSet, want truth) {
	t.Helper()
	expect := report{want.Lines, want.Valid, want.Malformed, want.MalformedLineNumbers, want.PageViews, want.Downloads, want.PageViews - want.HumanPageViews, 0}
	for try := range 2 {
		var got report
		began := time.Now()
		s.ask(&got, "import", "--site", at.ID, "--format", d.format, "--bots", "words", d.path(t, "access.log.gz"))
		t.Logf("import %d: %.0f lines/s, the start of the command included", try+1, float64(got.Lines)/time.Since(began).Seconds())
		if try == 1 {
			expect.Duplicates = want.PageViews + want.Downloads
		}
		if !reflect.DeepEqual(got, expect) {
			t.Errorf("import %d reports %+v, the truth is %+v", try+1, got, expect)
		}
	}
}

// checkFigures compares the server's figures with all that truth.json has.
func checkFigures(t *testing.T, s *server, at site, d dataSet, want truth) {
	t.Helper()
	for _, x := range []struct {
		metric string
		bots   bool
		want   map[string]int64
	}{
		{"PageViews", true, want.PageViewsPerDay}, {"PageViews", false, want.HumanPerDay}, {"Visitors", false, want.VisitorsPerDay},
		{"Sessions", false, want.SessionsPerDay}, {"Downloads", true, want.DownloadsPerDay},
	} {
		checkDays(t, s, at, d, x.metric, x.bots, x.want)
	}
	quarters := map[string]int64{}
	for _, p := range s.query(d.window(at, "PageViews", "--step", "15m", "--bots", "true")...) {
		if p.Value > 0 {
			quarters[p.Timestamp[:len("2015-05-17T10:00")]] = p.Value
		}
	}
	if !maps.Equal(quarters, want.PageViewsPerQuarter) {
		t.Errorf("page views per quarter hour: %v, the truth is %v", quarters, want.PageViewsPerQuarter)
	}
	if n := s.query(d.window(at, "Bounces", "--step", "total")...); len(n) != 1 || n[0].Value != want.Bounces {
		t.Errorf("bounces: %v, the truth is %d", n, want.Bounces)
	}
	if n := s.query(d.window(at, "Sessions", "--step", "total")...); len(n) != 1 || n[0].Value != want.Sessions {
		t.Errorf("sessions: %v, the truth is %d", n, want.Sessions)
	}
	checkTop(t, s, at, d, "PageViews", want.TopPages)
	checkTop(t, s, at, d, "Downloads", want.TopDownloads)
}

// window is a query for the whole log.
func (d dataSet) window(at site, metric string, more ...string) []string {
	return append([]string{"--site", at.ID, "--metric", metric, "--from", d.from, "--to", d.to}, more...)
}

func checkDays(t *testing.T, s *server, at site, d dataSet, metric string, bots bool, want map[string]int64) {
	t.Helper()
	got := map[string]int64{}
	for _, p := range s.query(d.window(at, metric, "--step", "day", "--bots", fmt.Sprint(bots))...) {
		if p.Value != 0 {
			got[p.Timestamp[:len(time.DateOnly)]] = p.Value
		}
		if p.Series != d.host {
			t.Errorf("%s: series %q, want the site's domain", metric, p.Series)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s per day with bots=%v: %v, the truth is %v", metric, bots, got, want)
	}
}

func checkTop(t *testing.T, s *server, at site, d dataSet, metric string, want []ranked) {
	t.Helper()
	var got []ranked
	for _, p := range s.query(d.window(at, metric, "--by", "page", "--limit", "20", "--bots", "true")...) {
		got = append(got, ranked{p.Series, p.Value})
	}
	if !slices.Equal(got, want) {
		t.Errorf("top pages of %s: %v, the truth is %v", metric, got, want)
	}
}

// TestLogsOverHTTP sends the same logs as clients would, as batches of events:
// the figures are the same. The server's own list of bots is longer than the
// four words of the truth, so all figures are those with bots; the reader that
// counts them here is first checked against the truth.
func TestLogsOverHTTP(t *testing.T) {
	t.Parallel()
	for _, d := range dataSets {
		t.Run(d.format, func(t *testing.T) {
			want, visits := d.truth(t), d.visits(t)
			checkReader(t, visits, want)
			s := newServer(t)
			at := s.addSite(d.host)
			s.start()
			defer s.stop()
			sendVisits(t, s, at, d, visits)
			s.quiet()
			all := count(visits)
			checkDays(t, s, at, d, "PageViews", true, want.PageViewsPerDay)
			checkDays(t, s, at, d, "Downloads", true, want.DownloadsPerDay)
			checkDays(t, s, at, d, "Visitors", true, all.visitors)
			checkDays(t, s, at, d, "Sessions", true, all.sessions)
			if n := s.query(d.window(at, "Bounces", "--step", "total", "--bots", "true")...); len(n) != 1 || n[0].Value != total(all.bounces) {
				t.Errorf("bounces: %v, want %d", n, total(all.bounces))
			}
			checkTop(t, s, at, d, "PageViews", want.TopPages)
			checkTop(t, s, at, d, "Downloads", want.TopDownloads)
		})
	}
}

func checkReader(t *testing.T, visits []visit, want truth) {
	t.Helper()
	var people []visit
	for _, v := range visits {
		agent := strings.ToLower(v.agent)
		if !slices.ContainsFunc([]string{"bot", "crawl", "spider", "slurp"}, func(w string) bool { return strings.Contains(agent, w) }) {
			people = append(people, v)
		}
	}
	all, human := count(visits), count(people)
	if !maps.Equal(all.views, want.PageViewsPerDay) || !maps.Equal(all.downloads, want.DownloadsPerDay) || !maps.Equal(human.views, want.HumanPerDay) ||
		!maps.Equal(human.visitors, want.VisitorsPerDay) || !maps.Equal(human.sessions, want.SessionsPerDay) || total(human.bounces) != want.Bounces {
		t.Fatalf("this test's own reader misses the truth: all %+v, people %+v", all, human)
	}
}

func sendVisits(t *testing.T, s *server, at site, d dataSet, visits []visit) {
	t.Helper()
	names := map[string]string{} // a log with host names: an address for each
	const size = 500
	began := time.Now()
	for first := 0; first < len(visits); first += size {
		var batch []map[string]any
		for i, v := range visits[first:min(first+size, len(visits))] {
			address := v.host
			if d.format == "common" {
				if names[v.host] == "" {
					names[v.host] = fmt.Sprintf("10.1.%d.%d", len(names)/250, len(names)%250+1)
				}
				address = names[v.host]
			}
			batch = append(batch, v.event(fmt.Sprintf("log-%d", first+i), address, d.host))
		}
		res, text := s.post(t, at.WriteKey, "/v1/batch", map[string]any{"batch": batch})
		if res.StatusCode != http.StatusOK || strings.Contains(text, `"index"`) {
			t.Fatalf("batch from %d: %d %s", first, res.StatusCode, text)
		}
	}
	t.Logf("%d events over one connection: %.0f events/s", len(visits), float64(len(visits))/time.Since(began).Seconds())
}

// event is the visit as a client would send it.
func (v visit) event(id, address, host string) map[string]any {
	url := "http://" + host + v.target
	agent := v.agent
	if agent == "" {
		agent = browser // a common log has none
	}
	context := map[string]any{"ip": address, "userAgent": agent}
	e := map[string]any{"messageId": id, "originalTimestamp": v.at.Format(time.RFC3339), "context": context}
	if v.download {
		e["type"], e["event"] = "track", "File Downloaded"
		e["properties"] = map[string]any{"url": url}
		return e
	}
	page := map[string]any{"url": url, "path": v.path}
	if v.referrer != "" && v.referrer != "-" {
		page["referrer"] = v.referrer
	}
	e["type"], context["page"] = "page", page
	return e
}

// TestImportSpeed logs the rate of a longer log; equal lines count each.
func TestImportSpeed(t *testing.T) {
	const times = 10
	d := dataSets[0]
	want := d.truth(t)
	s := newServer(t)
	at := s.addSite(d.host)
	s.start()
	defer s.stop()
	path := filepath.Join(filepath.Dir(s.data), "long.log.gz") // gzip members may be put one behind the other
	one, err := os.ReadFile(d.path(t, "access.log.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Repeat(one, times), 0o600); err != nil {
		t.Fatal(err)
	}
	var got report
	began := time.Now()
	s.ask(&got, "import", "--site", at.ID, "--format", d.format, path)
	t.Logf("%d lines: %.0f lines/s", got.Lines, float64(got.Lines)/time.Since(began).Seconds())
	if got.Lines != times*want.Lines || got.PageViews != times*want.PageViews || got.Duplicates != 0 {
		t.Errorf("the log %d times reports %+v", times, got)
	}
	if n := s.query(d.window(at, "PageViews", "--step", "total", "--bots", "true")...); len(n) != 1 || n[0].Value != times*want.PageViews {
		t.Errorf("page views: %v, want %d", n, times*want.PageViews)
	}
}
