package affiliate

import (
	"fmt"
	"strings"
	"testing"

	"footfall/ledger"
)

// TestChanges: what is to be told of an order that was seen before and after.
func TestChanges(t *testing.T) {
	entry := func(id string, kind ledger.EntryKind, amount int64, cause, payout string) ledger.Entry {
		return ledger.Entry{ID: id, Affiliate: "a", Currency: "EUR", Order: "o", Kind: kind, Amount: amount, Cause: cause, Payout: payout, Available: after(30)}
	}
	earn, paid := entry("1", ledger.Earn, 100, CauseOrder, ""), entry("1", ledger.Earn, 100, CauseOrder, "w")
	back := entry("2", ledger.Reverse, -30, "refund:r", "")
	hold, release := entry("3", ledger.DisputeHold, -100, "dispute:d:created", ""), entry("4", ledger.DisputeRelease, 100, "dispute:d:won", "")
	late := func(e ledger.Entry, day int) ledger.Entry {
		e.Occurred, e.Available = after(day), after(day)
		return e
	}
	won, more := late(release, 35), late(entry("5", ledger.Earn, 40, "content:x", ""), 35)
	flag := map[string][]string{"a": {"fast_order", "paid_search"}}
	all := func(entries ...ledger.Entry) seen { return seen{entries: entries} }
	flagged := func(entries ...ledger.Entry) seen { return seen{entries: entries, holding: flag} }
	for _, c := range []struct {
		what          string
		before, after seen
		since, now    int // days after the order
		want          string
	}{
		{"an order", all(), all(earn), 0, 0, "created 100 order"},
		{"nothing new", all(earn), all(earn), 0, 0, ""},
		{"a refund", all(earn), all(earn, back), 0, 0, "reversed 30 refund"},
		{"the refund with the order", all(), all(earn, back), 0, 0, "created 70 refund"},
		{"time", all(earn, back), all(earn, back), 29, 30, "available 70 hold_over"},
		{"a second after time", all(earn, back), all(earn, back), 30, 31, ""},
		{"an order that is late", all(), all(earn), 40, 40, "created 100 order, available 100 order"},
		{"a suspicion", all(earn), flagged(earn), 0, 0, "held 100 fast_order,paid_search"},
		{"a suspicious order", all(), flagged(earn), 0, 0, "created 100 order, held 100 fast_order,paid_search"},
		{"time while it is held", flagged(earn), flagged(earn), 29, 30, ""},
		{"cleared in time", flagged(earn), all(earn), 0, 0, ""},
		{"cleared late", flagged(earn), all(earn), 30, 30, "available 100 released"},
		{"a suspicion of what was paid", all(paid), flagged(paid), 40, 40, ""},
		{"a refund of what was paid", all(paid), all(paid, back), 40, 40, "reversed 30 refund"},
		{"a suspicion of what was paid and taken back", all(paid, back), flagged(paid, back), 40, 40, ""},
		{"a dispute", all(earn), all(earn, hold), 0, 0, "held 100 dispute"},
		{"a dispute that is won", all(earn, hold), all(earn, hold, release), 40, 40, "available 100 released"},
		{"a dispute that is won early", all(earn, hold), all(earn, hold, release), 0, 0, ""},
		{"time while it is disputed", all(earn, hold), all(earn, hold), 29, 31, ""},
		{"a dispute that was won after the hold, seen by the clock", all(earn, hold, won), all(earn, hold, won), 34, 35, "available 100 released"},
		{"the same after a day off", all(earn, hold, won), all(earn, hold, won), 29, 36, "available 100 released"},
		{"a dispute that was won early, when the hold is over", all(earn, hold, release), all(earn, hold, release), 29, 30, "available 100 hold_over"},
		{"a dispute that was won, and the order grew", all(earn, hold, won, more), all(earn, hold, won, more), 34, 35, "available 140 released"},
		{"what was earned after the hold, seen by the clock", all(earn, more), all(earn, more), 34, 35, "available 40 order"},
		{"an order without a hold", all(late(earn, 0)), all(late(earn, 0)), -1, 0, "available 100 hold_over"},
	} {
		var got []string
		for _, n := range changes(c.before, c.after, after(c.since), after(c.now)) {
			got = append(got, fmt.Sprintf("%s %d %s", strings.TrimPrefix(n.kind, "commission."), n.amount, n.reason))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: told %q, want %q", c.what, s, c.want)
		}
	}
}
