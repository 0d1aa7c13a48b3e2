package erase_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"footfall/erase"
	"footfall/event"
	"footfall/ledger"
	"footfall/shop"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newList() *erase.List {
	return erase.NewList([]byte("0123456789abcdef"), func(k ledger.Key) ledger.Key { return ledger.Key(strings.ToLower(string(k))) })
}

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func viewed(minutes int, anonymous, user string) event.Event {
	return event.Event{ID: fmt.Sprint("e", minutes), Site: "one", Kind: event.Page, Time: at(minutes), Original: at(minutes), Received: at(minutes),
		AnonymousID: anonymous, UserID: user, Visitor: 7, Session: 9, Path: "/a", Title: "A", Search: "email=anna@example.com", Source: "News", Country: "DE",
		Device: "phone", Context: `{"traits":{"email":"anna@example.com"}}`, Properties: `{"name":"Anna"}`}
}

func TestClean(t *testing.T) {
	l := newList()
	l.Add(l.Mark("one", "anon:anna", noon), l.Mark("one", "user:A@x.org", noon), l.Mark("one", "click:CCCCCCCCCCCCCCCCCCCCCCCCCC", noon))
	of := func(change func(e *event.Event)) event.Event {
		e := viewed(0, "", "")
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		e    event.Event
		want bool
	}{
		"before":                       {viewed(-1, "anna", ""), true},
		"at that very moment":          {viewed(0, "anna", ""), true},
		"after":                        {viewed(1, "anna", ""), false},
		"of a clock that is ahead":     {of(func(e *event.Event) { e.AnonymousID, e.Time = "anna", at(9) }), true},
		"by the user's id":             {viewed(0, "other", "a@X.org"), true},
		"another's":                    {viewed(0, "ben", "ben"), false},
		"an anonymous id is no user's": {viewed(0, "", "anna"), false},
		"at another site":              {of(func(e *event.Event) { e.AnonymousID, e.Site = "anna", "two" }), false},
		"that names the id of before":  {of(func(e *event.Event) { e.Kind, e.UserID, e.PreviousID = event.Alias, "new", "anna" }), true},
		"that carries the click":       {of(func(e *event.Event) { e.Search = "cid=CCCCCCCCCCCCCCCCCCCCCCCCCC" }), true},
		"a click that was passed on":   {of(func(e *event.Event) { e.AnonymousID, e.Search = "ben", "cid=CCCCCCCCCCCCCCCCCCCCCCCCCC" }), false},
	} {
		events := []event.Event{c.e}
		if got := l.Clean(events) == 1; got != c.want {
			t.Errorf("an event %s: erased %v, want %v", name, got, c.want)
		}
		if l.Clean(events) != 0 {
			t.Errorf("an event %s is erased twice", name)
		}
		if !c.want && !reflect.DeepEqual(events[0], c.e) {
			t.Errorf("an event %s: changed to %+v", name, events[0])
		}
		if err := events[0].Check(); err != nil {
			t.Errorf("an event %s: %v", name, err)
		}
	}
}

// TestCleaned: of the person nothing stays, and everything else does.
func TestCleaned(t *testing.T) {
	l := newList()
	l.Add(l.Mark("one", "anon:anna", noon))
	events := []event.Event{viewed(-5, "anna", "u1"), viewed(-4, "anna", ""), viewed(-3, "ben", "")}
	events[0].GroupID, events[0].Traits = "her company", `{"name":"Anna"}`
	events[1].Visitor = 8
	l.Clean(events)
	text := fmt.Sprintf("%+v", events[:2])
	for _, secret := range []string{"example.com", "Anna", "u1", "company", "Visitor:7", "Visitor:8", "Session:9"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s stays: %s", secret, text)
		}
	}
	want := viewed(-5, "", "")
	want.ID, want.Visitor, want.Session, want.Search, want.Context, want.Properties = events[0].ID, events[0].Visitor, events[0].Session, "", "", ""
	if !reflect.DeepEqual(events[0], want) {
		t.Errorf("it is %+v, want %+v", events[0], want)
	}
	if events[0].Visitor == events[1].Visitor || events[0].Visitor == 0 {
		t.Error("two visitors became one")
	}
	again := []event.Event{viewed(-5, "anna", "")}
	l.Clean(again)
	if again[0].Visitor != events[0].Visitor {
		t.Error("one visitor became two")
	}
}

