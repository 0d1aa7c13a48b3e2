package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

// moving is a source whose figures a test moves. Of an affiliate it knows others.
type moving struct {
	value, asked atomic.Int64
	last         atomic.Pointer[metric.Query]
}

func (m *moving) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	m.asked.Add(1)
	m.last.Store(&q)
	n := m.value.Load()
	if q.Affiliate != nil {
		n += 1_000_000
	}
	starts := q.Step.Cut(q.Window, q.Zone)
	return metric.Dataset{Points: []metric.Point{{Time: starts[0], Value: n}}, Source: "events", AsOf: time.Now()}, nil
}

// earning tells of one affiliate.
type earning struct {
	Affiliates
	clicks atomic.Int64
}

func (e *earning) Affiliate(_ context.Context, id string, w period.Window) (Affiliate, error) {
	return Affiliate{ID: id, AsOf: time.Now(), Clicks: e.clicks.Load(), Orders: 1, Made: []Amount{{"EUR", 1250}}, Balances: []Balance{{Currency: "EUR", Pending: 1250}}}, nil
}

func (e *earning) Orders(context.Context, string, string, int) ([]Order, error) {
	return []Order{{ID: "o1", Number: "1001", Time: time.Now().Truncate(time.Hour), Currency: "EUR", Net: 2500, Commission: 1250, States: []string{"pending"}}}, nil
}

// liveWorld is a door with streams.
type liveWorld struct {
	*httptest.Server
	t       *testing.T
	source  *moving
	earns   *earning
	memory  *accounttest.Memory
	live    *query.Live
	stop    context.CancelFunc
	session atomic.Pointer[Session]
	down    atomic.Bool // nobody can tell whose a session is
	door    http.Handler
	tokens  map[string]string // by scope and site
	ids     map[string]string // of the keys
	embed   atomic.Pointer[account.Embed]
}

func newLive(t *testing.T, limits Streams) *liveWorld {
	t.Helper()
	w := &liveWorld{t: t, source: &moving{}, earns: &earning{}, memory: &accounttest.Memory{}, live: query.NewLive(), tokens: map[string]string{}, ids: map[string]string{}}
	for _, s := range []account.Site{{Domain: "a.example", Zone: "Europe/Berlin", Currency: "EUR"}, {Domain: "b.example"}} {
		if _, err := w.memory.AddSite(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []account.Key{{Scopes: []account.Scope{account.Read}}, {Site: "a-example", Scopes: []account.Scope{account.Read}},
		{Scopes: []account.Scope{"affiliate:anna"}}, {Scopes: []account.Scope{account.Everything}}, {Scopes: []account.Scope{account.InPages}}} {
		token, made, err := w.memory.AddKey(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		w.tokens[string(k.Scopes[0])+k.Site], w.ids[string(k.Scopes[0])+k.Site] = token, made.ID
	}
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { w.live.Run(ctx); close(ended) }()
	w.door = New(w.source, w.memory, w.memory, Options{Log: slog.New(slog.DiscardHandler), Live: w.live, Streams: limits, Affiliates: w.earns, Share: w.memory.Share,
		Shared: Shown{Metrics: []metric.Name{metric.PageViews, metric.Visitors}, By: []metric.Dimension{"page", "source"}},
		Affiliate: func(id string) (metric.Affiliate, []string, bool) {
			return metric.Affiliate{ID: id, Codes: []string{id}}, []string{"a-example"}, id == "anna" || id == "ben"
		},
		Embed: func(_ context.Context, token string) (account.Embed, error) {
			if e := w.embed.Load(); e != nil && token == "ffe_good" {
				return *e, nil
			}
			return account.Embed{}, account.ErrEmbed
		},
		Session: func(r *http.Request) (Session, error) {
			if w.down.Load() {
				return Session{}, io.ErrUnexpectedEOF
			}
			if s := w.session.Load(); s != nil && strings.Contains(r.Header.Get("Cookie"), "session") {
				return *s, nil
			}
			return Session{}, account.ErrNotFound
		}})
	w.Server = httptest.NewUnstartedServer(w.door)
	w.Config.ReadTimeout = 400 * time.Millisecond // streams outlive it
	w.Start()
	t.Cleanup(func() {
		w.stop()
		<-ended
		w.Close()
	})
	return w
}

// listened is an open stream.
type listened struct {
	*http.Response
	lines *bufio.Scanner
}

// open asks for a stream; further are header fields, name and value.
func (w *liveWorld) open(parameters string, further ...string) *listened {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", w.URL+"/v1/live?"+parameters, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(further); i += 2 {
		r.Header.Set(further[i], further[i+1])
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { answer.Body.Close() })
	return &listened{answer, bufio.NewScanner(answer.Body)}
}

func (w *liveWorld) as(scope string) []string {
	return []string{"Authorization", "Bearer " + w.tokens[scope]}
}

// next is the next line that is not empty; "" if the stream ended.
func (l *listened) next() string {
	for l.lines.Scan() {
		if text := l.lines.Text(); text != "" {
			return text
		}
	}
	return ""
}

// event is the next event's id and data.
func (l *listened) event(t *testing.T) (id, data string) {
	t.Helper()
	for text := l.next(); ; text = l.next() {
		switch {
		case text == "":
			t.Fatal("the stream ended")
		case strings.HasPrefix(text, "id: "):
			id = text[4:]
		case strings.HasPrefix(text, "data: "):
			return id, text[6:]
		}
	}
}

// ends reports whether the stream ends soon.
func (l *listened) ends(within time.Duration) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for l.next() != "" {
		}
	}()
	select {
	case <-done:
		return true
	case <-time.After(within):
		return false
	}
}

