package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"footfall/bins/binstest"
)

const password = "s3cr/et:@"

// server is a Redis of the test's own, on its own port and directory.
type server struct {
	t    testing.TB
	dir  string
	port int
	log  *os.File

	mu   sync.Mutex // guards what follows: it is killed and started by timers, too
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
	over bool          // the test is; it is not started any more
}

// needServer ends the test if there is no redis-server.
func needServer(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("REDIS NOT TESTED: redis-server is missing: run bins/redis/install.sh")
	}
	t.Skip("REDIS NOT TESTED: redis-server is missing: run bins/redis/install.sh")
}

// serve starts a Redis that keeps on disk only what SAVE saves.
func serve(t testing.TB) *server {
	t.Helper()
	needServer(t)
	s := &server{t: t, dir: t.TempDir()}
	var err error
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over = true
		s.end()
		_ = s.log.Close()
	})
	for range 20 { // another process may take the port first
		// Below the ports that systems give to connections: while the server is
		// down nobody else gets it.
		s.port = 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			continue
		}
		_ = l.Close()
		s.mu.Lock()
		started := s.start()
		s.mu.Unlock()
		if started {
			return s
		}
	}
	text, _ := os.ReadFile(s.log.Name())
	t.Fatalf("redis-server does not start:\n%s", text)
	return nil
}

// start starts the process; false if it ends at once. Caller holds mu.
func (s *server) start() bool {
	cmd := exec.Command("redis-server", "--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "no", "--requirepass", password)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		s.t.Error(err)
		return false
	}
	gone := make(chan struct{})
	s.cmd, s.gone = cmd, gone
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	client := s.client()
	defer client.Close()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-gone:
			return false
		default:
		}
		if client.Ping(context.Background()).Err() == nil {
			return true
		}
	}
	s.t.Error("redis-server does not answer")
	return false
}

// end is kill -9. Caller holds mu.
func (s *server) end() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// restart is kill -9 and a start.
func (s *server) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	for range 200 { // until the old one's port is free
		if s.over || s.start() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Error("redis-server does not start again")
}

// client is one that does not belong to what is tested.
func (s *server) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.port), Password: password, MaxRetries: -1})
}

// do runs a command of the test's own.
func (s *server) do(args ...any) any {
	s.t.Helper()
	client := s.client()
	defer client.Close()
	answer, err := client.Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// address is a server's with a name for the buckets.
func address(port int, name string) string {
	return fmt.Sprintf("redis://:s3cr%%2Fet%%3A%%40@127.0.0.1:%d/0?name=%s", port, name)
}

// open opens buckets, until the test ends.
func (s *server) open(t testing.TB, name string) *Hot {
	t.Helper()
	return open(t, address(s.port, name))
}

func open(t testing.TB, at string) *Hot {
	t.Helper()
	h, err := Open(context.Background(), at, Options{Currency: binstest.Currency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}
