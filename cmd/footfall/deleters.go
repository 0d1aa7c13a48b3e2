package main

import (
	"context"
	"encoding/json"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/dash"
	"footfall/metric"
	"footfall/period"
)

// deleters delete events for pages.
type deleters struct {
	h *house
	lookedAt[pageDeletion]
}

// pageDeletion is a deletion, and what is told of it.
type pageDeletion struct {
	dash.Deletion
	is deletion
}

// Deletion is how it stands.
func (x *deleters) Deletion(by account.Who, site string) dash.Deletion {
	told, work := x.of(by, site).state()
	told.Errand = work
	return told.Deletion
}

// LookToDelete looks what would go.
func (x *deleters) LookToDelete(ctx context.Context, by account.Who, site account.Site, w period.Window, where *metric.Where) error {
	is := deletion{Site: site.ID, From: w.From.UTC(), To: w.To.UTC(), Zone: site.Zone, At: time.Now().UTC().Truncate(time.Millisecond)}
	if where != nil {
		var err error
		if is.Filters, err = json.Marshal(api.Filters(where)); err != nil {
			return err
		}
	}
	if _, err := is.rule(); err != nil {
		return err
	}
	return x.run(ctx, by, site, is, true)
}

// Delete deletes what one looked at last, if that look is the one that the page showed:
// what came since stays.
func (x *deleters) Delete(ctx context.Context, by account.Who, site account.Site, looked time.Time) error {
	told, err := x.of(by, site.ID).looked(looked)
	if err != nil {
		return err
	}
	return x.run(ctx, by, site, told.is, false)
}

// run begins to look or to delete.
func (x *deleters) run(ctx context.Context, by account.Who, site account.Site, is deletion, dry bool) error {
	zone := site.Location()
	on := x.of(by, site.ID)
	fresh := pageDeletion{dash.Deletion{Deletes: !dry, From: is.From.In(zone), To: is.To.In(zone)}, is}
	if rule, err := is.rule(); err == nil {
		fresh.Where = rule.Where
	}
	return on.begin(ctx, x.h.ending, by, fresh, dry, func(ctx context.Context) (pageDeletion, error) {
		did, err := x.h.deleteEvents(ctx, is, by.Name, dry, func(step, of int) {
			now := fresh
			now.Step, now.Steps = step, of
			on.tell(now)
		})
		if err != nil {
			return fresh, err
		}
		fresh.Frozen, fresh.Aside, fresh.Archive, fresh.Orders, fresh.Touches = did.Frozen, did.Aside, did.Archive.Events, did.Orders, did.Touches
		fresh.All, fresh.Places = pageDay(&did.Match), placesOf(did.Places)
		for _, day := range did.Days {
			fresh.Days = append(fresh.Days, pageDay(day))
		}
		return fresh, nil
	})
}

func pageDay(d *deletedDay) dash.DeletedDay {
	return dash.DeletedDay{Date: d.Date, Events: d.Events, Views: d.Views, Bots: d.Bots, Visitors: d.Visitors}
}
