package sheet

import (
	"io"
	"net/url"
	"strings"
)

// Column of a table: its name, and what its cells are, as SQL names it: BIGINT, DOUBLE,
// BOOLEAN, DATE, TIMESTAMP (in UTC), DECIMAL(18,3). Any other type is a text.
type Column struct{ Name, Type string }

// Columns reads columns as CREATE TABLE has them, such as "views BIGINT"; a name alone
// is that of a text.
func Columns(list ...string) []Column {
	all := make([]Column, len(list))
	for i, text := range list {
		all[i].Name, all[i].Type, _ = strings.Cut(text, " ")
	}
	return all
}

// Rows takes a table row by row, and writes it as they come.
type Rows interface {
	// Row adds a row with a cell for each column: a text, a number, a json.Number or a
	// pointer to one, true, false, a time.Time or nil. A date or a time may be the text
	// that others write of it.
	Row(cells ...any) error
	// Close ends the table; a file that was not closed is none.
	Close() error
}

// CellError tells of a cell that the format of its column has no place for.
type CellError struct {
	Column, Cell string
	Err          error
}

func (e *CellError) Error() string {
	return "column " + e.Column + ": " + e.Cell + ": " + e.Err.Error()
}
func (e *CellError) Unwrap() error { return e.Err }

// Formats of a table, and their media types. What imports sheet/columnar has more.
var Formats = map[string]string{
	"csv":    "text/csv; charset=utf-8; header=present",
	"ndjson": "application/x-ndjson; charset=utf-8",
}

// Offers are the formats that pages link to, the first one unless another is asked for.
var Offers = []Offer{{"csv", "CSV"}, {"ndjson", "NDJSON"}, {"parquet", "Parquet"}}

// Offer is a format and what people call it.
type Offer struct{ Format, Title string }

// File is a table as a file.
type File struct{ Format, Title, Href string }

// Files are a table as a file in each of Offers, by the address of one, to which
// format= is added.
func Files(address string) (all []File) {
	path, query, _ := strings.Cut(address, "?")
	q, _ := url.ParseQuery(query) // pages make it
	for _, o := range Offers {
		q.Set("format", o.Format)
		all = append(all, File{o.Format, o.Title, path + "?" + q.Encode()})
	}
	return all
}

// Asked is the format that a page's address asks for: the first of Offers if it is none
// of Formats.
func Asked(format string) string {
	if Formats[format] == "" {
		return Offers[0].Format
	}
	return format
}

// Begin begins a table with a type for each column, in one of Formats.
func Begin(w io.Writer, format string, columns ...Column) Rows {
	if begin := others[format]; begin != nil {
		return begin(w, columns)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return NewTable(w, format, names...)
}

// Register adds a format, as a package's init does.
func Register(format, media string, begin func(w io.Writer, columns []Column) Rows) {
	Formats[format], others[format] = media, begin
}

var others = map[string]func(io.Writer, []Column) Rows{}

// Accepted is the format whose media type an Accept header begins with; "" is none.
func Accepted(header string) string {
	wanted, _, _ := strings.Cut(header, ",")
	wanted, _, _ = strings.Cut(wanted, ";")
	for format, media := range Formats {
		if media, _, _ = strings.Cut(media, ";"); media == strings.TrimSpace(wanted) {
			return format
		}
	}
	return ""
}
