package dash

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// stateFrom is the state of a URL's parameters.
func stateFrom(t *testing.T, w world, query string) state {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return readState(tongue{}, v, mustSites(t, w), fixed)
}

// TestFiltersAreConditions: what the URL says is asked, and the URL of the state says the
// same again.
func TestFiltersAreConditions(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	for query, want := range map[string]string{
		"country=DE":                        "[{country DE}] -, Country is Germany",
		"country=DE&country=FR":             "[] (country is [DE FR]), Country is Germany or France",
		"page.contains=/a&device.is_not=tv": "[] (page contains [/a] & not device is [tv]), Page contains /a, Device is not TV",
		"page=/b&page.contains_not=x":       "[{page /b}] (not page contains [x]), Page is /b, Page does not contain x",
		"country.contains=land&country=DE":  "[{country DE}] (country is [AX CH CX FI FK FO GL HM IE IM IS KY MH MP NF NL NZ PL PN SB SC SX TC TH TK UM VG VI WF]), ",
		"goal=Order":                        "[] (done goal is [Order]), Goal is Order",
		"event.is_not=Signed+Up":            "[] (not done event is [Signed Up]), Event is not Signed Up",
		"property:plan.contains=pro":        "[] (property:plan contains [pro]), Property plan contains pro",
		"segment=":                          "[{segment }] -, Segment is none",
		"weekday=1&hour_of_day=09":          "[{weekday 1} {hour_of_day 09}] -, Weekday is Monday, Hour of day is 09:00",
	} {
		s := stateFrom(t, w, query)
		single, others := s.conditions()
		var words []string
		for _, c := range s.chips() {
			words = append(words, c.Label)
		}
		got := fmt.Sprintf("%v %s, %s", single, spelled(others), strings.Join(words, ", "))
		if query == "country.contains=land&country=DE" {
			if len(s.filters) != 2 || !strings.Contains(got, "IE") || !strings.Contains(got, "NL") || strings.Contains(got, "DE FR") {
				t.Errorf("%s: %s", query, got)
			}
		} else if got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if again := stateFrom(t, w, s.values().Encode()); fmt.Sprint(again.filters) != fmt.Sprint(s.filters) || len(s.amiss) > 0 {
			t.Errorf("%s comes back as %v, not %v; amiss: %q", query, again.filters, s.filters, s.amiss)
		}
		if q := s.query(metric.Visitors, spanOf(s, fixed, 0).window, nil); q.Check() != nil {
			t.Errorf("%s: %v", query, q.Check())
		}
	}
}

func spelled(w *metric.Where) string {
	switch {
	case w == nil:
		return "-"
	case w.Not != nil:
		return "not " + spelled(w.Not)
	case w.Done != nil:
		return "done " + spelled(w.Done)
	case w.All == nil:
		return fmt.Sprint(w.Dimension, " ", w.Op, " ", w.Values)
	}
	var all []string
	for i := range w.All {
		all = append(all, spelled(&w.All[i]))
	}
	return "(" + strings.Join(all, " & ") + ")"
}

// TestUnknownSite: an address of a site that there is not, or that who asks may not see, shows
// another one's figures, and says so.
func TestUnknownSite(t *testing.T) {
	w := newWorld(t, time.Now, "example.com")
	sites := mustSites(t, w)
	for asked, amiss := range map[string]string{
		"":          "",
		sites[0].ID: "",
		"nope":      "There is no site “nope” for you: these are the figures of " + sites[0].Domain + ".",
	} {
		s := readState(tongue{}, url.Values{"site": {asked}}, sites, fixed)
		if got := strings.Join(s.amiss, "\n"); got != amiss || s.site.ID != sites[0].ID {
			t.Errorf("site %q: %s, said %q, want %q", asked, s.site.ID, got, amiss)
		}
	}
}

