package account

import (
	"context"
	"fmt"
	"time"

	"footfall/event"
	"footfall/metric"
)

// Goal is the definition of something that visitors of a site should do.
type Goal struct {
	Site       string
	Name       string
	Definition string    // what it says is not the matter of who keeps it
	Created    time.Time // when there was first a goal of this name; UTC, to the millisecond
}

// Goals keeps the definitions of goals.
type Goals interface {
	// PutGoal makes a definition that of its name, new or not. An unknown site is
	// ErrNotFound; a new one beyond metric.MaxGoals an event.InvalidError.
	PutGoal(ctx context.Context, g Goal) (Goal, error)
	// Goals lists a site's goals by name.
	Goals(ctx context.Context, site string) ([]Goal, error)
	// RemoveGoal removes a goal; one that is not there is ErrNotFound.
	RemoveGoal(ctx context.Context, site, name string) error
}

// ErrGoals is why a site can have no further goal.
func ErrGoals(site string) error {
	return &event.InvalidError{Field: "goal", Why: fmt.Sprintf("%s has %d goals, and no site has more: remove one first", site, metric.MaxGoals)}
}
