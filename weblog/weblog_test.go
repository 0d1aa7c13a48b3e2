package weblog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"footfall/enrich"
	"footfall/event"
)

const (
	common   = `h - - [01/Jul/1995:00:00:01 -0400] "GET /a HTTP/1.0" 200 1`
	combined = `h - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 1 "-" "Mozilla"`
)

func TestParse(t *testing.T) {
	cases := []struct {
		line string
		f    Format
		want fault
	}{
		{common, Common, noFault},
		{combined, Combined, noFault},
		{common, Combined, faultBytes},
		{combined, Common, faultBytes},
		{combined + "   ", Combined, noFault},
		{combined + " x", Combined, faultEnd},
		{combined + "\r", Combined, faultEnd},
		{common + " ", Common, faultBytes},
		{common + "\r", Common, faultBytes},
		{"", Common, faultWho},
		{" " + common, Common, faultWho},
		{"h -  - [01/Jul/1995:00:00:01 -0400] \"GET /a\" 200 1", Common, faultWho},
		{"h\t- - - [01/Jul/1995:00:00:01 -0400] \"GET /a\" 200 1", Common, faultWho},
		{"h\xa0 - - [01/Jul/1995:00:00:01 -0400] \"GET /a\" 200 1", Common, faultWho},
		{"h\x1c - - [01/Jul/1995:00:00:01 -0400] \"GET /a\" 200 1", Common, faultWho},
		{"h\xe9 - - [01/Jul/1995:00:00:01 -0400] \"GET /a\" 200 1", Common, noFault},
		{`h - - [01/Jul/1995:00:00:01 -0400] "GET "q" 200 1" 200 1`, Common, noFault},
		{`h - - [01/Jul/1995:00:00:01 -0400] "" 200 -`, Common, noFault},
		{`h - - [01/Jul/1995:00:00:01 -0400] " 200 1`, Common, faultRequest},
		{`h - - [01/Jul/1995:00:00:01 -0400] GET 200 1`, Common, faultRequest},
		{`h - - [01/Jul/1995:00:00:01 -0400] "GET /" 2000 1`, Common, faultStatus},
		{`h - - [01/Jul/1995:00:00:01 -0400] "GET /" 20x 1`, Common, faultStatus},
		{`h - - [01/Jul/1995:00:00:01 -0400] "GET /" 200 --`, Common, faultBytes},
		{`h - - [01/jul/1995:00:00:01 -0400] "GET /" 200 1`, Common, faultTime},
		{`h - - [31/Feb/1995:00:00:01 -0400] "GET /" 200 1`, Common, faultTime},
		{`h - - [01/Jul/1995:24:00:01 -0400] "GET /" 200 1`, Common, faultTime},
		{`h - - [01/Jul/1995:00:00:01 0400] "GET /" 200 1`, Common, faultTime},
		{`h - - [17/May/2015:10:05:03 +0000] "GET "a" HTTP/1.1" 200 1 "-" "M"`, Combined, faultStatus},
		{`h - - [17/May/2015:10:05:03 +0000] "GET \"a\" HTTP/1.1" 200 1 "\\" "a\"b"`, Combined, noFault},
		{`h - - [17/May/2015:10:05:03 +0000] "GET /" 200 1 "-" "cut of`, Combined, faultAgent},
		{`h - - [17/May/2015:10:05:03 +0000] "GET /" 200 1 "-" "ends in \"`, Combined, faultAgent},
		{`h - - [17/May/2015:10:05:03 +0000] "GET /" 200 1 "-"`, Combined, faultAgent},
	}
	for _, c := range cases {
		if _, got := parse([]byte(c.line), c.f); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.f, c.line, got, c.want)
		}
	}
}

func TestTimeIsUTC(t *testing.T) {
	e, _ := parse([]byte(`h - - [31/Dec/1999:22:30:00 -0330] "GET /" 200 1`), Common)
	if want := time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC); !e.time.Equal(want) || e.time.Location() != time.UTC {
		t.Errorf("got %v, want %v", e.time, want)
	}
}

