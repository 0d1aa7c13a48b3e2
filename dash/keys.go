package dash

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
)

// expiry reads how many days from now something holds; "" is for ever.
func (d *Door) expiry(r *http.Request) (time.Time, error) {
	text := strings.TrimSpace(r.PostFormValue("days"))
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 36500 {
		return time.Time{}, event.Invalid("days", "are a whole number such as 90, or left empty")
	}
	return d.Now().AddDate(0, 0, n), nil
}

// earner reads whose figures alone are meant; "" is everybody's. Who may give nothing of
// the site is not told who is an affiliate there.
func (d *Door) earner(r *http.Request, in visit) (id string, err error) {
	name, site := strings.TrimSpace(r.PostFormValue("affiliate")), r.PostFormValue("site")
	if name == "" || d.Earner == nil || !in.who.May(account.ChangePeople, site) {
		return name, nil
	}
	if id, err = d.Earner(r.Context(), site, name); errors.Is(err, account.ErrNotFound) {
		err = event.Invalid("affiliate", "is nobody of this site's programme: write the id that the affiliate's page shows, or the e-mail")
	}
	return id, err
}

type keysView struct {
	staff
	Keys   []account.Key
	Scopes []scopeBox
	Token  string      // shown once
	Made   account.Key // that it is of
	Now    time.Time
}

// scopeBox is a scope to tick.
type scopeBox struct {
	Name    account.Scope
	May     string
	Checked bool
}

// scopesMay says what keys may do with a scope.
var scopesMay = map[account.Scope]key{
	account.Read: "read figures, visitors and segments", account.SQL: "ask in SQL: single events, orders and commissions", account.Define: "change segments", account.InPages: "for a page: read which segments one visitor is in, and nothing else",
	account.Orders: "write orders and refunds", account.Everything: "all of these, and run the affiliate programme", account.Erase: "erase persons, which none of the others does",
}

func (d *Door) keys(w http.ResponseWriter, r *http.Request, in visit) {
	d.showKeys(w, r, in, http.StatusOK, keysView{staff: staff{said: read(in.tongue, r)}})
}

// showKeys fills the view in.
func (d *Door) showKeys(w http.ResponseWriter, r *http.Request, in visit, status int, v keysView) {
	var err error
	if v.staff, err = d.staff(r, in, v.said); err == nil {
		v.Keys, err = d.office.Keys(r.Context(), in.who)
	}
	if err != nil {
		d.noControl(w, err)
		return
	}
	slices.Reverse(v.Keys)
	v.Now = d.Now()
	for _, s := range account.Scopes {
		ticked := v.In == nil && s == account.Read || slices.Contains(v.In["scope"], string(s))
		v.Scopes = append(v.Scopes, scopeBox{s, in.Say(scopesMay[s]), ticked})
	}
	d.show(w, status, "keys.html", in, v)
}

// addKey makes a key. Its token is shown this once, so there is no redirect.
func (d *Door) addKey(w http.ResponseWriter, r *http.Request, in visit) {
	k := account.Key{Site: r.PostFormValue("site")}
	for _, s := range r.PostForm["scope"] {
		k.Scopes = append(k.Scopes, account.Scope(s))
	}
	var token string
	id, err := d.earner(r, in)
	if id != "" {
		k.Scopes = append(k.Scopes, account.Scope(account.OfAffiliate+id))
	}
	if err == nil {
		k.Expires, err = d.expiry(r)
	}
	if err == nil {
		token, k, err = d.office.AddKey(r.Context(), in.who, k)
	}
	if err != nil {
		d.acted(w, r, err, "", "", func(status int, s said) { d.showKeys(w, r, in, status, keysView{staff: staff{said: s}}) })
		return
	}
	d.showKeys(w, r, in, http.StatusOK, keysView{Token: token, Made: k})
}

func (d *Door) revokeKey(w http.ResponseWriter, r *http.Request, in visit) {
	d.acted(w, r, d.office.RevokeKey(r.Context(), in.who, r.PathValue("key")), "/keys", "revoked",
		func(status int, s said) { d.showKeys(w, r, in, status, keysView{staff: staff{said: s}}) })
}

