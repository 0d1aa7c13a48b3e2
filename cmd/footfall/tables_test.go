package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"footfall/sheet"
)

// TestEveryCommandsTable: each command that prints a table as CSV prints the same one in
// every other format, too.
func TestEveryCommandsTable(t *testing.T) {
	h, site := browsed(t)
	h.reopen()
	h.tabled()
	if fault, code := h.typed(nil, "program", "set", "Courses", "--site", site, "--rate", "30%"); code != 0 {
		t.Fatal(fault)
	}
	question := filepath.Join(t.TempDir(), "question.json")
	must(t, os.WriteFile(question, []byte(`{"metrics":["PageViews"],"dimensions":["page"],"date_range":["2026-05-04","2026-05-20"]}`), 0o600))
	steps := filepath.Join(t.TempDir(), "steps.json")
	must(t, os.WriteFile(steps, []byte(`{"steps":[{"page":"/"},{"page":"/a"}],"date_range":["2026-05-04","2026-05-20"]}`), 0o600))
	with := map[string][]string{
		"query": {"--report", question}, "export": nil, "daily": nil, "sql": {"SELECT path, count(*) AS n FROM PageViewsTable GROUP BY path"},
		"cohorts": {"--from", "2026-05-05", "--to", "2026-05-20"}, "journey": {"--page", "/a", "--from", "2026-05-04", "--to", "2026-05-21"}, "payout csv": nil,
		"funnel": {steps},
	}
	empty := map[string]bool{"payout csv": true} // nobody has sold anything
	for name, flags := range ownFlags {
		for _, f := range flags {
			_, known := with[name]
			if offers := f[0] == "csv" || f[0] == "format" && strings.Contains(f[2], "csv"); offers && !known && name != "export schedule add" && name != "payout statement" {
				t.Errorf("footfall %s has --%s and is not in this test", name, f[0])
			}
			if f[0] != "format" || !strings.Contains(f[2], "csv") {
				continue
			}
			for format := range sheet.Formats {
				if !strings.Contains(f[2], format) {
					t.Errorf("footfall %s --help does not tell of %s", name, format)
				}
			}
		}
	}
	for name, args := range with {
		rows := -1
		for _, format := range []string{"csv", "ndjson", "parquet", "arrow"} {
			all := slices.Concat(strings.Fields(name), args, []string{"--format", format, "--site", site})
			n := rowsOf(t, format, printed(t, h, all...))
			if rows < 0 {
				rows = n
			}
			if n != rows || (n == 0) != empty[name] {
				t.Errorf("footfall %s: %d rows of %s, %d of CSV", strings.Join(all, " "), n, format, rows)
			}
		}
	}
	const file = "step,name,visitors,conversion_rate,conversion_rate_step,dropoff,dropoff_percentage\n1,/,5,100,,0,\n2,\"A, then\",5,100,100,0,0\n"
	must(t, os.WriteFile(steps, []byte(`{"steps":[{"page":"/"},{"page":"/a","name":"A, then"}],"date_range":["2026-05-04","2026-05-20"]}`), 0o600))
	if got := printed(t, h, "funnel", steps, "--csv", "--site", site); got != file {
		t.Errorf("a funnel as CSV\n%s", got)
	}
	for args, want := range map[string]string{"funnel x --format xls": "arrow", "daily --format xls": "csv", "cohorts --from 2026-05-05 --to 2026-05-20 --format xls": "parquet", "payout csv --format xls": "ndjson"} {
		var out, fault bytes.Buffer
		if code := run(t.Context(), append(strings.Fields(args), "--site", site, "--data", h.dir), &out, &fault); code == 0 || !strings.Contains(fault.String(), want) || !strings.Contains(fault.String(), "xls") {
			t.Errorf("%s: %d %s", args, code, fault.String())
		}
	}
}

// rowsOf reads a file of a format, and counts its rows.
func rowsOf(t *testing.T, format, file string) (n int) {
	t.Helper()
	switch format {
	case "csv":
		rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
		if err != nil || len(rows) == 0 {
			t.Fatal(file, err)
		}
		return len(rows) - 1
	case "ndjson":
		lines := json.NewDecoder(strings.NewReader(file))
		for ; ; n++ {
			var row map[string]any
			if err := lines.Decode(&row); err == io.EOF {
				return n
			} else if err != nil {
				t.Fatal(file, err)
			}
		}
	case "parquet":
		return len(inDuckDB(t, []byte(file), "SELECT * FROM t"))
	}
	rows, _ := inArrow(t, bytes.Clone([]byte(file)))
	return len(rows)
}
