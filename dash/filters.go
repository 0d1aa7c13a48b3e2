package dash

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// filter is a condition that the whole page is about.
type filter struct {
	by     metric.Dimension
	how    comparison
	values []string // one of them is enough
}

// comparison is how a filter compares.
type comparison struct {
	name  string // as the URL has it behind the dimension's name and a full stop, and POST /v1/query before it
	words key
	op    metric.Op
	not   bool
}

// comparisons that filters have; the first one is the default, and not named in the URL.
var comparisons = []comparison{
	{"is", "is", metric.Is, false}, {"is_not", "is not", metric.Is, true},
	{"contains", "contains", metric.Contains, false}, {"contains_not", "does not contain", metric.Contains, true},
}

// did are the dimensions of what visitors do: a filter on one is on the visitors who did
// it in the period, as what else they did has no such value.
var did = []metric.Dimension{"event", metric.OfGoal, "product", "category"}

// filterable reports whether the page can be about some values of a dimension.
func (s state) filterable(d metric.Dimension) bool {
	if d.OfName() {
		return s.guest == nil
	}
	if s.guest != nil {
		return slices.Contains(s.splits(), d)
	}
	return slices.Contains(metric.Dimensions, d) && !slices.Contains(metric.Programs, d)
}

// key is what the URL calls the filter's dimension and comparison.
func (f filter) key() string {
	if f.how == comparisons[0] {
		return string(f.by)
	}
	return string(f.by) + "." + f.how.name
}

// readKey is the dimension and the comparison that a parameter of the URL names; false:
// it is no filter.
func readKey(key string) (d metric.Dimension, how comparison, ok bool) {
	d, how = metric.Dimension(key), comparisons[0]
	if at := strings.LastIndexByte(key, '.'); at >= 0 {
		if i := slices.IndexFunc(comparisons, func(c comparison) bool { return c.name == key[at+1:] }); i >= 0 {
			return metric.Dimension(key[:at]), comparisons[i], true
		}
	}
	_, property := d.Property()
	_, arm := d.Arm()
	return d, how, property || arm || slices.Contains(metric.Dimensions, d)
}

// readFilters reads the filters of a URL, in the order of the dimensions. One that can't
// be is left out, and the page says why.
func (s *state) readFilters(v url.Values) {
	s.filters, s.amiss = nil, nil
	for key, values := range v {
		d, how, ok := readKey(key)
		if !ok {
			continue
		}
		f := filter{d, how, slices.Compact(slices.Clone(values))}
		if why := s.wrong(f); why != "" {
			s.amiss = append(s.amiss, why)
		} else {
			s.filters = append(s.filters, f)
		}
	}
	slices.Sort(s.amiss)
	place := func(f filter) string {
		at := slices.Index(metric.Dimensions, f.by)
		if at < 0 {
			at = len(metric.Dimensions) // properties and arms, by name
		}
		return fmt.Sprintf("%03d %s %d", at, f.by, slices.Index(comparisons, f.how))
	}
	slices.SortFunc(s.filters, func(a, b filter) int { return strings.Compare(place(a), place(b)) })
}

// wrong is what is wrong with a filter, for people; "" is nothing.
func (s state) wrong(f filter) string {
	if !s.filterable(f.by) {
		return s.Say("These figures can’t be filtered by “{what}”: the filter is left out.", cut(string(f.by)))
	}
	w := s.whereOf(f)
	if err := w.Check(); err != nil {
		return s.Say("The filter “{filter}” is left out: {why}", cut(s.filterWords(f)), s.Say(key(strings.TrimPrefix(err.Error(), "filters: "))))
	}
	return ""
}

// standing is the state without the filters on a goal or segment that there is not (any
// more): each box of the page would say so instead of its figures.
func (d *Door) standing(ctx context.Context, s state) state {
	all := s
	for _, f := range all.filters {
		if !d.isGone(ctx, s, f) {
			continue
		}
		why := s.Say("there is no such goal at this site")
		switch {
		case f.by == metric.Segment && s.site.History == 0:
			why = s.Say("this site keeps no histories of visitors, and so has no segments")
		case f.by == metric.Segment:
			why = s.Say("there is no such segment at this site")
		}
		s = s.without(func(g filter) bool { return g.key() == f.key() })
		s.amiss = append(slices.Clone(s.amiss), s.Say("The filter “{filter}” is left out: {why}", cut(s.filterWords(f)), why+"."))
	}
	return s
}

