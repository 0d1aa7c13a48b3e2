package dash

import (
	"context"
	"errors"
	"testing"
	"time"

	"footfall/account"
)

// away is control data that does not answer any more.
type away struct {
	Control
	down bool
}

func (a *away) Session(ctx context.Context, token string) (account.Session, error) {
	if a.down {
		return account.Session{}, errors.New("control data is away")
	}
	return a.Control.Session(ctx, token)
}

// TestControlAway: while control data is away, pages and forms say so and when to
// come again, and nobody is logged out; afterwards all is as before.
func TestControlAway(t *testing.T) {
	w := newWorld(t, time.Now, "atelier.example")
	w.person(t, "ada@example.com", account.Owner, "")
	control := &away{Control: w.control}
	w.Handler = New(w.source, w.control, control, Options{})
	b := w.browser(t)
	b.login("ada@example.com")
	control.down = true
	for _, x := range [][2]string{{"GET", "/"}, {"GET", "/people"}, {"POST", "/people"}, {"POST", "/logout"}} {
		rec := b.do(x[0], x[1], fields("form", form(b.session)))
		if rec.Code != 503 || rec.Header().Get("Retry-After") != "2" || len(rec.Result().Cookies()) > 0 {
			t.Errorf("%v: %d, Retry-After %q", x, rec.Code, rec.Header().Get("Retry-After"))
		}
	}
	control.down = false
	b.want(b.do("GET", "/people", nil), 200, "ada@example.com")
}
