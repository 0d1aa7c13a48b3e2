package dash

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"footfall/metric"
	"footfall/query"
)

// redrawing is the Door as it asks for a page that draws itself anew: such a page says
// how old its figures may be, by Cache-Control as RFC 9111, 5.2.1.1, has it. All boards
// that are open draw the same, and few of the questions are asked for each. The page of
// somebody who loads it is asked for anew, and lately is nil.
func (d *Door) redrawing(r *http.Request) (asking *Door, lately *query.Lately) {
	text, _ := strings.CutPrefix(r.Header.Get("Cache-Control"), "max-age=")
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds <= 0 || d.Lately == nil {
		return d, nil
	}
	age := time.Duration(min(seconds, 60)) * time.Second
	lately = d.Lately(age)
	then := *d
	then.source, then.Questions = lately, tabulated{d.Questions, lately}
	then.Now = func() time.Time { return d.Now().Truncate(age) } // windows that move on are those of the others, too
	return &then, lately
}

// tabulated answers reports from elsewhere.
type tabulated struct {
	Questions
	lately *query.Lately
}

// Tabulate answers a report.
func (t tabulated) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	return t.lately.Tabulate(ctx, r)
}
