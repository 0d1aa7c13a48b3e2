package affiliate

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// Rows of hooks as doors name them that think with this package only.
type (
	Hook         = ledger.Hook
	HookState    = ledger.HookState
	Notice       = ledger.Notice
	NoticeState  = ledger.NoticeState
	NoticeFilter = ledger.NoticeFilter
)

const (
	maxHooks = 16 // of a programme
	// Overlap is how long an old secret signs beside the new one if nobody says otherwise.
	Overlap = 24 * time.Hour
	// maxOverlap is the longest.
	maxOverlap = 7 * 24 * time.Hour

	secretPrefix = "ffh_" // as of sites' webhooks
	// PausedByHand is why a hook is paused that somebody paused.
	PausedByHand = "by hand"
)

// newHookSecret makes a secret as AddHook and RotateHook do.
func newHookSecret() string { return secretPrefix + strings.ToLower(rand.Text()) }

// checkHook checks what its owner says of a hook, and spells its kinds each once.
func checkHook(h *ledger.Hook) error {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || len(h.URL) > 2000:
		return shop.Invalid("url", "is no address such as https://books.example.com/footfall, without a name, password or #part")
	case u.Scheme == "http" && !h.Inside:
		return shop.Invalid("url", "must begin with https://; an operator may name another: footfall hook set")
	case len(h.Note) > 200:
		return shop.Invalid("note", "is longer than 200 bytes")
	}
	slices.Sort(h.Kinds)
	h.Kinds = slices.Compact(h.Kinds)
	for _, kind := range h.Kinds {
		if !slices.Contains(NoticeKinds, kind) {
			return shop.Invalid("kinds", "%q is none of %s", kind, strings.Join(NoticeKinds, ", "))
		}
	}
	return nil
}

// AddHook makes an address that is told what happens in a programme from now on.
// The secret that signs what it gets is told here, and not again.
func (d *Desk) AddHook(ctx context.Context, h ledger.Hook) (made ledger.Hook, secret string, err error) {
	if err := checkHook(&h); err != nil {
		return h, "", err
	}
	secret = newHookSecret()
	h = ledger.Hook{ID: d.id(), Program: h.Program, URL: h.URL, Inside: h.Inside, Note: h.Note, Kinds: h.Kinds, Secrets: []string{secret}, State: ledger.HookActive, Created: d.now(), Changed: d.now()}
	err = d.book.Change(ctx, func(tx ledger.Tx) error {
		if _, err := tx.Set().Programs().Get(h.Program); err != nil {
			return absent(err, "program", h.Program)
		}
		t, err := d.telling(tx, h.Program)
		switch {
		case err != nil:
			return err
		case t == nil: // what has become available before is no news
			if err := tx.Reading().SetTold(h.Program, d.now()); err != nil {
				return err
			}
		case len(t.hooks) >= maxHooks:
			return shop.Invalid("url", "is one too many: a programme has at most %d webhooks; remove one", maxHooks)
		}
		return tx.Money().Tables().Hooks().Add(h)
	})
	return h, secret, err
}

// Hooks lists a programme's hooks by ID.
func (d *Desk) Hooks(ctx context.Context, program string) (all []ledger.Hook, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Money().Tables().Hooks().Find("program", program)
		return err
	})
	return slices.DeleteFunc(all, func(h ledger.Hook) bool { return h.State == ledger.HookRemoved }), err
}

// hook reads one that is not removed.
func hook(tx ledger.Tx, id string) (h ledger.Hook, err error) {
	h, err = tx.Money().Tables().Hooks().Get(id)
	if err == nil && h.State == ledger.HookRemoved {
		err = ledger.ErrNotFound
	}
	return h, absent(err, "hook", id)
}

// Hook reads one.
func (d *Desk) Hook(ctx context.Context, id string) (h ledger.Hook, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		h, err = hook(tx, id)
		return err
	})
	return h, err
}

func (d *Desk) changeHook(ctx context.Context, id string, change func(h *ledger.Hook) error) (h ledger.Hook, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) (err error) {
		if h, err = hook(tx, id); err != nil {
			return err
		}
		before := h.State
		if err := change(&h); err != nil {
			return err
		}
		if h.State != before {
			h.Changed = d.now()
		}
		return tx.Money().Tables().Hooks().Put(h)
	})
	return h, err
}

// AlterHook changes a hook's address, whether it may be inside, note, kinds and state: active or paused. One
// that is made active is given time anew.
func (d *Desk) AlterHook(ctx context.Context, id string, change func(h *ledger.Hook)) (ledger.Hook, error) {
	return d.changeHook(ctx, id, func(h *ledger.Hook) error {
		before := *h
		change(h)
		h.ID, h.Program, h.Secrets, h.Until, h.Created = before.ID, before.Program, before.Secrets, before.Until, before.Created
		switch {
		case h.State != ledger.HookActive && h.State != ledger.HookPaused:
			return shop.Invalid("state", "must be active or paused")
		case h.State == ledger.HookActive && before.State != h.State:
			h.Why, h.Failing = "", time.Time{}
		case h.State == ledger.HookPaused && before.State != h.State:
			h.Why = PausedByHand
		}
		return checkHook(h)
	})
}

