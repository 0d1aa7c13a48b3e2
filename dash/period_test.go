package dash

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// spanAt is the span of a URL in Berlin at a moment.
func spanAt(t *testing.T, query, at string) (state, span) {
	t.Helper()
	v, err := url.ParseQuery(query)
	moment, err2 := time.Parse(time.RFC3339, at)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	s := readState(tongue{}, v, []account.Site{{ID: "a", Zone: "Europe/Berlin"}}, moment)
	return s, spanOf(s, moment, 0)
}

func windowWords(w period.Window, zone *time.Location) string {
	if w == (period.Window{}) {
		return "none"
	}
	return w.From.In(zone).Format("2006-01-02T15:04:05") + " " + w.To.In(zone).Format("2006-01-02T15:04:05")
}

// TestComparison: what each period is compared with, whole and as far as it is fair:
// by weekday, by the calendar, over changed clocks and leap days.
func TestComparison(t *testing.T) {
	const may, april, leap = "2024-05-16T14:32:07+02:00", "2024-04-03T14:32:07+02:00", "2024-02-29T09:00:00+01:00"
	for _, x := range []struct{ query, at, before, now, fair string }{
		// Whole weeks earlier, as few as are needed; only what is over of the days.
		{"period=Last7Days", may, "2024-05-03T00:00:00 2024-05-10T00:00:00", "2024-05-10T00:00:00 2024-05-16T00:00:00", "2024-05-03T00:00:00 2024-05-09T00:00:00"},
		{"period=Last28Days", may, "2024-03-22T00:00:00 2024-04-19T00:00:00", "2024-04-19T00:00:00 2024-05-16T00:00:00", "2024-03-22T00:00:00 2024-04-18T00:00:00"},
		{"period=Last30Days", may, "2024-03-13T00:00:00 2024-04-12T00:00:00", "2024-04-17T00:00:00 2024-05-16T00:00:00", "2024-03-13T00:00:00 2024-04-11T00:00:00"},
		{"period=Last30Days&match=dates", may, "2024-03-18T00:00:00 2024-04-17T00:00:00", "2024-04-17T00:00:00 2024-05-16T00:00:00", "2024-03-18T00:00:00 2024-04-16T00:00:00"},
		{"from=2024-05-01&to=2024-05-03", may, "2024-04-24T00:00:00 2024-04-26T00:00:00", "2024-05-01T00:00:00 2024-05-03T00:00:00", "2024-04-24T00:00:00 2024-04-26T00:00:00"},
		// A day is compared up to the same moment.
		{"period=Today", may, "2024-05-09T00:00:00 2024-05-10T00:00:00", "2024-05-16T00:00:00 2024-05-17T00:00:00", "2024-05-09T00:00:00 2024-05-09T14:32:07"},
		{"period=Today&match=dates", may, "2024-05-15T00:00:00 2024-05-16T00:00:00", "2024-05-16T00:00:00 2024-05-17T00:00:00", "2024-05-15T00:00:00 2024-05-15T14:32:07"},
		{"period=Yesterday", may, "2024-05-08T00:00:00 2024-05-09T00:00:00", "2024-05-15T00:00:00 2024-05-16T00:00:00", "2024-05-08T00:00:00 2024-05-09T00:00:00"},
		{"period=Last24Hours", may, "2024-05-08T15:00:00 2024-05-09T15:00:00", "2024-05-15T15:00:00 2024-05-16T15:00:00", "2024-05-08T15:00:00 2024-05-09T14:32:07"},
		{"period=Last24Hours&match=dates", may, "2024-05-14T15:00:00 2024-05-15T15:00:00", "2024-05-15T15:00:00 2024-05-16T15:00:00", "2024-05-14T15:00:00 2024-05-15T14:32:07"},
		// Clocks were changed on 31 March.
		{"period=Last7Days", april, "2024-03-21T00:00:00 2024-03-28T00:00:00", "2024-03-28T00:00:00 2024-04-03T00:00:00", "2024-03-21T00:00:00 2024-03-27T00:00:00"},
		{"period=Today", april, "2024-03-27T00:00:00 2024-03-28T00:00:00", "2024-04-03T00:00:00 2024-04-04T00:00:00", "2024-03-27T00:00:00 2024-03-27T14:32:07"},
		// A year: 52 weeks, or the date; 29 February has the 28th before it.
		{"period=Last7Days&compare=year", may, "2023-05-12T00:00:00 2023-05-19T00:00:00", "2024-05-10T00:00:00 2024-05-16T00:00:00", "2023-05-12T00:00:00 2023-05-18T00:00:00"},
		{"period=Last7Days&compare=year&match=dates", may, "2023-05-10T00:00:00 2023-05-17T00:00:00", "2024-05-10T00:00:00 2024-05-16T00:00:00", "2023-05-10T00:00:00 2023-05-16T00:00:00"},
		{"from=2024-02-29&compare=year&match=dates", may, "2023-02-28T00:00:00 2023-03-01T00:00:00", "2024-02-29T00:00:00 2024-03-01T00:00:00", "2023-02-28T00:00:00 2023-03-01T00:00:00"},
		{"from=2024-02-29&compare=year", may, "2023-03-02T00:00:00 2023-03-03T00:00:00", "2024-02-29T00:00:00 2024-03-01T00:00:00", "2023-03-02T00:00:00 2023-03-03T00:00:00"},
		{"period=Today&compare=year&match=dates", leap, "2023-02-28T00:00:00 2023-03-01T00:00:00", "2024-02-29T00:00:00 2024-03-01T00:00:00", "2023-02-28T00:00:00 2023-02-28T09:00:00"},
		// Months and years are those of the calendar.
		{"period=ThisMonth", may, "2024-04-01T00:00:00 2024-04-17T00:00:00", "2024-05-01T00:00:00 2024-05-16T00:00:00", "2024-04-01T00:00:00 2024-04-16T00:00:00"},
		{"period=ThisMonth", "2024-03-31T14:00:00+02:00", "2024-02-01T00:00:00 2024-03-01T00:00:00", "2024-03-01T00:00:00 2024-03-31T00:00:00", "2024-02-01T00:00:00 2024-03-01T00:00:00"},
		{"period=ThisMonth", "2024-06-01T10:00:00+02:00", "2024-05-01T00:00:00 2024-05-02T00:00:00", "2024-06-01T00:00:00 2024-06-02T00:00:00", "2024-05-01T00:00:00 2024-05-01T10:00:00"},
		{"period=LastMonth", may, "2024-03-01T00:00:00 2024-04-01T00:00:00", "2024-04-01T00:00:00 2024-05-01T00:00:00", "2024-03-01T00:00:00 2024-04-01T00:00:00"},
		{"period=LastMonth&compare=year", "2024-03-05T10:00:00+01:00", "2023-02-01T00:00:00 2023-03-01T00:00:00", "2024-02-01T00:00:00 2024-03-01T00:00:00", "2023-02-01T00:00:00 2023-03-01T00:00:00"},
		{"period=ThisYear", may, "2023-01-01T00:00:00 2023-05-17T00:00:00", "2024-01-01T00:00:00 2024-05-16T00:00:00", "2023-01-01T00:00:00 2023-05-16T00:00:00"},
		{"period=Last12Months", may, "2022-06-01T00:00:00 2023-05-17T00:00:00", "2023-06-01T00:00:00 2024-05-16T00:00:00", "2022-06-01T00:00:00 2023-05-16T00:00:00"},
		{"from=2023-01-01&to=2024-01-01", may, "2022-01-01T00:00:00 2023-01-01T00:00:00", "2023-01-01T00:00:00 2024-01-01T00:00:00", "2022-01-01T00:00:00 2023-01-01T00:00:00"},
		// Nothing to compare with.
		{"period=Last7Days&compare=none", may, "none", "2024-05-10T00:00:00 2024-05-17T00:00:00", "none"},
		{"period=AllTime", may, "none", "1970-01-01T00:00:00 2024-05-17T00:00:00", "none"},
		{"period=Last30Minutes", may, "none", "2024-05-16T14:03:00 2024-05-16T14:33:00", "none"},
	} {
		_, s := spanAt(t, x.query, x.at)
		now, fair := s.fair()
		got := []string{windowWords(s.before, s.zone), windowWords(now, s.zone), windowWords(fair, s.zone)}
		if fmt.Sprint(got) != fmt.Sprint([]string{x.before, x.now, x.fair}) {
			t.Errorf("%s at %s:\ngot  %q\nwant %q", x.query, x.at, got, []string{x.before, x.now, x.fair})
		}
	}
}

