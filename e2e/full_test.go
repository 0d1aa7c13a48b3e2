package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDiskFull fills the disk that everything is on: events are refused with a word, not
// lost, pages stay and say so, and once there is room all goes on by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.onSmallDisk()
	at := s.addSite("shop.example")
	s.start()
	s.send(at.WriteKey, "before")
	s.quiet()
	p := s.browse(t)
	fill := filepath.Join(s.data, "fill")
	fillUp(t, fill)
	view := func(id string) (status int) {
		r, err := http.NewRequest("POST", s.url("/v1/page"), strings.NewReader(`{"anonymousId":"`+id+`","messageId":"`+id+`","properties":{"path":"/"}}`))
		must(t, err)
		r.SetBasicAuth(at.WriteKey, "")
		r.Header.Set("User-Agent", browser)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0 // while it starts anew
		}
		res.Body.Close()
		return res.StatusCode
	}
	sent := 1
	for view(fmt.Sprint("full", sent)) == http.StatusOK { // what was allocated before takes some
		sent++
	}
	if sent > 100 {
		t.Errorf("%d events were accepted on a full disk", sent)
	}
	began := time.Now()
	for i := range 10 { // who comes after it does not wait for the disk, too, also while it is tried again
		time.Sleep(200 * time.Millisecond)
		if status := view(fmt.Sprint("more", i)); status != http.StatusServiceUnavailable {
			t.Errorf("on a full disk: %d", status)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("10 more were refused after %v", took)
	}
	p.says("/operations", 200, "Events are refused for", "put them on its disk", "Make room")
	p.says("/?period=Today", 200, "Page views 1")
	p.says("/readyz", http.StatusServiceUnavailable, "events are refused since")
	must(t, os.Remove(fill))
	within(t, time.Minute, func() error {
		if status := view(fmt.Sprint("full", sent)); status != http.StatusOK { // as senders do: the same again
			return fmt.Errorf("with room again: %d", status)
		}
		return nil
	})
	s.quiet()
	if stored := s.export(at.ID); len(stored) != sent+1 {
		t.Errorf("%d events are stored, want %d: %v", len(stored), sent+1, stored)
	}
	p.says("/?period=Today", 200, fmt.Sprintf("Page views %d", sent+1))
	s.reconcile("after a full disk")
}

// onSmallDisk puts the data directory on a file system of its own.
func (s *server) onSmallDisk() {
	s.t.Helper()
	must(s.t, os.MkdirAll(s.data, 0o700))
	if err := syscall.Mount("footfall", s.data, "tmpfs", 0, "size=96m"); err != nil {
		missing(s.t, "a file system of its own, which only root makes: "+err.Error())
	}
	s.t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		_ = syscall.Unmount(s.data, syscall.MNT_DETACH)
	})
}

// fillUp writes a file until nothing is free.
func fillUp(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for more := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(more)
	}
}
