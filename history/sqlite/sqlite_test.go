package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"footfall/history"
	"footfall/history/historytest"
	"footfall/period"
)

func opened(t testing.TB, path string) *Keeper {
	t.Helper()
	k, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeepsTheLaw also looks into the file each time it is closed.
func TestKeepsTheLaw(t *testing.T) {
	historytest.Law(t, func(t *testing.T, dir string) historytest.Keeper {
		return &audited{opened(t, filepath.Join(dir, "history.sqlite")), t}
	})
}

type audited struct {
	*Keeper
	t *testing.T
}

func (a *audited) Close() error {
	audit(a.t, a.Keeper)
	return a.Keeper.Close()
}

// audit finds visitors of whom nothing is kept, what is kept of nobody, and
// dates on which somebody is active without having anything, or the reverse.
func audit(t *testing.T, k *Keeper) {
	t.Helper()
	count := func(what, query string) {
		t.Helper()
		var n int
		if err := k.reader.QueryRow("SELECT count(*) FROM (" + query + ")").Scan(&n); err != nil || n > 0 {
			t.Errorf("%d %s, %v", n, what, err)
		}
	}
	const anything = "SELECT site, visitor FROM rows UNION SELECT site, visitor FROM traits UNION SELECT site, visitor FROM members"
	count("visitors of whom nothing is kept", "SELECT site, id FROM visitors EXCEPT SELECT * FROM ("+anything+")")
	count("are nobody", "SELECT * FROM ("+anything+" UNION SELECT site, visitor FROM active) EXCEPT SELECT site, id FROM visitors")
	count("sites are unknown", "SELECT site FROM visitors UNION SELECT site FROM counts UNION SELECT site FROM outbox EXCEPT SELECT number FROM sites")
	rows, err := k.reader.Query("SELECT site, visitor, kind, value, month, days FROM rows")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	type day struct {
		site, visitor int64
		date          period.Date
	}
	has := map[day]bool{}
	for rows.Next() {
		var site, visitor int64
		var r history.Row
		if err := rows.Scan(&site, &visitor, &r.Item.Kind, &r.Item.Value, &r.Month, &r.Days); err != nil {
			t.Fatal(err)
		}
		h := history.History{}
		if err := h.AddRow(r); err != nil {
			t.Fatal(err)
		}
		for _, d := range h[r.Item] {
			has[day{site, visitor, d.Date}] = true
		}
	}
	more, err := k.reader.Query("SELECT site, visitor, date, 0 FROM traits UNION ALL SELECT site, visitor, date, 1 FROM active")
	if err != nil {
		t.Fatal(err)
	}
	defer more.Close()
	for more.Next() {
		var d day
		var active bool
		if err := more.Scan(&d.site, &d.visitor, &d.date, &active); err != nil {
			t.Fatal(err)
		}
		if active && !has[d] {
			t.Errorf("%v is active and has nothing", d)
		}
		has[d] = !active
	}
	for d, left := range has {
		if left {
			t.Errorf("%v has something and is not active", d)
		}
	}
}

var date = period.DateOf(time.Date(2011, 1, 5, 0, 0, 0, 0, time.UTC), nil)

// days is the same day of visitors.
func days(visitors ...string) iter.Seq2[history.Day, error] {
	return func(yield func(history.Day, error) bool) {
		for _, visitor := range visitors {
			if !yield(history.Day{Visitor: visitor, Counts: map[history.Item]history.Counts{history.Whole: {3}}, Traits: `{"plan":"pro"}`}, nil) {
				return
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill puts something into every table.
func fill(t *testing.T, k *Keeper) {
	t.Helper()
	_, err := k.Replace(t.Context(), "shop", date, days("u1", "u2"), nil)
	must(t, err)
	must(t, k.Move(t.Context(), "shop", history.Move{Visitor: "u1", In: []history.Member{{Segment: "fans", Version: 1}}, Bodies: [][]byte{[]byte("hello")}}))
	must(t, k.Count(t.Context(), "shop", date, map[string]int{"fans": 1}))
	must(t, k.SetBasis(t.Context(), "shop", history.Basis{Zone: "UTC", Currency: "EUR"}))
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	k := opened(t, filepath.Join(dir, "a b%3f.sqlite"))
	fill(t, k)
	if _, err := k.Read(t.Context(), "shop", "u1"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "secure_delete": "1",
		"wal_autocheckpoint": "1000", "journal_size_limit": "67108864"} {
		var got string
		if err := k.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	for _, db := range []*sql.DB{k.reader, k.walker} {
		if _, err := db.Exec("DELETE FROM rows"); err == nil {
			t.Error("a reader could write")
		}
	}
	must(t, k.Close())
}

// left counts the files that hold a text, while they are open.
func left(t *testing.T, path, text string) (n int) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	must(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		must(t, err)
		n += strings.Count(string(content), text)
	}
	return n
}

// TestForgotten looks for what was removed in the bytes of the files, at once:
// of old months, of a site and of a segment.
func TestForgotten(t *testing.T) {
	const somebody = "somebody-with-a-long-id"
	for name, forget := range map[string]func(k *Keeper) error{
		"months":  func(k *Keeper) error { _, err := k.Forget(t.Context(), "shop", date.NextMonth()); return err },
		"a site":  func(k *Keeper) error { _, err := k.Forget(t.Context(), "shop", 0); return err },
		"members": func(k *Keeper) error { return k.Drop(t.Context(), "shop", "fans") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.sqlite")
			k := opened(t, path)
			defer k.Close()
			if name == "members" {
				must(t, k.Move(t.Context(), "shop", history.Move{Visitor: somebody, In: []history.Member{{Segment: "fans"}}}))
			} else {
				_, err := k.Replace(t.Context(), "shop", date, days(somebody), nil)
				must(t, err)
			}
			if left(t, path, somebody) == 0 {
				t.Error("the id is not there before")
			}
			must(t, forget(k))
			if n := left(t, path, somebody); n > 0 {
				t.Errorf("the id is there %d times", n)
			}
		})
	}
}

// TestForgottenWhileRead: who reads what was there before does not keep it in the log.
func TestForgottenWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.sqlite")
	k := opened(t, path)
	defer k.Close()
	fill(t, k)
	must(t, k.Each(t.Context(), "shop", func(p history.Past) error {
		if p.Visitor == "u1" {
			_, err := k.Forget(t.Context(), "shop", 0)
			return err
		}
		return nil
	}))
	for deadline := time.Now().Add(30 * time.Second); left(t, path, "plan") > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was removed is in the log")
		}
	}
}

// TestForgottenBeforeACrash: a log that was left behind is emptied at the start.
func TestForgottenBeforeACrash(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	k := opened(t, filepath.Join(dir, "history.sqlite"))
	defer k.Close()
	fill(t, k)
	for _, name := range []string{"history.sqlite", "history.sqlite-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(other, name), content, 0o600))
	}
	again := opened(t, filepath.Join(other, "history.sqlite"))
	defer again.Close()
	if info, err := os.Stat(filepath.Join(other, "history.sqlite-wal")); err != nil || info.Size() > 0 {
		t.Errorf("the log has %v, %v", info, err)
	}
}

// TestOnlyDifferences: a date whose days are as they were makes nobody wait, and
// nothing of what differs stays in the folder.
func TestOnlyDifferences(t *testing.T) {
	dir := t.TempDir()
	k := opened(t, filepath.Join(dir, "history.sqlite"))
	defer k.Close()
	fill(t, k)
	report, err := k.Replace(t.Context(), "shop", date, days("u1", "u2"), func(commit func() error) error {
		ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
		defer end()
		if err := k.Sent(ctx, 1); err != nil {
			t.Errorf("a write while nothing changes: %v", err)
		}
		return commit()
	})
	if err != nil || report != (history.Report{Visitors: 2}) {
		t.Errorf("%+v, %v", report, err)
	}
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprintf("v%05d-%s", i, strings.Repeat("x", 100)))
	}
	_, err = k.Replace(t.Context(), "shop", date, days(many...), func(commit func() error) error {
		if names, err := filepath.Glob(filepath.Join(dir, "days*")); err != nil || len(names) > 0 {
			t.Errorf("%q are there, %v", names, err)
		}
		return commit()
	})
	must(t, err)
	audit(t, k)
}

