package account

import (
	"context"
	"time"
)

// Purpose is what a one-time link is for.
type Purpose string

// Purposes of links.
const (
	ForLogin  Purpose = "login"  // logs in: a person, or the operator if it names nobody
	ForSetup  Purpose = "setup"  // makes the first person
	ForInvite Purpose = "invite" // a new person sets a password
	ForReset  Purpose = "reset"  // sets another password
	ForProof  Purpose = "proof"  // sets another password, and was told to the mailbox alone
	ForCode   Purpose = "code"   // the password was right: waits for the second factor's code
)

// SetPassword are the purposes of links that set a password.
var SetPassword = []Purpose{ForInvite, ForReset, ForProof}

// Link is a token that works once.
type Link struct {
	Purpose Purpose
	Person  string // id; "" is nobody
	Expires time.Time
}

// Links keeps one-time links, by their hash.
type Links interface {
	AddLink(ctx context.Context, purpose Purpose, person string, life time.Duration) (token string, err error)
	// Link looks at a link and leaves it; one that was used, is too old or was
	// never there is ErrNotFound.
	Link(ctx context.Context, token string) (Link, error)
	// UseLink takes a link: of several at once, one gets it.
	UseLink(ctx context.Context, token string) (Link, error)
}

// How long a browser stays logged in: in all, and without a request.
const (
	SessionLife = 30 * 24 * time.Hour
	SessionIdle = 7 * 24 * time.Hour
)

// seenEvery is how exactly it is known when a session was used last: a write
// at every request would cost more than the request.
const seenEvery = 5 * time.Minute

// Session is a browser that is logged in.
type Session struct {
	ID      string // for lists; it lets nobody in
	Person  string // id; "" is the operator, who used a link that the command line printed
	Created time.Time
	Seen    time.Time // to within five minutes
}

// Over reports whether a session has ended by itself.
func (s Session) Over(now time.Time) bool {
	return !now.Before(s.Created.Add(SessionLife)) || !now.Before(s.Seen.Add(SessionIdle))
}

// Stale reports whether Seen is to be written anew.
func (s Session) Stale(now time.Time) bool { return now.Sub(s.Seen) >= seenEvery }

// NewSession makes a session's token of 160 random bits and what is kept of it.
func NewSession(person string, now time.Time) (token string, s Session) {
	now = now.UTC().Truncate(time.Millisecond)
	return NewToken(SessionPrefix, 20), Session{NewToken("ses_", 5), person, now, now}
}

// Sessions keeps the sessions of browsers, by the hash of their token.
type Sessions interface {
	AddSession(ctx context.Context, person string) (token string, err error)
	// Session finds the session of a token and notes that it is used. One that is
	// over, or of somebody who is disabled, is ErrNotFound.
	Session(ctx context.Context, token string) (Session, error)
	// Sessions lists a person's, the newest first.
	Sessions(ctx context.Context, person string) ([]Session, error)
	// EndSession makes a session invalid for good. One that was not valid is no error.
	EndSession(ctx context.Context, token string) error
	// EndSessions ends all sessions of a person but that of a token, which may be
	// "", and makes its links worth nothing.
	EndSessions(ctx context.Context, person, but string) error
}
