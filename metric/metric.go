// Package metric is the catalogue of what can be counted, and the one question
// (Query) and answer (Dataset) that every door spells in its own way.
package metric

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/period"
)

// Name is a metric's name as doors spell it.
type Name string

// The catalogue. Definitions are in docs/words.md.
const (
	PageViews Name = "PageViews" // page and screen events
	Visitors  Name = "Visitors"  // distinct visitors with a page view
	Sessions  Name = "Sessions"  // runs of a visitor's page views with gaps of at most 30 minutes
	Bounces   Name = "Bounces"   // sessions of exactly one page view
	Downloads Name = "Downloads" // track events named event.Download

	ProductViews Name = "ProductViews" // Product Viewed events
	CartAdds     Name = "CartAdds"     // Product Added events
	Orders       Name = "Orders"       // Order Completed events
	Revenue      Name = "Revenue"      // of orders, in thousandths of the site's currency
	Refunds      Name = "Refunds"      // Order Refunded events
	Refunded     Name = "Refunded"     // money given back, in thousandths of the site's currency
	AverageOrder Name = "AverageOrder" // Revenue divided by Orders, in thousandths of the site's currency

	Events          Name = "Events"          // events of any kind
	SessionViews    Name = "SessionViews"    // page views of the Sessions
	SessionSeconds  Name = "SessionSeconds"  // from the first to the last page view of the Sessions, in thousandths of a second
	BounceRate      Name = "BounceRate"      // Bounces divided by Sessions, in thousandths of a per cent
	ViewsPerSession Name = "ViewsPerSession" // SessionViews divided by Sessions, in thousandths
	SessionDuration Name = "SessionDuration" // SessionSeconds divided by Sessions, in thousandths of a second
	TimedViews      Name = "TimedViews"      // page views with a later one in their session
	PageSeconds     Name = "PageSeconds"     // from these to the next, in thousandths of a second
	TimeOnPage      Name = "TimeOnPage"      // PageSeconds divided by TimedViews, in thousandths of a second

	GoalCompletions Name = "GoalCompletions" // how often goals were reached: an event counts once for each goal that it reaches
	GoalVisitors    Name = "GoalVisitors"    // distinct visitors who reached a goal
	GoalValue       Name = "GoalValue"       // of the completions, in thousandths of the site's currency
	GoalAudience    Name = "GoalAudience"    // Visitors, whatever goals they reached: what is split by and filtered on goals is left out
	GoalRate        Name = "GoalRate"        // GoalVisitors divided by GoalAudience, in thousandths of a per cent

	Clicks      Name = "Clicks"      // on affiliates' links, one an hour of a visitor and code
	Conversions Name = "Conversions" // orders that an affiliate has
	Sales       Name = "Sales"       // net amount of these, in thousandths of the site's currency
	Commissions Name = "Commissions" // what affiliates earned, less what was reversed, in thousandths of the site's currency

	CommissionsPending   Name = "CommissionsPending" // these six are Commissions by the state they are in now
	CommissionsHeld      Name = "CommissionsHeld"
	CommissionsAvailable Name = "CommissionsAvailable"
	CommissionsInPayout  Name = "CommissionsInPayout"
	CommissionsPaid      Name = "CommissionsPaid"
	CommissionsReversed  Name = "CommissionsReversed"

	EPC            Name = "EPC"            // earnings per click: Commissions divided by Clicks, in thousandths of the site's currency
	ConversionRate Name = "ConversionRate" // Conversions divided by Clicks, in thousandths of a per cent
)

// Names lists the catalogue in display order.
var Names = []Name{PageViews, Visitors, Sessions, Bounces, Downloads,
	ProductViews, CartAdds, Orders, Revenue, Refunds, Refunded, AverageOrder,
	Events, SessionViews, SessionSeconds, BounceRate, ViewsPerSession, SessionDuration, TimedViews, PageSeconds, TimeOnPage,
	GoalCompletions, GoalVisitors, GoalRate, GoalValue, GoalAudience, Clicks, Conversions, Sales, Commissions,
	CommissionsPending, CommissionsHeld, CommissionsAvailable, CommissionsInPayout, CommissionsPaid, CommissionsReversed, EPC, ConversionRate}

