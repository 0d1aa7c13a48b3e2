package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/api"
	"footfall/ledger"
	"footfall/metric"
	shops "footfall/shop"
)

// mayErase reports whether one may erase persons of a site: of every site of the programme
// that it is in, as a person is erased on all of them.
func (h *house) mayErase(by account.Who, site string) bool {
	program, ok := h.desk.Program(site)
	return !ok || !slices.ContainsFunc(program.Sites, func(id string) bool { return !by.May(account.ErasePerson, id) })
}

// erasesPersons erases persons for who asks by HTTP.
type erasesPersons struct{ h *house }

var _ api.Erases = erasesPersons{}

// ErasePerson erases, as the command does.
func (x erasesPersons) ErasePerson(ctx context.Context, e api.Erasure, dry bool) (api.Erased, error) {
	if !x.h.mayErase(e.By, e.Site.ID) {
		return api.Erased{}, account.ErrNotYours
	}
	did, err := x.h.erasePerson(ctx, e.Site, affiliate.Who{User: e.User, Anonymous: e.Anonymous, Email: e.Email, Order: e.Number, Store: e.Store}, e.Only, dry)
	if err == nil && !dry {
		err = x.h.noteErased(context.WithoutCancel(ctx), e.By, did)
	}
	wrong, isWrong := errors.AsType[*shops.InvalidError](err)
	several, isSeveral := errors.AsType[errSeveral](err)
	switch {
	case errors.Is(err, errCared):
		return api.Erased{}, api.ErrOtherWork
	case errors.Is(err, errNobody), errors.Is(err, ledger.ErrNotFound): // of an order: none of its number, or whose it was is erased
		return api.Erased{}, &metric.QueryError{Why: "user_id: nothing leads from there to a person: name another of user_id, anonymous_id, email or order"}
	case isWrong:
		return api.Erased{}, &metric.QueryError{Why: wrong.Error()}
	case isSeveral:
		return api.Erased{}, &metric.QueryError{Why: fmt.Sprintf("only: these ids lead to %d users: several persons share a browser, and erasing one would erase all; name one id at a time with \"only\": true", several)}
	case err != nil:
		return api.Erased{}, err
	}
	out := api.Erased{DryRun: did.DryRun, Site: did.Site, Keys: []string{}, Left: append([]string{}, did.Left...)}
	for _, k := range did.Keys {
		out.Keys = append(out.Keys, string(k))
	}
	for _, p := range did.Places {
		out.Places = append(out.Places, api.ErasedPlace{Place: p.Place, Count: p.Count, What: p.What})
	}
	if !did.Until.IsZero() {
		out.Until = did.Until.Format(time.RFC3339)
	}
	return out, nil
}
