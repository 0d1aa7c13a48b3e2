package webhook

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/ledger"
	"footfall/ledger/ledgertest"
	"footfall/webhook"
)

// receiver is an address in memory: it answers what status says, after a while.
type receiver struct {
	status func(host, body string) int // 0 is no answer at all
	slow   time.Duration

	mu    sync.Mutex
	tries map[string][]time.Time // by body
	heads []string               // signatures
	most  map[string]int         // tries at once, by host
	now   map[string]int
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	host := q.URL.Host
	r.mu.Lock()
	r.tries[string(body)] = append(r.tries[string(body)], time.Now())
	r.heads = append(r.heads, q.Header.Get("Footfall-Signature"))
	r.now[host]++
	r.most[host] = max(r.most[host], r.now[host])
	r.mu.Unlock()
	defer func() { r.mu.Lock(); r.now[host]--; r.mu.Unlock() }()
	select {
	case <-q.Context().Done():
		return nil, q.Context().Err()
	case <-time.After(r.slow):
	}
	status := r.status(host, string(body))
	if status == 0 {
		return nil, errors.New("no route")
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: q}, nil
}

// stage is a ledger with hooks, and a Sender that runs.
type stage struct {
	t    *testing.T
	book ledger.Book
	*receiver
	look time.Duration // 0 is as always
	stop func()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) change(fn func(tables ledger.Tables) error) {
	s.t.Helper()
	must(s.t, s.book.Change(context.Background(), func(tx ledger.Tx) error { return fn(tx.Money().Tables()) }))
}

// set opens a stage; it is called in a bubble of fake time.
func set(t *testing.T, status func(host, body string) int, hooks ...string) *stage {
	s := &stage{t: t, book: ledgertest.NewMemory(), receiver: &receiver{status: status, tries: map[string][]time.Time{}, most: map[string]int{}, now: map[string]int{}}}
	for _, id := range hooks {
		s.change(func(tables ledger.Tables) error {
			return tables.Hooks().Add(ledger.Hook{ID: id, Program: "p", URL: "http://" + id + "/?token=hidden", Secrets: []string{"secret of " + id}, State: ledger.HookActive})
		})
	}
	s.start()
	return s
}

func (s *stage) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		sender := New(s.book, Options{Log: slog.New(slog.DiscardHandler), Transport: s.receiver})
		sender.look = cmp.Or(s.look, look)
		sender.Run(ctx)
		close(done)
	}()
	s.stop = func() { cancel(); <-done }
}

// slower looks each half a minute from now on, so that days take no minutes.
func (s *stage) slower() {
	s.stop()
	s.look = 30 * time.Second
	s.start()
}

// tell puts a notice for a hook into the outbox. Its body is its id.
func (s *stage) tell(hook, id, kind string) {
	s.t.Helper()
	s.change(func(tables ledger.Tables) error {
		return tables.Outbox().Add(ledger.Notice{ID: id, Event: id, Program: "p", To: ledger.To(ledger.ToHook, hook), Kind: kind, Body: []byte(id), Created: time.Now(), State: ledger.Waiting, Due: time.Now()})
	})
}

func (s *stage) notice(id string) (n ledger.Notice) {
	s.t.Helper()
	s.change(func(tables ledger.Tables) error {
		found, err := tables.Outbox().List(ledger.NoticeFilter{ID: id})
		if err == nil && len(found) == 1 {
			n = found[0]
		}
		return err
	})
	return n
}

func (s *stage) hook(id string) (h ledger.Hook) {
	s.t.Helper()
	s.change(func(tables ledger.Tables) (err error) { h, err = tables.Hooks().Get(id); return err })
	return h
}

func (s *stage) tried(body string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tries[body])
}

