package dash

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"footfall/account"
)

func TestPrivacyTellsTheSettingsInForce(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	read := func(path string) string {
		t.Helper()
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequest("GET", path, nil)) // nobody is logged in
		if rec.Code != 200 || !strings.Contains(rec.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	page := read("/privacy/" + w.site.ID)
	lacks(t, page, "atelier.example", "no limit is set", "none are kept", "you are not counted at all", "sets no cookie")
	if strings.Contains(page, "Visitor histories</h2>") || regexp.MustCompile(`(?i)<script|\sstyle="|https?://|ffw_`).MatchString(page) {
		t.Error("the page tells of histories there are none of, or holds what it should not")
	}
	set := w.site
	set.DNT, set.Keep, set.History = false, 400, 24
	if _, err := w.control.UpdateSite(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	page = read("/privacy/Atelier.example")
	lacks(t, page, "400 days, then they are removed", "up to 25 months, then they are removed", "Visitor histories</h2>", "counts you also if your browser asks not to be tracked")
	if strings.Contains(page, "to object") {
		t.Error("it promises what nobody can do yet")
	}
	if strings.Contains(page, "server that the site has named") {
		t.Error("it tells of a webhook there is none of")
	}
	set.Webhook = "https://hook.example/?token=1"
	if _, err := w.control.UpdateSite(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	page = read("/privacy/atelier.example")
	lacks(t, page, "server that the site has named")
	if strings.Contains(page, "hook.example") || strings.Contains(page, account.WebhookPrefix) {
		t.Error("the page shows the webhook")
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest("GET", "/privacy/elsewhere.example", nil))
	if rec.Code != 404 {
		t.Errorf("an unknown site: %d", rec.Code)
	}
}
