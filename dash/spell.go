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
func (l tongue) spellCell(m metric.Name, v metric.Value, currency string) string {
	switch unit := m.Unit("money"); {
	case v.None:
		return "–"
	case unit == "money":
		return l.amount(m, v.N, currency)
	case unit == "%":
		return l.Percent(fmt.Sprintf("%.1f", float64(v.N)/event.Thousandths))
	case unit == "s":
		return l.duration(v.N / event.Thousandths)
	case m == metric.ViewsPerSession:
		return l.Number(fmt.Sprintf("%.2f", float64(v.N)/event.Thousandths))
	}
	return whole(l, v.N)
}

// amount spells money exactly, with all decimals of its currency.
func (l tongue) amount(m metric.Name, n int64, currency string) string {
	text := m.Spell(n)
	_, decimals, _ := strings.Cut(text, ".")
	if missing := money.Exponent(currency) - len(decimals); missing > 0 {
		if decimals == "" {
			text += "."
		}
		text += strings.Repeat("0", missing)
	}
	return l.Number(text)
}

// duration spells seconds.
func (l tongue) duration(seconds int64) string {
	switch {
	case seconds < 60:
		return l.Say("{n}s", seconds)
	case seconds < 3600:
		return l.Say("{n}m {rest}s", seconds/60, fmt.Sprintf("%02d", seconds%60))
	}
	return l.Say("{n}h {rest}m", seconds/3600, fmt.Sprintf("%02d", seconds%3600/60))
}
