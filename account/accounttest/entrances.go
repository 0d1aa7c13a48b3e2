package accounttest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
)

func add(t *testing.T, s Store, email string) account.Person {
	t.Helper()
	p, err := s.AddPerson(t.Context(), account.Person{Email: email})
	must(t, err)
	return p
}

func people(t *testing.T, s Store) {
	ctx := t.Context()
	bea, err := s.AddPerson(ctx, account.Person{ID: "mine", Email: " Bea@Example.com ", Name: " Bea "})
	must(t, err)
	if bea.Email != "bea@example.com" || bea.Name != "Bea" || !strings.HasPrefix(bea.ID, "per_") || !bea.Created.Equal(time.Now()) {
		t.Errorf("AddPerson = %+v", bea)
	}
	ada := add(t, s, "ada@example.com")
	_, err = s.AddPerson(ctx, account.Person{Email: "BEA@example.com"})
	is(t, err, account.ErrExists)
	for _, name := range []string{bea.ID, "bea@example.com", " BEA@example.com"} {
		if got, err := s.Person(ctx, name); err != nil || got != bea {
			t.Errorf("Person(%q) = %+v, %v; want %+v", name, got, err, bea)
		}
	}
	osten := add(t, s, "ÖSTEN@exämple.com")
	if got, err := s.Person(ctx, "östEN@EXÄMPLE.com "); err != nil || got != osten {
		t.Errorf("an e-mail with other letters than English ones: %+v, %v; want %+v", got, err, osten)
	}
	must(t, s.RemovePerson(ctx, osten.ID))
	for _, name := range []string{"", "Bea", "%", "bea@example.co"} {
		_, err := s.Person(ctx, name)
		is(t, err, account.ErrNotFound)
	}
	bea.Name, bea.Language, bea.Disabled = `"><script>'; DROP TABLE people; --`, "pt-BR", true
	must(t, s.SetPerson(ctx, bea.ID, "B", "de"))
	must(t, s.SetDisabled(ctx, bea.ID, true))
	must(t, s.SetPerson(ctx, bea.ID, " "+bea.Name, " pt-BR")) // does not let in again
	if all, err := s.People(ctx); err != nil || !slices.Equal(all, []account.Person{ada, bea}) {
		t.Errorf("People = %+v, %v; want %+v", all, err, []account.Person{ada, bea})
	}
	must(t, s.SetDisabled(ctx, bea.ID, false))
	bea.Disabled = false
	if got, err := s.Person(ctx, bea.ID); err != nil || got != bea {
		t.Errorf("in again: %+v, %v; want %+v", got, err, bea)
	}
	var bad *event.InvalidError
	if err := s.SetPerson(ctx, bea.ID, "B", "<de>"); !errors.As(err, &bad) || bad.Field != "language" {
		t.Errorf("a language that is none: %v", err)
	}
	if err := s.SetPerson(ctx, bea.ID, "B\nea", ""); !errors.As(err, &bad) || bad.Field != "name" {
		t.Errorf("a name of two lines: %v", err)
	}
	is(t, s.SetPerson(ctx, "per_nobody", "N", ""), account.ErrNotFound)
	is(t, s.SetDisabled(ctx, "per_nobody", true), account.ErrNotFound)
	is(t, s.RemovePerson(ctx, "per_nobody"), account.ErrNotFound)
}

func badPeople(t *testing.T, s Store) {
	for _, x := range []struct{ email, name, field string }{
		{"", "", "email"}, {"ada", "", "email"}, {"@example.com", "", "email"}, {"ada@", "", "email"}, {"a da@example.com", "", "email"},
		{"ada@example.com\nBcc: all@example.com", "", "email"}, {"<ada@example.com>", "", "email"}, {"a,b@example.com", "", "email"},
		{strings.Repeat("a", 250) + "@example.com", "", "email"}, {"ada@exa\xffmple.com", "", "email"},
		{"ada@example.com", "A\nda", "name"}, {"ada@example.com", strings.Repeat("ä", 101), "name"},
	} {
		_, err := s.AddPerson(t.Context(), account.Person{Email: x.email, Name: x.name})
		var bad *event.InvalidError
		if !errors.As(err, &bad) || bad.Field != x.field {
			t.Errorf("%q, %q: %v, want a fault of %s", x.email, x.name, err, x.field)
		}
	}
	if all, err := s.People(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("People = %+v, %v", all, err)
	}
}

