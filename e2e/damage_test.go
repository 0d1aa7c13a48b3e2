package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDamage kills a server under load and damages a copy of its data in many
// ways that a crash or a bad disk leaves: every event that was answered is
// there once after the next start, in the store and in the archive.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--archive-age", "1s")
	at := s.addSite("load.example")
	s.start()
	l := newLoad(s, at.WriteKey, 16)
	l.start()
	time.Sleep(2500 * time.Millisecond) // so that some is archived and some is not
	s.kill()
	l.stop()
	acked := l.answered()
	logs, _ := filepath.Glob(filepath.Join(s.data, "store", "*.wal"))
	if len(logs) == 0 {
		t.Fatalf("the store of a killed server has no log; it holds %v", names(filepath.Join(s.data, "store")))
	}
	t.Logf("%d acknowledged; the store's log has %d bytes", len(acked), size(t, logs[0]))
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c := newServer(t, "--archive-age", "1s")
			copyTree(t, s.data, c.data)
			d.do(t, c.data)
			took := c.start()
			c.quiet()
			stored := c.export(at.ID)
			compare(t, acked, stored)
			c.stop()
			rows, distinct := archived(t, c.data)
			if rows != len(stored) || distinct != rows {
				t.Errorf("%d archive rows, %d of them distinct, %d store rows", rows, distinct, len(stored))
			}
			t.Logf("ready after %v: %d stored, %d archive rows", took.Round(time.Millisecond), len(stored), rows)
		})
	}
}

type damage struct {
	name string
	do   func(t *testing.T, data string)
}

func damages() (all []damage) {
	log := func(change func(t *testing.T, path string)) func(*testing.T, string) {
		return func(t *testing.T, data string) {
			logs, _ := filepath.Glob(filepath.Join(data, "store", "*.wal"))
			change(t, logs[0])
		}
	}
	rounds := 2
	if long {
		rounds = 10
	}
	for range rounds {
		all = append(all,
			damage{"log truncated", log(func(t *testing.T, path string) { truncate(t, path, rand.Int64N(size(t, path))) })},
			damage{"log zero-filled", log(func(t *testing.T, path string) { scribble(t, path, 4096, func(byte) byte { return 0 }) })},
			damage{"log bit flipped", log(func(t *testing.T, path string) {
				scribble(t, path, 1, func(b byte) byte { return b ^ 1<<rand.IntN(8) })
			})},
		)
	}
	return append(all,
		damage{"log removed", log(func(t *testing.T, path string) { must(t, os.Remove(path)) })},
		damage{"database header overwritten", func(t *testing.T, data string) {
			f, err := os.OpenFile(filepath.Join(data, "store", "events.duckdb"), os.O_RDWR, 0)
			must(t, err)
			defer f.Close()
			_, err = f.WriteAt(make([]byte, 16<<10), 0)
			must(t, err)
		}},
		damage{"store removed", func(t *testing.T, data string) { must(t, os.RemoveAll(filepath.Join(data, "store"))) }},
		damage{"archive's unfinished objects", func(t *testing.T, data string) {
			must(t, os.WriteFile(filepath.Join(data, "archive", ".tmp-0001"), []byte("PAR1 half"), 0o600))
		}},
		damage{"readers' bookmarks removed", func(t *testing.T, data string) { must(t, os.RemoveAll(filepath.Join(data, "queue", "readers"))) }},
		damage{"queue's index removed", func(t *testing.T, data string) {
			must(t, os.RemoveAll(filepath.Join(data, "queue", "jetstream", "$G", "streams", "EVENTS", "msgs", "index.db")))
		}},
		damage{"zeros behind the queue's end", func(t *testing.T, data string) { lengthen(t, data, make([]byte, 8192)) }},
		damage{"half a message behind the queue's end", func(t *testing.T, data string) {
			lengthen(t, data, []byte{0x40, 0x20, 0, 0, 7, 7, 7, 7, 0, 0, 0, 0, 1, 1})
		}},
	)
}

// lengthen adds bytes to the queue's newest block, as a file system does that
// lost the content of a write and kept its length.
func lengthen(t *testing.T, data string, more []byte) {
	blocks, _ := filepath.Glob(filepath.Join(data, "queue", "jetstream", "$G", "streams", "EVENTS", "msgs", "*.blk"))
	newest := slices.MaxFunc(blocks, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	f, err := os.OpenFile(newest, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	defer f.Close()
	_, err = f.Write(more)
	must(t, err)
}

func truncate(t *testing.T, path string, to int64) { must(t, os.Truncate(path, to)) }

// scribble changes n bytes in the last 64 KiB of a file.
func scribble(t *testing.T, path string, n int64, change func(byte) byte) {
	b, err := os.ReadFile(path)
	must(t, err)
	n = min(n, int64(len(b)))
	tail := min(int64(len(b)), 64<<10)
	from := int64(len(b)) - tail + rand.Int64N(tail-n+1)
	if n > 1 {
		from = int64(len(b)) - n // a zero-filled tail is the very end
	}
	for i := from; i < from+n; i++ {
		b[i] = change(b[i])
	}
	must(t, os.WriteFile(path, b, 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func size(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}

func names(dir string) (all []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// copyTree copies a data directory without its socket.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		switch {
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	}))
}

// TestRebuild makes the store anew beside a running server under load: the
// figures of what was there before stay the same and nothing is lost.
func TestRebuild(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--archive-age", "1s")
	at := s.addSite("load.example")
	d := dataSets[0]
	logs := s.addSite(d.host)
	s.start()
	s.ask(nil, "import", "--site", logs.ID, "--format", d.format, "--bots", "words", d.path(t, "access.log.gz"))
	l := newLoad(s, at.WriteKey, 16)
	l.pause = 10 * time.Millisecond
	l.start()
	for range 3 {
		time.Sleep(700 * time.Millisecond)
		began := time.Now()
		s.ask(nil, "rebuild")
		t.Logf("rebuilt under load in %v", time.Since(began).Round(time.Millisecond))
		checkFigures(t, s, logs, d, d.truth(t))
	}
	l.stop()
	s.quiet()
	before := s.export(at.ID)
	compare(t, l.answered(), before)
	s.stop()
	if _, stderr, code := s.run("rebuild"); code != 0 || strings.Contains(stderr, "level=ERROR") || strings.Contains(stderr, "level=WARN") { // without a server
		t.Errorf("rebuild on a stopped server: exit %d %s", code, stderr)
	}
	after := s.export(at.ID)
	compare(t, l.answered(), after)
	if len(after) != len(before) {
		t.Errorf("%d events before, %d after a rebuild", len(before), len(after))
	}
	rows, _ := archived(t, s.data)
	want := len(after) + len(s.export(logs.ID))
	if rows != want {
		t.Errorf("%d archive rows, %d store rows", rows, want)
	}
	t.Logf("4 rebuilds: %d acknowledged, %d stored, %d archive rows; other answers: %v", l.acked.Load(), len(after), rows, l.other)
}
