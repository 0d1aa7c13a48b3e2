package segment

import (
	"fmt"
	"footfall/history"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"footfall/period"
)

// someone is a visitor as seen on 14 June 2008.
func someone(t testing.TB) (history.History, map[string]string, period.Date) {
	h := history.History{}
	put := func(kind history.Kind, value, day string, c history.Counts) {
		h.AddDay(history.Item{Kind: kind, Value: value}, history.DayCounts{Date: date(t, day), Counts: c})
	}
	put(history.Product, "B4", "2008-03-14", history.Counts{history.Views: 1})
	put(history.Product, "B4", "2008-03-15", history.Counts{history.Views: 1})
	put(history.Product, "B4", "2008-05-01", history.Counts{history.Views: 2})
	put(history.Category, "blouses", "2008-05-16", history.Counts{history.Adds: 3})
	put(history.All, "", "2008-05-15", history.Counts{history.Orders: 1, history.Revenue: 99999})
	put(history.All, "", "2008-06-14", history.Counts{history.Orders: 1, history.Revenue: 1, history.Refunds: 1, history.Refunded: 500})
	return h, map[string]string{"plan": "pro", "interests": "garden,cats", "note": ""}, date(t, "2008-06-14")
}

func TestMatch(t *testing.T) {
	h, traits, today := someone(t)
	for _, c := range []struct {
		when string
		want bool
	}{
		{"views: {product: B4, at_least: 4}", true},
		{"views: {product: B4, more_than: 4}", false},
		{"views: {product: B4, last: 3 months, exactly: 3}", true}, // from 15 March
		{"views: {product: B4, last: 92 days, exactly: 3}", true},
		{"views: {product: B4, last: 93 days, exactly: 4}", true},
		{"views: {product: B4, months: 2008-03, at_most: 2}", true},
		{"views: {product: B4, months: 2008-04, exactly: 0}", true},
		{"views: {product: B4, months: 2008-04..2008-05, less_than: 2}", false},
		{"views: {product: other, at_least: 1}", false},
		{"adds: {category: blouses, last: 30 days, at_least: 3}", true}, // 16 May is the 30th day
		{"orders: {last: 30 days, exactly: 1}", true},                   // 15 May is the 31st
		{"orders: {last: 31 days, exactly: 2}", true},
		{"orders: {last: 1 day, exactly: 1}", true},
		{"revenue: {at_least: 100.00}", true},
		{"revenue: {more_than: 100}", false},
		{"revenue: {last: 30 days, exactly: 0.001}", true},
		{"refunds: {exactly: 1}", true},
		{"refunded: {at_least: 0.5}", true},
		{"trait: {plan: pro}", true},
		{"trait: {plan: Pro}", false},
		{"trait: {interests: {contains: cats}}", true},
		{"trait: {interests: {equals: cats}}", false},
		{`trait: {note: ""}`, true},
		{`trait: {gone: ""}`, false},
		{"trait: {note: {exists: true}}", true},
		{"trait: {gone: {exists: true}}", false},
		{"trait: {gone: {exists: false}}", true},
		{"not: {trait: {plan: pro}}", false},
		{"all: [trait: {plan: pro}, orders: {exactly: 2}]", true},
		{"all: [trait: {plan: pro}, orders: {exactly: 3}]", false},
		{"any: [trait: {plan: free}, orders: {exactly: 2}]", true},
		{"any: [trait: {plan: free}, orders: {exactly: 3}]", false},
	} {
		d, err := ParseOne([]byte("name: x\nwhen: {" + c.when + "}"))
		if err != nil {
			t.Errorf("%s: %v", c.when, err)
			continue
		}
		if got := d.Match(h, traits, today); got != c.want {
			t.Errorf("%s: %v\n%s", c.when, got, d.Explain(h, traits, today))
		}
		if !strings.HasPrefix(c.when, "any") && !strings.HasPrefix(c.when, "all") {
			if got := d.Match(nil, nil, today); got && strings.Contains(c.when, "at_least") {
				t.Errorf("%s: holds for a visitor without a past", c.when)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	h, traits, today := someone(t)
	d, err := ParseOne([]byte(`{name: x, when: {all: [any: [views: {product: B4, last: 3 months, at_least: 3}, trait: {plan: free}],
		not: {orders: {last: 30 days, at_least: 1}}, revenue: {at_least: 100.00}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	x := d.Explain(h, traits, today)
	want := `no  all
    yes any
        yes views: {product: B4, last: 3 months, at_least: 3}: 3 from 2008-03-15 to 2008-06-14
        no  trait: {plan: free}: "pro"
    no  not
        yes orders: {last: 30 days, at_least: 1}: 1 from 2008-05-16 to 2008-06-14
    yes revenue: {at_least: 100.00}: 100.00
`
	if got := x.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got, err := x.MarshalJSON()
	wantJSON := `{"held":false,"condition":"all","of":[{"held":true,"condition":"any","of":[` +
		`{"held":true,"condition":"views: {product: B4, last: 3 months, at_least: 3}","figure":3,"from":"2008-03-15","to":"2008-06-14"},` +
		`{"held":false,"condition":"trait: {plan: free}","trait":"pro"}]},{"held":false,"condition":"not","of":[` +
		`{"held":true,"condition":"orders: {last: 30 days, at_least: 1}","figure":1,"from":"2008-05-16","to":"2008-06-14"}]},` +
		`{"held":true,"condition":"revenue: {at_least: 100.00}","figure":100.00}]}`
	if err != nil || string(got) != wantJSON {
		t.Errorf("got %s (%v)\nwant %s", got, err, wantJSON)
	}
}

// naiveStart is the first date of the last n months as text, from the calendar.
func naiveStart(tomorrow string, n int) string {
	var y, m, d int
	_, _ = fmt.Sscanf(tomorrow, "%d-%d-%d", &y, &m, &d)
	for ; n > 0; n-- {
		if m--; m == 0 {
			y, m = y-1, 12
		}
	}
	length := []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
	if m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		length = 29
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, min(d, length))
}

// TestWindows compares sums with a model that looks at each day's text.
func TestWindows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	first := int(date(t, "1999-11-01"))
	for range 3000 {
		h, today := history.History{}, period.Date(first+r.IntN(3000))
		for range 40 {
			h.AddDay(history.Whole, history.DayCounts{Date: today - period.Date(r.IntN(200)) + 20, Counts: history.Counts{history.Views: 1 + int64(r.IntN(3))}})
		}
		n := 1 + r.IntN(5)
		from, to := (today - period.Date(r.IntN(150))).Month()[1:], today.Month()[1:]
		for w, in := range map[Window]func(day string, ago int) bool{
			{}:          func(string, int) bool { return true },
			{Days: n}:   func(_ string, ago int) bool { return ago >= 0 && ago < n },
			{Months: n}: func(day string, ago int) bool { return ago >= 0 && day >= naiveStart((today+1).String(), n) },
			{From: date(t, from+"-01"), To: today.NextMonth()}: func(day string, _ int) bool { return day[:7] >= from && day[:7] <= to },
		} {
			var want int64
			for _, day := range h[history.Whole] {
				if in(day.Date.String(), int(today-day.Date)) {
					want += day.Counts[history.Views]
				}
			}
			a, b := w.Dates(today)
			if got := h.Sum(history.Whole, a, b)[history.Views]; got != want {
				t.Fatalf("%+v on %s: %d, want %d", w, today, got, want)
			}
		}
	}
}

func TestLastMonths(t *testing.T) {
	for _, c := range []struct {
		today string
		n     int
		from  string
	}{
		{"2008-06-30", 3, "2008-04-01"}, {"2008-06-14", 3, "2008-03-15"}, {"2011-02-28", 1, "2011-02-01"}, {"2008-02-28", 1, "2008-01-29"},
		{"2008-02-29", 1, "2008-02-01"}, {"2011-03-29", 1, "2011-02-28"}, {"2011-03-30", 1, "2011-02-28"}, {"2011-03-31", 1, "2011-03-01"},
		{"2011-01-01", 12, "2010-01-02"}, {"2011-12-31", 12, "2011-01-01"},
	} {
		from, to := Window{Months: c.n}.Dates(date(t, c.today))
		if from.String() != c.from || (to-1).String() != c.today {
			t.Errorf("the last %d months on %s: %s to %s, want from %s", c.n, c.today, from, to-1, c.from)
		}
	}
}

// randomCondition is one that holds for some of randomVisitor's.
func randomCondition(r *rand.Rand, depth int) Condition {
	of := func() (cs []Condition) {
		for range 1 + r.IntN(3) {
			cs = append(cs, randomCondition(r, depth-1))
		}
		return cs
	}
	sort := r.IntN(5)
	if depth <= 1 {
		sort = 3 + r.IntN(2)
	}
	switch sort {
	case 0:
		return Every(of())
	case 1:
		return Any(of())
	case 2:
		return Not{randomCondition(r, depth-1)}
	case 3:
		c := Trait{[]string{"plan", "a b", "städte: #1"}[r.IntN(3)], []Test{Equals, Contains, Exists, Missing}[r.IntN(4)], ""}
		if c.Is == Equals || c.Is == Contains {
			c.Value = []string{"pro", "p", "true", "- x", "\"'\\", "007"}[r.IntN(6)]
		}
		return c
	}
	c := Figure{Metric: history.Metric(r.IntN(len(history.Metrics))), Of: history.Whole, Is: Comparisons[r.IntN(len(Comparisons))], Value: int64(r.IntN(6))}
	if r.IntN(3) > 0 {
		c.Of = history.Item{Kind: []history.Kind{history.Product, history.Category}[r.IntN(2)], Value: fmt.Sprintf("%d", r.IntN(3))}
	}
	c.Within = []Window{{}, {Days: 1 + r.IntN(40)}, {Months: 1 + r.IntN(3)}, {From: 13970, To: 14000 + 61*period.Date(r.IntN(2))}}[r.IntN(4)]
	if c.Within.From > 0 {
		c.Within.From, c.Within.To = c.Within.From.MonthStart(), c.Within.To.MonthStart()
	}
	return c
}

func randomVisitor(r *rand.Rand) (history.History, map[string]string) {
	h, traits := history.History{}, map[string]string{}
	for range 60 {
		item := []history.Item{history.Whole, {Kind: history.Product, Value: fmt.Sprint(r.IntN(3))}, {Kind: history.Category, Value: fmt.Sprint(r.IntN(3))}}[r.IntN(3)]
		var c history.Counts
		c[r.IntN(len(c))] = 1
		h.AddDay(item, history.DayCounts{Date: period.Date(13950 + r.IntN(100)), Counts: c})
	}
	for _, name := range []string{"plan", "a b"} {
		if r.IntN(2) == 0 {
			traits[name] = []string{"pro", "prow", "true"}[r.IntN(3)]
		}
	}
	return h, traits
}

// TestItems: a history of the items that a definition needs is enough.
func TestItems(t *testing.T) {
	if got, want := Items(exampleRead...), []history.Item{history.Whole, {Kind: history.Category, Value: "7"}, {Kind: history.Product, Value: "B4"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 2000 {
		h, traits := randomVisitor(r)
		part, d := history.History{}, Definition{When: randomCondition(r, 4)}
		for _, item := range Items(d) {
			part[item] = h[item]
		}
		if d.Match(part, traits, 14050) != d.Match(h, traits, 14050) {
			t.Fatalf("%s needs more than %v", d, Items(d))
		}
	}
}

// TestLogic: De Morgan, double negation, and opposite comparisons.
func TestLogic(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	opposite := map[Comparison]Comparison{AtLeast: LessThan, LessThan: AtLeast, AtMost: MoreThan, MoreThan: AtMost}
	held := 0
	for range 4000 {
		h, traits := randomVisitor(r)
		today := period.Date(14050)
		holds := func(c Condition) bool { return Definition{When: c}.Match(h, traits, today) }
		var of, not []Condition
		some, every := false, true
		for range 1 + r.IntN(4) {
			c := randomCondition(r, 3)
			of, not = append(of, c), append(not, Not{c})
			some, every = some || holds(c), every && holds(c)
		}
		if holds(of[0]) {
			held++
		}
		if holds(Every(of)) != every || holds(Any(of)) != some {
			t.Fatalf("all or any of %v is wrong", of)
		}
		if holds(Not{Every(of)}) != holds(Any(not)) || holds(Not{Any(of)}) != holds(Every(not)) || holds(Not{Not{of[0]}}) != holds(of[0]) {
			t.Fatalf("De Morgan does not hold for %v", of)
		}
		if c, ok := of[0].(Figure); ok && c.Is != Exactly {
			o := c
			o.Is = opposite[c.Is]
			if holds(c) == holds(o) {
				t.Fatalf("%s and its opposite are both %v", spell(c), holds(c))
			}
		}
	}
	if held < 500 || held > 3500 {
		t.Errorf("%d of 4000 conditions hold: they test little", held)
	}
}
