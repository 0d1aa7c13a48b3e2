package accounttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
)

// definitions are what sites of Memory have under a name: goals, or funnels.
type definitions map[string][]account.Definition // by site

// PutGoal is account.Goals.
func (m *Memory) PutGoal(ctx context.Context, g account.Definition) (account.Definition, error) {
	return m.define(ctx, &m.goals, g, metric.MaxGoals, account.ErrGoals)
}

// Goals is account.Goals.
func (m *Memory) Goals(ctx context.Context, site string) ([]account.Definition, error) {
	return m.defined(ctx, &m.goals, site)
}

// RemoveGoal is account.Goals.
func (m *Memory) RemoveGoal(ctx context.Context, site, name string) error {
	return m.undefine(ctx, &m.goals, site, name)
}

// PutFunnel is account.Funnels.
func (m *Memory) PutFunnel(ctx context.Context, f account.Definition) (account.Definition, error) {
	return m.define(ctx, &m.funnels, f, metric.MaxFunnels, account.ErrFunnels)
}

// Funnels is account.Funnels.
func (m *Memory) Funnels(ctx context.Context, site string) ([]account.Definition, error) {
	return m.defined(ctx, &m.funnels, site)
}

// RemoveFunnel is account.Funnels.
func (m *Memory) RemoveFunnel(ctx context.Context, site, name string) error {
	return m.undefine(ctx, &m.funnels, site, name)
}

func (m *Memory) define(ctx context.Context, all *definitions, d account.Definition, most int, tooMany func(string) error) (account.Definition, error) {
	if err := ctx.Err(); err != nil {
		return account.Definition{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known(d.Site) {
		return account.Definition{}, account.ErrNotFound
	}
	of := (*all)[d.Site]
	i := slices.IndexFunc(of, func(old account.Definition) bool { return old.Name == d.Name })
	if i >= 0 {
		d.Created = of[i].Created
		of[i] = d
		return d, nil
	}
	if len(of) >= most {
		return account.Definition{}, tooMany(d.Site)
	}
	if *all == nil {
		*all = definitions{}
	}
	d.Created = time.Now().UTC().Truncate(time.Millisecond)
	(*all)[d.Site] = append(of, d)
	return d, nil
}

func (m *Memory) defined(ctx context.Context, of *definitions, site string) ([]account.Definition, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone((*of)[site])
	slices.SortFunc(all, func(a, b account.Definition) int { return strings.Compare(a.Name, b.Name) })
	return all, ctx.Err()
}

func (m *Memory) undefine(ctx context.Context, of *definitions, site, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len((*of)[site])
	left := slices.DeleteFunc((*of)[site], func(d account.Definition) bool { return d.Name == name })
	if len(left) == before {
		return account.ErrNotFound
	}
	(*of)[site] = left
	return nil
}

// book is what a Store does with definitions of one kind.
type book struct {
	put    func(context.Context, account.Definition) (account.Definition, error)
	list   func(context.Context, string) ([]account.Definition, error)
	remove func(ctx context.Context, site, name string) error
	most   int
}

// books are the kinds; each is held to the same.
func books(s Store) map[string]book {
	return map[string]book{
		"goals":   {s.PutGoal, s.Goals, s.RemoveGoal, metric.MaxGoals},
		"funnels": {s.PutFunnel, s.Funnels, s.RemoveFunnel, metric.MaxFunnels},
	}
}

// defining: of each kind a name is one definition, and kinds do not share names.
func defining(t *testing.T, s Store) {
	a, err := s.AddSite(t.Context(), account.Site{Domain: "a.com"})
	must(t, err)
	b, err := s.AddSite(t.Context(), account.Site{Domain: "b.com"})
	must(t, err)
	for kind, of := range books(s) {
		hasDefinitions(t, kind, of, a.ID)
		of.law(t, kind, a.ID, b.ID)
	}
}

func (of book) law(t *testing.T, kind, a, b string) {
	ctx := t.Context()
	put := func(site, name, definition string, created time.Time) {
		t.Helper()
		want := account.Definition{Site: site, Name: name, Definition: definition, Created: created.UTC().Truncate(time.Millisecond)}
		if got, err := of.put(ctx, account.Definition{Site: site, Name: name, Definition: definition, Created: time.Unix(1, 0)}); err != nil || got != want {
			t.Errorf("%s: put = %+v, %v; want %+v", kind, got, err, want)
		}
	}
	first := time.Now()
	put(a, "Sign up", "one", first)
	time.Sleep(time.Hour)
	put(a, "Order 'ä'", "two", first.Add(time.Hour))
	put(a, "Sign up", "three", first)
	put(b, "Sign up", "four", first.Add(time.Hour))
	hasDefinitions(t, kind, of, a, "Order 'ä' two", "Sign up three")
	is(t, of.remove(ctx, a, "sign up"), account.ErrNotFound)
	is(t, of.remove(ctx, b, "Order 'ä'"), account.ErrNotFound)
	must(t, of.remove(ctx, a, "Sign up"))
	is(t, of.remove(ctx, a, "Sign up"), account.ErrNotFound)
	hasDefinitions(t, kind, of, a, "Order 'ä' two")
	hasDefinitions(t, kind, of, b, "Sign up four")
	hasDefinitions(t, kind, of, "nowhere")
}

// badDefinitions: nothing is kept of what fails.
func badDefinitions(t *testing.T, s Store) {
	a, err := s.AddSite(t.Context(), account.Site{Domain: "a.com"})
	must(t, err)
	for kind, of := range books(s) {
		of.refuses(t, kind, a.ID)
	}
}

func (of book) refuses(t *testing.T, kind, site string) {
	_, err := of.put(t.Context(), account.Definition{Site: "nowhere", Name: "x", Definition: "one"})
	is(t, err, account.ErrNotFound)
	for i := range of.most {
		_, err := of.put(t.Context(), account.Definition{Site: site, Name: fmt.Sprint(i), Definition: "one"})
		must(t, err)
	}
	var invalid *event.InvalidError
	if _, err := of.put(t.Context(), account.Definition{Site: site, Name: "one more", Definition: "one"}); !errors.As(err, &invalid) {
		t.Errorf("%s: more than a site may have: %v", kind, err)
	}
	_, err = of.put(t.Context(), account.Definition{Site: site, Name: "7", Definition: "two"})
	must(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := of.put(gone, account.Definition{Site: site, Name: "8", Definition: "two"}); err == nil {
		t.Errorf("%s: put worked with a cancelled context", kind)
	}
	if err := of.remove(gone, site, "8"); err == nil {
		t.Errorf("%s: remove worked with a cancelled context", kind)
	}
	all, err := of.list(t.Context(), site)
	must(t, err)
	if len(all) != of.most || all[slices.IndexFunc(all, func(d account.Definition) bool { return d.Name == "8" })].Definition != "one" {
		t.Errorf("%s: %d of them: %+v", kind, len(all), all)
	}
}

func hasDefinitions(t *testing.T, kind string, of book, site string, want ...string) {
	t.Helper()
	all, err := of.list(t.Context(), site)
	must(t, err)
	var got []string
	for _, d := range all {
		got = append(got, d.Name+" "+d.Definition)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s are %q, want %q", kind, got, want)
	}
}
