package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/period"
)

// notebook is a Memory, and notes what jobs did.
type notebook struct {
	done  map[at]period.Date
	notes []string
	fails error // of Done
}

func (n *notebook) Done(_ context.Context, job, site string) (period.Date, bool, error) {
	last, known := n.done[at{job, site}]
	return last, known, n.fails
}

func (n *notebook) SetDone(_ context.Context, job, site string, last period.Date) error {
	n.done[at{job, site}] = last
	return nil
}

// note is a job's Do that notes site, date and the UTC time.
func (n *notebook) note(_ context.Context, due Due) error {
	n.notes = append(n.notes, fmt.Sprintf("%s %s at %s", due.Site.ID, due.Date, time.Now().UTC().Format("01-02 15:04")))
	return nil
}

func (n *notebook) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	if !slices.Equal(n.notes, want) {
		t.Errorf("%s:\n%s\nwant\n%s", when, strings.Join(n.notes, "\n"), strings.Join(want, "\n"))
	}
	n.notes = nil
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func date(t *testing.T, s string) period.Date {
	t.Helper()
	at, err := time.Parse("2006-01-02", s)
	if err != nil {
		t.Fatal(err)
	}
	return period.DateOf(at, nil)
}

// run runs for a while of fake time.
func run(t *testing.T, s *Scheduler, d time.Duration) {
	ctx, stop := context.WithCancel(t.Context())
	go s.Run(ctx)
	time.Sleep(d)
	stop()
	synctest.Wait()
}

// The fake clock begins at 2000-01-01 00:00 UTC.
func TestDatesOfTwoZones(t *testing.T) {
	kathmandu, york := zone(t, "Asia/Kathmandu"), zone(t, "America/New_York") // UTC+5:45, UTC-5
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{done: map[at]period.Date{}}
		sites := func() []Site { return []Site{{"high", kathmandu}, {"late", york}} }
		s := New([]Job{{Name: "daily", At: 15 * time.Minute, Do: n.note}}, n, sites, Options{})
		run(t, s, 48*time.Hour)
		n.expect(t, "two days",
			"high 1999-12-31 at 01-01 00:00", "late 1999-12-30 at 01-01 00:00", // at once: the newest that is over
			"late 1999-12-31 at 01-01 05:15", "high 2000-01-01 at 01-01 18:30",
			"late 2000-01-01 at 01-02 05:15", "high 2000-01-02 at 01-02 18:30")
		time.Sleep(72 * time.Hour) // nothing runs
		run(t, s, time.Hour)
		n.expect(t, "after downtime",
			"high 2000-01-03 at 01-06 00:00", "high 2000-01-04 at 01-06 00:00", "high 2000-01-05 at 01-06 00:00",
			"late 2000-01-02 at 01-06 00:00", "late 2000-01-03 at 01-06 00:00", "late 2000-01-04 at 01-06 00:00")
	})
}

func TestNewSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{done: map[at]period.Date{}}
		var sites atomic.Pointer[[]Site]
		sites.Store(&[]Site{})
		s := New([]Job{{Name: "daily", Do: n.note}}, n, func() []Site { return *sites.Load() }, Options{})
		ctx, stop := context.WithCancel(t.Context())
		go s.Run(ctx)
		time.Sleep(90 * time.Second)
		sites.Store(&[]Site{{ID: "new"}})
		time.Sleep(time.Minute)
		stop()
		synctest.Wait()
		n.expect(t, "a new site", "new 1999-12-31 at 01-01 00:02")
	})
}

func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{done: map[at]period.Date{}}
		times := 0
		s := New([]Job{{Name: "often", Every: 15 * time.Minute, Do: func(context.Context, Due) error {
			times++
			return nil
		}}}, n, func() []Site { return []Site{{ID: "a"}, {ID: "b"}} }, Options{})
		run(t, s, time.Hour+time.Second)
		if got := standings(t, s); got != "often  ended 01:00" {
			t.Errorf("it stands %q", got)
		}
		if times != 5 || len(n.done) != 0 {
			t.Errorf("done %d times in an hour, want 5; noted %v", times, n.done)
		}
	})
}

// TestFailure: a failing job is tried again after 30 s, 1, 2, 4 … minutes up to
// the longest pause, and holds up neither other sites nor other jobs. The log
// says it once.
// TestApart: a job that hangs holds up no other, and Run ends with it.
func TestApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{done: map[at]period.Date{}}
		hang := func(ctx context.Context, _ Due) error { <-ctx.Done(); return ctx.Err() }
		ctx, cancel := context.WithCancel(t.Context())
		s := New([]Job{{Name: "away", Every: time.Hour, Apart: true, Do: hang}, {Name: "home", Every: time.Minute, Do: n.note}}, n, func() []Site { return nil }, Options{})
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(150 * time.Second)
		cancel()
		<-ended
		if len(n.notes) != 3 {
			t.Errorf("beside a job that hangs: %q", n.notes)
		}
	})
}

