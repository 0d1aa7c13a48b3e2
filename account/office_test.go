package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
)

// staff is people with roles on two sites, and an office.
type staff struct {
	*testing.T
	kept   *accounttest.Memory
	office *account.Office
	ids    map[string]string      // by name
	who    map[string]account.Who // by name
}

func newStaff(t *testing.T) *staff {
	t.Helper()
	s := &staff{T: t, kept: &accounttest.Memory{}, ids: map[string]string{}, who: map[string]account.Who{"operator": account.Operator(), "key": account.Key{Scopes: []account.Scope{account.Everything}}.Who()}}
	s.office = account.NewOffice(s.kept, nil)
	for _, domain := range []string{"a", "b"} {
		_, err := s.kept.AddSite(t.Context(), account.Site{Domain: domain})
		s.must(err)
	}
	for _, x := range []struct {
		name string
		role account.Role
		on   []string
	}{
		{"owner", account.Owner, []string{""}}, {"owner2", account.Owner, []string{""}}, {"ownerA", account.Owner, []string{"a"}}, {"ownerB", account.Owner, []string{"b"}},
		{"adminA", account.Admin, []string{"a"}}, {"admin", account.Admin, []string{""}}, {"viewerA", account.Viewer, []string{"a"}}, {"viewerAB", account.Viewer, []string{"a", "b"}}, {"nobody", "", nil},
	} {
		p, err := s.kept.AddPerson(t.Context(), account.Person{Email: x.name + "@example.com"})
		s.must(err)
		s.must(s.kept.SetPassword(t.Context(), p.ID, "x"))
		var grants []account.Grant
		for _, site := range x.on {
			g := account.Grant{Person: p.ID, Site: site, Role: x.role}
			grants = append(grants, g)
			s.must(s.kept.PutGrant(t.Context(), g))
		}
		s.ids[x.name], s.who[x.name] = p.ID, p.Who(grants)
	}
	return s
}

func (s *staff) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// act does something to a person.
type act func(s *staff, by account.Who, id string) error

func setRole(site string, role account.Role) act {
	return func(s *staff, by account.Who, id string) error {
		_, err := s.office.SetRole(s.Context(), by, account.Grant{Person: id, Site: site, Role: role})
		return err
	}
}

// wholeActs are what is of a whole person.
var wholeActs = map[string]act{
	"remove": func(s *staff, by account.Who, id string) error { return s.office.Remove(s.Context(), by, id) },
	"disable": func(s *staff, by account.Who, id string) error {
		_, err := s.office.Switch(s.Context(), by, id, true)
		return err
	},
	"log out": func(s *staff, by account.Who, id string) error { return s.office.LogOut(s.Context(), by, id) },
	"reset": func(s *staff, by account.Who, id string) error {
		_, err := s.office.Reset(s.Context(), by, id, true)
		return err
	},
}

// TestOfficeRules: who may do what to whom, on which site. What is not in a list
// is refused, and then nothing has changed.
func TestOfficeRules(t *testing.T) {
	acts := map[string]act{
		"owner of a": setRole("a", account.Owner), "viewer of every site": setRole("", account.Viewer),
		"take a": func(s *staff, by account.Who, id string) error {
			_, err := s.office.TakeRole(s.Context(), by, id, "a")
			return err
		},
	}
	may := map[string]string{ // by act and target: who may
		"owner of a viewerA": "operator owner owner2 ownerA", "owner of a ownerB": "operator owner owner2", "owner of a owner": "operator owner2 ownerA", "owner of a ownerA": "operator owner owner2",
		"viewer of every site viewerA": "operator owner owner2", "viewer of every site owner": "operator owner2", "take a ownerA": "operator owner owner2", "take a viewerAB": "operator owner owner2 ownerA",
		"take a adminA": "operator owner owner2 ownerA", "whole viewerA": "operator owner owner2 ownerA", "whole viewerAB": "operator owner owner2", "whole owner": "operator owner2",
		"whole ownerA": "operator owner owner2", "whole admin": "operator owner owner2", "whole nobody": "operator owner owner2",
	}
	for name, act := range wholeActs {
		for of, who := range may {
			if target, ok := strings.CutPrefix(of, "whole "); ok {
				may[name+" "+target] = who
			}
		}
		acts[name] = act
	}
	tried := 0
	for of, allowed := range may {
		at := strings.LastIndexByte(of, ' ')
		act, target := acts[of[:at]], of[at+1:]
		if act == nil {
			continue // "whole"
		}
		for name := range newStaff(t).who {
			s := newStaff(t)
			before := s.state()
			err := act(s, s.who[name], s.ids[target])
			ok := slices.Contains(strings.Fields(allowed), name)
			refused := errors.Is(err, account.ErrNotYours) || errors.Is(err, account.ErrYourself) || errors.Is(err, account.ErrNotFound)
			if ok != (err == nil) || !ok && !refused || ok != (s.state() != before) {
				t.Errorf("%s: %s: %v", of, name, err)
			}
			tried++
		}
	}
	if tried < 200 {
		t.Errorf("only %d tries", tried)
	}
}

