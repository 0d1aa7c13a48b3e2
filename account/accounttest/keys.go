package accounttest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
)

// put adds to a map that may be nil.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// AddKey is account.Keys.
func (m *Memory) AddKey(ctx context.Context, k account.Key) (string, account.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, k, err := account.PrepareKey(k, time.Now())
	if err == nil && k.Site != "" && !m.known(k.Site) {
		err = account.ErrNotFound
	}
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return "", account.Key{}, err
	}
	put(&m.keys, token, k)
	return token, k, nil
}

func over(expires time.Time) bool { return !expires.IsZero() && !expires.After(time.Now()) }

// Key is account.Keys.
func (m *Memory) Key(ctx context.Context, token string) (account.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[token]
	if !ok || over(k.Expires) {
		return account.Key{}, account.ErrNotFound
	}
	return k, ctx.Err()
}

// Keys is account.Keys.
func (m *Memory) Keys(ctx context.Context) ([]account.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.keys), func(a, b account.Key) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	}), ctx.Err()
}

// RevokeKey is account.Keys.
func (m *Memory) RevokeKey(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return drop(ctx, m.keys, func(k account.Key) bool { return k.ID == id })
}

// drop removes what is of the sort; ErrNotFound if nothing is.
func drop[K comparable, V any](ctx context.Context, m map[K]V, of func(V) bool) error {
	n := len(m)
	if ctx.Err() == nil {
		maps.DeleteFunc(m, func(_ K, v V) bool { return of(v) })
	}
	if ctx.Err() == nil && n == len(m) {
		return account.ErrNotFound
	}
	return ctx.Err()
}

// AddShare is account.Shares.
func (m *Memory) AddShare(ctx context.Context, s account.Share) (string, account.Share, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, s, err := account.PrepareShare(s, time.Now())
	if err == nil && !m.known(s.Site) {
		err = account.ErrNotFound
	}
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return "", account.Share{}, err
	}
	put(&m.shares, token, s)
	return token, s, nil
}

// Share is account.Shares.
func (m *Memory) Share(ctx context.Context, token string) (account.Share, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.shares[token]
	if !ok || over(s.Expires) {
		return account.Share{}, account.ErrNotFound
	}
	return s, ctx.Err()
}

// Shares is account.Shares.
func (m *Memory) Shares(ctx context.Context) ([]account.Share, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.shares), func(a, b account.Share) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	}), ctx.Err()
}

// RevokeShare is account.Shares.
func (m *Memory) RevokeShare(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return drop(ctx, m.shares, func(s account.Share) bool { return s.ID == id })
}

// Secret is account.Secrets.
func (m *Memory) Secret(ctx context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.secrets[name] == nil {
		m.renew(name)
	}
	return slices.Clone(m.secrets[name]), ctx.Err()
}

// RenewSecret is account.Secrets.
func (m *Memory) RenewSecret(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() == nil {
		m.renew(name)
	}
	return ctx.Err()
}

func (m *Memory) renew(name string) {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	put(&m.secrets, name, b)
}

// Record is account.Audit.
func (m *Memory) Record(ctx context.Context, c account.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.ID, c.At = int64(len(m.changes)+1), time.Now().UTC().Truncate(time.Millisecond)
	if ctx.Err() == nil {
		m.changes = append(m.changes, c)
	}
	return ctx.Err()
}

// Changes is account.Audit.
func (m *Memory) Changes(ctx context.Context, f account.ChangeFilter) ([]account.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []account.Change
	for _, c := range slices.Backward(m.changes) {
		kind, _, _ := strings.Cut(c.What, " ")
		if (f.Who == "" || c.Who == f.Who) && (f.Kind == "" || kind == f.Kind) && (f.Before == 0 || c.ID < f.Before) && (f.Limit <= 0 || len(all) < f.Limit) {
			all = append(all, c)
		}
	}
	return all, ctx.Err()
}

