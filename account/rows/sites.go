package rows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"footfall/account"
)

const siteColumns = "id, domain, write_key, zone, currency, origins, internal, dnt, created, history, keep, webhook, webhook_secret, public"

// AddSite checks and keeps a new site, with ID, WriteKey and Created filled
// in. A domain that is there already is account.ErrExists, a bad field is an
// event.InvalidError.
func (s *Store) AddSite(ctx context.Context, site account.Site) (account.Site, error) {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		var failed error
		prepared, err := account.Prepare(site, time.Now(), func(id string) bool {
			var n int
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sites WHERE id = ?", id).Scan(&n); err != nil {
				failed = err
			}
			return n > 0
		})
		if err != nil || failed != nil {
			return errors.Join(err, failed)
		}
		if err := clash(ctx, tx, prepared); err != nil {
			return err
		}
		site = prepared
		origins, _ := json.Marshal(site.Origins) // texts always marshal
		internal, _ := json.Marshal(site.Internal)
		_, err = tx.ExecContext(ctx, "INSERT INTO sites ("+siteColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", site.ID, site.Domain, site.WriteKey,
			site.Zone, site.Currency, string(origins), string(internal), site.DNT, site.Created.UnixMilli(),
			site.History, site.Keep, site.Webhook, site.WebhookSecret, account.SpellParts(site.Public))
		return err
	})
	if err != nil {
		return account.Site{}, fmt.Errorf("add site: %w", err)
	}
	return site, nil
}

// UpdateSite changes a site's settings; one that is not there is
// account.ErrNotFound, a bad field is an event.InvalidError.
func (s *Store) UpdateSite(ctx context.Context, site account.Site) (account.Site, error) {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		old, err := scanSite(tx.QueryRowContext(ctx, "SELECT "+siteColumns+" FROM sites WHERE id = ?", site.ID))
		if err != nil {
			return none(err)
		}
		if site, err = account.Revise(old, site); err != nil {
			return err
		}
		origins, _ := json.Marshal(site.Origins) // texts always marshal
		internal, _ := json.Marshal(site.Internal)
		_, err = tx.ExecContext(ctx, "UPDATE sites SET zone = ?, currency = ?, origins = ?, internal = ?, dnt = ?, history = ?, keep = ?, webhook = ?, webhook_secret = ?, public = ? WHERE id = ?",
			site.Zone, site.Currency, string(origins), string(internal), site.DNT,
			site.History, site.Keep, site.Webhook, site.WebhookSecret, account.SpellParts(site.Public), site.ID)
		return err
	})
	if err != nil {
		return account.Site{}, fmt.Errorf("change site: %w", err)
	}
	return site, nil
}

// clash reports the site that has the new one's domain or write key.
func clash(ctx context.Context, tx *sql.Tx, site account.Site) error {
	old, err := scanSite(tx.QueryRowContext(ctx, "SELECT "+siteColumns+" FROM sites WHERE domain = ? OR write_key = ?", site.Domain, site.WriteKey))
	switch {
	case none(err) == account.ErrNotFound:
		return nil
	case err != nil:
		return err
	case old.Domain == site.Domain:
		return fmt.Errorf("%s %w: use its id %s and its write key %s, or add another domain", old.Domain, account.ErrExists, old.ID, old.WriteKey)
	}
	return fmt.Errorf("the write key %w for %s: leave it empty to get a new one", account.ErrExists, old.Domain)
}

// Sites lists every site by domain.
func (s *Store) Sites(ctx context.Context) ([]account.Site, error) {
	all, err := list(ctx, s, scanSite, "SELECT "+siteColumns+" FROM sites ORDER BY domain")
	if err != nil {
		return nil, fmt.Errorf("list sites: %w", err)
	}
	return all, nil
}

func scanSite(row scanner) (account.Site, error) {
	var s account.Site
	var origins, internal []byte
	var created int64
	var public string
	if err := row.Scan(&s.ID, &s.Domain, &s.WriteKey, &s.Zone, &s.Currency, &origins, &internal, &s.DNT, &created,
		&s.History, &s.Keep, &s.Webhook, &s.WebhookSecret, &public); err != nil {
		return s, err
	}
	s.Created, s.Public = time.UnixMilli(created).UTC(), account.ReadParts(public)
	if err := json.Unmarshal(origins, &s.Origins); err != nil {
		return s, fmt.Errorf("origins of %s: %w", s.ID, err)
	}
	if err := json.Unmarshal(internal, &s.Internal); err != nil {
		return s, fmt.Errorf("internal hosts of %s: %w", s.ID, err)
	}
	return s, nil
}
