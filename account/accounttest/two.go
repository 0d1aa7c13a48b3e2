package accounttest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
)

// Two holds two Stores of the same tables, as two processes have them, to the
// law: what both do at once is as if it were done one after the other, and what
// one has done the other sees. open must close them (t.Cleanup).
func Two(t *testing.T, open func(*testing.T) (a, b Store)) {
	for name, law := range map[string]func(*testing.T, Store, Store){
		"one winner": oneOfMany, "the same secrets": sameSecrets, "the other sees it": theOtherSees,
		"versions": versions, "removed meanwhile": removedMeanwhile, "audit": auditOfBoth,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t)
			law(t, a, b)
		})
	}
}

const callers = 50

// atOnce runs fn from many sides at once, for both in turn.
func atOnce(a, b Store, fn func(s Store, n int) error) (errs []error) {
	errs = make([]error, callers)
	var start, all sync.WaitGroup
	start.Add(1)
	for n := range callers {
		all.Go(func() {
			start.Wait()
			errs[n] = fn([]Store{a, b}[n%2], n)
		})
	}
	start.Done()
	all.Wait()
	return errs
}

// oneOfMany: of all who use, or take, the same thing one has it, and the others
// are told that it is gone, or taken.
func oneOfMany(t *testing.T, a, b Store) {
	ctx := t.Context()
	ada := add(t, a, "ada@a.com")
	must(t, a.SetTOTP(ctx, ada.ID, []byte("secret"), [][]byte{{1}, {2}}))
	link, err := a.AddLink(ctx, account.ForReset, ada.ID, time.Hour)
	must(t, err)
	for _, x := range []struct {
		name string
		lost error
		use  func(s Store, n int) error
	}{
		{"link", account.ErrNotFound, func(s Store, _ int) error { _, err := s.UseLink(ctx, link); return err }},
		{"step", account.ErrNotFound, func(s Store, _ int) error { return s.UseStep(ctx, ada.ID, 7) }},
		{"recovery code", account.ErrNotFound, func(s Store, _ int) error { return s.UseRecovery(ctx, ada.ID, []byte{2}) }},
		{"domain", account.ErrExists, func(s Store, _ int) error {
			_, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
			return err
		}},
		{"write key", account.ErrExists, func(s Store, n int) error {
			_, err := s.AddSite(ctx, account.Site{Domain: fmt.Sprintf("%d.com", n), WriteKey: "mine"})
			return err
		}},
		{"e-mail", account.ErrExists, func(s Store, n int) error {
			_, err := s.AddPerson(ctx, account.Person{Email: []string{"bea@a.com", "BEA@a.com"}[n%2]})
			return err
		}},
	} {
		won := 0
		for _, err := range atOnce(a, b, x.use) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, x.lost):
				t.Errorf("%s: who came too late is told %v", x.name, err)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d have the %s", won, callers, x.name)
		}
	}
	if c, err := b.Credential(ctx, ada.ID); err != nil || c.Recovery != 1 || c.Step != 7 {
		t.Errorf("Credential = %+v, %v", c, err)
	}
}

// sameSecrets: whoever makes a salt or a secret first, both have that one.
func sameSecrets(t *testing.T, a, b Store) {
	today := event.DayOf(time.Now())
	salts, secrets := make([][]byte, callers), make([][]byte, callers)
	must(t, errors.Join(atOnce(a, b, func(s Store, n int) (err error) { salts[n], err = s.Salt(today); return err })...))
	must(t, errors.Join(atOnce(a, b, func(s Store, n int) (err error) { secrets[n], err = s.Secret(t.Context(), "embed"); return err })...))
	for n := range callers {
		if len(salts[n]) != 32 || !bytes.Equal(salts[n], salts[0]) || len(secrets[n]) != 32 || !bytes.Equal(secrets[n], secrets[0]) {
			t.Fatalf("salts or secrets of %d and the first differ", n)
		}
	}
	must(t, a.RenewSecret(t.Context(), "embed"))
	mine, err := a.Secret(t.Context(), "embed")
	must(t, err)
	if its, err := b.Secret(t.Context(), "embed"); err != nil || !bytes.Equal(mine, its) || bytes.Equal(its, secrets[0]) {
		t.Errorf("a new secret is not the other's: %v", err)
	}
}

