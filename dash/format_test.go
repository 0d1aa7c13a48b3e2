package dash

import (
	"strings"
	"testing"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
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
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "−1,234,567", 123: "123"} {
		if got := whole(tongue{}, n); got != want {
			t.Errorf("whole(%d) = %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{9999: "9,999", 10_000: "10k", 12_345: "12.3k", 99_960: "100k", 999_499: "999k", 999_500: "1M", 1_250_000: "1.2M", 5_000_000_000: "5B", 999_499_999_999: "999B", 1_000_000_000_000: "1T"} {
		if got := (tongue{}).short(n, 10_000); got != want {
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
		if text, sense := (tongue{}).change(x.now, x.before, x.rate); text != x.text || sense != x.sense {
			t.Errorf("change(%v, %v) = %s %s, want %s %s", x.now, x.before, text, sense, x.text, x.sense)
		}
	}
	for x, want := range map[float64]string{0: "0%", .04: "<0.1%", 3.14: "3.1%", 9.96: "10%", 42.4: "42%", 99.4: "99%", 99.98: "99.9%", 100: "100%"} {
		if got := (tongue{}).percent(x); got != want {
			t.Errorf("percent(%v) = %s, want %s", x, got, want)
		}
	}
}

func TestScaleStartsAtZeroAndHoldsEverything(t *testing.T) {
	for _, x := range []struct {
		of     metric.Name
		max    int64
		labels string
	}{
		{metric.PageViews, 0, "0 1 2 3 4"}, {metric.PageViews, 3, "0 1 2 3 4"}, {metric.PageViews, 7, "0 2 4 6 8"}, {metric.PageViews, 100, "0 25 50 75 100"}, {metric.PageViews, 101, "0 50 100 150"},
		{metric.PageViews, 8405, "0 2,500 5,000 7,500 10,000"}, {metric.BounceRate, 43_000, "0% 20% 40% 60%"}, {metric.BounceRate, 100_000, "0% 25% 50% 75% 100%"}, {metric.BounceRate, 0, "0% 1% 2% 3% 4%"},
		{metric.GoalRate, 160_000, "0% 50% 100% 150% 200%"}, {metric.GoalRate, 700, "0% 0.2% 0.4% 0.6% 0.8%"}, {metric.SessionDuration, 131_000, "0 m 1 m 2 m 3 m"}, {metric.SessionDuration, 9_000, "0 s 5 s 10 s"},
		{metric.SessionDuration, 7_300_000, "0 h 1 h 2 h 3 h"}, {metric.Revenue, 129_500, "0 50 100 150"}, {metric.Revenue, 480_000_000, "0 200k 400k 600k"}, {metric.ViewsPerSession, 2_400, "0 1 2 3"}, {metric.Revenue, 500, "0 0.2 0.4 0.6"},
	} {
		top, ticks := tongue{}.scale(x.of, []point{{now: metric.Value{N: 0}, before: metric.Value{None: true, N: 1 << 40}}, {now: metric.Value{N: x.max}, before: metric.Value{N: x.max / 2}}})
		var labels []string
		for _, tick := range ticks {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != x.labels || top < scaled(x.of, x.max) || ticks[0].Y != plotHeight {
			t.Errorf("scale of %s up to %v = %s up to %v, want %s", x.of, x.max, got, top, x.labels)
		}
	}
}

func TestUnfinishedStepIsDashed(t *testing.T) {
	var c chart
	none := metric.Value{None: true}
	c.draw(metric.PageViews, []point{{now: metric.Value{N: 1}}, {now: metric.Value{N: 4}, before: none}, {now: metric.Value{N: 2}, before: metric.Value{N: 4}, partial: true}, {now: none, before: metric.Value{N: 4}}}, 4)
	if c.Line != "M125.0 184.0 L375.0 16.0" || c.Unfinished != "M375.0 16.0 L625.0 128.0" || !strings.HasSuffix(c.Area, "L375.0 240 L125.0 240 Z") || !c.Steps[2].Unfinished {
		t.Errorf("line %q, unfinished %q, area %q", c.Line, c.Unfinished, c.Area)
	}
	if c.Before != "M125.0 240.0 h0 M625.0 16.0 L875.0 16.0" { // no line over what there is not
		t.Errorf("before %q", c.Before)
	}
}

func TestAxisLabelsFit(t *testing.T) {
	w := newWorld(t, now, "a.example")
	for _, c := range choices {
		for _, by := range append([]period.Step{""}, period.Steps...) {
			s := readState(tongue{}, map[string][]string{"period": {c.Name}, "step": {string(by)}}, mustSites(t, w), fixed)
			x := spanOf(s, fixed, period.DateOf(fixed, nil)-2000)
			var drawn chart
			var points []point
			for _, at := range x.step.Cut(x.window, x.zone) {
				points = append(points, point{at: at})
			}
			drawn.draw(metric.PageViews, points, 4)
			drawn.tell(metric.PageViews, points, s, x)
			if most := min(len(points), 8); len(drawn.Labels) < min(4, most) || len(drawn.Labels) > most || len(points) > 400 {
				t.Errorf("%s: %d labels for %d steps of %s", c.Name, len(drawn.Labels), len(points), x.step)
			}
		}
	}
}

func TestCountries(t *testing.T) {
	if (tongue{}).country("DE") != "Germany" || (tongue{}).country("ZZ") != "ZZ" || (tongue{}).country("AX") != "Åland Islands" || len(countryNames()) != 249 {
		t.Error(tongue{}.country("DE"), tongue{}.country("ZZ"), len(countryNames()))
	}
}