func keys(t *testing.T, s Store) {
	ctx := t.Context()
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	bound, k, err := s.AddKey(ctx, account.Key{Site: site.ID, Scopes: []account.Scope{account.Read, account.Orders, account.Read, "affiliate:01J"}})
	must(t, err)
	free, _, err := s.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Everything}})
	must(t, err)
	if !strings.HasPrefix(bound, account.KeyPrefix) || len(bound) != 36 || bound == free {
		t.Errorf("tokens of %d and %d letters, or equal", len(bound), len(free))
	}
	got, err := s.Key(ctx, bound)
	must(t, err)
	if !sameKey(got, k) || !slices.Equal(got.Scopes, []account.Scope{"affiliate:01J", account.Orders, account.Read}) || !got.Expires.IsZero() {
		t.Errorf("Key = %+v, want %+v", got, k)
	}
	if got, err := s.Key(ctx, free); err != nil || got.Site != "" || !slices.Equal(got.Scopes, []account.Scope{account.Everything}) {
		t.Errorf("Key = %+v, %v; want one of every site", got, err)
	}
	for _, wrong := range []string{"", "ffk_nonsense", strings.ToUpper(bound), k.ID} {
		_, err := s.Key(ctx, wrong)
		is(t, err, account.ErrNotFound)
	}
	_, _, err = s.AddKey(ctx, account.Key{Site: "nowhere", Scopes: []account.Scope{account.Read}})
	is(t, err, account.ErrNotFound)
	var bad *event.InvalidError
	for _, scopes := range [][]account.Scope{nil, {"king"}, {account.Read, "affiliate:"}, {"affiliate:a b"},
		{account.SQL, "affiliate:a"}, {"affiliate:a", account.Everything}} {
		if _, _, err = s.AddKey(ctx, account.Key{Site: site.ID, Scopes: scopes}); !errors.As(err, &bad) || bad.Field != "scope" {
			t.Errorf("scopes %q: %v", scopes, err)
		}
	}
}

func sameKey(a, b account.Key) bool {
	return a.ID == b.ID && a.Site == b.Site && slices.Equal(a.Scopes, b.Scopes) && a.Created.Equal(b.Created) && a.Expires.Equal(b.Expires)
}

// keysEnd: by their time, and when they are revoked.
func keysEnd(t *testing.T, s Store) {
	ctx := t.Context()
	short, k, err := s.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Read}, Expires: time.Now().Add(time.Hour)})
	must(t, err)
	time.Sleep(time.Minute)
	long, l, err := s.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	time.Sleep(59*time.Minute - time.Millisecond)
	if got, err := s.Key(ctx, short); err != nil || !sameKey(got, k) {
		t.Errorf("Key = %+v, %v; want %+v", got, err, k)
	}
	time.Sleep(time.Millisecond)
	_, err = s.Key(ctx, short)
	is(t, err, account.ErrNotFound)
	all, err := s.Keys(ctx)
	must(t, err)
	if !slices.EqualFunc(all, []account.Key{k, l}, sameKey) {
		t.Errorf("Keys = %+v, want %+v and %+v", all, k, l)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if s.RevokeKey(gone, l.ID) == nil {
		t.Error("RevokeKey worked with a cancelled context")
	}
	_, err = s.Key(ctx, long)
	must(t, err)
	must(t, s.RevokeKey(ctx, l.ID))
	is(t, s.RevokeKey(ctx, l.ID), account.ErrNotFound)
	_, err = s.Key(ctx, long)
	is(t, err, account.ErrNotFound)
	var bad *event.InvalidError
	if _, _, err := s.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Read}, Expires: time.Now()}); !errors.As(err, &bad) || bad.Field != "expires" {
		t.Errorf("a key that is over: %v", err)
	}
}

