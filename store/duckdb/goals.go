package duckdb

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"footfall/metric"
)

// goalCounts are the metrics counted of goals that events reach, and visitorCounts
// those of distinct visitors, each in a column of its own until the step is known.
var (
	goalCounts    = map[metric.Name]string{metric.GoalCompletions: "true", metric.GoalValue: "true"}
	visitorCounts = []metric.Name{metric.Visitors, metric.GoalVisitors}
)

// ofGoals lists the dimensions that tell whether an event reaches a goal, and what it
// is worth.
func (x *tabulation) ofGoals() []metric.Dimension {
	all := []metric.Dimension{"page", "event"}
	for _, g := range x.Goals {
		all = append(all, g.Where.Dimensions()...)
		if g.ValueOf != "" {
			all = append(all, metric.Property(g.ValueOf))
		}
	}
	return all
}

// reached is events, each as often as it reaches a goal, with the goal's number.
func (x *tabulation) reached(from string, dimensions []metric.Dimension) string {
	if from == "events" {
		from = "(SELECT " + columns(dimensions, eventColumns...) + " FROM events WHERE " + x.base(0, 0) + ")"
	}
	each := make([]string, len(x.Goals))
	for i, g := range x.Goals {
		each[i] = fmt.Sprintf("CASE WHEN %s THEN %d END", x.act(g.Act), i)
	}
	return fmt.Sprintf("(SELECT e.*, unnest(list_filter([%s]::INTEGER[], lambda g: g IS NOT NULL)) AS goal FROM %s e)", strings.Join(each, ", "), from)
}

// act is the condition that an event does something; it may be NULL.
func (x *tabulation) act(a metric.Act) string {
	condition := "kind = 'track' AND name = "
	switch {
	case a.Page == "":
		condition += x.bind(a.Event)
	case strings.Contains(a.Page, "*"):
		condition = isView + " AND " + x.fits(a.Page)
	default:
		condition = isView + " AND path = " + x.bind(a.Page)
	}
	if a.Where != nil {
		condition += " AND " + x.where(a.Where)
	}
	return "(" + condition + ")"
}

// fits is the condition that a path is one of a pattern. With one star that is a prefix
// and a suffix. With more LIKE would try all ways to lay the parts out, which for a path
// that was made for it takes for ever; a regular expression takes one way through it.
func (x *tabulation) fits(pattern string) string {
	const path = "coalesce(path, '')"
	for strings.Contains(pattern, "**") {
		pattern = strings.ReplaceAll(pattern, "**", "*")
	}
	before, after, _ := strings.Cut(pattern, "*")
	if !strings.Contains(after, "*") {
		return fmt.Sprintf("starts_with(%[1]s, %[2]s) AND ends_with(%[1]s, %[3]s) AND strlen(%[1]s) >= %[4]d", path, x.bind(before), x.bind(after), len(before)+len(after))
	}
	var parts []string
	for part := range strings.SplitSeq(pattern, "*") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return fmt.Sprintf("regexp_full_match(%s, %s, 's')", path, x.bind(strings.Join(parts, ".*")))
}

// goalName is the expression for the name of a goal.
func (x *tabulation) goalName() string {
	names := make([]string, len(x.Goals))
	for i, g := range x.Goals {
		names[i] = g.Name
	}
	return "list_extract(" + x.bind(names) + "::VARCHAR[], goal + 1)"
}

// maxAmount is the largest amount that a property may say, as those of orders: a
// billion units.
const maxAmount = metric.MaxGoalValue

// worth is the expression for what a completion is worth, in thousandths.
func (x *tabulation) worth() string {
	cases := ""
	for i, g := range x.Goals {
		value := fmt.Sprint(g.Value)
		if g.ValueOf != "" {
			value = x.amount(g.ValueOf)
		}
		cases += fmt.Sprintf(" WHEN %d THEN %s", i, value)
	}
	if cases == "" {
		return "0"
	}
	return "CASE goal" + cases + " END"
}

// inDigits is what an amount is read of: an exponent can ask for a number of any length.
const inDigits = `'[+-]?([0-9]{1,12}(\.[0-9]{0,24})?|\.[0-9]{1,24})'`

