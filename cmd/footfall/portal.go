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
	"footfall/mail"
	"footfall/portal"
)

// portal is the pages of affiliate programmes; who asks is whoever has logged in
// at the dashboard.
func (h *house) portal(pages *dash.Door, collector *collect.Collector) http.Handler {
	throttle := account.NewThrottle(nil)
	door := portal.New(h.desk, portal.Options{
		Who:       func(r *http.Request) (portal.Person, error) { return h.asks(pages, r) },
		CheckForm: func(r *http.Request, word string) bool { return pages.CheckForm(r, "form", word) },
		Allow: func(r *http.Request) bool { // who applies too often keeps nobody else from it
			network := account.Network(collector.Client(r))
			return throttle.Try("join "+network, account.Sender{Network: network}) == nil
		},
		Site: func(_ context.Context, id string) (account.Site, bool) {
			s, ok := h.sites.now.Load().byID[id]
			return s, ok
		},
		Invite: func(ctx context.Context, a affiliate.Affiliate) (portal.Invited, error) {
			path, sent, err := h.invitation(ctx, a, false)
			return portal.Invited{Link: h.public() + path, Sent: sent.To != "", Problem: sent.Problem}, err
		},
		Begun: h.startLedgerPump,
		Applied: func(p affiliate.Program, a affiliate.Affiliate) {
			if h.post != nil {
				h.mailApplied(p, a)
			}
		},
		Mail: h.post != nil, Reports: ownReports{h},
		Address: strings.TrimSuffix(h.c.values["public-url"], "/"), Assets: dash.Assets(), Log: h.log,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w = &changed{ResponseWriter: w, note: func() { h.noteForm(pages, r) }}
		}
		door.ServeHTTP(w, r)
	})
}

// changed notes a form that did what it asked for: it is answered with the page
// to go on to, or with a page that shows something once.
type changed struct {
	http.ResponseWriter
	note func()
}

// WriteHeader notes the change.
func (c *changed) WriteHeader(status int) {
	if status == http.StatusSeeOther || status == http.StatusOK {
		c.note()
	}
	c.ResponseWriter.WriteHeader(status)
}

// formWords are how the audit log calls the portal's forms: as the commands that
// do the same.
var formWords = map[string]string{
	"POST /program/{program}/affiliates": "affiliate add", "POST /program/{program}/affiliates/{affiliate}": "affiliate set", "POST /program/{program}/affiliates/{affiliate}/login": "affiliate invite",
	"POST /program/{program}/affiliates/{affiliate}/codes": "code add", "POST /program/{program}/affiliates/{affiliate}/codes/{code}": "code end",
	"POST /program/{program}/orders/{order}": "order assign", "POST /program/{program}/flags/{flag}": "flag judge",
	"POST /program/{program}/payouts": "payout approve", "POST /program/{program}/payouts/{payout}": "payout advance",
	"POST /program/new": "program set", "POST /program/{program}/settings/sites": "program set", "POST /program/{program}/settings": "program set", "POST /program/{program}/settings/rules": "rule add", "POST /program/{program}/settings/shops": "shop set",
	"POST /program/{program}/webhooks": "hook add", "POST /program/{program}/webhooks/{hook}": "hook set", "POST /program/{program}/webhooks/{hook}/state": "hook set",
	"POST /program/{program}/webhooks/{hook}/secret": "hook set", "POST /program/{program}/webhooks/{hook}/test": "hook test", "POST /program/{program}/webhooks/{hook}/replay": "hook replay",
	"POST /program/{program}/webhooks/{hook}/remove": "hook remove",
	"POST /portal/links":                             "code add", "POST /portal/profile": "affiliate set", "POST /join/{program}": "affiliate apply",
}

// noteForm adds a form of the portal to the audit log: what it is about, never
// what was written into it.
func (h *house) noteForm(pages *dash.Door, r *http.Request) {
	s, err := pages.Session(r)
	if errors.Is(err, account.ErrNotFound) {
		return // nobody who is known: an application
	}
	var target []string
	for _, name := range []string{"program", "affiliate", "code", "order", "flag", "payout", "hook"} {
		if id := r.PathValue(name); id != "" {
			target = append(target, name+" "+id)
		}
	}
	if err == nil {
		err = h.control.Record(r.Context(), account.Change{Who: s.Who.Name, What: formWords[r.Pattern], Target: strings.Join(target, ", ")})
	}
	if err != nil {
		h.log.Error("a change is not in the audit log", "form", r.Pattern, "error", err)
	}
}

// asks tells who a request's session is of, as personOf does. Without a session it
// is account.ErrNotFound.
func (h *house) asks(pages *dash.Door, r *http.Request) (portal.Person, error) {
	s, err := pages.Session(r)
	if err != nil {
		return portal.Person{}, err
	}
	return h.personOf(r.Context(), s)
}