// TestMove: one period back and forth, by its own name where it has one.
func TestMove(t *testing.T) {
	const may = "2024-05-16T14:32:07+02:00"
	for _, x := range []struct{ query, back, forth string }{
		{"period=Today", "period=Yesterday&site=a", ""},
		{"period=Yesterday&metric=Sessions", "from=2024-05-14&metric=Sessions&site=a&to=2024-05-15", "metric=Sessions&period=Today&site=a"},
		{"period=Last7Days", "from=2024-05-03&site=a&to=2024-05-10", ""},
		{"from=2024-05-03&to=2024-05-10&compare=year", "compare=year&from=2024-04-26&site=a&to=2024-05-03", "compare=year&period=Last7Days&site=a"},
		{"", "from=2024-03-22&site=a&to=2024-04-19", ""},
		{"from=2024-03-22&to=2024-04-19", "from=2024-02-23&site=a&to=2024-03-22", "site=a"},
		{"period=ThisMonth&step=week", "period=LastMonth&site=a&step=week", ""},
		{"period=LastMonth", "from=2024-03-01&site=a&to=2024-04-01", "period=ThisMonth&site=a"},
		{"period=ThisYear", "from=2023-01-01&site=a&to=2024-01-01", ""},
		{"period=Last24Hours", "", ""}, {"period=Last30Minutes", "", ""}, {"period=AllTime", "", ""},
		{"from=1970-01-02&to=1970-01-03", "", "from=1970-01-03&site=a&to=1970-01-04"},
	} {
		s, span := spanAt(t, x.query, may)
		for by, want := range map[int]string{-1: x.back, 1: x.forth} {
			to, ok := span.move(s, by)
			if got := to.values().Encode(); ok && got != want || ok != (want != "") {
				t.Errorf("%q moved by %d is %q, %v, want %q", x.query, by, got, ok, want)
			}
		}
	}
}

