package account

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Members lists, by e-mail, who has a role on a site or on every site; all
// people, with roles or without, if site is "". Roles on sites that are not by's
// to change are left out.
func (o *Office) Members(ctx context.Context, by Who, site string) (all []Member, err error) {
	if err := may(by, site); err != nil {
		return nil, err
	}
	people, err := o.kept.People(ctx)
	if err != nil {
		return nil, err
	}
	grants, err := o.kept.Grants(ctx, "")
	if err != nil {
		return nil, err
	}
	roles := map[string][]Grant{}
	for _, g := range grants {
		roles[g.Person] = append(roles[g.Person], g)
	}
	for _, p := range people {
		here := func(g Grant) bool { return g.Site == "" || g.Site == site }
		if site != "" && !slices.ContainsFunc(roles[p.ID], here) {
			continue
		}
		m, err := o.member(ctx, p, roles[p.ID])
		if err != nil {
			return nil, err
		}
		m.Roles = slices.DeleteFunc(m.Roles, func(g Grant) bool { return !here(g) && !by.May(ChangePeople, g.Site) })
		all = append(all, m)
	}
	return all, nil
}

// Member finds somebody by id or e-mail, with all roles. One with no role on a
// site of by's is ErrNotFound.
func (o *Office) Member(ctx context.Context, by Who, person string) (Member, error) {
	p, err := o.kept.Person(ctx, person)
	if err != nil {
		return Member{}, err
	}
	grants, err := o.kept.Grants(ctx, p.ID)
	if err != nil {
		return Member{}, err
	}
	shown := func(g Grant) bool {
		return by.May(ChangePeople, g.Site) || g.Site == "" && by.MaySomewhere(ChangePeople)
	}
	if !by.May(ChangePeople, "") && !slices.ContainsFunc(grants, shown) {
		return Member{}, ErrNotFound
	}
	return o.member(ctx, p, grants)
}

func (o *Office) member(ctx context.Context, p Person, roles []Grant) (Member, error) {
	m := Member{Person: p, Roles: append([]Grant{}, roles...)}
	c, err := o.kept.Credential(ctx, p.ID)
	if err != nil {
		return m, err
	}
	m.TOTP, m.Invited = c.TOTP != nil, c.Password == ""
	sessions, err := o.kept.Sessions(ctx, p.ID)
	for _, s := range sessions {
		if s.Seen.After(m.Seen) {
			m.Seen = s.Seen
		}
	}
	return m, err
}

// Invited is somebody who was given a role or may set a password.
type Invited struct {
	Member
	Token string        // of a link that sets a password, told this once; "" is none
	Life  time.Duration // of the link
	Ended bool          // the password of before ended for the role, with all sessions
}

// Invite gives somebody a role, who is added if nobody has the e-mail. Who has no
// password gets a link to set one, but only if the whole person is by's to
// change: else whoever invites would get into an account with other roles. Where
// nobody has proven the address, a password ends before the role is bigger, or that
// is ErrUnproven: see proof.go. Every invitation is made here.
func (o *Office) Invite(ctx context.Context, by Who, p Person, g Grant) (Invited, error) {
	if err := CheckGrant(g); err != nil {
		return Invited{}, err
	}
	if err := may(by, g.Site); err != nil {
		return Invited{}, err
	}
	kept, err := o.kept.Person(ctx, p.Email)
	if errors.Is(err, ErrNotFound) {
		kept, err = o.kept.AddPerson(ctx, p)
	}
	if err != nil {
		return Invited{}, err
	}
	g.Person = kept.ID
	made, err := o.grant(ctx, by, kept, g)
	if err != nil || !made.Invited || !made.Whole(by) {
		return made, err
	}
	return o.link(ctx, by, made, ForInvite, InviteLife)
}

// SetRole gives a person a role on a site, in place of the one there. There is a
// link to set a password if the one of before had to end for it, as by Invite.
func (o *Office) SetRole(ctx context.Context, by Who, g Grant) (Invited, error) {
	if err := CheckGrant(g); err != nil {
		return Invited{}, err
	}
	if err := may(by, g.Site); err != nil {
		return Invited{}, err
	}
	m, err := o.Member(ctx, by, g.Person)
	if err != nil {
		return Invited{}, err
	}
	made, err := o.grant(ctx, by, m.Person, g)
	if err != nil || !made.Ended {
		return made, err
	}
	return o.link(ctx, by, made, ForInvite, InviteLife)
}

// grant gives a role that may be given, and tells what the person is then.
func (o *Office) grant(ctx context.Context, by Who, p Person, g Grant) (made Invited, err error) {
	if by.Person == p.ID {
		return Invited{}, ErrYourself
	}
	before, err := o.kept.Grants(ctx, p.ID)
	if err == nil {
		made.Ended, err = o.doubts(ctx, by, p, before, g)
	}
	if err == nil && made.Ended {
		err = o.end(ctx, p)
	}
	if err == nil {
		err = o.kept.PutGrant(ctx, g)
	}
	if err == nil && made.Ended {
		err = o.end(ctx, p) // once more: whoever could make a link until then can't any more
	}
	if err == nil {
		made.Member, err = o.changed(ctx, by, p, before, "user add")
	}
	return made, err
}

