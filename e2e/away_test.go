package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/archive/s3/s3test"
	"footfall/engine/postgres/postgrestest"
)

// pages is a browser's session at a server.
type pages struct {
	t *testing.T
	s *server
	c *http.Client
}

// browse logs in by a link of the server's.
func (s *server) browse(t *testing.T) pages {
	t.Helper()
	var login struct{ URL string }
	s.ask(&login, "login")
	u, err := url.Parse(login.URL)
	must(s.t, err)
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	p := pages{t, s, &http.Client{Jar: jar, Timeout: 40 * time.Second}}
	res, err := p.c.PostForm(s.url("/login"), url.Values{"link": {u.Query().Get("link")}})
	must(s.t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("logging in: %s", res.Status)
	}
	return p
}

var tag = regexp.MustCompile(`<[^>]*>|\s+`)

// get is a page's status, and its text without tags.
func (p pages) get(path string) (status int, text string) {
	p.t.Helper()
	res, err := p.c.Get(p.s.url(path))
	must(p.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(p.t, err)
	return res.StatusCode, strings.Join(strings.Fields(tag.ReplaceAllString(string(body), " ")), " ")
}

// says waits until a page has an answer and some texts in it.
func (p pages) says(path string, status int, texts ...string) {
	p.t.Helper()
	within(p.t, 30*time.Second, func() error {
		got, text := p.get(path)
		if got != status {
			return fmt.Errorf("%s: %d, want %d: %.600s", path, got, status, text)
		}
		for _, want := range texts {
			if !strings.Contains(text, want) {
				return fmt.Errorf("%s does not say %q: %.300s", path, want, text)
			}
		}
		return nil
	})
}

const allWell = "All is well: every accepted event is accounted for."

// send is a page view of a person's browser, which must be accepted.
func (s *server) send(key, id string) {
	s.t.Helper()
	r, err := http.NewRequest("POST", s.url("/v1/page"), strings.NewReader(`{"anonymousId":"`+id+`","messageId":"`+id+`","properties":{"path":"/"}}`))
	must(s.t, err)
	r.SetBasicAuth(key, "")
	r.Header.Set("User-Agent", browser)
	res, err := http.DefaultClient.Do(r)
	must(s.t, err)
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		s.t.Errorf("a page view: %s %s", res.Status, text)
	}
}

// TestEnginesAway has each engine that is no part of the process go away and come back:
// events are accepted meanwhile, pages say what is missing and show the figures that
// there are, and all is well again by itself.
func TestEnginesAway(t *testing.T) {
	t.Parallel()
	bucket, redis, control := s3test.Start(t), startRedis(t), postgrestest.Start(t)
	s := newServer(t, "--archive-age", "100ms", "--hot", "redis://"+redis.address+"?name=away")
	s.env = append(bucket.Environment(), "FOOTFALL_ARCHIVE="+bucket.URL("archive"), "FOOTFALL_CONTROL="+control.URL("away"))
	at := s.addSite("shop.example")
	s.start()
	p, sent := s.browse(t), 0
	send := func() {
		sent++
		s.send(at.WriteKey, fmt.Sprint("v", sent))
	}
	figure := func() string { return fmt.Sprintf("Page views %d", sent) }
	send()
	well := func() {
		t.Helper()
		p.says("/operations", 200, allWell)
		p.says("/?period=Today", 200, figure())
		p.says("/readyz", 200, "ready")
	}
	well()
	for _, away := range []struct {
		name      string
		end, back func()
		told      string
	}{
		{"hot buckets", redis.kill, redis.start, "Hot buckets: Redis does not answer: figures of today are counted from the events"},
		{"archive", bucket.Kill, bucket.Again, "Events are taken, stored and counted, and wait in the queue"},
	} {
		t.Run(away.name, func(t *testing.T) {
			away.end()
			send()
			p.says("/?period=Today", 200, figure())
			p.says("/operations", 200, away.told)
			p.says("/readyz", 200, "ready")
			away.back()
			well()
		})
	}
	t.Run("control data", func(t *testing.T) {
		control.Kill()
		send()
		for _, path := range []string{"/", "/operations", "/people", "/sites"} {
			p.says(path, 503, "Back in a moment", "Events of the sites are taken and counted all the same")
		}
		p.says("/login", 200, "Log in to Footfall")
		p.says("/readyz", 200, "ready")
		control.Again()
		well()
	})
	s.quiet()
	s.reconcile("when all are back")
}

// TestStartWithoutBucket starts a server while the bucket that its archive is in does not
// answer: events are accepted and counted, what needs the archive says why it fails, and
// the archive has all of it once the bucket is back. A server whose event store would
// have to be filled from there does not start.
func TestStartWithoutBucket(t *testing.T) {
	t.Parallel()
	bucket := s3test.Start(t)
	s := newServer(t, "--archive-age", "100ms")
	s.env = append(bucket.Environment(), "FOOTFALL_ARCHIVE="+bucket.URL("archive"))
	at := s.addSite("shop.example")
	s.start()
	for i := range 5 {
		s.send(at.WriteKey, fmt.Sprint("before", i))
	}
	archived := func(n uint64) {
		t.Helper()
		within(t, 30*time.Second, func() error {
			if a := s.account(); a.Archived != n || a.Stored != n {
				return fmt.Errorf("want %d archived: %+v", n, a)
			}
			return nil
		})
	}
	archived(5)
	s.stop()
	bucket.Kill()
	began := s.start()
	s.send(at.WriteKey, "away")
	s.quiet()
	p := s.browse(t)
	p.says("/?period=Today", 200, "Page views 6")
	p.says("/readyz", 200, "ready")
	p.says("/operations", 200, "Archive", "Events are taken, stored and counted, and wait in the queue", "not known while it does not answer")
	if f := s.doctor()["archive"]; f.OK || !strings.Contains(f.Says, "does not answer") || !strings.Contains(f.Says, "events are taken and stored") {
		t.Errorf("the doctor says %v: %s", f.OK, f.Says)
	}
	if _, said, code := s.run("rebuild"); code == 0 || !strings.Contains(said, "does not answer") {
		t.Errorf("a rebuild without the archive ends with %d: %s", code, said)
	}
	s.kill() // twice in a row
	s.start()
	s.send(at.WriteKey, "away again")
	s.quiet()
	s.kill()
	startsWithoutStore(t, s)
	s.start()
	bucket.Again()
	archived(7)
	p.says("/operations", 200, allWell)
	s.ask(nil, "rebuild")
	s.quiet()
	if r := s.reconcile("rebuilt from the bucket"); r.Archive.Events != 7 {
		t.Errorf("the archive has %d of 7 events", r.Archive.Events)
	}
	if f := s.doctor()["archive"]; !f.OK {
		t.Errorf("doctor says: %s", f.Says)
	}
	t.Logf("ready %v after a start without the bucket", began.Round(time.Millisecond))
}

// startsWithoutStore has a server refuse to start, as its archive is away and its event
// store gone: made anew it would lack what only the archive has. The store comes back.
func startsWithoutStore(t *testing.T, s *server) {
	t.Helper()
	store := filepath.Join(s.data, "store")
	must(t, os.Rename(store, store+".kept"))
	s.launch()
	select {
	case err := <-s.exited:
		s.exited <- err
	case <-time.After(time.Minute):
		t.Error("it starts without event store and archive")
	}
	s.kill()
	if !strings.Contains(s.logged(2000), "bring the archive back first: the event store has 0 events") {
		t.Errorf("without event store and archive:\n%s", s.logged(2000))
	}
	must(t, os.RemoveAll(store))
	must(t, os.Rename(store+".kept", store))
}
