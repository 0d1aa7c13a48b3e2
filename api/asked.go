package api

import (
	"slices"
	"time"

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
	a := Asked{Site: r.Site, Range: between(r.Window, r.Zone), Dimensions: q.dimensions(), Filters: []any{}, Order: [][2]string{},
		Include: AskedInclude{TimeLabels: q.timeLabels, TotalRows: q.totalRows}, Pagination: AskedPage{r.Limit, r.Offset}, Zone: r.Zone.String(), Bots: r.Bots}
	for _, m := range r.Metrics {
		a.Metrics = append(a.Metrics, string(m))
	}
	if r.Where != nil {
		a.Filters = append(a.Filters, filterOf(*r.Where))
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
		compare := between(r.Compare, r.Zone)
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

// between spells a window as windowOf reads it.
func between(w period.Window, zone *time.Location) [2]string {
	if from, to, whole := w.Dates(zone); whole {
		return [2]string{from.String(), (to - 1).String()}
	}
	return [2]string{w.From.In(zone).Format(time.RFC3339), w.To.Add(-time.Second).In(zone).Format(time.RFC3339)}
}

// filterOf spells a condition as question.condition reads it.
func filterOf(w metric.Where) []any {
	several := func(op string, of []metric.Where) []any {
		all := make([]any, len(of))
		for i, one := range of {
			all[i] = filterOf(one)
		}
		return []any{op, all}
	}
	switch {
	case len(w.All) > 0:
		return several(opAll, w.All)
	case len(w.Any) > 0:
		return several(opAny, w.Any)
	case w.Not != nil && w.Not.Done != nil:
		return []any{opNotDone, filterOf(*w.Not.Done)}
	case w.Not != nil && w.Not.Dimension != "":
		return []any{string(w.Not.Op) + opNegated, string(w.Not.Dimension), w.Not.Values}
	case w.Not != nil:
		return []any{opNot, filterOf(*w.Not)}
	case w.Done != nil:
		return []any{opDone, filterOf(*w.Done)}
	}
	return []any{string(w.Op), string(w.Dimension), w.Values}
}