// TestEachByItself: a notice that is not taken keeps no other waiting, and of a
// hook only a few are on their way at once.
func TestEachByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(host, body string) int {
			if host == "down" || body == "ok-3" {
				return 0
			}
			return 200
		}, "ok", "down")
		s.slow = 2 * time.Second
		for i := range 40 {
			s.tell("ok", fmt.Sprint("ok-", i), "k")
			s.tell("down", fmt.Sprint("down-", i), "k")
		}
		time.Sleep(time.Minute)
		s.stop()
		for i := range 40 {
			id := fmt.Sprint("ok-", i)
			if n := s.notice(id); (n.State == ledger.Delivered) != (i != 3) || i != 3 && (n.Tries != 1 || len(n.Answers) != 1 || n.Answers[0].Status != 200 || n.Answers[0].Took != s.slow || n.Why != "") {
				t.Errorf("%s: %+v", id, n)
			}
		}
		if s.most["ok"] != few || s.most["down"] != few {
			t.Errorf("%v on their way at once, %d are allowed", s.most, few)
		}
		if h := s.hook("ok"); h.State != ledger.HookActive || s.hook("down").Failing.IsZero() {
			t.Errorf("%+v, %+v", h, s.hook("down"))
		}
	})
}

// TestThreeDays: the pauses grow, after three days a notice is dead, and replayed
// it begins anew.
func TestThreeDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		works := false
		s := set(t, func(string, string) int {
			if works {
				return 204
			}
			return 503
		}, "h")
		s.slower()
		s.tell("h", "n", "k")
		began := time.Now()
		time.Sleep(5 * 24 * time.Hour)
		n, tries := s.notice("n"), s.tried("n")
		if n.State != ledger.Dead || n.Why != "the answer was 503" || n.Tries != len(tries) || len(n.Answers) != answers || n.Answers[4].Status != 503 || n.Settled.IsZero() {
			t.Errorf("%+v after %d tries", n, len(tries))
		}
		if last := tries[len(tries)-1].Sub(began); last < 72*time.Hour || last > 100*time.Hour || len(tries) < 15 || len(tries) > 30 {
			t.Errorf("%d tries in %s", len(tries), last)
		}
		for i, at := range tries[1:] {
			least := min(10*time.Second<<i, 6*time.Hour)
			if pause := at.Sub(tries[i]); pause < least || pause > least+least/4+s.look {
				t.Errorf("%s before try %d, at least %s", pause, i+2, least)
			}
		}
		if h := s.hook("h"); h.State != ledger.HookActive || h.Failing.Sub(began) > s.look {
			t.Errorf("%+v", h)
		}
		works = true
		s.change(func(tables ledger.Tables) error {
			n.State, n.Due, n.Tries, n.Settled = ledger.Waiting, time.Now(), 0, time.Time{}
			return tables.Outbox().Put(n)
		})
		time.Sleep(2 * s.look)
		s.stop()
		if n := s.notice("n"); n.State != ledger.Delivered || n.Tries != 1 || n.Event != "n" {
			t.Errorf("replayed: %+v", n)
		}
		if h := s.hook("h"); !h.Failing.IsZero() {
			t.Errorf("taken, and %+v", h)
		}
	})
}

