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

// ownWorld is an API with the affiliates anna and ben, who are of two of three
// sites, and keys by name.
type ownWorld struct {
	t      *testing.T
	source *counting
	server *httptest.Server
	tokens map[string]string
}

func openOwn(t *testing.T) *ownWorld {
	t.Helper()
	w := &ownWorld{t: t, source: &counting{amount: 12500}, tokens: map[string]string{}}
	var m accounttest.Memory
	for _, domain := range []string{"a.example", "b.example", "other.example"} {
		if _, err := m.AddSite(t.Context(), account.Site{Domain: domain, Currency: "EUR"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, scopes := range map[string][]account.Scope{"anna": {account.OfAffiliate + "anna"}, "gone": {account.OfAffiliate + "gone"},
		"both": {account.OfAffiliate + "anna", account.OfAffiliate + "ben"}} {
		token, _, err := m.AddKey(t.Context(), account.Key{Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		w.tokens[name] = token
	}
	w.server = httptest.NewServer(New(w.source, &m, &m, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Affiliate: func(id string) (metric.Affiliate, []string, bool) {
			return metric.Affiliate{ID: id, Codes: []string{"ANNA"}}, []string{"a-example", "b-example"}, id == "anna" || id == "ben"
		}}))
	t.Cleanup(w.server.Close)
	return w
}

func (w *ownWorld) ask(method, path, body, key string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.tokens[key])
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// TestAffiliateReadsOwnFiguresOnly: whatever an affiliate's key asks, by
// whatever spelling, the source is asked of this affiliate and of the sites of the
// programme, or not at all.
func TestAffiliateReadsOwnFiguresOnly(t *testing.T) {
	w := openOwn(t)
	for _, question := range []string{
		`{ getAnalyticsData(metricType: PageViews, timeWindow: Last7Days) { dataset { series timestamp value } } }`,
		`{ getAnalyticsData(metricType: Visitors, timeWindow: Last24Hours) { dataset { series } } }`,
		`{ getAnalyticsData(metricType: Commissions, timeWindow: Last365Days) { dataset { series value unit } } }`,
		`{ getAnalyticsData(metricType: Revenue, timeWindow: Last7Days) { dataset { value } } }`,
		`{ getAnalyticsData(metricType: Clicks, timeWindow: Last7Days, site: \"other.example\") { dataset { value } } }`,
		`{ mine: getAnalyticsData(metricType: Clicks, timeWindow: Last7Days) { ...all } theirs: getAnalyticsData(metricType: Sales, timeWindow: Last7Days, site: \"a.example\") { ...all } } fragment all on AnalyticsData { dataset { value } }`,
		`{ __schema { types { name } } getAnalyticsData(metricType: Conversions, timeWindow: Last30Days, granularity: Day) { dataset { value } } }`,
	} {
		if status, text := w.ask("POST", "/graphql", `{"query":"`+question+`"}`, "anna"); status != 200 {
			t.Errorf("%s: %d %s", question, status, text)
		}
	}
	if status, _ := w.ask("POST", "/graphql", `[{"query":"{ __typename }"},{"query":"{ __typename }"}]`, "anna"); status != 400 {
		t.Errorf("a batch is answered %d", status)
	}
	for _, query := range []string{"metric=Commissions&by=affiliate", "metric=Clicks&affiliate=ben", "metric=Sales&by=product", "metric=PageViews&by=source", "metric=Visitors"} {
		if status, text := w.ask("GET", "/v1/query?window=Last7Days&site=a-example&"+query, "", "anna"); status != 200 {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	if status, _ := w.ask("GET", "/v1/query?window=Last7Days&site=other-example&metric=Clicks", "", "anna"); status != 400 {
		t.Errorf("a site that the programme does not cover: %d", status)
	}
	if status, _ := w.ask("GET", "/v1/query?window=Last7Days&site=a-example&metric=Orders", "", "anna"); status != 400 {
		t.Errorf("a metric that is not told of an affiliate: %d", status)
	}
	for _, name := range []string{"gone", "both"} {
		if status, _ := w.ask("GET", "/v1/query?window=Last7Days&site=a-example&metric=Clicks", "", name); status != 403 {
			t.Errorf("a key of %s: %d", name, status)
		}
	}
	if len(w.source.asked) < 15 {
		t.Errorf("the source was asked %d times", len(w.source.asked))
	}
	for _, q := range w.source.asked {
		if q.Affiliate == nil || q.Affiliate.ID != "anna" || fmt.Sprint(q.Affiliate.Codes) != "[ANNA]" || q.Site != "a-example" && q.Site != "b-example" {
			t.Errorf("the source was asked %+v", q)
		}
	}
}
