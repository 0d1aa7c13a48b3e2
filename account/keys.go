package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"footfall/event"
)

// Scope is something that a key may do: see the table in access.go.
type Scope string

// Scopes of keys. OfAffiliate and an affiliate's id is a scope, too: it reads
// that affiliate's own figures.
const (
	Read        Scope = "read"     // reads everything of its site
	Define      Scope = "define"   // changes segments
	SQL         Scope = "sql"      // asks in SQL: single events, orders and commissions of its site
	InPages     Scope = "segments" // for a shop's page: reads which segments a visitor is in, and nothing else
	Orders      Scope = "orders"   // writes orders and refunds
	Everything  Scope = "admin"    // all of these, and manages the affiliate programme
	Erase       Scope = "erase"    // erases persons, which no other scope does
	OfAffiliate       = "affiliate:"
)

// Scopes lists the scopes that have a fixed name.
var Scopes = []Scope{Read, SQL, Define, InPages, Orders, Everything, Erase}

// kind is the scope, without the id of an affiliate.
func (s Scope) kind() Scope {
	if strings.HasPrefix(string(s), OfAffiliate) {
		return OfAffiliate
	}
	return s
}

// ofOne tells what reads of one affiliate alone, asksAll what asks in SQL of all there is.
func (s Scope) ofOne() bool   { return s.kind() == OfAffiliate }
func (s Scope) asksAll() bool { return s == SQL || s == Everything }

// RoleScopes are what the roles of keys were before keys had scopes, by name.
var RoleScopes = map[string][]Scope{"owner": {Read, Define}, "viewer": {Read}, "segments": {InPages}}

// Key is a bearer token for programs; only its hash is kept.
type Key struct {
	ID      string    `json:"key"`
	Site    string    `json:"site"` // "" is every site
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero is never
}

// Keys keeps bearer tokens. An unknown site is ErrNotFound.
type Keys interface {
	AddKey(ctx context.Context, k Key) (token string, made Key, err error)
	Key(ctx context.Context, token string) (Key, error) // one that has expired is ErrNotFound
	Keys(ctx context.Context) ([]Key, error)            // the oldest first, also those that have expired
	RevokeKey(ctx context.Context, id string) error     // for good; ErrNotFound
}

// PrepareKey makes a bearer token of 160 random bits and the Key to keep for
// it; what is wrong with k is an event.InvalidError.
func PrepareKey(k Key, now time.Time) (token string, made Key, err error) {
	now = now.UTC().Truncate(time.Millisecond)
	if len(k.Scopes) == 0 {
		return "", Key{}, event.Invalid("scope", "is missing: use %s", scopeNames())
	}
	for _, s := range k.Scopes {
		id, affiliate := strings.CutPrefix(string(s), OfAffiliate)
		if affiliate && (id == "" || len(id) > 64 || strings.ContainsAny(id, ", \t\n")) || !affiliate && !slices.Contains(Scopes, s) {
			return "", Key{}, event.Invalid("scope", "%q is unknown: use %s", s, scopeNames())
		}
	}
	if slices.ContainsFunc(k.Scopes, Scope.ofOne) && slices.ContainsFunc(k.Scopes, Scope.asksAll) {
		return "", Key{}, event.Invalid("scope", "%sID asks in SQL by itself, of the affiliate's own rows; with %s or %s the key would read everybody's: make two keys", OfAffiliate, SQL, Everything)
	}
	if err := checkExpiry(k.Expires, now); err != nil {
		return "", Key{}, err
	}
	k.ID, k.Created, k.Scopes = NewToken("key_", 5), now, slices.Compact(slices.Sorted(slices.Values(k.Scopes)))
	k.Expires = expiry(k.Expires)
	return NewToken(KeyPrefix, 20), k, nil
}

func scopeNames() string {
	var names []string
	for _, s := range Scopes {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ") + " or " + OfAffiliate + "ID"
}

func checkExpiry(at, now time.Time) error {
	if !at.IsZero() && !at.After(now) {
		return event.Invalid("expires", "%s is over already", at.Format(time.RFC3339))
	}
	return nil
}

// expiry is a time as it is kept: to the millisecond, or zero.
func expiry(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.UTC().Truncate(time.Millisecond)
}

// Share is a link that shows a site's dashboard to whoever has it; only the
// hash of its token is kept.
type Share struct {
	ID      string    `json:"share"`
	Site    string    `json:"site"`
	Name    string    `json:"name"` // whom it is for
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero is never
}

// Shares keeps read-only links. An unknown site is ErrNotFound.
type Shares interface {
	AddShare(ctx context.Context, s Share) (token string, made Share, err error)
	Share(ctx context.Context, token string) (Share, error) // one that has expired is ErrNotFound
	Shares(ctx context.Context) ([]Share, error)            // the oldest first, also those that have expired
	RevokeShare(ctx context.Context, id string) error       // for good; ErrNotFound
}

// PrepareShare makes a token of 160 random bits and the Share to keep for it.
func PrepareShare(s Share, now time.Time) (token string, made Share, err error) {
	if s.Name, err = Name(s.Name); err != nil {
		return "", Share{}, err
	}
	now = now.UTC().Truncate(time.Millisecond)
	if err := checkExpiry(s.Expires, now); err != nil {
		return "", Share{}, err
	}
	s.ID, s.Created, s.Expires = NewToken("shr_", 5), now, expiry(s.Expires)
	return NewToken(SharePrefix, 20), s, nil
}

// Secrets keeps secrets of the installation by name: 32 random bytes each, made
// on first use.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
	RenewSecret(ctx context.Context, name string) error // another one from now on
}

// EmbedSecret is the name of the secret that signs embed tokens.
const EmbedSecret = "embed"

// Change is a line of the audit log.
type Change struct {
	ID     int64     `json:"line"` // ascending
	At     time.Time `json:"at"`
	Who    string    `json:"who"`    // Who.Name
	What   string    `json:"what"`   // such as "user add"
	Target string    `json:"target"` // what was changed
	Old    string    `json:"old,omitempty"`
	New    string    `json:"new,omitempty"` // neither holds a secret
}

// ChangeFilter picks lines of the audit log. The zero value is all.
type ChangeFilter struct {
	Who    string // exactly
	Kind   string // first word of What
	Before int64  // Change.ID to go on behind, for pages; 0 begins with the newest
	Limit  int    // 0 is all
}

// Audit keeps who changed what; nothing in it can be changed or removed.
type Audit interface {
	Record(ctx context.Context, c Change) error                    // fills ID and At
	Changes(ctx context.Context, f ChangeFilter) ([]Change, error) // the newest first
}
