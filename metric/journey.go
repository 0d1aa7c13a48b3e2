package metric

import (
	"time"

	"footfall/event"
	"footfall/period"
)

// Way is which way a Journey looks.
type Way string

// The ways.
const (
	Next     Way = "next"     // to the page views behind
	Previous Way = "previous" // to those before
)

// Ways lists the ways.
var Ways = []Way{Next, Previous}

// MaxJourney is how many page views a Journey looks at most.
const MaxJourney = 3

// Journey is the question where visitors go to from a page or an event, or where they
// come from: the page views next to it in its session. Its zero values mean: every
// view, in UTC, people only.
type Journey struct {
	Site   string // id of the site
	Window period.Window
	Zone   *time.Location // of conditions on weekdays and hours
	// What the journey is from: page views of Page or, if Event is set, track events
	// of that name.
	Page  string
	Event string
	Way   Way
	Steps int    // page views that are looked at, 1 to MaxJourney
	Limit int    // most pages told behind each, the most frequent first: Limit to the power of Steps is at most MaxRows
	Where *Where // on the view or event that the journey is from
	Bots  bool   // count bots too

	Goals   []Goal   // of the site, as of a Report
	Members []Member // as of a Report
}

// Report is the journey's condition and window as a report's, which has the same
// meaning there.
func (j Journey) Report() Report {
	return Report{Site: j.Site, Metrics: []Name{Events}, Window: j.Window, Zone: j.Zone, Where: j.Where, Bots: j.Bots, Goals: j.Goals, Members: j.Members}
}

// Paths answers a Journey.
type Paths struct {
	// Views are the page views, or events, that the journey is from: those that a
	// Report counts of the window.
	Views int64
	// Apart are those of Views in no session, with neighbours unknown: of unknown
	// visitors, behind the first 24 hours of a session, or events without a page view
	// in the half hour before.
	Apart  int64
	From   Place // all others
	Source string
	AsOf   time.Time // everything received before this is counted
}

// Place is a page that journeys have come to, by one way.
type Place struct {
	Page  string
	Views int64 // journeys that came to it this way
	// Ended are those of them that ended here: with Next the session's last page view,
	// with Previous its first. At the last step nobody looks: none are told.
	Ended  int64
	Places []Place // where the others went to; on a reload, to the same page
	Pages  int64   // how many there are, whatever the limit
	Others int64   // of the pages that the limit leaves out. Ended, Places and Others add up to Views
}

// Check reports what is wrong with the question as a QueryError, which names the
// field and what would be right, or nil.
func (j Journey) Check() error {
	if err := checkVisits(j.Site, j.Window, j.Zone, j.Where); err != nil {
		return err
	}
	switch {
	case j.Way != Next && j.Way != Previous:
		return wrong("direction: unknown direction %q: use one of %s", j.Way, joined(Ways))
	case j.Page != "" && j.Event != "":
		return wrong("page: from the page %q or from the event %q? name one of them", j.Page, j.Event)
	case len(j.Page) > event.MaxText || !plain(j.Page):
		return wrong("page: a path is a text of at most %d bytes", event.MaxText)
	case len(j.Event) > event.MaxText || !plain(j.Event):
		return wrong("event: a name is a text of at most %d bytes", event.MaxText)
	case j.Steps < 1 || j.Steps > MaxJourney:
		return wrong("depth: %d page views: look at 1 to %d", j.Steps, MaxJourney)
	case j.Limit < 1:
		return wrong("limit: %d pages: ask for 1 or more", j.Limit)
	}
	rows := 1
	for range j.Steps {
		if rows *= min(j.Limit, MaxRows+1); rows > MaxRows {
			return wrong("limit: %d pages behind each of the pages before are more than %d: ask for fewer, or for less depth", j.Limit, MaxRows)
		}
	}
	for _, d := range j.Where.Dimensions() {
		if d == "product" || d == "category" {
			return wrong("filters: a page view has no %s: ask for the visitors who have done something with it", d)
		}
	}
	return nil
}
