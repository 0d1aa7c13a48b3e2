package history

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"footfall/event"
)

// AddTraits sets what an identify event says of its visitor, as EachTrait
// spells it. What the event says is null is removed. Other events say nothing.
func AddTraits(traits map[string]string, e *event.Event) {
	if e.Kind != event.Identify {
		return
	}
	EachTrait(e.Traits, func(name, text string, set bool) {
		if set {
			traits[name] = text
		} else {
			delete(traits, name)
		}
	})
}

// EachTrait hands over what the traits of an identify event, a JSON object, set
// or remove: as texts, numbers and truth values as they are written, fields of
// objects with a full stop (address.city), lists joined by commas. What is said
// twice in this spelling comes twice, in the order of the names in JSON.
func EachTrait(traits string, fn func(name, text string, set bool)) {
	if traits == "" {
		return
	}
	d := json.NewDecoder(strings.NewReader(traits))
	d.UseNumber()
	var said map[string]any
	if d.Decode(&said) == nil {
		eachTrait("", said, fn)
	}
}

func eachTrait(prefix string, said map[string]any, fn func(name, text string, set bool)) {
	for _, name := range slices.Sorted(maps.Keys(said)) {
		switch v := said[name].(type) {
		case nil:
			fn(prefix+name, "", false)
		case map[string]any:
			eachTrait(prefix+name+".", v, fn)
		case []any:
			var texts []string
			for _, one := range v {
				if s, ok := traitText(one); ok {
					texts = append(texts, s)
				}
			}
			fn(prefix+name, strings.Join(texts, ","), true)
		default:
			text, _ := traitText(v)
			fn(prefix+name, text, true)
		}
	}
}

// traitText spells a value that has no parts.
func traitText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}
