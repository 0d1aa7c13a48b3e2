package dash

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryClassIsUsed: a class or id that a style sheet names stands in a page, or is a
// word of a text in the code that makes them, the portal's as well. What no page has any
// more goes from the sheets, too.
func TestEveryClassIsUsed(t *testing.T) {
	read := func(patterns ...string) (all string) {
		for _, pattern := range patterns {
			names, _ := filepath.Glob(pattern)
			for _, name := range names {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasSuffix(name, "_test.go") {
					all += string(text) + "\n"
				}
			}
		}
		return all
	}
	used := map[string]bool{}
	take := func(text, pattern string) {
		for _, found := range regexp.MustCompile(pattern).FindAllString(text, -1) {
			for _, word := range regexp.MustCompile(`[a-zA-Z][\w-]*`).FindAllString(found, -1) {
				used[word] = true
			}
		}
	}
	take(read("html/*.html", "../portal/*.html"), `(class|id)="([^"{]|\{\{.*?\}\})*"`)
	take(read("*.go", "../portal/*.go", "js/*.js", "../portal/*.js"), "\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`")
	take(read("../experiment/*.go", "../affiliate/*.go", "../ledger/*.go"), `"[a-z]+"`) // states that are classes
	used["h"], used["shade"] = true, true                                               // with a number behind it

	sheets := regexp.MustCompile(`(?s)/\*.*?\*/|\{[^{}]*\}`).ReplaceAllString(read("css/*.css", "../portal/*.css"), "{}")
	names := regexp.MustCompile(`[.#]([a-zA-Z][\w-]*?)\d*\b`).FindAllStringSubmatch(sheets, -1)
	for _, name := range names {
		if !used[name[1]] {
			t.Errorf("%s stands in a style sheet and on no page", name[0])
		}
	}
	if len(names) < 500 {
		t.Errorf("only %d names in the style sheets", len(names))
	}
}
