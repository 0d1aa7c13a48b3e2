package clienttest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestEmbedding: the board of a public site in a frame, and one of its figures, stand in a
// page of another origin, light and dark, until it is public no more; nothing leads out of the frame, and no other
// page can stand in one.
func TestEmbedding(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	s.viewed(t, "138", url.Values{"page": {"/course"}})
	s.waitFor(t, 1)
	s.command(t, "site", "set", "shop.example", "--public", "on", "--data", s.dir)
	var signed struct{ Token string }
	if err := json.Unmarshal(s.command(t, "embed", "sign", "--site", "shop.example", "--metrics", "PageViews", "--data", s.dir, "--json"), &signed); err != nil {
		t.Fatal(err)
	}
	type look struct {
		Visitors, Paper string
		Figure, Said    []string
	}
	var ran struct {
		Light, Dark            look
		Over, Ended            string
		Framed                 int
		Out, Console, External []string
	}
	launch(t, "embed.mjs", s.host(), "shop.example", signed.Token, footfall, s.dir).finish(t, &ran)
	for name, x := range map[string]struct {
		got         look
		paper, line string
	}{"light": {ran.Light, "rgb(247, 244, 239)", "rgb(180, 68, 26)"}, "dark": {ran.Dark, "rgb(21, 18, 16)", "rgb(241, 138, 88)"}} {
		if g := x.got; g.Visitors != "1" || g.Paper != x.paper || len(g.Figure) != 2 || g.Figure[0] != "1"+x.line || g.Figure[1] != "–" {
			t.Errorf("%s: %+v", name, g)
		}
		if want := []string{"", "the embed token is not valid (any more): sign another one", "no token", "", "many"}; !slices.Equal(x.got.Said, want) {
			t.Errorf("%s: the figures say %q, want %q", name, x.got.Said, want)
		}
	}
	if strings.Contains(ran.Ended, "Visitors") {
		t.Errorf("a board that is not public any more is in its frame: %s", ran.Ended)
	}
	if len(ran.Out)+len(ran.Console)+len(ran.External)+ran.Framed > 0 || ran.Over != "/light" && ran.Over != "/dark" {
		t.Errorf("links out of the frame %q; console %q; other hosts %q; %d forms of the log-in in a frame; the page is at %s", ran.Out, ran.Console, ran.External, ran.Framed, ran.Over)
	}
}
