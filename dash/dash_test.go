package dash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

func now() time.Time { return fixed }

// login makes a session of the operator.
func (w world) login(t *testing.T) (session string) {
	t.Helper()
	session, err := w.control.AddSession(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// form is the secret word of a session's forms.
func form(session string) string { return visit{token: session}.form() }

// get asks as a browser that is logged in.
func (w world) get(t *testing.T, path string) string {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.AddCookie(&http.Cookie{Name: cookie, Value: w.login(t)})
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	if rec.Code != 200 {
		t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func lacks(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestPageShowsTheFigures(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	page := w.get(t, "/")
	lacks(t, page, "atelier.example", "shop.example", "Page views", "Visitors", "Sessions", "Bounce rate", "Downloads", "Entry pages", "Sources",
		"Countries", "Devices", "Browsers", "Germany", "Direct", `As of <time data-moment="1715862727000">14:32:07</time> · <span>live</span>`, "counted from events",
		"1,204,311 accepted = 1,203,998 stored + 301 repeated + 0 set aside + 12 waiting", "<svg", "not over yet")
	// Bounces and sessions of the window, as the source tells them.
	q := metric.Query{Site: w.site.ID, Metric: metric.PageViews, Zone: w.site.Location()}
	q.Window, _, _ = period.Named(usualPeriod, fixed, q.Zone)
	set, err := w.source.Answer(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	lacks(t, page, `<span class="value">`+whole(tongue{}, set.Sum())+`</span>`)
}

func TestPageObeysItsOwnPolicy(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	page := w.get(t, "/?page=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
	if strings.Contains(page, "<script>") || regexp.MustCompile(`\s(style|on\w+)="`).MatchString(page) {
		t.Error("the page holds inline script or style")
	}
	if m := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//[^"]*"`).FindString(page); m != "" {
		t.Errorf("the page asks another host: %s", m)
	}
	for _, name := range []string{"dash.css", "dash.js", "icon.svg"} {
		body := w.get(t, "/assets/"+version()+"/"+name)
		if m := regexp.MustCompile(`https?://[^"' ]*`).FindString(body); m != "" && m != "http://www.w3.org/2000/svg" {
			t.Errorf("%s asks another host: %s", name, m)
		}
		lacks(t, page+`dash.css dash.js`, name)
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest("GET", "/login", nil))
	lacks(t, rec.Header().Get("Content-Security-Policy"), "default-src 'none'", "frame-ancestors 'none'")
}

func TestLogin(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	do := func(method, path, form, proto string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-Proto", proto)
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	for _, path := range []string{"/", "/?site=atelier-example"} {
		if rec := do("GET", path, "", ""); rec.Code != 401 || !strings.Contains(rec.Body.String(), "footfall login") {
			t.Errorf("%s without login: %d", path, rec.Code)
		}
	}
	link, err := w.control.AddLink(t.Context(), account.ForLogin, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // previews
		lacks(t, do("GET", "/login?link="+link, "", "").Body.String(), `<form method="post" action="/login">`, link)
	}
	rec := do("POST", "/login", "link="+link, "https")
	if rec.Code != 303 || len(rec.Result().Cookies()) != 1 {
		t.Fatalf("login: %d %v", rec.Code, rec.Header())
	}
	c := rec.Result().Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 30*24*3600 {
		t.Errorf("cookie %+v", c)
	}
	if rec := do("POST", "/login", "link="+link, ""); rec.Code != 403 || !strings.Contains(rec.Body.String(), "used already") {
		t.Errorf("second use: %d", rec.Code)
	}
	if rec := do("POST", "/login", "link="+strings.Repeat("x", 1<<20), ""); rec.Code != 403 {
		t.Errorf("large body: %d", rec.Code)
	}
	other, err := w.control.AddLink(t.Context(), account.ForLogin, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if c := do("POST", "/login", "link="+other, "").Result().Cookies(); len(c) != 1 || c[0].Secure {
		t.Errorf("cookie over http: %+v", c)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	do := func(method, session, proto string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/logout", strings.NewReader("form="+form(session)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-Proto", proto)
		if session != "" {
			r.AddCookie(&http.Cookie{Name: cookie, Value: session})
		}
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	session := w.login(t)
	for _, x := range []struct {
		method, session string
		status          int
	}{
		{"POST", "", 401}, {"POST", "ffs_unknown", 401}, // as another site's form would come
		{"GET", session, 405}, // a link or an image
	} {
		if rec := do(x.method, x.session, ""); rec.Code != x.status || len(rec.Result().Cookies()) > 0 {
			t.Errorf("%s with %q: %d %v, want %d and no cookie", x.method, x.session, rec.Code, rec.Result().Cookies(), x.status)
		}
	}
	for proto, secure := range map[string]bool{"": false, "https": true} {
		session := w.login(t)
		rec := do("POST", session, proto)
		if c := rec.Result().Cookies(); rec.Code != 303 || rec.Header().Get("Location") != "/login" || len(c) != 1 || c[0].Name != cookie ||
			c[0].Value != "" || c[0].MaxAge >= 0 || c[0].Path != "/" || !c[0].HttpOnly || c[0].Secure != secure {
			t.Errorf("logout over %q: %d %v", proto, rec.Code, c)
		}
		if rec := do("POST", session, proto); rec.Code != 401 {
			t.Errorf("a copy of the cookie is worth %d after a logout over %q", rec.Code, proto)
		}
	}
	if _, err := w.control.Session(t.Context(), session); err != nil {
		t.Errorf("another browser was logged out, too: %v", err)
	}
	none := newWorld(t, now)
	for _, page := range []string{w.get(t, "/"), none.get(t, "/")} {
		lacks(t, page, `method="post" action="/logout"><input type="hidden" name="form" value="`)
	}
}

func TestEmptyAndQuiet(t *testing.T) {
	w := newWorld(t, now, "new.example")
	w.source.scale = 0
	lacks(t, w.get(t, "/"), "Listening…", "data-site=&#34;ffw_new.example&#34; src=&#34;http://example.com/js/footfall.js&#34;")
	w = newWorld(t, now, "old.example")
	quiet := &quietSince{w.source}
	w.Handler = New(quiet, w.control, w.control, Options{Now: now})
	lacks(t, w.get(t, "/?period=Last7Days"), "Nobody came in this period. The site has figures from January 1970 to May 2024: <a href=\"/?from=2024-05-01&amp;site=old-example&amp;to=2024-06-01\">show May 2024</a>.")
	lacks(t, w.get(t, "/?period=Last7Days&country=DE"), "Nothing matches the filter")
	none := newWorld(t, now)
	lacks(t, none.get(t, "/"), "footfall site add")
}

// TestOrdersAlone: orders of before the pages were counted belong to all time, and a
// site that has nothing else is not asked to put the snippet into its pages.
func TestOrdersAlone(t *testing.T) {
	w := newWorld(t, now, "shop.example")
	w.Handler = New(&unseenBefore{w.source, fixed.AddDate(0, -3, 0)}, w.control, w.control, Options{Now: now})
	lacks(t, w.get(t, "/?period=AllTime"), `<th scope="row"><a href="/?from=2023-02-01`)
	w.Handler = New(&unseenBefore{w.source, fixed}, w.control, w.control, Options{Now: now})
	page := w.get(t, "/")
	lacks(t, page, `id="cell-revenue"`)
	if strings.Contains(page, "Listening…") || strings.Contains(page, "Nobody came in this period") {
		t.Error("a site with orders alone seems to be empty")
	}
}

// unseenBefore has no page views and downloads before a moment.
type unseenBefore struct {
	*plausible
	at time.Time
}

func (s *unseenBefore) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	set, err := s.plausible.Answer(ctx, q)
	for i, p := range set.Points {
		if p.Time.Before(s.at) && (q.Metric == metric.PageViews || q.Metric == metric.Downloads) {
			set.Points[i].Value = 0
		}
	}
	return set, err
}

// quietSince has figures only for windows longer than a year.
type quietSince struct{ *plausible }

func (s *quietSince) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	set, err := s.plausible.Answer(ctx, q)
	if q.Window.To.Sub(q.Window.From) < 366*24*time.Hour {
		for i := range set.Points {
			set.Points[i].Value = 0
		}
	} else {
		set.Points[0].Value = 1
	}
	return set, err
}

// A box may be split by something finer, which stays so with whatever else is
// chosen; a filter on it is told in words.
func TestTabs(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	lacks(t, w.get(t, "/"), `tab=city"`, `tab=os_version"`, ">Cities</a>", ">Screens</a>")
	page := w.get(t, "/?tab=city&tab=screen&tab=page&tab=nonsense&period=Last7Days")
	lacks(t, page, "Munich (DE-BY)", "1920 px and more", `aria-current="true">Cities</a>`, `aria-current="true">Screens</a>`, "Chrome",
		`tab=city&amp;tab=screen"`, `?city=Munich&#43;%28DE-BY%29&amp;period=Last7Days`, `tab=screen&amp;tab=region"`, `tab=city&amp;tab=os"`)
	for _, word := range []string{"tab=page", `nonsense"`, "nonsense&", "tab=city&amp;tab=region"} {
		if strings.Contains(page, word) {
			t.Errorf("the page has %s", word)
		}
	}
	lacks(t, w.get(t, "/?os_version=iOS+26&city=Munich+(DE-BY)"), "System version is iOS 26", "City is Munich (DE-BY)")
}

func TestEveryBoxShowsItsOwnError(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	w.source.broken = map[metric.Dimension]error{"country": errors.New("disk /secret"), "browser": &metric.QueryError{Why: "ask otherwise"}, "device": fmt.Errorf("event store: %w", &metric.TroubleError{Why: metric.NoMemory, Err: errors.New("disk /secret")})}
	w.Handler = New(w.source, w.control, w.control, Options{Now: now, Questions: tables{of: w.source}, Log: slog.New(slog.DiscardHandler)})
	page := w.get(t, "/")
	lacks(t, page, "This could not be counted", "ask otherwise", "start the server with more --store-memory", "/courses/watercolour")
	if strings.Contains(page, "secret") || strings.Count(page, `class="problem"`) != 3 {
		t.Errorf("%d problems shown", strings.Count(page, `class="problem"`))
	}
	w.source.broken = map[metric.Dimension]error{"": errors.New("gone")}
	if n := strings.Count(w.get(t, "/?metric=BounceRate"), "This could not be counted"); n != 10+1+1 { // figures, chart, direct
		t.Errorf("%d boxes say that they failed, want 12", n)
	}
}

// A page whose questions wait for their turn says the same in every box as one
// whose questions are answered too slowly.
func TestBusySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, now, "atelier.example")
		w.source.wait = time.Hour
		for name, source := range map[string]query.Source{"no turn": query.Limit(w.source, 1), "slow": w.source} {
			w.Handler = New(source, w.control, w.control, Options{Now: now, Questions: tables{of: w.source}, Log: slog.New(slog.DiscardHandler)})
			for path, says := range map[string]string{"/": "Still being counted", "/?wait=20": "This took too long. Choose a shorter period."} {
				if n := strings.Count(w.get(t, path), says); n != 10+1+8 { // figures, chart, lists
					t.Errorf("%s: %d boxes of %s say %q, want 19", name, n, path, says)
				}
			}
		}
		w.source.wait = time.Millisecond
		w.Handler = New(query.Limit(w.source, 1), w.control, w.control, Options{Now: now, Questions: tables{of: w.source}})
		if page := w.get(t, "/"); strings.Contains(page, `class="problem"`) {
			t.Error("a page whose questions are asked one by one has problems")
		}
		time.Sleep(patience) // nothing is left
	})
}

// TestNoPageWaitsForEver: a page of figures ends however slowly its questions are
// answered, also that for the first day of all time.
func TestNoPageWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldWith(t, Options{Now: now, Log: slog.New(slog.DiscardHandler)}, "atelier.example")
		w.source.wait = time.Hour
		if err := w.besides.PutGoal(t.Context(), w.site.ID, metric.Goal{Name: "Thanks", Act: metric.Act{Page: "/thanks"}}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/goals", "/goals/Thanks", "/funnels", "/retention", "/journeys", "/notes"} {
			began := time.Now()
			if w.get(t, path+"?period=AllTime"); time.Since(began) > patience {
				t.Errorf("%s waits for %s", path, time.Since(began))
			}
		}
		began := time.Now()
		if w.get(t, "/?segment=Thanks"); time.Since(began) > 2*brief { // whether there is such a segment is asked before
			t.Errorf("a filtered page waits for %s", time.Since(began))
		}
		time.Sleep(patience) // nothing is left
	})
}

