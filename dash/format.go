package dash

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"footfall/event"
	"footfall/metric"
)

// whole spells a count with a comma between thousands.
func whole[T int64 | uint64 | int](n T) string { return grouped(fmt.Sprint(n)) }

// grouped puts commas into a decimal number.
func grouped(s string) string {
	digits, rest, _ := strings.Cut(s, ".")
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if rest != "" {
		digits += "." + rest
	}
	return strings.Replace(digits, "-", "−", 1)
}

// short spells a count of at least limit in at most four characters, 123k or
// 1.2M, and a smaller one in full.
func short(n, limit int64) string {
	if n < limit {
		return whole(n)
	}
	x, unit := float64(n)/1e3, "k"
	if x >= 999.5 {
		x, unit = x/1e3, "M"
	}
	if x >= 999.5 {
		x, unit = x/1e3, "B"
	}
	if x < 99.95 {
		return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0") + unit
	}
	return strconv.FormatFloat(x, 'f', 0, 64) + unit
}

// percent spells a share, with one digit after the point where it matters: some are not
// none, and not quite all are not all.
func percent(x float64) string {
	switch {
	case x > 0 && x < .05:
		return "<0.1%"
	case x > 0 && x < 9.95, x >= 99.5 && x < 100:
		return strconv.FormatFloat(min(x, 99.9), 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(x, 'f', 0, 64) + "%"
}

// scaled is a value in its unit, for drawings and changes.
func scaled(m metric.Name, n int64) float64 {
	if m.Whole() {
		return float64(n)
	}
	return float64(n) / event.Thousandths
}

// inBrief spells a figure as it stands in the strip and beside a chart; unit is what is
// written small behind it.
func inBrief(m metric.Name, v metric.Value, currency string) (text, unit string) {
	switch u := m.Unit(currency); {
	case v.None:
		return "–", ""
	case m.Money():
		return amount(m, v.N, currency), currency
	case u == "%":
		return percent(scaled(m, v.N)), ""
	case u == "s":
		return duration((v.N + event.Thousandths/2) / event.Thousandths), ""
	case !m.Whole():
		return strconv.FormatFloat(scaled(m, v.N), 'f', 2, 64), ""
	}
	return short(v.N, 1_000_000), ""
}

// exact spells a figure with all its digits and its unit.
func exact(m metric.Name, v metric.Value, currency string) string {
	switch u := m.Unit(currency); {
	case v.None:
		return "none: there is nothing to divide by"
	case m.Money():
		return amount(m, v.N, currency) + " " + currency
	case u == "%":
		return m.Spell(v.N) + "%"
	case u == "s":
		return grouped(m.Spell(v.N)) + " s"
	}
	return grouped(m.Spell(v.N))
}

// changeOf spells how a figure moved.
func changeOf(m metric.Name, now, before metric.Value) (text, sense string) {
	if now.None || before.None {
		return "", "flat"
	}
	return change(scaled(m, now.N), scaled(m, before.N), m.Unit("") == "%")
}

// change spells how a figure moved: in percent, or in points if it is a rate.
// Its sense is up, down or flat.
func change(now, before float64, rate bool) (text, sense string) {
	by, unit := now-before, " pt"
	if !rate {
		if before == 0 {
			if now == 0 {
				return "", "flat"
			}
			return "new", "up"
		}
		by, unit = 100*(now-before)/before, "%"
	}
	n := int64(math.Round(by))
	switch {
	case n > 0:
		return "+" + whole(n) + unit, "up"
	case n < 0:
		return "−" + whole(-n) + unit, "down"
	}
	return "±0" + unit, "flat"
}
