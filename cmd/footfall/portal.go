package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"footfall/account"
	"footfall/affiliate"
	"footfall/collect"
	"footfall/dash"
	"footfall/portal"
)

// portal is the pages of affiliate programmes; who asks is whoever has logged in
// at the dashboard.
func (h *house) portal(pages *dash.Door, collector *collect.Collector) http.Handler {
	throttle := account.NewThrottle(nil)
	return portal.New(h.desk, portal.Options{
		Who:        func(r *http.Request) (portal.Person, bool) { return h.asks(pages, r) },
		Token:      pages.Form,
		CheckToken: func(r *http.Request) bool { return pages.CheckForm(r, "form") },
		Allow: func(r *http.Request) bool {
			return throttle.Try("join", account.Network(collector.Client(r))) == nil
		},
		Site: func(_ context.Context, id string) (account.Site, bool) {
			s, ok := h.sites.now.Load().byID[id]
			return s, ok
		},
		Invite: h.inviteAffiliate, Address: strings.TrimSuffix(h.c.values["public-url"], "/"), Assets: dash.Assets(), Log: h.log,
	})
}

// asks tells who a request's session is of: which affiliate that is, and which
// programmes it may run, of all of whose sites it must have the right.
func (h *house) asks(pages *dash.Door, r *http.Request) (p portal.Person, ok bool) {
	who, person, err := pages.Visitor(r)
	if err != nil {
		return p, false
	}
	p = portal.Person{ID: cmp.Or(person.ID, operator), Name: cmp.Or(person.Name, person.Email, operator)}
	programs, err := h.desk.Programs(r.Context())
	if err != nil {
		return p, false
	}
	everywhere := func(a account.Action, sites []string) bool {
		for _, site := range sites {
			if !who.May(a, site) {
				return false
			}
		}
		return true
	}
	for _, program := range programs {
		if everywhere(account.ManageProgramme, program.Sites) {
			p.Manages = append(p.Manages, program.ID)
		}
		if everywhere(account.PayOut, program.Sites) {
			p.Pays = append(p.Pays, program.ID)
		}
	}
	if person.ID != "" {
		p.Affiliate, err = h.desk.LoginOf(r.Context(), person.ID)
	}
	return p, err == nil
}

// inviteAffiliate makes a person of an affiliate, and a link to set a password with.
func (h *house) inviteAffiliate(ctx context.Context, a affiliate.Affiliate) (string, error) {
	person, err := h.personOf(ctx, a)
	if err != nil {
		return "", err
	}
	purpose, path := account.ForInvite, "/password?link="
	if c, err := h.control.Credential(ctx, person.ID); err == nil && c.Password != "" {
		purpose, path = account.ForLogin, "/login?link="
	}
	token, err := h.control.AddLink(ctx, purpose, person.ID, inviteLife)
	return h.address + path + token, err
}

// personOf is the person that an affiliate is, made of who is none yet, with the
// right to see own figures.
func (h *house) personOf(ctx context.Context, a affiliate.Affiliate) (account.Person, error) {
	person, err := h.control.Person(ctx, a.Email)
	if errors.Is(err, account.ErrNotFound) {
		person, err = h.control.AddPerson(ctx, account.Person{Email: a.Email, Name: a.Name})
	}
	if err != nil {
		return person, err
	}
	_, sites, _ := h.desk.Figures(a.ID)
	grants, err := h.control.Grants(ctx, person.ID)
	if err != nil {
		return person, err
	}
	for _, site := range sites {
		if slices.ContainsFunc(grants, func(g account.Grant) bool { return g.Site == site || g.Site == "" }) {
			continue // who has a role there keeps it: what one is an affiliate of, the ledger tells
		}
		if err := h.control.PutGrant(ctx, account.Grant{Person: person.ID, Site: site, Role: account.Affiliate}); err != nil {
			return person, err
		}
	}
	_, err = h.desk.Alter(ctx, a.ID, func(a *affiliate.Affiliate) { a.Login = person.ID })
	return person, err
}
