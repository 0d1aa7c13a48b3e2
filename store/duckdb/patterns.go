package duckdb

import (
	"fmt"
	"strings"
)

// matching are functions of patterns, by what stands for any text in them. DuckDB
// tries every way through a text: each such sign more takes as many times longer as
// the text has letters, within one row, which nothing interrupts.
var matching = map[string]string{"~~": "%", "!~~": "%", "~~*": "%", "!~~*": "%", "like_escape": "%", "not_like_escape": "%", "ilike_escape": "%", "not_ilike_escape": "%", "~~~": "*"}

// maxWild is how often a pattern may have such a sign: as in '%word%'.
const maxWild = 2

// pattern refuses patterns that may take for ever.
func (w *walk) pattern(o object, name string) error {
	sign := matching[name]
	children, _ := o["children"].([]any)
	if sign == "" || len(children) < 2 {
		return nil
	}
	second, _ := children[1].(map[string]any)
	text, stands := "", false
	switch object(second).text("class") {
	case "CONSTANT":
		value, _ := second["value"].(map[string]any)
		text, stands = value["value"].(string)
		if stands && (name == "~~" || name == "!~~") && !strings.Contains(text, "_") {
			return nil // looked for part by part
		}
	case "PARAMETER":
		text, stands = w.parameters[object(second).text("identifier")].(string)
	}
	switch {
	case !stands:
		return refused(o.at(), "a pattern of LIKE or GLOB must be a text that stands in the query, or a parameter: compare with contains(), starts_with(), ends_with() or regexp_matches()")
	case strings.Count(text, sign) > maxWild:
		return refused(o.at(), fmt.Sprintf("a pattern with _, ESCAPE, ILIKE or GLOB, or of a parameter, may have %s at most %d times: use regexp_matches()", sign, maxWild))
	}
	return nil
}
