package api

import (
	"maps"
	"slices"
	"strings"

	"footfall/metric"
	"footfall/period"
)

// metricSpellings are the names of Plausible's Stats API for metrics of the
// catalogue.
var metricSpellings = map[string]metric.Name{
	"visitors": metric.Visitors, "pageviews": metric.PageViews, "bounce_rate": metric.BounceRate, "events": metric.Events, "time_on_page": metric.TimeOnPage,
	"visits": metric.Sessions, "views_per_visit": metric.ViewsPerSession, "visit_duration": metric.SessionDuration,
	conversionRate: metric.GoalRate, "group_conversion_rate": metric.GoalRate,
	"total_revenue": metric.Revenue, "average_revenue": metric.AverageOrder,
}

// dimensionSpellings are names of Plausible's Stats API, without event: or
// visit:, for dimensions that have another one here.
var dimensionSpellings = map[string]metric.Dimension{
	"channel": "class", "hostname": "host", "name": "event",
}

// timeName is the dimension of the steps, alone or with a step: time:day.
const timeName = "time"

// timeSteps are the steps that may stand behind it.
var timeSteps = []period.Step{period.Minute, period.Quarter, period.Hour, period.Day, period.Week, period.Month, period.Year}

// metricOf finds a metric by either name.
func metricOf(name string) (metric.Name, error) {
	if m, ok := metricSpellings[name]; ok {
		return m, nil
	}
	return metric.Parse(name)
}

// MetricNames lists the names of metrics, and the other spellings.
func MetricNames() (own, other []string) {
	for _, m := range metric.Names {
		own = append(own, string(m))
	}
	return own, slices.Sorted(maps.Keys(metricSpellings))
}

// propertySpelling is what stands before the name of an event's property.
const propertySpelling = "event:props:"

// dimensionOf finds a dimension by either name.
func dimensionOf(name string) (metric.Dimension, error) {
	d := metric.Dimension(name)
	if of, ok := strings.CutPrefix(name, propertySpelling); ok {
		d = metric.Property(of)
	} else if prefix, rest, ok := strings.Cut(name, ":"); ok && (prefix == "event" || prefix == "visit") {
		if d = metric.Dimension(rest); dimensionSpellings[rest] != "" {
			d = dimensionSpellings[rest]
		}
	}
	if d.OfName() || slices.Contains(metric.Dimensions, d) {
		return d, nil
	}
	return "", wrong("unknown dimension %q: use one of %s, property:NAME, arm:EXPERIMENT, or %s", name, listed(metric.Dimensions), strings.Join(TimeNames(), ", "))
}

// filteredBy finds the dimension of a condition, which the time is not.
func filteredBy(name string) (metric.Dimension, error) {
	d, err := dimensionOf(name)
	if _, isTime := timeOf(name); isTime {
		return "", wrong("the time is no dimension of a condition: say it by date_range, or by weekday or hour_of_day")
	} else if err != nil {
		return "", wrong("unknown dimension %q: use one of %s, property:NAME", name, listed(metric.Dimensions))
	}
	return d, nil
}

// timeOf finds the step of a time dimension; Total is the usual one of the
// window.
func timeOf(name string) (step period.Step, ok bool) {
	if name == timeName {
		return period.Total, true
	}
	rest, ok := strings.CutPrefix(name, timeName+":")
	step = period.Step(rest)
	return step, ok && slices.Contains(timeSteps, step)
}

// TimeNames lists the time dimensions.
func TimeNames() []string {
	all := []string{timeName}
	for _, s := range timeSteps {
		all = append(all, timeName+":"+string(s))
	}
	return all
}

// DimensionNames lists the names of dimensions, but those of properties, arms and time,
// and the other spellings.
func DimensionNames() (own, other []string) {
	for _, d := range metric.Dimensions {
		own = append(own, string(d))
		for _, prefix := range []string{"event:", "visit:"} {
			if dimensionSpellings[string(d)] == "" {
				other = append(other, prefix+string(d))
			}
		}
	}
	for name, d := range dimensionSpellings {
		if slices.Contains(metric.Dimensions, d) {
			other = append(other, "event:"+name, "visit:"+name)
		}
	}
	slices.Sort(other)
	return own, other
}
