package dash

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// machine is an Operations whose state a test says.
type machine struct {
	pipeline Pipeline
	server   Server
	items    []AsideItem
	fails    error
	dark     error // of the server alone
	did      []string
}

func (m *machine) Pipeline(context.Context) (Pipeline, error) { return m.pipeline, m.fails }
func (m *machine) Server(context.Context) (Server, error) {
	return m.server, errors.Join(m.fails, m.dark)
}

func (m *machine) Aside(_ context.Context, f AsideFilter) (all []AsideItem, err error) {
	for _, it := range m.items {
		if f.ID == it.ID || f.ID == 0 && (f.Reader == "" || f.Reader == it.Reader) {
			all = append(all, it)
		}
	}
	return all, m.fails
}

func (m *machine) MoveAside(_ context.Context, by account.Who, move AsideMove) (int, error) {
	m.did = append(m.did, fmt.Sprint(by.Name, " ", move))
	return max(1, len(move.IDs)), m.fails
}

func (m *machine) Recount(by account.Who) {
	m.did = append(m.did, by.Name+" recounts")
	m.server.Recount = Errand{Began: fixed}
}

// running is a machine at which all is well.
func running() *machine {
	return &machine{
		pipeline: Pipeline{Status: Status{Accepted: 1_204_311, Stored: 1_203_998, Duplicates: 301, Waiting: 12}, Pace: 12.4, Archived: 1_203_000, Objects: 411, Hot: "memory", Sealed: fixed.Add(-2 * time.Minute), Dirty: 1,
			Readers: []Reader{{Name: "store", Waiting: 12, Lag: time.Second, Pace: 12.2}, {Name: "archive", Waiting: 998, Lag: 3 * time.Minute}, {Name: "ledger", Pace: 12.2}},
			Queue:   Queue{Bytes: 81 << 20, Oldest: fixed.AddDate(0, 0, -6), MaxAge: 7 * 24 * time.Hour}, Aside: map[string]uint64{}},
		server: Server{Version: "Footfall 1.0", Runtime: "go", Began: fixed.Add(-49 * time.Hour), Memory: 412 << 20, Engines: []Engine{{Role: "Event store", Kind: "DuckDB"}}, Disk: []Part{{"Archive", 5 << 30}, {"Queue", 81 << 20}}, Free: 40 << 30,
			Seals: []Seal{{Site: "atelier.example", At: fixed, Dirty: 1}}, Roll: Roll{At: fixed, Took: 1500 * time.Millisecond, Days: 2}, Jobs: []Job{{Name: "Daily table", Sites: 1, Site: "atelier.example", Last: "for 2024-05-15"}}},
	}
}

// operate is a dashboard over a machine, and a browser with a role on every site.
func operate(t *testing.T, m *machine, role account.Role) *browser {
	t.Helper()
	w := newWorldWith(t, Options{Now: now, Operations: m}, "atelier.example")
	w.person(t, "ada@example.com", role, "")
	b := w.browser(t)
	b.login("ada@example.com")
	return b
}

