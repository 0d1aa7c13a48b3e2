package archive

import "footfall/event"

// Suspect makes the archive doubt whether it holds the event.
func Suspect(a *Archive, e *event.Event) {
	a.days.sets[e.Day()].seen.Add(event.Key(e.Site, e.ID))
}
