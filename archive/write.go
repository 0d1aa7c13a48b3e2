package archive

import (
	"io"
	"reflect"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"footfall/event"
)

// Writer writes events of one site as a single Parquet file with the columns of
// the archive's objects, whose row groups several make at a time.
type Writer struct{ w *parquet.GenericWriter[row] }

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer {
	e := newEncoder()
	e.w.Reset(w)
	return &Writer{e.w}
}

// GroupRows are about the events that a row group should have.
const GroupRows = groupRows * 3 / 4

// Close ends the file, which has no events if no row group was put.
func (w *Writer) Close() error { return w.w.Close() }

// Group is a row group in the making.
type Group struct {
	of      *parquet.ConcurrentRowGroupWriter
	rows    []row
	sent    []int64
	columns []groupColumn
	values  []parquet.Value
}

// groupColumn is a column of a row, and where it lies in one.
type groupColumn struct {
	at       uintptr
	kind     reflect.Kind
	optional bool
}

// Group begins a row group, to be used by one at a time.
func (w *Writer) Group() *Group {
	g := &Group{of: w.w.BeginRowGroup(), rows: make([]row, 0, chunk), sent: make([]int64, chunk), values: make([]parquet.Value, chunk)}
	schema, of := w.w.Schema(), reflect.TypeFor[row]()
	for i, path := range schema.Columns() {
		leaf, _ := schema.Lookup(path...)
		g.columns = append(g.columns, groupColumn{of.Field(i).Offset, of.Field(i).Type.Kind(), leaf.Node.Optional()})
	}
	return g
}

// Add adds an event, of whose texts it keeps none behind Settle.
func (g *Group) Add(e *event.Event) error {
	n := len(g.rows)
	g.rows = g.rows[:n+1]
	g.rows[n].from(e, &g.sent[n])
	if n+1 < chunk {
		return nil
	}
	return g.Settle()
}

// Settle encodes what was added.
func (g *Group) Settle() error {
	if len(g.rows) == 0 {
		return nil
	}
	into := g.of.ColumnWriters()
	for i, c := range g.columns {
		if _, err := into[i].WriteRowValues(c.values(g.rows, g.values[:len(g.rows)], i)); err != nil {
			return err
		}
	}
	g.rows = g.rows[:0]
	return nil
}

// Put writes the row group behind those before, and begins another.
func (g *Group) Put() error {
	_, err := g.of.Commit()
	return err
}

// values are those of a column in some rows.
func (c groupColumn) values(rows []row, into []parquet.Value, column int) []parquet.Value {
	for i := range rows {
		at := unsafe.Add(unsafe.Pointer(&rows[i]), c.at)
		switch c.kind {
		case reflect.String:
			text := *(*string)(at)
			if into[i] = parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(text), len(text))); c.optional {
				into[i] = level(into[i], text == "", column)
			}
		case reflect.Pointer:
			if n := *(**int64)(at); n != nil {
				into[i] = level(parquet.Int64Value(*n), false, column)
			} else {
				into[i] = level(parquet.Value{}, true, column)
			}
		default: // of signed and unsigned alike
			into[i] = parquet.Int64Value(*(*int64)(at))
		}
	}
	return into
}

// level marks a value of a column that may be null.
func level(v parquet.Value, null bool, column int) parquet.Value {
	if null {
		return parquet.NullValue().Level(0, 0, column)
	}
	return v.Level(0, 1, column)
}
