package event

import (
	"io"

	"footfall/sheet"
)

// Lines writes events as lines of text, made in stretches by several at a time:
// docs/format/event.md.
type Lines struct {
	w    io.Writer
	csv  bool
	head []byte // what is not written yet
}

// NewLines begins JSON lines.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// NewCSV begins comma-separated values, with the fields' names in the first line.
func NewCSV(w io.Writer) *Lines {
	l := &Lines{w: w, csv: true}
	for i, name := range Fields() {
		if i > 0 {
			l.head = append(l.head, ',')
		}
		l.head = sheet.AppendCell(l.head, name)
	}
	l.head = append(l.head, '\n')
	return l
}

// Close ends them behind the last stretch.
func (l *Lines) Close() error { return l.put(nil) }

func (l *Lines) put(b []byte) error {
	for _, b := range [][]byte{l.head, b} {
		if len(b) == 0 {
			continue
		}
		if _, err := l.w.Write(b); err != nil {
			return err
		}
	}
	l.head = nil
	return nil
}

// Stretch is lines in the making, a store.Taker.
type Stretch struct {
	of   *Lines
	b    []byte
	near second
}

// Stretch begins one, for one at a time.
func (l *Lines) Stretch() *Stretch { return &Stretch{of: l} }

// Add adds an event, of which it keeps nothing. An error is that of an event whose
// properties, traits or context are no JSON; nothing must be added after it.
func (s *Stretch) Add(e *Event) error {
	if s.of.csv {
		s.b = e.appendCSV(s.b, &s.near)
		return nil
	}
	b, err := e.appendJSON(s.b, &s.near)
	s.b = append(b, '\n')
	return err
}

// Settle has nothing to do.
func (s *Stretch) Settle() error { return nil }

// Put writes the lines behind those before. More may be added then.
func (s *Stretch) Put() error {
	err := s.of.put(s.b)
	s.b = s.b[:0]
	return err
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
