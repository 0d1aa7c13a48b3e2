package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/api"
)

var noteCommands = []command{
	{"note add", "TEXT [--when DAY|MOMENT] [--site S]", "write what happened, to be shown beside the figures: today, or on a day (2026-05-01) or at a moment (2026-05-01T14:30:00+02:00)", addNote},
	{"note list", "[--site S]", "list a site's notes", listNotes},
	{"note remove", "ID [--site S]", "remove a note", removeNote},
}

var noteFlags = map[string][][3]string{
	"note add":    {{"site", "", "site"}, {"when", "", "day (2026-05-01) or moment (RFC 3339); it is today without"}},
	"note list":   {{"site", "", "site"}},
	"note remove": {{"site", "", "site"}},
}

func (k *control) addNote(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	n := account.Note{Site: site.ID, When: r.FormValue("when"), Text: r.FormValue("text"), Who: account.Operator().Name}
	if n.When == "" {
		n.When = time.Now().In(site.Location()).Format(time.DateOnly)
	}
	if n, err = k.h.control.AddNote(r.Context(), n); err == nil {
		err = k.note(r, "note add", site.ID+" "+n.ID, "", n.When+" "+n.Text)
	}
	if err != nil {
		return err
	}
	return answer(w, api.SpellNotes(site, []account.Note{n}))
}

func (k *control) listNotes(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	all, err := k.h.control.Notes(r.Context(), site.ID)
	if err != nil {
		return err
	}
	return answer(w, api.SpellNotes(site, all))
}

func (k *control) removeNote(w http.ResponseWriter, r *http.Request) error {
	return k.takeOut(w, r, "note", "note", "there is no note %q at %s", unsaid, k.h.control.RemoveNote)
}

func addNote(ctx context.Context, c *call) error {
	var out api.NoteList
	return c.named(ctx, "line of text, in quotes", "text", "/note/add", c.form("note add"), &out, func(w io.Writer) { printNotes(w, out) })
}

func listNotes(ctx context.Context, c *call) error {
	var out api.NoteList
	return c.once(ctx, "GET", "/note/list", c.form("note list"), &out, func(w io.Writer) { printNotes(w, out) })
}

func removeNote(ctx context.Context, c *call) error {
	var out map[string]string
	return c.named(ctx, "note to remove, by its id", "note", "/note/remove", c.form("note remove"), &out, func(w io.Writer) { fmt.Fprintf(w, "removed: %s\n", out["removed"]) })
}

func printNotes(w io.Writer, list api.NoteList) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NOTE\tWHEN\tTEXT\tWRITTEN BY")
	for _, n := range list.Notes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", n.ID, n.When, readable(n.Text), n.Who)
	}
	t.Flush()
}
