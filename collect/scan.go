package collect

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

const (
	maxDepth  = 64      // nested objects and arrays
	maxValues = 1 << 18 // of one body: a parsed value takes far more memory than "1,"
)

// shape is what scan learned of a readable JSON text.
type shape struct {
	values   int
	largest  int    // bytes of the largest element of a list in the outermost object
	odd      bool   // it holds \u0000 or broken UTF-8 somewhere: some event is unfit
	writeKey []byte // of the outermost object, in plain spelling; nil if it has none
}

// What a scanner expects next.
const (
	wantValue = iota
	wantFirstValue
	wantKey
	wantFirstKey
	wantNext
	wantEnd
)

// scanner checks a JSON text against RFC 8259 without recursion and with a
// bounded depth, so that what follows may recurse and trust every token.
type scanner struct {
	shape
	b      []byte
	i      int
	depth  int
	object [maxDepth]bool // by depth: object or array
	from   int            // where the element began that may be the largest
}

// scan checks that b is one JSON text within the limits.
func scan(b []byte) (shape, *refusal) {
	s := scanner{b: b}
	want := wantValue
	for {
		s.space()
		if s.i == len(b) {
			if want != wantEnd {
				return s.shape, s.fault("it ends too early")
			}
			s.odd = s.odd || !utf8.Valid(b)
			return s.shape, nil
		}
		var ref *refusal
		if want, ref = s.next(want, b[s.i]); ref != nil {
			return s.shape, ref
		}
	}
}

func (s *scanner) fault(why string) *refusal {
	return unreadable("unreadable JSON at byte " + strconv.Itoa(s.i) + ": " + why)
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// next takes one token that begins with c and says what must follow.
func (s *scanner) next(want int, c byte) (int, *refusal) {
	switch want {
	case wantEnd:
		return 0, s.fault("something follows the end")
	case wantFirstKey, wantKey:
		if c == '}' && want == wantFirstKey {
			return s.leave(), nil
		}
		return s.key(c)
	case wantFirstValue, wantValue:
		if c == ']' && want == wantFirstValue {
			return s.leave(), nil
		}
		return s.value(c)
	}
	inObject := s.object[s.depth-1]
	switch {
	case c == ',' && inObject:
		s.i++
		return wantKey, nil
	case c == ',':
		s.i++
		return wantValue, nil
	case c == '}' && inObject, c == ']' && !inObject:
		return s.leave(), nil
	}
	return 0, s.fault("a comma or a closing bracket is missing")
}

func (s *scanner) leave() int {
	s.i++
	if s.depth--; s.depth == 2 {
		s.largest = max(s.largest, s.i-s.from)
	}
	return s.after()
}

func (s *scanner) after() int {
	if s.depth == 0 {
		return wantEnd
	}
	return wantNext
}

func (s *scanner) enter(object bool) *refusal {
	if s.depth == maxDepth {
		return s.fault("it is nested deeper than " + strconv.Itoa(maxDepth))
	}
	if s.object[s.depth] = object; s.depth == 2 {
		s.from = s.i
	}
	s.depth++
	s.i++
	return nil
}

func (s *scanner) key(c byte) (int, *refusal) {
	if c != '"' {
		return 0, s.fault("a key in quotes is missing")
	}
	from := s.i
	if ref := s.text(); ref != nil {
		return 0, ref
	}
	outermost := s.depth == 1 && string(s.b[from:s.i]) == `"writeKey"`
	s.space()
	if s.i == len(s.b) || s.b[s.i] != ':' {
		return 0, s.fault("a colon is missing")
	}
	s.i++
	if outermost && s.writeKey == nil {
		return s.theKey()
	}
	return wantValue, nil
}

// theKey takes what follows the outermost writeKey, if it is a text.
func (s *scanner) theKey() (int, *refusal) {
	s.space()
	from := s.i
	if !s.at('"') {
		return wantValue, nil
	}
	s.values++
	ref := s.text()
	if ref == nil {
		s.writeKey = s.b[from+1 : s.i-1]
	}
	return wantNext, ref
}

func (s *scanner) value(c byte) (int, *refusal) {
	if s.values++; s.values > maxValues {
		return 0, tooLarge("the body holds more than " + strconv.Itoa(maxValues) + " values")
	}
	switch c {
	case '{':
		return wantFirstKey, s.enter(true)
	case '[':
		return wantFirstValue, s.enter(false)
	case '"':
		return s.after(), s.text()
	case 't':
		return s.after(), s.word("true")
	case 'f':
		return s.after(), s.word("false")
	case 'n':
		return s.after(), s.word("null")
	}
	return s.after(), s.number()
}

func (s *scanner) word(word string) *refusal {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fault("a value is expected")
	}
	s.i += len(word)
	return nil
}

func (s *scanner) digits() int {
	from := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		s.i++
	}
	return s.i - from
}

func (s *scanner) at(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *scanner) number() *refusal {
	if s.at('-') {
		s.i++
	}
	zero := s.at('0')
	switch n := s.digits(); {
	case n == 0:
		return s.fault("a value is expected")
	case zero && n > 1:
		return s.fault("a number starts with 0")
	}
	if s.at('.') {
		s.i++
		if s.digits() == 0 {
			return s.fault("a digit is missing after the point")
		}
	}
	if s.at('e') || s.at('E') {
		s.i++
		if s.at('+') || s.at('-') {
			s.i++
		}
		if s.digits() == 0 {
			return s.fault("the exponent is missing")
		}
	}
	return nil
}

// text takes a string, from quote to quote.
func (s *scanner) text() *refusal {
	b := s.b
	for s.i++; ; s.i++ {
		for len(b)-s.i >= 8 {
			at := special(binary.LittleEndian.Uint64(b[s.i:]))
			if s.i += at; at < 8 {
				break
			}
		}
		if s.i == len(b) {
			return s.fault("a text is not closed")
		}
		switch c := b[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c == '\\':
			if ref := s.escape(); ref != nil {
				return ref
			}
		case c < ' ':
			return s.fault("a control character stands inside a text")
		}
	}
}

// special is where among eight bytes of a text the first quote, backslash or
// control character is; 8 if there is none. Subtracting from every byte at once
// sets the top bit of those that are smaller, and by borrowing perhaps of some
// behind them; those that had it before are letters beyond ASCII.
func special(x uint64) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, backslash := x^ones*'"', x^ones*'\\'
	return bits.TrailingZeros64(((x-ones*' ')|(quote-ones)|(backslash-ones))&^x&tops) / 8
}

// escape takes what follows a backslash, all but its last byte.
func (s *scanner) escape() *refusal {
	s.i++
	if s.i == len(s.b) {
		return s.fault("a text is not closed")
	}
	switch s.b[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		code := s.b[s.i+1 : min(s.i+5, len(s.b))]
		if len(code) < 4 {
			return s.fault("a text is not closed")
		}
		for _, c := range code {
			if c-'0' > 9 && (c|0x20)-'a' > 5 {
				return s.fault(`\u needs four hexadecimal digits`)
			}
		}
		s.odd = s.odd || string(code) == "0000"
		s.i += 4
		return nil
	}
	return s.fault("an unknown escape")
}
