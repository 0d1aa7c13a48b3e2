package dash

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"footfall/account"
	"footfall/event"
	"footfall/period"
)

type notesView struct {
	frame
	said
	Notes  []noteRow
	Change bool // one may write notes
	Today  string
	Self   string // where the form is sent
	Edited string // id of the note that is changed; "" is a new one
}

// noteRow is a note as a list has it.
type noteRow struct {
	account.Note
	When, By, Remove string
	Edit             string // the form, with the note in it
	Chart            string // the day's figures
}

// notes is the page of a site's notes, the newest first.
func (d *Door) notes(w http.ResponseWriter, r *http.Request, in visit) {
	if s, sites, ok := d.stateOf(w, r, in); ok {
		d.showNotes(w, r, in, s, sites, read(in.tongue, r))
	}
}

// showNotes fills the view in.
func (d *Door) showNotes(w http.ResponseWriter, r *http.Request, in visit, s state, sites []account.Site, told said) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	all, err := d.Notes.Notes(ctx, s.site.ID)
	if err != nil {
		d.noControl(w, err)
		return
	}
	slices.Reverse(all)
	x := d.span(ctx, s)
	v := notesView{frame: d.frame(in, s, x, sites), said: told, Change: in.who.May(account.ChangeSite, s.site.ID), Today: d.Now().In(x.zone).Format(time.DateOnly), Self: s.href()}
	v.Tools.Compare = nil // with nothing
	names := map[string]string{}
	for _, n := range all {
		if _, known := names[n.Who]; !known {
			if names[n.Who], err = d.writer(ctx, in, n); err != nil {
				d.noControl(w, err)
				return
			}
		}
		v.Notes = append(v.Notes, s.noteRow(n, names[n.Who], x.zone))
		if n.ID == cmp.Or(told.In.Get("note"), r.URL.Query().Get("edit")) {
			v.edit(n, x.zone)
		}
	}
	d.show(w, told.status(), "notes.html", in, v)
}

// edit puts a note into the form, unless somebody has typed there.
func (v *notesView) edit(n account.Note, zone *time.Location) {
	if v.Edited = n.ID; v.In != nil {
		return
	}
	at, whole := n.At(zone)
	v.In = url.Values{"day": {at.In(zone).Format(time.DateOnly)}, "text": {n.Text}}
	if !whole {
		v.In.Set("time", at.In(zone).Format("15:04"))
	}
}

// noteRow is a note as a list has it.
func (s state) noteRow(n account.Note, by string, zone *time.Location) noteRow {
	at, whole := n.At(zone)
	row := noteRow{Note: n, When: s.Date(at.In(zone), "Monday 2 January 2006"), By: by}
	if !whole {
		row.When += at.In(zone).Format(", 15:04")
	}
	row.Edit = s.with("edit", n.ID).href() + "#write"
	bare := s
	bare.more, bare.base = nil, "/notes/"+url.PathEscape(n.ID)+"/remove"
	row.Remove = bare.href()
	bare.base = "/"
	bare.from = period.DateOf(at, zone)
	bare.to = bare.from + 1
	row.Chart = bare.href()
	return row
}

// writer names who wrote a note, as recipient does who gets a report.
func (d *Door) writer(ctx context.Context, in visit, n account.Note) (string, error) {
	id, person := strings.CutPrefix(n.Who, "person ")
	if !person {
		return n.Who, nil
	}
	p, err := d.gate.Person(ctx, id)
	switch {
	case err != nil && !errors.Is(err, account.ErrNotFound):
		return "", err
	case p.Name != "":
		return p.Name, nil
	case p.Email != "" && (id == in.person.ID || in.who.May(account.ChangePeople, n.Site)):
		return p.Email, nil
	}
	return in.Say("somebody of the site"), nil
}

// noted is what a note says before it is changed, for the audit log; "" if that can't be read.
func (d *Door) noted(ctx context.Context, n account.Note) string {
	all, _ := d.Notes.Notes(ctx, n.Site)
	if at := slices.IndexFunc(all, func(was account.Note) bool { return was.ID == n.ID }); at >= 0 {
		return all[at].When + " " + all[at].Text
	}
	return ""
}

