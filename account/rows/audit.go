package rows

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"footfall/account"
)

// Record adds a line to the audit log.
func (s *Store) Record(ctx context.Context, c account.Change) error {
	_, err := s.exec(ctx, "INSERT INTO audit (at, who, what, target, old, new) VALUES (?,?,?,?,?,?)",
		time.Now().UnixMilli(), c.Who, c.What, c.Target, c.Old, c.New)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// Changes lists lines of the audit log, the newest first.
func (s *Store) Changes(ctx context.Context, f account.ChangeFilter) ([]account.Change, error) {
	if f.Limit <= 0 {
		f.Limit = math.MaxInt32
	}
	all, err := list(ctx, s, func(row scanner) (c account.Change, err error) {
		var at int64
		err = row.Scan(&c.ID, &at, &c.Who, &c.What, &c.Target, &c.Old, &c.New)
		c.At = time.UnixMilli(at).UTC()
		return c, err
	}, `SELECT id, at, who, what, target, old, new FROM audit WHERE (?1 = '' OR who = ?1) AND (?2 = '' OR what = ?2 OR substr(what, 1, length(?2) + 1) = ?2 || ' ')
		AND (id < ?3 OR ?3 = 0) ORDER BY id DESC LIMIT ?4`, f.Who, f.Kind, f.Before, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return all, nil
}

const secretBytes = 32

// Secret is a secret of this installation, made on first use. It writes only
// then: anybody may send a signature to be looked at.
func (s *Store) Secret(ctx context.Context, name string) (secret []byte, err error) {
	err = s.one(ctx, "SELECT secret FROM secrets WHERE name = ?", name).Scan(&secret)
	if err == nil {
		return secret, nil
	}
	if !errors.Is(err, account.ErrNotFound) {
		return nil, fmt.Errorf("secret: %w", err)
	}
	err = s.tables.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO secrets (name, secret) VALUES (?,?) ON CONFLICT DO NOTHING", name, newSecret()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT secret FROM secrets WHERE name = ?", name).Scan(&secret)
	})
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return secret, nil
}

// RenewSecret puts another one in the place of a secret.
func (s *Store) RenewSecret(ctx context.Context, name string) error {
	if _, err := s.exec(ctx, "INSERT INTO secrets (name, secret) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET secret = excluded.secret", name, newSecret()); err != nil {
		return fmt.Errorf("renew secret: %w", err)
	}
	return nil
}

func newSecret() []byte {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails
	return b
}
