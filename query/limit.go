// Package query is the thinking between the doors that ask and the sources
// that know. Every source is asked in the same way, so what holds for all
// questions stands here once, whichever door they came through.
package query

import (
	"context"
	"fmt"

	"footfall/metric"
)

// Source answers questions. It is safe for concurrent use.
type Source interface {
	Answer(ctx context.Context, q metric.Query) (metric.Dataset, error)
}

// limited is a source with a bounded number of turns.
type limited struct {
	Source
	turns chan struct{}
}

// Limit is the source, asked at most n questions at a time (at least one) by
// all who share it. A question waits for its turn, the one that waits longest
// first. One whose context ends before is not asked at all: its error says so
// and wraps the context's.
func Limit(source Source, n int) Source {
	return &limited{source, make(chan struct{}, max(1, n))}
}

// Answer waits for a turn and asks the source.
func (l *limited) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	// Of a free turn and an ended context, select would take either.
	if err := ctx.Err(); err != nil {
		return metric.Dataset{}, l.unasked(err)
	}
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
		return l.Source.Answer(ctx, q)
	case <-ctx.Done():
		return metric.Dataset{}, l.unasked(ctx.Err())
	}
}

func (l *limited) unasked(err error) error {
	return fmt.Errorf("query: not asked: no turn came up (at most %d at a time): %w", cap(l.turns), err)
}
