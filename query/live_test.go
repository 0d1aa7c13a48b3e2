package query

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"footfall/metric"
)

// told is a question whose answer is a number that a test changes.
type told struct {
	asked, value, until atomic.Int64 // until: seconds from now
	fails               atomic.Pointer[error]
	takes               time.Duration
}

func (x *told) watched(key, feed string) Watched {
	return Watched{Key: key, Feed: feed, Ask: func(ctx context.Context) (Told, error) {
		x.asked.Add(1)
		select {
		case <-time.After(x.takes):
		case <-ctx.Done():
			return Told{}, ctx.Err()
		}
		if err := x.fails.Load(); err != nil {
			return Told{}, *err
		}
		t := Told{Text: fmt.Append(nil, x.value.Load()), Sum: uint64(x.value.Load()), AsOf: time.Now()}
		if n := x.until.Load(); n > 0 {
			t.Until = time.Now().Add(time.Duration(n) * time.Second)
		}
		return t, nil
	}}
}

// running is a Live that runs until the test ends.
func running(t *testing.T) *Live {
	l := NewLive()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

func listen(t *testing.T, l *Live, questions ...Watched) *Listener {
	t.Helper()
	n, err := l.Listen(questions...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// says is what a listener is told now; "-" if nothing.
func says(t *testing.T, n *Listener) (text string) {
	t.Helper()
	all, err := n.Told()
	if err != nil {
		return err.Error()
	}
	for _, x := range all {
		text += string(x.Text) + " "
	}
	if text == "" {
		return "-"
	}
	return text[:len(text)-1]
}

// fresh reports whether a listener was told that there is something new.
func fresh(n *Listener) bool {
	select {
	case <-n.Fresh():
		return true
	default:
		return false
	}
}

func TestAskedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		var x, other told
		all := make([]*Listener, 1000)
		for i := range all {
			all[i] = listen(t, l, x.watched("q", "a"))
		}
		apart := listen(t, l, other.watched("other", "b"))
		synctest.Wait()
		if x.asked.Load() != 1 || says(t, all[999]) != "0" {
			t.Fatalf("asked %d times, told %s", x.asked.Load(), says(t, all[999]))
		}
		for range 40 { // ten seconds in which something is stored four times each
			x.value.Add(1)
			l.Stored("a")
			time.Sleep(250 * time.Millisecond)
		}
		synctest.Wait()
		if n := x.asked.Load(); n < 10 || n > 11 {
			t.Errorf("asked %d times in ten seconds", n)
		}
		for _, n := range all {
			if !fresh(n) || says(t, n) != says(t, all[0]) {
				t.Fatal("a listener was not told")
			}
		}
		time.Sleep(time.Hour) // idle
		if says(t, all[0]) != "40" || x.asked.Load() > 12 || other.asked.Load() != 1 {
			t.Errorf("told %s; asked %d and %d times", says(t, all[0]), x.asked.Load(), other.asked.Load())
		}
		for _, n := range all {
			n.Close()
		}
		before := x.asked.Load()
		l.Stored("a")
		time.Sleep(time.Minute)
		if x.asked.Load() != before || len(l.feeds) != 1 {
			t.Errorf("asked although nobody listens: %d, %d feeds", x.asked.Load()-before, len(l.feeds))
		}
		apart.Close()
	})
}

func TestSameFiguresAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		var x told
		n := listen(t, l, x.watched("q", "a"))
		time.Sleep(time.Minute)
		fresh(n)
		l.Stored("a")
		time.Sleep(time.Minute)
		if x.asked.Load() != 2 || fresh(n) {
			t.Errorf("asked %d times, or told what was told before", x.asked.Load())
		}
		late := listen(t, l, x.watched("q", "a"))
		if !fresh(late) || says(t, late) != "0" || x.asked.Load() != 2 {
			t.Error("who comes later does not get what is known")
		}
	})
}

func TestTimeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		var x told
		x.until.Store(60)
		n := listen(t, l, x.watched("q", "a"))
		defer n.Close()
		time.Sleep(10*time.Minute + time.Second)
		if x.asked.Load() != 11 {
			t.Errorf("asked %d times in ten minutes, want each minute", x.asked.Load())
		}
	})
}

// A slow question rests longer, and keeps no other waiting.
func TestSlowQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		slow, quick := told{takes: 5 * time.Second}, told{}
		listen(t, l, slow.watched("slow", "a"))
		synctest.Wait()
		n := listen(t, l, quick.watched("quick", "a"))
		for range 99 { // not to the moment when the slow one is asked again
			l.Stored("a")
			time.Sleep(time.Second)
		}
		if says(t, n) != "0" || quick.asked.Load() < 98 || slow.asked.Load() > 5 {
			t.Errorf("quick %d, slow %d times in 99 s", quick.asked.Load(), slow.asked.Load())
		}
	})
}