// TestLive: the first figures at once, further ones as they change, nothing twice.
func TestLive(t *testing.T) {
	w := newLive(t, Streams{})
	w.source.value.Store(3)
	l := w.open("metric=page_views,Visitors&window=today&step=total", w.as("reada-example")...)
	both := w.open("metric=Visitors@Last5Minutes,PageViews&from=2024-01-01&to=2024-02-01&step=total", w.as("reada-example")...)
	if _, data := both.event(t); !regexp.MustCompile(`^\{"figures":\[\{"metric":"Visitors","window":"Last5Minutes","dataset":\[\{[^}]*"value":3\}\].*\{"metric":"PageViews","dataset":\[\{"series":"a.example","timestamp":"2024-01-01T00:00:00\+01:00","value":3\}\]`).MatchString(data) {
		t.Error(data)
	}
	h := l.Header
	if l.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream; charset=utf-8" || h.Get("X-Accel-Buffering") != "no" || h.Get("Cache-Control") != "no-store" {
		t.Fatal(l.StatusCode, h)
	}
	if text := l.next(); !regexp.MustCompile(`^retry: 1\d\d\d$`).MatchString(text) {
		t.Error(text)
	}
	id, data := l.event(t)
	var told struct{ Figures []LiveFigure }
	if err := json.Unmarshal([]byte(data), &told); err != nil || len(told.Figures) != 2 || told.Figures[0].Metric != metric.PageViews || *told.Figures[0].Dataset[0].Value != "3" ||
		told.Figures[1].Metric != metric.Visitors || told.Figures[0].Dataset[0].Series != "a.example" {
		t.Fatal(err, data)
	}
	// As /v1/query tells it.
	r := httptest.NewRequest("GET", "/v1/query?metric=PageViews&window=today&step=total", nil)
	r.Header.Set("Authorization", "Bearer "+w.tokens["reada-example"])
	rec := httptest.NewRecorder()
	w.door.ServeHTTP(rec, r)
	var plain Answer
	if err := json.Unmarshal(rec.Body.Bytes(), &plain); err != nil || fmt.Sprint(plain.Dataset) != fmt.Sprint(told.Figures[0].Dataset) {
		t.Errorf("%s, but /v1/query says %s", data, rec.Body)
	}
	again := w.open("metric=page_views,Visitors&window=today&step=total", append(w.as("reada-example"), "Last-Event-ID", id)...)
	if again.next(); again.next() != ": nothing new" {
		t.Error("a reconnect is told the same again")
	}
	time.Sleep(600 * time.Millisecond) // longer than the server waits for a request
	w.source.value.Store(4)
	w.live.Stored("b-example") // another site's
	w.live.Stored("a-example")
	began := time.Now()
	for _, l := range []*listened{l, again} {
		if next, data := l.event(t); next == id || !strings.Contains(data, `"value":4}`) {
			t.Errorf("%s %s", next, data)
		}
	}
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("told after %v", took)
	}
	missed := w.open("metric=page_views,Visitors&window=today&step=total", append(w.as("reada-example"), "Last-Event-ID", id)...)
	if _, data := missed.event(t); !strings.Contains(data, `"value":4}`) {
		t.Errorf("who missed something is told %s", data)
	}
}

