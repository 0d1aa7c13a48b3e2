package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/history"
	"footfall/period"
)

// set types commands that must work.
func (h *home) set(commands ...[]string) {
	h.t.Helper()
	for _, args := range commands {
		if fault, code := h.typed(nil, args...); code != 0 {
			h.t.Fatalf("footfall %v: %s", args, fault)
		}
	}
}

// TestMovesGoOn: neither a site whose definitions can't be read nor a roll that
// takes long keeps visitors from being moved.
func TestMovesGoOn(t *testing.T) {
	h := shop(t, time.Now().UTC())
	h.set([]string{"site", "add", "atelier.example"}, []string{"site", "set", "atelier.example", "--history", "2"}, []string{"roll"})
	_, err := h.control.PutSegments(t.Context(), "atelier-example", []account.Segment{{Name: "torn", Definition: "{"}})
	must(t, err)
	h.mover.change("atelier-example")
	release, stored := make(chan struct{}), make(chan error, 1)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	go func() { // a roll waits for the batch that is being stored
		stored <- h.roller.Write(t.Context(), nil, event.Position{}, func() ([]event.Event, error) {
			<-release
			return nil, nil
		})
	}()
	h.rollSoon()
	eventually(t, "the roll has begun", func() bool { return len(h.mover.soon) == 0 })
	h.set([]string{"segment", "set", file(t, fans), "--site", "shop.example"})
	eventually(t, "u1 is moved", func() bool { return slices.Equal(h.in("u1"), []string{"fans", "spenders"}) })
	free()
	must(t, <-stored)
	h.mover.testing.Lock()
	defer h.mover.testing.Unlock()
	h.mover.mu.Lock()
	defer h.mover.mu.Unlock()
	if !h.mover.changed["atelier-example"] {
		t.Error("the site whose definitions can't be read is not tried again")
	}
}

// TestRemoveWaitsForNobody: a segment is removed at once, whoever writes, and its
// members and counts soon, also if the server stops; who is in it when it is
// defined again enters anew.
func TestRemoveWaitsForNobody(t *testing.T) {
	h := shop(t, time.Now().UTC())
	today := period.DateOf(time.Now(), nil)
	h.set([]string{"site", "set", "shop.example", "--webhook", "http://127.0.0.1:1/"}, []string{"roll"}, []string{"segment", "set", file(t, fans)})
	counted := func() bool {
		counts, err := h.histories.Counts(t.Context(), "shop-example", "spenders", today, today+1)
		must(t, err)
		return len(counts) > 0
	}
	eventually(t, "members are counted", counted)
	release, writes, wrote := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	go func() {
		_, err := h.histories.Replace(t.Context(), "shop-example", today-90, func(yield func(history.Day, error) bool) {
			yield(history.Day{Visitor: "u9", Counts: map[history.Item]history.Counts{history.Whole: {history.Views: 1}}}, nil)
		}, func(commit func() error) error {
			close(writes)
			<-release
			return commit()
		})
		wrote <- err
	}()
	<-writes
	h.set([]string{"segment", "remove", "spenders"}, []string{"segment", "set", file(t, fans)})
	if !counted() {
		t.Error("the writer was not held")
	}
	free()
	must(t, <-wrote)
	entered := func() bool {
		messages, err := h.histories.Due(t.Context(), time.Now(), 100)
		must(t, err)
		return len(slices.DeleteFunc(messages, func(m history.Message) bool {
			return !strings.Contains(string(m.Body), `.entered"`) || !strings.Contains(string(m.Body), "spenders")
		})) == 2
	}
	eventually(t, "u1 enters again", entered)
	eventually(t, "members are counted again", counted)
	h.set([]string{"segment", "remove", "spenders"})
	h.reopen()
	if counted() {
		t.Error("counts outlive the server's stop")
	}
}

// TestRollsEndFirst: a roll stops when the house begins to, before those who wait
// for it.
func TestRollsEndFirst(t *testing.T) {
	h := shop(t, time.Now().UTC())
	ended := make(chan struct{})
	h.end()
	go func() {
		h.stopRolls()
		h.stopMoves()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("rolls go on")
	}
}

// TestRollSoon: what makes histories incomplete asks for a roll.
func TestRollSoon(t *testing.T) {
	h := shop(t, time.Now().UTC())
	complete := func() bool {
		p, err := h.live.Visitor(t.Context(), "shop-example", "u1")
		must(t, err)
		return p.Complete
	}
	eventually(t, "the first roll", complete)
	for name, change := range map[string]func(){
		"zone":     func() { h.set([]string{"site", "set", "shop.example", "--timezone", "Asia/Tokyo"}) },
		"currency": func() { h.set([]string{"site", "set", "shop.example", "--currency", "JPY"}) },
		"lost":     func() { h.live.Lose(1) },
	} {
		change()
		eventually(t, name, complete)
	}
}

// TestShorterHistoriesAreTold: whoever has nothing left leaves, and what was moved
// aside as damaged goes.
func TestShorterHistoriesAreTold(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	h := shop(t, now)
	old := shopper{site: "shop-example", id: "u3"}
	h.publish(old.event(now.AddDate(0, -20, 0), event.Page, "", ""))
	h.set([]string{"site", "set", "shop.example", "--webhook", "http://127.0.0.1:1/"}, []string{"roll"},
		[]string{"segment", "set", file(t, "{name: readers, when: {views: {at_least: 1}}}")})
	eventually(t, "u3 has entered", func() bool { return slices.Equal(h.in("u3"), []string{"readers"}) })
	aside, other := h.historyFile()+damaged+"1-wal", filepath.Join(h.dir, "bins.sqlite"+damaged+"1")
	for _, path := range []string{aside, other} {
		must(t, os.WriteFile(path, []byte("u3"), 0o600))
	}
	h.set([]string{"site", "set", "shop.example", "--history", "24"})
	if _, err := os.Stat(aside); err != nil {
		t.Errorf("nothing was shortened: %v", err)
	}
	h.set([]string{"site", "set", "shop.example", "--history", "12"})
	if _, err := os.Stat(aside); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the damaged file: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("the damaged bins are nobody's business: %v", err)
	}
	eventually(t, "u3 has left", func() bool {
		messages, err := h.histories.Due(t.Context(), time.Now(), 100)
		must(t, err)
		return slices.ContainsFunc(messages, func(m history.Message) bool {
			return strings.Contains(string(m.Body), `"segment.left"`) && strings.Contains(string(m.Body), `"u3"`)
		})
	})
	if in := h.in("u3"); len(in) > 0 {
		t.Errorf("u3 is in %q", in)
	}
}