// OfEvents lists the metrics that are counted from events: all but the earned ones.
var OfEvents = Names[:slices.Index(Names, Clicks)]

// States are the metrics that Commissions are made of: what these add up to.
var States = Names[slices.Index(Names, CommissionsPending):slices.Index(Names, EPC)]

// Dimension is what a query can be split by or filtered on.
type Dimension string

// Dimensions lists what questions may be split by and filtered on, beside properties
// and the arms of experiments.
var Dimensions = []Dimension{"page", "host", "source", "class", "referrer", "country", "device", "browser", "os",
	"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "bot", "channel", "event", "title", "product", "category",
	"region", "city", "browser_version", "os_version", "language", "screen", EntryPage, ExitPage, Weekday, HourOfDay, Segment, OfGoal, "affiliate", "code", "sub", "coupon", "website"}

// OfGoals are the metrics of goals.
var OfGoals = []Name{GoalCompletions, GoalVisitors, GoalRate, GoalValue, GoalAudience}

// workedOut are dimensions that an event does not have by itself.
var workedOut = []Dimension{EntryPage, ExitPage, Weekday, HourOfDay, Segment, OfGoal}

// Dimensions that are worked out.
const (
	EntryPage Dimension = "entry_page"  // path of the first page view of the session that the event is in
	ExitPage  Dimension = "exit_page"   // path of its last one
	Weekday   Dimension = "weekday"     // as the clock of the question's zone shows it: "1" is Monday, "7" Sunday
	HourOfDay Dimension = "hour_of_day" // likewise: "00" to "23"
	Segment   Dimension = "segment"     // each segment that the visitor is in when it is asked
)

const propertyPrefix = "property:"

// Property is the dimension of an event's property by its name, as it stands on the
// first level of the event's properties: texts as they are, anything else as JSON.
func Property(name string) Dimension { return Dimension(propertyPrefix + name) }

// Property is the name of the property that the dimension is of; false if it is of none.
func (d Dimension) Property() (name string, ok bool) {
	return strings.CutPrefix(string(d), propertyPrefix)
}

// Traded are the metrics of products and orders, the only ones that can be
// split by product and category.
var Traded = []Name{ProductViews, CartAdds, Orders, Revenue, Refunds, Refunded, AverageOrder}

// Programs are the dimensions of affiliate programmes, which events don't have:
// code and sub are those of the click that brought an order, coupon is the one
// that did, website is the site by its id.
var Programs = []Dimension{"affiliate", "code", "sub", "coupon", "website"}

// Earned are the metrics of affiliate programmes, and all that each of them can be
// split by and filtered on. Clicks have no coupon and no product, so neither has
// what is divided by them.
var Earned = map[Name][]Dimension{
	Clicks: ofClicks, Conversions: ofOrders, Sales: ofOrders, Commissions: ofOrders,
	CommissionsPending: ofOrders, CommissionsHeld: ofOrders, CommissionsAvailable: ofOrders, CommissionsInPayout: ofOrders, CommissionsPaid: ofOrders, CommissionsReversed: ofOrders,
	EPC: ofClicks, ConversionRate: ofClicks,
}

var (
	ofClicks = []Dimension{"affiliate", "code", "sub", "website"}
	ofOrders = append(slices.Clone(Programs), "product")
)

// Filter keeps the events whose Dimension has the given value.
type Filter struct {
	Dimension Dimension
	Value     string
}

// Affiliate is who a question is about: by id in the ledger, and by the codes
// that events have as their source.
type Affiliate struct {
	ID    string
	Codes []string
}

// ClassAffiliate is the class of the source of events that an affiliate's link led to.
const ClassAffiliate = "affiliate"