// changed notes what became of a person's roles.
func (o *Office) changed(ctx context.Context, by Who, p Person, before []Grant, what string) (Member, error) {
	after, err := o.kept.Grants(ctx, p.ID)
	if err != nil {
		return Member{}, err
	}
	if err := o.note(ctx, by, Change{What: what, Target: p.Email, Old: SpellRoles(before), New: SpellRoles(after)}); err != nil {
		return Member{}, err
	}
	return o.member(ctx, p, after)
}

// TakeRole takes the role on a site away; ErrNotFound if there is none.
func (o *Office) TakeRole(ctx context.Context, by Who, person, site string) (Member, error) {
	if err := may(by, site); err != nil {
		return Member{}, err
	}
	m, err := o.Member(ctx, by, person)
	if err != nil {
		return Member{}, err
	}
	if by.Person == m.ID {
		return Member{}, ErrYourself
	}
	if err := o.kept.RemoveGrant(ctx, m.ID, site); err != nil {
		return Member{}, err
	}
	return o.changed(ctx, by, m.Person, m.Roles, "user remove")
}

// whole finds somebody of whom by may do what is of the whole person.
func (o *Office) whole(ctx context.Context, by Who, person string) (Member, error) {
	m, err := o.Member(ctx, by, person)
	switch {
	case err != nil:
		return Member{}, err
	case !m.Whole(by):
		return Member{}, ErrNotYours
	case by.Person == m.ID:
		return Member{}, ErrYourself
	}
	return m, nil
}

// Remove removes somebody with roles, sessions and links.
func (o *Office) Remove(ctx context.Context, by Who, person string) error {
	m, err := o.whole(ctx, by, person)
	if err != nil {
		return err
	}
	if err := o.kept.RemovePerson(ctx, m.ID); err != nil {
		return err
	}
	return o.note(ctx, by, Change{What: "user remove", Target: m.Email, Old: SpellRoles(m.Roles)})
}

// Switch disables somebody, who is logged out for good, or lets one in again.
func (o *Office) Switch(ctx context.Context, by Who, person string, disabled bool) (Member, error) {
	m, err := o.whole(ctx, by, person)
	if err != nil {
		return Member{}, err
	}
	m.Disabled = disabled
	if err := o.kept.SetDisabled(ctx, m.ID, disabled); err != nil {
		return Member{}, err
	}
	what := "user enable"
	if disabled {
		what, m.Seen = "user disable", time.Time{}
		if err := o.kept.EndSessions(ctx, m.ID, ""); err != nil {
			return Member{}, err
		}
	}
	return m, o.note(ctx, by, Change{What: what, Target: m.Email})
}

// LogOut ends all of somebody's sessions and links.
func (o *Office) LogOut(ctx context.Context, by Who, person string) error {
	m, err := o.whole(ctx, by, person)
	if err != nil {
		return err
	}
	if err := o.kept.EndSessions(ctx, m.ID, ""); err != nil {
		return err
	}
	return o.note(ctx, by, Change{What: "user log-out", Target: m.Email})
}

// Reset makes a link that sets another password; with totp it turns the second
// factor off, too.
func (o *Office) Reset(ctx context.Context, by Who, person string, totp bool) (Invited, error) {
	m, err := o.whole(ctx, by, person)
	if err != nil {
		return Invited{}, err
	}
	what := "user reset"
	if totp {
		what, m.TOTP = "user reset --totp", false
		if err := o.kept.SetTOTP(ctx, m.ID, nil, nil); err != nil {
			return Invited{}, err
		}
	}
	if err := o.note(ctx, by, Change{What: what, Target: m.Email}); err != nil {
		return Invited{}, err
	}
	return o.link(ctx, by, Invited{Member: m}, ForReset, ResetLife)
}

// link makes a link of a member who is by's to change. It looks at the roles
// again once the link is there: a role that was given meanwhile either ended the
// link, or is seen now.
func (o *Office) link(ctx context.Context, by Who, m Invited, purpose Purpose, life time.Duration) (Invited, error) {
	token, err := o.kept.AddLink(ctx, purpose, m.ID, life)
	if err != nil {
		return Invited{}, err
	}
	if m.Roles, err = o.kept.Grants(ctx, m.ID); err == nil && m.Whole(by) {
		m.Token, m.Life = token, life
		return m, nil
	}
	if _, gone := o.kept.UseLink(ctx, token); gone != nil && !errors.Is(gone, ErrNotFound) {
		err = errors.Join(err, gone)
	}
	return Invited{}, cmp.Or(err, error(ErrNotYours))
}
