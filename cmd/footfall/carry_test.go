package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"footfall/event"
	"footfall/period"
)

// TestRestoreCarries: who was erased and what was deleted after a backup was made is
// in what is restored, as it says, unless the lists of the directory before are named:
// then nothing is left anywhere, and money is what it was.
func TestRestoreCarries(t *testing.T) {
	t.Parallel()
	k := newKnown(t)
	backups, owed := filepath.Join(k.dir, "backups"), k.owed()
	if fault, code := k.typed(nil, "backup", backups); code != 0 {
		t.Fatal(fault)
	}
	from, to := k.began.AddDate(0, 0, -4).Format("2006-01-02"), k.began.AddDate(0, 0, 2).Format("2006-01-02")
	for _, args := range [][]string{{"person", "erase", "--site", "shop.example", "--user", herUser},
		{"events", "delete", "--site", "shop.example", "--from", from, "--to", to, "--page", "/b", "--yes"}} {
		if fault, code := k.typed(nil, args...); code != 0 {
			t.Fatal(fault)
		}
	}
	lists := []string{"--erased", filepath.Join(k.dir, erasedName), "--deleted", filepath.Join(k.dir, deletionsName)}
	for name, flags := range map[string][]string{"without": nil, "with": lists} {
		dir, err := os.MkdirTemp("", "ff-")
		must(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		to := &known{home: &home{t: t, dir: dir}, site: k.site, program: k.program, began: k.began}
		var r restored
		if fault, code := to.typed(&r, append([]string{"restore", backups}, flags...)...); code != 0 {
			t.Fatal(fault)
		}
		var said strings.Builder
		printRestored(&said, r)
		if strings.Contains(said.String(), "LOOK: WHO") != (flags == nil) {
			t.Errorf("%s lists it says %s", name, said.String())
		}
		to.open()
		t.Cleanup(to.shut)
		if flags == nil {
			if n, m := to.count(func(e *event.Event) bool { return e.UserID == herUser }), to.count(func(e *event.Event) bool { return e.Path == "/b" }); n != 5 || m != 2 {
				t.Errorf("%d events are hers, %d of the page: the test tests nothing", n, m)
			}
			continue
		}
		if a := r.Again; a.Marks < 3 || a.Events != 5 || a.Aside != 1 || a.Keys == 0 || a.Deletions != 1 {
			t.Errorf("taken out again: %+v", a)
		}
		to.nowhere("after a restore")
		if to.count(func(e *event.Event) bool { return e.Path == "/b" }) != 0 || to.owed() != owed {
			t.Errorf("of what was deleted something is left, or money is another: %s", to.owed())
		}
		to.totals()
		to.refuse(t.Context(), "collect", k.site.ID, `userId: "user-anna-77" is not wanted`, `{"type":"page","userId":"user-anna-77","x":{`)
		to.refuse(t.Context(), "collect", k.site.ID, "no", `a=b&anonymousId=browser%2Danna-4711`)
		items, err := to.queue.Aside().List(t.Context(), "collect", 0)
		if err != nil || len(items) != 3 || items[1].Raw+items[2].Raw != "" || !strings.Contains(items[2].Reason, "left out") || strings.Contains(items[1].Reason, "anna") {
			t.Errorf("refused after the erasure: %+v, %v", items, err)
		}
	}
}

func (k *known) count(is func(*event.Event) bool) (n int) {
	k.t.Helper()
	must(k.t, k.export(k.t.Context(), k.site.ID, period.Window{}, func(e *event.Event) error {
		if is(e) {
			n++
		}
		return nil
	}))
	return n
}