type sharesView struct {
	staff
	Shares   []account.Share
	Embed    said // of the form of tokens
	Link     string
	Token    string
	Snippet  string
	Until    string
	Metrics  []metricBox
	Everyone bool // one may make all tokens worth nothing
	Now      time.Time
}

// metricBox is a metric to tick.
type metricBox struct {
	Name    metric.Name
	Title   string
	Checked bool
}

func (d *Door) shares(w http.ResponseWriter, r *http.Request, in visit) {
	d.showShares(w, r, in, http.StatusOK, sharesView{staff: staff{said: read(in.tongue, r)}})
}

// showShares fills the view in.
func (d *Door) showShares(w http.ResponseWriter, r *http.Request, in visit, status int, v sharesView) {
	var err error
	if v.staff, err = d.staff(r, in, v.said); err == nil {
		v.Shares, err = d.office.Shares(r.Context(), in.who)
	}
	if err != nil {
		d.noControl(w, err)
		return
	}
	slices.Reverse(v.Shares)
	v.Now, v.Everyone = d.Now(), in.who.May(account.ChangePeople, "")
	v.Sites = slices.DeleteFunc(v.Sites, func(c choice) bool { return c.ID == "" }) // a share is of one site
	for _, m := range metric.Names {
		ticked := v.Embed.In == nil && (m == metric.Visitors || m == metric.PageViews) || slices.Contains(v.Embed.In["metric"], string(m))
		v.Metrics = append(v.Metrics, metricBox{m, in.metricTitle(m), ticked})
	}
	d.show(w, status, "shares.html", in, v)
}

// addShare makes a link that shows a site. It is shown this once.
func (d *Door) addShare(w http.ResponseWriter, r *http.Request, in visit) {
	s := account.Share{Site: r.PostFormValue("site"), Name: r.PostFormValue("name")}
	var token string
	var err error
	if s.Expires, err = d.expiry(r); err == nil {
		token, s, err = d.office.AddShare(r.Context(), in.who, s)
	}
	if err != nil {
		d.acted(w, r, err, "", "", func(status int, s said) { d.showShares(w, r, in, status, sharesView{staff: staff{said: s}}) })
		return
	}
	d.showShares(w, r, in, http.StatusOK, sharesView{Link: d.origin(r) + "/share/" + token})
}

func (d *Door) revokeShare(w http.ResponseWriter, r *http.Request, in visit) {
	d.acted(w, r, d.office.RevokeShare(r.Context(), in.who, r.PathValue("share")), "/shares", "revoked",
		func(status int, s said) { d.showShares(w, r, in, status, sharesView{staff: staff{said: s}}) })
}

// signEmbed signs a token and shows it in a snippet, this once.
func (d *Door) signEmbed(w http.ResponseWriter, r *http.Request, in visit) {
	e := account.Embed{Site: r.PostFormValue("site")}
	var err error
	e.Affiliate, err = d.earner(r, in)
	for _, name := range r.PostForm["metric"] {
		m, unknown := metric.Parse(name)
		if unknown != nil {
			err = event.Invalid("metrics", "are not among those below")
		}
		e.Metrics = append(e.Metrics, string(m))
	}
	if err == nil {
		e.Expires, err = d.expiry(r)
	}
	var token string
	if err == nil {
		token, err = d.office.SignEmbed(r.Context(), in.who, e)
	}
	if err != nil {
		d.acted(w, r, err, "", "", func(status int, s said) { d.showShares(w, r, in, status, sharesView{Embed: s}) })
		return
	}
	d.showShares(w, r, in, http.StatusOK, sharesView{Embed: said{In: r.PostForm}, Token: token, Snippet: snippet(d.origin(r), token, e.Site, e.Metrics), Until: in.Date(e.Expires.UTC(), minute)})
}

func (d *Door) renewEmbed(w http.ResponseWriter, r *http.Request, in visit) {
	d.acted(w, r, d.office.RenewEmbed(r.Context(), in.who), "/shares", "renewed",
		func(status int, s said) { d.showShares(w, r, in, status, sharesView{Embed: s}) })
}

// ends spells until when a key or share holds.
func (l tongue) ends(at, now time.Time) string {
	switch {
	case at.IsZero():
		return l.Say("never")
	case !at.After(now):
		return l.Say("ended")
	}
	return l.Date(at.UTC(), "2 January 2006")
}
