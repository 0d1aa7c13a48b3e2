// Package footfall_test keeps the house's rules: who never imports whom, and
// what every file and folder looks like. DESIGN's floors stand in the table
// below; an exception needs an entry with its reason. ARCHITECTURE.md says the
// same in words.
package footfall_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// floor is where a folder stands in the house.
type floor string

const (
	word     floor = "words"    // the standard library and the words above it in the table
	thinking floor = "thinking" // words, contracts, one another; no disk, no network
	contract floor = "contract" // a seam: words
	law      floor = "law"      // tests every adapter of a seam
	engine   floor = "engine"   // hides what several adapters share; words, its seam if it is in one
	adapter  floor = "adapter"  // its seam, words, engines, its own driver
	door     floor = "door"     // words, account, one thinking room
	outside  floor = "outside"  // for other people's programs: the standard library
	roof     floor = "roof"     // everything; also the tests of the finished binary
)

// room is a folder of the house. Words are listed from the ground up.
type room struct {
	folder string
	floor  floor
}

var house = []room{
	{"sheet", word}, {"event", word}, {"period", word}, {"metric", word}, {"money", word},
	{"webhook", word}, // how messages are signed and sent, for the adapters of two seams
	{"enrich", thinking}, {"pump", thinking}, {"query", thinking}, {"segment", thinking}, {"schedule", thinking}, {"weblog", thinking}, {"demo", thinking}, {"shop", thinking}, {"affiliate", thinking}, {"erase", thinking}, {"reprocess", thinking}, {"dialect", thinking}, {"digest", thinking}, {"alert", thinking},
	{"account", contract}, {"mail", contract}, {"ledger", contract}, {"history", contract}, {"queue", contract}, {"store", contract}, {"archive", contract}, {"bins", contract},
	{"account/accounttest", law}, {"ledger/ledgertest", law}, {"history/historytest", law}, {"mail/mailtest", law}, {"queue/queuetest", law}, {"store/storetest", law}, {"archive/archivetest", law}, {"archive/s3/s3test", law}, {"bins/binstest", law},
	{"backup", engine}, {"language", engine}, {"engine/sqlite", engine}, {"engine/postgres", engine}, {"engine/postgres/postgrestest", law}, {"account/rows", engine}, {"ledger/rows", engine},
	{"sheet/columnar", adapter}, {"account/sqlite", adapter}, {"account/postgres", adapter}, {"queue/nats", adapter}, {"store/duckdb", adapter}, {"archive/disk", adapter}, {"archive/s3", adapter}, {"geo/maxmind", adapter},
	{"ledger/sqlite", adapter}, {"ledger/postgres", adapter}, {"ledger/webhook", adapter}, {"history/sqlite", adapter}, {"history/webhook", adapter}, {"mail/smtp", adapter}, {"bins/sqlite", adapter}, {"bins/memory", adapter}, {"bins/redis", adapter},
	{"collect", door}, {"commerce", door}, {"api", door}, {"dash", door}, {"portal", door}, {"sqlapi", door},
	{"client", outside},
	{"cmd/footfall", roof}, {"clienttest", roof}, {"e2e", roof},
}

// exceptions are what is allowed against a rule, each with its reason.
var exceptions = map[string]string{
	"store/duckdb imports pump":                              "a sink tells the pump with its RejectedError which events are hopeless",
	"github.com/duckdb/duckdb-go/v2 in archive/disk":         "a test only: another reader must understand the archive's objects",
	"github.com/boombuler/barcode in dash":                   "an encoder, no driver: a secret's picture must not go through the door of links",
	"golang.org/x/net in enrich":                             "two things of one module: its list of suffixes for referrers, its idna for domains that people type",
	"github.com/klauspost/compress in queue/nats":            "two things of one module: its s2 for messages, its gzip for pages",
	"gopkg.in/yaml.v3 in segment":                            "definitions are written in YAML, as the configuration is",
	"github.com/parquet-go/parquet-go in sheet/columnar":     "tables of any columns; what the archive writes with it are its own",
	"github.com/parquet-go/parquet-go in archive/disk":       "a test only: objects are read as any Parquet reader would",
	"collect/bad_test.go: TestBadInput is too long":          "one table of bad requests",
	"e2e/bad_test.go: TestBadInput is too long":              "one table of bad requests",
	"enrich/referrer_test.go: TestReferrerTruth is too long": "one table and its recount",
}

