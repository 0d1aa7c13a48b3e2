package metric

import "slices"

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