// TestTrade: figures of orders stay to the cent, and tell no customer.
func TestTrade(t *testing.T) {
	l := newList()
	l.Add(l.Mark("one", "anon:anna", noon))
	for _, properties := range []string{
		`{"order_id":"o1","revenue":"12.505","currency":"eur","email":"anna@example.com","products":[{"product_id":"p [XL] @ home","category":"c","price":1.005,"quantity":3,"note":"anna"},7,{"sku":"s","price":"2"}],"address":{"name":"anna"}}`,
		`{"total":7,"value":9,"product_id":"p","price":7,"name":{"first":"anna"},"coupon":["A","B"],"customer":"anna"}`, `{"revenue":1e3}`, `[]`, ``,
	} {
		e := viewed(0, "anna", "")
		e.Kind, e.Name, e.Properties = event.Track, "Order Completed", properties
		before, _ := e.Trade()
		events := []event.Event{e}
		l.Clean(events)
		if after, ok := events[0].Trade(); !ok || !reflect.DeepEqual(after, before) {
			t.Errorf("%s: %+v, want %+v", properties, after, before)
		}
		if strings.Contains(events[0].Properties, "anna") {
			t.Errorf("%s stays", events[0].Properties)
		}
	}
}

// TestCleanedOrder: an order of one product that is written without a list of
// products stays the same for the ledger.
func TestCleanedOrder(t *testing.T) {
	l := newList()
	l.Add(l.Mark("one", "anon:anna", noon))
	for _, properties := range []string{`{"order_id":"o1","currency":"EUR","product_id":"p","net":"10.00","quantity":1}`, `{"order_id":"o1","currency":"EUR","sku":"s","price":"12","net":"10.00","line_id":"L7"}`} {
		e := viewed(0, "anna", "")
		e.Kind, e.Name, e.Properties, e.Context = event.Track, "Order Completed", properties, ""
		before, _, err := shop.FromTrack(&e, shop.EventOptions{})
		if err != nil || before.Order.Lines[0].Net == 0 {
			t.Fatalf("%+v, %v", before.Order, err)
		}
		events := []event.Event{e}
		l.Clean(events)
		if after, _, err := shop.FromTrack(&events[0], shop.EventOptions{}); err != nil || !reflect.DeepEqual(after.Order, before.Order) {
			t.Errorf("%s: %+v, want %+v, %v", properties, after.Order, before.Order, err)
		}
	}
}

func TestLaterMarkHolds(t *testing.T) {
	l := newList()
	l.Add(l.Mark("one", "anon:anna", at(5)), l.Mark("one", "anon:anna", noon))
	if !l.Erased("one", "anon:anna", at(5)) || l.Erased("one", "anon:anna", at(6)) {
		t.Error("not the later of two times holds")
	}
}

// TestNames: the id of somebody who was erased is found however a request spells it,
// and nobody else's is.
func TestNames(t *testing.T) {
	l := erase.NewList([]byte("0123456789abcdef"), func(k ledger.Key) ledger.Key { return k })
	const id, browser = `anna "the one" & only`, "b-4711"
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	l.Add(l.Mark("one", "user:"+id, at), l.Mark("one", "anon:"+browser, at), l.Mark("two", "user:77", at))
	for text, names := range map[string]bool{
		`{"anonymousId":"b-4711"`: true, `{"anonymousId": "b\u002d4711", "x"`: true, `anonymousId=b%2D4711&x`: true, `GET /a?who=b-4711 HTTP/1.1`: true, `[b-4711]`: true,
		`userId=anna+%22the+one%22+%26+only`: true, `{"userId":77}`: false, `{"anonymousId":"b-47111"}`: false, `b-471`: false, ``: false, `"`: false, `{"a":"\`: false, strings.Repeat(`"x`, 20_000): false,
	} {
		if l.Names("one", text) != names {
			t.Errorf("%.60q names somebody: %v, want %v", text, !names, names)
		}
	}
	if !l.Names("two", `{"userId":77}`) || !l.Names("", `{"userId":77}`) || l.Names("three", "77") {
		t.Error("sites are taken for one another")
	}
}