// TestFiltersThatCannotBe are left out, and the page says so in words.
func TestFiltersThatCannotBe(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	long := strings.Repeat("x", metric.MaxValue+1)
	for query, says := range map[string]string{
		"affiliate=anna": "These figures can’t be filtered by “affiliate”: the filter is left out.",
		"shoe.is_not=1":  "These figures can’t be filtered by “shoe”: the filter is left out.",
		"page=" + long:   "a value is a text of at most",
		"page=%00":       "a value is a text of at most",
	} {
		w.source.asked = nil
		page := html.UnescapeString(w.get(t, "/?country=DE&"+query))
		lacks(t, page, says, "Country is Germany")
		for _, q := range w.source.asked {
			if len(q.Filters) > 0 && q.Filters[0].Dimension != "country" {
				t.Errorf("%s asks %+v", cut(query), q)
			}
		}
	}
}

// TestUnknownWords: what the address says and the page does not know is left out with a
// word, and does not come back in its links; what it knows is no trouble.
func TestUnknownWords(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	for _, query := range []string{"period=Nonsense", "metric=Foo", "compare=moon", "match=moon", "step=fortnight", "from=moon", "last=2024-02-30", "to=1", "detail=shoes", "tab=shoes"} {
		name, text, _ := strings.Cut(query, "=")
		lacks(t, html.UnescapeString(w.get(t, "/?country=DE&"+query)), "The address says "+name+"="+text+", which is not known here: it is left out.", "Country is Germany")
		if s := stateFrom(t, w, query); strings.Contains(s.href(), text) {
			t.Errorf("%s comes back: %s", query, s.href())
		}
	}
	for _, query := range []string{"period=last7days&compare=year&match=dates&step=day&metric=Sessions", "period=&metric=&tab=exit_page&detail=country", "from=2024-02-01&last=2024-02-03&compare=none", "tab=arm:price"} {
		if s := stateFrom(t, w, query); len(s.amiss) > 0 {
			t.Errorf("%s: %q", query, s.amiss)
		}
	}
}

// TestUnknownNames: so is what the address calls by a name that no board has, and not what
// others hang on to links; on public pages, to which everybody links, neither.
func TestUnknownNames(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	at := "/?country=DE&device.is_not=phone&property:plan=free&arm:price=b"
	lacks(t, html.UnescapeString(w.get(t, at+"&perod=Last7Days&Country=FR&<b>=1")), "The address says perod=Last7Days, which is not known here: it is left out.", "says Country=FR,", "says <b>=1,", "Country is Germany")
	if page := w.get(t, at+"&a=1&b=1&c=1&d=1&e=1"); strings.Count(page, "The address says") != mostStrange {
		t.Error("all of many are told")
	}
	query := "&utm_id=7&utm_content=x&gclid=a&fbclid=b&UTM_x=1&_hsenc=1&mc_cid=1&ref=c&token=d&link=e&next=f&done=x&search=s&offset=0&saved=&back=/goals&how=is"
	if page := w.get(t, at+query); strings.Contains(page, "The address says") {
		t.Errorf("what is known, or of others, is told as unknown: %q", regexp.MustCompile(`The address says[^<]*`).FindAllString(page, -1))
	}
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	lacks(t, html.UnescapeString(w.get(t, "/share/"+token+"?perod=Last7Days&period=Nonsense")), "The address says perod=Last7Days,", "The address says period=Nonsense,")
	w.publish(t, w.site.ID, "on")
	if page := w.get(t, "/public/atelier.example?perod=Last7Days"); strings.Contains(page, "The address says") || !strings.Contains(page, "38") {
		t.Error("a public page tells of names")
	}
}

