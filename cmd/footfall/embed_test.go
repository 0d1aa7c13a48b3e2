package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// TestEmbed: a token shows its metrics of its site, until the secret is renewed.
func TestEmbed(t *testing.T) {
	h := newHome(t)
	for _, domain := range []string{"a.example", "b.example"} {
		h.addSite(domain, "UTC")
	}
	handler := h.server().Handler
	var out map[string]string
	if fault, code := h.typed(&out, "embed", "sign", "--site", "a.example", "--metrics", "PageViews,visitors"); code != 0 || out["expires"] == "" {
		t.Fatal(fault)
	}
	if fault, code := h.typed(nil, "embed", "sign", "--site", "a.example", "--metrics", "Sales", "--affiliate", "nobody"); code == 0 || !strings.Contains(fault, "is in no affiliate programme; make one with: footfall program set") {
		t.Errorf("an affiliate of no programme: %d %s", code, fault)
	}
	ask := func(method, path, token string, status int, says string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{"query":"{ getAnalyticsData(metricType: Sessions, timeWindow: Last7Days) { source } }"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != status || !strings.Contains(rec.Body.String(), says) {
			t.Errorf("%s %s: %d %s, want %d %s", method, path, rec.Code, rec.Body, status, says)
		}
	}
	token := out["token"]
	ask("GET", "/v1/query?metric=PageViews&window=Last7Days", token, http.StatusOK, `"series":"a.example"`)
	ask("GET", "/v1/query?metric=Visitors&window=Last7Days&site=a-example", token, http.StatusOK, `"series":"a.example"`)
	ask("GET", "/v1/query?metric=Sessions&window=Last7Days", token, http.StatusBadRequest, "this token shows PageViews, Visitors, not Sessions")
	ask("GET", "/v1/query?metric=PageViews&window=Last7Days&site=b-example", token, http.StatusBadRequest, "unknown site")
	ask("GET", "/v1/query?metric=Nonsense&window=Last7Days", token, http.StatusBadRequest, "use one of PageViews, Visitors\"}")
	ask("POST", "/graphql", token, http.StatusOK, "this token shows PageViews")
	ask("GET", "/v1/daily?site=a-example", token, http.StatusForbidden, "/v1/query")
	ask("PUT", "/v1/segments", token, http.StatusForbidden, "no key may do this")
	ask("GET", "/v1/query?metric=PageViews&window=Last7Days", token[:len(token)-2], http.StatusUnauthorized, "sign another one")
	other, err := account.NewOffice(h.control, time.Now).SignEmbed(t.Context(), account.Operator(), account.Embed{Site: "a-example", Affiliate: "01J", Metrics: []string{"Clicks"}, Expires: time.Now().Add(time.Hour)})
	must(t, err)
	ask("GET", "/v1/query?metric=Clicks&window=Last7Days", other, http.StatusForbidden, "not of this site's programme")
	h.said("embed", "renew")
	ask("GET", "/v1/query?metric=PageViews&window=Last7Days", token, http.StatusUnauthorized, "sign another one")
	for _, x := range [][]string{{"Likes", "embed", "sign", "--site", "a.example", "--metrics", "Likes"}, {"metrics", "embed", "sign", "--site", "a.example"}, {"within a year", "embed", "sign", "--site", "a.example", "--metrics", "Clicks", "--expires", "400"}} {
		if text, code := told(t, h.dir, x[1:]...); code != 1 || !strings.Contains(text, x[0]) {
			t.Errorf("footfall %v: %d %s, want %s", x[1:], code, text, x[0])
		}
	}
}
