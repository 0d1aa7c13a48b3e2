package bins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"footfall/event"
	"footfall/period"
)

// Sessions tells of the sessions of dates that get events, which hot buckets can't: who
// asks for a date has it read from the event store once, and what comes from then on is
// counted as it is stored. docs/decisions/0009-sessions-as-they-come.md
type Sessions struct {
	roller *Roller
	room   int // bytes, about

	mu      sync.Mutex
	asked   uint64              // counts questions
	sites   map[string][]*watch // not of those that are lost
	waiting int                 // bytes of what comes while dates are made, about
}

// watch is the sessions of a site's date.
type watch struct {
	site   string
	window period.Window
	ready  chan struct{} // closed when it is made, or can't be
	left   error         // why who made it left: then it is another's turn

	// Guarded by the mutex of Sessions.
	made    bool
	stretch *stretch      // nil: it can't be told; until it is made it is its maker's
	coming  []event.Event // while it is made: views
	waiting int           // bytes of these, about
	over    bool          // they were too many
	lost    bool
	asked   uint64 // when last
	idle    int    // rolls since
}

const (
	// sessionRoom is how much Sessions may hold, in bytes. A date that takes more than
	// half of it, of some 1.5 million views, is not kept. What comes while dates are read may
	// take as much as half of it again: a date whose reading takes longer is not kept, either.
	sessionRoom = 128 << 20
	// mostResting is how many rolls a date is kept in which nobody asks for it.
	mostResting = 4
)

var (
	errLarge = errors.New("the sessions of a date are too many to be kept")
	errPanic = errors.New("reading the sessions of a date panicked")
)

func newSessions(r *Roller) *Sessions {
	return &Sessions{roller: r, room: sessionRoom, sites: map[string][]*watch{}}
}

// Sessions tells what is OfSessions of dates that are not rolled.
func (r *Roller) Sessions() *Sessions { return r.sessions }

// Read hands over what is OfSessions of all sessions that begin in the window, of one subject
// or of each value, in no certain order: Bins have nothing else. Since and Until are
// ignored. It is ErrLost, before anything is handed over, where the event store must be asked.
func (s *Sessions) Read(ctx context.Context, r HotRange, fn func(value string, begin time.Time, b *Bin) error) error {
	w, err := s.watch(ctx, r.Site, r.Window)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.asked++
	w.asked, w.idle = s.asked, 0
	if w.lost || w.stretch == nil {
		s.mu.Unlock()
		return ErrLost
	}
	all := w.stretch.tell(r)
	s.mu.Unlock()
	var b Bin
	for _, x := range all {
		for i, place := range toldOf {
			b.Counts[place] = x.told[i]
		}
		if err := fn(x.value, r.Window.From, &b); err != nil {
			return err
		}
	}
	return nil
}

