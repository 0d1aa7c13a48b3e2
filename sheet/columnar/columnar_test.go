package columnar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/parquet-go/parquet-go"

	"footfall/sheet"
)

var columns = []sheet.Column{{Name: "page"}, {Name: "views", Type: "BIGINT"}, {Name: "revenue", Type: "DECIMAL(18,3)"}, {Name: "sum", Type: "HUGEINT"}, {Name: "share", Type: "DECIMAL(6,2)"},
	{Name: "rate", Type: "DOUBLE"}, {Name: "bot", Type: "BOOLEAN"}, {Name: "day", Type: "DATE"}, {Name: "at", Type: "TIMESTAMP"}, {Name: "page"}, {Name: "list", Type: "VARCHAR[]"}}

var berlin = time.FixedZone("", 2*60*60)

func rows() [][]any {
	half := json.Number("0.5")
	return [][]any{
		{"/a", 3, json.Number("12.5"), json.Number("-170141183460469231731687303715884105"), "-0.25", 0.25, true, "1969-12-31", time.Date(2026, 11, 22, 1, 2, 3, 4000, berlin), "=1", []any{1, "x"}},
		{"ä\x00", int64(-1) << 63, &half, int64(7), 12, json.Number("1e3"), false, time.Date(2026, 11, 22, 0, 0, 0, 0, berlin), "2026-11-22T01:00:00+02:00", "", nil},
		{nil, nil, (*json.Number)(nil), nil, nil, nil, nil, nil, nil, nil, nil},
	}
}

// want is what readers find, as they spell it.
var want = [][]string{
	{"/a", "3", "12500", "-170141183460469231731687303715884105", "-25", "0.25", "true", "-1", "1795302123000004", "=1", `[1,"x"]`},
	{"ä\x00", "-9223372036854775808", "500", "7", "1200", "1000", "false", "20779", "1795302000000000", "", "NULL"},
	{"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"},
}

