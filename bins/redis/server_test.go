package redis

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
	log  *os.File
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

// serve starts a Redis that keeps nothing on disk, unless args say so.
func serve(t testing.TB, args ...string) *server {
	t.Helper()
	needServer(t)
	s := &server{t: t, dir: t.TempDir(), args: args}
	var err error
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		_ = s.log.Close()
	})
	for range 5 { // another process may take the port first
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if s.start() {
			return s
		}
	}
	text, _ := os.ReadFile(s.log.Name())
	t.Fatalf("redis-server does not start:\n%s", text)
	return nil
}

// start starts the process; false if it ends at once.
func (s *server) start() bool {
	s.t.Helper()
	args := append([]string{"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--requirepass", password}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.gone = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.gone)
	}()
	client := s.client()
	defer client.Close()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.gone:
			return false
		default:
		}
		if client.Ping(context.Background()).Err() == nil {
			return true
		}
	}
	s.t.Fatal("redis-server does not answer")
	return false
}

// kill is kill -9.
func (s *server) kill() {
	if s.gone != nil {
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

func (s *server) restart() {
	s.t.Helper()
	s.kill()
	for range 200 { // until the old one's port is free
		if s.start() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatal("redis-server does not start again")
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

// url is the server's with a name for the buckets.
func (s *server) url(name string) string {
	return fmt.Sprintf("redis://:s3cr%%2Fet%%3A%%40@127.0.0.1:%d/0?name=%s", s.port, name)
}

// open opens buckets, until the test ends.
func (s *server) open(t testing.TB, name string) *Hot {
	t.Helper()
	h, err := Open(context.Background(), s.url(name), Options{Currency: binstest.Currency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}
