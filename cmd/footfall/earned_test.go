package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"footfall/account"
	"footfall/api"
	"footfall/metric"
)

// asking asks the server's own handler with a key.
func (h *home) asking() func(token, method, path, body string) string {
	t := h.t
	handler := h.server().Handler
	return func(token, method, path, body string) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != 200 {
			t.Errorf("%s %s %s: %d %s", method, path, body, rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
}

// TestEarnedAtEveryDoor: every metric of programmes by every dimension is the same
// at each door, and an affiliate's key and embed token tell nothing of another.
func TestEarnedAtEveryDoor(t *testing.T) {
	h := newHome(t)
	ids, ask := h.twoEarners(), h.asking()
	keys := map[string]string{}
	for name, scope := range map[string]account.Scope{"all": account.Read, "own": account.OfAffiliate + account.Scope(ids["Anna"])} {
		var err error
		keys[name], _, err = h.control.AddKey(t.Context(), account.Key{Scopes: []account.Scope{scope}})
		must(t, err)
	}
	var embed map[string]string
	if fault, code := h.typed(&embed, "embed", "sign", "--site", "a.example", "--affiliate", ids["Anna"], "--metrics", strings.Join(earnedNames(), ",")); code != 0 {
		t.Fatal(fault)
	}
	keys["token"] = embed["token"]
	if fault, code := h.typed(nil, "embed", "sign", "--site", "a.example", "--affiliate", "nobody", "--metrics", "Sales"); code == 0 || !strings.Contains(fault, `there is no affiliate "nobody" in this programme; footfall affiliate list shows them`) {
		t.Errorf("an affiliate that there is not: %d %s", code, fault)
	}
	told := map[string]bool{}
	for m, dimensions := range metric.Earned {
		for _, d := range append([]metric.Dimension{""}, dimensions...) {
			for name, key := range keys {
				want, text := h.bothWays(ask, key, m, d)
				if text := strings.ToLower(text); name != "all" && (strings.Contains(text, "theirs") || strings.Contains(text, strings.ToLower(ids["Theirs"])) || strings.Contains(text, "9876") || strings.Contains(text, "4938")) {
					t.Errorf("%s by %q, %s, tells of another: %s", m, d, name, text)
				}
				told[name+" "+string(m)+" "+string(d)+" "+want] = true
				if name != "all" {
					continue
				}
				var byCLI api.Answer
				if fault, code := h.typed(&byCLI, "query", "--metric", string(m), "--by", string(d), "--window", "Last7Days", "--step", "total", "--site", "a.example"); code != 0 || spelled(byCLI.Dataset) != want {
					t.Errorf("%s by %q: the command says %s, HTTP %s (%s)", m, d, spelled(byCLI.Dataset), want, fault)
				}
			}
		}
	}
	for _, want := range []string{"all Conversions  a.example=3 ", "own Conversions  a.example=2 ", "token Sales code ANNA=12.51 ", "own Clicks sub Anna=2 ", "token EPC  a.example=3.13 ",
		"all ConversionRate code ANNA=100 THEIRS=50 ", "own CommissionsPending product mine-1-course=5.01 mine-2-course=1.25 ", "own Commissions website a.example=6.26 ", "own Sales coupon =12.51 "} {
		if !told[want] {
			t.Errorf("nobody is told %q of %v", want, told)
		}
	}
	if fault, code := h.typed(new(api.Answer), "query", "--metric", "EPC", "--by", "coupon", "--site", "a.example"); code != 1 || !strings.Contains(fault, "use one of affiliate, code, sub, website") {
		t.Errorf("%d %s", code, fault)
	}
}

// bothWays asks by HTTP and by GraphQL, which must say the same.
func (h *home) bothWays(ask func(token, method, path, body string) string, key string, m metric.Name, d metric.Dimension) (said, text string) {
	h.t.Helper()
	path := "/v1/query?" + url.Values{"metric": {string(m)}, "by": {string(d)}, "window": {"Last7Days"}, "step": {"total"}, "site": {"a.example"}}.Encode()
	by := ""
	if d != "" {
		by = ", by: " + string(d)
	}
	http := ask(key, "GET", path, "")
	graph := ask(key, "POST", "/graphql", fmt.Sprintf(`{"query":"{ getAnalyticsData(metricType: %s, timeWindow: Last7Days, granularity: Total, site: \"a.example\"%s) { dataset { series timestamp value } } }"}`, m, by))
	var byHTTP api.Answer
	var byGraph struct {
		Data struct{ GetAnalyticsData api.Answer }
	}
	must(h.t, json.Unmarshal([]byte(http), &byHTTP))
	must(h.t, json.Unmarshal([]byte(graph), &byGraph))
	said = spelled(byHTTP.Dataset)
	if got := spelled(byGraph.Data.GetAnalyticsData.Dataset); got != said {
		h.t.Errorf("%s by %q: GraphQL says %s, HTTP %s", m, d, got, said)
	}
	return said, http + graph
}

func earnedNames() (names []string) {
	for m := range metric.Earned {
		names = append(names, string(m))
	}
	return names
}

func spelled(points []api.Point) string {
	var text strings.Builder
	for _, p := range points {
		value := "none"
		if p.Value != nil {
			value = p.Value.String()
		}
		fmt.Fprintf(&text, "%s=%s ", p.Series, value)
	}
	return text.String()
}
