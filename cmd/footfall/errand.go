package main

import (
	"context"
	"sync"
	"time"

	"footfall/account"
	"footfall/dash"
)

// errand is work that a page begins and that goes on without it, one at a time.
type errand struct {
	mu    sync.Mutex
	state dash.Errand
	under sync.WaitGroup
	ended chan struct{} // closed when the newest has ended
}

// begin begins the work unless some is under way. It gets a context that ends with
// ctx, and is waited for by wait.
func (e *errand) begin(ctx context.Context, by account.Who, do func(context.Context) error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.Running() || ctx.Err() != nil {
		return false
	}
	e.state, e.ended = dash.Errand{Began: time.Now(), By: by.Name}, make(chan struct{})
	e.under.Go(func() {
		err := do(ctx)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.state.Ended = time.Now(); err != nil {
			e.state.Problem = err.Error()
		}
		close(e.ended)
	})
	return true
}

// look is how it stands.
func (e *errand) look() dash.Errand {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// soon waits for the end of what is under way, at most so long.
func (e *errand) soon(ctx context.Context, most time.Duration) {
	e.mu.Lock()
	ended := e.ended
	e.mu.Unlock()
	if ended == nil {
		return
	}
	enough := time.NewTimer(most)
	defer enough.Stop()
	select {
	case <-ended:
	case <-enough.C:
	case <-ctx.Done():
	}
}

// wait waits for what is under way to end.
func (e *errand) wait() { e.under.Wait() }

// memo remembers something dear for half a minute.
type memo[T any] struct {
	mu   sync.Mutex
	at   time.Time
	what T
}

const remembered = 30 * time.Second

func (m *memo[T]) get(find func() T) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at.IsZero() || time.Since(m.at) > remembered {
		m.what, m.at = find(), time.Now()
	}
	return m.what
}