// TestFilterForm: the page offers what can be filtered on, the form asks for one with the
// values of the period, and what it sends leads to the page that is filtered so.
func TestFilterForm(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	lacks(t, w.get(t, "/?country=DE"), `/?add=entry_page&amp;country=DE&amp;site=`, ">Hour of day<", `title="Change: Country is Germany"`)
	page := w.get(t, "/?add=country&country=DE&device=phone&how=is&period=Last7Days")
	lacks(t, page, `name="value" value="DE" checked`, `<span class="label">France</span><span class="n">`, `name="was" value="country"`,
		`type="hidden" name="device" value="phone"`, `type="hidden" name="period" value="Last7Days"`)
	form := regexp.MustCompile(`(?s)<section class="card asking".*?</section>`).FindString(page)
	if form == "" || strings.Contains(form, `type="hidden" name="country"`) || strings.Contains(page, "data-live") {
		t.Error("the form sends the filter that it changes, or is drawn anew while somebody fills it in")
	}
	for key, name := range map[string]string{"property:plan": "Property plan", "arm:price": "Arm of price"} { // a click on their chips
		lacks(t, w.get(t, "/?add="+key+"&"+key+"=pro"), "Filter by "+name, `name="value" value="pro" checked`, `name="was" value="`+key+`"`)
	}
	session := w.login(t)
	send := func(query string) (int, string, string) {
		b := w.browser(t)
		b.session = session
		rec := b.do("GET", "/?site="+w.site.ID+"&"+query, nil)
		return rec.Code, rec.Header().Get("Location"), html.UnescapeString(rec.Body.String())
	}
	site := "&site=" + w.site.ID
	for query, want := range map[string]string{
		"set=country&was=country&how=is&value=DE&value=FR&device=phone": "/?country=DE&country=FR&device=phone" + site,
		"set=country&was=country&how=is_not&text=germany":               "/?country.is_not=DE" + site,
		"set=page&was=page&how=contains&text=+/blog+":                   "/?page.contains=%2Fblog" + site,
		"set=page&was=page.contains&how=is&text=/x&page.contains=y":     "/?page=%2Fx" + site,
		"set=weekday&how=is&text=sunday":                                "/?site=" + w.site.ID + "&weekday=7",
		"set=page&how=is&text=/x&back=https://evil.example/":            "/?page=%2Fx" + site,
	} {
		if code, to, _ := send(query); code != 303 || to != want {
			t.Errorf("%s leads to %d %s, want %s", query, code, to, want)
		}
	}
	for query, says := range map[string]string{
		"set=country&how=is":                  "Tick a value, or type one.",
		"set=affiliate&how=is&text=anna":      "can’t be filtered by",
		"set=page&how=contains&text=" + "%00": "a value is a text",
	} {
		if code, _, page := send(query); code != 200 || !strings.Contains(page, says) {
			t.Errorf("%s: %d", query, code)
		}
	}
	w.source.broken = map[metric.Dimension]error{"country": errors.New("gone")}
	w.Handler = New(w.source, w.control, w.control, Options{Now: now, Questions: tables{of: w.source}, Log: slog.New(slog.DiscardHandler)})
	lacks(t, w.get(t, "/?add=country"), "There are no suggestions: This could not be counted.", `name="text"`)
}

// TestDetails: a list has the page to itself, with search, order, pages and all columns
// in the URL, and asks for nothing but its rows.
func TestDetails(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	w.source.asked, w.source.reports = nil, nil
	page := html.UnescapeString(w.get(t, "/?detail=page&search=blog&order=BounceRate+asc&device=phone&period=Last7Days"))
	if len(w.source.reports) != 1 {
		t.Fatalf("asked %d reports", len(w.source.reports))
	}
	r := w.source.reports[0]
	if spelled(r.Where) != "((device is [phone]) & page contains [blog])" && spelled(r.Where) != "((device is [phone]) & not page is [] & page contains [blog])" || r.Order[0] != (metric.Order{Metric: metric.BounceRate}) || r.Limit != rowsPage || r.Offset != 0 {
		t.Errorf("asked %s %+v", spelled(r.Where), r)
	}
	lacks(t, page, `aria-sort="ascending"><a href="/?detail=page&device=phone&order=BounceRate+desc&period=Last7Days&search=blog`, `value="blog"`, "Time on page",
		`href="/?csv=page&device=phone&format=ndjson&order=BounceRate+asc&period=Last7Days&search=blog`, `href="/?device=phone&period=Last7Days&site=atelier-example">All figures`,
		`type="hidden" name="order" value="BounceRate asc"`)
	if strings.Contains(page, `class="strip"`) || strings.Contains(page, `type="hidden" name="offset"`) {
		t.Error("there is more on the page, or a search begins in the middle")
	}
	for i := range 250 {
		invented["language"] = append(invented["language"], fmt.Sprintf("x%03d", i))
	}
	defer func() { invented["language"] = invented["language"][:2] }()
	w.source.scale = 1000
	page = html.UnescapeString(w.get(t, "/?detail=language&offset=100"))
	lacks(t, page, "101 to 200 of 252 rows", "offset=200", `href="/?detail=language&site=`)
	s := stateFrom(t, w, "detail=language&offset=100")
	if to, why := s.set(url.Values{"set": {"device"}, "value": {"phone"}}); why != "" || to.offset != 0 || regexp.MustCompile(`offset=100[^"]*period=`).MatchString(page) {
		t.Error("another period, or another filter, begins in the middle of its rows")
	}
	if n := strings.Count(page, `<th scope="row">`); n != 100 {
		t.Errorf("%d rows on a page", n)
	}
	for _, query := range []string{"?detail=nonsense", "?detail=page&offset=-3&order=x", "?detail=page&order=Nothing+asc"} {
		w.get(t, "/"+query)
	}
	w.source.reports = nil
	w.get(t, "/?detail=country&search=land")
	if got := spelled(w.source.reports[0].Where); !strings.HasPrefix(got, "(country is [") || !strings.Contains(got, " IE ") {
		t.Errorf("a country's name is searched as %s", got)
	}
}

