package accounttest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
)

// AddSubscription is account.Subscriptions.
func (m *Memory) AddSubscription(ctx context.Context, s account.Subscription) (account.Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := account.PrepareSubscription(s, time.Now())
	switch {
	case err != nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case s.Site != "" && !m.known(s.Site), s.Person != "" && m.people[s.Person] == nil:
		err = account.ErrNotFound
	case slices.ContainsFunc(m.subscriptions, s.Same):
		err = account.ErrExists
	}
	if err != nil {
		return account.Subscription{}, err
	}
	m.subscriptions = append(m.subscriptions, s)
	return s, nil
}

// Subscriptions is account.Subscriptions.
func (m *Memory) Subscriptions(ctx context.Context) ([]account.Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.subscriptions), ctx.Err()
}

// Advance is account.Subscriptions.
func (m *Memory) Advance(ctx context.Context, id string, from, to account.Progress) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.subscriptions, func(s account.Subscription) bool { return s.ID == id && s.Progress == from })
	if at < 0 || ctx.Err() != nil {
		return errors.Join(ctx.Err(), account.ErrNotFound)
	}
	to.Due = to.Due.UTC().Truncate(time.Millisecond) // as it is kept
	m.subscriptions[at].Progress = to
	return nil
}

// RemoveSubscription is account.Subscriptions.
func (m *Memory) RemoveSubscription(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.subscriptions)
	if ctx.Err() == nil {
		m.subscriptions = slices.DeleteFunc(m.subscriptions, func(s account.Subscription) bool { return s.ID == id })
	}
	if ctx.Err() == nil && n == len(m.subscriptions) {
		return account.ErrNotFound
	}
	return ctx.Err()
}

// AddAlert is account.Alerts.
func (m *Memory) AddAlert(ctx context.Context, a account.Alert) (account.Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := account.PrepareAlert(a, time.Now())
	if err == nil && a.Site != "" && !m.known(a.Site) {
		err = account.ErrNotFound
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return account.Alert{}, err
	}
	m.alerts = append(m.alerts, a)
	return a, nil
}

// Alerts is account.Alerts.
func (m *Memory) Alerts(ctx context.Context) ([]account.Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.alerts), ctx.Err()
}

// MoveAlert is account.Alerts.
func (m *Memory) MoveAlert(ctx context.Context, id, from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.alerts, func(a account.Alert) bool { return a.ID == id && a.State == from })
	if at < 0 || ctx.Err() != nil {
		return errors.Join(ctx.Err(), account.ErrNotFound)
	}
	m.alerts[at].State = to
	return nil
}

// RemoveAlert is account.Alerts.
func (m *Memory) RemoveAlert(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.alerts)
	if ctx.Err() == nil {
		m.alerts = slices.DeleteFunc(m.alerts, func(a account.Alert) bool { return a.ID == id })
	}
	if ctx.Err() == nil && n == len(m.alerts) {
		return account.ErrNotFound
	}
	return ctx.Err()
}

// subscriptions: the same recipient has the same report once, and of all who move
// one on from what they read one does.
func subscriptions(t *testing.T, s Store) {
	ctx := t.Context()
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	ada := add(t, s, "ada@a.com")
	var want []account.Subscription
	for _, one := range []account.Subscription{
		{Site: site.ID, Person: ada.ID, Rhythm: account.Daily, Progress: account.Progress{Told: 19000}},
		{Site: site.ID, Person: ada.ID, Rhythm: account.Monthly},
		{Site: site.ID, Email: "Bob@A.com", Rhythm: account.Daily},
		{Affiliate: "01AFFILIATE", Rhythm: account.Weekly},
	} {
		made, err := s.AddSubscription(ctx, one)
		must(t, err)
		if made.ID == "" || !made.Created.Equal(time.Now().Truncate(time.Millisecond)) {
			t.Errorf("made %+v", made)
		}
		want = append(want, made)
		_, err = s.AddSubscription(ctx, one)
		is(t, err, account.ErrExists)
		time.Sleep(time.Second)
	}
	if want[2].Email != "bob@a.com" {
		t.Errorf("the address is kept as %s", want[2].Email)
	}
	for _, one := range []account.Subscription{{Site: "nowhere", Email: "bob@a.com", Rhythm: account.Daily}, {Site: site.ID, Person: "per_nobody", Rhythm: account.Daily}} {
		_, err := s.AddSubscription(ctx, one)
		is(t, err, account.ErrNotFound)
	}
	want[0].Progress = advances(t, s, want[0])
	second := want[0].Progress
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if s.Advance(gone, want[0].ID, second, account.Progress{}) == nil || s.RemoveSubscription(gone, want[0].ID) == nil {
		t.Error("something worked with a cancelled context")
	}
	must(t, s.RemoveSubscription(ctx, want[2].ID))
	is(t, s.RemoveSubscription(ctx, want[2].ID), account.ErrNotFound)
	is(t, s.Advance(ctx, want[2].ID, want[2].Progress, second), account.ErrNotFound)
	want = slices.Delete(want, 2, 3)
	if all, err := s.Subscriptions(ctx); err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("Subscriptions = %+v, %v; want %+v", all, err, want)
	}
	must(t, s.RemovePerson(ctx, ada.ID))
	if all, err := s.Subscriptions(ctx); err != nil || !reflect.DeepEqual(all, want[2:]) {
		t.Errorf("who is removed is still written to: %+v, %v", all, err)
	}
}

