package dash

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/metric"
	"footfall/query"
)

// slowly runs a test with a world in which countries take so long, and what asks for its
// page: for how long that waited, and how many questions for countries there were by then.
func slowly(t *testing.T, takes time.Duration, test func(load func(path string, headers ...string) (page string, waited time.Duration, asked int))) {
	synctest.Test(t, func(t *testing.T) {
		var shared *query.Shared
		w := newWorldWith(t, Options{Now: now, Log: slog.New(slog.DiscardHandler), Lately: func(age time.Duration) *query.Lately { return shared.Lately(age) }}, "atelier.example")
		shared = query.Share(w.source, w.besides, query.NewLive().News)
		w.Handler = New(shared, w.control, w.control, Options{Now: now, Log: slog.New(slog.DiscardHandler), Questions: tables{of: shared}, Lately: shared.Lately})
		w.source.wait, w.source.slow = takes, "country"
		test(func(path string, headers ...string) (string, time.Duration, int) {
			began := time.Now()
			page := w.as(t).do("GET", path, nil, headers...).Body.String()
			waited := time.Since(began)
			w.source.mu.Lock()
			defer w.source.mu.Unlock()
			asked := 0
			for _, q := range w.source.asked {
				if q.By == "country" {
					asked++
				}
			}
			return page, waited, asked
		})
		time.Sleep(time.Minute) // nothing is left
	})
}

// TestPagesAreThereSoon: what takes long to count keeps nobody waiting for the rest. It is
// told to be on its way, and found by who asks for the page again.
func TestPagesAreThereSoon(t *testing.T) {
	slowly(t, 3*time.Second, func(load func(string, ...string) (string, time.Duration, int)) {
		page, waited, asked := load("/")
		if lacks(t, page, "Still being counted…", " data-late>", "&amp;wait=20", "/courses/watercolour", "Instagram"); waited != brief || strings.Count(page, `class="problem`) != 1 {
			t.Errorf("the page comes after %s, with %d problems", waited, strings.Count(page, `class="problem`))
		}
		time.Sleep(400 * time.Millisecond)
		page, waited, again := load("/", "Prefer", "wait=4", "Cache-Control", "max-age=10")
		if lacks(t, page, "Germany"); strings.Contains(page, "Still being") || strings.Contains(page, "data-late") || strings.Contains(page, "wait=20") {
			t.Error("what was counted meanwhile is not there")
		}
		if waited != 600*time.Millisecond || again != asked {
			t.Errorf("asked again it takes %s, and %d questions more", waited, again-asked)
		}
	})
}

// TestLateIsBegun: where what a page asks first takes too long, the rest is begun all the
// same, for who asks again; and it is no error of the log, also of a list alone.
func TestLateIsBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := newWorldWith(t, Options{Now: now, Log: slog.New(slog.NewTextHandler(&log, nil))}, "atelier.example")
		w.source.wait = 3 * time.Second
		w.get(t, "/?period=AllTime")
		synctest.Wait()
		w.source.mu.Lock()
		begun := slices.ContainsFunc(w.source.asked, func(q metric.Query) bool { return q.By == "country" })
		w.source.mu.Unlock()
		if !begun {
			t.Error("what comes too late is not begun")
		}
		lacks(t, w.get(t, "/?detail=country"), "Still being counted…")
		if log.Len() > 0 {
			t.Errorf("what is late is logged: %s", &log)
		}
		time.Sleep(time.Minute) // nothing is left
	})
}

// TestShelvedFor: public pages are given again for as long as asked; one without all
// figures only to those who came with who had it drawn.
func TestShelvedFor(t *testing.T) {
	for _, x := range []struct {
		ago    time.Duration
		late   bool
		status int
		want   bool
	}{{9 * time.Second, false, 200, true}, {11 * time.Second, false, 200, false}, {brief, true, 200, true}, {4 * time.Second, true, 200, false}, {0, false, 503, false}} {
		p := &printed{began: fixed.Add(-x.ago), status: x.status, late: x.late}
		if p.fresh(fixed.Add(-publicFor), fixed) != x.want {
			t.Errorf("%+v", x)
		}
	}
}

// TestNobodyWaitsInVain: what is not asked for again is given up.
func TestNobodyWaitsInVain(t *testing.T) {
	slowly(t, 30*time.Second, func(load func(string, ...string) (string, time.Duration, int)) {
		_, _, asked := load("/")
		time.Sleep(lingers - time.Second)
		if _, waited, again := load("/", "Prefer", "wait=1"); waited != time.Second || again != asked {
			t.Errorf("a question that lingers is asked again: %d more", again-asked)
		}
		time.Sleep(lingers + time.Millisecond)
		if _, _, again := load("/"); again != asked+1 {
			t.Errorf("a question that nobody waits for is still on its way: %d more", again-asked)
		}
	})
}

// TestWaits: who says so waits longer, and nobody for ever.
func TestWaits(t *testing.T) {
	slowly(t, 3*time.Second, func(load func(string, ...string) (string, time.Duration, int)) {
		for _, x := range []struct {
			path, prefer string
			want         time.Duration
		}{{"/?wait=20", "", 3 * time.Second}, {"/", "wait=20", 3 * time.Second}, {"/", "wait=1", time.Second}, {"/?wait=99999999999", "", 3 * time.Second}, {"/?wait=9223372037", "", 3 * time.Second}, {"/?wait=-1", "respond-async", brief},
			{"/?add=country", "", 6 * time.Second}} { // beside a form nothing is drawn anew; it asks for values, too
			time.Sleep(time.Minute)
			if _, waited, _ := load(x.path, "Prefer", x.prefer); waited != x.want {
				t.Errorf("%s, %q: waits for %s, want %s", x.path, x.prefer, waited, x.want)
			}
		}
	})
}

// TestWhoLeavesIsNotCountedFor: a question ends with its page, if somebody leaves before.
func TestWhoLeavesIsNotCountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, now, "atelier.example")
		ctx, leave := context.WithCancel(t.Context())
		d := &Door{source: w.source, Options: Options{Questions: w.besides}}
		asking, h := d.hurrying(ctx, brief)
		w.source.wait = time.Hour
		time.AfterFunc(time.Second, leave)
		began := time.Now()
		_, err := asking.ask(ctx, state{site: w.site}.query("visitors", spanOf(state{}, now(), 0).window, time.UTC))
		if err != context.Canceled || h.late.Load() || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		synctest.Wait() // no timer is left, nor anybody who waits for one
	})
}
