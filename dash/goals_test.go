package dash

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"footfall/account"
	"footfall/metric"
)

// people of a world's first site: its owner, and one who only reads.
func (w world) two(t *testing.T) (admin, viewer *browser) {
	t.Helper()
	w.person(t, "ada@example.com", account.Admin, w.site.ID)
	w.person(t, "vera@example.com", account.Viewer, w.site.ID)
	admin, viewer = w.browser(t), w.browser(t)
	admin.login("ada@example.com")
	viewer.login("vera@example.com")
	return admin, viewer
}

// refuses checks that a form does nothing if a viewer sends it, or if it names no site
// or another one.
func (w world) refuses(t *testing.T, admin, viewer *browser, path string, fields ...string) {
	t.Helper()
	at := "?site=" + w.site.ID
	viewer.want(viewer.send(path+at, fields...), http.StatusForbidden, "Your account may not see this")
	admin.want(admin.send(path, fields...), http.StatusForbidden, "Nothing was done")
	admin.want(admin.send(path+"?site=shop-example", fields...), http.StatusForbidden, "Nothing was done")
}

func TestGoalsPage(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	admin, viewer := w.two(t)
	at := "?site=" + w.site.ID
	viewer.want(viewer.do("GET", "/goals"+at, nil), 200, "No goals yet", "An owner or admin of the site can define one")
	evil := `<script>alert(1)</script>`
	form := []string{"name", evil, "kind", "page", "what", "/thanks*", "worth", "fixed", "value", "2,50", "of", "plan", "op", "is not", "is", "free", "do", "test"}
	w.refuses(t, admin, viewer, "/goals", form...)
	// Tested, the goal is asked for as it would be, and not kept.
	page := admin.want(admin.send("/goals"+at+"&country=DE", form...), 200, "would have counted", "1,000", `value="2,50"`, `value="plan"`) // with the decimal comma of many languages
	asked := w.besides.put[len(w.besides.put)-1].(metric.Report)
	if len(w.besides.goals) > 0 || asked.Goals[0].Value != 2500 || asked.Goals[0].Where.Not.Dimension != "property:plan" || asked.Where == nil || strings.Contains(page, "No goals yet") == (len(w.besides.goals) > 0) {
		t.Errorf("kept %v, asked %+v", w.besides.goals, asked)
	}
	form[len(form)-1] = "save"
	to := admin.send("/goals"+at+"&period=Last7Days", form...)
	admin.want(to, http.StatusSeeOther)
	admin.want(admin.do("GET", to.Header().Get("Location"), nil), 200, "The goal is kept", "1,000", "990", "12%", "+2 pt", "2,500.00 USD", "2.50 USD each", "plan is not free", "period=Last7Days")
	if raw := admin.do("GET", "/goals"+at, nil).Body.String(); strings.Contains(raw, evil) {
		t.Error("the name is not escaped")
	}
	own := "/goals/" + url.PathEscape(evil)
	page = viewer.want(viewer.do("GET", own+at, nil), 200, "Completions", "1,000", "Sources", "Countries")
	if strings.Contains(page, "Remove") || strings.Contains(page, "Change it") {
		t.Error("a viewer is offered to change the goal")
	}
	admin.want(admin.do("GET", own+at, nil), 200, "Change it", "Remove")
	admin.want(admin.do("GET", "/goals"+at+"&edit="+url.QueryEscape(evil), nil), 200, "Change a goal", `value="free"`)
	wantFile(t, admin, "/goals"+at+"&csv=goals", "goal,completions,visitors,rate,value", ",1000,990,12.345,2500")
	wantFile(t, admin, own+at+"&csv=source", "source,completions")
	if file := admin.do("GET", own+at+"&csv=source", nil).Body.String(); strings.Contains(file, "atelier.example") || !strings.Contains(file, "direct,") || !strings.Contains(file, "Google,") {
		t.Errorf("sources of a goal are not those of the board:\n%s", file)
	}
	admin.want(admin.do("GET", "/goals/none"+at, nil), 404, "no goal of this name")
	w.refuses(t, admin, viewer, own+"/remove")
	admin.want(admin.send(own+"/remove"+at), http.StatusSeeOther)
	admin.want(admin.send(own+"/remove"+at), http.StatusNotFound, "not there any more")
	if got := w.changes(t); !slices.Equal(got, []string{"goal remove atelier-example " + evil, "goal set atelier-example " + evil}) {
		t.Errorf("the audit log says %q", got)
	}
}

