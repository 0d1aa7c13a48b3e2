package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// earn is the n-th thing that the killed process does: it posts five entries, and
// each third time takes all that is unpaid into a payout. The position counts.
func earn(tx ledger.Tx) error {
	p, err := tx.Traffic().Reading().Position()
	if err != nil {
		return err
	}
	p.Seq++
	n := int(p.Seq)
	if err := sell(tx, n); err != nil {
		return err
	}
	if n%3 == 0 {
		if err := pay(tx, n); err != nil {
			return err
		}
	}
	return tx.Traffic().Reading().SetPosition(event.Position{Seq: p.Seq})
}

func pay(tx ledger.Tx, n int) error {
	unpaid, err := tx.Money().Entries(ledger.EntryFilter{Program: id("P", 1), Unpaid: true})
	if err != nil {
		return err
	}
	w := ledger.Payout{ID: id("W", n), Program: id("P", 1), Currency: "EUR", State: ledger.Paid, Entries: len(unpaid)}
	var taken []string
	for _, e := range unpaid {
		w.Amount += e.Amount
		taken = append(taken, e.ID)
	}
	if err := tx.Money().Tables().Payouts().Add(w); err != nil {
		return err
	}
	if err := tx.Money().Take(w.ID, taken...); err != nil {
		return err
	}
	return tx.Money().Post(ledger.Entry{ID: "X" + w.ID, Program: id("P", 1), Kind: ledger.PaidOut, Amount: -w.Amount, Currency: "EUR", Cause: w.ID, Occurred: start, Posted: start})
}

// TestKilled kills a process that changes the ledger, again and again: all that it
// told is there, and what is there is whole. Rule 16, and law 1 of the design.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("FOOTFALL_TEST_LEDGER"); dir != "" {
		b := opened(t, dir)
		for {
			var p event.Position
			must(t, b.Change(context.Background(), func(tx ledger.Tx) (err error) {
				if err = earn(tx); err == nil {
					p, err = tx.Traffic().Reading().Position()
				}
				return err
			}))
			fmt.Println(p.Seq)
		}
	}
	dir, rng, told := t.TempDir(), rand.New(rand.NewPCG(9, 9)), 0
	for kill := range 10 {
		before := told
		told = killed(t, dir, time.Duration(rng.IntN(150))*time.Millisecond, told)
		if told == before {
			t.Errorf("kill %d: nothing was told before it", kill)
		}
		b := opened(t, dir)
		view(t, b, func(tx ledger.Tx) error { return recount(t, tx, told) })
		must(t, b.Close())
		if t.Failed() {
			t.Fatalf("after kill %d", kill)
		}
	}
	t.Logf("%d changes were told", told)
}

// killed lets a process work until it has told of something and a while is over,
// kills it, and is the last that it told.
func killed(t *testing.T, dir string, after time.Duration, told int) int {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), "FOOTFALL_TEST_LEDGER="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	var kill *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Errorf("it says %q", lines.Text())
			break
		}
		told = n
		if kill == nil {
			kill = time.AfterFunc(after, func() { child.Process.Kill() })
		}
	}
	child.Process.Kill()
	if err := child.Wait(); err == nil {
		t.Error("it ended of itself")
	}
	return told
}

// recount checks that the first so many changes are there, and at most one more,
// each as a whole.
func recount(t *testing.T, tx ledger.Tx, told int) error {
	p, err := tx.Traffic().Reading().Position()
	if err != nil {
		return err
	}
	n := int(p.Seq)
	if n != told && n != told+1 {
		t.Errorf("%d changes are there, %d were told", n, told)
	}
	entries, err := tx.Money().Entries(ledger.EntryFilter{})
	if err != nil {
		return err
	}
	orders, err := tx.Orders().List(ledger.OrderFilter{})
	if err != nil {
		return err
	}
	payouts, err := tx.Money().Tables().Payouts().Find("", "")
	if err != nil {
		return err
	}
	if len(orders) != n || len(payouts) != n/3 || len(entries) != 5*n+n/3 {
		t.Errorf("%d orders, %d payouts and %d entries after %d changes", len(orders), len(payouts), len(entries), n)
	}
	sums, left := map[string]int64{}, int64(0)
	for _, e := range entries {
		sums[e.Payout] += e.Amount
		left += e.Amount
	}
	for _, w := range payouts {
		if w.Entries != 15 || sums[w.ID] != w.Amount {
			t.Errorf("payout %s of %d has entries of %d", w.ID, w.Amount, sums[w.ID])
		}
	}
	unpaid := int64(0)
	open, err := tx.Money().Entries(ledger.EntryFilter{Unpaid: true})
	for _, e := range open {
		unpaid += e.Amount
	}
	if len(open) != n%3*5 || unpaid != left {
		t.Errorf("%d entries of %d are unpaid, all add up to %d", len(open), unpaid, left)
	}
	return err
}
