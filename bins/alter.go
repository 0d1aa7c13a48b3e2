package bins

import (
	"context"
	"errors"
	"fmt"

	"footfall/event"
)

// errAltered is why what was told of earlier events does not count any more.
var errAltered = errors.New("stored events were changed or deleted")

// Alter changes what is stored of some events, by alter: their days are marked dirty
// on disk before. Site and time of them will do: without a kind they may have been any.
// Until the next roll hot buckets know nothing, and figures are
// counted from the events.
func (r *Roller) Alter(ctx context.Context, events []event.Event, alter func() error) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	if _, err := r.touch(ctx, events); err != nil {
		return fmt.Errorf("marking days whose bins are to be rolled: %w", err)
	}
	err := alter()
	r.sessions.lose(events)
	r.tell(nil, errors.Join(errAltered, err))
	if r.hot != nil && r.at != nowhere {
		if failed := r.reset(context.WithoutCancel(ctx), nowhere); failed != nil {
			r.o.Log.Warn("hot buckets can't be reached; figures come from the event store until the next roll", "error", failed)
		}
	}
	return err
}
