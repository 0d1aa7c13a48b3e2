package bins

import (
	"context"
	"slices"
	"time"

	"footfall/event"
	"footfall/period"
)

// Follower keeps something else of days, made anew whenever their bins are. The
// Roller tells it of every event in between. Marks count the stretches between
// cuts: a snapshot has everything that was touched with its mark or a lower one,
// and what comes behind it has a higher one.
type Follower interface {
	// Apply tells it of events that are stored and new, touched with a mark. It
	// keeps no part of them. It is called while the store waits.
	Apply(events []event.Event, mark uint64)
	// Lose tells it that nothing it was told counts any more, and that events
	// may be stored with marks up to this one that Apply was not told of: until
	// what it keeps is Rolled up to there, it is not complete. Marks may begin anew.
	Lose(mark uint64)
	// Owed reports whether all days of a site are to be made anew for it, and
	// before which date none is. Every roll asks it for every site, first of
	// all. Dates before first are frozen and can't be made. If it fails, the
	// site's days stay dirty.
	Owed(ctx context.Context, site Site, first period.Date) (all bool, from period.Date, err error)
	// Replace makes a day anew. The day's bins are replaced afterwards: until
	// then it is dirty, and is made again after a crash. If it fails, the day
	// and the site's others of this roll stay dirty; bins are replaced all the same.
	Replace(ctx context.Context, s Snapshot, day FollowedDay) error
	// Rolled tells that every day that was due is made: what it keeps has every
	// event received before a moment.
	Rolled(ctx context.Context, mark uint64, at time.Time, sites []Site) error
}

// FollowedDay is a day for a Follower to make anew.
type FollowedDay struct {
	Site   Site
	Date   period.Date
	Window period.Window // whose events are the date's
	Mark   uint64        // of the snapshot
}

// tell tells the follower what became of a batch.
func (r *Roller) tell(fresh []event.Event, err error) {
	switch {
	case r.o.Follower == nil:
	case err != nil: // it may have been stored all the same
		r.o.Follower.Lose(r.mark)
	default:
		if len(r.frozen) > 0 {
			fresh = slices.DeleteFunc(slices.Clone(fresh), func(e event.Event) bool { return e.Time.Before(r.frozen[e.Site].At) })
		}
		r.o.Follower.Apply(fresh, r.mark)
	}
}

// owed adds the days of sites that are owed to the follower to those that are due.
func (r *Roller) owed(ctx context.Context, c cut, s *State, due map[Day]bool) error {
	if r.o.Follower == nil {
		return nil
	}
	r.gate.Lock()
	r.frozen = s.Frozen
	r.gate.Unlock()
	for _, site := range c.sites {
		first := FirstDate
		if f, ok := s.Frozen[site.ID]; ok {
			first = f.Before
		}
		all, from, err := r.o.Follower.Owed(ctx, site, first)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			r.unfollowed(c, site.ID, err)
		}
		if !all {
			continue
		}
		utc, err := c.snapshot.Days(ctx, site.ID)
		if err != nil {
			return err
		}
		for _, date := range datesOf(utc, site.Zone) {
			if date >= from {
				due[Day{site.ID, date}] = true
			}
		}
	}
	return nil
}

// follow lets the follower make a day anew.
func (r *Roller) follow(ctx context.Context, c cut, day Day, w period.Window) error {
	site, known := c.sites[day.Site]
	if r.o.Follower == nil || !known {
		return nil
	}
	if !c.unfollowed[day.Site] {
		err := r.o.Follower.Replace(ctx, c.snapshot, FollowedDay{site, day.Date, w, c.mark})
		if err == nil || ctx.Err() != nil {
			return err
		}
		r.unfollowed(c, day.Site, err)
	}
	r.gate.Lock()
	defer r.gate.Unlock()
	r.dirty[day] = r.mark // which is behind the cut: the next roll makes it
	return r.durable.Touch(ctx, r.mark, day)
}

// unfollowed notes that the follower does not make a site's days in this roll.
func (r *Roller) unfollowed(c cut, site string, why error) {
	r.o.Log.Error("bins are rolled, but what follows them is not; the next roll tries again", "site", site, "error", why)
	c.unfollowed[site] = true
}

// followed tells the follower that the roll has ended.
func (r *Roller) followed(ctx context.Context, c cut, at time.Time) error {
	if r.o.Follower == nil {
		return nil
	}
	sites := make([]Site, 0, len(c.sites))
	for _, site := range c.sites {
		sites = append(sites, site)
	}
	err := r.o.Follower.Rolled(ctx, c.mark, at, sites)
	if err != nil && ctx.Err() == nil {
		r.o.Log.Error("bins are rolled, but what follows them is not; the next roll tries again", "error", err)
		return nil
	}
	return err
}
