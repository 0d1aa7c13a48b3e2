package api

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// stalled is a connection that takes a while for each write, or for ever.
type stalled struct {
	http.ResponseWriter
	mu       sync.Mutex
	deadline time.Time
	wrote    int
	forever  chan struct{}
}

func (s *stalled) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	s.deadline = at
	s.mu.Unlock()
	return nil
}
func (s *stalled) FlushError() error { return nil }
func (s *stalled) Write(b []byte) (int, error) {
	if s.wrote++; s.wrote == 1 {
		return len(b), nil
	}
	s.mu.Lock()
	left := time.Until(s.deadline)
	s.mu.Unlock()
	if s.deadline.IsZero() {
		<-s.forever
	}
	time.Sleep(min(left, 50*time.Millisecond)) // as long as a connection would, but for the test's sake
	return 0, net.ErrClosed
}

// TestSlowReaderIsDropped: who does not read has a deadline, and nothing is kept
// for it.
func TestSlowReaderIsDropped(t *testing.T) {
	w := newLive(t, Streams{})
	s := &stalled{ResponseWriter: httptest.NewRecorder(), forever: make(chan struct{})}
	defer close(s.forever)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/live?metric=PageViews&window=today&site=a-example", nil)
	r.Header.Set("Authorization", "Bearer "+w.tokens["read"])
	done := make(chan struct{})
	go func() { w.door.ServeHTTP(s, r); close(done) }()
	for range 30 {
		w.source.value.Add(1)
		w.live.Stored("a-example")
		select {
		case <-done:
			if s.wrote != 2 || !s.deadline.IsZero() {
				t.Errorf("%d writes, deadline %v left behind", s.wrote, s.deadline)
			}
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Error("a reader that does not read is kept")
}

// TestLiveQuestionsAreBounded: of one asker, and only the different ones.
func TestLiveQuestionsAreBounded(t *testing.T) {
	w := newLive(t, Streams{Questions: 2})
	const question = "window=today&site=a-example&metric="
	first := w.open(question+"PageViews,Visitors", w.as("read")...)
	for metric, status := range map[string]int{"PageViews": 200, "Visitors,PageViews": 200, "Sessions": 503} {
		if l := w.open(question+metric, w.as("read")...); l.StatusCode != status {
			t.Errorf("%s: %d", metric, l.StatusCode)
		} else if l.Body.Close(); status == 503 && l.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if l := w.open(question+"Sessions", w.as("admin")...); l.StatusCode != 200 {
		t.Errorf("another asker: %d", l.StatusCode)
	}
	first.Body.Close()
	for end := time.Now().Add(3 * time.Second); w.open(question+"Sessions", w.as("read")...).StatusCode != 200; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("questions of who left still count")
		}
	}
}

// TestLiveWhileNobodyCanTell: a stream goes on for a while, and not for ever; who
// comes meanwhile is told to come again.
func TestLiveWhileNobodyCanTell(t *testing.T) {
	w := newLive(t, Streams{Recheck: 20 * time.Millisecond, Unsure: 500 * time.Millisecond})
	w.session.Store(&Session{Who: account.Person{ID: "per_1"}.Who([]account.Grant{{Person: "per_1", Role: account.Viewer}})})
	const question = "metric=PageViews&window=today&site=a-example"
	l := w.open(question, "Cookie", "session")
	l.event(t)
	w.down.Store(true)
	began := time.Now()
	if late := w.open(question, "Cookie", "session"); late.StatusCode != 503 || late.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", late.StatusCode, late.Header)
	}
	if ended := l.ends(3 * time.Second); !ended || time.Since(began) < 300*time.Millisecond {
		t.Errorf("ended %v after %v", ended, time.Since(began))
	}
}

// endlessly writes until nobody takes it.
func endlessly(w io.Writer) (err error) {
	for err == nil {
		_, err = w.Write([]byte("a line\n"))
	}
	return err
}

type endless struct{}

func (endless) PageDays(_ context.Context, _ string, _, _ period.Date, fn func(metric.PageDay) error) (err error) {
	for err == nil {
		err = fn(metric.PageDay{Page: "/"})
	}
	return err
}

// TestFilesEnd: who asks for much and does not read it keeps no export and no table
// from others.
func TestFilesEnd(t *testing.T) {
	w := newLive(t, Streams{})
	door := New(w.source, w.memory, w.memory, Options{Timeout: 50 * time.Millisecond, Daily: endless{}, Export: func(_ context.Context, w io.Writer, _ ExportQuery) error { return endlessly(w) }})
	for _, path := range []string{"/v1/export?site=a-example", "/v1/daily?site=a-example&format=csv"} {
		s := &stalled{ResponseWriter: httptest.NewRecorder(), forever: make(chan struct{})}
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+w.tokens["read"])
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }() // an answer that is cut off
			door.ServeHTTP(s, r)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Errorf("%s waits for ever", path)
		}
		close(s.forever)
		<-done
		if s.wrote < 2 || !s.deadline.IsZero() {
			t.Errorf("%s: %d writes, deadline %v left behind", path, s.wrote, s.deadline)
		}
	}
}
