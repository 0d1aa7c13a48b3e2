package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// letters is a file with secrets in it.
var letters = Kind{Name: "letters", Application: 0x46467878, Steps: []string{"CREATE TABLE letters (text TEXT NOT NULL UNIQUE) STRICT;\n"},
	Pragmas: "_secure_delete=on", Repair: "put the backup in its place"}

// with is letters with more steps, which leave nothing secret in a copy.
func with(steps ...string) Kind {
	k := letters
	k.Steps = append(k.Steps[:1:1], steps...)
	k.Copied = func(copied *sql.DB) error {
		_, err := copied.Exec("DELETE FROM letters WHERE text LIKE 'secret%'")
		return err
	}
	return k
}

func opened(t *testing.T, path string, k Kind) *File {
	t.Helper()
	f, err := Open(path, k)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func run(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

func at(t *testing.T) string { return filepath.Join(t.TempDir(), "a b%3f.sqlite") }

// foreign changes a file that is not open.
func foreign(t *testing.T, path, statements string) {
	t.Helper()
	db := connect(path, "")
	run(t, db, statements)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func spoil(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(content[:4096:4096], bytes.Repeat([]byte{0xa5}, len(content)-4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	path := at(t)
	f := opened(t, path, letters)
	defer f.Close()
	run(t, f.Writer, "INSERT INTO letters VALUES ('a')")
	r := f.Reader(2, "_cache_size=-1000")
	if _, err := r.Exec("DELETE FROM letters"); err == nil {
		t.Error("a reader could write")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) < 2 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": patience, "secure_delete": "1", "application_id": "1179023480", "user_version": "1"} {
		var got string
		if err := f.Writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
}

func TestTaken(t *testing.T) {
	f := opened(t, at(t), letters)
	defer f.Close()
	run(t, f.Writer, "INSERT INTO letters VALUES ('a')")
	_, twice := f.Writer.Exec("INSERT INTO letters VALUES ('a')")
	_, none := f.Writer.Exec("INSERT INTO letters VALUES (NULL)")
	if !Taken(twice) || none == nil || Taken(none) {
		t.Errorf("Taken says %v of %v and %v of %v", Taken(twice), twice, Taken(none), none)
	}
}

// TestFormatChanges brings an older file up to date, with a copy of before.
func TestFormatChanges(t *testing.T) {
	path := at(t)
	f := opened(t, path, letters)
	run(t, f.Writer, "INSERT INTO letters VALUES ('kept'), ('secret one')")
	f.Close()
	for range 2 { // the second time it is of the new format
		f = opened(t, path, with("ALTER TABLE letters ADD COLUMN colour TEXT", "CREATE TABLE more (a TEXT)"))
		var n, m int
		if err := f.Writer.QueryRow("SELECT count(*), count(colour) + (SELECT count(*) FROM more) FROM letters").Scan(&n, &m); err != nil || n != 2 || m != 0 {
			t.Errorf("%d letters, %d, %v", n, m, err)
		}
		f.Close()
	}
	copied, err := os.ReadFile(path + ".v1.bak")
	if err != nil || !bytes.Contains(copied, []byte("kept")) || bytes.Contains(copied, []byte("secret one")) || bytes.Contains(copied, []byte("colour")) {
		t.Errorf("the copy is not the file of before without its secrets: %v", err)
	}
	if info, err := os.Stat(path + ".v1.bak"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".v2.bak"); err == nil {
		t.Error("a file that is up to date was copied")
	}
}

// TestBrokenStep: of a step that fails nothing stays, and the file opens as before.
func TestBrokenStep(t *testing.T) {
	path := at(t)
	opened(t, path, letters).Close()
	if _, err := Open(path, with("CREATE TABLE x (a); CREATE TABLE letters (a)")); err == nil || !strings.Contains(err.Error(), "format 2 of "+path) {
		t.Fatalf("a broken step: %v", err)
	}
	f := opened(t, path, letters)
	defer f.Close()
	if err := f.Writer.QueryRow("SELECT a FROM x").Scan(new(int)); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Error("half of a broken step was kept")
	}
}

func TestOpenRefuses(t *testing.T) {
	older := letters
	older.Newer = "move it away"
	for _, c := range []struct {
		name    string
		kind    Kind
		want    string
		damaged bool
		spoil   func(t *testing.T, path string)
	}{
		{"a newer format", letters, "has format 2, this footfall knows 1: install a newer footfall", false, func(t *testing.T, path string) { opened(t, path, with("CREATE TABLE x (a)")).Close() }},
		{"a newer format that can go", older, "install a newer footfall, or move it away", false, func(t *testing.T, path string) { opened(t, path, with("CREATE TABLE x (a)")).Close() }},
		{"another program's file", letters, "is a file of something else: move it away", false, func(t *testing.T, path string) { foreign(t, path, "CREATE TABLE a (b)") }},
		{"another seam's file", letters, "is a file of something else: move it away", false, func(t *testing.T, path string) {
			foreign(t, path, "PRAGMA application_id = 7; PRAGMA user_version = 1")
		}},
		{"another program's, with no mark of our own", Kind{Name: "letters", Steps: letters.Steps}, "is a file of something else", false, func(t *testing.T, path string) { foreign(t, path, "CREATE TABLE a (b)") }},
		{"no database", letters, letters.Repair, true, func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"damaged pages", letters, letters.Repair, true, func(t *testing.T, path string) {
			opened(t, path, letters).Close()
			spoil(t, path)
		}},
		{"damaged pages of an older file", with("CREATE INDEX letters_text ON letters (text)"), letters.Repair, true, func(t *testing.T, path string) {
			opened(t, path, letters).Close()
			spoil(t, path)
		}},
		{"a page that nothing uses", letters, letters.Repair, true, func(t *testing.T, path string) {
			opened(t, path, letters).Close()
			foreign(t, path, "CREATE TABLE gone (a); PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'gone'")
		}},
		{"no folder", letters, "no such file", false, func(t *testing.T, path string) { os.Remove(filepath.Dir(path)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := at(t)
			c.spoil(t, path)
			f, err := Open(path, c.kind)
			if err == nil {
				f.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), "letters: ") || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || errors.Is(err, ErrDamaged) != c.damaged {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
			if _, err := os.Stat(path + ".v1.bak"); err == nil {
				t.Error("what was refused was copied")
			}
		})
	}
}

// TestJudgedOnce: what to do stands in an error once.
func TestJudgedOnce(t *testing.T) {
	path := at(t)
	f := opened(t, path, letters)
	run(t, f.Writer, "INSERT INTO letters VALUES ('a')")
	f.Close()
	f = opened(t, path, letters)
	defer f.Close()
	spoil(t, path)
	err := f.On(t.Context(), f.Reader(1, ""), func(_ *sql.Conn, tx *sql.Tx) error {
		return f.Judge(tx.QueryRow("SELECT text FROM letters").Scan(new(string)))
	})
	if !errors.Is(err, ErrDamaged) || strings.Count(err.Error(), letters.Repair) != 1 {
		t.Errorf("a damaged page: %v", err)
	}
	if other := errors.New("other"); f.Judge(other) != other || f.Judge(nil) != nil {
		t.Error("an error that tells of no damage is changed")
	}
}

// TestOn: nothing stays that was not committed, and who waits ends with its context.
func TestOn(t *testing.T) {
	f := opened(t, at(t), letters)
	defer f.Close()
	err := f.On(t.Context(), f.Writer, func(_ *sql.Conn, tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO letters VALUES ('a')")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if waited := f.On(ctx, f.Writer, nil); !errors.Is(waited, context.DeadlineExceeded) {
			t.Errorf("who waits: %v", waited)
		}
		return err
	})
	var n int
	if err2 := f.Writer.QueryRow("SELECT count(*) FROM letters").Scan(&n); errors.Join(err, err2) != nil || n != 0 {
		t.Errorf("%d letters, %v, %v", n, err, err2)
	}
}

// TestTwoProcesses opens a new file from several sides at once.
func TestTwoProcesses(t *testing.T) {
	path := at(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			f, err := Open(path, with("CREATE TABLE x (a)"))
			if err != nil {
				t.Error(err)
				return
			}
			f.Close()
		})
	}
	all.Wait()
	f := opened(t, path, with("CREATE TABLE x (a)"))
	defer f.Close()
	if err := f.step(0); err != nil { // which another process has done since it looked
		t.Error(err)
	}
	if version, err := f.version(); version != 2 || err != nil {
		t.Errorf("version %d, %v", version, err)
	}
}

func inFiles(t *testing.T, path, text string) (n int) {
	t.Helper()
	for _, name := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		n += bytes.Count(content, []byte(text))
	}
	return n
}

// TestWipe: what was removed is in no file, also if somebody was reading it.
func TestWipe(t *testing.T) {
	path := at(t)
	f := opened(t, path, letters)
	defer f.Close()
	reader := f.Reader(1, "")
	for _, read := range []bool{false, true} {
		run(t, f.Writer, "INSERT INTO letters VALUES ('secret one')")
		if inFiles(t, path, "secret one") == 0 {
			t.Fatal("the secret is not there before")
		}
		end := func() {}
		if read {
			tx, err := reader.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if err := tx.QueryRow("SELECT text FROM letters").Scan(new(string)); err != nil {
				t.Fatal(err)
			}
			end = func() { tx.Rollback() }
		}
		run(t, f.Writer, "DELETE FROM letters")
		began := time.Now()
		f.Wipe()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("Wipe waited %v for who reads", took)
		}
		if empty, err := f.EmptyLog(); empty == read || err != nil {
			t.Errorf("the log is empty: %v, %v", empty, err)
		}
		end()
		for deadline := time.Now().Add(20 * time.Second); inFiles(t, path, "secret one") > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("what was removed is in a file")
			}
		}
		var patient string
		if err := f.Writer.QueryRow("PRAGMA busy_timeout").Scan(&patient); err != nil || patient != patience {
			t.Errorf("the writer waits %s ms (%v) for other processes, want %s", patient, err, patience)
		}
	}
}
