package dash

import (
	"fmt"
	"strings"

	"footfall/event"
	"footfall/metric"
	"footfall/money"
)

// spellCell spells a value of a metric for people: counts in full, rates with a digit behind
// the point, times in minutes and seconds, and amounts exactly.
func spellCell(m metric.Name, v metric.Value, currency string) string {
	switch unit := m.Unit("money"); {
	case v.None:
		return "–"
	case unit == "money":
		return amount(m, v.N, currency)
	case unit == "%":
		return fmt.Sprintf("%.1f%%", float64(v.N)/event.Thousandths)
	case unit == "s":
		return duration(v.N / event.Thousandths)
	case m == metric.ViewsPerSession:
		return fmt.Sprintf("%.2f", float64(v.N)/event.Thousandths)
	}
	return whole(v.N)
}

// amount spells money exactly, with all decimals of its currency.
func amount(m metric.Name, n int64, currency string) string {
	text := m.Spell(n)
	_, decimals, _ := strings.Cut(text, ".")
	if missing := money.Exponent(currency) - len(decimals); missing > 0 {
		if decimals == "" {
			text += "."
		}
		text += strings.Repeat("0", missing)
	}
	return grouped(text)
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
