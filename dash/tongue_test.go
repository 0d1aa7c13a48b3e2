package dash

import (
	"strings"
	"testing"

	"footfall/event"
	"footfall/language"
	"footfall/metric"
)

// TestRefusedInGerman: why a field is refused is said in the language of the page, by the
// name that the page has for it; a reason that the language lacks stays whole.
func TestRefusedInGerman(t *testing.T) {
	for want, err := range map[string]error{
		`Domain: "a b" ist kein Name eines Hosts: Schreiben Sie ihn wie example.com, andere Schriften in der Form mit xn--.`: event.Invalid("domain", "%q is not a host name: write it like example.com, other scripts in their xn-- form", "a b"),
		"E-Mail: keine Adresse wie ada@example.com.": event.Invalid("email", "is not an address such as ada@example.com"),
		"Tage bis zum Ende: 2024 ist schon vorbei.":  event.Invalid("expires", "%s is over already", "2024"),
		"Some is 100% new.":                          &event.InvalidError{Field: "some", Why: "is 100% new"},
	} {
		if got := (tongue{language.Of("de")}).invalid(err.(*event.InvalidError)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (tongue{}).invalid(event.Invalid("expires", "%s is over already", "2024").(*event.InvalidError)); got != "Days until it ends: 2024 is over already." {
		t.Errorf("in English %q", got)
	}
}

// TestTitlesOfMetrics: every metric has a title of its own, of words.
func TestTitlesOfMetrics(t *testing.T) {
	seen := map[string]metric.Name{}
	for _, l := range []tongue{{}, {language.Of("de")}} {
		clear(seen)
		for _, m := range metric.Names {
			title := l.metricTitle(m)
			if other, there := seen[title]; there || title == "" {
				t.Errorf("%s and %s are both %q", m, other, title)
			}
			seen[title] = m
			for i, r := range title[1:] {
				if r >= 'A' && r <= 'Z' && title[i] >= 'a' && title[i] <= 'z' {
					t.Errorf("%s is shown as %q", m, title)
				}
			}
		}
	}
}

// TestStepsArePeoplesWords: what is wrong with a step of a funnel names the step as its form
// does, and who has no value of a property is not of an unknown one.
func TestStepsArePeoplesWords(t *testing.T) {
	l := tongue{language.All[0]}
	_, err := metric.SavedFunnel{Steps: []metric.Step{{Act: metric.Act{Page: "/"}}, {Goal: "Nothing"}}}.Funnel(nil)
	if got := l.problem(err); !strings.HasPrefix(got, "Step 2: ") || strings.Contains(got, "steps[") {
		t.Errorf("the page says %q", got)
	}
	if got := l.problem(&metric.QueryError{Why: "within: too long"}); got != "within: too long" {
		t.Errorf("the page says %q", got)
	}
	if p, c := l.labelOf(metric.Property("plan"), ""), l.labelOf("country", ""); p != "not set" || c != "unknown" {
		t.Errorf("without a value are %q and %q", p, c)
	}
}
