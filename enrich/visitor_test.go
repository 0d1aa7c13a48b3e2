package enrich

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"footfall/event"
)

// bookOfSalts keeps salts for today and yesterday, as account does.
type bookOfSalts struct {
	today event.Day
	fail  error
	asked int
}

func (b *bookOfSalts) Salt(day event.Day) ([]byte, error) {
	b.asked++
	if b.fail != nil {
		return nil, b.fail
	}
	if day != b.today && day != b.today-1 {
		return nil, errors.New("destroyed")
	}
	return []byte{byte(day), 1, 2, 3}, nil
}

var (
	noon  = time.Date(2024, 5, 17, 12, 0, 0, 0, time.UTC)
	alice = Sender{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
)

func at(x *Enricher, t time.Time, e event.Event, from Sender) event.Event {
	e.Kind, e.Channel, e.Time, e.Original, e.Received = event.Page, "web", t, t, t
	if e.Site == "" {
		e.Site = "s1"
	}
	x.Enrich(&e, from)
	return e
}

func TestVisitor(t *testing.T) {
	x := New(Options{})
	of := func(e event.Event, from Sender) uint64 { return at(x, noon, e, from).Visitor }
	server := func(s Sender) Sender { s.Server = true; return s }
	bob, mapped, named := alice, alice, alice
	bob.IP = netip.MustParseAddr("192.0.2.8")
	mapped.IP = netip.AddrFrom16(alice.IP.As16())
	named.IP, named.Host = netip.Addr{}, "dialup.example.net"
	anonymous, user := event.Event{AnonymousID: "a1"}, event.Event{UserID: "a1"}
	both := event.Event{AnonymousID: "a1", UserID: "u1"}
	other := event.Event{AnonymousID: "invented", UserID: "u1"}
	for _, c := range []struct {
		name string
		a, b uint64
		same bool
	}{
		{"one address", of(event.Event{}, alice), of(event.Event{}, alice), true},
		{"IPv4 written as IPv6", of(event.Event{}, alice), of(event.Event{}, mapped), true},
		{"two addresses", of(event.Event{}, alice), of(event.Event{}, bob), false},
		{"two sites", of(event.Event{}, alice), of(event.Event{Site: "s2"}, alice), false},
		{"host name for an address", of(event.Event{}, named), of(event.Event{}, alice), false},
		{"anonymous id wherever from", of(anonymous, alice), of(anonymous, bob), true},
		{"anonymous id of two sites", of(anonymous, alice), of(event.Event{Site: "s2", AnonymousID: "a1"}, alice), false},
		{"anonymous id and user id of one text", of(anonymous, alice), of(user, alice), false},
		{"anonymous id before user id", of(both, alice), of(anonymous, alice), true},
		{"user id before a server's anonymous id", of(both, server(alice)), of(other, server(bob)), true},
		{"server's anonymous id if there is no other", of(anonymous, server(alice)), of(anonymous, alice), true},
	} {
		if (c.a == c.b) != c.same || c.a == 0 || c.b == 0 {
			t.Errorf("%s: %x and %x, want the same: %v", c.name, c.a, c.b, c.same)
		}
	}
	if v := of(event.Event{}, Sender{}); v != 0 {
		t.Errorf("nothing is known and the visitor is %x", v)
	}
	// The ids below are in stores: they must never change.
	if v := of(anonymous, alice); v != 0x73b86af853c2aab2 {
		t.Errorf("the visitor of an anonymous id became %#x", v)
	}
}

func TestVisitorOfAnImport(t *testing.T) {
	x := New(Options{Salts: &bookOfSalts{}})
	first, second := alice, alice
	first.Salt, second.Salt = []byte("one"), []byte("two")
	a, b := at(x, noon, event.Event{}, first).Visitor, at(x, noon.AddDate(0, 0, 9), event.Event{}, first).Visitor
	c := at(x, noon, event.Event{}, second).Visitor
	if a == 0 || a != b || a == c {
		t.Errorf("own salt: %x, nine days later %x, with another salt %x", a, b, c)
	}
}

func TestVisitorChangesWithTheDay(t *testing.T) {
	salts := &bookOfSalts{today: event.DayOf(noon)}
	x := New(Options{Salts: salts})
	today := at(x, noon, event.Event{}, alice).Visitor
	salts.today++
	if tomorrow := at(x, noon.Add(24*time.Hour), event.Event{}, alice).Visitor; tomorrow == today || tomorrow == 0 {
		t.Errorf("visitor %x on the next day too", tomorrow)
	}
	if v := at(x, noon.Add(-24*time.Hour), event.Event{}, alice).Visitor; v != 0 {
		t.Errorf("visitor %x with a salt that is destroyed", v)
	}
}

func TestSessionSurvivesMidnight(t *testing.T) {
	midnight := time.Date(2024, 5, 18, 0, 0, 0, 0, time.UTC)
	salts := &bookOfSalts{today: event.DayOf(midnight)}
	x := New(Options{Salts: salts})
	before := at(x, midnight.Add(-10*time.Minute), event.Event{}, alice)
	for _, after := range []time.Duration{15, 40, 65} {
		e := at(x, midnight.Add(after*time.Minute), event.Event{}, alice)
		if e.Visitor != before.Visitor || e.Session != before.Session {
			t.Errorf("%d min after midnight: visitor %x in session %x, want %x in %x", after, e.Visitor, e.Session, before.Visitor, before.Session)
		}
	}
	e := at(x, midnight.Add(96*time.Minute), event.Event{}, alice)
	if e.Visitor == before.Visitor || e.Session == before.Session {
		t.Errorf("after 31 min without an event still visitor %x in session %x", e.Visitor, e.Session)
	}
}

func TestSession(t *testing.T) {
	x := New(Options{})
	label := func(after time.Duration) uint64 {
		return at(x, noon.Add(after), event.Event{AnonymousID: "a"}, alice).Session
	}
	first := label(0)
	for _, c := range []struct {
		after time.Duration
		same  bool
	}{
		{30 * time.Minute, true},
		{5 * time.Minute, true}, // late, within
		{60 * time.Minute, true},
		{-20 * time.Minute, true}, // late, just before
		{-3 * time.Hour, false},   // late, of an earlier session
		{90 * time.Minute, true},  // which has not moved this one
		{120*time.Minute + time.Millisecond, false},
	} {
		if got := label(c.after); (got == first) != c.same || got == 0 {
			t.Errorf("after %v: session %x, first %x, want the same: %v", c.after, got, first, c.same)
		}
	}
	if e := at(x, noon, event.Event{}, Sender{}); e.Session != 0 {
		t.Errorf("session %x of an unknown visitor", e.Session)
	}
}

func TestNoSalt(t *testing.T) {
	salts := &bookOfSalts{today: event.DayOf(noon), fail: errors.New("disk full")}
	now := noon
	x := New(Options{Salts: salts, Now: func() time.Time { return now }})
	for range 100 {
		if e := at(x, noon, event.Event{}, alice); e.Visitor != 0 || e.Session != 0 {
			t.Fatalf("visitor %x in session %x without a salt", e.Visitor, e.Session)
		}
	}
	if x.Unsalted() != 100 || salts.asked != 1 {
		t.Errorf("%d events counted as unsalted after %d questions, want 100 after 1", x.Unsalted(), salts.asked)
	}
	salts.fail, now = nil, now.Add(2*retryAfter)
	if e := at(x, noon, event.Event{}, alice); e.Visitor == 0 || x.Unsalted() != 100 {
		t.Errorf("visitor %x when there is a salt again, %d unsalted", e.Visitor, x.Unsalted())
	}
}
