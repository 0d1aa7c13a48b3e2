package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/event"
	"footfall/history"
	"footfall/metric"
)

// atEachDoor spells one question at each door of figures.
func atEachDoor(site string, m metric.Name, d metric.Dimension, filter string) map[string][3]string {
	v := url.Values{"site": {site}, "metric": {string(m)}, "by": {string(d)}, "window": {"Today"}, "step": {"total"}}
	graph := fmt.Sprintf("metricType: %s, timeWindow: Today, granularity: Total, site: %q", m, site)
	post := map[string]any{"site_id": site, "metrics": []any{m}, "date_range": "day"}
	name, property := d.Property()
	switch {
	case property:
		graph += fmt.Sprintf(", byProperty: %q", name)
	case d != "":
		graph += ", by: " + string(d)
	}
	if d != "" {
		post["dimensions"] = []any{d}
	}
	if filter != "" {
		v.Set(string(d), filter)
		post["filters"] = []any{[]any{"is", d, []string{filter}}}
		if graph += fmt.Sprintf(", filters: [{dimension: %s, value: %q}]", d, filter); property {
			graph = strings.Replace(graph, "{dimension: "+string(d), fmt.Sprintf("{property: %q", name), 1)
		}
	}
	body, _ := json.Marshal(post)
	query, _ := json.Marshal(map[string]string{"query": "{ getAnalyticsData(" + graph + ") { dataset { series value } } }"})
	return map[string][3]string{"GET": {"GET", "/v1/query?" + v.Encode(), ""}, "POST": {"POST", "/v1/query", string(body)}, "GraphQL": {"POST", "/graphql", string(query)}}
}

// TestAnAffiliateReadsOwnAtEveryDoor, rule 17: of whatever is stored, and at whatever
// address there is, an affiliate's key reads what is this affiliate's, and nothing else.
func TestAnAffiliateReadsOwnAtEveryDoor(t *testing.T) {
	h := newHome(t)
	ids := h.twoEarners()
	if fault, code := h.typed(nil, "site", "set", "a-example", "--history", "24"); code != 0 {
		t.Fatal(fault)
	}
	today := time.Now().UTC().Truncate(time.Millisecond)
	var all []event.Event
	for i := range 10 {
		word, class, source := "mine", metric.ClassAffiliate, "Anna"
		switch {
		case i > 6:
			word, class, source = "theirs-direct", "direct", ""
		case i > 2:
			word, source = "theirs", "Theirs"
		}
		e := event.Event{ID: word + fmt.Sprint(i), Site: "a-example", Kind: event.Page, Path: "/" + word, Host: word, Title: word, Referrer: word, Time: today, Original: today, Received: today, Visitor: uint64(i + 1), Class: class, Source: source, UserID: "u-" + word,
			Country: word, Browser: word, OS: word, Device: word, Properties: `{"plan":"` + word + `"}`, Labels: event.Labels{Region: word, City: word, Language: word, Screen: word}}
		all = append(all, e)
	}
	h.publish(all...)
	_, err := h.house.segments.put(t.Context(), "a-example", parsed(t, `{"name":"theirs-fans","when":{"views":{"at_least":1}}}`))
	must(t, err)
	must(t, h.histories.Move(t.Context(), "a-example", history.Move{Visitor: "u-mine", In: []history.Member{{Segment: "theirs-fans", Version: 1, Since: today}}}))
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.OfAffiliate + account.Scope(ids["Anna"])}})
	must(t, err)
	l := &leaks{h: h, t: t, key: key, hidden: regexp.MustCompile(`(?i)theirs|9876|4938|` + ids["Theirs"] + `|` + ids["theirs-1"])}
	l.figures()
	l.routes(ids)
	server := httptest.NewServer(h.server().Handler)
	t.Cleanup(server.Close)
	h.hear(server, "metric=PageViews@Today&site=a-example", "Authorization", "Bearer "+key).has(`"value":3}`, `"value":10`)
	h.analyst("a-example", account.OfAffiliate+account.Scope(ids["Anna"])).is("SELECT count(*) AS n, count(DISTINCT path) AS p FROM PageViewsTable", "n,p|3,1")
}

