package erase

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// Names reports whether a text that could not be read, as a request or a part of it,
// has the id of a person who was erased: as a JSON text, or between any of the signs
// that stand around values in JSON, addresses and logs. site "" is any.
func (l *List) Names(site, text string) bool {
	var sites []string
	l.mu.RLock()
	for of := range l.at {
		if site == "" || of == site {
			sites = append(sites, of)
		}
	}
	l.mu.RUnlock()
	if len(sites) == 0 {
		return false
	}
	ids := map[string]bool{}
	for between := range strings.SplitSeq(text, `"`) { // every second is a JSON text, if it has no quote in it
		ids[between] = true
		var said string
		if json.Unmarshal([]byte(`"`+between+`"`), &said) == nil {
			ids[said] = true
		}
		for _, part := range strings.FieldsFunc(between, around) {
			ids[part] = true
			if plain, err := url.QueryUnescape(part); err == nil {
				ids[plain] = true
			}
		}
	}
	for id := range ids {
		if id == "" || len(id) > event.MaxID {
			continue
		}
		for _, of := range sites {
			if l.Erased(of, ledger.Key("user:"+id), time.Time{}) || l.Erased(of, ledger.Key("anon:"+id), time.Time{}) {
				return true
			}
		}
	}
	return false
}

// around are the signs that stand around values.
func around(r rune) bool { return strings.ContainsRune("'&=?/\\ \t\r\n,;:{}[]()<>#", r) }

// Keys are those of an event's ids that are of persons who were erased since.
func (l *List) Keys(e *event.Event) (keys []ledger.Key) {
	if !l.Named(e) {
		return nil
	}
	for _, k := range keysOf(e) {
		if l.Erased(e.Site, k, time.Time{}) {
			keys = append(keys, k)
		}
	}
	return keys
}
