package storetest

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// does reports whether an event is one by which a visitor does something.
func (x *tabling) does(a metric.Act, e *event.Event) bool {
	done := e.Kind == event.Track && e.Name == a.Event
	if a.Page != "" {
		done = isView(e) && fits(a.Page, e.Path)
	}
	return done && x.holds(a.Where, e, nil)
}

// fits reports whether a text is of a pattern's form: one character after the other.
func fits(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return fits(pattern[1:], text) || text != "" && fits(pattern, text[1:])
	}
	return text != "" && text[0] == pattern[0] && fits(pattern[1:], text[1:])
}

// reachedBy lists the goals that an event reaches.
func (x *tabling) reachedBy(e *event.Event) (all []metric.Goal) {
	for _, g := range x.Goals {
		if x.does(g.Act, e) {
			all = append(all, g)
		}
	}
	return all
}

// lookingAt is the report as it looks at events that reach a goal.
func (x *tabling) lookingAt(g metric.Goal) *tabling {
	y := *x
	y.goal = g.Name
	return &y
}

// reaching hands over what counts for a metric: each goal that an event reaches.
func (x *tabling) reaching(m metric.Name, fn func(e *event.Event, keys []string, n int64)) {
	for _, e := range x.events {
		if !within(e.Time, x.Window) || !x.ofAffiliate(&e) {
			continue
		}
		trade, _ := e.Trade()
		for _, g := range x.reachedBy(&e) {
			y, n := x.lookingAt(g), int64(1)
			counts := true
			switch m {
			case metric.GoalCompletions, metric.Events:
			case metric.GoalVisitors, metric.Visitors:
				counts = e.Visitor != 0
			case metric.GoalValue:
				n = x.completion(g, &e)
			case metric.PageViews:
				counts = isView(&e)
			case metric.Downloads:
				counts = e.Kind == event.Track && e.Name == event.Download
			default:
				counts, n = trade.Kind == trades[m] && trades[m] != "", x.worth(m, &trade, trade.Amount)
			}
			if counts && y.holds(x.Where, &e, nil) {
				for _, keys := range y.keys(&e, nil) {
					fn(&e, keys, n)
				}
			}
		}
	}
}

// audience hands over the page views of visitors, of each goal that is asked for.
func (x *tabling) audience(fn func(e *event.Event, keys []string, n int64)) {
	on, others := x.Apart(metric.OfGoal)
	of := []metric.Goal{{}}
	if slices.Contains(x.By, metric.OfGoal) {
		of = x.Goals
	}
	for _, e := range x.events {
		if !isView(&e) && !x.ByArm() || e.Visitor == 0 || !within(e.Time, x.Window) || !x.ofAffiliate(&e) || !x.holds(others, &e, nil) {
			continue
		}
		for _, g := range of {
			if y := x.lookingAt(g); g.Name == "" || y.holds(on, &e, nil) {
				for _, keys := range y.keys(&e, nil) {
					fn(&e, keys, 0)
				}
			}
		}
	}
}

var digits = regexp.MustCompile(`^[+-]?([0-9]{1,12}(\.[0-9]{0,24})?|\.[0-9]{1,24})$`)

// completion is what a completion is worth.
func (x *tabling) completion(g metric.Goal, e *event.Event) int64 {
	if g.ValueOf == "" {
		return g.Value
	}
	if said := strings.ToUpper(property(e.Properties, "currency")); said != "" && said != x.Currency {
		return 0
	}
	var all map[string]any
	in := json.NewDecoder(strings.NewReader(e.Properties))
	if in.UseNumber(); in.Decode(&all) != nil {
		return 0
	}
	text, ok := all[g.ValueOf].(string)
	if number, is := all[g.ValueOf].(json.Number); is {
		text, ok = number.String(), true
	}
	if !ok || !digits.MatchString(text) {
		return 0
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0
	}
	thousand, half := big.NewRat(1000, 1), big.NewRat(1, 2)
	if amount.Mul(amount, thousand); amount.Sign() < 0 {
		half.Neg(half)
	}
	amount.Add(amount, half) // half away from zero: cut towards it
	n := new(big.Int).Quo(amount.Num(), amount.Denom()).Int64()
	if n > 1_000_000_000_000 || n < -1_000_000_000_000 {
		return 0
	}
	return n
}

