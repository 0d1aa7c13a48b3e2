package columnar

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// batchRows are the rows of a batch of the stream: what a writer holds, and a reader must.
const batchRows = 8192

// arrowStream writes rows as an Arrow IPC stream. Batches are not compressed: not every
// reader knows how.
type arrowStream struct {
	columns []column
	build   *array.RecordBuilder
	w       *ipc.Writer
	rows    int
	err     error
}

func newArrow(w io.Writer, columns []column) *arrowStream {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.arrow(), Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	return &arrowStream{columns: columns, build: array.NewRecordBuilder(memory.NewGoAllocator(), schema), w: ipc.NewWriter(w, ipc.WithSchema(schema))}
}

func (c column) arrow() arrow.DataType {
	switch c.kind {
	case integer:
		return arrow.PrimitiveTypes.Int64
	case decimal:
		return &arrow.Decimal128Type{Precision: int32(c.precision), Scale: int32(c.scale)}
	case double:
		return arrow.PrimitiveTypes.Float64
	case boolean:
		return arrow.FixedWidthTypes.Boolean
	case date:
		return arrow.FixedWidthTypes.Date32
	case moment:
		return arrow.FixedWidthTypes.Timestamp_us // of UTC
	}
	return arrow.BinaryTypes.String
}

// Row adds a row.
func (s *arrowStream) Row(cells ...any) error {
	if s.err != nil {
		return s.err
	}
	s.err = row(s.columns, cells, s.put)
	if s.rows++; s.err == nil && s.rows == batchRows {
		s.flush()
	}
	return s.err
}

func (s *arrowStream) put(i int, v value) {
	if v.null {
		s.build.Field(i).AppendNull()
		return
	}
	switch b := s.build.Field(i).(type) {
	case *array.StringBuilder:
		b.Append(v.text)
	case *array.Int64Builder:
		b.Append(v.whole)
	case *array.Decimal128Builder:
		b.Append(decimal128.FromBigInt(v.large))
	case *array.Float64Builder:
		b.Append(v.float)
	case *array.BooleanBuilder:
		b.Append(v.whole == 1)
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.whole))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.whole))
	}
}

// flush writes a batch.
func (s *arrowStream) flush() {
	batch := s.build.NewRecordBatch()
	defer batch.Release()
	s.rows, s.err = 0, s.w.Write(batch)
}

// Close writes the end of the stream; of a table without rows it has the schema.
func (s *arrowStream) Close() error {
	if s.err == nil && s.rows > 0 {
		s.flush()
	}
	if s.err == nil {
		s.err = s.w.Close()
	}
	s.build.Release()
	return s.err
}
