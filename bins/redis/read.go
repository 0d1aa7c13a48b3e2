package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"footfall/bins"
	"footfall/event"
	"footfall/period"
)

// Read hands over buckets by value and time, all of the same moment. A Redis that
// can't be reached is ErrLost, too: what is in it is in the event store.
func (h *Hot) Read(ctx context.Context, r bins.HotRange, fn func(value string, bucket time.Time, b *bins.Bin) error) error {
	found, err := h.collect(ctx, r)
	if err != nil {
		return err
	}
	return found.Each(ctx, fn)
}

func (h *Hot) collect(ctx context.Context, r bins.HotRange) (found bins.Cells, err error) {
	owner, _, seen := h.standing()
	if owner == "" {
		return nil, errLost("they wait for a reset")
	}
	l := look{h: h, r: r, owner: owner, seen: seen}
	for again := true; again; {
		if found, again, err = l.once(ctx); err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errLost("%w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.owner == owner {
		h.seen = max(h.seen, l.seen)
	}
	return found, nil
}

// look is one reading.
type look struct {
	h     *Hot
	r     bins.HotRange
	owner string
	seen  int64
}

// state is that of the owner, or an error.
func (l *look) state(fields map[string]string) (state, error) {
	s, ok := parseState(fields)
	if !ok || s.owner != l.owner || s.changes < l.seen {
		return s, fmt.Errorf("they were emptied or are another's")
	}
	return s, nil
}

// once reads everything in one transaction; again if generations came or went
// since the look at which there are.
func (l *look) once(ctx context.Context) (found bins.Cells, again bool, err error) {
	fields, err := l.h.client.HGetAll(ctx, l.h.prefix+"state").Result()
	if err != nil {
		return nil, false, err
	}
	before, err := l.state(fields)
	if err != nil {
		return nil, false, err
	}
	first := before.first
	for first <= before.last && before.starts[first] != l.r.Since {
		first++
	}
	if first > before.last {
		return nil, false, fmt.Errorf("they have no generation from %s on", spell(l.r.Since))
	}
	last := before.last
	if l.r.Until != (event.Position{}) {
		for last >= first && before.starts[last] != l.r.Until {
			last--
		}
		if last--; last < first-1 {
			return nil, false, fmt.Errorf("they have no generation from %s on", spell(l.r.Until))
		}
	}
	var now *redis.MapStringStringCmd
	var generations []*reading
	_, err = l.h.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		now = p.HGetAll(ctx, l.h.prefix+"state")
		for n := first; n <= last; n++ {
			generations = append(generations, l.ask(ctx, p, n))
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	s, err := l.state(now.Val())
	if err != nil {
		return nil, false, err
	}
	if s.first > first || s.last != before.last {
		return nil, true, nil
	}
	l.seen = s.changes
	found = bins.Cells{}
	for _, g := range generations {
		if err := g.add(found, s.batches[g.number]); err != nil {
			return nil, false, err
		}
	}
	return found, false, nil
}

// reading is what was asked of one generation.
type reading struct {
	number  int64
	index   *redis.SliceCmd
	buckets []int64
	hashes  []redis.Cmder // *redis.SliceCmd of one value's fields, or *redis.MapStringStringCmd of all
	value   string
}

// ask asks for a generation's buckets.
func (l *look) ask(ctx context.Context, p redis.Pipeliner, number int64) *reading {
	g := &reading{number: number, value: l.r.Value}
	if l.r.By == "" {
		g.value = ""
	}
	index, names := l.h.index(l.owner, number), []string{""}
	for at := l.r.Window.From; at.Before(l.r.Window.To); at = at.Add(period.Bucket) {
		slot := bins.SlotOf(l.r.Site, at)
		name := hashName(l.r.By, slot)
		names, g.buckets = append(names, name), append(g.buckets, slot.Start)
		if l.r.Each {
			g.hashes = append(g.hashes, p.HGetAll(ctx, index+":"+name))
		} else {
			g.hashes = append(g.hashes, p.HMGet(ctx, index+":"+name, fieldsOf(g.value)...))
		}
	}
	g.index = p.HMGet(ctx, index, names...)
	return g
}

// fieldsOf is the fields of one value, and the count of batches.
func fieldsOf(value string) []string {
	fields := []string{"", "S" + value, "T" + value}
	for place := range len(bins.Counts{}) {
		fields = append(fields, letter(place)+value)
	}
	return fields
}

// fields is what a hash has of what was asked for.
func (g *reading) fields(i int) map[string]string {
	if all, ok := g.hashes[i].(*redis.MapStringStringCmd); ok {
		return all.Val()
	}
	fields := map[string]string{}
	for j, name := range fieldsOf(g.value) {
		if text, ok := g.hashes[i].(*redis.SliceCmd).Val()[j].(string); ok {
			fields[name] = text
		}
	}
	return fields
}

// add adds a generation to what is found, if nothing of it is missing.
func (g *reading) add(found bins.Cells, batches int64) error {
	index := g.index.Val()
	if all, _ := index[0].(string); all != strconv.FormatInt(batches, 10) && (all != "" || batches != 0) {
		return fmt.Errorf("the index of generation %d was lost", g.number)
	}
	for i, bucket := range g.buckets {
		fields := g.fields(i)
		if want, _ := index[1+i].(string); fields[""] != want {
			return fmt.Errorf("a bucket of generation %d was lost", g.number)
		}
		for name, text := range fields {
			if name == "" {
				continue
			}
			if err := addField(found.Bin(name[1:], bucket), name[0], text); err != nil {
				return err
			}
		}
	}
	return nil
}

// addField adds one field of a hash to a bin.
func addField(b *bins.Bin, sort byte, text string) error {
	switch sort {
	case 'S':
		return readSketch(&b.Visitors, text)
	case 'T':
		return readTail(&b.Visitors, text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || sort < 'a' || int(sort-'a') >= len(b.Counts) {
		return fmt.Errorf("field %q is no count", sort)
	}
	b.Counts[sort-'a'] += n
	return nil
}

var _ bins.Hot = (*Hot)(nil)
