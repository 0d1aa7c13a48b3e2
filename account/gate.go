package account

import (
	"context"
	"errors"
	"time"

	"footfall/event"
)

// ErrDenied means that e-mail, password, code or link let nobody in. Which of
// them it was is told to nobody.
var ErrDenied = errors.New("that did not let you in")

// Entrances is what a Gate needs to be kept.
type Entrances interface {
	People
	Grants
	Credentials
	Links
	Sessions
}

// Gate lets people in. Every session it begins has a new token, whatever the
// browser had before.
type Gate struct {
	Entrances
	secrets  Secrets
	audit    Audit
	throttle *Throttle
	now      func() time.Time
}

// NewGate makes a Gate; now is time.Now if it is nil.
func NewGate(kept interface {
	Entrances
	Secrets
	Audit
}, now func() time.Time) *Gate {
	if now == nil {
		now = time.Now
	}
	return &Gate{kept, kept, kept, NewThrottle(now), now}
}

// Entry is how somebody came in: with a session, or up to the second factor,
// whose code Gate.Code takes with the Second token. With a session a person's
// browser is given a Device to keep, which comes back as Sender.Device.
type Entry struct{ Session, Second, Device string }

// secondLife is how long the second factor's code is waited for.
const secondLife = 5 * time.Minute

// Password lets in by e-mail and password. An e-mail that nobody has takes as
// long as a wrong password. Errors: ErrDenied, *SlowError.
func (g *Gate) Password(ctx context.Context, email, password string, from Sender) (Entry, error) {
	email, invalid := Email(email)
	from, err := g.known(ctx, email, from)
	if err == nil {
		err = g.throttle.Try(email, from)
	}
	if err != nil {
		return Entry{}, err
	}
	var p Person
	var c Credential
	err = ErrNotFound
	if invalid == nil {
		p, err = g.Person(ctx, email)
	}
	if err == nil {
		c, err = g.Credential(ctx, p.ID)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Entry{}, err
	}
	right, weak, err := CheckPassword(ctx, password, c.Password)
	if err != nil {
		return Entry{}, err
	}
	if !right || p.Disabled {
		return Entry{}, ErrDenied
	}
	g.throttle.Succeeded(email, from)
	if weak {
		if err := g.keepPassword(ctx, p.ID, password); err != nil {
			return Entry{}, err
		}
	}
	return g.enter(ctx, p, c)
}

// enter begins a session, or waits for the code.
func (g *Gate) enter(ctx context.Context, p Person, c Credential) (e Entry, err error) {
	if c.TOTP != nil {
		e.Second, err = g.AddLink(ctx, ForCode, p.ID, secondLife)
		return e, err
	}
	return g.begin(ctx, p)
}

// begin begins a session. The operator has no password, and so needs no device.
func (g *Gate) begin(ctx context.Context, p Person) (e Entry, err error) {
	if e.Session, err = g.AddSession(ctx, p.ID); err == nil && p.ID != "" {
		e.Device, err = g.newDevice(ctx, p.Email)
	}
	return e, err
}

// Code lets in by the second factor: a code of the app, or a recovery code.
// After ErrDenied another code may be tried with the same token, until that is
// too old: ErrNotFound.
func (g *Gate) Code(ctx context.Context, second, code string, from Sender) (Entry, error) {
	l, err := g.Link(ctx, second)
	if err == nil && l.Purpose != ForCode {
		err = ErrNotFound
	}
	if err != nil {
		return Entry{}, err
	}
	p, err := g.Person(ctx, l.Person)
	if err != nil {
		return Entry{}, err
	}
	if from, err = g.known(ctx, p.Email, from); err != nil {
		return Entry{}, err
	}
	if err := g.checkCode(ctx, p.ID, code, from); err != nil {
		return Entry{}, err
	}
	if _, err := g.UseLink(ctx, second); err != nil {
		return Entry{}, err
	}
	return g.begin(ctx, p)
}

func (g *Gate) checkCode(ctx context.Context, person, code string, from Sender) error {
	if err := g.throttle.Try("code "+person, from); err != nil {
		return err
	}
	c, err := g.Credential(ctx, person)
	if err != nil {
		return err
	}
	if step, ok := CheckTOTP(c.TOTP, code, c.Step, g.now()); ok && c.TOTP != nil {
		err = g.UseStep(ctx, person, step)
	} else {
		err = g.UseRecovery(ctx, person, hashRecovery(code))
	}
	if errors.Is(err, ErrNotFound) {
		return ErrDenied
	}
	if err == nil {
		g.throttle.Succeeded("code "+person, from)
	}
	return err
}

