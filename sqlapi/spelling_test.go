package sqlapi

import (
	"bytes"
	"testing"
	"time"
)

// TestDays: a day is spelled as one, and a moment at midnight as a moment.
func TestDays(t *testing.T) {
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for format, want := range map[string]string{
		"csv": "d,t,n\n2026-03-01,2026-03-01 00:00:00.000,\n", "ndjson": `{"d":"2026-03-01","t":"2026-03-01 00:00:00.000","n":null}` + "\n",
		"json": `{"columns":[{"name":"d","type":"DATE"},{"name":"t","type":"TIMESTAMP"},{"name":"n","type":"DATE"}],"rows":[` + "\n" + `["2026-03-01","2026-03-01 00:00:00.000",null]]}` + "\n",
	} {
		var out bytes.Buffer
		s := newSpelling(&out, format)
		for _, err := range []error{s.Head([]Column{{Name: "d", Type: "DATE"}, {Name: "t", Type: "TIMESTAMP"}, {Name: "n", Type: "DATE"}}), s.Row([]any{midnight, midnight, nil}), s.end()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != want {
			t.Errorf("%s: %s\nwant %s", format, out.String(), want)
		}
	}
}
