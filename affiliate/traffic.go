package affiliate

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

// marks remembers how far the queue was read without a row being written.
type marks struct {
	mu sync.Mutex
	at time.Time // when the position was kept last
}

// rest is the longest time between two kept positions while nothing matters to
// the ledger. What is read again after a crash changes nothing.
const rest = 10 * time.Second

// Write is a sink of the queue (pump.Sink): it takes touches, what tells who is
// who, and orders out of events. Position and rows are kept together, so that
// the same batch again changes nothing.
func (d *Desk) Write(ctx context.Context, events []event.Event, to event.Position) error {
	set := d.set.Load()
	var matter []*event.Event
	for i := range events {
		e := &events[i]
		if p, ok := set.program(e.Site); ok && matters(e, p) {
			matter = append(matter, e)
		}
	}
	d.read.mu.Lock()
	defer d.read.mu.Unlock()
	if len(matter) == 0 && (to == event.Position{} || d.o.Now().Sub(d.read.at) < rest) {
		return nil
	}
	err := d.book.Change(ctx, func(tx ledger.Tx) error {
		for _, e := range matter {
			p, _ := set.program(e.Site)
			if err := d.event(tx, p, e); err != nil {
				return err
			}
			runtime.Gosched() // a batch takes long, and who follows a link waits for a processor
		}
		if to == (event.Position{}) {
			return nil
		}
		return tx.Traffic().Reading().SetPosition(to)
	})
	if err == nil {
		d.read.at = d.o.Now()
	}
	return err
}

// Begin keeps from where on the queue is read, if that is not kept yet. The zero
// Position is refused: it would be as if nothing were kept.
func (d *Desk) Begin(ctx context.Context, at event.Position) error {
	if at == (event.Position{}) {
		return errors.New("a ledger begins at a place in the queue, and was given none")
	}
	return d.book.Change(ctx, func(tx ledger.Tx) error {
		kept, err := tx.Traffic().Reading().Position()
		if err != nil || kept != (event.Position{}) {
			return err
		}
		return tx.Traffic().Reading().SetPosition(at)
	})
}

// Position is how far the queue has been read.
func (d *Desk) Position(ctx context.Context) (at event.Position, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		at, err = tx.Traffic().Reading().Position()
		return err
	})
	return at, err
}

// matters reports cheaply whether an event may say something to the ledger.
func matters(e *event.Event, p ledger.Program) bool {
	switch e.Kind {
	case event.Identify, event.Alias:
		return true
	case event.Page, event.Screen:
		return carries(e, p)
	case event.Track:
		return e.Name == clicked || shop.Told(e.Name) || carries(e, p)
	}
	return false
}

// event takes one event.
func (d *Desk) event(tx ledger.Tx, p ledger.Program, e *event.Event) error {
	var touched []ledger.Key
	for _, l := range LinksOf(e, p.ID) {
		l.A, l.B = d.private(l.A), d.private(l.B)
		added, err := tx.Traffic().Links().Add(l)
		if err != nil {
			return err
		}
		if added {
			touched = append(touched, l.A, l.B)
		}
	}
	t, ok := TouchOf(e, p, func(text string) (ledger.Code, bool) { return d.set.Load().code(p.ID, text, e.Time) })
	if ok {
		for i := range t.Keys {
			t.Keys[i] = d.private(t.Keys[i])
		}
		added, err := d.touch(tx, &t)
		if err != nil {
			return err
		}
		if added {
			touched = append(touched, t.Keys...)
		}
	}
	if err := d.again(tx, p, touched); err != nil {
		return err
	}
	r, ok, err := shop.FromTrack(e, shop.EventOptions{Currency: d.o.Money(e.Site), Trusted: p.TrustEvents})
	var invalid *shop.InvalidError
	switch {
	case errors.As(err, &invalid):
		d.o.Count("order_refused", invalid.Field, 1) // the event itself is kept where all are
		return nil
	case err != nil || !ok:
		return err
	}
	r = d.complete(r)
	_, err = d.take(tx, p, &r)
	if errors.As(err, &invalid) {
		d.o.Count("order_refused", invalid.Field, 1)
		return nil
	}
	return err
}

// touch keeps a touch. Of those of one visitor and code in one hour of the clock
// (UTC) the first is counted, by time and id, of a person's (rule 6): whichever
// comes first, as one that comes late takes the mark off those behind it.
func (d *Desk) touch(tx ledger.Tx, t *ledger.Touch) (added bool, err error) {
	t.Counted = t.Machine == ""
	if !t.Counted || len(t.Keys) == 0 {
		return tx.Traffic().AddTouch(*t)
	}
	var behind []string
	hour := t.Time.Truncate(time.Hour)
	near, err := tx.Traffic().Touches(t.Program, hour, hour.Add(time.Hour-time.Millisecond), t.Keys...)
	if err != nil {
		return false, err
	}
	for _, other := range near {
		switch {
		case other.Code != t.Code || other.Machine != "" || other.ID == t.ID:
		case cmp.Or(other.Time.Compare(stamp(t.Time)), cmp.Compare(other.ID, t.ID)) < 0:
			t.Counted = false
		default:
			behind = append(behind, other.ID)
		}
	}
	return tx.Traffic().AddTouch(*t, behind...)
}

// again attributes orders anew that something known now may be about (rule 4).
func (d *Desk) again(tx ledger.Tx, p ledger.Program, touched []ledger.Key) error {
	if len(touched) == 0 {
		return nil
	}
	keys, err := d.persons(tx, p.ID, touched, true)
	if err != nil {
		return err
	}
	orders, err := tx.Orders().List(ledger.OrderFilter{Program: p.ID, Keys: keys})
	if err != nil {
		return err
	}
	for _, o := range orders {
		if !confirmed(p, o) {
			continue // decided when the shop tells of it
		}
		decisions, err := tx.Orders().Facts().Decisions(o.ID)
		if err != nil {
			return err
		}
		if d.settled(p, o, decisions) {
			continue
		}
		if _, err := d.refresh(tx, p, o); err != nil {
			return err
		}
	}
	return nil
}
