package accounttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
)

// AddNote is account.Notes.
func (m *Memory) AddNote(ctx context.Context, n account.Note) (account.Note, error) {
	n, err := account.PrepareNote(n, time.Now())
	if err = errors.Join(err, ctx.Err()); err != nil {
		return account.Note{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known(n.Site) {
		return account.Note{}, account.ErrNotFound
	}
	if len(m.notes[n.Site]) >= account.MaxNotes {
		return account.Note{}, account.ErrNotes(n.Site)
	}
	if m.notes == nil {
		m.notes = map[string][]account.Note{}
	}
	m.notes[n.Site] = append(m.notes[n.Site], n)
	return n, nil
}

// ChangeNote is account.Notes.
func (m *Memory) ChangeNote(ctx context.Context, n account.Note) (account.Note, error) {
	n, err := account.SpellNote(n, time.Now())
	if err = errors.Join(err, ctx.Err()); err != nil {
		return account.Note{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.notes[n.Site], func(kept account.Note) bool { return kept.ID == n.ID })
	if at < 0 {
		return account.Note{}, account.ErrNotFound
	}
	n.Created = m.notes[n.Site][at].Created
	m.notes[n.Site][at] = n
	return n, nil
}

// Notes is account.Notes.
func (m *Memory) Notes(ctx context.Context, site string) ([]account.Note, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.notes[site])
	slices.SortStableFunc(all, func(a, b account.Note) int { return strings.Compare(a.When, b.When) })
	return all, ctx.Err()
}

// RemoveNote is account.Notes.
func (m *Memory) RemoveNote(ctx context.Context, site, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.notes[site])
	left := slices.DeleteFunc(m.notes[site], func(n account.Note) bool { return n.ID == id })
	if len(left) == before {
		return account.ErrNotFound
	}
	m.notes[site] = left
	return nil
}

func notes(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: "a.com", Zone: "Europe/Berlin"})
	must(t, err)
	b, err := s.AddSite(ctx, account.Site{Domain: "b.com"})
	must(t, err)
	add := func(site, when, text string) account.Note {
		t.Helper()
		n, err := s.AddNote(ctx, account.Note{ID: "mine", Site: site, When: when, Text: text, Who: "person per_x", Created: time.Unix(1, 0)})
		must(t, err)
		if n.ID == "mine" || !n.Created.Equal(time.Now().UTC().Truncate(time.Millisecond)) || n.Who != "person per_x" {
			t.Errorf("AddNote = %+v", n)
		}
		time.Sleep(time.Hour)
		return n
	}
	add(a.ID, "2000-05-02", "two")
	moment := add(a.ID, "2000-05-01T14:30:00+02:00", " one 'ä' ")
	add(a.ID, "2000-05-01", "day one")
	add(a.ID, "2000-05-02", "two again")
	add(b.ID, "2000-05-01", "elsewhere")
	hasNotes(t, s, a.ID, "2000-05-01 day one", "2000-05-01T12:30:00Z one 'ä'", "2000-05-02 two", "2000-05-02 two again")
	moment.When, moment.Text, moment.Who = "2000-05-03T14:30:00+02:00", " three ", "operator"
	changed, err := s.ChangeNote(ctx, account.Note{ID: moment.ID, Site: a.ID, When: moment.When, Text: moment.Text, Who: moment.Who, Created: time.Unix(1, 0)})
	must(t, err)
	if moment.When, moment.Text = "2000-05-03T12:30:00Z", "three"; changed != moment { // made when it was
		t.Errorf("ChangeNote = %+v, want %+v", changed, moment)
	}
	hasNotes(t, s, a.ID, "2000-05-01 day one", "2000-05-02 two", "2000-05-02 two again", "2000-05-03T12:30:00Z three")
	moment.Site = b.ID // which has no such note
	_, err = s.ChangeNote(ctx, moment)
	is(t, err, account.ErrNotFound)
	hasNotes(t, s, b.ID, "2000-05-01 elsewhere")
	is(t, s.RemoveNote(ctx, b.ID, moment.ID), account.ErrNotFound) // of another site
	must(t, s.RemoveNote(ctx, a.ID, moment.ID))
	is(t, s.RemoveNote(ctx, a.ID, moment.ID), account.ErrNotFound)
	hasNotes(t, s, a.ID, "2000-05-01 day one", "2000-05-02 two", "2000-05-02 two again")
	hasNotes(t, s, b.ID, "2000-05-01 elsewhere")
	hasNotes(t, s, "nowhere")
	all, err := s.Notes(ctx, a.ID)
	must(t, err)
	if at, whole := all[0].At(a.Location()); !whole || !at.Equal(time.Date(2000, 4, 30, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("the day begins at %v, %v", at, whole)
	}
	if at, whole := moment.At(a.Location()); whole || !at.Equal(time.Date(2000, 5, 3, 12, 30, 0, 0, time.UTC)) {
		t.Errorf("the moment is %v, %v", at, whole)
	}
}

