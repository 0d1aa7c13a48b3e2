package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/event"
	"footfall/metric"
)

// visits are those of some visitors of a shop, with something of everything that lists
// are of.
func visits(site string, at time.Time) (all []event.Event) {
	pick := func(i int, of ...string) string { return of[i%len(of)] }
	for i := range 240 {
		v := i % 37
		e := event.Event{ID: fmt.Sprint("v-", i), Site: site, Kind: event.Page, Channel: "web", Visitor: uint64(v + 1), Host: "shop.example",
			Path: pick(i, "/", "/a", "/a/b", "/shoes", "/thanks"), Country: pick(v, "DE", "DE", "IE", "NL", ""), Device: pick(v, "phone", "desktop", "phone"),
			Browser: pick(v, "Firefox", "Chrome"), OS: pick(v, "iOS", "Windows"), Class: pick(v, "direct", "search", "campaign"), Source: pick(v, "", "Google", "letter")}
		switch e.Time = at.Add(time.Duration(i) * 7 * time.Minute); {
		case i%9 == 4 && v%3 > 0: // a step within the visit
			e.Class, e.Source = "internal", "shop.example"
		case i%7 == 3:
			e.Kind, e.Name = event.Track, pick(i, "Signed Up", event.Download)
		case i%11 == 5:
			e.Kind, e.Name, e.Properties = event.Track, pick(i, "Product Viewed", "Order Completed"), fmt.Sprintf(`{"products":[{"product_id":"p%d","category":"%s","price":%d.25}]}`, i%4, pick(i, "garden", "kitchen"), i%5+1)
		}
		if e.Class == "campaign" {
			e.Campaign.Name, e.Campaign.Source = pick(v, "spring", "autumn"), "letter"
		}
		e.Original, e.Received = e.Time, e.Time
		all = append(all, e)
	}
	return all
}

// newListed is a site with visits and a goal, looked at by somebody who may read it.
func newListed(t *testing.T, goal string) *listed {
	h := newHome(t)
	site := h.addSite("shop.example", "UTC")
	must(t, goalBook{h.control}.PutGoal(t.Context(), site, metric.Goal{Name: goal, Act: metric.Act{Page: "/thanks"}}))
	h.publish(visits(site, time.Date(2026, 5, 1, 6, 0, 0, 0, time.UTC))...)
	key, _, err := h.control.AddKey(t.Context(), account.Key{Site: site, Scopes: []account.Scope{account.Read}})
	must(t, err)
	session, err := h.control.AddSession(t.Context(), "")
	must(t, err)
	return &listed{h, t, h.server().Handler, key, session, ""}
}

// TestListsAreTheAPIs: every list of the dashboard, its details and its file have the
// figures that POST /v1/query has for the same question, whatever the filters.
func TestListsAreTheAPIs(t *testing.T) {
	l := newListed(t, "Thanks")
	lists := []string{"page", "entry_page", "exit_page", "source", "class", "country", "device", "os", "browser", "utm_campaign", "utm_source", "event", "goal", "downloads", "product", "category"}
	for filters, same := range map[string]string{
		"":                                     ``,
		"country=DE":                           `["is","country",["DE"]]`,
		"country=DE&country=IE":                `["is","country",["DE","IE"]]`,
		"page.contains=/a&device.is_not=phone": `["contains","page",["/a"]],["is_not","device",["phone"]]`,
		"country.contains=land":                `["is","country",["IE","NL"]]`,
		"event=Signed+Up":                      `["has_done",["is","event",["Signed Up"]]]`,
	} {
		some := 0
		l.pages = l.page(filters) + l.page("tab=entry_page&tab=class&tab=os&tab=utm_source&tab=goal&"+filters) + l.page("tab=exit_page&tab=downloads&"+filters)
		for _, name := range lists {
			some += l.compare(name, filters, same)
		}
		if some < 20 {
			t.Errorf("with %q the lists have %d rows in all", filters, some)
		}
	}
}

// listed asks for lists and for tables.
type listed struct {
	*home
	t            *testing.T
	handler      http.Handler
	key, session string
	pages        string // with all lists
}

