package sqlite

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"footfall/bins"
)

// row is what a row of bins holds beside its key; texts are "" and visitors nil
// where the row has NULL.
type row struct {
	counts, days string
	visitors     []byte
}

func (r row) equal(o row) bool {
	return r.counts == o.counts && r.days == o.days && slices.Equal(r.visitors, o.visitors)
}

// dayCounts is one day of a month's row: the n-th of the year.
type dayCounts struct {
	n      int
	counts bins.Counts
}

var errRow = errors.New("a row is damaged, or of a newer footfall")

// appendCounts writes counts as a JSON array without zeros at its end.
func appendCounts(b []byte, c *bins.Counts) []byte {
	n := len(c)
	for n > 0 && c[n-1] == 0 {
		n--
	}
	b = append(b, '[')
	for i, x := range c[:n] {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, x, 10)
	}
	return append(b, ']')
}

// formDays writes days, which are in order, as a JSON object: {"121":[5,1]}.
func formDays(days []dayCounts) string {
	b := []byte{'{'}
	for i := range days {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = strconv.AppendInt(b, int64(days[i].n), 10)
		b = append(b, '"', ':')
		b = appendCounts(b, &days[i].counts)
	}
	return string(append(b, '}'))
}

// parseCounts reads what appendCounts wrote.
func parseCounts(s string) (bins.Counts, error) {
	c, rest, err := cutCounts(s)
	if err == nil && rest != "" {
		err = errRow
	}
	return c, err
}

func cutCounts(s string) (c bins.Counts, rest string, err error) {
	list, rest, found := strings.Cut(s, "]")
	if !found || list == "" || list[0] != '[' {
		return c, "", errRow
	}
	list = list[1:]
	for i := 0; list != ""; i++ {
		number, more, comma := strings.Cut(list, ",")
		if i == len(c) || comma && more == "" {
			return c, "", errRow
		}
		if c[i], err = strconv.ParseInt(number, 10, 64); err != nil {
			return c, "", errRow
		}
		list = more
	}
	return c, rest, nil
}

// parseDays reads what formDays wrote; "" is no days.
func parseDays(s string) ([]dayCounts, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, errRow
	}
	days := make([]dayCounts, 0, 31)
	for s = s[1 : len(s)-1]; s != ""; {
		name, rest, found := strings.Cut(s, `":`)
		if !found || name == "" || name[0] != '"' {
			return nil, errRow
		}
		n, err := strconv.Atoi(name[1:])
		if err != nil || n < 1 || n > 366 || len(days) > 0 && n <= days[len(days)-1].n {
			return nil, errRow
		}
		d := dayCounts{n: n}
		if d.counts, s, err = cutCounts(rest); err != nil {
			return nil, err
		}
		days = append(days, d)
		if s == "" {
			break
		}
		if s[0] != ',' || len(s) == 1 {
			return nil, errRow
		}
		s = s[1:]
	}
	return days, nil
}

// setDay puts a day into the place of the one that is there; nil removes it.
func setDay(days []dayCounts, n int, counts *bins.Counts) []dayCounts {
	at, found := slices.BinarySearchFunc(days, n, func(d dayCounts, n int) int { return cmp.Compare(d.n, n) })
	switch {
	case counts == nil && found:
		return slices.Delete(days, at, at+1)
	case counts == nil:
		return days
	case found:
		days[at].counts = *counts
		return days
	}
	return slices.Insert(days, at, dayCounts{n, *counts})
}

// formSketch is nil for an empty sketch.
func formSketch(s *bins.Sketch) ([]byte, error) {
	if s.Exact() && s.Count() == 0 {
		return nil, nil
	}
	return s.MarshalBinary()
}

func parseSketch(b []byte, into *bins.Sketch) error {
	if b == nil {
		*into = bins.Sketch{}
		return nil
	}
	return into.UnmarshalBinary(b)
}

// empty reports whether a bin has no figure.
func empty(b *bins.Bin) bool {
	return b == nil || b.Counts == bins.Counts{} && b.Visitors.Exact() && b.Visitors.Count() == 0
}