// TestSegmentsNeedHistories: a site without histories says at every door how to have some.
func TestSegmentsNeedHistories(t *testing.T) {
	h := newHome(t)
	site := h.addSite("a.example", "UTC")
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	l := &leaks{h: h, t: t, key: key, hidden: regexp.MustCompile("^$")}
	for door, q := range atEachDoor(site, metric.Visitors, metric.Segment, "fans") {
		if status, text := l.ask(q[0], q[1], q[2]); !strings.Contains(text, "footfall site set a.example --history 24") || door != "GraphQL" && status != 400 {
			t.Errorf("%s: %d %s", door, status, text)
		}
	}
}

// leaks asks with an affiliate's key.
type leaks struct {
	h      *home
	t      *testing.T
	key    string
	hidden *regexp.Regexp // what is another's
}

// ask asks, whatever the answer; what it asks with may be in it.
func (l *leaks) ask(method, path, body string) (status int, text string) {
	l.t.Helper()
	r := httptest.NewRequestWithContext(l.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+l.key)
	rec := httptest.NewRecorder()
	l.h.server().Handler.ServeHTTP(rec, r)
	if text = rec.Body.String(); l.hidden.MatchString(text) && !l.hidden.MatchString(path+body) {
		l.t.Errorf("%s %s %s: %d tells of another: %s", method, path, body, rec.Code, text)
	}
	return rec.Code, text
}

// figures asks for every metric, and by every dimension, and by what is another's.
func (l *leaks) figures() {
	dimensions := append([]metric.Dimension{"", metric.Property("plan")}, metric.Dimensions...)
	told := 0
	for _, m := range metric.Names {
		for _, d := range dimensions {
			if d != "" && m != metric.PageViews && m != metric.Sessions && m != metric.BounceRate && m != metric.Commissions {
				continue // each with some is enough
			}
			for _, filter := range []string{"", "theirs"} {
				if d == "" && filter != "" {
					continue
				}
				answers := map[string]string{}
				for door, q := range atEachDoor("a-example", m, d, filter) {
					status, text := l.ask(q[0], q[1], q[2])
					answers[door] = ""
					if status == 200 && !strings.Contains(text, `"errors"`) {
						answers[door] = "told"
						told++
					}
					if numbers := regexp.MustCompile(`"(value|metrics)":\[?"?([1-9][0-9.]*)`).FindAllStringSubmatch(text, -1); answers[door] != "" && (filter != "" && len(numbers) > 0 || m == metric.PageViews && slices.ContainsFunc(numbers, func(n []string) bool { return n[2] != "3" })) {
						l.t.Errorf("%s by %q is %q, %s: %s", m, d, filter, door, text)
					}
				}
				if answers["GET"] != answers["POST"] || answers["GET"] != answers["GraphQL"] {
					l.t.Errorf("%s by %q is %q: not every door answers: %v", m, d, filter, answers)
				}
			}
		}
	}
	if told < 300 {
		l.t.Errorf("told %d times only", told)
	}
}

// routes asks at every address.
func (l *leaks) routes(ids map[string]string) {
	fill := strings.NewReplacer("{id}", "u-theirs", "{name}", "theirs-fans", "{order}", ids["theirs-1"])
	for _, r := range account.Routes {
		if r.Action == account.Public || strings.HasPrefix(r.Pattern, "/v1/live") {
			continue
		}
		path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(fill.Replace(r.Pattern), "theirs")
		for _, body := range []string{"", "{}", `{"query":"SELECT * FROM EventsTable"}`} {
			status, text := l.ask(r.Method, path+"?site=a-example", body)
			if path != r.Pattern && status == 200 {
				l.t.Errorf("%s %s: an affiliate is told %s", r.Method, path, text)
			}
		}
	}
}

