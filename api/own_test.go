package api

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/metric"
)

// TestAffiliateReadsOwnFiguresOnly: whatever an affiliate's key asks, by
// whatever spelling, the source is asked of this affiliate and of the sites of the
// programme, or not at all.
func TestAffiliateReadsOwnFiguresOnly(t *testing.T) {
	var m accounttest.Memory
	source := &counting{amount: 12500}
	for _, domain := range []string{"a.example", "b.example", "other.example"} {
		if _, err := m.AddSite(t.Context(), account.Site{Domain: domain, Currency: "EUR"}); err != nil {
			t.Fatal(err)
		}
	}
	tokens := map[string]string{}
	for name, scopes := range map[string][]account.Scope{"anna": {account.OfAffiliate + "anna"}, "gone": {account.OfAffiliate + "gone"},
		"both": {account.OfAffiliate + "anna", account.OfAffiliate + "ben"}} {
		token, _, err := m.AddKey(t.Context(), account.Key{Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
	}
	server := httptest.NewServer(New(source, &m, &m, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Affiliate: func(id string) (metric.Affiliate, []string, bool) {
			return metric.Affiliate{ID: id, Codes: []string{"ANNA"}}, []string{"a-example", "b-example"}, id == "anna" || id == "ben"
		}}))
	defer server.Close()
	ask := func(method, path, body, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	for _, question := range []string{
		`{ getAnalyticsData(metricType: PageViews, timeWindow: Last7Days) { dataset { series timestamp value } } }`,
		`{ getAnalyticsData(metricType: Visitors, timeWindow: Last24Hours) { dataset { series } } }`,
		`{ getAnalyticsData(metricType: Commissions, timeWindow: Last365Days) { dataset { series value unit } } }`,
		`{ getAnalyticsData(metricType: Revenue, timeWindow: Last7Days) { dataset { value } } }`,
		`{ getAnalyticsData(metricType: Clicks, timeWindow: Last7Days, site: \"other.example\") { dataset { value } } }`,
		`{ mine: getAnalyticsData(metricType: Clicks, timeWindow: Last7Days) { ...all } theirs: getAnalyticsData(metricType: Sales, timeWindow: Last7Days, site: \"a.example\") { ...all } } fragment all on AnalyticsData { dataset { value } }`,
		`{ __schema { types { name } } getAnalyticsData(metricType: Conversions, timeWindow: Last30Days, granularity: Day) { dataset { value } } }`,
	} {
		if status, text := ask("POST", "/graphql", `{"query":"`+question+`"}`, tokens["anna"]); status != 200 {
			t.Errorf("%s: %d %s", question, status, text)
		}
	}
	if status, _ := ask("POST", "/graphql", `[{"query":"{ __typename }"},{"query":"{ __typename }"}]`, tokens["anna"]); status != 400 {
		t.Errorf("a batch is answered %d", status)
	}
	for _, query := range []string{"metric=Commissions&by=affiliate", "metric=Clicks&affiliate=ben", "metric=Sales&by=product", "metric=PageViews&by=source", "metric=Visitors"} {
		if status, text := ask("GET", "/v1/query?window=Last7Days&site=a-example&"+query, "", tokens["anna"]); status != 200 {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	if status, _ := ask("GET", "/v1/query?window=Last7Days&site=other-example&metric=Clicks", "", tokens["anna"]); status != 400 {
		t.Errorf("a site that the programme does not cover: %d", status)
	}
	if status, _ := ask("GET", "/v1/query?window=Last7Days&site=a-example&metric=Orders", "", tokens["anna"]); status != 400 {
		t.Errorf("a metric that is not told of an affiliate: %d", status)
	}
	for _, name := range []string{"gone", "both"} {
		if status, _ := ask("GET", "/v1/query?window=Last7Days&site=a-example&metric=Clicks", "", tokens[name]); status != 403 {
			t.Errorf("a key of %s: %d", name, status)
		}
	}
	if len(source.asked) < 15 {
		t.Errorf("the source was asked %d times", len(source.asked))
	}
	for _, q := range source.asked {
		if q.Affiliate == nil || q.Affiliate.ID != "anna" || fmt.Sprint(q.Affiliate.Codes) != "[ANNA]" || q.Site != "a-example" && q.Site != "b-example" {
			t.Errorf("the source was asked %+v", q)
		}
	}
}
