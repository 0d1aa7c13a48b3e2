package clienttest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// keys: by the keyboard alone people get in, use and set up all of the dashboard and get
// out again; on each page of it every link, button and field is come to, in sight, and
// nothing keeps the focus or loses it, also while figures come in.
func (w furnished) keys(t *testing.T) {
	const email = "keys@example.com"
	var pages []shown
	routes := map[string]bool{}
	for _, p := range everyPage { // of each route of the dashboard one, and what a board may be
		again, others := routes[p.Route] && p.Name != "details-countries" && p.Name != "asking", strings.HasPrefix(p.At, "/program")
		if p.As == "operator" && p.Then == "" && p.Status == 0 && !again && !others {
			routes[p.Route], p.At = true, w.words.Replace(p.At)
			pages = append(pages, p)
		}
	}
	task, err := json.Marshal(map[string]any{"pages": pages, "email": email, "site": w.words.Replace("{site}"), "key": w.key,
		"invitation": link.FindString(string(w.command(t, "user", "add", email, "--role", "owner", "--data", w.dir)))})
	if err != nil {
		t.Fatal(err)
	}
	var ran struct {
		Did               map[string]string
		Amiss             []string
		Stops             int
		Seconds           map[string]float64
		Console, External []string
	}
	launchWith(t, bytes.NewReader(task), "keys.mjs", w.host()).finish(t, &ran)
	for what, want := range map[string]string{
		"log in": "shop.example", "period": "Today", "metric": "Page views", "focus stays": "cell-pageviews", "menu closes": "SUMMARY0",
		"focus after a filter": "the row", "focus after it is taken away": "the menu of filters",
		"filter": "Page is ", "save a filter": "", "search": "", "sort": "", "define a goal": "", "a funnel": "/shop/*", "keep the funnel": "",
		"a note": "", "add a site": "Listening for the first event…", "add a key": "ffk_", "revoke a key": "", "invite": "/password?link=", "remove a person": "", "share": "/share/",
		"what is set aside": "", "log out": "Log in to Footfall", "drawn anew: a row that is no more": "figures",
		"drawn anew: a figure": "kept", "drawn anew: evidence": "kept", "drawn anew: a row": "kept",
	} {
		if got, did := ran.Did[what]; !did || got == "" || !strings.Contains(got, want) || strings.HasPrefix(got, "nothing: ") {
			t.Errorf("%s: %q, want %q in it", what, got, want)
		}
	}
	for _, what := range ran.Amiss {
		t.Error(what)
	}
	ran.Console = slices.DeleteFunc(ran.Console, func(line string) bool {
		return strings.Contains(line, "status of 401") || // who has logged out is asked to log in
			strings.HasPrefix(line, "info: Autofocus processing was blocked") // a key was struck before the browser had put the focus by itself
	})
	if ran.Stops < 10*len(pages) || len(ran.Console)+len(ran.External) > 0 {
		t.Errorf("%d stops on %d pages; console %q; other hosts %q", ran.Stops, len(pages), ran.Console, ran.External)
	}
	t.Logf("%v; %d stops on %d pages; seconds %v", ran.Did, ran.Stops, len(pages), ran.Seconds)
}
