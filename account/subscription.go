package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"footfall/event"
	"footfall/period"
)

// Rhythm is how often somebody gets a report by mail.
type Rhythm string

// The rhythms. A week begins on Monday.
const (
	Daily   Rhythm = "daily"
	Weekly  Rhythm = "weekly"
	Monthly Rhythm = "monthly"
)

// Rhythms lists every rhythm.
var Rhythms = []Rhythm{Daily, Weekly, Monthly}

// Subscription has somebody sent the figures of a site, or those of one affiliate,
// after the end of each day, week or month.
type Subscription struct {
	ID        string    `json:"report"`
	Site      string    `json:"site"`      // id; "" is an affiliate's
	Affiliate string    `json:"affiliate"` // id in the ledger, which has the address; "" is a site's
	Person    string    `json:"person"`    // id of who gets a site's; "" is Email or the affiliate
	Email     string    `json:"email"`     // that somebody named who may change the site; "" is a person's or the affiliate's
	Rhythm    Rhythm    `json:"rhythm"`
	Created   time.Time `json:"created"`
	Progress
}

// Progress is how far a subscription is told.
type Progress struct {
	Told  period.Date `json:"told"`         // dates before it are told, or will never be
	Tries int         `json:"tries"`        // of the letter that is due, with one under way
	Due   time.Time   `json:"due,omitzero"` // when it is tried again; zero: at once
	Why   string      `json:"why"`          // the last try failed, or nothing was sent; "" nothing failed
}

// Subscriptions keeps who is sent reports.
type Subscriptions interface {
	// AddSubscription keeps a new one with ID and Created filled in. An unknown site
	// or person is ErrNotFound; ErrExists if the same recipient has the same already.
	AddSubscription(ctx context.Context, s Subscription) (Subscription, error)
	Subscriptions(ctx context.Context) ([]Subscription, error) // the oldest first
	// Advance moves one on from a progress that was read. If it has another by now, or
	// is removed, that is ErrNotFound, so that of two processes one sends a letter.
	Advance(ctx context.Context, id string, from, to Progress) error
	RemoveSubscription(ctx context.Context, id string) error // ErrNotFound
}

// PrepareSubscription checks a new subscription as an event.InvalidError and fills
// in ID and Created.
func PrepareSubscription(s Subscription, now time.Time) (Subscription, error) {
	if !slices.Contains(Rhythms, s.Rhythm) {
		return Subscription{}, event.Invalid("rhythm", "%q is unknown: use %s, %s or %s", s.Rhythm, Daily, Weekly, Monthly)
	}
	if s.Email != "" {
		var err error
		if s.Email, err = Email(s.Email); err != nil {
			return Subscription{}, err
		}
	}
	switch {
	case (s.Site == "") == (s.Affiliate == ""):
		return Subscription{}, event.Invalid("site", "or affiliate: a report is of one of the two")
	case s.Affiliate == "" && (s.Person == "") == (s.Email == ""), s.Affiliate != "" && s.Person+s.Email != "":
		return Subscription{}, event.Invalid("email", "is not of one person, address or affiliate")
	}
	s.ID, s.Created = NewToken("sub_", 5), now.UTC().Truncate(time.Millisecond)
	return s, nil
}

// Same reports whether two subscriptions send the same to the same.
func (s Subscription) Same(o Subscription) bool {
	return s.Site == o.Site && s.Affiliate == o.Affiliate && s.Person == o.Person && s.Email == o.Email && s.Rhythm == o.Rhythm
}

// Of says what a subscription is of, for the audit log and lists.
func (s Subscription) Of() string {
	if s.Affiliate != "" {
		return string(s.Rhythm) + " of affiliate " + s.Affiliate
	}
	return string(s.Rhythm) + " of " + s.Site
}

// MailSecret is the name of the secret that signs the links by which somebody gets
// no more letters.
const MailSecret = "mail"

// SignUnsubscribe makes the token of a link that ends a subscription: its id and an
// HMAC-SHA256 of it. Who has the letter needs no log-in; the token does nothing else.
func SignUnsubscribe(secret []byte, id string) string {
	return UnsubscribePrefix + id + "." + base64.RawURLEncoding.EncodeToString(signUnsubscribe(secret, id))
}

func signUnsubscribe(secret []byte, id string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(UnsubscribePrefix + id))
	return mac.Sum(nil)
}

// ReadUnsubscribe is the id of the subscription that a token ends; ErrNotFound if it
// is not signed by this installation.
func ReadUnsubscribe(secret []byte, token string) (id string, err error) {
	body, prefixed := strings.CutPrefix(token, UnsubscribePrefix)
	id, sum, _ := strings.Cut(body, ".")
	got, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if !prefixed || len(token) > 200 || strings.ContainsAny(token, "\r\n") || err != nil || !hmac.Equal(got, signUnsubscribe(secret, id)) {
		return "", ErrNotFound
	}
	return id, nil
}
