package archive

import "testing"

func TestPrefix(t *testing.T) {
	for _, c := range []struct {
		site string
		hour int64
		want string
	}{
		{"shop", 0, "site=shop/date=1970-01-01/hour=00/"},
		{"a_B-9.x", -1, "site=a_B-9.x/date=1969-12-31/hour=23/"},
		{"..", 498631, "site=%2E./date=2026-11-19/hour=07/"},
		{"a/b=%ü", 24, "site=a%2Fb%3D%25%C3%BC/date=1970-01-02/hour=00/"},
		{"", 0, "site=/date=1970-01-01/hour=00/"},
	} {
		if got := prefix(c.site, c.hour); got != c.want {
			t.Errorf("prefix(%q, %d) = %s, want %s", c.site, c.hour, got, c.want)
		}
	}
}