// TestPaused: 410 pauses a hook at once, a week without anything taken does with
// the next notice given up; what is told then is dead, and no one is asked.
func TestPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(host, _ string) int {
			return map[string]int{"gone": 410, "moved": 307, "wrong": 404, "locked": 401}[host]
		}, "gone", "moved", "wrong", "locked", "quiet")
		for _, h := range []string{"gone", "moved", "wrong", "locked", "quiet"} {
			s.tell(h, h+"-1", "k")
		}
		time.Sleep(2 * look)
		if h := s.hook("gone"); h.State != ledger.HookPaused || !strings.Contains(h.Why, "410") || s.notice("gone-1").State != ledger.Dead || h.Changed.IsZero() {
			t.Errorf("gone: %+v %+v", h, s.notice("gone-1"))
		}
		s.tell("gone", "gone-2", "k")
		s.slower()
		for day := range 12 {
			time.Sleep(24 * time.Hour)
			if day < 11 {
				s.tell("moved", fmt.Sprint("moved-", day+2), "k")
			}
		}
		if n := s.notice("gone-2"); n.State != ledger.Dead || !strings.Contains(n.Why, "paused") || len(s.tried("gone-2")) != 0 {
			t.Errorf("told while paused: %+v", n)
		}
		if h := s.hook("moved"); h.State != ledger.HookPaused || !strings.Contains(h.Why, "redirects are not followed") {
			t.Errorf("twelve days of redirects: %+v", h)
		}
		for _, id := range []string{"wrong", "locked", "quiet"} {
			if h, n := s.hook(id), s.notice(id+"-1"); h.State != ledger.HookActive || n.State != ledger.Dead || n.Tries < 15 {
				t.Errorf("one notice of %s: %+v %+v", id, h, n)
			}
		}
		s.change(func(tables ledger.Tables) error {
			h, err := tables.Hooks().Get("locked")
			h.State = ledger.HookRemoved
			return errors.Join(err, tables.Hooks().Put(h))
		})
		s.tell("locked", "locked-2", "k")
		time.Sleep(2 * s.look)
		s.stop()
		if n := s.notice("locked-2"); n.State != ledger.Dead || len(s.tried("locked-2")) != 0 {
			t.Errorf("told after it was removed: %+v", n)
		}
	})
}

// TestTestOnce: a test is tried once, and a slow receiver is not waited for.
func TestTestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(string, string) int { return 200 }, "h")
		s.slow = time.Minute
		s.tell("h", "n", once)
		time.Sleep(20 * time.Second)
		s.stop()
		n := s.notice("n")
		if n.State != ledger.Dead || n.Tries != 1 || n.Answers[0].Status != 0 || n.Answers[0].Took != 10*time.Second || strings.Contains(n.Why, "hidden") || n.Why == "" {
			t.Errorf("%+v", n)
		}
	})
}

// right is how a receiver checks a signature: as docs/webhooks.md has it.
func right(header, secret, body string) bool {
	fields := strings.Split(header, ",")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.TrimPrefix(fields[0], "t=") + "." + body))
	return slices.Contains(fields[1:], fmt.Sprintf("v1=%x", mac.Sum(nil)))
}

// TestSecrets: while a secret takes another's place, both sign; then the new one alone.
func TestSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(string, string) int { return 200 }, "h")
		s.change(func(tables ledger.Tables) error {
			h, err := tables.Hooks().Get("h")
			h.Secrets, h.Until = []string{"new", "old"}, time.Now().Add(time.Hour)
			return errors.Join(err, tables.Hooks().Put(h))
		})
		s.tell("h", "a", "k")
		time.Sleep(2 * time.Hour)
		s.tell("h", "b", "k")
		time.Sleep(2 * look)
		s.stop()
		if len(s.heads) != 2 || !right(s.heads[0], "new", "a") || !right(s.heads[0], "old", "a") || !right(s.heads[1], "new", "b") || right(s.heads[1], "old", "b") || right(s.heads[1], "new", "a") {
			t.Errorf("signed by %v", s.heads)
		}
	})
}

// TestForgets: what was sent is kept for thirty days, what was given up for ninety,
// and what waits for ever. It is looked for at the start and each hour.
func TestForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(string, string) int { return 0 }, "h")
		s.stop()
		day := 24 * time.Hour
		for id, n := range map[string]struct {
			state ledger.NoticeState
			age   time.Duration
		}{"sent-now-old": {ledger.Delivered, KeepSent + time.Minute}, "sent-soon-old": {ledger.Delivered, KeepSent - time.Minute}, "sent-new": {ledger.Delivered, 29 * day},
			"dead-now-old": {ledger.Dead, KeepDead + time.Minute}, "dead-new": {ledger.Dead, 89 * day}} {
			s.tell("h", id, "k")
			kept := s.notice(id)
			kept.State, kept.Settled = n.state, time.Now().Add(-n.age)
			s.change(func(tables ledger.Tables) error { return tables.Outbox().Put(kept) })
		}
		left := func() (ids string) {
			s.change(func(tables ledger.Tables) error {
				all, err := tables.Outbox().List(ledger.NoticeFilter{})
				for _, n := range all {
					ids += " " + n.ID
				}
				return err
			})
			return ids
		}
		s.start()
		time.Sleep(time.Minute)
		if got := left(); got != " sent-soon-old sent-new dead-new" {
			t.Errorf("after a start there are%s", got)
		}
		time.Sleep(2 * time.Hour)
		s.stop()
		if got := left(); got != " sent-new dead-new" {
			t.Errorf("after an hour there are%s", got)
		}
	})
}