// state is everything that an office changes.
func (s *staff) state() string {
	people, err := s.kept.People(s.Context())
	s.must(err)
	grants, err := s.kept.Grants(s.Context(), "")
	s.must(err)
	changes, err := s.kept.Changes(s.Context(), account.ChangeFilter{})
	s.must(err)
	return fmt.Sprint(people, grants, changes)
}

// TestInvitations: a link to set a password is only for who may change all of
// the person, whatever somebody else invited before.
func TestInvitations(t *testing.T) {
	s := newStaff(t)
	ctx := t.Context()
	invite := func(by, email, site string, role account.Role) account.Invited {
		t.Helper()
		made, err := s.office.Invite(ctx, s.who[by], account.Person{Email: email, Name: "New"}, account.Grant{Site: site, Role: role})
		s.must(err)
		return made
	}
	first := invite("ownerA", "New@example.com", "a", account.Viewer)
	l, err := s.kept.Link(ctx, first.Token)
	if err != nil || l.Purpose != account.ForInvite || l.Person != first.ID || first.Life != account.InviteLife || first.Role("a") != account.Viewer {
		t.Errorf("the first invitation: %+v, %+v, %v", first, l, err)
	}
	if again := invite("ownerB", "new@example.com", "b", account.Owner); again.Token != "" || again.Role("a") != account.Viewer || again.Role("b") != account.Owner {
		t.Errorf("an owner of another site got a link to the account: %+v", again)
	}
	if again := invite("owner", "new@example.com", "a", account.Admin); again.Token == "" || again.Role("a") != account.Admin {
		t.Errorf("an owner of every site got none: %+v", again)
	}
	if known := invite("owner", "adminA@example.com", "a", account.Viewer); known.Token != "" || known.Role("a") != account.Viewer {
		t.Errorf("who has a password, and gets no bigger role, got a link: %+v", known)
	}
	for by, site := range map[string]string{"ownerA": "b", "adminA": "a", "admin": "", "viewerA": "a", "key": "a", "ownerB": ""} {
		before := s.state()
		_, err := s.office.Invite(ctx, s.who[by], account.Person{Email: "eve@example.com"}, account.Grant{Site: site, Role: account.Viewer})
		if !errors.Is(err, account.ErrNotYours) || s.state() != before {
			t.Errorf("%s invites to %q: %v", by, site, err)
		}
	}
	if _, err := s.office.Invite(ctx, s.who["owner"], account.Person{Email: "eve@example.com"}, account.Grant{Role: "king"}); err == nil {
		t.Error("somebody is king")
	}
}

// TestLinksOfASmallerRole: who made a link to set a password for a smaller role
// does not get into a bigger one with it.
func TestLinksOfASmallerRole(t *testing.T) {
	s := newStaff(t)
	ctx := t.Context()
	invited, err := s.office.Invite(ctx, s.who["ownerA"], account.Person{Email: "boss@example.com"}, account.Grant{Site: "a", Role: account.Viewer})
	s.must(err)
	reset, err := s.office.Reset(ctx, s.who["ownerA"], s.ids["viewerA"], false)
	s.must(err)
	bigger, err := s.office.Invite(ctx, account.Operator(), account.Person{Email: "boss@example.com"}, account.Grant{Role: account.Owner})
	s.must(err)
	_, err = s.office.SetRole(ctx, s.who["owner"], account.Grant{Person: s.ids["viewerA"], Role: account.Owner})
	s.must(err)
	gate := account.NewGate(s.kept, nil)
	for _, earlier := range []string{invited.Token, reset.Token} {
		if _, e, err := gate.NewPassword(ctx, earlier, "a few good words"); !errors.Is(err, account.ErrNotFound) || e.Session != "" {
			t.Errorf("a link of before the role still sets the password: %+v, %v", e, err)
		}
	}
	if _, e, err := gate.NewPassword(ctx, bigger.Token, "a few good words"); err != nil || e.Session == "" {
		t.Errorf("the link of the new role: %+v, %v", e, err)
	}
}

// promoting gives a bigger role just before a link is made.
type promoting struct{ *accounttest.Memory }

func (p promoting) AddLink(ctx context.Context, purpose account.Purpose, person string, life time.Duration) (string, error) {
	if err := p.PutGrant(ctx, account.Grant{Person: person, Role: account.Owner}); err != nil {
		return "", err
	}
	return p.Memory.AddLink(ctx, purpose, person, life)
}