// TestLiveRefuses: what is asked wrongly, or by who may not, is refused before a
// stream begins, and what others listen to is not heard along.
func TestLiveRefuses(t *testing.T) {
	w := newLive(t, Streams{})
	legal := w.open("metric=Sales&window=today&site=a.example", w.as("read")...)
	legal.event(t)
	w.embed.Store(&account.Embed{Site: "a-example", Metrics: []string{"Clicks"}})
	share, _, err := w.memory.AddShare(t.Context(), account.Share{Site: "a-example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		parameters string
		header     []string
		status     int
		says       string
	}{
		{"", w.as("read"), 400, "which figures"},
		{"metric=Likes&window=today", w.as("reada-example"), 400, "unknown metric"},
		{"metric=PageViews", w.as("reada-example"), 400, "which time"},
		{"metric=PageViews&window=today", w.as("read"), 400, "which site"},
		{"metric=PageViews&window=today&site=b-example", w.as("reada-example"), 400, "unknown site"},
		{"metric=PageViews&window=today&colour=red", w.as("reada-example"), 400, "unknown parameter"},
		{"metric=Clicks&window=Last30Minutes", w.as("reada-example"), 400, "quarters of an hour"},
		{"metric=" + strings.Repeat("PageViews,", 13) + "&window=today", w.as("reada-example"), 400, "at most 12"},
		{"earnings=maybe", w.as("read"), 400, "neither true nor false"},
		{"earnings=true", w.as("read"), 400, "earnings are an affiliate's"},
		{"earnings=true&affiliate=ben", w.as("read"), 400, "earnings are an affiliate's"},
		{"earnings=true&affiliate=ben", w.as("affiliate:anna"), 400, "earnings are an affiliate's"},
		{"earnings=true&affiliate=nobody", w.as("admin"), 400, "earnings are an affiliate's"},
		{"metric=PageViews&window=today", nil, 401, "no key"},
		{"metric=PageViews&window=today", w.as("segments"), 403, "this needs a key"},
		{"metric=PageViews&window=today&token=" + w.tokens["read"], nil, 401, "may stand in an address"},
		{"metric=PageViews&window=today&token=ffr_x", nil, 401, "taken back"},
		{"metric=PageViews&window=today&token=ffe_x", nil, 401, "sign another one"},
		{"metric=Sales&window=today&site=a.example&token=ffe_good", nil, 400, "this token shows Clicks, not Sales"},
		{"metric=Nonsense&window=today&site=a.example&token=ffe_good", nil, 400, `use one of Clicks"}`},
		{"metric=PageViews&window=today&site=b-example&token=" + share, nil, 400, "unknown site"},
		{"metric=Commissions&by=affiliate&window=today&token=" + share, nil, 400, "this token shows PageViews, Visitors, not Commissions"},
		{"metric=PageViews,Revenue&window=today&token=" + share, nil, 400, "not Revenue"},
		{"metric=PageViews&by=affiliate&window=today&token=" + share, nil, 400, "by"},
		{"metric=PageViews&by=utm_term&window=today&token=" + share, nil, 400, "this token shows figures by page, source, not by utm_term"},
		{"metric=PageViews&utm_term=x&window=today&token=" + share, nil, 400, "this token shows figures by page, source, not by utm_term"},
		{"earnings=true&affiliate=anna&token=ffe_good", nil, 400, "earnings are an affiliate's"},
		{"earnings=true&affiliate=anna&token=" + share, nil, 400, "earnings are an affiliate's"},
		{"metric=PageViews&window=today", []string{"Cookie", "session"}, 401, "log in"},
	} {
		l := w.open(x.parameters, x.header...)
		b, _ := io.ReadAll(io.LimitReader(l.Body, 4096))
		if l.StatusCode != x.status || !strings.Contains(string(b), x.says) {
			t.Errorf("%s %v: %d %s", x.parameters, x.header, l.StatusCode, b)
		}
	}
	for _, parameters := range []string{"metric=Clicks&window=today&token=ffe_good", "metric=PageViews&by=page&source=x&window=today&token=" + share} {
		if l := w.open(parameters); l.StatusCode != 200 {
			t.Errorf("%s: %d", parameters, l.StatusCode)
		}
	}
}

// TestLiveOwn: an affiliate hears own figures only, by key, session and token, also
// where others listen to the same question about everybody.
func TestLiveOwn(t *testing.T) {
	w := newLive(t, Streams{})
	const question = "metric=PageViews&window=today&step=total&site=a-example"
	everybody := w.open(question, w.as("read")...)
	if _, data := everybody.event(t); !strings.Contains(data, `"value":0}`) {
		t.Error(data)
	}
	w.session.Store(&Session{Who: account.Person{ID: "per_1"}.Who([]account.Grant{{Person: "per_1", Site: "a-example", Role: account.Affiliate}}), Affiliate: "anna"})
	w.embed.Store(&account.Embed{Site: "a-example", Affiliate: "anna", Metrics: []string{"PageViews"}})
	for name, l := range map[string]*listened{"key": w.open(question, w.as("affiliate:anna")...), "session": w.open(question, "Cookie", "session", "Sec-Fetch-Site", "same-origin"),
		"token": w.open(question + "&token=ffe_good")} {
		if _, data := l.event(t); !strings.Contains(data, `"value":1000000}`) {
			t.Errorf("%s: %s", name, data)
		}
	}
	if l := w.open(question, "Cookie", "session", "Sec-Fetch-Site", "cross-site"); l.StatusCode != 401 {
		t.Errorf("a page of another site listens: %d", l.StatusCode)
	}
	if l := w.open("metric=PageViews&window=today&site=b-example", "Cookie", "session"); l.StatusCode != 400 {
		t.Errorf("another site: %d", l.StatusCode)
	}
	if l := w.open("earnings=true&affiliate=ben", "Cookie", "session"); l.StatusCode != 400 {
		t.Errorf("another's earnings: %d", l.StatusCode)
	}
	for _, header := range [][]string{{"Cookie", "session"}, w.as("affiliate:anna")} {
		l := w.open("earnings=true&metric=Clicks&window=today&step=total", header...)
		_, data := l.event(t)
		for _, want := range []string{`"metric":"Clicks"`, `"earnings":{"affiliate":"anna","today":{"clicks":0,"orders":1,"earned":[{"value":12.50,"unit":"EUR"}]},"balances":[{"unit":"EUR","pending":12.50,`, `"last_order":{"id":"o1","number":"1001"`} {
			if !strings.Contains(data, want) {
				t.Errorf("%s lacks %s", data, want)
			}
		}
	}
	l := w.open("earnings=true&affiliate=ben", w.as("admin")...)
	l.event(t)
	w.earns.clicks.Store(9)
	w.live.Stored(query.LedgerFeed)
	if _, data := l.event(t); !strings.Contains(data, `{"figures":[],"earnings":{"affiliate":"ben","today":{"clicks":9`) {
		t.Error(data)
	}
}

// TestLiveEndsWithTheRight: whatever let a stream in ends it when it is over.
func TestLiveEndsWithTheRight(t *testing.T) {
	w := newLive(t, Streams{Recheck: 50 * time.Millisecond, Heartbeat: 20 * time.Millisecond})
	const question = "metric=PageViews&window=today&step=total&site=a-example"
	viewer := account.Person{ID: "per_1"}.Who([]account.Grant{{Person: "per_1", Role: account.Viewer}})
	w.session.Store(&Session{Who: viewer})
	w.embed.Store(&account.Embed{Site: "a-example", Metrics: []string{"PageViews"}})
	token, share, err := w.memory.AddShare(t.Context(), account.Share{Site: "a-example"})
	if err != nil {
		t.Fatal(err)
	}
	key, session, shared, embedded := w.open(question, w.as("reada-example")...), w.open(question, "Cookie", "session"), w.open(question+"&token="+token), w.open(question+"&token=ffe_good")
	for _, l := range []*listened{key, session, shared, embedded} {
		l.event(t)
		if text := l.next(); text != ":" {
			t.Errorf("%q, want a heartbeat", text)
		}
	}
	for _, x := range []struct {
		name string
		of   *listened
		end  func() error
	}{
		{"a revoked key", key, func() error { return w.memory.RevokeKey(context.Background(), w.ids["reada-example"]) }},
		{"another role", session, func() error { w.session.Store(&Session{Who: account.Person{ID: "per_1"}.Who(nil)}); return nil }},
		{"a revoked share", shared, func() error { return w.memory.RevokeShare(context.Background(), share.ID) }},
		{"another metric", embedded, func() error {
			w.embed.Store(&account.Embed{Site: "a-example", Metrics: []string{"Clicks"}})
			return nil
		}},
	} {
		if err := x.end(); err != nil {
			t.Fatal(err)
		}
		if !x.of.ends(2 * time.Second) {
			t.Errorf("%s: the stream goes on", x.name)
		}
	}
	eventuallyNone(t, w)
}

// eventuallyNone waits until no stream is open, and no question is kept.
func eventuallyNone(t *testing.T, w *liveWorld) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		before := w.source.asked.Load()
		w.live.Stored("a-example")
		time.Sleep(20 * time.Millisecond)
		if w.source.asked.Load() == before {
			return
		}
		if time.Now().After(end) {
			t.Fatal("questions go on without listeners")
		}
	}
}

