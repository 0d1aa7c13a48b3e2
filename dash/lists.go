package dash

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"footfall/metric"
	"footfall/period"
)

// rowsShort is the most rows of a list beside others.
const rowsShort = 8

// list is a ranked list as it is drawn.
type list struct {
	Title, Unit string
	Tabs        []link // what the box can show, if there is a choice
	Rows        []row
	Table       *table    // instead of rows
	World       *worldMap // beside them
	Details     string    // URL of the list with all rows and columns; "" where there is nothing
	CSV         string    // URL of all rows as a file, of a list without details
	Problem     string
	Nothing     string // why there are no rows
	Known       *evidence

	of    metric.Name
	quiet bool
}

type row struct {
	link
	Code         string // of a country
	Value, Share string
	Bar          int      // length in percent of the longest
	Cells        []string // of a table
	n            int64
}

// readLists reads which lists are shown, and how the one is that has the page to itself.
func (s *state) readLists(v url.Values) {
	for _, b := range boxes {
		for _, li := range b.lists[1:] {
			if slices.Contains(v["tab"], li.key()) {
				s.tabs = append(s.tabs, li.key())
			}
		}
	}
	for _, name := range v["tab"] {
		if _, _, ok := s.armsNamed(name); ok {
			s.tabs = append(s.tabs, name)
			break // they share a box
		}
	}
	s.search = v.Get("search")
	if _, _, ok := s.find(v.Get("detail")); ok {
		s.detail = v.Get("detail")
	}
	s.order = readOrder(v.Get("order"))
	if n, err := strconv.Atoi(v.Get("offset")); err == nil && n > 0 && n <= metric.MaxOffset {
		s.offset = n
	}
}

func (s state) writeLists(v url.Values) {
	for _, name := range s.tabs {
		v.Add("tab", name)
	}
	if s.detail == "" {
		return
	}
	v.Set("detail", s.detail)
	if s.search != "" {
		v.Set("search", s.search)
	}
	if s.order != (order{}) {
		v.Set("order", s.order.String())
	}
	if s.offset > 0 {
		v.Set("offset", strconv.Itoa(s.offset))
	}
}

// tab is the state in which a box shows another of its lists.
func (s state) tab(b box, li listing) state {
	s.tabs = slices.DeleteFunc(slices.Clone(s.tabs), func(name string) bool {
		return slices.ContainsFunc(b.lists, func(other listing) bool { return other.key() == name })
	})
	if li.key() != b.lists[0].key() {
		s.tabs = append(s.tabs, li.key())
	}
	return s
}

// details is the state in which a list has the page to itself.
func (s state) details(li listing) state {
	s.detail, s.search, s.order, s.offset = li.key(), "", order{}, 0
	return s
}

// chosen is the list that a box shows.
func (b box) chosen(s state) listing {
	at := slices.IndexFunc(b.lists, func(li listing) bool { return slices.Contains(s.tabs, li.key()) })
	return b.lists[max(0, at)]
}

// lists asks for all boxes at once, each of which has its own error. Shares
// are not filled in.
func (d *Door) lists(ctx context.Context, s state, x span) []list {
	shown := s.shown()
	all := make([]list, len(shown)+1)
	all[len(shown)].quiet = true
	var wait sync.WaitGroup
	if s.guest == nil {
		wait.Go(func() { all[len(shown)] = d.experiments(ctx, s, x) })
	}
	for i, b := range shown {
		li := b.chosen(s)
		wait.Go(func() { all[i] = d.list(ctx, s, x, b, li) })
	}
	wait.Wait()
	return slices.DeleteFunc(all, func(l list) bool { return l.quiet && l.Problem == "" && l.Table == nil })
}

