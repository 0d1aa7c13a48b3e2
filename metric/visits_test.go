package metric

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/period"
)

func berlinAt(t *testing.T, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestRetentionRows: the steps of a window, widened to whole ones, as far as they have
// begun: over changes of the clock and the end of a year, and of a window that is to come.
func TestRetentionRows(t *testing.T) {
	for _, c := range []struct {
		step          period.Step
		from, to, now string
		whole, want   string
	}{
		{period.Week, "2024-03-27 12:00", "2024-04-09 12:00", "2024-04-10 00:00", "2024-03-25 00:00 +01 to 2024-04-15 00:00 +02", "03-25[04-01 04-08~] 04-01[04-08~] 04-08~[]"},
		{period.Week, "2024-12-30 00:00", "2025-01-06 00:00", "2025-03-01 00:00", "2024-12-30 00:00 +01 to 2025-01-06 00:00 +01", "12-30[]"},
		{period.Week, "2024-12-30 00:00", "2025-01-06 00:01", "2025-01-06 00:00", "2024-12-30 00:00 +01 to 2025-01-13 00:00 +01", "12-30[01-06~] 01-06~[]"},
		{period.Month, "2023-12-31 23:00", "2024-02-29 10:00", "2024-03-01 00:00", "2023-12-01 00:00 +01 to 2024-03-01 00:00 +01", "12-01[01-01 02-01] 01-01[02-01] 02-01[]"},
		{period.Day, "2024-10-26 12:00", "2024-10-28 12:00", "2024-10-27 22:59", "2024-10-26 00:00 +02 to 2024-10-29 00:00 +01", "10-26[10-27~] 10-27~[]"},
		{period.Month, "2030-01-01 00:00", "2030-03-01 00:00", "2024-03-01 00:00", "2030-01-01 00:00 +01 to 2030-03-01 00:00 +01", ""},
	} {
		r := Retention{Site: "s", Step: c.step, Window: period.Window{From: berlinAt(t, c.from), To: berlinAt(t, c.to)}, Zone: berlinAt(t, c.from).Location()}
		if err := r.Check(); err != nil {
			t.Errorf("%v: %v", c, err)
		}
		const layout = "2006-01-02 15:04 -07"
		if got := r.Whole().From.Format(layout) + " to " + r.Whole().To.Format(layout); got != c.whole {
			t.Errorf("%v: the window is %s", c, got)
		}
		mark := map[bool]string{true: "~"}
		var rows []string
		for _, row := range r.Rows(berlinAt(t, c.now)) {
			var back []string
			for _, n := range row.Returned {
				back = append(back, n.Start.Format("01-02")+mark[n.Partial])
			}
			rows = append(rows, row.Start.Format("01-02")+mark[row.Partial]+fmt.Sprint(back))
		}
		if got := strings.Join(rows, " "); got != c.want {
			t.Errorf("%v: got %s", c, got)
		}
	}
}

// TestAverage: out of the sums of the cohorts for which a step is over.
func TestAverage(t *testing.T) {
	c := Cohorts{Rows: []Cohort{{Size: 1000, Returned: []Comeback{{Visitors: 100}, {Visitors: 50, Partial: true}}}, {Size: 1, Returned: []Comeback{{Visitors: 1}}}, {Size: 7, Returned: []Comeback{{Visitors: 7, Partial: true}}}, {Size: 9}}}
	for n, want := range [][2]int64{1: {101, 1001}, 2: {0, 0}, 3: {0, 0}} {
		if n == 0 {
			continue
		}
		if visitors, of := c.Average(n); visitors != want[0] || of != want[1] {
			t.Errorf("in step %d %d of %d", n, visitors, of)
		}
	}
}

// TestVisitQuestions: what is wrong with them, and what is right.
func TestVisitQuestions(t *testing.T) {
	w := period.Window{From: berlinAt(t, "2024-03-01 00:00"), To: berlinAt(t, "2024-03-08 00:00")}
	page := &Where{Dimension: "page", Op: Is, Values: []string{"/"}}
	retention := func(change func(*Retention)) error {
		r := Retention{Site: "s", Window: w, Zone: w.From.Location(), Step: period.Day, Where: page, Return: page}
		change(&r)
		return r.Check()
	}
	journey := func(change func(*Journey)) error {
		j := Journey{Site: "s", Window: w, Page: "/", Way: Next, Steps: 3, Limit: 21, Where: &Where{Done: &Where{Dimension: "product", Op: Is, Values: []string{"x"}}}}
		change(&j)
		return j.Check()
	}
	fans, reached := &Where{Dimension: Segment, Op: Is, Values: []string{"fans"}}, &Where{Dimension: OfGoal, Op: Is, Values: []string{"Order"}}
	long := &Where{Dimension: Weekday, Op: Is, Values: []string{"1"}}
	for want, err := range map[string]error{
		"": errors.Join(retention(func(r *Retention) { r.Window.To = w.From.AddDate(0, 0, MaxCohorts) }), journey(func(*Journey) {}),
			retention(func(r *Retention) { r.Where, r.Return = &Where{All: []Where{*fans, {Done: reached}}}, reached }), journey(func(j *Journey) { j.Where = fans })),
		"site: which one?":                     retention(func(r *Retention) { r.Site = "" }),
		"window: it ends before":               retention(func(r *Retention) { r.Window.To = w.From }),
		`step: unknown step "year"`:            retention(func(r *Retention) { r.Step = period.Year }),
		"step: the window has more than 120":   retention(func(r *Retention) { r.Window.To = w.From.AddDate(0, 0, MaxCohorts+1) }),
		"step: the window has more than 120: ": retention(func(r *Retention) { r.Window.To = w.From.AddDate(9_000, 0, 0) }),
		"returning: coming back":               retention(func(r *Retention) { r.Return = &Where{Not: &Where{Done: page}} }),
		"returning: a condition is one of":     retention(func(r *Retention) { r.Return = &Where{} }),
		"filters.not: a condition is one of":   retention(func(r *Retention) { r.Where = &Where{Not: &Where{}} }),
		`filters: events don't tell "coupon"`:  retention(func(r *Retention) { r.Where = &Where{Done: &Where{Dimension: "coupon", Op: Is, Values: []string{"x"}}} }),
		"filters: a condition on goals is one": retention(func(r *Retention) { r.Where = reached }),
		"filters: a condition on goals is":     journey(func(j *Journey) { j.Where = &Where{All: []Where{*page, *reached}} }),
		"filters: a condition is on goals or on products": retention(func(r *Retention) {
			r.Where = &Where{Done: &Where{All: []Where{*reached, {Dimension: "product", Op: Is, Values: []string{"x"}}}}}
		}),
		"returning: coming back is":            retention(func(r *Retention) { r.Return = fans }),
		"window: weekday is told of at most":   journey(func(j *Journey) { j.Where, j.Window.To = long, w.From.AddDate(101, 0, 0) }),
		"direction: unknown direction":         journey(func(j *Journey) { j.Way = "up" }),
		"page: from the page":                  journey(func(j *Journey) { j.Event = "x" }),
		"page: a path is a text":               journey(func(j *Journey) { j.Page = "\xff" }),
		"event: a name is a text":              journey(func(j *Journey) { j.Page, j.Event = "", "a\x00" }),
		"depth: 4 page views":                  journey(func(j *Journey) { j.Steps = 4 }),
		"limit: 0 pages":                       journey(func(j *Journey) { j.Limit = 0 }),
		"limit: 22 pages behind each":          journey(func(j *Journey) { j.Limit = 22 }),
		"limit: 9223372036854775807 pages":     journey(func(j *Journey) { j.Limit = 1<<63 - 1 }),
		"filters: a page view has no category": journey(func(j *Journey) { j.Where = &Where{Dimension: "category", Op: Is, Values: []string{"x"}} }),
	} {
		var q *QueryError
		if want == "" && err != nil || want != "" && (!errors.As(err, &q) || !strings.HasPrefix(q.Why, want)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
