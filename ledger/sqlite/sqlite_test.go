package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/ledger/ledgertest"
)

func opened(t testing.TB, dir string) *Book {
	t.Helper()
	b, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeepsTheLaw(t *testing.T) {
	ledgertest.Law(t, func(t *testing.T, dir string) ledger.Book { return opened(t, dir) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func change(t testing.TB, b *Book, fn func(tx ledger.Tx) error) {
	t.Helper()
	must(t, b.Change(context.Background(), fn))
}

func view(t testing.TB, b *Book, fn func(tx ledger.Tx) error) {
	t.Helper()
	must(t, b.View(context.Background(), fn))
}

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b%3f")
	must(t, os.Mkdir(dir, 0o700))
	b := opened(t, dir)
	defer b.Close()
	change(t, b, func(tx ledger.Tx) error { return ledgertest.Sell(tx, 1) })
	view(t, b, func(tx ledger.Tx) error { _, err := tx.Money().Entries(ledger.EntryFilter{}); return err })
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "secure_delete": "1"} {
		var got string
		if err := b.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	if _, err := b.reader.Exec("DELETE FROM entries"); err == nil {
		t.Error("a reader could write")
	}
}

// TestTwoProcesses opens the file twice: changes of both are as if one after the other.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	a, b := opened(t, dir), opened(t, dir)
	defer a.Close()
	defer b.Close()
	var both sync.WaitGroup
	for _, book := range []*Book{a, b} {
		both.Go(func() {
			for range 20 {
				if err := book.Change(t.Context(), ledgertest.Earn); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	for _, book := range []*Book{a, b} {
		view(t, book, func(tx ledger.Tx) error { return ledgertest.Recount(t, tx, 40) })
	}
}

// in counts how often a text is in the files, while they are open.
func in(t *testing.T, dir, text string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, File+"*"))
	must(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		must(t, err)
		n += strings.Count(string(content), text)
	}
	return n
}

// TestForgotten looks for forgotten keys in the bytes of the files: rule 19. Who
// reads what was there before does not keep them in the log for good.
func TestForgotten(t *testing.T) {
	const somebody ledger.Key = "user:somebody-with-a-long-id"
	dir := t.TempDir()
	b := opened(t, dir)
	defer b.Close()
	forget := func() {
		change(t, b, func(tx ledger.Tx) error { _, err := tx.Traffic().Links().Forget("p", nil, somebody); return err })
	}
	for _, read := range []bool{false, true} {
		change(t, b, func(tx ledger.Tx) error {
			_, err := tx.Traffic().AddTouch(ledger.Touch{ID: fmt.Sprint(read), Program: "p", Keys: []ledger.Key{"anon:1", somebody}, Time: ledgertest.Start})
			must(t, err)
			_, err = tx.Traffic().Links().Add(ledger.Link{Program: "p", A: "anon:1", B: somebody, Since: ledgertest.Start})
			must(t, err)
			return tx.Orders().Put(ledger.Order{ID: fmt.Sprint(read), Program: "p", Keys: []ledger.Key{somebody}, Time: ledgertest.Start})
		})
		if in(t, dir, string(somebody)) == 0 {
			t.Fatal("the key is not there before")
		}
		if !read {
			forget()
			if n := in(t, dir, string(somebody)); n > 0 {
				t.Errorf("the key is there %d times", n)
			}
			continue
		}
		view(t, b, func(tx ledger.Tx) error {
			_, err := tx.Set().Programs().Find("", "")
			forget()
			return err
		})
		for deadline := time.Now().Add(30 * time.Second); in(t, dir, string(somebody)) > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("what was forgotten is in the log")
			}
		}
	}
}

// spoilPages leaves only the first page of a file as it was.
func spoilPages(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	for i := 4096; i < len(content); i++ {
		content[i] = 0xa5
	}
	must(t, os.WriteFile(path, content, 0o600))
}

func TestOpenRefuses(t *testing.T) {
	run := func(t *testing.T, path, statements string) {
		db, err := sql.Open("sqlite3", path)
		must(t, err)
		_, err = db.Exec(statements)
		must(t, err)
		db.Close()
	}
	for _, c := range []struct {
		name, want string
		damaged    bool
		spoil      func(t *testing.T, path string)
	}{
		{"a newer format", "has format 2, this footfall knows 1: install a newer footfall", false, func(t *testing.T, path string) {
			opened(t, filepath.Dir(path)).Close()
			run(t, path, "PRAGMA user_version = 2")
		}},
		{"another program's file", "is a file of something else", false, func(t *testing.T, path string) { run(t, path, "CREATE TABLE a (b)") }},
		{"bins", "is a file of something else", false, func(t *testing.T, path string) { run(t, path, "PRAGMA application_id = 0x4646626e") }},
		{"no database", restore, true, func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
		}},
		{"damaged pages", restore, true, func(t *testing.T, path string) {
			opened(t, filepath.Dir(path)).Close()
			spoilPages(t, path)
		}},
		{"a page that nothing uses", restore, true, func(t *testing.T, path string) {
			opened(t, filepath.Dir(path)).Close()
			run(t, path, "PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'flags_order'")
		}},
		{"no folder", "no such file", false, func(t *testing.T, path string) { os.Remove(filepath.Dir(path)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			must(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, File)
			c.spoil(t, path)
			b, err := Open(Options{Dir: dir})
			if err == nil {
				b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrDamaged) != c.damaged || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

// TestDamagedLater reads a page that is not as it should be.
func TestDamagedLater(t *testing.T) {
	dir := t.TempDir()
	b := opened(t, dir)
	change(t, b, func(tx ledger.Tx) error { return ledgertest.Sell(tx, 1) })
	must(t, b.Close())
	b = opened(t, dir)
	defer b.Close()
	spoilPages(t, filepath.Join(dir, File))
	err := b.View(t.Context(), func(tx ledger.Tx) error { _, err := tx.Money().Entries(ledger.EntryFilter{}); return err })
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), restore) {
		t.Errorf("View says %v", err)
	}
}

// TestFailedWrites lets SQLite refuse a row of each table, and the commit: nothing
// has changed, and the next Change succeeds.
func TestFailedWrites(t *testing.T) {
	b := opened(t, t.TempDir())
	defer b.Close()
	run := func(statements string) {
		t.Helper()
		_, err := b.writer.Exec(statements)
		must(t, err)
	}
	run("PRAGMA foreign_keys = on; CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)")
	for _, table := range []string{"orders", "order_lines", "order_keys", "order_names", "facts", "decisions", "entries", "payouts", "position"} {
		for _, trouble := range []string{"SELECT RAISE(ABORT, 'no room')", "INSERT INTO c VALUES (1)"} {
			run("CREATE TRIGGER trouble AFTER INSERT ON " + table + " BEGIN " + trouble + "; END")
			if err := b.Change(t.Context(), func(tx ledger.Tx) error { return errors.Join(ledgertest.Pay(tx, 1), ledgertest.Earn(tx)) }); err == nil {
				t.Errorf("%s with %s: no error", table, trouble)
			}
			run("DROP TRIGGER trouble")
			view(t, b, func(tx ledger.Tx) error { return ledgertest.Recount(t, tx, 0) })
		}
	}
	for range 3 {
		change(t, b, ledgertest.Earn)
	}
	view(t, b, func(tx ledger.Tx) error { return ledgertest.Recount(t, tx, 3) })
}

// TestStaysWithinItsContext: a long read ends with its context.
func TestStaysWithinItsContext(t *testing.T) {
	b := opened(t, t.TempDir())
	defer b.Close()
	change(t, b, ledgertest.Earn)
	ctx, end := context.WithCancel(t.Context())
	err := b.View(ctx, func(tx ledger.Tx) error {
		end()
		_, err := tx.Money().Entries(ledger.EntryFilter{})
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a View that is ended is %v", err)
	}
}

// TestMergedOrderLeavesNothing: no row of an order that became another is left,
// where forgetting would not find it.
func TestMergedOrderLeavesNothing(t *testing.T) {
	b := opened(t, t.TempDir())
	defer b.Close()
	must(t, b.Change(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Orders().Facts().Add(ledger.Fact{ID: "f", Order: "gone"})
		return errors.Join(err, tx.Orders().Put(ledger.Order{ID: "gone", Store: "s", Number: "1", Keys: []ledger.Key{"anon:1"}, Lines: []ledger.Line{{ID: "1"}}}),
			tx.Orders().Put(ledger.Order{ID: "kept"}), tx.Orders().Facts().Merge("gone", "kept"))
	}))
	for table, column := range map[string]string{"orders": "id", "order_keys": "order_id", "order_lines": "order_id", "order_names": "order_id", "facts": "order_id"} {
		var n, all int
		must(t, b.reader.QueryRow("SELECT count(*) FILTER (WHERE "+column+" = 'gone'), count(*) FROM "+table).Scan(&n, &all))
		if n != 0 || all == 0 != (table == "order_lines") {
			t.Errorf("%s: %d rows of the order that is gone, %d in all", table, n, all)
		}
	}
}
