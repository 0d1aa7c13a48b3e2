package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store"
)

// visitTable holds cohorts and journeys worked out by hand: the model, too, must get
// them right.
func visitTable(t *testing.T, open Open) {
	s := open(t, t.TempDir(), fixed)
	defer shut(t, s)
	write(t, s, pos(1), append(wanderers(), returners()...)...)
	for _, c := range []struct {
		j    metric.Journey
		want string
	}{
		{metric.Journey{Page: "/", Way: metric.Next, Steps: 3, Limit: 9}, "2, 1 apart: / 1 (/a 1 (/b 1 (ended 1)))"},
		{metric.Journey{Page: "/a", Way: metric.Next, Steps: 1, Limit: 9}, "3, 0 apart: /a 3 (/b 2, /a 1)"},
		{metric.Journey{Page: "/a", Way: metric.Previous, Steps: 2, Limit: 9}, "3, 0 apart: /a 3 (/ 1 (ended 1), /a 1 (ended 1), ended 1)"},
		{metric.Journey{Page: "/a", Way: metric.Previous, Steps: 2, Limit: 1}, "3, 0 apart: /a 3 (/ 1 (ended 1), others 1 of 2, ended 1)"},
		{metric.Journey{Page: "/a", Way: metric.Previous, Steps: 1, Limit: 9, Where: &metric.Where{Dimension: metric.EntryPage, Op: metric.Is, Values: []string{"/"}}}, "1, 0 apart: /a 1 (/ 1)"},
		{metric.Journey{Page: "/48", Way: metric.Next, Steps: 1, Limit: 9}, "1, 0 apart: /48 1 (ended 1)"}, // more is not told of its session
		{metric.Journey{Page: "/49", Way: metric.Previous, Steps: 1, Limit: 9}, "1, 1 apart: /49 0 ()"},
		{metric.Journey{Event: "Order Completed", Way: metric.Previous, Steps: 2, Limit: 9}, "2, 1 apart: Order Completed 1 (/b 1 (/a 1))"},
		{metric.Journey{Event: "Order Completed", Way: metric.Next, Steps: 1, Limit: 9}, "2, 1 apart: Order Completed 1 (ended 1)"},
		{metric.Journey{Event: "Signed Up", Way: metric.Previous, Steps: 2, Limit: 9}, "1, 0 apart: Signed Up 1 (/c 1 (/b 1))"}, // of one millisecond the last
		{metric.Journey{Page: "/none", Way: metric.Next, Steps: 2, Limit: 9}, "0, 0 apart: /none 0 ()"},
	} {
		c.j.Site, c.j.Window = "a", period.Window{From: start, To: start.Add(40 * time.Hour)}
		p, err := s.(store.Follower).Follow(context.Background(), c.j)
		if got := fmt.Sprintf("%d, %d apart: %s", p.Views, p.Apart, spellPlace(&p.From, c.j.Steps)); err != nil || got != c.want {
			t.Errorf("%+v: %v\n got %s\nwant %s", c.j, err, got, c.want)
		}
	}
	cohortTable(t, s)
	_, err := s.(store.Follower).Follow(context.Background(), metric.Journey{Site: "a"})
	_, wrong := s.(store.Retainer).Retain(context.Background(), metric.Retention{Site: "a"})
	for _, err := range []error{err, wrong} {
		if q, ok := errors.AsType[*metric.QueryError](err); !ok {
			t.Errorf("a question without a window: %v, %v", q, err)
		}
	}
}

func viewAt(id string, visitor uint64, at time.Duration, path string) event.Event {
	e := plain(id, start.Add(at))
	e.Visitor, e.Path = visitor, path
	return e
}

// wanderers go through pages.
func wanderers() []event.Event {
	view := func(id string, visitor uint64, minute int, path string) event.Event {
		return viewAt(id, visitor, time.Duration(minute)*time.Minute, path)
	}
	events := []event.Event{view("a", 1, 0, "/"), view("b", 1, 10, "/a"), view("c", 1, 12, "/b"), view("u", 0, 11, "/"),
		view("g", 3, 60, "/a"), view("h", 3, 90, "/a"), view("i", 3, 91, "/b"), view("j", 3, 91, "/c")} // half an hour is no gap, and a reload a page of its own
	for i := range 61 { // a session of thirty hours
		events = append(events, view(fmt.Sprint("long", i), 2, 30*i, fmt.Sprint("/", i)))
	}
	signed := view("s", 3, 92, "/c")
	signed.Kind, signed.Name = event.Track, "Signed Up"
	events = append(events, signed)
	for i, minute := range []int{42, 43} { // half an hour behind the last view, and more
		e := view(fmt.Sprint("order", i), 1, minute, "/b")
		e.Kind, e.Name = event.Track, "Order Completed"
		events = append(events, e)
	}
	return events
}

