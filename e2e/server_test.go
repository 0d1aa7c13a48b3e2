// Package e2e drives the built binary as people and clients would: it starts
// servers, sends over HTTP, kills and damages, types commands, and counts.
//
// FOOTFALL_BINARY names a binary to test instead of a fresh build. Tests that
// mostly wait run beside one another; what measures runs alone, before them.
// FOOTFALL_LONG=1 makes the loads longer.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// footfall is the path of the binary under test.
var footfall string

// long asks for longer loads.
var long = os.Getenv("FOOTFALL_LONG") == "1"

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if footfall = os.Getenv("FOOTFALL_BINARY"); footfall != "" {
		if _, err := os.Stat(footfall); err != nil { // so that another binary is a new test
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "ff-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	footfall = filepath.Join(dir, "footfall")
	if out, err := exec.Command("go", "build", "-o", footfall, "footfall/cmd/footfall").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// missing ends a test that needs what this machine does not have.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("NOT CHECKED: %s", what)
	}
	t.Skipf("NOT CHECKED: %s", what)
}

// server is the binary on a data directory of its own.
type server struct {
	t      testing.TB
	data   string
	listen string
	flags  []string // of serve
	env    []string // settings of serve and of commands
	cmd    *exec.Cmd
	exited chan error
	log    *os.File // stdout and stderr of every start
}

// newServer makes a data directory and picks a free port; nothing runs yet.
func newServer(t testing.TB, flags ...string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "ff-") // short: the socket's path in it must be
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, data: filepath.Join(dir, "data"), listen: freeAddress(t), flags: flags}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("end of the server's log:\n%s", s.logged(100_000))
		}
		s.log.Close()
		os.RemoveAll(dir)
	})
	return s
}

// freeAddress is one that nobody listens at. Its port is below those that systems
// give to connections: between a kill and the next start nobody else gets it.
func freeAddress(t testing.TB) string {
	var err error
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal(err)
	return ""
}

// logged is the end of what the server wrote: at most n bytes, 0 is all.
func (s *server) logged(n int) string {
	b, _ := os.ReadFile(s.log.Name())
	if n > 0 && len(b) > n {
		b = b[len(b)-n:]
	}
	return string(b)
}

func (s *server) url(path string) string { return "http://" + s.listen + path }

// launch starts the server and does not wait for it.
func (s *server) launch() {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.data, "--listen", s.listen}, s.flags...)
	s.cmd = exec.Command(footfall, args...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan error) { exited <- cmd.Wait() }(s.cmd, s.exited)
}

// start starts the server and waits until it is ready; it returns how long
// that took.
func (s *server) start() time.Duration {
	s.t.Helper()
	began := time.Now()
	s.launch()
	s.ready()
	return time.Since(began)
}

func (s *server) ready() {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-s.exited:
			s.exited <- err
			s.t.Fatalf("the server ended while starting: %v\n%s", err, s.logged(4000))
		default:
		}
		res, err := http.Get(s.url("/readyz"))
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	s.t.Fatalf("the server was not ready within 60 s\n%s", s.logged(4000))
}

// kill ends the server as a power cut or the kernel would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may be gone
	<-s.exited
	s.cmd = nil
}

// stop asks the server to end and expects that it drains and exits 0.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.exited:
		s.cmd = nil
		if err != nil {
			s.t.Fatalf("the server ended badly: %v\n%s", err, s.logged(4000))
		}
	case <-time.After(60 * time.Second):
		s.t.Fatal("the server did not stop within 60 s")
	}
}

// run types a command on the data directory.
func (s *server) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, footfall, append(args, "--data", s.data)...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.WaitDelay = 10 * time.Second
	cmd.Cancel = func() error { // it hangs: both say where
		if s.cmd != nil {
			_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		}
		return cmd.Process.Signal(syscall.SIGQUIT)
	}
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	err := cmd.Run()
	if cmd.ProcessState == nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return out.String(), fault.String(), cmd.ProcessState.ExitCode()
}

// cutShort kills the server while a command is under way, as soon as meanwhile
// returns, and starts it again; it reports whether the command failed. That is known
// before the start: a command that comes too late for the server is one itself.
func (s *server) cutShort(meanwhile func(), command ...string) bool {
	s.t.Helper()
	done := make(chan int)
	go func() {
		_, _, code := s.run(command...)
		done <- code
	}()
	meanwhile()
	s.kill()
	code := <-done
	s.start()
	return code != 0
}