// Who comes again and again with new questions keeps no other waiting.
func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		var old told
		n := listen(t, l, old.watched("old", "a"))
		synctest.Wait()
		for i := range 100 {
			others := told{takes: 2 * time.Second}
			for j := range 4 {
				m := listen(t, l, others.watched(fmt.Sprint(i, " ", j), "b"))
				time.AfterFunc(8*time.Second, m.Close)
			}
			old.value.Add(1)
			l.Stored("a")
			time.Sleep(time.Second)
		}
		if old.asked.Load() < 5 || says(t, n) == "0" {
			t.Errorf("asked %d times in 100 s among new ones", old.asked.Load())
		}
	})
}

// TestAskersTakeTurns: who asks a hundred slow questions, also such as others ask,
// or comes anew, keeps nobody else's waiting for more than one of them.
func TestAskersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		slow, shared := told{takes: 4 * time.Second}, told{takes: 4 * time.Second}
		by := func(who string, w Watched) Watched { w.By = who; return w }
		many := func() *Listener {
			all := []Watched{by("eve", shared.watched("shared", "site"))}
			for i := range 100 {
				all = append(all, by("eve", slow.watched(fmt.Sprint("slow ", i), "site")))
			}
			return listen(t, l, all...)
		}
		eve := many()
		time.Sleep(time.Minute)
		quick := [3]told{}
		for i := range quick {
			listen(t, l, by("ada", quick[i].watched(fmt.Sprint("quick ", i), "site")))
		}
		listen(t, l, by("bob", shared.watched("shared", "site")))
		for range 20 {
			time.Sleep(20 * time.Second) // each of ada's three waits for what is under way, and then for one of eve's and one of bob's; without turns for a hundred
			for i := range quick {
				if quick[i].asked.Swap(0) == 0 {
					t.Fatalf("a question of ada's waits for more than one of eve's")
				}
			}
			l.Stored("site")
			eve.Close()
			eve = many()
		}
		if slow.asked.Load() < 40 {
			t.Errorf("eve was told %d times: she has turns, too", slow.asked.Load())
		}
		eve.Close()
		time.Sleep(time.Minute)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.turns) != 2 {
			t.Errorf("turns of %d askers are kept, where two listen", len(l.turns))
		}
	})
}

func TestFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t)
		down, wrong := errors.New("down"), error(&metric.QueryError{Why: "ask otherwise"})
		var x, first told
		n := listen(t, l, x.watched("q", "a"))
		synctest.Wait()
		x.fails.Store(&down)
		l.Stored("a")
		time.Sleep(21 * time.Second)
		if says(t, n) != "0" || x.asked.Load() > 6 {
			t.Errorf("told %s, asked %d times", says(t, n), x.asked.Load())
		}
		x.fails.Store(nil)
		x.value.Store(7)
		time.Sleep(10 * time.Second)
		if says(t, n) != "7" {
			t.Errorf("told %s after it works again", says(t, n))
		}
		x.fails.Store(&wrong)
		l.Stored("a")
		time.Sleep(2 * time.Second)
		if says(t, n) != "ask otherwise" || !fresh(n) {
			t.Errorf("told %s", says(t, n))
		}
		first.fails.Store(&down)
		m := listen(t, l, first.watched("first", "a"))
		time.Sleep(time.Second)
		if says(t, m) != "down" {
			t.Errorf("told %s", says(t, m))
		}
		n.Close()
		m.Close()
		x.fails.Store(nil)
		if n = listen(t, l, x.watched("q", "a")); says(t, n) != "-" {
			t.Errorf("told %s before it is asked anew", says(t, n))
		}
		synctest.Wait()
		if says(t, n) != "7" {
			t.Errorf("told %s", says(t, n))
		}
	})
}

func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stuck := NewLive(), told{takes: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { l.Run(ctx); close(ended) }()
		listen(t, l, stuck.watched("q", "a"))
		synctest.Wait()
		before := time.Now()
		cancel()
		<-l.Ended()
		<-ended // what is under way ends with it
		if _, err := l.Listen(stuck.watched("q", "a")); err != ErrEnded || time.Since(before) > 0 {
			t.Errorf("%v after %v", err, time.Since(before))
		}
		l.Stored("a")
	})
}
