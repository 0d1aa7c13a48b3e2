package digest

import (
	"strconv"
	"strings"

	"footfall/mail"
	"footfall/metric"
)

// Figures are spelled so that nobody reads them wrong, whatever the language: a
// narrow space between thousands, and a full stop only before decimals.
const (
	space = "\u202f" // narrow, not broken
	none  = "–"
)

// number spells a value of a metric with its unit. Rates have one decimal, amounts
// at least two.
func number(m metric.Name, v metric.Value, currency string) string {
	if v.None {
		return none
	}
	unit := m.Unit(currency)
	switch unit {
	case "":
		return grouped(m.Spell(v.N))
	case "%":
		return grouped(decimals(rounded(v.N, 100), 10, 1)) + space + unit
	case "s":
		return grouped(strconv.FormatInt(rounded(v.N, 1000), 10)) + space + unit
	}
	units, rest, _ := strings.Cut(m.Spell(v.N), ".")
	for len(rest) < 2 {
		rest += "0"
	}
	return grouped(units+"."+rest) + " " + unit // where there is little room, the unit may go to the next line
}

// rounded divides half away from zero.
func rounded(n, by int64) int64 {
	if n < 0 {
		return -rounded(-n, by)
	}
	return (2*n + by) / (2 * by)
}

// decimals spells parts of a whole that has so many, with a number of digits behind
// the point.
func decimals(n, parts int64, digits int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	rest := strconv.FormatInt(n%parts, 10)
	return sign + strconv.FormatInt(n/parts, 10) + "." + strings.Repeat("0", digits-len(rest)) + rest
}

// grouped puts spaces between thousands, and a minus before what is below zero.
func grouped(number string) string {
	digits, rest, point := strings.Cut(number, ".")
	digits, below := strings.CutPrefix(digits, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + space + digits[i:]
	}
	if below {
		digits = "−" + digits
	}
	if point {
		digits += "." + rest
	}
	return digits
}

// change says how a figure moved, in per cent, or in points if it is a rate.
func change(m metric.Name, now, before metric.Value) (text string, sense mail.Sense) {
	if now.None || before.None {
		return "", mail.Neutral
	}
	by, unit := now.N-before.N, "%"
	switch rate := m.Unit("") == "%"; {
	case rate:
		by, unit = rounded(by, 100), "pt"
	case before.N == 0 && now.N == 0:
		return "", mail.Neutral
	case before.N <= 0:
		return "new", mail.Neutral
	default:
		by = rounded(100*by, before.N)
	}
	text = strconv.FormatInt(by, 10)
	if unit == "pt" {
		text = decimals(by, 10, 1)
	}
	text = grouped(text) + space + unit
	up := by > 0
	if up {
		text = "+" + text
	}
	switch {
	case by == 0:
		return "±" + text, mail.Neutral
	case up != (m == metric.BounceRate || m == metric.Refunded || m == metric.Refunds):
		return text, mail.Better
	}
	return text, mail.Worse
}
