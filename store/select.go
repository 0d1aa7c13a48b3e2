package store

import (
	"context"
	"errors"
	"time"

	"footfall/metric"
)

// Selection is a question in SQL, of the store's own dialect. It may name the
// tables of Tables and nothing else.
type Selection struct {
	Query      string            // one SELECT
	Parameters map[string]any    // values of $name: nil, bool, int64, float64 or string
	Sites      []Website         // whose rows there are; none: there are no rows
	Affiliate  *metric.Affiliate // whose rows alone there are; nil: everybody's
	Pseudonyms string            // secret that an Affiliate's visitor_id and session_id are made with, so that two can't match theirs; "": they have none
	Codes      map[string]string // the affiliate of a code, for affiliate_id
	Given      map[string]Given  // rows of tables that the store does not keep, by Table.Name
	Now        time.Time         // what now() is
	Rows       int               // most that an answer may have; 0 is MaxRows
}

// Website is a site as the rows name it.
type Website struct{ ID, Name string }

// Given hands over the rows of a table, each with a value for every column:
// nil, bool, int64, string or time.Time; an amount is an int64 of 1/10,000 units.
// It is asked only if the query names the table.
type Given func(ctx context.Context, put func(row ...any) error) error

// Limits of a selection.
const (
	MaxRows  = 100_000 // of an answer
	MaxGiven = 500_000 // rows of a Given table
)

// Selected takes the answer of a selection.
type Selected interface {
	Head(columns []Column) error // once, first
	// Row gets a value for each column: nil, bool, int64, float64, string,
	// time.Time in UTC, json.Number, []any or map[string]any. It is valid until Row
	// returns.
	Row(values []any) error
}

// Selector is a store that can be asked in SQL.
type Selector interface {
	// Select hands over the answer, or nothing: what is wrong with the query is a
	// *SelectError. It ends with ctx.
	Select(ctx context.Context, q Selection, out Selected) error
}

// SelectError is something wrong with a query.
type SelectError struct {
	At  int // byte of the query; -1 is nowhere in particular
	Why string
}

func (e *SelectError) Error() string { return e.Why }

// ErrBusy means that as many selections as may be are under way.
var ErrBusy = errors.New("other SQL queries are under way: try again in a moment")

// ErrMending means that the store is closed and opened anew after an error in it:
// what is asked then fails, and can be asked again.
var ErrMending error = &metric.TroubleError{Why: metric.Mending}

// Column of a table or of an answer.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // such as VARCHAR, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP, DECIMAL(18,4)
}

// Table is a table that queries may name.
type Table struct {
	Name, Measure string
	Columns       []Column
}

// Tables are what queries may name. Columns named measure_value::TYPE have the
// :: in their names. Rows of an affiliate have NULL in the columns of Private.
var Tables = []Table{
	{"PageViewsTable", "page_view", eventColumns},
	{"EventsTable", "event", eventColumns},
	{"OrdersTable", "order", columns("time TIMESTAMP", "website VARCHAR", "site VARCHAR", "measure_name VARCHAR", "measure_value::bigint BIGINT",
		"order_id VARCHAR", "order_number VARCHAR", "affiliate_id VARCHAR", "rule VARCHAR", "code VARCHAR", "sub VARCHAR", "coupon VARCHAR",
		"verified BOOLEAN", "quantity BIGINT", "net DECIMAL(18,4)", "currency VARCHAR")},
	{"CommissionsTable", "commission", columns("time TIMESTAMP", "website VARCHAR", "site VARCHAR", "measure_name VARCHAR", "measure_value::bigint BIGINT",
		"entry_id VARCHAR", "affiliate_id VARCHAR", "order_id VARCHAR", "product VARCHAR", "kind VARCHAR", "state VARCHAR", "rule VARCHAR",
		"payout_id VARCHAR", "available TIMESTAMP", "amount DECIMAL(18,4)", "currency VARCHAR")},
	{"DailyPageViewsTable", "page_views", columns("time TIMESTAMP", "website VARCHAR", "site VARCHAR", "measure_name VARCHAR", "measure_value::bigint BIGINT",
		"path VARCHAR", "visitors BIGINT", "estimate BOOLEAN")},
}

var eventColumns = columns("time TIMESTAMP", "website VARCHAR", "site VARCHAR", "measure_name VARCHAR", "measure_value::bigint BIGINT",
	"event_id VARCHAR", "type VARCHAR", "name VARCHAR", "visitor_id VARCHAR", "session_id VARCHAR", "user_id VARCHAR", "anonymous_id VARCHAR",
	"host VARCHAR", "path VARCHAR", "search VARCHAR", "title VARCHAR", "referrer VARCHAR", "class VARCHAR", "source VARCHAR", "affiliate_id VARCHAR",
	"utm_source VARCHAR", "utm_medium VARCHAR", "utm_campaign VARCHAR", "utm_term VARCHAR", "utm_content VARCHAR",
	"country VARCHAR", "device VARCHAR", "browser VARCHAR", "os VARCHAR", "bot VARCHAR", "channel VARCHAR",
	"region VARCHAR", "city VARCHAR", "browser_version VARCHAR", "os_version VARCHAR", "language VARCHAR", "screen VARCHAR",
	"properties VARCHAR", "amount DECIMAL(38,3)", "currency VARCHAR")

// Private are the columns of events that tell of persons, or of what a shop
// knows: an affiliate gets NULL for them.
var Private = []string{"event_id", "user_id", "anonymous_id", "search", "title", "referrer", "properties", "amount", "currency"}

func columns(list ...string) (all []Column) {
	for _, text := range list {
		at := len(text) - 1
		for text[at] != ' ' {
			at--
		}
		all = append(all, Column{text[:at], text[at+1:]})
	}
	return all
}
