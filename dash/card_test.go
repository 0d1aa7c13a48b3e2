package dash

import (
	"bytes"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/font/sfnt"

	"footfall/language"
	"footfall/metric"
	"footfall/period"
)

// TestDrawCard: the picture has its size, whatever the name and the number, and a line
// where there are days to draw one of. With CARD set it is kept there, to be looked at.
func TestDrawCard(t *testing.T) {
	var days []point
	for i := range 30 {
		days = append(days, point{at: now().AddDate(0, 0, i), now: metric.Value{N: int64(400 + 37*(i*i%29))}, partial: i == 29})
	}
	long := "a-very-long-name-of-a-site-that-somebody-has-really-registered.example.org"
	began := time.Now()
	for name, x := range map[string]struct {
		domain, n, change string
		days              []point
		line              bool
	}{
		"usual": {"atelier.example", "38,204", "+12%", days, true}, "long": {long, "9,999,999,999,999", "−99.9%", days, true}, "empty": {"new.example", "0", "", nil, false},
		"longest": {strings.Repeat("abcdefgh-", 27) + ".example", "1", "", days, true},
		"far":     {domainOf(strings.Repeat("日本語", 4) + ".example"), "999,999,999,999", "+49,999,999,900%", days, true},
	} {
		text, err := drawCard(tongue{}, x.domain, x.n, x.change, "22 November 2026", x.days)
		if err != nil {
			t.Fatal(err)
		}
		if at := os.Getenv("CARD"); at != "" {
			if err := os.WriteFile(at+"-"+name+".png", text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		picture, err := png.Decode(bytes.NewReader(text))
		if err != nil || picture.Bounds().Dx() != cardWidth || picture.Bounds().Dy() != cardHeight {
			t.Fatalf("%s: %v, %v", name, picture, err)
		}
		marked, edge := 0, 0 // of the line, and of what should be paper at the right edge
		for y := range cardHeight {
			if r, _, _, _ := picture.At(600, y).RGBA(); y > 350 && r>>8 == uint32(mark.R) {
				marked++
			}
			if r, _, _, _ := picture.At(cardWidth-cardEdge+4, y).RGBA(); y < 340 && r>>8 != uint32(paper.R) {
				edge++
			}
		}
		if (marked > 0) != x.line || edge > 0 {
			t.Errorf("%s: %d pixels of a line, %d beyond the edge", name, marked, edge)
		}
	}
	t.Logf("the cards in %v", time.Since(began))
}

// TestCardSaysNoNewVisitors: "new" beside the number would be read as the visitors' word.
func TestCardSaysNoNewVisitors(t *testing.T) {
	for before, want := range map[int64]string{0: "", 20: "+15%"} {
		if got := (state{}).onCard(&total{over: metric.Value{N: 23}, before: metric.Value{N: before}}); got != want {
			t.Errorf("23 after %d: %q, want %q", before, got, want)
		}
	}
}

// TestCardHasEveryGlyph: the card's fonts know Latin, Greek and Cyrillic letters alone, and a
// sign that they lack would be an empty box. Whatever stands on a card, in each language,
// they have: domains of other scripts are kept in their xn-- form.
func TestCardHasEveryGlyph(t *testing.T) {
	fonts, err := faces()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, typed := range []string{"日本語.example", "مثال.example", "בלוג.example", "🎉🎉.example", "münchen.example"} {
		name := domainOf(typed)
		if !strings.HasPrefix(name, "xn--") {
			t.Errorf("%s is kept as %s", typed, name)
		}
		texts = append(texts, name)
	}
	for _, l := range []tongue{{}, {language.Of("de")}} {
		s := state{tongue: l}
		texts = append(texts, l.Say("visitors in the last 30 days"), whole(l, int64(999_999_999_999)))
		for _, before := range []int64{1, 1_000_000_000_000} {
			texts = append(texts, s.onCard(&total{over: metric.Value{N: 500_000_000_000}, before: metric.Value{N: before}}))
		}
		for month := range 12 {
			texts = append(texts, l.Say("As of {day} · counted by Footfall, without cookies", s.day(period.DateOf(now().AddDate(0, month, 0), time.UTC))))
		}
	}
	texts = append(texts, "…") // of a text that is cut
	var b sfnt.Buffer
	for _, text := range texts {
		for _, sign := range text {
			for name, f := range map[string]*sfnt.Font{"regular": fonts.regular, "bold": fonts.bold} {
				if at, err := f.GlyphIndex(&b, sign); err != nil || at == 0 {
					t.Errorf("%q: the %s font has no %q: %v", text, name, sign, err)
				}
			}
		}
	}
	t.Logf("%q", texts)
}
