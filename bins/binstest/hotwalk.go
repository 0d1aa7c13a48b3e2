package binstest

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"footfall/bins"
	"footfall/event"
)

// Walk does at random with hot buckets what a Roller does, and more, beside a
// model. Trouble, if there is any, is called now and then and may take their
// data away: from there until the next Reset everything may fail, and an Apply
// that failed leaves nothing to be read, but what is read is right.
func Walk(t *testing.T, hot bins.Hot, seed uint64, steps int, trouble func()) {
	t.Helper()
	w := walk{t: t, hot: hot, r: rand.New(rand.NewPCG(seed, 17)), next: event.Position{Epoch: 1}, trouble: trouble}
	w.reset()
	for i := 0; i < steps && !t.Failed(); i++ {
		w.step()
	}
	if w.read == 0 {
		t.Errorf("seed %d: nothing could be read", seed)
	}
	if t.Failed() {
		t.Logf("seed %d, standing at %+v", seed, w.m.at)
	}
}

type walk struct {
	t        *testing.T
	hot      bins.Hot
	m        hotModel
	r        *rand.Rand
	next     event.Position
	from     event.Position   // where the last batch began
	places   []event.Position // cuts and resets there were
	trouble  func()
	troubled bool // since the last reset
	read     int  // readings that were answered
}

// forward is the position of the next batch's end.
func (w *walk) forward() event.Position {
	n := uint64(1 + w.r.IntN(9))
	if w.r.IntN(20) == 0 { // a damaged queue counts anew in a new epoch
		w.next.Epoch, w.next.Seq = w.next.Epoch+1, 0
	}
	w.next.Seq, w.next.Total = w.next.Seq+n, w.next.Total+3*n
	return w.next
}

func (w *walk) step() {
	switch n := w.r.IntN(40); {
	case n < 14:
		w.from = w.m.at
		w.apply(w.m.at, w.forward())
	case n < 17: // again, with other events: they don't count
		w.apply(w.from, w.m.at)
	case n < 19: // a part of a batch
		w.apply(w.m.at, w.m.at)
	case n == 19:
		w.apply(w.forward(), w.forward())
	case n < 23:
		w.cut()
	case n < 25:
		w.forget()
	case n < 36:
		w.compare()
	case n == 36 || !w.m.whole || w.troubled:
		w.reset()
	case n < 39 && w.trouble != nil:
		w.trouble()
		w.troubled = true
	}
}

// settle holds an error against the model's. In trouble the buckets may be
// lost where the model's are not.
func (w *walk) settle(what string, got, want error) {
	w.t.Helper()
	switch {
	case w.troubled && got != nil && want == nil:
		_ = w.m.lose()
	case w.troubled && got != nil:
	case (got == nil) != (want == nil) || !errors.Is(got, want):
		w.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (w *walk) apply(from, to event.Position) {
	w.t.Helper()
	events := hotEvents(w.r, w.r.IntN(40))
	w.settle("Apply", w.hot.Apply(w.t.Context(), events, from, to), w.m.apply(events, from, to))
}

func (w *walk) cut() {
	w.t.Helper()
	got, err := w.hot.Cut(w.t.Context())
	want, lost := w.m.cut()
	if err == nil && got != want {
		w.t.Errorf("Cut = %+v, want %+v", got, want)
	}
	w.settle("Cut", err, lost)
	if err == nil {
		w.places = append(w.places, got)
	}
}

// somewhere is a position that is or was a cut or reset, mostly.
func (w *walk) somewhere() event.Position {
	if w.r.IntN(10) == 0 || len(w.places) == 0 {
		return w.m.at
	}
	return w.places[max(0, len(w.places)-1-w.r.IntN(4))]
}

func (w *walk) forget() {
	w.t.Helper()
	at := w.somewhere()
	err := w.hot.Forget(w.t.Context(), at)
	if err != nil && !w.troubled && w.m.whole {
		w.t.Errorf("Forget: %v", err)
	}
	if err == nil {
		w.m.forget(at)
	} else {
		_ = w.m.lose() // who knows what it has forgotten
		w.reset()
	}
}

func (w *walk) reset() {
	w.t.Helper()
	w.next.Seq += uint64(w.r.IntN(2))
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := w.hot.Reset(w.t.Context(), w.next)
		if err == nil {
			break
		}
		if !w.troubled || time.Now().After(deadline) {
			w.t.Fatalf("Reset: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.m.reset(w.next)
	w.from, w.places, w.troubled = w.next, append(w.places, w.next), false
}

func (w *walk) compare() {
	w.t.Helper()
	r := hotRange(w.r, w.somewhere())
	got, err := readRows(w.t.Context(), w.hot, r)
	want, lost := w.m.read(r)
	if w.troubled && err != nil {
		return
	}
	if (err == nil) != (lost == nil) || !errors.Is(err, lost) || err == nil && !reflect.DeepEqual(got, want) {
		w.t.Errorf("Read(%+v) = %+v, %v\nwant %+v, %v", r, got, err, want, lost)
	}
	if err == nil {
		w.read++
	}
}
