package weblog

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/enrich"
	"footfall/event"
)

// dataFile finds a file of the real data sets, which lie in ../shared/data
// beside the checkout.
func dataFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("REAL DATA IS MISSING: %v", err)
		}
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	return path
}

type truth struct {
	Lines                int64            `json:"lines"`
	Valid                int64            `json:"valid"`
	Malformed            int64            `json:"malformed"`
	MalformedLineNumbers []int64          `json:"malformed_line_numbers"`
	PageViews            int64            `json:"page_views"`
	PageViewsPerDay      map[string]int64 `json:"page_views_per_day_utc"`
	PageViewsBucket15    map[string]int64 `json:"page_views_bucket15_utc"`
	DistinctPages        int              `json:"distinct_pages"`
	TopPages             []count          `json:"top_pages"`
	Downloads            int64            `json:"downloads"`
	DownloadsPerDay      map[string]int64 `json:"downloads_per_day_utc"`
	TopDownloads         []count          `json:"top_downloads"`
	HumanPageViews       int64            `json:"human_page_views"`
	HumanPerDay          map[string]int64 `json:"human_page_views_per_day_utc"`
	Visitors             int              `json:"visitors"`
	VisitorsPerDay       map[string]int   `json:"visitors_per_day_utc"`
}

type count struct {
	Text string
	N    int64
}

func (c *count) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[2]any{&c.Text, &c.N})
}