// TestWithin: a click on a step opens what it is of.
func TestWithin(t *testing.T) {
	for _, x := range []struct{ query, at, want string }{
		{"", "2024-05-03T00:00:00+02:00", "from=2024-05-03&site=a&to=2024-05-04"},
		{"step=week&metric=Revenue", "2024-04-29T00:00:00+02:00", "from=2024-04-29&metric=Revenue&site=a&to=2024-05-06"},
		{"period=ThisYear&step=month", "2024-05-01T00:00:00+02:00", "from=2024-05-01&site=a&to=2024-05-17"},
		{"period=AllTime", "2023-01-01T00:00:00+01:00", "from=2023-01-01&site=a&to=2024-01-01"},
		{"period=Today", "2024-05-16T10:00:00+02:00", ""}, {"period=Last30Minutes", "2024-05-16T14:10:00+02:00", ""}, {"period=Last24Hours", "2024-05-16T10:00:00+02:00", ""},
	} {
		s, span := spanAt(t, x.query, "2024-05-16T14:32:07+02:00")
		at, err := time.Parse(time.RFC3339, x.at)
		if err != nil {
			t.Fatal(err)
		}
		to, ok := span.within(s, at)
		if got := to.values().Encode(); ok && got != x.want || ok != (x.want != "") {
			t.Errorf("%q at %s opens %q, %v, want %q", x.query, x.at, got, ok, x.want)
		}
	}
}

// TestQuestionsOfAPage: a page asks few questions, and those about big numbers and chart
// that bins know are of whole days.
func TestQuestionsOfAPage(t *testing.T) {
	w := newWorld(t, now, "a.example")
	w.get(t, "/?site="+w.site.ID)
	w.source.mu.Lock()
	defer w.source.mu.Unlock()
	asked := 0
	for _, r := range w.source.reports {
		if len(r.By) > 0 {
			continue
		}
		asked++
		if _, _, whole := r.Window.Dates(r.Zone); !whole {
			t.Errorf("%s of %s: bins know of days only", r.Metrics, windowWords(r.Window, r.Zone))
		}
	}
	if asked != 2*3+2+1 { // two groups: of the period, what is over of it, and before; the chart twice; whether there were figures so early
		t.Errorf("%d questions for numbers and chart, want 9", asked)
	}
	if n := len(w.source.reports) - asked; n > 12 {
		t.Errorf("%d questions for lists, want 12 at most", n)
	}
}

// TestFiguresBegin: a period is not compared with one in which the site's figures begin,
// and the page says so; with a whole one, or with nothing, it is.
func TestFiguresBegin(t *testing.T) {
	w := newWorld(t, now, "a.example")
	if err := w.besides.PutGoal(t.Context(), w.site.ID, metric.Goal{Name: "Thanks", Act: metric.Act{Page: "/thanks"}}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		since    time.Time
		compared bool
	}{
		{fixed.AddDate(-1, 0, 0), true}, {fixed.AddDate(0, 0, -40), false}, {fixed.AddDate(0, 0, -20), true}, // all of it is new
	} {
		w.source.since = x.since
		page := w.get(t, "/?period=Last28Days&site="+w.site.ID)
		if told := strings.Contains(page, "Nothing: figures begin within"); told == x.compared || strings.Contains(page, `class="key was"`) != x.compared {
			t.Errorf("since %s: told %v; compared: %v", x.since, told, !x.compared)
		}
		for _, path := range []string{"/goals", "/goals/Thanks"} {
			if page := w.get(t, path+"?period=Last28Days&site="+w.site.ID); strings.Contains(page, "Nothing: figures begin within") == x.compared {
				t.Errorf("%s, since %s: it is compared otherwise than the board", path, x.since)
			}
		}
	}
}
