package sheet

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestTable: both formats have the same cells; what is a formula is none in CSV.
func TestTable(t *testing.T) {
	number := json.Number("12.50")
	write := func(format string) string {
		t.Helper()
		var out strings.Builder
		table := NewTable(&out, format, "page", "=n", "rate", "who")
		err := errors.Join(table.Row("=1+1", int64(-3), &number, true), table.Row(`a,"b"`, 0, (*json.Number)(nil), nil), table.Close())
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got, want := write("csv"), "page,'=n,rate,who\n'=1+1,-3,12.50,true\n\"a,\"\"b\"\"\",0,,\n"; got != want {
		t.Errorf("CSV is\n%s\nwant\n%s", got, want)
	}
	if got, want := write("ndjson"), `{"page":"=1+1","=n":-3,"rate":12.50,"who":true}`+"\n"+`{"page":"a,\"b\"","=n":0,"rate":null,"who":null}`+"\n"; got != want {
		t.Errorf("NDJSON is\n%s\nwant\n%s", got, want)
	}
	table := NewTable(io.Discard, "csv", "a")
	if err := table.Row("x", "y"); err == nil || table.Close() == nil {
		t.Error("a row with too many cells is written")
	}
}

// refusing takes nothing.
type refusing struct{ error }

func (r refusing) Write([]byte) (int, error) { return 0, r.error }

// TestTableStreams: rows are written as they come, and the writer's error ends it.
func TestTableStreams(t *testing.T) {
	full := errors.New("the disk is full")
	table := NewTable(refusing{full}, "csv", "text")
	for range 100 {
		if err := table.Row(strings.Repeat("x", tableBytes/10)); errors.Is(err, full) {
			if cap(table.b) > 4*tableBytes || !errors.Is(table.Close(), full) {
				t.Errorf("%d bytes were gathered, then %v", cap(table.b), table.Close())
			}
			return
		}
	}
	t.Error("nothing was written")
}