func on(d metric.Dimension, values ...string) *metric.Where {
	return &metric.Where{Dimension: d, Op: metric.Is, Values: values}
}

// someGoals are some that the events of Odd reach, one often at a time.
var someGoals = []metric.Goal{
	{Name: "first", Act: metric.Act{Page: "/1"}, Value: 1500},
	{Name: "any page", Act: metric.Act{Page: "/*"}},
	{Name: "anything", Act: metric.Act{Page: "*"}},
	{Name: "signed 'up'", Act: metric.Act{Event: "Signed Up"}, ValueOf: "worth"},
	{Name: "signed up for money", Act: metric.Act{Event: "Signed Up", Where: &metric.Where{All: []metric.Where{*on(metric.Property("plan"), "pro"), {Not: on("country", "DE", "")}}}}, Value: 12_345},
	{Name: "order", Act: metric.Act{Event: "Order Completed"}, ValueOf: "revenue"},
	{Name: "never", Act: metric.Act{Page: "/%"}},
}

// worths are properties as events say them of what they are worth.
var worths = []string{`{"worth":12.5,"plan":"pro"}`, `{"worth":"0.0005","currency":"eur"}`, `{"worth":"-.0015"}`, `{"worth":1e3,"currency":"USD"}`, `{"worth":"1e3"}`, `{"worth":" 7"}`, `{"worth":"1000000000.0005"}`,
	`{"worth":"1000000000","currency":null}`, `{"worth":true,"plan":"pro"}`, `{"worth":"2.00049999999999999999"}`, `{"worth":"99999999999999999999999"}`, `{"worth":[1]}`, `no JSON`, `{"worth":"5.","currency":""}`, `{"worth":0.1}`,
	`{"worth":1e3}`, `{"worth":10E-1}`, `{"worth": 2.00049999999999999999 ,"plan":"pro"}`, `{"of":{"worth":2.0005},"worth":-999999999.99949999}`, `{"worth":123456789.0125000000000000}`, `{"worth":99999999999999999999999}`}

// worthTable: amounts of properties are read to the last digit that is said, or not at all.
func worthTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	var events []event.Event
	for properties, worth := range map[string]string{
		`{"value":1000000.00049999999}`: "1000000", `{"value":1000000.0005}`: "1000000.001", `{"value":-2.00049999999999999999}`: "-2", `{"value":"2.00049999999999999999"}`: "2",
		`{"value":100000000.1249999999}`: "100000000.125", `{"value":999999999.0004999999}`: "999999999", `{"of":{"value":1.5},"value":3.0005}`: "3.001",
		`{"of":{"value":3},"value": 3.0 }`: "3",
		`{"value":1e3}`:                    "0", `{"value":"1e3"}`: "0", `{"value":5E-1}`: "0", `{"value":1000000000.001}`: "0", `{"value":123456789012345678}`: "0", `{"value":true}`: "0", `{"value":[7]}`: "0", `{"of":{"value":8}}`: "0",
	} {
		e := plain(properties, start)
		e.Kind, e.Name, e.Properties, e.Title, e.Host = event.Track, "Donated", properties, worth, properties
		events = append(events, e)
	}
	write(t, s, pos(1), events...)
	table := tabulate(t, s, metric.Report{Site: "a", Currency: "EUR", Window: period.Window{From: start, To: start.Add(time.Hour)}, Metrics: []metric.Name{metric.GoalCompletions, metric.GoalValue}, By: []metric.Dimension{"title", "host"},
		Goals: []metric.Goal{{Name: "Donation", Act: metric.Act{Event: "Donated"}, ValueOf: "value"}}})
	if len(table.Rows) != len(events) {
		t.Errorf("%d rows of %d events", len(table.Rows), len(events))
	}
	for _, row := range table.Rows {
		if got := metric.GoalValue.Spell(row.Values[1].N); got != row.Keys[0] {
			t.Errorf("%s is read as %s, want %s", row.Keys[1], got, row.Keys[0])
		}
	}
}

