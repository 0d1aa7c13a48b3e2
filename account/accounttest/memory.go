// Package accounttest is the law of control data, run against every adapter,
// and the memory model that the adapters must not differ from.
package accounttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/account"
	"footfall/event"
)

// Store is everything an adapter of control data keeps.
type Store interface {
	account.Sites
	Definitions
	account.Salts
	account.Entrances
	Control
}

// Definitions are what is defined of a site's visitors.
type Definitions interface {
	account.Segments
	account.Goals
	account.Funnels
	account.Notes
	account.FilterBook
}

// Control is what is kept beside sites and people.
type Control interface {
	account.Tokens
	account.Secrets
	account.Audit
	account.Subscriptions
	account.Alerts
}

// Memory is the model: a Store that keeps nothing on disk. The zero value
// works. Tests of doors use it, too.
type Memory struct {
	mu       sync.Mutex
	sites    []account.Site
	keys     map[string]account.Key
	shares   map[string]account.Share
	people   map[string]*person // by id
	links    map[string]account.Link
	sessions map[string]account.Session
	secrets  map[string][]byte
	changes  []account.Change // the oldest first
	salts    map[event.Day][]byte
	segments map[segmentName][]account.Segment // every version
	removed  map[segmentName]bool
	goals    definitions
	filters  []account.SavedFilters
	funnels  definitions
	notes    map[string][]account.Note // by site, the oldest first

	subscriptions []account.Subscription // the oldest first
	alerts        []account.Alert        // the same
}

type segmentName struct{ site, name string }

// AddSite is account.Sites.
func (m *Memory) AddSite(ctx context.Context, s account.Site) (account.Site, error) {
	if err := ctx.Err(); err != nil {
		return account.Site{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := account.Prepare(s, time.Now(), m.known)
	if err != nil {
		return account.Site{}, err
	}
	for _, old := range m.sites {
		if old.Domain == s.Domain || old.WriteKey == s.WriteKey {
			return account.Site{}, fmt.Errorf("%s %w", s.Domain, account.ErrExists)
		}
	}
	m.sites = append(m.sites, s)
	slices.SortFunc(m.sites, func(a, b account.Site) int { return strings.Compare(a.Domain, b.Domain) })
	return s, nil
}

func (m *Memory) known(id string) bool {
	return slices.ContainsFunc(m.sites, func(s account.Site) bool { return s.ID == id })
}

// Sites is account.Sites.
func (m *Memory) Sites(ctx context.Context) ([]account.Site, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sites), ctx.Err()
}

// UpdateSite is account.Sites.
func (m *Memory) UpdateSite(ctx context.Context, s account.Site) (account.Site, error) {
	if err := ctx.Err(); err != nil {
		return account.Site{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.sites, func(old account.Site) bool { return old.ID == s.ID })
	if i < 0 {
		return account.Site{}, account.ErrNotFound
	}
	s, err := account.Revise(m.sites[i], s)
	if err == nil {
		m.sites[i] = s
	}
	return s, err
}

// Salt is account.Salts.
func (m *Memory) Salt(day event.Day) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	today := event.DayOf(time.Now())
	if day != today && day != today-1 {
		return nil, fmt.Errorf("salt: none for day %d", day)
	}
	if m.salts[day] == nil {
		kept := map[event.Day][]byte{day: make([]byte, 32)}
		rand.Read(kept[day]) // never fails
		for d, salt := range m.salts {
			if d >= today-1 {
				kept[d] = salt
			}
		}
		m.salts = kept
	}
	return m.salts[day], nil
}