func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := &notebook{done: map[at]period.Date{}}
		broken := true
		var tries []string
		do := func(ctx context.Context, due Due) error {
			if due.Site.ID == "bad" && broken {
				tries = append(tries, time.Now().UTC().Format("15:04"))
				return errors.New("disk full")
			}
			return n.note(ctx, due)
		}
		s := New([]Job{{Name: "daily", Do: do, Advice: "make room"}, {Name: "other", At: time.Hour, Do: n.note}}, n,
			func() []Site { return []Site{{ID: "bad"}, {ID: "good"}} }, Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Most: 10 * time.Minute})
		run(t, s, 40*time.Minute)
		if want := []string{"00:00", "00:01", "00:02", "00:04", "00:08", "00:16", "00:26", "00:36"}; !slices.Equal(tries, want) {
			t.Errorf("tried at %v, want %v", tries, want)
		}
		n.expect(t, "others go on", "good 1999-12-31 at 01-01 00:00", "bad 1999-12-30 at 01-01 00:00", "good 1999-12-30 at 01-01 00:00")
		if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "make room") || !strings.Contains(said, "1999-12-31: disk full") {
			t.Errorf("the log says %s", said)
		}
		if got, want := standings(t, s), "daily bad 1999-12-30: 1999-12-31: disk full; daily good 1999-12-31; other bad 1999-12-30; other good 1999-12-30"; got != want {
			t.Errorf("it stands\n%s, want\n%s", got, want)
		}
		time.Sleep(24 * time.Hour)
		broken = false
		run(t, s, time.Minute/2)
		n.expect(t, "mended", "bad 1999-12-31 at 01-02 00:40", "bad 2000-01-01 at 01-02 00:40", "good 2000-01-01 at 01-02 00:40",
			"bad 1999-12-31 at 01-02 00:40", "good 1999-12-31 at 01-02 00:40")
		if said := log.String(); strings.Count(said, "\n") != 2 || !strings.Contains(said, "had failed is done") {
			t.Errorf("the log says %s", said)
		}
	})
}

// TestPassing: what ends by itself is tried again with the next look, without a
// word; another failure of the same job is told.
func TestPassing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		passing := errors.New("being rebuilt")
		fails, tries := passing, 0
		do := func(context.Context, Due) error {
			tries++
			return fmt.Errorf("late: %w", fails)
		}
		s := New([]Job{{Name: "late", Every: 15 * time.Minute, Do: do}}, &notebook{done: map[at]period.Date{}}, func() []Site { return nil },
			Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Passing: func(err error) bool { return errors.Is(err, passing) }})
		run(t, s, 3*time.Minute+time.Second)
		if tries != 4 || log.Len() > 0 {
			t.Errorf("tried %d times in three minutes, want 4; the log says %q", tries, log.String())
		}
		fails = errors.New("disk full")
		run(t, s, time.Second)
		if strings.Count(log.String(), "disk full") != 1 {
			t.Errorf("the log says %q of a full disk", log.String())
		}
	})
}

// standings spells how far jobs are.
func standings(t *testing.T, s *Scheduler) string {
	t.Helper()
	var all []string
	found, err := s.Standings(t.Context())
	if err != nil {
		t.Error(err)
	}
	for _, x := range found {
		text := x.Job + " " + x.Site
		if x.Last != 0 {
			text += " " + x.Last.String()
		}
		if !x.Ended.IsZero() {
			text += " ended " + x.Ended.UTC().Format("15:04")
		}
		if x.Err != nil {
			text += ": " + x.Err.Error()
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// TestForgetful: without its memory a job is not done, as it might be done twice.
func TestForgetful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{done: map[at]period.Date{}, fails: errors.New("damaged")}
		s := New([]Job{{Name: "daily", Do: n.note}}, n, func() []Site { return []Site{{ID: "a"}} }, Options{})
		run(t, s, 10*time.Minute)
		n.expect(t, "no memory")
	})
}

func TestOneRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{done: map[at]period.Date{}}
		inside, most := 0, 0
		slow := func(context.Context, Due) error {
			inside++
			most = max(most, inside)
			time.Sleep(time.Hour)
			inside--
			return nil
		}
		s := New([]Job{{Name: "slow", Every: time.Minute, Do: slow}}, n, func() []Site { return nil }, Options{})
		ctx, stop := context.WithCancel(t.Context())
		for range 3 {
			go s.Run(ctx)
		}
		time.Sleep(5 * time.Hour)
		stop()
		synctest.Wait()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if most != 1 || inside != 0 {
			t.Errorf("%d at a time, %d left", most, inside)
		}
	})
}

// TestStopped: what is cut short by a stop has not failed and is not done.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := &notebook{done: map[at]period.Date{}}
		do := func(ctx context.Context, _ Due) error {
			<-ctx.Done()
			return ctx.Err()
		}
		s := New([]Job{{Name: "daily", Do: do}}, n, func() []Site { return []Site{{ID: "a"}} }, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		run(t, s, time.Hour)
		if log.Len() > 0 || n.done[at{"daily", "a"}] != date(t, "1999-12-30") {
			t.Errorf("the log says %q, done %v", log.String(), n.done)
		}
	})
}

func TestNewest(t *testing.T) {
	const quarter = 15 * time.Minute
	for _, x := range []struct {
		zone, now, want string
		at              time.Duration
	}{
		{"UTC", "2026-11-21T00:14:59Z", "2026-11-19", quarter},
		{"UTC", "2026-11-21T00:15:00Z", "2026-11-20", quarter},
		{"Europe/Berlin", "2026-11-20T23:15:00Z", "2026-11-20", quarter},
		{"Europe/Berlin", "2026-03-29T01:29:00Z", "2026-03-27", 2*time.Hour + 30*time.Minute}, // 02:30 is skipped
		{"Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-28", 2*time.Hour + 30*time.Minute},
		{"America/Sao_Paulo", "2018-11-04T02:59:00Z", "2018-11-02", quarter}, // midnight is skipped
		{"America/Sao_Paulo", "2018-11-04T03:15:00Z", "2018-11-03", quarter},
	} {
		now, err := time.Parse(time.RFC3339, x.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := Newest(now, zone(t, x.zone), x.at); got != date(t, x.want) {
			t.Errorf("%s at %s: %s, want %s", x.zone, x.now, got, x.want)
		}
	}
}
