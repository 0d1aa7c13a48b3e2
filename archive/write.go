package archive

import (
	"io"

	"github.com/parquet-go/parquet-go"

	"footfall/event"
)

// Writer writes events of one site as a single Parquet file with the columns of
// the archive's objects, as they come: it holds one row group.
type Writer struct {
	w    *parquet.GenericWriter[row]
	rows []row
	sent []int64
}

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer {
	e := newEncoder()
	e.w.Reset(w)
	return &Writer{w: e.w, rows: e.rows[:0], sent: e.sent}
}

// Add adds an event, of which it keeps nothing.
func (w *Writer) Add(e *event.Event) error {
	n := len(w.rows)
	w.rows = w.rows[:n+1]
	own := e.Clone()
	w.rows[n].from(&own, &w.sent[n])
	if n+1 < chunk {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := w.w.Write(w.rows)
	w.rows = w.rows[:0]
	return err
}

// Close ends the file, which has no events if none was added.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.w.Close()
}
