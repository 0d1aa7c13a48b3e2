package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"footfall/account"
)

func TestSiteSet(t *testing.T) {
	h := newHome(t)
	var added, set account.Site
	if fault, code := h.typed(&added, "site", "add", "shop.example"); code != 0 {
		t.Fatal(fault)
	}
	if fault, code := h.typed(&set, "site", "set", "shop.example", "--timezone", "Europe/Berlin", "--dnt", "off", "--origins", "www.shop.example, shop.example"); code != 0 {
		t.Fatal(fault)
	}
	if set.ID != added.ID || set.WriteKey != added.WriteKey || set.Zone != "Europe/Berlin" || set.Currency != "USD" || set.DNT ||
		!slices.Equal(set.Origins, []string{"www.shop.example", "shop.example"}) {
		t.Errorf("site set printed %+v", set)
	}
	if door, ok := h.sites.ByKey(added.WriteKey); !ok || door.HonourDNT || len(door.Origins) != 2 {
		t.Errorf("the door still has %+v", door)
	}
	var text bytes.Buffer
	if code := run(t.Context(), []string{"site", "list", "--data", h.dir}, &text, &text); code != 0 {
		t.Fatal(text.String())
	}
	for _, says := range []string{"Europe/Berlin", "USD", "ignored", "www.shop.example,shop.example"} {
		if !strings.Contains(text.String(), says) {
			t.Errorf("site list does not tell %s:\n%s", says, text.String())
		}
	}
	if fault, code := h.typed(&set, "site", "set", added.ID, "--currency", "eur", "--origins", "", "--dnt=on"); code != 0 ||
		set.Currency != "EUR" || len(set.Origins) != 0 || !set.DNT || set.Zone != "Europe/Berlin" {
		t.Errorf("site set: %d %s %+v", code, fault, set)
	}
	for _, x := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"site", "set"}, 2, "site"},
		{[]string{"site", "set", "shop.example"}, 2, "--origins"},
		{[]string{"site", "set", "shop.example", "--timezone", "Mars/Olympus"}, 1, "Europe/Berlin"},
		{[]string{"site", "set", "shop.example", "--dnt", "maybe"}, 1, "neither on nor off"},
		{[]string{"site", "set", "shop.example", "--origins", "a/b"}, 1, "a/b"},
		{[]string{"site", "set", "shop.example", "--history", "two"}, 1, "neither off nor a number of months"},
		{[]string{"site", "set", "shop.example", "--history", "121"}, 1, "120"},
		{[]string{"site", "set", "shop.example", "--keep-events", "1"}, 1, "2 to 36500"},
		{[]string{"site", "set", "shop.example", "--webhook", "shop.example"}, 1, "https://"},
		{[]string{"site", "set", "elsewhere.example", "--dnt", "on"}, 1, added.ID},
	} {
		if fault, code := h.typed(nil, x.args...); code != x.code || !strings.Contains(fault, x.says) {
			t.Errorf("footfall %v: %d %q, want %d and %q", x.args, code, fault, x.code, x.says)
		}
	}
	h.reopen()
	if again, err := h.sites.find(added.ID); err != nil || again.Currency != "EUR" || again.Zone != "Europe/Berlin" {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

func TestSiteSetKeeping(t *testing.T) {
	h := newHome(t)
	if fault, code := h.typed(nil, "site", "add", "shop.example"); code != 0 {
		t.Fatal(fault)
	}
	secrets := map[string]bool{}
	for range 2 { // the second one has a secret of its own
		var set changedSite
		if fault, code := h.typed(&set, "site", "set", "shop.example", "--history", "24", "--keep-events", "400", "--webhook", "https://shop.example/hook"); code != 0 ||
			set.History != 24 || set.Keep != 400 || set.Webhook != "https://shop.example/hook" {
			t.Fatalf("site set: %d %s %+v", code, fault, set)
		}
		secrets[set.Secret] = true
	}
	if len(secrets) != 2 || secrets[""] {
		t.Errorf("secrets %v, want two", secrets)
	}
	for _, args := range [][]string{{"site", "list"}, {"site", "list", "--json"}, {"site", "set", "shop.example", "--dnt", "on"}, {"site", "set", "shop.example", "--dnt", "on", "--json"}} {
		var text bytes.Buffer
		if code := run(t.Context(), append(args, "--data", h.dir), &text, &text); code != 0 {
			t.Fatal(text.String())
		}
		for _, says := range []string{"24", "400", "https://shop.example/hook"} {
			if !strings.Contains(text.String(), says) {
				t.Errorf("%v does not tell %s:\n%s", args, says, text.String())
			}
		}
		if strings.Contains(text.String(), account.WebhookPrefix) {
			t.Errorf("%v shows the secret:\n%s", args, text.String())
		}
	}
	var off changedSite
	if fault, code := h.typed(&off, "site", "set", "shop.example", "--history", "off", "--keep-events", "off", "--webhook", "off"); code != 0 ||
		off.History != 0 || off.Keep != 0 || off.Webhook != "" || off.Secret != "" {
		t.Errorf("site set off: %d %s %+v", code, fault, off)
	}
}
