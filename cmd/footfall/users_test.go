package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

func (h *home) said(args ...string) string {
	h.t.Helper()
	text, code := told(h.t, h.dir, args...)
	if code != 0 {
		h.t.Errorf("footfall %v: %d %s", args, code, text)
	}
	return text
}

func (h *home) link(path string) account.Link {
	h.t.Helper()
	_, token, _ := strings.Cut(path, "link=")
	l, err := h.control.Link(h.t.Context(), token)
	must(h.t, err)
	return l
}

// TestLinkOfAnAffiliateWhoBecomesOwner: the link that who runs a programme made
// for its affiliate does not set the password of the owner whom that one became.
func TestLinkOfAnAffiliateWhoBecomesOwner(t *testing.T) {
	h := newHome(t)
	h.must(nil, "site", "add", "a.example")
	h.must(nil, "program", "set", "Courses", "--site", "a.example", "--rate", "50%")
	h.must(nil, "affiliate", "add", "boss@corp.example", "--name", "Boss", "--site", "a.example")
	program, _ := h.desk.Program("a-example")
	all, err := h.desk.Affiliates(t.Context(), program.ID)
	must(t, err)
	path, err := h.inviteAffiliate(t.Context(), all[0], false)
	must(t, err)
	h.link(path) // is there
	var made invited
	h.must(&made, "user", "add", "boss@corp.example", "--role", "owner")
	_, earlier, _ := strings.Cut(path, "link=")
	gate := account.NewGate(h.control, nil)
	if _, e, err := gate.NewPassword(t.Context(), earlier, "a few good words"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the affiliate's link sets the owner's password: %+v, %v", e, err)
	}
	if path, err = h.inviteAffiliate(t.Context(), all[0], false); path != "" || !errors.Is(err, errHasAccount) {
		t.Errorf("who runs the programme gets another link to the owner's account: %q, %v", path, err)
	}
	h.link(made.Path)
}

func TestUserCommands(t *testing.T) {
	h := newHome(t)
	for _, domain := range []string{"a.example", "b.example"} {
		h.addSite(domain, "UTC")
	}
	var made invited
	if fault, code := h.typed(&made, "user", "add", "Ada@example.com", "--name", "Ada", "--role", "admin", "--site", "a.example"); code != 0 {
		t.Fatal(fault)
	}
	p, err := h.control.Person(t.Context(), "ada@example.com")
	must(t, err)
	if l := h.link(made.Path); l.Purpose != account.ForInvite || l.Person != p.ID || made.URL != "" || !strings.HasPrefix(made.Path, "/password?link=") {
		t.Errorf("user add printed %+v, a link %+v", made, l)
	}
	if text := h.said("user", "add", "ada@example.com", "--site", "b.example"); !strings.Contains(text, "ada@example.com is admin of a-example, viewer of b-example.") {
		t.Errorf("a second role: %s", text)
	}
	must(t, h.control.SetPassword(t.Context(), p.ID, "x"))
	var all []account.Member
	if fault, code := h.typed(&all, "user", "list"); code != 0 || len(all) != 1 || all[0].Name != "Ada" || len(all[0].Roles) != 2 || all[0].Roles[0].Role != account.Admin {
		t.Errorf("user list: %s %+v", fault, all)
	}
	if text := h.said("user", "remove", "ada@example.com", "--site", "b.example"); !strings.Contains(text, "now admin of a-example") {
		t.Errorf("user remove --site: %s", text)
	}
	session, err := h.control.AddSession(t.Context(), p.ID)
	must(t, err)
	must(t, h.control.SetTOTP(t.Context(), p.ID, []byte("x"), nil))
	if fault, code := h.typed(&made, "user", "reset", "ada@example.com", "--totp"); code != 0 || h.link(made.Path).Purpose != account.ForReset || made.TOTP {
		t.Errorf("user reset: %s %+v", fault, made)
	}
	h.said("user", "disable", "ada@example.com")
	if text := h.said("user", "list"); !strings.Contains(text, "disabled") {
		t.Errorf("user list: %s", text)
	}
	h.said("user", "enable", "ada@example.com")
	if _, err := h.control.Session(t.Context(), session); err == nil {
		t.Error("a session outlived its person's being disabled")
	}
	for _, x := range [][]string{{"king", "user", "add", "bea@example.com", "--role", "king"}, {"ada@example.com", "user", "add", "bea"}, {"b-example", "user", "add", "bea@example.com", "--site", "c.example"},
		{"footfall user list", "user", "reset", "bea@example.com"}, {"no role there", "user", "remove", "ada@example.com", "--site", "all"}} {
		if text, code := told(t, h.dir, x[1:]...); code != 1 || !strings.Contains(text, x[0]) {
			t.Errorf("footfall %v: %d %s, want %s", x[1:], code, text, x[0])
		}
	}
	if text := h.said("user", "remove", "ada@example.com"); text != "Removed ada@example.com.\n" {
		t.Errorf("user remove: %s", text)
	}
	h.checkAudit("user remove ada@example.com [admin of a-example] []", "user enable ada@example.com [] []", "user disable ada@example.com [] []", "user reset --totp ada@example.com [] []",
		"user remove ada@example.com [admin of a-example, viewer of b-example] [admin of a-example]", "user add ada@example.com [admin of a-example] [admin of a-example, viewer of b-example]",
		"user add ada@example.com [] [admin of a-example]")
}

