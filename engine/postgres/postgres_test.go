package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/engine/postgres"
	"footfall/engine/postgres/postgrestest"
)

var tables = postgres.Tables{Room: "test", Steps: []string{
	"CREATE TABLE counts (id TEXT PRIMARY KEY, n BIGINT NOT NULL)",
	"CREATE TABLE more (id TEXT PRIMARY KEY); INSERT INTO more VALUES ('made by the second step')",
}}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func opened(t testing.TB, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, tables)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// count counts one up.
func count(ctx context.Context) func(*sql.Tx) error {
	return func(t *sql.Tx) error {
		var n int
		err := t.QueryRowContext(ctx, "SELECT n FROM counts WHERE id = ?", "c").Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = t.ExecContext(ctx, "INSERT INTO counts (id, n) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET n = ?2", "c", n+1)
		return err
	}
}

func counted(t testing.TB, db *postgres.DB) (n int) {
	t.Helper()
	must(t, db.View(context.Background(), func(tx *sql.Tx) error {
		return tx.QueryRow("SELECT coalesce(sum(n), 0)::bigint FROM counts").Scan(&n)
	}))
	return n
}

// TestAtOnce opens empty tables twenty times at once, as processes do that start
// together, and counts: each change is as if no other ran.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			db, err := postgres.Open(t.Context(), s.URL("once"), tables)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			for range 5 {
				if err := db.Change(t.Context(), count(t.Context())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := counted(t, opened(t, s.URL("once"))); n != 100 {
		t.Errorf("counted %d, want 100", n)
	}
}

// TestSteps: tables of an older format get what is new, and keep what they have.
func TestSteps(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	old, err := postgres.Open(t.Context(), s.URL("steps"), postgres.Tables{Room: "test", Steps: tables.Steps[:1]})
	must(t, err)
	must(t, old.Change(t.Context(), count(t.Context())))
	must(t, old.Close())
	db := opened(t, s.URL("steps"))
	var is string
	must(t, db.Reader().QueryRow("SELECT id FROM more").Scan(&is))
	if n := counted(t, db); n != 1 || is != "made by the second step" {
		t.Errorf("counted %d, %q", n, is)
	}
	_, err = postgres.Open(t.Context(), s.URL("steps"), postgres.Tables{Room: "test", Steps: tables.Steps[:1]})
	if err == nil || !strings.Contains(err.Error(), "has format 2, this footfall knows 1: install a newer footfall") {
		t.Errorf("an older footfall says %v", err)
	}
	failing := postgres.Tables{Room: "test", Steps: append(tables.Steps[:2:2], "CREATE TABLE third (a BIGINT); SELECT 1/0")}
	if _, err = postgres.Open(t.Context(), s.URL("steps"), failing); err == nil {
		t.Error("a step that fails is no error")
	}
	if n := s.Ask("SELECT count(*)::text FROM pg_tables WHERE tablename = 'third'"); n != "0" {
		t.Error("half a step was made")
	}
	opened(t, s.URL("steps"))
}

// TestOwner: tables have one owner, who may be new if they have none.
func TestOwner(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	open := func(owner string) error {
		db, err := postgres.Open(t.Context(), s.URL("o"), postgres.Tables{Room: "test", Steps: tables.Steps, Owner: owner})
		if err == nil {
			db.Close()
		}
		return err
	}
	must(t, open(""))
	must(t, open("me"))
	must(t, open("me"))
	must(t, open(""))
	if err := open("you"); err == nil || !strings.Contains(err.Error(), "another data directory") {
		t.Errorf("another owner: %v", err)
	}
	s.Do("UPDATE o_test.footfall_format SET owner = ''")
	must(t, open("you"))
	where, err := postgres.Where(s.URL("o"))
	if must(t, err); !strings.Contains(where, ", database postgres, schema o") || strings.Contains(where, "s3cr") {
		t.Errorf("it is at %s", where)
	}
}

// TestSettings: whatever the server's usual settings are, a commit is on disk, and
// who looks can't write.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t) // its synchronous_commit is off
	db := opened(t, s.URL("a"))
	var commit, path string
	must(t, db.Change(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow("SELECT current_setting('synchronous_commit'), current_setting('search_path')").Scan(&commit, &path)
	}))
	if commit != "on" || path != "a_test" {
		t.Errorf("synchronous_commit is %q, search_path %q", commit, path)
	}
	if _, err := db.Reader().Exec("DELETE FROM counts"); err == nil {
		t.Error("the reader could write")
	}
	if err := db.View(t.Context(), count(t.Context())); err == nil {
		t.Error("a View could write")
	}
}

