package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestCommands checks the JSON shapes that scripts rely on, without a server
// and beside one.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("running=%v", running), func(t *testing.T) {
			s := newServer(t)
			at := s.addSite("shop.example")
			if running {
				s.start()
				defer s.stop()
			}
			checkShapes(t, s, at)
		})
	}
	s := newServer(t)
	for _, x := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"nonsense"}, 2, "nonsense"},
		{[]string{"query", "--nonsense"}, 2, "nonsense"},
		{[]string{"query", "--site", "x"}, 1, "footfall serve"}, // no data directory yet: what to type
		{[]string{"export", "--format", "xml"}, 2, "ndjson"},
		{[]string{"site", "add"}, 2, "domain"},
		{[]string{"import"}, 2, "files"},
	} {
		if _, stderr, code := s.run(x.args...); code != x.code || !strings.Contains(stderr, x.says) {
			t.Errorf("footfall %v: exit %d, %q; want %d and %q", x.args, code, stderr, x.code, x.says)
		}
	}
	cmd := exec.Command(footfall, "config", "--data", s.data)
	cmd.Env = append(cmd.Environ(), "FOOTFALL_ARCHIVE_AGE=soon")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "FOOTFALL_ARCHIVE_AGE") {
		t.Errorf("a wrong setting: %v, %s", err, out)
	}
}

func checkShapes(t *testing.T, s *server, at site) {
	t.Helper()
	var key struct{ Token string }
	if s.ask(&key, "key", "add", "--site", at.ID, "--role", "viewer"); key.Token == "" {
		t.Error("key add printed no token")
	}
	var version map[string]string
	if s.ask(&version, "version"); version["version"] == "" {
		t.Errorf("version printed %v", version)
	}
	var config map[string]struct{ Value, From string }
	if s.ask(&config, "config"); config["data"].From != "flag" || config["listen"].From != "default" {
		t.Errorf("config printed %v", config)
	}
	for _, check := range []string{"account", "disk room", "sync"} {
		if f := s.doctor()[check]; !f.OK {
			t.Errorf("doctor: %s: %+v", check, f)
		}
	}
	var sites []site
	if text := s.ask(&sites, "site", "list"); len(sites) != 1 || sites[0] != at || strings.Contains(text, "null") {
		t.Errorf("site list printed %s, want %+v", text, at)
	}
	var items []any
	if s.ask(&items, "aside", "list"); items == nil || len(items) != 0 {
		t.Errorf("aside list printed %v", items)
	}
	if text := s.exportText(at.ID); text != "" {
		t.Errorf("export of an empty site: %q", text)
	}
	if points := s.query("--site", at.ID, "--metric", "PageViews", "--window", "Last7Days"); len(points) != 7 || points[0].Series != "shop.example" {
		t.Errorf("query printed %v", points)
	}
	if _, stderr, code := s.run("query", "--site", at.ID, "--metric", "Pageviewz", "--window", "Last7Days"); code != 1 || !strings.Contains(stderr, "PageViews") {
		t.Errorf("an unknown metric: exit %d %s", code, stderr)
	}
	if _, stderr, code := s.run("query", "--site", "elsewhere", "--window", "Last7Days"); code != 1 || !strings.Contains(stderr, at.ID) {
		t.Errorf("an unknown site: exit %d %s", code, stderr)
	}
}

