package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/period"
	"footfall/schedule"
)

// copying of tests: a site half an hour beside the clock's hours, with files of it.
type copiesHome struct {
	*home
	id, dir string
	zone    *time.Location
	last    period.Date // the newest that is over
}

func newCopies(t *testing.T) *copiesHome {
	t.Helper()
	c := &copiesHome{home: newHome(t)}
	c.id, c.dir = c.addSite("shop.example", "Asia/Kolkata"), filepath.Join(c.home.dir, "copies")
	var err error
	c.zone, err = time.LoadLocation("Asia/Kolkata")
	must(t, err)
	c.last = schedule.Newest(time.Now(), c.zone, dailyAt)
	for _, args := range [][]string{{"--format", "csv"}, {"--format", "parquet"}, {"--table", "daily"}} {
		if fault, code := c.typed(nil, append([]string{"export", "schedule", "add", "--site", c.id, "--to", c.dir, "--from", (c.last - 2).String()}, args...)...); code != 0 {
			t.Fatal(fault)
		}
	}
	return c
}

// on is an event of a date's last minutes.
func (c *copiesHome) on(date period.Date, name, user string) event.Event {
	at := date.Window(c.zone).From.Add(23*time.Hour + 55*time.Minute).UTC()
	return event.Event{ID: name, Site: c.id, Kind: event.Page, Host: "shop.example", Path: "/" + name, Title: "=1", UserID: user, Time: at, Original: at, Received: at, Channel: "web", Visitor: 7}
}

func (c *copiesHome) events(date period.Date) string {
	return filepath.Join(c.dir, c.id, "events-"+date.String()+".csv")
}

func (c *copiesHome) read(path string) string {
	c.t.Helper()
	text, err := os.ReadFile(path)
	must(c.t, err)
	return string(text)
}

// same compares the files with what footfall export has of their dates.
func (c *copiesHome) same(when string) {
	c.t.Helper()
	for date := c.last - 2; date <= c.last; date++ {
		for _, format := range []string{"csv", "parquet"} {
			var want, fault bytes.Buffer
			if code := run(c.t.Context(), []string{"export", "--site", c.id, "--format", format, "--from", date.String(), "--to", (date + 1).String(), "--data", c.home.dir}, &want, &fault); code != 0 {
				c.t.Fatal(fault.String())
			}
			if got := c.read(strings.TrimSuffix(c.events(date), "csv") + format); got != want.String() {
				c.t.Errorf("%s: %s of %s is\n%.900s\nexport has\n%.900s", when, format, date, got, want.String())
			}
		}
	}
}

// TestScheduledExport: each date that is over has a file with what footfall export
// has of it; one is written again when events of its date come or go, others are not
// touched; a destination that is away is told, and caught up when it is back.
func TestScheduledExport(t *testing.T) {
	t.Parallel()
	h := newCopies(t)
	h.publish(h.on(h.last-2, "a", "anna"), h.on(h.last-1, "b", ""), h.on(h.last-1, "c", ""), h.on(h.last+1, "not over", ""))
	h.reopen() // before any file is written, as with a date to come
	h.copied()
	h.same("at first")
	if got := h.read(filepath.Join(h.dir, h.id, "daily-"+(h.last-1).String()+".csv")); strings.Count(got, "\n") != 3 || !strings.Contains(got, (h.last-1).String()+",/b,1,1\n") {
		t.Errorf("the daily table is %q", got)
	}
	if lines := strings.Count(h.read(h.events(h.last)), "\n"); lines != 1 {
		t.Errorf("a date without events has %d lines", lines)
	}
	if _, err := os.Stat(h.events(h.last + 1)); !os.IsNotExist(err) {
		t.Errorf("a date that is not over: %v", err)
	}
	must(t, os.WriteFile(h.events(h.last), []byte("mine"), 0o600)) // is not touched
	h.publish(h.on(h.last-2, "late", ""))
	h.copied()
	if text := h.read(h.events(h.last - 2)); !strings.Contains(text, "/late") || h.read(h.events(h.last)) != "mine" {
		t.Errorf("with a late event: %s", text)
	}
	h.reopen() // what is written is remembered
	must(t, h.copies.write(t.Context()))
	if h.read(h.events(h.last)) != "mine" {
		t.Error("after a restart all was written again")
	}
	if fault, code := h.typed(nil, "person", "erase", "--site", h.id, "--user", "anna"); code != 0 {
		t.Fatal(fault)
	}
	must(t, h.copies.write(t.Context()))
	h.same("with a person erased")
	if strings.Contains(h.read(h.events(h.last-2)), "anna") {
		t.Error("a file names who was erased")
	}
	h.away(h.dir, h.id, h.on(h.last, "again", ""))
	h.same("back again")
}

// TestScheduledExportByServersOnly: a command that opens a stopped data directory, and a
// restore, leave the files as they are, which are another server's. A server writes them.
func TestScheduledExportByServersOnly(t *testing.T) {
	t.Parallel()
	h := newCopies(t)
	h.publish(h.on(h.last-2, "a", "anna"))
	h.copied()
	backups, again := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "again")
	if fault, code := h.typed(nil, "backup", backups); code != 0 {
		t.Fatal(fault)
	}
	for date := h.last - 2; date <= h.last; date++ {
		must(t, os.WriteFile(h.events(date), []byte("mine"), 0o600))
	}
	var fault bytes.Buffer
	if code := run(t.Context(), []string{"restore", backups, "--data", again}, io.Discard, &fault); code != 0 {
		t.Fatal(fault.String())
	}
	for date := h.last - 2; date <= h.last; date++ {
		if h.read(h.events(date)) != "mine" {
			t.Errorf("the restore wrote %s", date)
		}
	}
	stop := h.work(t.Context())
	defer stop()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		standings, err := h.schedule.Standings(t.Context())
		must(t, err)
		if slices.ContainsFunc(standings, func(s schedule.Standing) bool { return s.Job == "exports" && !s.Ended.IsZero() }) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a server writes nothing")
		}
	}
}

