package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/period"
)

// TestDeletePages: a page tells before what goes, and deletes that when the site's domain
// is typed: what the command would, with its line in the audit log. What one looked at
// another does not see, and what came since stays.
func TestDeletePages(t *testing.T) {
	t.Parallel()
	s := newSwept(t, 150)
	admin, other, viewer := s.looks(account.Admin, s.site.ID), s.looks(account.Owner, ""), s.looks(account.Viewer, s.site.ID)
	path := "/sites/" + s.site.ID + "/delete"
	last := period.DateOf(s.end, s.site.Location()) - 1
	w := period.Window{From: (last - 5).Window(s.site.Location()).From, To: last.Window(s.site.Location()).To}
	admin.page("POST", path+"/confirm", url.Values{"domain": {s.site.Domain}}, 422, "Looking comes first")
	ask := func(of, value string) url.Values {
		return url.Values{"from": {(last - 5).String()}, "to": {last.String()}, "of": {of, "bot"}, "op": {"contains", "is"}, "is": {value, ""}}
	}
	looked := func() url.Values {
		page := admin.page("GET", path, nil, 200, "Nothing was deleted yet")
		return url.Values{"domain": {s.site.Domain}, "looked": {regexp.MustCompile(`name="looked" value="(\d+)"`).FindStringSubmatch(page)[1]}}
	}
	admin.page("POST", path, ask("entry_page", "/"), 422, "told of sessions")
	admin.page("POST", path, ask("title", "Käse"), 303)
	before := looked()
	admin.page("POST", path, ask("referrer", "SPAM.example"), 303)
	admin.page("POST", path+"/confirm", before, 422, "Looking was done again") // from the page of before
	goes := func(e *event.Event) bool {
		return !e.Time.Before(w.From) && e.Time.Before(w.To) && e.Referrer == "https://spam.example/" && e.Bot == ""
	}
	n := s.foretold(admin.page("GET", path, nil, 200, "referrer contains SPAM.example"), goes)
	if strings.Contains(other.page("GET", path, nil, 200), "SPAM.example") {
		t.Error("somebody else sees what one looked at")
	}
	other.page("POST", path+"/confirm", looked(), 422, "Looking comes first")
	for _, method := range []string{"GET", "POST"} {
		viewer.page(method, path, ask("referrer", "SPAM.example"), 403)
	}
	viewer.page("POST", path+"/confirm", looked(), 403)
	taken := s.take(goes)
	late := taken[0] // the same, received after it was looked at
	late.ID, late.Received = "late", time.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond)
	s.publish(late)
	s.all = append(s.all, late)
	wrong := looked()
	wrong.Set("domain", "other.example")
	admin.page("POST", path+"/confirm", wrong, 422, "Domain must be typed")
	admin.page("POST", path+"/confirm", looked(), 303)
	s.deleters.of(admin.asWho(), s.site.ID).work.soon(t.Context(), 20*time.Second)
	admin.page("GET", path, nil, 200, "Deleted. Figures are counted anew of what is left.", fmt.Sprintf(`>%d<`, n))
	s.sound("after it was deleted on a page")
	admin.page("POST", path+"/confirm", before, 422, "Looking comes first")
	changes, err := s.control.Changes(t.Context(), account.ChangeFilter{})
	must(t, err)
	if c := changes[0]; c.What != "events delete" || c.Who != admin.asWho().Name || c.Target != s.site.ID || c.New != "conditions on bot, referrer" || strings.Contains(fmt.Sprint(c), "SPAM") {
		t.Errorf("the audit log has %+v", c)
	}
}

// foretold is how many events go, of which a page must tell by day; all are there yet.
func (s *swept) foretold(page string, goes func(*event.Event) bool) (n int) {
	days := map[string]int{}
	for i := range s.all {
		if e := &s.all[i]; goes(e) {
			days[e.Time.In(s.site.Location()).Format(time.DateOnly)]++
			n++
		}
	}
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	for day, count := range days {
		if !regexp.MustCompile(fmt.Sprintf(`%s\s+%d\s`, day, count)).MatchString(text) {
			s.t.Errorf("the page lacks %d events of %s: %s", count, day, text)
		}
	}
	if n < 5 || !regexp.MustCompile(fmt.Sprintf(`All\s+%d\s`, n)).MatchString(text) || s.house.store.Load().State().Stored != uint64(len(s.all)) {
		s.t.Fatalf("the page does not tell of %d events, or some are gone: %s", n, text)
	}
	return n
}