// worthNames: an amount is found by its property's name, whatever that is.
func worthNames(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	var events []event.Event
	var goals []metric.Goal
	for i, name := range []string{"R&D", "<b>", "Größe", `"quoted"`, `a\b`, "a/b~c", "a.b*c", "profit (net)", "\t", " "} {
		var properties strings.Builder
		in := json.NewEncoder(&properties)
		in.SetEscapeHTML(false)
		if err := in.Encode(map[string]json.Number{name: "2.0005"}); err != nil {
			t.Fatal(err)
		}
		e := plain(strconv.Itoa(i), start)
		e.Kind, e.Name, e.Properties = event.Track, "Donated "+name, strings.TrimSpace(properties.String())
		events = append(events, e)
		goals = append(goals, metric.Goal{Name: "goal " + strconv.Itoa(i), Act: metric.Act{Event: e.Name}, ValueOf: name})
	}
	write(t, s, pos(1), events...)
	table := tabulate(t, s, metric.Report{Site: "a", Currency: "EUR", Window: period.Window{From: start, To: start.Add(time.Hour)}, Metrics: []metric.Name{metric.GoalValue}, By: []metric.Dimension{metric.OfGoal}, Goals: goals})
	if len(table.Rows) != len(goals) {
		t.Errorf("%d rows of %d goals", len(table.Rows), len(goals))
	}
	for _, row := range table.Rows {
		if got := metric.GoalValue.Spell(row.Values[0].N); got != "2.001" {
			t.Errorf("%s is worth %s, want 2.001", row.Keys[0], got)
		}
	}
}

// about makes a random report about goals; false if it is none that can be asked.
func about(r *rand.Rand, at time.Time, zone *time.Location) (metric.Report, bool) {
	rep := report(r, at, zone)
	rep.Goals, rep.Metrics, rep.Order, rep.Limit, rep.Offset = someGoals[:min(len(someGoals), r.IntN(2*len(someGoals)))], nil, nil, 0, 0
	told := slices.Concat(metric.OfGoals, metric.OfGoals, []metric.Name{metric.Events, metric.PageViews, metric.Visitors, metric.Downloads, metric.Orders, metric.Revenue, metric.AverageOrder, metric.Sessions})
	for range 1 + r.IntN(4) {
		if m := told[r.IntN(len(told))]; !slices.Contains(rep.Metrics, m) {
			rep.Metrics = append(rep.Metrics, m)
		}
	}
	named := on(metric.OfGoal, pick(r, "first", "order", "never"), pick(r, "any page", "signed 'up'"))
	if r.IntN(3) == 0 {
		named = &metric.Where{Not: named}
	}
	if r.IntN(4) == 0 {
		named = &metric.Where{Dimension: metric.OfGoal, Op: metric.Contains, Values: []string{"up"}}
	}
	for _, with := range []*metric.Where{named, {Done: named}, {Not: &metric.Where{Done: &metric.Where{All: []metric.Where{*named, *on("page", "/1", "/2")}}}}}[r.IntN(3):] {
		switch {
		case r.IntN(2) == 0:
		case rep.Where == nil:
			rep.Where = with
		default:
			rep.Where = &metric.Where{All: []metric.Where{*rep.Where, *with}}
		}
	}
	if r.IntN(2) == 0 {
		rep.By = slices.Insert(rep.By, r.IntN(len(rep.By)+1), metric.OfGoal)
	}
	if r.IntN(2) == 0 {
		rep.Order, rep.Limit = []metric.Order{{Metric: rep.Metrics[0], Descending: r.IntN(2) == 0}}, 1+r.IntN(9)
	}
	return rep, rep.AsksGoals() && rep.Check() == nil
}

// goals asks the store and the model the same random reports about goals.
func goals(t *testing.T, open Open) {
	for i, p := range []Place{Places[0], Places[3], Places[6]} {
		r := rand.New(rand.NewPCG(uint64(i), 11))
		events := Odd(r, p.At, 500)
		for i := range events {
			if events[i].Name == "Signed Up" && r.IntN(2) == 0 {
				events[i].Kind, events[i].Properties = event.Track, worths[r.IntN(len(worths))]
			}
		}
		s, m, zone := beside(t, open, p, events)
		defer shut(t, s)
		some := 0
		for asked := 0; asked < 30; {
			rep, ok := about(r, p.At, zone)
			if !ok {
				continue
			}
			asked++
			want := tabulate(t, m, rep)
			sameTable(t, rep, tabulate(t, s, rep), want)
			if len(want.Rows) > 0 {
				some++
			}
		}
		if some < 8 {
			t.Errorf("only %d reports had rows", some)
		}
	}
}