func TestTarget(t *testing.T) {
	cases := []struct {
		request    string
		status     int
		path, kind string // kind: page, download, none, unreadable
	}{
		{"GET / HTTP/1.1", 200, "/", "page"},
		{"GET /a", 304, "/a", "page"},
		{"GET /a HTTP/1.1", 301, "/a", "none"},
		{"GET /a HTTP/1.1", 299, "/a", "page"},
		{"HEAD /a HTTP/1.1", 200, "/a", "none"},
		{"POST /a HTTP/1.1", 200, "/a", "none"},
		{"GET /A.HTML?x=1#y HTTP/1.1", 200, "/A.HTML", "page"},
		{"GET /a b c HTTP/1.1", 200, "/a b c", "page"},
		{"GET /a HTTP/1.10", 200, "/a HTTP/1.10", "none"},
		{"GET /a. HTTP/1.1", 200, "/a.", "page"},
		{"GET /v1.2/a HTTP/1.1", 200, "/v1.2/a", "page"},
		{"GET ?q=1 HTTP/1.1", 200, "", "page"},
		{"GET HTTP://Host.example HTTP/1.1", 200, "/", "page"},
		{"GET https://h.example:80/b?x HTTP/1.1", 200, "/b", "page"},
		{"GET http://h.example?x HTTP/1.1", 200, "", "page"},
		{"GET /f.TAR.GZ HTTP/1.1", 206, "/f.TAR.GZ", "download"},
		{"GET /f.pdf HTTP/1.1", 304, "/f.pdf", "none"},
		{"GET /f.png HTTP/1.1", 200, "/f.png", "none"},
		{"GET  HTTP/1.1", 200, "", "unreadable"},
		{"GET HTTP/1.1", 200, "", "unreadable"},
		{"GET", 200, "", "unreadable"},
		{"get / HTTP/1.1", 200, "", "unreadable"},
		{"-", 200, "", "unreadable"},
	}
	for _, c := range cases {
		got, ok := readTarget(c.request)
		kind := "none"
		switch {
		case !ok:
			kind = "unreadable"
		case got.isPage(c.status):
			kind = "page"
		case got.isDownload(c.status):
			kind = "download"
		}
		if got.path != c.path || kind != c.kind {
			t.Errorf("%q %d: %q %s, want %q %s", c.request, c.status, got.path, kind, c.path, c.kind)
		}
	}
}