// TestScheduledExportBesideRemoval: the file of a date whose events are removed while it
// is written stays as it was.
func TestScheduledExportBesideRemoval(t *testing.T) {
	t.Parallel()
	h := newCopies(t)
	h.publish(h.on(h.last-2, "a", ""), h.on(h.last-1, "b", ""))
	h.copied()
	one := h.copies.list()[0]
	site, err := h.sites.find(h.id)
	must(t, err)
	to, err := destination(t.Context(), &one, site)
	must(t, err)
	must(t, h.bins.Freeze(t.Context(), h.id, h.last-1, (h.last-1).Window(h.zone).From))
	for date, want := range map[period.Date]error{h.last - 2: errRemoved, h.last - 1: nil} {
		must(t, os.WriteFile(h.events(date), []byte("mine"), 0o600))
		if err := h.copies.file(t.Context(), to, &one, site, date); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", date, err, want)
		}
		if kept := h.read(h.events(date)) == "mine"; kept != (want != nil) {
			t.Errorf("%s: it stays as it was: %v", date, kept)
		}
	}
}

// copied rolls what came, as a server does every quarter of an hour, and writes.
func (h *home) copied() {
	h.t.Helper()
	h.typed(nil, "roll")
	must(h.t, h.copies.write(h.t.Context()))
}

// away takes the directory of scheduled exports away, and brings it back.
func (h *home) away(dir, site string, later event.Event) {
	h.t.Helper()
	told := func(ok bool, want string) {
		h.t.Helper()
		k, err := (&call{config: h.c, stderr: os.Stderr}).dial(h.t.Context())
		must(h.t, err)
		defer k.close()
		if f := k.copies(h.t.Context()); f.OK != ok || !strings.Contains(f.Says, want) {
			h.t.Errorf("doctor says %+v, want %q", f, want)
		}
	}
	told(true, "1 (events of "+site+"): last day ")
	must(h.t, os.Rename(dir, dir+"-away"))
	for _, mountPoint := range []bool{false, true} { // which is there, and empty, where nothing is mounted on it
		if mountPoint {
			must(h.t, os.Mkdir(dir, 0o700))
		}
		h.publish(later)
		h.typed(nil, "roll")
		if err := h.copies.write(h.t.Context()); err == nil || !strings.Contains(err.Error(), "mounted?") {
			h.t.Errorf("without its disk it is written: %v", err)
		}
		told(false, " days to write") // the date before, too, as after a restart nobody knows whose sessions went on
	}
	must(h.t, os.Remove(dir))
	must(h.t, os.WriteFile(dir, nil, 0o600))
	h.publish(later)
	h.typed(nil, "roll")
	if err := h.copies.write(h.t.Context()); err == nil {
		h.t.Error("a file in the place of the directory is no error")
	}
	told(false, " days to write")
	must(h.t, os.Remove(dir))
	must(h.t, os.Rename(dir+"-away", dir))
	must(h.t, h.copies.write(h.t.Context()))
	told(true, "last day ")
}

// TestScheduleWords: what can't be scheduled is told, with what can.
func TestScheduleWords(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.addSite("shop.example", "UTC")
	file := filepath.Join(h.dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"add"}, "--to is missing"},
		{[]string{"add", "--to", "ftp://host/exports"}, "file:///var/exports"},
		{[]string{"add", "--to", "s3:///exports"}, "s3://bucket/prefix"},
		{[]string{"add", "--to", "s3://me:mine@bucket"}, "set AWS_ACCESS_KEY_ID"},
		{[]string{"add", "--to", "s3://bucket?zone=eu"}, "endpoint, region and path-style"},
		{[]string{"add", "--to", "s3://bucket?endpoint=http://127.0.0.1:1"}, "refused"},
		{[]string{"add", "--to", "file://var/exports"}, "file:///and/the/whole/path"},
		{[]string{"add", "--to", file}, "not a directory"},
		{[]string{"add", "--to", h.dir, "--format", "xml"}, "csv, ndjson, parquet"},
		{[]string{"add", "--to", h.dir, "--table", "pages"}, "events and daily"},
		{[]string{"add", "--to", h.dir, "--from", "yesterday"}, "2026-11-21"},
		{[]string{"remove", "7"}, "footfall export schedule list"},
		{[]string{"remove"}, "by the number"},
	} {
		if said, code := h.typed(nil, append([]string{"export", "schedule"}, c.args...)...); code == 0 || !strings.Contains(said, c.want) {
			t.Errorf("%v: %d %s, want %q", c.args, code, said, c.want)
		}
	}
	var one copying
	h.must(&one, "export", "schedule", "add", "--to", "file://"+h.dir+"/a")
	if said, code := h.typed(nil, "export", "schedule", "add", "--to", h.dir+"/a/"); code == 0 || !strings.Contains(said, "scheduled already, as 1") {
		t.Errorf("twice: %s", said)
	}
	var all []copied
	h.must(&all, "export", "schedule", "list")
	if len(all) != 1 || all[0].ID != 1 || all[0].Format != "ndjson" || all[0].To != "file://"+h.dir+"/a" {
		t.Errorf("scheduled are %+v", all)
	}
	h.must(&one, "export", "schedule", "remove", "1")
	if h.must(&all, "export", "schedule", "list"); len(all) != 0 {
		t.Errorf("%+v stay", all)
	}
}