// TestTimesAtEveryDoor: days that are longer or shorter, zones of half and quarter
// hours, weeks and months at the end of years, and windows without anything are the
// same at every door.
func TestTimesAtEveryDoor(t *testing.T) {
	h := newHome(t)
	site := h.addSite("a.example", "Europe/Berlin")
	for i, at := range []string{"2024-03-31T00:30:00Z", "2024-03-31T01:00:00Z", "2024-10-27T00:10:00Z", "2024-10-27T01:10:00Z", "2024-10-27T02:10:00Z", "2024-06-01T18:14:59Z", "2024-06-01T18:15:00Z",
		"2024-04-06T14:50:00Z", "2024-04-06T15:10:00Z", "2024-04-07T13:29:59Z", "2024-04-07T13:30:00Z", "2024-12-29T22:59:59Z", "2024-12-29T23:00:00Z", "2024-12-31T22:59:59Z", "2024-12-31T23:00:00Z", "2025-01-05T22:59:59Z"} {
		e := view(site, "/", at, uint64(i+1))
		e.ID = at
		h.publish(e)
	}
	key, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	x := &times{h: h, t: t, key: key, ask: h.asking()}
	for _, c := range []struct{ zone, from, to, step, by, want string }{
		{"", "2024-03-31", "2024-03-31", "day", "", "2024-03-31=2"},
		{"", "2024-03-31", "2024-03-31", "hour", "", "01:00:00+01:00=1 03:00:00+02:00=1 of 23"},
		{"", "2024-10-27", "2024-10-27", "hour", "", "02:00:00+02:00=1 02:00:00+01:00=1 03:00:00+01:00=1 of 25"},
		{"", "2024-10-27", "2024-10-27", "total", "hour_of_day", "02=2 03=1"},
		{"", "2024-10-26", "2024-10-28", "total", "weekday", "7=3"},
		{"Asia/Kathmandu", "2024-06-01", "2024-06-02", "day", "", "2024-06-01=1 2024-06-02=1"},
		{"Asia/Kathmandu", "2024-06-01", "2024-06-02", "total", "hour_of_day", "00=1 23=1"},
		{"Australia/Lord_Howe", "2024-04-07", "2024-04-07", "hour", "", "01:00:00+11:00=1 01:30:00+10:30=1 23:00:00+10:30=1 of 25"},
		{"Australia/Lord_Howe", "2024-04-07", "2024-04-08", "day", "", "2024-04-07=3 2024-04-08=1"},
		{"", "2024-12-23", "2025-01-05", "week", "", "2024-12-23=1 2024-12-30=4"},
		{"", "2024-12-01", "2025-01-31", "month", "", "2024-12-01=3 2025-01-01=2"},
		{"", "2024-12-01", "2025-01-31", "year", "", "2024-01-01=3 2025-01-01=2"},
		{"", "2199-03-01", "2199-03-03", "day", "", "of 3"},
		{"", "2199-03-01", "2199-03-03", "day", "page", ""},
		{"", "1999-12-27", "2000-01-02", "week", "", "of 1"},
	} {
		x.compare(c.zone, c.from, c.to, c.step, c.by, c.want, site)
	}
	for door, q := range x.questions("", "2024-06-03", "2024-06-01", "day", "", site) { // to is the day after the last
		l := &leaks{h: h, t: t, key: key, hidden: regexp.MustCompile("^$")}
		if status, text := l.ask(q[0], q[1], q[2]); !strings.Contains(text, "ends before it begins") && !strings.Contains(text, "is no time") || door != "GraphQL" && status != 400 {
			t.Errorf("an empty window, %s: %d %s", door, status, text)
		}
	}
}

// times asks about stretches of time.
type times struct {
	h   *home
	t   *testing.T
	key string
	ask func(token, method, path, body string) string
}

