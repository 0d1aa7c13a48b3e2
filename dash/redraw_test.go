package dash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/query"
)

// TestRedraw: boards that draw themselves anew ask nothing that another one has just
// asked, and are told to come again if something was stored meanwhile; who loads the
// page has figures that are counted anew.
func TestRedraw(t *testing.T) {
	var shared *query.Shared
	clock := fixed.Add(-5 * time.Second) // moves on within ten seconds
	w := newWorldWith(t, Options{Now: func() time.Time { return clock }, Lately: func(age time.Duration) *query.Lately { return shared.Lately(age) }}, "atelier.example")
	stored := query.NewLive()
	shared = query.Share(w.source, w.besides, stored.News)
	asked := 0
	draw := func(what string, again bool, header ...string) (questions int) {
		t.Helper()
		clock = clock.Add(time.Second)
		page := w.as(t).do("GET", "/?period=Today", nil, header...).Body.String()
		if lacks(t, page, `data-gap="30"`); strings.Contains(page, "data-again") != again {
			t.Errorf("%s: to be drawn again: %v", what, !again)
		}
		w.source.mu.Lock()
		defer w.source.mu.Unlock()
		before := asked
		asked = len(w.source.asked) + len(w.source.reports)
		return asked - before
	}
	all := draw("loaded", false)
	for i, x := range []struct {
		header string
		stored bool
		want   int
	}{{"max-age=10", false, all}, {"max-age=10", false, 0}, {"max-age=10", true, 0}, {"max-age=0", true, all}, {"no-cache", false, all}, {"max-age=x", false, all}, {"max-age=-1", false, all}} {
		if x.stored {
			stored.Stored(w.site.ID)
		}
		if n := draw(fmt.Sprint(i), x.stored && x.want == 0, "Cache-Control", x.header); n != x.want || all < 10 {
			t.Errorf("%d, %s: %d questions, want %d of %d", i, x.header, n, x.want, all)
		}
	}
}

// TestFramesAreDrawnAgain: a frame is told to come again, as the board is.
func TestFramesAreDrawnAgain(t *testing.T) {
	var shared *query.Shared
	w := newWorldWith(t, Options{Now: now, Lately: func(age time.Duration) *query.Lately { return shared.Lately(age) }}, "a.example")
	stored := query.NewLive()
	shared = query.Share(w.source, w.besides, stored.News)
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []bool{false, true} {
		if frame := w.of("/embed/a.example?token="+token, "Cache-Control", "max-age=10").Body.String(); !strings.Contains(frame, "data-gap") || strings.Contains(frame, "data-again") != again {
			t.Errorf("to be drawn again: not %v", again)
		}
		stored.Stored(w.site.ID)
	}
}

// as is a browser of the operator.
func (w world) as(t *testing.T) *browser {
	b := w.browser(t)
	b.session = w.login(t)
	return b
}
