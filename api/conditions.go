package api

import (
	"regexp"
	"slices"
	"strings"

	"footfall/metric"
)

// Words of conditions.
const (
	opAll, opAny, opNot = metric.WordAll, metric.WordAny, metric.WordNot
	opDone, opNotDone   = metric.WordDone, metric.WordNotDone
	opNegated           = metric.WordNegated
)

// comparisonNames lists the comparisons, and the opposite of each.
func comparisonNames() (all []string) {
	for _, op := range metric.Ops {
		all = append(all, string(op), string(op)+opNegated)
	}
	return all
}

// conditionNames lists all that a condition may begin with.
func conditionNames() []string {
	return append(comparisonNames(), opAll, opAny, opNot, opDone, opNotDone)
}

// conditions are those of a list.
func (q *question) conditions(n node, deep int) (all []metric.Where) {
	for _, one := range n.list(metric.MaxConditions) {
		all = append(all, q.condition(one, deep))
	}
	return all
}

// together is all conditions of a list as one; nil if there is none.
func (q *question) together(n node, deep int) *metric.Where {
	switch all := q.conditions(n, deep); len(all) {
	case 0:
		return nil
	case 1:
		return &all[0]
	default:
		return &metric.Where{All: all}
	}
}

// condition is one that is spelled as a list: ["is", "page", ["/"]].
func (q *question) condition(n node, deep int) (w metric.Where) {
	parts := n.list(4)
	if len(parts) < 2 {
		n.fail(`needs a word and what it is about: ["is", "page", ["/"]]`)
		return w
	}
	if deep > metric.MaxDepth {
		n.fail("is too deep: %d conditions may be in one another", metric.MaxDepth)
		return w
	}
	op := parts[0].oneOf(conditionNames()...)
	if *n.first != nil {
		return w
	}
	if slices.Contains(comparisonNames(), op) {
		return q.comparison(n, op, parts)
	}
	if len(parts) > 2 {
		parts[2].fail("is too much: %s has one value", op)
		return w
	}
	inner := func() *metric.Where { w := q.condition(parts[1], deep+1); return &w }
	switch op {
	case opAll:
		w.All = q.conditions(parts[1], deep+1)
	case opAny:
		w.Any = q.conditions(parts[1], deep+1)
	case opNot:
		w.Not = inner()
	case opDone:
		w.Done = inner()
	case opNotDone:
		w.Not = &metric.Where{Done: inner()}
	}
	if len(w.All)+len(w.Any) == 0 && w.Not == nil && w.Done == nil {
		parts[1].fail("has no condition")
	}
	return w
}

// comparison is a condition on a dimension.
func (q *question) comparison(n node, op string, parts []node) (w metric.Where) {
	if len(parts) < 3 {
		n.fail(`needs a dimension and its values: ["%s", "page", ["/"]]`, op)
		return w
	}
	d, err := filteredBy(parts[1].text())
	parts[1].refuse(err)
	plain, negated := strings.CutSuffix(op, opNegated)
	w.Dimension, w.Op = d, metric.Op(plain)
	for _, value := range parts[2].list(metric.MaxValues) {
		text := value.text()
		if d == "website" && text == q.site.Domain {
			text = q.site.ID
		}
		w.Values = append(w.Values, text)
	}
	if len(parts) > 3 {
		modify(&w, parts[3])
	}
	if *n.first == nil {
		if err := w.Check(); err != nil {
			parts[2].fail("%s", strings.TrimPrefix(err.Error(), "filters: "))
		}
	}
	if negated {
		is := w
		return metric.Where{Not: &is}
	}
	return w
}

// modify makes a comparison heed the case or not, where it does not by itself.
func modify(w *metric.Where, n node) {
	heed := n.object("case_sensitive")["case_sensitive"]
	if *n.first != nil || !heed.there() {
		return
	}
	before, after := "", ""
	switch sensitive := heed.flag(); {
	case w.Op == metric.Is && !sensitive:
		before, after = "(?i)^(?:", ")$"
	case w.Op == metric.Contains && sensitive:
	case w.Op == metric.Matches && !sensitive:
		before = "(?i)"
	default:
		return
	}
	for i, value := range w.Values {
		if w.Op != metric.Matches {
			value = regexp.QuoteMeta(value)
		}
		w.Values[i] = before + value + after
	}
	w.Op = metric.Matches
}
