package dash

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/language"
)

// Eraser takes persons out of what a site has. Both looking and erasing go on
// without a page; what was found is for who looked, and forgotten after a while.
type Eraser interface {
	Look(ctx context.Context, by account.Who, site account.Site, p Person) error // begins to look, and waits a moment
	// Erase begins to erase whom one looked for, and waits a moment. looked is when the
	// look began whose person that is: a later one may be for somebody else.
	Erase(ctx context.Context, by account.Who, site account.Site, looked time.Time) error
	Erasure(by account.Who, site string) Erasure
}

// Person is who is to be erased, by one of the ids.
type Person struct {
	User, Anonymous, Email, Order string
	Only                          bool // no links to other ids are followed
}

// Erasure is what was found of a person, or became of it.
type Erasure struct {
	Errand
	Person Person
	Erases bool     // it is more than a look
	Keys   []string // all ids that the person has
	Places []Place
	Left   []string // files that nobody can look into
}

// Nothing reports whether nothing was found of the person.
func (x Erasure) Nothing() bool {
	return len(x.Left) == 0 && !slices.ContainsFunc(x.Places, func(p Place) bool { return p.Count > 0 })
}

// Place is what there is in one of the places that keep events or what is made of them.
type Place struct {
	Name  language.Key
	Count uint64
	What  language.Key // becomes of it
	Args  []any        // in its braces
}

type dataView struct {
	siteTop
	Keep, History string // as they stand in the form
	Confirm       bool   // what is shortened takes the domain typed
	From, Last    string // days of the form that exports
}

func (d *Door) data(w http.ResponseWriter, r *http.Request, in visit) {
	if top, ok := d.ofSite(w, r, in, "data.html", account.ChangeSite); ok {
		d.showData(w, in, http.StatusOK, dataView{siteTop: top, Keep: orEmpty(top.Site.Keep), History: orEmpty(top.Site.History)})
	}
}

func (d *Door) showData(w http.ResponseWriter, in visit, status int, v dataView) {
	zone := v.Site.Location()
	if v.From == "" && v.Last == "" {
		v.Last = d.Now().In(zone).Format(time.DateOnly)
		v.From = d.Now().In(zone).AddDate(0, 0, -29).Format(time.DateOnly)
	}
	d.show(w, status, "data.html", in, v)
}

// orEmpty spells a number that may be none.
func orEmpty(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// changeKeep changes how long what is kept. Less than before takes the domain typed,
// as what goes does not come back.
func (d *Door) changeKeep(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofSite(w, r, in, "data.html", account.ChangeSite)
	if !ok {
		return
	}
	v := dataView{siteTop: top, Keep: strings.TrimSpace(r.PostFormValue("keep")), History: strings.TrimSpace(r.PostFormValue("history"))}
	again := func(status int, what said) {
		v.said = what
		d.showData(w, in, status, v)
	}
	s := top.Site
	var err error
	if s.Keep, err = length("keep", v.Keep); err == nil && v.Keep != "" && s.Keep == 0 {
		err = event.Invalid("keep", "is not 0, as that would be for ever: leave it empty for that")
	}
	if err == nil {
		s.History, err = length("history", v.History)
	}
	if err == nil && shortens(top.Site, s) && !strings.EqualFold(strings.TrimSpace(r.PostFormValue("domain")), s.Domain) {
		v.Confirm = true
		err = event.Invalid("domain", "must be typed, as less is kept from now on and what goes does not come back: write %s", s.Domain)
	}
	if err == nil {
		_, err = d.Setup.ChangeSite(r.Context(), in.who, s)
	}
	d.acted(w, r, err, "/sites/"+s.ID+"/privacy", "kept", again)
}

// shortens reports whether less is kept than before.
func shortens(was, now account.Site) bool {
	return now.History < was.History || now.Keep > 0 && (was.Keep == 0 || now.Keep < was.Keep)
}

// length reads a form's number; "" is 0.
func length(field, text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, event.Invalid(field, "is a whole number, or left empty")
	}
	return n, nil
}

