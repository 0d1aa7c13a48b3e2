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
	"footfall/ledger/ledgertest"
)

// TestKilled kills a process that changes the ledger, again and again: all that it
// told is there, and what is there is whole. Rule 16, and law 1 of the design.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("FOOTFALL_TEST_LEDGER"); dir != "" {
		b := opened(t, dir)
		for {
			var p event.Position
			must(t, b.Change(context.Background(), func(tx ledger.Tx) (err error) {
				if err = ledgertest.Earn(tx); err == nil {
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
		view(t, b, func(tx ledger.Tx) error { return ledgertest.Recount(t, tx, told) })
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
