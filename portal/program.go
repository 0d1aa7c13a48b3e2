package portal

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/affiliate"
)

// managed is the pages of who runs a programme.
func (d *door) managed() map[string]serve {
	const root = "/program/{program}"
	all := map[string]serve{
		"GET " + root:                                           func(v *visit) error { return v.to("/affiliates") },
		"GET " + root + "/affiliates":                           func(v *visit) error { return v.showAffiliates(200, nil) },
		"POST " + root + "/affiliates":                          (*visit).invite,
		"GET " + root + "/affiliates/{affiliate}":               func(v *visit) error { return v.showAffiliate(200, nil, Invited{}) },
		"POST " + root + "/affiliates/{affiliate}":              (*visit).alter,
		"POST " + root + "/affiliates/{affiliate}/login":        (*visit).makeLogin,
		"POST " + root + "/affiliates/{affiliate}/codes":        (*visit).addCode,
		"POST " + root + "/affiliates/{affiliate}/codes/{code}": (*visit).endCode,
		"GET " + root + "/applications":                         (*visit).applications,
		"GET " + root + "/orders":                               (*visit).allOrders,
		"GET " + root + "/orders/{order}":                       func(v *visit) error { return v.showOrder(200, nil) },
		"POST " + root + "/orders/{order}":                      (*visit).assign,
		"GET " + root + "/flags":                                (*visit).flags,
		"POST " + root + "/flags/{flag}":                        (*visit).judge,
		"GET " + root + "/ledger":                               (*visit).ledger,
		"GET " + root + "/ledger.csv":                           (*visit).ledgerFile,
		"GET " + root + "/payouts":                              func(v *visit) error { return v.showPayouts(200, nil) },
		"POST " + root + "/payouts":                             (*visit).approve,
		"GET " + root + "/payouts.csv":                          (*visit).payoutsFile,
		"POST " + root + "/payouts/{payout}":                    (*visit).advance,
		"GET " + root + "/payouts/{payout}/statement.csv":       (*visit).anyStatement,
		"GET " + root + "/settings":                             func(v *visit) error { return v.showSettings(200, nil, nil, nil, nil) },
		"POST " + root + "/settings":                            (*visit).saveSettings,
		"POST " + root + "/settings/sites":                      (*visit).addSites,
		"POST " + root + "/settings/rules":                      (*visit).addRule,
		"POST " + root + "/settings/shops":                      (*visit).saveShop,
	}
	maps.Copy(all, d.hooked())
	return all
}

// path is an address below the programme's.
func (v *visit) path(below string) string { return "/program/" + v.program.ID + below }

func (v *visit) to(below string) error {
	http.Redirect(v.w, v.r, v.path(below), http.StatusSeeOther)
	return nil
}

// programs goes on to the programme that somebody runs, or lists them.
func (d *door) programs(w http.ResponseWriter, r *http.Request) {
	v, ok := d.enter(w, r)
	switch {
	case !ok:
		return
	case len(v.person.Manages) == 0 && len(v.person.Owns) > 0:
		http.Redirect(w, r, "/program/new", http.StatusSeeOther)
		return
	case len(v.person.Manages) == 0:
		v.refuse()
		return
	case len(v.person.Manages) == 1:
		http.Redirect(w, r, "/program/"+url.PathEscape(v.person.Manages[0]), http.StatusSeeOther)
		return
	}
	all, err := d.desk.Programs(r.Context())
	all = slices.DeleteFunc(all, func(p affiliate.Program) bool { return !slices.Contains(v.person.Manages, p.ID) })
	if err == nil {
		err = v.show(200, "programs.html", "Programmes", all)
	}
	v.fail(err)
}

// member is an affiliate in the list.
type member struct {
	affiliate.Affiliate
	Balances []balance
}

type balance struct {
	Currency string
	affiliate.Balance
}

func balances(of map[string]affiliate.Balance) (list []balance) {
	for _, currency := range slices.Sorted(maps.Keys(of)) {
		list = append(list, balance{currency, of[currency]})
	}
	return list
}

