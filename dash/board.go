package dash

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// view is everything page.html shows; its zero value is "there is no site".
type view struct {
	frame
	Cells     []cell
	Chart     chart
	Lists     []list
	Status    *Status
	Empty     bool   // the site never had an event
	Quiet     bool   // it has none in this period
	Elsewhere *link  // when it has some, if Quiet without a filter
	Snippet   string // to install, if Empty
	LiveAt    string // where the page hears of changes
	Gap       int    // seconds between two drawings, at least, where much comes
	Again     bool   // something has come that may not be in the figures
	Wait      string // URL of the same with all figures, where some are still being counted
	Asking    *filterForm
	Details   *details // instead of all other figures
	Look      *look    // of a frame; nil: it is a page of its own
	Publicity *publicity
}

type link struct {
	Label, Href string
	Title       string
	Key         string // of the keyboard
	Current     bool
}

// tools choose the period and what it is compared with.
type tools struct {
	Back, Forth string // URLs of the period before and behind, "" if there is none
	Period      string
	Periods     []link
	Compare     []link
	Compared    string // how, in words; "" where there is nothing to be compared with
	Against     string // the days that it is compared with; "" is none
	Alone       bool   // compared with nothing
	Toggle      string // URL with, or without, a comparison
	Dates       dates
}

// dates is the form that asks for days.
type dates struct {
	From, Last string
	Keep       []link // the rest of the state: Label is the name, Title the value
	Current    bool
}

// asked tells how fresh the figures are.
type asked struct {
	Full         string // AsOf with its day
	AsOf, Behind string // Behind is "" where there is nothing to wait for
	Zone, Source string
	Moment       int64 // AsOf in milliseconds since 1970
	Now          int64 // when that was, by the server's clock
}

// draw asks everything the page needs and puts it together. A figure that
// fails says so in its own box.
func (d *Door) draw(ctx context.Context, in visit, s state, sites []account.Site) view {
	x := d.span(ctx, s)
	details, ok := d.detailed(ctx, s, x)
	if !ok {
		x = d.honest(ctx, s, x)
	}
	v := view{frame: d.frame(in, s, x, sites), Gap: 30}
	if s.guest != nil {
		v.Look = s.guest.look
	}
	if ok {
		return d.drawDetails(ctx, s, x, v, details)
	}
	totals := map[metric.Name]*total{}
	groups := s.groups(d.reaches(ctx, s))
	found := make([]map[metric.Name]*total, len(groups))
	var wait sync.WaitGroup
	for i, group := range groups {
		wait.Go(func() { found[i] = d.totals(ctx, s, x, group) })
	}
	wait.Go(func() { v.Chart = d.chart(ctx, s, x) })
	wait.Go(func() {
		if v.Look == nil || !v.Look.Brief {
			v.Lists = d.lists(ctx, s, x)
		}
	})
	var here *evidence
	wait.Go(func() { v.Live, here = d.there(ctx, s) })
	wait.Wait()
	for _, group := range found {
		maps.Copy(totals, group)
	}
	for i, l := range v.Lists {
		if whole := totals[l.of]; whole != nil {
			v.Lists[i].share(s.tongue, whole.N) // without it there are no shares
		}
	}
	if v.Cells = strip(s, x, totals); s.period == realtime && !s.own() {
		v.Cells = append([]cell{s.present(v.Live, here)}, v.Cells...)
	}
	d.finish(ctx, s, x, totals, &v)
	return v
}

// span is that of the state; all time begins with the site's first figures.
func (d *Door) span(ctx context.Context, s state) span {
	var first period.Date
	if s.period == allTime && !s.own() {
		first, _, _ = d.life(ctx, s)
	}
	return spanOf(s, d.Now(), first)
}

// honest is the span without a comparison, where the site's first figures are within what
// it would be compared with.
func (d *Door) honest(ctx context.Context, s state, x span) span {
	if d.begins(ctx, s, x) {
		x.begins, x.before = x.before, period.Window{}
	}
	return x
}

// begins reports whether the site's first figures are within what the period is compared
// with, behind its first day: more than in a part of a period is no news.
func (d *Door) begins(ctx context.Context, s state, x span) bool {
	shown := s.guest.signs()
	second := (period.DateOf(x.before.From, x.zone) + 1).Window(x.zone).From
	if x.unit == "" || len(shown) == 0 || !second.Before(x.before.To) {
		return false
	}
	s.filters = nil
	signs := func(from, to time.Time) (some, ok bool) {
		all := d.sums(ctx, s, period.Window{From: from, To: to}, x.zone, shown)
		return slices.ContainsFunc(all.values, func(v metric.Value) bool { return v.N != 0 }), all.err == nil
	}
	if before, ok := signs(period.Date(0).Window(x.zone).From, second); before || !ok {
		return false
	}
	within, ok := signs(second, x.before.To)
	return within && ok
}

// present is the number of who is there now, as a cell of the strip.
func (s state) present(live string, known *evidence) cell {
	s.metric = string(metric.Visitors)
	return cell{link: link{Label: s.Say("There now"), Href: s.href(), Title: s.Say("Visitors of the last five minutes")}, ID: "now", Value: live, Figure: current, Known: known}
}