// FollowLink lets in by a link to log in with. One that was used, or is too
// old, is ErrNotFound.
func (g *Gate) FollowLink(ctx context.Context, token string) (Entry, error) {
	l, err := g.take(ctx, token, ForLogin)
	if err != nil || l.Person == "" {
		if err == nil {
			return g.enter(ctx, Person{}, Credential{})
		}
		return Entry{}, err
	}
	return g.enterAs(ctx, l.Person)
}

func (g *Gate) enterAs(ctx context.Context, person string) (Entry, error) {
	p, err := g.Person(ctx, person)
	if err != nil {
		return Entry{}, err
	}
	if p.Disabled {
		return Entry{}, ErrNotFound
	}
	c, err := g.Credential(ctx, person)
	if err != nil {
		return Entry{}, err
	}
	return g.enter(ctx, p, c)
}

// Look reports what a link is for without using it; ErrNotFound if it is not
// for one of the purposes.
func (g *Gate) Look(ctx context.Context, token string, purposes ...Purpose) (Link, error) {
	l, err := g.Link(ctx, token)
	if err != nil {
		return Link{}, err
	}
	for _, p := range purposes {
		if l.Purpose == p {
			return l, nil
		}
	}
	return Link{}, ErrNotFound
}

// take uses a link up if it is for one of the purposes.
func (g *Gate) take(ctx context.Context, token string, purposes ...Purpose) (Link, error) {
	if _, err := g.Look(ctx, token, purposes...); err != nil {
		return Link{}, err
	}
	return g.UseLink(ctx, token)
}

// SetUp makes the first person, the owner of every site, by the link that the
// first start printed. Where there is somebody already it is ErrNotFound. What
// is wrong with the person or the password is an event.InvalidError, and leaves
// the link as it was.
func (g *Gate) SetUp(ctx context.Context, token string, p Person, password string) (made Person, e Entry, err error) {
	if _, err := g.Look(ctx, token, ForSetup); err != nil {
		return Person{}, Entry{}, err
	}
	all, err := g.People(ctx)
	if err != nil || len(all) > 0 {
		return Person{}, Entry{}, errors.Join(err, ErrNotFound)
	}
	if p, err = PreparePerson(p, g.now()); err != nil {
		return Person{}, Entry{}, err
	}
	if err := CheckNewPassword(password, p.Email); err != nil {
		return Person{}, Entry{}, err
	}
	if _, err := g.UseLink(ctx, token); err != nil {
		return Person{}, Entry{}, err
	}
	if p, err = g.AddPerson(ctx, p); err != nil {
		return Person{}, Entry{}, err
	}
	if err := g.PutGrant(ctx, Grant{Person: p.ID, Role: Owner}); err != nil {
		return Person{}, Entry{}, err
	}
	if err := g.keepPassword(ctx, p.ID, password); err != nil {
		return Person{}, Entry{}, err
	}
	e, err = g.enter(ctx, p, Credential{})
	return p, e, err
}

// NewPassword sets a password by a link of an invitation or a reset, and ends
// all other sessions. The audit log is told, of which Office learns who has proven
// the address. A password that can't be one leaves the link as it was.
func (g *Gate) NewPassword(ctx context.Context, token, password string) (Person, Entry, error) {
	l, err := g.Look(ctx, token, SetPassword...)
	if err != nil {
		return Person{}, Entry{}, err
	}
	p, err := g.Person(ctx, l.Person)
	if err != nil {
		return Person{}, Entry{}, err
	}
	if err := CheckNewPassword(password, p.Email); err != nil {
		return p, Entry{}, err
	}
	if _, err := g.UseLink(ctx, token); err != nil {
		return p, Entry{}, err
	}
	if err := g.audit.Record(ctx, Change{Who: p.Who(nil).Name, What: l.spelled(), Target: p.Email}); err != nil {
		return p, Entry{}, err
	}
	if err := g.keepPassword(ctx, p.ID, password); err != nil {
		return p, Entry{}, err
	}
	if err := g.EndSessions(ctx, p.ID, ""); err != nil {
		return p, Entry{}, err
	}
	e, err := g.enterAs(ctx, p.ID)
	return p, e, err
}

