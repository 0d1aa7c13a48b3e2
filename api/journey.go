package api

import (
	"context"
	"encoding/json"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

var journeyFields = []string{"site_id", "date_range", "page", "event", "direction", "depth", "limit", "filters", "timezone", "bots"}

// usualPages is how many pages a journey tells behind each.
const usualPages = 10

// AskJourney reads a question in the form of POST /v1/journey, asks it and spells the
// answer. sites are those the asker may see. What is wrong with the question is a
// *metric.QueryError.
func AskJourney(ctx context.Context, visits Visits, body []byte, sites []account.Site, now time.Time) (out Journey, err error) {
	in := readStrictly(body, &err, journeyFields...)
	if err != nil {
		return out, err
	}
	q := &question{timeAt: -1}
	if err = q.about(in, sites); err != nil {
		return out, err
	}
	j := metric.Journey{Site: q.site.ID, Zone: q.report.Zone, Bots: q.report.Bots, Way: metric.Next}
	switch page, event := in["page"], in["event"]; {
	case page.there() == event.there():
		page.fail(`from what? name a page ("/pricing"), or under event the name of a track event ("Signed Up")`)
	case page.there():
		j.Page = page.text()
	default:
		if j.Event = event.text(); j.Event == "" {
			event.fail("has no name")
		}
	}
	q.readRange(in["date_range"], now)
	if in["direction"].there() {
		j.Way = metric.Way(in["direction"].oneOf(string(metric.Next), string(metric.Previous)))
	}
	j.Steps = in["depth"].whole(1, 1, metric.MaxJourney)
	j.Limit = in["limit"].whole(usualPages, 1, metric.MaxRows)
	if in["filters"].there() {
		j.Where = q.together(in["filters"], 1)
	}
	if err != nil {
		return out, err
	}
	j.Window, err = q.visitsIn(ctx, visits, now, func(w period.Window) error { j.Window = w; return j.Check() })
	if err != nil {
		return out, err
	}
	p, err := visits.Follow(ctx, j)
	if err != nil {
		return out, err
	}
	return spellPaths(j, p), nil
}

// Journey is how metric.Paths are spelled. Shares are in per cent of Views, to a
// thousandth; null of nothing.
type Journey struct {
	Views      int64        `json:"views"` // page views, or events, that the journey is from
	Apart      int64        `json:"apart"` // those of them in no session
	ApartShare *json.Number `json:"apart_share"`
	From       JourneyPlace `json:"from"` // all others
	Meta       VisitMeta    `json:"meta"`
	Query      AskedJourney `json:"query"`
}

// JourneyPlace is a page that visitors went to, or came from, by one way.
type JourneyPlace struct {
	Page  string       `json:"page"` // of the first one of an event: its name
	Views int64        `json:"views"`
	Share *json.Number `json:"share"`
	*JourneyOn
}

// JourneyOn is where it goes on; nil where the depth ends. Ended, Pages and Others add
// up to the views.
type JourneyOn struct {
	Ended       int64          `json:"ended"` // the visitor left here or, looking back, entered here
	EndedShare  *json.Number   `json:"ended_share"`
	Pages       []JourneyPlace `json:"pages"`  // the most frequent first
	Others      int64          `json:"others"` // of pages beyond the limit
	OthersShare *json.Number   `json:"others_share"`
	TotalPages  int64          `json:"total_pages"` // whatever the limit
}

// AskedJourney is a question as it was understood: it may be asked again.
type AskedJourney struct {
	Site    string     `json:"site_id"`
	Range   [2]string  `json:"date_range"`
	Page    *string    `json:"page,omitempty"`
	Event   string     `json:"event,omitempty"`
	Way     metric.Way `json:"direction"`
	Depth   int        `json:"depth"`
	Limit   int        `json:"limit"`
	Filters []any      `json:"filters"`
	Zone    string     `json:"timezone"`
	Bots    bool       `json:"bots"`
}

// spellPaths spells an answer.
func spellPaths(j metric.Journey, p metric.Paths) Journey {
	out := Journey{Views: p.Views, Apart: p.Apart, ApartShare: share(p.Apart, p.Views), From: spellPlace(&p.From, j.Steps, p.Views),
		Meta: VisitMeta{Source: p.Source, AsOf: p.AsOf.In(j.Zone).Format(time.RFC3339)},
		Query: AskedJourney{Site: j.Site, Range: metric.SpellRange(j.Window, j.Zone), Event: j.Event, Way: j.Way, Depth: j.Steps, Limit: j.Limit,
			Filters: filtersOf(j.Where), Zone: j.Zone.String(), Bots: j.Bots}}
	if j.Event == "" {
		out.Query.Page = &j.Page
	}
	return out
}

// spellPlace spells a place and, so many steps deep, what is behind it.
func spellPlace(p *metric.Place, steps int, views int64) JourneyPlace {
	out := JourneyPlace{Page: p.Page, Views: p.Views, Share: share(p.Views, views)}
	if steps == 0 {
		return out
	}
	on := &JourneyOn{p.Ended, share(p.Ended, views), []JourneyPlace{}, p.Others, share(p.Others, views), p.Pages}
	for i := range p.Places {
		on.Pages = append(on.Pages, spellPlace(&p.Places[i], steps-1, views))
	}
	out.JourneyOn = on
	return out
}
