package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/store"
)

// Snapshot is what a store's snapshot must be able to do: bins.Snapshot.
type Snapshot interface {
	Position() event.Position
	Sites(ctx context.Context) ([]string, error)
	Days(ctx context.Context, site string) ([]event.Day, error)
	Walk(ctx context.Context, site string, from, to time.Time, known bool, fn func(*event.Event) error) error
	Close() error
}

// Take takes a snapshot of a store.
type Take func(t *testing.T, s store.Store) Snapshot

// Snapshots checks the snapshots of an adapter.
func Snapshots(t *testing.T, open Open, take Take) {
	t.Run("Moment", func(t *testing.T) { moment(t, open, take) })
	t.Run("Walk", func(t *testing.T) { walk(t, open, take) })
	t.Run("Cancelled", func(t *testing.T) { walkCancelled(t, open, take) })
	t.Run("Meanwhile", func(t *testing.T) { meanwhile(t, open, take) })
}

var always = period.Window{From: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}

func walked(t *testing.T, p Snapshot, site string, w period.Window, known bool) (events []event.Event) {
	t.Helper()
	if err := p.Walk(context.Background(), site, w.From, w.To, known, func(e *event.Event) error { events = append(events, *e); return nil }); err != nil {
		t.Fatal(err)
	}
	return events
}

// tallied is what a walk says of an event.
func tallied(e *event.Event) event.Event {
	c := event.Campaign{Source: e.Campaign.Source, Medium: e.Campaign.Medium, Name: e.Campaign.Name}
	of := event.Event{Site: e.Site, Kind: e.Kind, Name: e.Name, Time: e.Time, Visitor: e.Visitor, Path: e.Path, Source: e.Source,
		Class: e.Class, Country: e.Country, Device: e.Device, Browser: e.Browser, OS: e.OS, Bot: e.Bot, Campaign: c}
	if _, ok := e.Trade(); ok {
		of.Properties = e.Properties
	}
	return of
}

// walkOf is the walk that follows from events in the order of their arrival.
func walkOf(events []event.Event, site string, w period.Window, known bool) (want []event.Event) {
	going := map[uint64]bool{} // whose session may go on behind
	person := func(e *event.Event) bool {
		return e.Site == site && e.View() && e.Bot == "" && e.Visitor != 0
	}
	for _, e := range events {
		if within(e.Time, w) && person(&e) && w.To.Sub(e.Time) <= 30*time.Minute {
			going[e.Visitor] = true
		}
	}
	for _, e := range events {
		if e.Site != site || !within(e.Time, w) {
			if behind := e.Time.Sub(w.To); !known && behind >= 0 && behind < 24*time.Hour && person(&e) && going[e.Visitor] {
				want = append(want, event.Event{Site: site, Kind: e.Kind, Time: e.Time, Visitor: e.Visitor})
			}
			continue
		}
		if !known {
			want = append(want, tallied(&e))
		} else if of, ok := remembered(&e); ok {
			want = append(want, of)
		}
	}
	slices.SortStableFunc(want, func(a, b event.Event) int {
		return cmp.Or(cmp.Compare(a.Visitor, b.Visitor), cmp.Compare(cmp.Or(a.UserID, a.AnonymousID), cmp.Or(b.UserID, b.AnonymousID)), a.Time.Compare(b.Time))
	})
	return want
}

// remembered is what a walk of known visitors says of an event; false if it is
// not among them.
func remembered(e *event.Event) (event.Event, bool) {
	of := event.Event{Site: e.Site, Kind: e.Kind, Name: e.Name, Time: e.Time, UserID: e.UserID, AnonymousID: e.AnonymousID}
	_, trade := e.Trade()
	if trade {
		of.Properties = e.Properties
	}
	if e.Kind == event.Identify {
		of.Traits = e.Traits
	}
	return of, e.Bot == "" && e.UserID+e.AnonymousID != "" && (trade || e.View() || e.Kind == event.Identify)
}

