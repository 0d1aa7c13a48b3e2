package sheet

import (
	"encoding/json"
	"fmt"
	"io"
)

// Table writes a table's rows as they come: as CSV with the columns' names in the
// first line, or as JSON lines, an object for each row.
type Table struct {
	w       io.Writer
	csv     bool
	columns []string
	b       []byte
	err     error
}

// tableBytes are written at a time, about.
const tableBytes = 64 << 10

// NewTable begins a table as csv or ndjson.
func NewTable(w io.Writer, format string, columns ...string) *Table {
	t := &Table{w: w, csv: format == "csv", columns: columns}
	if t.csv {
		names := make([]any, len(columns))
		for i, name := range columns {
			names[i] = name
		}
		t.err = t.Row(names...)
	}
	return t
}

// Row writes a row with a cell for each column: a text, or what encoding/json
// writes as a number, true, false or null, which CSV has as it is there, and null
// as nothing. Texts that are a formula to a spreadsheet are made harmless in CSV.
func (t *Table) Row(cells ...any) error {
	if t.err == nil && len(cells) != len(t.columns) {
		t.err = fmt.Errorf("a row has %d cells for %d columns", len(cells), len(t.columns))
	}
	for i, cell := range cells {
		if t.err == nil {
			t.err = t.cell(i, cell)
		}
	}
	if t.err != nil {
		return t.err
	}
	if !t.csv {
		t.b = append(t.b, '}')
	}
	if t.b = append(t.b, '\n'); len(t.b) >= tableBytes {
		return t.Close()
	}
	return nil
}

// cell appends one cell with what stands before it.
func (t *Table) cell(i int, cell any) error {
	switch {
	case i > 0:
		t.b = append(t.b, ',')
	case !t.csv:
		t.b = append(t.b, '{')
	}
	text, isText := cell.(string)
	if t.csv && isText {
		t.b = AppendCell(t.b, text)
		return nil
	}
	if !t.csv {
		t.b = append(AppendText(t.b, t.columns[i]), ':')
	}
	if isText {
		t.b = AppendText(t.b, text)
		return nil
	}
	value, err := json.Marshal(cell)
	if err == nil && !(t.csv && string(value) == "null") {
		t.b = append(t.b, value...)
	}
	return err
}

// Close writes what rows there are still. Nothing is to be closed.
func (t *Table) Close() error {
	if t.err == nil && len(t.b) > 0 {
		_, t.err = t.w.Write(t.b)
		t.b = t.b[:0]
	}
	return t.err
}