func grants(t *testing.T, s Store) {
	ctx := t.Context()
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	ada, bea := add(t, s, "ada@a.com"), add(t, s, "bea@a.com")
	must(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Site: site.ID, Role: account.Viewer}))
	must(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Site: site.ID, Role: account.Admin}))
	must(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Role: account.Viewer}))
	must(t, s.PutGrant(ctx, account.Grant{Person: bea.ID, Site: site.ID, Role: account.Affiliate}))
	want := []account.Grant{{Person: ada.ID, Role: account.Viewer}, {Person: ada.ID, Site: site.ID, Role: account.Admin}}
	if got, err := s.Grants(ctx, ada.ID); err != nil || !slices.Equal(got, want) {
		t.Errorf("Grants = %+v, %v; want %+v", got, err, want)
	}
	if got, err := s.Grants(ctx, ""); err != nil || len(got) != 3 {
		t.Errorf("all Grants = %+v, %v", got, err)
	}
	must(t, s.RemoveGrant(ctx, ada.ID, ""))
	is(t, s.RemoveGrant(ctx, ada.ID, ""), account.ErrNotFound)
	if got, err := s.Grants(ctx, ada.ID); err != nil || !slices.Equal(got, want[1:]) {
		t.Errorf("Grants = %+v, %v; want %+v", got, err, want[1:])
	}
	is(t, s.PutGrant(ctx, account.Grant{Person: "per_nobody", Role: account.Owner}), account.ErrNotFound)
	is(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Site: "nowhere", Role: account.Owner}), account.ErrNotFound)
	var bad *event.InvalidError
	if err := s.PutGrant(ctx, account.Grant{Person: ada.ID, Role: "king"}); !errors.As(err, &bad) || bad.Field != "role" {
		t.Errorf("role king: %v", err)
	}
}

// roleEndsLinks: a link that sets a password, made before a role was given, is
// worth nothing after it; links of others, those that log in, and all of them
// where no role was given, stay.
func roleEndsLinks(t *testing.T, s Store) {
	ctx := t.Context()
	ada, bea := add(t, s, "ada@a.com"), add(t, s, "bea@a.com")
	link := func(purpose account.Purpose, person string) string {
		token, err := s.AddLink(ctx, purpose, person, time.Hour)
		must(t, err)
		return token
	}
	ends := []string{link(account.ForInvite, ada.ID), link(account.ForReset, ada.ID), link(account.ForInvite, ada.ID)}
	stays := []string{link(account.ForLogin, ada.ID), link(account.ForCode, ada.ID), link(account.ForInvite, bea.ID), link(account.ForReset, bea.ID), link(account.ForSetup, "")}
	is(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Site: "nowhere", Role: account.Owner}), account.ErrNotFound)
	for _, token := range slices.Concat(ends, stays) {
		_, err := s.Link(ctx, token)
		must(t, err)
	}
	must(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Role: account.Owner}))
	for _, token := range ends {
		_, err := s.UseLink(ctx, token)
		is(t, err, account.ErrNotFound)
	}
	for _, token := range append(stays, link(account.ForInvite, ada.ID)) {
		_, err := s.UseLink(ctx, token)
		must(t, err)
	}
}

func credentials(t *testing.T, s Store) {
	ctx := t.Context()
	ada, bea := add(t, s, "ada@a.com"), add(t, s, "bea@a.com")
	must(t, s.SetPassword(ctx, ada.ID, "$a"))
	must(t, s.SetTOTP(ctx, ada.ID, []byte("secret"), [][]byte{{1}, {2}}))
	must(t, s.UseStep(ctx, ada.ID, 7))
	if c, err := s.Credential(ctx, ada.ID); err != nil || c.Password != "$a" || string(c.TOTP) != "secret" || c.Recovery != 2 || c.Step != 7 {
		t.Errorf("Credential = %+v, %v", c, err)
	}
	must(t, s.SetTOTP(ctx, ada.ID, nil, nil))
	for _, p := range []account.Person{ada, bea} {
		if c, err := s.Credential(ctx, p.ID); err != nil || c.TOTP != nil || c.Recovery != 0 || c.Step != 0 {
			t.Errorf("Credential of %s = %+v, %v", p.Email, c, err)
		}
	}
	_, err := s.Credential(ctx, "per_nobody")
	is(t, err, account.ErrNotFound)
	is(t, s.SetPassword(ctx, "per_nobody", "$a"), account.ErrNotFound)
	is(t, s.SetTOTP(ctx, "per_nobody", nil, nil), account.ErrNotFound)
}

