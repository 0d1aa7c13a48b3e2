// Package s3test has stores that speak S3, for tests: one in this process, that fails
// on demand, and versitygw, a real one, on a port and in a directory of its own.
package s3test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Keys of the server's one user, and a bucket that it has.
const (
	ID     = "footfall"
	Secret = "s3cr/et+="
	Bucket = "archive"

	program  = "versitygw-v1.8.0"
	patience = 60 * time.Second // until a server answers
)

// Server is a versitygw, whose objects outlive it.
type Server struct {
	t    testing.TB
	dir  string
	port int
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
}

// Start makes and starts a server, until the test ends. Without the program the test
// ends: it is skipped, and under CI it fails.
func Start(t testing.TB) *Server {
	t.Helper()
	path := built()
	if _, err := os.Stat(path); err != nil {
		const missing = "S3 NOT TESTED ON A REAL SERVER: versitygw is not built: run archive/s3/install.sh"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	s := &Server{t: t, dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(s.dir, "objects", Bucket), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	for range 10 { // another process may have the port
		// Not one of those that the system gives to outgoing connections: the server
		// is started again on it.
		s.port = 20000 + rand.IntN(10000)
		if l, err := net.Listen("tcp", s.at()); err == nil && l.Close() == nil && s.start() {
			return s
		}
	}
	t.Fatalf("the server does not start:\n%s", s.log())
	return nil
}

// built is where install.sh puts the program.
func built() string {
	dir, _ := os.Getwd()
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	return filepath.Join(dir, "build", program)
}

func (s *Server) at() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Endpoint is the server's URL.
func (s *Server) Endpoint() string { return "http://" + s.at() }

// URL is that of a prefix of the bucket, as a setting has it.
func (s *Server) URL(prefix string) string {
	return "s3://" + Bucket + "/" + prefix + "?endpoint=" + s.Endpoint()
}

// Environment is what a process that asks the server needs to have.
func (s *Server) Environment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + ID, "AWS_SECRET_ACCESS_KEY=" + Secret}
}

func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text)
}

// start starts the process; false if it ends at once.
func (s *Server) start() bool {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Error(err)
		return false
	}
	defer log.Close()
	s.cmd = exec.Command(built(), "--quiet", "--port", s.at(), "--health", "/health", "posix", "--sidecar", filepath.Join(s.dir, "about"), filepath.Join(s.dir, "objects"))
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+ID, "ROOT_SECRET_KEY="+Secret)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := os.MkdirAll(filepath.Join(s.dir, "about"), 0o700); err != nil {
		s.t.Error(err)
		return false
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Error(err)
		return false
	}
	gone := make(chan struct{})
	s.gone = gone
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(gone)
	}(s.cmd)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-gone:
			return false
		default:
		}
		if res, err := http.Get(s.Endpoint() + "/health"); err == nil {
			res.Body.Close()
			return true
		}
	}
	s.t.Errorf("the server does not answer:\n%s", s.log())
	return false
}

// Kill ends the server at once.
func (s *Server) Kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

// Again starts a server that was killed.
func (s *Server) Again() {
	s.t.Helper()
	for range 50 { // until the old one's port is free
		if s.start() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("the server does not start again:\n%s", s.log())
}