// TestHealth: one sentence says the worst that there is, and what to do next.
func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*machine)
		state  string
		says   []string
	}{
		"all well":              {func(*machine) {}, allWell, []string{"All is well"}},
		"the archive gathers":   {func(m *machine) { m.pipeline.Readers[1].Lag = 5 * time.Minute }, allWell, nil},
		"garbage at a door":     {func(m *machine) { m.pipeline.Aside["collect"] = 3 }, allWell, []string{"3 events or requests were refused at a door", "/operations/aside"}},
		"behind":                {func(m *machine) { m.pipeline.Readers[0].Lag = 42 * time.Second }, isBehind, []string{"The event store is 42 s behind: 12 events wait", "catches up by itself"}},
		"rebuilding":            {func(m *machine) { m.pipeline.Building = true }, isBehind, []string{"is being made anew"}},
		"set aside":             {func(m *machine) { m.pipeline.Aside["store"] = 1; m.pipeline.Readers[0].Lag = time.Minute }, hasAside, []string{"1 event is set aside", "redrive or drop"}},
		"half of the maximum":   {func(m *machine) { m.pipeline.Readers[0].Lag = 4 * 24 * time.Hour }, isDown, []string{"is 4 days behind, and the queue forgets after 7 days", "queue-max-age"}},
		"can't write":           {func(m *machine) { m.pipeline.Readers[1].Failing = fixed.Add(-time.Minute) }, isDown, []string{"The archive can&#39;t be written for 60 s", "footfall doctor"}},
		"fails for a moment":    {func(m *machine) { m.pipeline.Readers[1].Failing = fixed.Add(-time.Second) }, allWell, nil},
		"an engine is down":     {func(m *machine) { m.server.Engines[0].Problem = "Redis <b>does not answer." }, isDown, []string{"Event store: Redis &lt;b&gt;does not answer."}},
		"the queue is full":     {func(m *machine) { m.pipeline.Queue.Refusing, m.server.Free = fixed.Add(-time.Minute), 0 }, isDown, []string{"Events are refused for 60 s", "Make room", "footfall restart"}},
		"full, and can't write": {func(m *machine) { m.pipeline.Readers[0].Failing, m.server.Free = fixed.Add(-time.Minute), 900<<20 }, isDown, []string{"Only 900 MiB are free"}},
		"it is known why": {func(m *machine) {
			m.pipeline.Readers[0].Failing, m.pipeline.Readers[0].Why = fixed.Add(-time.Minute), "Give it room."
		}, isDown, []string{"can&#39;t be written for 60 s", "Give it room."}},
		"it can be mended": {func(m *machine) {
			m.server.Engines[0].Problem, m.server.Engines[0].Type = "its file is damaged.", "footfall rebuild"
		}, isDown, []string{"Event store: its file is damaged.", "<code>footfall rebuild<"}},
		"full":                 {func(m *machine) { m.server.Free = 900 << 20 }, isDown, []string{"Only 900 MiB are free", "Make room"}},
		"figures differ":       {func(m *machine) { m.server.Audit = Audit{At: fixed, Figures: 10, Differences: 2} }, isDown, []string{"2 differ", "footfall rebuild"}},
		"worse than set aside": {func(m *machine) { m.pipeline.Aside["store"] = 1; m.server.Free = 1 }, isDown, []string{"Only 1 bytes are free"}},
		"nobody can tell":      {func(m *machine) { m.fails = errors.New("no queue") }, isDown, []string{"Nobody can tell", "can&#39;t be read just now"}},
		"the server is dark":   {func(m *machine) { m.dark = errors.New("no bins") }, isDown, []string{"Nobody can tell how disk and engines are just now", "footfall doctor", "can&#39;t be read just now"}},
		"dark, and behind": {func(m *machine) {
			m.dark = errors.New("no bins")
			m.pipeline.Readers[1].Failing = fixed.Add(-time.Minute)
		}, isDown, []string{"The archive can&#39;t be written"}},
		"waiting, but not late": {func(m *machine) { m.pipeline.Waiting = 40_000 }, allWell, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := running()
			c.change(m)
			rec := operate(t, m, account.Viewer).do("GET", "/operations", nil)
			if rec.Code != 200 {
				t.Fatalf("status %d", rec.Code)
			}
			lacks(t, rec.Body.String(), append(c.says, `data-state="`+c.state+`"`)...)
		})
	}
}

// TestOperationsPage: every number can be read without a script, in the picture and in
// tables; the old address of the account leads here.
func TestOperationsPage(t *testing.T) {
	m := running()
	m.server.Audit = Audit{At: fixed, Took: 1500 * time.Millisecond, Figures: 3102, Days: 5, Events: 60449, Differences: 1, Examples: []Difference{{"shop page <b>", "D2026-325", "PageViews", 7, 8}}}
	m.server.Jobs = append(m.server.Jobs, Job{Name: "exports", Problem: "no room <left>", Again: fixed})
	m.server.Backups = []Backup{{Dir: "/backups/a", Made: fixed, Bytes: 3 << 30}, {Dir: "/backups/b", Made: fixed, Missing: true}}
	b := operate(t, m, account.Admin)
	page := b.do("GET", "/operations", nil).Body.String()
	lacks(t, page, "<svg class=\"pipeline wide\"", `data-text="accepted">1,204,311<`, "12 /s", `data-text="archive-lag">3 min<`, "81.0 MiB", "40.0 GiB free", "411", "1 of 3,102 figures differ", "60,449 events of 5 days", "in 1.5 s", "shop page &lt;b&gt;",
		"for 2024-05-15", "no room &lt;left&gt;", "3.0 GiB", "not there any more", "up 2 days", "412 MiB", `data-server="/v1/live?server=true&amp;language=en"`, "Recount now")
	if to := b.do("GET", "/audit", nil).Header().Get("Location"); to != "/operations#account" {
		t.Errorf("/audit leads to %q", to)
	}
	b.want(b.send("/operations/recount"), 303)
	again := b.do("GET", "/operations", nil)
	if b.want(again, 200, "A recount is under way"); again.Header().Get("Refresh") == "" || strings.Contains(again.Body.String(), "Recount now") {
		t.Error("while a recount runs, the page does not load itself again, or begins another one")
	}
	m.server.Recount = Errand{Began: fixed, Ended: fixed, Problem: "the disk"}
	b.want(b.do("GET", "/operations", nil), 200, "did not come to an end: the disk")
	if len(m.did) != 1 || !strings.HasSuffix(m.did[0], " recounts") {
		t.Errorf("did %q", m.did)
	}
}

