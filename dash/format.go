package dash

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"footfall/event"
	"footfall/metric"
)

// whole spells a count with its thousands apart.
func whole[T int64 | uint64 | int](l tongue, n T) string { return l.Number(fmt.Sprint(n)) }

// short spells a count of at least limit in at most four characters, 123k or
// 1.2M, and a smaller one in full.
func (l tongue) short(n, limit int64) string {
	if n < limit {
		return whole(l, n)
	}
	x, unit := float64(n)/1e3, key("{n}k")
	for _, larger := range []key{"{n}M", "{n}B", "{n}T"} {
		if x >= 999.5 {
			x, unit = x/1e3, larger
		}
	}
	if x < 99.95 {
		return l.Say(unit, l.Number(strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")))
	}
	return l.Say(unit, l.Number(strconv.FormatFloat(x, 'f', 0, 64)))
}

// percent spells a share, with one digit after the point where it matters: some are not
// none, and not quite all are not all.
func (l tongue) percent(x float64) string {
	switch {
	case x > 0 && x < .05:
		return "<" + l.Percent("0.1")
	case x > 0 && x < 9.95, x >= 99.5 && x < 100:
		return l.Percent(strconv.FormatFloat(min(x, 99.9), 'f', 1, 64))
	}
	return l.Percent(strconv.FormatFloat(x, 'f', 0, 64))
}

// scaled is a value in its unit, for drawings and changes.
func scaled(m metric.Name, n int64) float64 {
	if m.Whole() {
		return float64(n)
	}
	return float64(n) / event.Thousandths
}

// largeSum is from which on money is told in millions: in full it has no place in the strip.
const largeSum = 10_000_000

// inBrief spells a figure as it stands in the strip and beside a chart; unit is what is
// written small behind it.
func (l tongue) inBrief(m metric.Name, v metric.Value, currency string) (text, unit string) {
	switch u := m.Unit(currency); {
	case v.None:
		return "–", ""
	case m.Money() && v.N >= largeSum*event.Thousandths: // exactly it stands in what is known of it
		return l.short(v.N/event.Thousandths, largeSum), currency
	case m.Money():
		return l.amount(m, v.N, currency), currency
	case u == "%":
		return l.percent(scaled(m, v.N)), ""
	case u == "s":
		return l.duration((v.N + event.Thousandths/2) / event.Thousandths), ""
	case !m.Whole():
		return l.Number(strconv.FormatFloat(scaled(m, v.N), 'f', 2, 64)), ""
	}
	return l.short(v.N, 1_000_000), ""
}

// exact spells a figure with all its digits and its unit.
func (l tongue) exact(m metric.Name, v metric.Value, currency string) string {
	switch u := m.Unit(currency); {
	case v.None:
		return l.Say("none: there is nothing to divide by")
	case m.Money():
		return l.amount(m, v.N, currency) + " " + currency
	case u == "%":
		return l.Percent(m.Spell(v.N))
	case u == "s":
		return l.Say("{n} s", l.Number(m.Spell(v.N)))
	}
	return l.Number(m.Spell(v.N))
}

// changeOf spells how a figure moved.
func (l tongue) changeOf(m metric.Name, now, before metric.Value) (text, sense string) {
	if now.None || before.None {
		return "", "flat"
	}
	return l.change(scaled(m, now.N), scaled(m, before.N), m.Unit("") == "%")
}

// change spells how a figure moved: in percent, or in points if it is a rate.
// Its sense is up, down or flat.
func (l tongue) change(now, before float64, rate bool) (text, sense string) {
	by, spelled := now-before, func(n int64) string { return l.Say("{n} pt", whole(l, n)) }
	if !rate {
		if before == 0 {
			if now == 0 {
				return "", "flat"
			}
			return l.Say("new"), "up"
		}
		by, spelled = 100*(now-before)/before, func(n int64) string { return l.Percent(fmt.Sprint(n)) }
	}
	n := int64(math.Round(by))
	switch {
	case n > 0:
		return "+" + spelled(n), "up"
	case n < 0:
		return "−" + spelled(-n), "down"
	}
	return "±" + spelled(0), "flat"
}
