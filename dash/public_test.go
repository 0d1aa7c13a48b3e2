package dash

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// publish shows parts of a site to anybody.
func (w world) publish(t *testing.T, id, parts string) {
	t.Helper()
	sites, err := w.control.Sites(t.Context())
	at := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == id })
	if err == nil {
		sites[at].Public = account.ReadParts(parts)
		_, err = w.control.UpdateSite(t.Context(), sites[at])
	}
	if err != nil {
		t.Fatal(err)
	}
}

// of is what nobody in particular is answered; what was asked before is forgotten.
func (w world) of(path string, headers ...string) *httptest.ResponseRecorder {
	w.source.mu.Lock()
	w.source.asked, w.source.reports = nil, nil
	w.source.mu.Unlock()
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

var leads = regexp.MustCompile(`(?:href|src|action|content)="([^"#][^"]*)"`)

// beyond are the addresses that a page leads to, but for those below some paths.
func beyond(page string, below ...string) (all []string) {
	for _, m := range leads.FindAllStringSubmatch(page, -1) {
		at := html.UnescapeString(m[1])
		if (strings.HasPrefix(at, "/") || strings.Contains(at, "://")) && !slices.ContainsFunc(below, func(p string) bool { return strings.HasPrefix(at, p) }) {
			all = append(all, at)
		}
	}
	return all
}

// TestNothingIsTold: of a site that is not public, and of none, the answer is the same,
// to the last byte; also right after it was public, and by its id.
func TestNothingIsTold(t *testing.T) {
	w := newWorld(t, now, "a.example", "b.example")
	w.publish(t, "b-example", "search")
	same := func() {
		t.Helper()
		first := w.of("/public/nowhere.example")
		for _, path := range []string{"/public/a.example", "/public/a.example?csv=page", "/public/a.example/card.png", "/public/b-example", "/embed/a.example", "/embed/a.example?token=ffr_x", "/embed/a.example?token=ffe_x", "/embed/a.example?token=public", "/embed/nowhere.example", "/public/A.example?detail=page"} {
			rec := w.of(path)
			if rec.Code != 404 || rec.Body.String() != first.Body.String() || len(w.source.asked) > 0 || len(rec.Header()) != len(first.Header()) {
				t.Errorf("%s: %d %v, asked %d; elsewhere %v", path, rec.Code, rec.Header(), len(w.source.asked), first.Header())
			}
		}
	}
	same()
	w.publish(t, "a-example", "on")
	for _, path := range []string{"/public/a.example", "/public/A.EXAMPLE", "/public/a.example/card.png", "/embed/a.example"} {
		if rec := w.of(path); rec.Code != 200 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	w.publish(t, "a-example", "off")
	same()
}

// TestGuestsHearNothingOfTheServer: what is wrong with it, and what to type there, is told to
// who has an account.
func TestGuestsHearNothingOfTheServer(t *testing.T) {
	f := newFraming(t)
	f.publish(t, "a-example", "on")
	trouble := fmt.Errorf("event store: %w", &metric.TroubleError{Why: metric.Damaged})
	f.source.broken = map[metric.Dimension]error{"": trouble, "page": trouble}
	for _, path := range []string{"/public/a.example", "/share/" + f.share, "/embed/a.example?token=" + f.share} {
		page := f.of(path).Body.String()
		lacks(t, page, "This could not be counted.")
		without(t, page, "footfall rebuild", "damaged")
	}
	lacks(t, f.get(t, "/"), "footfall rebuild")
}

// TestPublicShows: a public page asks for what its site shows, of that site alone, and
// leads nowhere else.
func TestPublicShows(t *testing.T) {
	w := newWorld(t, now, "a.example", "b.example")
	for _, m := range []string{"event", "order"} {
		if err := w.besides.PutGoal(t.Context(), "a-example", metric.Goal{Name: m, Act: metric.Act{Page: "/" + m}}); err != nil {
			t.Fatal(err)
		}
	}
	shown, _ := Shows()
	for _, x := range []struct {
		parts, has, lacks string
		files             int
	}{
		{"on", "Visitors", "Revenue|Goal|Events|Orders|csv=", 404}, {"revenue", "Revenue", "Goal|Events|csv=", 404}, {"events", `id="cell-events"`, "Revenue|Orders", 404}, {"files", "csv=", "Revenue|Goal|Events", 200},
	} {
		w.publish(t, "a-example", x.parts)
		rec := w.of("/public/a.example?site=b-example")
		page := rec.Body.String()
		asked := slices.Clone(w.source.asked)
		page += w.of("/public/a.example?detail=page").Body.String()
		if rec.Code != 200 || !strings.Contains(page, x.has) || regexp.MustCompile(x.lacks).MatchString(page) {
			t.Errorf("%s: %d, %q or without %q", x.parts, rec.Code, regexp.MustCompile(x.lacks).FindString(page), x.has)
		}
		if out := beyond(page, "/public/a.example", "/privacy/a-example", "/assets/", "http://example.com/public/a.example"); len(out) > 0 {
			t.Errorf("%s: the page leads to %q", x.parts, out)
		}
		without(t, page, "b.example", "b-example", "ffw_", "Log out", "1,204,311")
		for _, q := range asked {
			if q.Site != "a-example" || x.parts == "on" && !slices.Contains(shown, q.Metric) {
				t.Errorf("%s: asked %s of %s", x.parts, q.Metric, q.Site)
			}
		}
		if rec := w.of("/public/a.example?csv=page"); rec.Code != x.files {
			t.Errorf("%s: a file is %d", x.parts, rec.Code)
		}
	}
}

// asJSON is a condition as JSON.
func asJSON(w *metric.Where) string {
	text, _ := json.Marshal(w)
	return string(text)
}

// TestAffiliatesAreNotNamed: their codes are sources, which are left out, also for who
// guesses one, unless the site shows them. A share's link and stream never do.
func TestAffiliatesAreNotNamed(t *testing.T) {
	w := newWorld(t, now, "a.example")
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, by := Shows(); slices.Contains(by, "source") {
		t.Error("a share's stream tells figures by source")
	}
	leftOut := func(where *metric.Where) bool {
		text := strings.ReplaceAll(asJSON(where), " ", "")
		return strings.Contains(text, `"affiliate"`) && strings.Contains(text, "Not")
	}
	for _, parts := range []string{"on", "affiliates"} {
		w.publish(t, "a-example", parts)
		for _, path := range []string{"", "?source=anna", "?source.contains=ann", "?add=source", "?detail=source"} {
			for _, page := range []string{"/public/a.example", "/share/" + token, "/embed/a.example?token=" + token} {
				if strings.Contains(page, "?") {
					path = strings.Replace(path, "?", "&", 1)
				}
				w.of(page + path)
				bySource, hidden := 0, parts == "on" || strings.Contains(page, token)
				for _, q := range w.source.asked {
					if q.By == "source" || strings.HasPrefix(path, "?source") && q.Metric == metric.Sessions {
						if bySource++; leftOut(q.Where) != hidden {
							t.Errorf("%s%s%s: %s by %q asks %s", parts, page, path, q.Metric, q.By, asJSON(q.Where))
						}
					}
				}
				if bySource == 0 {
					t.Errorf("%s%s%s asked nothing by source", parts, page, path)
				}
			}
		}
	}
}

// TestHeadersOfSharedPages: frames are for /embed alone; nothing is listed unless a
// public site wants it; the picture is for everybody.
func TestHeadersOfSharedPages(t *testing.T) {
	w := newWorld(t, now, "a.example")
	w.publish(t, "a-example", "on")
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: "a-example"})
	if err != nil {
		t.Fatal(err)
	}
	for path, x := range map[string]struct{ frames, robots string }{
		"/public/a.example": {"'none'", "noindex"}, "/embed/a.example": {"*", "noindex"}, "/embed/a.example?token=" + token: {"*", "noindex"}, "/embed/nowhere.example": {"*", "noindex"},
		"/share/" + token: {"'none'", "noindex"}, "/public/nowhere.example": {"'none'", "noindex"}, "/public/a.example/card.png": {"'none'", ""}, "/login": {"'none'", ""}, "/": {"'none'", ""},
	} {
		h := w.of(path).Header()
		if csp := h.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors "+x.frames) || !strings.Contains(csp, "default-src 'none'; script-src 'self'; style-src 'self'") || !strings.Contains(h.Get("X-Robots-Tag"), x.robots) {
			t.Errorf("%s: %v", path, h)
		}
	}
	w.publish(t, "a-example", "search")
	page := w.of("/public/a.example")
	lacks(t, page.Body.String(), `<meta property="og:image" content="http://example.com/public/a.example/card.png">`, `<meta name="twitter:card" content="summary_large_image">`)
	if h := page.Header(); h.Get("X-Robots-Tag") != "" {
		t.Errorf("a page for search engines says %v", h)
	}
	if h := w.of("/public/a.example/card.png").Header(); h.Get("Content-Type") != "image/png" || !strings.Contains(h.Get("Cache-Control"), "public") || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("the picture has %v", h)
	}
	without(t, w.of("/share/"+token).Body.String(), "og:image")
}

