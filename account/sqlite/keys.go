package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/account"
)

// AddKey makes a bearer token for one site, or for every site if site is "".
// An unknown site is account.ErrNotFound.
func (s *Store) AddKey(ctx context.Context, site string, role account.Role) (string, account.Key, error) {
	token, k, err := account.NewKey(site, role, time.Now())
	if err != nil {
		return "", account.Key{}, fmt.Errorf("add key: %w", err)
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		if site != "" {
			if err := tx.QueryRowContext(ctx, "SELECT id FROM sites WHERE id = ?", site).Scan(new(string)); err != nil {
				return none(err)
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO keys (id, hash, site, role, created) VALUES (?,?,nullif(?,''),?,?)",
			k.ID, account.HashToken(token), site, string(role), k.Created.UnixMilli())
		return err
	})
	if err != nil {
		return "", account.Key{}, fmt.Errorf("add key for site %q: %w", site, err)
	}
	return token, k, nil
}

// Key finds the key of a token, or account.ErrNotFound.
func (s *Store) Key(ctx context.Context, token string) (account.Key, error) {
	var k account.Key
	var created int64
	err := s.db.QueryRowContext(ctx, "SELECT id, coalesce(site,''), role, created FROM keys WHERE hash = ?", account.HashToken(token)).
		Scan(&k.ID, &k.Site, &k.Role, &created)
	if err != nil {
		return account.Key{}, fmt.Errorf("key: %w", none(err))
	}
	k.Created = time.UnixMilli(created).UTC()
	return k, nil
}

// AddLink makes a token that UseLink takes once within life.
func (s *Store) AddLink(ctx context.Context, life time.Duration) (string, error) {
	token, now := account.NewToken(account.LinkPrefix, 20), time.Now()
	err := s.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM links WHERE expires <= ?", now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO links (hash, expires) VALUES (?,?)", account.HashToken(token), now.Add(life).UnixMilli())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("add link: %w", err)
	}
	return token, nil
}

// UseLink turns a link into a browser session of account.SessionLife. A used,
// expired or unknown link is account.ErrNotFound.
func (s *Store) UseLink(ctx context.Context, token string) (string, error) {
	session, now := account.NewToken(account.SessionPrefix, 20), time.Now()
	err := s.within(ctx, func(tx *sql.Tx) error {
		var expires int64
		err := tx.QueryRowContext(ctx, "DELETE FROM links WHERE hash = ? RETURNING expires", account.HashToken(token)).Scan(&expires)
		if err != nil {
			return none(err)
		}
		if expires <= now.UnixMilli() {
			return account.ErrNotFound
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE expires <= ?", now.UnixMilli()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO sessions (hash, expires) VALUES (?,?)",
			account.HashToken(session), now.Add(account.SessionLife).UnixMilli())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	return session, nil
}

// Session is nil for a valid session, else account.ErrNotFound.
func (s *Store) Session(ctx context.Context, session string) error {
	err := s.db.QueryRowContext(ctx, "SELECT expires FROM sessions WHERE hash = ? AND expires > ?",
		account.HashToken(session), time.Now().UnixMilli()).Scan(new(int64))
	if err != nil {
		return fmt.Errorf("session: %w", none(err))
	}
	return nil
}

// EndSession makes a session invalid for good.
func (s *Store) EndSession(ctx context.Context, session string) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", account.HashToken(session)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}
