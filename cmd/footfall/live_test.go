package main

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/ledger"
	shops "footfall/shop"
)

// heard is a stream of a server.
type heard struct {
	t *testing.T
	*http.Response
	lines *bufio.Scanner
}

// hear opens a stream with a header field.
func (h *home) hear(server *httptest.Server, parameters, name, value string) heard {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", server.URL+"/v1/live?"+parameters, nil)
	must(h.t, err)
	r.Header.Set(name, value)
	answer, err := server.Client().Do(r)
	must(h.t, err)
	h.t.Cleanup(func() { answer.Body.Close() })
	return heard{h.t, answer, bufio.NewScanner(answer.Body)}
}

// has reads events until one says something, of which none may say another thing.
func (s heard) has(want, not string) {
	s.t.Helper()
	late := time.AfterFunc(10*time.Second, func() { s.Body.Close() })
	defer late.Stop()
	seen := ""
	for s.lines.Scan() {
		data, is := strings.CutPrefix(s.lines.Text(), "data: ")
		if not != "" && strings.Contains(data, not) {
			s.t.Fatalf("%s says %q", data, not)
		}
		if is && strings.Contains(data, want) {
			return
		}
		seen += "\n" + s.lines.Text()
	}
	s.t.Fatalf("%d: no event says %s:%s", s.StatusCode, want, seen)
}

// TestLiveInTheHouse: what is stored is told to who listens, once it can be
// counted; what is of another site or affiliate, or nothing at all, is not even
// asked for.
func TestLiveInTheHouse(t *testing.T) {
	h := newHome(t)
	ids := h.twoEarners()
	token, _, err := h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	must(t, err)
	server := httptest.NewServer(h.server().Handler)
	t.Cleanup(server.Close)
	key := "Bearer " + token
	views := h.hear(server, "metric=PageViews@Today,Visitors@Last5Minutes&site=a-example", "Authorization", key)
	views.has(`"metric":"Visitors","window":"Last5Minutes"`, "")
	clicks := h.hear(server, "metric=Clicks@Last5Minutes&site=a-example", "Authorization", key)
	clicks.has(`"value":0}`, "")

	asked := h.streams.Asked()
	other := events("other", 3, true)
	for i := range other {
		other[i].Time, other[i].Received = time.Now(), time.Now()
	}
	h.publish(other...)
	must(t, toldBook{h.ledger, h.streams}.Change(t.Context(), func(tx ledger.Tx) error { return tx.Traffic().Reading().SetPosition(event.Position{Total: 1}) }))
	time.Sleep(1500 * time.Millisecond)
	if n := h.streams.Asked() - asked; n > 0 {
		t.Errorf("asked %d times because of another site's events, or of how far the queue was read", n)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	e := event.Event{ID: "live-1", Site: "a-example", Kind: event.Page, Host: "a.example", Path: "/", Time: now, Original: now, Received: now, Channel: "web", Visitor: 77}
	h.publish(e)
	views.has(`"metric":"Visitors","window":"Last5Minutes","dataset":[{"series":"a.example"`, "")
	if again := h.streams.Asked() - asked; again < 2 || again > 4 {
		t.Errorf("two questions were asked %d times for one event", again)
	}
	must(t, h.desk.Write(t.Context(), []event.Event{{ID: "live-2", Site: "a-example", Kind: event.Page, Time: now, Original: now, Received: now, AnonymousID: "v-live", Host: "a.example", Path: "/", Search: "ref=Anna"}}, event.Position{}))
	clicks.has(`"value":1}`, "") // though its quarter began before the window
	h.affiliatesHear(server, ids)
}

// affiliatesHear: of an order its affiliate hears, and no other.
func (h *home) affiliatesHear(server *httptest.Server, ids map[string]string) {
	t := h.t
	sessions := map[string]string{}
	for _, name := range []string{"Anna", "Theirs"} {
		p, err := h.control.AddPerson(t.Context(), account.Person{Email: name + "@login.example"})
		must(t, err)
		must(t, h.control.PutGrant(t.Context(), account.Grant{Person: p.ID, Site: "a-example", Role: account.Affiliate}))
		_, err = h.desk.Alter(t.Context(), ids[name], func(a *ledger.Affiliate) { a.Login = p.ID })
		must(t, err)
		session, err := h.control.AddSession(t.Context(), p.ID)
		must(t, err)
		sessions[name] = "footfall_session=" + session
	}
	anna, theirs := h.hear(server, "earnings=true&metric=Commissions@Today", "Cookie", sessions["Anna"]), h.hear(server, "earnings=true", "Cookie", sessions["Theirs"])
	anna.has(`"earnings":{"affiliate":"`+ids["Anna"]+`"`, ids["Theirs"])
	theirs.has(`"earnings":{"affiliate":"`+ids["Theirs"]+`"`, ids["Anna"])
	if s := h.hear(server, "earnings=true&affiliate="+ids["Theirs"], "Cookie", sessions["Anna"]); s.StatusCode != http.StatusBadRequest {
		t.Errorf("another's earnings: %d", s.StatusCode)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	_, err := h.desk.Take(t.Context(), shops.Report{Site: "a-example", Number: "live-order", Time: now, Said: now, From: shops.FromAPI, Verified: true, Anonymous: "v-live",
		Order: &shops.Order{Currency: "EUR", Coupons: []string{"Anna15"}, Lines: []ledger.Line{{ID: "1", Product: "p", Name: "P", Quantity: 1, Net: 7777}}}})
	must(t, err)
	anna.has(`"number":"live-order"`, "theirs-1")
	quiet, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	context.AfterFunc(quiet, func() { theirs.Body.Close() })
	for theirs.lines.Scan() {
		if text := theirs.lines.Text(); strings.Contains(text, "live-order") || strings.Contains(text, "38.88") {
			t.Errorf("another hears of it: %s", text)
		}
	}
	must(t, h.control.EndSessions(t.Context(), h.personOf(ids["Anna"]), ""))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for anna.lines.Scan() {
		}
	}()
	select {
	case <-ended:
	case <-time.After(6 * time.Second):
		t.Error("a stream goes on after its session has ended")
	}
}

// personOf is who logs in as an affiliate.
func (h *home) personOf(affiliate string) string {
	h.t.Helper()
	a, err := h.desk.Affiliate(h.t.Context(), affiliate)
	must(h.t, err)
	return a.Login
}
