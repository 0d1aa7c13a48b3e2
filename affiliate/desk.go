package affiliate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

// Options of a Desk.
type Options struct {
	Secret []byte                            // keys the hashes of customers' addresses; required
	Hosts  func(site string) []string        // that a site's pages are on, in lower case; nil knows none
	Money  func(site string) string          // currency of a site, for orders that name none; nil is none
	Count  func(stage, reason string, n int) // nil counts nothing
	Mail   bool                              // affiliates are written to: that they are accepted, and of payouts; a Mailing delivers it

	// Erased tells whether a key is of a person who was erased since a time; nil:
	// nobody was.
	Erased func(site string, k ledger.Key, at time.Time) bool

	Now func() time.Time // nil is time.Now
}

// Desk applies the rules of affiliate programmes to a ledger: it takes what
// visitors and shops do, decides whose an order is, and posts what follows. All
// of one report happens in one transaction of the ledger. It is safe for
// concurrent use.
type Desk struct {
	book ledger.Book
	o    Options
	set  atomic.Pointer[directory]
	mu   sync.Mutex // of loading the directory
	read marks

	notice atomic.Int64 // milliseconds in the newest id of a notice
}

// Open makes a Desk on a ledger, which stays the caller's to close.
func Open(ctx context.Context, book ledger.Book, o Options) (*Desk, error) {
	if len(o.Secret) < 16 {
		return nil, fmt.Errorf("affiliates: the secret has %d bytes, 16 are the least", len(o.Secret))
	}
	if o.Hosts == nil {
		o.Hosts = func(string) []string { return nil }
	}
	if o.Money == nil {
		o.Money = func(string) string { return "" }
	}
	if o.Count == nil {
		o.Count = func(string, string, int) {}
	}
	if o.Erased == nil {
		o.Erased = func(string, ledger.Key, time.Time) bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Desk{book: book, o: o}
	return d, d.load(ctx)
}

func (d *Desk) now() time.Time { return d.o.Now().UTC().Truncate(time.Millisecond) }

func (d *Desk) id() string { return event.NewID(d.o.Now()) }

// customer is the key that a customer's address is kept as: a keyed hash of the
// address as FoldEmail spells it. "" if it is none.
func (d *Desk) customer(address string) ledger.Key {
	folded, ok := FoldEmail(address)
	if !ok {
		return ""
	}
	return d.hashed("customer:", "customer:"+folded)
}

// hashed is a key of what must not be kept as it is.
func (d *Desk) hashed(kind, text string) ledger.Key {
	mac := hmac.New(sha256.New, d.o.Secret)
	mac.Write([]byte(text))
	return ledger.Key(kind + hex.EncodeToString(mac.Sum(nil)[:16]))
}

// private is a key as it may be kept: an id that is an address becomes a hash.
func (d *Desk) private(k ledger.Key) ledger.Key {
	kind, id, _ := strings.Cut(string(k), ":")
	if !strings.Contains(id, "@") {
		return k
	}
	if folded, ok := FoldEmail(id); ok {
		return d.hashed(kind+":", kind+":"+folded)
	}
	return k
}

// directory is the set-up as it is asked for at every event: programmes by site
// and codes by their canonical form.
type directory struct {
	programs map[string]ledger.Program // by id
	bySite   map[string]string
	codes    map[string]ledger.Code
	of       map[string]string // programme of an affiliate who is not banned
	shops    map[string]ledger.Shop
}

// program is the one that covers a site.
func (s *directory) program(site string) (ledger.Program, bool) {
	p, ok := s.programs[s.bySite[site]]
	return p, ok
}

// code finds a code of a programme by what somebody wrote. A code beyond its
// end leads nowhere; one that is retired by its affiliate's state still does.
func (s *directory) code(program, text string, at time.Time) (ledger.Code, bool) {
	c, ok := s.codes[Canonical(text)]
	if !ok || program != "" && c.Program != program || !ValidAt(c, at) {
		return ledger.Code{}, false
	}
	return c, true
}

// load reads the set-up anew.
func (d *Desk) load(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &directory{programs: map[string]ledger.Program{}, bySite: map[string]string{}, codes: map[string]ledger.Code{}, of: map[string]string{}, shops: map[string]ledger.Shop{}}
	err := d.book.View(ctx, func(tx ledger.Tx) error {
		programs, err := tx.Set().Programs().Find("", "")
		if err != nil {
			return err
		}
		for _, p := range programs {
			s.programs[p.ID] = p
			for _, site := range p.Sites {
				s.bySite[site] = p.ID
			}
		}
		codes, err := tx.Set().Codes().Find("", "")
		if err != nil {
			return err
		}
		for _, c := range codes {
			s.codes[c.ID] = c
		}
		affiliates, err := tx.Set().Affiliates().Find("", "")
		if err != nil {
			return err
		}
		for _, a := range affiliates {
			if a.Status != ledger.Banned {
				s.of[a.ID] = a.Program
			}
		}
		shops, err := tx.Orders().Shops().Find("", "")
		for _, sh := range shops {
			s.shops[sh.ID] = sh
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("affiliates: reading the programmes: %w", err)
	}
	d.set.Store(s)
	return nil
}

// change changes the set-up and reads it anew.
func (d *Desk) change(ctx context.Context, fn func(tx ledger.Tx) error) error {
	if err := d.book.Change(ctx, fn); err != nil {
		return err
	}
	return d.load(context.WithoutCancel(ctx))
}

// ErrNoProgram means that a site is in no affiliate programme.
var ErrNoProgram error = &shop.InvalidError{Field: "site", Why: "is in no affiliate programme: make one with footfall program set"}
