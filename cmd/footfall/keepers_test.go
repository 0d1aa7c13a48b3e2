package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/archive"
	"footfall/archive/s3/s3test"
	"footfall/event"
	"footfall/schedule"
)

// newStore starts a store, and has this process ask it with the right keys.
func newStore(t *testing.T) *s3test.Server {
	t.Helper()
	s := s3test.Start(t)
	for _, variable := range s.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	return s
}

func opened(t *testing.T, url string) archive.Objects {
	t.Helper()
	k, err := keeperOf(url)
	must(t, err)
	o, err := k.open(t.Context())
	must(t, err)
	return o
}

// TestKeeperURL: what is kept of a URL leads to the same place, and has all that was
// said in it.
func TestKeeperURL(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"/var/../var/exports/": "file:///var/exports",
		"file:///var/a%20b":    "file:///var/a%20b",
		"s3://bucket":          "s3://bucket/",
		"s3://bucket//a/../b/": "s3://bucket/b",
		"s3://b/p?path-style=true&region=auto&endpoint=https://s3.a.b:9": "s3://b/p?endpoint=https://s3.a.b:9&region=auto",
		"s3://b/p?path-style=false":                                      "s3://b/p?path-style=false",
	} {
		k, err := keeperOf(written)
		must(t, err)
		again, err := keeperOf(k.String())
		if must(t, err); k.String() != want || again != k {
			t.Errorf("%s is %s, and then %s", written, k, again)
		}
	}
}

// TestKeeperKeys: keys are refused wherever they stand in a URL, and not told.
func TestKeeperKeys(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"s3://me:s3cret@bucket/p", "s3://bucket/p?endpoint=https://me:s3cret@s3.a.b:9", "s3://bucket/p?endpoint=https://me:/s3cret@s3.a.b"} {
		if _, err := keeperOf(written); err == nil || !strings.Contains(err.Error(), "keys don't belong") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", written, err)
		}
	}
}

// TestScheduledExportBucket: files of days that are over are in the bucket as footfall
// export has them; one that can't be reached is told, and caught up later.
func TestScheduledExportBucket(t *testing.T) {
	store, h := newStore(t), newHome(t)
	id := h.addSite("shop.example", "UTC")
	last := schedule.Newest(time.Now(), time.UTC, dailyAt)
	var one copying
	h.must(&one, "export", "schedule", "add", "--to", store.URL("a/b"), "--format", "csv", "--from", (last - 1).String())
	on := func(name string) event.Event {
		at := last.Window(time.UTC).From.Add(time.Hour)
		return event.Event{ID: name, Site: id, Kind: event.Page, Host: "shop.example", Path: "/" + name, Time: at, Original: at, Received: at, Channel: "web", Visitor: 7}
	}
	holds := func() {
		t.Helper()
		var want, fault bytes.Buffer
		if code := run(t.Context(), []string{"export", "--site", id, "--format", "csv", "--from", last.String(), "--to", (last + 1).String(), "--data", h.dir}, &want, &fault); code != 0 {
			t.Fatal(fault.String())
		}
		r, err := opened(t, store.URL("a/b/"+id)).Open(t.Context(), "events-"+last.String()+".csv")
		must(t, err)
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || string(got) != want.String() || strings.Count(want.String(), "\n") < 2 {
			t.Errorf("the file is %v\n%.900s\nexport has\n%.900s", err, got, want.String())
		}
	}
	h.publish(on("one"))
	h.copied()
	holds()
	store.Kill()
	h.publish(on("two"))
	h.typed(nil, "roll")
	if err := h.copies.write(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a store that is away: %v", err)
	}
	store.Again()
	must(t, h.copies.write(t.Context()))
	holds()
	names, err := opened(t, store.URL("a")).List(context.Background(), "")
	if must(t, err); strings.Join(names, " ") != strings.Join([]string{"b/" + id + "/events-" + (last - 1).String() + ".csv", "b/" + id + "/events-" + last.String() + ".csv"}, " ") {
		t.Errorf("there are %q", names)
	}
	kept, err := os.ReadFile(h.dir + "/exports.json")
	if must(t, err); strings.Contains(string(kept), s3test.Secret) {
		t.Error("the key is in exports.json")
	}
}

