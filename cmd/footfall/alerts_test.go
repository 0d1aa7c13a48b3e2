package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/mail/mailtest"
	"footfall/webhook"
)

// receiver takes messages of alerts, and refuses the first few.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	refuse int
	told   []toldAlert
	ids    []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, _ := io.ReadAll(q.Body)
		var m toldAlert
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		if err := webhook.Verify([]byte(r.secret), body, q.Header.Get(webhook.Header), time.Now()); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if r.ids = append(r.ids, m.ID); len(r.ids) <= r.refuse {
			w.WriteHeader(500)
			return
		}
		r.told = append(r.told, m)
	}))
	t.Cleanup(r.Close)
	return r
}

// spell says what was told, and forgets it.
func (r *receiver) spell() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, m := range r.told {
		usual := "?"
		if m.Data.Usual != nil {
			usual = fmt.Sprint(*m.Data.Usual)
		}
		all = append(all, fmt.Sprintf("%s %s %s %d of %s", m.Kind, m.Data.Site, m.Data.Watch, m.Data.Now, usual))
	}
	r.told = nil
	return strings.Join(all, "; ")
}

// crowd is page views of a site, evenly within an hour.
func crowd(site, name string, from time.Time, n int) (all []event.Event) {
	for i := range n {
		e := view(site, "/", from.Add(time.Duration(i)*time.Hour/time.Duration(n)).UTC().Format(time.RFC3339), uint64(i+1))
		e.ID = fmt.Sprint(name, i)
		all = append(all, e)
	}
	return all
}

// TestAlertOfSpike: a spike is told once, with a signature, also over a restart and a
// webhook that fails first; it is over after two usual quarters, and a new site has none.
func TestAlertOfSpike(t *testing.T) {
	h, hook := newHome(t), newReceiver(t)
	now := time.Date(2026, 10, 28, 12, 1, 30, 0, time.UTC) // clocks in Berlin were changed on the 25th
	for _, domain := range []string{"old.example", "new.example"} {
		site, err := h.sites.AddSite(t.Context(), account.Site{Domain: domain, Zone: "Europe/Berlin"})
		must(t, err)
		hour := now.Truncate(time.Hour).Add(-time.Hour)
		h.publish(crowd(site.ID, domain+" now", hour, 130)...)
		if domain == "old.example" {
			for k, n := range []int{40, 20, 60} {
				h.publish(crowd(site.ID, fmt.Sprint(domain, k), hour.AddDate(0, 0, -7*(k+1)).Add(-time.Hour), n)...)
			}
		}
	}
	var made shownAlert
	h.do(&made, "alert", "add", "spike", "--site", "old.example", "--webhook", hook.URL)
	if hook.secret = made.Secret; len(made.Secret) != 36 {
		t.Fatalf("made %+v", made)
	}
	h.do(nil, "alert", "add", "spike", "--site", "new.example", "--webhook", hook.URL+"/new")
	hook.refuse = 1
	w := h.watcher(now.Add(-time.Hour * 9))
	look := func(after time.Duration, want string) {
		t.Helper()
		must(t, w.look(t.Context(), now.Add(after)))
		if got := hook.spell(); got != want {
			t.Errorf("after %v: told %q, want %q", after, got, want)
		}
	}
	look(0, "") // refused
	look(5*time.Second, "")
	h.reopen()
	w = h.watcher(now.Add(-time.Hour * 9))
	look(time.Minute, "alert.began old-example spike 130 of 40")
	look(2*time.Minute, "")
	look(15*time.Minute, "")
	h.reopen()
	w = h.watcher(now.Add(-time.Hour * 9))
	look(16*time.Minute, "")
	look(45*time.Minute, "") // 65 of 10: there is too little for the limit, for the first time
	look(60*time.Minute, "alert.over old-example spike 0 of 0")
	look(75*time.Minute, "")
	if len(hook.ids) != 3 || hook.ids[0] != hook.ids[1] || hook.ids[0] != made.ID+".1" || hook.ids[2] != made.ID+".2" {
		t.Errorf("ids %v", hook.ids)
	}
	h.do(nil, "alert", "test", made.ID)
	if got := hook.spell(); got != "alert.began old-example spike 0 of ?" {
		t.Errorf("the test told %q", got)
	}
	var all []shownAlert
	h.do(&all, "alert", "list")
	if len(all) != 2 || all[0].Stands.Firing || all[1].Stands.Last != nil || all[0].Secret != "" {
		t.Errorf("listed %+v", all)
	}
	h.do(nil, "alert", "remove", made.ID)
	look(90*time.Minute, "")
}

// TestAlertsAreToldBesideOneAnother: a webhook that does not answer holds up no other.
func TestAlertsAreToldBesideOneAnother(t *testing.T) {
	h, hook, release := newHome(t), newReceiver(t), make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hangs.Close)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	now := time.Date(2026, 10, 28, 12, 1, 30, 0, time.UTC)
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "old.example"})
	must(t, err)
	hour := now.Truncate(time.Hour).Add(-time.Hour)
	h.publish(crowd(site.ID, "now", hour, 130)...)
	for k := range 3 {
		h.publish(crowd(site.ID, fmt.Sprint(k), hour.AddDate(0, 0, -7*(k+1)), 20)...)
	}
	var made shownAlert
	h.do(nil, "alert", "add", "spike", "--site", "old.example", "--webhook", hangs.URL)
	h.do(&made, "alert", "add", "spike", "--site", "old.example", "--webhook", hook.URL)
	hook.secret = made.Secret
	looked := make(chan error, 1)
	go func() { looked <- h.watcher(now.Add(-time.Hour*9)).look(t.Context(), now) }()
	told := func() string { hook.mu.Lock(); defer hook.mu.Unlock(); return strings.Join(hook.ids, " ") }
	for end := time.Now().Add(5 * time.Second); told() == "" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	if told() != made.ID+".1" {
		t.Errorf("beside a webhook that hangs, %q was told", told())
	}
	free()
	must(t, <-looked)
}

