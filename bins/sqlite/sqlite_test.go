package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/bins"
	"footfall/bins/binstest"
	"footfall/period"
)

func open(t testing.TB, path string) *Durable {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestKeepsTheLaw also looks into the file each time it is opened again.
func TestKeepsTheLaw(t *testing.T) {
	binstest.Durable(t, func(t *testing.T, dir string) bins.Durable {
		path := filepath.Join(dir, "bins.sqlite")
		d := open(t, path)
		audit(t, d)
		return d
	})
}

// stored is a row as it is in the file.
type stored struct {
	site, dimension, period, value string
	row
}

func everything(t *testing.T, d *Durable) (all []stored) {
	t.Helper()
	rows, err := d.reader.Query("SELECT site, dimension, period, value, coalesce(counts,''), coalesce(days,''), visitors FROM bins")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s stored
		if err := rows.Scan(&s.site, &s.dimension, &s.period, &s.value, &s.counts, &s.days, &s.visitors); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// place is the key of a row.
type place struct{ site, dimension, period, value string }

func (s *stored) at(period string) place { return place{s.site, s.dimension, period, s.value} }

// audit recounts months, years and all time from the days, and finds rows that
// nothing stands behind.
func audit(t *testing.T, d *Durable) {
	t.Helper()
	rows := everything(t, d)
	want := recount(t, rows)
	sums := 0
	for _, s := range rows {
		if s.period[0] == 'D' {
			continue
		}
		sums++
		b := want[s.at(s.period)]
		if b == nil {
			t.Fatalf("nothing stands behind %s of %s %q", s.period, s.dimension, s.value)
		}
		sketch, err := formSketch(&b.Visitors)
		if err != nil {
			t.Fatal(err)
		}
		next := row{counts: string(appendCounts(nil, &b.Counts)), days: s.days, visitors: sketch}
		if !next.equal(s.row) {
			t.Errorf("%s of %s %q is %s with %d bytes of visitors, want %s with %d", s.period, s.dimension, s.value, s.counts, len(s.visitors), next.counts, len(sketch))
		}
	}
	if sums != len(want) {
		t.Errorf("%d sums are stored, want %d", sums, len(want))
	}
}

// recount sums up the days that months list and that have rows of their own,
// which must be the same ones.
func recount(t *testing.T, rows []stored) map[place]*bins.Bin {
	t.Helper()
	sums := map[place]*bins.Bin{}
	days, listed := map[place]bool{}, map[place]bool{}
	add := func(s *stored, first period.Date, b *bins.Bin) {
		for _, at := range []string{first.Month(), first.Year(), period.All} {
			if sums[s.at(at)] == nil {
				sums[s.at(at)] = &bins.Bin{}
			}
			sums[s.at(at)].Counts.Add(&b.Counts)
			sums[s.at(at)].Visitors.Merge(&b.Visitors)
		}
	}
	for _, s := range rows {
		first, _, err := period.ParsePeriod(s.period)
		if err != nil {
			t.Fatal(err)
		}
		switch s.period[0] {
		case 'D':
			days[s.at(s.period)] = true
			var b bins.Bin
			if err := parseSketch(s.visitors, &b.Visitors); err != nil {
				t.Fatal(err)
			}
			add(&s, first, &b)
		case 'M':
			var form map[int][]int64
			if err := json.Unmarshal([]byte(s.days), &form); err != nil {
				t.Fatal(err)
			}
			for n, counts := range form {
				date := first.InYear(n)
				if date.Month() != s.period || len(counts) > 0 && counts[len(counts)-1] == 0 {
					t.Errorf("%s has day %d with %v", s.period, n, counts)
				}
				listed[s.at(date.Day())] = true
				var b bins.Bin
				copy(b.Counts[:], counts)
				add(&s, first, &b)
			}
		}
	}
	if !reflect.DeepEqual(days, listed) {
		t.Errorf("%d rows of days for %d days in months", len(days), len(listed))
	}
	return sums
}

func TestDailyYearsAndTotal(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "bins.sqlite"))
	defer d.Close()
	binstest.LoadDaily(t, d)
	audit(t, d)
	want := map[string]string{"Y2013": "[843643131]", "Y2014": "[732210106]", "TOTAL": "[1575853237]", "M2014-06": "[123035252]"}
	for _, s := range everything(t, d) {
		if counts := want[s.period]; counts != "" && counts != s.counts {
			t.Errorf("%s is %s, want %s", s.period, s.counts, counts)
		}
		delete(want, s.period)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// one is a roll of a single day.
func one(date period.Date, views int64) bins.Rolled {
	b := &bins.Bin{}
	b.Counts[0] = views
	b.Visitors.Add(uint64(views))
	return bins.Rolled{Last: true, Days: []bins.DayTally{{Day: bins.Day{Site: "shop", Date: date}, Zone: "UTC",
		Tally: bins.Tally{bins.Subject{}: b, bins.Subject{By: "page", Value: "/"}: b, bins.Subject{By: "page", Value: "/b"}: b}}}}
}

func TestRowsAreCompact(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "bins.sqlite"))
	defer d.Close()
	date := period.DateOf(time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC), nil)
	for i := range 20 {
		if _, err := d.Replace(context.Background(), one(date+period.Date(i), int64(100+i))); err != nil {
			t.Fatal(err)
		}
	}
	n := map[byte]int{}
	for _, s := range everything(t, d) {
		if n[s.period[0]]++; s.period == "M2023-05" && !strings.HasPrefix(s.days, `{"121":[100],"122":[101],`) {
			t.Errorf("the month holds the days as %s", s.days)
		}
	}
	if want := map[byte]int{'D': 60, 'M': 3, 'Y': 3, 'T': 3}; !reflect.DeepEqual(n, want) {
		t.Errorf("rows by kind of period are %v, want %v", n, want)
	}
	for i := range 20 {
		r := one(date+period.Date(i), 1)
		r.Days[0].Tally = nil
		if _, err := d.Replace(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	if left := everything(t, d); len(left) > 0 {
		t.Errorf("%d rows are left of nothing", len(left))
	}
}

// TestReadsByIndex asks SQLite how it finds rows: by the primary key, with all
// of it that is known.
func TestReadsByIndex(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "bins.sqlite"))
	defer d.Close()
	const bySite, byPeriod, byValue = "USING PRIMARY KEY (site=?", " AND dimension=? AND period", "period=? AND value=?)"
	of := []any{"shop", "page", "M2023-01", "M2023-03", "/"}
	for name, c := range map[string]struct {
		query, least string
		values       []any
	}{
		"each value":  {fmt.Sprintf(eachValue, days), byPeriod + ">? AND period<?)", of[:4]},
		"one value":   {fmt.Sprintf(oneValue, days), byValue, of},
		"sums":        {fmt.Sprintf(oneValue, sumsVisitors), byValue, of},
		"days of one": {fmt.Sprintf(oneOf, dayVisitors), byValue, []any{"shop", "page", `["D2023-001"]`, "/"}},
		"a subject":   {getRows, byValue, []any{"shop", "page", `["Y2023"]`, "/"}},
		"a day":       {getValues, byPeriod + "=?)", of[:3]},
	} {
		rows, err := d.reader.Query("EXPLAIN QUERY PLAN "+c.query, c.values...)
		if err != nil {
			t.Fatal(name, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "bins") || strings.Contains(detail, " b ") {
				if !strings.Contains(detail, "SEARCH") || !strings.Contains(detail, bySite) {
					t.Errorf("%s: %s", name, detail)
				}
			}
			if strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s: %s", name, detail)
			}
			plan = append(plan, detail)
		}
		rows.Close()
		if all := strings.Join(plan, "\n"); !strings.Contains(all, c.least) {
			t.Errorf("%s is found by\n%s\nwant %s", name, all, c.least)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a b%3f.sqlite")
	d := open(t, path)
	date := period.DateOf(time.Now(), nil)
	if _, err := d.Replace(context.Background(), one(date, 7)); err != nil {
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
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000"} {
		var got string
		if err := d.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	if _, err := d.reader.Exec("DELETE FROM bins"); err == nil {
		t.Error("a reader could write")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCrash takes the files as they are after a write returned.
func TestCrash(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	d := open(t, filepath.Join(dir, "bins.sqlite"))
	defer d.Close()
	date := period.DateOf(time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC), nil)
	if _, err := d.Replace(t.Context(), one(date, 7)); err != nil {
		t.Fatal(err)
	}
	if err := d.Touch(t.Context(), 3, bins.Day{Site: "shop", Date: date}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bins.sqlite", "bins.sqlite-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, filepath.Join(other, "bins.sqlite"))
	defer again.Close()
	audit(t, again)
	want, err := d.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.State(t.Context()); err != nil || !reflect.DeepEqual(got, want) || len(everything(t, again)) != 12 {
		t.Errorf("state is %+v (%v) with %d rows, want %+v with 12", got, err, len(everything(t, again)), want)
	}
}

func TestOpenRefuses(t *testing.T) {
	sqlFile := func(t *testing.T, path, statements string) {
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
	for _, c := range []struct {
		name, want string
		spoil      func(t *testing.T, path string)
	}{
		{"a newer format", "has format 4, this footfall knows 3: install a newer footfall", func(t *testing.T, path string) {
			open(t, path).Close()
			sqlFile(t, path, "PRAGMA user_version = 4")
		}},
		{"another program's file", "is a file of something else", func(t *testing.T, path string) { sqlFile(t, path, "CREATE TABLE a (b)") }},
		{"no database", "bins are made again from the event store", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"a damaged day", "bins are made again from the event store", func(t *testing.T, path string) {
			open(t, path).Close()
			sqlFile(t, path, "INSERT INTO dirty VALUES ('shop', 'D2023-400', 1)")
		}},
		{"no folder", "no such file", func(t *testing.T, path string) { os.Remove(filepath.Dir(path)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "bins.sqlite")
			c.spoil(t, path)
			d, err := Open(path)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || c.name != "no folder" && !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

// TestDamagedRows reads and replaces rows that are not as they should be.
func TestDamagedRows(t *testing.T) {
	date := period.DateOf(time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC), nil)
	for _, spoil := range []string{"UPDATE bins SET days = '{\"121\":[1}' WHERE period = 'M2023-05'", "UPDATE bins SET visitors = x'07' WHERE period LIKE 'D%'",
		"DELETE FROM bins WHERE period = 'D2023-122'", "DELETE FROM bins WHERE period = 'D2023-122' AND value = '/b'"} {
		d := open(t, filepath.Join(t.TempDir(), "bins.sqlite"))
		r := one(date, 5)
		r.Days = append(r.Days, one(date+1, 6).Days...)
		if _, err := d.Replace(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := d.writer.Exec(spoil); err != nil {
			t.Fatal(err)
		}
		err := d.Read(t.Context(), bins.Range{Site: "shop", By: "page", Each: true, From: date, To: date + 2, Visitors: true},
			func(string, bins.Span, *bins.Bin) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "M2023-05") {
			t.Errorf("after %s Read says %v", spoil, err)
		}
		if _, err = d.Replace(t.Context(), one(date, 9)); err == nil {
			t.Errorf("after %s Replace says nothing", spoil)
		}
		if _, err := d.Replace(t.Context(), one(1<<30, 9)); err == nil {
			t.Error("a date that has no key was taken")
		}
		d.Close()
	}
}

// TestFailedWrites lets SQLite refuse a row, and a commit: nothing has happened.
func TestFailedWrites(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "bins.sqlite"))
	defer d.Close()
	date := period.DateOf(time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC), nil)
	day := bins.Day{Site: "shop", Date: date}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run := func(statements string) {
		t.Helper()
		_, err := d.writer.Exec(statements)
		must(err)
	}
	must(d.Touch(t.Context(), 1, day))
	before, err := d.State(t.Context())
	must(err)
	run("PRAGMA foreign_keys = on; CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)")
	for name, table := range map[string]string{"bins": "bins", "state": "zones"} {
		for _, trouble := range []string{"SELECT RAISE(ABORT, 'no room')", "INSERT INTO c VALUES (1)"} {
			run("CREATE TRIGGER trouble AFTER INSERT ON " + table + " BEGIN " + trouble + "; END")
			if _, err := d.Replace(t.Context(), one(date, 5)); err == nil {
				t.Errorf("%s with %s: no error", name, trouble)
			}
			run("DROP TRIGGER trouble")
			if after, err := d.State(t.Context()); err != nil || !reflect.DeepEqual(after, before) {
				t.Errorf("%s with %s: state is %+v, %v", name, trouble, after, err)
			}
			if left := everything(t, d); len(left) > 0 {
				t.Errorf("%s with %s: %d rows are there", name, trouble, len(left))
			}
		}
	}
	_, err = d.Replace(t.Context(), one(date, 5))
	must(err)
	audit(t, d)
}

func TestForms(t *testing.T) {
	for _, text := range []string{`{}`, `{"1":[]}`, `{"1":[-5],"366":[0,0,0,0,0,0,0,0,0,9223372036854775807]}`} {
		days, err := parseDays(text)
		if err != nil || formDays(days) != text {
			t.Errorf("%s becomes %s, %v", text, formDays(days), err)
		}
	}
	many := "[" + strings.Repeat("1,", len(bins.Counted)) + "1]"
	for _, text := range []string{`{`, `[]`, `{"1":[1,]}`, `{"1":[1]`, `{"1":1}`, `{1:[1]}`, `{"0":[1]}`, `{"367":[1]}`, `{"2":[1],"1":[1]}`, `{"1":[1],}`,
		`{"1":[1]"2":[1]}`, `{"1":[a]}`, `{"1":[99999999999999999999]}`, fmt.Sprintf(`{"1":%s}`, many)} {
		if days, err := parseDays(text); err == nil {
			t.Errorf("%s is taken for %v", text, days)
		}
	}
}
