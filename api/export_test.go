package api

import (
	"net/url"
	"strings"
	"testing"

	"footfall/account"
)

// TestParseExport reads questions, and says what is wrong of others.
func TestParseExport(t *testing.T) {
	sites := []account.Site{{ID: "a", Domain: "a.example", Zone: "Europe/Berlin"}, {ID: "b", Domain: "b.example", Zone: "UTC"}}
	for _, x := range []struct{ query, want string }{
		{"site=a", ""}, {"site=a.example&format=csv&from=2026-05-01&to=2026-05-02", ""}, {"site=b&format=parquet&to=2026-05-02", ""},
		{"", "which site"}, {"site=c", "unknown site"}, {"site=a&format=xml", "use arrow, csv, ndjson, parquet"}, {"site=a&limit=3", "limit"},
		{"site=a&from=May", "is not a day"}, {"site=a&from=2026-05-02&to=2026-05-02", "2026-05-02"},
	} {
		v, err := url.ParseQuery(x.query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ParseExport(v, sites)
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q: %v, want %q", x.query, err, x.want)
		}
		if err == nil && q.ContentType() == "" {
			t.Errorf("%q has no media type", x.query)
		}
	}
}
