package clienttest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// link finds an address that a command printed.
var link = regexp.MustCompile(`https?://\S+`)

// TestLivePages: what comes is on open pages within two seconds, without one
// request that nothing called for, in hidden tabs only when they are looked at,
// and after a restart of the server as before.
func TestLivePages(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	in := func(args ...string) string { return string(s.command(t, append(args, "--data", s.dir)...)) }
	in("site", "set", "shop.example", "--currency", "EUR")
	in("program", "set", "Courses", "--site", "shop.example", "--rate", "50%")
	in("affiliate", "add", "anna@example.com", "--name", "Anna", "--site", "shop.example")
	in("code", "add", "Anna", "--affiliate", "anna@example.com", "--site", "shop.example", "--landing", "https://shop.example/")
	in("code", "add", "ANNA15", "--affiliate", "anna@example.com", "--site", "shop.example", "--coupon")
	var key struct{ Token string }
	if out := in("key", "add", "--scope", "orders", "--site", "shop.example", "--json"); json.Unmarshal([]byte(out), &key) != nil || key.Token == "" {
		t.Fatal(out)
	}
	login, share, invite := link.FindString(in("login")), link.FindString(in("share", "add", "--site", "shop.example", "--name", "the bank")), link.FindString(in("affiliate", "invite", "anna@example.com", "--site", "shop.example"))
	if login == "" || share == "" || invite == "" {
		t.Fatalf("links %q, %q, %q", login, share, invite)
	}
	type shown struct {
		MS   int
		Text string
	}
	var ran struct {
		Idle, Console, External                            []json.RawMessage
		First, One, Board, View, Share, Order, Late, Shown shown
		Restarted, RestartedShare, RestartedOrder          shown
		Earned, Hidden                                     string
		Loads                                              int
		Lost                                               map[string]int
	}
	launch(t, "live.mjs", s.host(), login, share, invite, s.key, key.Token, footfall, s.dir).finish(t, &ran)
	for name, x := range map[string]shown{"first page view": ran.First, "first visitor": ran.One, "page view": ran.View, "board": ran.Board, "page view, shared": ran.Share, "order": ran.Order, "second order": ran.Late, "shown again": ran.Shown} {
		if x.MS < 0 || x.MS > 2500 {
			t.Errorf("%s: %d ms, shows %q", name, x.MS, x.Text)
		}
	}
	for name, x := range map[string]shown{"dashboard": ran.Restarted, "share": ran.RestartedShare, "portal": ran.RestartedOrder} {
		if x.MS < 0 || x.MS > 8000 {
			t.Errorf("%s after a restart: %d ms, shows %q", name, x.MS, x.Text)
		}
	}
	if ran.Lost["/operations"] != 1 || ran.Lost["/portal"] != 1 {
		t.Errorf("pages that say when nothing can be heard: %v", ran.Lost)
	}
	if len(ran.Idle) > 0 || ran.Loads > 0 || ran.Hidden != "2" || !strings.Contains(ran.Earned, "42.02") {
		t.Errorf("asked while nothing happened: %s; %d loads; a hidden tab shows %q; earned %q", ran.Idle, ran.Loads, ran.Hidden, ran.Earned)
	}
	for _, line := range ran.Console {
		if !strings.Contains(string(line), "ERR_INCOMPLETE_CHUNKED_ENCODING") && !strings.Contains(string(line), "ERR_CONNECTION") { // while the server restarts
			t.Errorf("console: %s", line)
		}
	}
	if len(ran.External) > 0 {
		t.Errorf("other hosts: %s", ran.External)
	}
	t.Logf("page view after %d ms, order after %d ms, after a restart %d ms", ran.View.MS, ran.Order.MS, ran.Restarted.MS)
}
