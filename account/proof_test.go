package account_test

import (
	"errors"
	"testing"
	"time"

	"footfall/account"
)

// TestCaughtInvitation: who caught an invitation to a small role, and set the
// password, does not come along into a bigger one; and does not keep the real
// person from it.
func TestCaughtInvitation(t *testing.T) {
	s := newStaff(t)
	ctx := t.Context()
	gate := account.NewGate(s.kept, nil)
	boss := account.Person{Email: "boss@example.com"}
	admin := account.Grant{Site: "a", Role: account.Admin}
	caught, err := s.office.Invite(ctx, s.who["ownerB"], boss, account.Grant{Site: "b", Role: account.Viewer})
	s.must(err)
	_, theirs, err := gate.NewPassword(ctx, caught.Token, "the words of a thief")
	s.must(err)
	valid := func() bool { _, err := s.kept.Session(ctx, theirs.Session); return err == nil }
	in := func(password string) bool {
		e, err := gate.Password(ctx, boss.Email, password, account.Sender{Device: password})
		return err == nil && e.Session != ""
	}
	invite := func(by string, g account.Grant) (account.Invited, error) {
		made, err := s.office.Invite(ctx, s.who[by], boss, g)
		return made, err
	}

	before := s.state()
	if made, err := invite("ownerA", admin); !errors.Is(err, account.ErrUnproven) || made.Token != "" || s.state() != before || !valid() {
		t.Errorf("an owner of another site gives a role to whom nobody knows: %+v, %v", made, err)
	}
	if made, err := invite("ownerB", account.Grant{Site: "b", Role: account.Affiliate}); err != nil || made.Token != "" || !valid() {
		t.Errorf("a smaller role ends something: %+v, %v", made, err)
	}
	made, err := invite("owner", admin)
	if err != nil || made.Token == "" || made.Role("a") != account.Admin || valid() || in("the words of a thief") {
		t.Errorf("the thief came along: %+v, %v", made, err)
	}
	_, _, err = gate.NewPassword(ctx, made.Token, "the words of the boss")
	s.must(err)
	if !in("the words of the boss") {
		t.Error("the boss is not let in")
	}

	role, err := s.office.SetRole(ctx, s.who["owner"], account.Grant{Person: made.ID, Site: "a", Role: account.Owner})
	if err != nil || role.Token == "" || in("the words of the boss") {
		t.Errorf("a bigger role on the page of the person: %+v, %v", role, err)
	}
	if _, err := s.office.SetRole(ctx, s.who["owner"], account.Grant{Person: made.ID, Site: "a", Role: account.Viewer}); err != nil {
		t.Error(err)
	}
}

// TestProvenAddress: who chose a password by a link that went to the mailbox alone
// gets roles as they are given, of whomever, until another's link sets one.
func TestProvenAddress(t *testing.T) {
	s := newStaff(t)
	ctx := t.Context()
	gate := account.NewGate(s.kept, nil)
	set := func(token string) account.Entry {
		t.Helper()
		_, e, err := gate.NewPassword(ctx, token, "a few good words")
		s.must(err)
		return e
	}
	mailed := func() account.Entry {
		t.Helper()
		_, token, err := gate.LinkFor(ctx, "viewera@example.com", account.ForProof, time.Hour)
		s.must(err)
		return set(token)
	}
	grant := func(by string, site string) (bool, error) {
		made, err := s.office.SetRole(ctx, account.Operator(), account.Grant{Person: s.ids["viewerA"], Site: site, Role: account.Viewer})
		s.must(err)
		made, err = s.office.Invite(ctx, s.who[by], account.Person{Email: "viewera@example.com"}, account.Grant{Site: site, Role: account.Admin})
		return made.Token == "", err
	}
	own := mailed()
	for by, site := range map[string]string{"ownerA": "a", "ownerB": "b"} {
		if stays, err := grant(by, site); err != nil || !stays {
			t.Errorf("%s gives a role: %v", by, err)
		}
	}
	if _, err := s.kept.Session(ctx, own.Session); err != nil {
		t.Errorf("who has proven the address is logged out: %v", err)
	}
	reset, err := s.office.Reset(ctx, s.who["owner"], s.ids["viewerA"], false)
	s.must(err)
	if stays, err := grant("ownerB", "b"); err != nil || !stays {
		t.Errorf("a link that nobody used: %v", err)
	}
	reset, err = s.office.Reset(ctx, s.who["owner"], s.ids["viewerA"], false)
	s.must(err)
	set(reset.Token)
	if _, err := grant("ownerB", "b"); !errors.Is(err, account.ErrUnproven) {
		t.Errorf("a password by a link that another was shown is a proof: %v", err)
	}
}