// finish adds what depends on the figures: how fresh they are, and whether
// there are any.
func (d *Door) finish(ctx context.Context, s state, x span, totals map[metric.Name]*total, v *view) {
	v.Asked = asked{Zone: s.site.Zone}
	var oldest time.Time
	for _, t := range totals {
		if t.err == nil && (oldest.IsZero() || t.told.AsOf.Before(oldest)) {
			oldest, v.Asked.Source = t.told.AsOf, s.counted(t.told.Source)
		}
	}
	if !oldest.IsZero() {
		v.Asked.since(s.tongue, oldest, d.Now(), x.zone)
	}
	if d.Status != nil && s.sums {
		if st, err := d.Status(ctx); err == nil {
			v.Status = &st
		}
	}
	if silent(totals) {
		if any, err := d.ever(ctx, s); err == nil {
			v.Empty, v.Quiet = !any && s.guest == nil, any || s.guest != nil
			if any && len(s.filters) == 0 {
				v.Elsewhere = d.elsewhere(ctx, s)
			}
		}
	}
	switch {
	case v.Empty:
		v.Gap = 1
	case s.period == realtime && !s.own():
		v.Gap = 5
	}
	v.LiveAt = s.live(x, v.Empty)
}

// silent reports whether nothing happened: no signs, and no other events.
func silent(totals map[metric.Name]*total) bool {
	return !slices.ContainsFunc(append(slices.Clone(signs), metric.Events), func(m metric.Name) bool {
		t := totals[m]
		return t != nil && (t.err != nil || t.N != 0)
	})
}

// since sets as of when figures are, and how long ago that was.
func (a *asked) since(l tongue, asOf, now time.Time, zone *time.Location) {
	a.AsOf, a.Moment, a.Now = asOf.In(zone).Format("15:04:05"), asOf.UnixMilli(), now.UnixMilli()
	a.Full, a.Behind = l.moments(asOf, zone), l.lag(now.Sub(asOf))
}

// lag spells how far figures are behind.
func (l tongue) lag(d time.Duration) string {
	switch s := int(d.Round(time.Second).Seconds()); {
	case s <= 0:
		return l.Say("live")
	case s < 120:
		return l.Say("{n} s behind", s)
	case s < 2*3600:
		return l.Say("{n} min behind", s/60)
	default:
		return l.Say("{n} h behind", s/3600)
	}
}

// tools are those of the state.
func (s state) tools(x span) (t tools) {
	for _, k := range choices {
		current := !s.own() && s.period == k.Name
		if current {
			t.Period = s.Say(key(k.Title))
		}
		if k.Key != "" || current {
			t.Periods = append(t.Periods, link{Label: s.Say(key(k.Title)), Href: s.at(k.Name).href(), Key: k.Key, Current: current})
		}
	}
	if s.own() {
		t.Period = s.words(x.window, x.zone)
	}
	if to, ok := x.move(s, -1); ok {
		t.Back = to.href()
	}
	if to, ok := x.move(s, 1); ok {
		t.Forth = to.href()
	}
	s.comparisons(x, &t)
	t.Dates = s.form(x)
	return t
}

// comparisons are the ways to compare.
func (s state) comparisons(x span, t *tools) {
	if !s.own() && (s.period == realtime || s.period == allTime) {
		return
	}
	with := func(label key, compare string, dates bool) {
		to := s
		to.compare, to.dates = compare, dates
		current := s.compare == compare && s.dates == dates
		t.Compare = append(t.Compare, link{Label: s.Say(label), Href: to.href(), Current: current})
		if current {
			t.Compared = s.Say(label)
		}
	}
	off := s
	if off.compare = noCompare; s.compare == noCompare {
		off.compare = ""
	}
	t.Toggle = off.href()
	byDay := x.unit != period.Month && x.unit != period.Year
	with("Previous period", "", byDay && s.dates)
	with("Previous year", lastYear, byDay && s.dates)
	if byDay && s.compare != noCompare {
		to := s
		to.dates = !s.dates
		t.Compare = append(t.Compare, link{Label: s.Say("Match weekdays"), Href: to.href(), Current: !s.dates})
	}
	with("Nothing", noCompare, s.dates)
	t.Compared = cmp.Or(t.Compared, s.Say("Previous period"))
	none := period.Window{}
	t.Alone = x.before == none
	switch {
	case !t.Alone:
		t.Against = s.words(x.before, x.zone)
	case x.begins != none:
		t.Compared = s.Say("Nothing")
		t.Against = s.Say("Nothing: figures begin within {days}", s.words(x.begins, x.zone))
	}
}

func (s state) form(x span) dates {
	last := period.DateOf(x.window.To.Add(-1), x.zone)
	f := dates{From: period.DateOf(x.window.From, x.zone).String(), Last: last.String(), Current: s.own(), Keep: hidden(s.at(usualPeriod).values())}
	return f
}

// share is 100 n / of, and 0 of nothing.
func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}
