package collect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What ends a text, or is unfit in it, is found wherever it stands: eight bytes
// are looked at together.
func TestScanTexts(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for c := range 0x80 {
				text := []byte(strings.Repeat("x", n))
				text[at] = byte(c)
				for _, b := range []string{`["` + string(text) + `"]`, `["` + string(text) + `\n é"`, `["\\` + string(text) + `", "2"]`} {
					if _, ref := scan([]byte(b)); (ref == nil) != json.Valid([]byte(b)) {
						t.Fatalf("%q: %v", b, ref)
					}
				}
			}
		}
	}
}

// The largest of a batch's elements decides whether they are measured one by one.
func TestScanLargest(t *testing.T) {
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"batch":[]}`, 0},
		{`{"batch":[{"a":"12"},{"a":[1,{"b":2}] },{}]}`, 18},
		{`{"sentAt":"x","batch":[{},{"long":"12345678"}],"context":{"a":{"b":1}}}`, 19},
		{fmt.Sprintf(`{"batch":[%s{}%s]}`, `{"a":`, `}`), 8},
	} {
		if got, ref := scan([]byte(c.body)); ref != nil || got.largest != c.want {
			t.Errorf("%s: %d bytes (%v), want %d", c.body, got.largest, ref, c.want)
		}
	}
}