// TestAside sends bad events among good ones: they are set aside with a
// reason, can be listed, shown and dropped, and their neighbours are stored.
func TestAside(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.addSite("shop.example")
	s.start()
	defer s.stop()
	good := map[string]any{"type": "page", "messageId": "good", "anonymousId": "a", "properties": map[string]any{"url": "https://shop.example/"}}
	bad := map[string]any{"type": "track", "messageId": "bad", "anonymousId": "a"}
	wrong := map[string]any{"type": "dance", "messageId": "wrong", "anonymousId": "a"}
	res, text := s.post(t, at.WriteKey, "/v1/batch", map[string]any{"batch": []any{bad, good, wrong}})
	var answer struct {
		Success  bool
		Accepted int
		Rejected []struct {
			Index  int
			Reason string
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || res.StatusCode != 200 || !answer.Success || answer.Accepted != 1 ||
		len(answer.Rejected) != 2 || answer.Rejected[0].Index != 0 || answer.Rejected[1].Index != 2 || answer.Rejected[0].Reason == "" {
		t.Fatalf("a batch with bad events: %d %s", res.StatusCode, text)
	}
	if all := s.export(at.ID); len(all) != 1 || all[0].ID != "good" {
		t.Errorf("stored %+v", all)
	}
	type item struct {
		ID                        uint64
		Reader, Reason, Site, Raw string
		At                        time.Time
	}
	var items []item
	s.ask(&items, "aside", "list")
	if len(items) != 2 || items[0].Reader != "collect" || items[0].Site != at.ID || !strings.Contains(items[0].Reason, "event") || !strings.Contains(items[0].Raw, `"bad"`) || items[0].At.IsZero() {
		t.Fatalf("aside list printed %+v", items)
	}
	var one item
	if s.ask(&one, "aside", "show", fmt.Sprint(items[1].ID)); one != items[1] {
		t.Errorf("aside show printed %+v, want %+v", one, items[1])
	}
	var moved struct{ Moved int }
	if s.ask(&moved, "aside", "drop", fmt.Sprint(items[0].ID)); moved.Moved != 1 {
		t.Errorf("aside drop printed %+v", moved)
	}
	if s.ask(&items, "aside", "list"); len(items) != 1 || items[0].ID != one.ID {
		t.Errorf("after a drop aside list printed %+v", items)
	}
	if f := s.doctor()["set aside"]; f.OK {
		t.Errorf("the doctor finds nothing set aside: %+v", f)
	}
}

// TestGraphQL asks the affiliate design's question with a key and without.
func TestGraphQL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.addSite("shop.example")
	s.start()
	defer s.stop()
	for i := range 3 {
		s.post(t, at.WriteKey, "/v1/page", map[string]any{"messageId": fmt.Sprint(i), "anonymousId": "a",
			"properties": map[string]any{"url": "https://shop.example/"}, "context": map[string]any{"userAgent": browser}})
	}
	s.quiet()
	var key struct{ Token string }
	s.ask(&key, "key", "add", "--site", at.ID, "--role", "viewer")
	const question = `{"query":"query($m: MetricType!, $w: TimeWindow!) { getAnalyticsData(metricType: $m, timeWindow: $w) { dataset { series timestamp value } } }","variables":{"m":%q,"w":%q}}`
	for _, token := range []string{"", "ffk_nosuchkey", at.WriteKey} {
		if status, text := s.graphQL(t, token, fmt.Sprintf(question, "PageViews", "Last7Days")); status != http.StatusUnauthorized {
			t.Errorf("with key %q: %d %s, want 401", token, status, text)
		}
	}
	for _, metric := range []string{"PageViews", "Visitors", "Commissions"} {
		for window, steps := range map[string]int{"Last24Hours": 24, "Last7Days": 7, "Last30Days": 30, "Last90Days": 90, "Last365Days": 0} {
			status, text := s.graphQL(t, key.Token, fmt.Sprintf(question, metric, window))
			var a struct {
				Data   struct{ GetAnalyticsData struct{ Dataset []point } }
				Errors []any
			}
			if err := json.Unmarshal([]byte(text), &a); err != nil || status != http.StatusOK || len(a.Errors) > 0 {
				t.Errorf("%s %s: %d %s", metric, window, status, text)
				continue
			}
			points := a.Data.GetAnalyticsData.Dataset
			want := map[string]int64{"PageViews": 3, "Visitors": 1, "Commissions": 0}[metric]
			var sum int64
			for _, p := range points {
				sum += p.Value
				if p.Series != "shop.example" {
					t.Errorf("%s %s: series %q", metric, window, p.Series)
				}
			}
			if sum != want || metric == "Commissions" && len(points) > 0 || metric != "Commissions" && steps > 0 && len(points) != steps {
				t.Errorf("%s %s: %d in %d steps, want %d in %d", metric, window, sum, len(points), want, steps)
			}
		}
	}
	if _, text := s.graphQL(t, key.Token, fmt.Sprintf(question, "Pageviews", "Last7Days")); !strings.Contains(text, `"errors"`) {
		t.Errorf("an unknown metric: %s", text)
	}
}

func (s *server) graphQL(t *testing.T, token, question string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequest("POST", s.url("/graphql"), strings.NewReader(question))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}