// unwritable is a ledger that can be read, and is not written while it is full.
type unwritable struct {
	ledger.Book
	full    atomic.Bool
	changes atomic.Int64
}

func (u *unwritable) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	if u.full.Load() {
		return errors.New("the disk is full")
	}
	u.changes.Add(1)
	return u.Book.Change(ctx, fn)
}

// TestUnwritable: while the ledger can be read and not written, nothing is sent; what
// was on its way is not sent again, but kept when the ledger can be written.
func TestUnwritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(string, string) int { return 200 }, "h")
		s.stop()
		book := &unwritable{Book: s.book}
		s.book, s.slow = book, 2*time.Second
		s.tell("h", "under way", "k")
		s.start()
		time.Sleep(look * 3 / 2)
		s.tell("h", "later", "k") // which the Sender sees with its next look
		book.full.Store(true)
		time.Sleep(10 * time.Minute)
		if way, later := len(s.tried("under way")), len(s.tried("later")); way != 1 || later != 0 {
			t.Errorf("sent %d and %d times while nothing is kept", way, later)
		}
		book.full.Store(false)
		time.Sleep(time.Minute)
		s.stop()
		for _, id := range []string{"under way", "later"} {
			if n := s.notice(id); n.State != ledger.Delivered || n.Tries != 1 || len(n.Answers) != 1 || len(s.tried(id)) != 1 {
				t.Errorf("%s was sent %d times: %+v", id, len(s.tried(id)), n)
			}
		}
	})
}

// TestCutOff: a try of which nothing came to be kept is made again, after the
// pause, and counts.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(string, string) int { return 200 }, "h")
		s.stop()
		whole := s.book
		book := &unwritable{Book: whole}
		s.book, s.slow = book, time.Second
		s.tell("h", "n", "k")
		s.start()
		time.Sleep(look / 2)
		book.full.Store(true) // as if it were killed: nothing is kept any more
		time.Sleep(3 * look)
		s.stop()
		s.book = whole
		if n := s.notice("n"); n.State != ledger.Waiting || n.Tries != 1 {
			t.Fatalf("%+v", n)
		}
		s.start()
		time.Sleep(time.Minute)
		s.stop()
		if n, at := s.notice("n"), s.tried("n"); n.State != ledger.Delivered || n.Tries != 2 || len(at) != 2 || at[1].Sub(at[0]) < webhook.Pause(0) || at[1].Sub(at[0]) > webhook.Pause(0)+2*look {
			t.Errorf("tried at %v: %+v", at, n)
		}
	})
}

// TestFewTransactions: notices of one moment are claimed together, and what came
// of them is kept together with the next claim.
func TestFewTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := set(t, func(string, string) int { return 200 }, "h")
		s.stop()
		book := &unwritable{Book: s.book}
		for i := range 40 {
			s.tell("h", fmt.Sprint("n", i), "k")
		}
		s.book = book
		s.start()
		time.Sleep(10 * time.Second)
		s.stop()
		if n := book.changes.Load(); len(s.tries) != 40 || n > 40/few+3 {
			t.Errorf("%d notices were sent in %d transactions", len(s.tries), n)
		}
	})
}
