package dash

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"footfall/metric"
)

// TestExperiments: a site whose visitors were exposed to experiments has a box of them,
// of which each is a list of its arms with a page of its own; arms filter.
func TestExperiments(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	if strings.Contains(w.get(t, "/"), "Experiment") {
		t.Error("there are experiments on a page without any")
	}
	w.source.tests = true
	page := w.get(t, "/")
	lacks(t, page, "Experiment price-2024", "Experiment hero &lt;b&gt;", ">control<", ">lower<", "Conversions", "Conversion rate", "Left out, as they saw several arms: 15 of 1,250 visitors (1.2%).", "/?arm%3Aprice-2024=control")
	if strings.Contains(page, "hero <b>") {
		t.Error("a name is markup")
	}
	lacks(t, w.get(t, "/?tab=arm:hero+%3Cb%3E"), `aria-current="true">Experiment hero &lt;b&gt;</a>`, "/?arm%3Ahero&#43;%3Cb%3E=b&amp;")
	details := html.UnescapeString(w.get(t, "/?detail=arm:price-2024"))
	lacks(t, details, "Experiment price-2024 · ", "2 rows", "Left out, as they saw several arms", "csv=arm%3Aprice-2024", ">lower<")
	if last := w.source.reports[len(w.source.reports)-1]; last.By[0] != metric.Arm("price-2024") || len(last.Metrics) != len(ofArms)+len(moreArms) || fmt.Sprint(last.Where.All[0].Not.Values) != "[]" {
		t.Errorf("asked %+v", last)
	}
	lacks(t, html.UnescapeString(w.get(t, "/?arm:price-2024=lower")), "Arm of price-2024 is lower")
	if q := w.source.asked[len(w.source.asked)-1]; q.Metric == "" {
		t.Errorf("asked %+v", q)
	}
	if file := w.get(t, "/?csv=arm:price-2024"); !strings.HasPrefix(file, "arm:price-2024,Visitors,PageViews,GoalCompletions,GoalRate,Orders,Revenue,Sessions,AverageOrder\n") || strings.Count(file, "\n") != 3 {
		t.Errorf("the file is %s", file)
	}
}

// TestExperimentsByName: an experiment is called by its name where it was sent with one.
func TestExperimentsByName(t *testing.T) {
	for title, want := range map[key]string{"": "Experiment 7f3a", "Price of courses": "Experiment Price of courses"} {
		if got := (listing{by: metric.Arm("7f3a"), title: title}).called(tongue{}); got != want {
			t.Errorf("it is called %q, not %q", got, want)
		}
	}
}

// TestGuestsSeeNoExperiments, by whatever address.
func TestGuestsSeeNoExperiments(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	w.source.tests = true
	w.publish(t, w.site.ID, "board,events,revenue,files")
	for _, query := range []string{"", "?tab=arm:price-2024", "?detail=arm:price-2024", "?csv=arm:price-2024", "?arm:price-2024=lower"} {
		rec := w.of("/public/atelier.example" + query)
		if body := rec.Body.String(); strings.Contains(body, "control") || strings.Contains(body, "1,250") {
			t.Errorf("%s shows arms: %d", query, rec.Code)
		}
	}
	for _, r := range w.source.reports {
		if len(r.Experiments()) > 0 {
			t.Errorf("a guest's page asks %+v", r)
		}
	}
}