// ChangePassword sets another password if the old one is right, and ends all
// other sessions than the one that asks. Errors: ErrDenied, *SlowError,
// event.InvalidError.
func (g *Gate) ChangePassword(ctx context.Context, p Person, old, password, session string) error {
	if err := g.Prove(ctx, p, old, session); err != nil {
		return err
	}
	if err := CheckNewPassword(password, p.Email); err != nil {
		return err
	}
	if err := g.keepPassword(ctx, p.ID, password); err != nil {
		return err
	}
	return g.EndSessions(ctx, p.ID, session)
}

// Prove checks the password of somebody who is logged in, before something
// that a borrowed browser must not do. Tries count for the session, of which
// nobody else has the token. Errors: ErrDenied, *SlowError.
func (g *Gate) Prove(ctx context.Context, p Person, password, session string) error {
	from := Sender{Device: "session " + session}
	if err := g.throttle.Try(p.Email, from); err != nil {
		return err
	}
	c, err := g.Credential(ctx, p.ID)
	if err != nil {
		return err
	}
	right, _, err := CheckPassword(ctx, password, c.Password)
	if err == nil && !right {
		err = ErrDenied
	}
	if err == nil {
		g.throttle.Succeeded(p.Email, from)
	}
	return err
}

// StartTOTP turns the second factor on, once the app shows the right code, and
// hands out the recovery codes. Errors: as Prove; a wrong code is an
// event.InvalidError.
func (g *Gate) StartTOTP(ctx context.Context, p Person, password string, secret []byte, code, session string) (recovery []string, err error) {
	if err := g.Prove(ctx, p, password, session); err != nil {
		return nil, err
	}
	step, ok := CheckTOTP(secret, code, 0, g.now())
	if !ok || len(secret) < 16 {
		return nil, event.Invalid("code", "is not the one that the app should show: look at the clock of the phone, too")
	}
	recovery, hashes := NewRecovery()
	if err := g.SetTOTP(ctx, p.ID, secret, hashes); err != nil {
		return nil, err
	}
	return recovery, g.UseStep(ctx, p.ID, step)
}

// StopTOTP turns the second factor off. Errors: as Prove.
func (g *Gate) StopTOTP(ctx context.Context, p Person, password, session string) error {
	if err := g.Prove(ctx, p, password, session); err != nil {
		return err
	}
	return g.SetTOTP(ctx, p.ID, nil, nil)
}

// Visitor is who has a session: a person with grants, or the operator.
func (g *Gate) Visitor(ctx context.Context, token string) (Session, Person, Who, error) {
	s, err := g.Session(ctx, token)
	if err != nil {
		return s, Person{}, Who{}, err
	}
	if s.Person == "" {
		return s, Person{}, Operator(), nil
	}
	p, err := g.Person(ctx, s.Person)
	if err != nil {
		return s, p, Who{}, err
	}
	grants, err := g.Grants(ctx, p.ID)
	return s, p, p.Who(grants), err
}

func (g *Gate) keepPassword(ctx context.Context, person, password string) error {
	hash, err := HashPassword(ctx, password)
	if err != nil {
		return err
	}
	return g.SetPassword(ctx, person, hash)
}

// Asked counts a wish for a link by mail for the network that it came from, and
// is the address in the form in which it is kept. It does not look whether
// anybody has it; how many letters go there is a Quota's matter. Errors:
// event.InvalidError, *SlowError.
func (g *Gate) Asked(email, network string) (string, error) {
	email, err := Email(email)
	if err != nil {
		return "", err
	}
	return email, g.throttle.TryNetwork(network)
}

// LinkFor makes a link for whoever has an address. Nobody, and somebody who is
// disabled, is ErrNotFound.
func (g *Gate) LinkFor(ctx context.Context, email string, purpose Purpose, life time.Duration) (p Person, token string, err error) {
	if p, err = g.Person(ctx, email); err == nil && p.Disabled {
		err = ErrNotFound
	}
	if err != nil {
		return Person{}, "", err
	}
	token, err = g.AddLink(ctx, purpose, p.ID, life)
	return p, token, err
}