// TestPromotedMeanwhile: a role that is given between the look at the roles and
// the link leaves no link to who may not have it.
func TestPromotedMeanwhile(t *testing.T) {
	s := newStaff(t)
	office := account.NewOffice(promoting{s.kept}, nil)
	if made, err := office.Reset(t.Context(), s.who["ownerA"], s.ids["viewerA"], false); !errors.Is(err, account.ErrNotYours) || made.Token != "" {
		t.Errorf("an owner of one site got a link to an owner of all: %+v, %v", made, err)
	}
	if made, err := office.Reset(t.Context(), account.Operator(), s.ids["viewerA"], false); err != nil || made.Token == "" {
		t.Errorf("the operator got none: %+v, %v", made, err)
	}
}

// TestMembers: an owner of a site sees its people, and of them what is of the site.
func TestMembers(t *testing.T) {
	s := newStaff(t)
	token, err := s.kept.AddSession(t.Context(), s.ids["viewerAB"])
	s.must(err)
	_, err = s.kept.Session(t.Context(), token)
	s.must(err)
	list := func(by, site string) (all []string) {
		t.Helper()
		members, err := s.office.Members(t.Context(), s.who[by], site)
		s.must(err)
		for _, m := range members {
			name, _, _ := strings.Cut(m.Email, "@")
			all = append(all, name+": "+account.SpellRoles(m.Roles))
			if (time.Since(m.Seen) < time.Minute) != (name == "viewerab") || m.Invited {
				t.Errorf("%s was seen at %v", name, m.Seen)
			}
		}
		return all
	}
	if got, want := strings.Join(list("ownerA", "a"), "; "), "admin: admin of every site; admina: admin of a; owner2: owner of every site; owner: owner of every site; ownera: owner of a; viewera: viewer of a; viewerab: viewer of a"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := list("owner", ""); len(got) != len(s.ids) || !slices.Contains(got, "viewerab: viewer of a, viewer of b") {
		t.Errorf("all people: %q", got)
	}
	for by, site := range map[string]string{"ownerA": "b", "adminA": "a", "ownerB": ""} {
		if _, err := s.office.Members(t.Context(), s.who[by], site); !errors.Is(err, account.ErrNotYours) {
			t.Errorf("%s sees people of %q: %v", by, site, err)
		}
	}
	if _, err := s.office.Member(t.Context(), s.who["ownerA"], s.ids["ownerB"]); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an owner of one site sees who is of another: %v", err)
	}
}

// TestOfficeKeys: keys, shares and embed tokens are of who may change their site.
func TestOfficeKeys(t *testing.T) {
	s := newStaff(t)
	ctx := t.Context()
	for site, allowed := range map[string]string{"a": "operator owner owner2 ownerA", "": "operator owner owner2"} {
		for name, by := range s.who {
			ok := slices.Contains(strings.Fields(allowed), name)
			token, k, err := s.office.AddKey(ctx, by, account.Key{Site: site, Scopes: []account.Scope{account.Read}})
			if ok != (err == nil) || ok != (token != "") {
				t.Errorf("%s makes a key of %q: %v", name, site, err)
			}
			if site == "" {
				if err := s.office.RenewEmbed(ctx, by); ok != (err == nil) {
					t.Errorf("%s renews: %v", name, err)
				}
				continue
			}
			share, sh, err := s.office.AddShare(ctx, by, account.Share{Site: site})
			if ok != (err == nil) || ok != (share != "") {
				t.Errorf("%s makes a share of %q: %v", name, site, err)
			}
			if _, err := s.office.SignEmbed(ctx, by, account.Embed{Site: site, Metrics: []string{"Visitors"}, Expires: time.Now().Add(time.Hour)}); ok != (err == nil) {
				t.Errorf("%s signs a token of %q: %v", name, site, err)
			}
			if ok {
				for _, other := range []string{"ownerB", "adminA", "admin", "viewerA"} {
					if err := errors.Join(s.office.RevokeKey(ctx, s.who[other], k.ID), s.office.RevokeShare(ctx, s.who[other], sh.ID)); !errors.Is(err, account.ErrNotFound) {
						t.Errorf("%s revokes what is of %q: %v", other, site, err)
					}
				}
				s.must(s.office.RevokeKey(ctx, by, k.ID))
				s.must(s.office.RevokeShare(ctx, by, sh.ID))
			}
		}
	}
	if keys, err := s.office.Keys(ctx, s.who["ownerA"]); err != nil || len(keys) != 0 {
		t.Errorf("an owner of one site sees the keys of every site: %v, %v", keys, err)
	}
}
