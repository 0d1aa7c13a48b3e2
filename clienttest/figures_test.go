package clienttest

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestFigurePages goes through the pages of goals, funnels, retention, journeys and
// notes without JavaScript, and looks at each on a desktop and on a phone.
func TestFigurePages(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	for version, pages := range map[string]string{"138": "/ /pricing /thanks/1", "139": "/"} {
		for i, page := range strings.Fields(pages) {
			at := time.Now().UTC().Add(time.Duration(i-5) * time.Second)
			s.viewed(t, version, url.Values{"page": {page}, "time": {at.Format(time.RFC3339)}})
		}
	}
	s.waitFor(t, 4)
	var login struct{ URL string }
	if err := json.Unmarshal(s.command(t, "login", "--data", s.dir, "--json"), &login); err != nil {
		t.Fatal(err)
	}
	var ran map[string]any
	launch(t, "figures.mjs", s.host(), login.URL).finish(t, &ran)
	note := time.Now().UTC().Format("2 January") + ": New shop"
	list := func(texts ...any) []any { return append([]any{}, texts...) }
	for name, want := range map[string]any{
		"tabs": list("Overview", "Goals", "Funnels", "Retention", "Journeys"), "tested": list("1", "1", "50%", "2.50 USD"), "unkept": 0.0, "own": list("1", "1", "50%", "2.50 USD"),
		"goal":   list("1 new", "1 new", "50%", "2.50 USD new"),
		"funnel": list("2 visitors", "100%", "50% went on · 1 dropped off, 50%", "1 visitor", "50%"), "kept": "Way to thanks",
		"retention": "Nobody who came in this period can be told to come back: no visitor has an id that lasts.",
		"journey":   list("/100%1", "/thanks/1100%1"), "on": "/thanks/1", "note": note,
		"told at 1280": note + " | " + note, "told at 390": note + " | " + note, "pointed at 1280": note, "pointed at 390": note,
		"wide": list(), "nameless": list(), "external": list(), "console": list(),
	} {
		if !reflect.DeepEqual(ran[name], want) {
			t.Errorf("%s: the browser saw %#v, want %#v", name, ran[name], want)
		}
	}
}
