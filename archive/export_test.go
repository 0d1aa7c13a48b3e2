package archive

import "footfall/event"

// Suspect makes the archive doubt whether it holds the event.
func Suspect(a *Archive, e *event.Event) { a.days.Load(e.Day(), event.Key(e.Site, e.ID)) }
