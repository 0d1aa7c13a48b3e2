package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"footfall/account"
	"footfall/affiliate"
	"footfall/dash"
	"footfall/ledger"
	"footfall/portal"
)

// asker is somebody who asks, in one of two ways.
type asker struct {
	name   string
	who    account.Who
	person string // id of who has a session
	opens  bool   // a session, also the operator's
	key    string
}

// askers are one of each role and scope, on every site and on one.
func (h *home) askers(site, program string) []asker {
	h.t.Helper()
	all := []asker{{name: "nobody"}, {name: "operator", who: account.Operator(), opens: true}}
	for _, on := range []string{"", site} {
		for _, role := range account.Roles {
			p, err := h.control.AddPerson(h.t.Context(), account.Person{Email: fmt.Sprintf("%s%s@example.com", role, on)})
			must(h.t, err)
			if role == account.Affiliate {
				_, err := h.desk.Join(h.t.Context(), ledger.Affiliate{Program: program, Email: p.Email, Name: "A", Status: ledger.Active, Login: p.ID})
				must(h.t, err)
			}
			g := account.Grant{Person: p.ID, Site: on, Role: role}
			must(h.t, h.control.PutGrant(h.t.Context(), g))
			all = append(all, asker{name: string(role) + " of " + on, who: p.Who([]account.Grant{g}), person: p.ID, opens: true})
		}
		for _, scope := range append(slices.Clone(account.Scopes), "affiliate:01J") {
			token, k, err := h.control.AddKey(h.t.Context(), account.Key{Site: on, Scopes: []account.Scope{scope}})
			must(h.t, err)
			all = append(all, asker{name: "key " + string(scope) + " of " + on, who: k.Who(), key: token})
		}
	}
	p, err := h.control.AddPerson(h.t.Context(), account.Person{Email: "none@example.com"})
	must(h.t, err)
	return append(all, asker{name: "nobody anywhere", who: p.Who(nil), person: p.ID, opens: true})
}

// takesKeys reports whether a route is for programs with keys, not for sessions.
func takesKeys(path string) bool { return path == "/graphql" || strings.HasPrefix(path, "/v1/") }

// refusals are what doors say to those who may not, by status.
var refusals = map[int]*regexp.Regexp{
	http.StatusUnauthorized: regexp.MustCompile(`Log in to Footfall|Log in first|no key: |no key that may |unknown key: `),
	http.StatusForbidden:    regexp.MustCompile(`may not see this|this needs a key|no key may do this|This is not for you|An owner of the site makes them`),
	http.StatusSeeOther:     regexp.MustCompile(`^<a href="/portal">`), // affiliates have pages of their own
}

// TestEveryRoleOnEveryRoute walks the whole authorisation table over the doors
// as they are.
func TestEveryRoleOnEveryRoute(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "a.example", History: 12})
	must(t, err)
	share, _, err := h.control.AddShare(t.Context(), account.Share{Site: site.ID})
	must(t, err)
	program := affiliate.Usual()
	program.Name, program.Sites = "Courses", []string{site.ID}
	program, err = h.desk.PutProgram(t.Context(), program)
	must(t, err)
	handler := h.server().Handler
	fill := strings.NewReplacer("/v1/orders.csv", "/v1/orders.csv?site="+site.ID, "/v1/orders", "/v1/orders?site="+site.ID, "/v1/refunds", "/v1/refunds?site="+site.ID, "{$}", "", "{site}", site.ID, "{token}", share, "{id}", "u1", "{kind}", "page", "{code}", "x", "{version}", "v", "{name}", "dash.css", "{key}", "k", "{program}", program.ID, "{order}", "o", "{affiliate}", "a", "{payout}", "p", "{flag}", "f", "{hook}", "h", "{person}", "per_x", "{share}", "shr_x", "{item}", "1")
	asked := 0
	for _, a := range h.askers(site.ID, program.ID) {
		for _, route := range account.Routes {
			asked++
			rec := a.ask(t, h, handler, route.Method, fill.Replace(route.Pattern))
			refused := refusals[rec.Code] != nil && refusals[rec.Code].MatchString(rec.Body.String())
			live := route.Pattern == "/v1/live" || route.Method == "GET" && route.Pattern == "/v1/query" // for pages, too: of affiliates with their own figures
			way := a.opens && (!takesKeys(route.Pattern) || live) || a.key != "" && takesKeys(route.Pattern)
			may := route.Action == account.Public || way && a.who.MaySomewhere(route.Action) || live && a.opens && a.who.MaySomewhere(account.OwnFigures)
			if refused == may || rec.Code == http.StatusMethodNotAllowed || rec.Code >= 500 && !strings.HasPrefix(route.Pattern, "/readyz") {
				t.Errorf("%s, %s %s (%s): %d %.120s", a.name, route.Method, route.Pattern, route.Action, rec.Code, rec.Body)
			}
		}
	}
	if asked < 1000 {
		t.Errorf("only %d questions: has the table its form?", asked)
	}
}

