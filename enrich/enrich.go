// Package enrich turns what a browser sent into what is kept: one ordered list
// of steps. The sender's address and raw user agent come in beside the event
// and end here; they are in no field of it afterwards.
package enrich

import (
	"net/netip"
	"time"

	"footfall/event"
)

// Sender is what is known of who sent an event, in memory only.
type Sender struct {
	IP        netip.Addr // zero if unknown
	Host      string     // stands in for the address where a log has only a host name
	UserAgent string
	URL       string // of the page as sent
	Referrer  string // as sent
	Language  string // a locale or an Accept-Language as sent
	Screen    int    // width in CSS pixels; 0 if unknown
	Salt      []byte // overrides the daily salt (an import brings its own); nil for the daily one
	Server    bool   // sent by a server library: its anonymous ids may be invented per event
}

// Salts gives the secret salts that visitor hashes are made with.
type Salts interface {
	// Salt is the secret of the UTC day. It exists for today and yesterday only.
	Salt(day event.Day) ([]byte, error)
}

// Places looks up where an address is.
type Places interface{ Place(netip.Addr) event.Place }

// Options configures an Enricher; the zero value knows no places, has
// random salts in memory and takes no host as internal beyond the page's own.
type Options struct {
	Salts    Salts
	Places   Places
	Internal func(site, host string) bool // is host one of the site's own?
	// Affiliate is the code of the affiliate whose link led to what happened; ""
	// if none did. It is asked at every event. Nil knows none.
	Affiliate func(e *event.Event) string
	BotWords  []string // exactly these words mark a bot, instead of the list (import --bots words)
	Now       func() time.Time
}
