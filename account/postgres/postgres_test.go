package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/account/rows"
	engine "footfall/engine/postgres"
	"footfall/engine/postgres/postgrestest"
	"footfall/event"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, url string) *rows.Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// TestOnPostgreSQL has one server for all, as its start takes seconds.
func TestOnPostgreSQL(t *testing.T) {
	server := postgrestest.Start(t)
	for name, test := range map[string]func(*testing.T, *postgrestest.Server){
		"keeps the law":                   keepsTheLaw,
		"two processes":                   twoProcesses,
		"a database of another language":  databaseOfAnotherLanguage,
		"the audit log is only added to":  auditLogIsOnlyAddedTo,
		"secrets are kept as hashes":      secretsAreKeptAsHashes,
		"secrets are read":                secretsAreRead,
		"a destroyed salt is in no table": destroyedSaltIsInNoTable,
		"a cut connection":                cut,
		"the server is gone":              serverGone,
		"open refuses":                    openRefuses,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
}

func keepsTheLaw(t *testing.T, server *postgrestest.Server) {
	n := 0
	accounttest.Run(t, func(t *testing.T) accounttest.Store {
		n++
		return opened(t, server.URL(fmt.Sprintf("law%d", n)))
	})
}

func twoProcesses(t *testing.T, server *postgrestest.Server) {
	n := 0
	accounttest.Two(t, func(t *testing.T) (accounttest.Store, accounttest.Store) {
		n++
		url := server.URL(fmt.Sprintf("two%d", n))
		return opened(t, url), opened(t, url)
	})
}

// databaseOfAnotherLanguage: lists are in the order of bytes also where the
// database has another one.
func databaseOfAnotherLanguage(t *testing.T, server *postgrestest.Server) {
	server.Do("CREATE DATABASE english TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en'")
	s := opened(t, strings.Replace(server.URL("a"), "/postgres?", "/english?", 1))
	ctx := t.Context()
	want := []string{"a-z@a.com", "a_z@a.com", "zoe@a.com", "émile@a.com"}
	for _, i := range []int{3, 1, 0, 2} {
		_, err := s.AddPerson(ctx, account.Person{Email: want[i]})
		must(t, err)
	}
	all, err := s.People(ctx)
	must(t, err)
	if !slices.EqualFunc(all, want, func(p account.Person, email string) bool { return p.Email == email }) {
		t.Errorf("people in another order than %v: %+v", want, all)
	}
}

// auditLogIsOnlyAddedTo: also for who has the password of the database.
func auditLogIsOnlyAddedTo(t *testing.T, server *postgrestest.Server) {
	s := opened(t, server.URL("audit"))
	must(t, s.Record(t.Context(), account.Change{Who: "operator", What: "user add"}))
	db, err := sql.Open("pgx", server.URL(""))
	must(t, err)
	defer db.Close()
	for _, statement := range []string{"DELETE FROM audit_account.audit", "UPDATE audit_account.audit SET who = 'nobody'", "TRUNCATE audit_account.audit",
		"INSERT INTO audit_account.audit (id, at, who, what, target, old, new) SELECT id, at, 'nobody', what, target, old, new FROM audit_account.audit",
		"INSERT INTO audit_account.audit (id, at, who, what, target, old, new) OVERRIDING SYSTEM VALUE SELECT id, at, 'nobody', what, target, old, new FROM audit_account.audit ON CONFLICT (id) DO UPDATE SET who = 'nobody'"} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
	if all, err := s.Changes(t.Context(), account.ChangeFilter{}); err != nil || len(all) != 1 || all[0].Who != "operator" {
		t.Errorf("Changes = %+v, %v", all, err)
	}
}

// file is the path of a table's file and what is in it now.
func file(server *postgrestest.Server, table string) (path string, content []byte) {
	server.Do("CHECKPOINT")
	path = server.Ask("SELECT pg_relation_filepath('" + table + "')")
	content, _ = hex.DecodeString(server.Ask("SELECT encode(pg_read_binary_file('" + path + "'), 'hex')"))
	return path, content
}

func secretsAreKeptAsHashes(t *testing.T, server *postgrestest.Server) {
	s := opened(t, server.URL("hashes"))
	ctx := t.Context()
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	key, _, err1 := s.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Read}})
	share, _, err2 := s.AddShare(ctx, account.Share{Site: site.ID})
	link, err3 := s.AddLink(ctx, account.ForLogin, "", time.Hour)
	session, err4 := s.AddSession(ctx, "")
	must(t, errors.Join(err1, err2, err3, err4))
	for table, secret := range map[string]string{"keys": key, "shares": share, "links": link, "sessions": session} {
		_, content := file(server, "hashes_account."+table)
		if !bytes.Contains(content, account.HashToken(secret)) {
			t.Errorf("the hash is not in the file of %s: is this its file?", table)
		}
		if bytes.Contains(content, []byte(secret)) || bytes.Contains(content, []byte(secret[4:])) {
			t.Errorf("a %s token stands in the file of %s", secret[:4], table)
		}
	}
}

