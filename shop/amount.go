package shop

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"footfall/money"
)

// word is a text of a JSON message: an id, a name, a code. A number is its own
// spelling; anything else counts as not said.
type word string

func (w *word) UnmarshalJSON(raw []byte) error {
	text, ok := scalar(raw)
	if *w = ""; ok {
		*w = word(strings.TrimSpace(text))
	}
	return nil
}

// number is a number of a JSON message as its sender spelled it, as a number or
// as a text; "" is not said. What else stands there is kept, to be refused by
// whoever needs the number.
type number string

func (n *number) UnmarshalJSON(raw []byte) error {
	text, ok := scalar(raw)
	if *n = number(strings.TrimSpace(text)); !ok {
		*n = number(raw)
	}
	return nil
}

// scalar is a JSON text, number or null as text.
func scalar(raw []byte) (text string, ok bool) {
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0 || string(raw) == "null":
		return "", true
	case raw[0] == '"':
		return text, json.Unmarshal(raw, &text) == nil
	}
	return string(raw), raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
}

// title is a name for people. One that is too long or has lines is no reason to
// refuse an order: it is cut and put on one line.
func title(w word) string {
	text := strings.ToValidUTF8(string(w), "")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

// carriable is a word that somebody's browser carried; "" if it can't be what it
// is to be: a visitor can write anything there, and the order counts all the same.
func carriable(w word) word {
	if fault(string(w)) != "" {
		return ""
	}
	return w
}

// first is the first word that is said.
func first(words ...word) string {
	for _, w := range words {
		if w != "" {
			return string(w)
		}
	}
	return ""
}

// decimal is what is taken as a number. Its bounds keep the exact value small:
// "1e999999999" is a short text of a very long number.
var decimal = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$`)

// purse reads a message's amounts as minor units of a currency and keeps the
// first fault, so that a reader asks once, at its end.
type purse struct {
	currency string
	fault    error
}

// open makes a purse of a currency, as it is written or else the usual one.
func open(currency, usual string) *purse {
	if currency == "" {
		currency = usual
	}
	p := &purse{currency: strings.ToUpper(currency)}
	switch {
	case currency == "":
		p.fault = Invalid("currency", "is missing, and the site has none")
	case !money.Known(p.currency):
		p.fault = Invalid("currency", "is no code of ISO 4217 such as EUR")
	}
	return p
}

func (p *purse) blame(field, why string) {
	if p.fault == nil {
		p.fault = Invalid(field, "%s", why)
	}
}

// exact is a number's value; zero if it is not said.
func (p *purse) exact(field string, n number) *big.Rat {
	r := new(big.Rat)
	if n == "" {
		return r
	}
	if !decimal.MatchString(string(n)) {
		p.blame(field, "is no decimal number such as 12.50")
		return r
	}
	r.SetString(string(n)) // takes all that decimal takes
	return r
}

// units is a decimal number of units as minor units, rounded half away from zero.
func (p *purse) units(field string, n number) int64 { return p.round(field, p.exact(field, n)) }

func (p *purse) round(field string, r *big.Rat) int64 {
	minor, err := money.Round(r.FloatString(money.Exponent(p.currency)), p.currency)
	if err != nil {
		p.blame(field, money.ErrTooLarge.Error()) // all other faults ended in exact
	}
	return minor
}

// minor is an amount that is written in minor units.
func (p *purse) minor(field string, n number) int64 {
	v := p.whole(field, n)
	if !within(v, money.Max) {
		p.blame(field, money.ErrTooLarge.Error())
		return 0
	}
	return v
}

func within(v, limit int64) bool { return -limit <= v && v <= limit }

// whole is a whole number; zero if it is not said.
func (p *purse) whole(field string, n number) int64 {
	if n == "" {
		return 0
	}
	v, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		p.blame(field, "is no whole number")
	}
	return v
}

// quantity is how many of a product, at least one unless fewer are said. Of a
// fraction the whole ones count.
func (p *purse) quantity(field string, n number) int64 {
	if n == "" {
		return 1
	}
	r := p.exact(field, n)
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	if !whole.IsInt64() || !within(whole.Int64(), maxQuantity) {
		p.blame(field, "is too large")
		return 1
	}
	return whole.Int64()
}

const maxQuantity = 1_000_000_000

// moment reads a time as RFC 3339 writes it; zero if it is not said.
func (p *purse) moment(field string, w word) time.Time {
	if w == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, string(w))
	if err != nil {
		p.blame(field, "is no time such as 2024-05-31T12:00:00Z")
	}
	return t.UTC()
}

func magnitude(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
