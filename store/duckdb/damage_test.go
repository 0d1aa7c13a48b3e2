package duckdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
	"footfall/store/storetest"
)

var begin = time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC)

const (
	batches = 24
	batch   = 50
)

func batchOf(i int) []event.Event {
	return storetest.NewBusy(uint64(i), begin.Add(time.Duration(i)*time.Hour)).Next(batch)
}

func at(seq int) event.Position {
	return event.Position{Epoch: 3, Seq: uint64(seq), Total: uint64(seq * batch)}
}

// killed is the directory of a store as a kill after all batches leaves it,
// with half of them in the write-ahead log, and the events it holds.
func killed(t *testing.T) (dir string, whole []event.Event) {
	t.Helper()
	live := t.TempDir()
	s := open(t, live, time.Now)
	writeFrom(t, s, 0, batches/2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, live, time.Now)
	writeFrom(t, s, batches/2, batches)
	dir = t.TempDir()
	copyFiles(t, live, dir)
	whole = storetest.All(t, s, "", period.Window{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, whole
}

func writeFrom(t *testing.T, s *duckdb.Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := s.Write(context.Background(), batchOf(i), at(i+1)); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "events.duckdb*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(f)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// damages are what a disk or a power cut does to the end of a file.
var damages = []struct {
	name string
	do   func(r *rand.Rand, data []byte) []byte
}{
	{"none", func(_ *rand.Rand, data []byte) []byte { return data }},
	{"cut", func(r *rand.Rand, data []byte) []byte { return data[:r.IntN(len(data))] }},
	{"zeroed", func(r *rand.Rand, data []byte) []byte { clear(data[r.IntN(len(data)):]); return data }},
	{"zeros added", func(r *rand.Rand, data []byte) []byte { return append(data, make([]byte, 1+r.IntN(8192))...) }},
	{"bit flipped", func(r *rand.Rand, data []byte) []byte { data[r.IntN(len(data))] ^= 1 << r.IntN(8); return data }},
	{"last bytes flipped", func(r *rand.Rand, data []byte) []byte {
		data[len(data)-1-r.IntN(min(len(data), 4096))] ^= 1 << r.IntN(8)
		return data
	}},
}

func damage(t *testing.T, file string, r *rand.Rand, do func(*rand.Rand, []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, do(r, data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// settle checks that the position and the events agree, writes the rest and
// checks that the store is as if nothing had happened.
func settle(t *testing.T, s *duckdb.Store, whole []event.Event) {
	t.Helper()
	seq := int(s.State().Position.Seq)
	if s.State().Position != (event.Position{}) && s.State().Position != at(seq) {
		t.Fatalf("position is %+v", s.State().Position)
	}
	want := 0
	ids := map[string]bool{}
	for i := range seq {
		for _, e := range batchOf(i) {
			ids[e.ID] = true
			want++
		}
	}
	for _, e := range storetest.All(t, s, "", period.Window{}) {
		if !ids[e.ID] {
			t.Fatalf("event %s is beyond position %d, or twice", e.ID, seq)
		}
		delete(ids, e.ID)
	}
	if len(ids) != 0 || s.State().Stored != uint64(want) {
		t.Fatalf("%d of the %d events up to position %d are missing, %d said to be stored", len(ids), want, seq, s.State().Stored)
	}
	writeFrom(t, s, seq, batches)
	if got := storetest.All(t, s, "", period.Window{}); !reflect.DeepEqual(got, whole) {
		t.Fatalf("%d events after all, want %d", len(got), len(whole))
	}
	if got := s.State(); got.Stored != uint64(len(whole)) || got.Duplicates != 0 || got.Position != at(batches) {
		t.Fatalf("state is %+v", got)
	}
}

func TestDamagedLog(t *testing.T) {
	t.Parallel()
	dir, whole := killed(t)
	moved, lost := 0, 0
	for seed := range uint64(60) {
		kind := damages[seed%uint64(len(damages))]
		t.Run(fmt.Sprint(kind.name, seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			own := t.TempDir()
			copyFiles(t, dir, own)
			damage(t, filepath.Join(own, "events.duckdb.wal"), r, kind.do)
			s := open(t, own, time.Now)
			defer func() { s.Close() }()
			seq := s.State().Position.Seq
			if kind.name == "none" && (len(s.Moved()) > 0 || seq != batches) {
				t.Fatalf("a whole log was replayed up to %d, moved %v", seq, s.Moved())
			}
			if seq < batches/2 {
				t.Fatalf("batches of the checkpoint are missing: position %d", seq)
			}
			for _, f := range s.Moved() {
				moved++
				if _, err := os.Stat(f); err != nil {
					t.Error(err)
				}
			}
			if seq < batches {
				lost++
			}
			settle(t, s, whole)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, own, time.Now)
			if len(s.Moved()) > 0 || s.State().Stored != uint64(len(whole)) {
				t.Errorf("after another start: moved %v, state %+v", s.Moved(), s.State())
			}
		})
	}
	t.Logf("of 60 logs %d were moved aside, %d had lost batches", moved, lost)
	if moved == 0 || lost == 0 {
		t.Error("nothing was damaged")
	}
}

// TestDamagedFile flips and cuts the file itself. Where that does not show at
// Open, reading must fail or be right.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	dir, whole := killed(t)
	moved, failed, right, known := 0, 0, 0, false
	for seed := range uint64(40) {
		kind := damages[1+seed%uint64(len(damages)-1)]
		if seed%4 == 0 { // the headers, which a random place seldom hits
			kind.name, kind.do = "header", func(r *rand.Rand, data []byte) []byte { clear(data[r.IntN(4096):12288]); return data }
		}
		t.Run(fmt.Sprint(kind.name, seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			own := t.TempDir()
			copyFiles(t, dir, own)
			damage(t, filepath.Join(own, "events.duckdb"), r, kind.do)
			s := open(t, own, time.Now)
			defer s.Close()
			if moved += len(s.Moved()); len(s.Moved()) > 0 {
				settle(t, s, whole)
				return
			}
			var got []event.Event
			if err := s.Scan(context.Background(), "", period.Window{}, func(e *event.Event) error { got = append(got, e.Clone()); return nil }); err != nil {
				failed++
				if _, told := errors.AsType[*metric.TroubleError](err); told != s.Damaged() || !told && strings.Contains(err.Error(), "Corrupt database file") {
					t.Errorf("%v: it is told: %v, it is known to be damaged: %v", err, told, s.Damaged())
				}
				known = known || s.Damaged()
				return
			}
			if s.Damaged() {
				t.Error("what was read is said to be damaged")
			}
			right++
			if !reflect.DeepEqual(got, whole) {
				t.Errorf("%d events without an error, want %d", len(got), len(whole))
			}
		})
	}
	if !known {
		t.Error("no damage was told")
	}
	t.Logf("of 40 files %d were moved aside, %d failed when read, %d were right", moved, failed, right)
}

// TestWholeFilesStay is about stores that can't be opened and are not damaged.
func TestWholeFilesStay(t *testing.T) {
	if dir := os.Getenv("FOOTFALL_TEST_OPEN"); dir != "" {
		_, err := duckdb.Open(duckdb.Options{Dir: dir})
		fmt.Println("opened:", err)
		return
	}
	dir := t.TempDir()
	s := open(t, dir, time.Now)
	writeFrom(t, s, 0, 1)
	child := exec.Command(os.Args[0], "-test.run=^TestWholeFilesStay$")
	child.Env = append(os.Environ(), "FOOTFALL_TEST_OPEN="+dir)
	out, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("lock")) {
		t.Errorf("another process opened a store in use: %v\n%s", err, out)
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "*damaged*")); len(aside) > 0 {
		t.Errorf("moved aside: %v", aside)
	}
	writeFrom(t, s, 1, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, time.Now)
	defer s.Close()
	if s.State().Stored != 2*batch {
		t.Errorf("state is %+v", s.State())
	}
}

// TestNewsAreTold checks that whoever wants to know hears of each event that
// came again, and of those that were new once they are stored.
func TestNewsAreTold(t *testing.T) {
	var again, fresh []string
	var s *duckdb.Store
	s, err := duckdb.Open(duckdb.Options{Dir: t.TempDir(), Duplicate: func(e *event.Event) { again = append(again, e.ID) },
		Fresh: func(events []event.Event, index []int) {
			for _, i := range index {
				fresh = append(fresh, events[i].ID)
			}
			if s.State().Stored != uint64(len(fresh)) {
				t.Errorf("%d events told, %d stored", len(fresh), s.State().Stored)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	events := batchOf(0)[:3]
	id := func(i int) string { return events[i].ID }
	for _, batch := range [][]event.Event{{events[0], events[1], events[0]}, {events[0], events[1]}, {}, {events[1], events[2]}} {
		if err := s.Write(context.Background(), batch, at(1)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{id(0), id(0), id(1), id(1)}; !reflect.DeepEqual(again, want) {
		t.Errorf("told as duplicates %v, want %v", again, want)
	}
	if want := []string{id(0), id(1), id(2)}; !reflect.DeepEqual(fresh, want) {
		t.Errorf("told as new %v, want %v", fresh, want)
	}
}

// TestRecount checks the count of duplicates after a rebuild.
func TestRecount(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, time.Now)
	to := at(2)
	if err := s.Write(context.Background(), batchOf(0), to); err != nil {
		t.Fatal(err)
	}
	if err := s.Recount(context.Background(), 10, 0); err != nil || s.State().Duplicates != 10 {
		t.Errorf("%+v, %v", s.State(), err)
	}
	want := s.State()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, time.Now)
	defer s.Close()
	if s.State() != want {
		t.Errorf("%+v after a restart, want %+v", s.State(), want)
	}
}

// TestQueriesEnd checks that a query ends with its context.
func TestQueriesEnd(t *testing.T) {
	s := open(t, t.TempDir(), time.Now)
	defer s.Close()
	writeFrom(t, s, 0, 2)
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	q := metric.Query{Site: "shop", Metric: metric.Sessions, Window: period.Window{From: begin, To: begin.Add(48 * time.Hour)}}
	if _, err := s.Answer(dead, q); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if d, err := s.Answer(context.Background(), q); err != nil || d.Sum() == 0 {
		t.Errorf("the next query: %v, %v", d, err)
	}
}
