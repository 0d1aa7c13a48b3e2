package dash

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
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
	who     account.Who
	person  account.Person // zero for the operator and for who has no session
	session account.Session
	token   string
}

// form is the secret word of the session's forms: who can't read its pages
// can't send them.
func (in visit) form() string {
	if in.token == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(in.token))
	mac.Write([]byte("form"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// name is how the page calls who is logged in.
func (in visit) name() string {
	if in.token != "" && in.person.ID == "" {
		return "operator"
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
			do(w, r, visit{})
			return
		}
		in, err := d.visitor(r)
		switch {
		case errors.Is(err, account.ErrNotFound):
			d.askAgain(w, r)
		case err != nil:
			d.noControl(w, err)
		case !in.who.MaySomewhere(action) && d.Portal != "" && r.URL.Path == "/" && in.who.MaySomewhere(account.OwnFigures):
			http.Redirect(w, r, d.Portal, http.StatusSeeOther)
		case !in.who.MaySomewhere(action):
			d.refuse(w, http.StatusForbidden, "Your account may not see this. Ask an owner of the site for it.")
		case r.Method == http.MethodPost && !in.wrote(r, "form"):
			d.refuse(w, http.StatusForbidden, "This form is of an older log-in, so nothing was done. Load its page again.")
		default:
			do(w, r, in)
		}
	}
}

// wrote reports whether a field of the request has the session's secret word.
func (in visit) wrote(r *http.Request, field string) bool {
	return in.token != "" && hmac.Equal([]byte(r.PostFormValue(field)), []byte(in.form()))
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

// Visitor is who has the session of a request, for another door. The person is
// zero for the operator. Without a session that is valid it is account.ErrNotFound.
func (d *Door) Visitor(r *http.Request) (account.Who, account.Person, error) {
	in, err := d.visitor(r)
	return in.who, in.person, err
}

// Form is the secret word that forms of another door must hold; "" without a session.
func (d *Door) Form(r *http.Request) string {
	in, err := d.visitor(r)
	if err != nil {
		return ""
	}
	return in.form()
}

// CheckForm reports whether a form of another door, with the word of Form in a
// field, was sent from a page of this server and of this session.
func (d *Door) CheckForm(r *http.Request, field string) bool {
	in, err := d.visitor(r)
	return err == nil && d.cross.Check(r) == nil && in.wrote(r, field)
}
