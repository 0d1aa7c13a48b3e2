package reprocess

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/enrich"
	"footfall/event"
	"footfall/period"
)

// kolkata is half an hour beside the quarter days of UTC.
var kolkata = time.FixedZone("+0530", 5*3600+1800)

// some is events of ten visitors, by time, over the midnights of a zone.
func some(seed uint64) (events []event.Event) {
	r := rand.New(rand.NewPCG(seed, 8))
	clock := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range 1000 {
		clock = clock.Add(time.Duration(r.IntN(600)) * time.Second)
		e := event.Event{ID: fmt.Sprint(i), Site: "s", Kind: event.Page, Host: "shop.example", Path: "/", Channel: "web", Time: clock, Original: clock, Received: clock,
			Visitor: uint64(r.IntN(10)), Class: "other", Source: "old", Referrer: []string{"", "https://www.bing.com/", "https://blog.example/"}[r.IntN(3)], Bot: []string{"", "", "ua: firefox", "ua: bot"}[r.IntN(4)]}
		if r.IntN(6) == 0 {
			e.Kind, e.Name = event.Track, "Signed Up"
		}
		events = append(events, e)
	}
	return events
}

// found is what a Reader finds.
type found struct {
	changes []Change
	dates   []Date
}

// read reads events of a window, of which those before cut were read before.
func read(t *testing.T, w period.Window, events []event.Event, f *found, stop int) {
	t.Helper()
	known := map[string]enrich.Derived{}
	for _, c := range f.changes {
		known[c.ID] = c.Derived
	}
	var come []Change
	full := errors.New("full")
	r := NewReader(w, Options{Again: enrich.New(enrich.Options{}).Again(), Zone: kolkata, Gone: func(*event.Event) bool { return false },
		Changed: func(c Change) error { come = append(come, c); return nil },
		Done: func(d Date) error {
			f.dates, f.changes, come = append(f.dates, d), append(f.changes, come...), nil
			if stop--; stop == 0 {
				return full
			}
			return nil
		}})
	for _, e := range events {
		var err error
		switch {
		case e.Time.Before(w.From.Add(-enrich.Gap)) || !e.Time.Before(w.To):
		case e.Time.Before(w.From):
			now, changed := known[e.ID]
			if !changed {
				now = enrich.DerivedOf(&e)
			}
			before := e
			if r.Lead(&e, now); e != before {
				t.Errorf("what comes before is changed: %+v", e)
			}
		default:
			err = r.Take(&e)
		}
		if errors.Is(err, full) {
			return
		}
	}
	if err := r.End(); err != nil && !errors.Is(err, full) {
		t.Fatal(err)
	}
}

// What a Reader finds is the same in one go and in several, date by date.
func TestReaderGoesOn(t *testing.T) {
	events := some(1)
	w := period.Window{From: events[0].Time, To: events[len(events)-1].Time}
	var whole, parts found
	read(t, w, events, &whole, -1)
	for rest := w; len(parts.dates) < len(whole.dates); rest.From = parts.dates[len(parts.dates)-1].To {
		read(t, rest, events, &parts, 1)
	}
	if len(whole.dates) < 4 || !slices.Equal(whole.changes, parts.changes) || fmt.Sprint(whole.dates) != fmt.Sprint(parts.dates) {
		t.Errorf("in one go\n%+v, in parts\n%+v", whole.dates, parts.dates)
	}
}

// Figures of a date differ as plain counts of its events do, of which each is in one date.
func TestReaderCounts(t *testing.T) {
	events := some(2)
	w := period.Window{From: events[100].Time, To: events[900].Time}
	var f found
	read(t, w, events, &f, -1)
	changed := map[string]enrich.Derived{}
	for _, c := range f.changes {
		changed[c.ID] = c.Derived
	}
	total := 0
	for _, d := range f.dates {
		want := map[string][2]int64{}
		for now, counts := range []map[string]int64{count(events, nil, w, d.Date), count(events, changed, w, d.Date)} {
			for key, n := range counts {
				v := want[key]
				v[now] = n
				want[key] = v
			}
		}
		got := map[string][2]int64{}
		for _, x := range d.Figures {
			got[fmt.Sprint(x.Metric, " ", x.By, " ", x.Series)] = [2]int64{x.Was, x.Now}
		}
		for key, v := range want {
			if v[0] == v[1] {
				delete(want, key)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(want) == 0 {
			t.Errorf("%s: %v, want %v", d.Date, got, want)
		}
		total += d.Events
	}
	if total != 800 {
		t.Errorf("%d events are in dates, want 800", total)
	}
}

// count is a plain count of a date, of events that are changed in a window.
func count(events []event.Event, changed map[string]enrich.Derived, w period.Window, date string) map[string]int64 {
	all, visitors, last := map[string]int64{}, map[uint64]bool{}, map[uint64]time.Time{}
	for _, e := range events {
		if now, is := changed[e.ID]; is {
			now.Put(&e)
		}
		in := !e.Time.Before(w.From) && e.Time.Before(w.To) && e.Time.In(kolkata).Format("2006-01-02") == date
		switch {
		case e.Kind != event.Page:
		case e.Bot != "":
			if in {
				all["Bots  "]++
			}
		default:
			before := last[e.Visitor]
			last[e.Visitor] = e.Time
			if !in {
				continue
			}
			all["PageViews  "]++
			all["PageViews class "+e.Class]++
			all["PageViews source "+e.Source]++
			if e.Visitor != 0 && !visitors[e.Visitor] {
				visitors[e.Visitor] = true
				all["Visitors  "]++
			}
			if e.Visitor != 0 && e.Time.Sub(before) > 30*time.Minute {
				all["Sessions  "]++
			}
		}
	}
	return all
}
