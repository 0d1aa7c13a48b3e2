package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"footfall/event"
	"footfall/store"
)

// deleter is a store from which single events can be deleted.
type deleter interface {
	remover
	store.Deleter
}

// Delete deletes events of a site.
func (m *Model) Delete(ctx context.Context, site string, events ...event.Ident) (deleted uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = slices.DeleteFunc(m.events, func(e event.Event) bool {
		is := e.Site == site && slices.ContainsFunc(events, func(who event.Ident) bool { return identify(&e) == identity{site, who.ID, who.Day} })
		if is {
			deleted++
		}
		return is
	})
	m.state.Stored, m.state.Removed = m.state.Stored-deleted, m.state.Removed+deleted
	return deleted, ctx.Err()
}

// deleted writes and deletes beside the model, also what is not there or of another
// site, removes what is old meanwhile, opens again, and brings what was deleted once
// more: it is new then.
func deleted(t *testing.T, open Open) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng, dir := rand.New(rand.NewPCG(seed, 13)), t.TempDir()
			got, want := open(t, dir, fixed).(deleter), NewModel(fixed)
			defer func() { shut(t, got) }()
			var sent []event.Event
			for seq := range uint64(12) {
				batch := oldAndNew(rng, &sent)
				write(t, got, pos(seq+1), batch...)
				write(t, want, pos(seq+1), batch...)
				if seq == 6 {
					_, err := got.Remove(t.Context(), "b", start.AddDate(0, 0, -40))
					if _, failed := want.Remove(t.Context(), "b", start.AddDate(0, 0, -40)); err != nil || failed != nil {
						t.Fatal(err, failed)
					}
				}
				site, which := pick(rng, "a", "b", "nobody"), []event.Ident{}
				for range rng.IntN(40) {
					e := pickOf(rng, sent...)
					which = append(which, event.Ident{Day: e.Day() + event.Day(rng.IntN(8)/7), Site: site, ID: e.ID})
				}
				n, err := got.Delete(t.Context(), site, which...)
				if m, _ := want.Delete(t.Context(), site, which...); err != nil || n != m {
					t.Fatalf("%d of %d events of %s were deleted, want %d: %v", n, len(which), site, m, err)
				}
				if rng.IntN(4) == 0 {
					shut(t, got)
					got = open(t, dir, fixed).(deleter)
				}
				alike(t, got, want)
			}
			if s := got.State(); s.Removed == 0 || s.Stored == 0 || s.Duplicates == 0 {
				t.Errorf("%+v: the test tests nothing", s)
			}
		})
	}
}
