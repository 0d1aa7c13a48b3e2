package duckdb

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/duckdb/duckdb-go/mapping"
	"github.com/duckdb/duckdb-go/v2"
)

// The driver's own appender crosses into C once for every value. Here a chunk
// of rows is filled in Go, in the layout that DuckDB's C API publishes
// (duckdb.h: duckdb_string_t, validity masks), and crosses once:
// docs/decisions/0004-append-by-chunk.md.

// chunk is up to one vector size of rows of a table.
type chunk struct {
	data    mapping.DataChunk
	types   []mapping.LogicalType
	columns []column
	row     int // rows filled
	size    int // rows it takes

	texts []byte // what the strings point to; pinned
	used  int
	pin   runtime.Pinner
}

// column is the memory of one column of a chunk.
type column struct {
	vector mapping.Vector
	data   unsafe.Pointer
	valid  unsafe.Pointer // 64 rows a word; nil while no value is NULL
}

// inlined is the length up to which a string lies within its duckdb_string_t.
const inlined = 12

// textString is a duckdb_string_t of a string that does not fit into it.
type textString struct {
	length uint32
	prefix [4]byte
	at     uintptr // of C's memory: the garbage collector must not look at it
}

// shortString is a duckdb_string_t of one that does.
type shortString struct {
	length uint32
	text   [inlined]byte
}

// textBytes must hold the largest event's texts, and should hold 2,048 usual ones.
const textBytes = 1 << 20

// newChunk makes a chunk for rows of the appender's table.
func newChunk(a mapping.Appender) *chunk {
	c := &chunk{size: int(mapping.VectorSize()), texts: make([]byte, textBytes)}
	for i := range mapping.AppenderColumnCount(a) {
		c.types = append(c.types, mapping.AppenderColumnType(a, i))
	}
	c.data = mapping.CreateDataChunk(c.types)
	c.columns = make([]column, len(c.types))
	c.pin.Pin(&c.texts[0])
	c.reset()
	return c
}

func (c *chunk) close() {
	mapping.DestroyDataChunk(&c.data)
	for i := range c.types {
		mapping.DestroyLogicalType(&c.types[i])
	}
	c.pin.Unpin()
}

// reset empties the chunk.
func (c *chunk) reset() {
	mapping.DataChunkReset(c.data)
	for i := range c.columns {
		v := mapping.DataChunkGetVector(c.data, mapping.IdxT(i))
		c.columns[i] = column{vector: v, data: mapping.VectorGetData(v)}
	}
	c.row, c.used = 0, 0
}

// full reports whether a row with so many bytes of text does not fit any more.
func (c *chunk) full(bytes int) bool { return c.row == c.size || c.used+bytes > len(c.texts) }

// int64 sets the current row's value in a BIGINT or UBIGINT column.
func (c *chunk) int64(at int, x int64) {
	*(*int64)(unsafe.Add(c.columns[at].data, c.row*8)) = x
}

// int32 sets the current row's value in an INTEGER column.
func (c *chunk) int32(at int, x int32) {
	*(*int32)(unsafe.Add(c.columns[at].data, c.row*4)) = x
}

// text sets the current row's value in a VARCHAR column.
func (c *chunk) text(at int, s string) {
	place := unsafe.Add(c.columns[at].data, c.row*int(unsafe.Sizeof(textString{})))
	if len(s) <= inlined {
		short := shortString{length: uint32(len(s))}
		copy(short.text[:], s)
		*(*shortString)(place) = short
		return
	}
	long := textString{length: uint32(len(s)), at: uintptr(unsafe.Pointer(&c.texts[c.used]))}
	c.used += copy(c.texts[c.used:], s)
	copy(long.prefix[:], s)
	*(*textString)(place) = long
}

// optional sets a text; an absent one is NULL, which takes no space.
func (c *chunk) optional(at int, s string) {
	if s == "" {
		c.null(at)
		return
	}
	c.text(at, s)
}

// null sets the current row's value to NULL.
func (c *chunk) null(at int) {
	col := &c.columns[at]
	if col.valid == nil {
		mapping.VectorEnsureValidityWritable(col.vector)
		col.valid = mapping.VectorGetValidity(col.vector)
	}
	*(*uint64)(unsafe.Add(col.valid, c.row/64*8)) &^= 1 << (c.row % 64)
}

// appender puts rows into a table within the connection's transaction.
type appender struct {
	a mapping.Appender
	c *chunk
}

// appendTo begins to append to a table. The chunk, made if it is nil, is used
// again from one appender to the next.
func (s *Store) appendTo(table string, c **chunk) (*appender, error) {
	conn, err := handle(s.conn)
	if err != nil {
		return nil, err
	}
	out := &appender{}
	if mapping.AppenderCreateExt(conn, "", "", table, &out.a) == mapping.StateError {
		return nil, errors.Join(out.failed("opening an appender"), out.close())
	}
	if *c == nil {
		*c = newChunk(out.a)
	}
	out.c = *c
	out.c.reset()
	return out, nil
}

// room makes sure that a row with so many bytes of text fits into the chunk.
func (a *appender) room(bytes int) error {
	if a.c.full(bytes) {
		return a.flush()
	}
	return nil
}

// flush hands the chunk's rows over.
func (a *appender) flush() error {
	if a.c.row == 0 {
		return nil
	}
	mapping.DataChunkSetSize(a.c.data, mapping.IdxT(a.c.row))
	if mapping.AppendDataChunk(a.a, a.c.data) == mapping.StateError {
		return a.failed("appending")
	}
	a.c.reset()
	return nil
}

// finish hands over what is left.
func (a *appender) finish() error {
	err := a.flush()
	if err == nil && mapping.AppenderFlush(a.a) == mapping.StateError {
		err = a.failed("appending")
	}
	return errors.Join(err, a.close())
}

func (a *appender) failed(doing string) error {
	return fmt.Errorf("%s: %s", doing, mapping.AppenderError(a.a))
}

// close gives the appender up. What was not finished is dropped with the
// transaction.
func (a *appender) close() error {
	if mapping.AppenderDestroy(&a.a) == mapping.StateError {
		return errors.New("closing an appender failed")
	}
	return nil
}

// handle is the C API's handle of a connection, which the driver keeps to itself.
func handle(c driver.Conn) (mapping.Connection, error) {
	conn, ok := c.(*duckdb.Conn)
	if !ok {
		return mapping.Connection{}, fmt.Errorf("a %T is no connection to DuckDB", c)
	}
	field := reflect.ValueOf(conn).Elem().FieldByName("conn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[mapping.Connection]() {
		return mapping.Connection{}, errors.New("this version of the DuckDB driver keeps its handle elsewhere")
	}
	return *(*mapping.Connection)(unsafe.Pointer(field.UnsafeAddr())), nil
}