// moment checks that a snapshot stays as it is and knows its position.
func moment(t *testing.T, open Open, take Take) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	busy := NewBusy(3, start)
	var all []event.Event
	var taken []Snapshot
	for seq := range uint64(5) {
		taken = append(taken, take(t, s))
		events := busy.Next(300)
		events[7].Site = "another"
		write(t, s, pos(seq+1), events...)
		write(t, s, event.Position{}, events[:50]...) // again
		all = append(all, events...)
	}
	for seq, p := range taken {
		want := event.Position{}
		if seq > 0 {
			want = pos(uint64(seq))
		}
		if p.Position() != want {
			t.Errorf("snapshot %d is at %+v", seq, p.Position())
		}
		for _, site := range []string{"shop", "another", "none"} {
			if got, want := walked(t, p, site, always, false), walkOf(all[:300*seq], site, always, false); !reflect.DeepEqual(got, want) {
				t.Errorf("snapshot %d has %d events of %s, want %d", seq, len(got), site, len(want))
			}
		}
		sites, err := p.Sites(context.Background())
		if seq == 0 && len(sites) > 0 || seq > 0 && !slices.Equal(sites, []string{"another", "shop"}) || err != nil {
			t.Errorf("snapshot %d has sites %v, %v", seq, sites, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Walk(context.Background(), "shop", always.From, always.To, false, func(*event.Event) error { return nil }); err == nil {
			t.Error("a closed snapshot goes on")
		}
	}
}

// walk compares order, window and fields with what was written.
func walk(t *testing.T, open Open, take Take) {
	for i, at := range []time.Time{start, time.Date(1945, 5, 24, 0, 0, 0, 0, time.UTC)} {
		t.Run(fmt.Sprint(at.Year()), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 8))
			s := open(t, t.TempDir(), fixed)
			defer shut(t, s)
			every := full()
			every.Time, every.Original = at, at
			events := append(Odd(r, at, 1500), every)
			known(r, events)
			for seq, batch := range slices.Collect(slices.Chunk(events, 400)) {
				write(t, s, pos(uint64(seq+1)), batch...)
			}
			p := take(t, s)
			defer p.Close()
			for range 20 {
				from := at.Add(time.Duration(r.Int64N(int64(60*time.Hour))) - 30*time.Hour)
				w := period.Window{From: from, To: from.Add(time.Duration(r.Int64N(int64(30 * time.Hour))))}
				if n := r.IntN(len(events)); n%2 == 0 { // an event on the edge
					w.From = events[n].Time
				}
				for _, site := range []string{"a", "b"} {
					for _, known := range []bool{false, true} {
						if got, want := walked(t, p, site, w, known), walkOf(events, site, w, known); !reflect.DeepEqual(got, want) {
							t.Fatalf("%d events of %s (known: %v) in %v differ from %d", len(got), site, known, w, len(want))
						}
					}
				}
			}
			has := map[event.Day]bool{}
			for _, e := range walkOf(events, "a", always, false) {
				has[event.DayOf(e.Time)] = true
			}
			days, err := p.Days(context.Background(), "a")
			if err != nil || len(days) != len(has) || !slices.IsSorted(days) || slices.ContainsFunc(days, func(d event.Day) bool { return !has[d] }) {
				t.Errorf("days are %v, %v, want %v", days, err, has)
			}
		})
	}
}

// known gives events ids of known visitors, some of them as nobody would, and
// says something of the visitors.
func known(r *rand.Rand, events []event.Event) {
	for i := range events {
		e := &events[i]
		e.UserID = pick(r, "", "", "u1", "u10", "U1", "ü", "a user's id of a long name", "'; SELECT", "\u0001", "\U0001f600")
		e.AnonymousID = pick(r, "", "u1", "a", "an anonymous id of a long name", "\uffee")
		if r.IntN(8) == 0 {
			e.Kind, e.Traits = event.Identify, pick(r, "", `{"plan":"pro"}`, `[1]`)
		}
	}
}

// walkCancelled checks that a walk ends when it should, and that another can follow.
func walkCancelled(t *testing.T, open Open, take Take) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	write(t, s, pos(1), NewBusy(4, start).Next(5000)...)
	p := take(t, s)
	defer p.Close()
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Walk(dead, "shop", always.From, always.To, false, func(*event.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a walk with a dead context: %v", err)
	}
	stop, n := errors.New("enough"), 0
	if err := p.Walk(context.Background(), "shop", always.From, always.To, false, func(*event.Event) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("the walk went on: %d events, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := p.Walk(ctx, "shop", always.From, always.To, false, func(*event.Event) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a walk whose context ends: %v", err)
	}
	if n := len(walked(t, p, "shop", always, false)); n != 5000 {
		t.Errorf("%d events afterwards", n)
	}
}

// meanwhile takes snapshots while it writes: the position is always that of the
// events in them.
func meanwhile(t *testing.T, open Open, take Take) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	done := make(chan error, 1)
	go func() {
		busy := NewBusy(5, start)
		for seq := range uint64(40) {
			if err := s.Write(context.Background(), busy.Next(100), event.Position{Epoch: 1, Seq: seq + 1, Total: 100 * (seq + 1)}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for over := false; !over; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			over = true
		default:
		}
		p := take(t, s)
		if n := uint64(len(walked(t, p, "shop", always, false))); n != p.Position().Total || over && n != 4000 {
			t.Fatalf("%d events at %+v", n, p.Position())
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