// destroyedSaltIsInNoTable: a salt is in its table as long as it is needed,
// and then in no file of it; while a backup reads the table, in no row.
func destroyedSaltIsInNoTable(t *testing.T, server *postgrestest.Server) {
	for _, read := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			name := fmt.Sprintf("salts%v", read)
			s := opened(t, server.URL(name))
			salt, err := s.Salt(event.DayOf(time.Now()))
			must(t, err)
			table := name + "_account.salts"
			time.Sleep(24 * time.Hour)
			var old string
			waitFor(t, func() bool {
				path, content := file(server, table)
				old = path
				return bytes.Contains(content, salt)
			}, "yesterday's salt is gone")
			today, err := s.Salt(event.DayOf(time.Now()))
			must(t, err)
			done := func() {}
			if read {
				done = reading(t, server.URL(""), table)
			}
			time.Sleep(24*time.Hour + time.Minute) // nobody asks for a salt: it goes on its own
			synctest.Wait()
			waitFor(t, func() bool { return server.Ask("SELECT count(*)::text FROM "+table) == "1" }, "the old salt is still a row")
			if done(); read {
				time.Sleep(time.Minute)
			}
			waitFor(t, func() bool {
				now, content := file(server, table)
				return now != old && !bytes.Contains(content, salt) && bytes.Contains(content, today)
			}, "the old salt is in the table's file, or today's is not")
		})
	}
}

// reading looks at a table in a transaction that lasts, as a backup does.
func reading(t *testing.T, url, table string) (end func()) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	must(t, err)
	tx, err := db.Begin()
	must(t, err)
	must(t, tx.QueryRow("SELECT count(*) FROM "+table).Scan(new(int)))
	return func() { tx.Rollback(); db.Close() }
}

// waitFor waits, in a bubble of fake time, for what the server does in real time.
func waitFor(t *testing.T, ok func() bool, not string) {
	t.Helper()
	for range 100 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error(not)
}

// cut cuts the connection before a link is used, before what used it is
// committed, and behind the commit: nobody gets in twice, and nobody is told that
// it failed who got in.
func cut(t *testing.T, server *postgrestest.Server) {
	wire := server.Wire(t)
	s, ctx := opened(t, wire.URL("cut")), t.Context()
	for _, c := range []struct {
		at    string
		after bool
		used  bool
	}{{"DELETE FROM links WHERE hash", false, false}, {"commit\x00", false, false}, {"commit\x00", true, true}} {
		link, err := s.AddLink(ctx, account.ForLogin, "", time.Hour)
		must(t, err)
		before := wire.Cuts()
		wire.CutAt(c.at, c.after)
		_, err = s.UseLink(ctx, link)
		if wire.Cuts() != before+1 || (err == nil) != c.used {
			t.Errorf("cut at %s, behind it %v: %d cuts, %v", c.at, c.after, wire.Cuts()-before, err)
		}
		if err != nil && !strings.Contains(err.Error(), "PostgreSQL at ") {
			t.Errorf("the error does not say where: %v", err)
		}
		if _, err = s.UseLink(ctx, link); (err == nil) == c.used || c.used && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("cut at %s, behind it %v: used again, %v", c.at, c.after, err)
		}
	}
	wire.Cut() // while nobody asks
	time.Sleep(1100 * time.Millisecond)
	if _, err := s.Sites(ctx); err != nil {
		t.Errorf("the first question after a cut: %v", err)
	}
	must(t, s.Record(ctx, account.Change{Who: "operator"}))
}

// serverGone: salts that are in memory are there without the server; what is
// asked of it says which server does not answer, and all goes on when it is back.
func serverGone(t *testing.T, server *postgrestest.Server) {
	s, today := opened(t, server.URL("gone")), event.DayOf(time.Now())
	salt, err := s.Salt(today)
	must(t, err)
	server.Kill()
	if again, err := s.Salt(today); err != nil || !bytes.Equal(salt, again) {
		t.Errorf("a salt that is known: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for what, err := range map[string]error{"Salt": func() error { _, err := s.Salt(today - 1); return err }(), "Sites": func() error { _, err := s.Sites(ctx); return err }(),
		"Record": s.Record(ctx, account.Change{Who: "operator"})} {
		if err == nil || !strings.Contains(err.Error(), "PostgreSQL at 127.0.0.1") || strings.Contains(err.Error(), postgrestest.Password) {
			t.Errorf("%s without a server: %v", what, err)
		}
	}
	server.Again()
	must(t, s.Record(t.Context(), account.Change{Who: "operator"}))
	b := opened(t, server.URL("gone"))
	if again, err := b.Salt(today); err != nil || !bytes.Equal(salt, again) {
		t.Errorf("the crash of a server changed the salt: %v", err)
	}
}

func openRefuses(t *testing.T, server *postgrestest.Server) {
	opened(t, server.URL("newer")).Close()
	server.Do("UPDATE newer_account.footfall_format SET version = 99")
	for url, want := range map[string]string{
		server.URL("newer"): fmt.Sprintf("has format 99, this footfall knows %d: install a newer footfall", len(steps)),
		strings.Replace(server.URL("newer"), "footfall:", "somebody:", 1): "check user and password",
	} {
		s, err := Open(t.Context(), url)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "control data: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), postgrestest.Password) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

// counting counts the transactions that write.
type counting struct {
	tables
	changes *int
}

func (c counting) Change(ctx context.Context, fn func(*sql.Tx) error) error {
	*c.changes++
	return c.tables.Change(ctx, fn)
}

// secretsAreRead: a secret is written when it is made, and only read by whoever
// has a signature looked at, also a forged one.
func secretsAreRead(t *testing.T, server *postgrestest.Server) {
	db, err := engine.Open(t.Context(), server.URL("read"), engine.Tables{Room: "account", Steps: steps})
	must(t, err)
	changes := 0
	s, err := rows.Open(t.Context(), counting{tables{db}, &changes})
	must(t, err)
	defer s.Close()
	for _, want := range []int{1, 0, 0} {
		changes = 0
		if b, err := s.Secret(t.Context(), "embed"); err != nil || len(b) != 32 || changes != want {
			t.Errorf("a secret of %d bytes wrote %d times, want %d: %v", len(b), changes, want, err)
		}
	}
}
