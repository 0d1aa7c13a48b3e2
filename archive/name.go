package archive

import (
	"cmp"
	"fmt"
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

// prefix is the Hive-style folder of a site's hour, which is given in hours since 1970.
func prefix(site string, hour int64) string {
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

// plan sorts the indexes into events by site and time and returns the objects
// they make, in the same order, each named name in its folder.
func plan(events []event.Event, index []int32, name string) []object {
	type key struct {
		site     string
		ms       int64
		original int64
		at       int32
	}
	keys := make([]key, len(index))
	for i, at := range index {
		e := &events[at]
		keys[i] = key{e.Site, e.Time.UnixMilli(), e.Original.UnixMilli(), at}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(strings.Compare(a.site, b.site), cmp.Compare(a.ms, b.ms), cmp.Compare(a.at, b.at))
	})
	var objects []object
	var hour int64
	for i, k := range keys {
		index[i] = k.at
		h := floorDiv(k.ms, hourMillis)
		if i == 0 || h != hour || k.site != keys[i-1].site {
			hour = h
			objects = append(objects, object{Name: prefix(k.site, h) + name, Site: k.site,
				MinTime: k.ms, MinOriginal: k.original, MaxOriginal: k.original})
		}
		o := &objects[len(objects)-1]
		o.Rows++
		o.MaxTime = k.ms
		o.MinOriginal, o.MaxOriginal = min(o.MinOriginal, k.original), max(o.MaxOriginal, k.original)
		if d := dayOfMillis(k.original); len(o.OriginalDays) == 0 || o.OriginalDays[len(o.OriginalDays)-1] != d {
			o.OriginalDays = append(o.OriginalDays, d)
		}
	}
	for i := range objects {
		slices.Sort(objects[i].OriginalDays)
		objects[i].OriginalDays = slices.Compact(objects[i].OriginalDays)
	}
	return objects
}

func dayOfMillis(ms int64) event.Day { return event.Day(floorDiv(ms, 24*hourMillis)) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
