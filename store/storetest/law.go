package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/pump"
	"footfall/store"
)

// Open opens the store in a directory; opened again after Close it must hold
// what it held.
type Open func(t *testing.T, dir string, now func() time.Time) store.Store

var start = time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)

func fixed() time.Time { return start.Add(12*time.Hour + 7*time.Minute) }

// Law checks an adapter.
func Law(t *testing.T, open Open) {
	t.Run("CountedOnce", func(t *testing.T) { countedOnce(t, open) })
	t.Run("Position", func(t *testing.T) { position(t, open) })
	t.Run("EveryField", func(t *testing.T) { everyField(t, open) })
	t.Run("Scan", func(t *testing.T) { scan(t, open) })
	t.Run("Rejected", func(t *testing.T) { rejected(t, open) })
	t.Run("Cancelled", func(t *testing.T) { cancelled(t, open) })
	t.Run("WholeBatches", func(t *testing.T) { wholeBatches(t, open) })
	t.Run("Table", func(t *testing.T) { table(t, open) })
	t.Run("TradeTable", func(t *testing.T) { tradeTable(t, open) })
	t.Run("Removed", func(t *testing.T) { removed(t, open) })
	t.Run("RemovedBesideWrites", func(t *testing.T) { removedBesideWrites(t, open) })
	t.Run("Relabeled", func(t *testing.T) { relabeled(t, open) })
	t.Run("Deleted", func(t *testing.T) { deleted(t, open) })
	t.Run("Figures", func(t *testing.T) { figures(t, open) })
	t.Run("SessionTable", func(t *testing.T) { sessionTable(t, open) })
	t.Run("Tables", func(t *testing.T) { tables(t, open) })
	t.Run("GoalTable", func(t *testing.T) { goalTable(t, open) })
	t.Run("GoalWorths", func(t *testing.T) { worthTable(t, open) })
	t.Run("GoalWorthNames", func(t *testing.T) { worthNames(t, open) })
	t.Run("Goals", func(t *testing.T) { goals(t, open) })
	t.Run("Arms", func(t *testing.T) { arms(t, open) })
	t.Run("ArmTable", func(t *testing.T) { armTable(t, open) })
	t.Run("FunnelTable", func(t *testing.T) { funnelTable(t, open) })
	t.Run("Funnels", func(t *testing.T) { funnels(t, open) })
	t.Run("VisitTable", func(t *testing.T) { visitTable(t, open) })
	t.Run("Visits", func(t *testing.T) { visits(t, open) })
}

func write(t *testing.T, s store.Store, to event.Position, events ...event.Event) {
	t.Helper()
	if err := s.Write(context.Background(), events, to); err != nil {
		t.Fatal(err)
	}
}

