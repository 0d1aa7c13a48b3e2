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

// Bytes of a text, as encoding/json writes it.
const (
	plain  = iota // stands as it is
	wide          // of a longer character, which does if the text is valid UTF-8
	marked        // is escaped, or may be
)

var kinds = func() (table [256]byte) {
	for c := range table {
		switch {
		case c < ' ' || strings.IndexByte(`"\<>&`, byte(c)) >= 0 || c == 0xe2: // which U+2028 and U+2029 begin with
			table[c] = marked
		case c >= utf8.RuneSelf:
			table[c] = wide
		}
	}
	return table
}()

// AppendText appends a text as JSON has it, in the bytes of encoding/json.
func AppendText(b []byte, text string) []byte {
	var found byte
	for i := range len(text) {
		found |= kinds[text[i]]
	}
	if found&marked != 0 || found == wide && !utf8.ValidString(text) {
		encoded, err := json.Marshal(text)
		if err != nil { // a string has no fault
			encoded = []byte(`""`)
		}
		return append(b, encoded...)
	}
	return append(append(append(b, '"'), text...), '"')
}
