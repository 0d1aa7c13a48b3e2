package enrich

import (
	"strings"

	"footfall/event"
)

// languageMost bounds the spellings of languages that are remembered.
const languageMost = 1 << 14

// languageStep labels the event with the language that its sender prefers. A
// label is a text of its own: the header around it, which could tell people
// apart, is let go.
func (x *Enricher) languageStep(e *event.Event, from Sender) {
	if from.Language == "" {
		e.Language = ""
		return
	}
	key := hashOf(from.Language)
	label, ok := x.languages.get(key)
	if !ok {
		label = languageOf(from.Language)
		x.languages.put(key, label)
	}
	e.Language = label
}

// languageOf is the first language of a locale (de_AT.UTF-8) or an
// Accept-Language (de-AT,de;q=0.9), as ISO 639 code and, if it is said, region:
// "de-AT". Script and variants are left out. "" is none that can be.
func languageOf(said string) string {
	said = said[:min(len(said), 64)]
	if end := strings.IndexAny(said, ",;.@ "); end >= 0 {
		said = said[:end]
	}
	parts := strings.FieldsFunc(said, func(r rune) bool { return r == '-' || r == '_' })
	if len(parts) == 0 || len(parts[0]) < 2 || len(parts[0]) > 3 || !all(parts[0], letter) {
		return ""
	}
	language := strings.ToLower(parts[0])
	for _, p := range parts[1:] {
		switch {
		case len(p) == 1:
			return language // what follows is private or an extension
		case len(p) == 2 && all(p, letter), len(p) == 3 && all(p, digit):
			return language + "-" + strings.ToUpper(p)
		}
	}
	return language
}

func all(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// screens are classes of screens by width in CSS pixels: a phone, a tablet held
// upright, a tablet held across or a small laptop, a laptop, and more.
var screens = []struct {
	below int
	label string
}{{576, "under 576 px"}, {992, "576 to 991 px"}, {1440, "992 to 1439 px"}, {1920, "1440 to 1919 px"}, {1 << 16, "1920 px and more"}}

func (x *Enricher) screenStep(e *event.Event, from Sender) {
	e.Screen = ""
	if from.Screen <= 0 {
		return
	}
	for _, s := range screens {
		if from.Screen < s.below {
			e.Screen = s.label
			return
		}
	}
}
