package dash

import (
	"strings"
	"testing"

	"footfall/account"
	"footfall/metric"
)

func mustSites(t *testing.T, w world) []account.Site {
	t.Helper()
	sites, err := w.control.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 123: "123"} {
		if got := whole(n); got != want {
			t.Errorf("whole(%d) = %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{9999: "9,999", 10_000: "10k", 12_345: "12.3k", 99_960: "100k", 999_499: "999k", 999_500: "1M", 1_250_000: "1.2M", 5_000_000_000: "5B"} {
		if got := short(n, 10_000); got != want {
			t.Errorf("short(%d) = %s, want %s", n, got, want)
		}
	}
	for _, x := range []struct {
		now, before float64
		rate        bool
		text, sense string
	}{
		{110, 100, false, "+10%", "up"}, {50, 100, false, "−50%", "down"}, {5, 0, false, "new", "up"}, {0, 0, false, "", "flat"},
		{0, 9, false, "−100%", "down"}, {100.2, 100, false, "±0%", "flat"}, {45, 40, true, "+5 pt", "up"}, {9000, 1, false, "+899,900%", "up"},
	} {
		if text, sense := change(x.now, x.before, x.rate); text != x.text || sense != x.sense {
			t.Errorf("change(%v, %v) = %s %s, want %s %s", x.now, x.before, text, sense, x.text, x.sense)
		}
	}
	for x, want := range map[float64]string{0: "0%", .04: "0.0%", 3.14: "3.1%", 9.96: "10%", 42.4: "42%", 100: "100%"} {
		if got := percent(x); got != want {
			t.Errorf("percent(%v) = %s, want %s", x, got, want)
		}
	}
}

func TestScaleStartsAtZeroAndHoldsEverything(t *testing.T) {
	for _, x := range []struct {
		max    float64
		rate   bool
		labels string
	}{
		{0, false, "0 1 2 3 4"}, {3, false, "0 1 2 3 4"}, {7, false, "0 2 4 6 8"}, {100, false, "0 25 50 75 100"}, {101, false, "0 50 100 150"},
		{8405, false, "0 2,500 5,000 7,500 10,000"}, {43, true, "0% 20% 40% 60%"}, {100, true, "0% 25% 50% 75% 100%"}, {0, true, "0% 1% 2% 3% 4%"},
	} {
		top, ticks := scale([]float64{0, x.max}, x.rate)
		var labels []string
		for _, tick := range ticks {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != x.labels || top < x.max || ticks[0].Y != plotHeight {
			t.Errorf("scale(%v) = %s up to %v, want %s", x.max, got, top, x.labels)
		}
	}
}

func TestUnfinishedStepIsDashed(t *testing.T) {
	var c chart
	points := []metric.Point{{Value: 1}, {Value: 4}, {Value: 2, Partial: true}}
	c.draw(points, []float64{1, 4, 2}, []float64{0, 0, 4}, 4)
	if c.Line != "M166.7 184.0 L500.0 16.0" || c.Unfinished != "M500.0 16.0 L833.3 128.0" || !strings.HasSuffix(c.Area, "L500.0 240 L166.7 240 Z") || !c.Steps[2].Unfinished {
		t.Errorf("line %q, unfinished %q, area %q", c.Line, c.Unfinished, c.Area)
	}
}

func TestAlign(t *testing.T) {
	if got := align([]float64{1, 2, 3}, 2); got[0] != 2 || len(got) != 2 {
		t.Error(got)
	}
	if got := align([]float64{1}, 3); got[2] != 1 || len(got) != 3 {
		t.Error(got)
	}
}

func TestAxisLabelsFit(t *testing.T) {
	w := newWorld(t, now, "a.example")
	for _, c := range choices {
		s := readState(map[string][]string{"period": {c.name}}, mustSites(t, w))
		x := spanOf(s, fixed)
		n := len(x.step.Cut(x.window, x.zone))
		var drawn chart
		points := make([]metric.Point, n)
		for i, at := range x.step.Cut(x.window, x.zone) {
			points[i].Time = at
		}
		drawn.draw(points, make([]float64, n), make([]float64, n), 4)
		drawn.tell(points, make([]float64, n), make([]float64, n), false, "page views", x)
		if len(drawn.Labels) < 5 || len(drawn.Labels) > 8 {
			t.Errorf("%s: %d labels for %d steps of %s", c.name, len(drawn.Labels), n, x.step)
		}
	}
}

func TestCountries(t *testing.T) {
	if country("DE") != "Germany" || country("ZZ") != "ZZ" || country("AX") != "Åland Islands" || len(countryNames()) != 249 {
		t.Error(country("DE"), country("ZZ"), len(countryNames()))
	}
}
