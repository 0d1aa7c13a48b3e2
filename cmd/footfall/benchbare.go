package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// bareGroup is how many requests may wait for the bare server's next sync.
const bareGroup = 4096

// bareWrite is what a request waits for: its body on disk.
type bareWrite struct {
	body []byte
	done chan error
}

// benchBare serves what the collector can't do without, and nothing else: a request
// is read, its body written to a file, synced together with all that came
// meanwhile, and answered. What it reaches is what the machine's network, disk and
// net/http allow; the collector is measured against it.
func benchBare(ctx context.Context, c *call) error {
	file, err := os.Create(filepath.Join(c.values["data"], "bare"))
	if err != nil {
		return err
	}
	defer file.Close()
	listener, err := net.Listen("tcp", c.values["listen"])
	if err != nil {
		return err
	}
	writes := make(chan bareWrite, bareGroup)
	go commitBare(ctx, file, writes)
	server := &http.Server{Handler: bareDoor(writes)}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bareDoor answers a request when its body is on disk.
func bareDoor(writes chan<- bareWrite) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			wait := bareWrite{body, make(chan error, 1)}
			writes <- wait
			err = <-wait.done
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok"}`) // who went away is not told
	}
}

// commitBare writes what waits and syncs it at once, again and again.
func commitBare(ctx context.Context, file *os.File, writes <-chan bareWrite) {
	var group []bareWrite
	var text []byte
	for {
		select {
		case w := <-writes:
			group = append(group[:0], w)
		case <-ctx.Done():
			return
		}
		for more := len(writes); more > 0; more-- {
			group = append(group, <-writes)
		}
		text = text[:0]
		for _, w := range group {
			text = append(text, w.body...)
		}
		_, err := file.Write(text)
		err = errors.Join(err, file.Sync())
		for _, w := range group {
			w.done <- err
		}
	}
}

// bare measures the bare server with the same senders, in the same minute as m.
func (b *bench) bare(ctx context.Context, seconds float64, m *measurement) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.values["data"], "bare-") // on the same disk
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	address, err := unusedAddress()
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, self, "bench", "bare", "--data", dir, "--listen", address)
	server.Stderr = b.stderr
	if err := server.Start(); err != nil {
		return err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }() // it has nothing to keep
	if err := reachable(ctx, address); err != nil {
		return err
	}
	var events atomic.Int64
	took, times := b.sendFor(ctx, address, m.Connections, m.Batch, seconds, &events)
	m.BarePerSecond = float64(events.Load()) / took
	m.BareP50, _ = quantiles(times)
	return nil
}

// unusedAddress is one of this machine that nothing listens on.
func unusedAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// reachable waits until a server takes connections.
func reachable(ctx context.Context, address string) error {
	for range 200 {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(25 * time.Millisecond):
		}
	}
	return errors.New("the bare server did not start at " + address)
}
