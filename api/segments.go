package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/period"
)

// ErrBusy tells that enough definitions are being tried.
var ErrBusy = errors.New("other definitions are being tried, and only some are at a time, as that goes over all visitors: try again in a moment")

// Segments keeps the definitions of a site's segments. An unknown name is
// account.ErrNotFound, a text that can't be read a *metric.QueryError.
type Segments interface {
	Segments(ctx context.Context, site account.Site) ([]Segment, error)
	// PutSegments puts the definitions in a text, YAML or JSON, in the place of
	// those of the same names.
	PutSegments(ctx context.Context, site account.Site, text []byte) ([]Segment, error)
	RemoveSegment(ctx context.Context, site account.Site, name string) error
	// TestSegments counts who would be in segments that are not kept yet;
	// ErrBusy if enough others do.
	TestSegments(ctx context.Context, site account.Site, text []byte) (DryRun, error)
	// SegmentMembers lists a segment's members at the end of dates, to not included.
	SegmentMembers(ctx context.Context, site account.Site, name string, from, to period.Date) ([]DayMembers, error)
}

// Segment is how JSON spells a segment's current definition.
type Segment struct {
	Name    string          `json:"name"`
	Version int             `json:"version"`
	When    json.RawMessage `json:"when"`    // the condition
	Created string          `json:"created"` // of this version; RFC 3339, UTC
}

// SegmentList is the answer to GET and PUT /v1/segments.
type SegmentList struct {
	Site     string    `json:"site"`
	Segments []Segment `json:"segments"`
}

// DryRun tells who would be in segments.
type DryRun struct {
	Site     string           `json:"site"`
	Visitors int              `json:"visitors"` // who have a history
	Segments []SegmentMembers `json:"segments"`
	TookMS   int64            `json:"took_ms"`
	Freshness
}

// SegmentMembers is how many visitors are in a segment.
type SegmentMembers struct {
	Segment string `json:"segment"`
	Members int    `json:"members"`
}

// DayMembers is how many were in a segment at the end of a date.
type DayMembers struct {
	Date    string `json:"date"` // of the site's zone
	Members int    `json:"members"`
}

// SegmentDays is the answer to GET /v1/segments/{name}/members.
type SegmentDays struct {
	Site    string       `json:"site"`
	Segment string       `json:"segment"`
	Days    []DayMembers `json:"days"`
}

// only reports parameters that are not known.
func only(v url.Values, known ...string) error {
	for name := range v {
		if !slices.Contains(known, name) {
			return wrong("unknown parameter %q: use %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// pickSite is the site of a question about segments.
func pickSite(v url.Values, sites []account.Site, more ...string) (account.Site, error) {
	if err := only(v, append(more, "site")...); err != nil {
		return account.Site{}, err
	}
	return pick(v.Get("site"), sites)
}

// listSegments is GET /v1/segments.
func (d *door) listSegments(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, err := pickSite(r.URL.Query(), sites)
	list := SegmentList{Site: site.ID}
	if err == nil {
		list.Segments, err = d.Segments.Segments(r.Context(), site)
	}
	d.tell(w, list, err)
}

// putSegments is PUT /v1/segments.
func (d *door) putSegments(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, text, ok := d.definitions(w, r, sites)
	if !ok {
		return
	}
	put, err := d.Segments.PutSegments(r.Context(), site, text)
	if err == nil {
		names := make([]string, len(put))
		for i, s := range put {
			names[i] = s.Name
		}
		d.note(r.Context(), account.Change{What: "segment set", Target: site.ID + " " + strings.Join(names, " ")})
	}
	d.tell(w, SegmentList{site.ID, put}, err)
}

// testSegments is POST /v1/segments/dry-run.
func (d *door) testSegments(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, text, ok := d.definitions(w, r, sites)
	if !ok {
		return
	}
	run, err := d.Segments.TestSegments(r.Context(), site, text)
	if errors.Is(err, context.DeadlineExceeded) {
		refuse(w, http.StatusServiceUnavailable, "this took longer than "+d.Timeout.String()+"; on the server it may take as long as it needs: footfall segment test FILE")
		return
	}
	d.tell(w, run, err)
}

// definitions reads a request with definitions in its body; ok is false if it
// has answered.
func (d *door) definitions(w http.ResponseWriter, r *http.Request, sites []account.Site) (site account.Site, text []byte, ok bool) {
	site, err := pickSite(r.URL.Query(), sites)
	if err == nil {
		err = CheckHistory(site)
	}
	if err != nil {
		d.tell(w, nil, err)
		return site, nil, false
	}
	text, ok = readBody(w, r)
	return site, text, ok
}

// removeSegment is DELETE /v1/segments/{name}.
func (d *door) removeSegment(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, err := pickSite(r.URL.Query(), sites)
	if err == nil {
		err = d.Segments.RemoveSegment(r.Context(), site, r.PathValue("name"))
	}
	if err == nil {
		d.note(r.Context(), account.Change{What: "segment remove", Target: site.ID + " " + r.PathValue("name")})
	}
	d.tell(w, map[string]string{"site": site.ID, "removed": r.PathValue("name")}, err)
}

// ParseMembers reads a question for a segment's members a day: site as in
// ParseQuery, from and to (days; to is not included; without them there is no
// limit). Errors are as those of ParseHistory.
func ParseMembers(v url.Values, sites []account.Site) (site account.Site, from, to period.Date, err error) {
	if site, err = pickSite(v, sites, "from", "to"); err == nil {
		err = CheckHistory(site)
	}
	if err == nil {
		from, to, err = parseDates(v)
	}
	return site, from, to, err
}

// members is GET /v1/segments/{name}/members.
func (d *door) members(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, from, to, err := ParseMembers(r.URL.Query(), sites)
	days := SegmentDays{Site: site.ID, Segment: r.PathValue("name")}
	if err == nil {
		days.Days, err = d.Segments.SegmentMembers(r.Context(), site, days.Segment, from, to)
	}
	d.tell(w, days, err)
}
