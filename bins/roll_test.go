package bins_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/memory"
	"footfall/event"
	"footfall/period"
)

// TestHotIsLost: after an error nobody knows whether the events are stored, so
// hot buckets must not answer, also where the error is that the context ended.
func TestHotIsLost(t *testing.T) {
	start, noon := event.Position{Epoch: 1, Seq: 1}, time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	batch := []event.Event{{Site: "s", Kind: event.Page, Time: noon}}
	to := event.Position{Epoch: 1, Seq: 2, Total: 1}
	for name, x := range map[string]struct {
		to     event.Position
		fails  error
		cancel bool
		lost   bool
	}{
		"stored":                   {to, nil, false, false},
		"an error":                 {to, errors.New("disk"), false, true},
		"an error, and cancelled":  {to, context.Canceled, true, true},
		"stored, and cancelled":    {to, nil, true, true},
		"a part of a batch":        {event.Position{}, nil, false, true},
		"a part that is cancelled": {event.Position{}, nil, true, true},
	} {
		hot := memory.New(func(string) string { return "EUR" })
		r := bins.NewRoller(&touched{dirty: map[bins.Day]uint64{}}, hot, nil, func() []bins.Site { return []bins.Site{{ID: "s", Zone: time.UTC}} }, bins.Options{})
		if err := r.Open(t.Context(), start); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := r.Write(ctx, batch, x.to, func() ([]event.Event, error) {
			if x.cancel {
				cancel()
			}
			return batch, x.fails
		})
		cancel()
		if !errors.Is(err, x.fails) {
			t.Errorf("%s: %v", name, err)
		}
		views := int64(0)
		err = hot.Read(t.Context(), bins.HotRange{Site: "s", Since: start, Window: period.Window{From: noon, To: noon.Add(time.Hour)}},
			func(_ string, _ time.Time, b *bins.Bin) error { views += b.Counts[0]; return nil })
		if errors.Is(err, bins.ErrLost) != x.lost || !x.lost && views != 1 {
			t.Errorf("%s: %d views in hot buckets, %v", name, views, err)
		}
	}
}
