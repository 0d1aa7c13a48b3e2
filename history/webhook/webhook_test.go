package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/history"
	"footfall/history/historytest"
	"footfall/webhook"
)

// receiver is a webhook in memory: it answers with what status says and keeps
// what it took.
type receiver struct {
	status func(site, body string) int // 0 is no answer at all

	mu    sync.Mutex
	tries []string // bodies
	times []time.Time
	taken []string
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	status := r.status(q.URL.Host, string(body))
	r.mu.Lock()
	r.tries, r.times = append(r.tries, string(body)), append(r.times, time.Now())
	if status/100 == 2 {
		r.taken = append(r.taken, string(body))
	}
	r.mu.Unlock()
	if status == 0 {
		return nil, errors.New("no route")
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: q}, nil
}

func (r *receiver) seen() (tries, taken []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.tries), slices.Clone(r.taken)
}

// counts is what a Sender counted.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) count(stage, reason string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[strings.TrimSpace(stage+" "+reason)] += n
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.of)
}

// put puts messages into the outbox, and returns their bodies.
func put(t *testing.T, o *historytest.Model, site string, names ...string) (bodies []string) {
	t.Helper()
	var all [][]byte
	for _, name := range names {
		body := fmt.Sprintf(`{"name":%q,"at":%q}`, name, time.Now().UTC().Format(time.RFC3339Nano))
		bodies, all = append(bodies, body), append(all, []byte(body))
	}
	if err := o.Move(t.Context(), site, history.Move{Visitor: "u1", Bodies: all}); err != nil {
		t.Fatal(err)
	}
	return bodies
}

// run runs a Sender in a bubble of fake time until stop is called.
func run(t *testing.T, o history.Outbox, to http.RoundTripper, count func(string, string, int), log io.Writer) (stop func()) {
	hook := func(site string) (Hook, bool) {
		return Hook{"http://" + site + "/hook?token=secret", []byte("key of " + site)}, site != "off"
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		New(o, hook, Options{Log: slog.New(slog.NewTextHandler(log, nil)), Count: count, Transport: to}).Run(ctx)
		close(done)
	}()
	return func() { cancel(); <-done }
}

func waiting(t *testing.T, o history.Outbox) int {
	t.Helper()
	n, _, err := o.Waiting(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got)+len(want) > 0 && !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestInOrderThroughFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		var c counts
		var log bytes.Buffer
		answers := []int{0, 500, 302, 404, 200}
		r := &receiver{status: func(site, body string) int {
			if site == "b" || len(answers) == 0 {
				return 204
			}
			next := answers[0]
			answers = answers[1:]
			return next
		}}
		a, b := put(t, o, "a", "1", "2", "3"), put(t, o, "b", "4")
		stop := run(t, o, r, c.count, &log)
		time.Sleep(2 * time.Second)
		if _, taken := r.seen(); !slices.Equal(taken, b) {
			t.Errorf("taken %q, want only that of the other site", taken)
		}
		time.Sleep(10 * time.Minute)
		stop()
		tries, taken := r.seen()
		same(t, "taken", taken, append(b, a...))
		if n := len(tries); n != 8 || waiting(t, o) != 0 {
			t.Errorf("%d tries, want 8; %d wait", n, waiting(t, o))
		}
		if got := c.String(); got != "map[webhook_failed:4 webhook_sent:4]" {
			t.Errorf("counted %s", got)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "delivered again") || strings.Contains(log.String(), "token") {
			t.Errorf("the log does not tell of one failure and its end:\n%s", log.String())
		}
	})
}

// TestPausesGrow: from ten seconds to six hours, over three days and more; then
// the message is given up, and what waited behind it as long is tried once.
func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		var c counts
		r := &receiver{status: func(string, string) int { return 503 }}
		head := put(t, o, "a", "head", "behind")
		stop := run(t, o, r, c.count, io.Discard)
		time.Sleep(71 * time.Hour)
		young := put(t, o, "a", "young")[0]
		if n := waiting(t, o); n != 3 {
			t.Errorf("%d wait before three days are over, want 3", n)
		}
		time.Sleep(14 * time.Hour)
		stop()
		tries, _ := r.seen()
		n := len(tries)
		for n > 0 && tries[n-1] == young {
			n--
		}
		if n < 2 || tries[n-1] != head[1] || slices.Contains(tries[:n-1], head[1]) || waiting(t, o) != 1 {
			t.Errorf("tried %d times, %d of the first; %d wait, want the young one only", len(tries), n-1, waiting(t, o))
		}
		if got := c.String(); !strings.Contains(got, "webhook_given_up failed:2") {
			t.Errorf("counted %s", got)
		}
		if tried := r.times[n-2].Sub(r.times[0]); tried < 72*time.Hour {
			t.Errorf("the first was given up after %s", tried)
		}
		for i := 1; i < n-1; i++ {
			want := min(10*time.Second<<(i-1), 6*time.Hour)
			if got := r.times[i].Sub(r.times[i-1]); got < want || got > want+2*time.Second {
				t.Errorf("pause %d is %s, want %s", i, got, want)
			}
		}
	})
}