func TestLinesAreSplitAtLFOnly(t *testing.T) {
	cases := map[string][]string{
		"":           nil,
		"a\nb\n":     {"a", "b"},
		"a\n\nb":     {"a", "", "b"},
		"a\rb\x0bc":  {"a\rb\x0bc"},
		"\n":         {""},
		"a\n\n":      {"a", ""},
		"a\u2028b\n": {"a\u2028b"},
	}
	for in, want := range cases {
		var got []string
		l := newLineReader(iotest.OneByteReader(strings.NewReader(in)))
		for {
			line, _, err := l.next()
			if err == io.EOF {
				break
			}
			got = append(got, string(line))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	log := strings.Replace(combined, "Mozilla", long, 1) + "\n" +
		strings.Repeat("y", maxLine+70_000) + "\n" + combined + "\n" + strings.Repeat("z", maxLine+1)
	var s stored
	r, err := Import(t.Context(), strings.NewReader(log), s.options(Combined))
	if err != nil || r.Lines != 4 || r.Valid != 2 || !slices.Equal(r.MalformedLineNumbers, []int64{2, 4}) {
		t.Errorf("%+v %v", r, err)
	}
}

func TestEqualLinesBothCount(t *testing.T) {
	one := combined + "\n"
	var s, grown stored
	for log, into := range map[string]*stored{one + one: &s, one + one + one: &grown} {
		if _, err := Import(t.Context(), strings.NewReader(log), into.options(Combined)); err != nil {
			t.Fatal(err)
		}
		checkEvents(t, into.events)
	}
	if len(s.events) != 2 || len(grown.events) != 3 {
		t.Fatalf("%d and %d events", len(s.events), len(grown.events))
	}
	for i, e := range s.events {
		if e.ID != grown.events[i].ID {
			t.Errorf("line %d has another id in the log that has grown", i)
		}
	}
}

func TestCountsOutliveOneWindow(t *testing.T) {
	x := newIDs(testSecret, "s1")
	x.perWindow = 10
	seen := map[string]bool{}
	for i := range 30 {
		for _, line := range []string{"the same", fmt.Sprint("another ", i)} {
			id := x.next([]byte(line))
			if seen[id] {
				t.Fatalf("round %d: %q got an id twice", i, line)
			}
			seen[id] = true
		}
	}
	if n := len(x.young) + len(x.old); n > 2*x.perWindow {
		t.Errorf("%d counts are kept", n)
	}
}

func TestIDsAreKeyed(t *testing.T) {
	a, b := newIDs(testSecret, "s1"), newIDs([]byte("another secret of 30 bytes...."), "s1")
	if id := a.next([]byte(combined)); id == b.next([]byte(combined)) || len(id) != 36 {
		t.Errorf("id %s does not depend on the secret", id)
	}
}

func TestSender(t *testing.T) {
	var got []enrich.Sender
	var s stored
	o := s.options(Combined)
	o.Enrich = func(_ *event.Event, s enrich.Sender) { got = append(got, s) }
	log := `203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /a?utm_source=x HTTP/1.1" 200 1 "http://r.example/?q" "M\"z"` + "\n" +
		"n\xe4me.example - - [17/May/2015:10:05:03 +0000] \"GET /\xe4 HTTP/1.1\" 200 1 \"-\" \"\"\n"
	if _, err := Import(t.Context(), strings.NewReader(log), o); err != nil {
		t.Fatal(err)
	}
	if got[0].IP.String() != "203.0.113.9" || got[0].Host != "" || got[0].UserAgent != `M\"z` ||
		got[0].Referrer != "http://r.example/?q" || got[0].URL != "https://shop.example/a?utm_source=x" || len(got[0].Salt) != 32 {
		t.Errorf("first sender %+v", got[0])
	}
	if got[1].IP.IsValid() || got[1].Host != "näme.example" || got[1].Referrer != "" || s.events[1].Path != "/ä" {
		t.Errorf("second sender %+v, path %q", got[1], s.events[1].Path)
	}
}

func TestMalformedTellsNothingOfTheLine(t *testing.T) {
	var s stored
	var heard []string
	o := s.options(Combined)
	o.Malformed = func(_ context.Context, n int64, reason, scrubbed string) {
		heard = append(heard, fmt.Sprint(n, "|", reason, "|", scrubbed))
	}
	log := combined + "\n203.0.113.77 SecretAgent/1.0 \"GET /x\n"
	if _, err := Import(t.Context(), strings.NewReader(log), o); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(heard, "\n")
	if len(heard) != 1 || !strings.HasPrefix(all, "2|") || strings.Contains(all, "203.0") || strings.Contains(all, "Secret") {
		t.Errorf("heard %q", all)
	}
}

func TestImportFails(t *testing.T) {
	var s stored
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	io.WriteString(w, strings.Repeat(combined+"\n", 5000))
	w.Close()
	full := errors.New("disk full")
	refuse := s.options(Combined)
	refuse.Publish = func(context.Context, []event.Event) error { return full }
	stopped, stop := context.WithCancel(t.Context())
	stop()
	short := s.options(Combined)
	short.Secret = []byte("short")
	cases := []struct {
		name string
		ctx  context.Context
		in   io.Reader
		o    Options
		want error
	}{
		{"cut gzip", t.Context(), bytes.NewReader(gz.Bytes()[:gz.Len()-20]), s.options(Combined), io.ErrUnexpectedEOF},
		{"publish refuses", t.Context(), bytes.NewReader(gz.Bytes()), refuse, full},
		{"cancelled", stopped, bytes.NewReader(gz.Bytes()), s.options(Combined), context.Canceled},
		{"short secret", t.Context(), strings.NewReader(""), short, nil},
	}
	for _, c := range cases {
		if _, err := Import(c.ctx, c.in, c.o); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}
}

func TestBatchesAndProgress(t *testing.T) {
	var s stored
	var last Report
	o := s.options(Combined)
	biggest, read := 0, int64(0)
	o.Publish = func(ctx context.Context, events []event.Event) error {
		biggest = max(biggest, len(events))
		return s.publish(ctx, events)
	}
	o.Progress = func(r Report, n int64) { last, read = r, n }
	log := strings.Repeat(combined+"\n", 12_345)
	r, err := Import(t.Context(), strings.NewReader(log), o)
	if err != nil || biggest > batchSize || len(s.events) != 12_345 || last.Lines != r.Lines || read != int64(len(log)) {
		t.Errorf("%+v %v, biggest batch %d, %d events, progress %+v %d", r, err, biggest, len(s.events), last, read)
	}
}

func FuzzLine(f *testing.F) {
	for _, line := range []string{common, combined, "", "\xff\x00", `h - - [31/Feb/1995:00:00:01 -0400] "GET /" 200 1`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, format := range []Format{Common, Combined} {
			var s stored
			r, err := Import(t.Context(), bytes.NewReader(line), s.options(format))
			if err != nil && bytes.HasPrefix(line, []byte{0x1f, 0x8b}) {
				return // it looked like gzip
			}
			if _, wrong := errors.AsType[*FormatError](err); wrong {
				return
			}
			if err != nil || r.Lines != r.Valid+r.Malformed || r.PageViews+r.Downloads != int64(len(s.events)) {
				t.Fatalf("%s %q: %+v %v", format, line, r, err)
			}
			for _, e := range s.events {
				if err := e.Check(); err != nil && e.Time.Year() > 0 {
					t.Fatalf("%q: %v", line, err)
				}
			}
		}
	})
}

func plainLog(b *testing.B) []byte {
	b.Helper()
	f, err := os.Open(dataFile(b, "accesslog-combined/access.log.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	log, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	return log
}

func BenchmarkParse(b *testing.B) {
	lines := bytes.Split(plainLog(b), []byte("\n"))
	n := 0
	for b.Loop() {
		for _, line := range lines {
			if e, why := parse(line, Combined); why == noFault {
				readTarget(text(e.request))
			}
		}
		n += len(lines)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkImport(b *testing.B) {
	log := plainLog(b)
	var s stored
	o := s.options(Combined)
	o.Publish = func(context.Context, []event.Event) error { return nil }
	n := int64(0)
	for b.Loop() {
		r, err := Import(b.Context(), bytes.NewReader(log), o)
		if err != nil {
			b.Fatal(err)
		}
		n += r.Lines
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}

// TestFarTimes imports lines of clocks that were never set.
func TestFarTimes(t *testing.T) {
	log := ""
	for _, year := range []string{"1969", "1995", "2026", "2099"} {
		log += "h - - [01/Jul/" + year + ":00:00:01 +0000] \"GET / HTTP/1.0\" 200 1\n"
	}
	var why []string
	report, err := Import(t.Context(), strings.NewReader(log), Options{Site: "s", Secret: make([]byte, 16), Format: Common,
		Publish:   func(context.Context, []event.Event) error { return nil },
		Enrich:    func(*event.Event, enrich.Sender) {},
		Malformed: func(_ context.Context, _ int64, reason, _ string) { why = append(why, reason) },
		Now:       func() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) }})
	if err != nil || report.Valid != 2 || !slices.Equal(report.MalformedLineNumbers, []int64{1, 4}) || !slices.Equal(why, []string{string(faultFar), string(faultFar)}) {
		t.Errorf("%+v, %v, %q; want lines 1 and 4 malformed for their time", report, err, why)
	}
}
