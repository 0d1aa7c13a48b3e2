package dash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/event"
)

// loginView is what login.html shows: the button of a link, the second step,
// or e-mail and password.
type loginView struct {
	Link, Second   string
	Email, Next    string
	Sent           string // address to which a link is on its way, if somebody has it
	Problem, Alone string // Alone is a problem that nothing but another page mends
	Away           bool   // control data does not answer, so nobody can tell who this is
}

// askAgain asks for a log-in and comes back to the page afterwards.
func (d *Door) askAgain(w http.ResponseWriter, r *http.Request) {
	v := loginView{}
	if r.Method == http.MethodGet {
		v.Next = local(r.URL.RequestURI())
	} else {
		v.Problem = tongueOf(w).Say("You are not logged in any more, so nothing was done. Log in; by your browser's way back you find the form.")
	}
	d.show(w, http.StatusUnauthorized, "login.html", visit{}, v)
}

// local is an address on this server; "/" for any other.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsFunc(next, func(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }) {
		return "/"
	}
	return next
}

// askLogin shows a button instead of logging in at once: programs that look
// at links in messages would use the link up.
func (d *Door) askLogin(w http.ResponseWriter, r *http.Request, _ visit) {
	v := r.URL.Query()
	d.show(w, http.StatusOK, "login.html", visit{}, loginView{Link: v.Get("link"), Next: local(v.Get("next"))})
}

// login takes a link, or e-mail and password.
func (d *Door) login(w http.ResponseWriter, r *http.Request, _ visit) {
	v := loginView{Next: local(r.PostFormValue("next"))}
	var e account.Entry
	var err error
	if link := r.PostFormValue("link"); r.PostForm.Has("link") {
		e, err = d.gate.FollowLink(r.Context(), link)
	} else {
		v.Email = r.PostFormValue("email")
		e, err = d.gate.Password(r.Context(), v.Email, r.PostFormValue("password"), d.sender(r))
	}
	if err != nil {
		d.denied(w, err, "login.html", visit{}, func(why string) any {
			if v.Problem = why; errors.Is(err, account.ErrDenied) {
				v.Problem = tongueOf(w).Say("The e-mail or the password is not right.")
			}
			return v
		})
		return
	}
	d.welcome(w, r, e, v.Next)
}

// mailLife is how long a link lives that was asked for by anybody.
const mailLife = time.Hour

// mailLink sends a link to whoever has an address. Its answer is the same, and
// takes as long, whether anybody has: the address is looked up behind it.
func (d *Door) mailLink(w http.ResponseWriter, r *http.Request, _ visit) {
	v := loginView{Email: r.PostFormValue("email"), Next: local(r.PostFormValue("next"))}
	if d.Mail == nil {
		d.refuse(w, http.StatusNotFound, "This server sends no mail. Ask whoever runs it for a link.")
		return
	}
	email, err := d.gate.Asked(v.Email, account.Network(d.Client(r)))
	if err != nil {
		d.denied(w, err, "login.html", visit{}, func(why string) any { v.Problem = why; return v })
		return
	}
	purpose, path, further := account.ForLogin, "/login?link=", ""
	if r.PostFormValue("for") == "reset" {
		purpose, path = account.ForProof, "/password?link="
	} else if v.Next != "/" {
		further = "&next=" + url.QueryEscape(v.Next)
	}
	err = d.Mail(email, purpose, func(ctx context.Context) (account.Person, string, error) {
		p, token, err := d.gate.LinkFor(ctx, email, purpose, mailLife)
		return p, path + token + further, err
	})
	if err != nil {
		d.denied(w, err, "login.html", visit{}, func(why string) any { v.Problem = why; return v })
		return
	}
	d.show(w, http.StatusOK, "login.html", visit{}, loginView{Sent: email})
}

// loginCode takes the second factor's code.
func (d *Door) loginCode(w http.ResponseWriter, r *http.Request, _ visit) {
	v := loginView{Second: r.PostFormValue("second"), Next: local(r.PostFormValue("next"))}
	e, err := d.gate.Code(r.Context(), v.Second, r.PostFormValue("code"), d.sender(r))
	if errors.Is(err, account.ErrNotFound) {
		v.Second = ""
		d.show(w, http.StatusForbidden, "login.html", visit{}, loginView{Next: v.Next, Problem: tongueOf(w).Say("That took too long. Log in again.")})
		return
	}
	if err != nil {
		d.denied(w, err, "login.html", visit{}, func(why string) any { v.Problem = why; return v })
		return
	}
	d.welcome(w, r, e, v.Next)
}

// welcome gives the browser its session, or asks for the second factor. The
// session that it had before ends.
func (d *Door) welcome(w http.ResponseWriter, r *http.Request, e account.Entry, next string) {
	if e.Second != "" {
		d.show(w, http.StatusOK, "login.html", visit{}, loginView{Second: e.Second, Next: next})
		return
	}
	if c, err := r.Cookie(cookie); err == nil {
		if err := d.gate.EndSession(r.Context(), c.Value); err != nil {
			d.noControl(w, err)
			return
		}
	}
	if e.Device != "" {
		d.setCookie(w, r, deviceCookie, e.Device, deviceLife)
	}
	d.setCookie(w, r, cookie, e.Session, account.SessionLife)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// denied shows a page again with what was wrong. view makes its view from that.
func (d *Door) denied(w http.ResponseWriter, err error, name string, in visit, view func(why string) any) {
	status, why := saidTo(tongueOf(w), err)
	if why == "" {
		d.noControl(w, err)
		return
	}
	if slow, ok := errors.AsType[*account.SlowError](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(slow.Seconds()))
	}
	d.show(w, status, name, in, view(why))
}

