// Package memory keeps hot buckets in the process. They are gone with it, which
// loses no figure: until the next roll, figures come from the event store.
package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"footfall/bins"
	"footfall/event"
)

// mostBins is where memory ends: with more, the buckets are given up until the
// next Reset. A year of a log imported at once has as many; live traffic is far
// from it.
const mostBins = 500_000

// Hot is a bins.Hot in memory. Many may use it at once.
type Hot struct {
	currency func(site string) string
	most     int

	mu          sync.RWMutex
	whole       bool // false: something is missing, until the next Reset
	at          event.Position
	generations []generation // oldest first; each ends where the next begins, the last is open
	bins        int          // of all generations
}

type generation struct {
	start   event.Position
	buckets bins.Buckets
}

// New makes hot buckets that stand nowhere: Reset says where. Currency tells a
// site's currency (ISO 4217): amounts in another are not added.
func New(currency func(site string) string) *Hot {
	return &Hot{currency: currency, most: mostBins}
}

// Apply counts events. Any error means that they are not counted: then the
// buckets are lost until the next Reset. With from equal to to the events are a
// part of what comes, and are counted each time.
func (h *Hot) Apply(ctx context.Context, events []event.Event, from, to event.Position) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.whole && ctx.Err() != nil:
		h.lose()
		return ctx.Err()
	case h.whole && h.at != from && h.at == to:
		return nil // it was applied
	case !h.whole || h.at != from:
		h.lose()
		return bins.ErrLost
	}
	last := h.generations[len(h.generations)-1].buckets
	before := last.Bins()
	last.Add(events, h.currency)
	h.at = to
	if h.bins += last.Bins() - before; h.bins > h.most {
		h.lose()
		return bins.ErrLost
	}
	return nil
}

func (h *Hot) lose() {
	h.whole, h.generations, h.bins = false, nil, 0
}

// Cut begins a new generation.
func (h *Hot) Cut(ctx context.Context) (event.Position, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return event.Position{}, ctx.Err()
	case !h.whole:
		return event.Position{}, bins.ErrLost
	}
	if last := h.generations[len(h.generations)-1]; last.start != h.at || len(last.buckets) > 0 {
		h.generations = append(h.generations, generation{h.at, bins.Buckets{}})
	}
	return h.at, nil
}

// Forget drops generations that end at or before the position; the last one
// has no end.
func (h *Hot) Forget(ctx context.Context, upTo event.Position) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.generations) > 1 && !upTo.Less(h.generations[1].start) {
		h.bins -= h.generations[0].buckets.Bins()
		h.generations[0] = generation{}
		h.generations = h.generations[1:]
	}
	return nil
}

// Reset empties the buckets and lets them stand at the position.
func (h *Hot) Reset(ctx context.Context, at event.Position) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.whole, h.at, h.generations, h.bins = true, at, []generation{{at, bins.Buckets{}}}, 0
	return nil
}

// Read hands over buckets by value and time. What is applied meanwhile does not show.
func (h *Hot) Read(ctx context.Context, r bins.HotRange, fn func(value string, bucket time.Time, b *bins.Bin) error) error {
	found, err := h.collect(ctx, r)
	if err != nil {
		return err
	}
	return found.Each(ctx, fn)
}

// collect copies the buckets that are asked for.
func (h *Hot) collect(ctx context.Context, r bins.HotRange) (bins.Cells, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := slices.IndexFunc(h.generations, func(g generation) bool { return g.start == r.Since })
	last := len(h.generations)
	if r.Until != (event.Position{}) {
		last = slices.IndexFunc(h.generations, func(g generation) bool { return g.start == r.Until })
	}
	if first < 0 || last < first {
		return nil, bins.ErrLost
	}
	found := bins.Cells{}
	for _, g := range h.generations[first:last] {
		for slot, tally := range g.buckets {
			if slot.Site != r.Site || slot.Start < r.Window.From.Unix() || slot.Start >= r.Window.To.Unix() {
				continue
			}
			if r.Each {
				for s, b := range tally {
					if s.By == r.By {
						found.Bin(s.Value, slot.Start).Merge(b)
					}
				}
			} else if b := tally[bins.Subject{By: r.By, Value: r.Value}]; b != nil {
				found.Bin(r.Value, slot.Start).Merge(b)
			}
		}
	}
	return found, nil
}
