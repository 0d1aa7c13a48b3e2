package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dataSet is one of the access logs beside the checkout.
type dataSet struct {
	name, format, host string
	from, to           string // the days it lies in
}

var dataSets = []dataSet{
	{"accesslog-combined", "combined", "www.semicomplete.com", "2015-05-17", "2015-05-21"},
	{"accesslog-common", "common", "www.ksc.example", "1995-07-01", "1995-07-29"},
}

func (d dataSet) path(t testing.TB, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", d.name, file))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		missing(t, "the real access logs beside the checkout: "+err.Error())
	}
	return path
}

// truth is what truth.json says of a log.
type truth struct {
	Lines                int64            `json:"lines"`
	Valid                int64            `json:"valid"`
	Malformed            int64            `json:"malformed"`
	MalformedLineNumbers []int64          `json:"malformed_line_numbers"`
	PageViews            int64            `json:"page_views"`
	PageViewsPerDay      map[string]int64 `json:"page_views_per_day_utc"`
	PageViewsPerQuarter  map[string]int64 `json:"page_views_bucket15_utc"`
	TopPages             []ranked         `json:"top_pages"`
	Downloads            int64            `json:"downloads"`
	DownloadsPerDay      map[string]int64 `json:"downloads_per_day_utc"`
	TopDownloads         []ranked         `json:"top_downloads"`
	HumanPageViews       int64            `json:"human_page_views"`
	HumanPerDay          map[string]int64 `json:"human_page_views_per_day_utc"`
	VisitorsPerDay       map[string]int64 `json:"visitors_per_day_utc"`
	Sessions             int64            `json:"sessions"`
	SessionsPerDay       map[string]int64 `json:"sessions_per_day_utc"`
	Bounces              int64            `json:"bounces"`
}

// ranked is a line of a top list.
type ranked struct {
	Text string
	N    int64
}

func (r *ranked) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &[2]any{&r.Text, &r.N}) }

func (d dataSet) truth(t testing.TB) (v truth) {
	t.Helper()
	b, err := os.ReadFile(d.path(t, "truth.json"))
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	if v.PageViews == 0 || len(v.TopPages) != 20 {
		t.Fatalf("truth.json was not understood: %+v", v)
	}
	return v
}

// visit is a page view or download in a log, as this test reads it: far
// simpler than the importer, and checked against the truth itself.
type visit struct {
	host, target, path, referrer, agent string
	at                                  time.Time
	download                            bool
}

var (
	logLine     = regexp.MustCompile(`^(\S+) \S+ \S+ \[([^\]]+)\] "GET (.*?)(?: HTTP/\d\.\d)?" (\d{3}) (?:\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" *)?$`)
	pageExt     = strings.Fields("html htm shtml php asp aspx jsp cgi pl")
	downloadExt = strings.Fields("gz tgz zip tar bz2 xz 7z rar exe msi dmg pdf ps doc xls ppt mpg mpeg avi mov mp3 mp4 wav pcap iso deb rpm jar")
)

// visits reads the log.
func (d dataSet) visits(t testing.TB) (all []visit) {
	t.Helper()
	b, err := os.ReadFile(d.path(t, "access.log.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		m := logLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || d.format == "combined" && strings.Count(line, `"`) < 6 {
			continue
		}
		if v, ok := newVisit(m); ok {
			all = append(all, v)
		}
	}
	return all
}

func newVisit(m []string) (v visit, ok bool) {
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", m[2])
	if err != nil || m[3] == "" {
		return v, false
	}
	path, _, _ := strings.Cut(strings.NewReplacer("#", "?").Replace(m[3]), "?")
	ext := ""
	if last := path[strings.LastIndexByte(path, '/')+1:]; strings.Contains(last, ".") {
		ext = strings.ToLower(last[strings.LastIndexByte(last, '.')+1:])
	}
	view := (m[4][0] == '2' || m[4] == "304") && (ext == "" || slices.Contains(pageExt, ext))
	download := (m[4] == "200" || m[4] == "206") && slices.Contains(downloadExt, ext)
	return visit{m[1], m[3], path, m[5], m[6], at.UTC(), download}, view || download
}

// figures are what a set of visits comes to.
type figures struct {
	views, visitors, sessions, bounces, downloads map[string]int64 // by UTC day; bounces by the session's day
}

func count(visits []visit) figures {
	f := figures{map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}}
	times := map[[2]string][]time.Time{}
	for _, v := range visits {
		day := v.at.Format(time.DateOnly)
		if v.download {
			f.downloads[day]++
			continue
		}
		f.views[day]++
		who := [2]string{v.host, v.agent}
		times[who] = append(times[who], v.at)
	}
	for _, at := range times {
		slices.SortFunc(at, time.Time.Compare)
		for i := 0; i < len(at); {
			day, n := at[i].Format(time.DateOnly), 1
			for ; i+n < len(at) && at[i+n].Sub(at[i+n-1]) <= 30*time.Minute; n++ {
			}
			f.sessions[day]++
			if n == 1 {
				f.bounces[day]++
			}
			i += n
		}
		for i := range at {
			if i == 0 || at[i].Format(time.DateOnly) != at[i-1].Format(time.DateOnly) {
				f.visitors[at[i].Format(time.DateOnly)]++
			}
		}
	}
	return f
}

func total(by map[string]int64) (n int64) {
	for _, v := range by {
		n += v
	}
	return n
}