func shut(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// All is every event of the store, by time.
func All(t *testing.T, s store.Store, site string, w period.Window) []event.Event {
	t.Helper()
	var all []event.Event
	if err := s.Scan(context.Background(), site, w, func(e *event.Event) error { all = append(all, e.Clone()); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func pos(seq uint64) event.Position { return event.Position{Epoch: 7, Seq: seq, Total: seq} }

func plain(id string, at time.Time) event.Event {
	return event.Event{ID: id, Site: "a", Kind: event.Page, Time: at, Original: at, Received: at.Add(time.Second), Visitor: 1, Path: "/"}
}

func state(t *testing.T, s store.Store, stored, duplicates, seq uint64) {
	t.Helper()
	want := store.State{Stored: stored, Duplicates: duplicates}
	if seq > 0 {
		want.Position = pos(seq)
	}
	if got := s.State(); got != want {
		t.Fatalf("state is %+v, want %+v", got, want)
	}
	if n := uint64(len(All(t, s, "", period.Window{}))); n != stored {
		t.Fatalf("%d events are stored, want %d", n, stored)
	}
}

func countedOnce(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir, fixed)
	e := plain("1", start)
	state(t, s, 0, 0, 0)
	write(t, s, pos(1), e, e, plain("2", start))
	state(t, s, 2, 1, 1)
	write(t, s, pos(2), e, plain("3", start))
	state(t, s, 3, 2, 2)
	shut(t, s)
	s = open(t, dir, fixed)
	late := e // the same id on the same original day, however it was received
	late.Received, late.Time, late.Path = e.Received.Add(72*time.Hour), e.Time.Add(time.Hour), "/other"
	write(t, s, pos(3), late, e, e)
	state(t, s, 3, 5, 3)
	other := e
	other.Site = "b"
	tomorrow := plain("1", start.Add(24*time.Hour))
	old := e
	old.Original = start.Add(-24 * time.Hour)
	write(t, s, pos(4), other, tomorrow, old)
	state(t, s, 6, 5, 4)
	write(t, s, pos(5), other, tomorrow, old, e)
	state(t, s, 6, 9, 5)
	var days []event.Event // more days than anybody keeps in mind
	for i := range 90 {
		days = append(days, plain("d", start.Add(-time.Duration(i+10)*24*time.Hour)))
	}
	write(t, s, pos(6), days...)
	write(t, s, pos(7), append(days, days...)...)
	state(t, s, 96, 189, 7)
	shut(t, s)
	s = open(t, dir, fixed)
	write(t, s, pos(8), days...)
	state(t, s, 96, 279, 8)
	shut(t, s)
}

func position(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir, fixed)
	for seq := range uint64(20) {
		write(t, s, pos(seq+1), plain(fmt.Sprint(seq), start))
		if seq%7 == 0 {
			shut(t, s)
			s = open(t, dir, fixed)
		}
		state(t, s, seq+1, 0, seq+1)
	}
	write(t, s, event.Position{}, plain("x", start)) // half a batch
	state(t, s, 21, 0, 20)
	write(t, s, pos(21))
	state(t, s, 21, 0, 21)
	big := event.Position{Epoch: 1<<64 - 1, Seq: 1<<64 - 1, Total: 1<<64 - 1}
	write(t, s, big)
	shut(t, s)
	if s = open(t, dir, fixed); s.State().Position != big {
		t.Errorf("position is %+v", s.State().Position)
	}
	shut(t, s)
}

// full is an event with every field set to something of its own.
func full() event.Event {
	e := plain("00000000-0000-4000-8000-000000000001", start.Add(123*time.Millisecond))
	v := reflect.ValueOf(&e).Elem()
	fillTexts(v)
	e.Site, e.Kind, e.Visitor, e.Session = "a", event.Alias, 1<<64-1, 1<<63
	e.Properties, e.Traits, e.Context = `{"a":[1,2.50,"ü"]}`, `{"b":null}`, `{"c":{}}`
	e.Original, e.Sent, e.Received = start.Add(-time.Hour), start.Add(-time.Minute), start.Add(5*time.Second)
	e.Skew, e.Flag = e.Time.Sub(e.Original), "skew"
	return e
}

func fillTexts(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("ä'\"\n" + v.Type().Field(i).Name)
		case reflect.Struct:
			if f.Type() != reflect.TypeFor[time.Time]() {
				fillTexts(f)
			}
		}
	}
}

func everyField(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir, fixed)
	old := plain("old", time.Date(1620, 1, 2, 3, 4, 5, 6e6, time.UTC))
	old.Received = start // more than a time.Duration holds
	far := plain("far", time.Date(2990, 1, 2, 3, 4, 5, 6e6, time.UTC))
	far.Received = start
	want := []event.Event{old, plain("bare", start), full(), far}
	want[1].Visitor, want[1].Path = 0, ""
	write(t, s, pos(1), want...)
	for range 2 {
		got := All(t, s, "", period.Window{})
		if len(got) != len(want) {
			t.Fatalf("%d events, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("\n got %+v\nwant %+v", got[i], want[i])
			}
		}
		shut(t, s)
		s = open(t, dir, fixed)
	}
	shut(t, s)
}

