package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// load sends single events and batches from many connections and remembers
// what was answered 200. What was not answered is mostly sent again, with the
// same ids and times, as real clients do; some is given up.
type load struct {
	url, key    string
	connections int
	prefix      string        // of the ids
	fresh       bool          // a new connection for every request
	pause       time.Duration // of every sender, before each request
	rate        int           // events a second of all senders; who was held up hurries; 0 is as many as can be
	mixed       bool          // some events are late by up to three days, some come twice, some are orders

	acked   atomic.Int64
	retried atomic.Int64
	refused atomic.Int64 // connections refused
	stopped atomic.Bool
	senders sync.WaitGroup

	mu    sync.Mutex
	ids   map[string]bool // true: answered; false: sent and given up
	gap   time.Duration   // longest time without a successful answer
	last  time.Time
	other map[string]int // answers that are neither 200 nor a broken connection
}

func newLoad(s *server, key string, connections int) *load {
	return &load{url: s.url(""), key: key, connections: connections, prefix: "e2e", ids: map[string]bool{}, other: map[string]int{}}
}

func (l *load) start() {
	for i := range l.connections {
		l.senders.Go(func() { l.send(i) })
	}
}

// stop lets every sender finish what it has under way.
func (l *load) stop() {
	l.stopped.Store(true)
	l.senders.Wait()
}

func (l *load) send(sender int) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: l.fresh}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	due := time.Now()
	for n := 0; !l.stopped.Load(); n++ {
		time.Sleep(l.pause)
		size := 1
		if n%4 == 3 {
			size = 1 + rand.IntN(20)
		}
		if l.rate > 0 {
			time.Sleep(time.Until(due))
			due = due.Add(time.Duration(size*l.connections) * time.Second / time.Duration(l.rate))
		}
		path, body, ids := l.request(sender, n, size)
		giveUp := rand.IntN(10) == 0
		for try := 0; ; try++ {
			if l.post(client, path, body) {
				l.note(ids, true)
				if l.mixed && n%10 == 0 {
					l.post(client, path, body)
				}
				break
			}
			if giveUp || l.stopped.Load() {
				l.note(ids, false)
				break
			}
			l.retried.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (l *load) request(sender, n, size int) (path string, body []byte, ids []string) {
	at := time.Now().UTC()
	if l.mixed && n%5 == 0 {
		at = at.Add(-time.Duration(rand.Int64N(int64(72 * time.Hour))))
	}
	now := at.Format(time.RFC3339Nano)
	var b bytes.Buffer
	for i := range size {
		id := fmt.Sprintf("%s-%d-%d-%d", l.prefix, sender, n, i)
		ids = append(ids, id)
		if i > 0 {
			b.WriteByte(',')
		}
		if l.mixed && n%7 == 0 {
			fmt.Fprintf(&b, `{"type":"track","event":%q,"messageId":%q,"anonymousId":"anon-%d","originalTimestamp":%q,"properties":{"order_id":"o-%d","total":"%d.%02d","products":[{"product_id":"p-%d","category":"c-%d","price":1.25,"quantity":%d}]},"context":{"userAgent":%q}}`,
				[]string{"Order Completed", "Product Viewed", "Order Refunded"}[n%3], id, sender, now, n, n%90, i, n%20, n%4, i+1, browser)
			continue
		}
		fmt.Fprintf(&b, `{"type":"page","messageId":%q,"anonymousId":"anon-%d","originalTimestamp":%q,"properties":{"url":"https://load.example/p/%d","n":%d},"context":{"userAgent":%q}}`,
			id, sender, now, n%50, i, browser)
	}
	if size == 1 && l.mixed && n%7 == 0 {
		return "/v1/track", b.Bytes(), ids
	}
	if size == 1 {
		return "/v1/page", b.Bytes(), ids
	}
	return "/v1/batch", append(append([]byte(`{"batch":[`), b.Bytes()...), "]}"...), ids
}

// post reports whether the request was answered 200.
func (l *load) post(client *http.Client, path string, body []byte) bool {
	r, err := http.NewRequest("POST", l.url+path, bytes.NewReader(body))
	if err != nil {
		panic(err) // the address is a constant
	}
	r.SetBasicAuth(l.key, "")
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			l.refused.Add(1)
		}
		return false
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusOK && err == nil && !strings.Contains(string(text), `"index"`) {
		return true
	}
	l.mu.Lock()
	l.other[fmt.Sprintf("%d %.200s", res.StatusCode, text)]++
	l.mu.Unlock()
	return false
}

func (l *load) note(ids []string, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.ids[id] = answered
	}
	if !answered {
		return
	}
	l.acked.Add(int64(len(ids)))
	now := time.Now()
	if !l.last.IsZero() {
		l.gap = max(l.gap, now.Sub(l.last))
	}
	l.last = now
}

// answered is a copy of the ids answered so far.
func (l *load) answered() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make(map[string]bool, len(l.ids))
	for id, ok := range l.ids {
		if ok {
			ids[id] = true
		}
	}
	return ids
}

// await waits until n more events are acknowledged.
func (l *load) await(t testing.TB, n int64) {
	t.Helper()
	want := l.acked.Load() + n
	for deadline := time.Now().Add(60 * time.Second); l.acked.Load() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events acknowledged within 60 s; other answers: %v", l.acked.Load(), want, l.other)
		}
	}
}

// compare checks that every acknowledged id is stored exactly once and any
// other at most once; it returns how many are lost and doubled.
func compare(t testing.TB, acked map[string]bool, stored []kept) (lost, doubled int) {
	t.Helper()
	seen := make(map[string]int, len(stored))
	for _, e := range stored {
		seen[e.ID]++
		if seen[e.ID] == 2 {
			doubled++
		}
	}
	for id := range acked {
		if seen[id] == 0 {
			lost++
			if lost <= 5 {
				t.Logf("lost: %s", id)
			}
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("LOST %d of %d acknowledged events, %d stored more than once", lost, len(acked), doubled)
	}
	return lost, doubled
}