// TestValues: text that PostgreSQL refuses is kept all the same, and found; truth
// is 0 and 1; what is quoted is no parameter.
func TestValues(t *testing.T) {
	t.Parallel()
	db := opened(t, postgrestest.Start(t).URL("v"))
	for i, text := range []string{"a\x00b", "a\xff", "?", "ü'"} {
		must(t, db.Change(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT INTO counts (id, n) VALUES (?, ?)", text, i%2 == 1)
			return err
		}))
		var yes bool
		var mark string
		must(t, db.Reader().QueryRow("SELECT n, '?' || id FROM counts WHERE id = ?", text).Scan(&yes, &mark))
		if yes != (i%2 == 1) || !strings.HasPrefix(mark, "?") {
			t.Errorf("%q is %v %q", text, yes, mark)
		}
	}
	err := db.Change(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO counts (id, n) VALUES (?, 0)", "?")
		return err
	})
	if !postgres.Taken(err) {
		t.Errorf("a second row is %v", err)
	}
}

// TestCut cuts the connection in the middle of a Change, at its end, and while
// nobody uses it.
func TestCut(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	wire := s.Wire(t)
	db := opened(t, wire.URL("cut"))
	const commit = "commit\x00" // the whole of a message
	must(t, db.Change(t.Context(), count(t.Context())))
	for _, c := range []struct {
		name, at string
		after    bool
		fails    bool
	}{
		{"before a statement", "INSERT INTO counts", false, true},
		{"before the commit", commit, false, true},
		{"after the commit, whose answer is lost", commit, true, false},
	} {
		before, cuts := counted(t, db), wire.Cuts()
		if c.at != commit {
			wire.Cut() // else the statement was prepared, and is not said again
		}
		wire.CutAt(c.at, c.after)
		err := db.Change(t.Context(), count(t.Context()))
		if (err != nil) != c.fails || wire.Cuts() != cuts+1 {
			t.Errorf("%s: %v, %d cuts", c.name, err, wire.Cuts()-cuts)
		}
		if err != nil && (!strings.Contains(err.Error(), "PostgreSQL at 127.0.0.1") || strings.Contains(err.Error(), "s3cr")) {
			t.Errorf("%s: the error says %v", c.name, err)
		}
		want := before
		if !c.fails {
			want++
		}
		if n := counted(t, db); n != want {
			t.Errorf("%s: counted %d, want %d", c.name, n, want)
		}
		must(t, db.Change(t.Context(), count(t.Context())))
	}
	for range 3 {
		wire.Cut()
		must(t, db.View(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow("SELECT 1").Err() }))
		wire.Cut()
		must(t, db.Change(t.Context(), count(t.Context())))
	}
}

// TestServerCrashes: a server that crashes in the middle of a Change is an error,
// one that is not there says so, and once it is there again all goes on.
func TestServerCrashes(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	db := opened(t, s.URL("crash"))
	must(t, db.Change(t.Context(), count(t.Context())))
	err := db.Change(t.Context(), func(tx *sql.Tx) error {
		must(t, count(t.Context())(tx))
		s.Kill()
		return nil
	})
	if err == nil {
		t.Error("a Change that a crash ended is no error")
	}
	err = db.Change(t.Context(), count(t.Context()))
	if err == nil || !strings.Contains(err.Error(), "is the server running") || strings.Contains(err.Error(), "s3cr") {
		t.Errorf("without a server it says %v", err)
	}
	s.Again()
	if n := counted(t, db); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
	must(t, db.Change(t.Context(), count(t.Context())))
}

// TestCrashAndOthers: after a crash others get the numbers that transactions had
// which were lost, and commit: a Change is not taken for one of theirs.
func TestCrashAndOthers(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	db := opened(t, s.URL("again"))
	others := 0
	err := db.Change(t.Context(), func(tx *sql.Tx) error {
		must(t, count(t.Context())(tx))
		s.Restart()
		other := opened(t, s.URL("again"))
		for range 20 {
			must(t, other.Change(t.Context(), count(t.Context())))
			others++
		}
		return nil
	})
	if n := counted(t, db); err == nil || n != others {
		t.Errorf("it says %v; counted %d, want %d", err, n, others)
	}
}

