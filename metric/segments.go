package metric

import (
	"cmp"
	"slices"
)

// Segments tells which segments a report asks of: those of these names, or all.
func (r Report) Segments() (names []string, all bool) {
	all = slices.Contains(r.By, Segment)
	of := func(w *Where) {
		if w.Dimension != Segment {
			return
		}
		if w.Op != Is || slices.Contains(w.Values, "") { // which is in none of all
			all = true
		}
		names = append(names, w.Values...)
	}
	r.Where.each(of)
	for _, done := range r.Where.Visitors() {
		done.each(of)
	}
	return names, all
}

// KnowsSegments reports a segment that a condition names and that the site does not
// have, as a QueryError: nobody is in it, which would be told of a name misspelled.
func (r Report) KnowsSegments(all []string) (unknown error) {
	named := func(w *Where) {
		if w.Dimension != Segment || w.Op != Is {
			return
		}
		for _, value := range w.Values {
			if value != "" && !slices.Contains(all, value) && unknown == nil {
				unknown = gone("filters: there is no segment %q: define it (footfall segment set), or use one of those there are: %s", value, cmp.Or(joined(all), "none"))
			}
		}
	}
	r.Where.each(named)
	for _, done := range r.Where.Visitors() {
		done.each(named)
	}
	return unknown
}
