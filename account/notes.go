package account

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"footfall/event"
	"footfall/period"
)

// The bounds of notes.
const (
	MaxNotes    = 1000 // of a site
	MaxNoteText = 500  // characters
)

// Note is something that happened, which people are shown beside the figures of a site:
// a launch, a fault, a campaign.
type Note struct {
	ID   string `json:"note"`
	Site string `json:"site"`
	// When is the day by the clock at the site, 2026-05-01, or the moment, RFC 3339 in
	// UTC to the second.
	When    string    `json:"when"`
	Text    string    `json:"text"`
	Who     string    `json:"who"` // wrote it, as in the audit log
	Created time.Time `json:"created"`
}

// Notes keeps the notes of sites.
type Notes interface {
	// AddNote keeps a new one with ID and Created filled in. An unknown site is
	// ErrNotFound; what is wrong with it, also that it is one beyond MaxNotes, an
	// event.InvalidError.
	AddNote(ctx context.Context, n Note) (Note, error)
	// ChangeNote puts When, Text and Who of n in the place of what the site's note with its
	// ID has, at once; one that is not there is ErrNotFound, what is wrong with it an
	// event.InvalidError.
	ChangeNote(ctx context.Context, n Note) (Note, error)
	// Notes lists a site's notes by when, a day before its moments.
	Notes(ctx context.Context, site string) ([]Note, error)
	// RemoveNote removes a note of a site; one that is not there is ErrNotFound.
	RemoveNote(ctx context.Context, site, id string) error
}

// PrepareNote checks a new note as an event.InvalidError and fills in ID and Created.
func PrepareNote(n Note, now time.Time) (Note, error) {
	n, err := SpellNote(n, now)
	if err == nil {
		n.ID, n.Created = NewToken("not_", 5), now.UTC().Truncate(time.Millisecond)
	}
	return n, err
}

// SpellNote checks a note as an event.InvalidError, and spells when and what as they are kept.
func SpellNote(n Note, now time.Time) (Note, error) {
	t, whole, ok := readWhen(n.When)
	switch {
	case ok && (t.Before(firstNote) || !t.Before(lastNote(now).AddDate(0, 0, 1))):
		return Note{}, event.Invalid("when", "is from %s to %s, a year ahead: no chart has what is before or behind", firstNote.Format(time.DateOnly), lastNote(now).Format(time.DateOnly))
	case !ok:
		return Note{}, event.Invalid("when", "is a day such as 2026-05-01, or a moment such as 2026-05-01T14:30:00+02:00")
	case !whole:
		n.When = t.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	n.Text = strings.TrimSpace(n.Text)
	if n.Text == "" || utf8.RuneCountInString(n.Text) > MaxNoteText || !plain(n.Text) {
		return Note{}, event.Invalid("text", "is a line of 1 to %d characters", MaxNoteText)
	}
	return n, nil
}

// plain reports whether a text is one line without control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// firstNote is the first day of notes: before there were pages that anybody could see.
var firstNote = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// lastNote is the last day of notes: what is planned is of the next twelve months, and who
// typed another year meant this one.
func lastNote(now time.Time) time.Time {
	return now.UTC().Truncate(24*time.Hour).AddDate(1, 0, 0)
}

// readWhen reads a day or a moment; whole: it is a day.
func readWhen(text string) (t time.Time, whole, ok bool) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, true, true
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, false, err == nil
}

// At is the moment of the note, or the beginning of its day in a time zone; whole: it
// is a day.
func (n Note) At(zone *time.Location) (t time.Time, whole bool) {
	if t, whole, _ = readWhen(n.When); whole {
		t = period.DateOf(t, time.UTC).Window(zone).From
	}
	return t, whole
}

// ErrNotes is why a site can have no further note.
func ErrNotes(site string) error {
	return event.Invalid("note", "%s has %d notes, and no site has more: remove one first", site, MaxNotes)
}
