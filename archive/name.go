package archive

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"footfall/event"
)

const (
	hourMillis = 3_600_000
	sitePrefix = "site="
)

// name is the last part of the names of the flush's objects: the same whenever
// the same stretch of the queue is flushed. at is the archive's position
// before the flush, to the one it was asked to reach.
func (e *entry) name(at, to event.Position) string {
	first := uint64(1)
	if at.Epoch == to.Epoch {
		first = at.Seq + 1
	}
	if at.Less(to) {
		return fmt.Sprintf("e%04d-%012d-%012d.parquet", to.Epoch, first, to.Seq)
	}
	// The queue has gone back behind what was archived, and yet these events
	// are new: the entry's number keeps them from taking an older object's name.
	return fmt.Sprintf("e%04d-%012d-%012d-n%d.parquet", to.Epoch, to.Seq, to.Seq, e.Number)
}

// laterName is the name of what is left of an object from a time on.
func laterName(name string, floor int64) string {
	stem, _, _ := strings.Cut(strings.TrimSuffix(name, ".parquet"), fromPart)
	return fmt.Sprintf("%s%s%s.parquet", stem, fromPart, time.UnixMilli(floor).UTC().Format("20060102T150405.000"))
}

const fromPart = "-from-"

// mixedPart is the folder of mixed hours: values that readers can take for a
// date and a number, and that no event has. Not every reader knows Hive's word
// for a partition without a value.
const mixedPart = "/date=1970-01-01/hour=-1/"

// prefix is the Hive-style folder of a site's hour, which is given in hours since 1970.
func prefix(site string, hour int64) string {
	if hour == mixed {
		return sitePrefix + escape(site) + mixedPart
	}
	t := time.Unix(hour*3600, 0).UTC()
	return sitePrefix + escape(site) + t.Format("/date=2006-01-02/hour=15/")
}

// escape spells a site so that it can be part of a name everywhere: letters,
// digits, "_", "-" and inner dots stay, any other byte becomes %XX as in a URL.
func escape(site string) string {
	var b strings.Builder
	for i := range len(site) {
		c := site[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// hourObjects bounds the objects of one flush: hours beyond it, those with the
// fewest events, share an object a site. Else events that claim to be of every
// hour of some years would make an object each.
const hourObjects = 512

// mixed stands for several hours.
const mixed = math.MinInt64

// planned is one event in the order it is archived in.
type planned struct {
	site     string
	rank     int   // of the site among the others: texts compare slowly
	hour     int64 // since 1970, or mixed
	ms       int64
	original int64
	at       int
}

func byPlace(a, b planned) int {
	switch {
	case a.rank != b.rank:
		return a.rank - b.rank
	case a.hour != b.hour:
		return cmp.Compare(a.hour, b.hour)
	case a.ms != b.ms:
		return cmp.Compare(a.ms, b.ms)
	}
	return a.at - b.at
}

// plan sorts the indexes into events by site and time and returns the objects
// they make, in the same order, each named name in its folder.
func plan(events []event.Event, index []int, name string) []object {
	rows := make([]planned, len(index))
	for i, at := range index {
		e := &events[at]
		ms := e.Time.UnixMilli()
		rows[i] = planned{site: e.Site, hour: floorDiv(ms, hourMillis), ms: ms, original: e.Original.UnixMilli(), at: at}
	}
	rank(rows)
	slices.SortFunc(rows, byPlace)
	mix(rows)
	var objects []object
	for i, r := range rows {
		index[i] = r.at
		if i == 0 || r.hour != rows[i-1].hour || r.site != rows[i-1].site {
			// The site's own text would keep the whole queue message that it is a part of.
			objects = append(objects, object{Name: prefix(r.site, r.hour) + name, Site: strings.Clone(r.site),
				MinTime: r.ms, MaxTime: r.ms, MinOriginal: r.original, MaxOriginal: r.original})
		}
		o := &objects[len(objects)-1]
		o.Rows++
		o.MinTime, o.MaxTime = min(o.MinTime, r.ms), max(o.MaxTime, r.ms)
		o.MinOriginal, o.MaxOriginal = min(o.MinOriginal, r.original), max(o.MaxOriginal, r.original)
		if d := dayOfMillis(r.original); len(o.OriginalDays) == 0 || o.OriginalDays[len(o.OriginalDays)-1] != d {
			o.OriginalDays = append(o.OriginalDays, d)
		}
	}
	for i := range objects {
		slices.Sort(objects[i].OriginalDays)
		objects[i].OriginalDays = slices.Compact(objects[i].OriginalDays)
	}
	return objects
}

// rank ranks the rows by their sites.
func rank(rows []planned) {
	ranks := map[string]int{}
	for i := range rows {
		if i == 0 || rows[i].site != rows[i-1].site {
			ranks[rows[i].site] = 0
		}
	}
	for i, site := range slices.Sorted(maps.Keys(ranks)) {
		ranks[site] = i
	}
	for i := range rows {
		if i > 0 && rows[i].site == rows[i-1].site {
			rows[i].rank = rows[i-1].rank
		} else {
			rows[i].rank = ranks[rows[i].site]
		}
	}
}

// mix moves sorted rows of the smallest hours together if there are too many hours.
func mix(rows []planned) {
	var hours [][]planned
	first := 0
	for i := range rows {
		if i+1 == len(rows) || rows[i+1].hour != rows[i].hour || rows[i+1].site != rows[i].site {
			hours = append(hours, rows[first:i+1])
			first = i + 1
		}
	}
	if len(hours) <= hourObjects {
		return
	}
	slices.SortStableFunc(hours, func(a, b []planned) int { return cmp.Compare(len(b), len(a)) })
	for _, hour := range hours[hourObjects:] {
		for i := range hour {
			hour[i].hour = mixed
		}
	}
	slices.SortFunc(rows, byPlace)
}

func dayOfMillis(ms int64) event.Day { return event.Day(floorDiv(ms, 24*hourMillis)) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
