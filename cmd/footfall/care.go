package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"text/tabwriter"
	"time"
)

var careCommands = []command{
	{"config", "", "print every setting and where it came from", showConfig},
	{"doctor", "", "look for what is wrong and say what to do", doctor},
	{"bench ingest", "[--seconds N]", "measure collecting on this machine, beside a server that only reads, syncs and answers", benchIngest},
	{"bench bare", "", "serve what bench ingest compares with", benchBare},
	{"bench redirect", "[--rate N] [--seconds N]", "measure how fast affiliates' links lead on", benchRedirect},
	{"bench ask", "[--events N] [--times N] [--about TEXT]", "measure how fast a dashboard's questions are answered", benchAsk},
	{"bench live", "[--boards N] [--sites N,M]", "measure what open dashboards cost", benchLive},
	{"version", "", "print the version", showVersion},
}

func showVersion(_ context.Context, c *call) error {
	v := map[string]string{"version": version}
	if info, ok := debug.ReadBuildInfo(); ok {
		v["go"] = info.GoVersion
	}
	return c.print(v, func(w io.Writer) { fmt.Fprintf(w, "footfall %s (%s)\n", v["version"], v["go"]) })
}

// finding is one line of the doctor's report.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Says  string `json:"says"`
}

func doctor(ctx context.Context, c *call) error {
	if err := c.hasData(); err != nil {
		return err
	}
	found := []finding{c.diskRoom(), c.syncSpeed(), openFiles(), timeZones()}
	found = append(found, c.checkMail(ctx)...)
	found = append(found, c.account(ctx)...)
	bad := 0
	for _, f := range found {
		if !f.OK {
			bad++
		}
	}
	err := c.print(found, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		for _, f := range found {
			mark := "ok"
			if !f.OK {
				mark = "LOOK"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", mark, f.Check, f.Says)
		}
		t.Flush()
	})
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d checks need a look", bad, len(found))
	}
	return err
}

func (c *call) diskRoom() finding {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(c.values["data"], &disk); err != nil {
		return finding{"disk room", false, err.Error()}
	}
	free := disk.Bavail * uint64(disk.Bsize) >> 20
	return finding{"disk room", free > 1024, fmt.Sprintf("%d MiB free; below 1,024 MiB make room", free)}
}

// syncSpeed measures what every answer waits for.
func (c *call) syncSpeed() finding {
	f, err := os.CreateTemp(c.values["data"], ".doctor-*")
	if err != nil {
		return finding{"sync", false, err.Error()}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const n = 20
	began := time.Now()
	for range n {
		_, err = f.Write(make([]byte, 4096))
		err = errors.Join(err, f.Sync())
	}
	took := time.Since(began) / n
	if err != nil {
		return finding{"sync", false, err.Error()}
	}
	return finding{"sync", took < 50*time.Millisecond, fmt.Sprintf("%v a sync; above 50ms answers are slow: use another disk", took.Round(time.Microsecond))}
}

func openFiles() finding {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return finding{"open files", false, err.Error()}
	}
	return finding{"open files", l.Cur >= 4096, fmt.Sprintf("%d allowed; below 4,096 raise it with: ulimit -n", l.Cur)}
}

func timeZones() finding {
	if _, err := time.LoadLocation("Asia/Kathmandu"); err != nil {
		return finding{"time zones", false, "the time zone database is missing: install the package tzdata"}
	}
	return finding{"time zones", true, "known"}
}

// account checks that everything accepted is somewhere.
func (c *call) account(ctx context.Context) []finding {
	k, err := c.dial(ctx)
	if err != nil {
		return []finding{{"data", false, err.Error()}}
	}
	defer k.close()
	return c.examine(ctx, k)
}

// examine asks the house how it is.
func (c *call) examine(ctx context.Context, k *client) []finding {
	var s status
	if err := k.ask(ctx, "GET", "/status", nil, &s); err != nil {
		return []finding{{"data", false, err.Error()}}
	}
	for range 50 { // a busy moment is no finding
		if s.AddsUp || k.ask(ctx, "GET", "/status", nil, &s) != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	found := []finding{
		{"account", s.AddsUp, fmt.Sprintf("%d accepted = %d stored + %d that came again + %d set aside + %d dropped by hand + %d removed + %d waiting; if that does not add up at a quiet moment: footfall rebuild", s.Accepted, s.Stored, s.Duplicates, s.SetAside, s.Dropped, s.Removed, s.Waiting)},
		s.expiry(),
	}
	if s.Damaged {
		found = append(found, finding{"event store", false, "its file is damaged: what is counted from it fails; make it again, while events are accepted, with: footfall rebuild"})
	}
	var aside uint64
	for _, n := range s.Aside {
		aside += n
	}
	found = append(found, finding{"set aside", aside == 0, fmt.Sprintf("%d; see: footfall aside list", aside)})
	return append(append(found, s.Notices.finding(), k.where(ctx), k.archivePlace(ctx), k.hooks(ctx), k.daily(ctx), k.copies(ctx), k.retention(ctx)), c.leftovers()...)
}

// leftovers names what rebuilds and damage left beside the event store.
func (c *call) leftovers() (found []finding) {
	for _, x := range []struct{ pattern, check, says string }{
		{"store.before-rebuild-*", "old store", "the event store from before a rebuild that was cut short or found less; if the figures are complete, remove it"},
		{"store/*.v*-*", "old format", "the event store from before a newer version, its events were taken from the archive; if the figures are complete, remove it"},
		{"*.sqlite.v*.bak", "old format", "the copy from before a newer version changed the file; if all is as it should be, remove it: who is erased stays in it"},
		{"reprocess", "reprocess", "what footfall reprocess found and is not in place yet; type it again, with --yes to put it there or with --dry-run to forget it"},
		{"*.damaged-*", "damage", "moved aside as damaged, it was made again; if the figures are complete, remove it"},
		{"store/*.damaged-*", "damage", "moved aside as damaged, its events were taken from queue and archive; if the figures are complete, remove it"},
	} {
		paths, _ := filepath.Glob(filepath.Join(c.values["data"], x.pattern)) // the patterns are well-formed
		for _, path := range paths {
			found = append(found, finding{x.check, false, fmt.Sprintf("%s (%s): %s", path, mebibytes(treeSize(path)), x.says)})
		}
	}
	return found
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// treeSize is the size of a file, or of all files below a folder.
func treeSize(path string) (n int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what can't be seen is not counted
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}
