package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"footfall/queue"
)

// TestImportTells: a file in another format is refused before much of it was
// read, and the same file again is said to be nothing new.
func TestImportTells(t *testing.T) {
	h := newHome(t)
	h.addSite("a.example", "UTC")
	const line = `192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 1 "-" "Mozilla"` + "\n"
	log := filepath.Join(t.TempDir(), "access.log")
	must(t, os.WriteFile(log, []byte(strings.Repeat(line, 200_000)), 0o600)) // more than a connection takes unread
	text, code := told(t, h.dir, "import", "--format", "common", log)
	if code != 1 || !strings.Contains(text, "access.log: 1000 of 1000 lines are not in the format common; they look like combined, so try: --format combined") {
		t.Errorf("import in the wrong format: %d %s", code, text)
	}
	var aside []queue.AsideItem
	if fault, code := h.typed(&aside, "aside", "list"); code != 0 || len(aside) > 0 {
		t.Errorf("set aside: %d %s %v", code, fault, aside)
	}
	must(t, os.WriteFile(log, []byte(line+strings.Replace(line, "/a", "/b", 1)), 0o600))
	for _, says := range []string{"2 of them are new, 0 were there already", "nothing new: all of them were there already"} {
		if text, code := told(t, h.dir, "import", log); code != 0 || !strings.Contains(text, says) {
			t.Errorf("import: %d %s, want %q", code, text, says)
		}
	}
}
