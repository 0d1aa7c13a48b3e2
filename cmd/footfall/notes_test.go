package main

import (
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
)

// TestNotesByCommand: they are written, listed and removed, and the audit log says so.
func TestNotesByCommand(t *testing.T) {
	h := newHome(t)
	site := h.addSite("shop.example", "Pacific/Kiritimati")
	var list api.NoteList
	h.must(&list, "note", "add", "Newsletter", "--when", "2024-05-01T14:30:00+02:00")
	h.must(&list, "note", "add", "Today")
	today := time.Now().In(time.FixedZone("", 14*3600)).Format(time.DateOnly)
	if h.must(&list, "note", "list"); len(list.Notes) != 2 || list.Notes[0].When != "2024-05-01T12:30:00Z" || list.Notes[1].When != today || list.Notes[0].Who != "operator" {
		t.Errorf("%+v", list)
	}
	for args, want := range map[string]string{"note add": "name the one line of text", "note add x --when soon": "when: is a day such as", "note add x --when 2999-01-01": "when: is from 1990-01-01 to ", "note remove not_x": `there is no note "not_x"`, "note list --site b.example": "b.example"} {
		if fault, code := h.typed(nil, strings.Fields(args)...); code == 0 || !strings.Contains(fault, want) {
			t.Errorf("%s: %d %s, want %s", args, code, fault, want)
		}
	}
	id := list.Notes[0].ID
	h.must(nil, "note", "remove", id)
	if h.must(&list, "note", "list"); len(list.Notes) != 1 {
		t.Errorf("%+v", list)
	}
	changes, err := h.control.Changes(t.Context(), account.ChangeFilter{Kind: "note"})
	if err != nil || len(changes) != 3 || changes[0].Target != site+" "+id || changes[2].New != "2024-05-01T12:30:00Z Newsletter" {
		t.Errorf("%+v, %v", changes, err)
	}
}
