package dash

import (
	"errors"
	"net/http"
	"strings"

	"footfall/account"
	"footfall/event"
)

// reportsView is what reports.html shows.
type reportsView struct {
	staff
	Reports []reportRow
	Rhythms []account.Rhythm
	Own     string // address of who asks; "" is the operator
	Names   bool   // one may name another address, for some site
}

type reportRow struct {
	account.Subscription
	To string
}

func (d *Door) reports(w http.ResponseWriter, r *http.Request, in visit) {
	d.showReports(w, r, in, http.StatusOK, read(in.tongue, r))
}

// showReports fills the view in: one's own reports, and those of sites that one may change.
func (d *Door) showReports(w http.ResponseWriter, r *http.Request, in visit, status int, s said) {
	v := reportsView{Rhythms: account.Rhythms, Own: in.person.Email}
	all, err := d.office.Subscriptions(r.Context(), in.who)
	if err == nil {
		v.staff, err = d.staff(r, in, s)
	}
	sites, err2 := d.sites.Sites(r.Context())
	if err = errors.Join(err, err2); err != nil {
		d.noControl(w, err)
		return
	}
	v.Sites = nil
	for _, site := range in.who.Sites(account.ReadFigures, sites) {
		v.Sites = append(v.Sites, choice{site.ID, site.Domain})
		v.Names = v.Names || in.who.May(account.ChangeSite, site.ID)
	}
	for _, s := range all {
		if s.Affiliate != "" {
			continue // chosen in the portal
		}
		row := reportRow{s, s.Email}
		if s.Person != "" {
			if row.To, err = d.recipient(r, in, s); err != nil {
				d.noControl(w, err)
				return
			}
		}
		v.Reports = append(v.Reports, row)
	}
	d.show(w, status, "reports.html", in, v)
}

// recipient names a person who gets a report: to who may change people of the site
// with the address.
func (d *Door) recipient(r *http.Request, in visit, s account.Subscription) (string, error) {
	if s.Person == in.person.ID {
		return in.person.Email, nil
	}
	p, err := d.gate.Person(r.Context(), s.Person)
	switch {
	case err != nil && !errors.Is(err, account.ErrNotFound):
		return "", err
	case in.who.May(account.ChangePeople, s.Site):
		return p.Email, nil
	case p.Name != "":
		return p.Name, nil
	}
	return in.Say("somebody of the site"), nil
}

// addReport subscribes who asks, or an address that is named.
func (d *Door) addReport(w http.ResponseWriter, r *http.Request, in visit) {
	s := account.Subscription{Site: r.PostFormValue("site"), Rhythm: account.Rhythm(r.PostFormValue("rhythm")), Email: strings.TrimSpace(r.PostFormValue("email"))}
	if in.person.ID != "" && (s.Email == "" || strings.EqualFold(s.Email, in.person.Email)) {
		s.Email, s.Person = "", in.person.ID
	}
	_, err := d.office.Subscribe(r.Context(), in.who, s)
	switch {
	case errors.Is(err, account.ErrNotYourReport):
		err = event.Invalid("address", "is not yours to name: that is for who may change the site")
	case errors.Is(err, account.ErrExists):
		err = event.Invalid("report", "is sent there already")
	}
	d.acted(w, r, err, "/reports", "subscribed", func(status int, s said) { d.showReports(w, r, in, status, s) })
}

func (d *Door) removeReport(w http.ResponseWriter, r *http.Request, in visit) {
	d.acted(w, r, d.office.Unsubscribe(r.Context(), in.who, r.PathValue("report")), "/reports", "unsubscribed",
		func(status int, s said) { d.showReports(w, r, in, status, s) })
}

// askUnsubscribe asks whoever opened a letter's link. Opening it changes nothing, as
// programs that look at mail open every link.
func (d *Door) askUnsubscribe(w http.ResponseWriter, r *http.Request, _ visit) {
	_, err := d.office.SubscriptionOf(r.Context(), r.PathValue("token"))
	d.showUnsubscribe(w, unsubscribeView{Token: r.PathValue("token")}, err)
}

// unsubscribe ends the report that a letter's link is of: without a log-in, and with
// one request, as RFC 8058 has it.
func (d *Door) unsubscribe(w http.ResponseWriter, r *http.Request, _ visit) {
	d.showUnsubscribe(w, unsubscribeView{Done: true}, d.office.UnsubscribeBy(r.Context(), r.PathValue("token")))
}

// unsubscribeView is what unsubscribe.html shows.
type unsubscribeView struct {
	Token      string
	Done, Gone bool
}

func (d *Door) showUnsubscribe(w http.ResponseWriter, v unsubscribeView, err error) {
	switch {
	case err == nil:
		d.show(w, http.StatusOK, "unsubscribe.html", visit{}, v)
	case errors.Is(err, account.ErrNotFound):
		d.show(w, http.StatusNotFound, "unsubscribe.html", visit{}, unsubscribeView{Gone: true})
	default:
		d.noControl(w, err)
	}
}
