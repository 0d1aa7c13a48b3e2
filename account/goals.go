package account

import (
	"context"
	"time"

	"footfall/event"
	"footfall/metric"
)

// Definition is something of a site's that has a name: a goal, or a funnel. What it says is
// not the matter of who keeps it.
type Definition struct {
	Site       string
	Name       string
	Definition string
	Created    time.Time // when there was first one of this name; UTC, to the millisecond
}

// Goals keeps the definitions of goals.
type Goals interface {
	// PutGoal makes a definition that of its name, new or not. An unknown site is
	// ErrNotFound; a new one beyond metric.MaxGoals an event.InvalidError.
	PutGoal(ctx context.Context, g Definition) (Definition, error)
	// Goals lists a site's goals by name.
	Goals(ctx context.Context, site string) ([]Definition, error)
	// RemoveGoal removes a goal; one that is not there is ErrNotFound.
	RemoveGoal(ctx context.Context, site, name string) error
}

// Funnels keeps the definitions of funnels that a site has under a name.
type Funnels interface {
	// PutFunnel is as Goals.PutGoal, with metric.MaxFunnels.
	PutFunnel(ctx context.Context, f Definition) (Definition, error)
	// Funnels lists a site's funnels by name.
	Funnels(ctx context.Context, site string) ([]Definition, error)
	// RemoveFunnel removes a funnel; one that is not there is ErrNotFound.
	RemoveFunnel(ctx context.Context, site, name string) error
}

// ErrGoals is why a site can have no further goal.
func ErrGoals(site string) error {
	return event.Invalid("goal", "%s has %d goals, and no site has more: remove one first", site, metric.MaxGoals)
}

// ErrFunnels is why a site can have no further funnel.
func ErrFunnels(site string) error {
	return event.Invalid("funnel", "%s has %d funnels, and no site has more: remove one first", site, metric.MaxFunnels)
}