// amount is the expression for the amount in a property, as those of orders are read:
// a number in digits or a text that is one, to three decimals half away from zero; none
// if it is implausible or the event names another currency.
func (x *tabulation) amount(property string) string {
	value := x.value(metric.Property(property))
	units := fmt.Sprintf("CASE WHEN coalesce(TRY(json_type(properties, %s)), '') NOT IN ('VARCHAR', 'NULL', '') THEN %s WHEN regexp_full_match(%[3]s, %[4]s) THEN TRY_CAST(%[3]s AS DECIMAL(18,3)) END",
		x.bind(pointer(property)), x.number(property, value), value, inDigits)
	return fmt.Sprintf("CASE WHEN upper(%s) IN ('', %s) AND abs(%s) <= %d THEN (%[3]s * 1000)::BIGINT ELSE 0 END",
		x.value(metric.Property("currency")), x.bind(x.Currency), units, maxAmount/1000)
}

// number is the expression for the amount of a property that is no text, to the last digit
// that the event says. DuckDB tells such a value as the nearest double, in whose digits
// 2.00049999999999999 is 2.0005 and 1e3 is 1000: so it is sought in the text, behind its
// name. Objects within may have one of that name, too: it is one of the same double. If
// these are several amounts, none is told.
func (x *tabulation) number(property, value string) string {
	var name strings.Builder
	spell := json.NewEncoder(&name)
	spell.SetEscapeHTML(false) // as the collector keeps it
	if err := spell.Encode(property); err != nil {
		return "NULL" // of no text
	}
	after := x.bind(regexp.QuoteMeta(strings.TrimSpace(name.String())) + `\s*:\s*([-+.0-9eE]+)`)
	found := fmt.Sprintf("list_distinct([TRY_CAST(n AS DECIMAL(18,3)) FOR n IN regexp_extract_all(properties, %s, 1) IF TRY_CAST(n AS DOUBLE) = TRY_CAST(%s AS DOUBLE) AND regexp_full_match(n, %s)])", after, value, inDigits)
	return fmt.Sprintf("(CASE WHEN len(%s) = 1 THEN %[1]s[1] END)", found)
}

// audience is the tables that end in joined: what is grouped, with the Visitors of
// each row whatever goals they reached. They are counted by the keys that are no goal,
// and told of each goal.
func (x *tabulation) audience() []string {
	on, others := x.Apart(metric.OfGoal)
	whole := x.Where
	defer func() { x.Where = whole }()
	x.Where = others
	var of, keys, goal string
	for i, d := range x.By {
		if d == metric.OfGoal {
			goal = fmt.Sprintf(", %s AS k%d", x.goalName(), i)
			continue
		}
		of += fmt.Sprintf(", %s AS k%d", x.value(d), i)
		keys += fmt.Sprintf(", k%d", i)
	}
	dimensions := slices.DeleteFunc(x.Dimensions(), func(d metric.Dimension) bool { return d == metric.OfGoal })
	seenBy := isView // as Visitors are
	if x.ByArm() {
		seenBy = ""
	}
	seen := fmt.Sprintf("SELECT %s AS b%s, visitor FROM %s WHERE %s GROUP BY ALL", x.bucket(), of, x.split(x.source(dimensions)),
		and(x.base(0, 0), seenBy, "visitor <> 0", x.condition()))
	from, step, visitors := x.stepped("seen")
	audience := fmt.Sprintf("SELECT %s AS step%s, %s AS %s FROM %s GROUP BY ALL", step, keys, fmt.Sprintf(visitors, "visitor"), metric.GoalAudience, from)
	if goal != "" {
		condition := "true"
		if on != nil {
			condition = x.where(on)
		}
		audience = fmt.Sprintf("SELECT step%s, %s%s FROM (%s), (SELECT unnest(range(%d)) AS goal) WHERE %s", keys, metric.GoalAudience, goal, audience, len(x.Goals), condition)
	}
	sums := []string{x.row(nil)}
	for _, m := range x.parts {
		sums = append(sums, fmt.Sprintf("coalesce(sum(%[1]s), 0)::BIGINT AS %[1]s", m))
	}
	return []string{"seen AS (" + seen + ")", "audience AS (" + audience + ")",
		"joined AS (SELECT " + strings.Join(sums, ", ") + " FROM (SELECT * FROM grouped UNION ALL BY NAME SELECT * FROM audience) GROUP BY ALL)"}
}
