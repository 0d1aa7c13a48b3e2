package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"footfall/bins"
	"footfall/bins/binstest"
)

// TestTrouble takes data away from under random work: what is read is right or
// not read.
func TestTrouble(t *testing.T) {
	flushed := func(s *server, _ *rand.Rand) { s.do("FLUSHALL") }
	evicted := func(s *server, r *rand.Rand) {
		for range 1 + r.IntN(20) {
			if key, ok := s.do("RANDOMKEY").(string); ok {
				s.do("DEL", key)
			}
		}
	}
	for _, c := range []struct {
		name         string
		seeds, steps int
		trouble      func(*server, *rand.Rand)
	}{
		{"flushed", 10, 150, flushed},
		{"evicted", 20, 150, evicted},
		{"killed", 2, 150, func(s *server, _ *rand.Rand) { s.restart() }},
		{"down", 1, 100, func(s *server, _ *rand.Rand) {
			s.kill()
			time.AfterFunc(50*time.Millisecond, s.restart)
		}},
		{"older copy", 2, 150, func(s *server, r *rand.Rand) {
			if r.IntN(2) == 0 {
				s.do("SAVE")
				return
			}
			s.restart()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t)
			for seed := range c.seeds {
				r := rand.New(rand.NewPCG(uint64(seed), 5))
				binstest.Walk(t, s.open(t, fmt.Sprint("trouble", seed)), uint64(seed), c.steps, func() { c.trouble(s, r) })
			}
		})
	}
}

// TestLostKey takes each key away, one at a time.
func TestLostKey(t *testing.T) {
	s := serve(t)
	fill := func(h *Hot) {
		must(t, h.Reset(t.Context(), at(1)))
		must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
		must(t, h.Apply(t.Context(), views(10, 11), at(2), at(3)))
		_, err := h.Cut(t.Context())
		must(t, err)
		must(t, h.Apply(t.Context(), views(10, 21), at(3), at(4)))
	}
	h := s.open(t, "l")
	fill(h)
	for i := range keysOf(t, s, "l") {
		fill(h)
		key := "footfall:{l}:" + keysOf(t, s, "l")[i]
		s.do("DEL", key)
		// Only that it is gone, and with what comes behind it in its place.
		for _, more := range []int{0, 1} {
			if more > 0 {
				_ = h.Apply(t.Context(), views(10, 31), at(4), at(5))
			}
			want := []int64{30, 40}[more]
			views, visitors, err := count(t, h, "", at(1))
			pages := [3]int64{}
			for p := range pages {
				v, _, err2 := count(t, h, fmt.Sprintf("/%d", p), at(1))
				err = errors.Join(err, err2)
				pages[p] = v
			}
			if err == nil && (views != want || visitors != want || pages[0]+pages[1]+pages[2] != want) {
				t.Errorf("without %s: %d views, %d visitors, pages %v; want %d or ErrLost", key, views, visitors, pages, want)
			}
			if err != nil && !errors.Is(err, bins.ErrLost) {
				t.Errorf("without %s: %v", key, err)
			}
		}
	}
	// Nothing but the state is left.
	fill(h)
	for _, key := range keysOf(t, s, "l") {
		if key != "state" {
			s.do("DEL", "footfall:{l}:"+key)
		}
	}
	if _, _, err := count(t, h, "", at(1)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("nothing but the state is left: %v", err)
	}
}

// TestExpired has the buckets end by themselves, and be known to be lost.
func TestExpired(t *testing.T) {
	s := serve(t)
	h := s.open(t, "e")
	h.keep = time.Second
	must(t, h.Reset(t.Context(), at(1)))
	must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
	for deadline := time.Now().Add(30 * time.Second); len(keysOf(t, s, "e")) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v", keysOf(t, s, "e"))
		}
	}
	if _, _, err := count(t, h, "", at(1)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Read: %v", err)
	}
}

// TestOlderCopy has Redis come back with what it had some time ago.
func TestOlderCopy(t *testing.T) {
	for _, what := range []string{"read", "part", "cut"} {
		t.Run(what, func(t *testing.T) {
			s := serve(t)
			h := s.open(t, "o")
			must(t, h.Reset(t.Context(), at(1)))
			must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
			s.do("SAVE")
			must(t, h.Apply(t.Context(), views(10, 11), at(2), at(2))) // a part: the position stays
			s.restart()
			if s.do("EXISTS", "footfall:{o}:state") != int64(1) {
				t.Fatal("nothing came back")
			}
			var err error
			switch what {
			case "read":
				_, _, err = count(t, h, "", at(1))
			case "part":
				err = h.Apply(t.Context(), views(10, 21), at(2), at(2))
			case "cut":
				_, err = h.Cut(t.Context())
			}
			if !errors.Is(err, bins.ErrLost) {
				t.Errorf("%v, want ErrLost", err)
			}
		})
	}
}

