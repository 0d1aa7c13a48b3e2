package dash

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"

	"footfall/account"
	"footfall/language"
)

// newView is what new.html shows: the first person, or a new password.
type newView struct {
	Link, Email, Name, Problem string
	First, Gone                bool // Gone: there is no such link any more
}

// minute is how a time is spelled to the minute.
const minute key = "2 January 2006 15:04 UTC"

// askSetup shows the form of the first person.
func (d *Door) askSetup(w http.ResponseWriter, r *http.Request, _ visit) {
	v := newView{First: true, Link: r.URL.Query().Get("link")}
	_, err := d.gate.Look(r.Context(), v.Link, account.ForSetup)
	d.showNew(w, v, err)
}

// askPassword shows the form of who was invited or forgot the password.
func (d *Door) askPassword(w http.ResponseWriter, r *http.Request, _ visit) {
	v := newView{Link: r.URL.Query().Get("link")}
	l, err := d.gate.Look(r.Context(), v.Link, account.SetPassword...)
	if err == nil {
		var p account.Person
		p, err = d.gate.Person(r.Context(), l.Person)
		v.Email = p.Email
	}
	d.showNew(w, v, err)
}

func (d *Door) showNew(w http.ResponseWriter, v newView, err error) {
	switch {
	case err == nil:
		d.show(w, http.StatusOK, "new.html", visit{}, v)
	case errors.Is(err, account.ErrNotFound):
		d.show(w, http.StatusForbidden, "new.html", visit{}, newView{First: v.First, Gone: true})
	default:
		d.noControl(w, err)
	}
}

func (d *Door) setUp(w http.ResponseWriter, r *http.Request, _ visit) {
	v := newView{First: true, Link: r.PostFormValue("link"), Email: r.PostFormValue("email"), Name: r.PostFormValue("name")}
	p, e, err := d.gate.SetUp(r.Context(), v.Link, account.Person{Email: v.Email, Name: v.Name}, r.PostFormValue("password"))
	if err == nil {
		d.note(r, visit{who: p.Who(nil)}, "set-up", p.Email)
	}
	d.entered(w, r, v, e, err)
}

func (d *Door) setPassword(w http.ResponseWriter, r *http.Request, _ visit) {
	v := newView{Link: r.PostFormValue("link")}
	p, e, err := d.gate.NewPassword(r.Context(), v.Link, r.PostFormValue("password"))
	v.Email = p.Email
	d.entered(w, r, v, e, err)
}

// entered goes on with who has a new password.
func (d *Door) entered(w http.ResponseWriter, r *http.Request, v newView, e account.Entry, err error) {
	if err != nil {
		v.Gone = errors.Is(err, account.ErrNotFound)
		d.denied(w, err, "new.html", visit{}, func(why string) any { v.Problem = why; return v })
		return
	}
	d.welcome(w, r, e, "/")
}

// note adds a line about somebody's own account to the audit log. What was done stays done if that fails.
func (d *Door) note(r *http.Request, in visit, what, target string) {
	if err := d.control.Record(r.Context(), account.Change{Who: in.who.Name, What: "account " + what, Target: target}); err != nil {
		d.Log.Error("dash: a change is not in the audit log", "what", what, "error", err)
	}
}

// accountView is what account.html shows.
type accountView struct {
	Person        account.Person
	Languages     []*language.Language // to choose from
	Operator      bool
	Roles         []string
	Sessions      []sessionView
	TOTP          bool
	Left          int           // recovery codes
	Secret        string        // of a second factor that is not on yet
	QR            template.HTML // of it
	Recovery      []string      // codes, just made
	Problem, Done string
}

type sessionView struct {
	Begun, Seen string
	Here        bool
}

func (d *Door) account(w http.ResponseWriter, r *http.Request, in visit) {
	d.showAccount(w, r, in, http.StatusOK, accountView{})
}

// showAccount fills the view in.
func (d *Door) showAccount(w http.ResponseWriter, r *http.Request, in visit, status int, v accountView) {
	v, err := d.fill(r, in, v)
	if err != nil {
		d.noControl(w, err)
		return
	}
	d.show(w, status, "account.html", in, v)
}

