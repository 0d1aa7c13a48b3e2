// Package erase takes persons out of events: those who asked for it, by keyed
// hashes of the ids they had. It knows nobody; it only recognizes who comes again,
// from a sender that was late, from the queue, or from a copy that was put back.
package erase

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

// Mark is a key of a person who was erased at a site, by which nobody can tell
// who it was without the secret.
type Mark struct {
	Site string    `json:"site"`
	Sum  string    `json:"key"` // HMAC-SHA256 of site and key, its first 16 bytes in hexadecimal
	At   time.Time `json:"at"`  // what happened up to then is erased
}

// List is who was erased. It is safe for concurrent use.
type List struct {
	secret  []byte
	private func(ledger.Key) ledger.Key

	mu sync.RWMutex
	at map[string]map[string]time.Time // by site and sum
}

// NewList makes an empty one. private spells a key as the ledger keeps it
// (affiliate.Desk.Private), so that all spellings of an address are one.
func NewList(secret []byte, private func(ledger.Key) ledger.Key) *List {
	return &List{secret: secret, private: private, at: map[string]map[string]time.Time{}}
}

// Mark is what is kept of a key.
func (l *List) Mark(site string, k ledger.Key, at time.Time) Mark {
	return Mark{site, hex.EncodeToString(l.sum("erased", site, string(l.private(k)))), at.UTC().Truncate(time.Millisecond)}
}

// sum is a keyed hash of texts, each with its length before it.
func (l *List) sum(texts ...string) []byte {
	mac := hmac.New(sha256.New, l.secret)
	var room [binary.MaxVarintLen64]byte
	for _, t := range texts {
		mac.Write(room[:binary.PutUvarint(room[:], uint64(len(t)))])
		mac.Write([]byte(t))
	}
	return mac.Sum(nil)[:16]
}

// Add takes marks in. Of one key the later time holds.
func (l *List) Add(marks ...Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range marks {
		if l.at[m.Site] == nil {
			l.at[m.Site] = map[string]time.Time{}
		}
		if m.At.After(l.at[m.Site][m.Sum]) {
			l.at[m.Site][m.Sum] = m.At
		}
	}
}

// Erased reports whether a key is of a person who was erased, and something that
// happened at a time before that.
func (l *List) Erased(site string, k ledger.Key, at time.Time) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.at[site]) == 0 {
		return false
	}
	until, known := l.at[site][l.Mark(site, k, at).Sum]
	return known && !at.After(until)
}

// Named reports whether an event is of a person who was erased since, and still
// says so.
func (l *List) Named(e *event.Event) bool {
	l.mu.RLock()
	none := len(l.at[e.Site]) == 0
	l.mu.RUnlock()
	if none {
		return false
	}
	at := e.Time
	if e.Received.Before(at) { // a clock that was ahead
		at = e.Received
	}
	return slices.ContainsFunc(keysOf(e), func(k ledger.Key) bool { return l.Erased(e.Site, k, at) })
}

// keysOf lists whose an event is: by all ids that it has or, where there is none,
// by the clicks that it carries. A click's id stands in an address, which may be
// passed on to somebody who has an own id. The click itself, if it has no id, is
// of a visitor of the day already.
func keysOf(e *event.Event) (keys []ledger.Key) {
	if e.AnonymousID != "" {
		keys = append(keys, ledger.Key("anon:"+e.AnonymousID))
	}
	if e.UserID != "" {
		keys = append(keys, ledger.Key("user:"+e.UserID))
	}
	if e.PreviousID != "" { // nobody knows which it is
		keys = append(keys, ledger.Key("anon:"+e.PreviousID), ledger.Key("user:"+e.PreviousID))
	}
	if len(keys) > 0 {
		return keys
	}
	return affiliate.KeysOf(e)
}

// Clean takes persons who were erased out of events, and counts these. What
// happened stays, and is counted as before: when, on which page, by what sort of
// device, from which country and source, what was bought; but it is of a visitor
// whom nothing leads to. The same visitor is always the same other one.
func (l *List) Clean(events []event.Event) (cleaned int) {
	for i := range events {
		if e := &events[i]; l.Named(e) {
			l.clean(e)
			cleaned++
		}
	}
	return cleaned
}

func (l *List) clean(e *event.Event) {
	e.UserID, e.AnonymousID, e.GroupID, e.PreviousID = "", "", "", ""
	e.Visitor, e.Session = l.other(e.Site, "visitor", e.Visitor), l.other(e.Site, "session", e.Session)
	e.Search, e.Traits, e.Context, e.Properties = "", "", "", kept(e)
}

// other is the number that stands in for a visitor's or session's.
func (l *List) other(site, of string, n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return max(1, binary.BigEndian.Uint64(l.sum(of, site, event.FormatID(n))))
}

// What an event's properties may go on saying: what figures and the ledger read
// of an order, and nothing that tells of its customer.
var (
	ofOrder = strings.Fields("order_id orderid refund_id currency revenue value subtotal total shipping tax discount coupon coupons store time updated_at " +
		"line_id product_id sku category price quantity net name products")
	ofProduct = strings.Fields("line_id product_id id sku name category price quantity net coupon")
	ofClick   = strings.Fields("click_id affiliate_code sub_id source machine")
)

// kept is what stays of an event's properties.
func kept(e *event.Event) string {
	words := ofOrder
	if _, trade := e.Trade(); !trade && !shop.Told(e.Name) {
		if e.Name != affiliate.Clicked {
			return ""
		}
		words = ofClick
	}
	if e.Kind != event.Track {
		return ""
	}
	var said map[string]json.RawMessage
	if json.Unmarshal([]byte(e.Properties), &said) != nil {
		return ""
	}
	only(said, words)
	for name, value := range said {
		if strings.EqualFold(name, "products") {
			said[name] = products(value)
		} else if !plain(value) {
			delete(said, name)
		}
	}
	text, err := json.Marshal(said)
	if err != nil || len(said) == 0 {
		return ""
	}
	return string(text)
}

// products is a list of products with what may stay of each.
func products(list json.RawMessage) json.RawMessage {
	var items []json.RawMessage
	_ = json.Unmarshal(list, &items) // what is no list has no products
	all := []map[string]json.RawMessage{}
	for _, item := range items {
		var p map[string]json.RawMessage
		if json.Unmarshal(item, &p) != nil {
			continue
		}
		all = append(all, p)
		only(p, ofProduct)
		for name, value := range p {
			if !plain(value) {
				delete(p, name)
			}
		}
	}
	text, _ := json.Marshal(all) // of what was read as JSON
	return text
}

// only leaves members of these names, however they are written.
func only(said map[string]json.RawMessage, words []string) {
	for name := range said {
		if !slices.Contains(words, strings.ToLower(name)) {
			delete(said, name)
		}
	}
}

// plain reports whether a value is a number, a truth value, a text without an
// address in it, or a list of these.
func plain(value json.RawMessage) bool {
	var of any
	if json.Unmarshal(value, &of) != nil {
		return false
	}
	list, is := of.([]any)
	if !is {
		list = []any{of}
	}
	return !slices.ContainsFunc(list, func(one any) bool {
		switch v := one.(type) {
		case string:
			return slices.ContainsFunc(strings.Fields(v), func(word string) bool { _, is := affiliate.FoldEmail(word); return is })
		case map[string]any, []any:
			return true
		}
		return false
	})
}
