package bins_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
	"footfall/period"
)

// book is a follower and durable bins that write down what happens to them.
type book struct {
	*binstest.DurableModel
	did  []string
	fail string // what fails
	owes bool
}

var errBook = errors.New("it fails")

func (b *book) do(what string, args ...any) error {
	b.did = append(b.did, fmt.Sprintf(what, args...))
	if b.did[len(b.did)-1] == b.fail {
		return errBook
	}
	return nil
}

func (b *book) Apply(events []event.Event, mark uint64) {
	b.do("%d events, mark %d", len(events), mark)
}
func (b *book) Lose(mark uint64) { b.do("lost up to %d", mark) }

func (b *book) Owed(_ context.Context, s bins.Site, first period.Date) (bool, period.Date, error) {
	return b.owes, 19002, b.do("owed %s", s.ID)
}

func (b *book) Replace(_ context.Context, _ bins.Snapshot, day bins.FollowedDay) error {
	if day.Window != day.Date.Window(day.Site.Zone) {
		return errors.New("not its window")
	}
	return b.do("%s %d up to %d", day.Site.ID, day.Date, day.Mark)
}

func (b *book) Rolled(_ context.Context, mark uint64, at time.Time, sites []bins.Site) error {
	return b.do("rolled up to %d of %d sites", mark, len(sites))
}

// durable is the bins of a book.
type durable struct{ *book }

func (d durable) Replace(ctx context.Context, r bins.Rolled) (int, error) {
	for _, day := range r.Days {
		d.do("bins of %s %d", day.Day.Site, day.Day.Date)
	}
	return d.DurableModel.Replace(ctx, r)
}

// shelf is an event store: its events, which need no order to be walked by nobody.
type shelf struct{ events []event.Event }

func (s shelf) Position() event.Position                { return event.Position{} }
func (s shelf) Sites(context.Context) ([]string, error) { return []string{"s", "stranger"}, nil }
func (s shelf) Close() error                            { return nil }

func (s shelf) Days(_ context.Context, site string) (days []event.Day, err error) {
	for _, e := range s.events {
		if e.Site == site {
			days = append(days, event.DayOf(e.Time))
		}
	}
	return days, nil
}

func (s shelf) Walk(context.Context, string, time.Time, time.Time, bool, func(*event.Event) error) error {
	return nil
}

// dirty fails unless so many days are dirty.
func dirty(b *book, want int) error {
	state, err := b.State(context.Background())
	if err == nil && len(state.Dirty) != want {
		err = fmt.Errorf("dirty are %v, want %d", state.Dirty, want)
	}
	return err
}

// TestFollower holds what a follower is told, in which order, and that a day that
// it could not make stays dirty.
func TestFollower(t *testing.T) {
	b := &book{DurableModel: binstest.NewDurableModel()}
	s := &shelf{}
	zone := time.UTC
	r := bins.NewRoller(durable{b}, nil, func(context.Context) (bins.Snapshot, error) { return *s, nil },
		func() []bins.Site { return []bins.Site{{ID: "s", Zone: zone, Currency: "EUR"}} }, bins.Options{Follower: b, Together: 2})
	write := func(fails error, days ...int64) error {
		var batch []event.Event
		for _, day := range days {
			at := time.Unix(day*86400+43200, 0)
			batch = append(batch, event.Event{Kind: event.Track, Site: "s", Time: at}, event.Event{Kind: event.Track, Site: "stranger", Time: at})
		}
		return r.Write(t.Context(), batch, event.Position{}, func() ([]event.Event, error) {
			s.events = append(s.events, batch...)
			return batch[1:], fails
		})
	}
	roll := func() error { _, err := r.Roll(t.Context()); return err }
	for _, step := range []struct {
		name string
		do   func() error
		err  error
		want []string
	}{
		{"open", func() error { return r.Open(t.Context(), event.Position{}) }, nil, []string{"lost up to 1"}},
		{"write", func() error { return write(nil, 19000, 19001, 19002) }, nil, []string{"5 events, mark 1"}},
		{"roll", roll, nil, []string{"owed s", "s 19000 up to 1", "s 19001 up to 1", "bins of s 19000", "bins of s 19001",
			"s 19002 up to 1", "bins of s 19002", "bins of stranger 19000", "bins of stranger 19001", "bins of stranger 19002", "rolled up to 1 of 1 sites"}},
		{"a write that fails", func() error { return write(errBook, 19003) }, errBook, []string{"lost up to 2"}},
		{"a day that fails", func() error { b.fail = "s 19003 up to 2"; return roll() }, nil, []string{"owed s", "s 19003 up to 2", "bins of s 19003", "bins of stranger 19003", "rolled up to 2 of 1 sites"}},
		{"owed fails", func() error { b.fail = "owed s"; return roll() }, nil, []string{"owed s", "bins of s 19003", "rolled up to 3 of 1 sites"}},
		{"again", func() error { b.fail = ""; return errors.Join(dirty(b, 1), roll(), dirty(b, 0)) }, nil, []string{"owed s", "s 19003 up to 4", "bins of s 19003", "rolled up to 4 of 1 sites"}},
		{"nothing to do", roll, nil, []string{"owed s", "rolled up to 5 of 1 sites"}},
		{"all are owed", func() error { b.owes = true; return roll() }, nil, []string{"owed s", "s 19002 up to 6", "s 19003 up to 6", "bins of s 19002", "bins of s 19003", "rolled up to 6 of 1 sites"}},
		{"one of many fails", func() error { b.fail = "s 19002 up to 7"; return errors.Join(roll(), dirty(b, 2)) }, nil, []string{"owed s", "s 19002 up to 7", "bins of s 19002", "bins of s 19003", "rolled up to 7 of 1 sites"}},
		{"not rolled", func() error {
			b.owes, b.fail = false, "rolled up to 8 of 1 sites"
			return errors.Join(roll(), dirty(b, 0))
		}, nil,
			[]string{"owed s", "s 19002 up to 8", "s 19003 up to 8", "bins of s 19002", "bins of s 19003", "rolled up to 8 of 1 sites"}},
		{"frozen", func() error {
			if err := b.Freeze(t.Context(), "s", 19002, period.Date(19002).Window(zone).From); err != nil {
				return err
			}
			return errors.Join(roll(), write(nil, 19002, 19001))
		}, nil, []string{"owed s", "rolled up to 9 of 1 sites", "2 events, mark 10"}},
	} {
		b.did = nil
		if err := step.do(); !errors.Is(err, step.err) || !reflect.DeepEqual(b.did, step.want) {
			t.Errorf("%s: %v\n%q\nwant\n%q", step.name, err, b.did, step.want)
		}
	}
	if state, _ := b.State(t.Context()); slices.Contains(b.did, "bins of s 19001") || len(state.Dirty) == 0 {
		t.Errorf("dirty are %v", state.Dirty)
	}
}
