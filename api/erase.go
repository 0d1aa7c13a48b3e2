package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"footfall/account"
)

// Erases takes persons out of what sites have.
type Erases interface {
	// ErasePerson erases who is meant or, dry, tells what there is. It goes on whatever
	// becomes of ctx, until the server ends; then the same again goes on. Who may not
	// erase on every site that the person would be erased on is account.ErrNotYours;
	// ErrOtherWork: not now. The audit log has a line of what was erased.
	ErasePerson(ctx context.Context, e Erasure, dry bool) (Erased, error)
}

// Erasure is who is to be erased: by one of the four, which are never empty together.
type Erasure struct {
	Site                           account.Site
	User, Anonymous, Email, Number string
	Store                          string // that has the order of Number, if it has a name
	Only                           bool   // no link is followed from there
	By                             account.Who
}

// Erased is what there is of a person, or was.
type Erased struct {
	Plan   string        `json:"plan,omitempty"` // of a dry run: names it to who would have it done
	DryRun bool          `json:"dry_run"`
	Site   string        `json:"site"`
	Keys   []string      `json:"keys"` // all ids that are the person's, each with its kind: user:u1
	Places []ErasedPlace `json:"places"`
	Until  string        `json:"queue_until,omitempty"` // RFC 3339: by then the queue has expired what it has of the person
	Left   []string      `json:"left_to_look"`          // files that nobody can look into
}

// ErasedPlace is what becomes of one of the places that keep events, or what is made of them.
type ErasedPlace struct {
	Place string `json:"place"`
	Count uint64 `json:"count"`
	What  string `json:"what"`
}

// idFields are the fields by which a person is named.
var idFields = []string{"user_id", "anonymous_id", "email", "order"}

// maxPersonID is the longest id, in bytes, as at the collector's doors.
const maxPersonID = 512

// erasePerson is POST /v1/persons/erase: without a plan it tells what there is and names
// a plan, with the plan's name the person is erased.
func (d *door) erasePerson(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	e, id, err := readErasure(body, sites)
	if err == nil && id != "" {
		d.carryOut(w, r, d.erasures, id)
		return
	}
	var told Erased
	if err == nil {
		e.By = d.who
		told, err = d.Erases.ErasePerson(r.Context(), e, true)
	}
	switch {
	case errors.Is(err, account.ErrNotYours):
		refuse(w, http.StatusForbidden, "the site is in a programme with others, on all of which the person would be erased: that needs a key of every site")
		return
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusServiceUnavailable, "to look took longer than "+d.Timeout.String()+": on the server it may take as long as it needs: footfall person erase")
		return
	case err == nil:
		told.Plan = d.erasures.add("era_", d.who.Name, d.Now(), func(ctx context.Context) (any, error) { return d.Erases.ErasePerson(ctx, e, false) })
	}
	d.tell(w, told, err)
}

// readErasure reads who is to be erased, or the name of the plan.
func readErasure(body []byte, sites []account.Site) (e Erasure, plan string, err error) {
	in := readStrictly(body, &err, append([]string{"site_id", "store", "only", "plan"}, idFields...)...)
	if err != nil {
		return e, "", err
	}
	if in["plan"].there() {
		return e, planIn(in), err
	}
	if e.Site, err = siteOf(in["site_id"], sites); err != nil {
		return e, "", err
	}
	named := 0
	for i, into := range []*string{&e.User, &e.Anonymous, &e.Email, &e.Number} {
		n := in[idFields[i]]
		if !n.there() {
			continue
		}
		if *into, named = strings.TrimSpace(n.text()), named+1; *into == "" || len(*into) > maxPersonID {
			n.fail("must be a text of 1 to %d bytes", maxPersonID)
		}
	}
	if named != 1 {
		in["user_id"].fail("who? name one of %s", strings.Join(idFields, ", "))
	}
	if e.Store = textOr(in["store"], ""); e.Store != "" && e.Number == "" {
		in["store"].fail("goes with order alone")
	}
	e.Only = in["only"].flag()
	return e, "", err
}
