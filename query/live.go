package query

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"footfall/metric"
)

// Watched is a question whose answer is told again whenever it changes.
type Watched struct {
	Key  string // the same for all who ask the same
	Feed string // what may change the answer, as Live.Stored names it
	By   string // who asks: askers are served in turn
	Ask  func(ctx context.Context) (Told, error)
}

// LedgerFeed is the feed of what the ledger tells; that of a site's events is the
// site's id.
const LedgerFeed = " ledger"

// Told is an answer as listeners get it. It is shared: nobody changes it.
type Told struct {
	Text  []byte
	Sum   uint64    // of what the answer says: the same figures have the same one, at any server and after any start
	AsOf  time.Time // everything received before this is in it
	Until time.Time // when time alone may change it; zero: never
}

// ErrEnded means that Run has ended: nothing is told any more.
var ErrEnded = errors.New("live: the server is stopping")

// Pace of a Live.
const (
	leastPause = time.Second      // between two askings of one question
	errorPause = 5 * time.Second  // after an error
	patience   = 10 * time.Second // with one question
	share      = 4                // a question rests so many times as long as it took
	atOnce     = 2                // questions under way
)

// Live asks questions for all who listen to them: each once for everybody who
// asks the same, only while somebody listens, at most once a second, and only
// when something was stored that may change the answer, or time has. Askers take
// turns: who asks many slow questions keeps others' waiting for one of them at a
// time. Nothing is queued for a listener: who comes late gets the newest answer. New makes it,
// and it does nothing before Run.
type Live struct {
	mu    sync.Mutex
	feeds map[string]map[string]*watched // by feed and key
	news  map[string]uint64              // how often something was stored, by feed
	open  bool                           // until Run has ended
	busy  int                            // questions under way
	asked uint64
	turns map[string]*turn // of who listens
	wake  chan struct{}
	ended chan struct{}
}

// turn is when somebody had one.
type turn struct {
	last    uint64 // question that was asked for this asker, as Live.asked counts; at first, when the asker came
	listens int    // to so many questions
}

// watched is a question that somebody listens to.
type watched struct {
	Watched
	listeners map[*Listener]struct{}
	by        map[string]int // of who asks it: so many listeners
	told      Told
	err       error // that ends it: of the first asking, or the question's own fault
	known     bool  // told is an answer
	stale     bool  // something was stored
	busy      bool
	rested    time.Time // not to be asked before; at first when it came: first come, first served
}

// NewLive makes a Live.
func NewLive() *Live {
	return &Live{feeds: map[string]map[string]*watched{}, news: map[string]uint64{}, turns: map[string]*turn{}, open: true, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// Ended is closed as soon as nothing is told any more.
func (l *Live) Ended() <-chan struct{} { return l.ended }

// Asked counts the questions that were asked so far.
func (l *Live) Asked() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// Stored tells that something new was stored for a feed. It never waits for an
// answer, and costs next to nothing where nobody listens.
func (l *Live) Stored(feed string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(feed)
	for _, w := range l.feeds[feed] {
		if !w.stale {
			w.stale = true
			l.stir()
		}
	}
}

// Storing tells that something is about to be stored for a feed: answers of before are
// not given any more, and those of now will be told by Stored.
func (l *Live) Storing(feed string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(feed)
}

func (l *Live) note(feed string) {
	if n, known := l.news[feed]; known {
		l.news[feed] = n + 1
	} else { // a copy, as an event's texts lie in a whole message
		l.news[strings.Clone(feed)] = 1
	}
}

// News is another number whenever something was stored for a feed.
func (l *Live) News(feed string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.news[feed]
}

// stir lets Run look again.
func (l *Live) stir() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Listener listens to some questions.
type Listener struct {
	live  *Live
	to    []*watched
	by    []string // who asks each of them
	fresh chan struct{}
}

// Listen begins to listen; Close ends it. The error is ErrEnded.
func (l *Live) Listen(questions ...Watched) (*Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return nil, ErrEnded
	}
	n := &Listener{live: l, fresh: make(chan struct{}, 1)}
	for _, q := range questions {
		feed := l.feeds[q.Feed]
		if feed == nil {
			feed = map[string]*watched{}
			l.feeds[q.Feed] = feed
		}
		w := feed[q.Key]
		if w == nil {
			w = &watched{Watched: q, stale: true, rested: time.Now(), listeners: map[*Listener]struct{}{}, by: map[string]int{}}
			feed[q.Key] = w
			l.stir()
		}
		w.listeners[n] = struct{}{}
		n.to, n.by = append(n.to, w), append(n.by, q.By)
		if w.by[q.By]++; l.turns[q.By] == nil {
			l.turns[q.By] = &turn{last: l.asked}
		}
		l.turns[q.By].listens++
	}
	n.tell() // what is known already
	return n, nil
}

// Close ends listening. What nobody listens to is forgotten.
func (n *Listener) Close() {
	l := n.live
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range n.to {
		delete(w.listeners, n)
		l.leave(w, n.by[i])
		if len(w.listeners) == 0 && l.feeds[w.Feed][w.Key] == w {
			delete(l.feeds[w.Feed], w.Key)
			if len(l.feeds[w.Feed]) == 0 {
				delete(l.feeds, w.Feed)
			}
		}
	}
}

// leave forgets that somebody asks a question, and who asks nothing any more.
func (l *Live) leave(w *watched, by string) {
	if w.by[by]--; w.by[by] == 0 {
		delete(w.by, by)
	}
	if l.turns[by].listens--; l.turns[by].listens == 0 {
		delete(l.turns, by)
	}
}

func (n *Listener) tell() {
	select {
	case n.fresh <- struct{}{}:
	default:
	}
}

// Fresh gets a value when Told may have something new.
func (n *Listener) Fresh() <-chan struct{} { return n.fresh }

// Told is the newest answers, one for each question, as soon as all are known;
// nil before. An error ends the listening: no more is told.
func (n *Listener) Told() (all []Told, err error) {
	n.live.mu.Lock()
	defer n.live.mu.Unlock()
	for _, w := range n.to {
		if w.err != nil {
			return nil, w.err
		}
		if w.known {
			all = append(all, w.told)
		}
	}
	if len(all) < len(n.to) {
		return nil, nil
	}
	return all, nil
}

// Run asks until ctx ends, and then waits for what is under way.
func (l *Live) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	defer l.end()
	for ctx.Err() == nil {
		due, wait := l.due(time.Now())
		for _, w := range due {
			under.Go(func() { l.ask(ctx, w) })
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-l.wake:
		case <-timer:
		case <-ctx.Done():
		}
	}
}

