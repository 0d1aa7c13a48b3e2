package segment

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"footfall/history"
	"footfall/period"
)

// book is what Live has of one site in memory.
type book struct {
	basis       history.Basis         // what the rows are made with; zero if they are not
	read        bool                  // basis is what is kept
	owed        bool                  // all days are to be made anew, whatever basis is
	failed      bool                  // the roll under way gave them up
	trouble     string                // why, as it was told last
	made        uint64                // days so far
	first       period.Date           // dates before are frozen: what is not is counted from this one on
	missed      period.Date           // of dates up to this one events are missing in memory,
	lost        uint64                // with marks up to this one; 0 if none are
	generations []*generation         // of what is not in rows, oldest first
	bytes       int                   // that these take
	said        map[period.Date]int64 // when the last identify was of those in a date's rows, in ms
	changed     map[string]struct{}   // visitors with events since the last Tick
	unsure      bool                  // changed lacks some
}

// generation is what came between two cuts, or a part of it. What is read from
// it is sealed and does not change any more.
type generation struct {
	mark   uint64
	sealed bool
	basis  history.Basis // without From: of its dates and amounts
	items  []history.Item
	places map[history.Item]uint32 // in items
	dates  map[period.Date]*crowd
}

// crowd is what visitors did on a date.
type crowd struct {
	visitors map[string]*doings
	bytes    int
}

// doings is what a visitor did on a date. A figure may come in parts.
type doings struct {
	figures []figure
	said    []said
}

type figure struct {
	item   uint32 // a place
	metric uint32
	n      int64
}

// said is the traits of an identify event.
type said struct {
	at   int64 // ms
	json string
}

// What things take in memory, about: BenchmarkLiveMemory.
const (
	visitorBytes = 130 // with an id
	figureBytes  = 22
	itemBytes    = 150
	saidBytes    = 64
)

// current is the generation to add to.
func (b *book) current(mark uint64, basis history.Basis) *generation {
	if n := len(b.generations); n > 0 {
		if g := b.generations[n-1]; g.mark == mark && !g.sealed && g.basis == basis {
			return g
		}
	}
	g := &generation{mark: mark, basis: basis, places: map[history.Item]uint32{}, dates: map[period.Date]*crowd{}}
	b.generations = append(b.generations, g)
	return g
}

// add keeps an arrival, what the visitor did, and returns the bytes it takes.
func (b *book) add(a *arrival, did []did, mark uint64) int {
	g := b.current(mark, a.site.basis)
	c := g.dates[a.date]
	if c == nil {
		c = &crowd{visitors: map[string]*doings{}}
		g.dates[a.date] = c
	}
	before := c.bytes
	d := c.visitors[a.visitor]
	if d == nil {
		d = &doings{}
		a.visitor = strings.Clone(a.visitor) // nothing of an event stays
		c.visitors[a.visitor] = d
		c.bytes += visitorBytes
	}
	for i := range did {
		place := g.place(did[i].item, c)
		for m, n := range did[i].counts {
			if n != 0 && d.count(figure{place, uint32(m), n}) {
				c.bytes += figureBytes
			}
		}
	}
	if a.said.json != "" {
		c.bytes += d.say(a.said)
	}
	b.change(a.visitor)
	b.bytes += c.bytes - before
	return c.bytes - before
}

// mostChanged is how many visitors are listed for the next Tick.
const mostChanged = 1_000_000

// change lists a visitor as changed.
func (b *book) change(visitor string) {
	if _, listed := b.changed[visitor]; listed || b.unsure {
		return
	}
	if b.changed == nil {
		b.changed = map[string]struct{}{}
	}
	b.changed[strings.Clone(visitor)] = struct{}{}
	if len(b.changed) > mostChanged {
		b.changed, b.unsure = nil, true
	}
}

// lose forgets what came.
func (b *book) lose() {
	b.generations, b.bytes, b.changed, b.unsure = nil, 0, nil, true
	b.found(math.MaxUint64)
}

// miss notes that an event was not kept.
func (b *book) miss(date period.Date, mark uint64) {
	b.missed, b.lost = max(b.missed, date), mark
}

// found notes that nothing with marks up to this one is missing.
func (b *book) found(mark uint64) {
	if b.lost <= mark {
		b.missed, b.lost = math.MinInt32, 0
	}
}

// place is an item's place in the generation.
func (g *generation) place(item history.Item, c *crowd) uint32 {
	place, ok := g.places[item]
	if !ok {
		place = uint32(len(g.items))
		item.Value = strings.Clone(item.Value)
		g.items, g.places[item] = append(g.items, item), place
		c.bytes += itemBytes + len(item.Value)
	}
	return place
}

