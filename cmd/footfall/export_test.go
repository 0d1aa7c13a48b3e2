package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

// TestExportFormats: every format has the same events, and CSV the names and
// texts of NDJSON.
func TestExportFormats(t *testing.T) {
	h := newHome(t)
	h.site()
	all := events("a", 300, true)
	for i := range all {
		all[i].Title, all[i].Properties = "=cmd, \"x\"\n", `{"price":1.5,"a":"b, c"}`
	}
	h.publish(all...)
	export := func(format string) string {
		t.Helper()
		var out, fault bytes.Buffer
		if code := run(t.Context(), []string{"export", "--site", "shop-example", "--format", format, "--data", h.dir}, &out, &fault); code != 0 {
			t.Fatalf("%s: %d %s", format, code, fault.String())
		}
		return out.String()
	}
	rows, err := csv.NewReader(strings.NewReader(export("csv"))).ReadAll()
	must(t, err)
	lines := json.NewDecoder(strings.NewReader(export("ndjson")))
	if len(rows) != 301 {
		t.Fatalf("%d lines of CSV", len(rows))
	}
	for _, row := range rows[1:] {
		var e map[string]any
		must(t, lines.Decode(&e))
		for i, name := range rows[0] {
			want := ""
			switch v := e[name].(type) {
			case string:
				want = v
			case map[string]any:
				if row[i] != all[0].Properties {
					t.Errorf("%s is %q", name, row[i])
				}
				continue
			}
			if name == "title" {
				want = "'" + want // no spreadsheet takes it for a formula
			}
			if name != "skew_ms" && row[i] != want {
				t.Errorf("%s is %q, in NDJSON %q", name, row[i], want)
			}
			delete(e, name)
		}
	}
	if lines.More() {
		t.Error("NDJSON has more events")
	}
	if text := export("parquet"); !strings.HasPrefix(text, "PAR1") || !strings.HasSuffix(text, "PAR1") {
		t.Errorf("parquet begins with %.8q", text)
	}
	if said, code := h.typed(nil, "export", "--site", "shop-example", "--format", "xml"); code != 2 || !strings.Contains(said, "arrow, csv, ndjson, parquet") {
		t.Errorf("an unknown format: %d %s", code, said)
	}
}
