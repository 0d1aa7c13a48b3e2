package clienttest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestLists goes through the dashboard's lists, details and filters in a browser, by
// keyboard and without JavaScript, and looks at all of it in every size and scheme.
func TestLists(t *testing.T) {
	needChromium(t)
	t.Parallel()
	s := start(t)
	visits := []string{"/course", "/course", "/", "/a/" + strings.Repeat("very-long/", 60), "/courses"}
	for i, path := range visits {
		s.viewed(t, "138", url.Values{"page": {path}, "id": {fmt.Sprint("v", i)}})
	}
	s.waitFor(t, len(visits))
	var ran struct {
		Form, Order, Search, File                               string
		Chips, Changed, Rows, Wide, Nameless, Console, External []string
		Away, Burst                                             int
		Closed                                                  bool
	}
	launch(t, "lists.mjs", s.host(), link.FindString(string(s.command(t, "login", "--data", s.dir)))).finish(t, &ran)
	if ran.Form != "Filter by Country" || !slices.Equal(ran.Chips, []string{"Country is unknown"}) || !slices.Equal(ran.Changed, []string{"Country is not unknown"}) || ran.Away != 0 {
		t.Errorf("the form %q makes %q, changed %q, then %d", ran.Form, ran.Chips, ran.Changed, ran.Away)
	}
	if len(ran.Rows) != 4 || !strings.HasPrefix(ran.Order, "ascending / ") || !strings.HasPrefix(ran.File, "page,Visitors,PageViews,") || strings.Count(ran.File, "\n") != 3 || !strings.Contains(ran.Search, "/courses") {
		t.Errorf("rows %q, ordered %q, found %q, in the file\n%s", ran.Rows, ran.Order, ran.Search, ran.File)
	}
	if !ran.Closed || ran.Burst != 0 {
		t.Errorf("Escape, or what it led to, does not close the menu of filters: %v; %d names are wider than it", ran.Closed, ran.Burst)
	}
	if len(ran.Wide)+len(ran.Nameless)+len(ran.Console)+len(ran.External) > 0 {
		t.Errorf("too wide: %q; fields without a name: %q; console %q; other hosts %q", ran.Wide, ran.Nameless, ran.Console, ran.External)
	}
}
