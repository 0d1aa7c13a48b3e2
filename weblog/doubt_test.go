package weblog

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestWrongFormat: a file read in the wrong format leaves nothing behind and
// says what it looks like; one with some bad lines is imported.
func TestWrongFormat(t *testing.T) {
	lines := func(n int, line string) string { return strings.Repeat(line+"\n", n) }
	for _, x := range []struct {
		name         string
		format       Format
		log          string
		says         string // "" is no error
		told, stored int
		read         int64
	}{
		{"combined as common", Common, lines(500, combined), "500 of 500 lines are not in the format common; they look like combined, so try: --format combined (nothing", 0, 0, 500},
		{"common as combined", Combined, lines(20, common), "try: --format common", 0, 0, 20},
		{"a page", Combined, lines(60, "<p>Hello</p>"), "they are no lines of an access log", 0, 0, 60},
		{"the end is not awaited", Common, lines(100_000, combined), "1000 of 1000 lines", 0, 0, 1000},
		{"too few to say", Combined, lines(19, common), "", 19, 0, 19},
		{"half", Combined, lines(10, common) + lines(10, combined), "", 10, 10, 20},
		{"more than half", Combined, lines(11, common) + lines(10, combined), "11 of 21 lines", 0, 0, 21},
		{"a bad beginning", Combined, lines(900, "") + lines(2000, combined), "", 900, 2000, 2900},
		{"a worse one", Combined, lines(901, "") + lines(2000, combined), "901 of 1000 lines", 0, 0, 1000},
		{"a bad end", Combined, lines(1000, combined) + lines(1500, common), "1500 of 2500 lines are not in the format combined; they look like common, so try: --format common (the others are stored)", 1500, 1000, 2500},
	} {
		t.Run(x.name, func(t *testing.T) {
			var s stored
			told := 0
			o := s.options(x.format)
			o.Malformed = func(_ context.Context, number int64, _, _ string) {
				if told++; x.name == "half" && number != int64(told) {
					t.Errorf("line %d is told as %d", told, number)
				}
			}
			r, err := Import(t.Context(), strings.NewReader(x.log), o)
			wrong, is := errors.AsType[*FormatError](err)
			if is != (x.says != "") || is && !strings.Contains(wrong.Error(), x.says) || !is && err != nil {
				t.Errorf("says %v, want %q", err, x.says)
			}
			if told != x.told || len(s.events) != x.stored || r.Lines != x.read {
				t.Errorf("%d lines read, %d told, %d stored; want %d, %d, %d", r.Lines, told, len(s.events), x.read, x.told, x.stored)
			}
		})
	}
}