// ask types a command that must succeed and decodes its JSON; nil ignores it.
func (s *server) ask(into any, args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.run(append(args, "--json")...)
	if code != 0 {
		s.t.Fatalf("footfall %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(stdout), into); err != nil {
			s.t.Fatalf("footfall %s: %v in %.300q", strings.Join(args, " "), err, stdout)
		}
	}
	return stdout
}

// site is what site add prints.
type site struct {
	ID       string `json:"site"`
	WriteKey string `json:"write_key"`
}

func (s *server) addSite(domain string) (added site) {
	s.t.Helper()
	s.ask(&added, "site", "add", domain)
	if added.ID == "" || added.WriteKey == "" {
		s.t.Fatalf("site add printed %+v", added)
	}
	return added
}

// kept is what the tests read of an exported event.
type kept struct {
	ID       string `json:"messageId"`
	Kind     string `json:"type"`
	Name     string `json:"name"`
	Time     string `json:"timestamp"`
	Original string `json:"originalTimestamp"`
	Visitor  string `json:"visitor"`
	Path     string `json:"path"`
	Bot      string `json:"bot"`
	Flag     string `json:"flag"`
}

// export is every stored event of the site.
func (s *server) export(siteID string) (all []kept) {
	s.t.Helper()
	lines := json.NewDecoder(strings.NewReader(s.exportText(siteID)))
	for {
		var e kept
		if err := lines.Decode(&e); err == io.EOF {
			return all
		} else if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, e)
	}
}

func (s *server) exportText(siteID string) string {
	s.t.Helper()
	stdout, stderr, code := s.run("export", "--site", siteID, "--format", "ndjson")
	if code != 0 {
		s.t.Fatalf("export: exit %d: %s", code, stderr)
	}
	return stdout
}

// point is one figure.
type point struct {
	Series    string `json:"series"`
	Timestamp string `json:"timestamp"`
	Value     int64  `json:"value"`
}

func (s *server) query(args ...string) []point {
	s.t.Helper()
	var a struct {
		Dataset []point `json:"dataset"`
		Source  string  `json:"source"`
		AsOf    string  `json:"as_of"`
	}
	s.ask(&a, append([]string{"query"}, args...)...)
	if a.Source == "" || a.AsOf == "" {
		s.t.Errorf("query %v: source %q, as_of %q", args, a.Source, a.AsOf)
	}
	return a.Dataset
}

// finding is one of the doctor's.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Says  string `json:"says"`
}

// doctor is the doctor's findings by check.
func (s *server) doctor() map[string]finding {
	s.t.Helper()
	stdout, stderr, _ := s.run("doctor", "--json")
	var all []finding
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		s.t.Fatalf("doctor: %v: %s", err, stderr)
	}
	by := map[string]finding{}
	for _, f := range all {
		by[f.Check] = f
	}
	return by
}

// account is the server's own account of its events.
type account struct{ Accepted, Stored, Duplicates, SetAside, Dropped, Removed, Waiting, Archived uint64 }

// account reads /metrics.
func (s *server) account() (a account) {
	s.t.Helper()
	res, err := http.Get(s.url("/metrics"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		for name, to := range map[string]*uint64{"accepted": &a.Accepted, "stored": &a.Stored, "duplicate": &a.Duplicates,
			"set_aside": &a.SetAside, "dropped": &a.Dropped, "removed": &a.Removed, "waiting": &a.Waiting, "archived": &a.Archived} {
			if v, ok := strings.CutPrefix(line, "footfall_"+name+"_events "); ok {
				fmt.Sscan(v, to)
				found++
			}
		}
	}
	if found != 8 {
		s.t.Errorf("/metrics told %d of 8 figures", found)
	}
	return a
}

// quiet waits until nothing waits for the store and checks that everything
// accepted is somewhere.
func (s *server) quiet() (a account) {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if a = s.account(); a.Waiting == 0 && a.Accepted == a.Stored+a.Duplicates+a.SetAside+a.Dropped+a.Removed {
			return a
		}
		if time.Now().After(deadline) {
			s.t.Errorf("accepted = stored + duplicates + set aside + dropped + removed + waiting does not hold: %+v", a)
			return a
		}
	}
}

// post sends v as JSON with a write key and returns the answer and its text.
func (s *server) post(t testing.TB, key, path string, v any) (*http.Response, string) {
	t.Helper()
	body, ok := v.([]byte)
	if !ok {
		var err error
		if body, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequest("POST", s.url(path), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(key, "")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}
