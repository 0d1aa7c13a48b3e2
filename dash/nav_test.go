package dash

import (
	"html"
	"strings"
	"testing"

	"footfall/account"
)

// TestLeaves: every page that is offered has a line in account.Routes, and those of
// this door a template; pages of figures take the period and the filters along.
func TestLeaves(t *testing.T) {
	for _, l := range leaves {
		if l.action() == "" {
			t.Errorf("%s is offered to nobody: it has no line in account.Routes", l.path)
		}
		for _, name := range l.of {
			if templates()["en"].Lookup(name) == nil {
				t.Errorf("%s is drawn by %s, which there is not", l.path, name)
			}
		}
		if got := leafOf(l.path + "/x"); l.path != "/" && (got == nil || got.path != l.path) {
			t.Errorf("the page below %s is of %v", l.path, got)
		}
	}
}

func TestNavigation(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	w.person(t, "vera@example.com", account.Viewer, "")
	vera := w.browser(t)
	vera.login("vera@example.com")
	for _, l := range leaves {
		if l.sort != figures {
			continue
		}
		path := l.path + "?site=" + w.site.ID + "&period=Last7Days&country=DE&tab=city"
		page := vera.want(vera.do("GET", path, nil), 200, `aria-current="page">`+string(l.label), `href="/reports?site=`+w.site.ID+`">Reports`, "Country is Germany")
		for _, to := range leaves {
			if href := `href="` + to.path + `?country=DE&period=Last7Days&site=` + w.site.ID; to.sort == figures && !strings.Contains(page, href+`"`) {
				t.Errorf("%s does not lead on to %s", path, href)
			}
		}
		if strings.Contains(page, ">People<") {
			t.Error("a viewer is offered the page of people")
		}
	}
	token, share, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil || share.Site == "" {
		t.Fatal(err)
	}
	if page := html.UnescapeString(w.get(t, "/share/"+token)); strings.Contains(page, `aria-label="Pages"`) || !strings.Contains(page, `class="logo" href="/share/`+token+`"`) {
		t.Error("a share leads to other pages")
	}
}

// TestKeysOfEveryPage: dash.js looks for the list of keys on each page with a period,
// and no key works where it finds none.
func TestKeysOfEveryPage(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	for _, path := range []string{"/", "/?detail=page", "/goals", "/funnels", "/retention", "/journeys", "/notes"} {
		if page := w.get(t, path); strings.Count(page, `id="keys"`) != 1 || strings.Count(page, "/dash.js") != 1 {
			t.Errorf("%s has %d lists of keys", path, strings.Count(page, `id="keys"`))
		}
	}
}

// TestWayBack: a page that was opened from a site's figures leads back to them, also
// over the pages beside and below it and after a form, with right and wrong fields.
func TestWayBack(t *testing.T) {
	w := newWorldWith(t, Options{Now: now, Operations: running()}, "atelier.example", "shop.example")
	owner := w.person(t, "ada@example.com", account.Owner, "")
	ada := w.browser(t)
	ada.login("ada@example.com")
	const shop = "?site=shop-example"
	board := html.UnescapeString(ada.do("GET", "/"+shop, nil).Body.String())
	for _, path := range []string{"/account", "/sites", "/people", "/keys", "/shares", "/operations", "/changes"} {
		if !strings.Contains(board, `href="`+path+shop+`"`) {
			t.Errorf("the figures do not lead to %s with their site", path)
		}
		ada.want(ada.do("GET", path+shop, nil), 200, `class="logo" href="/`+shop+`"`, `href="/`+shop+`">Overview`, `href="/sites`+shop+`"`)
	}
	for path, back := range map[string]string{"/operations/aside": "/operations", "/people/" + owner.ID: "/people"} {
		ada.want(ada.do("GET", path+shop, nil), 200, `href="/`+shop+`">Overview`, `class="back"><a href="`+back+shop+`"`)
	}
	ada.want(ada.do("GET", "/people"+shop, nil), 200, `name="came" value="shop-example"`)
	bob := w.person(t, "bob@example.com", account.Viewer, w.site.ID)
	if to := ada.send("/people/"+bob.ID+"/logout", "role", "admin", "site", "atelier-example", "came", "shop-example").Header().Get("Location"); !strings.HasSuffix(to, "site=shop-example") {
		t.Errorf("the form leads to %s", to)
	}
	ada.want(ada.send("/people", "email", "none", "role", "viewer", "site", "atelier-example", "came", "shop-example"), 422, `href="/`+shop+`">Overview`)
	ada.want(ada.do("GET", "/keys", nil), 200, `class="logo" href="/"`, `href="/">Overview`)
}