// TestBackupBucket: a home that was restored from a bucket has what it had; the second
// backup sends what is new, also when the first is removed; one that can't be made is
// told, and leaves what there was.
func TestBackupBucket(t *testing.T) {
	store, h := newStore(t), newHome(t)
	h.site()
	h.publish(events("a", 5, true)...)
	h.publish(events("bad", 3, false)...)
	place := store.URL("some/backups")
	var first, second backupReport
	h.must(&first, "backup", place)
	h.must(nil, "backup", "verify", place)
	h.restoredFrom(place).adds("restored", counts{5, 0, 3, 0})
	h.publish(events("late", 4, true)...)
	h.must(&second, "backup", place, "--keep", "1")
	if second.Accepted != first.Accepted+4 || second.New >= second.Bytes || len(second.Removed) != 1 {
		t.Errorf("first %+v, second %+v", first, second)
	}
	h.must(nil, "backup", "verify", second.Dir)
	h.restoredFrom(second.Dir).adds("restored from the second", counts{9, 0, 3, 0})
	if _, err := os.Stat(h.dir + "/backup.scratch"); !os.IsNotExist(err) {
		t.Errorf("what was on its way stays: %v", err)
	}
	if said, code := h.typed(nil, "restore", first.Dir, "--data", h.dir+"/new"); code != 1 || !strings.Contains(said, "does not exist") {
		t.Errorf("a backup that is removed: %d %s", code, said)
	}
	names, err := opened(t, place).List(t.Context(), "")
	must(t, err)
	i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, "/bins.sqlite") })
	must(t, opened(t, place).Remove(t.Context(), names[i]))
	if said, code := h.typed(nil, "backup", "verify", place); code != 1 || !strings.Contains(said, "bins.sqlite: no such file") {
		t.Errorf("a backup without a file: %d %s", code, said)
	}
	store.Kill()
	if said, code := h.typed(nil, "backup", place); code != 1 || !strings.Contains(said, "refused") || strings.Contains(said, s3test.Secret) {
		t.Errorf("a store that is away: %d %s", code, said)
	}
}

// TestArchiveElsewhere: a home whose archive is in a bucket makes its figures again from
// there, is backed up and restored into another prefix, and neither it nor another home
// begins an archive where it should not.
func TestArchiveElsewhere(t *testing.T) {
	store := newStore(t)
	at := func(prefix string) string { t.Setenv("FOOTFALL_ARCHIVE", store.URL(prefix)); return store.URL(prefix) }
	at("live")
	h := newHome(t)
	h.site()
	h.publish(events("a", 5, true)...)
	h.publish(events("a", 5, true)...)
	h.publish(events("b", 4, true)...)
	want := counts{9, 5, 0, 0}
	h.reopen()
	h.rebuilt()
	h.adds("rebuilt", want)
	var r reconciled
	if h.must(&r, "reconcile"); r.Count != 0 || r.Archive.Differences != 0 {
		t.Errorf("reconcile: %+v", r)
	}
	if names, err := opened(t, store.URL("live")).List(t.Context(), "site="); err != nil || len(names) == 0 {
		t.Errorf("in the bucket are %q, %v", names, err)
	}
	if _, err := os.Stat(h.dir + "/archive"); !os.IsNotExist(err) {
		t.Errorf("the archive is in the directory, too: %v", err)
	}
	k, err := (&call{config: h.c, stderr: os.Stderr}).dial(t.Context())
	must(t, err)
	if f := k.archivePlace(t.Context()); !f.OK || !strings.Contains(f.Says, store.URL("live")) {
		t.Errorf("doctor says %+v", f)
	}
	must(t, k.close())
	place := h.dir + "-backups"
	t.Cleanup(func() { os.RemoveAll(place) })
	h.must(nil, "backup", place)
	h.shut()
	refused := func(what, want string, args ...string) {
		t.Helper()
		if said, code := h.typed(nil, args...); code != 1 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", what, code, said)
		}
	}
	refused("without the setting", "give that as --archive", "site", "list", "--archive", "")
	refused("with another setting", "give that as --archive", "site", "list", "--archive", store.URL("other"))
	refused("moved onto itself", "is there already", "archive", "move", "--to", store.URL("live"))
	restoredTo(t, place, want, at)
	at("live")
	other := &home{t: t, dir: t.TempDir()}
	if said, code := other.typed(nil, "site", "list"); code != 1 || !strings.Contains(said, "of another data directory") {
		t.Errorf("another's: %d %s", code, said)
	}
	h.open()
	h.adds("as before", want)
	h.shut()
	must(t, opened(t, store.URL("live")).Remove(t.Context(), ownerName))
	refused("another bucket under the name", "not at s3://archive/live", "site", "list")
}

