package dash

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// whole spells a count with a comma between thousands.
func whole[T int64 | uint64 | int](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
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

// percent spells a share, with one digit after the point where it matters.
func percent(x float64) string {
	if x > 0 && x < 9.95 {
		return strconv.FormatFloat(x, 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(x, 'f', 0, 64) + "%"
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
