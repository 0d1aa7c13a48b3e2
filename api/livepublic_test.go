package api

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/query"
)

// publish shows parts of a.example to anybody.
func (w *liveWorld) publish(t *testing.T, parts ...account.Part) {
	t.Helper()
	sites, err := w.memory.Sites(context.Background())
	if err == nil {
		sites[0].Public = parts
		_, err = w.memory.UpdateSite(context.Background(), sites[0])
	}
	if err != nil || sites[0].ID != "a-example" {
		t.Fatal(sites[0].ID, err)
	}
}

// TestLiveOfPublicSites: anybody hears whole figures of a public site, whatever else it
// shows, and of no other, until it is public no more.
func TestLiveOfPublicSites(t *testing.T) {
	w := newLive(t, Streams{Recheck: 50 * time.Millisecond, Heartbeat: 20 * time.Millisecond})
	const question = "metric=PageViews&window=today&step=total&token=public&site="
	refused := func(parameters string, status int, says string) {
		t.Helper()
		l := w.open(parameters)
		b, _ := io.ReadAll(io.LimitReader(l.Body, 4096))
		if l.StatusCode != status || !strings.Contains(string(b), says) {
			t.Errorf("%s: %d %s", parameters, l.StatusCode, b)
		}
	}
	refused(question+"a-example", 401, "not shown to anybody")
	w.publish(t, account.TheBoard, account.Money)
	refused(question+"b-example", 401, "not shown to anybody")
	refused(question+"b-example,a-example", 401, "not shown to anybody")
	refused("metric=PageViews&window=today&token=public", 401, "not shown to anybody")
	refused("earnings=true&affiliate=anna&token=public", 401, "not shown to anybody")
	refused("metric=Revenue&window=today&token=public&site=a-example", 400, "not Revenue")
	refused("metric=PageViews&by=source&window=today&token=public&site=a-example", 400, "not by source")
	refused("metric=PageViews&source=anna&window=today&token=public&site=a-example", 400, "not by source")
	l := w.open(question + "a-example")
	l.event(t)
	w.publish(t)
	if !l.ends(2 * time.Second) {
		t.Error("the stream of a site that is public no more goes on")
	}
	refused(question+"a-example", 401, "not shown to anybody")
	eventuallyNone(t, w)
}

// TestLiveOfTwoPublicSites: who hears of one is not taken for who hears of another, and
// goes on when that is public no more.
func TestLiveOfTwoPublicSites(t *testing.T) {
	w := newLive(t, Streams{Recheck: 50 * time.Millisecond, Heartbeat: 20 * time.Millisecond})
	sites, err := w.memory.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	publish := func(at int, parts ...account.Part) {
		t.Helper()
		if sites[at].Public = parts; err == nil {
			_, err = w.memory.UpdateSite(t.Context(), sites[at])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(0, account.TheBoard)
	publish(1, account.TheBoard)
	const question = "metric=PageViews&window=today&step=total&token=public&site="
	a, b := w.open(question+"a-example"), w.open(question+"b-example")
	a.event(t)
	b.event(t)
	time.Sleep(300 * time.Millisecond)
	publish(1)
	if !b.ends(2 * time.Second) {
		t.Error("the stream of a site that is public no more goes on")
	}
	if a.ends(300 * time.Millisecond) {
		t.Error("the stream of a public site ends with another's")
	}
}

// TestRoomBesidePublicSites: who listens to public sites leaves room for who has a key.
func TestRoomBesidePublicSites(t *testing.T) {
	w := newLive(t, Streams{Most: 4})
	w.publish(t, account.TheBoard)
	const question = "metric=PageViews&window=today&step=total"
	for i := range 3 {
		if l := w.open(question + "&token=public&site=a-example"); (l.StatusCode == 200) != (i < 2) {
			t.Errorf("stream %d of anybody: %d", i, l.StatusCode)
		}
	}
	for range 2 {
		if l := w.open(question, w.as("reada-example")...); l.StatusCode != 200 {
			t.Errorf("a key: %d", l.StatusCode)
		}
	}
}

// TestPlacesBesidePublicSites: one network leaves room for others, and all who come by a
// proxy that tells no addresses are not taken for one.
func TestPlacesBesidePublicSites(t *testing.T) {
	s := newStreams(Streams{PerPlace: 2})
	public := asker{name: account.PublicToken + " a-example"}
	enter := func(a asker, from string, want bool) (leave func()) {
		t.Helper()
		leave, ok := s.enter(a, netip.MustParseAddr(from), []query.Watched{{Key: "q"}})
		if ok != want {
			t.Errorf("%s from %s: %v", a.name, from, ok)
		}
		return leave
	}
	leave := enter(public, "203.0.113.1", true)
	enter(public, "203.0.113.2", true)
	enter(public, "203.0.113.3", false)
	enter(asker{name: account.PublicToken + " b-example"}, "203.0.113.3", false)
	enter(public, "198.51.100.1", true)
	enter(asker{name: "key", page: true}, "203.0.113.3", true)
	enter(asker{name: "key"}, "203.0.113.3", true)
	for range 3 {
		enter(public, "127.0.0.1", true)
		enter(public, "10.1.2.3", true)
		enter(public, "fd00::1", true)
	}
	leave()
	enter(public, "203.0.113.3", true)
	enter(public, "203.0.113.4", false)
}
