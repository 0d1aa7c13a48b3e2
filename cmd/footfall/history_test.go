package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/api"
	"footfall/event"
	"footfall/history"
	"footfall/period"
	"footfall/schedule"
)

// shopper makes events of a visitor at a time.
type shopper struct {
	site, id string
	n        int
}

func (s *shopper) event(at time.Time, kind event.Kind, name, properties string) event.Event {
	s.n++
	return event.Event{ID: s.id + strings.Repeat("i", s.n), Site: s.site, Kind: kind, Name: name, Host: "shop.example", Path: "/", UserID: s.id,
		Time: at, Original: at, Received: at, Channel: "server", Visitor: 7, Properties: properties}
}

// shopping is what u1 did: today, and two months ago.
func shopping(now time.Time) []event.Event {
	u1, u2 := shopper{site: "shop-example", id: "u1"}, shopper{site: "shop-example", id: "u2"}
	var all []event.Event
	for range 3 {
		all = append(all, u1.event(now, event.Track, "Product Viewed", `{"product_id":"B4","category":"garden"}`))
	}
	all = append(all, u1.event(now, event.Page, "", ""), u2.event(now, event.Page, "", ""),
		u1.event(now.AddDate(0, -2, 0), event.Track, "Order Completed", `{"revenue":"19.95","products":[{"product_id":"B4","price":19.95}]}`))
	identify := u1.event(now, event.Identify, "", "")
	identify.Traits = `{"plan":"pro"}`
	return append(all, identify)
}

