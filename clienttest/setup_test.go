package clienttest

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestSetUp adds a site in a browser, waits there for the first event that the shown
// snippet sends, runs the shown commands, and watches the server take them in.
func TestSetUp(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	var login struct{ URL string }
	if err := json.Unmarshal(s.command(t, "login", "--data", s.dir, "--json"), &login); err != nil {
		t.Fatal(err)
	}
	var ran struct {
		Site, Listening, First, Moved string
		Copied                        bool
		Channels, Plain               map[string]string
		Commands                      []string
		Requests                      []struct{ Method, Path string }
		Wide, Nameless                []string
		Console, External             []string
	}
	launch(t, "setup.mjs", s.host(), login.URL).finish(t, &ran)
	if ran.Site != "/sites/new-example" || ran.Listening != "Listening for the first event…" || ran.First != "1 event came." {
		t.Errorf("at %s: %q, and then %q", ran.Site, ran.Listening, ran.First)
	}
	if !ran.Copied {
		t.Error("the button beside the snippet copies something else")
	}
	if len(ran.Commands) != 3 || !strings.Contains(ran.Commands[0], `"success":true`) || !strings.Contains(ran.Commands[1], `"success":true`) || ran.Commands[2] != "image/gif" {
		t.Errorf("the commands of the page were answered %q", ran.Commands)
	}
	if ran.Moved != "4 → 5" || len(ran.Requests) > 0 {
		t.Errorf("the server's page says %q and asked %v meanwhile", ran.Moved, ran.Requests)
	}
	if c := ran.Channels; c["web"] != "3" || c["plain"] != "1" || c["pixel"] != "1" {
		t.Errorf("without a script, what came is %v", c)
	}
	if p := ran.Plain; p["accepted"] != "5" || p["stored"] != "5" || p["waiting"] != "0" || p["store-lag"] != "0 s" {
		t.Errorf("without a script, the server's page has %v", p)
	}
	if len(ran.Wide)+len(ran.Nameless)+len(ran.Console)+len(ran.External) > 0 {
		t.Errorf("too wide: %q; fields without a name: %q; console %q; other hosts %q", ran.Wide, ran.Nameless, ran.Console, ran.External)
	}
}