// TestAlertsByMail: silence, and what is set aside, are told by mail when they begin
// and when they are over, and no address is in the log.
func TestAlertsByMail(t *testing.T) {
	home, post := mailHome(t, mailtest.Options{})
	h := newHome(t) // with the same mail server
	_ = home
	site := h.addSite("shop.example", "Asia/Kathmandu")
	now := time.Date(2026, 5, 20, 9, 0, 30, 0, time.UTC)
	h.publish(crowd(site, "a", now.Add(-2*time.Hour), 60)...)
	h.do(nil, "alert", "add", "silence", "--site", "shop.example", "--minutes", "30", "--always", "--to", "boss@people.example")
	h.do(nil, "alert", "add", "set-aside", "--least", "3", "--to", "boss@people.example")
	h.do(nil, "alert", "add", "lag", "--to", "boss@people.example")
	w, n := h.watcher(now.Add(-time.Hour)), 0
	look := func(after time.Duration, subjects ...string) {
		t.Helper()
		must(t, w.look(t.Context(), now.Add(after)))
		all := post.Taken()
		if len(all) != n+len(subjects) {
			t.Fatalf("after %v: %d letters, want %d", after, len(all), n+len(subjects))
		}
		for i, subject := range subjects {
			if m := all[n+i]; m.To != "boss@people.example" || m.Read(t).Subject != subject || !strings.Contains(m.Read(t).Text, "https://stats.example/") {
				t.Errorf("after %v came %s", after, m.Raw)
			}
		}
		n = len(all)
	}
	look(0, "shop.example: No events")
	look(time.Minute)
	h.publish(crowd(site, "b", now.Add(90*time.Second), 1)...)
	look(2 * time.Minute)
	look(3*time.Minute, "shop.example: over: No events")
	h.giveUp(events("bad", 3, false)...)
	w = h.watcher(now.Add(-time.Hour))
	look(4*time.Minute, "stats.example: Many events are set aside")
	look(65*time.Minute, "shop.example: No events")
	look(66*time.Minute, "stats.example: over: Many events are set aside")
	if text := post.Taken()[0].Read(t).Text; !strings.Contains(text, "0 events in 30 minutes") || !strings.Contains(text, "20 May 2026, 14:45 +0545") {
		t.Errorf("it tells %s", text)
	}
}

// TestAlertCommands: what makes no sense is refused with what to do, and each change
// is in the audit log, without an address.
func TestAlertCommands(t *testing.T) {
	h := newHome(t)
	h.do(nil, "site", "add", "shop.example")
	for _, c := range []struct{ why, args string }{
		{"use spike, drop", "flood --to a@a.example"}, {"of a site: name it", "spike --to a@a.example"}, {"of the server: leave it out", "lag --site shop.example --to a@a.example"},
		{"give one address", "lag"}, {"give one address", "lag --to a@a.example --webhook https://a.example/"}, {"not an address", "lag --to nobody"}, {"is no address such as https", "lag --webhook ftp://a.example"},
		{"no such number", "spike --site shop.example --times x --to a@a.example"}, {"from 1.1 to 1000", "spike --site shop.example --times 1 --to a@a.example"}, {"no such number", "spike --site shop.example --least 2.5 --to a@a.example"},
		{"no whole number of minutes", "lag --minutes -4 --to a@a.example"}, {"PageViews or Visitors", "drop --site shop.example --metric Sessions --to a@a.example"}, {"always: is for silence", "lag --always --to a@a.example"},
	} {
		if fault, code := h.typed(nil, append([]string{"alert", "add"}, strings.Fields(c.args)...)...); code != 1 || !strings.Contains(fault, c.why) {
			t.Errorf("alert add %s: %d %s, want %q", c.args, code, fault, c.why)
		}
	}
	var made shownAlert
	h.do(&made, "alert", "add", "drop", "--site", "shop.example", "--metric", "visitors", "--times", "2.5", "--to", "a@a.example")
	if made.Words != "visitors of an hour are less than the usual divided by 2.5, which is at least 100" || made.Mail {
		t.Errorf("made %+v", made)
	}
	if fault, code := h.typed(nil, "alert", "test", made.ID); code != 1 || !strings.Contains(fault, "no mail is sent: give the server --mail") {
		t.Errorf("alert test: %d %s", code, fault)
	}
	h.do(nil, "alert", "remove", made.ID)
	if fault, code := h.typed(nil, "alert", "remove", made.ID); code != 1 || !strings.Contains(fault, "footfall alert list") {
		t.Errorf("removed twice: %d %s", code, fault)
	}
	lines, err := h.control.Changes(t.Context(), account.ChangeFilter{Kind: "alert"})
	if err != nil || len(lines) != 2 || strings.Contains(fmt.Sprint(lines), "@") {
		t.Errorf("the audit log has %+v, %v", lines, err)
	}
}
