package rows

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"footfall/account"
)

const keyColumns = "id, coalesce(site,''), scopes, created, expires"

// AddKey makes a bearer token for one site, or for every site. An unknown site
// is account.ErrNotFound, a wrong field an event.InvalidError.
func (s *Store) AddKey(ctx context.Context, k account.Key) (string, account.Key, error) {
	token, k, err := account.PrepareKey(k, time.Now())
	if err != nil {
		return "", account.Key{}, fmt.Errorf("add key: %w", err)
	}
	scopes := make([]string, len(k.Scopes))
	for i, scope := range k.Scopes {
		scopes[i] = string(scope)
	}
	err = s.tables.Change(ctx, func(tx *sql.Tx) error {
		if k.Site != "" {
			if err := known(ctx, tx, "sites", k.Site); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO keys (id, hash, site, scopes, created, expires) VALUES (?,?,nullif(?,''),?,?,?)",
			k.ID, account.HashToken(token), k.Site, strings.Join(scopes, " "), k.Created.UnixMilli(), milli(k.Expires))
		return err
	})
	if err != nil {
		return "", account.Key{}, fmt.Errorf("add key for site %q: %w", k.Site, err)
	}
	return token, k, nil
}

// Key finds the key of a token, or account.ErrNotFound.
func (s *Store) Key(ctx context.Context, token string) (account.Key, error) {
	k, err := scanKey(s.one(ctx, "SELECT "+keyColumns+" FROM keys WHERE hash = ? AND (expires IS NULL OR expires > ?)",
		account.HashToken(token), time.Now().UnixMilli()))
	if err != nil {
		return account.Key{}, fmt.Errorf("key: %w", err)
	}
	return k, nil
}

// Keys lists all keys.
func (s *Store) Keys(ctx context.Context) ([]account.Key, error) {
	all, err := list(ctx, s, scanKey, "SELECT "+keyColumns+" FROM keys ORDER BY created, id")
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return all, nil
}

// RevokeKey removes a key for good.
func (s *Store) RevokeKey(ctx context.Context, id string) error {
	if err := hit(s.exec(ctx, "DELETE FROM keys WHERE id = ?", id)); err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	return nil
}

func scanKey(row scanner) (k account.Key, err error) {
	var scopes string
	var created int64
	var expires sql.NullInt64
	if err := row.Scan(&k.ID, &k.Site, &scopes, &created, &expires); err != nil {
		return account.Key{}, err
	}
	for _, scope := range strings.Fields(scopes) {
		k.Scopes = append(k.Scopes, account.Scope(scope))
	}
	k.Created, k.Expires = time.UnixMilli(created).UTC(), instant(expires)
	return k, nil
}

const shareColumns = "id, site, name, created, expires"

// AddShare makes a link that shows a site. An unknown site is account.ErrNotFound.
func (s *Store) AddShare(ctx context.Context, sh account.Share) (string, account.Share, error) {
	token, sh, err := account.PrepareShare(sh, time.Now())
	if err != nil {
		return "", account.Share{}, fmt.Errorf("add share: %w", err)
	}
	err = s.tables.Change(ctx, func(tx *sql.Tx) error {
		if err := known(ctx, tx, "sites", sh.Site); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO shares (hash, "+shareColumns+") VALUES (?,?,?,?,?,?)",
			account.HashToken(token), sh.ID, sh.Site, sh.Name, sh.Created.UnixMilli(), milli(sh.Expires))
		return err
	})
	if err != nil {
		return "", account.Share{}, fmt.Errorf("add share of site %q: %w", sh.Site, err)
	}
	return token, sh, nil
}

// Share finds the share of a token, or account.ErrNotFound.
func (s *Store) Share(ctx context.Context, token string) (account.Share, error) {
	sh, err := scanShare(s.one(ctx, "SELECT "+shareColumns+" FROM shares WHERE hash = ? AND (expires IS NULL OR expires > ?)",
		account.HashToken(token), time.Now().UnixMilli()))
	if err != nil {
		return account.Share{}, fmt.Errorf("share: %w", err)
	}
	return sh, nil
}

// Shares lists all shares.
func (s *Store) Shares(ctx context.Context) ([]account.Share, error) {
	all, err := list(ctx, s, scanShare, "SELECT "+shareColumns+" FROM shares ORDER BY created, id")
	if err != nil {
		return nil, fmt.Errorf("list shares: %w", err)
	}
	return all, nil
}

// RevokeShare removes a share for good.
func (s *Store) RevokeShare(ctx context.Context, id string) error {
	if err := hit(s.exec(ctx, "DELETE FROM shares WHERE id = ?", id)); err != nil {
		return fmt.Errorf("revoke share %s: %w", id, err)
	}
	return nil
}

func scanShare(row scanner) (sh account.Share, err error) {
	var created int64
	var expires sql.NullInt64
	if err := row.Scan(&sh.ID, &sh.Site, &sh.Name, &created, &expires); err != nil {
		return account.Share{}, err
	}
	sh.Created, sh.Expires = time.UnixMilli(created).UTC(), instant(expires)
	return sh, nil
}
