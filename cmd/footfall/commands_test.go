package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"footfall/queue"
)

// told types a command on a directory for a person and returns what it says.
func told(t *testing.T, dir string, args ...string) (text string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), append(args, "--data", dir), &out, &out)
	return out.String(), code
}

// TestNextStep: what a command refuses it refuses with what to do instead.
func TestNextStep(t *testing.T) {
	h := newHome(t)
	for _, domain := range []string{"a.example", "b.example"} {
		if fault, code := h.typed(nil, "site", "add", domain); code != 0 {
			t.Fatal(fault)
		}
	}
	for args, says := range map[string]string{
		"query":                                 "give --site: one of a-example, b-example",
		"aside show 7":                          "item 7: that is not among what is set aside (see: footfall aside list)",
		"aside drop 7":                          "item 7: that is not among what is set aside",
		"aside redrive 9999999999":              "item 9999999999: that is not among what is set aside",
		"aside list --limit many":               `--limit: "many" is not a whole number`,
		"restart":                               "no server is running",
		"key add":                               "It may read and is for every site.",
		"key add --site b.example --role owner": "It may define,read and is for the site b-example.",
	} {
		if text, _ := told(t, h.dir, strings.Fields(args)...); !strings.Contains(text, says) {
			t.Errorf("footfall %s says %q, want %q", args, text, says)
		}
	}
}

// TestNoDirectory: a look makes no directory, and one that can't be used is
// named with what to do.
func TestNoDirectory(t *testing.T) {
	missing := filepath.Join(shortDir(t), "missing")
	for _, args := range []string{"doctor", "query", "site list", "login"} {
		if text, code := told(t, missing, strings.Fields(args)...); code != 1 || !strings.Contains(text, "there is no data directory "+missing) {
			t.Errorf("footfall %s: %d %s", args, code, text)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a look made the directory")
	}
	file := filepath.Join(shortDir(t), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	locked := shortDir(t)
	must(t, os.Mkdir(filepath.Join(locked, "lock"), 0o700)) // can't be opened, whoever asks
	for args, dir := range map[string]string{"site add a.example": file, "serve --listen 127.0.0.1:0": locked, "site list": locked} {
		if text, code := told(t, dir, strings.Fields(args)...); code != 1 || !strings.Contains(text, "choose another with --data") {
			t.Errorf("footfall %s on %s: %d %s", args, dir, code, text)
		}
	}
}

// TestAsideForPeople: the newest first, so many as can be read.
func TestAsideForPeople(t *testing.T) {
	h := newHome(t)
	for i := range shownAside + 2 {
		must(t, h.queue.Aside().Put(t.Context(), queue.AsideItem{Reader: "collect", Reason: fmt.Sprintf("reason %d.", i)}))
	}
	for args, want := range map[string][2]int{"aside list": {51, 2}, "aside list --limit 1": {51, 51}, "aside list --limit 0": {51, 0}} {
		text, _ := told(t, h.dir, strings.Fields(args)...)
		lines := strings.Split(text, "\n")
		oldest := lines[len(lines)-3]
		if !strings.HasSuffix(lines[1], fmt.Sprintf("reason %d.", want[0])) || !strings.HasSuffix(oldest, fmt.Sprintf("reason %d.", want[1])) ||
			!strings.Contains(text, "52 set aside") || strings.Contains(text, "--limit 0 lists all") != (want[1] > 0) {
			t.Errorf("footfall %s says\n%s", args, text)
		}
	}
	var all []queue.AsideItem
	if fault, code := h.typed(&all, "aside", "list"); code != 0 || len(all) != shownAside+2 || all[0].Reason != "reason 0." {
		t.Errorf("as JSON: %d %s, %d of them", code, fault, len(all))
	}
	if text, code := told(t, h.dir, "aside", "drop", "--all"); code != 0 || text != "52 dropped\n" {
		t.Errorf("aside drop --all: %d %q", code, text)
	}
}

// TestUnknownRoutes: below /v1 everything is answered in JSON.
func TestUnknownRoutes(t *testing.T) {
	beside(t, "Dashboard:", func(greeted string) {
		address, _, _ := strings.Cut(strings.TrimPrefix(greeted, "Dashboard: "), "/login?")
		res, err := http.Get(address + "/v1/querry")
		must(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != 404 || !strings.HasPrefix(string(text), `{"error":"there is no /v1/querry`) {
			t.Errorf("%d %s", res.StatusCode, text)
		}
	}, "serve", "--data", shortDir(t), "--listen", "127.0.0.1:0")
}
