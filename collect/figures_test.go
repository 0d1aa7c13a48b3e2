package collect

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestScriptsOfFigures: the scripts for pages that show figures are small, keep nothing
// in the browser, may be loaded by any page, and are their sources.
func TestScriptsOfFigures(t *testing.T) {
	for name, most := range map[string]int{"figures": 2048, "frame": 512} {
		w := newWorld(Site{}, nil)
		rec := w.do("GET", "/js/"+name+".js", "", "Accept-Encoding", "gzip", "Origin", "https://portal.example")
		if rec.Code != 200 || rec.Body.Len() > most || rec.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s: %d, %d bytes gzipped, the limit is %d; %v", name, rec.Code, rec.Body.Len(), most, rec.Header())
		}
		served := w.do("GET", "/js/"+name+".js", "").Body.String()
		for _, word := range []string{"cookie", "Storage", "eval(", "http:", "https:"} {
			if strings.Contains(served, word) {
				t.Errorf("%s uses %s", name, word)
			}
		}
		source, err := os.ReadFile(name + ".js")
		if err != nil {
			t.Fatal(err)
		}
		_, code, _ := strings.Cut(string(source), "*/")
		code = regexp.MustCompile(`(?m)^\s*//.*`).ReplaceAllString(code, "")
		literals := regexp.MustCompile(`'([a-z][\w-]*)'|\.([a-zA-Z]{4,})\(`).FindAllStringSubmatch(code, -1)
		for _, l := range literals {
			if !strings.Contains(served, l[1]+l[2]) {
				t.Errorf("what is served of %s.js lacks %s", name, l[0])
			}
		}
		if len(literals) < 3 {
			t.Errorf("only %d texts and names in %s.js", len(literals), name)
		}
	}
}