// codesOnce: of many who use a code at once, one gets in.
func codesOnce(t *testing.T, s Store) {
	ada := add(t, s, "ada@a.com")
	must(t, s.SetTOTP(t.Context(), ada.ID, []byte("secret"), [][]byte{{1}, {2}}))
	for name, use := range map[string]func() error{
		"step":     func() error { return s.UseStep(t.Context(), ada.ID, 9) },
		"recovery": func() error { return s.UseRecovery(t.Context(), ada.ID, []byte{1}) },
	} {
		if n := winners(use); n != 1 {
			t.Errorf("%d got in with one %s", n, name)
		}
		is(t, use(), account.ErrNotFound)
	}
	is(t, s.UseStep(t.Context(), ada.ID, 8), account.ErrNotFound)
	must(t, s.UseStep(t.Context(), ada.ID, 10))
	if c, err := s.Credential(t.Context(), ada.ID); err != nil || c.Recovery != 1 {
		t.Errorf("%d recovery codes are left, %v", c.Recovery, err)
	}
}

// winners runs something eight times at once.
func winners(use func() error) int {
	var wait sync.WaitGroup
	got := make(chan bool, 8)
	for range cap(got) {
		wait.Go(func() {
			if use() == nil {
				got <- true
			}
		})
	}
	wait.Wait()
	return len(got)
}

func links(t *testing.T, s Store) {
	ctx := t.Context()
	ada := add(t, s, "ada@a.com")
	token, err := s.AddLink(ctx, account.ForReset, ada.ID, time.Hour)
	must(t, err)
	for range 2 { // looking leaves it
		if l, err := s.Link(ctx, token); err != nil || l.Purpose != account.ForReset || l.Person != ada.ID || !l.Expires.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("Link = %+v, %v", l, err)
		}
	}
	if l, err := s.UseLink(ctx, token); err != nil || l.Purpose != account.ForReset || l.Person != ada.ID {
		t.Errorf("UseLink = %+v, %v", l, err)
	}
	_, err = s.UseLink(ctx, token)
	is(t, err, account.ErrNotFound)
	_, err = s.Link(ctx, token)
	is(t, err, account.ErrNotFound)
	late, err := s.AddLink(ctx, account.ForLogin, "", time.Hour)
	must(t, err)
	_, err = s.Session(ctx, late) // a link is no session
	is(t, err, account.ErrNotFound)
	time.Sleep(time.Hour)
	_, err = s.Link(ctx, late)
	is(t, err, account.ErrNotFound)
	_, err = s.UseLink(ctx, late)
	is(t, err, account.ErrNotFound)
	_, err = s.AddLink(ctx, account.ForReset, "per_nobody", time.Hour)
	is(t, err, account.ErrNotFound)
}

// oneWinner: of many browsers that use a link at once, one gets in.
func oneWinner(t *testing.T, s Store) {
	link, err := s.AddLink(t.Context(), account.ForLogin, "", time.Hour)
	must(t, err)
	if n := winners(func() error { _, err := s.UseLink(t.Context(), link); return err }); n != 1 {
		t.Errorf("%d logged in with one link", n)
	}
}

func session(t *testing.T, s Store, person string) string {
	t.Helper()
	token, err := s.AddSession(t.Context(), person)
	must(t, err)
	return token
}

func valid(t *testing.T, s Store, token string) bool {
	t.Helper()
	_, err := s.Session(t.Context(), token)
	if err != nil {
		is(t, err, account.ErrNotFound)
	}
	return err == nil
}

