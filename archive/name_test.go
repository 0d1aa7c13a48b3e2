package archive

import (
	"strings"
	"testing"
	"unsafe"

	"footfall/event"
)

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

// An object outlives its flush by far: it must not keep the queue message that
// the site's text is a part of.
func TestObjectsKeepNoMessage(t *testing.T) {
	message := strings.Repeat("x", 1000) + "shop"
	site := message[1000:]
	objects := plan([]event.Event{{Site: site}}, []int32{0}, "name")
	if len(objects) != 1 || objects[0].Site != "shop" || unsafe.StringData(objects[0].Site) == unsafe.StringData(site) {
		t.Errorf("the object's site is a part of the message: %+v", objects)
	}
}
