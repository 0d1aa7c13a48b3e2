package rows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/account"
)

const subscriptionColumns = "id, site, affiliate, coalesce(person,''), email, rhythm, created, told, tries, due, why"

// AddSubscription keeps who is sent a report.
func (s *Store) AddSubscription(ctx context.Context, sub account.Subscription) (account.Subscription, error) {
	sub, err := account.PrepareSubscription(sub, time.Now())
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) error { return addSubscription(ctx, tx, sub) })
	}
	if err != nil {
		return account.Subscription{}, fmt.Errorf("add report: %w", err)
	}
	return sub, nil
}

func addSubscription(ctx context.Context, tx *sql.Tx, sub account.Subscription) error {
	for table, id := range map[string]string{"sites": sub.Site, "people": sub.Person} {
		if id == "" {
			continue
		}
		if err := known(ctx, tx, table, id); err != nil {
			return err
		}
	}
	err := none(tx.QueryRowContext(ctx, "SELECT id FROM subscriptions WHERE site = ? AND affiliate = ? AND coalesce(person,'') = ? AND email = ? AND rhythm = ?",
		sub.Site, sub.Affiliate, sub.Person, sub.Email, string(sub.Rhythm)).Scan(new(string)))
	if err == nil {
		return account.ErrExists
	}
	if err != account.ErrNotFound {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO subscriptions (id, site, affiliate, person, email, rhythm, created, told, tries, due, why) VALUES (?,?,?,nullif(?,''),?,?,?,?,?,?,?)",
		sub.ID, sub.Site, sub.Affiliate, sub.Person, sub.Email, string(sub.Rhythm), sub.Created.UnixMilli(), int64(sub.Told), sub.Tries, milli(sub.Due), sub.Why)
	return err
}

// Subscriptions lists who is sent reports.
func (s *Store) Subscriptions(ctx context.Context) ([]account.Subscription, error) {
	all, err := list(ctx, s, scanSubscription, "SELECT "+subscriptionColumns+" FROM subscriptions ORDER BY created, id")
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	return all, nil
}

// Advance moves a subscription on from a progress that was read.
func (s *Store) Advance(ctx context.Context, id string, from, to account.Progress) error {
	before := int64(-1) // no time of a try
	if due := milli(from.Due); due.Valid {
		before = due.Int64
	}
	err := hit(s.exec(ctx, "UPDATE subscriptions SET told = ?, tries = ?, due = ?, why = ? WHERE id = ? AND told = ? AND tries = ? AND coalesce(due, -1) = ? AND why = ?",
		int64(to.Told), to.Tries, milli(to.Due), to.Why, id, int64(from.Told), from.Tries, before, from.Why))
	if err != nil {
		return fmt.Errorf("report %s: %w", id, err)
	}
	return nil
}

// RemoveSubscription removes one.
func (s *Store) RemoveSubscription(ctx context.Context, id string) error {
	if err := hit(s.exec(ctx, "DELETE FROM subscriptions WHERE id = ?", id)); err != nil {
		return fmt.Errorf("remove report %s: %w", id, err)
	}
	return nil
}

func scanSubscription(row scanner) (s account.Subscription, err error) {
	var created int64
	var due sql.NullInt64
	if err := row.Scan(&s.ID, &s.Site, &s.Affiliate, &s.Person, &s.Email, &s.Rhythm, &created, &s.Told, &s.Tries, &due, &s.Why); err != nil {
		return account.Subscription{}, err
	}
	s.Created, s.Due = time.UnixMilli(created).UTC(), instant(due)
	return s, nil
}

const alertColumns = "id, site, rule, email, webhook, secret, created, state"

// AddAlert keeps who is told when something is unusual.
func (s *Store) AddAlert(ctx context.Context, a account.Alert) (account.Alert, error) {
	a, err := account.PrepareAlert(a, time.Now())
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) error {
			if a.Site != "" {
				if err := known(ctx, tx, "sites", a.Site); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO alerts ("+alertColumns+") VALUES (?,?,?,?,?,?,?,?)",
				a.ID, a.Site, a.Rule, a.Email, a.Webhook, a.Secret, a.Created.UnixMilli(), a.State)
			return err
		})
	}
	if err != nil {
		return account.Alert{}, fmt.Errorf("add alert: %w", err)
	}
	return a, nil
}

// Alerts lists them.
func (s *Store) Alerts(ctx context.Context) ([]account.Alert, error) {
	all, err := list(ctx, s, scanAlert, "SELECT "+alertColumns+" FROM alerts ORDER BY created, id")
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	return all, nil
}

// MoveAlert puts a state in the place of one that was read.
func (s *Store) MoveAlert(ctx context.Context, id, from, to string) error {
	if err := hit(s.exec(ctx, "UPDATE alerts SET state = ? WHERE id = ? AND state = ?", to, id, from)); err != nil {
		return fmt.Errorf("alert %s: %w", id, err)
	}
	return nil
}

// RemoveAlert removes one.
func (s *Store) RemoveAlert(ctx context.Context, id string) error {
	if err := hit(s.exec(ctx, "DELETE FROM alerts WHERE id = ?", id)); err != nil {
		return fmt.Errorf("remove alert %s: %w", id, err)
	}
	return nil
}

func scanAlert(row scanner) (a account.Alert, err error) {
	var created int64
	err = row.Scan(&a.ID, &a.Site, &a.Rule, &a.Email, &a.Webhook, &a.Secret, &created, &a.State)
	a.Created = time.UnixMilli(created).UTC()
	return a, err
}
