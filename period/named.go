package period

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Known is a window that has a name.
type Known struct {
	Name  string // as doors spell it
	Title string // as people read it
	Key   string // on the dashboard's keyboard; "" is none

	days  Date          // local ones up to today
	last  time.Duration // up to the end of the unit that runs
	unit  Step          // of last; else the calendar's that today lies in
	from  int           // first of these units, 0 is the one that runs
	whole bool          // that unit alone, to its end; else up to the end of today
}

// Windows are those with a name, as menus list them. Doors, menus and keys all
// read this table.
var Windows = []Known{
	{Name: "Today", Title: "Today", Key: "D", days: 1},
	{Name: "Yesterday", Title: "Yesterday", Key: "E", unit: Day, from: -1, whole: true},
	{Name: "Last30Minutes", Title: "Realtime", Key: "R", last: 30 * time.Minute, unit: Minute},
	{Name: "Last24Hours", Title: "Last 24 hours", Key: "H", last: 24 * time.Hour, unit: Hour},
	{Name: "Last7Days", Title: "Last 7 days", Key: "W", days: 7},
	{Name: "Last28Days", Title: "Last 28 days", Key: "F", days: 28},
	{Name: "Last30Days", Title: "Last 30 days", days: 30},
	{Name: "Last90Days", Title: "Last 90 days", days: 90},
	{Name: "Last91Days", Title: "Last 91 days", Key: "N", days: 91},
	{Name: "ThisMonth", Title: "This month", Key: "M", unit: Month},
	{Name: "LastMonth", Title: "Last month", Key: "P", unit: Month, from: -1, whole: true},
	{Name: "ThisYear", Title: "This year", Key: "Y", unit: Year},
	{Name: "Last365Days", Title: "Last 365 days", days: 365},
	{Name: "Last12Months", Title: "Last 12 months", Key: "L", unit: Month, from: -11},
	{Name: "AllTime", Title: "All time", Key: "A"},
	{Name: "Last5Minutes", Title: "Last 5 minutes", last: 5 * time.Minute, unit: second},
}

// second is the unit of windows that move on all the time.
const second Step = "second"

// WindowNames lists the named windows.
func WindowNames() []string {
	names := make([]string, len(Windows))
	for i, n := range Windows {
		names[i] = n.Name
	}
	return names
}

// Named is the window called name as seen at now, and its usual step, as StepsOf
// tells it; Last5Minutes has none. Last24Hours is the running hour and the 23 before,
// Last30Minutes the running minute and the 29 before, Last5Minutes the running
// second and the 299 before. Today, LastNDays, ThisMonth, ThisYear and Last12Months
// (this month and the 11 before) are up to the end of today, in zone; Yesterday and
// LastMonth are over. AllTime begins in 1970.
func Named(name string, now time.Time, zone *time.Location) (Window, Step, error) {
	i := slices.IndexFunc(Windows, func(k Known) bool { return strings.EqualFold(k.Name, name) })
	if i < 0 {
		return Window{}, "", fmt.Errorf("unknown window %q: use one of %s", name, strings.Join(WindowNames(), ", "))
	}
	k := Windows[i]
	if k.unit == second {
		end := now.In(orUTC(zone)).Truncate(time.Second).Add(time.Second)
		return Window{end.Add(-k.last), end}, Total, nil
	}
	w := k.Window(now, zone)
	return w, StepsOf(w)[0], nil
}

// Window is the window as seen at now.
func (k Known) Window(now time.Time, zone *time.Location) Window {
	if k.last > 0 {
		end := k.unit.next(k.unit.Start(now, zone))
		return Window{end.Add(-k.last), end}
	}
	today := DateOf(now, zone)
	from, to := Date(0), today+1
	switch {
	case k.days > 0:
		from = to - k.days
	case k.unit != "":
		if from = today.Shift(k.unit, k.from).First(k.unit); k.whole {
			to = from.Shift(k.unit, 1)
		}
	}
	return Window{from.Window(zone).From, to.Window(zone).From}
}

// Units is what the window is made of, so many days, months or years of the calendar;
// "" of one that moves on with the clock, and of all time.
func (k Known) Units() (unit Step, n int) {
	switch {
	case k.days > 0:
		return Day, int(k.days)
	case k.last > 0 || k.unit == "":
		return "", 0
	case k.whole:
		return k.unit, 1
	}
	return k.unit, 1 - k.from
}

// StepsOf lists the steps in which a window can be drawn, the usual one first.
func StepsOf(w Window) []Step {
	const day = 24 * time.Hour
	switch length := w.To.Sub(w.From); {
	case length <= time.Hour:
		return []Step{Minute}
	case length <= 2*day+time.Hour: // of two days one may have an hour more
		return []Step{Hour}
	case length <= 8*day:
		return []Step{Day, Hour}
	case length <= 45*day:
		return []Step{Day, Week}
	case length <= 100*day:
		return []Step{Day, Week, Month}
	case length <= 400*day:
		return []Step{Month, Week, Day}
	case length <= 4*366*day:
		return []Step{Month, Week}
	}
	return []Step{Year, Month}
}
