package api

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// question is one to POST /v1/query, understood.
type question struct {
	report metric.Report
	site   account.Site
	all    bool // the window is all time
	usual  bool // the step is the usual one of the window
	timeAt int  // where among the dimensions the time is; -1: it is none

	timeLabels, totalRows bool
	warnings              []string
}

// Fields of a question.
var (
	questionFields = []string{"site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination", "timezone", "bots"}
	includeFields  = []string{"imports", "time_labels", "total_rows", "compare"}
	pageFields     = []string{"limit", "offset"}
)

// readQuestion reads a question to POST /v1/query; its errors name the field by its
// path.
func readQuestion(body []byte, sites []account.Site, now time.Time) (q *question, err error) {
	in := readStrictly(body, &err, questionFields...)
	if err != nil {
		return nil, err
	}
	q = &question{timeAt: -1}
	if err = q.about(in, sites); err != nil {
		return nil, err
	}
	r := &q.report
	q.readMetrics(in["metrics"])
	q.readDimensions(in["dimensions"])
	q.readRange(in["date_range"], now)
	if in["filters"].there() {
		r.Where = q.together(in["filters"], 1)
	}
	q.settle(in["metrics"])
	q.readOrder(in["order_by"])
	q.readInclude(in["include"])
	page := node{"pagination", map[string]any{}, &err}
	if in["pagination"].there() {
		page = in["pagination"]
	}
	fields := page.object(pageFields...)
	if err == nil {
		r.Limit, r.Offset = fields["limit"].whole(metric.MaxRows, 1, metric.MaxRows), fields["offset"].whole(0, 0, metric.MaxOffset)
	}
	return q, err
}

// about reads what every question has: which site it is about, in which zone, and
// whether bots count.
func (q *question) about(in map[string]node, sites []account.Site) (err error) {
	if q.site, err = siteOf(in["site_id"], sites); err != nil {
		return err
	}
	zone, fault := zoneOf(textOr(in["timezone"], ""), q.site)
	in["timezone"].refuse(fault)
	r := &q.report
	r.Site, r.Currency, r.Zone, r.Bots = q.site.ID, q.site.Currency, zone, in["bots"].flag()
	return *in["site_id"].first
}

func textOr(n node, usual string) string {
	if !n.there() {
		return usual
	}
	return n.text()
}

// siteOf is the site that is named.
func siteOf(n node, sites []account.Site) (site account.Site, err error) {
	name := textOr(n, "")
	if *n.first != nil {
		return site, *n.first
	}
	if site, err = pick(name, sites); err != nil {
		n.refuse(err)
		return site, *n.first
	}
	return site, nil
}

func (q *question) readMetrics(n node) {
	if !n.there() {
		n.fail("which figures? use some of %s", listed(metric.Names))
		return
	}
	all := n.list(metric.MaxMetrics)
	if len(all) == 0 {
		n.fail("has none; use some of %s", listed(metric.Names))
	}
	for _, one := range all {
		m, err := metricOf(one.text())
		if one.refuse(err); slices.Contains(q.report.Metrics, m) && err == nil {
			one.fail("%s is there already", m)
		}
		q.report.Metrics = append(q.report.Metrics, m)
	}
}

func (q *question) readDimensions(n node) {
	if !n.there() {
		return
	}
	for i, one := range n.list(metric.MaxBy + 1) {
		name := one.text()
		if step, ok := timeOf(name); ok {
			if q.timeAt >= 0 {
				one.fail("the time is there already")
			}
			q.timeAt, q.report.Step, q.usual = i, step, step == period.Total
			continue
		}
		d, err := dimensionOf(name)
		if one.refuse(err); slices.Contains(q.report.By, d) && err == nil {
			one.fail("%s is there already", d)
		}
		q.report.By = append(q.report.By, d)
	}
}

// someDays is a window of days or months up to today: 7d, 6mo.
var someDays = regexp.MustCompile(`^([1-9][0-9]{0,3})(d|mo)$`)

// ranges are other names of windows.
var ranges = map[string]string{"day": "Today", "24h": "Last24Hours", "realtime": "Last5Minutes", "30m": "Last30Minutes", "month": "ThisMonth", "year": "ThisYear", "all": "AllTime"}

// RangeNames lists the names of windows.
func RangeNames() []string {
	return append([]string{"day", "24h", "7d", "30d", "month", "6mo", "12mo", "year", "all", "realtime", "30m"}, period.WindowNames()...)
}

// readRange reads the window, and sets the usual step of it if the time is a
// dimension without one.
func (q *question) readRange(n node, now time.Time) {
	if !n.there() {
		n.fail("which time? give a name (%s), a number of days or months up to today (7d, 6mo), or two dates", strings.Join(RangeNames(), ", "))
		return
	}
	r := &q.report
	if name, ok := n.value.(string); ok {
		var err error
		r.Window, err = rangeNamed(name, now, r.Zone)
		q.all = strings.EqualFold(cmp.Or(ranges[name], name), "AllTime")
		n.refuse(err)
	} else {
		r.Window = windowOf(n, r.Zone)
	}
	q.steps()
}

