package api

import (
	"context"
	"net/http"

	"footfall/account"
)

// NoteList is the answer to GET /v1/notes: what happened at a site, by when.
type NoteList struct {
	Site  string         `json:"site"`
	Notes []account.Note `json:"notes"`
}

// SpellNotes spells notes of a site.
func SpellNotes(site account.Site, all []account.Note) NoteList {
	return NoteList{site.ID, append([]account.Note{}, all...)}
}

// listNotes is GET /v1/notes.
func (d *door) listNotes(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, err := pickSite(r.URL.Query(), sites)
	var all []account.Note
	if err == nil {
		all, err = d.Notes.Notes(r.Context(), site.ID)
	}
	d.tell(w, SpellNotes(site, all), err)
}

// addNote is POST /v1/notes.
func (d *door) addNote(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	site, err := pickSite(r.URL.Query(), sites)
	n := account.Note{Site: site.ID, Who: d.who.Name}
	if err == nil {
		in := readStrictly(body, &err, "when", "text")
		n.When, n.Text = textOr(in["when"], ""), textOr(in["text"], "")
	}
	if err == nil {
		n, err = d.Notes.AddNote(r.Context(), n)
	}
	if err == nil {
		d.note(r.Context(), account.Change{What: "note add", Target: site.ID + " " + n.ID, New: n.When + " " + n.Text})
	}
	d.tell(w, SpellNotes(site, []account.Note{n}), err)
}

// removeNote is DELETE /v1/notes/{id}.
func (d *door) removeNote(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	unsaid := func(context.Context, string, string) (string, error) { return "", nil }
	d.remove(w, r, sites, "note", r.PathValue("id"), unsaid, d.Notes.RemoveNote)
}

// notePaths are the routes of notes.
func notePaths() obj {
	site := parameter("site", text("Id or domain; needed if the key sees several"))
	id := obj{"name": "id", "in": "path", "required": true, "schema": text("Its id")}
	added, removed := answers("application/json", "Notes"), answers("application/json", "Removed")
	added["413"] = obj{"description": "The body is larger than 64 KiB.", "content": obj{"application/json": obj{"schema": ref("Error")}}}
	removed["404"] = obj{"description": "There is no such note.", "content": obj{"application/json": obj{"schema": ref("Error")}}}
	return obj{
		"/v1/notes": obj{"get": obj{"operationId": "notes", "summary": "What happened at a site, beside its figures", "parameters": []any{site}, "responses": answers("application/json", "Notes")},
			"post": obj{"operationId": "addNote", "summary": "Write a note", "parameters": []any{site}, "responses": added, "requestBody": obj{"required": true, "content": obj{"application/json": obj{"schema": ref("NewNote"), "examples": obj{
				"day": obj{"summary": "Of a day", "value": obj{"when": "2026-05-01", "text": "New shop"}}, "moment": obj{"summary": "Of a moment", "value": obj{"when": "2026-05-01T14:30:00+02:00", "text": "Newsletter sent"}}}}}}}},
		"/v1/notes/{id}": obj{"delete": obj{"operationId": "removeNote", "summary": "Remove a note", "parameters": []any{id, site}, "responses": removed}},
	}
}

// noteSchemas describe notes.
func noteSchemas() obj {
	when, line := text("A day by the clock at the site, or a moment (RFC 3339), from 1990 to a year ahead"), text("A line of 1 to 500 characters")
	return obj{
		"NewNote": object(obj{"when": when, "text": line}),
		"Notes":   object(obj{"site": text(""), "notes": listOf(object(obj{"note": text("Its id"), "site": text(""), "when": when, "text": line, "who": text("Wrote it, as in the audit log"), "created": text("RFC 3339")}))}),
	}
}
