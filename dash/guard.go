package dash

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"footfall/account"
)

// Cookies: of the session, and of a browser that has logged in before.
const (
	cookie       = "footfall_session"
	deviceCookie = "footfall_device"
	deviceLife   = 180 * 24 * time.Hour
)

// maxForm is the most bytes a form may have.
const maxForm = 16 << 10

// visit is who asks for a page, and by which session.
type visit struct {
	tongue
	who     account.Who
	person  account.Person // zero for the operator and for who has no session
	session account.Session
	token   string
	site    string // that the page is of, or was opened from; "" is none
}

// formBytes is how long the secret word of a session's forms is.
const formBytes = 16

// form is the secret word of the session's forms: who can't read its pages
// can't send them. It is spelled differently each time, as a random pad and what
// the pad makes of it, so that the length of compressed pages tells nothing of it
// (the attack is called BREACH).
func (in visit) form() string {
	if in.token == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(in.token))
	mac.Write([]byte("form"))
	spelled := make([]byte, 2*formBytes)
	_, _ = rand.Read(spelled[:formBytes]) // never fails
	subtle.XORBytes(spelled[formBytes:], mac.Sum(nil), spelled[:formBytes])
	return hex.EncodeToString(spelled)
}

// word is what form spelled; nil if it did not.
func word(spelled string) []byte {
	b, err := hex.DecodeString(spelled)
	if err != nil || len(b) != 2*formBytes {
		return nil
	}
	subtle.XORBytes(b[formBytes:], b[formBytes:], b[:formBytes])
	return b[formBytes:]
}

// name is how the page calls who is logged in.
func (in visit) name() string {
	if in.token != "" && in.person.ID == "" {
		return in.Say("operator")
	}
	return cmp.Or(in.person.Name, in.person.Email)
}

// page answers a request that is let through.
type page func(http.ResponseWriter, *http.Request, visit)

// guard lets through who may do the route's action somewhere. A form counts
// only if it stood in a page of this server, and of this session.
func (d *Door) guard(route string, do page) http.HandlerFunc {
	action := account.ActionOf(route)
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if d.cross.Check(r) != nil {
			d.refuse(w, http.StatusForbidden, "This form was sent from a page of another site, so nothing was done.")
			return
		}
		if action == account.Public {
			do(w, r, visit{tongue: speak(w, r, account.Person{})})
			return
		}
		in, err := d.visitor(r)
		in.tongue = speak(w, r, in.person)
		switch {
		case errors.Is(err, account.ErrNotFound):
			d.askAgain(w, r)
		case err != nil:
			d.noControl(w, err)
		case !in.who.MaySomewhere(action) && d.Portal != "" && r.URL.Path == "/" && in.who.MaySomewhere(account.OwnFigures):
			http.Redirect(w, r, d.Portal, http.StatusSeeOther)
		case !in.who.MaySomewhere(action):
			d.refuse(w, http.StatusForbidden, "Your account may not see this. Ask an owner of the site for it.")
		case r.Method == http.MethodPost && !wrote(r, "form", in.form()):
			d.refuse(w, http.StatusForbidden, "This form is of an older log-in, so nothing was done. Load its page again.")
		default:
			in.site = siteOf(r)
			do(w, r, in)
		}
	}
}

// wrote reports whether a field of the request has a session's secret word.
func wrote(r *http.Request, field, own string) bool {
	secret := word(own)
	return secret != nil && hmac.Equal(word(r.PostFormValue(field)), secret)
}

func (d *Door) visitor(r *http.Request) (in visit, err error) {
	c, err := r.Cookie(cookie)
	if err != nil {
		return in, account.ErrNotFound
	}
	in.session, in.person, in.who, err = d.gate.Visitor(r.Context(), c.Value)
	if err == nil {
		in.token = c.Value
	}
	return in, err
}

// Session is who has a browser's session, for another door.
type Session struct {
	Who    account.Who
	Person account.Person // zero for the operator
	Form   string         // secret word that the forms of its pages must hold
}

// Session is that of a request. Without one that is valid it is
// account.ErrNotFound; any other error means that nobody can tell.
func (d *Door) Session(r *http.Request) (Session, error) {
	in, err := d.visitor(r)
	if err != nil {
		return Session{}, err
	}
	return Session{in.who, in.person, in.form()}, nil
}

// CheckForm reports whether a form of another door has a session's secret word in
// a field, and was sent from a page of this server.
func (d *Door) CheckForm(r *http.Request, field, own string) bool {
	return d.cross.Check(r) == nil && wrote(r, field, own)
}
