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