// Query is one question. The zero values of Step, By, Filters, Limit and Bots
// mean: one total, not split, nothing filtered, every series, people only.
type Query struct {
	Site string // id of the site
	// Sites, if set, are all the sites that are counted, Site among them: of the
	// metrics of affiliate programmes, which may have several.
	Sites   []string
	Metric  Name
	Window  period.Window
	Zone    *time.Location // steps start at its midnights; nil is UTC
	Step    period.Step
	By      Dimension
	Filters []Filter
	// Where is what else is counted only: a condition as of a Report, beside Filters.
	// nil is no other. Metrics of affiliate programmes have none.
	Where *Where
	// Affiliate, if set, keeps only what is this affiliate's: what the links led
	// to, or what was earned.
	Affiliate *Affiliate
	Limit     int  // most series when By is set, the largest first; 0 is all
	Bots      bool // count bots too
	// Currency is the site's: amounts in another are not added to Revenue and
	// Refunded, as nothing is converted. "" adds only amounts that name none.
	Currency string
	Members  []Member // of a question that asks of segments: see Report
	Goals    []Goal   // likewise
}

// Point is one figure: Value in the step that starts at Time.
type Point struct {
	Series  string
	Time    time.Time
	Value   int64
	None    bool // a Ratio of nothing: there is no value
	Partial bool // the step is not over yet
}

// Dataset answers a Query. Gaps are filled with zero; points are ordered by
// series (largest total first, then name), then by time.
type Dataset struct {
	Points   []Point
	Source   string    // which source knew: "events", "bins", "hot", or several: "bins+hot"
	AsOf     time.Time // everything received before this is counted
	Sealed   time.Time // when the bins in it were rolled last; zero without bins
	Estimate bool      // some figure is an estimate of distinct visitors, see docs/words.md
	Exposed  []Exposed // of each experiment whose arms were asked for
}

// Sum adds up all values; meaningful for additive metrics.
func (d Dataset) Sum() int64 {
	var n int64
	for _, p := range d.Points {
		n += p.Value
	}
	return n
}

// QueryError says what is wrong with a question and what would be right.
type QueryError struct {
	Why  string
	Gone bool // it names a goal or segment that the site has not, or not any more
}

func (e *QueryError) Error() string { return e.Why }

func wrong(format string, args ...any) error { return &QueryError{Why: fmt.Sprintf(format, args...)} }

// gone is wrong with the name of what there is not.
func gone(format string, args ...any) error {
	return &QueryError{Why: fmt.Sprintf(format, args...), Gone: true}
}

// MaxPoints bounds the steps of one series.
const MaxPoints = 10_000

// MaxCells bounds the figures that are compared to find an answer's largest series:
// values of the dimension by steps, of 8 bytes each.
const MaxCells = 20_000_000

// Room reports that so many values of a dimension have too many figures in so many
// steps, as a QueryError, or nil.
func Room(values, steps int) error {
	if values*steps <= MaxCells {
		return nil
	}
	return wrong("by: more than %d values in %d steps are too much at once: take a longer step or a shorter window, or filter", MaxCells/steps, steps)
}

// Check reports what is wrong with the query as a QueryError, or nil.
func (q Query) Check() error {
	if q.Site == "" {
		return wrong("which site? name one")
	}
	if !slices.Contains(Names, q.Metric) {
		return wrong("unknown metric %q: use one of %s", q.Metric, joined(Names))
	}
	if !q.Window.From.Before(q.Window.To) {
		return wrong("the window ends before it begins: from %s to %s", q.Window.From.Format(time.RFC3339), q.Window.To.Format(time.RFC3339))
	}
	if q.By != "" {
		if err := q.By.check("by"); err != nil {
			return err
		}
	}
	for _, f := range q.Filters {
		if err := f.Dimension.check("filters"); err != nil {
			return err
		}
	}
	if err := q.checkDimensions(); err != nil {
		return err
	}
	if len(q.Sites) > 0 && (!q.Metric.Earned() || !slices.Contains(q.Sites, q.Site)) {
		return wrong("%s is counted of one site at a time: name one", q.Metric)
	}
	if !q.Step.Valid() {
		return wrong("unknown step %q: use one of %s", q.Step, joined(period.Steps))
	}
	if q.Step == period.Minute && q.Metric.byQuarter() {
		return wrong("%s is kept by quarters of an hour: take the step %s or a longer one", q.Metric, period.Quarter)
	}
	if n := q.Step.Count(q.Window, q.Zone); n > MaxPoints {
		return wrong("%d steps are more than %d: take a longer step or a shorter window", n, MaxPoints)
	}
	r := q.Report()
	if r.Where != nil {
		if err := r.Where.Check(); err != nil {
			return err
		}
	}
	for _, done := range r.Where.Visitors() {
		for _, d := range done.Dimensions() {
			if slices.Contains(Programs, d) {
				return wrong("no visitor has done anything by %q: it is told of affiliate programmes only", d)
			}
		}
	}
	return cmp.Or(r.checkClock(), r.checkMembers(), r.checkArms(), r.checkGoals(q.Metric))
}