// RotateHook gives a hook a new secret. For as long as overlap says, up to a week,
// the one before signs beside it.
func (d *Desk) RotateHook(ctx context.Context, id string, overlap time.Duration) (h ledger.Hook, secret string, err error) {
	if overlap < 0 || overlap > maxOverlap {
		return h, "", shop.Invalid("overlap", "must be from 0 to %d hours", int(maxOverlap.Hours()))
	}
	secret = newHookSecret()
	h, err = d.changeHook(ctx, id, func(h *ledger.Hook) error {
		old := h.Secrets[0]
		h.Secrets, h.Until = []string{secret}, time.Time{}
		if overlap > 0 {
			h.Secrets, h.Until = append(h.Secrets, old), d.now().Add(overlap)
		}
		return nil
	})
	return h, secret, err
}

// RemoveHook tells an address nothing any more. What it was told stays in the log.
func (d *Desk) RemoveHook(ctx context.Context, id string) (ledger.Hook, error) {
	return d.changeHook(ctx, id, func(h *ledger.Hook) error {
		h.State, h.Secrets, h.Until = ledger.HookRemoved, nil, time.Time{}
		return nil
	})
}

// TestHook tells a hook something that means nothing.
func (d *Desk) TestHook(ctx context.Context, id string) (n ledger.Notice, err error) {
	err = d.book.Change(ctx, func(tx ledger.Tx) error {
		h, err := hook(tx, id)
		if err != nil {
			return err
		}
		if h.State == ledger.HookPaused {
			return shop.Invalid("hook", "is paused (%s): resume it first", h.Why)
		}
		if err := d.tell(tx, h.Program, Test, struct {
			Hook string `json:"hook"`
			Text string `json:"text"`
		}{h.ID, "This is a test."}, h); err != nil {
			return err
		}
		newest, err := tx.Money().Tables().Outbox().List(ledger.NoticeFilter{To: ToHook(id), Kind: Test, Limit: 1})
		if err == nil {
			n = newest[0]
		}
		return err
	})
	return n, err
}

// Notices lists what was and is to be told, newest first.
func (d *Desk) Notices(ctx context.Context, f ledger.NoticeFilter) (all []ledger.Notice, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Money().Tables().Outbox().List(f)
		return err
	})
	return all, err
}

// ToHook is the address of notices to a hook, as NoticeFilter has it.
func ToHook(id string) string { return ledger.To(ledger.ToHook, id) }

// SpellAnswer says what came of a try, for people.
func SpellAnswer(a ledger.Answer) string {
	if a.Why != "" {
		return a.Why
	}
	return fmt.Sprintf("%d, in %d ms", a.Status, a.Took.Milliseconds())
}

// replayed is how many notices Replay makes waiting in one transaction.
const replayed = 500

// Replay has notices to a hook delivered again, with the id that they had: dead
// and sent ones that are named, or all dead ones if none is. It counts them. One
// that is waiting is tried at once.
func (d *Desk) Replay(ctx context.Context, id string, notices ...string) (n int, err error) {
	filters := []ledger.NoticeFilter{{To: ToHook(id), State: ledger.Dead, Limit: replayed}}
	if len(notices) > 0 {
		filters = nil
		for _, notice := range notices {
			filters = append(filters, ledger.NoticeFilter{ID: notice, To: ToHook(id)})
		}
	}
	for more := true; more; {
		some := 0
		err := d.book.Change(ctx, func(tx ledger.Tx) (err error) {
			some, err = d.replay(tx, id, filters)
			return err
		})
		if err != nil {
			return n, err
		}
		n += some
		more = len(notices) == 0 && some == replayed
	}
	return n, nil
}

func (d *Desk) replay(tx ledger.Tx, id string, filters []ledger.NoticeFilter) (n int, err error) {
	h, err := hook(tx, id)
	if err != nil {
		return 0, err
	}
	if h.State == ledger.HookPaused {
		return 0, shop.Invalid("hook", "is paused (%s): resume it first", h.Why)
	}
	for _, f := range filters {
		found, err := tx.Money().Tables().Outbox().List(f)
		if err == nil && f.ID != "" && len(found) == 0 {
			err = shop.Invalid("notice", "%q is none of this webhook", f.ID)
		}
		if err != nil {
			return 0, err
		}
		for _, notice := range found {
			notice.State, notice.Due, notice.Tries, notice.Settled = ledger.Waiting, d.now(), 0, time.Time{}
			if err := tx.Money().Tables().Outbox().Put(notice); err != nil {
				return 0, err
			}
			n++
		}
	}
	return n, nil
}
