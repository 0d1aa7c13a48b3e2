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

// PutGoal is account.Goals.
func (m *Memory) PutGoal(ctx context.Context, g account.Goal) (account.Goal, error) {
	if err := ctx.Err(); err != nil {
		return account.Goal{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known(g.Site) {
		return account.Goal{}, account.ErrNotFound
	}
	of := m.goals[g.Site]
	i := slices.IndexFunc(of, func(old account.Goal) bool { return old.Name == g.Name })
	if i >= 0 {
		g.Created = of[i].Created
		of[i] = g
		return g, nil
	}
	if len(of) >= metric.MaxGoals {
		return account.Goal{}, account.ErrGoals(g.Site)
	}
	if m.goals == nil {
		m.goals = map[string][]account.Goal{}
	}
	g.Created = time.Now().UTC().Truncate(time.Millisecond)
	m.goals[g.Site] = append(of, g)
	return g, nil
}

// Goals is account.Goals.
func (m *Memory) Goals(ctx context.Context, site string) ([]account.Goal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.goals[site])
	slices.SortFunc(all, func(a, b account.Goal) int { return strings.Compare(a.Name, b.Name) })
	return all, ctx.Err()
}

// RemoveGoal is account.Goals.
func (m *Memory) RemoveGoal(ctx context.Context, site, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.goals[site])
	left := slices.DeleteFunc(m.goals[site], func(g account.Goal) bool { return g.Name == name })
	if len(left) == before {
		return account.ErrNotFound
	}
	m.goals[site] = left
	return nil
}

func goals(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	b, err := s.AddSite(ctx, account.Site{Domain: "b.com"})
	must(t, err)
	put := func(site, name, definition string, created time.Time) {
		t.Helper()
		want := account.Goal{Site: site, Name: name, Definition: definition, Created: created.UTC().Truncate(time.Millisecond)}
		if got, err := s.PutGoal(ctx, account.Goal{Site: site, Name: name, Definition: definition, Created: time.Unix(1, 0)}); err != nil || got != want {
			t.Errorf("PutGoal = %+v, %v; want %+v", got, err, want)
		}
	}
	first := time.Now()
	put(a.ID, "Sign up", "one", first)
	time.Sleep(time.Hour)
	put(a.ID, "Order 'ä'", "two", first.Add(time.Hour))
	put(a.ID, "Sign up", "three", first)
	put(b.ID, "Sign up", "four", first.Add(time.Hour))
	hasGoals(t, s, a.ID, "Order 'ä' two", "Sign up three")
	is(t, s.RemoveGoal(ctx, a.ID, "sign up"), account.ErrNotFound)
	is(t, s.RemoveGoal(ctx, b.ID, "Order 'ä'"), account.ErrNotFound)
	must(t, s.RemoveGoal(ctx, a.ID, "Sign up"))
	is(t, s.RemoveGoal(ctx, a.ID, "Sign up"), account.ErrNotFound)
	hasGoals(t, s, a.ID, "Order 'ä' two")
	hasGoals(t, s, b.ID, "Sign up four")
	hasGoals(t, s, "nowhere")
}

// badGoals: nothing is kept of what fails.
func badGoals(t *testing.T, s Store) {
	a, err := s.AddSite(t.Context(), account.Site{Domain: "a.com"})
	must(t, err)
	_, err = s.PutGoal(t.Context(), account.Goal{Site: "nowhere", Name: "x", Definition: "one"})
	is(t, err, account.ErrNotFound)
	for i := range metric.MaxGoals {
		_, err := s.PutGoal(t.Context(), account.Goal{Site: a.ID, Name: fmt.Sprint(i), Definition: "one"})
		must(t, err)
	}
	var invalid *event.InvalidError
	if _, err := s.PutGoal(t.Context(), account.Goal{Site: a.ID, Name: "one more", Definition: "one"}); !errors.As(err, &invalid) {
		t.Errorf("a goal more than a site may have: %v", err)
	}
	_, err = s.PutGoal(t.Context(), account.Goal{Site: a.ID, Name: "7", Definition: "two"})
	must(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.PutGoal(gone, account.Goal{Site: a.ID, Name: "8", Definition: "two"}); err == nil {
		t.Error("PutGoal worked with a cancelled context")
	}
	if err := s.RemoveGoal(gone, a.ID, "8"); err == nil {
		t.Error("RemoveGoal worked with a cancelled context")
	}
	all, err := s.Goals(t.Context(), a.ID)
	must(t, err)
	if len(all) != metric.MaxGoals || all[slices.IndexFunc(all, func(g account.Goal) bool { return g.Name == "8" })].Definition != "one" {
		t.Errorf("%d goals: %+v", len(all), all)
	}
}

func hasGoals(t *testing.T, s Store, site string, want ...string) {
	t.Helper()
	all, err := s.Goals(t.Context(), site)
	must(t, err)
	var got []string
	for _, g := range all {
		got = append(got, g.Name+" "+g.Definition)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Goals = %q, want %q", got, want)
	}
}
