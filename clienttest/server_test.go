package clienttest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// footfall is the path of the binary under test: what FOOTFALL_BINARY names,
// else one that the first test builds.
var footfall string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "footfall-clienttest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if footfall = os.Getenv("FOOTFALL_BINARY"); footfall == "" {
		footfall = filepath.Join(dir, "footfall")
	}
	return m.Run()
}

// built has the binary, which is built once if it is not there.
var built = sync.OnceValue(func() error {
	if _, err := os.Stat(footfall); err == nil {
		return nil
	}
	if out, err := exec.Command("go", "build", "-o", footfall, "../cmd/footfall").CombinedOutput(); err != nil {
		return fmt.Errorf("building cmd/footfall: %w\n%s", err, out)
	}
	return nil
})

func build(t *testing.T) {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
}

// server is a running `footfall serve` with one site, or another subcommand that serves.
type server struct {
	dir, site, key string
	does           string // "serve" if it is empty
	addr           string
	listener       *os.File // the listening socket, which outlives restarts
	process        *exec.Cmd
	log            *journal
}

// journal is what a process prints, to be read while it does.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (s *server) host() string { return "http://" + s.addr }

// start adds a site and serves it, until the test ends.
func start(t *testing.T) *server {
	t.Helper()
	build(t)
	s := &server{dir: t.TempDir(), log: &journal{}}
	var added struct {
		Site     string `json:"site"`
		WriteKey string `json:"write_key"`
	}
	out := s.command(t, "site", "add", "shop.example", "--data", s.dir, "--json")
	if err := json.Unmarshal(out, &added); err != nil || added.Site == "" || added.WriteKey == "" {
		t.Fatalf("site add --json: %v in %s", err, out)
	}
	s.site, s.key = added.Site, added.WriteKey
	s.begin(t)
	return s
}

// begin runs it until the test ends. The listening socket is the test's own and is
// handed over as systemd does it, so that a restart refuses no connection.
func (s *server) begin(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if s.listener, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	l.Close() // the file is a copy
	t.Cleanup(func() { s.listener.Close() })
	s.run(t)
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	s.waitReady(t)
}

// run starts a process. LISTEN_PID must be the process's own id, which is
// known once it runs: so a shell sets it and becomes the server.
func (s *server) run(t *testing.T) {
	t.Helper()
	s.process = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, footfall,
		cmp.Or(s.does, "serve"), "--data", s.dir, "--listen", s.addr)
	s.process.Env = append(os.Environ(), "LISTEN_FDS=1")
	s.process.ExtraFiles = []*os.File{s.listener} // becomes descriptor 3
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
}

// stop ends the server gracefully.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("the server ended by itself: %v", err)
	}
	kill := time.AfterFunc(30*time.Second, func() {
		t.Error("the server does not stop within 30 s")
		s.process.Process.Kill()
	})
	defer kill.Stop()
	if err := s.process.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func (s *server) waitReady(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s.answers() {
			return
		}
	}
	t.Fatalf("the server is not ready after 30 s; its log:\n%s", s.log)
}

// answers asks /readyz on a new connection.
func (s *server) answers() bool {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(s.host() + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// command runs a subcommand and returns what it prints.
func (s *server) command(t *testing.T, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, footfall, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("footfall %v: %v\n%s", args, err, &stderr)
	}
	return out
}

// stored is an exported event, as far as the tests look at it.
type stored struct {
	MessageID  string          `json:"messageId"`
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Path       string          `json:"path"`
	Properties json.RawMessage `json:"properties"`
}

// export is every event the server has stored.
func (s *server) export(t *testing.T) (events []stored) {
	t.Helper()
	out := s.command(t, "export", "--site", s.site, "--data", s.dir, "--format", "ndjson")
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e stored
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("export: %v in %s", err, lines.Bytes())
		}
		events = append(events, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// viewed sends a page view of now, or of when its fields say, as somebody's own collector
// does, from a Chrome of a version.
func (s *server) viewed(t *testing.T, version string, fields url.Values) {
	t.Helper()
	fields.Set("key", s.key)
	if !fields.Has("time") {
		fields.Set("time", time.Now().UTC().Format(time.RFC3339))
	}
	r, err := http.NewRequest(http.MethodPost, s.host()+"/collect?"+fields.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"+version+".0.0.0 Safari/537.36")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("a page view: %v", err)
	}
	if answer.Body.Close(); answer.StatusCode != 200 {
		t.Fatalf("a page view: %v", answer)
	}
}

// waitFor exports until there are n events or more, then once more after a
// while, so that late duplicates show.
func (s *server) waitFor(t *testing.T, n int) []stored {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && len(s.export(t)) < n; {
		time.Sleep(200 * time.Millisecond)
	}
	time.Sleep(time.Second)
	return s.export(t)
}