const (
	maxLines   = 500 // of a file
	maxLong    = 60  // lines of a function
	maxMethods = 5   // of an interface
)

var badNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "service", "services", "handler", "handlers", "base"}

// source is one parsed Go file.
type source struct {
	name, folder string
	test, tool   bool // tool: left out of the build, run by hand
	lines        int
	imports      []string
	file         *ast.File
	at           *token.FileSet
}

// skipped folders hold nothing of ours.
func skipped(name string) bool {
	return name == "node_modules" || name == "testdata" || name == "build" || strings.HasPrefix(name, ".") && name != "."
}

func read(tree fs.FS) (files []source, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		s := source{name: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), at: token.NewFileSet(),
			tool: strings.Contains(string(text), "//go:build ignore"), lines: strings.Count(string(text), "\n")}
		if s.file, err = parser.ParseFile(s.at, name, text, parser.ParseComments); err != nil {
			return err
		}
		for _, spec := range s.file.Imports {
			s.imports = append(s.imports, strings.Trim(spec.Path.Value, `"`))
		}
		files = append(files, s)
		return nil
	})
	return files, err
}

func index(folder string) int {
	return slices.IndexFunc(house, func(r room) bool { return r.folder == folder })
}

// own is a footfall import as a folder.
func own(imported string) (folder string, ok bool) { return strings.CutPrefix(imported, "footfall/") }

// external reports whether the import is of another module.
func external(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

// floors finds imports that a file's floor does not allow.
func floors(files []source) (faults []string) {
	for _, s := range files {
		at := index(s.folder)
		if at < 0 && s.folder != "." && !s.tool {
			faults = append(faults, s.name+": "+s.folder+" has no place in house")
		}
		if at < 0 || s.test || s.tool || house[at].floor == roof {
			continue
		}
		for _, imported := range s.imports {
			folder, ours := own(imported)
			if ours && !mayImport(at, folder) || !ours && !mayUse(house[at], imported) {
				faults = append(faults, s.folder+" imports "+strings.TrimPrefix(imported, "footfall/"))
			}
		}
	}
	return append(faults, doorsThinkOnce(files)...)
}

// mayImport reports whether the room at an index of house may import a folder.
func mayImport(at int, folder string) bool {
	to := index(folder)
	if to < 0 {
		return false
	}
	seam := path.Dir(house[at].folder)
	switch target := house[to].floor; house[at].floor {
	case word:
		return target == word && to < at
	case thinking:
		return target == word || target == thinking || target == contract
	case contract:
		return target == word
	case engine:
		return target == word || folder == seam
	case adapter: // the engine of another seam is none of its business
		return target == word || folder == seam || target == engine && (path.Dir(folder) == seam || index(path.Dir(folder)) < 0)
	case law:
		return target == word || target == thinking || folder == seam
	case door:
		return target == word || target == thinking || folder == "account" || folder == "language"
	}
	return false
}

// mayUse reports whether a room may use a package that is not ours.
func mayUse(r room, imported string) bool {
	switch r.floor {
	case word, outside:
		return !external(imported)
	case thinking:
		return !slices.Contains([]string{"net", "net/http", "database/sql", "os", "os/exec"}, imported)
	case contract:
		return imported != "net/http" && imported != "database/sql"
	case door:
		return imported != "database/sql"
	}
	return true
}

// doorsThinkOnce finds doors that import more than one thinking room.
func doorsThinkOnce(files []source) (faults []string) {
	for _, r := range house {
		var rooms []string
		for _, s := range files {
			for _, imported := range s.imports {
				folder, ours := own(imported)
				i := index(folder)
				if ours && i >= 0 && house[i].floor == thinking && s.folder == r.folder && r.floor == door && !s.test && !slices.Contains(rooms, folder) {
					rooms = append(rooms, folder)
				}
			}
		}
		if len(rooms) > 1 {
			faults = append(faults, fmt.Sprintf("%s imports %d thinking rooms: %s", r.folder, len(rooms), strings.Join(rooms, ", ")))
		}
	}
	return faults
}

// drivers finds modules that more than one folder imports. The first folder
// that has it in the binary is its home; tests of the finished binary may read
// with anything what it wrote.
func drivers(files []source, modules []string) (faults []string) {
	home := map[string]string{}
	for _, tests := range []bool{false, true} {
		for _, s := range files {
			for _, imported := range s.imports {
				module := moduleOf(imported, modules)
				if at := index(s.folder); module == "" || s.test != tests || s.tool || tests && at >= 0 && house[at].floor == roof {
					continue
				}
				if home[module] == "" {
					home[module] = s.folder
				}
				if home[module] != s.folder {
					faults = append(faults, module+" in "+s.folder)
				}
			}
		}
	}
	return faults
}

func moduleOf(imported string, modules []string) (longest string) {
	for _, m := range modules {
		if (imported == m || strings.HasPrefix(imported, m+"/")) && len(m) > len(longest) {
			longest = m
		}
	}
	return longest
}

// shape finds files, functions and interfaces that are too large.
func shape(files []source) (faults []string) {
	for _, s := range files {
		if s.lines > maxLines {
			faults = append(faults, fmt.Sprintf("%s has more than %d lines", s.name, maxLines))
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.FuncDecl:
				if s.at.Position(x.End()).Line-s.at.Position(x.Pos()).Line >= maxLong {
					faults = append(faults, s.name+": "+x.Name.Name+" is too long")
				}
			case *ast.TypeSpec:
				if i, ok := x.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
					faults = append(faults, s.name+": "+x.Name.Name+" has too many methods")
				}
			}
			return true
		})
	}
	return faults
}

