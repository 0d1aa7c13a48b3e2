package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/event"
	"footfall/period"
)

func TestLaw(t *testing.T) {
	s := serve(t)
	n := 0
	binstest.Hot(t, func(t *testing.T) bins.Hot {
		n++
		return s.open(t, fmt.Sprint("law", n))
	})
}

func at(seq int) event.Position {
	return event.Position{Epoch: 3, Seq: uint64(seq), Total: uint64(seq)}
}

var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

// views makes n page views of visitors from first on, of three pages in two buckets.
func views(n, first int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{Site: "shop", Kind: event.Page, Path: fmt.Sprintf("/%d", i%3), Visitor: uint64(first + i),
			Time: noon.Add(time.Duration(i%2) * period.Bucket)}
	}
	return events
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count is the page views and visitors (their buckets' sum) of the shop or one of its pages.
func count(t *testing.T, h *Hot, page string, since event.Position) (views, visitors int64, err error) {
	t.Helper()
	r := bins.HotRange{Site: "shop", Window: period.Window{From: noon, To: noon.Add(time.Hour)}, Since: since}
	if page != "" {
		r.By, r.Value = "page", page
	}
	err = h.Read(t.Context(), r, func(_ string, _ time.Time, b *bins.Bin) error {
		views += b.Counts[0]
		visitors += b.Visitors.Count()
		return nil
	})
	return views, visitors, err
}

func wantCount(t *testing.T, h *Hot, since event.Position, want int64) {
	t.Helper()
	if views, visitors, err := count(t, h, "", since); err != nil || views != want || visitors != want {
		t.Errorf("%d views, %d visitors, %v; want %d", views, visitors, err, want)
	}
}

// TestLoaders has several processes at one Redis.
func TestLoaders(t *testing.T) {
	s := serve(t)
	t.Run("names", func(t *testing.T) {
		a, b := s.open(t, "a"), s.open(t, "b")
		must(t, a.Reset(t.Context(), at(1)))
		must(t, b.Reset(t.Context(), at(1)))
		must(t, a.Apply(t.Context(), views(10, 1), at(1), at(2)))
		must(t, b.Apply(t.Context(), views(20, 1), at(1), at(2)))
		must(t, b.Reset(t.Context(), at(5)))
		wantCount(t, a, at(1), 10)
		wantCount(t, b, at(5), 0)
	})
	t.Run("turns", func(t *testing.T) {
		a := s.open(t, "turns")
		must(t, a.Reset(t.Context(), at(1)))
		b := s.open(t, "turns")
		must(t, a.Apply(t.Context(), views(10, 1), at(1), at(2)))
		must(t, b.Apply(t.Context(), views(10, 1), at(1), at(2))) // the same batch
		_, err := b.Cut(t.Context())
		must(t, err)
		must(t, a.Apply(t.Context(), views(10, 11), at(2), at(3))) // goes to the generation that b began
		must(t, b.Apply(t.Context(), views(10, 21), at(3), at(4)))
		for _, h := range []*Hot{a, b} {
			wantCount(t, h, at(1), 30)
			wantCount(t, h, at(2), 20)
		}
		must(t, b.Reset(t.Context(), at(4)))
		if _, _, err := count(t, a, "", at(1)); !errors.Is(err, bins.ErrLost) {
			t.Errorf("another emptied them: %v", err)
		}
		if err := a.Apply(t.Context(), nil, at(4), at(5)); !errors.Is(err, bins.ErrLost) {
			t.Errorf("another emptied them: %v", err)
		}
		wantCount(t, b, at(4), 0)
		c := s.open(t, "turns")
		must(t, c.Apply(t.Context(), views(10, 1), at(4), at(5)))
		must(t, b.Reset(t.Context(), at(4)))
		for i := 4; i < 8; i++ {
			must(t, b.Apply(t.Context(), nil, at(i), at(i+1)))
		}
		if _, _, err := count(t, c, "", at(4)); !errors.Is(err, bins.ErrLost) {
			t.Errorf("another emptied them and began at the same place: %v", err)
		}
	})
	t.Run("again", func(t *testing.T) {
		a := s.open(t, "again")
		must(t, a.Reset(t.Context(), at(1)))
		must(t, a.Apply(t.Context(), views(10, 1), at(1), at(2)))
		b := s.open(t, "again")
		must(t, b.Apply(t.Context(), views(10, 11), at(2), at(3)))
		wantCount(t, b, at(1), 20)
	})
}

// keysOf lists the keys of a name, without what all have in common.
func keysOf(t *testing.T, s *server, name string) (keys []string) {
	t.Helper()
	prefix := "footfall:{" + name + "}:"
	for _, key := range s.do("KEYS", prefix+"*").([]any) {
		keys = append(keys, strings.TrimPrefix(key.(string), prefix))
	}
	return keys
}

// TestKeys looks at what is left when buckets are forgotten.
func TestKeys(t *testing.T) {
	s := serve(t)
	h := s.open(t, "k")
	must(t, h.Reset(t.Context(), at(1)))
	for i := 1; i <= 3; i++ {
		must(t, h.Apply(t.Context(), views(100, 1), at(i), at(i+1)))
		_, err := h.Cut(t.Context())
		must(t, err)
	}
	// The state, and in each of three generations an index and two buckets of the site and eleven dimensions.
	if keys := keysOf(t, s, "k"); len(keys) != 1+3*(1+2*12) {
		t.Errorf("%d keys: %v", len(keys), keys)
	}
	for _, key := range s.do("KEYS", "*").([]any) {
		if left := s.do("TTL", key).(int64); left < 47*3600 || left > 48*3600 {
			t.Errorf("%s lives for %d s", key, left)
		}
	}
	must(t, h.Forget(t.Context(), at(3)))
	if keys := keysOf(t, s, "k"); len(keys) != 1+1*(1+2*12) {
		t.Errorf("%d keys: %v", len(keys), keys)
	}
	must(t, h.Reset(t.Context(), at(9)))
	if keys := keysOf(t, s, "k"); len(keys) != 1 {
		t.Errorf("%d keys: %v", len(keys), keys)
	}
}

// TestFold has tails of sketches become one, and none grow without end.
func TestFold(t *testing.T) {
	s := serve(t)
	h := s.open(t, "f")
	must(t, h.Reset(t.Context(), at(0)))
	const batches, each = 60, 200
	for i := range batches {
		must(t, h.Apply(t.Context(), views(each, 1+i*each), at(i), at(i+1)))
	}
	folded := 0
	for _, key := range s.do("KEYS", "*").([]any) {
		if s.do("TYPE", key) != "hash" {
			t.Fatalf("%s is a %v", key, s.do("TYPE", key))
		}
		if tail := s.do("HSTRLEN", key, "T").(int64); tail > longTail+each*8 {
			t.Errorf("%s: a tail of %d bytes", key, tail)
		}
		if s.do("HSTRLEN", key, "S").(int64) > 0 {
			folded++
		}
	}
	if folded != 2*11 { // two buckets; there is no page without a name
		t.Errorf("%d sketches", folded)
	}
	got, visitors, err := count(t, h, "", at(0))
	if err != nil || got != batches*each || visitors < batches*each*97/100 || visitors > batches*each*103/100 {
		t.Errorf("%d views, %d visitors, %v", got, visitors, err)
	}
	// Of each batch every third view from the second on.
	if got, visitors, err := count(t, h, "/1", at(0)); err != nil || got != batches*67 || visitors < got*97/100 || visitors > got*103/100 {
		t.Errorf("page: %d views, %d visitors, %v", got, visitors, err)
	}
}

// TestFoldLate folds a tail that another process has added to meanwhile: it must
// be left.
func TestFoldLate(t *testing.T) {
	s := serve(t)
	h := s.open(t, "late")
	must(t, h.Reset(t.Context(), at(1)))
	must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
	owner, open, seen := h.standing()
	of := hash{name: hashName("", bins.SlotOf("shop", noon)), values: []value{{}}}
	key := h.index(owner, open) + ":" + of.name
	if err := h.fold(t.Context(), batch{hashes: []hash{of}}, []string{key}, []string{"0", "0"}, owner, seen-1); !errors.Is(err, bins.ErrLost) {
		t.Errorf("fold: %v", err)
	}
	wantCount(t, h, at(1), 10)
	if n := s.do("HSTRLEN", key, "S"); n != int64(0) {
		t.Errorf("a sketch of %d bytes", n)
	}
}

// TestMost has a batch with too many bins make the buckets lost, not Redis stuck.
func TestMost(t *testing.T) {
	s := serve(t)
	h := s.open(t, "most")
	h.most = 40
	must(t, h.Reset(t.Context(), at(1)))
	must(t, h.Apply(t.Context(), views(10, 1), at(1), at(2)))
	many := make([]event.Event, 50)
	for i := range many {
		many[i] = event.Event{Site: "shop", Kind: event.Page, Path: fmt.Sprint(i), Time: noon}
	}
	if err := h.Apply(t.Context(), many, at(2), at(3)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Apply: %v", err)
	}
	if _, _, err := count(t, h, "", at(1)); !errors.Is(err, bins.ErrLost) {
		t.Errorf("Read: %v", err)
	}
}

func TestVersion(t *testing.T) {
	for _, c := range []struct{ info, want string }{
		{"# Server\r\nredis_version:7.0.15\r\n", ""},
		{"redis_version:8.2.1\r\nvalkey_version:9\r\n", ""},
		{"# Server\r\nredis_version:6.2.14\r\nos:Linux\r\n", "its version is 6.2.14, and Footfall needs Redis 7 or newer"},
		{"redis_version:unstable\r\n", "its version is unstable, and Footfall needs Redis 7 or newer"},
		{"server:other\r\n", "it does not say its version, and Footfall needs Redis 7 or newer"},
	} {
		got := ""
		if err := checkVersion(c.info); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.info, got, c.want)
		}
	}
}