type membersView struct {
	Members  []member
	Form     *form
	Search   string
	Status   string
	Statuses []tab
	All      int
	Pages    pages
	File     string // all of them
	Join     string // address of the form to apply by
	Zone     *time.Location
}

func (v *visit) showAffiliates(status int, f *form) error {
	all, err := v.desk.Affiliates(v.ctx(), v.program.ID)
	if err != nil {
		return err
	}
	of, err := v.desk.Balances(v.ctx(), v.program.ID)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	x := membersView{Form: f, Search: q.Get("search"), Status: q.Get("status"), All: len(all), File: v.fileOf(), Join: v.origin() + "/join/" + v.program.ID, Zone: v.zone}
	for _, s := range []string{"", "active", "applied", "paused", "banned"} {
		values := url.Values{"search": {x.Search}, "status": {s}}
		x.Statuses = append(x.Statuses, tab{link: link{v.path("/affiliates") + "?" + values.Encode(), cmp.Or(capital(s), "All")}, Current: s == x.Status})
	}
	search := strings.ToLower(strings.TrimSpace(x.Search))
	all = slices.DeleteFunc(all, func(a affiliate.Affiliate) bool {
		return x.Status != "" && string(a.Status) != x.Status || !strings.Contains(strings.ToLower(a.Name+"\n"+a.Email+"\n"+a.ID), search)
	})
	slices.SortStableFunc(all, func(a, b affiliate.Affiliate) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	if v.asFile() {
		return v.membersFile(all, of)
	}
	all, x.Pages = cut(v, all)
	for _, a := range all {
		x.Members = append(x.Members, member{a, balances(of[a.ID])})
	}
	return v.show(status, "affiliates.html", "Affiliates", x)
}

func (v *visit) applications() error {
	all, err := v.desk.Affiliates(v.ctx(), v.program.ID)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(a affiliate.Affiliate) bool { return a.Status != "applied" })
	x := membersView{Join: v.origin() + "/join/" + v.program.ID, Zone: v.zone}
	all, x.Pages = cut(v, all)
	for _, a := range all {
		x.Members = append(x.Members, member{Affiliate: a})
	}
	return v.show(200, "applications.html", "Applications", x)
}

// invite makes somebody an affiliate at once.
func (v *visit) invite() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	checkText(f, "name", 200, true)
	if f.ok() {
		a, err := v.desk.Join(v.ctx(), affiliate.Affiliate{Program: v.program.ID, Name: f.get("name"), Email: f.get("email"), Status: "active"})
		if err := f.take(err, "name", "email"); err != nil {
			return err
		}
		if f.ok() {
			return v.done(v.path("/affiliates/"+a.ID), "invited")
		}
	}
	return v.showAffiliates(422, f)
}

// member is the affiliate that the path names; another programme's is not found.
func (v *visit) member() (affiliate.Affiliate, error) {
	a, err := v.desk.Affiliate(v.ctx(), v.r.PathValue("affiliate"))
	if err = absent(err); err == nil && a.Program != v.program.ID {
		err = affiliate.ErrNotFound
	}
	return a, err
}

// absent makes an error about an id in a path what it is there.
func absent(err error) error {
	f := &form{}
	if other := f.take(err); other != nil || err == nil {
		return other
	}
	return affiliate.ErrNotFound
}

type memberView struct {
	member
	Form   *form
	Codes  []ownLink
	Flags  []affiliate.Flag
	Rules  []affiliate.Rule
	Login  Invited // a link to log in with, shown once
	Logins bool    // such links can be made
	Hosts  []string
	Zone   *time.Location
}

func (v *visit) showAffiliate(status int, f *form, login Invited) error {
	a, err := v.member()
	if err != nil {
		return err
	}
	of, err := v.desk.Balances(v.ctx(), v.program.ID)
	if err != nil {
		return err
	}
	x := memberView{member: member{a, balances(of[a.ID])}, Form: f, Login: login, Logins: v.Invite != nil, Hosts: v.desk.LandingHosts(v.program), Zone: v.zone}
	they := *v
	they.affiliate = a
	if x.Codes, err = they.links(); err != nil {
		return err
	}
	if x.Flags, err = v.desk.Flags(v.ctx(), v.program.ID); err != nil {
		return err
	}
	x.Flags = slices.DeleteFunc(x.Flags, func(f affiliate.Flag) bool { return f.Affiliate != a.ID || f.State == "cleared" })
	if x.Rules, err = v.desk.Rules(v.ctx(), v.program.ID); err != nil {
		return err
	}
	x.Rules = slices.DeleteFunc(x.Rules, func(r affiliate.Rule) bool { return r.Affiliate != a.ID })
	return v.show(status, "affiliate.html", a.Name, x)
}

