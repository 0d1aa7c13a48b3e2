package segment

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"footfall/period"
)

// Window is the dates a figure is of: the last days or months up to today,
// named months, or, if it is zero, ever.
type Window struct {
	Days, Months int         // the last ones
	From, To     period.Date // first dates of months, To not included
}

// maxLast bounds the last days or months: 27 years, 833 years.
const maxLast = 10_000

// Dates is the window's dates as seen on a day, to not included. The last N
// days are N dates, today the last of them. The last N months end with today,
// too, and begin on the date N months before tomorrow, or on that month's last
// date if it has no such day: on 30 June the last 3 months are April, May and
// June; on 14 June they begin on 15 March.
func (w Window) Dates(today period.Date) (from, to period.Date) {
	switch {
	case w.Days > 0:
		return today - period.Date(w.Days) + 1, today + 1
	case w.Months > 0:
		return monthsBefore(today+1, w.Months), today + 1
	case w.To > w.From:
		return w.From, w.To
	}
	return math.MinInt32, math.MaxInt32
}

// Ever reports whether the window is all of the past.
func (w Window) Ever() bool { return w == Window{} }

// monthsBefore is the same day n months before, or that month's last.
func monthsBefore(d period.Date, n int) period.Date {
	y, m, day := time.Unix(int64(d)*86400, 0).UTC().Date()
	first := time.Date(y, m-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1)
	return period.Date(first.Unix()/86400) + period.Date(min(day, last.Day())-1)
}

func (w Window) check() error {
	said := 0
	for _, is := range []bool{w.Days != 0, w.Months != 0, w.From != 0 || w.To != 0} {
		if is {
			said++
		}
	}
	switch {
	case said > 1:
		return fmt.Errorf("last and months exclude each other")
	case w.Days < 0 || w.Days > maxLast || w.Months < 0 || w.Months > maxLast:
		return fmt.Errorf("last is from 1 to %d days or months", maxLast)
	case w.From >= w.To && (w.From != 0 || w.To != 0):
		return fmt.Errorf("months end before they begin")
	case w.From != w.From.MonthStart() || w.To != w.To.MonthStart():
		return fmt.Errorf("months are whole months")
	}
	return nil
}

// field spells the window as a field of a definition: "" for ever.
func (w Window) field() (name, value string) {
	unit := func(n int, word string) string {
		if n == 1 {
			return "1 " + word
		}
		return strconv.Itoa(n) + " " + word + "s"
	}
	switch {
	case w.Days > 0:
		return "last", unit(w.Days, "day")
	case w.Months > 0:
		return "last", unit(w.Months, "month")
	case w.To > w.From:
		first, last := w.From.Month()[1:], (w.To - 1).Month()[1:]
		if first == last {
			return "months", first
		}
		return "months", first + ".." + last
	}
	return "", ""
}

var lastForm = regexp.MustCompile(`^([1-9][0-9]{0,4}) (day|month)s?$`)

// parseLast reads "30 days" or "3 months".
func parseLast(s string) (Window, error) {
	found := lastForm.FindStringSubmatch(s)
	if found == nil {
		return Window{}, fmt.Errorf("%q is no time to look back: write 30 days or 3 months", s)
	}
	n, _ := strconv.Atoi(found[1]) // at most five digits
	if found[2] == "day" {
		return Window{Days: n}, nil
	}
	return Window{Months: n}, nil
}

// parseMonths reads "2010-12" or "2010-12..2011-02", both included.
func parseMonths(s string) (Window, error) {
	first, last, several := strings.Cut(s, "..")
	if !several {
		last = first
	}
	from, _, err := period.ParsePeriod("M" + first)
	if err == nil {
		var to period.Date
		if _, to, err = period.ParsePeriod("M" + last); err == nil {
			return Window{From: from, To: to}, nil
		}
	}
	return Window{}, fmt.Errorf("%q are no months: write 2010-12 or 2010-12..2011-02", s)
}
