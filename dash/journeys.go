package dash

import (
	"cmp"
	"context"
	"net/http"
	"sync"

	"footfall/metric"
	"footfall/sheet"
)

// placesTold is how many pages are told on either side.
const placesTold = 10

type journeysView struct {
	frame
	freshness
	Known       *evidence
	At          string // the page, or the name of the event
	OfEvent     bool
	Offered     []string // pages and events to choose from
	Keep        []link   // the rest of the state, for the form
	Views       string
	Apart       string // of them, in no session; "" is none
	Before      places
	After       places
	CSV         string
	Trouble     string
	Quiet       bool // nobody was there in the period
	NothingEver bool // there is no page to begin with
}

// places is what came before, or behind.
type places struct {
	Title, Ended string
	Rows         []row
}

// journeys is the page that tells what came before a page and behind it.
func (d *Door) journeys(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.stateOf(w, r, in)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	s = s.asked(r, "at", "kind")
	x := d.span(ctx, s)
	v := journeysView{frame: d.frame(in, s, x, sites), At: s.more.Get("at"), OfEvent: s.more.Get("kind") == "event", Keep: s.keep("at", "kind")}
	v.Tools.Compare = nil // with nothing
	var err error
	if v.Offered, err = d.suggest(ctx, s, x, "page"); v.At == "" && len(v.Offered) > 0 {
		v.At, v.OfEvent = v.Offered[0], false
	}
	v.NothingEver = v.At == "" && err == nil
	if v.At == "" {
		v.Trouble = s.problem(err)
		d.show(w, http.StatusOK, "journeys.html", in, v)
		return
	}
	if s.more.Get("kind") == kindPage { // it was typed: a link to what is next to a page says no kind
		v.At = d.typedPath(ctx, s)(v.At)
	}
	next, previous, err := d.follow(ctx, s, x, v.At, v.OfEvent)
	if r.URL.Query().Has("csv") && err == nil {
		journeyFile(w, s, next, previous)
		return
	}
	if v.Trouble = d.fault(ctx, s, "journeys", err); err == nil {
		v.freshness = s.fresh(next.AsOf, next.Source, x)
		v.tell(s, next, previous)
		v.Known = s.knownJourney(x, &v, next, previous)
	}
	to := s.with("at", v.At).with("csv", "journeys")
	v.CSV = to.href()
	d.show(w, http.StatusOK, "journeys.html", in, v)
}

// follow asks for both ways.
func (d *Door) follow(ctx context.Context, s state, x span, at string, ofEvent bool) (next, previous metric.Paths, err error) {
	j := metric.Journey{Site: s.site.ID, Window: x.window, Zone: x.zone, Page: at, Way: metric.Next, Steps: 1, Limit: placesTold, Where: s.where()}
	if ofEvent {
		j.Page, j.Event = "", at
	}
	var wait sync.WaitGroup
	var other error
	wait.Go(func() { next, err = d.Questions.Follow(ctx, j) })
	back := j
	back.Way = metric.Previous
	wait.Go(func() { previous, other = d.Questions.Follow(ctx, back) })
	wait.Wait()
	return next, previous, cmp.Or(err, other)
}

// knownJourney is how the figures of both ways are known: each is a question.
func (s state) knownJourney(x span, v *journeysView, next, previous metric.Paths) *evidence {
	k := s.evidence("journey", v.At, x, also(metric.Table{Source: next.Source, AsOf: next.AsOf}, metric.Table{Source: previous.Source, AsOf: previous.AsOf}))
	q := s.putting(x, s.where())
	if q.Page = v.At; v.OfEvent {
		q.Page, q.Event = "", v.At
	}
	q.Way, q.Most = metric.Previous, placesTold
	back := q
	q.Way = metric.Next
	k.post(s, "/v1/journey", back, q)
	return k
}

// tell writes the columns.
func (v *journeysView) tell(s state, next, previous metric.Paths) {
	v.Views, v.Quiet = whole(s.tongue, next.Views), next.Views == 0
	if next.Apart > 0 {
		v.Apart = whole(s.tongue, next.Apart)
	}
	v.Before = placesOf(s, previous.From, next.Views, "Came before", "Entered here")
	v.After = placesOf(s, next.From, next.Views, "Came next", "Left here")
}

// placesOf are the rows of one way, each of which leads on to its page.
func placesOf(s state, p metric.Place, views int64, title, ended key) places {
	to := places{Title: s.Say(title), Ended: s.Say(ended)}
	add := func(label, href string, n int64) {
		if n > 0 {
			to.Rows = append(to.Rows, row{link: link{Label: label, Href: href}, Value: whole(s.tongue, n), Share: s.percent(share(n, views)), n: n})
		}
	}
	for _, place := range p.Places {
		href := ""
		if place.Page != "" {
			href = s.with("at", place.Page).with("kind").href()
		}
		add(cmp.Or(place.Page, s.Say("(no path)")), href, place.Views)
	}
	add(s.Say("Other pages"), "", p.Others)
	add(to.Ended, "", p.Ended)
	bars(to.Rows)
	return to
}

// journeyFile writes a line for each page on either side.
func journeyFile(w http.ResponseWriter, s state, next, previous metric.Paths) {
	out := s.file(w, "journeys", sheet.Columns("direction", "page", "what", "views BIGINT"))
	for _, way := range []struct {
		name string
		p    metric.Place
	}{{"previous", previous.From}, {"next", next.From}} {
		for _, place := range way.p.Places {
			_ = out.Row(way.name, place.Page, "page", place.Views)
		}
		_ = out.Row(way.name, "", "others", way.p.Others)
		_ = out.Row(way.name, "", "ended", way.p.Ended)
	}
	_ = out.Close() // fails only if the client is gone
}