// between runs a function once, before the next transaction.
type between struct {
	redis.Hook
	do func()
}

func (b *between) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		if do := b.do; do != nil {
			b.do = nil
			do()
		}
		return next(ctx, commands)
	}
}

// TestCutWhileReading has generations come and go between the look at which
// there are and reading them.
func TestCutWhileReading(t *testing.T) {
	s := serve(t)
	h := s.open(t, "c")
	b := &between{}
	h.client.AddHook(b)
	must(t, h.Reset(t.Context(), at(1)))
	must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
	b.do = func() {
		_, err := h.Cut(t.Context())
		must(t, err)
		must(t, h.Apply(t.Context(), views(10, 11), at(2), at(3)))
	}
	wantCount(t, h, at(1), 20)
	b.do = func() { must(t, h.Forget(t.Context(), at(2))) }
	if views, _, err := count(t, h, "", at(1)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("it was forgotten: %d views, %v", views, err)
	}
	wantCount(t, h, at(2), 10)
	b.do = func() { must(t, h.Reset(t.Context(), at(2))) }
	if views, _, err := count(t, h, "", at(2)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("they were emptied: %d views, %v", views, err)
	}
	if b.do != nil {
		t.Error("nothing came between")
	}
}

// TestDown has Redis away: reading says lost, so that figures come from the
// event store, and after a reset all is well.
func TestDown(t *testing.T) {
	s := serve(t)
	h := s.open(t, "d")
	must(t, h.Reset(t.Context(), at(1)))
	must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
	s.kill()
	if _, _, err := count(t, h, "", at(1)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Read: %v", err)
	}
	if err := h.Apply(t.Context(), views(10, 1), at(2), at(3)); err == nil {
		t.Error("Apply without Redis")
	}
	if h.Reset(t.Context(), at(3)) == nil {
		t.Error("Reset without Redis")
	}
	s.restart()
	if err := h.Apply(t.Context(), nil, at(3), at(4)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Apply before a reset: %v", err)
	}
	must(t, h.Reset(t.Context(), at(3)))
	must(t, h.Apply(t.Context(), views(10, 1), at(3), at(4)))
	wantCount(t, h, at(3), 10)
}

// cutter is a way to a Redis that can cut a connection when a command was run
// but before its answer arrives.
type cutter struct {
	net.Listener
	to   int         // port
	next atomic.Bool // cut at the next answer
	cuts atomic.Int64
}

func cutBefore(t *testing.T, s *server) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	c := &cutter{Listener: l, to: s.port}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(client)
		}
	}()
	return c
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.to))
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, client)
		_ = up.Close()
	}()
	for b := make([]byte, 1<<16); ; {
		n, err := up.Read(b)
		if n > 0 && c.next.CompareAndSwap(true, false) {
			c.cuts.Add(1)
			return
		}
		if _, err2 := client.Write(b[:n]); err != nil || err2 != nil {
			return
		}
	}
}

// TestAnswerLost loses the answers of scripts: the client sends them again, and
// they count once.
func TestAnswerLost(t *testing.T) {
	s := serve(t)
	c := cutBefore(t, s)
	h := open(t, address(c.Addr().(*net.TCPAddr).Port, "answers"))
	must(t, h.Reset(t.Context(), at(1)))
	must(t, h.Apply(t.Context(), nil, at(1), at(1))) // the script is known now
	for i := range 10 {
		c.next.Store(true)
		to := at(1)
		if i == 9 {
			to = at(2)
		}
		must(t, h.Apply(t.Context(), views(10, 1+10*i), at(1), to))
		wantCount(t, h, at(1), int64(10*(i+1)))
	}
	c.next.Store(true)
	place, err := h.Cut(t.Context())
	if err != nil || place != at(2) {
		t.Errorf("Cut = %v, %v", place, err)
	}
	must(t, h.Apply(t.Context(), views(10, 1), at(2), at(3)))
	wantCount(t, h, at(2), 10)
	c.next.Store(true)
	must(t, h.Forget(t.Context(), at(2)))
	c.next.Store(true)
	must(t, h.Reset(t.Context(), at(3)))
	wantCount(t, h, at(3), 0)
	if c.cuts.Load() != 13 {
		t.Errorf("%d answers were cut off, want 13", c.cuts.Load())
	}
}
