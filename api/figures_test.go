package api

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"footfall/account"
	"footfall/metric"
)

// TestSchemaHasTheCatalogue: GraphQL knows every metric and dimension, and no other.
func TestSchemaHasTheCatalogue(t *testing.T) {
	for name, want := range map[string]string{"MetricType": fmt.Sprint(metric.Names), "Dimension": fmt.Sprint(metric.Dimensions)} {
		body := regexp.MustCompile(`(?s)enum ` + name + ` \{(.*?)\n\}`).FindStringSubmatch(schema)[1]
		got := regexp.MustCompile(`"[^"\n]*"`).ReplaceAllString(body, "")
		have, wants := strings.Fields(got), strings.Fields(strings.Trim(want, "[]"))
		slices.Sort(have)
		slices.Sort(wants)
		if !slices.Equal(have, wants) {
			t.Errorf("%s has %v, the catalogue %v", name, have, wants)
		}
	}
}

// TestSitesTogether: metrics of programmes are asked of several sites at once, of
// no other than may be seen and of one currency, by either door.
func TestSitesTogether(t *testing.T) {
	sites := []account.Site{{ID: "a", Domain: "a.example", Currency: "EUR"}, {ID: "b", Domain: "b.example", Currency: "EUR"}, {ID: "u", Domain: "u.example", Currency: "USD"}}
	for _, x := range []struct{ params, want, wrong string }{
		{"metric=EPC&site=a.example,b", "a [a b]", ""},
		{"metric=Clicks&by=website", "a [a b u]", ""},
		{"metric=Clicks&by=website&site=b", "b []", ""},
		{"metric=Clicks&site=b,u.example&website=u.example", "b [b u] {website u}", ""},
		{"metric=Sales&by=website", "", "Sales of a.example is in EUR and of u.example in USD"},
		{"metric=PageViews&site=a,b", "", "PageViews is counted of one site at a time"},
		{"metric=PageViews&by=website&site=a", "", `PageViews can't be told by "website": ask for one of Clicks, Conversions, Sales, Commissions, CommissionsPending`},
		{"metric=Clicks&site=a,c", "", `unknown site "c": use one of a, b, u`},
		{"metric=Clicks&site=a,", "", "which site?"},
		{"metric=Clicks&by=code", "", "which site?"},
		{"metric=EPC&site=a&by=coupon", "", `EPC can't be told by "coupon": use one of affiliate, code, sub, website`},
		{"metric=Clicks&site=a&product=x", "", `Clicks can't be told by "product"`},
	} {
		v, _ := url.ParseQuery(x.params + "&window=Last7Days")
		q, err := ParseQuery(v, sites, now)
		got := fmt.Sprint(q.Site, " ", q.Sites)
		for _, f := range q.Filters {
			got += fmt.Sprint(" ", f)
		}
		if x.wrong == "" && (err != nil || got != x.want) || x.wrong != "" && (err == nil || !strings.Contains(err.Error(), x.wrong)) {
			t.Errorf("%s: %s, %v; want %s%s", x.params, got, err, x.want, x.wrong)
		}
	}
	f := start(t)
	for args, want := range map[string]string{
		`metricType: Clicks, sites: ["a.example", "b-example"]`:                                       `"series":"a.example, b.example","site":"a-example"`,
		`metricType: Clicks, by: code`:                                                                `{"series":"/about","site":"b-example"`,
		`metricType: PageViews, by: page, limit: 3, filters: [{dimension: country, value: "DE"}]`:     `{"series":"/about","site":"a-example"`,
		`metricType: Clicks, sites: ["a.example"], filters: [{dimension: coupon, value: "X"}]`:        `can't be told by \"coupon\": use one of affiliate, code, sub, website`,
		`metricType: Clicks, sites: []`:                                                               "name at least one",
		`metricType: Clicks, site: "a.example", sites: ["b.example"]`:                                 "no site beside them",
		`metricType: EPC, sites: ["a.example", "b.example"]`:                                          "nothing is converted",
		`metricType: Clicks, sites: ["a.example", "secret.example"]`:                                  "FORBIDDEN",
		`metricType: PageViews, by: shoe`:                                                             "shoe",
		`metricType: PageViews, limit: -1`:                                                            "limit: -1",
		`metricType: Clicks, by: website`:                                                             `{"series":"/","site":"a-example"`,
		`metricType: ConversionRate, site: "a.example", granularity: Total, filters: []`:              `"value":0.001,"unit":"%"`,
		`metricType: Sales, sites: ["b.example"], by: coupon, filters: [{dimension: sub, value: ""}]`: `"unit":"USD"`,
	} {
		body := "{ getAnalyticsData(" + args + ", timeWindow: Last7Days) { dataset { series site value unit } } }"
		if got := f.graphql(t, f.all, body); !strings.Contains(got, want) {
			t.Errorf("%s: %s\nlacks %s", args, got, want)
		}
	}
	for _, q := range f.source.asked {
		if len(q.Filters) > 0 && q.Filters[0].Dimension == "country" && (q.Limit != 3 || q.By != "page" || q.Filters[0].Value != "DE") {
			t.Errorf("asked %+v", q)
		}
	}
}