// changeNote puts another note in the place of one that is there. Where somebody has
// removed that meanwhile, what was written is kept all the same.
func (d *Door) changeNote(ctx context.Context, n account.Note, change *account.Change) (account.Note, error) {
	changed, err := d.Notes.ChangeNote(ctx, n)
	if errors.Is(err, account.ErrNotFound) {
		change.What, change.Old = "note add", ""
		return d.Notes.AddNote(ctx, n)
	}
	return changed, err
}

// addNote writes a note, or another in the place of one that is there.
func (d *Door) addNote(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.changing(w, r, in, "/notes")
	if !ok {
		return
	}
	n := account.Note{Site: s.site.ID, When: r.PostForm.Get("day"), Text: r.PostForm.Get("text"), Who: in.who.Name}
	var err error
	if clock := r.PostForm.Get("time"); clock != "" {
		var at time.Time
		if at, err = time.ParseInLocation("2006-01-02 15:04", n.When+" "+clock, s.site.Location()); err != nil {
			err = event.Invalid("time", "is one such as 14:30")
		}
		n.When = at.Format(time.RFC3339)
	}
	change := account.Change{What: "note add"}
	if err == nil {
		if n.ID = r.PostForm.Get("note"); n.ID != "" {
			change.What, change.Old = "note change", d.noted(r.Context(), n)
			n, err = d.changeNote(r.Context(), n, &change)
		} else {
			n, err = d.Notes.AddNote(r.Context(), n)
		}
	}
	change.Target, change.New = s.site.ID+" "+n.ID, n.When+" "+n.Text
	d.went(w, r, in, s, "note", change, err, func(told said) {
		d.showNotes(w, r, in, s, sites, told)
	})
}

// removeNote removes one.
func (d *Door) removeNote(w http.ResponseWriter, r *http.Request, in visit) {
	s, sites, ok := d.changing(w, r, in, "/notes")
	if !ok {
		return
	}
	id := r.PathValue("note")
	d.went(w, r, in, s, "note-removed", account.Change{What: "note remove", Target: s.site.ID + " " + id}, d.Notes.RemoveNote(r.Context(), s.site.ID, id), func(told said) {
		d.showNotes(w, r, in, s, sites, told)
	})
}

// isolated is a text in its own direction, if that may be another than the page's: what
// people write in Arabic or Hebrew would take what stands beside it along.
func isolated(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Arabic, unicode.Hebrew) }) {
		return "\u2068" + text + "\u2069"
	}
	return text
}

// mostMarked is how many notes a chart has, the newest.
const mostMarked = 24

// marked are the notes of the steps of a chart, and where there are more. A guest reads figures, and nothing that people wrote. Where notes can't be read
// the log says so.
func (d *Door) marked(ctx context.Context, s state, x span, points []point) (all []marked, besides link) {
	if d.Notes == nil || s.guest != nil {
		return nil, link{}
	}
	notes, err := d.Notes.Notes(ctx, s.site.ID)
	if err != nil && ctx.Err() == nil {
		d.Log.Error("dash: notes can't be read", "error", err)
	}
	texts, marks := make([][]string, len(points)), 0
	for _, n := range slices.Backward(notes) {
		at, whole := n.At(x.zone)
		step, exactly := slices.BinarySearchFunc(points, at, func(p point, at time.Time) int { return p.at.Compare(at) })
		if !exactly {
			step-- // the one it is in
		}
		if step < 0 || !at.Before(x.window.To) {
			continue
		}
		if marks++; marks > mostMarked {
			continue
		}
		format := key("2 January, 15:04: ")
		if whole {
			format = "2 January: "
		}
		texts[step] = append(texts[step], s.Date(at.In(x.zone), format)+isolated(n.Text))
	}
	for i, these := range texts {
		if slices.Reverse(these); len(these) > 0 {
			all = append(all, marked{part(float64(i)+0.5, len(points)), these, i})
		}
	}
	if marks > mostMarked {
		besides = link{Label: s.Say("and {n} older notes", marks-mostMarked), Href: along("/notes", s.site.ID)}
	}
	return all, besides
}
