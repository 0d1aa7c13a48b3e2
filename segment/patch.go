package segment

import (
	"encoding/json"

	"footfall/event"
	"footfall/history"
)

// patch is what identify events of a date say together: a trait's text, or nil
// where it is removed.
type patch map[string]*string

// add adds what a later event says.
func (p patch) add(traits string) patch {
	history.EachTrait(traits, func(name, text string, set bool) {
		if p[name] = nil; set {
			p[name] = &text
		}
	})
	return p
}

// json spells the patch as traits that say the same; "" if it says nothing.
func (p patch) json() string {
	if len(p) == 0 {
		return ""
	}
	b, _ := json.Marshal(p) // texts always have JSON
	return string(b)
}

// contradicts reports whether the two set a trait differently: then it matters
// which is the later one.
func (p patch) contradicts(other patch) bool {
	for name, text := range p {
		said, ok := other[name]
		if ok && (text == nil) != (said == nil) || ok && text != nil && *text != *said {
			return true
		}
	}
	return false
}

// identify sets traits as an event with them does.
func identify(traits map[string]string, said string) {
	history.AddTraits(traits, &event.Event{Kind: event.Identify, Traits: said})
}
