package dash

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/event"
)

// choice is a site in a list to choose from; its ID is "" for every site.
type choice struct{ ID, Domain string }

// said is what a page says of a form that came, and what was typed into it.
type said struct {
	Problem, Done string
	Field         string // that the problem is of
	In            url.Values
}

// status is how a page is answered that says so.
func (s said) status() int {
	if s.Problem != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// staff is what pages about people and access have in common.
type staff struct {
	said
	Sites  []choice // whose people, keys and shares are one's to change
	Picked string   // id of one of them
	names  map[string]string
}

// staff finds the sites that are one's to change, and the one that the request
// names. Every site is the first of them for whose are all.
func (d *Door) staff(r *http.Request, in visit, s said) (v staff, err error) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		return v, err
	}
	v = staff{said: s, names: map[string]string{"": in.Say("every site")}}
	if in.who.May(account.ChangePeople, "") {
		v.Sites = append(v.Sites, choice{"", in.Say("every site")})
	}
	for _, s := range sites {
		v.names[s.ID] = s.Domain
		if in.who.May(account.ChangePeople, s.ID) {
			v.Sites = append(v.Sites, choice{s.ID, s.Domain})
		}
	}
	v.Picked = r.FormValue("site")
	if len(v.Sites) > 0 && !slices.ContainsFunc(v.Sites, func(c choice) bool { return c.ID == v.Picked }) {
		v.Picked = v.Sites[0].ID
	}
	return v, nil
}

// Site is how people call a site.
func (v staff) Site(id string) string { return cmp.Or(v.names[id], id) }

// done are what a page says after something was done, by the name in the URL.
var done = map[string]key{
	"role": "The role is set.", "taken": "The role is taken away.", "disabled": "Disabled, and logged out everywhere.", "enabled": "Enabled: may log in again.",
	"logged-out": "Logged out everywhere. Links that were not used yet are worth nothing now.", "removed": "Removed, with roles and sessions.",
	"revoked": "Revoked. It is worth nothing from now on.", "renewed": "No token of before is valid any more. Sign others.",
	"recounting": "The recount has begun.", "site": "The site is added.", "settings": "The settings are in force.", "kept": "That is kept from now on.",
	"subscribed": "The report is sent from now on. The first one is of the period that runs now.", "unsubscribed": "This report is sent no more.",
	"note": "The note is kept.", "note-removed": "The note is removed.",
	"filters": "The filters are kept.", "filters-removed": "The filters are removed.",
	"funnel": "The funnel is kept under this name.", "funnel-removed": "The funnel is removed.",
	"goal": "The goal is kept. It is counted from the events that are kept, so it tells of the past, too.", "goal-removed": "The goal is removed. What was counted is still in the events: define it again, and its figures are back.",
}

// read is what a page says that was asked for by its address.
func read(l tongue, r *http.Request) said { return said{Done: l.Say(done[r.URL.Query().Get("done")])} }

