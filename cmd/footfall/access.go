package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/api"
)

// loginLife is how long a link that logs in works.
const loginLife = time.Hour

// publicOrigin is the scheme and host of public-url; "" is none.
func (c config) publicOrigin() string {
	u, err := url.Parse(c.values["public-url"])
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// note adds a line to the audit log: whoever has the socket is the operator.
func (k *control) note(r *http.Request, what, target, before, now string) error {
	return k.h.control.Record(r.Context(), account.Change{Who: account.Operator().Name, What: what, Target: target, Old: before, New: now})
}

// settingsOf are the settings of a site in which it differs from another, for
// the audit log: without secrets, and a webhook without what stands behind its
// question mark, which may be one.
func settingsOf(s, other account.Site) string {
	var all []string
	add := func(name string, value, was any) {
		if text := fmt.Sprint(value); text != fmt.Sprint(was) {
			all = append(all, name+" "+text)
		}
	}
	add("domain", s.Domain, other.Domain)
	add("timezone", s.Zone, other.Zone)
	add("currency", s.Currency, other.Currency)
	add("dnt", s.DNT, other.DNT)
	add("origins", strings.Join(s.Origins, " "), strings.Join(other.Origins, " "))
	add("history", s.History, other.History)
	add("keep-events", s.Keep, other.Keep)
	add("public", account.SpellParts(s.Public), account.SpellParts(other.Public))
	if s.Webhook != other.Webhook || s.WebhookSecret != other.WebhookSecret {
		at, _, _ := strings.Cut(s.Webhook, "?")
		all = append(all, "webhook "+cmp.Or(at, "off"))
	}
	return strings.Join(all, ", ")
}

// nameSegments names versions of segments.
func nameSegments(all []api.Segment) string {
	var names []string
	for _, s := range all {
		names = append(names, fmt.Sprintf("%s version %d", s.Name, s.Version))
	}
	return strings.Join(names, ", ")
}

// reached is the address of a path of the server; "" if it is not known.
func (k *control) reached(path string) string {
	if base := k.h.public(); base != "" {
		return base + path
	}
	return ""
}

// person finds who a command is about.
func (k *control) person(r *http.Request) (account.Person, error) {
	p, err := k.h.control.Person(r.Context(), r.FormValue("name-of"))
	if errors.Is(err, account.ErrNotFound) {
		err = fmt.Errorf("there is no person %q; footfall user list tells who there is", r.FormValue("name-of"))
	}
	return p, err
}

// office is where people, keys and shares are changed. Whoever has the socket is
// the operator.
func (k *control) office() *account.Office { return account.NewOffice(k.h.control, nil) }

// addUser adds a person who is not there yet, and a role.
func (k *control) addUser(w http.ResponseWriter, r *http.Request) error {
	site, err := k.anySite(r)
	if err != nil {
		return err
	}
	p := account.Person{Email: r.FormValue("name-of"), Name: r.FormValue("name")}
	g := account.Grant{Site: site, Role: account.Role(cmp.Or(r.FormValue("role"), string(account.Viewer)))}
	made, err := k.office().Invite(r.Context(), account.Operator(), p, g)
	if err != nil {
		return err
	}
	return k.answerLink(w, r, made, g)
}

// answerLink answers with a link that sets a password, if there is one, and sends
// it if mail is sent: to who is invited by a grant, or to who forgot the password.
func (k *control) answerLink(w http.ResponseWriter, r *http.Request, made account.Invited, g account.Grant) error {
	out := invited{Member: made.Member, Ended: made.Ended}
	if made.Token != "" {
		out.Path = "/password?link=" + made.Token
		out.URL = k.reached(out.Path)
		out.mailed = k.h.sendInvited(r.Context(), made, g)
	}
	return answer(w, out)
}

func (k *control) resetUser(w http.ResponseWriter, r *http.Request) error {
	p, err := k.person(r)
	if err != nil {
		return err
	}
	made, err := k.office().Reset(r.Context(), account.Operator(), p.ID, r.FormValue("totp") == "true")
	if err != nil {
		return err
	}
	return k.answerLink(w, r, made, account.Grant{})
}

func (k *control) listUsers(w http.ResponseWriter, r *http.Request) error {
	all, err := k.office().Members(r.Context(), account.Operator(), "")
	if err != nil {
		return err
	}
	return answer(w, append([]account.Member{}, all...))
}

// removeUser removes a person, or the role on a site; "all" is the one on
// every site.
func (k *control) removeUser(w http.ResponseWriter, r *http.Request) error {
	p, err := k.person(r)
	if err != nil {
		return err
	}
	site := r.FormValue("site")
	switch site {
	case "":
		if err := k.office().Remove(r.Context(), account.Operator(), p.ID); err != nil {
			return err
		}
		return answer(w, account.Member{Person: p})
	case "all":
		site = ""
	default:
		if site, err = k.anySite(r); err != nil {
			return err
		}
	}
	m, err := k.office().TakeRole(r.Context(), account.Operator(), p.ID, site)
	if errors.Is(err, account.ErrNotFound) {
		grants, err := k.h.control.Grants(r.Context(), p.ID)
		return cmp.Or(err, fmt.Errorf("%s has no role there: is %s", p.Email, cmp.Or(account.SpellRoles(grants), "nobody on any site")))
	}
	if err != nil {
		return err
	}
	return answer(w, m)
}

// switchUser disables or enables a person.
func (k *control) switchUser(w http.ResponseWriter, r *http.Request) error {
	p, err := k.person(r)
	if err != nil {
		return err
	}
	m, err := k.office().Switch(r.Context(), account.Operator(), p.ID, strings.HasSuffix(r.URL.Path, "disable"))
	if err != nil {
		return err
	}
	return answer(w, m)
}

func (k *control) login(w http.ResponseWriter, r *http.Request) error {
	if k.h.address == "" {
		dir := k.h.c.values["data"]
		return fmt.Errorf("no server runs on %s; start one, which prints a link, with: footfall serve --data %s", dir, dir)
	}
	var p account.Person
	if r.FormValue("name-of") != "" {
		var err error
		if p, err = k.person(r); err != nil {
			return err
		}
	}
	token, err := k.h.control.AddLink(r.Context(), account.ForLogin, p.ID, loginLife)
	if err != nil {
		return err
	}
	path := "/login?link=" + token
	return answer(w, map[string]string{"path": path, "url": k.h.address + path})
}

// expiry reads a number of days from now; zero is never.
func expiry(r *http.Request) (time.Time, error) {
	text := r.FormValue("expires")
	if text == "" {
		return time.Time{}, nil
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > 36500 {
		return time.Time{}, fmt.Errorf("expires: %q is not a number of days such as 90", text)
	}
	return time.Now().AddDate(0, 0, days), nil
}

// scopes reads what a key may do: by scopes, or by the role of older versions.
func scopes(r *http.Request) (all []account.Scope, err error) {
	role := r.FormValue("role")
	named, known := account.RoleScopes[role]
	if role != "" && !known {
		return nil, fmt.Errorf("role: %q is unknown: use --scope, such as read, orders", role)
	}
	all = append(all, named...)
	for scope := range strings.FieldsFuncSeq(r.FormValue("scope"), func(c rune) bool { return c == ',' || c == ' ' }) {
		all = append(all, account.Scope(scope))
	}
	if len(all) == 0 {
		all = []account.Scope{account.Read}
	}
	return all, nil
}

func (k *control) addKey(w http.ResponseWriter, r *http.Request) error {
	site, err := k.anySite(r)
	if err != nil {
		return err
	}
	may, err := scopes(r)
	if err != nil {
		return err
	}
	ends, err := expiry(r)
	if err != nil {
		return err
	}
	for _, scope := range may {
		if id, of := strings.CutPrefix(string(scope), account.OfAffiliate); of && id != "" {
			if _, err := k.h.desk.Affiliate(r.Context(), id); err != nil {
				return fmt.Errorf("scope %s: %w; footfall affiliate list shows their ids", scope, err)
			}
		}
	}
	token, key, err := k.office().AddKey(r.Context(), account.Operator(), account.Key{Site: site, Scopes: may, Expires: ends})
	if err != nil {
		return err
	}
	return answer(w, madeKey{token, key})
}

func (k *control) listKeys(w http.ResponseWriter, r *http.Request) error {
	all, err := k.h.control.Keys(r.Context())
	if err != nil {
		return err
	}
	return answer(w, append([]account.Key{}, all...))
}

func (k *control) revokeKey(w http.ResponseWriter, r *http.Request) error {
	return k.revoke(w, r, "key", k.office().RevokeKey(r.Context(), account.Operator(), r.FormValue("name-of")))
}

// revoke tells that something was taken back, or that it was not there.
func (k *control) revoke(w http.ResponseWriter, r *http.Request, thing string, err error) error {
	name := r.FormValue("name-of")
	if errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("there is no %s %q; footfall %s list tells which there are", thing, name, thing)
	}
	if err != nil {
		return err
	}
	return answer(w, map[string]string{"revoked": name})
}

func (k *control) addShare(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	ends, err := expiry(r)
	if err != nil {
		return err
	}
	token, share, err := k.office().AddShare(r.Context(), account.Operator(), account.Share{Site: site.ID, Name: r.FormValue("name"), Expires: ends})
	if err != nil {
		return err
	}
	path := "/share/" + token
	return answer(w, madeShare{share, path, k.reached(path)})
}

func (k *control) listShares(w http.ResponseWriter, r *http.Request) error {
	all, err := k.h.control.Shares(r.Context())
	if err != nil {
		return err
	}
	return answer(w, append([]account.Share{}, all...))
}

func (k *control) revokeShare(w http.ResponseWriter, r *http.Request) error {
	return k.revoke(w, r, "share", k.office().RevokeShare(r.Context(), account.Operator(), r.FormValue("name-of")))
}

func (k *control) listChanges(w http.ResponseWriter, r *http.Request) error {
	limit, err := strconv.Atoi(cmp.Or(r.FormValue("limit"), "0"))
	if err != nil {
		return err
	}
	all, err := k.h.control.Changes(r.Context(), account.ChangeFilter{Limit: limit})
	if err != nil {
		return err
	}
	return answer(w, append([]account.Change{}, all...))
}