// names finds folders with a name that says nothing, and packages without a
// word about themselves.
func names(files []source) (faults []string) {
	told := map[string]bool{}
	for _, s := range files {
		told[s.folder] = told[s.folder] || s.file.Doc != nil && !s.tool
	}
	for _, s := range files {
		if !told[s.folder] && !s.tool {
			faults = append(faults, s.folder+" has no package comment")
			told[s.folder] = true
		}
		for _, part := range strings.Split(s.folder, "/") {
			if slices.Contains(badNames, part) {
				faults = append(faults, s.folder+" is a name that says nothing")
			}
		}
	}
	return faults
}

// foreign are places that exist on one machine only, or that a package client
// finds by itself.
var foreign = regexp.MustCompile(`(^|[^\w.])/(work|root|home)/|registry\.npmjs|(proxy|sum)\.golang\.org|GOPROXY=`)

// places finds text that names such a place.
func places(tree fs.FS, committed []string) (faults []string) {
	for _, name := range committed {
		text, err := fs.ReadFile(tree, name)
		if err != nil || name == "rules_test.go" || strings.Contains(name, "testdata/") || slices.Contains(text, 0) {
			continue // removed but not committed; this pattern; data; not text
		}
		for i, line := range strings.Split(string(text), "\n") {
			if found := foreign.FindString(line); found != "" {
				faults = append(faults, fmt.Sprintf("%s:%d names %q", name, i+1, found))
			}
		}
	}
	return faults
}

func directModules(t *testing.T) (modules []string) {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) == 2 && strings.HasPrefix(f[1], "v") {
			modules = append(modules, f[0])
		}
	}
	if len(modules) < 5 {
		t.Fatalf("go.mod names only %d direct modules: has its form changed?", len(modules))
	}
	return modules
}

