package columnar

import (
	"io"
	"math/big"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// groupRows are the rows of a row group: what a writer holds, and a reader must.
const groupRows = 65_536

// parquetRows are written at a time.
const parquetRows = 256

// parquetFile writes rows as a Parquet file.
type parquetFile struct {
	columns []column
	w       *parquet.GenericWriter[any]
	rows    []parquet.Row
	err     error
}

func newParquet(w io.Writer, columns []column) *parquetFile {
	schema := parquet.NewSchema("table", tree{columns: columns})
	return &parquetFile{columns: columns, w: parquet.NewGenericWriter[any](w, schema,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}), parquet.MaxRowsPerRowGroup(groupRows), parquet.CreatedBy("footfall", "1", ""))}
}

// Row adds a row.
func (f *parquetFile) Row(cells ...any) error {
	if f.err != nil {
		return f.err
	}
	line := make(parquet.Row, len(f.columns))
	f.err = row(f.columns, cells, func(i int, v value) {
		if v.null {
			line[i] = parquet.NullValue().Level(0, 0, i)
			return
		}
		line[i] = f.columns[i].parquet(v).Level(0, 1, i)
	})
	if f.rows = append(f.rows, line); f.err == nil && len(f.rows) == parquetRows {
		f.flush()
	}
	return f.err
}

func (f *parquetFile) flush() {
	_, f.err = f.w.WriteRows(f.rows)
	f.rows = f.rows[:0]
}

// Close writes the end of the file.
func (f *parquetFile) Close() error {
	if f.err == nil {
		f.flush()
	}
	if f.err == nil {
		f.err = f.w.Close()
	}
	return f.err
}

// Decimals of so many digits are kept as numbers of four and of eight bytes.
const (
	small  = 9
	medium = 18
)

func (c column) parquet(v value) parquet.Value {
	switch {
	case c.kind == text:
		return parquet.ByteArrayValue([]byte(v.text))
	case c.kind == double:
		return parquet.DoubleValue(v.float)
	case c.kind == boolean:
		return parquet.BooleanValue(v.whole == 1)
	case c.kind == date:
		return parquet.Int32Value(int32(v.whole))
	case c.kind != decimal:
		return parquet.Int64Value(v.whole)
	case c.precision <= small:
		return parquet.Int32Value(int32(v.large.Int64()))
	case c.precision <= medium:
		return parquet.Int64Value(v.large.Int64())
	}
	n := v.large
	if n.Sign() < 0 { // two's complement
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return parquet.FixedLenByteArrayValue(n.FillBytes(make([]byte, 16)))
}

func (c column) node() parquet.Node {
	switch {
	case c.kind == text:
		return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	case c.kind == integer:
		return parquet.Int(64)
	case c.kind == double:
		return parquet.Leaf(parquet.DoubleType)
	case c.kind == boolean:
		return parquet.Leaf(parquet.BooleanType)
	case c.kind == date:
		return parquet.Date()
	case c.kind == moment:
		return parquet.Timestamp(parquet.Microsecond)
	case c.precision <= small:
		return parquet.Decimal(c.scale, c.precision, parquet.Int32Type)
	case c.precision <= medium:
		return parquet.Decimal(c.scale, c.precision, parquet.Int64Type)
	}
	return parquet.Decimal(c.scale, c.precision, parquet.FixedLenByteArrayType(16))
}

// tree is the schema: a group whose columns stay in their order, which those of
// parquet.Group don't.
type tree struct {
	parquet.Group
	columns []column
}

// Fields are the columns.
func (t tree) Fields() []parquet.Field {
	all := make([]parquet.Field, len(t.columns))
	for i, c := range t.columns {
		all[i] = leaf{parquet.Optional(c.node()), c.name}
	}
	return all
}

// leaf is a column in the schema.
type leaf struct {
	parquet.Node
	name string
}

// Name is the column's.
func (l leaf) Name() string { return l.name }

// Value is of Go values, of which none is written.
func (l leaf) Value(reflect.Value) reflect.Value { return reflect.Value{} }
