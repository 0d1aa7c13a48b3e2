package accounttest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"footfall/account"
)

// person is what the model keeps of one.
type person struct {
	account.Person
	account.Credential
	grants   map[string]account.Role // by site
	recovery [][]byte
}

// AddPerson is account.People.
func (m *Memory) AddPerson(ctx context.Context, p account.Person) (account.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := account.PreparePerson(p, time.Now())
	if err == nil && m.find(p.Email) != nil {
		err = account.ErrExists
	}
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return account.Person{}, err
	}
	put(&m.people, p.ID, &person{Person: p, grants: map[string]account.Role{}})
	return p, nil
}

func (m *Memory) find(idOrEmail string) *person {
	for _, p := range m.people {
		if p.ID == idOrEmail || p.Email == strings.ToLower(strings.TrimSpace(idOrEmail)) {
			return p
		}
	}
	return nil
}

// with runs f on a person.
func (m *Memory) with(ctx context.Context, id string, f func(*person) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.people[id]
	if p == nil {
		return account.ErrNotFound
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return f(p)
}

// Person is account.People.
func (m *Memory) Person(ctx context.Context, idOrEmail string) (account.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.find(idOrEmail); p != nil {
		return p.Person, ctx.Err()
	}
	return account.Person{}, account.ErrNotFound
}

// People is account.People.
func (m *Memory) People(ctx context.Context) (all []account.Person, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.people {
		all = append(all, p.Person)
	}
	slices.SortFunc(all, func(a, b account.Person) int { return strings.Compare(a.Email, b.Email) })
	return all, ctx.Err()
}

// SetPerson is account.People.
func (m *Memory) SetPerson(ctx context.Context, id, name, language string) error {
	name, err := account.Name(name)
	if err == nil {
		language, err = account.Language(language)
	}
	if err != nil {
		return err
	}
	return m.with(ctx, id, func(p *person) error {
		p.Name, p.Language = name, language
		return nil
	})
}

// SetDisabled is account.Grants.
func (m *Memory) SetDisabled(ctx context.Context, id string, disabled bool) error {
	return m.with(ctx, id, func(p *person) error {
		p.Disabled = disabled
		return nil
	})
}

// RemovePerson is account.People.
func (m *Memory) RemovePerson(ctx context.Context, id string) error {
	return m.with(ctx, id, func(*person) error {
		delete(m.people, id)
		maps.DeleteFunc(m.links, func(_ string, l account.Link) bool { return l.Person == id })
		maps.DeleteFunc(m.sessions, func(_ string, s account.Session) bool { return s.Person == id })
		m.subscriptions = slices.DeleteFunc(m.subscriptions, func(s account.Subscription) bool { return s.Person == id })
		m.filters = slices.DeleteFunc(m.filters, func(f account.SavedFilters) bool { return f.Person == id })
		return nil
	})
}

// PutGrant is account.Grants.
func (m *Memory) PutGrant(ctx context.Context, g account.Grant) error {
	if err := account.CheckGrant(g); err != nil {
		return err
	}
	return m.with(ctx, g.Person, func(p *person) error {
		if g.Site != "" && !m.known(g.Site) {
			return account.ErrNotFound
		}
		p.grants[g.Site] = g.Role
		maps.DeleteFunc(m.links, func(_ string, l account.Link) bool {
			return l.Person == g.Person && (l.Purpose == account.ForInvite || l.Purpose == account.ForReset)
		})
		return nil
	})
}

// Grants is account.Grants.
func (m *Memory) Grants(ctx context.Context, id string) (all []account.Grant, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.people {
		for site, role := range p.grants {
			if id == "" || id == p.ID {
				all = append(all, account.Grant{Person: p.ID, Site: site, Role: role})
			}
		}
	}
	slices.SortFunc(all, func(a, b account.Grant) int {
		return cmp.Or(strings.Compare(a.Person, b.Person), strings.Compare(a.Site, b.Site))
	})
	return all, ctx.Err()
}

// RemoveGrant is account.Grants.
func (m *Memory) RemoveGrant(ctx context.Context, id, site string) error {
	return m.with(ctx, id, func(p *person) error {
		if _, ok := p.grants[site]; !ok {
			return account.ErrNotFound
		}
		delete(p.grants, site)
		return nil
	})
}

// Credential is account.Credentials.
func (m *Memory) Credential(ctx context.Context, id string) (c account.Credential, err error) {
	err = m.with(ctx, id, func(p *person) error {
		c = p.Credential
		c.Recovery = len(p.recovery)
		return nil
	})
	return c, err
}

// SetPassword is account.Credentials.
func (m *Memory) SetPassword(ctx context.Context, id, hash string) error {
	return m.with(ctx, id, func(p *person) error {
		p.Password = hash
		return nil
	})
}

// SetTOTP is account.Credentials.
func (m *Memory) SetTOTP(ctx context.Context, id string, secret []byte, recovery [][]byte) error {
	return m.with(ctx, id, func(p *person) error {
		p.TOTP, p.Step, p.recovery = secret, 0, slices.Clone(recovery)
		return nil
	})
}

// UseStep is account.Credentials.
func (m *Memory) UseStep(ctx context.Context, id string, step int64) error {
	return m.with(ctx, id, func(p *person) error {
		if step <= p.Step {
			return account.ErrNotFound
		}
		p.Step = step
		return nil
	})
}

// UseRecovery is account.Credentials.
func (m *Memory) UseRecovery(ctx context.Context, id string, hash []byte) error {
	return m.with(ctx, id, func(p *person) error {
		n := len(p.recovery)
		p.recovery = slices.DeleteFunc(p.recovery, func(h []byte) bool { return bytes.Equal(h, hash) })
		if n == len(p.recovery) {
			return account.ErrNotFound
		}
		return nil
	})
}

// AddLink is account.Links.
func (m *Memory) AddLink(ctx context.Context, purpose account.Purpose, person string, life time.Duration) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if person != "" && m.people[person] == nil {
		return "", account.ErrNotFound
	}
	token := account.NewToken(account.LinkPrefix, 20)
	put(&m.links, token, account.Link{Purpose: purpose, Person: person, Expires: time.Now().Add(life).UTC()})
	return token, ctx.Err()
}