// TestNone: a rate of nothing is null at every door, and 0 is 0.
func TestNone(t *testing.T) {
	q := metric.Query{Site: "a", Metric: metric.ConversionRate}
	d := metric.Dataset{Points: []metric.Point{{None: true}, {Value: 0}, {Value: 2500}}}
	var got []string
	for _, p := range Spell(q, d, nil).Dataset {
		if p.Value == nil {
			got = append(got, "null")
		} else {
			got = append(got, string(*p.Value))
		}
	}
	if text := strings.Join(got, " "); text != "null 0 2.5" {
		t.Errorf("%s", text)
	}
	f := start(t)
	f.source.none = true
	if _, answer, _ := f.do(t, "GET", "/v1/query?metric=EPC&window=Last7Days&step=total", f.bound, ""); !strings.Contains(answer, `"value":null}],"unit":"EUR"`) {
		t.Errorf("HTTP: %s", answer)
	}
	if answer := f.graphql(t, f.bound, "{ getAnalyticsData(metricType: EPC, timeWindow: Last7Days, granularity: Total) { dataset { value unit } } }"); !strings.Contains(answer, `[{"value":null,"unit":"EUR"}]`) {
		t.Errorf("GraphQL: %s", answer)
	}
}

// TestAffiliateReadsOwnOfEverything: whatever metric, dimension, filter and sites
// an affiliate's key asks for, the source is asked of this affiliate alone.
func TestAffiliateReadsOwnOfEverything(t *testing.T) {
	w := openOwn(t)
	asked := 0
	for m, dimensions := range metric.Earned {
		for _, d := range dimensions {
			for path, ok := range map[string]bool{
				fmt.Sprintf("metric=%s&by=%s&site=a-example,b-example", m, d): true, fmt.Sprintf("metric=%s&%s=ben&by=website", m, d): true,
				fmt.Sprintf("metric=%s&by=%s&site=a-example,other-example", m, d): false, fmt.Sprintf("metric=%s&by=%s&site=other.example", m, d): false,
			} {
				if status, text := w.ask("GET", "/v1/query?window=Last7Days&"+path, "", "anna"); (status == 200) != ok {
					t.Errorf("%s: %d %s", path, status, text)
				}
			}
			for args, ok := range map[string]bool{fmt.Sprintf(`metricType: %s, by: %s`, m, d): true, fmt.Sprintf(`metricType: %s, by: website, filters: [{dimension: %s, value: \"ben\"}]`, m, d): true,
				fmt.Sprintf(`metricType: %s, by: %s, sites: [\"a-example\", \"other-example\"]`, m, d): false} {
				_, text := w.ask("POST", "/graphql", `{"query":"{ getAnalyticsData(timeWindow: Last7Days, `+args+`) { dataset { series site value } } }"}`, "anna")
				if strings.Contains(text, "FORBIDDEN") == ok || strings.Contains(text, "other") && ok {
					t.Errorf("%s: %s", args, text)
				}
			}
			asked += 4
		}
	}
	if len(w.source.asked) < asked {
		t.Errorf("the source was asked %d times, want %d", len(w.source.asked), asked)
	}
	for _, q := range w.source.asked {
		covered := append([]string{q.Site}, q.Sites...)
		if q.Affiliate == nil || q.Affiliate.ID != "anna" || slices.ContainsFunc(covered, func(site string) bool { return site != "a-example" && site != "b-example" }) {
			t.Errorf("the source was asked %+v", q)
		}
	}
}
