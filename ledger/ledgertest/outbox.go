package ledgertest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"footfall/ledger"
)

func (x memoryTables) Hooks() ledger.Table[ledger.Hook] {
	return memoryTable[ledger.Hook]{x.memoryTx, x.hooks, func(h ledger.Hook) (string, ledger.Hook) {
		h.Kinds, h.Secrets = own(h.Kinds), own(h.Secrets)
		h.Until, h.Failing, h.Created, h.Changed = ms(h.Until), ms(h.Failing), ms(h.Created), ms(h.Changed)
		return h.ID, h
	}, map[string]func(ledger.Hook) string{"program": func(h ledger.Hook) string { return h.Program }}, nil}
}

func (x memoryTables) Outbox() ledger.Outbox { return memoryOutbox(x) }

type memoryOutbox struct{ *memoryTx }

func ownNotice(n ledger.Notice) ledger.Notice {
	n.Body, n.Answers = own(n.Body), own(n.Answers)
	n.Created, n.Due, n.Settled = ms(n.Created), ms(n.Due), ms(n.Settled)
	return n
}

func (x memoryOutbox) Add(notices ...ledger.Notice) error {
	if err := x.writable(); err != nil {
		return err
	}
	taken := func(a, b ledger.Notice) bool { return a.ID == b.ID || a.Event == b.Event && a.To == b.To }
	for i, n := range notices {
		has := slices.ContainsFunc(notices[:i], func(o ledger.Notice) bool { return taken(n, o) })
		for _, o := range x.notices {
			has = has || taken(n, o)
		}
		if has {
			return fmt.Errorf("notice %s %w", n.ID, ledger.ErrTaken)
		}
	}
	for _, n := range notices {
		x.notices[n.ID] = ownNotice(n)
	}
	return nil
}