// watch finds a date's sessions, or reads them, once for all who ask meanwhile.
func (s *Sessions) watch(ctx context.Context, site string, window period.Window) (*watch, error) {
	for {
		w, snapshot, err := s.enter(ctx, site, window)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLost, err)
		}
		if snapshot != nil {
			s.make(ctx, w, snapshot)
		}
		select {
		case <-w.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if w.left == nil {
			return w, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// enter finds a date's sessions. If there are none, who asks makes them out of a snapshot:
// everything behind it comes by apply.
func (s *Sessions) enter(ctx context.Context, site string, window period.Window) (*watch, Snapshot, error) {
	s.mu.Lock()
	w := s.find(site, window)
	s.mu.Unlock()
	if w != nil {
		return w, nil, nil
	}
	s.roller.gate.Lock() // nothing is written meanwhile, nor begun by another
	defer s.roller.gate.Unlock()
	s.mu.Lock()
	w = s.find(site, window)
	s.mu.Unlock()
	if w != nil {
		return w, nil, nil
	}
	snapshot, err := s.roller.snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	s.asked++
	w = &watch{site: site, window: window, ready: make(chan struct{}), asked: s.asked}
	s.sites[site] = append(s.sites[site], w)
	s.mu.Unlock()
	return w, snapshot, nil
}

func (s *Sessions) find(site string, window period.Window) *watch {
	for _, w := range s.sites[site] {
		if w.window.From.Equal(window.From) && w.window.To.Equal(window.To) {
			return w
		}
	}
	return nil
}

// make reads a date's sessions. Should it panic, those who wait for it go on all the same.
func (s *Sessions) make(ctx context.Context, w *watch, snapshot Snapshot) {
	made, err := (*stretch)(nil), errPanic
	defer func() { s.hand(ctx, w, made, err) }()
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	made, err = s.read(ctx, w, snapshot)
}

// hand gives a date's sessions, or why there are none, to all who wait for them.
func (s *Sessions) hand(ctx context.Context, w *watch, made *stretch, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(w.ready)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		w.left = ctx.Err()
		s.drop(w)
		return
	case !errors.Is(err, errLarge):
		s.roller.o.Log.Warn("the sessions of a date are counted from its events for every look", "site", w.site, "error", err)
		s.drop(w)
		return
	}
	coming := w.coming
	s.forget(w)
	if w.over {
		made = nil
	}
	w.made, w.stretch = true, made
	for i := range coming {
		s.add(w, &coming[i])
	}
	s.shrink()
}

// read counts what is stored of a date; nil if it can't be told.
func (s *Sessions) read(ctx context.Context, w *watch, snapshot Snapshot) (*stretch, error) {
	made := newStretch(w.window)
	if made == nil {
		return nil, nil
	}
	n := 0
	err := made.fill(func(from, to time.Time, fn func(*event.Event) error) error {
		return snapshot.Walk(ctx, w.site, from, to, false, fn)
	}, !s.roller.o.Now().Before(w.window.To.Add(SessionGap)), func() error {
		if n++; n%1024 == 0 && made.size() > s.room/2 {
			return errLarge
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// apply counts events that are stored and new. Nothing is kept of them.
func (s *Sessions) apply(events []event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sites) == 0 {
		return
	}
	var of []*watch
	for i := range events {
		e := &events[i]
		if i == 0 || e.Site != events[i-1].Site { // events in a row are mostly of one
			of = slices.Clone(s.sites[e.Site])
		}
		for _, w := range of {
			s.add(w, e)
		}
	}
	s.shrink()
}

// add counts an event in a date that is not lost.
func (s *Sessions) add(w *watch, e *event.Event) {
	switch {
	case w.lost || w.over:
	case !w.made && e.View() && e.Bot == "" && e.Visitor != 0:
		size := e.Size()
		if s.waiting+size > s.room/2 {
			w.over = true
			s.forget(w)
			return
		}
		w.coming, w.waiting, s.waiting = append(w.coming, e.Clone()), w.waiting+size, s.waiting+size
	case w.made && w.stretch != nil && !w.stretch.add(e):
		s.drop(w)
	}
}

// forget frees what has come while a date was made.
func (s *Sessions) forget(w *watch) {
	s.waiting -= w.waiting
	w.coming, w.waiting = nil, 0
}

// lose drops what is known of the sites of events of which something else was changed in
// the event store than that they are new in it.
func (s *Sessions) lose(events []event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		if i == 0 || events[i].Site != events[i-1].Site {
			s.dropAll(s.sites[events[i].Site])
		}
	}
}

// loseAll drops everything.
func (s *Sessions) loseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.sites {
		s.dropAll(of)
	}
}

// rest drops what nobody has asked for during some rolls.
func (s *Sessions) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.sites {
		for _, w := range slices.Clone(of) {
			if w.idle++; w.idle > mostResting || w.over { // which another reading may be quick enough for
				s.drop(w)
			}
		}
	}
}

func (s *Sessions) dropAll(of []*watch) {
	for _, w := range slices.Clone(of) {
		s.drop(w)
	}
}

// drop forgets a date. Its maker, if it is being made, gives it to those who wait
// for it as lost.
func (s *Sessions) drop(w *watch) {
	w.lost = true
	s.forget(w)
	if w.made {
		w.stretch = nil
	}
	left := slices.DeleteFunc(s.sites[w.site], func(x *watch) bool { return x == w })
	if s.sites[w.site] = left; len(left) == 0 {
		delete(s.sites, w.site)
	}
}

// shrink makes room: what nobody has asked for for longest goes.
func (s *Sessions) shrink() {
	used := 0
	for w := range s.held() {
		size := w.stretch.size()
		if size > s.room/2 {
			w.stretch = nil
			continue
		}
		used += size
	}
	if used <= s.room {
		return
	}
	oldest := func(a, b *watch) int { return cmp.Compare(a.asked, b.asked) }
	for _, w := range slices.SortedFunc(s.held(), oldest) {
		if used <= s.room {
			return
		}
		used -= w.stretch.size()
		s.drop(w)
	}
}

// held are the dates that can be told.
func (s *Sessions) held() iter.Seq[*watch] {
	return func(yield func(*watch) bool) {
		for _, of := range s.sites {
			for _, w := range of {
				if w.made && w.stretch != nil && !yield(w) {
					return
				}
			}
		}
	}
}
