package dash

import (
	"cmp"
	"context"
	"slices"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Figures of an experiment's arms: sessions mostly begin before the exposure, so they stand behind.
var (
	ofArms   = []metric.Name{metric.Visitors, metric.PageViews, metric.GoalCompletions, metric.GoalRate, metric.Orders, metric.Revenue}
	moreArms = []metric.Name{metric.Sessions, metric.AverageOrder}
)

// armTitles are those of them that are called otherwise than in lists of goals.
var armTitles = map[metric.Name]key{metric.GoalCompletions: "Conversions", metric.GoalRate: "Conversion rate"}

// armsOf is the list of an experiment's arms, in a box of its own. Its title is what
// people call the experiment; "" is its id.
func armsOf(by metric.Dimension) (box, listing) {
	li := listing{by: by, figures: ofArms, more: moreArms}
	return box{lists: []listing{li}, table: true, quiet: true}, li
}

// armsNamed is the list of arms that the URL calls so; false if it is of none, or of
// one that the state does not show.
func (s state) armsNamed(name string) (b box, li listing, ok bool) {
	by := metric.Dimension(name)
	if _, arm := by.Arm(); !arm || !by.OfName() || !s.filterable(by) {
		return b, li, false
	}
	b, li = armsOf(by)
	return b, li, true
}

// called is what the list is called, and titleOf what a column of it is.
func (li listing) called(l tongue) string {
	if experiment, ok := li.by.Arm(); ok {
		return l.Say("Experiment {name}", cmp.Or(string(li.title), experiment))
	}
	return l.Say(li.title)
}

func (li listing) titleOf(l tongue, m metric.Name) string {
	if _, arms := li.by.Arm(); arms && armTitles[m] != "" {
		return l.Say(armTitles[m])
	}
	return l.titleOf(m)
}

// experiments asks for the box of the experiments to which visitors were exposed in the
// period, whatever the filters: each is a list of its arms. Without any it is left out,
// as where the period's events are not kept.
func (d *Door) experiments(ctx context.Context, s state, x span) list {
	l := list{Title: s.Say("Experiments"), quiet: true}
	all, names, err := d.exposedTo(ctx, s, x)
	if err != nil || len(all) == 0 { // the other boxes say what is wrong, where something is
		return l
	}
	b := box{table: true, quiet: true}
	for _, experiment := range all[:min(len(all), rowsShort)] {
		_, li := armsOf(metric.Arm(experiment))
		li.title = names[experiment]
		b.lists = append(b.lists, li)
	}
	return d.list(ctx, s, x, b, b.chosen(s))
}

// exposedTo lists the experiments, those with the most exposures first, and names those
// that were sent with a name, by what most exposures call them. Whether there
// are any is known by bins, so that a site without pays nothing.
func (d *Door) exposedTo(ctx context.Context, s state, x span) (all []string, names map[string]key, err error) {
	is := metric.Filter{Dimension: "event", Value: event.Exposure}
	some, err := d.ask(ctx, metric.Query{Site: s.site.ID, Metric: metric.Events, Window: x.window, Zone: x.zone, Step: period.Total, Filters: []metric.Filter{is}})
	if err != nil || some.Sum() == 0 {
		return nil, nil, err
	}
	t, err := d.Questions.Tabulate(ctx, metric.Report{Site: s.site.ID, Metrics: []metric.Name{metric.Events}, Window: x.window, Zone: x.zone,
		By: []metric.Dimension{metric.Property("experiment_id"), metric.Property("experiment_name")}, Where: &metric.Where{Dimension: is.Dimension, Op: metric.Is, Values: []string{is.Value}}, Limit: metric.MaxRows})
	if err != nil {
		return nil, nil, err
	}
	names, called := map[string]key{}, map[string]int64{}
	exposures := map[string]int64{}
	for _, row := range t.Rows {
		experiment := cmp.Or(row.Keys[0], row.Keys[1])
		if by := metric.Arm(experiment); !by.OfName() || len(experiment) > metric.MaxProperty {
			continue
		}
		if exposures[experiment] == 0 {
			all = append(all, experiment)
		}
		exposures[experiment] += row.Values[0].N
		if name, n := row.Keys[1], row.Values[0].N; name != "" && n > called[experiment] {
			names[experiment], called[experiment] = key(cut(name)), n
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(exposures[b], exposures[a]), cmp.Compare(a, b))
	})
	return all, names, nil
}

// leftOut says who is in no arm as they were exposed to several; "" if nobody is.
func (l tongue) leftOut(all []metric.Exposed) string {
	for _, e := range all {
		if e.Mixed > 0 {
			return l.Say("Left out, as they saw several arms: {some} of {all} visitors ({share}).", whole(l, e.Mixed), whole(l, e.Units), l.percent(100*float64(e.Mixed)/float64(e.Units)))
		}
	}
	return ""
}