// framing is a world whose clock can be turned, with a share of a.example and what signs
// tokens for an hour.
type framing struct {
	world
	at    time.Time
	share string
	made  account.Share
}

func newFraming(t *testing.T) *framing {
	t.Helper()
	f := &framing{at: fixed}
	f.world = newWorld(t, func() time.Time { return f.at }, "a.example", "b.example")
	var err error
	if f.share, f.made, err = f.control.AddShare(t.Context(), account.Share{Site: "a-example"}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *framing) sign(t *testing.T, affiliate, metric string) string {
	t.Helper()
	secret, err := f.control.Secret(t.Context(), account.EmbedSecret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := account.SignEmbed(secret, account.Embed{Site: "a-example", Affiliate: affiliate, Metrics: []string{metric}, Expires: f.at.Add(time.Hour)}, f.at)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestFramed: a frame shows one site to who has a token, keeps token and look in every
// address, and opens anything else apart.
func TestFramed(t *testing.T) {
	w := newFraming(t)
	share := w.share
	signed := w.sign(t, "", "PageViews")
	for _, token := range []string{share, signed} {
		rec := w.of("/embed/a.example?theme=dark&background=transparent&period=Last7Days&token=" + token)
		page := rec.Body.String()
		if out := beyond(page, "/embed/a.example?", "/assets/", "/privacy/a-example"); rec.Code != 200 || len(out) != strings.Count(page, `action="/embed/a.example"`) {
			t.Errorf("%d, the frame leads to %q", rec.Code, out)
		}
		for _, m := range regexp.MustCompile(`href="(/embed/[^"]*)"`).FindAllStringSubmatch(page, -1) {
			u, err := url.Parse(html.UnescapeString(m[1]))
			if v := u.Query(); err != nil || v.Get("token") != token || v.Get("theme") != "dark" || v.Get("background") != "transparent" || v.Has("csv") {
				t.Errorf("%s loses something, or is a file", m[1])
			}
		}
		lacks(t, page, `href="/privacy/a-example" target="_blank" rel="noopener"`, "/dark.css", `class="framed clear"`, `name="token" value="`+token+`"`)
		without(t, page, "b.example", `href="/?`, "ffw_")
		if token == signed {
			without(t, page, "Bounce rate", "Sessions", "cell-visitors", "There now", ">now<")
			for _, q := range w.source.asked {
				if q.Metric != metric.PageViews && q.Metric != metric.Events || q.Metric == metric.Events && q.By != "" {
					t.Errorf("a token for page views asks for %s by %s", q.Metric, q.By)
				}
			}
		}
	}
	without(t, w.of("/embed/a.example?lists=off&token="+share).Body.String(), `class="grid"`)
}

// TestFramedErrors: also where there is no board, or it can't be read, the frame looks as its
// address says, and one without a look as the browser likes it.
func TestFramedErrors(t *testing.T) {
	w := newFraming(t)
	dark := w.of("/embed/a.example?theme=dark&background=transparent&token=none")
	if page := dark.Body.String(); dark.Code != 404 || strings.Contains(page, "light dark") || strings.Contains(page, "dash.css") {
		t.Errorf("%d, not dark: %s", dark.Code, page)
	}
	lacks(t, dark.Body.String(), "There is nothing here", "/dark.css", `class="gate clear"`)
	lacks(t, w.of("/embed/nowhere.example?theme=light").Body.String(), "There is nothing here", "/light.css", `name="color-scheme" content="light"`, `class="gate"`)
	lacks(t, w.of("/embed/nowhere.example?theme=mauve").Body.String(), "/dash.css", `name="color-scheme" content="light dark"`)
	lacks(t, w.of("/public/nowhere.example?theme=dark").Body.String(), "/dash.css") // which is no frame
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	away := httptest.NewRecorder() // as control data answers nothing
	w.ServeHTTP(away, httptest.NewRequest("GET", "/embed/a.example?theme=dark", nil).WithContext(gone))
	if away.Code != 503 {
		t.Errorf("%d", away.Code)
	}
	lacks(t, away.Body.String(), "/dark.css")
}

// TestTokensOfFrames: a token opens its own site as long as it holds, and not an affiliate's
// figures, or none that a board has.
func TestTokensOfFrames(t *testing.T) {
	w := newFraming(t)
	share, signed := w.share, w.sign(t, "", "PageViews")
	others := []string{"/embed/b.example?token=" + share, "/embed/b.example?token=" + signed, "/embed/a.example?token=" + signed[:len(signed)-2], "/embed/a.example?token=" + w.sign(t, "01J", "PageViews"),
		"/embed/a.example?token=" + w.sign(t, "", "Commissions"), "/embed/a.example"}
	for _, path := range others {
		if rec := w.of(path); rec.Code != 404 || len(w.source.asked) > 0 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	ended := func(what, token string, status int) {
		t.Helper()
		if rec := w.of("/embed/a.example?token=" + token); rec.Code != status {
			t.Errorf("%s: %d, want %d", what, rec.Code, status)
		}
	}
	if err := w.control.RevokeShare(t.Context(), w.made.ID); err != nil {
		t.Fatal(err)
	}
	ended("a link that was taken back", share, 404)
	ended("a token that holds", signed, 200)
	w.at = w.at.Add(2 * time.Hour)
	ended("a token that is over", signed, 404)
	fresh := w.sign(t, "", "PageViews")
	ended("another token", fresh, 200)
	if err := w.control.RenewSecret(t.Context(), account.EmbedSecret); err != nil {
		t.Fatal(err)
	}
	ended("a token of before the secret was renewed", fresh, 404)
}

// TestShelf: many who come at once are shown one drawing; who was told of news since gets
// one that began after that; what failed is drawn again; there are not too many.
func TestShelf(t *testing.T) {
	k, clock := newShelf(), time.Unix(1e9, 0)
	var drawn, at, most atomic.Int64
	status := http.StatusOK
	show := func(key string, since time.Duration) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		k.show(t.Context(), rec, key, clock.Add(-since), func() time.Time { return clock }, func(w http.ResponseWriter) {
			most.Store(max(most.Load(), at.Add(1)))
			time.Sleep(5 * time.Millisecond)
			drawn.Add(1)
			w.Header().Set("X-Of", key)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(key))
			at.Add(-1)
		})
		return rec
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { show("a", publicFor) })
		all.Go(func() { show("b", publicAgain) })
		all.Go(func() { show("c", publicAgain) })
	}
	all.Wait()
	if drawn.Load() != 3 || most.Load() > publicRooms {
		t.Errorf("%d drawings for three pages, %d at once", drawn.Load(), most.Load())
	}
	if rec := show("a", publicFor); rec.Body.String() != "a" || rec.Header().Get("X-Of") != "a" || drawn.Load() != 3 {
		t.Error(rec, drawn.Load())
	}
	clock = clock.Add(time.Second)
	show("a", publicFor)
	if show("a", publicAgain); drawn.Load() != 4 {
		t.Errorf("%d drawings", drawn.Load())
	}
	clock, status = clock.Add(time.Minute), http.StatusServiceUnavailable
	show("a", publicFor)
	if rec := show("a", publicFor); rec.Code != 503 || drawn.Load() != 6 {
		t.Errorf("%d, %d drawings", rec.Code, drawn.Load())
	}
	status = http.StatusOK
	for range publicRooms {
		func() {
			defer func() { _ = recover() }()
			k.show(t.Context(), httptest.NewRecorder(), "fault", clock, func() time.Time { return clock }, func(http.ResponseWriter) { panic("while it is drawn") })
		}()
	}
	if len(k.rooms) > 0 {
		t.Fatalf("%d rooms are lost to drawings that panicked", len(k.rooms))
	}
	if rec := show("fault", publicFor); rec.Body.String() != "fault" {
		t.Errorf("behind a drawing that panicked: %d %q", rec.Code, rec.Body)
	}
	for i := range publicMost + 10 {
		k.at(strings.Repeat("x", i))
	}
	if len(k.all) > publicMost {
		t.Errorf("%d pages are kept", len(k.all))
	}
}

// unread is an answer that nobody reads until may is closed.
type unread struct {
	*httptest.ResponseRecorder
	began, may chan struct{}
}

func (u unread) Write(b []byte) (int, error) {
	close(u.began)
	<-u.may
	return u.ResponseRecorder.Write(b)
}

// TestShelfKeepsNobodyWaiting: neither who does not read the page, nor one that could not
// be drawn, keeps others from it; for who has left nothing is drawn.
func TestShelfKeepsNobodyWaiting(t *testing.T) {
	k, clock, drawn := newShelf(), time.Unix(1e9, 0), 0
	show := func(ctx context.Context, w http.ResponseWriter, draw func()) {
		k.show(ctx, w, "a", clock, func() time.Time { return clock }, func(w http.ResponseWriter) {
			draw()
			drawn++
			_, _ = w.Write([]byte("the page"))
		})
	}
	shown := func(what string) {
		t.Helper()
		done := make(chan string)
		go func() {
			rec := httptest.NewRecorder()
			show(context.WithoutCancel(t.Context()), rec, func() {})
			done <- rec.Body.String()
		}()
		select {
		case page := <-done:
			if page != "the page" {
				t.Errorf("%s: %q is shown", what, page)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s keeps others waiting", what)
		}
	}
	for range publicRooms + 1 {
		func() {
			defer func() { _ = recover() }()
			show(t.Context(), httptest.NewRecorder(), func() { panic("this can't be drawn") })
		}()
	}
	shown("a page that could not be drawn")
	slow := unread{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	var left sync.WaitGroup
	left.Go(func() { show(context.WithoutCancel(t.Context()), slow, func() {}) })
	<-slow.began
	shown("who does not read")
	clock = clock.Add(time.Minute)
	shown("who does not read, of before")
	close(slow.may)
	left.Wait()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	clock = clock.Add(time.Minute)
	if show(ctx, httptest.NewRecorder(), func() {}); drawn != 2 || slow.Body.String() != "the page" {
		t.Errorf("%d drawings, and %q was sent", drawn, slow.Body)
	}
}

// TestOwnAddresses: what an address asks for alone is not shown to others, and is drawn
// in turn as everything is.
func TestOwnAddresses(t *testing.T) {
	w := newWorld(t, now, "a.example")
	w.publish(t, "a-example", "files")
	const beyond = "Days are shown until a year from now"
	lacks(t, w.of("/public/a.example?from=3000-01-01").Body.String(), beyond)
	without(t, w.of("/public/a.example").Body.String(), beyond)
	rooms := w.Handler.(*Door).shelf.rooms
	for range publicRooms {
		rooms <- struct{}{}
	}
	for _, query := range []string{"csv=page", "add=page", "prop:x=1", "from=3000-01-01"} {
		ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
		r := httptest.NewRequestWithContext(ctx, "GET", "/public/a.example?"+query, nil)
		w.source.asked, w.source.reports = nil, nil
		w.ServeHTTP(httptest.NewRecorder(), r)
		if leave(); len(w.source.asked)+len(w.source.reports) > 0 {
			t.Errorf("?%s is drawn out of turn", query)
		}
	}
}
