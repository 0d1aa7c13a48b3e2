package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestMistyped: what is wrong stands last, where a person looks.
func TestMistyped(t *testing.T) {
	last := func(args ...string) (line, all string, code int) {
		var out, fault bytes.Buffer
		code = run(t.Context(), args, &out, &fault)
		all = strings.TrimSpace(out.String() + fault.String())
		return all[strings.LastIndex(all, "\n")+1:], all, code
	}
	for args, want := range map[string]string{
		"nonsense":             `footfall: there is no command "nonsense"`,
		"query --nonsense":     "footfall query: there is no flag --nonsense",
		"query --limit":        "footfall query: flag needs an argument: -limit",
		"bench ingest --help":  "and the settings, see: footfall config --help",
		"--version":            "footfall dev",
		"query PageViews":      "usage: footfall query --site S",
		"site list a.example":  "usage: footfall site list",
		"rebuild now --data x": "usage: footfall rebuild",
	} {
		line, _, code := last(strings.Fields(args)...)
		if !strings.HasPrefix(line, want) {
			t.Errorf("footfall %s ends with %q (%d), want %q", args, line, code, want)
		}
		if wrong := !strings.HasPrefix(args, "--version") && !strings.Contains(args, "--help"); wrong != (code == 2) {
			t.Errorf("footfall %s ends with code %d", args, code)
		}
	}
	for command, all := range map[string]bool{"query": false, "serve": true} {
		if _, text, _ := last(command, "--help"); strings.Contains(text, "-store-memory") != all || !strings.Contains(text, "-data") {
			t.Errorf("footfall %s --help says\n%s", command, text)
		}
	}
}

// TestArguments: usage lines tell which commands take words that belong to no flag.
func TestArguments(t *testing.T) {
	for _, c := range commands() {
		takes, known := map[string]bool{"site add": true, "site set": true, "import": true, "aside show": true, "aside redrive": true, "aside drop": true,
			"key add": false, "query": false, "export": false, "daily": false, "serve": false, "aside list": false, "bench ingest": false}[c.name]
		if known && takes != c.takesArguments() {
			t.Errorf("%s takes arguments: %v", c.name, !takes)
		}
	}
}