func scan(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	m := NewModel(fixed)
	other := plain("o", start)
	other.Site = "b"
	events := []event.Event{plain("3", start.Add(2*time.Millisecond)), plain("2", start), plain("1", start), plain("4", start.Add(-time.Millisecond)), other}
	write(t, s, pos(1), events...)
	write(t, m, pos(1), events...)
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	for _, w := range []period.Window{{}, {From: ms(0), To: ms(2)}, {From: ms(-1), To: ms(0)}, {From: ms(0).Add(1), To: ms(2).Add(1)}, {From: ms(5), To: ms(6)}} {
		for _, site := range []string{"", "a", "b", "c"} {
			if got, want := All(t, s, site, w), All(t, m, site, w); !reflect.DeepEqual(got, want) {
				t.Errorf("%q %v:\n got %v\nwant %v", site, w, got, want)
			}
		}
	}
	stop := errors.New("enough")
	n := 0
	if err := s.Scan(context.Background(), "", period.Window{}, func(*event.Event) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("scan went on: %d events, %v", n, err)
	}
}

func rejected(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	noSite, broken := plain("2", start), plain("4", start)
	noSite.Site, broken.Title = "", "a\x00b"
	err := s.Write(context.Background(), []event.Event{plain("1", start), noSite, plain("3", start), broken}, pos(1))
	var r *pump.RejectedError
	if !errors.As(err, &r) || !reflect.DeepEqual(r.Index, []int{1, 3}) {
		t.Fatalf("got %v, want events 1 and 3 rejected", err)
	}
	var why *event.InvalidError
	if !errors.As(err, &why) {
		t.Errorf("%v does not say which field", err)
	}
	state(t, s, 0, 0, 0)
	write(t, s, pos(1), plain("1", start), plain("3", start))
	state(t, s, 2, 0, 1)
}

// cancelled gives up at many moments; whatever happened, writing again settles it.
func cancelled(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	for n := range uint64(3) { // of a new day, and of days that are known
		if err := s.Write(dead, []event.Event{plain("new", start)}, pos(9)); !errors.Is(err, context.Canceled) {
			t.Errorf("a write with a dead context: %v", err)
		}
		state(t, s, n, 0, n)
		write(t, s, pos(n+1), plain(fmt.Sprint(n), start))
	}
	busy := NewBusy(1, start)
	stored := uint64(3)
	for seq := range uint64(30) {
		events := busy.Next(300)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seq)*300*time.Microsecond)
		err := s.Write(ctx, events, pos(seq+1))
		cancel()
		before := s.State()
		if err == nil != (before.Position == pos(seq+1)) {
			t.Fatalf("after %v the position is %+v", err, before.Position)
		}
		write(t, s, pos(seq+1), events...)
		if stored += 300; s.State().Stored != stored {
			t.Fatalf("%d stored, want %d", s.State().Stored, stored)
		}
	}
	if n := len(All(t, s, "", period.Window{})); uint64(n) != stored {
		t.Errorf("%d events, want %d", n, stored)
	}
	if err := s.Scan(dead, "", period.Window{}, func(*event.Event) error { return nil }); err == nil {
		t.Error("a scan with a dead context did not fail")
	}
}

// wholeBatches reads while it writes: a batch is seen as a whole or not at all.
func wholeBatches(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	done := make(chan error, 1)
	go func() {
		busy := NewBusy(2, start)
		for seq := range uint64(20) {
			if err := s.Write(context.Background(), busy.Next(100), pos(seq+1)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	last := 0
	for {
		n := len(All(t, s, "", period.Window{}))
		if n%100 != 0 || n < last {
			t.Fatalf("%d events seen after %d", n, last)
		}
		last = n
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			state(t, s, 2000, 0, 20)
			return
		default:
		}
	}
}
