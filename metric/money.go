package metric

import (
	"strconv"
	"strings"

	"footfall/event"
)

// Money reports whether the metric's values are amounts, in thousandths of the
// site's currency.
func (n Name) Money() bool {
	return n == Revenue || n == Refunded || n == Sales || n == Commissions
}

// Earned reports whether the metric is one of affiliate programmes, which a
// ledger knows and no event store.
func (n Name) Earned() bool { return Earned[n] != nil }

// Spell spells a value as an exact decimal number: an amount in units of its
// currency (12,500 thousandths are 12.5), anything else as it is. Doors never
// show thousandths.
func (n Name) Spell(value int64) string {
	if !n.Money() {
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
