package metric

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"footfall/period"
)

// Report is the question as one for a table, of every row.
func (q Query) Report() Report {
	r := Report{Site: q.Site, Metrics: []Name{q.Metric}, Step: q.Step, Window: q.Window, Zone: q.Zone, Bots: q.Bots, Currency: q.Currency, Affiliate: q.Affiliate, Members: q.Members, Goals: q.Goals}
	if q.By != "" {
		r.By = []Dimension{q.By}
	}
	for _, f := range q.Filters {
		if r.Where == nil {
			r.Where = &Where{}
		}
		r.Where.All = append(r.Where.All, Where{Dimension: f.Dimension, Op: Is, Values: []string{f.Value}})
	}
	switch {
	case q.Where != nil && r.Where != nil:
		r.Where.All = append(r.Where.All, *q.Where)
	case q.Where != nil:
		r.Where = q.Where
	}
	return r
}

// Tabulated answers the question out of tables. Which series are the largest is found
// in one of the whole window where steps don't add up.
func (q Query) Tabulated(tabulate func(Report) (Table, error)) (Dataset, error) {
	r := q.Report()
	r.Metrics = r.Parts()
	t, err := tabulate(r)
	if err != nil {
		return Dataset{}, err
	}
	d := Dataset{Source: t.Source, AsOf: t.AsOf, Sealed: t.Sealed, Estimate: t.Estimate, Exposed: t.Exposed}
	values, err := r.series(t)
	if err != nil {
		return Dataset{}, err
	}
	if _, divided := Ratios[q.Metric]; divided {
		d.Points = q.Divide(values[0], values[1], t.AsOf)
		return d, nil
	}
	whole := values
	if q.Metric == Visitors && q.By != "" {
		r.Step = period.Total
		all, err := tabulate(r)
		if err != nil {
			return Dataset{}, err
		}
		if whole, err = r.series(all); err != nil {
			return Dataset{}, err
		}
	}
	totals := map[string]int64{}
	for name, steps := range whole[0] {
		totals[name] = sum(steps)
	}
	d.Points = q.Answer(values[0], totals, t.AsOf)
	return d, nil
}

// series are the values of each metric, by the only key and by step.
func (r Report) series(t Table) ([]map[string][]int64, error) {
	steps := map[int64]int{}
	for i, at := range r.Step.Cut(r.Window, r.Zone) {
		steps[at.UnixMilli()] = i
	}
	all := make([]map[string][]int64, len(r.Metrics))
	for i := range all {
		all[i] = map[string][]int64{}
		for _, row := range t.Rows {
			name := strings.Join(row.Keys, "")
			if all[i][name] == nil {
				if err := Room(len(all[i])+1, len(steps)); err != nil {
					return nil, err
				}
				all[i][name] = make([]int64, len(steps))
			}
			all[i][name][steps[row.Time.UnixMilli()]] = row.Values[i].N
		}
	}
	return all, nil
}

// Parts lists what is counted for the report's metrics, each once: of a Ratio what
// it is divided from.
func (r Report) Parts() []Name {
	var parts []Name
	for _, m := range r.Metrics {
		of := []Name{m}
		if ratio, divided := Ratios[m]; divided {
			of = []Name{ratio.Of, ratio.To}
		}
		for _, m := range of {
			if !slices.Contains(parts, m) {
				parts = append(parts, m)
			}
		}
	}
	return parts
}

// Values makes a row's values out of its parts' counts. Ratios are divided here, once.
func (r Report) Values(parts []Name, counts []int64) []Value {
	count := func(m Name) int64 { return counts[slices.Index(parts, m)] }
	values := make([]Value, len(r.Metrics))
	for i, m := range r.Metrics {
		if ratio, divided := Ratios[m]; divided {
			n, ok := ratio.Value(count(ratio.Of), count(ratio.To))
			values[i] = Value{n, !ok}
		} else {
			values[i] = Value{N: count(m)}
		}
	}
	return values
}

// Ordered is the whole order of the rows, which leaves none of them equal.
func (r Report) Ordered() []Order {
	order := slices.Clone(r.Order)
	if len(order) == 0 {
		order = []Order{{}, {Metric: r.Metrics[0], Descending: true}}
	}
	order = append(order, Order{})
	for _, d := range r.By {
		order = append(order, Order{Dimension: d})
	}
	return order
}

// Fill is the rows and, of a report without By, one of nothing for each step that
// has none.
func (r Report) Fill(rows []Row) []Row {
	if len(r.By) > 0 {
		return rows
	}
	parts, there := r.Parts(), map[int64]bool{}
	for _, row := range rows {
		there[row.Time.UnixMilli()] = true
	}
	for _, t := range r.Step.Cut(r.Window, r.Zone) {
		if !there[t.UnixMilli()] {
			rows = append(rows, Row{Keys: []string{}, Time: t, Values: r.Values(parts, make([]int64, len(parts)))})
		}
	}
	return rows
}

// Page puts the rows into their order and cuts out those that Offset and Limit leave.
func (r Report) Page(rows []Row) []Row {
	order := r.Ordered()
	slices.SortFunc(rows, func(a, b Row) int {
		for _, o := range order {
			if c := r.compare(&a, &b, o); c != 0 {
				return c
			}
		}
		return 0
	})
	rows = rows[min(r.Offset, len(rows)):]
	if r.Limit > 0 && len(rows) > r.Limit {
		rows = rows[:r.Limit]
	}
	return rows
}

// compare compares rows by one thing. No value comes last, either way.
func (r Report) compare(a, b *Row, o Order) (c int) {
	switch {
	case o.Metric != "":
		i := slices.Index(r.Metrics, o.Metric)
		x, y := a.Values[i], b.Values[i]
		switch {
		case x.None && y.None:
			return 0
		case x.None:
			return 1
		case y.None:
			return -1
		}
		c = cmp.Compare(x.N, y.N)
	case o.Dimension != "":
		i := slices.Index(r.By, o.Dimension)
		c = cmp.Compare(a.Keys[i], b.Keys[i])
	default:
		c = a.Time.Compare(b.Time)
	}
	if o.Descending {
		return -c
	}
	return c
}

// Finish marks the rows whose step is not over yet.
func (r Report) Finish(rows []Row, now time.Time) {
	starts := r.Step.Cut(r.Window, r.Zone)
	for i := range rows {
		row := &rows[i]
		end := r.Window.To
		if next := sort.Search(len(starts), func(i int) bool { return starts[i].After(row.Time) }); next < len(starts) {
			end = starts[next]
		}
		row.Partial = end.After(now) && !row.Time.After(now)
	}
}