// export hands a site's events over as a file.
func (d *Door) export(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofSite(w, r, in, "data.html", account.ReadVisitors)
	if !ok {
		return
	}
	v := dataView{siteTop: top, Keep: orEmpty(top.Site.Keep), History: orEmpty(top.Site.History), From: r.URL.Query().Get("from"), Last: r.URL.Query().Get("last")}
	begun := false
	err := d.Setup.Export(r.Context(), top.Site, untilLast(r.URL.Query()), func(name string) io.Writer {
		begun = true
		attach(w, "application/octet-stream", name)
		return w
	})
	switch {
	case err == nil && begun:
	case err == nil:
		v.said = said{Problem: in.Say("Nothing was exported: there are no events in these days. Choose others.")}
		d.showData(w, in, http.StatusUnprocessableEntity, v)
	case begun:
		panic(http.ErrAbortHandler) // the browser sees a broken transfer, not a short file
	default:
		v.said = said{Problem: in.Say("Nothing was exported: {why}.", err.Error())}
		d.showData(w, in, http.StatusUnprocessableEntity, v)
	}
}

// untilLast is what to export as the doors ask for it: up to the day after the last one
// of the form.
func untilLast(v url.Values) url.Values {
	if last, ok := dateOf(v.Get("last")); ok {
		v.Set("to", (last + 1).String())
	}
	return v
}

type eraseView struct {
	siteTop
	Erasure Erasure
	Kind    string
	ID      string
}

func (d *Door) erase(w http.ResponseWriter, r *http.Request, in visit) {
	if top, ok := d.ofEraser(w, r, in); ok {
		d.showErase(w, r, in, http.StatusOK, eraseView{siteTop: top})
	}
}

// ofEraser finds the site, for who may erase persons of it.
func (d *Door) ofEraser(w http.ResponseWriter, r *http.Request, in visit) (siteTop, bool) {
	if d.Eraser == nil {
		d.refuse(w, http.StatusNotFound, "Nobody is erased here.")
		return siteTop{}, false
	}
	return d.ofSite(w, r, in, "erase.html", account.ErasePerson)
}

func (d *Door) showErase(w http.ResponseWriter, r *http.Request, in visit, status int, v eraseView) {
	v.Erasure = d.Eraser.Erasure(in.who, v.Site.ID)
	if v.Erasure.Running() {
		w.Header().Set("Refresh", "3") // also without script
	}
	d.show(w, status, "erase.html", in, v)
}

// lookForPerson looks what there is of a person.
func (d *Door) lookForPerson(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofEraser(w, r, in)
	if !ok {
		return
	}
	v := eraseView{siteTop: top, Kind: r.PostFormValue("kind"), ID: strings.TrimSpace(r.PostFormValue("id"))}
	p := Person{Only: r.PostFormValue("only") != ""}
	var err error
	switch v.Kind {
	case "user":
		p.User = v.ID
	case "anonymous":
		p.Anonymous = v.ID
	case "email":
		p.Email = v.ID
	case "order":
		p.Order = v.ID
	}
	if p == (Person{Only: p.Only}) {
		err = event.Invalid("id", "is missing: say by what the person is known")
	} else {
		err = d.Eraser.Look(r.Context(), in.who, top.Site, p)
	}
	d.erased(w, r, in, v, err)
}

// eraseNow erases whom one looked for, when that was typed.
func (d *Door) eraseNow(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofEraser(w, r, in)
	if !ok {
		return
	}
	err := event.Invalid("confirm", "must be the word erase: nothing was erased")
	if strings.TrimSpace(r.PostFormValue("confirm")) == "erase" {
		err = d.Eraser.Erase(r.Context(), in.who, top.Site, lookBegan(r))
	}
	d.erased(w, r, in, eraseView{siteTop: top}, err)
}

// lookBegan is when the look began that a form would have done; a look of 1970 is none.
func lookBegan(r *http.Request) time.Time {
	began, _ := strconv.ParseInt(r.PostFormValue("looked"), 10, 64)
	return time.Unix(0, began)
}

// erased goes on to the page that tells what was found or done.
func (d *Door) erased(w http.ResponseWriter, r *http.Request, in visit, v eraseView, err error) {
	d.acted(w, r, err, "/sites/"+v.Site.ID+"/erase", "", func(status int, s said) {
		v.said = s
		d.showErase(w, r, in, status, v)
	})
}
