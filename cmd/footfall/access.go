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
	"footfall/mail"
)

// How long one-time links of commands live.
const (
	loginLife  = time.Hour
	inviteLife = 7 * 24 * time.Hour
	resetLife  = 24 * time.Hour
)

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

func (k *control) user(r *http.Request, p account.Person) (u user, err error) {
	u = user{Person: p, Roles: []account.Grant{}}
	grants, err := k.h.control.Grants(r.Context(), p.ID)
	if err != nil {
		return u, err
	}
	u.Roles = append(u.Roles, grants...)
	c, err := k.h.control.Credential(r.Context(), p.ID)
	u.TOTP = c.TOTP != nil
	return u, err
}

// addUser adds a person who is not there yet, and a role.
func (k *control) addUser(w http.ResponseWriter, r *http.Request) error {
	site, err := k.anySite(r)
	if err != nil {
		return err
	}
	g := account.Grant{Site: site, Role: account.Role(cmp.Or(r.FormValue("role"), string(account.Viewer)))}
	if err := account.CheckGrant(g); err != nil {
		return err
	}
	p, err := k.h.control.Person(r.Context(), r.FormValue("name-of"))
	if errors.Is(err, account.ErrNotFound) {
		p, err = k.h.control.AddPerson(r.Context(), account.Person{Email: r.FormValue("name-of"), Name: r.FormValue("name")})
	}
	if err != nil {
		return err
	}
	before, err := k.user(r, p)
	if err != nil {
		return err
	}
	g.Person = p.ID
	if err := k.h.control.PutGrant(r.Context(), g); err != nil {
		return err
	}
	out := invited{}
	if out.user, err = k.user(r, p); err != nil {
		return err
	}
	if err := k.note(r, "user add", p.Email, before.roles(), out.roles()); err != nil {
		return err
	}
	c, err := k.h.control.Credential(r.Context(), p.ID)
	if err != nil || c.Password != "" {
		return errors.Join(err, answer(w, out))
	}
	return k.answerLink(w, r, out, g)
}

// answerLink answers with a link that sets a password, and sends it if mail is
// sent: to who is invited by a grant, or to who forgot the password.
func (k *control) answerLink(w http.ResponseWriter, r *http.Request, out invited, g account.Grant) error {
	purpose, life, kind, about := account.ForInvite, inviteLife, mail.Invitation, mail.About{Role: string(g.Role), Life: "a week"}
	if g.Role == "" {
		purpose, life, kind, about.Life = account.ForReset, resetLife, mail.Reset, "a day"
	} else if g.Site != "" {
		site, err := k.h.sites.find(g.Site)
		if err != nil {
			return err
		}
		about.Site = site.Domain
	}
	token, err := k.h.control.AddLink(r.Context(), purpose, out.ID, life)
	if err != nil {
		return err
	}
	out.Path = "/password?link=" + token
	out.URL = k.reached(out.Path)
	out.mailed = k.h.send(r.Context(), kind, mail.Address{Name: out.Name, Email: out.Email}, out.Path, about)
	return answer(w, out)
}

func (k *control) resetUser(w http.ResponseWriter, r *http.Request) error {
	p, err := k.person(r)
	if err != nil {
		return err
	}
	what := "user reset"
	if r.FormValue("totp") == "true" {
		what = "user reset --totp"
		if err := k.h.control.SetTOTP(r.Context(), p.ID, nil, nil); err != nil {
			return err
		}
	}
	if err := k.note(r, what, p.Email, "", ""); err != nil {
		return err
	}
	out := invited{}
	if out.user, err = k.user(r, p); err != nil {
		return err
	}
	return k.answerLink(w, r, out, account.Grant{})
}

func (k *control) listUsers(w http.ResponseWriter, r *http.Request) error {
	people, err := k.h.control.People(r.Context())
	if err != nil {
		return err
	}
	all := []user{}
	for _, p := range people {
		u, err := k.user(r, p)
		if err != nil {
			return err
		}
		all = append(all, u)
	}
	return answer(w, all)
}

// removeUser removes a person, or the role on a site; "all" is the one on
// every site.
func (k *control) removeUser(w http.ResponseWriter, r *http.Request) error {
	p, err := k.person(r)
	if err != nil {
		return err
	}
	before, err := k.user(r, p)
	if err != nil {
		return err
	}
	after := user{Person: p}
	if site := r.FormValue("site"); site != "" {
		if site == "all" {
			site = ""
		} else if site, err = k.anySite(r); err != nil {
			return err
		}
		if err := k.h.control.RemoveGrant(r.Context(), p.ID, site); errors.Is(err, account.ErrNotFound) {
			return fmt.Errorf("%s has no role there: is %s", p.Email, cmp.Or(before.roles(), "nobody on any site"))
		} else if err != nil {
			return err
		}
		after, err = k.user(r, p)
	} else {
		err = k.h.control.RemovePerson(r.Context(), p.ID)
	}
	if err != nil {
		return err
	}
	if err := k.note(r, "user remove", p.Email, before.roles(), after.roles()); err != nil {
		return err
	}
	return answer(w, after)
}

// switchUser disables or enables a person.
func (k *control) switchUser(w http.ResponseWriter, r *http.Request) error {
	p, err := k.person(r)
	if err != nil {
		return err
	}
	p.Disabled = strings.HasSuffix(r.URL.Path, "disable")
	if err := k.h.control.UpdatePerson(r.Context(), p); err != nil {
		return err
	}
	if p.Disabled { // for good: who is enabled again logs in again
		if err := k.h.control.EndSessions(r.Context(), p.ID, ""); err != nil {
			return err
		}
	}
	if err := k.note(r, strings.ReplaceAll(r.URL.Path[1:], "/", " "), p.Email, "", ""); err != nil {
		return err
	}
	u, err := k.user(r, p)
	if err != nil {
		return err
	}
	return answer(w, u)
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
	token, key, err := k.h.control.AddKey(r.Context(), account.Key{Site: site, Scopes: may, Expires: ends})
	if err != nil {
		return err
	}
	if err := k.note(r, "key add", key.ID, "", spellScopes(key.Scopes)+" of "+cmp.Or(site, "every site")); err != nil {
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
	return k.revoke(w, r, "key", k.h.control.RevokeKey(r.Context(), r.FormValue("name-of")))
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
	if err := k.note(r, thing+" revoke", name, "", ""); err != nil {
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
	token, share, err := k.h.control.AddShare(r.Context(), account.Share{Site: site.ID, Name: r.FormValue("name"), Expires: ends})
	if err != nil {
		return err
	}
	if err := k.note(r, "share add", share.ID, "", site.ID); err != nil {
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
	return k.revoke(w, r, "share", k.h.control.RevokeShare(r.Context(), r.FormValue("name-of")))
}

func (k *control) listChanges(w http.ResponseWriter, r *http.Request) error {
	limit, err := strconv.Atoi(cmp.Or(r.FormValue("limit"), "0"))
	if err != nil {
		return err
	}
	all, err := k.h.control.Changes(r.Context(), limit)
	if err != nil {
		return err
	}
	return answer(w, append([]account.Change{}, all...))
}
