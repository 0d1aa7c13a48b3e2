package duckdb

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"time"

	"footfall/metric"
)

// value is the expression for a dimension's value, never NULL.
func (x *tabulation) value(d metric.Dimension) string {
	name, ok := d.Property()
	experiment, arm := d.Arm()
	switch {
	case arm:
		return "coalesce(" + armColumn(experiment) + ", '')"
	case ok: // what is no JSON has no properties
		return "coalesce(TRY(json_extract_string(properties, " + x.bind(pointer(name)) + ")), '')"
	case d == metric.OfGoal:
		return x.goalName()
	case d == metric.EntryPage:
		return "coalesce(entry, '')"
	case d == metric.ExitPage:
		return "coalesce(exit, '')"
	case d == metric.Segment:
		return "coalesce(segment, '')"
	case d == metric.HourOfDay:
		return fmt.Sprintf("lpad(((%s) // 3600000)::VARCHAR, 2, '0')", modulo(x.clock(), "86400000"))
	case d == metric.Weekday: // 1970 began on a Thursday
		days := fmt.Sprintf("(%s - %s) // 86400000", x.clock(), modulo(x.clock(), "86400000"))
		return fmt.Sprintf("(1 + %s)::VARCHAR", modulo("("+days+" + 3)", "7"))
	}
	return "coalesce(" + columnOf[d] + ", '')"
}

// pointer is a property as a JSON pointer.
func pointer(name string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// modulo is the remainder, which is never below zero.
func modulo(of, by string) string { return fmt.Sprintf("((%s %% %s) + %s) %% %s", of, by, by, by) }

// clock is what the zone's clock shows, as if it were UTC, in milliseconds.
func (x *tabulation) clock() string {
	zone := x.Zone
	if zone == nil {
		zone = time.UTC
	}
	offset, cases := 0, ""
	for t := x.Window.From.In(zone); ; {
		_, offset = t.Zone()
		_, end := t.ZoneBounds()
		if !end.IsZero() && !end.After(t) { // of the last day of a leap year it names a moment before, and would for ever
			end = t.Add(24 * time.Hour)
		}
		if end.IsZero() || !end.Before(x.Window.To) {
			break
		}
		cases += fmt.Sprintf(" WHEN time_ms < %d THEN %d", end.UnixMilli(), offset*1000)
		t = end
	}
	if cases == "" {
		return fmt.Sprintf("(time_ms + %d)", offset*1000)
	}
	return fmt.Sprintf("(time_ms + CASE%s ELSE %d END)", cases, offset*1000)
}

// condition is what the report counts; "" is everything.
func (x *tabulation) condition() string {
	where := ""
	if x.Where != nil {
		where = x.where(x.Where)
	}
	return and(where, x.ofAffiliate())
}

func (x *tabulation) ofAffiliate() string {
	if x.Affiliate == nil {
		return ""
	}
	return "class = '" + metric.ClassAffiliate + "' AND list_contains(" + x.bind(append([]string{}, x.Affiliate.Codes...)) + ", source)"
}

// where is a condition in SQL, never NULL.
func (x *tabulation) where(w *metric.Where) string {
	switch {
	case w.Not != nil:
		return "NOT " + x.where(w.Not)
	case w.Done != nil:
		return fmt.Sprintf("visitor IN (SELECT visitor FROM %s WHERE visitor <> 0 AND %s)", x.source(w.Done.Dimensions()),
			and(x.base(0, 0), x.where(w.Done), x.ofAffiliate()))
	case w.Dimension != "":
		return x.compare(w)
	}
	of, join := w.All, " AND "
	if len(w.Any) > 0 {
		of, join = w.Any, " OR "
	}
	each := make([]string, len(of))
	for i := range of {
		each[i] = x.where(&of[i])
	}
	return "(" + strings.Join(each, join) + ")"
}

// compare is a condition on a dimension.
func (x *tabulation) compare(w *metric.Where) string {
	if w.Dimension == metric.Segment {
		return x.inSegment(w)
	}
	return x.compares(w, x.value(w.Dimension))
}

// compares is a comparison of a value.
func (x *tabulation) compares(w *metric.Where, value string) string {
	each := make([]string, len(w.Values))
	for i, v := range w.Values {
		switch w.Op {
		case metric.Is:
			each[i] = x.bind(v)
		case metric.Contains:
			each[i] = fmt.Sprintf("contains(lower(%s), lower(%s))", value, x.bind(v))
		case metric.Matches:
			each[i] = fmt.Sprintf("regexp_matches(%s, %s)", value, x.bind(pattern(v)))
		}
	}
	if w.Op == metric.Is {
		return "(" + value + " IN (" + strings.Join(each, ", ") + "))"
	}
	return "(" + strings.Join(each, " OR ") + ")"
}

// pattern is a regular expression as every reader of RE2 understands it.
func pattern(s string) string {
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return s
	}
	return tree.String()
}
