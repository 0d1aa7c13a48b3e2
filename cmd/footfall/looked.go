package main

import (
	"context"
	"sync"
	"time"

	"footfall/account"
	"footfall/dash"
	"footfall/event"
)

// lookedAt is what pages do for good, and are told of before: one thing at a time for
// each person and site who asks. T is what is told of it.
type lookedAt[T any] struct {
	mu  sync.Mutex
	all map[[2]string]*pageWork[T] // by who asks, and site
}

// pageWork is what somebody looks at, or does.
type pageWork[T any] struct {
	work errand
	mu   sync.Mutex
	told T
	dry  bool // it was a look
}

const (
	workSoon = 2 * time.Second  // a page waits so long for it
	workKept = 15 * time.Minute // then nothing that was found is remembered
)

// Why nothing was begun.
var (
	errUnderWay  = event.Invalid("another", "is under way for you at this site already: wait for it to end")
	errNotLooked = event.Invalid("looking", "comes first: nothing was done")
	errLookedOn  = event.Invalid("looking", "was done again since that page was drawn, perhaps for something else: nothing was done. Here is what it was done for last")
)

// of is that of who asks, and forgets those that ended long ago.
func (x *lookedAt[T]) of(by account.Who, site string) *pageWork[T] {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, e := range x.all {
		if s := e.work.look(); !s.Ended.IsZero() && time.Since(s.Ended) > workKept {
			delete(x.all, key)
		}
	}
	key := [2]string{by.Name, site}
	if x.all[key] == nil {
		if x.all == nil {
			x.all = map[[2]string]*pageWork[T]{}
		}
		x.all[key] = &pageWork[T]{}
	}
	return x.all[key]
}

// state is how it stands.
func (w *pageWork[T]) state() (told T, work dash.Errand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told, w.work.look()
}

// tell is what is told from now on.
func (w *pageWork[T]) tell(told T) {
	w.mu.Lock()
	w.told = told
	w.mu.Unlock()
}

// looked is what was looked at last, if that is the look that a page showed.
func (w *pageWork[T]) looked(at time.Time) (told T, err error) {
	w.mu.Lock()
	told, dry := w.told, w.dry
	w.mu.Unlock()
	if !dry || w.work.look().Problem != "" {
		return told, errNotLooked
	}
	// A newer look says so before it says for what: here told is of this one.
	if w.work.look().Began.UnixNano() != at.UnixNano() {
		return told, errLookedOn
	}
	return told, nil
}

// begin begins to look or to do; what is told meanwhile is said first.
func (w *pageWork[T]) begin(ctx, ending context.Context, by account.Who, told T, dry bool, do func(context.Context) (T, error)) error {
	began := w.work.begin(ending, by, func(ctx context.Context) error {
		w.mu.Lock()
		w.told, w.dry = told, dry
		w.mu.Unlock()
		told, err := do(ctx)
		if err == nil {
			w.tell(told)
		}
		return err
	})
	if !began {
		return errUnderWay
	}
	w.work.soon(ctx, workSoon)
	return nil
}

// wait waits for all to end.
func (x *lookedAt[T]) wait() {
	x.mu.Lock()
	var under []*pageWork[T]
	for _, w := range x.all {
		under = append(under, w)
	}
	x.mu.Unlock()
	for _, w := range under {
		w.work.wait()
	}
}