func readTruth(t *testing.T, name string) (want truth) {
	t.Helper()
	b, err := os.ReadFile(dataFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

var stubSeed = maphash.MakeSeed()

// wordBots labels the four words of the rules and makes a visitor of address
// (or host name) and user agent; an address and a name are told apart.
func wordBots(e *event.Event, s enrich.Sender) {
	agent := strings.ToLower(s.UserAgent)
	for _, word := range []string{"bot", "crawl", "spider", "slurp"} {
		if strings.Contains(agent, word) {
			e.Bot = word
		}
	}
	e.Visitor = maphash.String(stubSeed, s.IP.String()+"\x00"+s.Host+"\x00"+s.UserAgent+"\x00"+string(s.Salt))
	e.Path = "/overwritten"
}

// stored is what Publish was given.
type stored struct{ events []event.Event }

func (s *stored) publish(_ context.Context, events []event.Event) error {
	s.events = append(s.events, events...)
	return nil
}

var testSecret = []byte("0123456789abcdef0123456789abcdef")

func (s *stored) options(f Format) Options {
	return Options{Site: "s1", Secret: testSecret, Format: f, Source: "access.log", Host: "shop.example",
		Publish: s.publish, Enrich: wordBots}
}

func importFile(t testing.TB, path string, o Options) Report {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := Import(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// recount makes the truth's figures from published events alone.
func recount(events []event.Event) truth {
	got := truth{PageViewsPerDay: map[string]int64{}, PageViewsBucket15: map[string]int64{},
		DownloadsPerDay: map[string]int64{}, HumanPerDay: map[string]int64{}, VisitorsPerDay: map[string]int{}}
	pages, downloads := map[string]int64{}, map[string]int64{}
	visitors, perDay := map[uint64]bool{}, map[string]map[uint64]bool{}
	for _, e := range events {
		day := e.Time.Format(time.DateOnly)
		if e.Kind == event.Track {
			got.Downloads++
			got.DownloadsPerDay[day]++
			downloads[e.Path]++
			continue
		}
		got.PageViews++
		got.PageViewsPerDay[day]++
		got.PageViewsBucket15[e.Time.Truncate(15*time.Minute).Format("2006-01-02T15:04")]++
		pages[e.Path]++
		if e.Bot != "" {
			continue
		}
		got.HumanPageViews++
		got.HumanPerDay[day]++
		visitors[e.Visitor] = true
		if perDay[day] == nil {
			perDay[day] = map[uint64]bool{}
		}
		perDay[day][e.Visitor] = true
	}
	for day, v := range perDay {
		got.VisitorsPerDay[day] = len(v)
	}
	got.DistinctPages, got.Visitors = len(pages), len(visitors)
	got.TopPages, got.TopDownloads = top(pages), top(downloads)
	return got
}

func top(counts map[string]int64) []count {
	all := []count{}
	for text, n := range counts {
		all = append(all, count{text, n})
	}
	slices.SortFunc(all, func(a, b count) int {
		if a.N != b.N {
			return int(b.N - a.N)
		}
		return strings.Compare(a.Text, b.Text)
	})
	return all[:min(20, len(all))]
}

func TestImportEqualsTruth(t *testing.T) {
	for _, f := range []Format{Combined, Common} {
		t.Run(string(f), func(t *testing.T) {
			var s stored
			want := readTruth(t, "accesslog-"+string(f)+"/truth.json")
			report := importFile(t, dataFile(t, "accesslog-"+string(f)+"/access.log.gz"), s.options(f))
			got := recount(s.events)
			got.Lines, got.Valid, got.Malformed = report.Lines, report.Valid, report.Malformed
			got.MalformedLineNumbers = append([]int64{}, report.MalformedLineNumbers...)
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			if string(g) != string(w) {
				t.Errorf("figures differ\n got %s\nwant %s", g, w)
			}
			if report.PageViews != want.PageViews || report.Downloads != want.Downloads ||
				report.Bots != want.PageViews-want.HumanPageViews {
				t.Errorf("report %+v does not agree with the truth", report)
			}
			checkEvents(t, s.events)
		})
	}
}

// checkEvents: every event can be kept, no id stands for two, and no field
// holds what came as address or user agent.
func checkEvents(t *testing.T, events []event.Event) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range events {
		if err := e.Check(); err != nil {
			t.Fatalf("%s: %v", e.Path, err)
		}
		if seen[e.ID] {
			t.Fatalf("id %s stands for two lines", e.ID)
		}
		seen[e.ID] = true
		if e.Host != "shop.example" || e.Channel != "import" || !e.Time.Equal(e.Original) || e.Received.IsZero() {
			t.Fatalf("event %+v", e)
		}
	}
}

func TestSameFileAgainGivesTheSameIDs(t *testing.T) {
	path := dataFile(t, "accesslog-combined/access.log.gz")
	var first, again, other stored
	importFile(t, path, first.options(Combined))
	importFile(t, path, again.options(Combined))
	o := other.options(Combined)
	o.Site = "s2"
	importFile(t, path, o)
	for i := range first.events {
		if first.events[i].ID != again.events[i].ID {
			t.Fatalf("event %d: id %s, then %s", i, first.events[i].ID, again.events[i].ID)
		}
		if first.events[i].ID == other.events[i].ID {
			t.Fatalf("event %d has the same id on two sites", i)
		}
	}
	if first.events[0].Visitor == again.events[0].Visitor {
		t.Error("two imports share a visitor salt")
	}
}

// TestRealEnricherEqualsTruth counts people and visitors as the real steps
// label them, with exactly the four words of the rules.
func TestRealEnricherEqualsTruth(t *testing.T) {
	for _, f := range []Format{Combined, Common} {
		t.Run(string(f), func(t *testing.T) {
			var s stored
			o := s.options(f)
			o.Enrich = enrich.New(enrich.Options{BotWords: []string{"bot", "crawl", "spider", "slurp"}}).Enrich
			want := readTruth(t, "accesslog-"+string(f)+"/truth.json")
			importFile(t, dataFile(t, "accesslog-"+string(f)+"/access.log.gz"), o)
			got := recount(s.events)
			if !maps.Equal(got.HumanPerDay, want.HumanPerDay) || !maps.Equal(got.VisitorsPerDay, want.VisitorsPerDay) ||
				got.Visitors != want.Visitors || !slices.Equal(got.TopPages, want.TopPages) {
				t.Errorf("people per day %v, want %v; visitors %v, want %v", got.HumanPerDay, want.HumanPerDay, got.VisitorsPerDay, want.VisitorsPerDay)
			}
			checkEvents(t, s.events)
		})
	}
}