// TestTooMuchForEvents: columns that only events tell are left out where these are gone,
// and the page says why.
func TestTooMuchForEvents(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	w.Handler = New(w.source, w.control, w.control, Options{Now: now, Questions: tables{of: fewColumns{w.source}}, Log: slog.New(slog.DiscardHandler)})
	page := w.get(t, "/?detail=page")
	lacks(t, page, "Not all columns can be told: the events are removed", "Bounce rate")
	if strings.Contains(page, "Time on page") {
		t.Error("a column without figures is shown")
	}
}

type fewColumns struct{ *plausible }

func (f fewColumns) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if len(r.Metrics) > 4 {
		return metric.Table{}, &metric.QueryError{Why: "the events are removed"}
	}
	return f.plausible.Tabulate(ctx, r)
}

// TestRefusedOfSome: where one of the big numbers can't be told of the period, those are
// that are asked for together with it.
func TestRefusedOfSome(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	w.Handler = New(w.source, w.control, w.control, Options{Now: now, Questions: tables{of: noLengths{w.source}}, Log: slog.New(slog.DiscardHandler)})
	page := w.get(t, "/")
	for id, told := range map[string]bool{"sessions": true, "bouncerate": true, "visitors": true, "viewspersession": false} {
		_, cell, _ := strings.Cut(page, `id="cell-`+id+`"`)
		cell, _, _ = strings.Cut(cell, "</a>")
		if strings.Contains(cell, `class="value"`) != told || strings.Contains(cell, "of then") == told {
			t.Errorf("%s: %q", id, cell)
		}
	}
}

// noLengths is a source that knows nothing of how many views sessions have.
type noLengths struct{ *plausible }

func (n noLengths) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if slices.Contains(r.Metrics, metric.ViewsPerSession) {
		return metric.Table{}, &metric.QueryError{Why: "there are no events of then"}
	}
	return n.plausible.Tabulate(ctx, r)
}

// TestWorld: the map has the figures of the list, and those countries alone that it draws.
func TestWorld(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	invented["country"] = append(invented["country"], "MT") // too small for it
	defer func() { invented["country"] = invented["country"][:len(invented["country"])-1] }()
	for _, path := range []string{"/", "/?tab=city"} {
		page := html.UnescapeString(w.get(t, path))
		found := regexp.MustCompile(`(?s)tabindex="-1"><title>([^<]*)</title><use class="shade(\d)" href="([^"]*)"`).FindAllStringSubmatch(page, -1)
		if len(found) != 9 {
			t.Fatalf("%d countries on the map: %v", len(found), found)
		}
		first := found[0]
		if !strings.HasPrefix(first[1], "Germany: ") || !strings.HasSuffix(first[1], "%") || first[2] != "5" || first[3] != Assets()+"/world.svg#DE" {
			t.Errorf("%q", first)
		}
	}
	if len(assets()["world.svg"]) > 60_000 || len(drawnLands()) < 170 {
		t.Errorf("%d bytes, %d countries", len(assets()["world.svg"]), len(drawnLands()))
	}
	for code := range drawnLands() {
		if countryNames()[code] == "" && code != "XK" {
			t.Errorf("the map has %s, the list of countries has not", code)
		}
	}
}
