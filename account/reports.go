package account

import (
	"context"
	"errors"
	"slices"

	"footfall/event"
)

// ErrNotYourReport refuses a report that is not one's own.
var ErrNotYourReport = errors.New("everybody may have the reports of sites whose figures they may read; to name another address is for who may change the site")

// MaxNamed is how many reports of a site go to addresses that somebody named. Nobody
// asks those whether they want letters, so one who may change a site must not be able
// to have the server write to everybody. The operator may name more.
const MaxNamed = 50

// mayHave reports whether somebody may add and remove a subscription: one's own to
// figures that one may read, and every one of a site that one may change. An
// affiliate's own is for the doors that know which affiliate somebody is.
func mayHave(by Who, s Subscription) bool {
	switch {
	case s.Affiliate != "":
		return by.operator
	case s.Person != "" && s.Person == by.Person:
		return by.May(ReadFigures, s.Site)
	}
	return by.May(ChangeSite, s.Site)
}

// Subscribe has somebody sent reports. What is wrong with s is an event.InvalidError,
// the same once more ErrExists.
func (o *Office) Subscribe(ctx context.Context, by Who, s Subscription) (Subscription, error) {
	if !mayHave(by, s) {
		return Subscription{}, ErrNotYourReport
	}
	if s.Email != "" && !by.operator {
		all, err := o.kept.Subscriptions(ctx)
		if err != nil {
			return Subscription{}, err
		}
		named := 0
		for _, o := range all {
			if o.Site == s.Site && o.Email != "" {
				named++
			}
		}
		if named >= MaxNamed {
			return Subscription{}, event.Invalid("email", "of others who get reports of this site there are %d, and no more can be named: remove one first, or ask whoever runs the server", named)
		}
	}
	s, err := o.kept.AddSubscription(ctx, s)
	if err != nil {
		return Subscription{}, err
	}
	return s, o.note(ctx, by, Change{What: "report add", Target: s.ID, New: s.Of()})
}

// Subscriptions lists those that somebody may remove.
func (o *Office) Subscriptions(ctx context.Context, by Who) ([]Subscription, error) {
	all, err := o.kept.Subscriptions(ctx)
	return slices.DeleteFunc(all, func(s Subscription) bool { return !mayHave(by, s) }), err
}

// Unsubscribe ends a subscription for good; one that is not by's to end is ErrNotFound.
func (o *Office) Unsubscribe(ctx context.Context, by Who, id string) error {
	all, err := o.Subscriptions(ctx, by)
	if err != nil {
		return err
	}
	return o.unsubscribe(ctx, by.Name, all, id)
}

// UnsubscribeBy ends the subscription that the token of a letter's link is of. One
// that has ended before is no error, as a link may be opened twice.
func (o *Office) UnsubscribeBy(ctx context.Context, token string) error {
	id, err := o.SubscriptionOf(ctx, token)
	if err != nil {
		return err
	}
	all, err := o.kept.Subscriptions(ctx)
	if err != nil {
		return err
	}
	if err = o.unsubscribe(ctx, "link of "+id, all, id); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// SubscriptionOf is the id of the subscription that a letter's link ends; ErrNotFound
// if the link is not of this installation.
func (o *Office) SubscriptionOf(ctx context.Context, token string) (id string, err error) {
	secret, err := o.kept.Secret(ctx, MailSecret)
	if err != nil {
		return "", err
	}
	return ReadUnsubscribe(secret, token)
}

func (o *Office) unsubscribe(ctx context.Context, who string, all []Subscription, id string) error {
	at := slices.IndexFunc(all, func(s Subscription) bool { return s.ID == id })
	if at < 0 {
		return ErrNotFound
	}
	if err := o.kept.RemoveSubscription(ctx, id); err != nil {
		return err
	}
	return o.kept.Record(ctx, Change{Who: who, What: "report remove", Target: id, Old: all[at].Of()})
}

// Receives reports whether somebody may still be sent a site's report: who is
// disabled, or may not read its figures any more, gets none.
func (p Person) Receives(grants []Grant, site string) bool {
	return !p.Disabled && p.Who(grants).May(ReadFigures, site)
}
