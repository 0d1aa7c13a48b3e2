package rows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/account"
)

// AddLink makes a token that UseLink takes once within life. An unknown person
// is account.ErrNotFound.
func (s *Store) AddLink(ctx context.Context, purpose account.Purpose, person string, life time.Duration) (string, error) {
	token, now := account.NewToken(account.LinkPrefix, 20), time.Now()
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM links WHERE expires <= ?", now.UnixMilli()); err != nil {
			return err
		}
		if err := somebody(ctx, tx, person); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO links (hash, expires, purpose, person) VALUES (?,?,?,nullif(?,''))",
			account.HashToken(token), now.Add(life).UnixMilli(), string(purpose), person)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("add link: %w", err)
	}
	return token, nil
}

// Link looks at a link and leaves it.
func (s *Store) Link(ctx context.Context, token string) (account.Link, error) {
	return link(s.one(ctx, "SELECT purpose, coalesce(person,''), expires FROM links WHERE hash = ?", account.HashToken(token)))
}

// UseLink takes a link. A used, expired or unknown one is account.ErrNotFound.
func (s *Store) UseLink(ctx context.Context, token string) (l account.Link, err error) {
	err = s.tables.Change(ctx, func(tx *sql.Tx) error {
		l, err = link(tx.QueryRowContext(ctx, "DELETE FROM links WHERE hash = ? RETURNING purpose, coalesce(person,''), expires", account.HashToken(token)))
		return err
	})
	return l, err
}

func link(row scanner) (l account.Link, err error) {
	var expires int64
	if err = none(row.Scan(&l.Purpose, &l.Person, &expires)); err == nil && expires <= time.Now().UnixMilli() {
		err = account.ErrNotFound
	}
	if err != nil {
		return account.Link{}, fmt.Errorf("link: %w", err)
	}
	l.Expires = time.UnixMilli(expires).UTC()
	return l, nil
}

// somebody is account.ErrNotFound if there is no such person; "" is nobody.
func somebody(ctx context.Context, tx *sql.Tx, person string) error {
	if person == "" {
		return nil
	}
	return known(ctx, tx, "people", person)
}

// AddSession begins a session of a person, or of the operator if it names
// nobody. An unknown person is account.ErrNotFound.
func (s *Store) AddSession(ctx context.Context, person string) (string, error) {
	token, n := account.NewSession(person, time.Now())
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE created <= ? OR seen <= ?",
			n.Created.Add(-account.SessionLife).UnixMilli(), n.Created.Add(-account.SessionIdle).UnixMilli()); err != nil {
			return err
		}
		if err := somebody(ctx, tx, person); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO sessions (hash, id, person, created, seen) VALUES (?1,?2,nullif(?3,''),?4,?4)",
			account.HashToken(token), n.ID, person, n.Created.UnixMilli())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("add session: %w", err)
	}
	return token, nil
}

const sessionColumns = "sessions.id, coalesce(person,''), sessions.created, seen"

// Session finds the session of a token, or account.ErrNotFound.
func (s *Store) Session(ctx context.Context, token string) (account.Session, error) {
	hash, now := account.HashToken(token), time.Now()
	n, err := scanSession(s.one(ctx, "SELECT "+sessionColumns+" FROM sessions LEFT JOIN people ON people.id = person WHERE hash = ? AND coalesce(disabled, 0) = 0", hash))
	if err == nil && n.Over(now) {
		err = account.ErrNotFound
	}
	if err == nil && n.Stale(now) {
		n.Seen = now.UTC().Truncate(time.Millisecond)
		_, err = s.exec(ctx, "UPDATE sessions SET seen = ? WHERE hash = ?", n.Seen.UnixMilli(), hash)
	}
	if err != nil {
		return account.Session{}, fmt.Errorf("session: %w", err)
	}
	return n, nil
}

// Sessions lists a person's sessions.
func (s *Store) Sessions(ctx context.Context, person string) (valid []account.Session, err error) {
	all, err := list(ctx, s, scanSession, "SELECT "+sessionColumns+" FROM sessions WHERE coalesce(person,'') = ? ORDER BY created DESC, id", person)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	for _, n := range all {
		if !n.Over(time.Now()) {
			valid = append(valid, n)
		}
	}
	return valid, nil
}

func scanSession(row scanner) (n account.Session, err error) {
	var created, seen int64
	if err := row.Scan(&n.ID, &n.Person, &created, &seen); err != nil {
		return account.Session{}, err
	}
	n.Created, n.Seen = time.UnixMilli(created).UTC(), time.UnixMilli(seen).UTC()
	return n, nil
}

// EndSession makes a session invalid for good.
func (s *Store) EndSession(ctx context.Context, token string) error {
	if _, err := s.exec(ctx, "DELETE FROM sessions WHERE hash = ?", account.HashToken(token)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndSessions ends a person's sessions but one, and makes its links worth nothing.
func (s *Store) EndSessions(ctx context.Context, person, but string) error {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE coalesce(person,'') = ? AND hash <> ?", person, account.HashToken(but)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM links WHERE coalesce(person,'') = ? AND (person IS NOT NULL OR purpose = 'login')", person)
		return err
	})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}