func (x memoryOutbox) Due(sort string, at time.Time, each int) (found []ledger.Notice, err error) {
	for _, n := range x.notices {
		if s, _ := ledger.Recipient(n.To); s == sort && n.State == ledger.Waiting && !n.Due.After(ms(at)) {
			found = append(found, ownNotice(n))
		}
	}
	slices.SortFunc(found, func(a, b ledger.Notice) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	of := map[string]int{}
	return slices.DeleteFunc(found, func(n ledger.Notice) bool { of[n.To]++; return of[n.To] > each }), nil
}

func (x memoryOutbox) Put(n ledger.Notice) error {
	if err := x.writable(); err != nil {
		return err
	}
	old, has := x.notices[n.ID]
	if !has {
		return fmt.Errorf("notice %s %w", n.ID, ledger.ErrNotFound)
	}
	n.Event, n.Program, n.To, n.Kind, n.Body, n.Created = old.Event, old.Program, old.To, old.Kind, old.Body, old.Created
	x.notices[n.ID] = ownNotice(n)
	return nil
}

func (x memoryOutbox) List(f ledger.NoticeFilter) (found []ledger.Notice, err error) {
	if _, has := x.notices[f.Before]; f.Before != "" && !has {
		return nil, fmt.Errorf("notice %s %w", f.Before, ledger.ErrNotFound)
	}
	for _, n := range x.notices {
		if is(f.ID, n.ID) && is(f.Program, n.Program) && is(f.To, n.To) && is(f.Kind, n.Kind) && is(f.State, n.State) && (f.Before == "" || n.ID < f.Before) {
			found = append(found, ownNotice(n))
		}
	}
	slices.SortFunc(found, func(a, b ledger.Notice) int { return -cmp.Compare(a.ID, b.ID) })
	return page(found, f.Limit), nil
}

func (x memoryOutbox) Forget(state ledger.NoticeState, before time.Time) (removed int, err error) {
	if err := x.writable(); err != nil {
		return 0, err
	}
	for id, n := range x.notices {
		if n.State == state && state != ledger.Waiting && !n.Settled.IsZero() && n.Settled.Before(ms(before)) {
			delete(x.notices, id)
			removed++
		}
	}
	return removed, nil
}

func hooks(t *testing.T, b ledger.Book) {
	table(t, b, func(tx ledger.Tx) ledger.Table[ledger.Hook] { return tx.Money().Tables().Hooks() }, func(h *ledger.Hook) *string { return &h.ID },
		func(h *ledger.Hook) {
			h.URL, h.Kinds, h.Secrets, h.Until, h.State, h.Why, h.Failing, h.Changed = "https://b.example", nil, []string{"new", "old"}, at(9), ledger.HookPaused, "gone", at(2), at(3)
		},
		map[[2]string][]int{{"program", "p"}: {0, 2}, {"program", ""}: nil},
		ledger.Hook{ID: "1", Program: "p", URL: "https://a.example/?k=ä", Inside: true, Note: "books", Kinds: []string{"b", "a"}, Secrets: []string{"old"}, State: ledger.HookActive, Created: at(0), Changed: at(1)},
		ledger.Hook{ID: "2", Program: "q"}, ledger.Hook{ID: "3", Program: "p", State: ledger.HookRemoved})
}

func noticeID(n ledger.Notice) string { return n.ID }

// notices: what is told is kept once for each who is told, and is due in its turn.
func notices(t *testing.T, b ledger.Book) {
	whole := ledger.Notice{ID: "n1", Event: "e1", Program: "p", To: "hook:1", Kind: "payout.sent", Body: []byte(`{"ä":1}`), Created: at(1), State: ledger.Waiting, Due: at(2), Tries: 3,
		Why: "the answer was 500", Answers: []ledger.Answer{{At: at(1), Took: time.Second, Status: 500, Why: "the answer was 500"}}, Settled: at(7)}
	change(t, b, func(tx ledger.Tx) {
		out := tx.Money().Tables().Outbox()
		must(t, out.Add(whole, ledger.Notice{ID: "n2", Event: "e1", Program: "p", To: "hook:2", State: ledger.Waiting, Due: at(1)}, ledger.Notice{ID: "n3", Event: "e1", Program: "p", To: "affiliate:1", State: ledger.Waiting, Due: at(1)}))
		isError(t, out.Add(ledger.Notice{ID: "n4", Event: "e2", To: "hook:1"}, ledger.Notice{ID: "n5", Event: "e1", To: "hook:1"}), ledger.ErrTaken)
		isError(t, out.Add(ledger.Notice{ID: "n1", Event: "e9", To: "hook:9"}), ledger.ErrTaken)
		isError(t, out.Add(ledger.Notice{ID: "n4", Event: "e2", To: "hook:1"}, ledger.Notice{ID: "n5", Event: "e2", To: "hook:1"}), ledger.ErrTaken)
		isError(t, out.Put(ledger.Notice{ID: "n4"}), ledger.ErrNotFound)
		must(t, out.Add(ledger.Notice{ID: "n4", Event: "e2", Program: "q", To: "hook:1", State: ledger.Dead, Settled: at(5)}, ledger.Notice{ID: "n5", Event: "e3", To: "hook:1", State: ledger.Waiting, Due: at(2)},
			ledger.Notice{ID: "n6", Event: "e4", To: "hook:1", State: ledger.Waiting, Due: at(0)}, ledger.Notice{ID: "n7", Event: "e5", To: "hook:1", State: ledger.Delivered, Settled: at(5)}))
	})
	view(t, b, func(tx ledger.Tx) {
		got, err := tx.Money().Tables().Outbox().List(ledger.NoticeFilter{ID: "n1"})
		must(t, err)
		same(t, "a notice", got, []ledger.Notice{whole})
	})
	due := func(sort string, moment, each int, want string) {
		t.Helper()
		view(t, b, func(tx ledger.Tx) {
			got, err := tx.Money().Tables().Outbox().Due(sort, at(moment), each)
			must(t, err)
			same(t, fmt.Sprintf("%s: %d of each due at %d", sort, each, moment), ids(got, noticeID), want)
		})
	}
	due(ledger.ToHook, -1, 9, "[]")
	due(ledger.ToHook, 0, 9, "[n6]")
	due(ledger.ToHook, 2, 9, "[n6 n2 n1 n5]")
	due(ledger.ToHook, 2, 2, "[n6 n2 n1]")
	due(ledger.ToHook, 2, 1, "[n6 n2]")
	due(ledger.ToAffiliate, 2, 1, "[n3]")
	due("h", 2, 1, "[]")
	settled := ledger.Notice{ID: "n1", Event: "other", Program: "other", To: "hook:other", Kind: "other", Body: []byte("other"), State: ledger.Delivered, Tries: 4, Settled: at(8)}
	change(t, b, func(tx ledger.Tx) { must(t, tx.Money().Tables().Outbox().Put(settled)) })
	want := whole
	want.State, want.Due, want.Tries, want.Why, want.Answers, want.Settled = settled.State, time.Time{}, 4, "", nil, at(8)
	view(t, b, func(tx ledger.Tx) {
		got, err := tx.Money().Tables().Outbox().List(ledger.NoticeFilter{ID: "n1"})
		must(t, err)
		same(t, "a settled notice", got, []ledger.Notice{want})
	})
	due(ledger.ToHook, 2, 9, "[n6 n2 n5]")
	noticePages(t, b)
	forgetNotices(t, b)
}

func noticePages(t *testing.T, b ledger.Book) {
	t.Helper()
	view(t, b, func(tx ledger.Tx) {
		out := tx.Money().Tables().Outbox()
		for _, c := range []struct {
			f    ledger.NoticeFilter
			want string
		}{
			{ledger.NoticeFilter{}, "[n7 n6 n5 n4 n3 n2 n1]"},
			{ledger.NoticeFilter{Program: "p"}, "[n3 n2 n1]"},
			{ledger.NoticeFilter{To: "hook:1", Limit: 2}, "[n7 n6]"},
			{ledger.NoticeFilter{To: "hook:1", Limit: 2, Before: "n6"}, "[n5 n4]"},
			{ledger.NoticeFilter{To: "hook:1", State: ledger.Dead}, "[n4]"},
			{ledger.NoticeFilter{Kind: "payout.sent"}, "[n1]"},
			{ledger.NoticeFilter{ID: "n1", Program: "q"}, "[]"},
		} {
			got, err := out.List(c.f)
			must(t, err)
			same(t, fmt.Sprintf("%+v", c.f), ids(got, noticeID), c.want)
		}
		_, err := out.List(ledger.NoticeFilter{Before: "unknown"})
		isError(t, err, ledger.ErrNotFound)
	})
}

func forgetNotices(t *testing.T, b ledger.Book) {
	t.Helper()
	change(t, b, func(tx ledger.Tx) {
		out := tx.Money().Tables().Outbox()
		for _, c := range []struct {
			state  ledger.NoticeState
			before int
			want   int
		}{{ledger.Delivered, 5, 0}, {ledger.Delivered, 6, 1}, {ledger.Dead, 5, 0}, {ledger.Waiting, 1e6, 0}, {ledger.Dead, 1e6, 1}} {
			n, err := out.Forget(c.state, at(c.before))
			must(t, err)
			same(t, fmt.Sprintf("%s forgotten before %d", c.state, c.before), n, c.want)
		}
		left, err := out.List(ledger.NoticeFilter{})
		must(t, err)
		same(t, "left", ids(left, noticeID), "[n6 n5 n3 n2 n1]")
	})
}

// told: each programme has its own moment.
func told(t *testing.T, b ledger.Book) {
	change(t, b, func(tx ledger.Tx) {
		must(t, tx.Reading().SetTold("p", at(1)))
		must(t, tx.Reading().SetTold("q", at(2)))
		must(t, tx.Reading().SetTold("p", at(3)))
	})
	view(t, b, func(tx ledger.Tx) {
		for program, want := range map[string]time.Time{"p": at(3), "q": at(2), "r": {}} {
			got, err := tx.Reading().Told(program)
			must(t, err)
			same(t, "told of "+program, got, want)
		}
	})
}

func randomNotice(rng *rand.Rand) step {
	n := ledger.Notice{ID: word(rng, "n", 60), Event: word(rng, "e", 40), Program: pick(rng, "p", "q"), To: pick(rng, "hook:1", "hook:2", "affiliate:1"), Kind: word(rng, "k", 2), Created: when(rng),
		State: pick(rng, ledger.Waiting, ledger.Waiting, ledger.Delivered, ledger.Dead), Due: when(rng), Tries: rng.IntN(3), Settled: maybe(rng, when(rng))}
	for range rng.IntN(3) {
		n.Answers = append(n.Answers, ledger.Answer{At: when(rng), Status: rng.IntN(600)})
	}
	f := ledger.NoticeFilter{ID: maybe(rng, maybe(rng, n.ID)), Program: maybe(rng, "p"), To: maybe(rng, n.To), Kind: maybe(rng, "k1"), State: maybe(rng, n.State), Before: maybe(rng, n.ID), Limit: maybe(rng, rng.IntN(5))}
	moment, each := when(rng), rng.IntN(4)
	out := func(tx ledger.Tx) ledger.Outbox { return tx.Money().Tables().Outbox() }
	switch rng.IntN(7) {
	case 0:
		return func(tx ledger.Tx) string { return said(out(tx).Due(ledger.ToHook, moment, each)) }
	case 1:
		return func(tx ledger.Tx) string { return said(out(tx).List(f)) }
	case 2:
		return func(tx ledger.Tx) string { return said("put", out(tx).Put(n)) }
	case 3:
		return func(tx ledger.Tx) string {
			if n.Tries > 0 { // forgetting is seldom enough that something is left
				return said(tx.Reading().Told(n.Program))
			}
			return said(out(tx).Forget(n.State, moment)) + said("told", tx.Reading().SetTold(n.Program, moment))
		}
	}
	return func(tx ledger.Tx) string {
		return said("added", out(tx).Add(n, ledger.Notice{ID: "x" + n.ID, Event: n.Event, To: "hook:x"}))
	}
}