// goalTable holds figures of goals worked out by hand.
func goalTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	view := func(id string, visitor uint64, minute int, path, country string) event.Event {
		e := plain(id, start.Add(time.Duration(minute)*time.Minute))
		e.Visitor, e.Path, e.Country = visitor, path, country
		return e
	}
	sent := func(e event.Event, properties string) event.Event {
		e.Kind, e.Name, e.Properties = event.Track, "Donated", properties
		return e
	}
	bot := view("bot", 9, 1, "/thanks/1", "AT")
	bot.Bot = "GPTBot"
	write(t, s, pos(1), view("a", 1, 0, "/", "AT"), view("b", 1, 1, "/thanks", "AT"), view("c", 1, 2, "/thanks/2", "AT"), view("d", 2, 3, "/", "AT"), view("e", 3, 4, "/", "DE"),
		view("f", 0, 5, "/thanks", "DE"), bot, sent(view("g", 4, 6, "/thanks", "DE"), `{"value":"10.0005","currency":"EUR"}`), sent(view("h", 1, 7, "/", "AT"), `{"value":3}`), sent(view("i", 1, 8, "/", "AT"), `{"value":3,"currency":"USD"}`))
	all := []metric.Goal{{Name: "Thanks", Act: metric.Act{Page: "/thanks*"}, Value: 2500}, {Name: "Donation", Act: metric.Act{Event: "Donated"}, ValueOf: "value"},
		{Name: "Second", Act: metric.Act{Page: "/*/2"}}, {Name: "None", Act: metric.Act{Page: "/nowhere"}}}
	whole := []metric.Name{metric.GoalCompletions, metric.GoalVisitors, metric.GoalRate, metric.GoalValue}
	by := []metric.Dimension{metric.OfGoal}
	for _, c := range []struct {
		r    metric.Report
		want string
	}{
		// Three have viewed pages; who donated without one is in no audience. An event counts for each goal.
		{metric.Report{Metrics: whole, By: by}, "[Donation] 3 2 66.667 13.001, [Thanks] 3 1 33.333 7.5, [Second] 1 1 33.333 0, [None] 0 0 0 0"},
		{metric.Report{Metrics: whole}, "[] 7 2 66.667 20.501"},
		{metric.Report{Metrics: whole, By: []metric.Dimension{"country"}}, "[AT] 5 1 50 8, [DE] 2 1 100 12.501"},
		{metric.Report{Metrics: whole, By: []metric.Dimension{"country"}, Where: on(metric.OfGoal, "Thanks")}, "[AT] 2 1 50 5, [DE] 1 0 0 2.5"},
		{metric.Report{Metrics: whole, By: by, Where: &metric.Where{All: []metric.Where{*on("country", "AT"), {Not: on(metric.OfGoal, "Donation")}}}}, "[Thanks] 2 1 50 5, [Second] 1 1 50 0, [None] 0 0 0 0"},
		// Visitors of a goal are those who reached it; events are completions.
		{metric.Report{Metrics: []metric.Name{metric.Events, metric.Visitors, metric.PageViews}, By: by}, "[Donation] 3 2 0, [Thanks] 3 1 3, [Second] 1 1 1"},
		{metric.Report{Metrics: []metric.Name{metric.Visitors, metric.Sessions}, Where: &metric.Where{Done: on(metric.OfGoal, "Donation")}}, "[] 1 1"},
		{metric.Report{Metrics: []metric.Name{metric.GoalCompletions, metric.Visitors}}, "[] 7 3"},
		{metric.Report{Metrics: []metric.Name{metric.GoalCompletions}, By: by, Bots: true}, "[Thanks] 4, [Donation] 3, [Second] 1"},
		{metric.Report{Metrics: []metric.Name{metric.GoalRate}, Where: on("country", "FR")}, "[] –"},
	} {
		c.r.Site, c.r.Window, c.r.Goals, c.r.Currency = "a", period.Window{From: start, To: start.Add(time.Hour)}, all, "EUR"
		if got := rowsOf(t, s, c.r); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", spellReport(c.r), got, c.want)
		}
	}
}
