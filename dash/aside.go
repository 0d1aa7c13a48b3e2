package dash

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
)

// AsideFilter says which items are listed.
type AsideFilter struct {
	ID     uint64 // that one alone
	Reader string // who refused it; "" is everybody
	Limit  int
}

// AsideItem is an event that could not be stored, or what a door could not read.
type AsideItem struct {
	ID             uint64
	Reader, Reason string
	At             time.Time
	Site           string // domain; "" is not known
	Event          any    // as JSON has it; nil if none could be read
	Raw            string // what a door got, in that case
}

// Redrivable reports whether it can be tried again.
func (i AsideItem) Redrivable() bool { return i.Event != nil }

// Refuser is who refused it, as the drawing of the server calls that.
func (i AsideItem) Refuser() key { return refuser(i.Reader) }

// Title is the refuser's.
func (r asideReader) Title() key { return refuser(r.Name) }

// refuser names a reader, or who takes events in.
func refuser(reader string) key {
	title, ok := map[string]key{"collect": "Doors", "import": "Import", "store": "Event store", "archive": "Archive", "ledger": "Ledger"}[reader]
	if !ok {
		return key(reader)
	}
	return title
}

// AsideMove redrives or drops items: those of IDs or, without any, all that a reader
// refused; "" is all of everybody.
type AsideMove struct {
	Drop   bool
	IDs    []uint64
	Reader string
}

// asideListed is how many items a page lists.
const asideListed = 100

type asideView struct {
	said
	Reader  string
	Readers []asideReader
	Items   []AsideItem
	More    uint64 // that are not listed
	Changes bool
	One     *AsideItem
	Text    string // of it, as it is kept
}

// Redrivable reports whether any of the items can be tried again.
func (v asideView) Redrivable() bool { return slices.ContainsFunc(v.Items, AsideItem.Redrivable) }

// Refuser is whose items alone are listed.
func (v asideView) Refuser() key { return refuser(v.Reader) }

// asideReader is who refused something.
type asideReader struct {
	Name    string
	N       uint64
	Current bool
}

func (d *Door) aside(w http.ResponseWriter, r *http.Request, in visit) {
	d.showAside(w, r, in, http.StatusOK, asideView{said: read(in.tongue, r), Reader: r.URL.Query().Get("reader")})
}

// showAside fills the view in.
func (d *Door) showAside(w http.ResponseWriter, r *http.Request, in visit, status int, v asideView) {
	p, err := d.Operations.Pipeline(r.Context())
	if err == nil {
		v.Items, err = d.Operations.Aside(r.Context(), AsideFilter{Reader: v.Reader, Limit: asideListed})
	}
	if err != nil {
		d.unreadable(w, err)
		return
	}
	all := uint64(0)
	for name, n := range p.Aside {
		if n > 0 {
			v.Readers = append(v.Readers, asideReader{name, n, name == v.Reader})
		}
		if v.Reader == "" || v.Reader == name {
			all += n
		}
	}
	slices.SortFunc(v.Readers, func(a, b asideReader) int { return int(b.N) - int(a.N) })
	v.More, v.Changes = all-min(all, uint64(len(v.Items))), in.who.MaySomewhere(account.ChangeServer)
	d.show(w, status, "aside.html", in, v)
}

// asideOne shows an item whole.
func (d *Door) asideOne(w http.ResponseWriter, r *http.Request, in visit) {
	id, err := strconv.ParseUint(r.PathValue("item"), 10, 64)
	var items []AsideItem
	if err == nil {
		items, err = d.Operations.Aside(r.Context(), AsideFilter{ID: id})
	} else {
		err = account.ErrNotFound
	}
	if errors.Is(err, account.ErrNotFound) || err == nil && len(items) == 0 {
		d.refuse(w, http.StatusNotFound, "That is not set aside any more: it was redriven or dropped.")
		return
	}
	v := asideView{Changes: in.who.MaySomewhere(account.ChangeServer)}
	if err == nil {
		v.One, v.Text = &items[0], items[0].Raw
		if items[0].Event != nil {
			var text strings.Builder
			form := json.NewEncoder(&text)
			form.SetEscapeHTML(false) // the template escapes it
			form.SetIndent("", "  ")
			err = form.Encode(items[0].Event)
			v.Text = text.String()
		}
	}
	if err != nil {
		d.unreadable(w, err)
		return
	}
	d.show(w, http.StatusOK, "aside.html", in, v)
}

// moveAside redrives or drops what the form ticks, or all.
func (d *Door) moveAside(w http.ResponseWriter, r *http.Request, in visit) {
	m := AsideMove{Drop: r.PostFormValue("do") == "drop", Reader: r.PostFormValue("reader")}
	for _, text := range r.PostForm["item"] {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			d.refuse(w, http.StatusBadRequest, "This form is not one of this page.")
			return
		}
		m.IDs = append(m.IDs, id)
	}
	v := asideView{Reader: m.Reader}
	if len(m.IDs) == 0 && r.PostFormValue("all") == "" {
		v.Problem = in.Say("Nothing is ticked, so nothing was done.")
		d.showAside(w, r, in, http.StatusUnprocessableEntity, v)
		return
	}
	n, err := d.Operations.MoveAside(r.Context(), in.who, m)
	if err != nil {
		v.Problem = in.Say("That did not work: {why}", err.Error())
		d.showAside(w, r, in, http.StatusUnprocessableEntity, v)
		return
	}
	what := key("{n} items redriven: what is still listed was refused again.")
	if m.Drop {
		what = "{n} items dropped for good."
	}
	v.Done = in.Say(what, n)
	d.showAside(w, r, in, http.StatusOK, v)
}

// unreadable says that what the server keeps can't be read just now.
func (d *Door) unreadable(w http.ResponseWriter, err error) {
	d.Log.Error("dash: the server's own data can't be read", "error", err)
	d.refuse(w, http.StatusServiceUnavailable, "That can't be read just now. Load this page again in a while; the reason is in the server's log.")
}
