package history

import (
	"encoding/json"
	"strings"

	"footfall/event"
)

// AddTraits sets what an identify event says of its visitor, as texts: numbers
// and truth values as they are written, fields of objects with a full stop
// (address.city), lists joined by commas. What the event says is null is
// removed. Other events say nothing.
func AddTraits(traits map[string]string, e *event.Event) {
	if e.Kind != event.Identify || e.Traits == "" {
		return
	}
	d := json.NewDecoder(strings.NewReader(e.Traits))
	d.UseNumber()
	var said map[string]any
	if d.Decode(&said) == nil {
		addTraits(traits, "", said)
	}
}

func addTraits(traits map[string]string, prefix string, said map[string]any) {
	for name, value := range said {
		switch v := value.(type) {
		case nil:
			delete(traits, prefix+name)
		case map[string]any:
			addTraits(traits, prefix+name+".", v)
		case []any:
			var texts []string
			for _, one := range v {
				if s, ok := traitText(one); ok {
					texts = append(texts, s)
				}
			}
			traits[prefix+name] = strings.Join(texts, ",")
		default:
			traits[prefix+name], _ = traitText(v)
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
