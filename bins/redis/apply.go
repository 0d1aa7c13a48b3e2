package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"footfall/bins"
	"footfall/event"
	"footfall/metric"
)

// errLost is ErrLost with what is the matter.
func errLost(why string, args ...any) error {
	return fmt.Errorf("bins/redis: %w: %w", bins.ErrLost, fmt.Errorf(why, args...))
}

// run runs a script that changes something and returns what follows its OK.
func (h *Hot) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (answer []string, err error) {
	answer, err = script.Run(ctx, h.client, keys, args...).StringSlice()
	switch {
	case err != nil:
		return nil, fmt.Errorf("bins/redis: %w", err)
	case answer[0] == "LOST":
		return nil, errLost("they were emptied or are another's")
	}
	return answer, nil
}

func (h *Hot) seconds() int64 { return int64(h.keep.Seconds()) }

// Apply counts events. Any error means that they may not be counted: then the
// buckets are lost to this process until the next Reset. With from equal to to
// the events are a part of what comes, and are counted each time.
func (h *Hot) Apply(ctx context.Context, events []event.Event, from, to event.Position) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	owner, open, seen := h.standing()
	if owner == "" {
		return errLost("they wait for a reset")
	}
	buckets := bins.Buckets{}
	buckets.Add(events, h.currency)
	if n := buckets.Bins(); n > h.most {
		h.lose()
		return errLost("a batch has %d bins, more than %d", n, h.most)
	}
	b, err := batchOf(buckets, from, to)
	if err == nil {
		err = h.apply(ctx, b, owner, open, seen)
	}
	if err != nil {
		h.lose()
	}
	return err
}

// batch is what one Apply adds.
type batch struct {
	from, to string
	hashes   []hash
}

// hash is one bucket of a dimension.
type hash struct {
	name   string // in the index
	values []value
}

type value struct {
	name     string
	visitors []byte // a piece of a tail
	counts   bins.Counts
}

func hashName(by metric.Dimension, slot bins.Slot) string {
	return string(by) + ":" + strconv.FormatInt(slot.Start, 10) + ":" + slot.Site
}

func batchOf(buckets bins.Buckets, from, to event.Position) (b batch, err error) {
	b.from, b.to = spell(from), spell(to)
	at := map[string]int{}
	for slot, tally := range buckets {
		for s, bin := range tally {
			name := hashName(s.By, slot)
			i, known := at[name]
			if !known {
				i = len(b.hashes)
				at[name] = i
				b.hashes = append(b.hashes, hash{name: name})
			}
			v := value{name: s.Value, counts: bin.Counts}
			if bin.Visitors.Count() > 0 {
				form, err := bin.Visitors.MarshalBinary()
				if err != nil {
					return b, err
				}
				v.visitors = append(binary.AppendUvarint(nil, uint64(len(form))), form...)
			}
			b.hashes[i].values = append(b.hashes[i].values, v)
		}
	}
	return b, nil
}

func letter(place int) string { return string(rune('a' + place)) }

// args is what the script gets of the hashes.
func (b *batch) args() (args []any) {
	for _, h := range b.hashes {
		args = append(args, h.name, len(h.values))
		for _, v := range h.values {
			args = append(args, v.name, v.visitors, 0)
			counts := len(args) - 1
			n := 0
			for place, count := range v.counts {
				if count != 0 {
					args = append(args, letter(place), count)
					n++
				}
			}
			args[counts] = n
		}
	}
	return args
}

// apply sends a batch; once more if another process has begun a generation.
func (h *Hot) apply(ctx context.Context, b batch, owner string, open, seen int64) error {
	name, values := draw(), b.args()
	for {
		index := h.index(owner, open)
		keys := []string{h.prefix + "state", index}
		for _, hash := range b.hashes {
			keys = append(keys, index+":"+hash.name)
		}
		args := append([]any{owner, h.seconds(), seen, b.from, b.to, name, open, longTail}, values...)
		answer, err := h.run(ctx, applyScript, keys, args...)
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(answer[1], 10, 64)
		switch {
		case err != nil:
			return fmt.Errorf("bins/redis: %w", err)
		case answer[0] == "CUT":
			open = n
			continue
		}
		h.stand(owner, open, n)
		// What can't be folded now is after the next batch.
		_ = h.fold(ctx, b, keys[2:], answer[2:], owner, n)
		return nil
	}
}