// ask asks with a session of its own, as some routes end it.
func (a asker) ask(t *testing.T, h *home, handler http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if a.key != "" {
		r.Header.Set("Authorization", "Bearer "+a.key)
	}
	if a.opens {
		session, err := h.control.AddSession(t.Context(), a.person)
		must(t, err)
		r.AddCookie(&http.Cookie{Name: "footfall_session", Value: session})
		if method == "POST" {
			s, err := dash.New(nil, nil, h.control, dash.Options{}).Session(r)
			must(t, err)
			r.Body = io.NopCloser(strings.NewReader(url.Values{"form": {s.Form}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	return rec
}

// TestEveryRouteHasALine reads what the doors serve out of their sources: what
// they give a mux, and paths that a switch knows.
func TestEveryRouteHasALine(t *testing.T) {
	found := map[string]bool{}
	for _, door := range []string{"api", "collect", "commerce", "dash", "portal", "sqlapi", "cmd/footfall"} {
		names, err := filepath.Glob(filepath.Join("..", "..", door, "*.go"))
		must(t, err)
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") && (door != "cmd/footfall" || filepath.Base(name) == "serve.go") {
				for _, pattern := range patterns(t, name, nil) {
					found[pattern] = true
					if !lined(pattern) {
						t.Errorf("%s serves %s, which has no line in account.Routes", name, pattern)
					}
				}
			}
		}
	}
	for _, known := range []string{"GET /audit", "/graphql", "/v1/live", "/v1/segments/{name}", "/collect", "/metrics", "POST /account/totp"} {
		if !found[known] {
			t.Errorf("%s was not found: is it served in another way now?", known)
		}
	}
}

// TestRoutesAreFound breaks the test above.
func TestRoutesAreFound(t *testing.T) {
	const door = `package x
func f() {
	const root = "/program"
	mux.HandleFunc("GET /secret/{id}", g)
	mux.Handle(prefix("/hidden"), g)
	_ = map[string]page{"POST /quiet": g, "colour": h, "GET " + root + "/x": i}
	all["/late"] = g
	switch path { case "/open", "/shut": case "plain": }
	switch { case strings.HasPrefix(path, "/below/") && strings.HasSuffix(path, "/end"): }
	if path == "/alone" {}
}`
	if got := fmt.Sprint(patterns(t, "x.go", door)); got != "[GET /secret/{id} /hidden POST /quiet GET /program/x /late /open /shut /below/* /alone]" {
		t.Errorf("found %s", got)
	}
	for pattern, want := range map[string]bool{"GET /secret/{id}": false, "POST /audit": false, "GET /audit": true, "/v1/query": true, "/v1/nothing": false, "GET /privacy/{name}": true,
		"/pixel/v1/*": true, "/nowhere/*": false} {
		if lined(pattern) != want {
			t.Errorf("%s has a line: %v", pattern, !want)
		}
	}
}

var parameter = regexp.MustCompile(`\{[^}]+\}`)

// lined reports whether a pattern has a line; one without a method needs one
// of any method, one that ends in * some that begin so. The names of
// parameters don't matter.
func lined(pattern string) bool {
	method, path, given := strings.Cut(pattern, " ")
	if !given {
		method, path = "", pattern
	}
	same := func(s string) string { return parameter.ReplaceAllString(strings.ReplaceAll(s, "{$}", ""), "{}") }
	return slices.ContainsFunc(account.Routes, func(r account.Route) bool {
		begin, below := strings.CutSuffix(path, "*")
		return (same(r.Pattern) == same(path) || below && strings.HasPrefix(r.Pattern, begin)) && (!given || r.Method == method)
	})
}

var isPattern = regexp.MustCompile(`^((GET|POST|PUT|PATCH|DELETE|HEAD) )?/[a-zA-Z0-9]`)

// patterns are the texts of a source that are routes: arguments of Handle and
// HandleFunc, keys of maps, cases, prefixes, and what is compared with ==.
func patterns(t *testing.T, name string, source any) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
	must(t, err)
	r := reader{constants: map[string]string{}}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, value := range n.Values {
				r.constants[n.Names[i].Name], _ = r.text(value)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 2 {
				switch f.Sel.Name {
				case "Handle", "HandleFunc":
					r.take(n.Args[0], "")
				case "HasPrefix":
					r.take(n.Args[1], "*")
				}
			}
		case *ast.KeyValueExpr:
			r.take(n.Key, "")
		case *ast.AssignStmt:
			if at, ok := n.Lhs[0].(*ast.IndexExpr); ok {
				r.take(at.Index, "")
			}
		case *ast.CaseClause:
			for _, e := range n.List {
				r.take(e, "")
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL {
				r.take(n.X, "")
				r.take(n.Y, "")
			}
		}
		return true
	})
	return r.found
}

// reader gathers texts that are routes.
type reader struct {
	constants map[string]string
	found     []string
}

// text is what an expression of literals, constants and + spells.
func (r *reader) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		s, ok := r.constants[e.Name]
		return s, ok
	case *ast.BinaryExpr:
		x, ok1 := r.text(e.X)
		y, ok2 := r.text(e.Y)
		return x + y, ok1 && ok2 && e.Op == token.ADD
	case *ast.CallExpr: // that makes a pattern of its only argument
		if len(e.Args) == 1 {
			return r.text(e.Args[0])
		}
	}
	return "", false
}

func (r *reader) take(e ast.Expr, end string) {
	if s, ok := r.text(e); ok && isPattern.MatchString(s) && s != "/v1/" { // of all doors together
		r.found = append(r.found, s+end)
	}
}

// TestAddressesOfPeopleAreNowhere: who tries to log in leaves neither e-mail
// nor address in a file or the log.
func TestAddressesOfPeopleAreNowhere(t *testing.T) {
	h := newHome(t)
	handler := h.server().Handler
	for range 10 {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/login", strings.NewReader("email=eve%40intruder.example&password=wrong+horse+battery"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "203.0.113.77:4321"
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	h.shut()
	must(t, filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range []string{"intruder.example", "203.0.113.77", "203.0.113.0"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	}))
}

// TestPortalFormsAreNamed: the audit log has a word for every form of the portal,
// of a kind that its page can be asked for.
func TestPortalFormsAreNamed(t *testing.T) {
	for _, r := range account.Routes {
		route := r.Method + " " + r.Pattern
		if r.Method == "POST" && portal.Handles(r.Pattern) && formWords[route] == "" {
			t.Errorf("%s has no word", route)
		}
	}
	for route := range formWords {
		if account.ActionOf(route) == "" {
			t.Errorf("%s is no route", route)
		}
	}
}
