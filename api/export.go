package api

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/period"
	"footfall/sheet"
)

const exportPattern = "/v1/export"

// Export writes the events that are asked for.
type Export func(ctx context.Context, w io.Writer, q ExportQuery) error

// ExportQuery asks for a site's events.
type ExportQuery struct {
	Site   account.Site
	Window period.Window // zero is all
	Format string        // one of exportTypes
}

// exportTypes are the formats and their media types.
var exportTypes = map[string]string{
	"ndjson":  sheet.Formats["ndjson"],
	"csv":     sheet.Formats["csv"],
	"parquet": "application/vnd.apache.parquet",
	"arrow":   "application/vnd.apache.arrow.stream",
}

// ContentType is the media type of the answer.
func (q ExportQuery) ContentType() string { return exportTypes[q.Format] }

// ParseExport reads a question for events from URL parameters: site as in
// ParseQuery, from and to (days of the site's zone; to is not included; without
// them there is no limit), format ndjson (also if it is not given), csv, parquet or arrow.
// What is wrong is a *metric.QueryError.
func ParseExport(v url.Values, sites []account.Site) (q ExportQuery, err error) {
	if err := only(v, "site", "from", "to", "format"); err != nil {
		return q, err
	}
	if q.Site, err = pick(v.Get("site"), sites); err != nil {
		return q, err
	}
	if q.Format = v.Get("format"); q.Format == "" {
		q.Format = "ndjson"
	}
	if exportTypes[q.Format] == "" {
		return q, wrong("format=%q is unknown: use %s", q.Format, strings.Join(slices.Sorted(maps.Keys(exportTypes)), ", "))
	}
	if _, _, err := parseDates(v); err != nil || !v.Has("from") && !v.Has("to") {
		return q, err
	}
	from, to := v.Get("from"), v.Get("to")
	if from == "" {
		from = "1970-01-01"
	}
	if to == "" {
		to = "9999-01-01"
	}
	if q.Window, err = period.Between(from, to, q.Site.Location()); err != nil {
		return q, wrong("%v", err)
	}
	if !q.Window.From.Before(q.Window.To) {
		return q, nothing(from, to)
	}
	return q, nil
}

// exportsAtOnce is how many exports are written at a time.
const exportsAtOnce = 4

// patient lets each write take a time: an answer may be long, but who does not read
// would keep others from theirs.
type patient struct {
	to   *http.ResponseController
	w    io.Writer
	time time.Duration
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.to.SetWriteDeadline(time.Now().Add(p.time)) // one without deadlines is a test's
	return p.w.Write(b)
}

// export is GET /v1/export.
func (d *door) export(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	asked := r.URL.Query()
	if format := sheet.Accepted(r.Header.Get("Accept")); format != "" && !asked.Has("format") {
		asked.Set("format", format)
	}
	q, err := ParseExport(asked, sites)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	select {
	case d.exporting <- struct{}{}:
		defer func() { <-d.exporting }()
	default:
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusServiceUnavailable, "other exports are under way: try again when they have ended")
		return
	}
	w.Header().Set("Content-Type", q.ContentType())
	parts := &patient{http.NewResponseController(w), w, d.Timeout}
	defer parts.to.SetWriteDeadline(time.Time{}) // of what else comes by this connection
	out := &sheet.Noting{To: parts}
	err = d.Export(r.Context(), out, q)
	if err != nil && out.Begun {
		panic(http.ErrAbortHandler) // too late for an error: the reader sees a broken transfer, not a short file
	}
	if err != nil {
		status, why := d.explain(err)
		w.Header().Set("Retry-After", "2")
		refuse(w, status, why)
	}
}