// badNotes: nothing is kept of what fails.
func badNotes(t *testing.T, s Store) {
	a, err := s.AddSite(t.Context(), account.Site{Domain: "a.com"})
	must(t, err)
	_, err = s.AddNote(t.Context(), account.Note{Site: "nowhere", When: "2000-05-01", Text: "x"})
	is(t, err, account.ErrNotFound)
	kept, err := s.AddNote(t.Context(), account.Note{Site: a.ID, When: "2000-05-01", Text: "kept"})
	must(t, err)
	refused := func(when, text string) {
		t.Helper()
		var invalid *event.InvalidError
		if _, err := s.AddNote(t.Context(), account.Note{Site: a.ID, When: when, Text: text}); !errors.As(err, &invalid) {
			t.Errorf("AddNote(%q, %.20q) = %v", when, text, err)
		}
		if kept.ID == "" {
			return
		}
		if _, err := s.ChangeNote(t.Context(), account.Note{ID: kept.ID, Site: a.ID, When: when, Text: text}); !errors.As(err, &invalid) {
			t.Errorf("ChangeNote(%q, %.20q) = %v", when, text, err)
		}
	}
	for _, when := range []string{"", "yesterday", "2000-02-30", "2000-05-01 14:30", "1969-12-31", "1989-12-31", "2000-05-01T14:30:00", "2001-01-02", "2001-01-02T00:00:00Z", "2999-01-01"} {
		refused(when, "x")
	}
	for _, text := range []string{"", "  ", "two\nlines", strings.Repeat("x", account.MaxNoteText+1), "\xff"} {
		refused("2000-05-01", text)
	}
	full, err := s.AddNote(t.Context(), account.Note{Site: a.ID, When: "2000-05-01", Text: strings.Repeat("ä", account.MaxNoteText)}) // characters, not bytes
	must(t, err)
	must(t, s.RemoveNote(t.Context(), a.ID, full.ID))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AddNote(gone, account.Note{Site: a.ID, When: "2000-05-01", Text: "x"}); err == nil {
		t.Error("AddNote worked with a cancelled context")
	}
	if _, err := s.ChangeNote(gone, account.Note{ID: kept.ID, Site: a.ID, When: "2000-05-01", Text: "x"}); err == nil {
		t.Error("ChangeNote worked with a cancelled context")
	}
	hasNotes(t, s, a.ID, "2000-05-01 kept")
	kept.ID = "" // what is one too many can't be added, and is no change
	for i := range account.MaxNotes - 1 {
		_, err := s.AddNote(t.Context(), account.Note{Site: a.ID, When: "2000-05-01", Text: fmt.Sprint(i)})
		must(t, err)
	}
	refused("2000-05-01", "one more")
	b, err := s.AddSite(t.Context(), account.Site{Domain: "b.com"})
	must(t, err)
	for _, when := range []string{"1990-01-01", "2001-01-01", "2001-01-01T23:59:59Z"} { // it is 2000-01-01
		_, err := s.AddNote(t.Context(), account.Note{Site: b.ID, When: when, Text: "planned"})
		must(t, err)
	}
}

func hasNotes(t *testing.T, s Store, site string, want ...string) {
	t.Helper()
	all, err := s.Notes(t.Context(), site)
	must(t, err)
	var got []string
	for _, n := range all {
		got = append(got, n.When+" "+n.Text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Notes = %q, want %q", got, want)
	}
}
