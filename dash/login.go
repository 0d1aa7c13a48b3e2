package dash

import (
	"errors"
	"net/http"

	"footfall/account"
)

const cookie = "footfall_session"

// loginView is what login.html shows: the button of a link, or how to get one.
type loginView struct{ Link, Problem string }

// loggedIn lets only browsers with a valid session through.
func (d *door) loggedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := account.ErrNotFound
		if c, cookieErr := r.Cookie(cookie); cookieErr == nil {
			err = d.logins.Session(r.Context(), c.Value)
		}
		switch {
		case err == nil:
			next(w, r)
		case errors.Is(err, account.ErrNotFound):
			d.show(w, http.StatusUnauthorized, "login.html", loginView{})
		default:
			d.noControl(w, err)
		}
	}
}

// askLogin shows a button instead of logging in at once: programs that look
// at links in messages would use the link up.
func (d *door) askLogin(w http.ResponseWriter, r *http.Request) {
	d.show(w, http.StatusOK, "login.html", loginView{Link: r.URL.Query().Get("link")})
}

func (d *door) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	session, err := d.logins.UseLink(r.Context(), r.PostFormValue("link"))
	if errors.Is(err, account.ErrNotFound) {
		d.show(w, http.StatusForbidden, "login.html", loginView{Problem: "This link was used already or is too old."})
		return
	}
	if err != nil {
		d.noControl(w, err)
		return
	}
	setCookie(w, r, session, int(account.SessionLife.Seconds()))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// noControl answers when the control data does not.
func (d *door) noControl(w http.ResponseWriter, err error) {
	d.Log.Error("dash: control data does not answer", "error", err)
	http.Error(w, "The control data does not answer. Try again; the reason is in the server's log.", http.StatusServiceUnavailable)
}

// logout ends the session, also for whoever has a copy of the cookie. Only requests with a session
// come here: the cookie is SameSite=Lax, so a form on somebody else's page
// comes without it and logs nobody out.
func (d *door) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookie); err == nil {
		if err := d.logins.EndSession(r.Context(), c.Value); err != nil {
			d.noControl(w, err)
			return
		}
	}
	setCookie(w, r, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// setCookie keeps the session in the browser for so many seconds; a negative
// number takes it out.
func setCookie(w http.ResponseWriter, r *http.Request, session string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: session, Path: "/", MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r)})
}