func (l *listed) page(query string) string {
	l.t.Helper()
	return l.at("/?from=2026-05-01&to=2026-05-04&" + query)
}

// at is a page, without what is escaped in it.
func (l *listed) at(path string) string {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), "GET", path, nil)
	r.Header.Set("Prefer", "wait=20")
	r.AddCookie(&http.Cookie{Name: "footfall_session", Value: l.session})
	rec := httptest.NewRecorder()
	if l.handler.ServeHTTP(rec, r); rec.Code != 200 {
		l.t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return html.UnescapeString(rec.Body.String())
}

var (
	shortRow = regexp.MustCompile(`<span class="label">([^<]*)</span><span class="share">[^<]*</span><span class="n">([^<]*)</span>`)
	wideRow  = regexp.MustCompile(`<tr[^>]*><th scope="row">.*?</th><td>([^<]*)</td>`)
)

// compare compares a list with the API, and tells how many rows it has.
func (l *listed) compare(name, filters, same string) int {
	l.t.Helper()
	at := name + " with " + filters
	file, err := csv.NewReader(strings.NewReader(l.page("csv=" + name + "&" + filters))).ReadAll()
	must(l.t, err)
	where := []string{}
	if same != "" {
		where = append(where, same)
	}
	switch by := file[0][0]; {
	case by == "source":
		where = append(where, `["or",[["is_not","source",["","shop.example"]],["is","class",["direct"]]]]`)
	case slices.Contains([]string{"entry_page", "exit_page", "class", "utm_campaign", "utm_source", "event"}, by):
		where = append(where, `["is_not","`+by+`",[""]]`)
	}
	metrics, err := json.Marshal(file[0][1:])
	must(l.t, err)
	var out api.Table
	l.post(l.t, l.handler, l.key, "/v1/query", fmt.Sprintf(`{"metrics":%s,"dimensions":[%q],"date_range":["2026-05-01","2026-05-03"],"filters":[%s],"pagination":{"limit":1000}}`, metrics, file[0][0], strings.Join(where, ",")), &out)
	want := map[string]string{}
	for _, row := range out.Results {
		figures := make([]string, len(row.Metrics))
		for i, n := range row.Metrics {
			if n != nil {
				figures[i] = n.String()
			}
		}
		value := row.Dimensions[0]
		if name == "source" && value == "" {
			value = "direct"
		}
		want[value] = strings.Join(figures, ",")
	}
	var firsts []int
	for _, row := range file[1:] {
		if got := strings.Join(row[1:], ","); got != want[row[0]] {
			l.t.Errorf("%s: %s has %s in the file, %s by the API", at, row[0], got, want[row[0]])
		}
		if n, err := strconv.Atoi(row[1]); err == nil && n > 0 {
			firsts = append(firsts, n)
		}
	}
	if len(file)-1 != len(want) {
		l.t.Errorf("%s: %d rows in the file, %d by the API", at, len(file)-1, len(want))
	}
	if name != "product" && name != "category" {
		l.shown(at, file[0], firsts)
	}
	if filters != "country=DE" {
		return len(file) - 1
	}
	if rows := wideRow.FindAllStringSubmatch(l.page("detail="+name+"&"+filters), -1); len(rows) != len(file)-1 {
		l.t.Errorf("%s: %d rows in the details, %d in the file", at, len(rows), len(file)-1)
	}
	return len(file) - 1
}

// shown looks for the first rows' figures in the pages.
func (l *listed) shown(at string, head []string, want []int) {
	l.t.Helper()
	slices.SortFunc(want, func(a, b int) int { return b - a })
	var lists []string
	for _, section := range strings.Split(l.pages, `<section class="card list`)[1:] {
		var got []string
		for _, row := range shortRow.FindAllStringSubmatch(section, -1) {
			got = append(got, row[2])
		}
		lists = append(lists, strings.Join(got, " "))
	}
	var first []string
	for _, n := range want[:min(8, len(want))] {
		first = append(first, strconv.Itoa(n))
	}
	if !slices.Contains(lists, strings.Join(first, " ")) {
		l.t.Errorf("%s: no list shows %v of %s, but\n%s", at, first, head, strings.Join(lists, "\n"))
	}
}
