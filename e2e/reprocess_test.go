package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReprocessKill kills the server at random moments while events are derived
// again, as codes of affiliates become known that links had before: each time the
// same command makes the rest, figures are those of a count of the log, and nothing
// is lost or counted twice.
func TestReprocessKill(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--archive-age", "100ms")
	at := s.addSite("shop.example")
	s.start()
	const lines, rounds = 600, 6
	path := filepath.Join(t.TempDir(), "access.log")
	must(t, os.WriteFile(path, []byte(linkLog(lines, rounds)), 0o600))
	s.ask(nil, "import", path, "--site", at.ID)
	s.ask(nil, "roll")
	s.ask(nil, "program", "set", "Courses", "--site", "shop.example", "--rate", "50%")
	s.ask(nil, "affiliate", "add", "anna@example.com", "--name", "Anna", "--site", "shop.example")
	cut := 0
	for n := range rounds {
		s.ask(nil, "code", "add", fmt.Sprint("code-", n), "--affiliate", "anna@example.com", "--site", "shop.example", "--landing", "https://shop.example/", "--from", "2026-03-01")
		want := map[string]int64{"affiliate": int64(n+1) * lines / rounds}
		if n < rounds-1 {
			want["direct"] = lines - want["affiliate"]
		}
		if s.cutShort(func() {
			time.Sleep(time.Duration(20+rand.IntN(700)) * time.Millisecond)
		}, "reprocess", "--yes") {
			cut++
		}
		s.ask(nil, "reprocess", "--yes")
		got := map[string]int64{}
		for _, p := range s.query("--site", at.ID, "--metric", "PageViews", "--from", "2026-03-27", "--to", "2026-03-31", "--step", "total", "--by", "class") {
			got[p.Series] = p.Value
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("with %d codes there are %v, want %v", n+1, got, want)
		}
		s.reconcile("after deriving again")
	}
	if a := s.quiet(); a.Stored != lines {
		t.Errorf("the account is %+v, want %d stored", a, lines)
	}
	var again struct {
		Sites []struct{ Events struct{ Events, Changed int } }
	}
	s.ask(&again, "reprocess", "--yes")
	if len(again.Sites) != 1 || again.Sites[0].Events.Events != lines || again.Sites[0].Events.Changed != 0 {
		t.Errorf("again: %+v", again)
	}
	s.ask(nil, "rebuild")
	s.reconcile("after a rebuild")
	t.Logf("%d of %d runs were cut short", cut, rounds)
}

// linkLog is two evenings of a server's log, over midnight, by links with codes.
func linkLog(lines, codes int) string {
	var log strings.Builder
	from := time.Date(2026, 3, 27, 20, 0, 0, 0, time.UTC)
	for i := range lines {
		clock := from.Add(time.Duration(i%2)*24*time.Hour + time.Duration(i)*25*time.Second)
		fmt.Fprintf(&log, "198.51.100.%d - - [%s] \"GET /p%d?ref=code-%d HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"\n",
			i%20, clock.Format("02/Jan/2006:15:04:05 -0700"), i%7, i%codes)
	}
	return log.String()
}
