package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	"footfall/period"
	"footfall/store/duckdb"
)

// swept is a home with a site from which events are deleted, and beside it what
// should be left, in a plain list.
type swept struct {
	*home
	site account.Site
	all  []event.Event // that were sent and not deleted
	gone int           // events that were deleted, or kept out
	end  time.Time
}

const sweptDays = 8

func newSwept(t *testing.T, n int) *swept {
	t.Helper()
	s := &swept{home: newHome(t)}
	var err error
	s.site, err = s.sites.AddSite(t.Context(), account.Site{Domain: "shop.example", Zone: "Asia/Kolkata", Currency: "EUR", History: 24})
	must(t, err)
	s.end = time.Now().UTC().Truncate(time.Hour)
	r := rand.New(rand.NewPCG(4, 4))
	for i := range n {
		s.all = append(s.all, s.event(r, i))
	}
	for part := range slices.Chunk(s.all, n/3+1) {
		s.publish(part...)
	}
	must(t, s.rolled())
	return s
}

func (s *swept) rolled() error { _, err := s.roller.Roll(s.t.Context()); return err }

func (s *swept) event(r *rand.Rand, i int) event.Event {
	at := s.end.Add(-time.Duration(r.IntN(sweptDays*24*3600)) * time.Second)
	e := event.Event{ID: fmt.Sprint("e", i), Site: s.site.ID, Kind: event.Page, Host: pickOf(r, "shop.example", "staging.shop.example"), Path: pickOf(r, "/", "/a", "/ÄRGER", "/x' OR '1'='1"),
		Time: at, Original: at.Add(-time.Duration(r.IntN(2)) * 20 * time.Hour), Received: at, Channel: pickOf(r, "web", "import"), Visitor: uint64(r.IntN(40)), Referrer: pickOf(r, "", "https://spam.example/", "https://News.example/%"),
		Title: pickOf(r, "", "Käse", `"; DROP TABLE events; --`), Bot: pickOf(r, "", "", "agent"), Properties: pickOf(r, "", `{"plan":"pro","n":1.50,"deep":{"a":[1, 2]}}`, `{"plan":null,"a~/b":"x"}`, `{"plan":["pro"],"plan":"b"}`, `[1]`)}
	if e.Visitor > 0 {
		e.UserID = fmt.Sprint("user-", e.Visitor)
	}
	if r.IntN(4) == 0 {
		e.Kind, e.Name = event.Track, pickOf(r, event.Download, "Order Completed", "Signed Up")
		e.Properties = `{"revenue":7,"currency":"EUR","products":[{"sku":"q","price":7}]}`
	}
	return e
}

// take leaves events out of what should be left, and returns them.
func (s *swept) take(out func(*event.Event) bool) (taken []event.Event) {
	s.all = slices.DeleteFunc(s.all, func(e event.Event) bool {
		if out(&e) {
			taken = append(taken, e)
			return true
		}
		return false
	})
	s.gone += len(taken)
	return taken
}

