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
	account.Keys
	account.Segments
	account.Sessions
	account.Salts
}

// Memory is the model: a Store that keeps nothing on disk. The zero value
// works. Tests of doors use it, too.
type Memory struct {
	mu       sync.Mutex
	sites    []account.Site
	keys     map[string]account.Key
	links    map[string]time.Time
	sessions map[string]time.Time
	salts    map[event.Day][]byte
	segments map[segmentName][]account.Segment // every version
	removed  map[segmentName]bool
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

// AddKey is account.Keys.
func (m *Memory) AddKey(ctx context.Context, site string, role account.Role) (string, account.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, k, err := account.NewKey(site, role, time.Now())
	if err != nil {
		return "", account.Key{}, err
	}
	if site != "" && !m.known(site) {
		return "", account.Key{}, account.ErrNotFound
	}
	if m.keys == nil {
		m.keys = map[string]account.Key{}
	}
	m.keys[token] = k
	return token, k, ctx.Err()
}

// Key is account.Keys.
func (m *Memory) Key(ctx context.Context, token string) (account.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[token]
	if !ok {
		return account.Key{}, account.ErrNotFound
	}
	return k, ctx.Err()
}

// AddLink is account.Sessions.
func (m *Memory) AddLink(ctx context.Context, life time.Duration) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.links == nil {
		m.links, m.sessions = map[string]time.Time{}, map[string]time.Time{}
	}
	token := account.NewToken(account.LinkPrefix, 20)
	m.links[token] = time.Now().Add(life)
	return token, ctx.Err()
}

// UseLink is account.Sessions.
func (m *Memory) UseLink(ctx context.Context, token string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	expires, ok := m.links[token]
	delete(m.links, token)
	if !ok || !expires.After(time.Now()) {
		return "", account.ErrNotFound
	}
	session := account.NewToken(account.SessionPrefix, 20)
	m.sessions[session] = time.Now().Add(account.SessionLife)
	return session, nil
}

// Session is account.Sessions.
func (m *Memory) Session(ctx context.Context, session string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.sessions[session].After(time.Now()) {
		return account.ErrNotFound
	}
	return ctx.Err()
}

// EndSession is account.Sessions.
func (m *Memory) EndSession(ctx context.Context, session string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, session)
	return nil
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