// wantFile asks for a file and wants texts in it.
func wantFile(t *testing.T, b *browser, path string, wants ...string) {
	t.Helper()
	rec := b.do("GET", path, nil)
	if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") || !strings.Contains(rec.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("%s is no file: %v", path, rec.Header())
	}
	b.want(rec, 200, wants...)
}

// TestOddNames: whatever a goal or funnel is called, its page and its removal can be
// reached, as a browser asks for what the page links to.
func TestOddNames(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	admin, _ := w.two(t)
	server := httptest.NewServer(w)
	defer server.Close()
	ask := func(method, path, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+html.UnescapeString(path), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: cookie, Value: admin.session})
		res, err := server.Client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	steps := []metric.Step{{Act: metric.Act{Page: "/"}}, {Act: metric.Act{Page: "/x"}}}
	for _, name := range []string{"a/b", "../x", "x/remove", "//", "//a//", "...", "100% ?#&", "a;b", `"<ü>`} {
		must := func(err error) {
			if err != nil {
				t.Fatal(name, err)
			}
		}
		g, f := metric.Goal{Name: name, Act: metric.Act{Page: "/"}}, metric.SavedFunnel{Name: name, Steps: steps}
		must(g.Check())
		must(f.Check(nil))
		must(w.besides.PutGoal(t.Context(), w.site.ID, g))
		must(w.besides.PutFunnel(t.Context(), w.site.ID, f))
		own := regexp.MustCompile(`href="(/goals/[^"]+)"`).FindStringSubmatch(w.get(t, "/goals"))
		if own == nil || ask("GET", own[1], "") != 200 {
			t.Fatalf("the goal %q has no page: %q", name, own)
		}
		for of, page := range map[string]string{"goal": own[1], "funnel": "/funnels?funnel=" + url.QueryEscape(name)} {
			action := regexp.MustCompile(`action="(/` + of + `s/[^"]+/remove[?][^"]*)"`).FindStringSubmatch(w.get(t, html.UnescapeString(page)))
			if action == nil || ask("POST", action[1], "form="+form(admin.session)) != http.StatusSeeOther {
				t.Fatalf("the %s %q can't be removed: %q", of, name, action)
			}
		}
		if len(w.besides.goals[w.site.ID])+len(w.besides.saved[w.site.ID]) > 0 {
			t.Fatalf("%q is left", name)
		}
	}
}

func TestGoalsPageSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	admin, _ := w.two(t)
	at := "/goals?site=" + w.site.ID
	for _, x := range [][]string{
		{"name: a goal has a name", "name", "", "what", "/"}, {"name one, the path of a page", "name", "A"}, {"Value is an amount", "name", "A", "what", "/", "worth", "fixed", "value", "a lot"},
		{"Property has a name", "name", "A", "what", "/", "worth", "property"},
	} {
		page := admin.want(admin.send(at, x[1:]...), http.StatusUnprocessableEntity, x[0], "Define a goal")
		if x[2] != "" && !strings.Contains(page, `value="A"`) {
			t.Error("what was typed is gone")
		}
	}
	for range 3 {
		_ = w.besides.PutGoal(t.Context(), w.site.ID, metric.Goal{Name: strings.Repeat("x", len(w.besides.goals[w.site.ID])+1), Act: metric.Act{Page: "/"}})
	}
	admin.want(admin.send(at, "name", "A", "what", "/"), http.StatusUnprocessableEntity, "Goal is one too many")
	w.besides.failing = errors.New("secret reason")
	page := admin.want(admin.do("GET", at, nil), 200, "could not be counted", "xxx")
	if strings.Contains(page, "secret") {
		t.Error("the page tells what is for the log")
	}
}

