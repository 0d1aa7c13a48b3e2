package account

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"footfall/event"
)

// Person is somebody who logs in.
type Person struct {
	ID       string    `json:"person"`
	Email    string    `json:"email"` // in lower case; no two people have the same
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled"`           // lets nobody in
	Language string    `json:"language,omitempty"` // of the pages, such as de; "" is what the browser wants
}

// Role is what a person may do on a site: see the table in access.go.
type Role string

// Roles of people.
const (
	Owner     Role = "owner"
	Admin     Role = "admin"
	Viewer    Role = "viewer"
	Affiliate Role = "affiliate" // the ledger says which one the person is
)

// Roles lists every role.
var Roles = []Role{Owner, Admin, Viewer, Affiliate}

// Grant gives a person a role on a site.
type Grant struct {
	Person string `json:"person"` // id
	Site   string `json:"site"`   // id; "" is every site
	Role   Role   `json:"role"`
}

// Credential is how a person proves to be it.
type Credential struct {
	Password string // as HashPassword spells it; "" is none, which lets nobody in
	TOTP     []byte // the secret of a second factor; nil is none
	Step     int64  // of the last code that was used
	Recovery int    // how many recovery codes are left
}

// People keeps people. An unknown person is ErrNotFound.
type People interface {
	AddPerson(ctx context.Context, p Person) (Person, error)        // fills ID, Created; ErrExists
	Person(ctx context.Context, idOrEmail string) (Person, error)   //
	People(ctx context.Context) ([]Person, error)                   // by e-mail
	SetPerson(ctx context.Context, id, name, language string) error // what is a person's own to change
	RemovePerson(ctx context.Context, id string) error              // with grants, sessions and links
}

// Grants keeps who may do what.
type Grants interface {
	// PutGrant gives a person a role on a site, in place of the one it has there.
	// In the same step the person's links that set a password become worth
	// nothing: whoever made one for a smaller role must not get into a bigger one.
	PutGrant(ctx context.Context, g Grant) error
	// Grants lists a person's by site; all people's if person is "".
	Grants(ctx context.Context, person string) ([]Grant, error)
	// RemoveGrant takes the role on a site; ErrNotFound if there is none.
	RemoveGrant(ctx context.Context, person, site string) error
	// SetDisabled lets a person in nowhere, whatever the roles, or in again.
	SetDisabled(ctx context.Context, person string, disabled bool) error
}

// Credentials keeps how people prove to be themselves.
type Credentials interface {
	Credential(ctx context.Context, person string) (Credential, error)
	SetPassword(ctx context.Context, person, hash string) error
	// SetTOTP sets a second factor and the hashes of its recovery codes in place
	// of what there is; nil takes both away.
	SetTOTP(ctx context.Context, person string, secret []byte, recovery [][]byte) error
	// UseStep notes the step of a code that was used. ErrNotFound: it, or a later
	// one, was used before.
	UseStep(ctx context.Context, person string, step int64) error
	// UseRecovery uses a recovery code up, given its hash; ErrNotFound if there is none.
	UseRecovery(ctx context.Context, person string, hash []byte) error
}

// Limits of what is kept of a person.
const (
	maxEmail = 254 // bytes, RFC 5321
	maxName  = 100 // characters
)

// PreparePerson checks a new person as an event.InvalidError and fills in ID
// and Created.
func PreparePerson(p Person, now time.Time) (Person, error) {
	var err error
	if p.Email, err = Email(p.Email); err != nil {
		return Person{}, err
	}
	if p.Name, err = Name(p.Name); err != nil {
		return Person{}, err
	}
	p.ID, p.Created = NewToken("per_", 5), now.UTC().Truncate(time.Millisecond)
	return p, nil
}

// Email is an address in the form in which it is kept.
func Email(s string) (string, error) {
	valid := utf8.ValidString(s) // ToLower mends it
	s = strings.ToLower(strings.TrimSpace(s))
	at := strings.LastIndexByte(s, '@')
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>,;"()`, r)
	}
	if at < 1 || at == len(s)-1 || len(s) > maxEmail || !valid || strings.ContainsFunc(s, odd) {
		return "", event.Invalid("email", "is not an address such as ada@example.com")
	}
	return s, nil
}

// Name is a person's, or a thing's, name in the form in which it is kept.
func Name(s string) (string, error) {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, unicode.IsControl) {
		return "", event.Invalid("name", "is not one line of at most %d characters", maxName)
	}
	return s, nil
}

// Language is a tag of a language in the form in which it is kept; "" is none.
func Language(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxLanguage || strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}) {
		return "", event.Invalid("language", "is not a tag such as de or pt-BR")
	}
	return s, nil
}

// maxLanguage is as long as a tag can be without being an extension of one.
const maxLanguage = 35

// CheckGrant reports a role that is not known as an event.InvalidError.
func CheckGrant(g Grant) error {
	if !slices.Contains(Roles, g.Role) {
		return event.Invalid("role", "%q is unknown: use %s, %s, %s or %s", g.Role, Owner, Admin, Viewer, Affiliate)
	}
	return nil
}
