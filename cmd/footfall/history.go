package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"footfall/account"
	"footfall/history"
	historysqlite "footfall/history/sqlite"
	"footfall/history/webhook"
	"footfall/period"
	"footfall/schedule"
	"footfall/segment"
)

// openHistories opens what is kept of known visitors. A damaged file is moved
// aside: histories are made again from the event store.
func (h *house) openHistories(path string) (err error) {
	if h.histories, err = historysqlite.Open(path); errors.Is(err, historysqlite.ErrDamaged) {
		if err = h.moveAside(path, "histories can't be read; moving their file aside, they are made again from the event store", err); err == nil {
			h.histories, err = historysqlite.Open(path)
		}
	}
	if err != nil {
		return err
	}
	h.segments = newSegmentBook(h.control)
	h.mover = newMover(h)
	h.live = segment.NewLive(h.histories, h.histories, h.histories, h.sites.remembered,
		segment.Options{Log: h.log, Lost: h.rollSoon, Told: func(site string) bool { _, ok := h.sites.hook(site); return ok }})
	return nil
}

// remembered lists the sites as histories need them.
func (b *siteBook) remembered() []segment.Site { return b.now.Load().remembered }

// hook is the webhook of a site that keeps histories, if it has one.
func (b *siteBook) hook(site string) (webhook.Hook, bool) {
	s := b.now.Load().byID[site]
	return webhook.Hook{URL: s.Webhook, Secret: []byte(s.WebhookSecret)}, s.Webhook != "" && s.History > 0
}

const (
	historyJob = "histories"
	historyAt  = 20 * time.Minute // of the clock at the site: after the daily table, which rolls
	tickEvery  = 2 * time.Second
	dropping   = 5 * time.Second // for members of segments that were removed just before a stop
)

// mover tests again and again which segments visitors are in, and keeps and
// tells who moved.
type mover struct {
	h    *house
	soon chan struct{} // histories lack something that a roll makes

	testing sync.Mutex // held while visitors are tested

	mu      sync.Mutex
	changed map[string]bool   // sites whose definitions changed: all their visitors are to be tested
	removed []account.Segment // whose members are to be taken away
}

func newMover(h *house) *mover {
	return &mover{h: h, soon: make(chan struct{}, 1), changed: map[string]bool{}}
}

// run tests until ctx ends.
func (m *mover) run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	trouble := "" // as it was told last
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := m.move(ctx)
			if err == nil {
				trouble = ""
			} else if ctx.Err() == nil && err.Error() != trouble {
				trouble = err.Error()
				m.h.log.Error("segments are not up to date; it is tried again", "error", err)
			}
		}
	}
}

// roll rolls whenever it is asked for, until ctx ends, with pauses: no more than
// half of the time goes into it.
func (m *mover) roll(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-m.soon:
		}
		began := time.Now()
		if _, err := m.h.roller.Roll(ctx); err != nil && ctx.Err() == nil && !rebuilding(err) {
			m.h.log.Error("histories are not made yet; the next roll tries again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Since(began)):
		}
	}
}

// move moves who has done something, and everybody of sites whose definitions
// changed. What fails at a site does not keep the others from it.
func (m *mover) move(ctx context.Context) error {
	m.testing.Lock()
	defer m.testing.Unlock()
	if err := m.drop(ctx); err != nil {
		return err
	}
	var errs []error
	for _, s := range m.h.sites.remembered() {
		m.mu.Lock()
		all := m.changed[s.ID]
		delete(m.changed, s.ID)
		m.mu.Unlock()
		if !all || s.Months == 0 {
			continue
		}
		if err := m.pass(ctx, s.ID, period.DateOf(time.Now(), s.Zone)); err != nil {
			m.change(s.ID) // another time
			if !errors.Is(err, segment.ErrIncomplete) {
				errs = append(errs, fmt.Errorf("segments of site %s: %w", s.ID, err))
			}
		}
	}
	err := m.h.live.Tick(ctx, func(site string) []segment.Definition {
		definitions, err := m.h.segments.of(ctx, site)
		errs = append(errs, err)
		return definitions
	})
	return errors.Join(append(errs, err)...)
}

// pass moves everybody of a site, and counts members as of a date.
func (m *mover) pass(ctx context.Context, site string, date period.Date) error {
	definitions, err := m.h.segments.of(ctx, site)
	if err == nil {
		err = m.h.live.Pass(ctx, site, definitions, date)
	}
	if errors.Is(err, segment.ErrOff) { // since just now
		return nil
	}
	return err
}

// change notes that a site's definitions changed.
func (m *mover) change(site string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed[site] = true
}

// drop takes the members of removed segments away. testing is held: who enters
// one that is defined again does so afterwards.
func (m *mover) drop(ctx context.Context) error {
	m.mu.Lock()
	removed := m.removed
	m.removed = nil
	m.mu.Unlock()
	for i, s := range removed {
		if err := m.h.histories.Drop(ctx, s.Site, s.Name); err != nil {
			m.mu.Lock()
			m.removed = append(m.removed, removed[i:]...)
			m.mu.Unlock()
			return err
		}
	}
	return nil
}

