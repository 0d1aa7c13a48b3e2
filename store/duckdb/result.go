package duckdb

import (
	"context"
	"errors"
	"unsafe"

	"github.com/duckdb/duckdb-go/mapping"
)

// The driver's own rows cross into C once for every text, too. A result is read
// here by chunk, as chunk writes: docs/decisions/0004-append-by-chunk.md.

// result is an answer that lies in memory as a whole, read chunk by chunk. Its
// columns are BIGINT, UBIGINT or VARCHAR.
type result struct {
	statement mapping.PreparedStatement
	all       mapping.Result
	chunk     mapping.DataChunk
	columns   []vector
	rows      int // of the chunk
}

// vector is the memory of one column of the chunk.
type vector struct {
	data  unsafe.Pointer
	valid unsafe.Pointer // nil if no value is NULL
}

// ask runs a query with texts as its parameters until it ends or ctx does. The
// result must be closed.
func ask(ctx context.Context, conn mapping.Connection, query string, parameters ...string) (*result, error) {
	r := &result{}
	if mapping.Prepare(conn, query, &r.statement) == mapping.StateError {
		err := errors.New(mapping.PrepareError(r.statement))
		mapping.DestroyPrepare(&r.statement)
		return nil, err
	}
	for i, parameter := range parameters {
		if mapping.BindVarchar(r.statement, mapping.IdxT(i+1), parameter) == mapping.StateError {
			mapping.DestroyPrepare(&r.statement)
			return nil, errors.New("binding a parameter failed")
		}
	}
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
			mapping.Interrupt(conn)
		case <-ended:
		}
	}()
	state := mapping.ExecutePrepared(r.statement, &r.all)
	close(ended)
	<-watched // an interrupt must not hit what comes next
	if state == mapping.StateError {
		err := errors.Join(ctx.Err(), errors.New(mapping.ResultError(&r.all)))
		r.close()
		return nil, err
	}
	r.columns = make([]vector, mapping.ColumnCount(&r.all))
	return r, nil
}

func (r *result) close() {
	mapping.DestroyDataChunk(&r.chunk)
	mapping.DestroyResult(&r.all)
	mapping.DestroyPrepare(&r.statement)
}

// next goes to the next chunk; false behind the last.
func (r *result) next() bool {
	mapping.DestroyDataChunk(&r.chunk)
	if r.chunk = mapping.FetchChunk(r.all); r.chunk.Ptr == nil {
		return false
	}
	r.rows = int(mapping.DataChunkGetSize(r.chunk))
	for i := range r.columns {
		v := mapping.DataChunkGetVector(r.chunk, mapping.IdxT(i))
		r.columns[i] = vector{mapping.VectorGetData(v), mapping.VectorGetValidity(v)}
	}
	return r.rows > 0
}

// int64 is a value of a BIGINT or UBIGINT column, which is not NULL.
func (r *result) int64(column, row int) int64 {
	return *(*int64)(unsafe.Add(r.columns[column].data, row*8))
}

// text is a value of a VARCHAR column, "" for NULL. It is made by seen, if there is one.
func (r *result) text(seen *repeated, column, row int) string {
	c := &r.columns[column]
	if r.null(column, row) {
		return ""
	}
	place := unsafe.Add(c.data, row*int(unsafe.Sizeof(textString{})))
	short := (*shortString)(place)
	if short.length <= inlined {
		return seen.text(short.text[:short.length])
	}
	return seen.text(unsafe.Slice(*(**byte)(unsafe.Add(place, unsafe.Offsetof(textString{}.at))), short.length))
}

// repeated makes strings of a column's texts, which come again and again.
type repeated struct {
	last  string
	known map[string]string
}

// What is kept in mind of a column: so many texts, of so many bytes at most.
const (
	mostKnown    = 10_000
	longestKnown = 256
)

func (s *repeated) text(b []byte) string {
	switch {
	case s == nil || len(b) > longestKnown:
		return string(b)
	case string(b) == s.last:
		return s.last
	}
	text, ok := s.known[string(b)]
	if !ok {
		if len(s.known) >= mostKnown {
			clear(s.known)
		}
		text = string(b)
		s.known[text] = text
	}
	s.last = text
	return text
}
