package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"footfall/demo"
)

// said is what a command under way has printed.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// beside runs a command that does not end by itself until it has said
// something, does what is to be done beside it, and ends it.
func beside(t *testing.T, saying string, do func(said string), args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, fault said
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, &out, &fault) }()
	eventually(t, strings.Join(args, " ")+" says "+saying, func() bool {
		select {
		case code := <-ended:
			t.Fatalf("footfall %v ended with %d: %s%s", args, code, out.String(), fault.String())
		default:
		}
		return strings.Contains(out.String(), saying)
	})
	do(out.String())
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("footfall %v ended with %d: %s", args, code, fault.String())
	}
}

// shortDir is a directory whose path is short enough for the socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ff-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestDemoKeepsOut: the demo's visitors get into no directory but a temporary
// one, or one of their own that its command line names.
func TestDemoKeepsOut(t *testing.T) {
	real := filepath.Join(shortDir(t), "real")
	t.Setenv("FOOTFALL_DATA", real)
	t.Setenv("TMPDIR", shortDir(t))
	t.Setenv("FOOTFALL_CONTROL", "postgres://nobody@127.0.0.1:1/real") // where the demo would fail
	beside(t, "sending", func(string) {}, "demo", "--listen", "127.0.0.1:0")
	t.Setenv("FOOTFALL_CONTROL", inDirectory)
	if _, err := os.Stat(real); err == nil {
		t.Error("the demo wrote into FOOTFALL_DATA")
	}
	h := newHome(t)
	add := func(domain string) {
		if fault, code := h.typed(nil, "site", "add", domain); code != 0 {
			t.Fatal(fault)
		}
	}
	add(demo.Domain)
	if fault, code := h.typed(nil, "demo"); code != 1 || !strings.Contains(fault, "a server runs on "+h.dir) || strings.Contains(fault, "restart") {
		t.Errorf("demo beside a server: %d %s", code, fault)
	}
	h.shut()
	beside(t, "sending", func(string) {}, "demo", "--listen", "127.0.0.1:0", "--data", h.dir)
	h.open()
	add("real.example")
	h.shut()
	if fault, code := h.typed(nil, "demo"); code != 1 || !strings.Contains(fault, "has the site real.example; the demo needs a directory of its own") {
		t.Errorf("demo in a directory that is used: %d %s", code, fault)
	}
}
