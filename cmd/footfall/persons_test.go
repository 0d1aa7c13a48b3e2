package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"footfall/bins"
	"footfall/event"
	"footfall/history"
	"footfall/history/sqlite"
	"footfall/period"
	"footfall/segment"
)

// persons is the histories in TestBinsAreTheEvents: whenever they say that they are
// complete, they are what is counted from the events directly.
type persons struct {
	kept     *sqlite.Keeper
	live     *segment.Live
	complete int // answers that were
}

func (p *persons) open(w *works) bins.Follower {
	kept, err := sqlite.Open(filepath.Join(w.dir, "history.sqlite"))
	must(w.t, err)
	p.kept = kept
	p.live = segment.NewLive(p.kept, p.kept, p.kept, func() (sites []segment.Site) {
		for _, s := range w.sites {
			sites = append(sites, segment.Site{ID: s.ID, Zone: s.Zone, Currency: s.Currency, Months: 500})
		}
		return sites
	}, segment.Options{Now: w.clock})
	return p.live
}

func (p *persons) close() (err error) {
	if p.kept != nil {
		err = p.kept.Close()
	}
	p.kept = nil
	return err
}

var identities = []string{"", "u1", "", "ü2", "", "", "a user's id of some length"}

// identified gives the n-th event ids, and makes some say who the visitor is.
func identified(e *event.Event, n int) {
	e.UserID, e.AnonymousID = identities[n%len(identities)], fmt.Sprint("a", n/3%4)
	if n%9 == 0 {
		e.Kind, e.Name, e.Properties = event.Identify, "", ""
		e.Traits = []string{`{"plan":"pro"}`, `{"plan":"free","seats":2}`, `{"plan":null}`, `{"address":{"city":"Łódź"}}`}[n/9%4]
		e.Time = e.Time.Truncate(time.Second).Add(time.Duration(n%1000) * time.Millisecond) // no two at once
	}
}

// check compares everybody's history.
func (p *persons) check(w *works) {
	w.t.Helper()
	for _, s := range w.sites {
		histories, traits := map[string]history.History{}, map[string]map[string]string{}
		must(w.t, w.store.Scan(w.t.Context(), s.ID, period.Window{}, func(e *event.Event) error {
			id, known := history.Known(e)
			if !known {
				return nil
			}
			if histories[id] == nil {
				id = strings.Clone(id) // to keep it
				histories[id], traits[id] = history.History{}, map[string]string{}
			}
			segment.Count(histories[id], e, s.Currency, period.DateOf(e.Time, s.Zone))
			history.AddTraits(traits[id], e)
			return nil
		}))
		for _, id := range slices.Concat(identities[1:2], identities[3:4], identities[6:], []string{"a0", "a1", "a2", "a3"}) {
			person, err := p.live.Visitor(w.t.Context(), s.ID, id)
			must(w.t, err)
			if !person.Complete {
				continue
			}
			p.complete++
			if histories[id] == nil {
				histories[id], traits[id] = history.History{}, map[string]string{}
			}
			if !reflect.DeepEqual(person.History, histories[id]) || !reflect.DeepEqual(person.Traits, traits[id]) {
				w.fail("%s of %s: %v %v\nwant %v %v", id, s.ID, person.History, person.Traits, histories[id], traits[id])
			}
		}
	}
}