func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		var c counts
		var log bytes.Buffer
		r := &receiver{status: func(_, body string) int {
			if strings.Contains(body, "unwanted") {
				return http.StatusGone
			}
			return 200
		}}
		wanted := put(t, o, "a", "unwanted", "wanted")[1]
		put(t, o, "off", "nobody's", "nor mine", "nor yours")
		stop := run(t, o, r, c.count, &log)
		time.Sleep(3 * time.Second)
		stop()
		tries, taken := r.seen()
		same(t, "taken", taken, []string{wanted})
		if len(tries) != 2 || waiting(t, o) != 0 {
			t.Errorf("%d tries, want 2; %d wait", len(tries), waiting(t, o))
		}
		if got := c.String(); got != "map[webhook_given_up gone:1 webhook_given_up no webhook:3 webhook_sent:1]" {
			t.Errorf("counted %s", got)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "messages=3") {
			t.Errorf("the log does not tell in a line each what was given up:\n%s", log.String())
		}
		if strings.Contains(log.String(), "u1") || strings.Contains(log.String(), "nobody") {
			t.Errorf("the log tells of whom a message is:\n%s", log.String())
		}
	})
}

// TestRefused: a message that the receiver always refuses does not hold up the
// others for days; one that somebody only can't take yet waits.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, x := range []struct {
			status int
			given  bool
		}{{400, true}, {404, true}, {422, true}, {401, false}, {403, false}, {408, false}, {425, false}, {429, false}, {500, false}} {
			o := historytest.NewModel()
			var c counts
			var log bytes.Buffer
			r := &receiver{status: func(_, body string) int {
				if strings.Contains(body, "odd") {
					return x.status
				}
				return 200
			}}
			odd, good := put(t, o, "a", "odd", "good")[0], put(t, o, "a", "fine")[0]
			stop := run(t, o, r, c.count, &log)
			time.Sleep(15 * time.Minute)
			if _, taken := r.seen(); len(taken) > 0 {
				t.Errorf("%d: after 15 minutes the message is given up", x.status)
			}
			time.Sleep(15 * time.Minute)
			stop()
			tries, taken := r.seen()
			if given := slices.Contains(taken, good); given != x.given {
				t.Errorf("%d: after 30 minutes given up is %t, want %t", x.status, given, x.given)
			}
			if x.given && (len(tries) != enough+2 || tries[enough-1] != odd || !strings.Contains(c.String(), "webhook_given_up refused:1") || !strings.Contains(log.String(), "were given up")) {
				t.Errorf("%d: %d tries, counted %s, log:\n%s", x.status, len(tries), c.String(), log.String())
			}
		}
	})
}

// TestNobodyIsToldAnyMore: the site's setting is asked for before each try, also
// of messages that were taken out of the outbox before it changed.
func TestNobodyIsToldAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		var off atomic.Bool
		r := &receiver{status: func(string, string) int {
			off.Store(true) // while the first is on its way
			return 200
		}}
		bodies := put(t, o, "a", "1", "2", "3")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		hook := func(string) (Hook, bool) { return Hook{"http://a/", []byte("key")}, !off.Load() }
		go func() {
			New(o, hook, Options{Log: slog.New(slog.DiscardHandler), Transport: r}).Run(ctx)
			close(done)
		}()
		time.Sleep(3 * time.Second)
		cancel()
		<-done
		tries, _ := r.seen()
		same(t, "tried", tries, bodies[:1])
	})
}

// TestRestart: what failed waits for its time although another process tries it.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		up := false
		r := &receiver{status: func(string, string) int {
			if up {
				return 200
			}
			return 500
		}}
		bodies := put(t, o, "a", "1", "2")
		stop := run(t, o, r, nil, io.Discard)
		time.Sleep(35 * time.Second)
		stop()
		up = true
		stop = run(t, o, r, nil, io.Discard)
		time.Sleep(25 * time.Second)
		if _, taken := r.seen(); len(taken) > 0 {
			t.Errorf("taken %q before the pause was over", taken)
		}
		time.Sleep(30 * time.Second)
		stop()
		tries, taken := r.seen()
		same(t, "taken", taken, bodies)
		if len(tries) != 5 {
			t.Errorf("%d tries, want 5", len(tries))
		}
	})
}