// go303 goes on to a page that says what was done.
func go303(w http.ResponseWriter, r *http.Request, path, what string) {
	to := url.Values{}
	if what != "" {
		to.Set("done", what)
	}
	if came := r.PostFormValue("came"); came != "" && r.PathValue("site") == "" {
		to.Set("site", came)
	}
	if len(to) > 0 {
		path += "?" + to.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// acted goes on after something was done to a person, key or share. What was
// not there is another page; else again shows the page with what was wrong.
func (d *Door) acted(w http.ResponseWriter, r *http.Request, err error, path, what string, again func(status int, s said)) {
	status, why := saidTo(tongueOf(w), err)
	switch {
	case err == nil:
		go303(w, r, path, what)
	case errors.Is(err, account.ErrNotFound):
		d.refuse(w, http.StatusNotFound, "That is not there, or not yours to change. Somebody else may have changed it meanwhile.")
	case why == "":
		d.noControl(w, err)
	default:
		again(status, said{Problem: why, In: r.PostForm, Field: fieldOf(err)})
	}
}

// fieldOf is the field that was wrong; "" is none.
func fieldOf(err error) string {
	if invalid, ok := errors.AsType[*event.InvalidError](err); ok {
		return invalid.Field
	}
	return ""
}

type peopleView struct {
	staff
	Members      []account.Member
	All          int // without a search
	Search       string
	Older, Newer string         // addresses of the pages beside this one
	Link         string         // that sets a password, shown once
	For          account.Member // whom it is for
	Ended        bool           // whose password of before has ended
	Roles        []account.Role // to choose from
	Days         int            // that the link works
	Letter       letter         // with the link
}

// pageOf is how many people a page lists.
const pageOf = 50

// given are the roles to choose from: who is an affiliate, the programme says.
var given = []account.Role{account.Viewer, account.Admin, account.Owner}

func (d *Door) people(w http.ResponseWriter, r *http.Request, in visit) {
	d.showPeople(w, r, in, http.StatusOK, peopleView{staff: staff{said: read(in.tongue, r)}})
}

// showPeople fills the view in.
func (d *Door) showPeople(w http.ResponseWriter, r *http.Request, in visit, status int, v peopleView) {
	var err error
	if v.staff, err = d.staff(r, in, v.said); err == nil {
		v.Members, err = d.office.Members(r.Context(), in.who, v.Picked)
	}
	if err != nil {
		d.noControl(w, err)
		return
	}
	v.All, v.Roles, v.Search = len(v.Members), given, strings.TrimSpace(r.URL.Query().Get("search"))
	search := strings.ToLower(v.Search)
	v.Members = slices.DeleteFunc(v.Members, func(m account.Member) bool { return !strings.Contains(strings.ToLower(m.Name+"\n"+m.Email), search) })
	at, _ := strconv.Atoi(r.URL.Query().Get("page"))
	at = min(max(at, 0), max(0, len(v.Members)-1)/pageOf)
	beside := func(page int) string {
		return "/people?" + url.Values{"site": {v.Picked}, "search": {v.Search}, "page": {strconv.Itoa(page)}}.Encode()
	}
	if at > 0 {
		v.Newer = beside(at - 1)
	}
	if len(v.Members) > (at+1)*pageOf {
		v.Older = beside(at + 1)
	}
	v.Members = v.Members[min(at*pageOf, len(v.Members)):min((at+1)*pageOf, len(v.Members))]
	d.show(w, status, "people.html", in, v)
}

// invite gives somebody a role. The link is shown this once, so there is no
// redirect.
func (d *Door) invite(w http.ResponseWriter, r *http.Request, in visit) {
	again := func(status int, s said) {
		d.showPeople(w, r, in, status, peopleView{staff: staff{said: s}})
	}
	g := account.Grant{Site: r.PostFormValue("site"), Role: account.Role(r.PostFormValue("role"))}
	made, err := d.office.Invite(r.Context(), in.who, account.Person{Email: r.PostFormValue("email"), Name: r.PostFormValue("name")}, g)
	if err != nil {
		d.acted(w, r, err, "", "", again)
		return
	}
	v := peopleView{For: made.Member, Ended: made.Ended, Days: days(made.Life)}
	if made.Token != "" {
		v.Link, v.Letter = d.origin(r)+"/password?link="+made.Token, d.letter(r, made, g)
	} else if v.Done = in.Say("{person} has the role now.", made.Email); !made.Invited {
		v.Done += " " + in.Say("Who has a password already needs no link.")
	} else {
		v.Done += " " + in.Say("A link to set a password is for an owner of every site on which this person has a role.")
	}
	d.showPeople(w, r, in, http.StatusOK, v)
}

// letter is what a page says of the letter with a link that it shows.
type letter struct {
	Sent    bool
	Problem string // why it could not be sent
}

func (d *Door) letter(r *http.Request, made account.Invited, g account.Grant) (l letter) {
	if d.Letter != nil {
		l.Problem = d.Letter(r.Context(), made, g)
		l.Sent = l.Problem == ""
	}
	return l
}

func days(life time.Duration) int { return int(life / (24 * time.Hour)) }

type personView struct {
	staff
	Member  account.Member
	Roles   []account.Role
	Changes []account.Grant // that are one's to change
	Others  []account.Grant // that are not
	Free    []choice        // sites on which there is no role yet
	Self    bool
	Whole   bool
	Link    string // that sets a password, shown once
	Ended   bool   // the password of before has ended
	Days    int
	Letter  letter // with the link
}

func (d *Door) onePerson(w http.ResponseWriter, r *http.Request, in visit) {
	d.showPerson(w, r, in, http.StatusOK, personView{staff: staff{said: read(in.tongue, r)}})
}

// showPerson fills the view in.
func (d *Door) showPerson(w http.ResponseWriter, r *http.Request, in visit, status int, v personView) {
	var err error
	if v.staff, err = d.staff(r, in, v.said); err == nil {
		v.Member, err = d.office.Member(r.Context(), in.who, r.PathValue("person"))
	}
	if err != nil {
		d.acted(w, r, err, "", "", nil)
		return
	}
	v.Roles, v.Self, v.Whole = given, in.person.ID == v.Member.ID, v.Member.Whole(in.who)
	for _, g := range v.Member.Roles {
		if in.who.May(account.ChangePeople, g.Site) && !v.Self {
			v.Changes = append(v.Changes, g)
		} else if v.Self || g.Site == "" || v.Whole {
			v.Others = append(v.Others, g)
		}
	}
	v.Free = slices.DeleteFunc(v.Sites, func(c choice) bool { return v.Member.Role(c.ID) != "" })
	d.show(w, status, "person.html", in, v)
}

// toPerson does something to the person whom the path names.
func (d *Door) toPerson(w http.ResponseWriter, r *http.Request, in visit, err error, what string) {
	d.acted(w, r, err, "/people/"+r.PathValue("person"), what, func(status int, s said) {
		d.showPerson(w, r, in, status, personView{staff: staff{said: s}})
	})
}

func (d *Door) setRole(w http.ResponseWriter, r *http.Request, in visit) {
	g := account.Grant{Person: r.PathValue("person"), Site: r.PostFormValue("site"), Role: account.Role(r.PostFormValue("role"))}
	made, err := d.office.SetRole(r.Context(), in.who, g)
	if err != nil || made.Token == "" {
		d.toPerson(w, r, in, err, "role")
		return
	}
	d.showPerson(w, r, in, http.StatusOK, personView{Link: d.origin(r) + "/password?link=" + made.Token, Ended: made.Ended, Days: days(made.Life), Letter: d.letter(r, made, g)})
}

// takeRole takes a role away. Who has none left that one may see is not shown
// again.
func (d *Door) takeRole(w http.ResponseWriter, r *http.Request, in visit) {
	m, err := d.office.TakeRole(r.Context(), in.who, r.PathValue("person"), r.PostFormValue("site"))
	if err == nil {
		if _, gone := d.office.Member(r.Context(), in.who, m.ID); errors.Is(gone, account.ErrNotFound) {
			go303(w, r, "/people", "taken")
			return
		}
	}
	d.toPerson(w, r, in, err, "taken")
}

func (d *Door) switchPerson(w http.ResponseWriter, r *http.Request, in visit) {
	off := r.PostFormValue("disabled") == "true"
	what := "enabled"
	if off {
		what = "disabled"
	}
	_, err := d.office.Switch(r.Context(), in.who, r.PathValue("person"), off)
	d.toPerson(w, r, in, err, what)
}

func (d *Door) logOutPerson(w http.ResponseWriter, r *http.Request, in visit) {
	d.toPerson(w, r, in, d.office.LogOut(r.Context(), in.who, r.PathValue("person")), "logged-out")
}

// resetPerson shows a link to another password; it is shown this once.
func (d *Door) resetPerson(w http.ResponseWriter, r *http.Request, in visit) {
	made, err := d.office.Reset(r.Context(), in.who, r.PathValue("person"), r.PostFormValue("totp") == "off")
	if err != nil {
		d.toPerson(w, r, in, err, "")
		return
	}
	d.showPerson(w, r, in, http.StatusOK, personView{Link: d.origin(r) + "/password?link=" + made.Token, Days: days(made.Life), Letter: d.letter(r, made, account.Grant{})})
}

func (d *Door) removePerson(w http.ResponseWriter, r *http.Request, in visit) {
	err := d.office.Remove(r.Context(), in.who, r.PathValue("person"))
	d.acted(w, r, err, "/people", "removed", func(status int, s said) {
		d.showPerson(w, r, in, status, personView{staff: staff{said: s}})
	})
}
