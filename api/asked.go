package api

import (
	"slices"

	"footfall/metric"
	"footfall/period"
)

// Asked is a question as it was understood, in the form in which it is asked: it
// may be asked again, with the same answer.
type Asked struct {
	Site       string       `json:"site_id"`
	Metrics    []string     `json:"metrics"`
	Range      [2]string    `json:"date_range"`
	Dimensions []string     `json:"dimensions"`
	Filters    []any        `json:"filters"`
	Order      [][2]string  `json:"order_by"`
	Include    AskedInclude `json:"include"`
	Pagination AskedPage    `json:"pagination"`
	Zone       string       `json:"timezone"`
	Bots       bool         `json:"bots"`
}

// AskedInclude is what an answer has beside its rows.
type AskedInclude struct {
	TimeLabels bool       `json:"time_labels"`
	TotalRows  bool       `json:"total_rows"`
	Compare    *[2]string `json:"compare,omitempty"`
}

// AskedPage is which rows.
type AskedPage struct {
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

// asked spells the question.
func (q *question) asked() Asked {
	r := q.report
	a := Asked{Site: r.Site, Range: metric.SpellRange(r.Window, r.Zone), Dimensions: q.dimensions(), Filters: []any{}, Order: [][2]string{},
		Include: AskedInclude{TimeLabels: q.timeLabels, TotalRows: q.totalRows}, Pagination: AskedPage{r.Limit, r.Offset}, Zone: r.Zone.String(), Bots: r.Bots}
	for _, m := range r.Metrics {
		a.Metrics = append(a.Metrics, string(m))
	}
	if r.Where != nil {
		a.Filters = append(a.Filters, r.Where.Spell())
	}
	for _, o := range r.Order {
		name, way := timeName, "asc"
		if o.Metric != "" {
			name = string(o.Metric)
		} else if o.Dimension != "" {
			name = string(o.Dimension)
		}
		if o.Descending {
			way = "desc"
		}
		a.Order = append(a.Order, [2]string{name, way})
	}
	if r.Compare != (period.Window{}) {
		compare := metric.SpellRange(r.Compare, r.Zone)
		a.Include.Compare = &compare
	}
	return a
}

// dimensions are the names of the question's, the time among them.
func (q *question) dimensions() []string {
	all := []string{}
	for _, d := range q.report.By {
		all = append(all, string(d))
	}
	if q.timeAt >= 0 {
		name := timeName
		if q.report.Step != period.Total {
			name += ":" + string(q.report.Step)
		}
		all = slices.Insert(all, q.timeAt, name)
	}
	return all
}