// TestSecrets has no error tell the password, whatever is wrong.
func TestSecrets(t *testing.T) {
	s := serve(t)
	for _, address := range []string{
		"", "localhost:6379", "http://hunter2@localhost", "redis://:hunter2", "redis://:hunter2@", "redis://user:hun/ter2@localhost",
		"redis://user:6379/hunter2@localhost:1", "redis://user:hunter2%zz@localhost", "redis://user:hunter2@localhost:port", "redis://hun#ter2@localhost",
		"redis://:hunter2@localhost/db", "redis://:hunter2@localhost/?pool=hunter2", "redis://:hunter2@localhost?name=", "redis://:hunter2@localhost?name=a:b",
		"redis://:hunter2@127.0.0.1:1", "rediss://:hunter2@127.0.0.1:1?max_retries=-1",
		fmt.Sprintf("redis://:hunter2@127.0.0.1:%d", s.port), fmt.Sprintf("redis://user:hunter2@127.0.0.1:%d", s.port),
		fmt.Sprintf("rediss://:hunter2@127.0.0.1:%d?max_retries=-1&dial_timeout=1s", s.port),
	} {
		h, err := Open(context.Background(), address, Options{})
		if err == nil {
			_ = h.Close()
			t.Errorf("%s: opened", address)
			continue
		}
		if strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "ter2") || strings.Contains(err.Error(), "hun/") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct {
		url, name, user, password, addr string
		db                              int
		tls                             bool
	}{
		{"redis://localhost", "footfall", "", "", "localhost:6379", 0, false},
		{"redis://u:p%2F%40@10.0.0.1:7000/3?name=shop-1", "shop-1", "u", "p/@", "10.0.0.1:7000", 3, false},
		{"rediss://:p@redis.example.org/?read_timeout=1s", "footfall", "", "p", "redis.example.org:6379", 0, true},
	} {
		o, name, err := parse(c.url)
		if err != nil || name != c.name || o.Username != c.user || o.Password != c.password || o.Addr != c.addr || o.DB != c.db || (o.TLSConfig != nil) != c.tls {
			t.Errorf("%s: %+v, %q, %v", c.url, o, name, err)
		}
	}
}
