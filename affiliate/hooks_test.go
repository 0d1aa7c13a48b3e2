package affiliate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/shop"
)

// refusedHook checks that something is the sender's fault, by field.
func refusedHook(t *testing.T, what, field string, err error) {
	t.Helper()
	var invalid *shop.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != field {
		t.Errorf("%s: %v, want a fault of %s", what, err, field)
	}
}

func TestHookAddresses(t *testing.T) {
	d := openDesk(t, nil)
	add := func(h ledger.Hook) error {
		h.Program = d.program.ID
		_, _, err := d.AddHook(t.Context(), h)
		return err
	}
	for _, address := range []string{"", "books.example", "ftp://books.example/", "https://", "https://me:word@books.example/", "https://books.example/#x", "https://books.example/" + strings.Repeat("x", 2000), "http://books.example/"} {
		refusedHook(t, address, "url", add(ledger.Hook{URL: address}))
	}
	refusedHook(t, "another kind", "kinds", add(ledger.Hook{URL: "https://a.example", Kinds: []string{"click"}}))
	refusedHook(t, "a test", "kinds", add(ledger.Hook{URL: "https://a.example", Kinds: []string{affiliate.Test}}))
	refusedHook(t, "a long note", "note", add(ledger.Hook{URL: "https://a.example", Note: strings.Repeat("x", 201)}))
	if err := add(ledger.Hook{URL: "http://10.0.0.1/", Inside: true}); err != nil {
		t.Error(err)
	}
	_, _, err := d.AddHook(t.Context(), ledger.Hook{Program: "x", URL: "https://a.example"})
	refusedHook(t, "no programme", "program", err)
	for range 15 {
		if err := add(ledger.Hook{URL: "https://a.example"}); err != nil {
			t.Fatal(err)
		}
	}
	refusedHook(t, "one too many", "url", add(ledger.Hook{URL: "https://a.example"}))
}

// TestHookSecrets: a new secret takes the place of the one before, which signs
// beside it for as long as that was asked for; and of two at most.
func TestHookSecrets(t *testing.T) {
	d := openDesk(t, nil)
	h := d.hooked()
	for _, overlap := range []time.Duration{-1, 8 * 24 * time.Hour} {
		_, _, err := d.RotateHook(t.Context(), h.ID, overlap)
		refusedHook(t, overlap.String(), "overlap", err)
	}
	before := h.Secrets[0]
	for range 2 {
		got, secret, err := d.RotateHook(t.Context(), h.ID, time.Hour)
		if err != nil || len(got.Secrets) != 2 || got.Secrets[0] != secret || got.Secrets[1] != before || secret == before || !got.Until.Equal(d.now.Add(time.Hour)) {
			t.Errorf("%+v %s, %v", got, secret, err)
		}
		before = secret
	}
	if got, secret, err := d.RotateHook(t.Context(), h.ID, 0); err != nil || len(got.Secrets) != 1 || got.Secrets[0] != secret || !got.Until.IsZero() {
		t.Errorf("at once: %+v, %v", got, err)
	}
	got, err := d.AlterHook(t.Context(), h.ID, func(h *ledger.Hook) { h.Secrets, h.Program, h.ID = nil, "x", "y" })
	if err != nil || len(got.Secrets) != 1 || got.Program != d.program.ID || got.ID != h.ID {
		t.Errorf("altered: %+v, %v", got, err)
	}
	if got, err = d.RemoveHook(t.Context(), h.ID); err != nil || len(got.Secrets) != 0 {
		t.Errorf("removed: %+v, %v", got, err)
	}
	_, _, err = d.RotateHook(t.Context(), h.ID, 0)
	refusedHook(t, "of a removed one", "hook", err)
}

// TestPausedHook: what happens while a hook is paused is kept for it as given up,
// and is sent when it is replayed, with the same ids.
func TestPausedHook(t *testing.T) {
	d := openDesk(t, nil)
	h, other := d.hooked(), d.hooked()
	state := func(to ledger.HookState) {
		t.Helper()
		if _, err := d.AlterHook(t.Context(), h.ID, func(h *ledger.Hook) { h.State = to }); err != nil {
			t.Fatal(err)
		}
	}
	in := func(h ledger.Hook, state ledger.NoticeState) []ledger.Notice {
		t.Helper()
		all, err := d.Notices(t.Context(), ledger.NoticeFilter{To: affiliate.ToHook(h.ID), State: state})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	state(ledger.HookPaused)
	d.take(order("1", "v", 10000, noon, "anna15"))
	dead, waiting := in(h, ledger.Dead), in(other, ledger.Waiting)
	if len(dead) != 2 || len(waiting) != 2 || dead[0].Event != waiting[0].Event || string(dead[1].Body) != string(waiting[1].Body) || dead[0].ID == waiting[0].ID {
		t.Fatalf("kept %+v, told %+v", dead, waiting)
	}
	_, err := d.Replay(t.Context(), h.ID)
	refusedHook(t, "replayed while it is paused", "hook", err)
	_, err = d.TestHook(t.Context(), h.ID)
	refusedHook(t, "tested while it is paused", "hook", err)
	state(ledger.HookActive)
	_, err = d.Replay(t.Context(), h.ID, waiting[0].ID)
	refusedHook(t, "another hook's notice", "notice", err)
	if n, err := d.Replay(t.Context(), h.ID, dead[0].ID); n != 1 || err != nil {
		t.Errorf("one: %d, %v", n, err)
	}
	if n, err := d.Replay(t.Context(), h.ID); n != 1 || err != nil || len(in(h, ledger.Dead)) != 0 {
		t.Errorf("the rest: %d, %v", n, err)
	}
	for i, n := range in(h, ledger.Waiting) {
		if n.ID != dead[i].ID || n.Event != dead[i].Event || !n.Settled.IsZero() || n.Tries != 0 {
			t.Errorf("replayed: %+v", n)
		}
	}
}

// TestReplayMany replays more than one transaction takes.
func TestReplayMany(t *testing.T) {
	d := openDesk(t, nil)
	h := d.hooked()
	if err := d.book.Change(t.Context(), func(tx ledger.Tx) error {
		for n := range 1203 {
			id := time.Duration(n).String()
			if err := tx.Money().Tables().Outbox().Add(ledger.Notice{ID: id, Event: id, Program: d.program.ID, To: affiliate.ToHook(h.ID), State: ledger.Dead, Settled: noon}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Replay(t.Context(), h.ID); n != 1203 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
