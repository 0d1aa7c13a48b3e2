package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/backup"
	"footfall/event"
)

// site has the events of a home belong to a site.
func (h *home) site() {
	h.t.Helper()
	_, err := h.sites.AddSite(h.t.Context(), account.Site{Domain: "shop.example", Zone: "UTC", Currency: "EUR", DNT: true})
	must(h.t, err)
}

// restoredFrom is a home on a directory that a backup is restored into.
func (h *home) restoredFrom(backups string) *home {
	h.t.Helper()
	to := newHome(h.t)
	to.shut()
	must(h.t, os.RemoveAll(to.dir))
	if said, code := to.typed(nil, "restore", backups); code != 0 {
		h.t.Fatalf("restore: %d %s", code, said)
	}
	to.open()
	return to
}

// TestBackupAccount: the account of a home that was restored is the one it had,
// with what was set aside, redriven and dropped, came twice, and was not archived yet.
func TestBackupAccount(t *testing.T) {
	h := newHome(t)
	h.site()
	h.publish(events("a", 5, true)...)
	h.publish(events("a", 5, true)...)
	h.publish(events("bad", 3, false)...)
	h.giveUp(events("gaveup", 2, true)...)
	h.redrive(h.items("store")[4].ID)
	if _, code := h.typed(nil, "aside", "drop", fmt.Sprint(h.items("store")[0].ID)); code != 0 {
		t.Error("nothing could be dropped")
	}
	want := counts{6, 5, 3, 1}
	h.adds("before the backup", want)
	backups := filepath.Join(t.TempDir(), "backups")
	var first, second backupReport
	if said, code := h.typed(&first, "backup", backups); code != 0 {
		t.Fatalf("backup: %d %s", code, said)
	}
	to := h.restoredFrom(backups)
	want = counts{7, 5, 2, 1} // what was given up can be stored, as after a rebuild
	to.adds("restored", want)
	to.publish(events("a", 5, true)...)
	to.publish(events("more", 2, true)...)
	to.adds("restored, and what came then", counts{9, 10, 2, 1})
	to.rebuilt()
	to.adds("restored and rebuilt", counts{9, 10, 2, 1})
	// What is accepted after the first is in the second, which has what is new only.
	h.publish(events("late", 4, true)...)
	if said, code := h.typed(&second, "backup", backups, "--keep", "1"); code != 0 {
		t.Fatalf("backup: %d %s", code, said)
	}
	if second.Accepted != first.Accepted+4 || second.New >= second.Bytes || len(second.Removed) != 1 {
		t.Errorf("first %+v, second %+v", first, second)
	}
	h.restoredFrom(second.Dir).adds("restored from the second", counts{11, 5, 2, 1})
}

// TestBackupStops: one whose caller leaves, or whose server stops, leaves nothing,
// and events are taken as before.
func TestBackupStops(t *testing.T) {
	h := newHome(t)
	h.site()
	h.publish(events("a", 5, true)...)
	backups := t.TempDir()
	for _, cause := range []string{"its caller", "its server"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := h.backup(ctx, backups, 0, func(backupProgress) {
			if cause == "its caller" {
				cancel()
			} else {
				h.end()
			}
		})
		cancel()
		if err == nil || cause == "its caller" && !errors.Is(err, context.Canceled) || cause == "its server" && !errors.Is(err, errStopping) {
			t.Errorf("%s stopped: %v", cause, err)
		}
		if left, err := os.ReadDir(backups); err != nil || len(left) != 1 { // the lock
			t.Errorf("%s stopped: left behind %v, %v", cause, left, err)
		}
		if cause == "its caller" {
			h.publish(events("b", 2, true)...)
			h.adds("after a backup that was stopped", counts{7, 0, 0, 0})
		}
	}
}

// TestBackupHasNoSalts: a copy of the day's salt would outlive it.
func TestBackupHasNoSalts(t *testing.T) {
	h := newHome(t)
	h.site()
	salt, err := h.control.Salt(event.Day(time.Now().Unix() / 86400))
	must(t, err)
	backups := t.TempDir()
	if said, code := h.typed(nil, "backup", backups); code != 0 {
		t.Fatalf("backup: %d %s", code, said)
	}
	set, err := backup.Open(t.Context(), backup.Directory(backups), "")
	must(t, err)
	content, err := os.ReadFile(filepath.Join(set.Dir, "control.sqlite"))
	must(t, err)
	if strings.Contains(string(content), string(salt)) || !strings.Contains(string(content), "shop.example") {
		t.Error("the copy has the salt, or not the site")
	}
}

// TestRestoreRefuses: directories with something in them, damage, what is no backup.
func TestRestoreRefuses(t *testing.T) {
	h := newHome(t)
	h.site()
	h.publish(events("a", 5, true)...)
	backups := t.TempDir()
	if said, code := h.typed(nil, "backup", backups); code != 0 {
		t.Fatalf("backup: %d %s", code, said)
	}
	set, err := backup.Open(t.Context(), backup.Directory(backups), "")
	must(t, err)
	to := newHome(t)
	to.shut()
	refused := func(what, from, want string) {
		t.Helper()
		if said, code := to.typed(nil, "restore", from); code != 1 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", what, code, said)
		}
	}
	refused("a directory in use", backups, "is not empty")
	must(t, os.RemoveAll(to.dir))
	refused("no backup", t.TempDir(), "no complete backup")
	refused("no folder", filepath.Join(backups, "none"), "no such file")
	refused("FTP", "ftp://host/backups", "there is no adapter for ftp://")
	i := slices.IndexFunc(set.Files, func(f backup.File) bool { return strings.HasSuffix(f.Name, ".parquet") })
	path := filepath.Join(set.Dir, set.Files[i].Name)
	content, err := os.ReadFile(path)
	must(t, err)
	content[len(content)/2] ^= 1
	must(t, os.WriteFile(path, content, 0o600))
	refused("a flipped bit", backups, set.Files[i].Name+" is not what was written")
	if said, code := to.typed(nil, "backup", "verify", backups); code != 1 || !strings.Contains(said, set.Files[i].Name) {
		t.Errorf("verify: %d %s", code, said)
	}
	if said, code := to.typed(nil, "site", "list"); code != 1 || !strings.Contains(said, "cut short") {
		t.Errorf("what was restored in part can be used: %d %s", code, said)
	}
	if said, code := h.typed(nil, "backup", set.Dir); code != 1 || !strings.Contains(said, "name where backups are kept") {
		t.Errorf("a backup into a backup: %d %s", code, said)
	}
}
