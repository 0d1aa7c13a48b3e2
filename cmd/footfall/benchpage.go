package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"footfall/account"
	"footfall/dash"
	"footfall/event"
	"footfall/query"
)

// pageOf is a page of the dashboard that is loaded as a browser does it.
type pageOf struct {
	of, ask, site string
	aim           time.Duration
}

// pageAim is how long the server may take for the overview of ten million views.
const pageAim = 100 * time.Millisecond

// overviews are of the usual 28 days.
func overviews(sites []string) []pageOf {
	return []pageOf{
		{"page of the large site", "overview of 28 days", sites[0], pageAim},
		{"page of a small site", "overview of 28 days", sites[len(sites)/2], pageAim},
	}
}

// loader loads pages of a dashboard over HTTP, logged in. The dashboard's clock is
// that of one of the last days of the crowd: which one, each request says.
type loader struct {
	client http.Client
	server http.Server
	url    string
}

const benchDay = "Footfall-Bench-Day"

// browse opens a loader; close it.
func (h *house) browse(ctx context.Context) (b *loader, err error) {
	turns := query.MakeTurns(questions)
	var loads atomic.Uint64 // as if something were stored each time: no answer is kept
	source := query.Share(turns.Limit(query.Route(h, earned{h})), inTurn{h, turns}, func(string) uint64 { return loads.Add(1) })
	doors := make([]*dash.Door, crowdEnds)
	for i := range doors {
		doors[i] = dash.New(source, h.sites, h.control, dash.Options{
			Questions: askedInTurn{source, visitsInTurn{inTurn{h, turns}, h}, funnelsInTurn{h, turns}}, Goals: goalBook{h.control}, Funnels: funnelBook{h.control}, Notes: h.control,
			Log: h.log, Now: func() time.Time { return crowdEnd.AddDate(0, 0, -i).Add(-time.Second) },
		})
	}
	b = &loader{}
	b.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		day, _ := strconv.Atoi(r.Header.Get(benchDay))
		doors[day].ServeHTTP(w, r)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go b.server.Serve(listener)
	b.url = "http://" + listener.Addr().String()
	if b.client.Jar, err = cookiejar.New(nil); err != nil {
		return b, err
	}
	link, err := h.control.AddLink(ctx, account.ForLogin, "", time.Hour)
	if err != nil {
		return b, err
	}
	r, err := b.client.PostForm(b.url+"/login", url.Values{"link": {link}})
	if err != nil {
		return b, err
	}
	return b, errors.Join(whole(r))
}

// whole reads an answer to its end.
func whole(r *http.Response) error {
	_, err := io.Copy(io.Discard, r.Body)
	if r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Request.URL.Path, r.Status)
	}
	return errors.Join(err, r.Body.Close())
}

func (b *loader) close() error { return b.server.Close() }

// load loads a page as on one of the days.
func (b *loader) load(ctx context.Context, p pageOf, day int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/?site="+p.site, nil)
	if err != nil {
		return err
	}
	r.Header.Set(benchDay, strconv.Itoa(day))
	r.Header.Set("Prefer", "wait=20") // with all figures, else it would be there soon in any case
	answer, err := b.client.Do(r)
	if err != nil {
		return err
	}
	return whole(answer)
}

// loads measures the pages that have about in their names: of days that are rolled, and
// of the last day where events come between one look and the next: right behind a restart,
// and on a server that has run for a while.
func (h *house) loads(ctx context.Context, sites []string, about string, times int) (all []asked, err error) {
	b, err := h.browse(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, state := range []struct {
		name  string
		begin func(context.Context, []string) error
	}{{"", nil}, {", events since a restart", h.restarted}, {", events since the roll", h.steady}} {
		days := crowdEnds
		load := func(p pageOf, day int) error { return b.load(ctx, p, day%days) }
		if state.begin != nil {
			if err := state.begin(ctx, sites); err != nil {
				return all, err
			}
			days = 1
			load = func(p pageOf, _ int) error { return errors.Join(h.arrive(ctx, sites, 1), b.load(ctx, p, 0)) }
		}
		for _, p := range overviews(sites) {
			a := asked{Of: p.of, Ask: p.ask + state.name, Source: "http", Aim: p.aim.Seconds() * 1000}
			if !strings.Contains(a.Of+" "+a.Ask, about) {
				continue
			}
			if err := a.time(times, func(i int) error { return load(p, i+1) }, func(int) error { return load(p, 0) }); err != nil {
				a.Fault = err.Error()
			}
			all = append(all, a)
		}
	}
	_, err = h.roller.Roll(ctx) // the next run finds all days rolled
	return all, err
}

// restarted is a server that has just started: as it does not know yet whose sessions go on
// overnight, an event makes the day before dirty, too.
func (h *house) restarted(ctx context.Context, sites []string) error {
	if err := h.roller.Open(ctx, h.store.Load().State().Position); err != nil {
		return err
	}
	return h.arrive(ctx, sites, sinceRoll)
}

// steady has the last day with events since it was rolled, as a server has it that has run
// for a while: by a roll of the days that they are of, it knows whose sessions go on
// overnight, and the day before is not counted anew.
func (h *house) steady(ctx context.Context, sites []string) error {
	if err := h.arrive(ctx, sites, 1); err != nil {
		return err
	}
	for range 2 { // events that were not stored leave no whole hot buckets: the next roll makes them
		if _, err := h.roller.Roll(ctx); err != nil {
			return err
		}
	}
	return h.arrive(ctx, sites, sinceRoll)
}

// sinceRoll is how many views come between two rolls: as many as in a quarter of an hour of
// the large site, and a few of each small one.
const sinceRoll = 1000

// arrive makes the last day one that got events since it was rolled, as it is where
// visitors come: so many views of the large site. They are told to all that counts what comes,
// but are not stored, so that a directory stays what it was.
func (h *house) arrive(ctx context.Context, sites []string, views int) error {
	var batch []event.Event
	for i, site := range sites {
		for n := range max(1, views/(1+99*min(i, 1))) {
			batch = append(batch, event.Event{Site: site, Kind: event.Page, Time: crowdEnd.Add(-2*time.Hour + time.Duration(n)*time.Second), Visitor: rand.Uint64(),
				Host: "shop.example", Path: fmt.Sprint("/new/", n%50), Class: "direct", Country: "DE", Device: "phone", Browser: "Firefox", OS: "Android"})
		}
	}
	at := h.store.Load().State().Position
	at.Seq++
	return h.roller.Write(ctx, batch, at, func() ([]event.Event, error) { return batch, nil })
}
