package event

import (
	"io"

	"footfall/sheet"
)

// Lines writes events as lines of text: docs/format/event.md.
type Lines struct {
	w    io.Writer
	b    []byte
	line func(e *Event, b []byte) ([]byte, error)
}

// linesBytes are written at a time, about.
const linesBytes = 64 << 10

// NewLines begins JSON lines.
func NewLines(w io.Writer) *Lines {
	var near second
	return &Lines{w: w, line: func(e *Event, b []byte) ([]byte, error) {
		b, err := e.appendJSON(b, &near)
		return append(b, '\n'), err
	}}
}

// NewCSV begins comma-separated values, with the fields' names in the first line.
func NewCSV(w io.Writer) *Lines {
	var near second
	l := &Lines{w: w, line: func(e *Event, b []byte) ([]byte, error) { return e.appendCSV(b, &near), nil }}
	for i, name := range Fields() {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		l.b = sheet.AppendCell(l.b, name)
	}
	l.b = append(l.b, '\n')
	return l
}

// Table writes events as the rows of a table, with Columns.
type Table struct {
	rows  sheet.Rows
	cells []any
}

// NewTable begins one in a table that was begun.
func NewTable(rows sheet.Rows) *Table { return &Table{rows, make([]any, len(fields))} }

// Columns are the Fields with their types: times and milliseconds are what they are.
func Columns() []sheet.Column {
	all := make([]sheet.Column, len(fields))
	for i, f := range fields {
		all[i] = sheet.Column{Name: f.name, Type: map[fieldKind]string{moment: "TIMESTAMP", millisecond: "BIGINT"}[f.kind]}
	}
	return all
}

// Add adds an event, of which the table keeps nothing.
func (t *Table) Add(e *Event) error {
	for i := range fields {
		t.cells[i] = fields[i].cell(e)
	}
	return t.rows.Row(t.cells...)
}

// Close ends the table.
func (t *Table) Close() error { return t.rows.Close() }

// Add adds an event. An error is the writer's, or that of an event whose
// properties, traits or context are no JSON; nothing must be added after it.
func (l *Lines) Add(e *Event) (err error) {
	if l.b, err = l.line(e, l.b); err != nil || len(l.b) < linesBytes {
		return err
	}
	return l.Close()
}

// Close writes what was added.
func (l *Lines) Close() error {
	_, err := l.w.Write(l.b)
	l.b = l.b[:0]
	return err
}
