package erase_test

import (
	"errors"
	"testing"
	"time"

	"footfall/erase"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// TestDeletion: whose site, time, reception and values are meant, to the millisecond
// and by the zone's clock, on the days when it changes, too.
func TestDeletion(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 10, 25, 0, 0, 0, 0, berlin).UTC() // 25 hours long: two o'clock comes twice
	at := from.AddDate(0, 1, 0)
	is := func(d metric.Dimension, v ...string) *metric.Where {
		return &metric.Where{Dimension: d, Op: metric.Is, Values: v}
	}
	base := event.Event{Site: "s", Time: from, Received: at, Path: "/ÄÖ", Properties: `{"a":{"b": [1, "x"]},"n":1e2,"t":"1e2","z":null,"a":"second"}`}
	for name, x := range map[string]struct {
		where  *metric.Where
		change func(e *event.Event)
		gone   bool
	}{
		"all":               {nil, func(*event.Event) {}, true},
		"another site":      {nil, func(e *event.Event) { e.Site = "t" }, false},
		"the last moment":   {nil, func(e *event.Event) { e.Time = from.Add(25*time.Hour - 1) }, true},
		"the end":           {nil, func(e *event.Event) { e.Time = from.Add(25 * time.Hour) }, false},
		"before":            {nil, func(e *event.Event) { e.Time = from.Add(-1) }, false},
		"received later":    {nil, func(e *event.Event) { e.Received = at.Add(1) }, false},
		"the first two":     {is(metric.HourOfDay, "02"), func(e *event.Event) { e.Time = from.Add(2*time.Hour + 59*time.Minute) }, true},
		"the second two":    {is(metric.HourOfDay, "02"), func(e *event.Event) { e.Time = from.Add(3*time.Hour + 59*time.Minute) }, true},
		"three":             {is(metric.HourOfDay, "02"), func(e *event.Event) { e.Time = from.Add(4 * time.Hour) }, false},
		"a Sunday":          {is(metric.Weekday, "7"), func(e *event.Event) {}, true},
		"nested JSON":       {is(metric.Property("a"), `{"b":[1,"x"]}`), func(e *event.Event) {}, true},
		"the second of two": {is(metric.Property("a"), "second"), func(e *event.Event) {}, false},
		"a number":          {is(metric.Property("n"), "1e2"), func(e *event.Event) {}, true},
		"a text":            {is(metric.Property("t"), "1e2"), func(e *event.Event) {}, true},
		"null is none":      {&metric.Where{Not: is(metric.Property("z"), "")}, func(e *event.Event) {}, false},
		"no JSON has none":  {&metric.Where{Not: is(metric.Property("n"), "")}, func(e *event.Event) { e.Properties = `{"n":1` }, false},
		"a list has none":   {&metric.Where{Not: is(metric.Property("n"), "")}, func(e *event.Event) { e.Properties = `["n",1]` }, false},
		"whatever the case": {&metric.Where{Dimension: "page", Op: metric.Contains, Values: []string{"x", "äö"}}, func(e *event.Event) {}, true},
		"not that":          {&metric.Where{Not: &metric.Where{Any: []metric.Where{*is("page", "/x"), {All: []metric.Where{*is("page", "/ÄÖ"), *is("host", "")}}}}}, func(e *event.Event) {}, false},
		"a pattern":         {&metric.Where{Dimension: "page", Op: metric.Matches, Values: []string{`^/\p{Lu}+$`}}, func(e *event.Event) {}, true},
		"half a pattern":    {&metric.Where{Dimension: "page", Op: metric.Matches, Values: []string{`^Ä`}}, func(e *event.Event) {}, false},
	} {
		d := erase.Deletion{Site: "s", Window: period.Window{From: from, To: from.Add(25 * time.Hour)}, Zone: berlin, Where: x.where, At: at}
		if err := d.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e := base
		x.change(&e)
		var all erase.Deleted
		all.Add(d)
		if all.Gone(&e) != x.gone {
			t.Errorf("%s: gone is %v, want %v", name, !x.gone, x.gone)
		}
	}
}

// TestDeletionRefuses what an event does not say itself.
func TestDeletionRefuses(t *testing.T) {
	page := metric.Where{Dimension: "page", Op: metric.Is, Values: []string{"/"}}
	for name, w := range map[string]metric.Where{"done": {Done: &page}, "not done": {Not: &metric.Where{Done: &page}}, "entry": {Dimension: metric.EntryPage, Op: metric.Is, Values: []string{"/"}},
		"a line": {All: []metric.Where{page, {Dimension: "product", Op: metric.Is, Values: []string{"p"}}}}, "a programme": {Dimension: "code", Op: metric.Is, Values: []string{"p"}}, "nothing": {},
		"no property": {Dimension: metric.Property("env"), Op: metric.Is, Values: []string{"test", ""}}, "not a property": {All: []metric.Where{page, {Not: &metric.Where{Dimension: metric.Property("env"), Op: metric.Is, Values: []string{"live"}}}}},
		"a pattern of nothing": {Any: []metric.Where{page, {Dimension: metric.Property("env"), Op: metric.Matches, Values: []string{"^$|test"}}}}} {
		var wrong *metric.QueryError
		if err := (erase.Deletion{Where: &w}).Check(); !errors.As(err, &wrong) {
			t.Errorf("%s is taken: %v", name, err)
		}
	}
	for _, d := range metric.Dimensions { // each is known or refused, none panics
		w := metric.Where{Dimension: d, Op: metric.Is, Values: []string{""}}
		if x := (erase.Deletion{Where: &w}); x.Check() == nil {
			x.Test()(&event.Event{})
		}
	}
}