// Link is account.Links.
func (m *Memory) Link(ctx context.Context, token string) (account.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.links[token]
	if !ok || over(l.Expires) {
		return account.Link{}, account.ErrNotFound
	}
	return l, ctx.Err()
}

// UseLink is account.Links.
func (m *Memory) UseLink(ctx context.Context, token string) (account.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.links[token]
	if ctx.Err() != nil {
		return account.Link{}, ctx.Err()
	}
	delete(m.links, token)
	if !ok || over(l.Expires) {
		return account.Link{}, account.ErrNotFound
	}
	return l, nil
}

// AddSession is account.Sessions.
func (m *Memory) AddSession(ctx context.Context, person string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if person != "" && m.people[person] == nil {
		return "", account.ErrNotFound
	}
	token, s := account.NewSession(person, time.Now())
	put(&m.sessions, token, s)
	return token, ctx.Err()
}

// Session is account.Sessions.
func (m *Memory) Session(ctx context.Context, token string) (account.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[token]
	p := m.people[s.Person]
	if now := time.Now(); !ok || s.Over(now) || p != nil && p.Disabled {
		return account.Session{}, account.ErrNotFound
	} else if s.Stale(now) {
		s.Seen = now.UTC().Truncate(time.Millisecond)
		m.sessions[token] = s
	}
	return s, ctx.Err()
}

// Sessions is account.Sessions.
func (m *Memory) Sessions(ctx context.Context, person string) (all []account.Session, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		if s.Person == person && !s.Over(time.Now()) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b account.Session) int {
		return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID))
	})
	return all, ctx.Err()
}

// EndSession is account.Sessions.
func (m *Memory) EndSession(ctx context.Context, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		delete(m.sessions, token)
	}
	return ctx.Err()
}

// EndSessions is account.Sessions.
func (m *Memory) EndSessions(ctx context.Context, person, but string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		maps.DeleteFunc(m.sessions, func(token string, s account.Session) bool { return s.Person == person && token != but })
		maps.DeleteFunc(m.links, func(_ string, l account.Link) bool {
			return l.Person == person && (person != "" || l.Purpose == account.ForLogin)
		})
	}
	return ctx.Err()
}
