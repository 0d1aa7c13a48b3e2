package duckdb_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// fitsPage is whether a path is one of a pattern, in which * is any characters: what
// stands between the stars is looked for as far to the left as it can be.
func fitsPage(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == path
	}
	rest, ok := strings.CutPrefix(path, parts[0])
	for _, part := range parts[1:last] {
		at := strings.Index(rest, part)
		if !ok || at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return ok && strings.HasSuffix(rest, parts[last])
}

// TestPatternsOfPages: patterns with several stars say of each path what a plain
// matcher says, and of paths and patterns that were made to take long, too: a path is
// anybody's to choose. Without a bound on the time the last ones would take years.
func TestPatternsOfPages(t *testing.T) {
	s := open(t, t.TempDir(), time.Now)
	defer s.Close()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := rand.New(rand.NewPCG(1, 1))
	some := func(alphabet []string, n int) (text string) {
		for range r.IntN(n) {
			text += alphabet[r.IntN(len(alphabet))]
		}
		return text
	}
	letters := []string{"/", "/", "a", "a", "b", "%", "_", `\`, ".", "\n", "é", "(", "["}
	paths := []string{strings.Repeat("a", 2000), strings.Repeat("/", 2000), "/" + strings.Repeat("a/", 900) + "b"}
	for range 60 {
		paths = append(paths, "/"+some(letters, 9))
	}
	var all []event.Event
	for i, path := range paths {
		all = append(all, event.Event{ID: fmt.Sprint(i), Site: "s", Kind: event.Page, Visitor: 5, Time: at, Original: at, Received: at, Path: path})
	}
	if err := s.Write(t.Context(), all, event.Position{Epoch: 1, Seq: 1, Total: 1}); err != nil {
		t.Fatal(err)
	}
	goals := []metric.Goal{{Act: metric.Act{Page: strings.Repeat("*a", 300) + "*c"}}, {Act: metric.Act{Page: strings.Repeat("*/", 20) + "thanks"}}, {Act: metric.Act{Page: strings.Repeat("*a/", 700) + "b"}}, {Act: metric.Act{Page: strings.Repeat("*", 1000) + "b"}}, {Act: metric.Act{Page: "**"}}}
	for range 80 {
		goals = append(goals, metric.Goal{Act: metric.Act{Page: "/" + some(append(letters, "*", "*", "*", "*", "*"), 9)}})
	}
	want := map[string]int64{}
	for i := range goals {
		goals[i].Name = fmt.Sprint(i)
		for _, path := range paths {
			if fitsPage(goals[i].Page, path) {
				want[goals[i].Name]++
			}
		}
	}
	if len(want) < 20 {
		t.Fatalf("only %d patterns fit a path", len(want))
	}
	table, err := s.Tabulate(t.Context(), metric.Report{Site: "s", Metrics: []metric.Name{metric.GoalCompletions}, By: []metric.Dimension{metric.OfGoal}, Goals: goals,
		Window: period.Window{From: at.Add(-time.Hour), To: at.Add(time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range table.Rows {
		if row.Values[0].N != want[row.Keys[0]] {
			t.Errorf("goal %s: %d paths, want %d", row.Keys[0], row.Values[0].N, want[row.Keys[0]])
		}
		delete(want, row.Keys[0])
	}
	for name, n := range want {
		t.Errorf("goal %s has no row, want %d", name, n)
	}
}
