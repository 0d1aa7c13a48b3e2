package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"testing"
	"time"
)

// reconciled is what footfall reconcile --json says.
type reconciled struct {
	Differences int   `json:"differences"`
	Days        int   `json:"days"`
	HotDays     int   `json:"hot_days"`
	Figures     int   `json:"figures"`
	Examples    []any `json:"examples"`
	NotRolled   []any `json:"not_rolled"`
	Events      uint64
	Archive     struct{ Events uint64 }
}

func (s *server) reconcile(when string) (r reconciled) {
	s.t.Helper()
	stdout, stderr, _ := s.run("reconcile", "--json")
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		s.t.Fatalf("reconcile %s: %v\n%s%s", when, err, stdout, stderr)
	}
	if r.Differences != 0 {
		s.t.Errorf("%s: %d differences: %v", when, r.Differences, r.Examples)
	}
	return r
}

// TestBins kills the server at random moments while 2,000 events come a second,
// many of them late or a second time: at every moment bins and hot buckets together are what
// a recount says.
func TestBins(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		killBins(t, newServer(t, "--archive-age", "2s"), func() {})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		r := startRedis(t)
		s := newServer(t, "--archive-age", "2s", "--hot", "redis://"+r.address+"?name=e2e")
		killBins(t, s, func() {
			switch rand.IntN(3) {
			case 0:
				r.command("FLUSHALL")
			case 1:
				r.restart()
			}
		})
	})
}

// killBins does the rounds; between is what happens to hot buckets meanwhile.
func killBins(t *testing.T, s *server, between func()) {
	at := s.addSite("load.example")
	s.ask(nil, "site", "set", "load.example", "--timezone", "Asia/Kolkata")
	l := newLoad(s, at.WriteKey, 16)
	l.mixed, l.rate = true, 2000
	began := time.Now()
	l.start()
	defer l.stop()
	hot := 0
	for round := range 5 {
		s.start()
		l.await(t, 50)
		between()
		time.Sleep(time.Duration(rand.Int64N(int64(1500 * time.Millisecond))))
		if round%2 == 1 {
			s.ask(nil, "roll")
			l.await(t, 50)
		}
		hot += s.reconcile(fmt.Sprintf("under load, round %d", round)).HotDays
		s.kill()
	}
	s.start()
	l.await(t, 50)
	l.stop()
	a, took := s.quiet(), time.Since(began)
	before := s.reconcile("at rest")
	s.ask(nil, "roll")
	after := s.reconcile("after a roll")
	if after.HotDays != 0 || len(after.NotRolled) > 0 || after.Figures == 0 || before.Figures == 0 {
		t.Errorf("after a roll: %+v", after)
	}
	checkSources(t, s, at)
	s.stop()
	s.start() // bins are there without a recount
	s.reconcile("after a restart")
	t.Logf("%d acknowledged, %.0f a second, %d stored, %d came again; %d figures of %d days compared, %d days with hot buckets under load",
		len(l.answered()), float64(len(l.answered()))/took.Seconds(), a.Stored, a.Duplicates, after.Figures, after.Days, hot)
}

// checkSources asks the same of bins and, by a filter that bins don't know, of
// the events.
func checkSources(t *testing.T, s *server, at site) {
	t.Helper()
	for _, metric := range []string{"PageViews", "Visitors", "Sessions", "Bounces", "Orders", "Revenue", "ProductViews"} {
		for _, step := range []string{"day", "total"} {
			var fromBins, fromEvents struct {
				Source  string
				Dataset []struct {
					Series, Timestamp string
					Value             json.Number // amounts have decimals
				}
			}
			ask := []string{"query", "--site", at.ID, "--metric", metric, "--window", "Last7Days", "--step", step}
			s.ask(&fromBins, ask...)
			s.ask(&fromEvents, append(ask, "--recount", "true")...)
			if fromBins.Source != "bins" || fromEvents.Source != "events" || fmt.Sprint(fromBins.Dataset) != fmt.Sprint(fromEvents.Dataset) || len(fromBins.Dataset) == 0 {
				t.Errorf("%s by %s: %s says %v, %s says %v", metric, step, fromBins.Source, fromBins.Dataset, fromEvents.Source, fromEvents.Dataset)
			}
		}
	}
}

// redisServer is a redis-server that keeps nothing on disk.
type redisServer struct {
	t       *testing.T
	address string
	cmd     *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "redis-server")
	}
	r := &redisServer{t: t, address: freeAddress(t)}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) start() {
	_, port, _ := net.SplitHostPort(r.address)
	r.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", r.address); err == nil {
			conn.Close()
			return
		} else if time.Now().After(deadline) {
			r.t.Fatal(err)
		}
	}
}

func (r *redisServer) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// restart brings it back without what it held.
func (r *redisServer) restart() {
	r.kill()
	r.start()
}

func (r *redisServer) command(name string) {
	conn, err := net.Dial("tcp", r.address)
	must(r.t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "%s\r\n", name)
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer[:3]) != "+OK" {
		r.t.Fatalf("%s: %q %v", name, answer, err)
	}
}