// steps sets the usual step of the window where none is named.
func (q *question) steps() {
	if q.usual {
		q.report.Step = period.StepsOf(q.report.Window)[0]
	}
}

// rangeNamed is a window up to the end of today, or of the running hour or minute.
func rangeNamed(name string, now time.Time, zone *time.Location) (w period.Window, err error) {
	some := someDays.FindStringSubmatch(name)
	if some == nil {
		if w, _, err = period.Named(cmp.Or(ranges[name], name), now, zone); err != nil {
			return w, wrong("unknown window %q: use one of %s, a number of days or months up to today (7d, 6mo), or two dates", name, strings.Join(RangeNames(), ", "))
		}
		return w, nil
	}
	today := period.DateOf(now, zone)
	n, _ := strconv.Atoi(some[1]) // four digits
	first := today - period.Date(n) + 1
	if some[2] == "mo" {
		first = today.Shift(period.Month, 1-n).MonthStart()
	}
	return period.Window{From: first.Window(zone).From, To: (today + 1).Window(zone).From}, nil
}

// windowOf is the window from one day or instant up to and with another; an instant
// is the second it is in.
func windowOf(n node, zone *time.Location) (w period.Window) {
	ends := n.list(2)
	if len(ends) != 2 {
		n.fail(`needs two ends: ["2024-01-01", "2024-01-31"]`)
		return w
	}
	from, to := ends[0].text(), ends[1].text()
	if t, err := time.Parse(time.RFC3339, to); err == nil {
		to = upTo(t.Truncate(time.Second).Add(time.Second), time.RFC3339)
	} else if t, err := time.Parse(time.DateOnly, to); err == nil {
		to = upTo(t.AddDate(0, 0, 1), time.DateOnly)
	}
	if t, err := time.Parse(time.RFC3339, from); err == nil {
		from = t.Truncate(time.Second).Format(time.RFC3339)
	}
	for i, end := range []string{from, to} {
		if _, err := period.Between(end, end, zone); err != nil {
			ends[i].refuse(err)
			return w
		}
	}
	w, err := period.Between(from, to, zone)
	if n.refuse(err); err == nil && !w.From.Before(w.To) {
		n.fail("ends before it begins")
	}
	return w
}

// upTo spells the end of a window, and is the last day that a date can name in every
// zone for what is behind it, as many ask for times without an end.
func upTo(end time.Time, as string) string {
	if last := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC); end.After(last) {
		return last.Format(time.DateOnly)
	}
	return end.Format(as)
}

func (q *question) readOrder(n node) {
	if !n.there() {
		return
	}
	for _, one := range n.list(metric.MaxOrder) {
		pair := one.list(2)
		if len(pair) != 2 {
			one.fail(`needs a metric or dimension of the question and a direction: ["visitors", "desc"]`)
			return
		}
		name := pair[0].text()
		o := metric.Order{Descending: pair[1].oneOf("asc", "desc") == "desc"}
		m, noMetric := q.meant(name)
		d, noDimension := dimensionOf(name)
		_, time := timeOf(name)
		switch {
		case time && q.timeAt >= 0:
		case noDimension == nil && slices.Contains(q.report.By, d):
			o.Dimension = d
		case noMetric == nil && slices.Contains(q.report.Metrics, m):
			o.Metric = m
		default:
			pair[0].fail("%q is none of the question's metrics and dimensions: %s", name, strings.Join(append(q.dimensions(), listed(q.report.Metrics)), ", "))
		}
		q.report.Order = append(q.report.Order, o)
	}
}

func (q *question) readInclude(n node) {
	if !n.there() {
		return
	}
	in := n.object(includeFields...)
	if *n.first != nil {
		return
	}
	if in["imports"].flag() {
		q.warnings = append(q.warnings, "include.imports is ignored: what was imported is counted as everything else is")
	}
	if q.totalRows, q.timeLabels = in["total_rows"].flag(), in["time_labels"].flag(); q.timeLabels && q.timeAt < 0 {
		in["time_labels"].fail("needs the time among the dimensions: %s", strings.Join(TimeNames(), ", "))
	}
	if compare := in["compare"]; compare.there() {
		q.readCompared(compare)
	}
}

// comparisons are the names of windows to compare with.
var comparisons = []string{"previous_period", "year_over_year"}

// readCompared reads the window that is compared with.
func (q *question) readCompared(n node) {
	name, ok := n.value.(string)
	switch {
	case q.all:
		n.fail("before all time there is nothing to compare with")
	case !ok:
		q.report.Compare = windowOf(n, q.report.Zone)
	case name == comparisons[0]:
		q.report.Compare = q.report.PeriodBefore()
	case name == comparisons[1]:
		q.report.Compare = q.report.YearBefore()
	default:
		n.fail(`%q is none of %s, or two dates`, name, strings.Join(comparisons, ", "))
	}
}
