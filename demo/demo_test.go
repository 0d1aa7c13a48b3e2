package demo

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

var berlin = time.FixedZone("CEST", 2*3600)

var now = time.Date(2026, 7, 14, 15, 20, 30, 123456789, berlin)

func TestHits(t *testing.T) {
	hits := slices.Collect(Hits(now, 1))
	if n := len(hits); n < 55_000 || n > 65_000 {
		t.Errorf("%d hits", n)
	}
	if last := hits[len(hits)-1].Time; now.Sub(last) > 10*time.Minute || last.After(now) {
		t.Errorf("the last hit is at %v, now is %v", last, now)
	}
	if first := hits[0].Time; now.Sub(first) > 51*24*time.Hour {
		t.Errorf("the first hit is at %v", first)
	}
	ids := map[string]bool{}
	events := map[string]int{}
	for i, h := range hits {
		if ids[h.ID] {
			t.Fatalf("id %s twice", h.ID)
		}
		ids[h.ID] = true
		events[h.Event]++
		if i > 0 && h.Time.Before(hits[i-1].Time) {
			t.Fatalf("hit %d is out of order", i)
		}
		if h.Visitor == "" || h.Path == "" || h.UserAgent == "" || h.Country != (Places{}).Place(h.IP).Country {
			t.Fatalf("hit %d: %+v", i, h)
		}
	}
	if events["Product Added"] < 1000 || events[event.Download] < 200 || len(events) != 3 {
		t.Errorf("events %v", events)
	}
}

func TestHitsAreTheSameForTheSameSeed(t *testing.T) {
	spelled := func(seed uint64) string {
		for body := range Batches(Hits(now, seed), 500, now) {
			return string(body)
		}
		return ""
	}
	first, again := spelled(1), spelled(1)
	if first != again {
		t.Error("two runs differ")
	}
	if first == spelled(2) {
		t.Error("the seed changes nothing")
	}
}

// TestProductViewsAreReal recounts the product pages against the data set's
// own truth: every day of the data is one stretch of 24 hours up to now.
func TestProductViewsAreReal(t *testing.T) {
	path := filepath.Join("..", "..", "shared", "data", "shop-clickstream", "truth.json")
	b, err := os.ReadFile(path)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("REAL DATA IS MISSING: %v", err)
		}
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	var truth struct {
		Views map[string]int `json:"views_per_day"`
	}
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for h := range Hits(now, 7) {
		if h.Event == "" && strings.HasPrefix(h.Path, "/shop/") {
			back := int(now.Truncate(time.Millisecond).Sub(h.Time) / (24 * time.Hour))
			got[time.Date(2008, 6, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -back).Format(time.DateOnly)]++
		}
	}
	if len(got) != 50 {
		t.Errorf("%d days", len(got))
	}
	for day, n := range got {
		if n != truth.Views[day] {
			t.Errorf("%s: %d product views, the data has %d", day, n, truth.Views[day])
		}
	}
}

func TestDaysHaveNightsAndEvenings(t *testing.T) {
	var hours [24]int
	for h := range Hits(now, 1) {
		hours[h.Time.In(berlin).Hour()]++
	}
	if hours[20] < 5*hours[3] || hours[3] == 0 {
		t.Errorf("hits per hour %v", hours)
	}
}

func TestSessionsComeFromSomewhere(t *testing.T) {
	first := map[string]bool{}
	referrers := map[string]int{}
	for h := range Hits(now, 1) {
		if !first[h.Visitor] {
			first[h.Visitor] = true
			referrers[h.Referrer+h.Search]++
		} else if h.Event == "" && !strings.HasPrefix(h.Referrer, "https://"+Domain+"/") {
			t.Fatalf("a later page view comes from %q", h.Referrer)
		}
	}
	if len(referrers) != len(origins) {
		t.Errorf("origins %v", referrers)
	}
}

func TestBatches(t *testing.T) {
	n, events := 0, 0
	for body := range Batches(Hits(now, 1), 1000, now) {
		var b struct {
			Batch []struct {
				Type, MessageID, AnonymousID, OriginalTimestamp, Event string
				Context                                                struct {
					IP, UserAgent string
					Page          struct{ URL, Path, Search string }
				}
			}
			SentAt time.Time
		}
		if err := json.Unmarshal(body, &b); err != nil {
			t.Fatal(err)
		}
		n++
		events += len(b.Batch)
		if len(b.Batch) > 1000 || !b.SentAt.Equal(now.Truncate(time.Millisecond)) {
			t.Fatalf("batch %d: %d messages sent at %v", n, len(b.Batch), b.SentAt)
		}
		for _, m := range b.Batch {
			ip, err := netip.ParseAddr(m.Context.IP)
			if err != nil || !documentation(ip) || (m.Type == "track") != (m.Event != "") || m.MessageID == "" ||
				m.Context.UserAgent == "" || m.Context.Page.URL != "https://"+Domain+m.Context.Page.Path+m.Context.Page.Search {
				t.Fatalf("message %+v %v", m, err)
			}
			if _, err := time.Parse(time.RFC3339, m.OriginalTimestamp); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := len(slices.Collect(Hits(now, 1))); events != want {
		t.Errorf("%d events in batches, %d hits", events, want)
	}
}

func documentation(ip netip.Addr) bool {
	return netip.MustParsePrefix("203.0.113.0/24").Contains(ip) || netip.MustParsePrefix("198.51.100.0/24").Contains(ip)
}

func TestPlaces(t *testing.T) {
	warsaw := event.Place{Country: "PL", Region: "Mazovia (PL-14)", City: "Warsaw (PL-14)"}
	chicago := event.Place{Country: "US", Region: "Illinois (US-IL)", City: "Chicago (US-IL)"}
	for ip, want := range map[string]event.Place{"203.0.113.29": warsaw, "198.51.100.42": chicago, "203.0.113.13": {Country: "FO"}, "203.0.113.47": {}, "203.0.113.200": {},
		"192.0.2.29": {}, "2001:db8::1": {}} {
		if got := (Places{}).Place(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
}

// TestPeopleDiffer checks that hits say the same of a visitor each time, and
// that visitors differ in what lists are made of.
func TestPeopleDiffer(t *testing.T) {
	type said struct {
		locale string
		width  int
	}
	of, seen := map[string]said{}, map[said]bool{}
	for h := range Hits(now, 1) {
		s := said{h.locale(), h.screen()}
		if before, ok := of[h.Visitor]; ok && before != s {
			t.Fatalf("%s said %v, then %v", h.Visitor, before, s)
		}
		of[h.Visitor], seen[s] = s, true
	}
	if len(seen) < 20 {
		t.Errorf("only %d kinds of visitors", len(seen))
	}
}

func TestTrickle(t *testing.T) {
	clock := now
	ids := map[string]bool{}
	n := 0
	for h, pause := range Trickle(func() time.Time { return clock }, 1) {
		if ids[h.ID] || !h.Time.Equal(clock) || h.Visitor == "" {
			t.Fatalf("hit %+v", h)
		}
		ids[h.ID] = true
		if pause < 333*time.Millisecond || pause > time.Second {
			t.Fatalf("a pause of %v", pause)
		}
		clock = clock.Add(pause)
		if n++; n == 2000 {
			return
		}
	}
}

func TestBrokenData(t *testing.T) {
	if _, err := readVisits([]byte("not gzip")); err == nil {
		t.Error("no error")
	}
}