// after is the day after another.
func after(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return at.AddDate(0, 0, 1).Format(time.DateOnly)
}

func (x *times) questions(zone, from, to, step, by, site string) map[string][3]string {
	steps := map[string]string{"day": "Day", "hour": "Hour", "week": "Week", "month": "Month", "year": "Year", "total": "Total"}
	v := url.Values{"site": {site}, "metric": {"PageViews"}, "by": {by}, "from": {from}, "to": {after(to)}, "step": {step}, "timezone": {zone}}
	graph := fmt.Sprintf(`metricType: PageViews, from: %q, to: %q, granularity: %s, timezone: %q`, from, after(to), steps[step], zone)
	dimensions := []string{}
	if by != "" {
		dimensions, graph = append(dimensions, by), graph+", by: "+by
	}
	if step != "total" {
		dimensions = append([]string{"time:" + step}, dimensions...)
	}
	body, err := json.Marshal(map[string]any{"site_id": site, "metrics": []string{"PageViews"}, "date_range": []string{from, to}, "timezone": zone, "dimensions": dimensions})
	must(x.t, err)
	query, err := json.Marshal(map[string]string{"query": "{ getAnalyticsData(" + graph + ") { dataset { series timestamp value } } }"})
	must(x.t, err)
	return map[string][3]string{"GET": {"GET", "/v1/query?" + v.Encode(), ""}, "POST": {"POST", "/v1/query", string(body)}, "GraphQL": {"POST", "/graphql", string(query)}}
}

// compare asks at each door, and by the command. The answer is spelled by time or by
// value, without zeros, and how many steps there are of hours or of nothing.
func (x *times) compare(zone, from, to, step, by, want, site string) {
	x.t.Helper()
	got := map[string]string{}
	spell := func(door string, n int, each func(i int) (label, value string)) {
		var all []string
		for i := range n {
			label, value := each(i)
			if step == "hour" {
				label = label[len("2024-03-31T"):]
			} else if by == "" {
				label = label[:len(time.DateOnly)]
			}
			if value != "0" {
				all = append(all, label+"="+value)
			}
		}
		if by != "" {
			slices.Sort(all)
		}
		if step == "hour" || len(all) == 0 && n > 0 {
			all = append(all, fmt.Sprint("of ", n))
		}
		got[door] = strings.Join(all, " ")
	}
	points := func(door string, points []api.Point) {
		spell(door, len(points), func(i int) (string, string) {
			if by != "" {
				return points[i].Series, spellNumber(points[i].Value)
			}
			return points[i].Timestamp, spellNumber(points[i].Value)
		})
	}
	asked := x.questions(zone, from, to, step, by, site)
	text := func(door string) []byte { return []byte(x.ask(x.key, asked[door][0], asked[door][1], asked[door][2])) }
	var answer, typed api.Answer
	var graph struct {
		Data struct{ GetAnalyticsData api.Answer }
	}
	var table api.Table
	must(x.t, json.Unmarshal(text("GET"), &answer))
	must(x.t, json.Unmarshal(text("GraphQL"), &graph))
	must(x.t, json.Unmarshal(text("POST"), &table))
	points("GET", answer.Dataset)
	points("GraphQL", graph.Data.GetAnalyticsData.Dataset)
	spell("POST", len(table.Results), func(i int) (string, string) {
		return table.Results[i].Dimensions[0], spellNumber(table.Results[i].Metrics[0])
	})
	if fault, code := x.h.typed(&typed, "query", "--site", site, "--by", by, "--from", from, "--to", after(to), "--step", step, "--timezone", zone); code != 0 {
		x.t.Error(fault)
	}
	points("the command", typed.Dataset)
	for door, said := range got {
		if said != want {
			x.t.Errorf("%s to %s by %s and %q in %q, %s: %s, want %s", from, to, step, by, zone, door, said, want)
		}
	}
}
