package language_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"footfall/account"
	"footfall/language"
	"footfall/metric"
	"footfall/period"
)

// fill writes the texts that a catalogue misses into it, each without a translation:
//
//	go test ./language -run TestCatalogues -fill de
var fill = flag.String("fill", "", "tag of the language whose catalogue gets what it misses")

// doors are the packages whose pages are in all languages.
var doors = []string{"../dash"}

// texts are those of pages: of templates, and every constant of the type language.Key,
// each with a place where it stands.
func texts(t *testing.T) map[language.Key]string {
	t.Helper()
	all := map[language.Key]string{}
	for _, door := range doors {
		pages, err := filepath.Glob(door + "/html/*.html")
		if err != nil || len(pages) == 0 {
			t.Fatal(door, "has no pages", err)
		}
		for _, page := range pages {
			source, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range language.Texts(string(source)) {
				all[key] = page
			}
		}
		constants(t, door, all)
	}
	constants(t, ".", all)
	constants(t, "../cmd/footfall", all)
	for _, door := range append(doors, "../account", "../cmd/footfall") {
		reasons(t, door, all)
	}
	for _, key := range words() {
		all[language.Key(key)] = "what other packages name"
	}
	delete(all, "")
	return all
}

// words are texts of pages that are constants of other types: what things are called on
// the floors below.
func words() (all []string) {
	for _, m := range metric.Names {
		all = append(all, m.Meaning())
		if strings.Count(string(m), "") == len(regexp.MustCompile(`[A-Z]?[a-z]+`).FindString(string(m)))+1 {
			all = append(all, string(m)) // of several words none is shown
		}
	}
	for _, w := range period.Windows {
		all = append(all, w.Title)
	}
	for _, r := range account.Roles {
		all = append(all, string(r))
	}
	for _, r := range account.Rhythms {
		all = append(all, string(r))
	}
	return append(all, "page", "event", "goal", "is", "is not", "contains", "does not contain", "does not match")
}

