// Package commerce is the door by which shops tell of orders and refunds: JSON
// requests and files with a key, and signed webhooks of payment services.
// docs/affiliates-orders.md says what they send and what they are answered. It
// reads and spells; whether something was told before, and what follows from
// it, is the Taker's matter.
package commerce

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"footfall/shop"
)

// Taker takes what shops say. When Take returns nil the report is on disk. The
// same report again changes nothing and is a duplicate. A shop.InvalidError is
// the sender's fault; after any other error the same may be sent again.
type Taker interface {
	Take(ctx context.Context, r shop.Report) (Answer, error)
}

// Answer is what became of a report.
type Answer struct {
	Order      string   `json:"id"`                  // ours
	Duplicate  bool     `json:"duplicate"`           // it was known already
	Attributed bool     `json:"attributed"`          // an affiliate has the order
	Affiliate  string   `json:"affiliate,omitempty"` // who
	Revision   int      `json:"revision"`            // contents of the order so far
	Commission []Amount `json:"commission"`          // of the order as it stands, by currency
	Explain    any      `json:"explain,omitempty"`   // all that it could have been attributed by, and why not
}

// Amount is an amount of money as a decimal number of units.
type Amount struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

// Options configures the door. The zero value lets nobody in.
type Options struct {
	// Allow reports whether a request's key may write orders of a site. An error is
	// that nobody can tell now: the sender is told to come again.
	Allow func(r *http.Request, site string) (bool, error)
	// Currency is a site's; false if there is no such site.
	Currency func(site string) (string, bool)
	// Hooks is what a site's webhook for a kind of shop (shop.Hook.Name) expects;
	// false if it has none.
	Hooks func(site, kind string) (shop.HookOptions, bool)
	// Count counts reports by stage: "order_taken", "order_duplicate" and
	// "order_test" with the door as the reason, "order_refused" with the field that
	// is wrong, "signature" or "failed".
	Count func(stage, reason string, n int)

	// Client is the address of a sender, to share the places of messages that are
	// not proved yet; nil is the connection's.
	Client func(r *http.Request) netip.Addr

	Log         *slog.Logger     // nil is slog.Default
	Now         func() time.Time // nil is time.Now
	Timeout     time.Duration    // of one request, of a file ten times as long; 0 is 30 s
	BodyTimeout time.Duration    // of reading its body; 0 is 10 s
	MaxWaiting  int              // requests with a key in memory at a time, and as many webhook messages, 503 beyond; 0 is 128
}

// MaxBody is the most bytes a request or webhook message may have; a file has
// shop.MaxFile.
const MaxBody = 1 << 20

// fileTimes is how much longer a file may take than a request.
const fileTimes = 10

type door struct {
	taker Taker
	Options
	slots slots   // of requests with a key
	hooks *places // of webhooks
}

// slots are the places for requests in memory.
type slots chan struct{}

// within does something in a slot; without one it is to be sent again.
func (s slots) within(do func() *refusal) *refusal {
	select {
	case s <- struct{}{}:
		defer func() { <-s }()
		return do()
	default:
		return again("too many requests at a time: send it again")
	}
}

// New is the handler of what Handles names.
func New(taker Taker, o Options) http.Handler {
	if o.Allow == nil {
		o.Allow = func(*http.Request, string) (bool, error) { return false, nil }
	}
	if o.Currency == nil {
		o.Currency = func(string) (string, bool) { return "", false }
	}
	if o.Hooks == nil {
		o.Hooks = func(string, string) (shop.HookOptions, bool) { return shop.HookOptions{}, false }
	}
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	if o.Client == nil {
		o.Client = func(r *http.Request) netip.Addr {
			port, _ := netip.ParseAddrPort(r.RemoteAddr) // a local socket has none
			return port.Addr()
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.BodyTimeout <= 0 {
		o.BodyTimeout = 10 * time.Second
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 128
	}
	d := &door{taker: taker, Options: o, slots: make(slots, o.MaxWaiting), hooks: newPlaces(o.MaxWaiting, o.Now)}
	mux := http.NewServeMux()
	mux.Handle("/v1/orders", d.guard(o.Timeout, d.keyed(d.orders)))
	mux.Handle("/v1/refunds", d.guard(o.Timeout, d.keyed(d.refunds)))
	mux.Handle("/v1/orders.csv", d.guard(fileTimes*o.Timeout, d.keyed(d.file)))
	mux.Handle("/hooks/{site}/{shop}", d.guard(o.Timeout, d.hook))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		d.refuse(w, &refusal{status: http.StatusNotFound, why: "there is no such address"})
	})
	return mux
}

// Handles reports whether a path is one of this door's.
func Handles(path string) bool {
	return path == "/v1/orders" || path == "/v1/refunds" || path == "/v1/orders.csv" || strings.HasPrefix(path, "/hooks/")
}

// act does what a request asks for, or says why not.
type act func(w http.ResponseWriter, r *http.Request) *refusal

// keyed does what a request with a key asks for. The key comes first: who has
// none takes nobody's slot.
func (d *door) keyed(do func(w http.ResponseWriter, r *http.Request, o shop.RequestOptions) *refusal) act {
	return func(w http.ResponseWriter, r *http.Request) *refusal {
		o, f := d.sender(r)
		if f != nil {
			return f
		}
		return d.slots.within(func() *refusal { return do(w, r, o) })
	}
}

// guard takes POST alone, bounds how long a request takes, and answers a refusal.
func (d *door) guard(timeout time.Duration, do act) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			d.refuse(w, &refusal{status: http.StatusMethodNotAllowed, why: "use POST"})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		if f := do(w, r.WithContext(ctx)); f != nil {
			d.refuse(w, f)
		}
	})
}