func (l *Live) end() {
	l.mu.Lock()
	l.open = false
	l.mu.Unlock()
	close(l.ended)
}

// turnOf is the turn of who asks a question, and of several that of whom it is
// longest ago for.
func (l *Live) turnOf(w *watched) (t *turn) {
	for by := range w.by {
		if other := l.turns[by]; t == nil || other.last < t.last {
			t = other
		}
	}
	return t
}

// due takes the questions to be asked now, first of whom it is longest ago for and
// of these the one that rests longest, and tells how long to wait for the next one; 0 is until something is stirred.
func (l *Live) due(now time.Time) (due []*watched, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.busy < atOnce {
		var next *watched
		var whose *turn
		wait = 0
		for _, feed := range l.feeds {
			for _, w := range feed {
				at, ok := w.next()
				if ok && !at.After(now) {
					if t := l.turnOf(w); next == nil || t.last < whose.last || t.last == whose.last && w.rested.Before(next.rested) {
						next, whose = w, t
					}
				}
				if left := at.Sub(now); ok && left > 0 && (wait == 0 || left < wait) {
					wait = left
				}
			}
		}
		if next == nil {
			return due, wait
		}
		next.busy, next.stale = true, false
		l.busy++
		l.asked++
		whose.last = l.asked
		due = append(due, next)
	}
	return due, 0 // whichever ends first stirs
}

// next is when the question is to be asked again, if it is.
func (w *watched) next() (at time.Time, ok bool) {
	switch {
	case w.busy || w.err != nil:
		return at, false
	case w.stale:
		return w.rested, true
	case w.told.Until.IsZero():
		return at, false
	case w.told.Until.Before(w.rested):
		return w.rested, true
	}
	return w.told.Until, true
}

// ask asks one question and tells its listeners what has changed.
func (l *Live) ask(ctx context.Context, w *watched) {
	began := time.Now()
	brief, cancel := context.WithTimeout(ctx, patience)
	told, err := w.Ask(brief)
	cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.stir()
	l.busy--
	w.busy = false
	w.rested = began.Add(max(leastPause, share*time.Since(began)))
	changed := err != nil || !w.known || told.Sum != w.told.Sum
	switch {
	case err == nil:
		w.told, w.known = told, true
	case w.known && !mistaken(err):
		w.rested, w.stale, changed = began.Add(errorPause), true, false // what was told may still be right
	default:
		w.err = err
	}
	if changed {
		for n := range w.listeners {
			n.tell()
		}
	}
}

// mistaken reports whether the question is at fault: asking again is no use.
func mistaken(err error) bool {
	_, is := errors.AsType[*metric.QueryError](err)
	return is
}
