package dash

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"footfall/account"
	"footfall/metric"
)

// TestSavedFilters: filters are kept for oneself or, by who may change the site, for
// everybody; an address names them, the menu lists them, and one's own are nobody else's.
func TestSavedFilters(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	admin, viewer := w.two(t)
	at := "?site=" + w.site.ID
	now := at + "&country=DE&device.is_not=phone&event=Signed+Up"
	viewer.want(viewer.do("GET", "/filters"+at, nil), 200, "No saved filters yet")
	if page := viewer.want(viewer.do("GET", "/"+at, nil), 200); strings.Contains(page, ">Save</a>") {
		t.Error("without filters there is something to be kept")
	}
	viewer.want(viewer.do("GET", "/"+now, nil), 200, `">Save</a>`)
	viewer.want(viewer.do("GET", "/filters"+now, nil), 200, "Country is Germany", "Device is not Phone", "For you alone")
	viewer.want(viewer.send("/filters"+now, "name", "Mine", "whose", "own"), http.StatusSeeOther)
	viewer.want(viewer.send("/filters"+now, "name", "All", "whose", "site"), http.StatusForbidden)
	admin.want(admin.send("/filters"+now, "name", "Ours <b>", "whose", "site"), http.StatusSeeOther)
	admin.want(admin.send("/filters"+at+"&country=AT", "name", "Mine", "whose", "site"), http.StatusSeeOther)
	admin.want(admin.send("/filters"+now, "name", "", "whose", "site"), http.StatusUnprocessableEntity, "Name is a line")
	admin.want(admin.send("/filters"+at, "name", "None", "whose", "site"), http.StatusUnprocessableEntity, "Filters are none")
	admin.want(admin.send("/filters"+at+"&commission=1&country.nonsense=x&affiliate=y", "name", "None", "whose", "site"), http.StatusUnprocessableEntity)

	mine, ours := viewer.do("GET", "/"+at, nil).Body.String(), admin.do("GET", "/"+at, nil).Body.String()
	for name, page := range map[string]string{"the viewer's": mine, "the admin's": ours} {
		if !strings.Contains(page, "Ours &lt;b&gt;</a>") || strings.Count(page, ">Mine</a>") != 1 || !strings.Contains(page, "saved=Mine") {
			t.Errorf("%s menu lacks filters", name)
		}
	}
	// One's own are meant before those of the site, and what the address says itself holds.
	for _, c := range []struct {
		b    *browser
		path string
		want []string
	}{
		{viewer, "/" + at + "&saved=Mine", []string{"Country is Germany", "Device is not Phone", "Event is Signed Up"}},
		{admin, "/" + at + "&saved=Mine", []string{"Country is Austria"}},
		{admin, "/retention" + at + "&saved=Ours+%3Cb%3E&country=CH", []string{"Country is Switzerland", "Device is not Phone"}},
		{admin, "/" + at + "&saved=Nothing", []string{"There are no saved filters “Nothing” for you"}},
	} {
		c.b.want(c.b.do("GET", c.path, nil), 200, c.want...)
	}
	if r := w.besides.put[len(w.besides.put)-1].(metric.Retention); r.Where == nil || len(r.Where.Dimensions()) != 2 || len(r.Where.Visitors()) != 1 {
		t.Errorf("asked %+v", r)
	}
	w.savedAway(t, admin, viewer, at)
}