// returners come again, at another site. The week before last of start's is 0.
func returners() []event.Event {
	n := 0
	view := func(visitor uint64, user, anonymous string, days ...int) (all []event.Event) {
		for _, day := range days {
			e := viewAt(fmt.Sprint("back", n), visitor, time.Duration(day)*24*time.Hour, "/")
			e.Site, e.UserID, e.AnonymousID, n = "back", user, anonymous, n+1
			all = append(all, e)
		}
		return all
	}
	var events []event.Event
	events = append(events, view(1, "u", "", -100, -14, -7, 0)...) // was here long before
	events = append(events, view(2, "", "x", -14, -13, 0)...)
	events = append(events, view(3, "u3", "y", -14, -8, -7)...)
	events = append(events, view(4, "", "z", -7, 0)...)
	events = append(events, view(5, "", "", -14, -7, 0)...) // a daily id
	events = append(events, view(6, "", "w", 9)...)
	bought := view(2, "", "x", -6)
	bought[0].Kind, bought[0].Name, bought[0].Country = event.Track, "Order Completed", "DE"
	return append(events, bought...)
}

func cohortTable(t *testing.T, s store.Store) {
	t.Helper()
	bought := metric.Where{Dimension: "event", Op: metric.Is, Values: []string{"Order Completed"}}
	const day = 24 * time.Hour
	for _, c := range []struct {
		r        metric.Retention
		from, to time.Duration
		want     string
	}{
		// start is a Saturday: of the weeks before and this one, which is not over. Visitor 2 buys
		// something in the second week without looking at a page.
		{metric.Retention{Step: period.Week}, -14 * day, day, "03-09 2: 1, 1~ | 03-16 1: 1~ | 03-23~ 0: | 4 known, 1 not"},
		{metric.Retention{Step: period.Week}, -9 * day, 20 * day, "03-16 1: 1~ | 03-23~ 0: | 5 known, 1 not"}, // what is to come is no step yet
		{metric.Retention{Step: period.Week, Return: &bought}, -14 * day, 0, "03-09 2: 1, 0~ | 03-16 1: 0~ | 03-23~ 0: | 4 known, 1 not"},
		{metric.Retention{Step: period.Week, Where: &metric.Where{Done: &bought}}, -14 * day, day, "03-09 1: 0, 1~ | 03-16 0: 0~ | 03-23~ 0: | 4 known, 1 not"},
		{metric.Retention{Step: period.Week, Where: &bought}, -14 * day, day, "03-09 0: 0, 0~ | 03-16 0: 0~ | 03-23~ 0: | 4 known, 1 not"},
		{metric.Retention{Step: period.Day}, -14 * day, -12 * day, "03-14 2: 1, 0 | 03-15 0: 0 | 03-16 0: | 3 known, 1 not"},
		{metric.Retention{Step: period.Month}, -100 * day, day, "12-01 1: 0, 0, 1~ | 01-01 0: 0, 0~ | 02-01 0: 0~ | 03-01~ 3: | 4 known, 1 not"},
		{metric.Retention{Step: period.Month}, 40 * day, 50 * day, "0 known, 0 not"},
	} {
		c.r.Site, c.r.Window = "back", period.Window{From: start.Add(c.from), To: start.Add(c.to).Add(time.Millisecond)}
		out, err := s.(store.Retainer).Retain(context.Background(), c.r)
		var rows []string
		mark := map[bool]string{true: "~"}
		for _, row := range out.Rows {
			var back []string
			for _, n := range row.Returned {
				back = append(back, fmt.Sprint(n.Visitors, mark[n.Partial]))
			}
			rows = append(rows, row.Start.Format("01-02")+mark[row.Partial]+fmt.Sprintf(" %d: ", row.Size)+strings.Join(back, ", "))
		}
		rows = append(rows, fmt.Sprintf("%d known, %d not", out.Known, out.LeftOut))
		if got := strings.ReplaceAll(strings.Join(rows, " | "), ":  |", ": |"); err != nil || got != c.want {
			t.Errorf("%+v: %v\n got %s\nwant %s", c.r, err, got, c.want)
		}
	}
}

// spellPlace spells a place and what is behind it.
func spellPlace(p *metric.Place, steps int) string {
	text := fmt.Sprint(p.Page, " ", p.Views)
	if steps == 0 {
		return text
	}
	var behind []string
	for i := range p.Places {
		behind = append(behind, spellPlace(&p.Places[i], steps-1))
	}
	if p.Others > 0 {
		behind = append(behind, fmt.Sprintf("others %d of %d", p.Others, p.Pages))
	}
	if p.Ended > 0 {
		behind = append(behind, fmt.Sprint("ended ", p.Ended))
	}
	return text + " (" + strings.Join(behind, ", ") + ")"
}