// remove removes a segment. Its members are taken away soon: that waits for
// others who write.
func (m *mover) remove(ctx context.Context, site, name string) error {
	if err := m.h.segments.remove(ctx, site, name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removed = append(m.removed, account.Segment{Site: site, Name: name})
	return nil
}

// date does what is due of histories for a date that is over: what is too old is
// removed, all visitors are tested, as windows moved, and the members of segments
// are counted. Whoever has nothing left leaves all segments by that.
func (m *mover) date(ctx context.Context, due schedule.Due) error {
	site, err := m.h.sites.find(due.Site.ID)
	if err != nil {
		return err
	}
	if _, err := m.h.forgetHistory(ctx, site); err != nil || site.History == 0 {
		return err
	}
	if err := m.h.daily.rolled(ctx, due.Date.Window(due.Site.Zone).To.Add(historyAt)); err != nil {
		return err
	}
	m.testing.Lock()
	defer m.testing.Unlock()
	if err := m.drop(ctx); err != nil {
		return err
	}
	return m.pass(ctx, site.ID, due.Date)
}

// forgetHistory removes what a site does not keep any more.
func (h *house) forgetHistory(ctx context.Context, site account.Site) (history.Removed, error) {
	removed, err := h.live.Forget(ctx, site.ID)
	if removed != (history.Removed{}) {
		h.meters.count("history_removed_rows", "", removed.Rows)
		h.log.Info("histories that are not kept any more were removed", "site", site.ID, "months", site.History, "visitors", removed.Visitors, "rows", removed.Rows)
	}
	return removed, err
}

// keepHistory does what other settings of a site ask for, at once: months, and
// the zone and currency, with which all days are made anew.
func (h *house) keepHistory(ctx context.Context, before, now account.Site) (removed history.Removed, err error) {
	if now.History > before.History || now.History > 0 && (now.Zone != before.Zone || now.Currency != before.Currency) {
		h.rollSoon()
	}
	if now.History >= before.History {
		return removed, nil
	}
	removed, err = h.forgetHistory(context.WithoutCancel(ctx), now)
	if err = errors.Join(err, h.removeDamaged()); err != nil {
		err = fmt.Errorf("the setting is in force, but what is not kept any more could not be removed yet; it is tried again each day: %w", err)
	}
	h.mover.change(now.ID) // whoever has nothing left leaves all segments
	return removed, err
}

// removeDamaged removes files of histories that were moved aside, or copied before
// their format changed: they hold what is not to be kept any more, too.
func (h *house) removeDamaged() error {
	paths, err := filepath.Glob(h.historyFile() + damaged + "*")
	older, failed := filepath.Glob(h.historyFile() + ".v*.bak")
	err = errors.Join(err, failed)
	for _, path := range append(paths, older...) {
		h.log.Info("a damaged or older file of histories is removed with what is not kept any more", "file", path)
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// rollSoon has histories made that nobody waits for.
func (h *house) rollSoon() {
	select {
	case h.mover.soon <- struct{}{}:
	default: // it is asked for already
	}
}

// runHistories tests who is in which segments until the house begins to stop. The
// returned function waits for a test under way to stop, and takes away the
// members of segments that were removed last.
func (h *house) runHistories() (stop func()) {
	var done sync.WaitGroup
	done.Go(func() { h.mover.run(h.ending) })
	done.Go(func() { h.mover.roll(h.ending) })
	return func() {
		done.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), dropping)
		defer cancel()
		if err := h.mover.drop(ctx); err != nil {
			h.log.Warn("members of segments that were removed are still in the file of histories", "error", err)
		}
	}
}

// notices is what waits for webhooks.
type notices struct {
	Waiting int    `json:"waiting"`
	Tries   int    `json:"tries"` // of the oldest one, that failed
	Why     string `json:"why,omitempty"`
	Error   string `json:"error,omitempty"` // that keeps them from being counted
}

// notices counts them. That this fails is no reason to take no events and to
// tell no figures.
func (h *house) notices(ctx context.Context) notices {
	n, oldest, err := h.histories.Waiting(ctx)
	if err != nil {
		return notices{Error: err.Error()}
	}
	return notices{Waiting: n, Tries: oldest.Tries, Why: oldest.Why}
}

// finding tells whether webhooks take their messages. A failure or two is none
// of the operator's business.
func (n notices) finding() finding {
	if n.Error != "" {
		return finding{"webhooks", false, n.Error + "; a file that is damaged is made again at the next start: footfall restart"}
	}
	says := fmt.Sprintf("messages waiting: %d", n.Waiting)
	if n.Tries > 0 {
		says += fmt.Sprintf("; tries of the oldest that failed: %d, the last because %s", n.Tries, n.Why)
	}
	return finding{"webhooks", n.Tries < 3, says}
}

// work does what a server does beside answering until the returned function is
// called, which waits for a notice on its way.
func (h *house) work(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	h.serves()
	var done sync.WaitGroup
	done.Go(func() { h.keepPace(ctx) })
	done.Go(func() { h.watch(ctx) })
	done.Go(func() { h.runPaces(ctx) })
	done.Go(func() { h.runMail(ctx) })
	done.Go(func() { h.runAlerts(ctx) })
	done.Go(func() { h.ripen(ctx) })
	done.Go(func() { h.tellHooks(ctx) })
	done.Go(func() {
		webhook.New(h.histories, h.sites.hook, webhook.Options{Log: h.log, Count: h.meters.count}).Run(ctx)
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// damaged is in the names of files moved aside.
const damaged = ".damaged-"

// moveAside renames a damaged SQLite file and what belongs to it.
func (h *house) moveAside(path, why string, damage error) error {
	suffix := damaged + time.Now().UTC().Format("20060102T150405.000")
	h.log.Error(why, "file", path, "to", path+suffix, "error", damage)
	for _, part := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+part, path+suffix+part); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (h *house) historyFile() string { return filepath.Join(h.c.values["data"], "history.sqlite") }
