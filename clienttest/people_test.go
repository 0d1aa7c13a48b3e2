package clienttest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestPeoplePages goes through the pages about people and access in a browser
// without JavaScript, by keyboard where somebody is invited, and shows an
// embedded figure on another host.
func TestPeoplePages(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	s.viewed(t, "138", url.Values{"page": {"/course"}})
	s.waitFor(t, 1)
	s.command(t, "program", "set", "Courses", "--site", "shop.example", "--rate", "50%", "--data", s.dir)
	var login struct{ URL string }
	if err := json.Unmarshal(s.command(t, "login", "--data", s.dir, "--json"), &login); err != nil {
		t.Fatal(err)
	}
	var ran struct {
		Invited, LoggedOut, Log, Shop string
		Tabs                          []string
		Wide, Nameless                []string
		Snippet                       map[string]string
		Console, External             []string
	}
	launch(t, "people.mjs", s.host(), login.URL).finish(t, &ran)
	if ran.Invited != "/password" || !slices.Equal(ran.Tabs, []string{"Overview", "You", "Sites", "Reports", "Notes", "Saved filters", "People", "Keys", "Sharing", "Affiliates", "Operations", "Audit log"}) {
		t.Errorf("the invitation leads to %s, the tabs are %q", ran.Invited, ran.Tabs)
	}
	if len(ran.Wide)+len(ran.Nameless)+len(ran.Console)+len(ran.External) > 0 {
		t.Errorf("too wide: %q; fields without a name: %q; console %q; other hosts %q", ran.Wide, ran.Nameless, ran.Console, ran.External)
	}
	if ran.Snippet["PageViews"] != "1" || ran.Snippet["Visitors"] != "1" {
		t.Errorf("the snippet shows %v", ran.Snippet)
	}
	if ran.LoggedOut != "Log in to Footfall" || !strings.HasPrefix(ran.Log, "user log-out, embed sign, shop set, account password by link, user add") || !strings.HasPrefix(ran.Shop, "1The webhook is set.") {
		t.Errorf("logged out, there is %q; the log has %s; of the shop is said %q", ran.LoggedOut, ran.Log, ran.Shop)
	}
}
