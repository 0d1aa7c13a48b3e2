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
	h.live = segment.NewLive(h.histories, h.histories, h.histories, h.sites.remembered,
		segment.Options{Log: h.log, Told: func(site string) bool { _, ok := h.sites.hook(site); return ok }})
	h.mover = newMover(h)
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
)

// mover tests again and again which segments visitors are in, and keeps and
// tells who moved.
type mover struct {
	h    *house
	soon chan struct{} // a site keeps more than before: a roll makes it

	testing sync.Mutex // held while visitors are tested

	mu      sync.Mutex
	changed map[string]bool   // sites whose definitions changed: all their visitors are to be tested
	removed []account.Segment // whose members a test under way may have added again
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
		case <-m.soon:
			if _, err := m.h.roller.Roll(ctx); err != nil && ctx.Err() == nil {
				m.h.log.Error("histories are not made yet; the next roll tries again", "error", err)
			}
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

// move moves who has done something, and everybody of sites whose definitions
// changed.
func (m *mover) move(ctx context.Context) error {
	m.testing.Lock()
	defer m.testing.Unlock()
	if err := m.drop(ctx); err != nil {
		return err
	}
	for _, s := range m.h.sites.remembered() {
		m.mu.Lock()
		all := m.changed[s.ID]
		delete(m.changed, s.ID)
		m.mu.Unlock()
		if !all || s.Months == 0 {
			continue
		}
		definitions, err := m.h.segments.of(ctx, s.ID)
		if err == nil {
			err = m.h.live.Pass(ctx, s.ID, definitions, period.DateOf(time.Now(), s.Zone))
		}
		if err != nil {
			m.change(s.ID) // another time
			if !errors.Is(err, segment.ErrIncomplete) {
				return err
			}
		}
	}
	var unread error
	err := m.h.live.Tick(ctx, func(site string) []segment.Definition {
		definitions, err := m.h.segments.of(ctx, site)
		unread = errors.Join(unread, err)
		return definitions
	})
	return errors.Join(unread, err)
}

// change notes that a site's definitions changed.
func (m *mover) change(site string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed[site] = true
}

// drop takes the members of removed segments away that were added meanwhile.
func (m *mover) drop(ctx context.Context) error {
	m.mu.Lock()
	removed := m.removed
	m.removed = nil
	m.mu.Unlock()
	for i, s := range removed {
		definitions, err := m.h.segments.of(ctx, s.Site)
		if err == nil && !defined(definitions, s.Name) {
			err = m.h.histories.Drop(ctx, s.Site, s.Name)
		}
		if err != nil {
			m.mu.Lock()
			m.removed = append(m.removed, removed[i:]...)
			m.mu.Unlock()
			return err
		}
	}
	return nil
}

// remove removes a segment and its members.
func (m *mover) remove(ctx context.Context, site, name string) error {
	if err := m.h.segments.remove(ctx, site, name); err != nil {
		return err
	}
	m.mu.Lock()
	m.removed = append(m.removed, account.Segment{Site: site, Name: name})
	m.mu.Unlock()
	return m.h.histories.Drop(context.WithoutCancel(ctx), site, name)
}

// date does what is due of histories for a date that is over: all visitors are
// tested, as windows moved, the members of segments are counted, and what is too
// old is removed.
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
	definitions, err := m.h.segments.of(ctx, site.ID)
	if err == nil {
		err = m.h.live.Pass(ctx, site.ID, definitions, due.Date)
	}
	if errors.Is(err, segment.ErrOff) { // since just now
		return nil
	}
	return err
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

// keepHistory does what another setting of a site's months asks for, at once.
func (h *house) keepHistory(ctx context.Context, before, now account.Site) (removed history.Removed, err error) {
	switch {
	case now.History > before.History:
		h.rollSoon()
	case now.History < before.History:
		if removed, err = h.forgetHistory(context.WithoutCancel(ctx), now); err != nil {
			err = fmt.Errorf("the setting is in force, but what is not kept any more could not be removed yet; it is tried again each day: %w", err)
		}
	}
	return removed, err
}

// rollSoon has histories made that nobody waits for.
func (h *house) rollSoon() {
	select {
	case h.mover.soon <- struct{}{}:
	default: // it is asked for already
	}
}

// runHistories tests who is in which segments until the returned function is
// called, which waits for a test under way to stop.
func (h *house) runHistories(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { h.mover.run(ctx) })
	return func() {
		cancel()
		done.Wait()
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
	var done sync.WaitGroup
	done.Go(func() { h.watch(ctx) })
	done.Go(func() {
		signed := webhook.Signature{Header: segment.SignatureHeader, Sign: segment.Sign}
		webhook.New(h.histories, h.sites.hook, signed, webhook.Options{Log: h.log, Count: h.meters.count}).Run(ctx)
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// moveAside renames a damaged SQLite file and what belongs to it.
func (h *house) moveAside(path, why string, damage error) error {
	suffix := ".damaged-" + time.Now().UTC().Format("20060102T150405.000")
	h.log.Error(why, "file", path, "to", path+suffix, "error", damage)
	for _, part := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+part, path+suffix+part); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (h *house) historyFile() string { return filepath.Join(h.c.values["data"], "history.sqlite") }