// isGone reports whether a filter names a goal or segment that the site has not. What can't
// be told soon is not gone.
func (d *Door) isGone(ctx context.Context, s state, f filter) bool {
	if f.by != metric.Segment && (f.by != metric.OfGoal || d.Goals == nil) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	s.filters, s.only = []filter{f}, nil
	q := s.query(metric.Visitors, period.DateOf(d.Now(), time.UTC).Window(time.UTC), time.UTC) // of the shortest period that is counted fast
	var err error
	if f.by == metric.Segment {
		_, err = d.source.Answer(ctx, q)
	} else if all, unknown := d.Goals.Goals(ctx, s.site.ID); unknown == nil {
		_, err = q.Report().WithGoals(all)
	}
	wrong, ok := errors.AsType[*metric.QueryError](err)
	return ok && wrong.Gone
}

// where is the filter as a condition.
func (l tongue) whereOf(f filter) metric.Where {
	values, op := f.values, f.how.op
	if op == metric.Contains {
		values, op = l.contained(f.by, values)
	}
	w := metric.Where{Dimension: f.by, Op: op, Values: values}
	if slices.Contains(did, f.by) {
		w = metric.Where{Done: &metric.Where{Dimension: f.by, Op: op, Values: values}}
	}
	if f.how.not {
		return metric.Where{Not: &w}
	}
	return w
}

// contained is how the values of a dimension are asked for that contain a text as people
// read them: countries by their names.
func (l tongue) contained(d metric.Dimension, texts []string) (values []string, op metric.Op) {
	if d != "country" {
		return texts, metric.Contains
	}
	for code := range countryNames() {
		name := l.country(code)
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(text)) }) {
			values = append(values, code)
		}
	}
	if values == nil {
		return texts, metric.Contains // which no code does
	}
	slices.Sort(values)
	return values, metric.Is
}

// both is what meets two conditions, of which either may be none.
func both(a, b *metric.Where) *metric.Where {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &metric.Where{All: []metric.Where{*a, *b}}
}

// conditions are the filters as a question has them: those on one value apart, as bins
// know the figures of some.
func (s state) conditions() (single []metric.Filter, others *metric.Where) {
	for _, f := range s.filters {
		w := s.whereOf(f)
		if w.Dimension != "" && w.Op == metric.Is && len(w.Values) == 1 {
			single = append(single, metric.Filter{Dimension: f.by, Value: w.Values[0]})
			continue
		}
		if others == nil {
			others = &metric.Where{}
		}
		others.All = append(others.All, w)
	}
	if slices.ContainsFunc(s.filters, func(f filter) bool { return f.by == "source" }) {
		others = both(others, s.guest.unnamed()) // else who guesses a code is told of its affiliate
	}
	return single, others
}

// words are the filter as people write it.
func (l tongue) filterWords(f filter) string {
	labels := make([]string, len(f.values))
	for i, value := range f.values {
		if labels[i] = value; f.how.op == metric.Is {
			labels[i] = l.labelOf(f.by, value)
		}
	}
	return l.nameOf(f.by) + " " + l.Say(f.how.words) + " " + strings.Join(labels, l.Say(" or "))
}

// cut is a text that is not too long to be repeated in a sentence.
func cut(text string) string {
	if all := []rune(text); len(all) > 80 {
		return string(all[:79]) + "…"
	}
	return text
}

// nameOf spells a dimension for people.
func (l tongue) nameOf(d metric.Dimension) string {
	if name, ok := d.Property(); ok {
		return l.Say("Property {name}", name)
	}
	if experiment, ok := d.Arm(); ok {
		return l.Say("Arm of {name}", experiment)
	}
	return l.Say(names[d])
}

// on is the state filtered to one value of a dimension, and of no other.
func (s state) on(d metric.Dimension, value string) state {
	s = s.off(d)
	s.filters = append(s.filters, filter{d, comparisons[0], []string{value}})
	s.detail, s.search, s.offset = "", "", 0
	return s
}

// off is the state without the filters on a dimension.
func (s state) off(d metric.Dimension) state {
	return s.without(func(f filter) bool { return f.by == d })
}

// without is the state without some filters.
func (s state) without(which func(filter) bool) state {
	s.filters = slices.DeleteFunc(slices.Clone(s.filters), which)
	return s
}

// filtered reports whether a value is one of those that the page is about.
func (s state) filtered(d metric.Dimension, value string) bool {
	return slices.ContainsFunc(s.filters, func(f filter) bool {
		return f.by == d && f.how == comparisons[0] && slices.Contains(f.values, value)
	})
}

// chip is a filter in force.
type chip struct {
	Label, Edit, Away string // the words, where they are changed, and where the page is without it
}

// chips are the filters in force.
func (s state) chips() (all []chip) {
	for _, f := range s.filters {
		away := s.without(func(g filter) bool { return g.key() == f.key() })
		away.offset = 0
		all = append(all, chip{s.filterWords(f), s.asking(f.by, f.how), away.href()})
	}
	return all
}
