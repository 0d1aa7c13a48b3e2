package duckdb

import (
	"context"
	"errors"
	"hash/maphash"
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
	block
}

// block is a chunk of a result: up to a vector's size of its rows.
type block struct {
	chunk   mapping.DataChunk
	columns []vector
	rows    int
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
	err := await(r.statement, &r.all)
	close(ended)
	<-watched // an interrupt must not hit what comes next
	if err != nil {
		err := errors.Join(ctx.Err(), err)
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *result) close() {
	r.block.close()
	mapping.DestroyResult(&r.all)
	mapping.DestroyPrepare(&r.statement)
}

// next goes to the next chunk; false behind the last.
func (r *result) next() bool {
	r.block.close()
	var more bool
	r.block, more = r.fetch()
	return more
}

// fetch is the next chunk, which stays until it is closed; false behind the last.
func (r *result) fetch() (block, bool) {
	b := block{chunk: mapping.FetchChunk(r.all)}
	if b.chunk.Ptr == nil {
		return b, false
	}
	b.rows = int(mapping.DataChunkGetSize(b.chunk))
	b.columns = make([]vector, mapping.DataChunkGetColumnCount(b.chunk))
	for i := range b.columns {
		v := mapping.DataChunkGetVector(b.chunk, mapping.IdxT(i))
		b.columns[i] = vector{mapping.VectorGetData(v), mapping.VectorGetValidity(v)}
	}
	return b, b.rows > 0
}

func (b *block) close() { mapping.DestroyDataChunk(&b.chunk) }

// int64 is a value of a BIGINT or UBIGINT column, which is not NULL.
func (b *block) int64(column, row int) int64 {
	return *(*int64)(unsafe.Add(b.columns[column].data, row*8))
}

// null reports whether a value is NULL.
func (b *block) null(column, row int) bool {
	valid := b.columns[column].valid
	return valid != nil && *(*uint64)(unsafe.Add(valid, row/64*8))&(1<<(row%64)) == 0
}

// bytes is a value of a VARCHAR column, nil for NULL, where it lies.
func (b *block) bytes(column, row int) []byte {
	if b.null(column, row) {
		return nil
	}
	place := unsafe.Add(b.columns[column].data, row*int(unsafe.Sizeof(textString{})))
	short := (*shortString)(place)
	if short.length <= inlined {
		return short.text[:short.length]
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(place, unsafe.Offsetof(textString{}.at))), short.length)
}

// lent is a value of a VARCHAR column, "" for NULL: no copy, but where it lies, good
// until the block is closed.
func (b *block) lent(column, row int) string {
	v := &b.columns[column]
	if v.valid != nil && *(*uint64)(unsafe.Add(v.valid, row/64*8))&(1<<(row%64)) == 0 {
		return ""
	}
	short := (*shortString)(unsafe.Add(v.data, row*int(unsafe.Sizeof(textString{}))))
	if short.length <= inlined {
		return unsafe.String(&short.text[0], short.length)
	}
	return unsafe.String(*(**byte)(unsafe.Add(unsafe.Pointer(short), unsafe.Offsetof(textString{}.at))), short.length)
}

// text is a value of a VARCHAR column, "" for NULL. It is made by seen, if there is one.
func (b *block) text(seen *repeated, column, row int) string {
	text := b.bytes(column, row)
	switch {
	case len(text) == 0 || seen == nil || len(text) > longestKept:
		return string(text)
	case len(text) <= inlined:
		words := (*[2]uint64)(unsafe.Add(b.columns[column].data, row*int(unsafe.Sizeof(textString{}))))
		return seen.text(text, (words[0]^words[1]*golden)*golden>>32)
	}
	return seen.text(text, maphash.Bytes(seed, text))
}

// repeated makes strings of a column's texts, which come again and again: it
// keeps one for each place that a text's hash leads to.
type repeated [1 << 10]string

// longestKept bounds what is kept: a text of more bytes is made each time.
const longestKept = 256

var seed = maphash.MakeSeed()

// golden spreads what differs in few bits: 2⁶⁴ divided by the golden ratio
// (Knuth, The Art of Computer Programming, volume 3, section 6.4).
const golden = 0x9e3779b97f4a7c15

func (s *repeated) text(b []byte, hash uint64) string {
	at := &s[hash%uint64(len(s))]
	if *at != string(b) {
		*at = string(b)
	}
	return *at
}