// checkAudit compares the whole audit log, the newest line first.
func (h *home) checkAudit(want ...string) {
	h.t.Helper()
	var changes []account.Change
	if fault, code := h.typed(&changes, "audit", "--limit", "0"); code != 0 {
		h.t.Fatal(fault)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%s %s [%s] [%s]", c.What, c.Target, c.Old, c.New))
		if c.Who != "operator" || time.Since(c.At) > time.Minute {
			h.t.Errorf("the audit log has %+v", c)
		}
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("the audit log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKeyCommands(t *testing.T) {
	h := newHome(t)
	site := h.addSite("a.example", "UTC")
	var made madeKey
	if fault, code := h.typed(&made, "key", "add", "--site", "a.example", "--scope", "orders,read", "--expires", "90"); code != 0 || made.Site != site ||
		!slices.Equal(made.Scopes, []account.Scope{account.Orders, account.Read}) || time.Until(made.Expires).Round(time.Hour) != 90*24*time.Hour {
		t.Errorf("key add: %s %+v", fault, made)
	}
	if k, err := h.control.Key(t.Context(), made.Token); err != nil || k.ID != made.ID {
		t.Errorf("its token is of %+v, %v", k, err)
	}
	var all []account.Key
	if fault, code := h.typed(&all, "key", "list"); code != 0 || len(all) != 1 || all[0].ID != made.ID {
		t.Errorf("key list: %s %+v", fault, all)
	}
	if text := h.said("key", "list"); strings.Contains(text, made.Token) || !strings.Contains(text, "orders,read") {
		t.Errorf("key list: %s", text)
	}
	h.said("key", "revoke", made.ID)
	if _, err := h.control.Key(t.Context(), made.Token); err == nil {
		t.Error("a revoked key is valid")
	}
	for _, x := range [][]string{{"footfall key list", "key", "revoke", made.ID}, {"king", "key", "add", "--scope", "king"}, {"--scope", "key", "add", "--role", "king"}, {"such as 90", "key", "add", "--expires", "soon"},
		{"footfall affiliate list", "key", "add", "--scope", "affiliate:anna@example.com"}} {
		if text, code := told(t, h.dir, x[1:]...); code != 1 || !strings.Contains(text, x[0]) {
			t.Errorf("footfall %v: %d %s, want %s", x[1:], code, text, x[0])
		}
	}
	h.checkAudit("key revoke "+made.ID+" [] []", "key add "+made.ID+" [] [orders,read of a-example]")
}

func TestShareCommands(t *testing.T) {
	h := newHome(t)
	site := h.addSite("a.example", "UTC")
	h.address = "http://stats.example:8080"
	var made madeShare
	if fault, code := h.typed(&made, "share", "add", "--site", "a.example", "--name", "the bank"); code != 0 || made.Site != site || made.URL != h.address+made.Path {
		t.Fatalf("share add: %s %+v", fault, made)
	}
	handler := h.server().Handler
	look := func() int {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", made.Path, nil))
		return rec.Code
	}
	if got := look(); got != http.StatusOK {
		t.Errorf("the share shows %d", got)
	}
	if text := h.said("share", "list"); strings.Contains(text, made.Path) || !strings.Contains(text, "the bank") {
		t.Errorf("share list: %s", text)
	}
	h.said("share", "revoke", made.ID)
	if got := look(); got != http.StatusNotFound {
		t.Errorf("a share that was taken back shows %d", got)
	}
	h.checkAudit("share revoke "+made.ID+" [] []", "share add "+made.ID+" [] [a-example]")
}

// TestSettingsAreAudited: by what they were and are, without secrets.
func TestSettingsAreAudited(t *testing.T) {
	h := newHome(t)
	h.said("site", "add", "a.example", "--timezone", "Europe/Berlin")
	h.said("site", "set", "a.example", "--currency", "EUR", "--dnt", "off", "--webhook", "https://hook.example/in?token=hush")
	h.said("site", "set", "a.example", "--webhook", "off")
	text := filepath.Join(h.dir, "segments.yaml")
	must(t, os.WriteFile(text, []byte("segments:\n  - name: fans\n    when:\n      views: {at_least: 3}\n"), 0o600))
	h.said("site", "set", "a.example", "--history", "2")
	h.said("segment", "set", text, "--site", "a.example")
	h.said("segment", "remove", "fans", "--site", "a.example")
	h.checkAudit("segment remove a-example [fans] []", "segment set a-example [] [fans version 1]", "site set a-example [history 0] [history 2]",
		"site set a-example [webhook https://hook.example/in] [webhook off]",
		"site set a-example [currency USD, dnt true, webhook off] [currency EUR, dnt false, webhook https://hook.example/in]",
		"site add a-example [] [domain a.example, timezone Europe/Berlin, currency USD, dnt true]")
}

// TestFirstStart prints a link that makes the first person, and none when
// there is somebody.
func TestFirstStart(t *testing.T) {
	h := &home{t: t, dir: shortDir(t)}
	serve := []string{"serve", "--data", h.dir, "--listen", "127.0.0.1:0"}
	beside(t, "footfall site add", func(greeted string) {
		if !strings.Contains(greeted, "\nSet up:    http://127.0.0.1:") || !strings.Contains(greeted, "/setup?link=ffl_") || !strings.HasPrefix(greeted, "Dashboard: ") {
			t.Errorf("the first start prints %s", greeted)
		}
		var made invited
		if fault, code := h.typed(&made, "user", "add", "ada@example.com", "--role", "owner"); code != 0 || !strings.HasPrefix(made.URL, "http://127.0.0.1:") {
			t.Errorf("user add beside the server: %s %+v", fault, made)
		}
		var out map[string]string
		if fault, code := h.typed(&out, "login", "ada@example.com"); code != 0 || !strings.Contains(out["url"], "/login?link=ffl_") {
			t.Errorf("login of a person: %s %v", fault, out)
		}
		if text, code := told(t, h.dir, "login", "eve@example.com"); code != 1 || !strings.Contains(text, "footfall user list") {
			t.Errorf("login of nobody: %d %s", code, text)
		}
	}, serve...)
	beside(t, "footfall site add", func(greeted string) {
		if strings.Contains(greeted, "ffl_") || !strings.Contains(greeted, "log in with e-mail and password") {
			t.Errorf("with a person the start prints %s", greeted)
		}
	}, serve...)
}
