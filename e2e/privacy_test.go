package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/queue/nats"
)

// secrets are what must be nowhere once the request is answered.
type secrets struct {
	texts     []string
	addresses map[string]bool // also sought as numbers, and not inside longer ones
}

// ipv4 finds what may be an address. A word that goes on with digits and dots
// is another one.
var ipv4 = regexp.MustCompile(`(?:\d{1,3}\.){3}\d{1,3}`)

// found is the secrets that stand in b.
func (x secrets) found(b []byte) (all []string) {
	for _, text := range x.texts {
		if bytes.Contains(b, []byte(text)) {
			all = append(all, text)
		}
	}
	for _, at := range ipv4.FindAllIndex(b, -1) {
		alone := (at[0] == 0 || !wordByte(b[at[0]-1])) && (at[1] == len(b) || !wordByte(b[at[1]]))
		if alone && x.addresses[string(b[at[0]:at[1]])] {
			all = append(all, string(b[at[0]:at[1]]))
		}
	}
	return all
}

func wordByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// TestPrivacy sends distinctive addresses and user agents every way there is,
// good and bad, and imports a real log: none of them is in any file, in what
// the files hold when unpacked, in what is set aside, or in the server's log.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	d := dataSets[0]
	visits := d.visits(t)
	s := newServer(t, "--trusted-proxies", "127.0.0.0/8", "--archive-age", "1s")
	at := s.addSite(d.host)
	s.ask(nil, "site", "set", d.host, "--history", "120")
	s.start()
	x := secrets{addresses: map[string]bool{}}
	sendSecrets(t, s, at, &x)
	s.ask(nil, "import", "--site", at.ID, "--format", d.format, d.path(t, "access.log.gz"))
	s.ask(nil, "roll")
	if kept := s.ask(nil, "visitor", "history", "someone"); !strings.Contains(kept, `"kind":"all"`) {
		t.Errorf("there is no history to look into: %s", kept)
	}
	for _, v := range visits {
		x.addresses[v.host] = true
		if len(v.agent) >= 20 && strings.Contains(v.agent, " ") {
			x.texts = append(x.texts, v.agent)
		}
	}
	for _, v := range visits { // an address that is part of a page's address or referrer is content
		for _, a := range ipv4.FindAllString(v.target+" "+v.referrer, -1) {
			delete(x.addresses, a)
		}
	}
	x.texts = unique(x.texts)
	if !x.works() {
		t.Fatal("the search does not find what it must")
	}
	export, list := s.exportText(at.ID), s.ask(nil, "aside", "list")
	time.Sleep(1500 * time.Millisecond) // archived meanwhile, and in files as a crash would leave them
	checkFiles(t, x, s.data, "while running")
	s.stop()
	checkFiles(t, x, s.data, "after the stop")
	for where, text := range map[string]string{"export": export, "aside list": list, "the log": s.logged(0), "the queue": queued(t, s.data), "the archive": unpacked(t, s.data)} {
		if len(text) < 50 {
			t.Errorf("%s holds only %q: nothing was checked", where, text)
		}
		if found := x.found([]byte(text)); len(found) > 0 {
			t.Errorf("%s holds %q", where, found)
		}
	}
	if strings.Contains(s.logged(0), at.WriteKey) {
		t.Error("the log holds the write key")
	}
	t.Logf("sought %d addresses and %d texts", len(x.addresses), len(x.texts))
}

func (x secrets) works() bool {
	return len(x.found([]byte(`{"a":"`+x.texts[0]+`"}`))) == 1 && len(x.found([]byte("from 198.51.100.77:80"))) == 1 && len(x.found([]byte("1.198.51.100.77"))) == 0
}

func unique(texts []string) (all []string) {
	seen := map[string]bool{}
	for _, s := range texts {
		if !seen[s] {
			all = append(all, s)
		}
		seen[s] = true
	}
	return all
}

