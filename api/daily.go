package api

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/sheet"
)

// Daily is the table of what each page got a day.
type Daily interface {
	// PageDays hands over the lines of a site's dates, to not included, by date
	// and page.
	PageDays(ctx context.Context, site string, from, to period.Date, fn func(metric.PageDay) error) error
}

// DailyQuery asks for a part of the daily table.
type DailyQuery struct {
	Site     account.Site
	From, To period.Date // To not included
	Format   string      // one of sheet.Formats, else JSON
}

// ParseDaily reads a question for the daily table from URL parameters: site as
// in ParseQuery, from and to (days; to is not included; without them there is
// no limit), format json, which none is, or one of sheet.Formats. What is wrong is a
// *metric.QueryError.
func ParseDaily(v url.Values, sites []account.Site) (q DailyQuery, err error) {
	if err := only(v, "site", "from", "to", "format"); err != nil {
		return q, err
	}
	if q.Site, err = pick(v.Get("site"), sites); err != nil {
		return q, err
	}
	if q.From, q.To, err = parseDates(v); err != nil {
		return q, err
	}
	if q.From >= q.To {
		return q, nothing(q.From.String(), q.To.String())
	}
	if q.Format = v.Get("format"); q.Format == "json" {
		q.Format = ""
	}
	if q.Format != "" && sheet.Formats[q.Format] == "" {
		return q, wrong("format=%q is unknown: use json, %s", q.Format, strings.Join(slices.Sorted(maps.Keys(sheet.Formats)), ", "))
	}
	return q, nil
}

// ContentType is the media type of the answer.
func (q DailyQuery) ContentType() string {
	return cmp.Or(sheet.Formats[q.Format], "application/json; charset=utf-8")
}

// DailyLine is how JSON spells a line of the daily table.
type DailyLine struct {
	Date     string `json:"date"` // of the site's zone
	Page     string `json:"page"`
	Views    int64  `json:"views"`
	Visitors int64  `json:"visitors"`
	Estimate bool   `json:"estimate,omitempty"` // of the visitors, to about 1 %
}

// WriteDaily spells a part of the daily table: rows of date, page, views and visitors, or
// JSON as {"site":…,"days":[DailyLine…]}. begun
// tells, if there is an error, that something was written already.
func WriteDaily(ctx context.Context, w io.Writer, q DailyQuery, table Daily) (begun bool, err error) {
	out := &sheet.Noting{To: w}
	b := bufio.NewWriterSize(out, 1<<16)
	if q.Format != "" {
		err = writeRows(ctx, b, q, table)
	} else {
		err = writeJSON(ctx, b, q, table)
	}
	if err == nil {
		err = b.Flush()
	}
	return out.Begun, err
}

func writeRows(ctx context.Context, w io.Writer, q DailyQuery, table Daily) error {
	out := sheet.Begin(w, q.Format, sheet.Columns("date DATE", "page", "views BIGINT", "visitors BIGINT")...)
	err := table.PageDays(ctx, q.Site.ID, q.From, q.To, func(l metric.PageDay) error {
		return out.Row(l.Date.String(), l.Page, l.Views, l.Visitors)
	})
	if err != nil {
		return err
	}
	return out.Close()
}

func writeJSON(ctx context.Context, w io.Writer, q DailyQuery, table Daily) error {
	site, err := json.Marshal(q.Site.ID)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, `{"site":`+string(site)+`,"days":[`); err != nil {
		return err
	}
	comma := ""
	err = table.PageDays(ctx, q.Site.ID, q.From, q.To, func(l metric.PageDay) error {
		line, err := json.Marshal(DailyLine{l.Date.String(), l.Page, l.Views, l.Visitors, l.Estimate})
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, comma+"\n"+string(line))
		comma = ","
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "]}\n")
	return err
}

// daily is GET /v1/daily.
func (d *door) daily(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	asked := r.URL.Query()
	if format := sheet.Accepted(r.Header.Get("Accept")); format != "" && !asked.Has("format") {
		asked.Set("format", format)
	}
	q, err := ParseDaily(asked, sites)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", q.ContentType())
	begun, err := WriteDaily(r.Context(), w, q, d.Daily)
	if err != nil && begun {
		panic(http.ErrAbortHandler) // too late for an error: the reader sees a broken transfer, not a short table
	}
	if err != nil {
		status, why := d.explain(err)
		refuse(w, status, why)
	}
}
