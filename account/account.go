// Package account is control data: sites, people and what they may do, keys,
// shares, segments, goals, funnels, one-time links, browser sessions, the audit log and the
// daily salts. Adapters keep it; account/accounttest is their law.
package account

import (
	"context"
	"errors"
	"time"

	"footfall/event"
	"footfall/period"
)

// ErrNotFound means there is no such site, person, key, share, link or session.
var ErrNotFound = errors.New("not found")

// Site is one web property.
type Site struct {
	ID       string    `json:"site"`       // short, used in stores and file names
	Domain   string    `json:"domain"`     // example.com
	WriteKey string    `json:"write_key"`  // public: it stands in the page
	Zone     string    `json:"timezone"`   // IANA name
	Currency string    `json:"currency"`   // ISO 4217
	Origins  []string  `json:"origins"`    // allowed Origin hosts; empty allows all
	Internal []string  `json:"internal"`   // further hosts of the site itself
	DNT      bool      `json:"honour_dnt"` // honour Do Not Track and Global Privacy Control
	Created  time.Time `json:"created"`

	History       int    `json:"history_months"` // visitor histories are kept so many months; 0 is none
	Keep          int    `json:"keep_days"`      // events are kept so many days in the event store and the archive; 0 is for ever
	Webhook       string `json:"webhook"`        // URL that is told who enters and leaves a segment; "" is none
	WebhookSecret string `json:"-"`              // signs what is told; shown once, when it is made
	Public        []Part `json:"public"`         // what anybody may see; nothing if it is empty
}

// Location is the site's time zone; UTC if its name is unknown here.
func (s Site) Location() *time.Location {
	if z, err := time.LoadLocation(s.Zone); err == nil {
		return z
	}
	return time.UTC
}

// Oldest is from when on events of the site are taken: the beginning of the day
// so many days ago as it keeps events, by the clock at the site. It is zero if
// it keeps them for ever.
func (s Site) Oldest(now time.Time) time.Time {
	if s.Keep <= 0 {
		return time.Time{}
	}
	zone := s.Location()
	return (period.DateOf(now, zone) - period.Date(s.Keep)).Window(zone).From
}

// Sites keeps sites.
type Sites interface {
	AddSite(ctx context.Context, s Site) (Site, error) // fills ID, WriteKey, Created
	Sites(ctx context.Context) ([]Site, error)         // by domain
	// UpdateSite gives the site with this ID another time zone, currency,
	// origins, internal hosts, Do Not Track, times to keep, webhook and public parts; the rest of
	// it stays, and what comes back is the whole site.
	UpdateSite(ctx context.Context, s Site) (Site, error)
}

// Segment is a version of a segment's definition.
type Segment struct {
	Site       string
	Name       string
	Version    int       // counts its changes from 1, also over a removal
	Definition string    // a text that is the same if the definition is
	Created    time.Time // UTC, to the millisecond
}

// Segments keeps the definitions of segments, every version of them. What they
// say is not its matter.
type Segments interface {
	// PutSegments makes definitions the current ones of their names, all of them
	// or none. One whose text is not that of the current one is a new version.
	// They come back with versions. An unknown site is ErrNotFound.
	PutSegments(ctx context.Context, site string, all []Segment) ([]Segment, error)
	// Segments lists the current versions of a site by name.
	Segments(ctx context.Context, site string) ([]Segment, error)
	// SegmentVersions lists all versions of a segment, the first one first, also
	// if it was removed. One that never was has none.
	SegmentVersions(ctx context.Context, site, name string) ([]Segment, error)
	// RemoveSegment makes a segment one that is not current; one that is not
	// there is ErrNotFound.
	RemoveSegment(ctx context.Context, site, name string) error
}

// Salts keeps the daily secrets of visitor hashes: made on first use, kept for
// today and yesterday, then destroyed.
type Salts interface {
	Salt(day event.Day) ([]byte, error)
}
