package duckdb

import (
	"slices"
	"unicode/utf8"

	"footfall/metric"
)

// whose is whose history an event is in, never NULL: see history.Known.
const whose = "(CASE WHEN bot = '' THEN coalesce(user_id, anonymous_id, '') ELSE '' END)"

// members is the table of who is in which segment.
func (x *tabulation) members() string {
	var visitors, segments []string
	for _, m := range x.Members {
		if m.Visitor != "" && utf8.ValidString(m.Visitor) { // other ids no event has
			visitors, segments = append(visitors, m.Visitor), append(segments, m.Segment)
		}
	}
	return "members AS MATERIALIZED (SELECT unnest(" + x.bind(visitors) + "::VARCHAR[]) AS member, unnest(" + x.bind(segments) + "::VARCHAR[]) AS segment)"
}

// split is rows once for each segment of their visitor, if they are split so.
func (x *tabulation) split(from string) string {
	if !slices.Contains(x.By, metric.Segment) {
		return from
	}
	return "(SELECT e.*, m.segment FROM " + from + " e LEFT JOIN members m ON m.member = " + whose + ")"
}

// inSegment is a condition on the visitor: in some segment for which the comparison
// holds or, if it holds for the empty text, in none.
func (x *tabulation) inSegment(w *metric.Where) string {
	in := func(which string) string {
		by := whose + " IN (SELECT member FROM members" + which + ")"
		if x.lasting {
			by = "visitor IN (SELECT visitor FROM events WHERE " + and(x.base(0, 0), by) + ")"
		}
		return by
	}
	return "(" + in(" WHERE "+x.compares(w, "segment")) + " OR " + x.compares(w, "''") + " AND NOT " + in("") + ")"
}
