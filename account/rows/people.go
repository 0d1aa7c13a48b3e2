package rows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"footfall/account"
)

const personColumns = "id, email, name, created, disabled, language"

// AddPerson keeps a new person. An e-mail that somebody has is
// account.ErrExists, a wrong field an event.InvalidError.
func (s *Store) AddPerson(ctx context.Context, p account.Person) (account.Person, error) {
	p, err := account.PreparePerson(p, time.Now())
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, "INSERT INTO people ("+personColumns+") VALUES (?,?,?,?,?,?) ON CONFLICT (email) DO NOTHING",
				p.ID, p.Email, p.Name, p.Created.UnixMilli(), p.Disabled, p.Language)
			if hit(r, err) == account.ErrNotFound {
				return account.ErrExists
			}
			return err
		})
	}
	if err != nil {
		return account.Person{}, fmt.Errorf("add person: %w", err)
	}
	return p, nil
}

// Person finds somebody by id or e-mail.
func (s *Store) Person(ctx context.Context, idOrEmail string) (account.Person, error) {
	email, _ := account.Email(idOrEmail) // nobody has ""
	p, err := scanPerson(s.one(ctx, "SELECT "+personColumns+" FROM people WHERE id = ? OR email = ?", idOrEmail, email))
	if err != nil {
		return account.Person{}, fmt.Errorf("person: %w", err)
	}
	return p, nil
}

// People lists everybody by e-mail.
func (s *Store) People(ctx context.Context) ([]account.Person, error) {
	all, err := list(ctx, s, scanPerson, "SELECT "+personColumns+" FROM people ORDER BY email")
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return all, nil
}

// SetPerson names a person and the language of the pages. It leaves the rest: who is just
// being disabled must not get in again by it.
func (s *Store) SetPerson(ctx context.Context, id, name, language string) error {
	name, err := account.Name(name)
	if err == nil {
		language, err = account.Language(language)
	}
	if err == nil {
		err = hit(s.exec(ctx, "UPDATE people SET name = ?, language = ? WHERE id = ?", name, language, id))
	}
	if err != nil {
		return fmt.Errorf("name person: %w", err)
	}
	return nil
}

// SetDisabled lets a person in nowhere, or in again.
func (s *Store) SetDisabled(ctx context.Context, person string, disabled bool) error {
	if err := hit(s.exec(ctx, "UPDATE people SET disabled = ? WHERE id = ?", disabled, person)); err != nil {
		return fmt.Errorf("disable person: %w", err)
	}
	return nil
}

// RemovePerson removes somebody with everything that belongs to them.
func (s *Store) RemovePerson(ctx context.Context, id string) error {
	if err := hit(s.exec(ctx, "DELETE FROM people WHERE id = ?", id)); err != nil {
		return fmt.Errorf("remove person: %w", err)
	}
	return nil
}

func scanPerson(row scanner) (p account.Person, err error) {
	var created int64
	if err := row.Scan(&p.ID, &p.Email, &p.Name, &created, &p.Disabled, &p.Language); err != nil {
		return account.Person{}, err
	}
	p.Created = time.UnixMilli(created).UTC()
	return p, nil
}

// PutGrant gives a role on a site, and ends the person's links that set a
// password. An unknown person or site is account.ErrNotFound.
func (s *Store) PutGrant(ctx context.Context, g account.Grant) error {
	err := account.CheckGrant(g)
	if err == nil {
		err = s.tables.Change(ctx, func(tx *sql.Tx) error {
			if g.Site != "" {
				if err := known(ctx, tx, "sites", g.Site); err != nil {
					return err
				}
			}
			if err := known(ctx, tx, "people", g.Person); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM links WHERE person = ? AND purpose IN (?, ?)", g.Person, string(account.ForInvite), string(account.ForReset)); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO grants (person, site, role) VALUES (?,?,?) ON CONFLICT (person, site) DO UPDATE SET role = excluded.role",
				g.Person, g.Site, string(g.Role))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	return nil
}

// Grants lists a person's grants, or everybody's.
func (s *Store) Grants(ctx context.Context, person string) ([]account.Grant, error) {
	all, err := list(ctx, s, func(row scanner) (g account.Grant, err error) {
		return g, row.Scan(&g.Person, &g.Site, &g.Role)
	}, "SELECT person, site, role FROM grants WHERE ?1 = '' OR person = ?1 ORDER BY person, site", person)
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	return all, nil
}

// RemoveGrant takes the role on a site away.
func (s *Store) RemoveGrant(ctx context.Context, person, site string) error {
	if err := hit(s.exec(ctx, "DELETE FROM grants WHERE person = ? AND site = ?", person, site)); err != nil {
		return fmt.Errorf("remove grant: %w", err)
	}
	return nil
}

// Credential is how a person proves to be it.
func (s *Store) Credential(ctx context.Context, person string) (c account.Credential, err error) {
	err = s.one(ctx, "SELECT password, totp, step, (SELECT count(*) FROM recovery WHERE person = id) FROM people WHERE id = ?", person).
		Scan(&c.Password, &c.TOTP, &c.Step, &c.Recovery)
	if err != nil {
		return account.Credential{}, fmt.Errorf("credential: %w", err)
	}
	return c, nil
}

// SetPassword keeps a password's hash.
func (s *Store) SetPassword(ctx context.Context, person, hash string) error {
	if err := hit(s.exec(ctx, "UPDATE people SET password = ? WHERE id = ?", hash, person)); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// SetTOTP sets a second factor and its recovery codes, or takes both away.
func (s *Store) SetTOTP(ctx context.Context, person string, secret []byte, recovery [][]byte) error {
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if err := hit(tx.ExecContext(ctx, "UPDATE people SET totp = ?, step = 0 WHERE id = ?", secret, person)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM recovery WHERE person = ?", person); err != nil {
			return err
		}
		for _, hash := range recovery {
			if _, err := tx.ExecContext(ctx, "INSERT INTO recovery (person, hash) VALUES (?,?)", person, hash); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set second factor: %w", err)
	}
	return nil
}

// UseStep notes the step of a code; account.ErrNotFound if it was used before.
func (s *Store) UseStep(ctx context.Context, person string, step int64) error {
	if err := hit(s.exec(ctx, "UPDATE people SET step = ?1 WHERE id = ?2 AND step < ?1", step, person)); err != nil {
		return fmt.Errorf("use code: %w", err)
	}
	return nil
}

// UseRecovery uses a recovery code up.
func (s *Store) UseRecovery(ctx context.Context, person string, hash []byte) error {
	if err := hit(s.exec(ctx, "DELETE FROM recovery WHERE person = ? AND hash = ?", person, hash)); err != nil {
		return fmt.Errorf("use recovery code: %w", err)
	}
	return nil
}