// saidTo is how people are told what was wrong; "" if it was not their doing.
func saidTo(l tongue, err error) (status int, why string) {
	status = http.StatusForbidden
	slow, isSlow := errors.AsType[*account.SlowError](err)
	invalid, isInvalid := errors.AsType[*event.InvalidError](err)
	switch {
	case isSlow:
		status, why = http.StatusTooManyRequests, l.Say("Too many tries. Try again in {time}.", l.waiting(slow.Seconds()))
	case isInvalid:
		status, why = http.StatusUnprocessableEntity, l.invalid(invalid)
	case errors.Is(err, account.ErrDenied):
		why = l.Say("That was not right.")
	case errors.Is(err, account.ErrNotFound):
		why = l.Say("This link was used already or is too old.")
	case errors.Is(err, account.ErrExists):
		status, why = http.StatusUnprocessableEntity, l.Say("Somebody has this e-mail already.")
	case errors.Is(err, account.ErrYourself):
		why = l.Say("Nobody changes a role of their own, or disables or removes themselves: ask another owner.")
	case errors.Is(err, account.ErrUnproven):
		why = l.Say("This account has roles that are not yours to change, and nobody has proven yet that the address is its own. Ask for a new password to be chosen by \u201cNo password, or forgotten?\u201d on the log-in page, and give the role then. Whoever runs this server can give it at once: footfall user add.")
	case errors.Is(err, account.ErrNotYours):
		why = l.Say("That is for an owner of the site; what is of a whole person, for an owner of every site on which that person has a role.")
	}
	return status, why
}

// fieldNames are fields as pages have them, where that is another word.
var fieldNames = map[string]key{
	"address": "E-mail", "affiliate": "Affiliate", "internal": "Further hosts of the site", "code": "Code of your authenticator app", "condition": "Condition", "currency": "Currency", "days": "Days until it ends", "domain": "Domain", "email": "E-mail", "expires": "Days until it ends",
	"filters": "Filters", "history": "Visitor histories, in months", "keep": "Single events, in days", "keep-events": "Single events, in days", "language": "Language", "metric": "Figure", "metrics": "It shows", "name": "Name",
	"origins": "Hosts that may send", "password": "Password", "role": "Role", "scope": "It may", "site": "Site", "text": "What happened", "time": "Time", "timezone": "Time zone", "when": "Day",
}

// invalid says which field is wrong, and why: in English as everywhere, else as far as the
// language has the reason, with the field as its page calls it.
func (l tongue) invalid(err *event.InvalidError) string {
	form, args := err.Reason()
	name, called := strings.ToUpper(err.Field[:1])+err.Field[1:], fieldNames[err.Field]
	text := l.Say(key(form))
	if text == form {
		switch {
		case called == "" || strings.HasPrefix(string(called), "It "): // which begins no sentence
		case strings.Contains(string(called), " "):
			name = string(called) + ":"
		default:
			name = string(called)
		}
		return name + " " + err.Why + "."
	}
	if called != "" {
		name = l.Say(called)
	}
	return name + ": " + fmt.Sprintf(text, args...) + "."
}

// waiting spells seconds for people.
func (l tongue) waiting(seconds int) string {
	if seconds == 1 {
		return l.Say("a second")
	}
	if seconds <= 90 {
		return l.Say("{n} seconds", seconds)
	}
	return l.Say("{n} minutes", (seconds+59)/60)
}

// sender is who tries to log in: what the address has in common with its
// neighbours, and whether this browser has logged in before.
func (d *Door) sender(r *http.Request) account.Sender {
	s := account.Sender{Network: account.Network(d.Client(r))}
	if c, err := r.Cookie(deviceCookie); err == nil {
		s.Device = c.Value
	}
	return s
}

// peer is the address of the connection's other end.
func peer(r *http.Request) netip.Addr {
	port, _ := netip.ParseAddrPort(r.RemoteAddr) // a local socket has none
	return port.Addr()
}

// noControl answers when the control data does not.
func (d *Door) noControl(w http.ResponseWriter, err error) {
	if !errors.Is(err, context.Canceled) { // else nobody is waiting any more
		d.Log.Error("dash: control data does not answer", "error", err)
	}
	account.Away(w.Header())
	d.show(w, http.StatusServiceUnavailable, "login.html", visit{}, loginView{Away: true})
}

// refuse shows a page that says why there is none.
func (d *Door) refuse(w http.ResponseWriter, status int, why key) {
	d.show(w, status, "login.html", visit{}, loginView{Alone: tongueOf(w).Say(why)})
}

// logout ends the session, also for whoever has a copy of the cookie.
func (d *Door) logout(w http.ResponseWriter, r *http.Request, in visit) {
	if err := d.gate.EndSession(r.Context(), in.token); err != nil {
		d.noControl(w, err)
		return
	}
	d.setCookie(w, r, cookie, "", -time.Second)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// setCookie keeps something in the browser; a life below zero takes it out.
func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: d.secure(r)})
}
