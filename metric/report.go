package metric

import (
	"time"

	"footfall/period"
)

// Report is one question for a table: some metrics of each combination of
// values that some dimensions have. Its zero values mean: one row, one step, the
// whole window in UTC, nothing left out, every row, people only.
type Report struct {
	Site    string // id of the site
	Metrics []Name
	// By lists the dimensions that rows are made of, in the order of Row.Keys.
	By []Dimension
	// Step splits rows by time, at the zone's midnights; "" is one step, the window.
	// Without By there is a row for each step, else for those with a figure.
	Step      period.Step
	Window    period.Window
	Compare   period.Window  // an earlier one, whose figures each row has beside its own; zero: none. Stores leave it out
	Zone      *time.Location // nil is UTC
	Where     *Where         // what is counted; nil is everything
	Order     []Order        // behind these, rows go by time, then by keys; none: by time, then the first metric, largest first
	Limit     int            // most rows; 0 is all
	Offset    int            // rows left out before these
	Bots      bool           // count bots too
	Currency  string         // the site's, as of a Query
	Affiliate *Affiliate     // as of a Query
	// Members, of a report that asks of segments, tells who is in which; at most
	// MaxMembers, each once. It is whoever asks a store that looks them up.
	Members []Member
	Goals   []Goal // of the site; without them nothing reaches a goal. WithGoals sets them
}

// Member tells that a visitor is in a segment.
type Member struct{ Visitor, Segment string } // the visitor by user id or, of who has none, by anonymous id

// Order is what rows are ordered by: a metric of the report, a dimension of it,
// or, with neither, the time.
type Order struct {
	Metric     Name
	Dimension  Dimension
	Descending bool
}

// Op is how a condition compares.
type Op string

// The comparisons. Each may have several values, of which one is enough; the
// opposite of one is Not of it.
const (
	Is       Op = "is"       // the value, exactly
	Contains Op = "contains" // the text is in it, whatever the case
	Matches  Op = "matches"  // a regular expression in RE2 syntax finds something in it
)

// Ops lists the comparisons.
var Ops = []Op{Is, Contains, Matches}

// Where is a condition on an event: exactly one of All, Any, Not, Done and
// Dimension is set. Sessions and what is told of them are judged by their first page
// view, as Query's filters do, and orders of products by their lines. A value that is
// absent is "", but a line without a product or category is in none.
type Where struct {
	All []Where // each of them holds
	Any []Where // one of them holds
	Not *Where  // it does not hold
	// Done is a condition on the visitor: that some event of the visitor in the
	// window, of any kind, meets it. It holds no Done itself. Unknown visitors have
	// done nothing.
	Done *Where

	Dimension Dimension
	Op        Op
	Values    []string
}

// Table answers a Report.
type Table struct {
	Rows     []Row
	Total    int // rows there are, whatever Limit and Offset
	Source   string
	AsOf     time.Time // everything received before this is counted
	Sealed   time.Time // as of a Dataset
	Estimate bool      // some figure is an estimate of distinct visitors
	Exposed  []Exposed // of each experiment whose arms were asked for
}

// Row is the figures of one combination of values, in one step.
type Row struct {
	Keys    []string // one for each of Report.By
	Time    time.Time
	Partial bool // the step is not over yet
	Values  []Value
	Before  []Value // the same of Report.Compare: of the same keys, in the step of the same number; nil without one
}

// Value is one figure, in the unit of its metric.
type Value struct {
	N    int64
	None bool // a Ratio of nothing: there is no value
}
