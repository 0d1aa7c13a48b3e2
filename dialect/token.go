package dialect

import "strings"

// kind of a token.
type kind int

const (
	space kind = iota
	comment
	text   // 'it''s'
	quoted // "a name"
	number
	word
	symbol
)

// token is a piece of a query. All of them together are the query.
type token struct {
	kind kind
	text string
	at   int // byte
}

// is reports whether the token is a word, in any case, or a name in quotes that
// is spelled so.
func (t token) is(name string) bool {
	return t.kind == word && strings.EqualFold(t.text, name) || t.kind == quoted && strings.EqualFold(t.text, `"`+name+`"`)
}

// split cuts a query into tokens. What is not closed goes to the end.
func split(query string) (all []token) {
	for at := 0; at < len(query); {
		k, n := next(query[at:])
		all = append(all, token{k, query[at : at+n], at})
		at += n
	}
	return all
}

func next(s string) (kind, int) {
	c := s[0]
	switch {
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		return space, run(s, func(c byte) bool { return strings.IndexByte(" \t\r\n\f\v", c) >= 0 })
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexAny(s, "\r\n"); i >= 0 {
			return comment, i
		}
		return comment, len(s)
	case strings.HasPrefix(s, "/*"):
		return comment, block(s)
	case c == '\'':
		return text, closed(s, '\'', 1, false)
	case (c == 'e' || c == 'E') && len(s) > 1 && s[1] == '\'':
		return text, closed(s, '\'', 2, true)
	case c == '"':
		return quoted, closed(s, '"', 1, false)
	case c == '$':
		return dollar(s)
	case digit(c) || c == '.' && len(s) > 1 && digit(s[1]):
		return number, numeral(s)
	case letter(c):
		return word, run(s, func(c byte) bool { return letter(c) || digit(c) || c == '$' })
	case strings.HasPrefix(s, "::"), strings.HasPrefix(s, ":="):
		return symbol, 2
	}
	return symbol, 1
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func run(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

// closed is where a quote ends; two of them stand for one, and where escapes are
// so does one behind a backslash.
func closed(s string, quote byte, from int, escapes bool) int {
	for i := from; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// block is where a comment ends; comments stand within one another.
func block(s string) int {
	for i, depth := 0, 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth, i = depth+1, i+1
		case "*/":
			if depth, i = depth-1, i+1; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// dollar is a text between $tag$ and $tag$, or a sign.
func dollar(s string) (kind, int) {
	tag := 1 + run(s[1:], func(c byte) bool { return letter(c) || digit(c) })
	if tag >= len(s) || s[tag] != '$' || tag > 1 && digit(s[1]) {
		return symbol, 1
	}
	if end := strings.Index(s[tag+1:], s[:tag+1]); end >= 0 {
		return text, tag + 1 + end + tag + 1
	}
	return text, len(s)
}

// numeral is the length of 12, 1.5, .5 or 1e-3.
func numeral(s string) int {
	n := run(s, func(c byte) bool { return digit(c) || c == '_' })
	if n < len(s) && s[n] == '.' {
		n += 1 + run(s[n+1:], digit)
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		sign := 0
		if n+1 < len(s) && (s[n+1] == '-' || s[n+1] == '+') {
			sign = 1
		}
		if digits := run(s[n+1+sign:], digit); digits > 0 {
			n += 1 + sign + digits
		}
	}
	return n
}
