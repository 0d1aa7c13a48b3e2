package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"footfall/period"
)

// Row is an item's figures of one month, as they are kept for a visitor: one
// row, with the days inside.
type Row struct {
	Item  Item
	Month period.Date // its first date
	Days  []byte      // see encodeDays
}

// rowVersion is the first byte of Row.Days.
const rowVersion = 1

var errRow = errors.New("not the days of a visitor's month")

// Rows spells the history as rows, in the order of item and month. The same
// history always has the same rows, byte for byte.
func (h History) Rows() []Row {
	var rows []Row
	for _, item := range h.Items() {
		days := h[item]
		for len(days) > 0 {
			month := days[0].Date.MonthStart()
			n := search(days, month.NextMonth())
			rows = append(rows, Row{item, month, encodeDays(month, days[:n])})
			days = days[n:]
		}
	}
	return rows
}

// AddRow adds a row's figures to the history. A row that is damaged, or of a
// newer version, adds nothing and is an error.
func (h History) AddRow(r Row) error {
	days, err := decodeDays(r.Month, r.Days)
	if err != nil {
		return r.fault(err)
	}
	if have := h[r.Item]; len(have) == 0 || have[len(have)-1].Date < r.Month {
		h.put(r.Item, append(have, days...)) // rows mostly come in order
		return nil
	}
	for _, day := range days {
		h.AddDay(r.Item, day)
	}
	return nil
}

// SetDay puts a date of the row's month in the place of what the row has of it.
// A row that has nothing has no Days. If it is damaged, it stays as it is.
func (r *Row) SetDay(date period.Date, c Counts) error {
	var days []DayCounts
	if len(r.Days) > 0 {
		var err error
		if days, err = decodeDays(r.Month, r.Days); err != nil {
			return r.fault(err)
		}
	}
	at := search(days, date)
	if at < len(days) && days[at].Date == date {
		days = slices.Delete(days, at, at+1)
	}
	if c != (Counts{}) {
		days = slices.Insert(days, at, DayCounts{date, c})
	}
	r.Days = nil
	if len(days) > 0 {
		r.Days = encodeDays(r.Month, days)
	}
	return nil
}

// fault says in which row an error is.
func (r *Row) fault(err error) error {
	return fmt.Errorf("%s %q, %s: %w", r.Item.Kind, r.Item.Value, r.Month.Month(), err)
}

// encodeDays spells days of one month: the version, and for each day, in
// order, the day of the month, a byte whose bit i tells that Counts[i] is not
// zero, and these as signed variable-length integers (zigzag, as in
// encoding/binary).
func encodeDays(month period.Date, days []DayCounts) []byte {
	b := []byte{rowVersion}
	for _, day := range days {
		b = append(b, byte(day.Date-month)+1, 0)
		mask := len(b) - 1
		for i, n := range day.Counts {
			if n != 0 {
				b[mask] |= 1 << i
				b = binary.AppendVarint(b, n)
			}
		}
	}
	return b
}

func decodeDays(month period.Date, b []byte) ([]DayCounts, error) {
	if month != month.MonthStart() {
		return nil, fmt.Errorf("%w: %s is no first of a month", errRow, month)
	}
	if len(b) == 0 || b[0] == 0 {
		return nil, errRow
	}
	if b[0] != rowVersion {
		return nil, fmt.Errorf("%w: version %d is newer than this program", errRow, b[0])
	}
	days := make([]DayCounts, 0, len(b)/4)
	before, end := month-1, month.NextMonth()
	for b = b[1:]; len(b) > 0; {
		if len(b) < 2 {
			return nil, errRow
		}
		day, mask := DayCounts{Date: month + period.Date(b[0]) - 1}, b[1]
		if day.Date <= before || day.Date >= end || mask == 0 || mask>>len(day.Counts) != 0 {
			return nil, errRow
		}
		before, b = day.Date, b[2:]
		for i := range day.Counts {
			if mask&(1<<i) == 0 {
				continue
			}
			value, n := binary.Varint(b)
			if n <= 0 || value == 0 {
				return nil, errRow
			}
			day.Counts[i], b = value, b[n:]
		}
		days = append(days, day)
	}
	return days, nil
}