func write(t *testing.T, format string, columns []sheet.Column, rows [][]any) []byte {
	t.Helper()
	var file bytes.Buffer
	w := sheet.Begin(&file, format, columns...)
	for _, r := range rows {
		if err := w.Row(r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestParquet(t *testing.T) {
	file := write(t, "parquet", columns, rows())
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	const schema = `message table {
	optional binary page (STRING);
	optional int64 views (INT(64,true));
	optional int64 revenue (DECIMAL(18,3));
	optional fixed_len_byte_array(16) sum (DECIMAL(38,0));
	optional int32 share (DECIMAL(6,2));
	optional double rate;
	optional boolean bot;
	optional int32 day (DATE);
	optional int64 at (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	optional binary page_2 (STRING);
	optional binary list (STRING);
}`
	if f.Schema().String() != schema {
		t.Errorf("the schema is\n%s\nwant\n%s", f.Schema(), schema)
	}
	r := parquet.NewReader(f)
	got := make([]parquet.Row, len(want)+1)
	if n, err := r.ReadRows(got); n != len(want) || err != nil && err != io.EOF {
		t.Fatalf("%d rows, %v", n, err)
	}
	for i, line := range want {
		for j, v := range got[i] {
			said := v.String()
			if v.IsNull() {
				said = "NULL"
			} else if v.Kind() == parquet.FixedLenByteArray {
				said = signed(v.ByteArray())
			}
			if said != line[j] {
				t.Errorf("row %d: %s is %s, want %s", i, columns[j].Name, said, line[j])
			}
		}
	}
}

func TestArrow(t *testing.T) {
	r, err := ipc.NewReader(bytes.NewReader(write(t, "arrow", columns, rows())))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, f := range r.Schema().Fields() {
		types = append(types, f.Name+" "+f.Type.String())
	}
	if want := "page utf8, views int64, revenue decimal(18, 3), sum decimal(38, 0), share decimal(6, 2), rate float64, bot bool, day date32, at timestamp[us, tz=UTC], page_2 utf8, list utf8"; strings.Join(types, ", ") != want {
		t.Errorf("the schema is\n%s\nwant\n%s", strings.Join(types, ", "), want)
	}
	if !r.Next() || r.RecordBatch().NumRows() != 3 {
		t.Fatalf("no batch of three rows: %v", r.Err())
	}
	// As Arrow spells values, not in their units.
	spelled := map[int][]string{2: {"12.5", "0.5"}, 3: {"-170141183460469231731687303715884105", "7"}, 4: {"-0.25", "12"}, 7: {"1969-12-31", "2026-11-22"}, 8: {"2026-11-21T23:02:03.000004Z", "2026-11-21T23:00:00Z"}}
	for j := range columns {
		column := r.RecordBatch().Column(j)
		for i := range want {
			said := column.ValueStr(i)
			if column.IsNull(i) {
				said = "NULL"
			}
			expected := want[i][j]
			if spelled[j] != nil && i < 2 {
				expected = spelled[j][i]
			}
			if strings.TrimSuffix(said, ".000000") != expected && strings.ReplaceAll(said, " ", "T") != expected {
				t.Errorf("row %d: %s is %q, want %q", i, columns[j].Name, said, expected)
			}
		}
	}
}

// signed reads two's complement.
func signed(b []byte) string {
	n := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n.String()
}

// TestWrong: what is none of a column's values is no file.
func TestWrong(t *testing.T) {
	for kind, cells := range map[string][]any{
		"BIGINT": {"x", 1.5, json.Number("9223372036854775808")}, "DECIMAL(4,2)": {"0.001", "100", "1e1", "", "--1", json.Number("-100.00")}, "BOOLEAN": {"true", 1}, "DATE": {"soon", 5}, "TIMESTAMP": {"", true}, "DOUBLE": {"x"},
	} {
		for _, cell := range cells {
			for _, format := range []string{"parquet", "arrow"} {
				w := sheet.Begin(io.Discard, format, sheet.Column{Name: "a", Type: kind})
				if err := w.Row(cell); err == nil || w.Close() == nil {
					t.Errorf("%s: %v is written as %s", format, cell, kind)
				}
			}
		}
	}
	if err := sheet.Begin(io.Discard, "arrow", columns...).Row("too few"); err == nil {
		t.Error("a row with too few cells is written")
	}
}

// TestNothing: a table without rows is a file with its columns.
func TestNothing(t *testing.T) {
	file := write(t, "parquet", columns, nil)
	if f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file))); err != nil || f.NumRows() != 0 || len(f.Schema().Columns()) != len(columns) {
		t.Errorf("Parquet: %v, %v", f, err)
	}
	r, err := ipc.NewReader(bytes.NewReader(write(t, "arrow", columns, nil)))
	if err != nil || r.Next() || r.Err() != nil || r.Schema().NumFields() != len(columns) {
		t.Errorf("Arrow: %v, %v", r, err)
	}
}

// TestStreams: rows are written as they come, and a long table takes no more memory
// than a row group.
func TestStreams(t *testing.T) {
	for _, format := range []string{"parquet", "arrow"} {
		grown := func(n int) uint64 {
			w := sheet.Begin(io.Discard, format, sheet.Columns("a", "n BIGINT")...)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range n {
				if err := w.Row(fmt.Sprint("/page-", i), i); err != nil {
					t.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
		}
		few := grown(groupRows - 1)
		if many := grown(6*groupRows - 1); many > 2*few+1<<20 {
			t.Errorf("%s: %d kB are held of one row group, %d kB of six", format, few>>10, many>>10)
		}
	}
}

// TestAccepted finds the format that a client asks for.
func TestAccepted(t *testing.T) {
	got := map[string]string{}
	for _, header := range []string{"", "*/*", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet;q=1, text/csv", "text/csv; header=absent", "text/html, text/csv"} {
		got[header] = sheet.Accepted(header)
	}
	if want := map[string]string{"": "", "*/*": "", "application/vnd.apache.arrow.stream": "arrow", "application/vnd.apache.parquet;q=1, text/csv": "parquet", "text/csv; header=absent": "csv", "text/html, text/csv": ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
