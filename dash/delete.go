package dash

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Deleter deletes events of a site. Both looking and deleting go on without a page;
// what was found is for who looked, and forgotten after a while.
type Deleter interface {
	// LookToDelete begins to look which events of a time that meet a condition (nil: all
	// of it) would go, and waits a moment.
	LookToDelete(ctx context.Context, by account.Who, site account.Site, w period.Window, where *metric.Where) error
	// Delete begins to delete what one looked at, and waits a moment. looked is when that
	// look began.
	Delete(ctx context.Context, by account.Who, site account.Site, looked time.Time) error
	Deletion(by account.Who, site string) Deletion
}

// Deletion is what would go, or what became of it.
type Deletion struct {
	Errand
	From, To        time.Time // of the events; To is not included
	Where           *metric.Where
	Deletes         bool // it is more than a look
	Step, Steps     int  // under way, from 1; 0 is none yet
	All             DeletedDay
	Days            []DeletedDay // that have some
	Frozen          string       // date; earlier ones are left alone, as their events are removed
	Archive         uint64       // events
	Aside           int          // items
	Orders, Touches int          // that stay
	Places          []Place
}

// DeletedDay is what would go, or went, of a date of the site's zone, or of all.
type DeletedDay struct {
	Date                          string
	Events, Views, Bots, Visitors int
}

// Nothing reports whether nothing would go.
func (x Deletion) Nothing() bool { return x.All.Events+x.Aside == 0 && x.Archive == 0 }

type deleteView struct {
	siteTop
	Deletion    Deletion
	First, Last string // days of the deletion
	What        []string
	More        int // days that are not listed
	From, To    string
	Conditions  []condition
	Ops         []string
	Dimensions  []string
}

// mostDeletedDays is how many days the page lists.
const mostDeletedDays = 100

func (d *Door) delete(w http.ResponseWriter, r *http.Request, in visit) {
	if top, ok := d.ofDeleter(w, r, in); ok {
		d.showDelete(w, in, http.StatusOK, deleteView{siteTop: top})
	}
}

// ofDeleter finds the site, for who may delete events of it.
func (d *Door) ofDeleter(w http.ResponseWriter, r *http.Request, in visit) (siteTop, bool) {
	if d.Deleter == nil {
		d.refuse(w, http.StatusNotFound, "Nothing is deleted here.")
		return siteTop{}, false
	}
	return d.ofSite(w, r, in, "delete.html", account.DeleteEvents)
}

func (d *Door) showDelete(w http.ResponseWriter, in visit, status int, v deleteView) {
	zone := v.Site.Location()
	x := d.Deleter.Deletion(in.who, v.Site.ID)
	if x.Running() {
		w.Header().Set("Refresh", "3") // also without script
	}
	if v.More = max(0, len(x.Days)-mostDeletedDays); v.More > 0 {
		x.Days = x.Days[:mostDeletedDays]
	}
	for _, c := range conditionsOf(x.Where) {
		v.What = append(v.What, in.conditionWords(c))
	}
	if v.Deletion = x; !x.To.IsZero() {
		v.First = x.From.In(zone).Format(time.DateOnly)
		v.Last = x.To.Add(-time.Millisecond).In(zone).Format(time.DateOnly)
	}
	if v.From == "" && v.To == "" {
		v.From = d.Now().In(zone).AddDate(0, 0, -6).Format(time.DateOnly)
		v.To = d.Now().In(zone).Format(time.DateOnly)
	}
	for v.Ops = conditionOps; len(v.Conditions) < conditionRows; {
		v.Conditions = append(v.Conditions, condition{Op: conditionOps[0]})
	}
	for _, by := range append([]metric.Dimension{metric.Weekday, metric.HourOfDay}, metric.ActDimensions...) {
		v.Dimensions = append(v.Dimensions, string(by))
	}
	d.show(w, status, "delete.html", in, v)
}

// lookToDelete looks what would go.
func (d *Door) lookToDelete(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofDeleter(w, r, in)
	if !ok {
		return
	}
	v := deleteView{siteTop: top, From: strings.TrimSpace(r.PostFormValue("from")), To: strings.TrimSpace(r.PostFormValue("to")), Conditions: readConditions(r.PostForm)}
	from, began := dateOf(v.From)
	to, ended := dateOf(v.To)
	var err error
	switch {
	case !began:
		err = event.Invalid("from", "is a day, such as 2026-01-31")
	case !ended || to < from:
		err = event.Invalid("to", "is a day, the first one or a later one")
	case checkNamed(v.Conditions) != nil:
		err = errUnnamed
	default:
		zone := top.Site.Location()
		window := period.Window{From: from.Window(zone).From, To: to.Window(zone).To}
		err = d.Deleter.LookToDelete(r.Context(), in.who, top.Site, window, whereAll(v.Conditions, metric.Dimensions))
	}
	if wrong, is := errors.AsType[*metric.QueryError](err); is {
		v.said = said{Problem: in.Say(key(strings.TrimPrefix(wrong.Why, "filters: "))), Field: "of"}
		d.showDelete(w, in, http.StatusUnprocessableEntity, v)
		return
	}
	d.deleted(w, r, in, v, err)
}

// deleteNow deletes what one looked at, when the site's domain was typed.
func (d *Door) deleteNow(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofDeleter(w, r, in)
	if !ok {
		return
	}
	err := event.Invalid("domain", "must be typed, as what goes does not come back: nothing was deleted. Write %s", top.Site.Domain)
	if strings.EqualFold(strings.TrimSpace(r.PostFormValue("domain")), top.Site.Domain) {
		err = d.Deleter.Delete(r.Context(), in.who, top.Site, lookBegan(r))
	}
	d.deleted(w, r, in, deleteView{siteTop: top}, err)
}

// deleted goes on to the page that tells what was found or done.
func (d *Door) deleted(w http.ResponseWriter, r *http.Request, in visit, v deleteView, err error) {
	d.acted(w, r, err, "/sites/"+v.Site.ID+"/delete", "", func(status int, s said) {
		v.said = s
		d.showDelete(w, in, status, v)
	})
}