const fans = `segments:
  - name: fans
    when: {views: {product: B4, at_least: 3}}
  - name: spenders
    when: {revenue: {more_than: 19.90}}
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "segments.yaml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// shop is a home with a site that keeps histories, and what was done there.
func shop(t *testing.T, now time.Time) *home {
	t.Helper()
	h := newHome(t)
	for _, args := range [][]string{{"site", "add", "shop.example", "--currency", "EUR"}, {"site", "set", "shop.example", "--history", "24"}} {
		if fault, code := h.typed(nil, args...); code != 0 {
			t.Fatal(fault)
		}
	}
	h.publish(shopping(now)...)
	return h
}

// expect asks for what is kept of u1, and compares it with what u1 did.
func (h *home) expect(when string, now time.Time) {
	h.t.Helper()
	var v api.VisitorHistory
	if fault, code := h.typed(&v, "visitor", "history", "u1"); code != 0 {
		h.t.Fatalf("%s: %s", when, fault)
	}
	today, then := period.DateOf(now, nil), period.DateOf(now.AddDate(0, -2, 0), nil)
	month := func(date period.Date, figures api.HistoryFigures) api.HistoryMonth {
		return api.HistoryMonth{Month: date.String()[:7], HistoryFigures: figures, Days: []api.HistoryDay{{Date: date.String(), HistoryFigures: figures}}}
	}
	views, order := api.HistoryFigures{Views: 3}, api.HistoryFigures{Orders: 1, Revenue: json.Number("19.95")}
	want := []api.HistoryItem{
		{Kind: "all", Months: []api.HistoryMonth{month(then, order), month(today, api.HistoryFigures{Views: 1})}},
		{Kind: "category", Value: "garden", Months: []api.HistoryMonth{month(today, views)}},
		{Kind: "product", Value: "B4", Months: []api.HistoryMonth{month(then, order), month(today, views)}},
	}
	if !reflect.DeepEqual(v.Items, want) {
		h.t.Errorf("%s: items %+v, want %+v", when, v.Items, want)
	}
	if !v.Complete || v.Currency != "EUR" || !reflect.DeepEqual(v.Traits, map[string]string{"plan": "pro"}) || v.KeptSince == "" {
		h.t.Errorf("%s: %+v", when, v)
	}
}

func TestHistoryIsTheSameHoweverItIsMade(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	h := shop(t, now)
	h.expect("from memory or rows", now)
	if fault, code := h.typed(nil, "roll"); code != 0 {
		t.Fatal(fault)
	}
	h.expect("from rows", now)
	h.shut()
	h.expect("on a stopped server", now)
	h.open()
	h.expect("after a start", now)
	wrong := history.Day{Visitor: "u1", Counts: map[history.Item]history.Counts{history.Whole: {history.Orders: 9}}}
	_, err := h.histories.Replace(t.Context(), "shop-example", period.DateOf(now, nil)-9, func(yield func(history.Day, error) bool) { yield(wrong, nil) }, nil)
	must(t, err) // on a date without events
	if fault, code := h.typed(nil, "rebuild"); code != 0 {
		t.Fatal(fault)
	}
	h.expect("after a rebuild", now)
	h.shut()
	for _, end := range []string{"-wal", "-shm"} {
		os.Remove(h.historyFile() + end)
	}
	must(t, os.WriteFile(h.historyFile(), []byte(strings.Repeat("damage ", 1000)), 0o600))
	h.open()
	h.expect("after damage", now)
	if aside, _ := filepath.Glob(h.historyFile() + ".damaged-*"); len(aside) != 1 {
		t.Errorf("the damaged file is not moved aside: %v", aside)
	}
	var part api.VisitorHistory
	if fault, code := h.typed(&part, "visitor", "history", "u1", "--product", "B4", "--from", now.Format("2006-01-02")); code != 0 ||
		len(part.Items) != 1 || part.Items[0].Value != "B4" || len(part.Items[0].Months) != 1 {
		t.Errorf("a part: %s %+v", fault, part)
	}
	var off changedSite
	if fault, code := h.typed(&off, "site", "set", "shop.example", "--history", "off"); code != 0 || off.Removed.Visitors != 2 || off.Removed.Rows < 4 {
		t.Errorf("site set: %s %+v", fault, off)
	}
	if fault, code := h.typed(nil, "visitor", "history", "u1"); code != 1 || !strings.Contains(fault, "turn it on with") {
		t.Errorf("history is off: %d %s", code, fault)
	}
	past, err := h.histories.Read(t.Context(), "shop-example", "u1")
	if err != nil || len(past.Rows)+len(past.Traits)+len(past.In) > 0 {
		t.Errorf("left is %+v, %v", past, err)
	}
	if fault, code := h.typed(nil, "site", "set", "shop.example", "--history", "12"); code != 0 {
		t.Fatal(fault)
	}
	h.expect("on again", now)
}

// in lists the segments that a visitor was put into.
func (h *home) in(visitor string) (names []string) {
	h.t.Helper()
	past, err := h.histories.Read(h.t.Context(), "shop-example", visitor)
	must(h.t, err)
	for _, m := range past.In {
		names = append(names, m.Segment)
	}
	return names
}

func TestSegmentCommands(t *testing.T) {
	t.Parallel()
	h := shop(t, time.Now().UTC())
	var run api.DryRun
	if fault, code := h.typed(&run, "segment", "test", file(t, fans)); code != 0 || run.Visitors != 2 ||
		!reflect.DeepEqual(run.Segments, []api.SegmentMembers{{Segment: "fans", Members: 1}, {Segment: "spenders", Members: 1}}) {
		t.Errorf("segment test: %s %+v", fault, run)
	}
	var list api.SegmentList
	if fault, code := h.typed(&list, "segment", "list"); code != 0 || list.Segments == nil || len(list.Segments) != 0 {
		t.Errorf("a test defined something: %s %+v", fault, list)
	}
	for i, text := range []string{fans, `{"name": "fans", "when": {"views": {"product": "B4", "at_least": 3}}}`, `{name: fans, when: {views: {product: B4, at_least: 2}}}`} {
		if fault, code := h.typed(&list, "segment", "set", file(t, text)); code != 0 || list.Segments[0].Version != max(1, i) {
			t.Errorf("segment set %d: %s %+v", i, fault, list)
		}
	}
	if fault, code := h.typed(&list, "segment", "list"); code != 0 || len(list.Segments) != 2 ||
		string(list.Segments[0].When) != `{"views":{"product":"B4","at_least":2}}` {
		t.Errorf("segment list: %s %+v", fault, list)
	}
	var why api.VisitorSegments
	if fault, code := h.typed(&why, "visitor", "segments", "u1", "--explain", "true"); code != 0 || !why.Complete ||
		!reflect.DeepEqual(why.Segments, []api.Membership{{Segment: "fans", Version: 2}, {Segment: "spenders", Version: 1}}) || len(why.Explanations) != 2 ||
		!strings.HasPrefix(why.Explanations[0].Text, "yes views: {product: B4, at_least: 2}: 3") {
		t.Errorf("visitor segments: %s %+v", fault, why)
	}
	eventually(t, "u1 is moved", func() bool { return slices.Equal(h.in("u1"), []string{"fans", "spenders"}) })
	if fault, code := h.typed(nil, "segment", "set", file(t, "{name: readers, when: {views: {at_least: 1}}}")); code != 0 {
		t.Error(fault)
	}
	eventually(t, "u2, who did nothing since, is moved", func() bool { return slices.Equal(h.in("u2"), []string{"readers"}) })
	today := period.DateOf(time.Now(), nil)
	must(t, h.mover.date(t.Context(), schedule.Due{Site: schedule.Site{ID: "shop-example", Zone: time.UTC}, Date: today - 1}))
	var days api.SegmentDays
	if fault, code := h.typed(&days, "segment", "counts", "spenders", "--to", today.String()); code != 0 ||
		!reflect.DeepEqual(days.Days, []api.DayMembers{{Date: (today - 1).String(), Members: 1}}) {
		t.Errorf("segment counts: %s %+v", fault, days)
	}
	if fault, code := h.typed(nil, "segment", "remove", "spenders"); code != 0 {
		t.Error(fault)
	}
	eventually(t, "u1 is moved out of the removed one", func() bool { return slices.Equal(h.in("u1"), []string{"fans", "readers"}) })
}

func TestSegmentCommandsThatFail(t *testing.T) {
	h := shop(t, time.Now().UTC())
	for _, x := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"segment", "set"}, 2, "name the one file"},
		{[]string{"segment", "set", file(t, "{name: fans, when: {view: {at_least: 1}}}")}, 1, "views"},
		{[]string{"segment", "set", file(t, "segments: []")}, 1, "no segment"},
		{[]string{"segment", "set", "/nowhere/at.all"}, 1, "no such file"},
		{[]string{"segment", "remove", "spenders"}, 1, "footfall segment list"},
		{[]string{"segment", "counts", "spenders"}, 1, "footfall segment list"},
		{[]string{"visitor", "history"}, 2, "id"},
		{[]string{"visitor", "segments", "u1", "--explain", "perhaps"}, 1, "neither true nor false"},
	} {
		if fault, code := h.typed(nil, x.args...); code != x.code || !strings.Contains(fault, x.says) {
			t.Errorf("footfall %v: %d %q, want %d and %q", x.args, code, fault, x.code, x.says)
		}
	}
}

// TestShorterHistories: what is too old goes at once, and daily.
func TestShorterHistories(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	h := shop(t, now)
	old := shopper{site: "shop-example", id: "u3"}
	h.publish(old.event(now.AddDate(0, -20, 0), event.Page, "", ""))
	if fault, code := h.typed(nil, "roll"); code != 0 {
		t.Fatal(fault)
	}
	var set changedSite
	if fault, code := h.typed(&set, "site", "set", "shop.example", "--history", "12"); code != 0 || set.Removed.Visitors != 1 || set.Removed.Rows != 1 {
		t.Errorf("site set: %s %+v", fault, set)
	}
	h.expect("within twelve months", now)
}

// TestHistoriesOutOfReach: events are accepted and figures told all the same, and
// the doctor says what is wrong.
func TestHistoriesOutOfReach(t *testing.T) {
	h := shop(t, time.Now().UTC())
	h.end()
	h.stopMoves()
	h.stopRolls()
	must(t, h.histories.Close())
	balance, err := h.balance(t.Context())
	if err != nil || balance.Accepted == 0 {
		t.Errorf("the balance is %+v, %v", balance, err)
	}
	var page bytes.Buffer
	rec := httptest.NewRecorder()
	h.ready(rec, httptest.NewRequest("GET", "/readyz", nil))
	if rec.Code != 200 {
		t.Errorf("/readyz answers %d %s", rec.Code, rec.Body)
	}
	h.writeMetrics(t.Context(), &page)
	if !strings.Contains(page.String(), "footfall_stored_events 7\n") || strings.Contains(page.String(), "footfall_webhook_waiting") {
		t.Errorf("/metrics:\n%s", page.String())
	}
	if found := h.notices(t.Context()).finding(); found.OK || !strings.Contains(found.Says, "closed") {
		t.Errorf("the doctor says %+v", found)
	}
	h.histories = nil // closed already
}

// TestTrialsAtATime: only so many dry runs, as each walks over all visitors.
func TestTrialsAtATime(t *testing.T) {
	h := shop(t, time.Now().UTC())
	for range cap(h.trials) {
		h.trials <- struct{}{}
	}
	if fault, code := h.typed(nil, "segment", "test", file(t, fans)); code != 1 || !strings.Contains(fault, "try again") {
		t.Errorf("one more than there may be: %d %s", code, fault)
	}
	<-h.trials
	for range 2 { // each gives its place back
		if fault, code := h.typed(nil, "segment", "test", file(t, fans)); code != 0 {
			t.Error(fault)
		}
	}
}

// TestNoticesOfWhoKeepsHistories: with histories off, nobody is told of what was
// on its way.
func TestNoticesOfWhoKeepsHistories(t *testing.T) {
	h := shop(t, time.Now().UTC())
	for _, x := range []struct {
		name, value string
		told        bool
	}{{"--webhook", "http://127.0.0.1:1/", true}, {"--history", "off", false}, {"--history", "3", true}, {"--webhook", "off", false}} {
		if fault, code := h.typed(nil, "site", "set", "shop.example", x.name, x.value); code != 0 {
			t.Fatal(fault)
		}
		if hook, ok := h.sites.hook("shop-example"); ok != x.told || ok && hook.URL != "http://127.0.0.1:1/" {
			t.Errorf("after %s %s told is %t", x.name, x.value, ok)
		}
	}
}