// sound compares everything with the list: events, figures, histories, the archive,
// the account.
func (s *swept) sound(when string) {
	t := s.t
	t.Helper()
	name := func(e *event.Event) string { return fmt.Sprintf("%s %d %s", e.ID, e.Time.UnixMilli(), e.Path) }
	var want, stored []string
	views, visitors, users := map[string]int64{}, map[uint64]bool{}, map[string]bool{}
	for i := range s.all {
		e := &s.all[i]
		want = append(want, name(e))
		if e.View() && e.Bot == "" {
			views[e.Time.In(s.site.Location()).Format(time.DateOnly)]++
			if e.Visitor != 0 {
				visitors[e.Visitor] = true
			}
		}
		if e.UserID != "" && e.Bot == "" && (e.View() || e.Name == "Order Completed") {
			users[e.UserID] = true
		}
	}
	must(t, s.export(t.Context(), "", period.Window{}, func(e *event.Event) error { stored = append(stored, name(e)); return nil }))
	slices.Sort(want)
	if slices.Sort(stored); !slices.Equal(stored, want) {
		t.Errorf("%s: %d events are stored, want %d", when, len(stored), len(want))
	}
	w := period.Window{From: s.end.AddDate(0, 0, -sweptDays-1), To: s.end.AddDate(0, 0, 2)}
	d, err := s.Answer(t.Context(), metric.Query{Site: s.site.ID, Metric: metric.PageViews, Step: period.Day, Zone: s.site.Location(), Window: w})
	must(t, err)
	for _, p := range d.Points {
		if day := p.Time.In(s.site.Location()).Format(time.DateOnly); p.Value != views[day] {
			t.Errorf("%s: %d page views on %s, want %d", when, p.Value, day, views[day])
		}
	}
	if d, err = s.Answer(t.Context(), metric.Query{Site: s.site.ID, Metric: metric.Visitors, Step: period.Total, Zone: s.site.Location(), Window: w}); err != nil || d.Points[0].Value != int64(len(visitors)) {
		t.Errorf("%s: visitors %v, want %d: %v", when, d.Points, len(visitors), err)
	}
	var known []string
	must(t, s.histories.Each(t.Context(), s.site.ID, func(p history.Past) error {
		if len(p.Rows) > 0 {
			known = append(known, p.Visitor)
		}
		return nil
	}))
	slices.Sort(known)
	if wanted := slices.Sorted(maps.Keys(users)); !slices.Equal(known, wanted) {
		t.Errorf("%s: histories are of %v, want %v", when, known, wanted)
	}
	found, err := s.reconcile(t.Context(), "", 0, 0)
	if err != nil || found.Count > 0 || found.Figures == 0 {
		t.Errorf("%s: reconcile: %v, %d differences: %+v %v", when, err, found.Count, found.Examples, found.Archive.Examples)
	}
	a, err := s.status(t.Context())
	if stats := s.house.archive.Stats(); err != nil || !a.AddsUp || a.Removed != uint64(s.gone) || a.Stored != uint64(len(s.all)) || stats.Rows != a.Stored || stats.Removed != a.Removed {
		t.Errorf("%s: the account is %+v, the archive has %+v, want %d left and %d removed: %v", when, a, stats, len(s.all), s.gone, err)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// sweeps are deletions: conditions as they are typed, and the same in Go.
var sweeps = []struct {
	args []string
	goes func(e *event.Event) bool
}{
	{[]string{"--where", `["contains","referrer",["SPAM.example"]]`, "--event", ""}, func(e *event.Event) bool { return e.Referrer == "https://spam.example/" && e.Name == "" }},
	{[]string{"--where", `[["is","page",["/x' OR '1'='1"]],["is_not","bot",[""]]]`}, func(e *event.Event) bool { return e.Path == "/x' OR '1'='1" && e.Bot != "" }},
	{[]string{"--where", `["matches","title",["^\"; DROP"]]`, "--host", "staging.shop.example", "--host", "nowhere"}, func(e *event.Event) bool {
		return strings.HasPrefix(e.Title, `"; DROP`) && e.Host == "staging.shop.example"
	}},
	{[]string{"--where", `["or",[["is","property:plan",["pro","b"]],["contains","property:deep",["[1,2]"]]]]`, "--channel", "import"}, func(e *event.Event) bool {
		return e.Channel == "import" && (strings.Contains(e.Properties, `"plan":"pro"`) || strings.Contains(e.Properties, "deep"))
	}},
	{[]string{"--where", `["and",[["not",["contains","page",["ärger"]]],["is_not","weekday",["7"]],["is","hour_of_day",["00","11","23"]]]]`}, func(e *event.Event) bool {
		at := e.Time.In(time.FixedZone("", 19800))
		return e.Path != "/ÄRGER" && at.Weekday() != time.Sunday && (at.Hour() == 0 || at.Hour() == 11 || at.Hour() == 23)
	}},
}

// matches asks the event store for the number of events that conditions are met by.
func (s *swept) matches(filters string, w period.Window) (n int64) {
	where, err := api.ParseFilters([]byte(filters), s.site)
	must(s.t, err)
	must(s.t, s.withStore(func(st *duckdb.Store) error {
		table, err := st.Tabulate(s.t.Context(), metric.Report{Site: s.site.ID, Metrics: []metric.Name{metric.Events}, Step: period.Total, Window: w, Zone: s.site.Location(), Where: where, Bots: true})
		n = table.Rows[0].Values[0].N
		return err
	}))
	return n
}

// TestDeleteEvents deletes one after another: what goes is foretold, as the event
// store counts it and as a plain list does; what stays is the same everywhere, also
// after a rebuild and a restart.
func TestDeleteEvents(t *testing.T) {
	t.Parallel()
	s := newSwept(t, 450)
	from, to := period.DateOf(s.end, s.site.Location())-6, period.DateOf(s.end, s.site.Location())
	w := period.Window{From: from.Window(s.site.Location()).From, To: to.Window(s.site.Location()).From}
	s.publish(event.Event{ID: "aside", Site: s.site.ID, Kind: "dance", Time: w.From, Original: w.From, Received: w.From, Referrer: "https://spam.example/"})
	s.gone++ // by the first: the archive has it, and the store set it aside
	var deleted []event.Event
	must(t, s.house.shadow().keep(&shadowPlan{Version: shadowVersion, ID: "x", State: looked})) // of events that go
	for i, x := range sweeps {
		args := append([]string{"events", "delete", "--site", s.site.ID, "--from", from.String(), "--to", to.String()}, x.args...)
		left := slices.Clone(s.all)
		taken := s.take(func(e *event.Event) bool { return !e.Time.Before(w.From) && e.Time.Before(w.To) && x.goes(e) })
		visitors, views := map[uint64]bool{}, 0
		for _, e := range taken {
			if e.View() {
				if views++; e.Visitor != 0 {
					visitors[e.Visitor] = true
				}
			}
		}
		var would, did deletedEvents
		if fault, code := s.typed(&would, append(args, "--dry-run")...); code != 0 || !would.DryRun || would.Match.Events != len(taken) || would.Match.Views != views || would.Match.Visitors != len(visitors) ||
			would.Archive.Events != uint64(len(taken)+would.Aside) || len(taken) == 0 || s.house.store.Load().State().Stored != uint64(len(left)) {
			t.Fatalf("%v: would delete %+v, want %d of %d: %s", x.args, would.Match, len(taken), len(left), fault)
		}
		if n := s.matches(string(would.Filters), w); n != int64(len(taken)) {
			t.Errorf("%v: a report counts %d events, %d would be deleted", x.args, n, len(taken))
		}
		if _, code := s.typed(nil, args...); code != 2 {
			t.Errorf("deletes without being asked: %d", code)
		}
		if fault, code := s.typed(&did, append(args, "--yes")...); code != 0 || did.DryRun || did.Store != uint64(len(taken)) || did.Archive.Events != did.Store+uint64(did.Aside) || did.Rolled.IsZero() || did.Aside != map[int]int{0: 1}[i] {
			t.Fatalf("%v: deleted %+v, want %d: %s", x.args, did, len(taken), fault)
		}
		s.sound(fmt.Sprint(x.args))
		deleted = append(deleted, taken...)
	}
	if p, err := s.house.shadow().plan(); p != nil || err != nil {
		t.Errorf("%+v is still there: %v", p, err)
	}
	s.afterwards(deleted)
}

// afterwards: nothing brings back what was deleted but a sender who sends it again.
func (s *swept) afterwards(deleted []event.Event) {
	t := s.t
	if fault, code := s.typed(nil, "rebuild"); code != 0 {
		t.Fatal(fault)
	}
	must(t, s.rolled())
	s.sound("after a rebuild")
	s.publish(deleted[:20]...) // as what the queue or a copy has
	s.gone += 20
	must(t, s.rolled())
	s.sound("when it comes again from the queue")
	s.reopen()
	must(t, s.rolled())
	s.sound("after a restart")
	again := deleted[0]
	again.Received = time.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond)
	s.publish(again)
	s.all = append(s.all, again)
	must(t, s.rolled())
	s.sound("when it is sent again")
	var audit []account.Change
	if fault, code := s.typed(&audit, "audit", "--limit", "1"); code != 0 || audit[0].What != "events delete" || audit[0].Target != s.site.ID || audit[0].New != "conditions on hour_of_day, page, weekday" || !regexp.MustCompile(`^\d+ events from`).MatchString(audit[0].Old) {
		t.Errorf("the audit log has %+v: %s", audit, fault)
	}
	if _, code := s.typed(nil, "events", "delete", "--site", s.site.ID, "--from", "2000-01-01", "--to", "2000-01-02", "--yes"); code != 0 || len(s.deletions) != len(sweeps) {
		t.Errorf("where there is nothing, something is kept: %d", len(s.deletions))
	}
}

// TestDeleteEventsByHTTP: what is looked at is what goes, by the name of its plan, once.
func TestDeleteEventsByHTTP(t *testing.T) {
	t.Parallel()
	s := newSwept(t, 150)
	from, to := period.DateOf(s.end, s.site.Location())-6, period.DateOf(s.end, s.site.Location())
	w := period.Window{From: from.Window(s.site.Location()).From, To: to.Window(s.site.Location()).From}
	key, made, err := s.control.AddKey(t.Context(), account.Key{Site: s.site.ID, Scopes: []account.Scope{account.Everything}})
	must(t, err)
	handler := s.server().Handler
	var would, did api.Deleted
	s.post(t, handler, key, "/v1/events/delete", fmt.Sprintf(`{"date_range":[%q,%q],"filters":[["contains","referrer",["SPAM.example"]]]}`, from, to-1), &would)
	taken := s.take(func(e *event.Event) bool {
		return !e.Time.Before(w.From) && e.Time.Before(w.To) && e.Referrer == "https://spam.example/"
	})
	if !would.DryRun || would.Events != len(taken) || len(taken) == 0 || would.Archive != uint64(len(taken)) || would.Plan == "" || s.house.store.Load().State().Stored != uint64(len(s.all)+len(taken)) {
		t.Fatalf("would delete %+v, want %d", would, len(taken))
	}
	late := taken[0] // the same, received after it was looked at
	late.ID, late.Received = "late", time.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond)
	s.publish(late)
	s.all = append(s.all, late)
	s.post(t, handler, key, "/v1/events/delete", fmt.Sprintf(`{"plan":%q}`, would.Plan), &did)
	if did.DryRun || did.Plan != "" || did.Events != would.Events || len(did.Days) != len(would.Days) {
		t.Errorf("deleted %+v, would have %+v", did, would)
	}
	s.sound("after it was deleted by HTTP")
	if rec := s.post(t, handler, key, "/v1/events/delete", fmt.Sprintf(`{"plan":%q}`, would.Plan), nil); rec.Code != 404 {
		t.Errorf("the plan again: %d %s", rec.Code, rec.Body)
	}
	changes, err := s.control.Changes(t.Context(), account.ChangeFilter{})
	must(t, err)
	if c := changes[0]; c.What != "events delete" || c.Who != "key "+made.ID || c.Target != s.site.ID || c.New != "conditions on referrer" || strings.Contains(fmt.Sprint(c), "spam") {
		t.Errorf("the audit log has %+v", c)
	}
	for body, want := range map[string]string{`{"date_range":["2026-01-01","2026-01-02"],"filters":[["has_done",["is","page",["/"]]]]}`: "not for what else its visitor has done", `{"date_range":["2026-01-01","2026-01-02"],"filters":[["is","entry_page",["/"]]]}`: "told of sessions"} {
		if rec := s.post(t, handler, key, "/v1/events/delete", body, nil); rec.Code != 400 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
}

// TestDeleteEventsRefuses: what can't be understood, or asked of an event alone.
func TestDeleteEventsRefuses(t *testing.T) {
	t.Parallel()
	s := newSwept(t, 30)
	for why, args := range map[string][]string{
		"--from and --to":        {"--from", "2026-01-01"},
		"is no time":             {"--from", "2026-01-02", "--to", "2026-01-01"},
		"neither a day":          {"--from", "soon", "--to", "later"},
		"has done":               {"--where", `["has_done",["is","page",["/"]]]`},
		"entry_page":             {"--where", `["is","entry_page",["/"]]`},
		"erased later":           {"--where", `["is_not","property:env",["live"]]`},
		"an order's lines":       {"--product", "p"},
		"affiliate programme":    {"--where", `["is","affiliate",["a"]]`},
		"takes conditions":       {"--where", "page=/"},
		"unknown dimension":      {"--where", `["is","password",["/"]]`},
		"regular expression":     {"--where", `["matches","page",["("]]`},
		"filters[0][0]":          {"--where", `[["drop","page",["/"]]]`},
		"no site":                {"--site", "nobody.example"},
		"the regular expression": {"--where", `["matches","page",["(a{1,1000}){1,1000}"]]`},
	} {
		all := append([]string{"events", "delete", "--site", s.site.ID, "--from", "2000-01-01", "--to", "2100-01-01", "--yes"}, args...)
		if why == "--from and --to" {
			all = append([]string{"events", "delete", "--site", s.site.ID, "--yes"}, args...)
		}
		if fault, code := s.typed(nil, all...); code == 0 || !strings.Contains(fault, why) {
			t.Errorf("%v: %d %s", args, code, fault)
		}
	}
	s.sound("after what was refused")
}

// TestDeleteEventsCutShort stops a deletion before each of its steps: the next start
// ends it. Nothing is asked of whoever deleted.
func TestDeleteEventsCutShort(t *testing.T) {
	t.Parallel()
	s := newSwept(t, 200)
	for n := range 5 {
		filters, err := json.Marshal([]any{[]any{"is", "hour_of_day", []string{fmt.Sprintf("%02d", 3*n)}}})
		must(t, err)
		d := deletion{Site: s.site.ID, From: s.end.AddDate(0, 0, -5), To: s.end, Zone: s.site.Zone, Filters: filters, At: time.Now().UTC().Truncate(time.Millisecond)}
		must(t, s.keepDeletion(t.Context(), d))
		x, err := s.newDeleting(t.Context(), d)
		must(t, err)
		for _, step := range x.steps()[:n] {
			must(t, step(t.Context()))
		}
		if n == 1 { // what has been deleted from the store only
			s.house.end()
			s.house.ending = t.Context()
		}
		s.reopen()
		eventually(t, "the deletion is ended", func() bool { all, err := readDeletions(s.deletionsFile()); return err == nil && !all[n].Done.IsZero() })
		if taken := s.take(x.gone); len(taken) == 0 {
			t.Error("nothing is deleted: the test tests nothing")
		}
		s.sound(fmt.Sprintf("after %d steps and a start", n))
	}
}

// TestDeleteEventsGoesOn fails a deletion half way: the running server ends it, once it
// can.
func TestDeleteEventsGoesOn(t *testing.T) {
	t.Parallel()
	s := newSwept(t, 200)
	daily := filepath.Join(s.dir, "daily")
	must(t, os.RemoveAll(daily))
	must(t, os.WriteFile(daily, nil, 0o600)) // no directory: the last step fails
	_, err := deletesEvents{s.house}.DeleteEvents(t.Context(), api.Deletion{Site: s.site, Window: period.Window{From: s.end.AddDate(0, 0, -5), To: s.end}, At: time.Now()}, false)
	if err == nil || !strings.Contains(err.Error(), "goes on by itself") {
		t.Fatalf("the deletion did not fail half way: %v", err)
	}
	if all, err := readDeletions(s.deletionsFile()); err != nil || len(all) != 1 || !all[0].Done.IsZero() {
		t.Fatalf("kept are %+v, %v", all, err)
	}
	must(t, os.Remove(daily))
	eventually(t, "the deletion is ended", func() bool { all, err := readDeletions(s.deletionsFile()); return err == nil && !all[0].Done.IsZero() })
	if taken := s.take(func(e *event.Event) bool { return !e.Time.Before(s.end.AddDate(0, 0, -5)) && e.Time.Before(s.end) }); len(taken) == 0 {
		t.Error("nothing is deleted: the test tests nothing")
	}
	s.sound("after a deletion that failed half way")
}

// TestDeleteEventsFrozen: dates whose events are removed as old are left alone, and the
// command says so; what is behind them is deleted, and counted as those are.
func TestDeleteEventsFrozen(t *testing.T) {
	t.Parallel()
	a := newAged(t, 8, "America/New_York")
	a.set(func(s *account.Site) { s.Keep = keepDays })
	var removed []removal
	if fault, code := a.typed(&removed, "retention"); code != 0 || len(removed) != 1 {
		t.Fatal(fault, removed)
	}
	first, to := a.cut().Window(a.zone()).From, (a.today - 3).Window(a.zone()).From
	before, left := a.figures(a.first(), a.cut(), true), 0
	goes := func(e *event.Event) bool { return e.Path == "/a" && !e.Time.Before(first) && e.Time.Before(to) }
	n, spared := 0, 0
	must(t, a.export(t.Context(), "", period.Window{}, func(e *event.Event) error {
		switch {
		case goes(e):
			n++
		case e.Path == "/a" && e.Time.Before(first):
			spared++ // beside the first date that is kept
		}
		left++
		return nil
	}))
	var did deletedEvents
	if fault, code := a.typed(&did, "events", "delete", "--site", a.site.ID, "--from", (a.today - 60).String(), "--to", (a.today - 3).String(), "--page", "/a", "--yes"); code != 0 ||
		did.Frozen != a.cut().String() || did.Store != uint64(n) || n == 0 || !did.From.Equal(first) {
		t.Fatalf("deleted %+v, want %d from %v: %s", did, n, first, fault)
	}
	now := 0
	must(t, a.export(t.Context(), "", period.Window{}, func(e *event.Event) error {
		if now++; goes(e) {
			t.Errorf("%s of %v is there", e.ID, e.Time)
		}
		return nil
	}))
	if now != left-n {
		t.Errorf("%d events are left, want %d, %d of them beside frozen dates", now, left-n, spared)
	}
	if after := a.figures(a.first(), a.cut(), true); !maps.Equal(before, after) {
		t.Error("figures of frozen dates have changed")
	}
	a.sound("after deleting behind frozen dates")
}
