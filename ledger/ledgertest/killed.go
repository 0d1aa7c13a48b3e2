package ledgertest

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

// Crash ends what keeps a ledger beside the process that changes it, at once, and
// starts it again.
type Crash struct{ End, Again func() }

// Killed kills a process that changes the ledger at a place, again and again, and
// by turns what keeps it, if that is another: all that was told is there, and what
// is there is whole. Rule 16, and law 1 of the design. The test that calls it is
// TestKilled, and is run again as that process, with another place.
func Killed(t *testing.T, place string, open func(t testing.TB, place string) ledger.Book, crash *Crash) {
	if place := os.Getenv("FOOTFALL_TEST_LEDGER"); place != "" {
		work(open(t, place))
	}
	rng, told := rand.New(rand.NewPCG(9, 9)), 0
	for kill := range 10 {
		before, after := told, time.Duration(rng.IntN(150))*time.Millisecond
		var end func()
		if crash != nil && kill%2 == 1 {
			end = crash.End
		}
		told = killed(t, place, after, told, end)
		if end != nil {
			crash.Again()
		}
		if told == before {
			t.Errorf("kill %d: nothing was told before it", kill)
		}
		b := open(t, place)
		must(t, b.View(context.Background(), func(tx ledger.Tx) error { return Recount(t, tx, told) }))
		must(t, b.Close())
		if t.Failed() {
			t.Fatalf("after kill %d", kill)
		}
	}
	t.Logf("%d changes were told", told)
}

// work tells of each change that it made, until it can't any more.
func work(b ledger.Book) {
	for {
		var p event.Position
		err := b.Change(context.Background(), func(tx ledger.Tx) (err error) {
			if err = Earn(tx); err == nil {
				p, err = tx.Traffic().Reading().Position()
			}
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "the process that is to be killed:", err)
			os.Exit(1)
		}
		fmt.Println(p.Seq)
	}
}

// killed lets a process work until it has told of something and a while is over,
// kills it or ends what it needs, and is the last that it told.
func killed(t *testing.T, place string, after time.Duration, told int, end func()) int {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), "FOOTFALL_TEST_LEDGER="+place)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	if end == nil {
		end = func() { child.Process.Kill() }
	}
	var kill *time.Timer
	ended := make(chan struct{})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Errorf("it says %q", lines.Text())
			break
		}
		told = n
		if kill == nil {
			kill = time.AfterFunc(after, func() {
				end()
				close(ended)
			})
		}
	}
	if kill != nil {
		<-ended
	}
	child.Process.Kill()
	if err := child.Wait(); err == nil {
		t.Error("it ended of itself")
	}
	return told
}