func (d *Door) fill(r *http.Request, in visit, v accountView) (accountView, error) {
	v.Person, v.Operator, v.Languages = in.person, in.person.ID == "", language.All
	sessions, err := d.gate.Sessions(r.Context(), in.person.ID)
	if err != nil {
		return v, err
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, sessionView{in.Date(s.Created.UTC(), minute), in.Date(s.Seen.UTC(), minute), s.ID == in.session.ID})
	}
	if v.Operator {
		return v, nil
	}
	grants, err := d.gate.Grants(r.Context(), in.person.ID)
	if err != nil {
		return v, err
	}
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		return v, err
	}
	for _, g := range grants {
		of := in.Say("every site")
		if i := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == g.Site }); i >= 0 {
			of = sites[i].Domain
		}
		v.Roles = append(v.Roles, in.Say("{role} of {site}", in.Say(key(g.Role)), of))
	}
	c, err := d.gate.Credential(r.Context(), in.person.ID)
	if err != nil {
		return v, err
	}
	if v.TOTP, v.Left = c.TOTP != nil, c.Recovery; !v.TOTP {
		v.Secret = cmp.Or(v.Secret, account.SpellTOTP(account.NewTOTP()))
		secret, err := account.ParseTOTP(v.Secret)
		if err != nil { // a form that was tampered with
			secret = account.NewTOTP()
			v.Secret = account.SpellTOTP(secret)
		}
		v.QR, err = drawQR(in.tongue, account.TOTPAddress(secret, in.person.Email))
		return v, err
	}
	return v, nil
}

// drawQR is a QR code as a drawing of one path, with the margin of four
// modules that ISO/IEC 18004 asks for.
func drawQR(l tongue, text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", err
	}
	const margin = 4
	n := code.Bounds().Dx()
	var path strings.Builder
	for y := range n {
		for x := range n {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				path.WriteString("M" + strconv.Itoa(x+margin) + " " + strconv.Itoa(y+margin) + "h1v1h-1z")
			}
		}
	}
	side := strconv.Itoa(n + 2*margin)
	return template.HTML(`<svg class="qr" viewBox="0 0 ` + side + ` ` + side + `" role="img" aria-label="` + template.HTMLEscapeString(l.Say("QR code for an authenticator app")) + `" shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"/><path d="` +
		path.String() + `" fill="#000"/></svg>`), nil // numbers only: nothing of the text is in it
}

// changed shows the account page after something was done, or was not.
func (d *Door) changed(w http.ResponseWriter, r *http.Request, in visit, v accountView, what string, done key, err error) {
	if err == nil {
		d.note(r, in, what, in.person.Email)
		v.Done = in.Say(done)
		d.showAccount(w, r, in, http.StatusOK, v)
		return
	}
	filled, failed := d.fill(r, in, v)
	if failed != nil {
		d.noControl(w, failed)
		return
	}
	d.denied(w, err, "account.html", in, func(why string) any { filled.Problem = why; return filled })
}

// ofPerson lets only people through: the operator has no password.
func (d *Door) ofPerson(do page) page {
	return func(w http.ResponseWriter, r *http.Request, in visit) {
		if in.person.ID == "" {
			d.refuse(w, http.StatusForbidden, "The operator's link has no account. Make one with: footfall user add")
			return
		}
		do(w, r, in)
	}
}

// setPerson changes name and language; the page is in the new one.
func (d *Door) setPerson(w http.ResponseWriter, r *http.Request, in visit) {
	err := d.gate.SetPerson(r.Context(), in.person.ID, r.PostFormValue("name"), r.PostFormValue("language"))
	if err == nil {
		in.person, err = d.gate.Person(r.Context(), in.person.ID)
	}
	in.tongue = speak(w, r, in.person)
	d.changed(w, r, in, accountView{}, "name and language", "That is changed.", err)
}

func (d *Door) changePassword(w http.ResponseWriter, r *http.Request, in visit) {
	err := d.gate.ChangePassword(r.Context(), in.person, r.PostFormValue("password"), r.PostFormValue("new"), in.token)
	d.changed(w, r, in, accountView{}, "password", "Your password is changed. All other browsers are logged out.", err)
}

func (d *Door) startTOTP(w http.ResponseWriter, r *http.Request, in visit) {
	v := accountView{Secret: r.PostFormValue("secret")}
	secret, err := account.ParseTOTP(v.Secret)
	if err != nil {
		v.Secret, err = "", account.ErrDenied
	} else {
		v.Recovery, err = d.gate.StartTOTP(r.Context(), in.person, r.PostFormValue("password"), secret, r.PostFormValue("code"), in.token)
	}
	d.changed(w, r, in, v, "second factor on", "The second factor is on.", err)
}

func (d *Door) stopTOTP(w http.ResponseWriter, r *http.Request, in visit) {
	err := d.gate.StopTOTP(r.Context(), in.person, r.PostFormValue("password"), in.token)
	d.changed(w, r, in, accountView{}, "second factor off", "The second factor is off.", err)
}

// logoutEverywhere ends every session of the person, this one, too.
func (d *Door) logoutEverywhere(w http.ResponseWriter, r *http.Request, in visit) {
	if err := d.gate.EndSessions(r.Context(), in.person.ID, ""); err != nil {
		d.noControl(w, err)
		return
	}
	d.note(r, in, "log-out everywhere", in.person.Email)
	d.setCookie(w, r, cookie, "", -time.Second)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
