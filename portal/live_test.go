package portal

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestToday: the first page tells today's figures without a script, says where it
// hears of changes, and may listen there; no other page does.
func TestToday(t *testing.T) {
	w := newWorld(t)
	w.sell("anna", "1001", 2000)
	w.sell("ben", "1002", 5000)
	page := w.as(w.anna).get("/portal")
	has(t, page, `data-live="/v1/live?earnings=true" data-gap="2"`, `src="/assets/1/live.js"`, `title="1001">10 Mar, 13:00</a>`)
	tells := func(page string, all map[string]string) {
		for name, want := range all {
			if got := regexp.MustCompile(`<dt>` + name + `</dt><dd>(?:<span class="line">)?([^<]*)`).FindStringSubmatch(page); got == nil || !strings.HasPrefix(got[1], want) {
				t.Errorf("%s: %q, want %s", name, got, want)
			}
		}
	}
	tells(page, map[string]string{"Clicks today": "1", "Orders today": "1", "Earned today": "10.00"})
	if rec := w.ask(httptest.NewRequest("GET", "/portal", nil)); !strings.Contains(rec.Header().Get("Content-Security-Policy"), "connect-src 'self'") {
		t.Error("the page may not listen")
	}
	for _, path := range []string{"/portal/links", "/portal/orders"} {
		if strings.Contains(w.get(path), "live") {
			t.Errorf("%s listens", path)
		}
	}
	w.now = w.now.AddDate(0, 0, 1)
	tells(w.get("/portal"), map[string]string{"Clicks today": "0", "Orders today": "0", "Earned today": "0.00"})
}

// TestNobodyCanTell: who is logged in is not told to log in because nobody can look
// who it is.
func TestNobodyCanTell(t *testing.T) {
	w := newWorld(t)
	w.as(w.anna).get("/portal")
	w.down = errors.New("control data is away")
	for _, path := range []string{"/portal", "/program", "/program/" + w.program.ID} {
		rec := w.ask(httptest.NewRequest("GET", path, nil))
		if rec.Code != 503 || rec.Header().Get("Retry-After") == "" || strings.Contains(rec.Body.String(), "Log in first") {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
}
