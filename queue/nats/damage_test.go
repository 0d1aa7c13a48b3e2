package nats

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue"
	"footfall/queue/queuetest"
)

// journal keeps what was logged.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func openAt(t *testing.T, o Options) (*Queue, *journal) {
	t.Helper()
	j := &journal{}
	o.Log = slog.New(slog.NewTextHandler(j, nil))
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q, j
}

func publish(t *testing.T, q *Queue, events ...event.Event) {
	t.Helper()
	if err := q.Publish(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func readerAt(t *testing.T, q *Queue, name string, from *event.Position) queue.Reader {
	t.Helper()
	r, err := q.Reader(t.Context(), name, from)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readAll reads to the end of the log, and a moment longer.
func readAll(t *testing.T, r queue.Reader) (ids []string, to event.Position) {
	t.Helper()
	var q *Queue
	switch r := r.(type) {
	case *ordered:
		q = r.q
	case *shared:
		q = r.q
	}
	s, err := q.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for {
		wait := 4 * time.Second
		if to.Seq >= s.Last.Seq {
			wait = 150 * time.Millisecond
		}
		d, err := r.Read(t.Context(), 1000, wait)
		if err != nil {
			t.Fatal(err)
		}
		if d.To == (event.Position{}) {
			return ids, to
		}
		for _, e := range d.Events {
			ids = append(ids, e.ID)
		}
		to = d.To
		if err := d.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// blocks are the files that hold the messages of EVENTS, in order.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", streamName, "msgs", "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no block files: %v", err)
	}
	return files
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a temporary file that went meanwhile
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func fill(t *testing.T, q *Queue, name string, messages int) []string {
	t.Helper()
	var ids []string
	for i := range messages {
		e := queuetest.Events(fmt.Sprint(name, i), 3)
		publish(t, q, e...)
		for _, x := range e {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

// flip flips one bit of a file.
func flip(t *testing.T, file string, at float64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[int(float64(len(b))*at)] ^= 0x10
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// big makes one event that takes about 30 KB and does not compress.
func big(name string) event.Event {
	e := queuetest.Events(name, 1)[0]
	b := make([]byte, 30<<10)
	for i := range b {
		b[i] = byte('a' + rand.IntN(26))
	}
	e.Properties = string(b)
	return e
}

func TestFlippedBit(t *testing.T) {
	cases := []struct {
		block int
		at    float64
	}{{block: 0, at: 0.02}, {block: 0, at: 0.3}, {block: 0, at: 0.6}, {block: 0, at: 0.98}, {block: 1, at: 0.5}, {block: 2, at: 0.9}}
	for _, c := range cases {
		t.Run(fmt.Sprint("block ", c.block, " at ", c.at), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			q, _ := openAt(t, Options{Dir: dir})
			var stored []string
			if c.block == 0 {
				stored = fill(t, q, "a", 200)
			} else { // several block files
				for i := range 28 {
					var many []event.Event
					for j := range 30 {
						many = append(many, big(fmt.Sprint("b", i, ".", j)))
						stored = append(stored, many[j].ID)
					}
					publish(t, q, many...)
				}
			}
			shared := readerAt(t, q, "shared", nil)
			readAll(t, shared)
			_, end := readAll(t, readerAt(t, q, "store", &event.Position{}))
			q.Close()
			files := blocks(t, dir)
			if len(files) <= c.block {
				t.Fatalf("only %d block files", len(files))
			}
			flip(t, files[c.block], c.at)

			q, said := openAt(t, Options{Dir: dir})
			fresh := fill(t, q, "new", 5)
			late, _ := readAll(t, readerAt(t, q, "late", &event.Position{}))
			for name, from := range map[string]*event.Position{"store": &end, "shared": nil} {
				if got, _ := readAll(t, readerAt(t, q, name, from)); !slices.Equal(got, fresh) {
					t.Errorf("reader %s: %d events, want the %d new ones", name, len(got), len(fresh))
				}
			}
			lost := missing(append(slices.Clone(stored), fresh...), late)
			t.Logf("%d of %d events are not readable any more", len(lost), len(stored))
			if len(late) != len(stored)+len(fresh)-len(lost) || !slices.Equal(late[len(late)-len(fresh):], fresh) {
				t.Errorf("%d events read, %d were stored, %d missing; the last %v", len(late), len(stored)+len(fresh), len(lost), late[len(late)-5:])
			}
			if len(lost) > 0 && (!strings.Contains(said.String(), fmt.Sprint("events=", len(lost))) || !strings.Contains(said.String(), "reader=late")) {
				t.Errorf("%d lost events are not reported:\n%s", len(lost), said)
			}
		})
	}
}

// missing are the ids of want that got does not have.
func missing(want, got []string) (ids []string) {
	has := map[string]bool{}
	for _, id := range got {
		has[id] = true
	}
	for _, id := range want {
		if !has[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestCopyAfterTheLastAnswer(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	q, _ := openAt(t, Options{Dir: from})
	if !q.srv.JetStreamConfig().SyncAlways {
		t.Error("the embedded server does not sync before it answers")
	}
	var mu sync.Mutex
	var answered []string
	var all sync.WaitGroup
	for c := range 16 {
		all.Go(func() {
			for _, e := range queuetest.Events(fmt.Sprint(c), 50) {
				if q.Publish(t.Context(), e) == nil {
					mu.Lock()
					answered = append(answered, e.ID)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if err := q.Aside().Put(t.Context(), queue.AsideItem{Reader: "store", Reason: "x", Event: &queuetest.Events("bad", 1)[0]}); err != nil {
		t.Fatal(err)
	}
	copyTree(t, from, to) // as a kill would leave it: nothing was closed

	q, _ = openAt(t, Options{Dir: to})
	got, _ := readAll(t, readerAt(t, q, "r", &event.Position{}))
	if lost := missing(answered, got); len(lost) > 0 || len(got) != len(answered) || len(answered) != 800 {
		t.Errorf("%d answered, %d read, %d lost", len(answered), len(got), len(lost))
	}
	if s, err := q.State(t.Context()); err != nil || s.Accepted != 800 || s.Aside["store"] != 1 {
		t.Errorf("state: %+v, %v", s, err)
	}
}

// A file system that lost the newest messages, or all of them, makes the server
// give out sequence numbers a second time.
func TestLogCutBehindItsReaders(t *testing.T) {
	const msgs = "jetstream/$G/streams/" + streamName + "/msgs"
	for name, c := range map[string]struct{ gone, back string }{
		"older copy": {"jetstream", "jetstream"}, "older messages": {msgs, msgs}, "all messages gone": {msgs, ""}, "all streams gone": {"jetstream", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, backup := t.TempDir(), t.TempDir()
			q, _ := openAt(t, Options{Dir: dir})
			fill(t, q, "a", 3)
			shared := readerAt(t, q, "shared", nil)
			readAll(t, shared)
			q.Close()
			copyTree(t, dir, backup)
			q, _ = openAt(t, Options{Dir: dir})
			fill(t, q, "b", 7)
			readAll(t, readerAt(t, q, "shared", nil))
			_, end := readAll(t, readerAt(t, q, "store", &event.Position{}))
			q.Close()
			if err := os.RemoveAll(filepath.Join(dir, c.gone)); err != nil {
				t.Fatal(err)
			}
			if c.back != "" {
				copyTree(t, filepath.Join(backup, c.back), filepath.Join(dir, c.back))
			}

			q, said := openAt(t, Options{Dir: dir})
			fresh := fill(t, q, "new", 2) // fewer than were lost: they get sequences the readers have seen
			for name, from := range map[string]*event.Position{"store": &end, "shared": nil} {
				got, to := readAll(t, readerAt(t, q, name, from))
				if lost := missing(fresh, got); len(lost) > 0 {
					t.Errorf("%s skipped %v", name, lost)
				}
				if to.Epoch != end.Epoch+1 || to.Total != end.Total+uint64(len(fresh)) {
					t.Errorf("%s is at %+v, before it was at %+v", name, to, end)
				}
			}
			if !strings.Contains(said.String(), "a new epoch begins") {
				t.Errorf("not reported:\n%s", said)
			}
			q.Close()
			q, said = openAt(t, Options{Dir: dir})
			if strings.Contains(said.String(), "epoch") || q.epochs.current() != end.Epoch+1 {
				t.Errorf("a quiet start began another epoch %v:\n%s", q.epochs, said)
			}
		})
	}
}

// A position nobody told Open of shows a cut as well.
func TestCutNoticedByAReader(t *testing.T) {
	q, _ := openAt(t, Options{Dir: t.TempDir()})
	fresh := fill(t, q, "new", 2)
	far := event.Position{Epoch: 1, Seq: 500, Total: 900}
	got, to := readAll(t, readerAt(t, q, "store", &far))
	if !slices.Equal(got, fresh) {
		t.Errorf("got %v at %+v, want %v", got, to, fresh)
	}
	more := fill(t, q, "more", 1)
	got, to = readAll(t, readerAt(t, q, "store", &to))
	if lost := missing(more, got); len(lost) > 0 || to.Epoch != 2 || to.Total != 903 {
		t.Errorf("got %v at %+v, want %v", got, to, more)
	}
}

func TestDamagedEpochs(t *testing.T) {
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir})
	stored := fill(t, q, "a", 3)
	_, end := readAll(t, readerAt(t, q, "store", &event.Position{}))
	q.Close()
	file := filepath.Join(dir, "epochs.json")
	if err := os.WriteFile(file, []byte(`[{"epoch":1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if q, err := Open(Options{Dir: dir}); err == nil {
		q.Close()
		t.Fatal("opened with a damaged epochs.json")
	} else if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	q, said := openAt(t, Options{Dir: dir})
	if got, _ := readAll(t, readerAt(t, q, "late", &event.Position{})); !slices.Equal(got, stored) {
		t.Errorf("read %v", got)
	}
	if got, _ := readAll(t, readerAt(t, q, "store", &end)); len(got) > 0 || strings.Contains(said.String(), "ERROR") {
		t.Errorf("told again %v:\n%s", got, said)
	}
}

func TestExpiredIsReported(t *testing.T) {
	dir := t.TempDir()
	q, _ := openAt(t, Options{Dir: dir, MaxAge: time.Second})
	slow := readerAt(t, q, "slow", &event.Position{})
	fill(t, q, "old", 4)
	d, err := slow.Read(t.Context(), 3, 5*time.Second)
	if err != nil || len(d.Events) == 0 {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	q.Close()
	q, said := openAt(t, Options{Dir: dir, MaxAge: time.Second})
	if s, err := q.State(t.Context()); err != nil || s.Accepted != 12 || s.Readers["slow"].Waiting != 12 {
		t.Errorf("state when all expired: %+v, %v", s, err)
	}
	fresh := fill(t, q, "new", 1)
	got, to := readAll(t, readerAt(t, q, "slow", &event.Position{}))
	if !slices.Equal(got, fresh) || to.Total != 15 {
		t.Errorf("read %v to %+v", got, to)
	}
	if text := said.String(); !strings.Contains(text, "expired") || !strings.Contains(text, "messages=4") || !strings.Contains(text, "reader=slow") {
		t.Errorf("not reported:\n%s", text)
	}
}
