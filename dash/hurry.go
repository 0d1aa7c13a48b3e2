package dash

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"footfall/metric"
	"footfall/query"
)

const (
	// brief is how long who loads a page waits for its figures. What takes longer is told
	// to be on its way, and the page asks for it again.
	brief = 2 * time.Second
	// lingers is how much longer that is counted, so that a page which asks again finds it.
	lingers = 5 * time.Second
)

// errLate is the answer to a question that is still being counted when its page is drawn.
var errLate = errors.New("dash: still being counted")

// waits is how long who asks for a page waits for its figures: as long as it says, by
// Prefer as RFC 7240, 4.3, has it, or where there is no script in the address.
func waits(r *http.Request) time.Duration {
	preferred, _ := strings.CutPrefix(r.Header.Get("Prefer"), "wait=")
	seconds, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("wait"), preferred))
	if err != nil || seconds <= 0 {
		return brief
	}
	return time.Duration(min(seconds, int(patience/time.Second))) * time.Second
}

// hurried answers as a Door's sources do, until its page is to be there.
type hurried struct {
	Questions
	source query.Source
	over   <-chan struct{} // closed when the page waits no longer
	late   atomic.Bool     // something was not there
}

// hurrying is the Door as it asks for a page that somebody waits for so long, until ctx ends.
func (d *Door) hurrying(ctx context.Context, wait time.Duration) (asking *Door, h *hurried) {
	h = &hurried{Questions: d.Questions, source: d.source}
	if wait >= patience {
		return d, h
	}
	waiting, end := context.WithTimeout(ctx, wait)
	context.AfterFunc(waiting, end)
	h.over = waiting.Done()
	then := *d
	then.source, then.Questions = h, h
	return &then, h
}

// Answer answers a query.
func (h *hurried) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	return inTime(ctx, h, func(ctx context.Context) (metric.Dataset, error) { return h.source.Answer(ctx, q) })
}

// Tabulate answers a report.
func (h *hurried) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	return inTime(ctx, h, func(ctx context.Context) (metric.Table, error) { return h.Questions.Tabulate(ctx, r) })
}

// inTime asks, and leaves a question on its way that takes too long for the page. Who is
// gone before is no longer counted for.
func inTime[A any](ctx context.Context, h *hurried, ask func(context.Context) (A, error)) (a A, err error) {
	type answer struct {
		is  A
		err error
	}
	asking, give := context.WithTimeout(context.WithoutCancel(ctx), patience)
	stay := context.AfterFunc(ctx, give)
	answered := make(chan answer, 1)
	go func() {
		is, err := ask(asking)
		answered <- answer{is, err}
		give()
	}()
	select {
	case x := <-answered:
		stay()
		return x.is, x.err
	case <-h.over:
		if ctx.Err() != nil { // it ends what the page waits for, too, in any order
			give()
			return a, ctx.Err()
		}
		if h.late.Store(true); stay() {
			time.AfterFunc(lingers, give)
		}
		return a, errLate
	}
}