func TestStateLivesInTheURL(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	page := w.get(t, "/?site=shop-example&period=Last7Days&metric=PageViews&page=%2Fpricing&country=")
	for _, q := range w.source.asked {
		filters := fmt.Sprint(q.Filters)
		live := q.Window.To.Sub(q.Window.From) < time.Hour
		first := q.Window.From.Year() == 1970 // whether the site had figures so early is asked without filters
		if q.Site != "shop-example" || !live && !first && !strings.HasPrefix(filters, "[{page /pricing} {country }") {
			t.Errorf("asked %+v", q)
		}
	}
	lacks(t, page, "Page is /pricing", "Country is unknown",
		"/?country=&amp;metric=PageViews&amp;page=%2Fpricing&amp;period=Last24Hours&amp;site=shop-example", // another period keeps the rest
		"/?country=&amp;device=phone&amp;metric=PageViews&amp;page=%2Fpricing&amp;period=Last7Days&amp;site=shop-example",
		"/?country=&amp;metric=PageViews&amp;period=Last7Days&amp;site=shop-example") // the chip takes its filter away
	lacks(t, w.get(t, "/?detail=page"), "All figures", "/contact")
	if strings.Contains(w.get(t, "/"), ">/contact<") {
		t.Error("the short list is as long as the full one")
	}
	w.get(t, "/?site=none&period=x&metric=y&detail=z") // unknown values are the defaults
}

