package account

import (
	"slices"
	"testing"
	"time"
)

// TestParts: what people write of a public site is read, put in order and spelt, and a
// site that shows anything shows the board.
func TestParts(t *testing.T) {
	for text, want := range map[string]string{
		"": "off", "off": "off", "on": "board", "revenue": "board,revenue", "search, on,revenue": "board,revenue,search", "board,board": "board",
	} {
		s, err := Prepare(Site{Domain: "a.example", Public: ReadParts(text)}, time.Now(), func(string) bool { return false })
		if got := SpellParts(s.Public); err != nil || got != want || !slices.Equal(ReadParts(got), s.Public) || s.Shows(TheBoard) != (want != "off") {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"people", "on,money", "yes", "Board"} {
		if s, err := settings(Site{Public: ReadParts(text)}); err == nil {
			t.Errorf("%q is taken, as %v", text, s.Public)
		}
	}
}
