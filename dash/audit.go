package dash

import (
	"context"
	"net/http"
	"time"
)

// Audit is what a recount of all events found: the last result of footfall
// reconcile.
type Audit struct {
	At          time.Time // zero if there was none yet
	Took        time.Duration
	Differences int
	Figures     int // compared
	Days        int
	Events      uint64
	Examples    []Difference // the first ones
}

// Difference is one figure on which bins and events don't agree.
type Difference struct {
	Subject, Period, Metric string
	Bins, Recount           int64
}

// audited is the page about whether everything adds up.
type audited struct {
	Status  *Status
	Audit   *Audit
	When    string
	Took    string
	Problem string
}

// audit shows where the accepted events are and what the last recount found.
func (d *Door) audit(w http.ResponseWriter, r *http.Request, in visit) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	var v audited
	if d.Status != nil {
		s, err := d.Status(ctx)
		if err != nil {
			v.Problem = "The event store does not answer just now. Load this page again in a while."
		} else {
			v.Status = &s
		}
	}
	if d.Audit != nil {
		a, err := d.Audit(ctx)
		if err != nil {
			d.Log.Error("dash: the last recount can't be read", "error", err)
			v.Problem = "The last recount can't be read; the reason is in the server's log. Make a new one."
		} else if !a.At.IsZero() {
			v.Audit, v.When, v.Took = &a, a.At.UTC().Format("2 January 2006 15:04 UTC"), a.Took.Round(time.Millisecond).String()
		}
	}
	d.show(w, http.StatusOK, "audit.html", in, v)
}
