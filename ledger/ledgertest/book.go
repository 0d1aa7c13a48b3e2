package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"footfall/event"
	"footfall/ledger"
)

func viewWritesNothing(t *testing.T, b ledger.Book) {
	fill(t, b)
	before := reads(t, b)
	for name, write := range writes {
		if err := b.View(t.Context(), write); err == nil {
			t.Errorf("%s in a View is no error", name)
		}
		must(t, b.View(t.Context(), func(tx ledger.Tx) error { write(tx); return nil }))
	}
	same(t, "after writing in a View", reads(t, b), before)
	for name, write := range writes {
		if err := b.Change(t.Context(), write); err != nil {
			t.Errorf("%s in a Change: %v", name, err)
		}
	}
}

// errorsChangeNothing: fn's own error comes back, and nothing has changed; what
// returns an error within fn has changed nothing either, while the rest stays.
func errorsChangeNothing(t *testing.T, b ledger.Book) {
	fill(t, b)
	before, mine := reads(t, b), errors.New("mine")
	isError(t, b.View(t.Context(), func(ledger.Tx) error { return mine }), mine)
	for name, write := range writes {
		isError(t, b.Change(t.Context(), func(tx ledger.Tx) error {
			if err := write(tx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return mine
		}), mine)
	}
	same(t, "after errors", reads(t, b), before)
	change(t, b, func(tx ledger.Tx) {
		m := tx.Money()
		isError(t, m.Post(ledger.Entry{ID: "e2", Order: "o2"}, ledger.Entry{ID: "e1", Order: "o3"}), ledger.ErrTaken)
		isError(t, m.Take("p1", "e1", "nobody"), ledger.ErrNotFound)
		o := ledger.Order{ID: "o2", Program: "p", Store: "shop", Number: "2", Keys: keys, Lines: []ledger.Line{{ID: "1"}}}
		isError(t, tx.Orders().Put(o, ledger.Name{Store: "shop", Kind: "invoice", Value: "i"}, ledger.Name{Store: "shop", Kind: "order", Value: "1"}), ledger.ErrTaken)
		isError(t, tx.Set().Programs().Add(ledger.Program{ID: "p2", Sites: []string{"new", "shop"}}), ledger.ErrTaken)
		same(t, "within, after errors", readAll(t, tx), before)
		must(t, tx.Set().Programs().Add(ledger.Program{ID: "p3", Sites: []string{"new"}}))
		must(t, tx.Orders().Put(ledger.Order{ID: "o3", Store: "shop", Number: "2"}, ledger.Name{Store: "shop", Kind: "invoice", Value: "i"}))
	})
	view(t, b, func(tx ledger.Tx) {
		_, err := tx.Set().Programs().Get("p3")
		must(t, err)
		o, err := tx.Orders().Order(ledger.Name{Store: "shop", Kind: "invoice", Value: "i"})
		must(t, err)
		same(t, "the order of the invoice", o.ID, "o3")
	})
}

// panics: a panic in fn changes nothing and holds nobody up.
func panics(t *testing.T, b ledger.Book) {
	fill(t, b)
	before := reads(t, b)
	for _, run := range []func(context.Context, func(ledger.Tx) error) error{b.Change, b.View} {
		func() {
			defer func() { same(t, "the panic", recover(), "mine") }()
			run(t.Context(), func(tx ledger.Tx) error {
				tx.Traffic().Reading().SetPosition(event.Position{Seq: 77})
				panic("mine")
			})
		}()
	}
	same(t, "after a panic", reads(t, b), before)
	change(t, b, func(tx ledger.Tx) { must(t, tx.Traffic().Reading().SetPosition(event.Position{Seq: 5})) })
}

func cancelled(t *testing.T, b ledger.Book) {
	fill(t, b)
	before := reads(t, b)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	isError(t, b.Change(gone, writes["Post"]), context.Canceled)
	isError(t, b.View(gone, func(ledger.Tx) error { return nil }), context.Canceled)
	for name, write := range writes {
		ctx, cancel := context.WithCancel(t.Context())
		err := b.Change(ctx, func(tx ledger.Tx) error {
			defer cancel()
			return write(tx)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s, then cancelled: %v", name, err)
		}
	}
	same(t, "after cancelled changes", reads(t, b), before)
	// Who waits for another Change stops waiting.
	change(t, b, func(ledger.Tx) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Change(ctx, writes["Post"]) }()
		cancel()
		isError(t, <-ended, context.Canceled)
	})
	same(t, "after waiting in vain", reads(t, b), before)
}