// sendSecrets sends events with addresses and agents that nothing else has.
func sendSecrets(t *testing.T, s *server, at site, x *secrets) {
	t.Helper()
	agent := func(n int) string {
		a := fmt.Sprintf("Mozilla/5.0 (X11; Zanzibar%d) Distinctive/%d.7", n, n)
		x.texts = append(x.texts, a, fmt.Sprintf("Zanzibar%d", n))
		return a
	}
	address := func(a string) string {
		x.addresses[a] = true
		if ip := netip.MustParseAddr(a); ip.Is6() {
			raw := ip.As16()
			x.texts = append(x.texts, a, string(raw[:]))
		} else {
			raw := netip.AddrFrom16(ip.As16()).As16() // ::ffff:a.b.c.d
			x.texts = append(x.texts, string(raw[:]))
		}
		return a
	}
	x.texts = append(x.texts, "SecretCookie42")
	forwarded, agentHeader := address("198.51.100.77")+", "+address("2001:db8:77::1234"), agent(1)
	page := map[string]any{"url": "https://" + dataSets[0].host + "/secret"}
	full := func(kind string, n int) map[string]any {
		who := map[string]any{"ip": address(fmt.Sprintf("203.0.113.%d", n)), "userAgent": agent(n), "user_agent": agent(n + 1000), "ipAddress": address(fmt.Sprintf("203.0.113.%d", n+100))}
		return map[string]any{"type": kind, "event": "Bought", "properties": with(who, "url", page["url"]), "traits": who, "context": with(who, "page", page)}
	}
	anonymous := func(e map[string]any) map[string]any { return with(e, "anonymousId", "someone") }
	bodies := []struct {
		path   string
		body   any
		status int
	}{
		{"/v1/page", full("page", 11), 200}, {"/v1/track", anonymous(full("track", 12)), 200}, {"/v1/identify", anonymous(full("identify", 13)), 200},
		{"/v1/batch", map[string]any{"batch": []any{full("page", 14), full("dance", 15), with(full("track", 16), "event", ""), with(full("page", 17), "timestamp", "soon")},
			"context": map[string]any{"ip": address("203.0.113.18"), "userAgent": agent(18)}}, 200},
		{"/v1/page", []byte(`{"userAgent":"` + agent(19) + `","ip":"` + address("203.0.113.19") + `",`), 400},
		{"/v1/page", with(full("page", 20), "timestamp", 7), 400},
		{"/beacon/v1/batch?writeKey=" + at.WriteKey, map[string]any{"batch": []any{full("page", 21)}}, 200},
		{"/collect?page=/secret&key=" + at.WriteKey, []byte(""), 200}, {"/v1/page", anonymous(full("page", 22)), 200},
	}
	for _, b := range bodies {
		body, ok := b.body.([]byte)
		if !ok {
			var err error
			body, err = json.Marshal(b.body)
			must(t, err)
		}
		if status, text := sendAs(t, s, at, "POST", b.path, body, forwarded, agentHeader); status != b.status {
			t.Errorf("%s: %d %s, want %d", b.path, status, text, b.status)
		}
	}
	for _, path := range []string{"/pixel/v1/page?writeKey=" + at.WriteKey + "&anonymousId=x&context.ip=" + address("203.0.113.31") + "&context.userAgent=Zanzibar1",
		"/pixel/v1/dance?writeKey=" + at.WriteKey + "&context.ip=203.0.113.31", "/debug/me", "/nowhere", "/graphql?ip=203.0.113.31"} {
		sendAs(t, s, at, "GET", path, nil, forwarded, agentHeader)
	}
}

func with(e map[string]any, name string, value any) map[string]any {
	copied := map[string]any{name: value}
	for k, v := range e {
		if k != name {
			copied[k] = v
		}
	}
	return copied
}

func sendAs(t *testing.T, s *server, at site, method, path string, body []byte, forwarded, agent string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequest(method, s.url(path), bytes.NewReader(body))
	must(t, err)
	r.SetBasicAuth(at.WriteKey, "")
	r.Header.Set("X-Forwarded-For", forwarded)
	r.Header.Set("User-Agent", agent)
	r.Header.Set("Cookie", "session=SecretCookie42")
	r.Header.Set("Content-Type", "text/plain")
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

// checkFiles looks into every file under dir.
func checkFiles(t *testing.T, x secrets, dir, when string) {
	t.Helper()
	files := 0
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // a file that has gone meanwhile
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		files++
		if found := x.found(b); len(found) > 0 {
			t.Errorf("%s: %s holds %q", when, strings.TrimPrefix(path, dir), found)
		}
		return nil
	}))
	if files < 10 {
		t.Errorf("%s: only %d files were looked into", when, files)
	}
}

// queued is every message of a stopped server's queue, uncompressed.
func queued(t *testing.T, data string) string {
	t.Helper()
	q, err := nats.Open(nats.Options{Dir: filepath.Join(data, "queue"), MaxAge: 168 * time.Hour})
	must(t, err)
	defer q.Close()
	reader, err := q.Reader(t.Context(), "privacy", &event.Position{})
	must(t, err)
	var all strings.Builder
	for {
		d, err := reader.Read(t.Context(), 10_000, 200*time.Millisecond)
		must(t, err)
		if len(d.Events) == 0 {
			return all.String()
		}
		for i := range d.Events {
			fmt.Fprintf(&all, "%+v\n", d.Events[i])
		}
		must(t, d.Ack(context.WithoutCancel(t.Context())))
	}
}

// unpacked is every row of the archive.
func unpacked(t *testing.T, data string) string {
	t.Helper()
	db := openDuckDB(t)
	defer db.Close()
	rows, err := db.Query(`SELECT CAST(r AS VARCHAR) FROM read_parquet(?, hive_partitioning = true) AS r`, objects(data))
	must(t, err)
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var row string
		must(t, rows.Scan(&row))
		all.WriteString(row + "\n")
	}
	must(t, rows.Err())
	return all.String()
}
