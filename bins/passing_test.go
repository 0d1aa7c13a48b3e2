package bins_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
)

// TestPassing: what keeps a roll from being now and is nothing wrong is no error of the
// log; anything else is.
func TestPassing(t *testing.T) {
	rebuilt, broken := errors.New("it is being rebuilt"), errors.New("it is broken")
	for err, logged := range map[error]int{rebuilt: 0, broken: 1} {
		ctx, stop := context.WithCancel(t.Context())
		var log bytes.Buffer
		r := bins.NewRoller(durable{&book{DurableModel: binstest.NewDurableModel()}}, nil, func(context.Context) (bins.Snapshot, error) { return nil, fmt.Errorf("cut: %w", err) },
			func() []bins.Site { return []bins.Site{{ID: "s", Zone: time.UTC}} }, bins.Options{Log: slog.New(slog.NewTextHandler(&log, nil)),
				Passing: func(err error) bool { return errors.Is(err, rebuilt) }, Rolled: func(context.Context) { stop() }})
		r.Run(ctx)
		if n := bytes.Count(log.Bytes(), []byte("level=ERROR")); n != logged {
			t.Errorf("%v: %d errors in the log, want %d: %s", err, n, logged, log.String())
		}
	}
}
