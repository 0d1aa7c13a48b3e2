package dash

import (
	"net/url"

	"footfall/period"
)

// unknown are the words of a URL that stand where only some can, and are none of these:
// each is left out, and the page says so. Who follows an old link or types one must not
// take other figures for those that were asked for.
func (s state) unknown(v url.Values) (all []string) {
	date := func(text string) bool { _, ok := dateOf(text); return ok }
	list := func(name string) bool { _, _, ok := s.find(name); return ok }
	for _, word := range []struct {
		name string
		is   func(string) bool
	}{
		{"period", func(text string) bool { _, ok := known(text); return ok }},
		{"compare", func(text string) bool { return text == lastYear || text == noCompare }},
		{"match", func(text string) bool { return text == "dates" }},
		{"step", func(text string) bool { return titled[period.Step(text)] != "" }},
		{"metric", func(text string) bool { return string(figureOf(text).name) == text }},
		{"from", date}, {"to", date}, {"last", date},
		{"detail", list}, {"tab", list},
	} {
		for _, text := range v[word.name] {
			if text != "" && !word.is(text) {
				all = append(all, s.Say("The address says {name}={text}, which is not known here: it is left out.", word.name, cut(text)))
			}
		}
	}
	return all
}