// theOtherSees: at once, also what lets nobody in any more.
func theOtherSees(t *testing.T, a, b Store) {
	ctx := t.Context()
	site, err := a.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	if all, err := b.Sites(ctx); err != nil || len(all) != 1 || !sameSite(all[0], site) {
		t.Errorf("the other has the sites %+v, %v", all, err)
	}
	ada := add(t, a, "ada@a.com")
	must(t, b.PutGrant(ctx, account.Grant{Person: ada.ID, Site: site.ID, Role: account.Viewer}))
	if all, err := a.Grants(ctx, ada.ID); err != nil || len(all) != 1 {
		t.Errorf("the other has the grants %+v, %v", all, err)
	}
	token := session(t, a, ada.ID)
	if !valid(t, b, token) {
		t.Error("a session is not the other's")
	}
	must(t, b.EndSessions(ctx, ada.ID, ""))
	if valid(t, a, token) {
		t.Error("a session that was ended lets in")
	}
	key, k, err := a.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	_, err = b.Key(ctx, key)
	must(t, err)
	must(t, b.RevokeKey(ctx, k.ID))
	_, err = a.Key(ctx, key)
	is(t, err, account.ErrNotFound)
}

// versions: each new definition of a segment has one of its own.
func versions(t *testing.T, a, b Store) {
	ctx := t.Context()
	site, err := a.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	must(t, errors.Join(atOnce(a, b, func(s Store, n int) error {
		_, err := s.PutSegments(ctx, site.ID, []account.Segment{{Name: "fans", Definition: fmt.Sprint(n)}})
		return err
	})...))
	all, err := a.SegmentVersions(ctx, site.ID, "fans")
	must(t, err)
	for i, d := range all {
		if d.Version != i+1 || slices.ContainsFunc(all[:i], func(o account.Segment) bool { return o.Definition == d.Definition }) {
			t.Errorf("version %d is %+v", i+1, d)
		}
	}
	if len(all) != callers {
		t.Errorf("%d versions, want %d", len(all), callers)
	}
}

// removedMeanwhile: what is given to somebody who is just being removed is
// theirs and goes with them, or is given to nobody.
func removedMeanwhile(t *testing.T, a, b Store) {
	ctx := t.Context()
	for round := range 5 {
		ada := add(t, a, fmt.Sprintf("ada%d@a.com", round))
		for n, err := range atOnce(a, b, func(s Store, n int) (err error) {
			switch {
			case n == callers/2:
				return s.RemovePerson(ctx, ada.ID)
			case n%5 == 0:
				_, err = s.AddLink(ctx, account.ForReset, ada.ID, time.Hour)
			case n%5 == 1:
				_, err = s.AddSession(ctx, ada.ID)
			case n%5 == 2:
				err = s.PutGrant(ctx, account.Grant{Person: ada.ID, Role: account.Owner})
			case n%5 == 3:
				err = s.SetTOTP(ctx, ada.ID, []byte("secret"), [][]byte{{byte(n)}})
			default:
				err = s.SetPassword(ctx, ada.ID, "$a")
			}
			return err
		}) {
			if err != nil && (n == callers/2 || !errors.Is(err, account.ErrNotFound)) {
				t.Errorf("%d: %v", n, err)
			}
		}
		grants, err1 := b.Grants(ctx, ada.ID)
		sessions, err2 := b.Sessions(ctx, ada.ID)
		if err := errors.Join(err1, err2); err != nil || len(grants)+len(sessions) > 0 {
			t.Errorf("of somebody removed %v and %v are left, %v", grants, sessions, err)
		}
	}
}

// auditOfBoth: no line is lost, and both read the same.
func auditOfBoth(t *testing.T, a, b Store) {
	ctx := t.Context()
	must(t, errors.Join(atOnce(a, b, func(s Store, n int) error {
		return s.Record(ctx, account.Change{Who: "operator", What: "user add", Target: fmt.Sprint(n)})
	})...))
	mine, err1 := a.Changes(ctx, account.ChangeFilter{})
	its, err2 := b.Changes(ctx, account.ChangeFilter{})
	if err := errors.Join(err1, err2); err != nil || len(mine) != callers || !slices.Equal(mine, its) {
		t.Errorf("%d and %d lines, %v", len(mine), len(its), err)
	}
}
