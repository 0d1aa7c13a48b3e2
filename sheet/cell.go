// Package sheet writes tables as files: comma-separated values for spreadsheets
// and JSON lines for programs.
package sheet

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Harmless is a text of somebody else's making that no spreadsheet takes for a
// formula: it gets an apostrophe before its first character where that is one of
// = + - @, a tab or a line break (OWASP, CSV Injection).
func Harmless(text string) string {
	if risky(text) {
		return "'" + text
	}
	return text
}

func risky(text string) bool { return text != "" && strings.IndexByte("=+-@\t\r\n", text[0]) >= 0 }

// AppendCell appends a text as a cell of CSV, harmless and, where RFC 4180 asks for
// it, in quotes: the same bytes that encoding/csv writes.
func AppendCell(b []byte, text string) []byte {
	if text == "" || letter(text[0]) && simple(text) && strings.IndexByte(text, ',') < 0 {
		return append(b, text...)
	}
	apostrophe := risky(text)
	if !quoted(text, apostrophe) {
		if apostrophe {
			b = append(b, '\'')
		}
		return append(b, text...)
	}
	b = append(b, '"')
	if apostrophe {
		b = append(b, '\'')
	}
	for {
		at := strings.IndexByte(text, '"')
		if at < 0 {
			return append(append(b, text...), '"')
		}
		b = append(append(b, text[:at]...), `""`...)
		text = text[at+1:]
	}
}

// quoted reports whether a cell stands in quotes.
func quoted(text string, apostrophe bool) bool {
	for i := range len(text) {
		switch text[i] {
		case ',', '"', '\r', '\n':
			return true
		}
	}
	if text == "" || apostrophe {
		return false
	}
	// What encoding/csv quotes, too: a leading space, which others trim, and what
	// PostgreSQL takes for the end of the data.
	first, _ := utf8.DecodeRuneInString(text)
	return text == `\.` || unicode.IsSpace(first)
}

// letter reports whether a text that begins with it can be no formula and needs no
// quotes for its beginning.
func letter(c byte) bool { return c > ' ' && c < utf8.RuneSelf && strings.IndexByte(`=+-@\`, c) < 0 }

// simple reports whether a text is the same in JSON: ASCII without control characters,
// quotes, backslashes and what a page could take for markup. It looks at eight bytes at a time,
// at the last eight once more if they are no whole step.
func simple(text string) bool {
	if len(text) < 8 {
		var x uint64 = ones * ' '
		for i := range len(text) {
			x = x<<8 | uint64(text[i])
		}
		return !special(x)
	}
	for i := 0; i < len(text)-8; i += 8 {
		if special(eight(text[i:])) {
			return false
		}
	}
	return !special(eight(text[len(text)-8:]))
}

// eight is the first eight bytes of a text.
func eight(b string) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

// special reports whether one of eight bytes is not simple: is above 0x7f, below a
// space, or one of " & < > \. A byte is zero where taking 1 from it borrows; a neighbour
// that borrows, too, is above one that is.
func special(x uint64) bool {
	quote := (x | ones*('"'^'&')) ^ ones*'&' // zero for both
	angle := (x | ones*('<'^'>')) ^ ones*'>' // zero for both
	slash := x ^ ones*'\\'
	return (x|(x-ones*' ')|(quote-ones)&^quote|(angle-ones)&^angle|(slash-ones)&^slash)&tops != 0
}

// AppendText appends a text as JSON has it, in the bytes of encoding/json.
func AppendText(b []byte, text string) []byte {
	if simple(text) || !marked(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	encoded, err := json.Marshal(text)
	if err != nil { // a string has no fault
		encoded = []byte(`""`)
	}
	return append(b, encoded...)
}

// marked reports whether encoding/json may escape something of a text.
func marked(text string) bool {
	for i := range len(text) {
		// U+2028 and U+2029 begin with 0xe2.
		if c := text[i]; c < ' ' || c == 0xe2 || strings.IndexByte(`"\<>&`, c) >= 0 {
			return true
		}
	}
	return !utf8.ValidString(text)
}