// sessionsEnd: without a request after SessionIdle, and in any case after SessionLife.
func sessionsEnd(t *testing.T, s Store) {
	ada := add(t, s, "ada@a.com")
	idle, used := session(t, s, ada.ID), session(t, s, "")
	begun := time.Now()
	for range 4 {
		time.Sleep(account.SessionIdle - time.Second)
		if got, err := s.Session(t.Context(), used); err != nil || !got.Seen.Equal(time.Now()) || !got.Created.Equal(begun) || got.Person != "" {
			t.Fatalf("Session = %+v, %v", got, err)
		}
	}
	if valid(t, s, idle) {
		t.Error("a session that nobody used is valid")
	}
	time.Sleep(time.Until(begun.Add(account.SessionLife - time.Second)))
	if !valid(t, s, used) {
		t.Error("a session ended too early")
	}
	time.Sleep(time.Second)
	if valid(t, s, used) {
		t.Error("a session is valid after its life")
	}
	if all, err := s.Sessions(t.Context(), ada.ID); err != nil || len(all) > 0 {
		t.Errorf("Sessions lists %v, %v", all, err)
	}
	if valid(t, s, "") || valid(t, s, "ffs_unknown") {
		t.Error("any token is valid")
	}
	_, err := s.AddSession(t.Context(), "per_nobody")
	is(t, err, account.ErrNotFound)
}

func sessionsAreEnded(t *testing.T, s Store) {
	tokens := [2]string{session(t, s, ""), session(t, s, "")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.EndSession(ctx, tokens[0]); err == nil {
		t.Error("EndSession worked with a cancelled context")
	}
	if !valid(t, s, tokens[0]) {
		t.Error("a cancelled EndSession ended it")
	}
	for _, invalid := range []string{tokens[0], tokens[0], "", "ffs_unknown"} {
		must(t, s.EndSession(t.Context(), invalid))
	}
	if valid(t, s, tokens[0]) || !valid(t, s, tokens[1]) {
		t.Error("not the one session ended")
	}
}

func everywhere(t *testing.T, s Store) {
	ctx := t.Context()
	ada, bea := add(t, s, "ada@a.com"), add(t, s, "bea@a.com")
	here, there, hers, operator := session(t, s, ada.ID), session(t, s, ada.ID), session(t, s, bea.ID), session(t, s, "")
	reset, err := s.AddLink(ctx, account.ForReset, ada.ID, time.Hour)
	must(t, err)
	setup, err := s.AddLink(ctx, account.ForSetup, "", time.Hour)
	must(t, err)
	if all, err := s.Sessions(ctx, ada.ID); err != nil || len(all) != 2 || all[0].Person != ada.ID || all[0].ID == all[1].ID {
		t.Errorf("Sessions = %+v, %v", all, err)
	}
	must(t, s.EndSessions(ctx, ada.ID, here))
	if !valid(t, s, here) || valid(t, s, there) || !valid(t, s, hers) || !valid(t, s, operator) {
		t.Error("EndSessions ended others, or left some")
	}
	_, err = s.Link(ctx, reset)
	is(t, err, account.ErrNotFound)
	must(t, s.EndSessions(ctx, "", ""))
	_, err = s.Link(ctx, setup)
	must(t, err)
	must(t, s.EndSessions(ctx, ada.ID, ""))
	if valid(t, s, here) || valid(t, s, operator) || !valid(t, s, hers) {
		t.Error("EndSessions of all left some, or ended others")
	}
}

func theDisabled(t *testing.T, s Store) {
	ada := add(t, s, "ada@a.com")
	token := session(t, s, ada.ID)
	must(t, s.SetDisabled(t.Context(), ada.ID, true))
	if valid(t, s, token) {
		t.Error("somebody disabled has a session")
	}
}

func theRemoved(t *testing.T, s Store) {
	ctx := t.Context()
	ada := add(t, s, "ada@a.com")
	must(t, s.PutGrant(ctx, account.Grant{Person: ada.ID, Role: account.Owner}))
	must(t, s.SetTOTP(ctx, ada.ID, []byte("x"), [][]byte{{1}}))
	token := session(t, s, ada.ID)
	link, err := s.AddLink(ctx, account.ForLogin, ada.ID, time.Hour)
	must(t, err)
	must(t, s.RemovePerson(ctx, ada.ID))
	if valid(t, s, token) {
		t.Error("somebody removed has a session")
	}
	_, err = s.Link(ctx, link)
	is(t, err, account.ErrNotFound)
	if all, err := s.Grants(ctx, ""); err != nil || len(all) > 0 {
		t.Errorf("Grants = %+v, %v", all, err)
	}
	add(t, s, "ada@a.com")
}