// TestTwoSenders: of two who look into the same outbox one makes each try, however
// long that takes.
func TestTwoSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		r := &receiver{status: func(string, string) int {
			time.Sleep(9 * time.Second)
			return 200
		}}
		bodies := put(t, o, "a", "1", "2", "3", "4", "5")
		one, other := run(t, o, r, nil, io.Discard), run(t, o, r, nil, io.Discard)
		time.Sleep(2 * time.Minute)
		one()
		other()
		tries, _ := r.seen()
		same(t, "tried", tries, bodies)
		if n := waiting(t, o); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// full is an outbox that can be read, and not written while it is on.
type full struct {
	*historytest.Model
	on atomic.Bool
}

var errFull = errors.New("the disk is full")

func (f *full) Claim(ctx context.Context, m history.Message, until time.Time) (bool, error) {
	if f.on.Load() {
		return false, errFull
	}
	return f.Model.Claim(ctx, m, until)
}

func (f *full) Sent(ctx context.Context, id uint64) error {
	if f.on.Load() {
		return errFull
	}
	return f.Model.Sent(ctx, id)
}

// TestUnkept: while the outbox can be read and not written nothing is sent; one that
// was on its way then comes again once.
func TestUnkept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &full{Model: historytest.NewModel()}
		var log bytes.Buffer
		first := true
		r := &receiver{status: func(string, string) int {
			if first {
				o.on.Store(true) // it fills up while the first is sent
			}
			first = false
			return 200
		}}
		bodies := put(t, o.Model, "a", "1", "2")
		stop := run(t, o, r, nil, &log)
		time.Sleep(time.Hour)
		if tries, _ := r.seen(); len(tries) != 1 || strings.Count(log.String(), "nothing is sent") != 1 {
			t.Errorf("%d tries while nothing can be written; the log:\n%s", len(tries), log.String())
		}
		o.on.Store(false)
		time.Sleep(3 * time.Second)
		stop()
		tries, _ := r.seen()
		same(t, "tried", tries, []string{bodies[0], bodies[0], bodies[1]})
		if n := waiting(t, o); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// TestManyOnce: nothing is sent twice while it is on its way, and a stop waits
// for what is.
func TestManyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := historytest.NewModel()
		r := &receiver{status: func(site, _ string) int {
			if site == "slow" {
				time.Sleep(3 * time.Second)
			}
			return 200
		}}
		names := make([]string, 3*batch)
		for i := range names {
			names[i] = fmt.Sprint(i)
		}
		slow := put(t, o, "slow", names...)
		fast := put(t, o, "fast", names...)
		stop := run(t, o, r, nil, io.Discard)
		time.Sleep(1500 * time.Millisecond)
		if _, taken := r.seen(); !slices.Equal(taken, fast) {
			t.Errorf("%d are taken after 1.5 s, want the %d of the fast site", len(taken), len(fast))
		}
		time.Sleep(time.Hour)
		put(t, o, "slow", "last")
		time.Sleep(1500 * time.Millisecond)
		stop()
		if tries, taken := r.seen(); !slices.Equal(taken[len(fast):len(fast)+len(slow)], slow) || len(tries) != 2*len(names)+1 || waiting(t, o) != 0 {
			t.Errorf("%d tries, %d taken, %d wait", len(tries), len(taken), waiting(t, o))
		}
	})
}

// TestOverTheNetwork sends to a real server: what it gets, no redirect followed,
// the connection used again.
func TestOverTheNetwork(t *testing.T) {
	o := historytest.NewModel()
	var log bytes.Buffer
	var mu sync.Mutex
	var got []string
	from := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr] = true
		got = append(got, fmt.Sprintf("%s %s %s %v %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"), webhook.Verify([]byte("key"), body, r.Header.Get(webhook.Header), time.Now()), body))
		if strings.Contains(string(body), `"moved"`) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}
		fmt.Fprintln(w, "thank you")
	}))
	defer server.Close()
	bodies := put(t, o, "a", "1", "2", "moved")
	s := New(o, func(string) (Hook, bool) { return Hook{server.URL + "/hook", []byte("key")}, true }, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, oldest, _ := o.Waiting(t.Context()); oldest.Tries > 0 {
			break
		}
	}
	cancel()
	<-done
	var want []string
	for _, b := range bodies {
		want = append(want, "POST /hook application/json <nil> "+b)
	}
	same(t, "got", got, want)
	if n, oldest, _ := o.Waiting(t.Context()); n != 1 || oldest.Why != "the answer was 307: redirects are not followed" || len(from) != 1 {
		t.Errorf("%d wait, the oldest %+v; %d connections", n, oldest, len(from))
	}
}
