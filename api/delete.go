package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// ParseFilters reads conditions as the field filters of POST /v1/query has them: a
// list, all of which hold; nil if there is none. What is wrong is a
// *metric.QueryError.
func ParseFilters(text []byte, site account.Site) (*metric.Where, error) {
	if len(text) == 0 {
		return nil, nil
	}
	body, err := json.Marshal(map[string]json.RawMessage{"filters": text})
	if err != nil {
		return nil, wrong("filters: this is no JSON: %v", err)
	}
	in := readStrictly(body, &err, "filters")
	if err != nil {
		return nil, err
	}
	where := (&question{site: site}).together(in["filters"], 1)
	if err == nil && where != nil {
		err = where.Check()
	}
	return where, err
}

// Deletes deletes events.
type Deletes interface {
	// DeleteEvents deletes what is meant or, dry, tells what would go. It is ended by
	// the server, also over a restart, whatever becomes of ctx. ErrOtherWork: not now.
	DeleteEvents(ctx context.Context, d Deletion, dry bool) (Deleted, error)
}

// Deletion is which events of a site go: of a time, that meet conditions, of those
// received so far.
type Deletion struct {
	Site    account.Site
	Window  period.Window
	Filters json.RawMessage // as ParseFilters takes them; nil is all events of the time
	At      time.Time       // what is received later stays
	Who     string          // for the audit log
}

// Deleted is what a deletion would take, or took.
type Deleted struct {
	Plan     string       `json:"plan,omitempty"` // of a dry run: names it to who would have it done
	DryRun   bool         `json:"dry_run"`
	Site     string       `json:"site"`
	From     string       `json:"from"`                    // RFC 3339
	To       string       `json:"to"`                      // not included
	Frozen   string       `json:"frozen_before,omitempty"` // date: earlier ones are left alone, as their events are removed
	Events   int          `json:"events"`
	Views    int          `json:"page_views"`
	Bots     int          `json:"bots"`     // events
	Visitors int          `json:"visitors"` // distinct, with a page view
	Days     []DeletedDay `json:"days"`
	Archive  uint64       `json:"archive"`   // events that go from there
	Aside    int          `json:"set_aside"` // items that go
	Orders   int          `json:"orders"`    // that the ledger has of the time, and keeps
	Touches  int          `json:"touches"`   // likewise
}

// DeletedDay is what goes of a date of the site's zone.
type DeletedDay struct {
	Date     string `json:"date"`
	Events   int    `json:"events"`
	Views    int    `json:"page_views"`
	Bots     int    `json:"bots"`
	Visitors int    `json:"visitors"`
}

// deleteEvents is POST /v1/events/delete: without a plan it tells what would go and
// names a plan, with the plan's name it deletes that.
func (d *door) deleteEvents(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	is, id, err := readDeletion(body, sites, d.Now())
	if err == nil && id != "" {
		d.carryOut(w, r, d.plans, id)
		return
	}
	var told Deleted
	if err == nil {
		is.Who = d.who.Name
		told, err = d.Deletes.DeleteEvents(r.Context(), is, true)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		refuse(w, http.StatusServiceUnavailable, "to look took longer than "+d.Timeout.String()+": name a shorter time; on the server it may take as long as it needs: footfall events delete")
		return
	}
	if err == nil && told.Events+told.Aside+int(told.Archive) > 0 {
		told.Plan = d.plans.add("del_", is.Who, d.Now(), func(ctx context.Context) (any, error) { return d.Deletes.DeleteEvents(ctx, is, false) })
	}
	d.tell(w, told, err)
}

// readDeletion reads what is to be deleted, or the name of its plan.
func readDeletion(body []byte, sites []account.Site, now time.Time) (is Deletion, plan string, err error) {
	in := readStrictly(body, &err, "site_id", "date_range", "filters", "plan")
	if err != nil {
		return is, "", err
	}
	if in["plan"].there() {
		return is, planIn(in), err
	}
	if is.Site, err = siteOf(in["site_id"], sites); err != nil {
		return is, "", err
	}
	if _, ok := in["date_range"].value.([]any); ok {
		is.Window = windowOf(in["date_range"], is.Site.Location())
	} else {
		in["date_range"].fail(`of which time? name its two ends: ["2024-01-01", "2024-01-31"]`)
	}
	if in["filters"].there() && err == nil {
		if is.Filters, err = json.Marshal(in["filters"].value); err == nil {
			_, err = ParseFilters(is.Filters, is.Site)
		}
	}
	is.At = now.UTC().Truncate(time.Millisecond)
	return is, "", err
}