// TestOwnDays: the URL may name days, all questions are about them, and every
// link keeps them but those to a period.
func TestOwnDays(t *testing.T) {
	for path, want := range map[string]string{
		"/?from=2015-05-17&to=2015-05-21&metric=PageViews":   "2015-05-17T00:00:00+02:00 2015-05-21T00:00:00+02:00 day",
		"/?from=2015-05-17&last=2015-05-20&metric=PageViews": "2015-05-17T00:00:00+02:00 2015-05-21T00:00:00+02:00 day",
		"/?from=2015-05-20&last=2015-05-17&metric=PageViews": "2015-05-17T00:00:00+02:00 2015-05-21T00:00:00+02:00 day",
		"/?from=2015-05-17&metric=PageViews":                 "2015-05-17T00:00:00+02:00 2015-05-18T00:00:00+02:00 hour",
		"/?from=2015-01-01&to=2016-01-01&metric=PageViews":   "2015-01-01T00:00:00+01:00 2016-01-01T00:00:00+01:00 month",
		"/?from=2005-01-01&to=2016-01-01&metric=PageViews":   "2005-01-01T00:00:00+01:00 2016-01-01T00:00:00+01:00 year",
		"/?from=17.5.2015&metric=PageViews":                  "2024-04-19T00:00:00+02:00 2024-05-17T00:00:00+02:00 day", // the usual period
	} {
		w := newWorld(t, now, "atelier.example", "shop.example")
		page := w.get(t, path)
		found := false
		for _, q := range w.source.asked {
			found = found || strings.Join([]string{q.Window.From.Format(time.RFC3339), q.Window.To.Format(time.RFC3339), string(q.Step)}, " ") == want
		}
		if !found {
			t.Errorf("%s does not ask for %s", path, want)
		}
		if strings.Contains(path, "2015-05-21") {
			lacks(t, page, `name="from" value="2015-05-17"`, `name="last" value="2015-05-20"`, `type="hidden" name="metric" value="PageViews"`, "17 May 2015 to 20 May 2015",
				"/?from=2015-05-17&amp;metric=PageViews&amp;site=shop-example&amp;to=2015-05-21", "/?metric=PageViews&amp;period=Last7Days&amp;site=")
			if strings.Contains(page, `data-key="F" aria-current="true"`) {
				t.Error("a period is marked as the current one, too")
			}
		}
	}
}

