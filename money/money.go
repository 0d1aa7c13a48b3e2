// Package money is exact amounts: whole minor units of a currency as int64, and
// rates as parts per million. Nothing here passes through a float.
package money

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Max is the largest amount that is taken, in minor units: sums of a billion of
// them stay within int64.
const Max = 1_000_000_000_000 // ten thousand million units of a currency with two decimals

// PPM is one hundred per cent as a rate.
const PPM = 1_000_000

// Errors of amounts that can't be taken.
var (
	ErrNotNumber = errors.New("is no decimal number such as 12.50")
	ErrTooFine   = errors.New("has more decimals than the currency")
	ErrTooLarge  = errors.New("is too large")
)

// exponents lists the currencies of ISO 4217 whose number of decimals is not two.
var exponents = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
	"UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}

// Exponent is how many decimals a currency (ISO 4217, upper case) has: 0 of JPY,
// 3 of KWD, 2 of most.
func Exponent(currency string) int {
	if n, ok := exponents[currency]; ok {
		return n
	}
	return 2
}

// Known reports whether a text has the form of an ISO 4217 code, three capitals,
// of money that is paid with: CLF and UYW, units of account with four decimals,
// are not.
func Known(currency string) bool {
	if len(currency) != 3 || currency == "CLF" || currency == "UYW" {
		return false
	}
	for i := range 3 {
		if currency[i] < 'A' || currency[i] > 'Z' {
			return false
		}
	}
	return true
}

// Parse reads a decimal number of units ("12.5", "-3", "0.125") as minor units
// of a currency. Decimals beyond the currency's are an error (ErrTooFine) unless
// they are zeros: an amount that is not exact is no amount.
func Parse(text, currency string) (minor int64, err error) {
	return parse(text, currency, false)
}

// Round is Parse, but rounds half away from zero where there are more decimals.
func Round(text, currency string) (minor int64, err error) {
	return parse(text, currency, true)
}

func parse(text, currency string, round bool) (int64, error) {
	s := strings.TrimSpace(text)
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	whole, decimals, dotted := strings.Cut(s, ".")
	if whole == "" || dotted && decimals == "" || strings.Trim(whole+decimals, "0123456789") != "" {
		return 0, fmt.Errorf("%q %w", text, ErrNotNumber)
	}
	places := Exponent(currency)
	up := false
	if len(decimals) > places {
		rest := decimals[places:]
		if !round && strings.Trim(rest, "0") != "" {
			return 0, fmt.Errorf("%q %w: %s has %d", text, ErrTooFine, currency, places)
		}
		up, decimals = rest[0] >= '5', decimals[:places]
	}
	digits := strings.TrimLeft(whole+decimals+strings.Repeat("0", places-len(decimals)), "0")
	if len(digits) > 15 {
		return 0, fmt.Errorf("%q %w", text, ErrTooLarge)
	}
	n := int64(0)
	if digits != "" {
		n, _ = strconv.ParseInt(digits, 10, 64) // at most 15 digits
	}
	if up {
		n++
	}
	if n > Max {
		return 0, fmt.Errorf("%q %w", text, ErrTooLarge)
	}
	if negative {
		n = -n
	}
	return n, nil
}

// Format spells minor units as a decimal number with all of the currency's
// decimals: 1250 of EUR is "12.50", 1250 of JPY "1250". Parse reads it back.
func Format(minor int64, currency string) string {
	places := Exponent(currency)
	sign := ""
	magnitude := uint64(minor)
	if minor < 0 {
		sign, magnitude = "-", -magnitude // also right for the smallest int64
	}
	digits := strconv.FormatUint(magnitude, 10)
	if places == 0 {
		return sign + digits
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	at := len(digits) - places
	return sign + digits[:at] + "." + digits[at:]
}

// Thousandths is minor units as thousandths of the currency's unit, in which
// figures are counted: no currency has more than three decimals.
func Thousandths(minor int64, currency string) int64 {
	for range 3 - Exponent(currency) {
		minor *= 10
	}
	return minor
}

// Share is a rate's part of an amount, half away from zero:
// (2·|amount|·ppm + 10^6) div (2·10^6). The product is taken in 128 bits.
func Share(minor int64, ppm int32) int64 {
	negative := (minor < 0) != (ppm < 0)
	hi, lo := bits.Mul64(2*magnitude(minor), magnitude(int64(ppm)))
	lo, carry := bits.Add64(lo, PPM, 0)
	q, _ := bits.Div64(hi+carry, lo, 2*PPM)
	if negative {
		return -int64(q)
	}
	return int64(q)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Spread divides a total among weights in their proportion so that the parts add
// up to it exactly, by the largest remainder: every part is cut towards zero,
// and what is left goes, a unit each, to the parts that lost most, the earlier
// one first. Weights are not negative; if all are zero the parts are equal.
func Spread(total int64, weights []int64) []int64 {
	if len(weights) == 0 {
		return nil
	}
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, big.NewInt(w))
	}
	if sum.Sign() == 0 {
		equal := make([]int64, len(weights))
		for i := range equal {
			equal[i] = 1
		}
		return Spread(total, equal)
	}
	sign := int64(1)
	left := new(big.Int).SetInt64(total)
	if total < 0 {
		sign = -1
		left.Neg(left)
	}
	whole := new(big.Int).Set(left)
	parts := make([]int64, len(weights))
	lost := make([]*big.Int, len(weights))
	for i, w := range weights {
		product := new(big.Int).Mul(whole, big.NewInt(w))
		q, r := new(big.Int).QuoRem(product, sum, new(big.Int))
		parts[i], lost[i] = q.Int64(), r
		left.Sub(left, q)
	}
	for n := left.Int64(); n > 0; n-- {
		most := 0
		for i := range lost {
			if lost[i].Cmp(lost[most]) > 0 {
				most = i
			}
		}
		parts[most]++
		lost[most] = big.NewInt(-1)
	}
	for i := range parts {
		parts[i] *= sign
	}
	return parts
}