// personOf tells whose a session is: which affiliate that is, and which programmes
// it may run, of all of whose sites it must have the right.
func (h *house) personOf(ctx context.Context, s dash.Session) (p portal.Person, err error) {
	who, person := s.Who, s.Person
	p = portal.Person{Form: s.Form, ID: cmp.Or(person.ID, operator), Name: cmp.Or(person.Name, person.Email, operator)}
	programs, err := h.desk.Programs(ctx)
	if err != nil {
		return p, err
	}
	for _, program := range programs {
		if mayEverywhere(who, account.ManageProgramme, program.Sites) {
			p.Manages = append(p.Manages, program.ID)
		}
		if mayEverywhere(who, account.PayOut, program.Sites) {
			p.Pays = append(p.Pays, program.ID)
		}
	}
	sites, err := h.sites.Sites(ctx)
	if err != nil {
		return p, err
	}
	for _, site := range who.Sites(account.PayOut, sites) {
		p.Owns = append(p.Owns, site.ID)
	}
	if person.ID == "" {
		return p, nil
	}
	id, err := h.desk.LoginOf(ctx, person.ID)
	if err != nil {
		return p, err
	}
	// The ledger says which affiliate somebody is, a role on one of the
	// programme's sites that it is still to be seen.
	_, covered, _ := h.desk.Figures(id)
	if slices.ContainsFunc(covered, func(site string) bool {
		return who.May(account.OwnFigures, site) || who.May(account.ReadFigures, site)
	}) {
		p.Affiliate = id
	}
	return p, nil
}

// mayEverywhere reports whether somebody may do it to each of the sites.
func mayEverywhere(who account.Who, a account.Action, sites []string) bool {
	return !slices.ContainsFunc(sites, func(site string) bool { return !who.May(a, site) })
}

// errHasAccount refuses a link that would let whoever invites into somebody's account.
var errHasAccount = &affiliate.InvalidError{Field: "email", Why: "has an account here already, and may log in with it once an operator has joined the two: footfall affiliate invite EMAIL"}

// inviteAffiliate gives an affiliate a log-in: the right to see own figures, and
// the path of a link to set a password with. There is a link only for who has no password
// and no right but to see figures of this programme's affiliate: whoever invites
// must not get into another's account. To the account of somebody else only the
// operator joins an affiliate, and then there is no link.
func (h *house) inviteAffiliate(ctx context.Context, a affiliate.Affiliate, byOperator bool) (path string, err error) {
	person, err := h.control.Person(ctx, a.Email)
	if errors.Is(err, account.ErrNotFound) {
		person, err = h.control.AddPerson(ctx, account.Person{Email: a.Email, Name: a.Name})
	}
	if err != nil {
		return "", err
	}
	_, sites, _ := h.desk.Figures(a.ID)
	grants, own, err := h.hasAccount(ctx, person.ID, sites)
	if err != nil {
		return "", err
	}
	if own && !byOperator {
		return "", errHasAccount
	}
	for _, site := range sites {
		if slices.ContainsFunc(grants, func(g account.Grant) bool { return g.Site == site || g.Site == "" }) {
			continue // who has a role there keeps it: what one is an affiliate of, the ledger tells
		}
		if err := h.control.PutGrant(ctx, account.Grant{Person: person.ID, Site: site, Role: account.Affiliate}); err != nil {
			return "", err
		}
	}
	if _, err := h.desk.Alter(ctx, a.ID, func(a *affiliate.Affiliate) { a.Login = person.ID }); err != nil {
		return "", err
	}
	if own {
		return "", nil
	}
	token, err := h.control.AddLink(ctx, account.ForInvite, person.ID, account.InviteLife)
	if err != nil {
		return "", err
	}
	// A bigger role that was given meanwhile either ended the link, or is seen now:
	// then nobody is told the link.
	if _, own, err = h.hasAccount(ctx, person.ID, sites); err != nil || own {
		return "", cmp.Or(err, error(errHasAccount))
	}
	return "/password?link=" + token, nil
}

// hasAccount reports whether a person is more than an affiliate of these sites
// without a password, and which roles the person has.
func (h *house) hasAccount(ctx context.Context, person string, sites []string) (grants []account.Grant, own bool, err error) {
	if grants, err = h.control.Grants(ctx, person); err != nil {
		return nil, false, err
	}
	c, err := h.control.Credential(ctx, person)
	others := slices.ContainsFunc(grants, func(g account.Grant) bool { return g.Role != account.Affiliate || !slices.Contains(sites, g.Site) })
	return grants, others || c.Password != "", err
}

// invitation gives an affiliate a log-in, and sends the link if mail is sent.
func (h *house) invitation(ctx context.Context, a affiliate.Affiliate, byOperator bool) (path string, sent mailed, err error) {
	path, err = h.inviteAffiliate(ctx, a, byOperator)
	if err != nil || path == "" {
		return path, sent, err
	}
	about := mail.About{Life: "a week"}
	if _, sites, _ := h.desk.Figures(a.ID); len(sites) > 0 {
		p, _ := h.desk.Program(sites[0])
		about.Program = p.Name
	}
	return path, h.send(ctx, mail.Membership, mail.Address{Name: a.Name, Email: a.Email}, path, about), nil
}