// TestCrash takes the files as they are after a write returned.
func TestCrash(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	k := opened(t, filepath.Join(dir, "history.sqlite"))
	defer k.Close()
	fill(t, k)
	for _, name := range []string{"history.sqlite", "history.sqlite-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(other, name), content, 0o600))
	}
	again := opened(t, filepath.Join(other, "history.sqlite"))
	defer again.Close()
	audit(t, again)
	p, err := again.Read(t.Context(), "shop", "u1")
	if err != nil || len(p.Rows) != 1 || len(p.Traits) != 1 || len(p.In) != 1 {
		t.Errorf("read %v, %v", p, err)
	}
	if n, oldest, err := again.Waiting(t.Context()); n != 1 || string(oldest.Body) != "hello" || err != nil {
		t.Errorf("%d messages wait, the oldest %v, %v", n, oldest, err)
	}
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
			opened(t, path).Close()
			run(t, path, "PRAGMA user_version = 2")
		}},
		{"another program's file", "is a file of something else", false, func(t *testing.T, path string) { run(t, path, "CREATE TABLE a (b)") }},
		{"bins", "is a file of something else", false, func(t *testing.T, path string) { run(t, path, "PRAGMA application_id = 0x4646626e") }},
		{"no database", "histories are made again from the event store", true, func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
		}},
		{"damaged pages", "histories are made again from the event store", true, func(t *testing.T, path string) {
			opened(t, path).Close()
			spoilPages(t, path)
		}},
		{"a page that nothing uses", "histories are made again from the event store", true, func(t *testing.T, path string) {
			opened(t, path).Close()
			run(t, path, "PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'outbox_of'")
		}},
		{"no folder", "no such file", false, func(t *testing.T, path string) { os.Remove(filepath.Dir(path)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			must(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, "history.sqlite")
			c.spoil(t, path)
			k, err := Open(path)
			if err == nil {
				k.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrDamaged) != c.damaged || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

// TestDamagedRow replaces a day in a row that is not as it should be, and reads
// a page that is not. Errors go to logs: they name no visitor.
func TestDamagedRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.sqlite")
	k := opened(t, path)
	fill(t, k)
	_, err := k.writer.Exec("UPDATE rows SET days = x'07'")
	must(t, err)
	_, err = k.Replace(t.Context(), "shop", date+1, days("u1"), nil)
	if err == nil || !strings.Contains(err.Error(), "M2011-01") || strings.Contains(err.Error(), "u1") {
		t.Errorf("Replace says %v", err)
	}
	must(t, k.Close())
	k = opened(t, path)
	spoilPages(t, path)
	if _, err := k.Read(t.Context(), "shop", "u1"); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), moveAway) || strings.Contains(err.Error(), "u1") {
		t.Errorf("Read says %v", err)
	}
	k.Close()
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

// TestFailedWrites lets SQLite refuse a row, and a commit: nothing has happened,
// and the next write succeeds.
func TestFailedWrites(t *testing.T) {
	k := opened(t, filepath.Join(t.TempDir(), "history.sqlite"))
	defer k.Close()
	run := func(statements string) {
		t.Helper()
		_, err := k.writer.Exec(statements)
		must(t, err)
	}
	run("PRAGMA foreign_keys = on; CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)")
	replace := func() error { _, err := k.Replace(t.Context(), "shop", date, days("u1"), nil); return err }
	move := func() error {
		return k.Move(t.Context(), "shop", history.Move{Visitor: "u1", In: []history.Member{{Segment: "fans"}}, Bodies: [][]byte{{1}}})
	}
	for table, write := range map[string]func() error{"rows": replace, "traits": replace, "active": replace, "members": move, "outbox": move} {
		for _, trouble := range []string{"SELECT RAISE(ABORT, 'no room')", "INSERT INTO c VALUES (1)"} {
			run("CREATE TRIGGER trouble AFTER INSERT ON " + table + " BEGIN " + trouble + "; END")
			if err := write(); err == nil {
				t.Errorf("%s with %s: no error", table, trouble)
			}
			run("DROP TRIGGER trouble")
			var left int
			must(t, k.reader.QueryRow("SELECT (SELECT count(*) FROM sites) + (SELECT count(*) FROM visitors) + (SELECT count(*) FROM outbox)").Scan(&left))
			if left > 0 {
				t.Errorf("%s with %s: %d rows are there", table, trouble, left)
			}
		}
	}
	fill(t, k)
	audit(t, k)
}

// TestWritersWait lets a write wait for a Replace until its context ends, while
// others read.
func TestWritersWait(t *testing.T) {
	k := opened(t, filepath.Join(t.TempDir(), "history.sqlite"))
	defer k.Close()
	fill(t, k)
	_, err := k.Replace(t.Context(), "shop", date, days("u3"), func(commit func() error) error {
		ctx, end := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer end()
		if err := k.Sent(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a write in the middle of another: %v", err)
		}
		if p, err := k.Read(t.Context(), "shop", "u1"); err != nil || len(p.Rows) != 1 {
			t.Errorf("a read in the middle of a write: %v, %v", p, err)
		}
		return commit()
	})
	must(t, err)
	must(t, k.Sent(t.Context(), 1))
}

// TestEnded ends the context of a write in its middle, and around a commit.
func TestEnded(t *testing.T) {
	k := opened(t, filepath.Join(t.TempDir(), "history.sqlite"))
	defer k.Close()
	ctx, end := context.WithCancel(t.Context())
	err := k.write(ctx, func(tx *sql.Tx) error {
		defer end()
		_, err := siteNumber(tx, "shop")
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a write that is ended is %v", err)
	}
	ctx, end = context.WithCancel(t.Context())
	_, err = k.Replace(ctx, "shop", date, days("u1"), func(commit func() error) error { end(); return commit() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a Replace that is ended is %v", err)
	}
	var left int
	if err := k.reader.QueryRow("SELECT count(*) FROM sites").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d sites are there, %v", left, err)
	}
}

// TestReadsByIndex asks SQLite how it finds rows: by the primary key, with all
// of it that is known, and in order of visitors.
func TestReadsByIndex(t *testing.T) {
	k := opened(t, filepath.Join(t.TempDir(), "history.sqlite"))
	defer k.Close()
	const key = "USING PRIMARY KEY (site=?"
	for _, c := range []struct{ query, want string }{
		{fmt.Sprintf(getRows, ofVisitor, ofItems), "rows " + key + " AND visitor=? AND kind=? AND value=?)"},
		{fmt.Sprintf(getRows, ofVisitor, ""), "rows " + key + " AND visitor=?)"},
		{fmt.Sprintf(getRows, "", ofItems), "rows " + key + ")"},
		{fmt.Sprintf(getTraits, ofVisitor), "traits " + key + " AND visitor=?)"},
		{fmt.Sprintf(getMembers, ofVisitor), "members " + key + " AND visitor=?)"},
		{fmt.Sprintf(getMembers, ""), "members " + key + ")"},
		{findVisitor, "USING INDEX sqlite_autoindex_visitors_2 (site=? AND visitor=?)"},
		{addVisitor, "visitors " + key + ")"},
		{bury, "visitors " + key + " AND id=?)"},
		{getActive, "a " + key + " AND date=? AND visitor>?)"},
		{forgetting[0].query, "rows " + key + " AND visitor=?)"},
		{forgetting[0].query, "active " + key + " AND date<?)"},
		{forgetting[2].query, "visitors " + key + " AND id=?)"},
		{getMessages + "WHERE o.site = ? ORDER BY o.id LIMIT ?", "o USING INDEX outbox_of (site=?)"},
	} {
		rows, err := k.writer.Query("EXPLAIN QUERY PLAN "+c.query, 1, 2, "[]")
		must(t, err)
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			must(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
		}
		must(t, rows.Close())
		all := strings.Join(plan, "\n")
		if !strings.Contains(all, c.want) || strings.Contains(all, "SCAN") && !strings.Contains(all, "SCAN json_each") || strings.Contains(all, "TEMP B-TREE FOR ORDER") {
			t.Errorf("%s\nis found by\n%s\nwant %s", c.query, all, c.want)
		}
	}
}