func TestFunnelsPage(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	admin, viewer := w.two(t)
	at := "?site=" + w.site.ID
	if err := w.besides.PutGoal(t.Context(), w.site.ID, metric.Goal{Name: "Thanks", Act: metric.Act{Page: "/thanks*"}}); err != nil {
		t.Fatal(err)
	}
	viewer.want(viewer.do("GET", "/funnels"+at, nil), 200, "Name two steps or more", `<option value="Thanks">goal`)
	steps := "&kind=page&what=/products/*&kind=page&what=&kind=event&what=Product+Added&kind=goal&what=Thanks&within=7d"
	page := viewer.want(viewer.do("GET", "/funnels"+at+"&country=DE"+steps, nil), 200, "1,200", "100%", "<b>25%</b> went on", "900 dropped off, 75%", "120", "10%", "180 dropped off, 60%", `width="25%"`, "within 7 days", "new one each day")
	if strings.Contains(page, "Keep it under this name") {
		t.Error("a viewer is offered to keep the funnel")
	}
	f := w.besides.put[len(w.besides.put)-1].(metric.Funnel)
	if len(f.Steps) != 3 || f.Steps[0].Page != "/products/*" || f.Steps[1].Event != "Product Added" || f.Steps[2].Page != "/thanks*" || f.Within.Hours() != 168 || f.Where == nil || f.Site != w.site.ID {
		t.Errorf("asked %+v", f)
	}
	wantFile(t, viewer, "/funnels"+at+steps+"&csv=funnel", "1,/products/*,1200,100,,0,", "2,Product Added,300,25,25,900,75", "3,Thanks,120,10,40,180,60")
	viewer.want(viewer.do("GET", "/funnels"+at+"&kind=page&what=/", nil), 200, "2 to 8 steps")
	viewer.want(viewer.do("GET", "/funnels"+at+"&kind=page&what=/&kind=goal&what=None", nil), 200, `there is no goal "None"`)
	viewer.want(viewer.do("GET", "/funnels"+at+"&kind=page&what=/&kind=page&what=/b&within=soon", nil), 200, "number of minutes, hours or days")
	keep := []string{"name", "Checkout", "within", "24h"}
	send := func(b *browser, path string) (status int, page string) {
		v := fields(append(keep, "form", form(b.session))...)
		v["kind"], v["what"] = []string{"page", "goal"}, []string{"/a", "Thanks"}
		rec := b.do("POST", path, v)
		return rec.Code, rec.Header().Get("Location")
	}
	w.refuses(t, admin, viewer, "/funnels", keep...)
	status, to := send(admin, "/funnels"+at)
	if status != http.StatusSeeOther || len(w.besides.saved[w.site.ID]) != 1 {
		t.Fatalf("%d, kept %v", status, w.besides.saved)
	}
	admin.want(admin.do("GET", to, nil), 200, "The funnel is kept", "<h2>Checkout</h2>", "within a day", `value="/a"`)
	viewer.want(viewer.do("GET", "/funnels"+at, nil), 200, "<h2>Checkout</h2>") // the first one that is kept
	w.refuses(t, admin, viewer, "/funnels/Checkout/remove")
	admin.want(admin.send("/funnels/Checkout/remove"+at), http.StatusSeeOther)
	viewer.want(viewer.do("GET", "/funnels"+at+"&funnel=Checkout", nil), 200, "There is no funnel", "any more")
	if got := w.changes(t); !slices.Equal(got, []string{"funnel remove atelier-example Checkout", "funnel set atelier-example Checkout"}) {
		t.Errorf("the audit log says %q", got)
	}
}
