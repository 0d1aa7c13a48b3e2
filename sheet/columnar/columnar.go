// Package columnar writes tables for programs that read columns: as Parquet files
// and as Arrow streams, with the types of the columns. Importing it adds both to
// sheet.Formats.
package columnar

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"

	"footfall/sheet"
)

func init() {
	sheet.Register("parquet", "application/vnd.apache.parquet", func(w io.Writer, c []sheet.Column) sheet.Rows { return newParquet(w, columnsOf(c)) })
	sheet.Register("arrow", "application/vnd.apache.arrow.stream", func(w io.Writer, c []sheet.Column) sheet.Rows { return newArrow(w, columnsOf(c)) })
}

// kind is what the cells of a column are.
type kind int

const (
	text kind = iota
	integer
	decimal // a whole number of units of 10⁻ˢᶜᵃˡᵉ
	double
	boolean
	date   // days since 1970
	moment // microseconds since 1970
)

// column is a column of a table.
type column struct {
	name             string
	kind             kind
	precision, scale int // of a decimal
}

// kinds by the names of SQL; whole numbers that an int64 may not hold are decimals.
var kinds = map[string]column{
	"TINYINT": {kind: integer}, "SMALLINT": {kind: integer}, "INTEGER": {kind: integer}, "BIGINT": {kind: integer},
	"UTINYINT": {kind: integer}, "USMALLINT": {kind: integer}, "UINTEGER": {kind: integer},
	"UBIGINT": {kind: decimal, precision: 20}, "HUGEINT": {kind: decimal, precision: 38}, "UHUGEINT": {kind: decimal, precision: 38},
	"FLOAT": {kind: double}, "DOUBLE": {kind: double}, "BOOLEAN": {kind: boolean}, "DATE": {kind: date},
	"TIMESTAMP": {kind: moment}, "TIMESTAMP_S": {kind: moment}, "TIMESTAMP_MS": {kind: moment}, "TIMESTAMP_NS": {kind: moment}, "TIMESTAMPTZ": {kind: moment},
}

// columnsOf are the columns with names of their own: a second one of a name is NAME_2.
func columnsOf(all []sheet.Column) []column {
	columns, taken := make([]column, len(all)), map[string]bool{}
	for i, c := range all {
		one := kinds[c.Type]
		if n, err := fmt.Sscanf(c.Type, "DECIMAL(%d,%d)", &one.precision, &one.scale); n == 2 && err == nil {
			one.kind = decimal
		}
		one.name = c.Name
		for n := 2; taken[one.name] || one.name == ""; n++ {
			one.name = c.Name + "_" + strconv.Itoa(n)
		}
		taken[one.name] = true
		columns[i] = one
	}
	return columns
}

// value is a cell as its column has it.
type value struct {
	null  bool
	text  string
	whole int64    // an integer, a date or a moment; 1 is true
	large *big.Int // a decimal
	float float64
}

// read reads a cell of sheet.Rows.
func (c column) read(cell any) (v value, err error) {
	if n, ok := cell.(*json.Number); ok {
		if cell = nil; n != nil {
			cell = *n
		}
	}
	if cell == nil {
		return value{null: true}, nil
	}
	ok := true
	switch c.kind {
	case text:
		v.text, err = spelled(cell)
	case integer:
		v.whole, err = strconv.ParseInt(fmt.Sprint(cell), 10, 64)
	case decimal:
		v.large, ok = c.units(fmt.Sprint(cell))
	case double:
		v.float, err = strconv.ParseFloat(fmt.Sprint(cell), 64)
	case boolean:
		var yes bool
		if yes, ok = cell.(bool); yes {
			v.whole = 1
		}
	case date, moment:
		v.whole, err = c.since(cell)
	}
	if err == nil && !ok {
		err = errOther
	}
	if err != nil {
		return v, &sheet.CellError{Column: c.name, Cell: fmt.Sprint(cell), Err: err}
	}
	return v, nil
}

// errOther tells of a value of another type, or one that is too large.
var errOther = errors.New("its type has no such value")

// spelled is a cell of any kind as a text.
func spelled(cell any) (string, error) {
	switch x := cell.(type) {
	case string:
		return x, nil
	case json.Number:
		return x.String(), nil
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano), nil
	}
	b, err := json.Marshal(cell)
	return string(b), err
}

// units reads a decimal number exactly.
func (c column) units(number string) (*big.Int, bool) {
	whole, rest, _ := strings.Cut(number, ".")
	if whole == "" || len(rest) > c.scale {
		return nil, false
	}
	n, ok := new(big.Int).SetString(whole+rest+strings.Repeat("0", c.scale-len(rest)), 10)
	if !ok || len(n.Text(10)) > c.precision+1 || n.CmpAbs(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.precision)), nil)) >= 0 {
		return nil, false
	}
	return n, true
}

// since is a date or a moment as a number.
func (c column) since(cell any) (n int64, err error) {
	at, ok := cell.(time.Time)
	if said, isText := cell.(string); isText {
		ok = true
		if at, err = time.Parse(time.RFC3339Nano, said); err != nil {
			at, err = time.Parse(time.DateOnly, said)
		}
	}
	switch {
	case err != nil || !ok:
		return 0, fmt.Errorf("it is no time: %w", err)
	case c.kind == moment:
		return at.UnixMicro(), nil
	}
	year, month, day := at.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400, nil // midnight has no rest
}

// row reads the cells of a row.
func row(columns []column, cells []any, put func(i int, v value)) error {
	if len(cells) != len(columns) {
		return fmt.Errorf("a row has %d cells for %d columns", len(cells), len(columns))
	}
	for i, c := range columns {
		v, err := c.read(cells[i])
		if err != nil {
			return err
		}
		put(i, v)
	}
	return nil
}
