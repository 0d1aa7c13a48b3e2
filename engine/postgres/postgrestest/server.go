// Package postgrestest starts a PostgreSQL of a test's own: on its own port, in
// its own directory, with its fsync on. What is installed as a service is not used.
package postgrestest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "footfall/engine/postgres" // has the driver that is asked here
)

// Password of the server's one user; a URL must spell some of it as %2F and so on.
const Password = "s3cr/et:@"

const (
	login    = "footfall"
	patience = 60 * time.Second // until a server answers; several may start at once on a slow disk
)

// settings of the server: synchronous_commit is not what Footfall needs, and must
// be set by it.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
synchronous_commit = off
shared_buffers = 64MB
`

// Server is a PostgreSQL.
type Server struct {
	t     testing.TB
	dir   string
	port  int
	owner *syscall.Credential // nil: who runs the test

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
}

// program is the path of one of PostgreSQL's programs. Without it the test ends:
// it is skipped, and under CI it fails.
func program(t testing.TB, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // Debian's, which are not in the path
	if path, err := exec.LookPath(name); err == nil {
		found = append(found, path)
	}
	if len(found) > 0 {
		return found[len(found)-1]
	}
	const missing = "POSTGRESQL NOT TESTED: it is not installed: run engine/postgres/install.sh"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// Start makes and starts a server, until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	initdb := program(t, "initdb")
	dir, err := os.MkdirTemp("", "footfall-postgres-") // of a name that another user may come to
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, owner: owner(t)}
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(Password), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.owner != nil {
		for _, name := range []string{dir, secret} {
			if err := os.Chown(name, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := s.command(initdb, "--pgdata", s.data(), "--username", login, "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions")
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	if err := appendTo(filepath.Join(s.data(), "postgresql.conf"), settings); err != nil {
		t.Fatal(err)
	}
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

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// owner is who runs a server, which refuses to be root's.
func owner(t testing.TB) *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("a server may not be root's, and there is no other user to run it")
	return nil
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	return cmd
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) at() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

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
	cmd := s.command(program(s.t, "postgres"), "-D", s.data(), "-p", fmt.Sprint(s.port))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Error(err)
		return false
	}
	gone := make(chan struct{})
	s.mu.Lock()
	s.cmd, s.gone = cmd, gone
	s.mu.Unlock()
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	db := s.ask("postgres")
	defer db.Close()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-gone:
			return false
		default:
		}
		ctx, end := context.WithTimeout(context.Background(), time.Second)
		err := db.PingContext(ctx)
		if end(); err == nil {
			return true
		}
	}
	s.t.Errorf("the server does not answer:\n%s", s.log())
	return false
}

// Kill ends the server at once, as a crash does: its processes write nothing more.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // an immediate shutdown
		<-s.gone
	}
}

// Restart is Kill, and a start.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.Again()
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

// URL is the address of its database, with a schema for Footfall's tables.
func (s *Server) URL(schema string) string { return address(s.at(), "postgres", schema) }

func address(host, database, schema string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(login, Password), Host: host, Path: "/" + database}
	if schema != "" {
		u.RawQuery = url.Values{"schema": {schema}}.Encode()
	}
	return u.String()
}

func (s *Server) ask(database string) *sql.DB {
	db, err := sql.Open("pgx", address(s.at(), database, ""))
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

// Do runs statements of the test's own, with names of tables in full.
func (s *Server) Do(statements string) {
	s.t.Helper()
	db := s.ask("postgres")
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		s.t.Fatalf("%s: %v", statements, err)
	}
}

// Ask is the one value of a question, as text.
func (s *Server) Ask(question string) (answer string) {
	s.t.Helper()
	db := s.ask("postgres")
	defer db.Close()
	if err := db.QueryRow(question).Scan(&answer); err != nil {
		s.t.Fatalf("%s: %v", question, err)
	}
	return answer
}

// Sessions are the processes of the server that serve Footfall now.
func (s *Server) Sessions() (pids []string) {
	s.t.Helper()
	db := s.ask("postgres")
	defer db.Close()
	rows, err := db.Query("SELECT pid::text FROM pg_stat_activity WHERE application_name = 'footfall'")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var pid string
		if err := rows.Scan(&pid); err != nil {
			s.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}