// TestFiltersOnWhatIsGone: a filter on a goal or segment that is not there any more is left
// out, with one sentence that says so, also where it is kept; of others nothing changes. In
// the list of saved filters a name leads to what stands beside it, also where one has
// others of that name for oneself.
func TestFiltersOnWhatIsGone(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	admin, _ := w.two(t)
	at := "?site=" + w.site.ID
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.besides.PutGoal(t.Context(), w.site.ID, metric.Goal{Name: "Basket", Act: metric.Act{Page: "/cart"}}))
	admin.want(admin.send("/filters"+at+"&country=DE&goal=Basket", "name", "Baskets", "whose", "site"), http.StatusSeeOther)
	admin.want(admin.send("/filters"+at+"&country=AT", "name", "Baskets", "whose", "own"), http.StatusSeeOther)
	admin.want(admin.do("GET", "/filters"+at, nil), 200, "Goal is Basket", `href="/?country=DE&goal=Basket&site=`, `href="/?saved=Baskets&site=`)
	admin.want(admin.do("GET", "/"+at+"&goal=Basket", nil), 200, `Goal is Basket</a>`)
	must(w.besides.RemoveGoal(t.Context(), w.site.ID, "Basket"))
	w.source.gone = "Basket"
	admin.want(admin.do("GET", "/filters"+at, nil), 200, "Country is Germany; The filter “Goal is Basket” is left out")
	for path, want := range map[string]string{
		"/" + at + "&country=DE&goal=Basket":     "The filter “Goal is Basket” is left out: there is no such goal at this site.",
		"/retention" + at + "&goal=Basket":       "The filter “Goal is Basket” is left out: there is no such goal at this site.",
		"/" + at + "&country=DE&segment=Baskets": "The filter “Segment is Baskets” is left out: this site keeps no histories of visitors, and so has no segments.",
	} {
		page := admin.want(admin.do("GET", path, nil), 200, want)
		if strings.Contains(page, "there is no Basket") || strings.Contains(page, "Basket</a>") || strings.Contains(page, "Baskets</a><a class=\"away\"") || strings.Contains(path, "country") && !strings.Contains(page, "Country is Germany</a>") {
			t.Errorf("%s has other filters than it says", path)
		}
	}
	w.source.gone, w.source.broken = "", map[metric.Dimension]error{"": &metric.QueryError{Why: "ask otherwise"}} // for another reason
	admin.want(admin.do("GET", "/"+at+"&segment=Basket", nil), 200, "Segment is Basket</a>", "ask otherwise")
	admin.want(admin.do("GET", "/"+at+"&goal.contains=Basket", nil), 200, "Goal contains Basket</a>")
}

// savedAway: who may remove them, and what then is left.
func (w world) savedAway(t *testing.T, admin, viewer *browser, at string) {
	t.Helper()
	list := viewer.want(viewer.do("GET", "/filters"+at, nil), 200, "you alone", "everybody at the site")
	if strings.Count(list, "Remove</button>") != 1 {
		t.Error("a viewer may remove what is the site's")
	}
	viewer.want(viewer.do("GET", "/filters"+at+"&country=CH", nil), 200, `action="/filters/remove?country=CH&`) // what is set now stays
	viewer.want(viewer.send("/filters/remove"+at, "name", "Mine", "whose", "site"), http.StatusForbidden)
	viewer.want(viewer.send("/filters/remove"+at, "name", "Ours <b>", "whose", "own"), http.StatusNotFound)
	viewer.want(viewer.send("/filters/remove"+at, "name", "Mine", "whose", "own"), http.StatusSeeOther)
	viewer.want(viewer.do("GET", "/"+at+"&saved=Mine", nil), 200, "Country is Austria")
	admin.want(admin.send("/filters/remove"+at, "name", "Mine", "whose", "site"), http.StatusSeeOther)
	if all, err := w.control.Filters(t.Context(), w.site.ID, ""); err != nil || len(all) != 1 || all[0].Query != (url.Values{"country": {"DE"}, "device.is_not": {"phone"}, "event": {"Signed Up"}}).Encode() {
		t.Errorf("kept are %+v, %v", all, err)
	}
	for _, line := range w.changes(t) {
		if strings.Contains(line, "filters") && strings.Contains(line, "own") && strings.Contains(line, "Mine") {
			t.Errorf("the audit log tells what somebody keeps alone: %s", line)
		}
	}
	// A share shows its filters and none that are kept.
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	page := viewer.do("GET", "/share/"+token+"?saved=Ours+%3Cb%3E", nil).Body.String()
	for _, not := range []string{"Ours", "Country is", ">Save</a>"} {
		if strings.Contains(page, not) || !strings.Contains(page, "atelier.example") {
			t.Errorf("the share has %q", not)
		}
	}
}