// constants adds those of a package that are of the type language.Key.
func constants(t *testing.T, folder string, all map[language.Key]string) {
	t.Helper()
	at := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range strings.Fields(list(t, folder, "-f", `{{join .GoFiles " "}}`)) {
		name = filepath.Join(folder, name)
		file, err := parser.ParseFile(at, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	path := "footfall/" + filepath.Base(folder)
	if folder == "." {
		path = "footfall/language"
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	check := types.Config{Importer: importer.ForCompiler(at, "gc", exported(t, folder))}
	if _, err := check.Check(path, at, parsed, info); err != nil {
		t.Fatal(err)
	}
	for expression, is := range info.Types {
		if is.Value == nil || is.Value.Kind() != constant.String {
			continue
		}
		named, ok := types.Unalias(is.Type).(*types.Named)
		if ok && named.Obj().Name() == "Key" && strings.HasPrefix(named.Obj().Pkg().Path(), "footfall/language") {
			all[language.Key(constant.StringVal(is.Value))] = at.Position(expression.Pos()).String()
		}
	}
}

// reasons adds those for which a package refuses a field: forms of event.Invalid.
func reasons(t *testing.T, folder string, all map[language.Key]string) {
	t.Helper()
	at := token.NewFileSet()
	for _, name := range strings.Fields(list(t, folder, "-f", `{{join .GoFiles " "}}`)) {
		file, err := parser.ParseFile(at, filepath.Join(folder, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			of, isSelector := call.Fun.(*ast.SelectorExpr)
			form, isText := call.Args[1].(*ast.BasicLit)
			if isSelector && isText && of.Sel.Name == "Invalid" && fmt.Sprint(of.X) == "event" {
				text, err := strconv.Unquote(form.Value)
				if err != nil {
					t.Fatal(err)
				}
				all[language.Key(text)] = at.Position(form.Pos()).String()
			}
			return true
		})
	}
}

// exported finds what the compiler wrote of a package's imports.
func exported(t *testing.T, folder string) func(string) (io.ReadCloser, error) {
	t.Helper()
	out := list(t, folder, "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}")
	where := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		path, file, _ := strings.Cut(line, "=")
		where[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(where[path]) }
}

// list asks the go command of a folder's package.
func list(t *testing.T, folder string, arguments ...string) string {
	t.Helper()
	command := exec.Command("go", append([]string{"list"}, arguments...)...)
	command.Dir = folder
	out, err := command.Output()
	if err != nil {
		t.Fatal("go list", arguments, err)
	}
	return string(out)
}

// TestCatalogues compares each catalogue with the texts that there are.
func TestCatalogues(t *testing.T) {
	all := texts(t)
	if len(all) < 500 {
		t.Fatalf("only %d texts were found: has their form changed?", len(all))
	}
	for _, l := range language.All {
		catalogue := read(t, l.Tag)
		if *fill == l.Tag {
			for key := range all {
				if _, ok := catalogue[key]; !ok {
					catalogue[key] = json.RawMessage(`""`)
				}
			}
			write(t, l.Tag, catalogue)
		}
		for _, key := range slices.Sorted(maps.Keys(catalogue)) {
			if all[key] == "" {
				t.Errorf("%s.json: no page has the text %q any more", l.Tag, key)
			}
			for _, fault := range faults(key, catalogue[key]) {
				t.Errorf("%s.json: %q %s", l.Tag, key, fault)
			}
		}
		if l.Tag == "en" {
			continue // English is in the pages: its catalogue has what takes another form by number
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if catalogue[key] == nil {
				t.Errorf("%s.json misses %q of %s: add it, or type: go test ./language -run TestCatalogues -fill %s", l.Tag, key, all[key], l.Tag)
			}
		}
	}
}

// marks are what a translation must have as its text has it: arguments, actions and tags.
var marks = regexp.MustCompile(`\{[^}]*\}|</?[a-z]+[0-9]*>`)

// faults finds what is wrong with a translation.
func faults(key language.Key, value json.RawMessage) (all []string) {
	forms := map[string]string{}
	if err := json.Unmarshal(value, &forms); err != nil {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return []string{"is neither a text nor forms of one"}
		}
		forms["other"] = text
	}
	for name, text := range forms {
		switch {
		case name == "by":
			if !strings.Contains(string(key), text) {
				all = append(all, "has no "+text+" to choose a form by")
			}
		case text == "":
			all = append(all, "is not translated")
		case name == "other" && !slices.Equal(sorted(string(key)), sorted(text)):
			all = append(all, "is translated with other arguments, actions or tags: "+text)
		case name != "other" && slices.ContainsFunc(sorted(text), func(mark string) bool { return !slices.Contains(sorted(string(key)), mark) }):
			all = append(all, "has an argument in a form that it does not have: "+text)
		}
	}
	if forms["other"] == "" && len(forms) > 0 && all == nil {
		all = append(all, "has no form for other numbers")
	}
	return all
}

// sorted are the marks of a text, with what they are within.
func sorted(text string) []string {
	var within, found []string
	for _, mark := range marks.FindAllString(text, -1) {
		word := strings.Trim(strings.Split(mark, " ")[0], "{}")
		if word == "end" && len(within) > 0 {
			within = within[:len(within)-1]
		}
		found = append(found, strings.Join(within, " ")+" "+mark)
		if word == "else" && len(within) > 0 {
			within[len(within)-1] += " else"
		}
		if slices.Contains([]string{"if", "with", "range"}, word) {
			within = append(within, mark)
		}
	}
	slices.Sort(found)
	return found
}

func read(t *testing.T, tag string) map[language.Key]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(tag + ".json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[language.Key]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(tag, err)
	}
	return all
}

// write writes a catalogue in the order of its keys, one to a line.
func write(t *testing.T, tag string, all map[language.Key]json.RawMessage) {
	t.Helper()
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	to.SetIndent("", "\t")
	if err := to.Encode(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tag+".json", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
