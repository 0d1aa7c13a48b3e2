package account

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"footfall/event"
)

// The bounds of saved filters.
const (
	MaxFilters     = 50  // of a site, and of each person at it
	MaxFilterName  = 100 // characters
	MaxFilterQuery = 8000
)

// SavedFilters are filters that are kept under a name, so that figures can be looked at by
// them again. They are on single events and what visitors did; a visitors' segment is
// something else, and may be one of the filters.
type SavedFilters struct {
	Site    string    `json:"site"`
	Name    string    `json:"name"`
	Person  string    `json:"person,omitempty"` // who has them alone; "" is everybody who reads the site's figures
	Query   string    `json:"query"`            // as an address of the dashboard has them: country=DE&device.is_not=phone
	Created time.Time `json:"created"`          // when there were first some of this name
}

// FilterBook keeps saved filters.
type FilterBook interface {
	// PutFilters makes them those of their name, new or not. An unknown site or person is
	// ErrNotFound; what is wrong, also that they are more than MaxFilters, an
	// event.InvalidError.
	PutFilters(ctx context.Context, f SavedFilters) (SavedFilters, error)
	// Filters lists those of a site and those that a person has alone ("" is nobody), by name.
	Filters(ctx context.Context, site, person string) ([]SavedFilters, error)
	// RemoveFilters removes those of a name, of the site or of a person; ErrNotFound.
	RemoveFilters(ctx context.Context, site, person, name string) error
}

// PrepareFilters checks them as an event.InvalidError and fills in Created.
func PrepareFilters(f SavedFilters, now time.Time) (SavedFilters, error) {
	f.Name, f.Created = strings.TrimSpace(f.Name), now.UTC().Truncate(time.Millisecond)
	switch {
	case f.Name == "" || utf8.RuneCountInString(f.Name) > MaxFilterName || !plain(f.Name):
		return SavedFilters{}, event.Invalid("name", "is a line of 1 to %d characters", MaxFilterName)
	case f.Query == "" || len(f.Query) > MaxFilterQuery || !plain(f.Query):
		return SavedFilters{}, event.Invalid("filters", "are none, or more than %d bytes", MaxFilterQuery)
	}
	return f, nil
}

// ErrFilters is why there can be no further ones.
func ErrFilters(site string) error {
	return event.Invalid("name", "%s has %d saved filters of this kind, and there are no more: remove some first", site, MaxFilters)
}