// TestWaiting: who waits for a Change of another process stops with its context,
// and holds up nobody afterwards.
func TestWaiting(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	a, b := opened(t, s.URL("wait")), opened(t, s.URL("wait"))
	must(t, a.Change(t.Context(), func(*sql.Tx) error {
		ctx, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer end()
		if err := b.Change(ctx, count(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it waited, and then: %v", err)
		}
		if n := counted(t, b); n != 0 {
			t.Errorf("counted %d", n)
		}
		return nil
	}))
	ctx, end := context.WithCancel(t.Context())
	err := a.Change(ctx, func(tx *sql.Tx) error {
		defer end()
		return count(ctx)(tx)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a Change whose context ended is %v", err)
	}
	must(t, b.Change(t.Context(), count(t.Context())))
	if n := counted(t, a); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
}

// TestOpenRefuses: each trouble says the next step, and nothing of the password.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t)
	s.Do("CREATE SCHEMA foreign_test CREATE TABLE a (b BIGINT)")
	s.Do("CREATE ROLE weak LOGIN PASSWORD 's3cret'")
	s.Do("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
	good := s.URL("a")
	host := strings.SplitAfter(good, "@")[1]
	for name, c := range map[string]struct{ url, want string }{
		"no URL":                              {"postgres://me:s3cret@", "this is no URL of a PostgreSQL"},
		"a wrong escape":                      {"postgres://me:s3cret%zz@localhost/a", "this is no URL of a PostgreSQL"},
		"no database":                         {"postgres://me:s3cret@localhost/", "this is no URL of a PostgreSQL"},
		"a wrong port":                        {"postgres://me:s3cret@localhost:s3cret/a", "this is no URL of a PostgreSQL"},
		"another engine":                      {"mysql://me:s3cret@localhost/a", "this is no URL of a PostgreSQL"},
		"a password that settings would show": {"postgres://localhost/a?password=s3cret", "this is no URL of a PostgreSQL"},
		"a password of a key, likewise":       {"postgres://localhost/a?sslpassword=s3cret", "this is no URL of a PostgreSQL"},
		"a wrong option":                      {"postgres://me:s3cret@localhost/a?sslmode=perhaps", "this is no URL of a PostgreSQL"},
		"a wrong schema":                      {s.URL("A;b"), "small letters"},
		"no server":                           {"postgres://me:s3cret@127.0.0.1:1/a", "is the server running"},
		"a wrong password":                    {strings.Replace(good, "s3cr", "s3cr3t", 1), "check user and password"},
		"no such database":                    {strings.Replace(good, "/postgres?", "/nowhere?", 1), "createdb"},
		"another's schema":                    {s.URL("foreign"), "choose another with ?schema="},
		"no rights":                           {"postgres://weak:s3cret@" + host, "GRANT CREATE ON DATABASE"},
		"another encoding":                    {strings.Replace(good, "/postgres?", "/latin?", 1), "ENCODING 'UTF8'"},
	} {
		db, err := postgres.Open(t.Context(), c.url, tables)
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	s.Do("ALTER SYSTEM SET fsync = off")
	s.Do("SELECT pg_reload_conf()")
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var db *postgres.DB
		if db, err = postgres.Open(t.Context(), good, tables); err != nil {
			break
		}
		db.Close()
	}
	if !strings.Contains(fmt.Sprint(err), "set fsync = on") {
		t.Errorf("with fsync off: %v", err)
	}
}

// TestPanic: a panic changes nothing and holds nobody up.
func TestPanic(t *testing.T) {
	t.Parallel()
	db := opened(t, postgrestest.Start(t).URL("p"))
	func() {
		defer func() {
			if recover() != "mine" {
				t.Error("no panic")
			}
		}()
		_ = db.Change(t.Context(), func(tx *sql.Tx) error {
			must(t, count(t.Context())(tx))
			panic("mine")
		})
	}()
	must(t, db.Change(t.Context(), count(t.Context())))
	if n := counted(t, db); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
}