// restoredTo restores a backup with the archive where at says: not over another.
func restoredTo(t *testing.T, place string, want counts, at func(prefix string) string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ff-")
	must(t, err)
	to := &home{t: t, dir: dir}
	t.Cleanup(func() { to.shut(); os.RemoveAll(dir) })
	if said, code := to.typed(nil, "restore", place); code != 1 || !strings.Contains(said, "restored to an empty place only") {
		t.Errorf("restored over what is there: %d %s", code, said)
	}
	at("restored")
	to.must(nil, "restore", place)
	to.open()
	to.adds("restored", want)
	to.publish(events("c", 2, true)...)
	to.rebuilt()
	to.adds("restored and rebuilt", counts{11, 5, 0, 0})
}

// TestArchiveMove: an archive that was moved into a bucket and back has all events, also
// where a move is cut short, and its old place is not used any more.
func TestArchiveMove(t *testing.T) {
	store, h := newStore(t), newHome(t)
	h.site()
	h.publish(events("a", 5, true)...)
	h.publish(events("b", 4, true)...)
	move := func(to string) (string, int) { return h.typed(nil, "archive", "move", "--to", to) }
	if said, code := move(store.URL("new")); code != 1 || !strings.Contains(said, "another footfall") {
		t.Errorf("while a server runs: %d %s", code, said)
	}
	h.shut()
	if said, code := h.typed(nil, "site", "list", "--archive", store.URL("new")); code != 1 || !strings.Contains(said, "footfall archive move --to '"+store.URL("new")) {
		t.Errorf("a setting alone moves it: %d %s", code, said)
	}
	names, err := opened(t, "file://"+h.dir+"/archive").List(t.Context(), "site=")
	must(t, err)
	damaged := h.dir + "/archive/" + names[len(names)-1]
	must(t, os.Rename(damaged, damaged+".tmp"))
	if said, code := move(store.URL("new")); code != 1 || !strings.Contains(said, "the same command goes on") {
		t.Errorf("without an object: %d %s", code, said)
	}
	must(t, os.Rename(damaged+".tmp", damaged))
	if said, code := move(store.URL("new")); code != 0 {
		t.Fatalf("a move: %s", said)
	}
	must(t, os.RemoveAll(h.dir+"/archive"))
	if said, code := h.typed(nil, "site", "list"); code != 1 || !strings.Contains(said, store.URL("new")) {
		t.Errorf("without the setting: %d %s", code, said)
	}
	t.Setenv("FOOTFALL_ARCHIVE", store.URL("new"))
	h.open()
	h.publish(events("c", 2, true)...)
	h.rebuilt()
	h.adds("moved and rebuilt", counts{11, 0, 0, 0})
	h.shut()
	must(t, opened(t, store.URL("full")).Put(t.Context(), "_manifest/000000000001.json", func(io.Writer) error { return nil }))
	if said, code := move(store.URL("full")); code != 1 || !strings.Contains(said, "there is an archive") {
		t.Errorf("over another: %d %s", code, said)
	}
	if said, code := move("inside"); code != 0 {
		t.Fatalf("back: %s", said)
	}
	t.Setenv("FOOTFALL_ARCHIVE", "")
	h.open()
	h.rebuilt()
	h.adds("moved back and rebuilt", counts{11, 0, 0, 0})
}
