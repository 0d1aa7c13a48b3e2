package collect

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// writer spells parsed values as JSON again, leaving out at every depth what
// would tell an address or a user agent. It relies on scan having read the text.
type writer struct {
	b     []byte
	odd   bool          // texts must be looked at: the body holds \u0000 or broken UTF-8
	mend  bool          // replace what is broken instead of finding fault with it
	judge bool          // leave out values that are addresses: it is context that is written
	own   [2]netip.Addr // of the sender, by connection and by their own word: left out everywhere
	fault string        // the first thing that makes the text unfit to be kept
}

func (w *writer) value(v *fastjson.Value) {
	switch v.Type() {
	case fastjson.TypeObject:
		w.b = append(w.b, '{')
		w.members(v.GetObject(), nil)
		w.b = append(w.b, '}')
	case fastjson.TypeArray:
		w.b = append(w.b, '[')
		w.elements(v.GetArray())
		w.b = append(w.b, ']')
	case fastjson.TypeString:
		w.text(v.GetStringBytes())
	case fastjson.TypeNumber:
		w.number(v)
	default:
		w.b = v.MarshalTo(w.b)
	}
}

func (w *writer) elements(all []*fastjson.Value) {
	first := true
	for _, x := range all {
		if x.Type() == fastjson.TypeString && w.tells(x.GetStringBytes(), w.judge) {
			continue
		}
		if !first {
			w.b = append(w.b, ',')
		}
		first = false
		w.value(x)
	}
}

// number copies a number's digits. One that no float can hold is unfit: some
// stores refuse the whole document for it.
func (w *writer) number(v *fastjson.Value) {
	from := len(w.b)
	w.b = v.MarshalTo(w.b)
	digits := w.b[from:]
	if bytes.IndexByte(digits, 'e') < 0 && bytes.IndexByte(digits, 'E') < 0 && len(digits) < 300 {
		return
	}
	if f, err := strconv.ParseFloat(string(digits), 64); err != nil || math.IsInf(f, 0) {
		w.unfit("holds a number out of range")
		if w.mend {
			w.b = append(w.b[:from], "null"...)
		}
	}
}

// members writes an object's members without its brackets, as more members of
// an object that may have some. skip leaves out further ones; nil none.
func (w *writer) members(o *fastjson.Object, skip func(key []byte, v *fastjson.Value) bool) {
	o.Visit(func(key []byte, v *fastjson.Value) {
		if skip == nil || !skip(key, v) {
			w.member(key, v)
		}
	})
}

// member writes one member, unless it tells who the sender is.
func (w *writer) member(key []byte, v *fastjson.Value) {
	outer := w.judge
	inner := outer || string(key) == "context"
	if private(key) || w.tells(key, outer) || v.Type() == fastjson.TypeString && w.tells(v.GetStringBytes(), inner && !tellsVersion(key)) {
		return
	}
	w.comma()
	w.text(key)
	w.b = append(w.b, ':')
	w.judge = inner
	w.value(v)
	w.judge = outer
}

// comma separates a member from the one before it, if there is one.
func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) text(s []byte) {
	if w.odd {
		switch {
		case !utf8.Valid(s):
			w.unfit("is not valid UTF-8")
			if w.mend {
				s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
			}
		case bytes.IndexByte(s, 0) >= 0:
			w.unfit("holds a NUL byte")
		}
	}
	w.b = appendText(w.b, s)
}

func (w *writer) unfit(why string) {
	if w.fault == "" {
		w.fault = why
	}
}

const hexDigits = "0123456789abcdef"

// appendText appends s as a JSON text.
func appendText(b, s []byte) []byte {
	b = append(b, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
