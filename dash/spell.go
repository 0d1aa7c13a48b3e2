package dash

import (
	"fmt"
	"strings"

	"footfall/event"
	"footfall/metric"
)

// spellCell spells a value of a metric for people: counts in full, rates with a digit behind
// the point, times in minutes and seconds, and amounts exactly.
func spellCell(m metric.Name, v metric.Value) string {
	switch unit := m.Unit("money"); {
	case v.None:
		return "–"
	case unit == "money":
		return amount(m, v.N)
	case unit == "%":
		return fmt.Sprintf("%.1f%%", float64(v.N)/event.Thousandths)
	case unit == "s":
		return duration(v.N / event.Thousandths)
	case m == metric.ViewsPerSession:
		return fmt.Sprintf("%.2f", float64(v.N)/event.Thousandths)
	}
	return whole(v.N)
}

// amount spells an amount digit by digit, with two decimals or, where it has them, three.
func amount(m metric.Name, n int64) string {
	units, decimals, _ := strings.Cut(m.Spell(n), ".")
	for len(decimals) < 2 {
		decimals += "0"
	}
	sign := ""
	if units[0] == '-' {
		sign, units = "−", units[1:]
	}
	for at := len(units) - 3; at > 0; at -= 3 {
		units = units[:at] + "," + units[at:]
	}
	return sign + units + "." + decimals
}

// duration spells seconds.
func duration(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm %02ds", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%dh %02dm", seconds/3600, seconds%3600/60)
}