func committed(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("git ls-files: %v", err)
	}
	if err != nil {
		t.Skip("SKIPPED: not a git checkout, so nobody knows what is committed")
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestRules(t *testing.T) {
	tree := os.DirFS(".")
	files, err := read(tree)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	check := func(name string, faults []string) {
		t.Run(name, func(t *testing.T) {
			for _, fault := range faults {
				used[fault] = true
				if exceptions[fault] == "" {
					t.Error(fault)
				}
			}
		})
	}
	check("floors", floors(files))
	check("drivers", drivers(files, directModules(t)))
	check("shape", shape(files))
	check("names", names(files))
	for fault := range exceptions {
		if !used[fault] {
			t.Errorf("the exception %q is not needed any more", fault)
		}
	}
	t.Run("places", func(t *testing.T) {
		for _, fault := range places(tree, committed(t)) {
			t.Error(fault)
		}
	})
}

// TestRulesBite breaks each rule once.
func TestRulesBite(t *testing.T) {
	const head = "// Package x is one.\npackage x\n"
	imports := func(list ...string) string { return head + `import ("` + strings.Join(list, `";"`) + `")` + "\n" }
	for _, c := range []struct{ name, file, text, fault string }{
		{"a word looks up", "event/x.go", imports("footfall/period"), "event imports period"},
		{"a word uses a module", "event/x.go", imports("example.org/driver"), "event imports example.org/driver"},
		{"thinking on the network", "enrich/x.go", imports("net/http"), "enrich imports net/http"},
		{"thinking in a database", "pump/x.go", imports("database/sql"), "pump imports database/sql"},
		{"thinking with an adapter", "weblog/x.go", imports("footfall/store/duckdb"), "weblog imports store/duckdb"},
		{"a contract with an adapter", "queue/x.go", imports("footfall/queue/nats"), "queue imports queue/nats"},
		{"an adapter with another", "queue/nats/x.go", imports("footfall/archive/disk"), "queue/nats imports archive/disk"},
		{"an adapter with a foreign seam", "queue/nats/x.go", imports("footfall/store"), "queue/nats imports store"},
		{"a contract with an engine", "queue/x.go", imports("footfall/engine/sqlite"), "queue imports engine/sqlite"},
		{"an engine with a seam", "engine/postgres/x.go", imports("footfall/ledger"), "engine/postgres imports ledger"},
		{"an engine with an adapter", "engine/postgres/x.go", imports("footfall/ledger/sqlite"), "engine/postgres imports ledger/sqlite"},
		{"an adapter with the engine of another seam", "bins/sqlite/x.go", imports("footfall/ledger/rows"), "bins/sqlite imports ledger/rows"},
		{"a door with an engine", "api/x.go", imports("footfall/engine/postgres"), "api imports engine/postgres"},
		{"an adapter with a door", "store/duckdb/x.go", imports("footfall/api"), "store/duckdb imports api"},
		{"a law with an adapter", "queue/queuetest/x.go", imports("footfall/queue/nats"), "queue/queuetest imports queue/nats"},
		{"a door with a queue", "collect/x.go", imports("footfall/queue"), "collect imports queue"},
		{"a door with a store", "api/x.go", imports("footfall/store"), "api imports store"},
		{"a door with a door", "dash/x.go", imports("footfall/api"), "dash imports api"},
		{"a client with a word", "client/x.go", imports("footfall/metric"), "client imports metric"},
		{"a client with a module", "client/x.go", imports("example.org/driver"), "client imports example.org/driver"},
		{"a door with a client", "api/x.go", imports("footfall/client"), "api imports client"},
		{"a door thinks twice", "collect/x.go", imports("footfall/enrich", "footfall/weblog"), "collect imports 2 thinking rooms: enrich, weblog"},
		{"a folder without a floor", "attic/x.go", head, "attic/x.go: attic has no place in house"},
		{"a driver in two folders", "geo/maxmind/x.go", imports("example.org/driver/v2/sub"), "example.org/driver/v2 in geo/maxmind"},
		{"a long file", "event/x.go", head + strings.Repeat("\n", maxLines), "event/x.go has more than 500 lines"},
		{"a long function", "event/x.go", head + "func f() {" + strings.Repeat("\n", maxLong) + "}\n", "event/x.go: f is too long"},
		{"a wide interface", "event/x.go", head + "type I interface { A(); B(); C(); D(); E(); F() }\n", "event/x.go: I has too many methods"},
		{"no package comment", "period/x.go", "package x\n", "period has no package comment"},
		{"a name that says nothing", "event/util/x.go", head, "event/util is a name that says nothing"},
		{"a place", "event/x.go", head + "// see " + "/ho" + "me/me/x\n", `event/x.go:3 names " /ho` + `me/"`},
		{"a registry", "event/x.go", head + "// registry" + ".npmjs.org\n", `event/x.go:3 names "registry` + `.npmjs"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{c.file: {Data: []byte(c.text)},
				"store/duckdb/home.go": {Data: []byte(head)}, "archive/disk/home.go": {Data: []byte(imports("example.org/driver/v2"))}}
			files, err := read(tree)
			if err != nil {
				t.Fatal(err)
			}
			faults := slices.Concat(floors(files), drivers(files, []string{"example.org/driver/v2"}), shape(files), names(files), places(tree, []string{c.file}))
			if !slices.Contains(faults, c.fault) {
				t.Errorf("want the fault %s; got %v", strconv.Quote(c.fault), faults)
			}
		})
	}
}