// oneMoment: a View sees what was changed before it, and nothing that is changed
// while it looks; it holds up nobody who changes.
func oneMoment(t *testing.T, b ledger.Book) {
	fill(t, b)
	view(t, b, func(tx ledger.Tx) {
		before := readAll(t, tx)
		done := make(chan error)
		go func() {
			for _, write := range writes {
				if err := b.Change(context.Background(), write); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		must(t, <-done)
		same(t, "while others change", readAll(t, tx), before)
	})
	view(t, b, func(tx ledger.Tx) {
		_, err := tx.Set().Programs().Get("w")
		must(t, err)
	})
	change(t, b, func(tx ledger.Tx) {
		must(t, tx.Traffic().Reading().SetPosition(event.Position{Seq: 1234}))
		view(t, b, func(other ledger.Tx) {
			p, err := other.Traffic().Reading().Position()
			must(t, err)
			same(t, "what is being changed, seen by others", p.Seq, 99)
		})
		p, err := tx.Traffic().Reading().Position()
		must(t, err)
		same(t, "what is being changed, seen by who does", p.Seq, 1234)
	})
}

// oneAfterTheOther: fifty count at once, in two rows that always say the same.
func oneAfterTheOther(t *testing.T, b ledger.Book) {
	const many, each = 50, 4
	change(t, b, func(tx ledger.Tx) { must(t, tx.Set().Misses().Add(ledger.Miss{ID: "m"})) })
	var counting, looking sync.WaitGroup
	var stop atomic.Bool
	look := func(tx ledger.Tx) error {
		p, err := tx.Traffic().Reading().Position()
		if err != nil {
			return err
		}
		m, err := tx.Set().Misses().Get("m")
		if err == nil && uint64(m.Count) != p.Seq {
			err = fmt.Errorf("%d in one row, %d in the other", m.Count, p.Seq)
		}
		return err
	}
	looking.Go(func() {
		for !stop.Load() {
			if err := b.View(context.Background(), look); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range many {
		counting.Go(func() {
			for range each {
				if err := b.Change(context.Background(), count); err != nil {
					t.Error(err)
				}
			}
		})
	}
	counting.Wait()
	stop.Store(true)
	looking.Wait()
	view(t, b, func(tx ledger.Tx) {
		must(t, look(tx))
		p, err := tx.Traffic().Reading().Position()
		must(t, err)
		same(t, "counted", p.Seq, many*each)
	})
}

// count counts one up, in a row and in the position.
func count(tx ledger.Tx) error {
	m, err := tx.Set().Misses().Get("m")
	if err != nil {
		return err
	}
	p, err := tx.Traffic().Reading().Position()
	if err != nil {
		return err
	}
	m.Count++
	p.Seq++
	return errors.Join(tx.Set().Misses().Put(m), tx.Traffic().Reading().SetPosition(p))
}

func reopened(t *testing.T, open Open) {
	dir := t.TempDir()
	b := open(t, dir)
	fill(t, b)
	for _, write := range writes {
		must(t, b.Change(t.Context(), write))
	}
	before := reads(t, b)
	must(t, b.Close())
	b = open(t, dir)
	same(t, "opened again", reads(t, b), before)
	isError(t, b.Change(t.Context(), writes["Post"]), ledger.ErrTaken)
	must(t, b.Close())
}
