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

// Turns are those of all who share them: how many questions at a time are asked.
type Turns chan struct{}

// MakeTurns makes n turns, at least one.
func MakeTurns(n int) Turns { return make(Turns, max(1, n)) }

// Take waits for a turn, the one that waits longest first, and ends with leave. Of
// a context that ends before there is none: the error says so and wraps the
// context's.
func (t Turns) Take(ctx context.Context) (leave func(), err error) {
	// Of a free turn and an ended context, select would take either.
	if err := ctx.Err(); err != nil {
		return nil, t.unasked(err)
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, t.unasked(ctx.Err())
	}
}

func (t Turns) unasked(err error) error {
	return fmt.Errorf("query: not asked: no turn came up (at most %d at a time): %w", cap(t), err)
}

// limited is a source with a bounded number of turns.
type limited struct {
	Source
	turns Turns
}

// Limit is the source, asked at most n questions at a time (at least one) by
// all who share it. One whose context ends before its turn is not asked at all.
func Limit(source Source, n int) Source { return MakeTurns(n).Limit(source) }

// Limit is the source, asked in turns.
func (t Turns) Limit(source Source) Source { return &limited{source, t} }

// Answer waits for a turn and asks the source.
func (l *limited) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	leave, err := l.turns.Take(ctx)
	if err != nil {
		return metric.Dataset{}, err
	}
	defer leave()
	return l.Source.Answer(ctx, q)
}