// mostSearched is how many figures are looked through for one to add to.
const mostSearched = 32

// count adds a figure; false if it took no room.
func (d *doings) count(f figure) bool {
	for i := range min(len(d.figures), mostSearched) {
		if of := &d.figures[i]; of.item == f.item && of.metric == f.metric {
			of.n += f.n
			return false
		}
	}
	if len(d.figures) == cap(d.figures) && len(d.figures) > mostSearched {
		d.merge()
	}
	d.figures = append(d.figures, f)
	return true
}

// merge makes one figure of those that come in parts.
func (d *doings) merge() {
	slices.SortFunc(d.figures, func(a, b figure) int { return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.metric, b.metric)) })
	n := 0
	for _, f := range d.figures[1:] {
		if of := &d.figures[n]; of.item == f.item && of.metric == f.metric {
			of.n += f.n
			continue
		}
		n++
		d.figures[n] = f
	}
	d.figures = d.figures[:n+1]
}

// say adds what an identify event said. The same said again just came later:
// what it says stands over all that was said before.
func (d *doings) say(s said) (bytes int) {
	if last := len(d.said) - 1; last >= 0 && d.said[last].at <= s.at && d.said[last].json == s.json {
		d.said[last].at = s.at
		return 0
	}
	s.json = strings.Clone(s.json)
	d.said = append(d.said, s)
	return saidBytes + len(s.json)
}

// drop removes what rows of a date have: everything with marks up to this one.
// It returns the bytes.
func (b *book) drop(date period.Date, mark uint64) (bytes int) {
	for _, g := range b.generations {
		if c := g.dates[date]; c != nil && g.mark <= mark {
			bytes += c.bytes
			delete(g.dates, date)
		}
	}
	b.bytes -= bytes
	return bytes
}

// dropAll removes all generations with marks up to this one.
func (b *book) dropAll(mark uint64) (bytes int) {
	b.generations = slices.DeleteFunc(b.generations, func(g *generation) bool {
		for _, c := range g.dates {
			if g.mark <= mark {
				bytes += c.bytes
			}
		}
		return g.mark <= mark
	})
	b.bytes -= bytes
	return bytes
}

// piece is what visitors did on a date, in one generation.
type piece struct {
	date     period.Date
	items    []history.Item
	visitors map[string]*doings
}

func byDate(a, b piece) int { return cmp.Compare(a.date, b.date) }

// few is up to how many visitors a generation is copied to be read. A larger one
// is sealed: then it is one more in which every visitor is looked for.
const few = 2000

// seal is everything in memory, by date and age, as it is now and stays: later
// events go elsewhere.
func (b *book) seal() (all []piece) {
	for i, g := range b.generations {
		visitors := 0
		for _, c := range g.dates {
			visitors += len(c.visitors)
		}
		g.sealed = g.sealed || visitors > few || i < len(b.generations)-1
		for date, c := range g.dates {
			p := piece{date, g.items, c.visitors}
			if !g.sealed {
				p.visitors = make(map[string]*doings, len(c.visitors))
				for visitor, d := range c.visitors {
					p.visitors[visitor] = d.copy()
				}
			}
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, byDate)
	return all
}

// of is what one visitor did, copied, by date and age.
func (b *book) of(visitor string) (days []piece) {
	for _, g := range b.generations {
		for date, c := range g.dates {
			if d := c.visitors[visitor]; d != nil {
				days = append(days, piece{date, g.items, map[string]*doings{visitor: d.copy()}})
			}
		}
	}
	slices.SortStableFunc(days, byDate)
	return days
}

func (d *doings) copy() *doings { return &doings{slices.Clone(d.figures), slices.Clone(d.said)} }

// addTo adds the figures of a date to a history; only these items, if any are named.
func (d *doings) addTo(h history.History, date period.Date, items, only []history.Item) {
	for _, f := range d.figures {
		item := items[f.item]
		if len(only) > 0 && !slices.Contains(only, item) {
			continue
		}
		day := history.DayCounts{Date: date}
		day.Counts[f.metric] = f.n
		h.AddDay(item, day)
	}
}

// counted reports whether all that is in memory was counted with a basis.
func (b *book) counted(with history.Basis) bool {
	with.From = 0
	return !slices.ContainsFunc(b.generations, func(g *generation) bool { return len(g.dates) > 0 && g.basis != with })
}