func shares(t *testing.T, s Store) {
	ctx := t.Context()
	_, _, err := s.AddShare(ctx, account.Share{Site: "nowhere"})
	is(t, err, account.ErrNotFound)
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	short, a, err := s.AddShare(ctx, account.Share{Site: site.ID, Name: " the bank ", Expires: time.Now().Add(time.Hour)})
	must(t, err)
	time.Sleep(time.Minute)
	long, b, err := s.AddShare(ctx, account.Share{Site: site.ID})
	must(t, err)
	if got, err := s.Share(ctx, short); err != nil || got != a || got.Site != site.ID || got.Name != "the bank" || !strings.HasPrefix(short, account.SharePrefix) {
		t.Errorf("Share = %+v, %v; want %+v", got, err, a)
	}
	time.Sleep(59 * time.Minute)
	_, err = s.Share(ctx, short)
	is(t, err, account.ErrNotFound)
	if all, err := s.Shares(ctx); err != nil || !slices.Equal(all, []account.Share{a, b}) {
		t.Errorf("Shares = %+v, %v", all, err)
	}
	must(t, s.RevokeShare(ctx, b.ID))
	is(t, s.RevokeShare(ctx, b.ID), account.ErrNotFound)
	_, err = s.Share(ctx, long)
	is(t, err, account.ErrNotFound)
	_, err = s.Key(ctx, short)
	is(t, err, account.ErrNotFound)
}

func secrets(t *testing.T, s Store) {
	ctx := t.Context()
	read := func(name string) string {
		t.Helper()
		b, err := s.Secret(ctx, name)
		must(t, err)
		if len(b) != 32 {
			t.Errorf("a secret of %d bytes", len(b))
		}
		return string(b)
	}
	first, other := read("embed"), read("other")
	if first == other || first != read("embed") {
		t.Error("two secrets are one, or one is two")
	}
	must(t, s.RenewSecret(ctx, "embed"))
	if read("embed") == first || read("other") != other {
		t.Error("RenewSecret renewed another one")
	}
}

func audit(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	must(t, s.Record(ctx, account.Change{Who: "operator", What: "user add", Target: "ada@a.com", New: "viewer"}))
	time.Sleep(time.Second)
	must(t, s.Record(ctx, account.Change{Who: "person per_1", What: "key revoke", Target: "key_1", Old: "read"}))
	all, err := s.Changes(ctx, account.ChangeFilter{})
	must(t, err)
	if len(all) != 2 || all[0].What != "key revoke" || all[0].Old != "read" || all[1].New != "viewer" || all[0].At.Sub(all[1].At) != time.Second || !all[0].At.Equal(time.Now()) {
		t.Errorf("Changes = %+v", all)
	}
	must(t, s.Record(ctx, account.Change{Who: "operator", What: "user"}))
	must(t, s.Record(ctx, account.Change{Who: "operator", What: "users' %"}))
	for _, x := range []struct {
		f    account.ChangeFilter
		want string
	}{
		{account.ChangeFilter{Limit: 1}, "users' %"}, {account.ChangeFilter{Who: "person per_1"}, "key revoke"}, {account.ChangeFilter{Kind: "user"}, "user, user add"},
		{account.ChangeFilter{Kind: "user", Limit: 1}, "user"}, {account.ChangeFilter{Before: all[0].ID}, "user add"}, {account.ChangeFilter{Before: all[0].ID, Kind: "key"}, ""},
		{account.ChangeFilter{Who: "operator", Kind: "key"}, ""}, {account.ChangeFilter{Who: "%"}, ""}, {account.ChangeFilter{Kind: "%"}, ""}, {account.ChangeFilter{Before: all[1].ID}, ""},
	} {
		got, err := s.Changes(ctx, x.f)
		must(t, err)
		var whats []string
		for _, c := range got {
			whats = append(whats, c.What)
		}
		if strings.Join(whats, ", ") != x.want {
			t.Errorf("%+v finds %q, want %s", x.f, whats, x.want)
		}
	}
	cancel()
	if s.Record(ctx, account.Change{Who: "nobody"}) == nil {
		t.Error("Record worked with a cancelled context")
	}
}
