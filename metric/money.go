package metric

import (
	"slices"
	"strconv"
	"strings"

	"footfall/event"
)

// Money reports whether the metric's values are amounts, in thousandths of the
// site's currency.
func (n Name) Money() bool {
	return n == Revenue || n == Refunded || n == Sales || n == Commissions || n == EPC || n == AverageOrder || n == GoalValue || slices.Contains(States, n)
}

// timed are the metrics in seconds.
var timed = []Name{SessionSeconds, SessionDuration, PageSeconds, TimeOnPage}

// Whole reports whether the metric's values are whole numbers, not thousandths.
func (n Name) Whole() bool {
	_, divided := Ratios[n]
	return !divided && !n.Money() && !slices.Contains(timed, n)
}

// Unit is what values are spelled in: a currency, "%", "s" (seconds), or nothing.
func (n Name) Unit(currency string) string {
	switch {
	case n.Money():
		return currency
	case n == ConversionRate || n == BounceRate || n == GoalRate:
		return "%"
	case slices.Contains(timed, n):
		return "s"
	}
	return ""
}

// Type is what Spell's numbers are, as SQL names it.
func (n Name) Type() string {
	if n.Whole() {
		return "BIGINT"
	}
	return "DECIMAL(18,3)"
}

// Earned reports whether the metric is one of affiliate programmes, which a
// ledger knows and no event store.
func (n Name) Earned() bool { return Earned[n] != nil }

// Spell spells a value as an exact decimal number of its Unit (12,500 thousandths
// are 12.5); what is counted is a whole number. Doors never
// show thousandths.
func (n Name) Spell(value int64) string {
	if n.Whole() {
		return strconv.FormatInt(value, 10)
	}
	digits := strconv.FormatInt(value/event.Thousandths, 10)
	rest := value % event.Thousandths
	if rest == 0 {
		return digits
	}
	if rest < 0 {
		if rest = -rest; digits == "0" {
			digits = "-0"
		}
	}
	return digits + "." + strings.TrimRight(strconv.FormatInt(event.Thousandths+rest, 10)[1:], "0")
}
