package collect

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// recordings is the folder of the real clients' requests, beside the checkout.
func recordings(t testing.TB) string {
	dir := filepath.Join("..", "..", "shared", "data", "sdk-recordings")
	if _, err := os.Stat(filepath.Join(dir, "index.jsonl")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the recordings are missing: %v", err)
		}
		t.Skipf("NOT CHECKED: the recordings of real clients are missing: %v", err)
	}
	return dir
}

// recorded is one request as the recording server saw it.
type recorded struct {
	Method, Path string
	Headers      map[string]string
	Gzip         bool
	Wire         string `json:"wire_b64"`
	Body         json.RawMessage
}

// indexed is what a request must decode to.
type indexed struct {
	File        string
	N           int
	Path        string
	BatchSentAt string `json:"batch_sentAt"`
	Events      []struct {
		Type, MessageID, AnonymousID, UserID, GroupID, PreviousID string
		Event, Name, OriginalTimestamp, Timestamp, SentAt         string
	}
}

func (r recorded) request() (*httptest.ResponseRecorder, func(*world, *httptest.ResponseRecorder)) {
	body := string(r.Body)
	switch {
	case body == `""`:
		body = ""
	case r.Wire != "":
		b, _ := base64.StdEncoding.DecodeString(r.Wire)
		body = string(b)
	case r.Gzip:
		body = zip(body)
	}
	return httptest.NewRecorder(), func(w *world, rec *httptest.ResponseRecorder) {
		req := httptest.NewRequest(r.Method, r.Path, strings.NewReader(body))
		for k, v := range r.Headers {
			req.Header.Set(k, v)
		}
		w.ServeHTTP(rec, req)
	}
}

func TestRecordings(t *testing.T) {
	dir := recordings(t)
	files := map[string][]recorded{}
	index, err := os.Open(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	lines := bufio.NewScanner(index)
	lines.Buffer(nil, 1<<20)
	requests, events := 0, 0
	for lines.Scan() {
		var want indexed
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if files[want.File] == nil {
			b, err := os.ReadFile(filepath.Join(dir, want.File))
			var run struct{ Requests []recorded }
			if err != nil || json.Unmarshal(b, &run) != nil {
				t.Fatalf("%s: unreadable (%v)", want.File, err)
			}
			files[want.File] = run.Requests
		}
		requests++
		events += len(want.Events)
		replay(t, want, files[want.File][want.N])
	}
	if requests < 236 || events < 150 {
		t.Errorf("only %d requests with %d events in the index", requests, events)
	}
	t.Logf("%d requests with %d events decoded as indexed", requests, events)
}

// replay sends a recorded request 200 ms after the time it was sent.
func replay(t *testing.T, want indexed, r recorded) {
	w := newWorld(Site{}, func(o *Options) {
		o.Now = func() time.Time { return lastTime(want).Add(200 * time.Millisecond) }
	})
	rec, send := r.request()
	send(w, rec)
	if rec.Code/100 != 2 || len(w.refused) > 0 {
		t.Fatalf("%s %d: %d %s %v", want.File, want.N, rec.Code, rec.Body, w.refused)
	}
	if strings.HasPrefix(want.Path, "/pixel/") {
		if len(w.events) != 1 || w.events[0].AnonymousID != "anon-1" || w.events[0].Channel != "pixel" {
			t.Errorf("%s: %+v", want.File, w.events)
		}
		return
	}
	if len(w.events) != len(want.Events) {
		t.Fatalf("%s %d: %d events, want %d", want.File, want.N, len(w.events), len(want.Events))
	}
	for i, x := range want.Events {
		got := w.events[i]
		original, sent := x.OriginalTimestamp, x.SentAt
		if original == "" {
			original = x.Timestamp
		}
		if sent == "" {
			sent = want.BatchSentAt
		}
		expect := event.Event{ID: x.MessageID, Kind: event.Kind(x.Type), Name: x.Event + x.Name, UserID: x.UserID, AnonymousID: x.AnonymousID,
			GroupID: x.GroupID, PreviousID: x.PreviousID, Original: parse(original), Time: parse(original), Sent: parse(sent)}
		seen := event.Event{ID: got.ID, Kind: got.Kind, Name: got.Name, UserID: got.UserID, AnonymousID: got.AnonymousID,
			GroupID: got.GroupID, PreviousID: got.PreviousID, Original: got.Original, Time: got.Time, Sent: got.Sent}
		if expect.AnonymousID == "" { // some have it in the header only
			seen.AnonymousID = ""
		}
		if seen != expect || got.Site != "s1" || got.Skew != 0 {
			t.Errorf("%s %d.%d:\n got %+v\nwant %+v", want.File, want.N, i, seen, expect)
		}
		for _, kept := range []string{got.Properties, got.Traits, got.Context} {
			if kept != "" && !json.Valid([]byte(kept)) || strings.Contains(kept, "Mozilla") || strings.Contains(kept, "203.0.113.9") || strings.Contains(kept, "UA/1.0") {
				t.Errorf("%s %d.%d keeps %s", want.File, want.N, i, kept)
			}
		}
	}
}

func parse(s string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s)
	return t.Truncate(time.Millisecond)
}

// lastTime is when a request's last event happened or was sent.
func lastTime(x indexed) time.Time {
	last := testNow
	if len(x.Events) > 0 {
		last = time.Time{}
	}
	for _, e := range x.Events {
		for _, s := range []string{e.OriginalTimestamp, e.Timestamp, e.SentAt, x.BatchSentAt} {
			if at := parse(s); at.After(last) {
				last = at
			}
		}
	}
	return last
}
