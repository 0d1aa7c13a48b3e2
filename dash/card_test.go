package dash

import (
	"bytes"
	"image/png"
	"os"
	"testing"
	"time"

	"footfall/metric"
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
			if r, _, _, _ := picture.At(cardWidth-20, y).RGBA(); y < 340 && r>>8 != uint32(paper.R) {
				edge++
			}
		}
		if (marked > 0) != x.line || edge > 0 {
			t.Errorf("%s: %d pixels of a line, %d beyond the edge", name, marked, edge)
		}
	}
	t.Logf("three cards in %v", time.Since(began))
}

// TestCardSaysNoNewVisitors: "new" beside the number would be read as the visitors' word.
func TestCardSaysNoNewVisitors(t *testing.T) {
	for before, want := range map[int64]string{0: "", 20: "+15%"} {
		if got := (state{}).onCard(&total{over: metric.Value{N: 23}, before: metric.Value{N: before}}); got != want {
			t.Errorf("23 after %d: %q, want %q", before, got, want)
		}
	}
}