// alter changes an affiliate: the status, with why, or the profile.
func (v *visit) alter() error {
	a, err := v.member()
	if err != nil {
		return err
	}
	f, err := v.sent()
	if err != nil {
		return err
	}
	if f.values.Has("name") {
		checkText(f, "name", 200, true)
		checkText(f, "payout_reference", 200, false)
		checkText(f, "user_id", 512, false)
	}
	status, why := affiliate.Status(f.get("status")), f.get("why")
	checkText(f, "why", 300, f.values.Has("why") && (status == "paused" || status == "banned"))
	if f.ok() {
		_, err := v.desk.Alter(v.ctx(), a.ID, func(a *affiliate.Affiliate) {
			if f.values.Has("name") {
				a.Name, a.Payout = f.get("name"), f.get("payout_reference")
			}
			for field, kept := range map[string]*string{"user_id": &a.User, "note": &a.Note} {
				if f.values.Has(field) {
					*kept = strings.ReplaceAll(f.get(field), "\r\n", "\n")
				}
			}
			if f.values.Has("status") {
				a.Status = status
			}
			if why != "" {
				a.Note = strings.TrimSpace(a.Note + "\n" + v.Now().In(v.zone).Format(time.DateOnly) + " " + string(status) + ": " + why)
			}
		})
		if err := f.take(err, "note", "user_id"); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showAffiliate(422, f, Invited{})
	}
	switch {
	case f.get("then") == "applications" && f.get("status") != "active":
		return v.done(v.path("/applications"), "saved")
	case a.Status == "applied" && f.get("status") == "active" && v.Mail:
		return v.done(v.path("/affiliates/"+a.ID), "told")
	case a.Status == "applied" && f.get("status") == "active":
		return v.done(v.path("/affiliates/"+a.ID), "accepted")
	}
	return v.done(v.path("/affiliates/"+a.ID), "saved")
}

// makeLogin shows a link that lets the affiliate in. It is shown once, and so
// there is no redirect.
func (v *visit) makeLogin() error {
	a, err := v.member()
	if err != nil {
		return err
	}
	if v.Invite == nil {
		return affiliate.ErrNotFound
	}
	login, err := v.Invite(v.ctx(), a)
	if err != nil {
		return err
	}
	return v.showAffiliate(200, nil, login)
}

func (v *visit) addCode() error {
	a, err := v.member()
	if err != nil {
		return err
	}
	f, err := v.sent()
	if err != nil {
		return err
	}
	c := affiliate.Code{Text: f.get("code"), Affiliate: a.ID, Kind: affiliate.CodeKind(f.get("kind")), Landing: f.get("landing_url")}
	_, err = v.desk.AddCode(v.ctx(), c)
	if err := f.take(err, "code", "kind", "landing_url"); err != nil {
		return err
	}
	if !f.ok() {
		return v.showAffiliate(422, f, Invited{})
	}
	return v.done(v.path("/affiliates/"+a.ID), "code")
}

func (v *visit) endCode() error {
	a, err := v.member()
	if err != nil {
		return err
	}
	codes, err := v.desk.Codes(v.ctx(), a.ID)
	if err != nil {
		return err
	}
	code := v.r.PathValue("code")
	if !slices.ContainsFunc(codes, func(c affiliate.Code) bool { return c.ID == code }) {
		return affiliate.ErrNotFound
	}
	if _, err := v.desk.EndCode(v.ctx(), code, v.Now()); err != nil {
		return err
	}
	return v.done(v.path("/affiliates/"+a.ID), "ended")
}
