package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// remover is a store that can remove.
type remover interface {
	store.Store
	store.Remover
}

// removed writes and removes beside the model, opens again, and brings what was
// removed once more.
func removed(t *testing.T, open Open) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng, dir := rand.New(rand.NewPCG(seed, 11)), t.TempDir()
			got, want := open(t, dir, fixed).(remover), NewModel(fixed)
			defer func() { shut(t, got) }()
			var sent []event.Event
			for seq := range uint64(25) {
				batch := oldAndNew(rng, &sent)
				write(t, got, pos(seq+1), batch...)
				write(t, want, pos(seq+1), batch...)
				if rng.IntN(3) == 0 {
					site, before := pick(rng, "a", "b", "nobody"), start.Add(-time.Duration(rng.IntN(50*24*60))*time.Minute+pickOf(rng, 0, time.Millisecond, time.Microsecond))
					n, err := got.Remove(t.Context(), site, before)
					m, _ := want.Remove(t.Context(), site, before)
					if err != nil || n != m {
						t.Fatalf("%d events of %s before %v were removed, want %d: %v", n, site, before, m, err)
					}
				}
				if rng.IntN(4) == 0 {
					shut(t, got)
					got = open(t, dir, fixed).(remover)
				}
				alike(t, got, want)
			}
			if s := got.State(); s.Removed == 0 || s.Stored == 0 {
				t.Errorf("%+v: the test tests nothing", s)
			}
		})
	}
}

func pickOf[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// oldAndNew is a batch of 60 days, with some that came before.
func oldAndNew(rng *rand.Rand, sent *[]event.Event) (batch []event.Event) {
	for range 30 {
		if len(*sent) > 0 && rng.IntN(4) == 0 {
			batch = append(batch, pickOf(rng, *sent...))
			continue
		}
		e := plain(fmt.Sprint("e", len(*sent)), start.Add(-time.Duration(rng.IntN(60*24*3600_000))*time.Millisecond))
		e.Site, e.Visitor = pick(rng, "a", "b"), uint64(rng.IntN(5))
		if rng.IntN(3) == 0 {
			trade(rng, &e)
		}
		*sent, batch = append(*sent, e), append(batch, e)
	}
	return batch
}

// alike compares all that two stores hold, and some figures.
func alike(t *testing.T, got, want store.Store) {
	t.Helper()
	if g, w := got.State(), want.State(); g != w {
		t.Fatalf("state is %+v, want %+v", g, w)
	}
	if g, w := All(t, got, "", period.Window{}), All(t, want, "", period.Window{}); !reflect.DeepEqual(g, w) {
		t.Fatalf("%d events are stored, want %d, or others", len(g), len(w))
	}
	for _, m := range []metric.Name{metric.PageViews, metric.Orders, metric.Revenue} { // lines, too
		q := metric.Query{Site: "a", Metric: m, Step: period.Month, Window: period.Window{From: start.AddDate(0, -3, 0), To: start.AddDate(0, 1, 0)}, Currency: "EUR"}
		if m != metric.PageViews {
			q.By = "product"
		}
		g, err := got.Answer(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		w, err := want.Answer(t.Context(), q)
		if err != nil || fmt.Sprint(g.Points) != fmt.Sprint(w.Points) {
			t.Fatalf("%s is %v, want %v (%v)", m, g.Points, w.Points, err)
		}
	}
}

// removedBesideWrites removes while events are written and read, and gives up on
// the way: nothing is lost or counted twice, and again makes it whole.
func removedBesideWrites(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir, fixed).(remover)
	defer func() { shut(t, s) }()
	var old []event.Event
	for i := range 300 {
		old = append(old, plain(fmt.Sprint("old", i), start.Add(-time.Duration(300-i)*time.Hour)))
	}
	write(t, s, pos(1), old...)
	done := make(chan error, 1)
	go func() {
		for i := range uint64(30) {
			batch := []event.Event{plain(fmt.Sprint("new", i), start.Add(time.Duration(i)*time.Second)), old[i]} // one is new, one came again
			if err := s.Write(context.Background(), batch, pos(i+2)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var removed uint64
	for i := 0; ; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*500*time.Microsecond)
		n, err := s.Remove(ctx, "a", start)
		cancel()
		removed += n
		if st := s.State(); st.Stored+st.Duplicates+st.Removed < 300 {
			t.Fatalf("after %v something is lost: %+v", err, st)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	st := s.State()
	if removed != 300 || st.Stored != 30 || st.Duplicates+st.Removed != 330 {
		t.Errorf("%d were removed, the state is %+v", removed, st)
	}
	for _, e := range All(t, s, "", period.Window{}) {
		if e.Time.Before(start) {
			t.Errorf("%s is still there", e.ID)
		}
	}
}