// TestAside: an item is shown whole, nothing of it is HTML, and who may change the
// server redrives or drops it.
func TestAside(t *testing.T) {
	m := running()
	m.pipeline.Aside = map[string]uint64{"store": 2, "collect": 1}
	m.items = []AsideItem{{ID: 7, Reader: "store", Reason: "too odd <i>", At: fixed, Site: "atelier.example", Event: map[string]string{"name": "<script>x</script>"}}, {ID: 8, Reader: "collect", Reason: "no JSON", Raw: "<img src=x>"}}
	b := operate(t, m, account.Admin)
	list := b.do("GET", "/operations/aside", nil).Body.String()
	lacks(t, list, "too odd &lt;i&gt;", `href="/operations/aside/7"`, "Event store 2", "Doors 1", "1 more are not", "Drop all for good")
	one := b.do("GET", "/operations/aside/7", nil).Body.String()
	lacks(t, one, "&lt;script&gt;x", "Redrive", "Drop for good")
	other := b.do("GET", "/operations/aside/8", nil).Body.String()
	lacks(t, other, "&lt;img src=x&gt;")
	if strings.Contains(one+other+list, "<script>x") || strings.Contains(other, "<img src=x") || strings.Contains(other, ">Redrive<") {
		t.Error("what is set aside is drawn as HTML, or something unreadable can be redriven")
	}
	b.want(b.do("GET", "/operations/aside/9", nil), 404, "not set aside any more")
	b.want(b.send("/operations/aside", "do", "redrive"), 422, "Nothing is ticked")
	ticked := url.Values{"item": {"7", "8"}, "do": {"drop"}, "form": {form(b.session)}}
	b.want(b.do("POST", "/operations/aside", ticked), 200, "2 items dropped for good")
	b.want(b.send("/operations/aside", "do", "redrive", "all", "true", "reader", "store"), 200, "1 item redriven")
	b.want(b.send("/operations/aside", "do", "drop", "item", "x"), 400)
	m.fails = errors.New("no room")
	b.want(b.do("GET", "/operations/aside", nil), 503, "can't be read just now")
	b.want(b.do("GET", "/operations/aside/7", nil), 503, "can't be read just now")
	if got := strings.Join(m.did, "; "); !strings.Contains(got, "{true [7 8] }") || !strings.Contains(got, "{false [] store}") || !strings.HasPrefix(got, "person ") {
		t.Errorf("did %s", got)
	}
}

// TestOperationsAreOfTheServer: a viewer of every site looks and changes nothing, and
// an admin of one site does not even look.
func TestOperationsAreOfTheServer(t *testing.T) {
	m := running()
	m.pipeline.Aside["store"] = 1
	m.items = []AsideItem{{ID: 7, Reader: "store"}}
	viewer := operate(t, m, account.Viewer)
	if page := viewer.do("GET", "/operations", nil).Body.String() + viewer.do("GET", "/operations/aside", nil).Body.String() + viewer.do("GET", "/operations/aside/7", nil).Body.String(); strings.Contains(page, "Recount now") || strings.Contains(page, "Drop") {
		t.Error("a viewer is offered to change something")
	}
	viewer.want(viewer.send("/operations/recount"), 403, "may not see this")
	viewer.want(viewer.send("/operations/aside", "do", "drop", "item", "7"), 403, "may not see this")
	viewer.w.person(t, "bob@example.com", account.Owner, viewer.w.site.ID)
	bob := viewer.w.browser(t)
	bob.login("bob@example.com")
	for _, path := range []string{"/operations", "/operations/aside", "/operations/aside/7"} {
		bob.want(bob.do("GET", path, nil), 403, "may not see this")
	}
	if len(m.did) > 0 {
		t.Errorf("did %q", m.did)
	}
}
