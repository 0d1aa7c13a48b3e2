package period

import (
	"fmt"
	"time"
)

// Date is a calendar day of some zone, as days since 1970-01-01. Bins are kept
// for dates of the site's zone.
type Date int32

// DateOf is the date t lies in, in zone (nil is UTC).
func DateOf(t time.Time, zone *time.Location) Date {
	y, m, d := Day.Start(t, zone).Date()
	return dateOf(y, m, d)
}

func dateOf(y int, m time.Month, d int) Date {
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// civil is noon of the date, at which no clock is changed.
func (d Date) civil() time.Time { return time.Unix(int64(d)*86400+43200, 0).UTC() }

// Window is the instants of the date in zone. It is empty where the zone
// skipped the date.
func (d Date) Window(zone *time.Location) Window {
	y, m, day := d.civil().Date()
	return Window{midnight(y, m, day, orUTC(zone)), midnight(y, m, day+1, orUTC(zone))}
}

// String spells the date as 2023-05-03.
func (d Date) String() string { return d.civil().Format("2006-01-02") }

// Day is the key of the date's bin: the year and the day of the year, D2023-123.
func (d Date) Day() string {
	t := d.civil()
	return fmt.Sprintf("D%04d-%03d", t.Year(), t.YearDay())
}

// Month is the key of the month's bin: M2023-05.
func (d Date) Month() string { return d.civil().Format("M2006-01") }

// Year is the key of the year's bin: Y2023.
func (d Date) Year() string { return d.civil().Format("Y2006") }

// All is the key of the bin of all time.
const All = "TOTAL"

// MonthStart is the first date of the month.
func (d Date) MonthStart() Date {
	y, m, _ := d.civil().Date()
	return dateOf(y, m, 1)
}

// NextMonth is the first date of the next month.
func (d Date) NextMonth() Date {
	y, m, _ := d.civil().Date()
	return dateOf(y, m+1, 1)
}

// First is the first date of the day, week, month or year that the date lies in.
func (d Date) First(unit Step) Date {
	t := d.civil()
	switch unit {
	case Week:
		return d - Date(t.Weekday()+6)%7
	case Month:
		return d.MonthStart()
	case Year:
		return d.InYear(1)
	}
	return d
}

// Shift is the date so many days, weeks, months or years later. Where that month is
// shorter, it is its last day: a year before 29 February is 28 February.
func (d Date) Shift(unit Step, n int) Date {
	y, m, day := d.civil().Date()
	switch unit {
	case Week:
		return d + Date(7*n)
	case Month:
		m += time.Month(n)
	case Year:
		y += n
	default:
		return d + Date(n)
	}
	return min(dateOf(y, m, day), dateOf(y, m+1, 1)-1)
}

// DayOfYear counts from 1; it is what stands behind the dash of Day.
func (d Date) DayOfYear() int { return d.civil().YearDay() }

// InYear is the date that is the n-th day (from 1) of the year of d.
func (d Date) InYear(n int) Date { return dateOf(d.civil().Year(), 1, n) }

// ParsePeriod reads the key of a bin and returns its dates, to not included;
// for All both are zero.
func ParsePeriod(key string) (from, to Date, err error) {
	var year, n int
	switch {
	case key == All:
		return 0, 0, nil
	case len(key) == 9 && key[0] == 'D':
		if _, err := fmt.Sscanf(key, "D%04d-%03d", &year, &n); err == nil && year >= 0 && n >= 1 {
			if d := dateOf(year, 1, n); d.Day() == key {
				return d, d + 1, nil
			}
		}
	case len(key) == 8 && key[0] == 'M':
		if t, err := time.Parse("M2006-01", key); err == nil {
			d := DateOf(t, nil)
			return d, d.NextMonth(), nil
		}
	case len(key) == 5 && key[0] == 'Y':
		if t, err := time.Parse("Y2006", key); err == nil {
			return DateOf(t, nil), dateOf(t.Year()+1, 1, 1), nil
		}
	}
	return 0, 0, fmt.Errorf("%q is no period: use D2023-123, M2023-05, Y2023 or TOTAL", key)
}

// Dates is the dates that w is made of in zone, to not included, and whether it
// begins and ends with a date; if not, they are those it touches.
func (w Window) Dates(zone *time.Location) (from, to Date, whole bool) {
	if !w.From.Before(w.To) {
		return 0, 0, false
	}
	from = DateOf(w.From, zone)
	to = DateOf(w.To, zone)
	ends := to.Window(zone).From.Equal(w.To)
	if !ends {
		to++
	}
	return from, to, ends && from.Window(zone).From.Equal(w.From)
}
