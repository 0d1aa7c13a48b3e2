package clienttest

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestBoard: the dashboard's board by the keyboard alone, without leaving the page or
// losing the focus; on phones, in the dark, and without script; and its figures are the
// API's, for who has a session.
func TestBoard(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	login := link.FindString(string(s.command(t, "login", "--data", s.dir)))
	var ran struct {
		Keys                                         map[string]string
		Alone, Help, Helped, Loads, Bars, Shut       int
		Days, Closed, Said, Tip, Exact, Answer, Dark string
		There, Minutes, Typed                        string
		Wide                                         []string
		Plain                                        struct {
			Visitors               string
			Evidence, Before, Keys bool
			Rows                   int
		}
		Console, External []json.RawMessage
	}
	launch(t, "board.mjs", s.host(), login, s.key).finish(t, &ran)
	for what, want := range map[string]string{"today": "period=Today", "yesterday": "period=Yesterday", "today again": "period=Today", "no comparison": "compare=none", "comparison": "period=Today", "two at once": "compare=none", "and back": "period=Today",
		"page views": "| cell-pageviews", "28 days": "| SUMMARY", "a day": "metric=PageViews", "back": "| Last 28 days |", "in haste": "period=Today", "realtime": "period=Last30Minutes"} {
		if got := ran.Keys[what]; !strings.Contains(got, want) || strings.HasPrefix(got, "never") {
			t.Errorf("%s: %q, want %q in it", what, got, want)
		}
	}
	if ran.Loads != 0 || ran.Alone != 0 || ran.Days != "fromtrue" || ran.Closed != "SUMMARYfalse" || ran.Help < 15 || ran.Helped != 0 {
		t.Errorf("%d loads, %d compared windows without a comparison, days %q, then %q, %d keys told, then %d dialogs", ran.Loads, ran.Alone, ran.Days, ran.Closed, ran.Help, ran.Helped)
	}
	if ran.Tip != "1" || !strings.Contains(ran.Said, "(not over yet), 1") {
		t.Errorf("the last step is %q, said as %q", ran.Tip, ran.Said)
	}
	if ran.Exact != "1" || ran.Answer != "200 1" || ran.Shut != 401 {
		t.Errorf("the page has %q, the API %q, without a session %d", ran.Exact, ran.Answer, ran.Shut)
	}
	if ran.Bars != 30 || ran.There != "2" || ran.Minutes != "2" || len(ran.Wide) > 0 || ran.Dark != "rgb(21, 18, 16)" {
		t.Errorf("%d bars, %q there, %q in half an hour; too wide: %q; dark is %s", ran.Bars, ran.There, ran.Minutes, ran.Wide, ran.Dark)
	}
	if p := ran.Plain; p.Visitors != "2" || !p.Evidence || p.Before || !p.Keys || p.Rows != 30 {
		t.Errorf("without script: %+v", p)
	}
	if ran.Typed != "abc BUTTON" {
		t.Errorf("what somebody had typed became %q", ran.Typed)
	}
	for _, line := range ran.Console {
		if !strings.Contains(string(line), "401") { // asked for on purpose
			t.Errorf("console: %s", line)
		}
	}
	if len(ran.External) > 0 {
		t.Errorf("other hosts: %s", ran.External)
	}
}