// byQuarter reports whether the metric is kept by quarters of an hour, or made of
// some that are.
func (n Name) byQuarter() bool {
	return n == Clicks || n == Commissions || n == EPC || n == ConversionRate || slices.Contains(States, n)
}

// checkDimensions reports a dimension that the metric does not have.
func (q Query) checkDimensions() error {
	if q.Affiliate != nil && slices.Contains(Traded, q.Metric) {
		return wrong("%s is not told of one affiliate: ask for Conversions, Sales or Commissions", q.Metric)
	}
	own, earned := Earned[q.Metric]
	if earned && q.Where != nil {
		return wrong("%s is filtered on single values that all hold: leave other conditions out", q.Metric)
	}
	for _, d := range q.Report().Dimensions() {
		switch {
		case earned && !slices.Contains(own, d):
			return wrong("%s can't be told by %q: use one of %s", q.Metric, d, joined(own))
		case !earned && slices.Contains(Programs, d):
			return wrong("%s can't be told by %q: ask for one of %s", q.Metric, d, joined(Names[len(OfEvents):]))
		case !earned && (d == "product" || d == "category") && !slices.Contains(Traded, q.Metric):
			return wrong("%s has no product or category: ask for one of %s", q.Metric, joined(Traded))
		}
	}
	return nil
}

// Answer makes the dataset's points out of the values of each series, one for
// each step: largest total first, then by name, at most Limit series. Totals
// are of the whole window, as visitors of steps don't add up; now tells which
// step is not over yet. Without a dimension there is always one series.
func (q Query) Answer(values map[string][]int64, totals map[string]int64, now time.Time) []Point {
	if q.By == "" && values[""] == nil {
		values = map[string][]int64{"": nil}
	}
	type ranked struct {
		name  string
		total int64
	}
	series := make([]ranked, 0, len(values))
	for name, steps := range values {
		if q.By == "" || something(steps) {
			series = append(series, ranked{name, totals[name]})
		}
	}
	slices.SortFunc(series, func(a, b ranked) int {
		if a.total != b.total {
			return cmp.Compare(b.total, a.total)
		}
		return strings.Compare(a.name, b.name)
	})
	names := make([]string, len(series))
	for i := range series {
		names[i] = series[i].name
	}
	return q.points(names, now, func(name string, step int) (int64, bool) { return at(values[name], step), true })
}

func something(steps []int64) bool {
	return slices.ContainsFunc(steps, func(n int64) bool { return n != 0 })
}

// points are those of some series; value is false where there is none.
func (q Query) points(names []string, now time.Time, value func(name string, step int) (int64, bool)) []Point {
	if q.Limit > 0 && len(names) > q.Limit {
		names = names[:q.Limit]
	}
	starts := q.Step.Cut(q.Window, q.Zone)
	points := make([]Point, 0, len(names)*len(starts))
	for _, name := range names {
		for i, t := range starts {
			end := q.Window.To
			if i+1 < len(starts) {
				end = starts[i+1]
			}
			n, ok := value(name, i)
			points = append(points, Point{Series: name, Time: t, Value: n, None: !ok, Partial: end.After(now) && !t.After(now)})
		}
	}
	return points
}

func joined[T ~string](xs []T) string {
	s := make([]string, len(xs))
	for i, x := range xs {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// Parse finds a metric by its name, whatever the case and with or without
// underscores (page_views).
func Parse(s string) (Name, error) {
	for _, n := range Names {
		if strings.EqualFold(string(n), strings.ReplaceAll(s, "_", "")) {
			return n, nil
		}
	}
	return "", wrong("unknown metric %q: use one of %s", s, joined(Names))
}
