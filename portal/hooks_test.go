package portal

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
)

// hook gives the programme a webhook.
func (w *world) hook(address, note string) ledger.Hook {
	w.t.Helper()
	h, _, err := w.desk.AddHook(w.t.Context(), ledger.Hook{Program: w.program.ID, URL: address, Note: note})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// settle has notices to a hook be given up, or sent.
func (w *world) settle(h ledger.Hook, change func(n *ledger.Notice)) {
	w.t.Helper()
	if err := w.book.Change(w.t.Context(), func(tx ledger.Tx) error {
		out := tx.Money().Tables().Outbox()
		all, err := out.List(ledger.NoticeFilter{To: affiliate.ToHook(h.ID)})
		for _, n := range all {
			change(&n)
			if err == nil {
				err = out.Put(n)
			}
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

var secretShown = regexp.MustCompile(`ffh_[a-z0-9]{26}`)

// TestWebhooks goes the way of a webhook through its pages: made, tried, given up
// and sent again, paused, with a new secret, removed.
func TestWebhooks(t *testing.T) {
	w := newWorld(t)
	w.seller(w.program)
	list := w.path("/webhooks")
	has(t, w.get(list), "No webhooks yet", "payout.paid")
	w.refused("Is no address", list, "url", "javascript:alert(1)")
	w.refused("Must begin with https://", list, "url", "http://books.example/")
	w.refused("is none of", list, "url", "https://books.example/", "kinds", "clicks")
	rec := w.post(list, "url", "https://books.example/in?token=hidden", "note", "Bookkeeping", "kinds", "payout.paid", "kinds", "order.attributed")
	first := secretShown.FindString(rec.Body.String())
	if rec.Code != 200 || first == "" {
		t.Fatalf("no secret is shown: %d", rec.Code)
	}
	all := must(w.desk.Hooks(t.Context(), w.program.ID))
	self := list + "/" + all[0].ID
	if page := w.get(self); secretShown.MatchString(page) || strings.Count(page, " checked") != 2 {
		t.Error("the secret is shown again, or other kinds are ticked")
	}
	has(t, w.get(list), "books.example/in", "Bookkeeping", "2 kinds", "active")
	has(t, w.done(self, "url", "https://books.example/in", "note", "Books"), "Saved.", "Books")
	w.sell("anna", "1", 10000)
	has(t, w.done(self+"/test"), "The test is on its way", "<code>test</code>", "Not tried yet", "&#34;number&#34;:&#34;1&#34;", "commission.created")
	w.settle(all[0], func(n *ledger.Notice) {
		n.State, n.Why, n.Settled, n.Tries = ledger.Dead, "the answer was 500", w.now, 3
		n.Answers = []ledger.Answer{{At: w.now, Status: 500, Why: "the answer was 500"}, {At: w.now, Status: 200, Took: time.Second}}
	})
	has(t, w.get(self+"?state=dead"), "Send all again", "The answer was 500", "3 tries", "given up", "200, in 1000 ms")
	has(t, w.get(self+"?state=sent"), "No messages here")
	notices := must(w.desk.Notices(t.Context(), ledger.NoticeFilter{State: ledger.Dead}))
	if w.done(self+"/replay", "notice", notices[0].ID); len(must(w.desk.Notices(t.Context(), ledger.NoticeFilter{State: ledger.Dead}))) != len(notices)-1 {
		t.Error("one was not sent again")
	}
	if has(t, w.done(self+"/replay"), "being sent again"); len(must(w.desk.Notices(t.Context(), ledger.NoticeFilter{State: ledger.Dead}))) != 0 {
		t.Error("not all were sent again")
	}
	second := secretShown.FindString(w.post(self + "/secret").Body.String())
	if second == "" || second == first {
		t.Errorf("the new secret is %q", second)
	}
	has(t, w.get(self), "Two secrets sign each message until")
	has(t, w.done(self+"/state", "state", "paused"), "Paused since", "by hand", "Make active")
	w.refused("is paused", self+"/test")
	w.refused("must be active or paused", self+"/state", "state", "removed")
	has(t, w.done(self+"/state", "state", "active"), "Send a test")
	has(t, w.done(self+"/remove"), "told nothing any more", "No webhooks yet")
	if rec := w.post(self + "/test"); rec.Code != 404 {
		t.Errorf("a removed webhook: %d", rec.Code)
	}
}

// TestWebhookPages: many messages come in pages.
func TestWebhookPages(t *testing.T) {
	w := newWorld(t)
	w.seller(w.program)
	h := w.hook("https://books.example/", "")
	for n := range pageSize {
		w.sell("anna", fmt.Sprint("n", n), 1000) // each is told twice
	}
	self := w.path("/webhooks/" + h.ID)
	page, seen := w.get(self), 0
	for {
		seen += strings.Count(page, `class="body"`)
		next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(page)
		if next == nil {
			break
		}
		page = w.get(strings.ReplaceAll(strings.TrimSuffix(next[1], "#log"), "&amp;", "&"))
	}
	if seen != 2*pageSize {
		t.Errorf("%d messages on all pages, want %d", seen, 2*pageSize)
	}
}
