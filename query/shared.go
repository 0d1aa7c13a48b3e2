package query

import (
	"container/list"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"footfall/metric"
)

// Shared asks what several ask at the same moment once, and keeps the answer for who
// comes behind them: for a second at most, and until something is stored that may change
// it. Questions are the same if all of them is, with what keeps who asks to
// some figures. Errors are not kept. Its answers are shared, too: nobody changes what
// is in their rows.
type Shared struct {
	source Source
	tables Tabulator
	news   func(feed string) uint64

	mu    sync.Mutex
	known map[string]*shared // what was asked last, by question
	order list.List          // of *shared that are answered, as they were
	used  int
}

// Share makes a Shared. news counts what was stored for a feed, as Live.News does.
func Share(source Source, tables Tabulator, news func(feed string) uint64) *Shared {
	return &Shared{source: source, tables: tables, news: news, known: map[string]*shared{}}
}

var (
	_ Tabulator = (*Shared)(nil)
	_ Source    = (*Shared)(nil)
)

const (
	sharedRoom = 16 << 20         // bytes that answers are kept in, about; none takes more than a quarter of it
	mostAge    = 10 * time.Second // of an answer that is given again, whatever is asked for
)

// shared is a question that was asked, for all who ask it meanwhile or soon after.
type shared struct {
	key     string
	began   time.Time
	news    uint64
	waiting int // so many
	give    context.CancelFunc
	done    chan struct{} // closed when it is answered
	answer  any
	err     error
	size    int
	place   *list.Element // among those that are kept
}

// Answer answers as the source does.
func (s *Shared) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	d, _, err := s.dataset(ctx, q, 0)
	return d, err
}

// Tabulate answers as the tabulator does.
func (s *Shared) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	t, _, err := s.table(ctx, r, 0)
	return t, err
}

// Lately is Shared for one who would rather have figures of up to so long ago than
// let them be counted anew.
func (s *Shared) Lately(age time.Duration) *Lately {
	return &Lately{shared: s, age: min(age, mostAge)}
}

// Lately answers with figures of a while ago, if they are there.
type Lately struct {
	shared *Shared
	age    time.Duration
	behind atomic.Bool
}

// Behind reports whether something was stored that answers may have been without; never
// of nil.
func (l *Lately) Behind() bool { return l != nil && l.behind.Load() }

// Answer answers as the source does.
func (l *Lately) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	d, behind, err := l.shared.dataset(ctx, q, l.age)
	l.note(behind)
	return d, err
}

// Tabulate answers as the tabulator does.
func (l *Lately) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	t, behind, err := l.shared.table(ctx, r, l.age)
	l.note(behind)
	return t, err
}

func (l *Lately) note(behind bool) {
	if behind {
		l.behind.Store(true)
	}
}

func (s *Shared) dataset(ctx context.Context, q metric.Query, age time.Duration) (metric.Dataset, bool, error) {
	if err := q.Check(); err != nil { // what is right is spelled like nothing else
		return metric.Dataset{}, false, err
	}
	spelled := q
	spelled.Zone = nil
	x := s.question("query", spelled, q.Report(), age)
	d, behind, err := ask(ctx, s, x, func(ctx context.Context) (metric.Dataset, int, error) {
		d, err := s.source.Answer(ctx, q)
		size := 0
		for _, p := range d.Points {
			size += 64 + len(p.Series)
		}
		return d, size, err
	})
	d.Points = slices.Clone(d.Points)
	return d, behind, err
}

func (s *Shared) table(ctx context.Context, r metric.Report, age time.Duration) (metric.Table, bool, error) {
	if err := r.Check(); err != nil {
		return metric.Table{}, false, err
	}
	spelled := r
	spelled.Zone = nil
	x := s.question("report", spelled, r, age)
	t, behind, err := ask(ctx, s, x, func(ctx context.Context) (metric.Table, int, error) {
		t, err := s.tables.Tabulate(ctx, r)
		size := 0
		for _, row := range t.Rows {
			size += 128 + 16*(len(row.Values)+len(row.Before))
			for _, key := range row.Keys {
				size += 16 + len(key)
			}
		}
		return t, size, err
	})
	t.Rows = slices.Clone(t.Rows)
	return t, behind, err
}

