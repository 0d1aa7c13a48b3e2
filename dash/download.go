package dash

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"footfall/metric"
	"footfall/sheet"
)

// file is the URL of all rows of a box, as it is split now.
func (s state) file(b box) string {
	v := s.values()
	v.Del("detail")
	v.Set("csv", string(detailOf(b)))
	return s.path() + "?" + v.Encode()
}

// download writes all rows of the box that is split by a dimension, with the values
// as filters have them and the figures of the page.
func (d *Door) download(ctx context.Context, w http.ResponseWriter, s state, by metric.Dimension) {
	at := slices.IndexFunc(boxes, func(b box) bool {
		return detailOf(b) == by || slices.ContainsFunc(b.tabs, func(t finer) bool { return t.by == by })
	})
	if at < 0 {
		d.refuse(w, http.StatusNotFound, "There is no such list.")
		return
	}
	b := boxes[at]
	if detailOf(b) != by {
		b.by = by
	}
	rows, err := d.rows(ctx, s, d.span(ctx, s), b, 0)
	if err != nil {
		d.refuse(w, http.StatusServiceUnavailable, problem(err))
		return
	}
	w.Header().Set("Content-Type", sheet.Formats["csv"])
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.csv"`, s.site.ID, by))
	out := sheet.NewTable(w, "csv", string(b.by), string(b.counts))
	for _, r := range rows {
		if out.Row(r.Title, r.n) != nil {
			return // the client is gone
		}
	}
	_ = out.Close()
}
