package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"footfall/account"
	"footfall/period"
)

// Visitors tells of single visitors, who are named by the id under which their
// history is kept: the user id, else the SDK's anonymous id.
type Visitors interface {
	// VisitorHistory tells what is kept of a visitor. One that nobody knows has
	// an empty history.
	VisitorHistory(ctx context.Context, q HistoryQuery) (VisitorHistory, error)
	// VisitorSegments tells which segments a visitor is in, and if asked, why.
	VisitorSegments(ctx context.Context, site account.Site, visitor string, explain bool) (VisitorSegments, error)
}

// HistoryQuery asks for a visitor's history.
type HistoryQuery struct {
	Site                 account.Site
	Visitor              string
	Products, Categories []string    // only these; none of both is everything
	From, To             period.Date // To not included
}

// VisitorHistory is how JSON spells what is kept of a visitor.
type VisitorHistory struct {
	Site      string            `json:"site"`
	Visitor   string            `json:"visitor"`
	Traits    map[string]string `json:"traits"`
	Segments  []Membership      `json:"segments"`
	Currency  string            `json:"currency"`
	Items     []HistoryItem     `json:"items"`
	KeptSince string            `json:"kept_since"` // a date; those before are not kept, or could not be counted
	Freshness
}

// Freshness is how far an answer goes.
type Freshness struct {
	Complete bool   `json:"complete"` // false: after a start, until the first roll; what came before the start may be missing
	AsOf     string `json:"as_of"`    // RFC 3339, in the site's zone: what was received before is in the answer
}

// HistoryItem is what a visitor did with a product or category, or altogether.
type HistoryItem struct {
	Kind   string         `json:"kind"` // all, product or category
	Value  string         `json:"value,omitempty"`
	Months []HistoryMonth `json:"months"`
}

// HistoryMonth is a month in the site's zone.
type HistoryMonth struct {
	Month string `json:"month"` // 2026-11
	HistoryFigures
	Days []HistoryDay `json:"days"`
}

// HistoryDay is a date in the site's zone on which something happened.
type HistoryDay struct {
	Date string `json:"date"` // 2026-11-21
	HistoryFigures
}

// HistoryFigures are what is not zero; money in units of the site's currency.
type HistoryFigures struct {
	Views    int64       `json:"views,omitempty"`
	Adds     int64       `json:"adds,omitempty"`
	Orders   int64       `json:"orders,omitempty"`
	Revenue  json.Number `json:"revenue,omitempty"`
	Refunds  int64       `json:"refunds,omitempty"`
	Refunded json.Number `json:"refunded,omitempty"`
}

// Membership is a segment that a visitor is in.
type Membership struct {
	Segment string `json:"segment"`
	Version int    `json:"version"`
}

// VisitorSegments is how JSON spells which segments a visitor is in.
type VisitorSegments struct {
	Site         string        `json:"site"`
	Visitor      string        `json:"visitor"`
	Segments     []Membership  `json:"segments"`
	Explanations []Explanation `json:"explanations,omitempty"` // of all segments of the site, if asked for
	Freshness
}

// Explanation tells why a visitor is in a segment or is not.
type Explanation struct {
	Membership
	Why  json.RawMessage `json:"why"`  // segment.Explanation
	Text string          `json:"text"` // the same for people, in lines
}

// MaxVisitor is the most bytes a visitor's id may have.
const MaxVisitor = 1000

// CheckHistory is an error that says what to do if a site keeps no histories.
func CheckHistory(s account.Site) error {
	if s.History > 0 {
		return nil
	}
	return &conflict{"visitor history is off for this site; turn it on with: footfall site set " + s.Domain + " --history 24"}
}

// conflict is a question that the state of the site does not allow.
type conflict struct{ why string }

func (c *conflict) Error() string { return c.why }

// ParseHistory reads a question for a visitor's history from URL parameters:
// site as in ParseQuery, product and category (several of each may be given),
// from and to (days; to is not included; without them there is no limit). What
// is wrong is a *metric.QueryError; a site that keeps no histories is an error
// of CheckHistory.
func ParseHistory(v url.Values, sites []account.Site, visitor string) (q HistoryQuery, err error) {
	if q.Site, err = pickKept(v, sites, visitor, "product", "category", "from", "to"); err != nil {
		return q, err
	}
	q.Visitor, q.Products, q.Categories = visitor, v["product"], v["category"]
	q.From, q.To, err = parseDates(v)
	return q, err
}

// ParseVisitorSegments reads a question for a visitor's segments: site as in
// ParseQuery, explain true or false. Errors are as those of ParseHistory.
func ParseVisitorSegments(v url.Values, sites []account.Site, visitor string) (site account.Site, explain bool, err error) {
	if site, err = pickKept(v, sites, visitor, "explain"); err != nil {
		return site, false, err
	}
	if s := v.Get("explain"); s != "" {
		if explain, err = strconv.ParseBool(s); err != nil {
			return site, false, wrong("explain=%q is neither true nor false", s)
		}
	}
	return site, explain, nil
}

// pickKept is the site that is asked of a visitor; it keeps histories.
func pickKept(v url.Values, sites []account.Site, visitor string, parameters ...string) (account.Site, error) {
	if err := only(v, append(parameters, "site")...); err != nil {
		return account.Site{}, err
	}
	if visitor == "" || len(visitor) > MaxVisitor {
		return account.Site{}, wrong("the visitor's id has %d bytes: it has 1 to %d", len(visitor), MaxVisitor)
	}
	site, err := pick(v.Get("site"), sites)
	if err != nil {
		return site, err
	}
	return site, CheckHistory(site)
}

// history is GET /v1/visitors/{id}/history.
func (d *door) history(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	q, err := ParseHistory(r.URL.Query(), sites, r.PathValue("id"))
	var h VisitorHistory
	if err == nil {
		h, err = d.Visitors.VisitorHistory(r.Context(), q)
	}
	d.tell(w, h, err)
}

// memberships is GET /v1/visitors/{id}/segments.
func (d *door) memberships(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, explain, err := ParseVisitorSegments(r.URL.Query(), sites, r.PathValue("id"))
	var in VisitorSegments
	if err == nil {
		in, err = d.Visitors.VisitorSegments(r.Context(), site, r.PathValue("id"), explain)
	}
	d.tell(w, in, err)
}

// tell answers with what was found, or with why it was not.
func (d *door) tell(w http.ResponseWriter, found any, err error) {
	if err == nil {
		reply(w, http.StatusOK, found)
		return
	}
	status, why := d.explain(err)
	refuse(w, status, why)
}

// parseDates reads from and to: dates; without them there is no limit.
func parseDates(v url.Values) (from, to period.Date, err error) {
	from, to = -1<<30, 1<<30
	for name, into := range map[string]*period.Date{"from": &from, "to": &to} {
		if s := v.Get(name); s != "" {
			day, err := time.Parse("2006-01-02", s)
			if err != nil {
				return 0, 0, wrong("%s=%q is not a day such as 2026-11-21", name, s)
			}
			*into = period.DateOf(day, nil)
		}
	}
	return from, to, nil
}
