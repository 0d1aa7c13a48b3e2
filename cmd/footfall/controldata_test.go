package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"footfall/engine/postgres/postgrestest"
	ledgersqlite "footfall/ledger/sqlite"
)

// TestControlElsewhere has control data in a PostgreSQL: with and without a
// running server commands work on it, the doctor says where it is and what is
// wrong, and who forgets the setting does not begin anew.
func TestControlElsewhere(t *testing.T) {
	engine := postgrestest.Start(t)
	t.Setenv("FOOTFALL_CONTROL", engine.URL("shop"))
	h := newHome(t)
	do := func(want int, args ...string) string {
		t.Helper()
		said, code := h.typed(nil, args...)
		if code != want || strings.Contains(said, "s3cr") {
			t.Fatalf("footfall %v: exit %d: %s", args, code, said)
		}
		return said
	}
	do(0, "site", "add", "shop.example")
	do(0, "program", "set", "Courses", "--site", "shop-example", "--rate", "30%")
	h.shut()
	do(0, "affiliate", "add", "ann@example.com", "--name", "Ann", "--site", "shop-example")
	do(0, "user", "add", "ADA@example.com", "--role", "owner")
	h.open()
	for table, want := range map[string]string{"shop_ledger.affiliates": "1", "shop_account.sites": "1", "shop_account.people": "1"} {
		if n := engine.Ask("SELECT count(*)::text FROM " + table); n != want {
			t.Errorf("%s rows are in %s of PostgreSQL, want %s", n, table, want)
		}
	}
	for _, name := range []string{"control.sqlite", ledgersqlite.File} {
		if _, err := os.Stat(filepath.Join(h.dir, name)); err == nil {
			t.Errorf("%s is in the data directory, too", name)
		}
	}
	var found []finding
	look := func() (f finding) {
		t.Helper()
		var out, fault bytes.Buffer
		run(t.Context(), []string{"doctor", "--data", h.dir, "--json"}, &out, &fault)
		must(t, json.Unmarshal(out.Bytes(), &found))
		for _, f := range found {
			if f.Check == "control data" {
				return f
			}
		}
		t.Fatalf("the doctor says nothing of control data: %s %s", out.String(), fault.String())
		return f
	}
	if f := look(); !f.OK || !strings.Contains(f.Says, "PostgreSQL at 127.0.0.1") || strings.Contains(f.Says, "s3cr") {
		t.Errorf("the doctor says %+v", f)
	}
	engine.Kill()
	if f := look(); f.OK || !strings.Contains(f.Says, "is the server running") {
		t.Errorf("without a server the doctor says %+v", f)
	}
	engine.Again()
	h.shut()
	t.Setenv("FOOTFALL_CONTROL", "sqlite")
	if said := do(1, "affiliate", "list", "--site", "shop-example"); !strings.Contains(said, "give the URL as --control") {
		t.Errorf("without the setting: %s", said)
	}
	must(t, os.Remove(filepath.Join(h.dir, outside)))
	if said := do(1, "affiliate", "list", "--site", "shop-example"); strings.Contains(said, "give the URL") {
		t.Errorf("after a change of mind: %s", said)
	}
}

// TestControlMistyped: a URL that leads nowhere, or to tables of another data
// directory, is not noted, so that without it all is as before.
func TestControlMistyped(t *testing.T) {
	h := newHome(t)
	h.shut()
	t.Setenv("FOOTFALL_CONTROL", "postgres://me:s3cr%2Fet@127.0.0.1:1/shop")
	if said, code := h.typed(nil, "user", "list"); code != 1 || !strings.Contains(said, "127.0.0.1") {
		t.Fatalf("exit %d: %s", code, said)
	}
	t.Setenv("FOOTFALL_CONTROL", "sqlite")
	if said, code := h.typed(nil, "user", "list"); code != 0 {
		t.Errorf("without the URL: %s", said)
	}
	engine := postgrestest.Start(t)
	url := engine.URL("shop")
	for i, home := range []*home{newHome(t), h} { // who comes first has the tables
		if i == 0 {
			home.shut()
		}
		t.Setenv("FOOTFALL_CONTROL", url)
		if said, code := home.typed(nil, "user", "list"); code != i {
			t.Errorf("home %d: exit %d: %s", i, code, said)
		}
		_, err := os.Stat(filepath.Join(home.dir, outside))
		if noted := err == nil; noted != (i == 0) {
			t.Errorf("home %d: the place is noted: %v", i, noted)
		}
		if i == 0 { // it is noted for good, and a slip afterwards is not
			t.Setenv("FOOTFALL_CONTROL", "postgres://me:s3cr%2Fet@127.0.0.1:1/shop")
			_, code := home.typed(nil, "user", "list")
			if text, err := os.ReadFile(filepath.Join(home.dir, outside)); err != nil || code != 1 || strings.Contains(string(text), "127.0.0.1:1,") {
				t.Errorf("after a slip (exit %d) the place is %s, %v", code, text, err)
			}
		}
		t.Setenv("FOOTFALL_CONTROL", "sqlite")
	}
}

func TestCheckControl(t *testing.T) {
	for setting, want := range map[string]string{"sqlite": "", "postgres://me:s3cr%2Fet@db/shop": "", "postgresql://db/shop?schema=a": "",
		"": "use sqlite", "mysql://me:s3cr@db": "use sqlite", "postgres://me:s3cr%zz@db/shop": "no URL", "postgres://db/shop?schema=a;": "no URL", "postgres://db/shop?schema=A": "small letters"} {
		err := checkControl(setting)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "me:s3cr")) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
}
