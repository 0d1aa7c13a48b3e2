package affiliate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"footfall/ledger"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SARAH15", "SARAH15"},
		{"sarah15", "SARAH15"},
		{" Sarah-15. ", "SARAH15"},
		{"sa_ra h/15!?)", "SARAH15"},
		{"ｓａｒａｈ１５", "SARAH15"},
		{"s\u00ada\u200brah15\ufeff", "SARAH15"}, // what copying brings along
		{"15\u00a0%", "15"},
		{"müller", "MÜLLER"},
		{"ΟΔΟΣ", "ΟΔΟΣ"},
		{"οδος", "ΟΔΟΣ"},
		{"\u212aELVIN", "KELVIN"},
		{"иван-5", "ИВАН5"},
		{"さくら", "さくら"},
		{"sale٢٠", "SALE٢٠"},
		{"a\xffb", "AB"},
		{"", ""},
		{" -.🎉", ""},
		{strings.Repeat("é", MaxCode), strings.Repeat("É", MaxCode)},
		{strings.Repeat("x-", MaxCode), strings.Repeat("X", MaxCode)},
		{strings.Repeat("x", MaxCode+1), ""},
	} {
		if got := Canonical(c.text); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}

// TestCanonicalOfEveryCharacter: all letters that differ in case only are one
// code, and none becomes something that is no letter or digit.
func TestCanonicalOfEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		one := Canonical(string(r))
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			if other := Canonical(string(f)); other != one && unicode.IsLetter(r) && unicode.IsLetter(f) {
				t.Errorf("%U is %q, %U is %q", r, one, f, other)
			}
		}
		if unicode.IsLetter(r) != (one != "" && !unicode.IsDigit(r)) || Canonical(one) != one {
			t.Errorf("%U is %q", r, one)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, text := range []string{"Sarah-15.", "ｓａｒａｈ", "\u212a\u0130ßﬃǆ", "a\xff", strings.Repeat("x", MaxCode+1)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code := Canonical(text)
		if again := Canonical(code); again != code {
			t.Errorf("%q is %q, and that is %q", text, code, again)
		}
		if n := utf8.RuneCountInString(code); n > MaxCode || !utf8.ValidString(code) {
			t.Errorf("%q is %q with %d characters", text, code, n)
		}
		if lower := Canonical("-" + strings.ToLower(code) + "."); lower != code {
			t.Errorf("%q in lower case is %q", code, lower)
		}
	})
}

func TestValidAt(t *testing.T) {
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 1, 0)
	for _, c := range []struct {
		from, to, at time.Time
		want         bool
	}{
		{at: from, want: true},
		{from: from, at: from, want: true},
		{from: from, at: from.Add(-time.Millisecond)},
		{from: from, at: to.AddDate(9, 0, 0), want: true},
		{from: from, to: to, at: to.Add(-time.Millisecond), want: true},
		{from: from, to: to, at: to},
		{to: to, at: from.AddDate(-9, 0, 0), want: true},
	} {
		if got := ValidAt(ledger.Code{From: c.from, To: c.to}, c.at); got != c.want {
			t.Errorf("from %v to %v at %v: %v", c.from, c.to, c.at, got)
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"SARAH15", "SARAH15", false},
		{"SARAH15", "SARAH16", true},  // another
		{"SARAH15", "SARA15", true},   // one too few
		{"SARAH15", "SARAH155", true}, // one too many
		{"SARAH15", "XSARAH15", true},
		{"SARAH15", "SARHA15", true}, // two swapped
		{"SARAH15", "SRAAH15", true},
		{"SARAH15", "SAHAR15", false}, // swapped, but no neighbours
		{"SARAH15", "SARHA16", false},
		{"SARAH15", "SARAH", false},
		{"MÜLLER", "MULLER", true},
		{"ÜÜÜÜ", "ÜÜÜÖ", true},
		{"ABCD", "ABCE", true},
		{"ABCD", "ABC", false}, // too short to tell
		{"ABC", "ABD", false},
		{"", "", false},
	} {
		if Near(c.a, c.b) != c.want || Near(c.b, c.a) != c.want {
			t.Errorf("%q and %q: %v and %v", c.a, c.b, Near(c.a, c.b), Near(c.b, c.a))
		}
	}
}

// slips makes all codes that are one slip away from one, of letters of an alphabet.
func slips(code, alphabet string) map[string]bool {
	all := map[string]bool{}
	for i := range len(code) + 1 {
		for _, r := range alphabet {
			all[code[:i]+string(r)+code[i:]] = true
			if i < len(code) {
				all[code[:i]+string(r)+code[i+1:]] = true
			}
		}
		if i < len(code) {
			all[code[:i]+code[i+1:]] = true
		}
		if i+1 < len(code) {
			all[code[:i]+code[i+1:i+2]+code[i:i+1]+code[i+2:]] = true
		}
	}
	delete(all, code)
	return all
}

// TestNearIsOneSlip compares Near with all slips there are, of all pairs of
// codes of up to six letters of an alphabet of two.
func TestNearIsOneSlip(t *testing.T) {
	codes := []string{""}
	for i := 0; len(codes[i]) < 6; i++ {
		codes = append(codes, codes[i]+"A", codes[i]+"B")
	}
	near := 0
	for _, a := range codes {
		all := slips(a, "AB")
		for _, b := range codes {
			want := all[b] && len(a) >= 4 && len(b) >= 4
			if want {
				near++
			}
			if got := Near(a, b); got != want {
				t.Errorf("%q and %q: %v, want %v", a, b, got, want)
			}
		}
	}
	if near < 500 {
		t.Errorf("only %d pairs are near", near)
	}
}

func TestNearest(t *testing.T) {
	codes := []string{"SARAH15", "TOM20", "SARAH16", "SARA15", "ABC"}
	random := rand.New(rand.NewPCG(3, 1))
	for _, c := range []struct {
		text, want string
	}{
		{"SARAH1", "SARAH15"}, // and SARAH16: the first of the texts
		{"SARAH17", "SARAH15"},
		{"SARAH5", "SARA15"},
		{"SRA15", "SARA15"},
		{"TOM2", "TOM20"},
		{"TOM20", ""}, // is one
		{"SARAH15", ""},
		{"ABD", ""},
		{"NOBODY", ""},
		{"", ""},
	} {
		for range 20 {
			random.Shuffle(len(codes), func(i, j int) { codes[i], codes[j] = codes[j], codes[i] })
			if got, ok := Nearest(c.text, slices.Values(codes)); got != c.want || ok != (c.want != "") {
				t.Fatalf("%q among %v: %q, %v; want %q", c.text, codes, got, ok, c.want)
			}
		}
	}
}

// BenchmarkNearest looks for a miss among 10,000 codes.
func BenchmarkNearest(b *testing.B) {
	codes := map[string]ledger.Code{}
	for i := range 10_000 {
		codes[fmt.Sprintf("PARTNER%05d", i)] = ledger.Code{}
	}
	for b.Loop() {
		if code, ok := Nearest("PARTNER0123X", maps.Keys(codes)); !ok || code != "PARTNER01230" {
			b.Fatal(code, ok)
		}
	}
}
