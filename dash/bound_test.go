package dash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// TestDaysHaveAnEnd: who has a share's link may name any days, and days that are far
// off are a word on the page instead of thousands of steps.
func TestDaysHaveAnEnd(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	for days, word := range map[string]string{
		"from=1970-01-01&to=2025-05-17":                     "",
		"from=1970-01-01&to=2025-05-18":                     "these end on 17 May 2025",
		"from=1970-01-01&last=9999-12-31&step=month":        "these end on 31 December 9999",
		"from=9999-12-31":                                   "these end on 31 December 9999",
		"from=9999-12-31&last=1970-01-01&compare=none&a=b&": "these end on 31 December 9999",
	} {
		for _, path := range []string{"/share/" + token, "/"} {
			w.source.asked = nil
			page := w.get(t, path+"?"+days)
			if word != "" && !strings.Contains(page, word) || strings.Contains(page, "Days are shown until") != (word != "") {
				t.Errorf("%s?%s does not say %q", path, days, word)
			}
			for _, q := range w.source.asked {
				if q.Metric != metric.Events && q.Window.To.After(fixed.AddDate(1, 0, 2)) { // ever asks for them
					t.Errorf("%s?%s asks until %s", path, days, q.Window.To)
				}
			}
			if n := strings.Count(page, `<g class="step"`); n > 12*60 {
				t.Errorf("%s?%s draws %d steps", path, days, n)
			}
		}
	}
}

// TestNotesHaveABound: a chart marks the newest notes and leads to the others.
func TestNotesHaveABound(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	for i := range mostMarked + 3 {
		at := fixed.AddDate(0, 0, -5).Add(time.Duration(i) * time.Hour)
		if _, err := w.control.AddNote(t.Context(), account.Note{Site: w.site.ID, When: at.Format(time.RFC3339), Text: fmt.Sprintf("Note no. %d.", i), Who: "operator"}); err != nil {
			t.Fatal(err)
		}
		page := w.get(t, "/")
		if more := strings.Contains(page, "older note"); more != (i >= mostMarked) {
			t.Errorf("with %d notes: leads to more: %t", i+1, more)
		}
	}
	page := w.get(t, "/")
	lacks(t, page, `href="/notes?site=atelier-example">and 3 older notes<`, "Note no. 3.", fmt.Sprintf("Note no. %d.", mostMarked+2))
	if strings.Contains(page, "Note no. 2.") || strings.Index(page, "Note no. 3.") > strings.Index(page, "Note no. 4.") {
		t.Error("an old note is marked, or the newest comes first")
	}
}
