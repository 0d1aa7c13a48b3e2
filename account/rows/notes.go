package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"footfall/account"
)

// AddNote keeps a new note.
func (s *Store) AddNote(ctx context.Context, n account.Note) (account.Note, error) {
	n, err := account.PrepareNote(n, time.Now())
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) error { return addNote(ctx, tx, n) })
	}
	if err != nil {
		return account.Note{}, fmt.Errorf("add note: %w", err)
	}
	return n, nil
}

func addNote(ctx context.Context, tx *sql.Tx, n account.Note) error {
	if err := known(ctx, tx, "sites", n.Site); err != nil {
		return err
	}
	var others int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM notes WHERE site = ?", n.Site).Scan(&others); err != nil {
		return err
	}
	if others >= account.MaxNotes {
		return account.ErrNotes(n.Site)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO notes (id, site, at, text, who, created) VALUES (?,?,?,?,?,?)", n.ID, n.Site, n.When, n.Text, n.Who, n.Created.UnixMilli())
	return err
}

// ChangeNote puts another in its place, by one statement.
func (s *Store) ChangeNote(ctx context.Context, n account.Note) (account.Note, error) {
	n, err := account.SpellNote(n, time.Now())
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) (err error) {
			n, err = scanNote(tx.QueryRowContext(ctx, "UPDATE notes SET at = ?, text = ?, who = ? WHERE site = ? AND id = ? RETURNING id, site, at, text, who, created", n.When, n.Text, n.Who, n.Site, n.ID))
			if errors.Is(err, sql.ErrNoRows) {
				return account.ErrNotFound
			}
			return err
		})
	}
	if err != nil {
		return account.Note{}, fmt.Errorf("change note: %w", err)
	}
	return n, nil
}

// Notes lists a site's notes.
func (s *Store) Notes(ctx context.Context, site string) ([]account.Note, error) {
	all, err := list(ctx, s, scanNote, "SELECT id, site, at, text, who, created FROM notes WHERE site = ? ORDER BY at, created, id", site)
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	return all, nil
}

// RemoveNote removes one.
func (s *Store) RemoveNote(ctx context.Context, site, id string) error {
	if err := hit(s.exec(ctx, "DELETE FROM notes WHERE site = ? AND id = ?", site, id)); err != nil {
		return fmt.Errorf("remove note %s: %w", id, err)
	}
	return nil
}

func scanNote(row scanner) (n account.Note, err error) {
	var created int64
	if err := row.Scan(&n.ID, &n.Site, &n.When, &n.Text, &n.Who, &created); err != nil {
		return account.Note{}, err
	}
	n.Created = time.UnixMilli(created).UTC()
	return n, nil
}