func TestLiveIsBounded(t *testing.T) {
	w := newLive(t, Streams{Most: 4, PerToken: 3, PerPerson: 1})
	w.session.Store(&Session{Who: account.Person{ID: "per_1"}.Who([]account.Grant{{Person: "per_1", Role: account.Viewer}})})
	const question = "metric=PageViews&window=today&site=a-example"
	var kept []*listened
	for i, x := range []struct {
		header []string
		status int
	}{{w.as("read"), 200}, {w.as("read"), 200}, {w.as("read"), 200}, {w.as("read"), 503}, {[]string{"Cookie", "session=1"}, 200}, {[]string{"Cookie", "session=2"}, 503}, {w.as("admin"), 503}} {
		l := w.open(question, x.header...)
		if l.StatusCode != x.status || x.status == 503 && l.Header.Get("Retry-After") == "" {
			t.Errorf("%d: %d %v", i, l.StatusCode, l.Header)
		}
		kept = append(kept, l)
	}
	kept[0].Body.Close()
	for end := time.Now().Add(3 * time.Second); w.open(question, w.as("admin")...).StatusCode != 200; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("who left still counts")
		}
	}
}

// TestLiveEndsWithTheServer: streams hold up no stop, and none begins then.
func TestLiveEndsWithTheServer(t *testing.T) {
	w := newLive(t, Streams{})
	const question = "metric=PageViews&window=today&site=a-example"
	l := w.open(question, w.as("read")...)
	l.event(t)
	began := time.Now()
	w.stop()
	if err := w.Config.Shutdown(t.Context()); err != nil || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/v1/live?"+question, nil)
	r.Header.Set("Authorization", "Bearer "+w.tokens["read"])
	w.door.ServeHTTP(rec, r)
	if rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestQueryBySession: a page of the server itself asks GET /v1/query with the browser's
// session; another site's page, a token in the address and other addresses do not, and an affiliate
// gets own figures only.
func TestQueryBySession(t *testing.T) {
	w := newLive(t, Streams{})
	viewer := &Session{Who: account.Person{ID: "per_2"}.Who([]account.Grant{{Person: "per_2", Site: "a-example", Role: account.Viewer}})}
	affiliate := &Session{Who: account.Person{ID: "per_1"}.Who([]account.Grant{{Person: "per_1", Site: "a-example", Role: account.Affiliate}}), Affiliate: "anna"}
	const question = "/v1/query?metric=PageViews&window=today&step=total&site="
	for _, x := range []struct {
		method, path, from string
		session            *Session
		status             int
		says               string
	}{
		{"GET", question + "a-example", "same-origin", viewer, 200, `"dataset":[`},
		{"GET", question + "a-example", "none", viewer, 200, `"dataset":[`},
		{"GET", question + "a-example", "same-origin", affiliate, 200, `"value":1000000}`},
		{"GET", question + "b-example", "same-origin", viewer, 400, "unknown site"},
		{"GET", question + "a-example", "cross-site", viewer, 401, "no key"},
		{"GET", question + "a-example", "same-site", viewer, 401, "no key"},
		{"GET", question + "a-example&token=ffe_good", "same-origin", viewer, 401, "no key"},
		{"POST", "/graphql", "same-origin", viewer, 401, "no key"},
	} {
		w.session.Store(x.session)
		r, err := http.NewRequestWithContext(t.Context(), x.method, w.URL+x.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "session")
		r.Header.Set("Sec-Fetch-Site", x.from)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != x.status || !strings.Contains(string(b), x.says) {
			t.Errorf("%s %s from %s: %d %s", x.method, x.path, x.from, answer.StatusCode, b)
		}
	}
}
