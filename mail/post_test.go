package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake answers each try with the next of its errors, and then takes all.
type fake struct {
	mu    sync.Mutex
	fails []error
	at    []time.Duration
	ids   []string
	wait  time.Duration
	began time.Time
}

func (f *fake) Check(context.Context) (string, error) { return "", nil }

func (f *fake) Send(ctx context.Context, m Message) (string, error) {
	time.Sleep(f.wait)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.ids = append(f.at, time.Since(f.began)), append(f.ids, m.ID)
	if len(f.fails) == 0 {
		return "ok", nil
	}
	err := f.fails[0]
	f.fails = f.fails[1:]
	return "", err
}

var (
	later = &Failure{Step: Connecting}
	never = &Failure{Step: To, Code: 550, Status: "5.1.1", Said: "<ada@people.example> is nobody here"}
)

// post runs a Post around what do does, and hands back counts and the log.
func post(t *testing.T, f *fake, do func(p *Post)) (counts map[string]int, log string) {
	t.Helper()
	counts = map[string]int{}
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		var mu sync.Mutex
		f.began = time.Now()
		p := NewPost(f, Options{Log: slog.New(slog.NewTextHandler(&text, nil)), Count: func(stage, reason string, n int) {
			mu.Lock()
			defer mu.Unlock()
			counts[stage+" "+reason] += n
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); p.Run(ctx) }()
		do(p)
		synctest.Wait()
		time.Sleep(time.Hour)
		cancel()
		<-done
		log = text.String()
	})
	return counts, log
}

func one(id string) func(context.Context) ([]Message, error) {
	return func(context.Context) ([]Message, error) {
		return []Message{{ID: id, To: Address{"Ada", "ada@people.example"}}}, nil
	}
}

// TestPost: what fails is tried again a few times, with the same id, but for
// what is refused for good; and no address is in the log.
func TestPost(t *testing.T) {
	for _, c := range []struct {
		name   string
		fails  []error
		want   string
		counts map[string]int
	}{
		{"at once", nil, "[0s]", map[string]int{"mail_sent login": 1}},
		{"once down", []error{later}, "[0s 2s]", map[string]int{"mail_failed login": 1, "mail_sent login": 1}},
		{"down", []error{later, later, later, later, later}, "[0s 2s 12s 1m12s]", map[string]int{"mail_failed login": 4}},
		{"refused", []error{never}, "[0s]", map[string]int{"mail_failed login": 1}},
	} {
		f := &fake{fails: c.fails}
		counts, log := post(t, f, func(p *Post) { p.Put(LoginLink, one("m1")) })
		if fmt.Sprint(f.at) != c.want || fmt.Sprint(counts) != fmt.Sprint(c.counts) {
			t.Errorf("%s: tried at %v, counted %v", c.name, f.at, counts)
		}
		for _, id := range f.ids {
			if id != "m1" {
				t.Errorf("%s: ids %v", c.name, f.ids)
			}
		}
		if bytes.Contains([]byte(log), []byte("people.example")) || (len(log) > 0) != (counts["mail_sent login"] == 0) {
			t.Errorf("%s: the log says %s", c.name, log)
		}
	}
}

// TestPostAnswersAtOnce: who puts something in waits neither for what is written
// nor for the server, also where too many wait.
func TestPostAnswersAtOnce(t *testing.T) {
	f := &fake{wait: time.Second}
	counts, _ := post(t, f, func(p *Post) {
		began := time.Now()
		for i := range 500 {
			p.Put(LoginLink, func(ctx context.Context) ([]Message, error) {
				time.Sleep(time.Second)
				return []Message{{ID: fmt.Sprint(i)}}[:1-i%2], nil
			})
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
	if sent, lost := counts["mail_sent login"], counts["mail_failed login"]; sent != len(f.ids) || sent < waiting/2 || lost < 500-3*waiting {
		t.Errorf("counted %v, sent %d", counts, len(f.ids))
	}
}

// TestPostStops: what is under way is finished, what waits for another try is not.
func TestPostStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{wait: 3 * time.Second, began: time.Now(), fails: []error{later, nil}}
		p := NewPost(f, Options{Log: slog.New(slog.DiscardHandler), Pauses: []time.Duration{time.Hour}})
		ctx, cancel := context.WithCancel(t.Context())
		p.Put(LoginLink, one("pausing"))
		p.Put(LoginLink, func(context.Context) ([]Message, error) { return nil, errors.New("no data") })
		go func() {
			time.Sleep(4 * time.Second)
			p.Put(LoginLink, one("under way"))
			time.Sleep(time.Second)
			cancel()
		}()
		p.Run(ctx)
		if took := time.Since(f.began); took != 7*time.Second || fmt.Sprint(f.ids) != "[pausing under way]" {
			t.Errorf("it ran %v and tried %v", took, f.ids)
		}
	})
}

// TestPostEndsSoon: at the end only what the mail server has already is waited
// for, and what is left is counted in the log.
func TestPostEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		f := &fake{wait: 10 * time.Second, began: time.Now()}
		p := NewPost(f, Options{Log: slog.New(slog.NewTextHandler(&text, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 50 {
			p.Put(LoginLink, one(fmt.Sprint(i)))
		}
		for i := range 5 { // one of them is written, with two messages
			p.Put(Application, func(context.Context) ([]Message, error) {
				return []Message{{ID: fmt.Sprint("a", i)}, {ID: fmt.Sprint("b", i)}}, nil
			})
		}
		time.AfterFunc(time.Second, cancel)
		p.Run(ctx)
		all := 56 - len(f.ids)
		if took := time.Since(f.began); took != 10*time.Second || len(f.ids) != lines || !bytes.Contains(text.Bytes(), []byte(fmt.Sprint("messages=", all))) || bytes.Count(text.Bytes(), []byte("\n")) != 1 {
			t.Errorf("it ran %v, sent %v and tells %s", took, f.ids, text.String())
		}
	})
}

// TestPostKeepsRoom: however many apply, who wants to log in gets the link, and soon.
func TestPostKeepsRoom(t *testing.T) {
	f := &fake{wait: time.Second}
	counts, _ := post(t, f, func(p *Post) {
		for i := range 500 {
			p.Put(Application, one(fmt.Sprint("a", i)))
		}
		p.Put(LoginLink, one("link"))
	})
	if at := slices.Index(f.ids, "link"); at < 0 || at > 2 || counts["mail_sent login"] != 1 || counts["mail_failed application"] < 500-2*waitingApplications {
		t.Errorf("the link came as number %d of %d: %v", at, len(f.ids), counts)
	}
}
