package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBenchAsk: the benchmark answers all that it asks, unfiltered out of bins, and
// the second time of what is there already; what is not its own it leaves alone.
func TestBenchAsk(t *testing.T) {
	dir := t.TempDir()
	ask := func(more ...string) (r asking, fault string) {
		t.Helper()
		var out, errs bytes.Buffer
		args := append([]string{"bench", "ask", "--data", dir, "--events", "2000", "--days", "4", "--small", "3", "--times", "1", "--json"}, more...)
		if run(t.Context(), args, &out, &errs) != 0 {
			return r, errs.String()
		}
		must(t, json.Unmarshal(out.Bytes(), &r))
		return r, ""
	}
	first, fault := ask()
	if fault != "" || first.Events != 2000 || len(first.Sites) != 4 || len(first.Answers) < 30 {
		t.Fatalf("%+v %s", first, fault)
	}
	loaded := 0
	for _, a := range first.Answers {
		if a.Source == "http" {
			loaded++
		}
		if a.Fault != "" || a.Source != "bins" && (a.Of == "large site" || a.Aim < 10) || a.Took[0].P50 <= 0 || a.Took[1].P99 < a.Took[1].P50 {
			t.Errorf("%+v", a)
		}
	}
	if loaded != 6 {
		t.Errorf("%d pages were loaded", loaded)
	}
	again, fault := ask()
	if fault != "" || again.Sites[0] != first.Sites[0] || len(again.Answers) != len(first.Answers) {
		t.Errorf("again: %+v %s", again, fault)
	}
	if some, fault := ask("--about", "page of the large"); fault != "" || len(some.Answers) != 3 || some.Answers[1].Of != "page of the large site" {
		t.Errorf("only some: %+v %s", some, fault)
	}
	if _, fault := ask("--seed", "2"); !strings.Contains(fault, "has 2000 events of seed 1") {
		t.Errorf("other events than there are: %s", fault)
	}
	must(t, os.Remove(filepath.Join(dir, crowdFile)))
	if _, fault := ask(); !strings.Contains(fault, "is no benchmark's") {
		t.Errorf("a directory of others: %s", fault)
	}
}
