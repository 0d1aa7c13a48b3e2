package account

import (
	"context"
	"errors"
)

// A link that sets a password is seen by whoever invites, and may be caught on its
// way: that somebody has a password shows nothing of whose the address is. Only who
// sets one by a link that went to the mailbox alone has proven it. Before a bigger
// role is given to an account that nobody has proven, its password and sessions
// end, so that whoever caught an early invitation does not come along.

// ErrUnproven means that a role waits for a proof of the address.
var ErrUnproven = errors.New("this account has roles that are not yours to change, and nobody has proven yet that the address is its own")

// How the audit log calls a password that was set by a link.
const (
	byLink = "account password by link"
	byMail = "account password by mail" // the address is proven
)

// spelled is the line of the audit log about a password that was set by a link.
func (l Link) spelled() string {
	if l.Purpose == ForProof {
		return byMail
	}
	return byLink
}

// proven reports whether the newest link by which a person set a password went to
// the mailbox alone.
func (o *Office) proven(ctx context.Context, p Person) (bool, error) {
	lines, err := o.kept.Changes(ctx, ChangeFilter{Who: p.Who(nil).Name, Kind: "account"})
	for _, l := range lines {
		if l.What == byLink || l.What == byMail {
			return l.What == byMail, nil
		}
	}
	return false, err
}

// bigger reports whether a role lets a person do to its site what that one may not
// do there yet. Own figures are the ledger's to give.
func bigger(p Person, before []Grant, g Grant) bool {
	was, is := p.Who(before), p.Who([]Grant{g})
	for a := range rights {
		if a != OwnFigures && is.May(a, g.Site) && !was.May(a, g.Site) {
			return true
		}
	}
	return false
}

// doubts reports whether a password must end before a person gets a role. ErrUnproven:
// it must, and by may not end it.
func (o *Office) doubts(ctx context.Context, by Who, p Person, before []Grant, g Grant) (bool, error) {
	c, err := o.kept.Credential(ctx, p.ID)
	if err != nil || c.Password == "" || !bigger(p, before, g) {
		return false, err
	}
	if proven, err := o.proven(ctx, p); err != nil || proven {
		return false, err
	}
	if m := (Member{Person: p, Roles: before}); !m.Whole(by) {
		return false, ErrUnproven
	}
	return true, nil
}

// end ends a person's password, sessions and links.
func (o *Office) end(ctx context.Context, p Person) error {
	if err := o.kept.SetPassword(ctx, p.ID, ""); err != nil {
		return err
	}
	return o.kept.EndSessions(ctx, p.ID, "")
}