func TestOwnDaysStay(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	lacks(t, w.get(t, "/?from=2024-05-01&to=2024-05-08"), "/?from=2024-05-01&amp;page=%2Fpricing&amp;site=atelier-example&amp;to=2024-05-08",
		"/?from=2024-05-01&amp;metric=PageViews&amp;site=atelier-example&amp;to=2024-05-08", "/?detail=page&amp;from=2024-05-01&amp;site=")
}

// TestLive: the page says where it hears of changes of what it shows, and who is there now.
func TestLive(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	const stream = `id="figures" tabindex="-1" data-live="/v1/live?`
	lacks(t, w.get(t, "/?period=Last7Days&page=/x"), stream+`metric=Visitors%40Last5Minutes%2CPageViews%2CDownloads&amp;site=atelier-example&amp;step=total&amp;window=Last7Days" data-gap="30"`,
		`data-figure="Visitors@Last5Minutes"`)
	asked := false
	for _, q := range w.source.asked {
		if q.Window.To.Sub(q.Window.From) == 5*time.Minute {
			asked = q.Metric == metric.Visitors && len(q.Filters) == 0 && q.Window.To.Equal(fixed.Add(time.Second))
		}
	}
	if !asked {
		t.Error("current visitors were not asked for, or with a filter")
	}
	lacks(t, w.get(t, "/?from=2024-05-01&to=2024-05-08"), "&amp;step=total&amp;to=2024-05-08")
	w.source.scale = 0
	lacks(t, w.get(t, "/"), stream+`bots=true&amp;from=1970-01-01&amp;metric=PageViews&amp;site=atelier-example&amp;step=total" data-gap="1"`)
}