// advances moves a subscription on: only from the progress that it has.
func advances(t *testing.T, s Store, one account.Subscription) account.Progress {
	t.Helper()
	ctx := t.Context()
	began := one.Progress
	first := account.Progress{Told: 19000, Tries: 1, Due: time.UnixMilli(1700000000123).UTC()}
	must(t, s.Advance(ctx, one.ID, began, first))
	is(t, s.Advance(ctx, one.ID, began, account.Progress{Told: 19001}), account.ErrNotFound)
	second := account.Progress{Told: 19001, Why: "refused"}
	must(t, s.Advance(ctx, one.ID, first, second))
	third := account.Progress{Told: 19001, Tries: 2, Due: first.Due, Why: "refused"}
	must(t, s.Advance(ctx, one.ID, second, third))
	for _, stale := range []func(p *account.Progress){func(p *account.Progress) { p.Told-- }, func(p *account.Progress) { p.Tries-- }, func(p *account.Progress) { p.Why = "" },
		func(p *account.Progress) { p.Due = time.Time{} }, func(p *account.Progress) { p.Due = p.Due.Add(-time.Millisecond) }} {
		from := third
		stale(&from)
		is(t, s.Advance(ctx, one.ID, from, first), account.ErrNotFound)
	}
	must(t, s.Advance(ctx, one.ID, third, second))
	return second
}

func badSubscriptions(t *testing.T, s Store) {
	for _, x := range []struct {
		one   account.Subscription
		field string
	}{
		{account.Subscription{Site: "a", Email: "a@a.com", Rhythm: "hourly"}, "rhythm"},
		{account.Subscription{Site: "a", Email: "nobody", Rhythm: account.Daily}, "email"},
		{account.Subscription{Site: "a", Rhythm: account.Daily}, "email"},
		{account.Subscription{Site: "a", Person: "p", Email: "a@a.com", Rhythm: account.Daily}, "email"},
		{account.Subscription{Affiliate: "a", Email: "a@a.com", Rhythm: account.Daily}, "email"},
		{account.Subscription{Site: "a", Affiliate: "b", Rhythm: account.Daily}, "site"},
		{account.Subscription{Email: "a@a.com", Rhythm: account.Daily}, "site"},
	} {
		_, err := s.AddSubscription(t.Context(), x.one)
		if bad, ok := errors.AsType[*event.InvalidError](err); !ok || bad.Field != x.field {
			t.Errorf("%+v: %v, want one of %s", x.one, err, x.field)
		}
	}
}

// alerts: the secret of a webhook is made, and of all who move one one does.
func alerts(t *testing.T, s Store) {
	ctx := t.Context()
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	a, err := s.AddAlert(ctx, account.Alert{Site: site.ID, Rule: `{"x":1}`, Email: "Ada@a.com"})
	must(t, err)
	time.Sleep(time.Second)
	b, err := s.AddAlert(ctx, account.Alert{Rule: "{}", Webhook: "https://a.com/hook?x=y", State: "is begun anew"})
	must(t, err)
	if a.Email != "ada@a.com" || a.Secret != "" || len(b.Secret) != 36 || a.ID == b.ID || a.State != "" || b.State != "" {
		t.Errorf("made %+v and %+v", a, b)
	}
	must(t, s.MoveAlert(ctx, a.ID, "", "one"))
	is(t, s.MoveAlert(ctx, a.ID, "", "two"), account.ErrNotFound)
	must(t, s.MoveAlert(ctx, a.ID, "one", "two"))
	a.State = "two"
	if all, err := s.Alerts(ctx); err != nil || !reflect.DeepEqual(all, []account.Alert{a, b}) {
		t.Errorf("Alerts = %+v, %v", all, err)
	}
	must(t, s.RemoveAlert(ctx, a.ID))
	is(t, s.RemoveAlert(ctx, a.ID), account.ErrNotFound)
	is(t, s.MoveAlert(ctx, a.ID, "two", "one"), account.ErrNotFound)
	_, err = s.AddAlert(ctx, account.Alert{Site: "nowhere", Email: "a@a.com"})
	is(t, err, account.ErrNotFound)
	for _, bad := range []account.Alert{{}, {Email: "a@a.com", Webhook: "https://a.com"}, {Email: "nobody"}, {Webhook: "ftp://a.com"}} {
		_, err := s.AddAlert(ctx, bad)
		if _, ok := errors.AsType[*event.InvalidError](err); !ok {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
