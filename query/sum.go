package query

import (
	"maps"
	"slices"

	"footfall/bins"
	"footfall/metric"
)

// sum is figures by value and step: of bins, or of what came since. Once it is
// finished nobody changes it.
type sum struct {
	part
	version  uint64 // of the bins; 0 is unknown
	question metric.Query
	idle     int // how often it was read again since somebody asked for it; guarded by the memo
	place    int // of the metric in Counts; -1 for visitors
	steps    int
	split    bool // by values
	values   map[string][]int64
	totals   map[string]int64         // of visitors: of the steps together
	sketches map[string][]bins.Sketch // of visitors
	estimate bool
	size     int // bytes, about
}

// sums are none yet, one for each metric.
func (x *plan) sums() (all []*sum) {
	for _, m := range x.metrics {
		all = append(all, &sum{question: x.q, place: bins.Place(m), steps: len(x.starts), split: x.q.By != "",
			values: map[string][]int64{}, totals: map[string]int64{}, sketches: map[string][]bins.Sketch{}})
	}
	return all
}

// add adds what a bin counts.
func (s *sum) add(value string, step int, b *bins.Bin) {
	if s.place < 0 {
		if s.sketches[value] == nil {
			s.sketches[value] = make([]bins.Sketch, s.steps)
		}
		s.sketches[value][step].Merge(&b.Visitors)
		return
	}
	if n := b.Counts[s.place]; n != 0 {
		s.count(value, step, n)
	}
}

func (s *sum) count(value string, step int, n int64) {
	if s.values[value] == nil {
		s.values[value] = make([]int64, s.steps)
	}
	s.values[value][step] += n
	s.totals[value] += n
}

// finish counts visitors and weighs it all.
func (s *sum) finish() {
	// What a value takes beside its figures, and what everything does beside its values:
	// what there is nothing of is remembered, too.
	const each, all = 100, 500
	s.size += all + len(s.Site) + len(s.Value)
	for value, steps := range s.sketches {
		s.distinct(value, steps)
		for i := range steps {
			steps[i].Pack()
			s.size += steps[i].Size()
		}
		s.size += each + len(value)
	}
	for value, steps := range s.values {
		s.size += each + len(value) + 8*len(steps)
	}
}

// distinct counts a value's visitors.
func (s *sum) distinct(value string, steps []bins.Sketch) {
	counts := make([]int64, len(steps))
	for i := range steps {
		counts[i] = steps[i].Count()
		s.estimate = s.estimate || !steps[i].Exact()
	}
	s.values[value], s.totals[value] = counts, counts[0]
	if len(steps) > 1 && s.split { // visitors of steps don't add up, and their number decides about the order
		var whole bins.Sketch
		for i := range steps {
			whole.Merge(&steps[i])
		}
		s.totals[value] = whole.Count()
		s.estimate = s.estimate || !whole.Exact()
	}
}

// with is the sum with what came since.
func (s *sum) with(late *sum) *sum {
	if len(late.values)+len(late.sketches) == 0 {
		return s
	}
	all := &sum{place: s.place, steps: s.steps, split: s.split, values: maps.Clone(s.values), totals: maps.Clone(s.totals), estimate: s.estimate}
	for value, steps := range late.values {
		counts := slices.Clone(steps)
		for i, n := range s.values[value] {
			counts[i] += n
		}
		all.values[value] = counts
		all.totals[value] += late.totals[value]
	}
	for value, steps := range late.sketches {
		both := make([]bins.Sketch, len(steps))
		for i := range steps {
			if known := s.sketches[value]; known != nil {
				both[i].Merge(&known[i])
			}
			both[i].Merge(&steps[i])
		}
		all.distinct(value, both)
	}
	return all
}
