package alert

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/mail"
	"footfall/metric"
	"footfall/period"
)

func complete(t *testing.T, r Rule) Rule {
	t.Helper()
	r, err := r.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// TestSteps: what begins is told once, and over after two good readings; what wavers
// about a limit changes nothing.
func TestSteps(t *testing.T) {
	hundred := []int64{90, 100, 110, 100}
	for _, c := range []struct {
		name  string
		rule  Rule
		weeks []int64
		now   []int64 // readings in a row
		want  string  // + begins, - is over, . nothing
	}{
		{"a spike", Rule{Kind: Spike}, hundred, []int64{100, 300, 301, 900, 100, 100, 100}, "..+..-."},
		{"it wavers above", Rule{Kind: Spike}, hundred, []int64{301, 299, 301, 280, 226, 301, 226, 301}, "+......."},
		{"it falls just under the lower limit once", Rule{Kind: Spike}, hundred, []int64{301, 225, 301, 225, 225, 301}, "+...-+"},
		{"too little", Rule{Kind: Spike, Least: 1000}, hundred, []int64{999, 1000, 749, 749}, ".+.-"},
		{"nothing is usual", Rule{Kind: Spike}, []int64{0, 0}, []int64{99, 100, 0, 0}, ".+.-"},
		{"a new site", Rule{Kind: Spike}, []int64{5}, []int64{100000, 100000}, ".."},
		{"no history", Rule{Kind: Drop}, nil, []int64{0, 0}, ".."},
		{"five times", Rule{Kind: Spike, Times: 500, Metric: metric.Visitors}, hundred, []int64{500, 501}, ".+"},
		{"one and a half", Rule{Kind: Spike, Times: 150}, hundred, []int64{150, 151, 112, 112}, ".+.-"},
		{"one odd week", Rule{Kind: Spike}, []int64{100, 100, 100, 90000}, []int64{301}, "+"},
		{"a drop", Rule{Kind: Drop}, []int64{300, 300}, []int64{100, 99, 0, 132, 134, 134}, ".+...-"},
		{"it wavers below", Rule{Kind: Drop}, []int64{300, 300}, []int64{99, 101, 99, 133, 99}, "+...."},
		{"little is usual", Rule{Kind: Drop}, []int64{99, 99}, []int64{0, 0}, ".."},
		{"a small drop", Rule{Kind: Drop, Times: 110}, []int64{1100, 1100}, []int64{1000, 999, 1099, 1100, 1100}, ".+..-"},
		{"silence", Rule{Kind: Silence}, []int64{10, 10}, []int64{5, 0, 0, 1, 0, 1, 1, 0}, ".+....-+"},
		{"a silent hour of the week", Rule{Kind: Silence}, []int64{9, 9}, []int64{0, 0}, ".."},
		{"a new site is silent", Rule{Kind: Silence}, nil, []int64{0, 0}, ".."},
		{"always", Rule{Kind: Silence, Always: true}, nil, []int64{0, 0, 1, 1}, "+..-"},
		{"waiting", Rule{Kind: Lag}, nil, []int64{9, 10, 5, 4, 9, 4, 4}, ".+....-"},
	} {
		rule, s, got := complete(t, c.rule), State{}, ""
		for i, now := range c.now {
			before := s
			s = rule.Step(s, Reading{At: noon.Add(time.Duration(i) * 15 * time.Minute), Now: now, Weeks: c.weeks})
			kept, err := ParseState(s.Spell()) // a restart between any two readings
			if err != nil || kept.Spell() != s.Spell() {
				t.Fatalf("%s: %+v is kept as %+v, %v", c.name, s, kept, err)
			}
			s = kept
			switch {
			case !before.Firing && s.Firing:
				got += "+"
			case before.Firing && !s.Firing:
				got += "-"
				if !s.Last.Over || !s.Last.Began.Before(s.Last.At) {
					t.Errorf("%s: %+v", c.name, s.Last)
				}
			default:
				got += "."
			}
		}
		if changes := strings.Count(got, "+") + strings.Count(got, "-"); got != c.want || changes > 0 && s.Last.Number != changes {
			t.Errorf("%s: %s, want %s; the last is %+v", c.name, got, c.want, s.Last)
		}
	}
}

// TestNight: what dropped is not over because there is little at night.
func TestNight(t *testing.T) {
	rule, s := complete(t, Rule{Kind: Drop}), State{}
	for i, usual := range []int64{300, 50, 50, 50, 300} {
		if s = rule.Step(s, Reading{At: noon.Add(time.Duration(i) * time.Hour), Weeks: []int64{usual, usual}}); !s.Firing || s.Last.Number != 1 {
			t.Errorf("reading %d: %+v", i, s)
		}
	}
}

// TestSleep: what a server slept through is nothing unusual.
func TestSleep(t *testing.T) {
	for _, rule := range []Rule{{Kind: Drop}, {Kind: Silence}, {Kind: Silence, Always: true}} {
		rule = complete(t, rule)
		for minutes, want := range map[int]bool{0: false, 59: false, 60: true} {
			s := rule.Step(State{}, Reading{At: noon, From: noon.Add(-time.Duration(minutes) * time.Minute), Weeks: []int64{500, 500}})
			if s.Firing != want {
				t.Errorf("%s, up for %d minutes: %v", rule, minutes, s.Firing)
			}
		}
	}
}

// TestSpikeAfterSleep: there can't be fewer events than there are, so a server that was
// just started tells of a spike, but not that one is over.
func TestSpikeAfterSleep(t *testing.T) {
	rule, s := complete(t, Rule{Kind: Spike}), State{}
	for i, now := range []int64{100, 301, 0, 0, 0} {
		at := noon.Add(time.Duration(i) * 15 * time.Minute)
		if s = rule.Step(s, Reading{At: at, From: at.Add(-time.Minute), Now: now, Weeks: []int64{100, 100}}); s.Firing != (i > 0) {
			t.Errorf("reading %d: %+v", i, s)
		}
	}
}

// TestOne: one is not several.
func TestOne(t *testing.T) {
	for want, rule := range map[string]Rule{
		"no event for 1 minute": {Kind: Silence, Minutes: 1, Always: true}, "no event for 1 minute, at a time when there usually are some": {Kind: Silence, Minutes: 1},
		"1 event or more is set aside within an hour": {Kind: Aside, Least: 1}, "2 events or more are set aside within an hour": {Kind: Aside, Least: 2},
		"events wait for 1 minute or longer": {Kind: Lag, Minutes: 1}, "events wait for 10 minutes or longer": {Kind: Lag},
	} {
		if got := complete(t, rule).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestGrowth: what is set aside within an hour counts, not how much there is; a
// number that shrank was redriven and is begun anew.
func TestGrowth(t *testing.T) {
	rule, s := complete(t, Rule{Kind: Aside, Least: 10}), State{}
	at := func(minute int, n int64, want bool) {
		t.Helper()
		if s = rule.Step(s, Reading{At: noon.Add(time.Duration(minute) * time.Minute), Now: n}); s.Firing != want {
			t.Errorf("minute %d: %v", minute, s.Firing)
		}
		if len(s.Counts) > 14 {
			t.Errorf("%d counts are kept", len(s.Counts))
		}
	}
	at(0, 5000, false)
	for m := 1; m < 120; m++ {
		at(m, 5000+int64(m/8), false) // 7.5 an hour
	}
	at(120, 5024, true)
	for m := 121; m < 170; m++ {
		at(m, 5024, true)
	}
	for m := 170; m < 190; m++ {
		rule.Step(s, Reading{At: noon.Add(time.Duration(m) * time.Minute), Now: 5024})
	}
	at(190, 5024, true)
	at(191, 5024, false)
	at(192, 3, false)
	at(193, 13, true)
}

// TestBack: the same hour by the clock, weeks before, also where the clock was changed.
func TestBack(t *testing.T) {
	for _, c := range []struct{ zone, at, want string }{
		{"UTC", "2026-11-22T12:00:00Z", "2026-11-15T12:00:00Z"},
		{"Europe/Berlin", "2026-10-28T13:00:00+01:00", "2026-10-21T13:00:00+02:00"},
		{"Europe/Berlin", "2026-04-01T13:00:00+02:00", "2026-03-25T13:00:00+01:00"},
		{"Asia/Kathmandu", "2026-11-22T12:45:00+05:45", "2026-11-15T12:45:00+05:45"},
		{"America/New_York", "2026-11-04T00:30:00-05:00", "2026-10-28T00:30:00-04:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, c.at)
		want, _ := time.Parse(time.RFC3339, c.want)
		if got := Back(at, 1, zone); !got.Equal(want) {
			t.Errorf("%s in %s: %s, want %s", c.at, c.zone, got, c.want)
		}
	}
}

// TestEarlier: a stretch of earlier weeks is as long as the one of now, also where the
// clock was changed in between.
func TestEarlier(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ now, want string }{
		{"2026-11-01T02:00:00+01:00", "2026-10-25T02:00:00+01:00"}, // the hour from two was there twice
		{"2026-11-01T01:30:00+01:00", "2026-10-25T01:30:00+02:00"},
		{"2026-04-05T02:00:00+02:00", "2026-03-29T03:00:00+02:00"}, // there was none
		{"2026-04-05T02:30:00+02:00", "2026-03-29T03:30:00+02:00"},
		{"2026-04-05T01:30:00+02:00", "2026-03-29T01:30:00+01:00"},
	} {
		from, _ := time.Parse(time.RFC3339, c.now)
		want, _ := time.Parse(time.RFC3339, c.want)
		got := Earlier(period.Window{From: from, To: from.Add(time.Hour)}, 1, zone)
		if !got.From.Equal(want) || got.To.Sub(got.From) != time.Hour {
			t.Errorf("a week before %s: from %s to %s, want an hour from %s", c.now, got.From, got.To, c.want)
		}
	}
}

func TestUsual(t *testing.T) {
	for _, c := range []struct {
		weeks []int64
		want  int64
		ok    bool
	}{{nil, 0, false}, {[]int64{7}, 0, false}, {[]int64{7, 8}, 750, true}, {[]int64{9, 1, 5}, 500, true}, {[]int64{100, 1, 4, 2}, 300, true}, {[]int64{0, 0, 0, 9}, 0, true}} {
		if got, ok := Usual(c.weeks); got != c.want || ok != c.ok {
			t.Errorf("%v: %d %v", c.weeks, got, ok)
		}
	}
}

// TestRules: what is usual is filled in, what makes no sense is named, and a rule is
// read as it was spelled.
func TestRules(t *testing.T) {
	for _, kind := range Kinds {
		r := complete(t, Rule{Kind: kind})
		again, err := ParseRule(r.Spell())
		if err != nil || again != r || r.String() == "" {
			t.Errorf("%+v is read as %+v, %v", r, again, err)
		}
		for _, over := range []bool{false, true} {
			letter, about := r.About(Change{Over: over, Began: noon, At: noon, Now: 3, Usual: 4250}, time.UTC)
			if about.What == "" || about.Since != "22 Nov 2026, 12:00 UTC" || about.Usual != "42.5" || strings.Contains(fmt.Sprint(about), "%!") || (letter == mail.AlertOver) != over {
				t.Errorf("%s: %+v", kind, about)
			}
		}
	}
	for field, bad := range map[string][]Rule{
		"kind": {{}, {Kind: "flood"}}, "times": {{Kind: Spike, Times: 109}, {Kind: Drop, Times: 100_001}, {Kind: Silence, Times: 300}}, "least": {{Kind: Drop, Least: -1}, {Kind: Lag, Least: 5}},
		"metric": {{Kind: Spike, Metric: metric.Sessions}, {Kind: Lag, Metric: metric.Visitors}}, "minutes": {{Kind: Silence, Minutes: -1}, {Kind: Lag, Minutes: 100_000}, {Kind: Spike, Minutes: 5}}, "always": {{Kind: Lag, Always: true}},
	} {
		for _, r := range bad {
			_, err := r.Complete()
			if invalid, ok := errors.AsType[*event.InvalidError](err); !ok || invalid.Field != field {
				t.Errorf("%+v: %v", r, err)
			}
		}
	}
}