// fold puts one sketch into the place of each long tail.
func (h *Hot) fold(ctx context.Context, b batch, keys, long []string, owner string, changes int64) error {
	for i := 0; i+1 < len(long); i += 2 {
		k, err := strconv.Atoi(long[i])
		v, err2 := strconv.Atoi(long[i+1])
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		name := b.hashes[k].values[v].name
		got, err := h.client.HMGet(ctx, keys[k], "S"+name, "T"+name).Result()
		if err != nil {
			return err
		}
		var visitors bins.Sketch
		for j, read := range []func(*bins.Sketch, string) error{readSketch, readTail} {
			if form, ok := got[j].(string); ok {
				if err := read(&visitors, form); err != nil {
					return err
				}
			}
		}
		form, err := visitors.MarshalBinary()
		if err != nil {
			return err
		}
		if _, err := h.run(ctx, foldScript, []string{h.prefix + "state", keys[k]}, owner, h.seconds(), changes, name, form); err != nil {
			return err
		}
	}
	return nil
}

// readSketch merges a sketch's form into s.
func readSketch(s *bins.Sketch, form string) error {
	var o bins.Sketch
	if err := o.UnmarshalBinary([]byte(form)); err != nil {
		return err
	}
	s.Merge(&o)
	return nil
}

// readTail merges what waits into s: forms, each behind its length.
func readTail(s *bins.Sketch, tail string) error {
	for rest := []byte(tail); len(rest) > 0; {
		n, width := binary.Uvarint(rest)
		if width <= 0 || n > uint64(len(rest)-width) {
			return errors.New("bins/redis: damaged tail of sketches")
		}
		if err := readSketch(s, string(rest[width:width+int(n)])); err != nil {
			return err
		}
		rest = rest[width+int(n):]
	}
	return nil
}

// Cut begins a new generation.
func (h *Hot) Cut(ctx context.Context) (event.Position, error) {
	h.writing.Lock()
	defer h.writing.Unlock()
	owner, _, seen := h.standing()
	if owner == "" {
		return event.Position{}, errLost("they wait for a reset")
	}
	answer, err := h.run(ctx, cutScript, []string{h.prefix + "state"}, owner, h.seconds(), seen)
	if err != nil {
		return event.Position{}, err
	}
	at, err := parsePosition(answer[1])
	open, err2 := strconv.ParseInt(answer[2], 10, 64)
	changes, err3 := strconv.ParseInt(answer[3], 10, 64)
	if err := errors.Join(err, err2, err3); err != nil {
		return event.Position{}, fmt.Errorf("bins/redis: %w", err)
	}
	h.stand(owner, open, changes)
	return at, nil
}

// Forget drops generations that end at or before the position; the last one
// has no end.
func (h *Hot) Forget(ctx context.Context, upTo event.Position) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	owner, _, _ := h.standing()
	if owner == "" {
		return ctx.Err() // nothing there to drop
	}
	fields, err := h.client.HGetAll(ctx, h.prefix+"state").Result()
	if err != nil {
		return fmt.Errorf("bins/redis: %w", err)
	}
	s, ok := parseState(fields)
	if !ok || s.owner != owner {
		return errLost("they were emptied or are another's")
	}
	stay := s.first
	for stay < s.last && !upTo.Less(s.starts[stay+1]) {
		stay++
	}
	if stay == s.first {
		return nil
	}
	if _, err := h.run(ctx, forgetScript, []string{h.prefix + "state"}, owner, h.seconds(), stay); err != nil {
		return err
	}
	return h.remove(ctx, owner, s.first, stay)
}

// Reset empties the buckets and lets them stand at the position.
func (h *Hot) Reset(ctx context.Context, at event.Position) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	h.lose()
	owner := draw()
	old, err := resetScript.Run(ctx, h.client, []string{h.prefix + "state"}, owner, h.seconds(), spell(at), format).StringSlice()
	if err != nil {
		return fmt.Errorf("bins/redis: %w", err)
	}
	h.stand(owner, 1, 1)
	fields := map[string]string{}
	for i := 0; i+1 < len(old); i += 2 {
		fields[old[i]] = old[i+1]
	}
	if s, ok := parseState(fields); ok && s.owner != owner {
		// What can't be removed expires.
		_ = h.remove(ctx, s.owner, s.first, s.last+1)
	}
	return nil
}

// remove takes away the keys of generations that the state has no more.
func (h *Hot) remove(ctx context.Context, owner string, from, to int64) error {
	const together = 1000
	for n := from; n < to; n++ {
		index := h.index(owner, n)
		names, err := h.client.HKeys(ctx, index).Result()
		if err != nil {
			return fmt.Errorf("bins/redis: %w", err)
		}
		keys := []string{index}
		for _, name := range names {
			keys = append(keys, index+":"+name)
		}
		for len(keys) > 0 {
			k := min(len(keys), together)
			// The index last, so that what is left can be found.
			if err := h.client.Unlink(ctx, keys[len(keys)-k:]...).Err(); err != nil {
				return fmt.Errorf("bins/redis: %w", err)
			}
			keys = keys[:len(keys)-k]
		}
	}
	return nil
}
