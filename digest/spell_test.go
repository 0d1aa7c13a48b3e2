package digest

import (
	"bytes"
	"image/color"
	"image/png"
	"testing"

	"footfall/mail"
	"footfall/metric"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		m    metric.Name
		n    int64
		want string
	}{
		{metric.Visitors, 0, "0"}, {metric.Visitors, 999, "999"}, {metric.Visitors, 1000, "1 000"}, {metric.PageViews, 1234567, "1 234 567"},
		{metric.BounceRate, 53333, "53.3 %"}, {metric.BounceRate, 53350, "53.4 %"}, {metric.BounceRate, 100000, "100.0 %"}, {metric.BounceRate, 40, "0.0 %"},
		{metric.Revenue, 0, "0.00 EUR"}, {metric.Revenue, 1234500, "1 234.50 EUR"}, {metric.Revenue, -1234567, "−1 234.567 EUR"}, {metric.Revenue, -500, "−0.50 EUR"},
		{metric.SessionDuration, 1499, "1 s"},
	} {
		if got := plain(number(c.m, metric.Value{N: c.n}, "EUR")); got != c.want {
			t.Errorf("%s of %d is %q, want %q", c.m, c.n, got, c.want)
		}
	}
	if got := number(metric.EPC, metric.Value{None: true}, "EUR"); got != none {
		t.Errorf("nothing is %q", got)
	}
}

// plain has usual spaces.
func plain(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte(space), []byte(" "))) }

func TestChange(t *testing.T) {
	for _, c := range []struct {
		m           metric.Name
		now, before int64
		text        string
		sense       mail.Sense
	}{
		{metric.Visitors, 112, 100, "+12 %", mail.Better}, {metric.Visitors, 97, 100, "−3 %", mail.Worse}, {metric.Visitors, 100, 100, "±0 %", mail.Neutral},
		{metric.Visitors, 1001, 1000, "±0 %", mail.Neutral}, {metric.Visitors, 5, 0, "new", mail.Neutral}, {metric.Visitors, 0, 0, "", mail.Neutral}, {metric.Visitors, 0, 7, "−100 %", mail.Worse},
		{metric.Visitors, 20000, 100, "+19 900 %", mail.Better},
		{metric.BounceRate, 51640, 50000, "+1.6 pt", mail.Worse}, {metric.BounceRate, 48400, 50000, "−1.6 pt", mail.Better}, {metric.BounceRate, 49990, 50000, "±0.0 pt", mail.Neutral},
		{metric.ConversionRate, 2000, 1000, "+1.0 pt", mail.Better}, {metric.Refunded, 2000, 1000, "+100 %", mail.Worse},
		{metric.Commissions, 5000, -5000, "new", mail.Neutral},
	} {
		if text, sense := change(c.m, metric.Value{N: c.now}, metric.Value{N: c.before}); plain(text) != c.text || sense != c.sense {
			t.Errorf("%s from %d to %d is %q, %q; want %q, %q", c.m, c.before, c.now, text, sense, c.text, c.sense)
		}
	}
	if text, _ := change(metric.EPC, metric.Value{None: true}, metric.Value{N: 1}); text != "" {
		t.Errorf("from nothing is %q", text)
	}
}

// TestChart: the bars are as high as their values, the paper shows between them, and
// what is not nothing is seen.
func TestChart(t *testing.T) {
	m, err := png.Decode(bytes.NewReader(draw([]int64{100, 50, 0, 1}, []int64{50, 0, 0, 1})))
	if err != nil || m.Bounds().Dx() != chartWidth || m.Bounds().Dy() != chartHeight {
		t.Fatalf("%v, %v", m.Bounds(), err)
	}
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA) }
	wide, small, ground := paint(mail.WideColor), paint(mail.SmallColor), chartHeight-2
	high := func(x int, c color.NRGBA) (n int) {
		for y := range ground {
			if at(x, y) == c {
				n++
			}
		}
		return n
	}
	slot := chartWidth / 4
	for i, want := range []struct{ wide, small int }{{316, 158}, {158, 0}, {0, 0}, {3, 3}} {
		middle, side := slot*i+slot/2, slot*i+slot/5
		if got := high(middle, small); got != want.small {
			t.Errorf("slim bar %d is %d high, want %d", i, got, want.small)
		}
		if got := high(side, wide); got != want.wide {
			t.Errorf("broad bar %d is %d high, want %d", i, got, want.wide)
		}
		if at(slot*i+2, 10).A != 0 {
			t.Errorf("there is no paper beside bar %d", i)
		}
	}
	for _, none := range [][]int64{nil, {}, {0}, {0, 0}} { // nothing divides by zero
		draw(none, none)
	}
}