// question is one as it is asked.
type question struct {
	key   string
	news  uint64        // of what it is counted from
	age   time.Duration // that its answer may have, whatever was stored since
	alone bool          // it is answered anew: goals and segments change without a word
}

func (s *Shared) question(kind string, spelled any, r metric.Report, age time.Duration) question {
	key, err := json.Marshal([]any{kind, spelled, r.Zone.String()})
	names, all := r.Segments()
	x := question{string(key), s.news(r.Site), age, err != nil || all || len(names) > 0 || r.AsksGoals()}
	if slices.ContainsFunc(r.Metrics, metric.Name.Earned) {
		x.news += s.news(LedgerFeed)
	}
	return x
}

// ask asks, unless somebody has just asked the same. behind tells that something was
// stored since.
func ask[A any](ctx context.Context, s *Shared, q question, answer func(context.Context) (A, int, error)) (a A, behind bool, err error) {
	x := s.enter(ctx, q, func(ctx context.Context) (any, int, error) { return answer(ctx) })
	defer s.leave(x)
	select {
	case <-x.done:
	case <-ctx.Done():
		return a, false, fmt.Errorf("query: no answer in time: %w", ctx.Err())
	}
	if x.err != nil {
		return a, false, x.err
	}
	return x.answer.(A), x.news != q.news, nil
}

// enter finds the question, or asks it.
func (s *Shared) enter(ctx context.Context, q question, answer func(context.Context) (any, int, error)) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.forget(now)
	if x := s.known[q.key]; x != nil {
		if q.suits(x, now.Sub(x.began)) {
			x.waiting++
			return x
		}
		s.drop(x)
	}
	asking, give := context.WithCancel(context.WithoutCancel(ctx)) // who asked first may leave while others wait
	x := &shared{key: q.key, began: now, news: q.news, waiting: 1, give: give, done: make(chan struct{})}
	s.known[q.key] = x
	go func() {
		defer give()
		defer close(x.done)
		defer func() {
			if fault := recover(); fault != nil { // it would end more than a request
				x.err = fmt.Errorf("query: %v\n%s", fault, debug.Stack())
			}
			s.keep(x)
		}()
		x.answer, x.size, x.err = answer(asking)
	}()
	return x
}

// suits reports whether what was asked some time ago may be given.
func (q question) suits(x *shared, ago time.Duration) bool {
	if ago < q.age {
		return true
	}
	return !q.alone && x.news == q.news && (x.place == nil || ago < leastPause)
}

// keep keeps what is answered, if it may be given again.
func (s *Shared) keep(x *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[x.key] != x {
		return
	}
	x.size += len(x.key) + 512
	if x.err != nil || x.size > sharedRoom/4 {
		delete(s.known, x.key)
		return
	}
	x.place = s.order.PushBack(x)
	s.used += x.size
	for s.used > sharedRoom {
		s.drop(s.order.Front().Value.(*shared))
	}
}

// leave ends waiting. What nobody waits for is given up.
func (s *Shared) leave(x *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.waiting--; x.waiting > 0 || x.place != nil {
		return
	}
	if s.known[x.key] == x {
		delete(s.known, x.key)
	}
	x.give()
}

// forget drops what is too old for everybody.
func (s *Shared) forget(now time.Time) {
	for e := s.order.Front(); e != nil && now.Sub(e.Value.(*shared).began) > mostAge; e = s.order.Front() {
		s.drop(e.Value.(*shared))
	}
}

func (s *Shared) drop(x *shared) {
	delete(s.known, x.key)
	if x.place != nil {
		s.order.Remove(x.place)
		x.place = nil
		s.used -= x.size
	}
}