// TestShareShows: a stream of a share may have all that its page asks for, and no
// money and no affiliate.
func TestShareShows(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	w.source.asked = nil
	rec := httptest.NewRecorder()
	for _, c := range cells { // whatever the chart is asked for
		w.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/share/"+token+"?metric="+string(c.name), nil))
	}
	w.ServeHTTP(rec, httptest.NewRequest("GET", "/share/"+token, nil))
	metrics, by := Shows()
	if rec.Code != 200 || len(w.source.asked) == 0 {
		t.Fatal(rec.Code, w.source.asked)
	}
	seen := map[metric.Name]bool{}
	for _, q := range w.source.asked {
		seen[q.Metric] = true
		if q.By == "source" { // of which the page leaves out affiliates' codes
			continue
		}
		if !slices.Contains(metrics, q.Metric) || q.By != "" && !slices.Contains(by, q.By) {
			t.Errorf("the page shows %s by %q, a stream does not", q.Metric, q.By)
		}
		for _, f := range q.Filters {
			if !slices.Contains(by, f.Dimension) {
				t.Errorf("the page filters on %s, a stream does not", f.Dimension)
			}
		}
	}
	for _, m := range metrics {
		if _, divided := metric.Ratios[m]; !seen[m] && !divided {
			t.Errorf("a stream tells %s, the page does not", m)
		}
	}
}

// TestHowEachListIsKnown: each box tells once how its figures are known, also to guests,
// and pages of figures speak of filters only where there are some.
func TestHowEachListIsKnown(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	page := w.get(t, "/")
	for _, section := range strings.Split(page, `<section class="card list`)[1:] {
		if n := strings.Count(section, `id="known-list-`); n != 1 && strings.Contains(section, "<li>") {
			t.Errorf("a box tells %d times how its figures are known: %s", n, section[:120])
		}
	}
	lacks(t, page, `id="known-list-page"`, "Pages: how do you know?", "in the whole period (Visitors)", "-d &#39;{&#34;site_id&#34;:&#34;atelier-example&#34;,&#34;metrics&#34;:[&#34;Visitors&#34;],&#34;dimensions&#34;:[&#34;page&#34;]")
	lacks(t, w.get(t, "/?period=Last30Minutes&country=DE"), `id="known-now"`, "There now: how do you know?", "metric=Visitors&amp;site=atelier-example&amp;step=total&amp;window=Last5Minutes&#39;")
	for path, id := range map[string]string{"/?detail=page": "list-page", "/retention": "retention", "/journeys?at=/": "journey", "/funnels?kind=page&what=/&kind=page&what=/b": "funnel"} {
		page := w.get(t, path)
		lacks(t, page, `id="known-`+id+`"`)
		if told := "Filters are on"; strings.Contains(page, told) || path != "/?detail=page" && !strings.Contains(w.get(t, path+map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]+"country=DE"), told) {
			t.Errorf("%s speaks of filters where there are none, or does not where there are", path)
		}
	}
}
