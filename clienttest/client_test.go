// Package clienttest runs real, unmodified clients against the real binary:
// both Node SDKs, both browser SDKs and the snippet in headless Chromium. Each
// event must be stored once, and nothing may leave for another host.
//
// install.sh fetches what the tests need. Without it they are skipped, and
// fail where CI=true.
package clienttest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// missing ends the test: what it needs is not there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("REAL CLIENTS NOT TESTED: %s is missing: run clienttest/install.sh", what)
	}
	t.Skipf("REAL CLIENTS NOT TESTED: %s is missing: run clienttest/install.sh", what)
}

func needNode(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("REAL CLIENTS NOT TESTED: -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "node")
	}
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		missing(t, "node_modules")
	}
}

func needChromium(t *testing.T) {
	t.Helper()
	needNode(t)
	for _, path := range []string{os.Getenv("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"} {
		if _, err := os.Stat(path); path != "" && err == nil {
			return
		}
	}
	missing(t, "Chromium")
}

// script is a script under way.
type script struct {
	name           string
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

// launch starts a script.
func launch(t *testing.T, name string, args ...string) *script {
	t.Helper()
	return launchWith(t, nil, name, args...)
}

// launchWith launches a script that reads something.
func launchWith(t *testing.T, in io.Reader, name string, args ...string) *script {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	t.Cleanup(cancel)
	c := &script{name: name, cmd: exec.CommandContext(ctx, "node", append([]string{name}, args...)...)}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// finish decodes the JSON that the script prints into out. It must end by
// itself, with exit code 0.
func (c *script) finish(t *testing.T, out any) {
	t.Helper()
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("node %s: %v\n%s", c.name, err, &c.stderr)
	}
	if err := json.Unmarshal(c.stdout.Bytes(), out); err != nil {
		t.Fatalf("node %s printed %s: %v", c.name, &c.stdout, err)
	}
}

// checkOnce compares the ids sent with those stored: the same, each once.
func checkOnce(t *testing.T, sent []string, events []stored) {
	t.Helper()
	count := map[string]int{}
	for _, e := range events {
		count[e.MessageID]++
	}
	for _, id := range sent {
		if count[id] != 1 {
			t.Errorf("event %s is stored %d times", id, count[id])
		}
		delete(count, id)
	}
	for id := range count {
		t.Errorf("event %s is stored and was not sent", id)
	}
}

func TestNodeClients(t *testing.T) {
	needNode(t)
	t.Parallel()
	s := start(t)
	const each = 20
	var sent map[string][]string
	launch(t, "node.mjs", s.host(), s.key, strconv.Itoa(each)).finish(t, &sent)
	all := slices.Concat(sent["segment-node"], sent["rudder-node"])
	if want := 2 * 6 * each; len(all) != want {
		t.Fatalf("%d ids sent, want %d", len(all), want)
	}
	events := s.waitFor(t, len(all))
	checkOnce(t, all, events)
	kinds := map[string]int{}
	for _, e := range events {
		kinds[e.Type]++
	}
	for _, kind := range event.Kinds {
		if kinds[string(kind)] != 2*each {
			t.Errorf("%d %s events, want %d", kinds[string(kind)], kind, 2*each)
		}
	}
}

// request is what a page asked of the server.
type request struct{ Method, Path, Body string }

func TestBrowserClients(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	var ran map[string]struct {
		Sent, External, Console []string
		Requests                []request
	}
	launch(t, "browser.mjs", s.host(), s.key).finish(t, &ran)
	var all []string
	for _, sdk := range []string{"rudder-js", "segment-next"} {
		r := ran[sdk]
		if len(r.Sent) != 5 {
			t.Errorf("%s sent %d events, want 5", sdk, len(r.Sent))
		}
		if len(r.External) > 0 {
			t.Errorf("%s asked other hosts: %v", sdk, r.External)
		}
		if len(r.Console) > 0 {
			t.Errorf("%s complains: %v", sdk, r.Console)
		}
		all = append(all, r.Sent...)
	}
	checkOnce(t, all, s.waitFor(t, len(all)))
}

func TestSnippet(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	var ran struct {
		Requests, Objecting                []request
		External, Visits, Console, Cookies []json.RawMessage
		Storage                            struct{ Local, Session int }
	}
	launch(t, "snippet.mjs", s.host(), s.key).finish(t, &ran)
	if len(ran.External) > 0 || len(ran.Console) > 0 {
		t.Errorf("other hosts asked: %s, console: %s", ran.External, ran.Console)
	}
	if len(ran.Cookies) > 0 || ran.Storage.Local > 0 || ran.Storage.Session > 0 {
		t.Errorf("the browser keeps cookies %s and %+v", ran.Cookies, ran.Storage)
	}
	if len(ran.Visits) != 1 {
		t.Errorf("the click that leaves went to %s", ran.Visits)
	}
	for _, r := range ran.Objecting {
		if r.Method == "POST" {
			t.Errorf("a visitor who objects is counted: %+v", r)
		}
	}
	renamed := func(r request) bool { return r.Method == "POST" && strings.HasPrefix(r.Path, "/n/menu/") }
	if n := len(slices.DeleteFunc(slices.Clone(ran.Requests), func(r request) bool { return !renamed(r) })); n != 2 {
		t.Errorf("%d events were sent to the site's own name, want 2", n)
	}
	checkSnippetEvents(t, s.waitFor(t, 9))
}

// checkSnippetEvents: one event for each thing that was done on the page.
func checkSnippetEvents(t *testing.T, events []stored) {
	t.Helper()
	done := map[string]func(stored) bool{
		"the first page":   func(e stored) bool { return e.Type == "page" && e.Path == "/first" },
		"the second page":  func(e stored) bool { return e.Type == "page" && e.Path == "/second" },
		"the missing page": func(e stored) bool { return e.Type == "page" && e.Path == "/gone" },
		"that it is missing": func(e stored) bool {
			return e.Name == "Page Not Found" && e.Path == "/gone"
		},
		"signup":               func(e stored) bool { return e.Name == "signup" && bytes.Contains(e.Properties, []byte("pro")) },
		"the first early one":  func(e stored) bool { return e.Name == "early" && bytes.Contains(e.Properties, []byte("free")) },
		"the second early one": func(e stored) bool { return e.Name == "early" && bytes.Contains(e.Properties, []byte("none")) },
		"the download": func(e stored) bool {
			return e.Name == event.Download && strings.Contains(e.Path+string(e.Properties), "/files/size-guide.pdf")
		},
		"the click that leaves": func(e stored) bool {
			return e.Type == "track" && bytes.Contains(e.Properties, []byte("elsewhere.example"))
		},
	}
	for what, is := range done {
		n := 0
		for _, e := range events {
			if is(e) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is stored %d times", what, n)
		}
	}
	if len(events) != len(done) {
		t.Errorf("%d events stored, want %d: %+v", len(events), len(done), events)
	}
}

// TestRestartsWithClientSending: a client that gives up after 1.6 s, and takes
// its process with it, sends through graceful restarts and loses nothing.
func TestRestartsWithClientSending(t *testing.T) {
	needNode(t)
	t.Parallel()
	s := start(t)
	client := launch(t, "resilient.mjs", s.host(), s.key, "14")
	for range 4 {
		time.Sleep(2500 * time.Millisecond)
		began := time.Now()
		s.stop(t)
		s.run(t)
		s.waitReady(t)
		t.Logf("restarted in %v", time.Since(began).Round(time.Millisecond))
	}
	var ran struct{ Sent []string }
	client.finish(t, &ran)
	if len(ran.Sent) < 150 {
		t.Errorf("only %d events in 14 s", len(ran.Sent))
	}
	checkOnce(t, ran.Sent, s.waitFor(t, len(ran.Sent)))
}
