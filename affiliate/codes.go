package affiliate

import (
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"

	"footfall/ledger"
)

// MaxCode is how many characters a canonical code may have.
const MaxCode = 64

// nearFrom is how many characters codes need for one of them to be taken for a
// misspelling of the other: of three letters, too many are one letter off.
const nearFrom = 4

// Canonical is the form under which a code is kept and looked up: its letters
// and digits, upper-cased by Unicode's simple folding, those of full width as
// the usual ones. Separators, punctuation, accents written as characters of
// their own and all else vanish, so that "sarah-15.", "Sarah 15" and "SARAH15"
// are one code. It is "" if nothing is left, or more than MaxCode characters:
// then it is no code.
func Canonical(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if '！' <= r && r <= '～' { // ASCII in full width, U+FF01 to U+FF5E
			r -= '！' - '!'
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		if n++; n > MaxCode {
			return ""
		}
		b.WriteRune(unicode.ToUpper(unicode.ToLower(r))) // by way of the lower case, because several capitals may share one: K and the kelvin sign
	}
	return b.String()
}

// ValidAt reports whether a code counts at a moment: from the first moment of
// its span up to its end, which is not included.
func ValidAt(c ledger.Code, at time.Time) bool {
	return !at.Before(c.From) && (c.To.IsZero() || at.Before(c.To))
}

// Near reports whether two canonical codes of four characters or more are one
// slip apart: a character too many or too few, another one in its place, or two
// neighbours swapped. A code is not near itself.
func Near(a, b string) bool {
	short, long := []rune(a), []rune(b)
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) < nearFrom || len(long)-len(short) > 1 {
		return false
	}
	same := 0
	for same < len(short) && short[same] == long[same] {
		same++
	}
	short, long = short[same:], long[same:] // what follows begins with the slip
	switch {
	case len(long) == 0:
		return false
	case len(short) < len(long):
		return slices.Equal(short, long[1:])
	case slices.Equal(short[1:], long[1:]):
		return true
	}
	return short[0] == long[1] && short[1] == long[0] && slices.Equal(short[2:], long[2:])
}

// Nearest is the code that somebody may have meant who wrote a canonical text
// that is none: the first in the order of texts of those that are Near. False
// if none is, or if the text is a code itself.
func Nearest(canonical string, codes iter.Seq[string]) (code string, ok bool) {
	for c := range codes {
		if c == canonical {
			return "", false
		}
		if Near(canonical, c) && (!ok || c < code) {
			code, ok = c, true
		}
	}
	return code, ok
}
