package main

import (
	"strings"
	"testing"
)

// TestLoginKnowsTheServer: the link is that of the server that runs, whatever
// the command was told.
func TestLoginKnowsTheServer(t *testing.T) {
	t.Setenv("FOOTFALL_LISTEN", "127.0.0.1:1")
	h := &home{t: t, dir: shortDir(t)}
	linked := func(want string) func(string) {
		return func(greeted string) {
			var out map[string]string
			fault, code := h.typed(&out, "login")
			address, _, _ := strings.Cut(strings.TrimPrefix(greeted, "Dashboard: "), "/login?")
			if url := out["url"]; code != 0 || !strings.HasPrefix(url, address+"/login?link=") || !strings.HasPrefix(url, want) {
				t.Errorf("the server is at %s, login prints %q: %d %s", address, url, code, fault)
			}
			if hint := strings.Contains(greeted, "--public-url"); hint != (want == "http://localhost:") {
				t.Errorf("serve prints %s", greeted)
			}
		}
	}
	serve := []string{"serve", "--data", h.dir, "--listen"}
	beside(t, "footfall site add", linked("http://127.0.0.1:"), append(serve, "127.0.0.1:0")...)
	beside(t, "footfall site add", linked("http://localhost:"), append(serve, ":0")...)
	beside(t, "footfall site add", linked("https://stats.example"), append(serve, ":0", "--public-url", "https://stats.example/")...)
	if fault, code := h.typed(nil, "login"); code != 1 || !strings.Contains(fault, "no server runs on "+h.dir+"; start one") {
		t.Errorf("login on a stopped server: %d %s", code, fault)
	}
	if fault, code := h.typed(nil, "config", "--listen", "8080"); code != 1 || !strings.Contains(fault, "write :8080") {
		t.Errorf("a port alone: %d %s", code, fault)
	}
	if fault, code := h.typed(nil, "config", "--proxy-header", "X-Real-IP:"); code != 1 || !strings.Contains(fault, "no header such as") {
		t.Errorf("a header that is none: %d %s", code, fault)
	}
}
