package sqlapi

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"footfall/dialect"
	"footfall/sheet"
)

// spelling writes an answer as it comes:
//
//	json    {"columns":[{"name":…,"type":…}…],"rows":[[…]…]}
//	ndjson  an object a row
//	csv     a head, then the rows
//
// and what else there is of sheet.Formats, with the columns' types.
type spelling struct {
	out     *sheet.Noting
	w       *bufio.Writer
	csv     *csv.Writer
	table   sheet.Rows // of another format
	format  string
	columns []Column
	rows    int
}

func newSpelling(w io.Writer, format string) *spelling {
	s := &spelling{out: &sheet.Noting{To: w}, format: format}
	s.w = bufio.NewWriterSize(s.out, 1<<16)
	s.csv = csv.NewWriter(s.w)
	return s
}

// Head begins the answer.
func (s *spelling) Head(columns []Column) error {
	s.columns = columns
	switch s.format {
	case "csv":
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = sheet.Harmless(c.Name)
		}
		return s.csv.Write(names)
	case "json":
		head, err := json.Marshal(columns)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.w, `{"columns":%s,"rows":[`, head)
		return err
	case "ndjson":
		return nil
	}
	typed := make([]sheet.Column, len(columns))
	for i, c := range columns {
		typed[i] = sheet.Column(c)
	}
	s.table = sheet.Begin(s.w, s.format, typed...)
	return nil
}

// Row writes a row.
func (s *spelling) Row(values []any) error {
	s.rows++
	if s.table == nil { // which has days of its own
		for i, v := range values {
			if day, ok := v.(time.Time); ok && s.columns[i].Type == "DATE" {
				values[i] = day.UTC().Format(time.DateOnly)
			}
		}
	}
	if s.format == "csv" {
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = cell(v)
		}
		return s.csv.Write(cells)
	}
	if s.table != nil {
		for i, v := range values {
			switch v.(type) {
			case []any, map[string]any:
				values[i] = cell(v)
			}
		}
		return fits(s.table.Row(values...), s.format)
	}
	return s.json(values)
}

// fits says of a value that the format has no room for what to ask for instead.
func fits(err error, format string) error {
	if no, is := errors.AsType[*sheet.CellError](err); is {
		return &dialect.Error{Why: fmt.Sprintf("column %s: %s has no place in %s: cast it, such as CAST(%s AS DOUBLE) or CAST(%[4]s AS VARCHAR), or ask for csv, json or ndjson", no.Column, no.Cell, format, no.Column)}
	}
	return err
}

// json writes a row of JSON.
func (s *spelling) json(values []any) error {
	var line []byte
	for i, v := range values {
		b, err := json.Marshal(spell(v))
		if err != nil {
			return err
		}
		if i > 0 {
			line = append(line, ',')
		}
		if s.format == "ndjson" {
			name, err := json.Marshal(s.columns[i].Name)
			if err != nil {
				return err
			}
			line = append(append(line, name...), ':')
		}
		line = append(line, b...)
	}
	before, after := "\n[", "]"
	switch {
	case s.format == "ndjson":
		before, after = "{", "}\n"
	case s.rows > 1:
		before = ",\n["
	}
	_, err := s.w.WriteString(before + string(line) + after)
	return err
}

// end ends the answer.
func (s *spelling) end() error {
	if s.format == "json" {
		if _, err := s.w.WriteString("]}\n"); err != nil {
			return err
		}
	}
	if s.table != nil {
		if err := s.table.Close(); err != nil {
			return err
		}
	}
	s.csv.Flush()
	if err := s.csv.Error(); err != nil {
		return err
	}
	return s.w.Flush()
}

// moment spells a time as the dialect does, in UTC.
func moment(t time.Time) string {
	return strings.TrimSuffix(t.UTC().Format("2006-01-02 15:04:05.000000"), "000")
}

// spell is a value as JSON has it: times as texts, no number that is none.
func spell(v any) any {
	switch x := v.(type) {
	case time.Time:
		return moment(x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return strconv.FormatFloat(x, 'g', -1, 64)
		}
	case []any:
		all := make([]any, len(x))
		for i, one := range x {
			all[i] = spell(one)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(x))
		for key, one := range x {
			all[key] = spell(one)
		}
		return all
	}
	return v
}

// cell is a value as CSV has it; NULL is empty.
func cell(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return sheet.Harmless(x)
	case json.Number:
		return x.String()
	case time.Time:
		return moment(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case []any, map[string]any:
		b, err := json.Marshal(spell(x))
		if err != nil {
			return ""
		}
		return string(b)
	}
	return fmt.Sprint(v)
}