// list asks for one box.
func (d *Door) list(ctx context.Context, s state, x span, b box, li listing) list {
	l := list{Title: li.called(s.tongue), Unit: s.titleOf(li.figures[0]), of: li.of, quiet: b.quiet}
	for _, other := range b.lists {
		if len(b.lists) > 1 {
			l.Tabs = append(l.Tabs, link{Label: other.called(s.tongue), Href: s.tab(b, other).href(), Current: other.key() == li.key()})
		}
	}
	var err error
	if b.table {
		var t table
		if t, err = d.table(ctx, s.details(li), x, li, rowsShort); len(t.Rows) > 0 {
			l.Table, l.Unit = &t, ""
		}
		l.Known = t.Known
	} else {
		var told metric.Table
		if l.Rows, told, err = d.rows(ctx, s, x, li); err == nil {
			l.Known = li.evidence(s, x, told)
		}
	}
	if b.world && err == nil {
		l.World, err = d.world(ctx, s, x, b, li, l.Rows)
	}
	if l.Problem = s.problem(err); l.Problem != "" {
		return l
	}
	if l.Nothing = s.nothing(li); len(l.Rows) > 0 || l.Table != nil {
		l.Details = s.details(li).href()
	}
	l.Rows = l.Rows[:min(rowsShort, len(l.Rows))]
	bars(l.Rows)
	return l
}

// bars gives rows their bars: the largest has the longest.
func bars(rows []row) {
	most := int64(1)
	for _, r := range rows {
		most = max(most, r.n)
	}
	for i, r := range rows {
		rows[i].Bar = int(max(1, 100*r.n/most))
	}
}

// nothing says why a list has no rows.
func (l tongue) nothing(li listing) string {
	switch {
	case li.by == metric.OfGoal:
		return l.Say("No goal was reached in this period.")
	case li.by == "event":
		return l.Say("No event but page views in this period.")
	case li.name == "downloads":
		return l.Say("No downloads in this period.")
	case len(li.by) > 4 && li.by[:4] == "utm_":
		return l.Say("Nobody came by a link with {name}= in this period.", string(li.by))
	case li.by == "referrer":
		return l.Say("Nobody came by a link in this period.")
	}
	return l.Say("Nobody in this period.")
}

// rows are the first ones of a list, of a map's list all, and how they are known; the
// first figure is told. With an error there may be some.
func (d *Door) rows(ctx context.Context, s state, x span, li listing) (rows []row, told metric.Table, err error) {
	q := s.query(li.figures[0], x.window, x.zone)
	q.By, q.Step = li.by, period.Total
	if li.by == "source" {
		q.Where = both(q.Where, s.guest.unnamed())
	}
	if li.by != "country" { // which are all on the map
		q.Limit = rowsShort + 2 + len(s.site.Internal) // of which some are left out
	}
	set, err := d.ask(ctx, q)
	if err != nil {
		return nil, told, err
	}
	told = toldOf(set)
	for _, p := range set.Points {
		own := li.by == "source" && slices.Contains(s.ownSources(), p.Series)
		if p.Value > 0 && !own && (p.Series != "" || li.unknown != "") {
			rows = append(rows, li.line(s, p.Series, p.Value))
		}
	}
	if li.by == "source" {
		return d.direct(ctx, s, s.query(li.figures[0], x.window, x.zone), li, rows, told)
	}
	return rows, told, nil
}

// line is a row with its figure.
func (li listing) line(s state, value string, n int64) row {
	r := li.row(s, value)
	r.Value, r.n = whole(s.tongue, n), n
	return r
}

// direct puts those who came without a referrer among the sources, by a question for all.
func (d *Door) direct(ctx context.Context, s state, q metric.Query, li listing, rows []row, told metric.Table) ([]row, metric.Table, error) {
	q.Filters = append(slices.Clone(q.Filters), metric.Filter{Dimension: "class", Value: direct})
	set, err := d.ask(ctx, q)
	if err != nil {
		return rows, told, err
	}
	if told = also(told, toldOf(set)); set.Sum() == 0 {
		return rows, told, nil
	}
	r := li.line(s, "", set.Sum())
	at, _ := slices.BinarySearchFunc(rows, r, func(a, b row) int { return int(max(-1, min(1, b.n-a.n))) })
	return slices.Insert(rows, at, r), told, nil
}

// share fills in each row's part of the whole, if that is known.
func (l *list) share(t tongue, of int64) {
	if of == 0 {
		return
	}
	for i, r := range l.Rows {
		l.Rows[i].Share = t.percent(share(r.n, of))
	}
	if l.Known != nil && len(l.Rows) > 0 {
		l.Known.Shares = t.Say("of {n} in the whole period ({figure})", whole(t, of), t.metricTitle(l.of))
	}
	if l.World != nil {
		l.World.share(t, of)
	}
}
