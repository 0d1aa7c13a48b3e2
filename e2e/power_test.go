package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPowerLoss takes what a disk holds at the moment of the last answer: the
// data directory lies on a file system of its own, in a file that only gets
// what was synced. A copy of the file is what is left after a power cut, and
// the server started on it has every event that was answered.
func TestPowerLoss(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT CHECKED: power loss; only root can mount a file system")
	}
	dir := t.TempDir()
	image, mounted := filepath.Join(dir, "disk"), filepath.Join(dir, "mnt")
	must(t, os.Mkdir(mounted, 0o700))
	f, err := os.Create(image)
	must(t, err)
	must(t, f.Truncate(1<<30))
	must(t, f.Close())
	shell(t, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
	// Nothing is written but what is synced: the journal commits by itself only
	// after ten minutes, and the kernel writes back after 30 s.
	mount(t, image, mounted, "commit=600")
	s := newServer(t, "--archive-age", "1s")
	home := s.data
	s.data = filepath.Join(mounted, "data")
	at := s.addSite("load.example")
	began := time.Now()
	s.start()
	l := newLoad(s, at.WriteKey, 32)
	l.start()
	time.Sleep(3 * time.Second)
	must(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(300 * time.Millisecond) // syncs under way end, answers arrive
	acked := l.answered()
	left := filepath.Join(dir, "left")
	shell(t, "cp", "--sparse=always", image, left)
	if took := time.Since(began); took > 25*time.Second {
		t.Skipf("NOT CHECKED: power loss; the machine was too slow (%v), the kernel may have written by itself", took)
	}
	s.kill()
	l.stop()
	after := filepath.Join(dir, "after")
	must(t, os.Mkdir(after, 0o700))
	mount(t, left, after, "commit=600")
	s.data = filepath.Join(after, "data")
	s.start()
	s.quiet()
	stored := s.export(at.ID)
	lost, doubled := compare(t, acked, stored)
	s.stop()
	rows, distinct := archived(t, s.data)
	if rows != len(stored) || distinct != rows {
		t.Errorf("%d archive rows, %d of them distinct, %d store rows", rows, distinct, len(stored))
	}
	s.data = home
	t.Logf("%d acknowledged before the cut, %d stored after it, %d lost, %d doubled, %d archive rows", len(acked), len(stored), lost, doubled, rows)
}

// mount mounts the file system in a file past the page cache.
func mount(t *testing.T, image, dir, options string) {
	t.Helper()
	out, err := exec.Command("losetup", "--direct-io=on", "-f", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("NOT CHECKED: power loss; this machine has no loop devices: %v: %s", err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", device).Run() })
	if out, err := exec.Command("mount", "-o", options, device, dir).CombinedOutput(); err != nil {
		t.Skipf("NOT CHECKED: power loss; this machine mounts nothing: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

func shell(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		missing(t, name+": "+err.Error()+": "+string(out))
	}
}
