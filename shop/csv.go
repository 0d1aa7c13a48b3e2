package shop

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxFile is how many bytes a file of orders may have.
const MaxFile = 4 << 20

const (
	maxRows   = 20_000
	maxFaults = 20 // that are told of a file
)

// columns are those a file of orders may have, as docs/affiliates-orders.md
// describes them.
var columns = []string{"store", "order_id", "time", "updated_at", "currency", "line_id", "product_id", "sku", "name", "price", "quantity", "net",
	"revenue", "subtotal", "total", "shipping", "tax", "discount", "coupon", "customer_email", "user_id", "anonymous_id", "click_id",
	"refund_of", "refund_id", "refund_amount"}

// amounts are the columns that hold numbers.
var amounts = []string{"price", "quantity", "net", "revenue", "subtotal", "total", "shipping", "tax", "discount", "refund_amount"}

// layouts are how times may be written beside RFC 3339. What a day is as a time
// is group.moment.
var layouts = map[string][]string{"time": {time.DateTime, "2006-01-02 15:04"}, "updated_at": {time.DateTime, "2006-01-02 15:04", time.DateOnly}}

// sheet is a file while it is read.
type sheet struct {
	semicolons bool
	header     []string
	groups     []*group
	byKey      map[key]*group
	faults     []error
}

// key is what rows of one order or refund have in common.
type key struct{ store, order, refundOf, refund, time string }

// group is the rows of one order or refund.
type group struct {
	form
	refund bool
	line   int   // of its first row
	lines  []int // of its products
}

// ReadCSV reads a file of orders and refunds: a header, then a row for each
// product of an order, or one for an order without. Columns are separated by
// commas or semicolons. All that is wrong with it, up to 20 things, is told as
// InvalidErrors in one error; then nothing of the file is to be used.
func ReadCSV(text []byte, o RequestOptions) ([]Report, error) {
	if len(text) > MaxFile {
		return nil, Invalid("file", "has more than %d MiB: split it", MaxFile>>20)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // spreadsheets write it before UTF-8
	first, _, _ := bytes.Cut(text, []byte("\n"))
	s := sheet{semicolons: bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")), byKey: map[key]*group{}}
	r := csv.NewReader(bytes.NewReader(text))
	if s.semicolons {
		r.Comma = ';'
	}
	if err := s.rows(r); err != nil {
		return nil, err
	}
	var reports []Report
	for _, g := range s.groups {
		g.Time = g.moment(o.Now)
		report, err := g.report(o)
		if err != nil {
			s.blame(g.where(err))
		}
		reports = append(reports, report)
	}
	if len(s.faults) > 0 {
		return nil, errors.Join(s.faults...)
	}
	return reports, nil
}

// rows reads header and rows.
func (s *sheet) rows(r *csv.Reader) error {
	header, err := r.Read()
	if err != nil {
		return Invalid("line 1", "is no header: name the columns, such as order_id,time,currency,product_id,quantity,net")
	}
	for _, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, name) || slices.Contains(s.header, name) {
			return Invalid("line 1", "has the column %q, which is not known or there twice: columns are %s", name, strings.Join(columns, ", "))
		}
		s.header = append(s.header, name)
	}
	for n := 0; ; n++ {
		cells, err := r.Read()
		var bad *csv.ParseError
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			return Invalid("line "+strconv.Itoa(bad.Line), "%v", bad.Err)
		case err != nil:
			return fmt.Errorf("reading a file of orders: %w", err)
		case n == maxRows:
			return Invalid("file", "has more than %d rows: split it", maxRows)
		}
		line, _ := r.FieldPos(0)
		s.row(line, cells)
	}
}

func (s *sheet) blame(err error) {
	if len(s.faults) < maxFaults {
		s.faults = append(s.faults, err)
	}
}

// row adds a row to the others of its order or refund.
func (s *sheet) row(line int, cells []string) {
	cell := func(column string) string {
		if i := slices.Index(s.header, column); i >= 0 {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	k := key{store: cell("store"), order: cell("order_id"), refundOf: cell("refund_of"), refund: cell("refund_id")}
	switch {
	case k.order != "" && k.refundOf != "":
		s.blame(Invalid(at(line, "refund_of"), "is of a refund, and order_id of an order: a row is one of both"))
		return
	case k.refundOf != "":
		k.time = cell("time") // of refunds without an id, those of one time are one
	case k.refund != "" || cell("refund_amount") != "":
		s.blame(Invalid(at(line, "refund_of"), "is missing: it is the id of the order that is refunded"))
		return
	}
	g := s.byKey[k]
	if g == nil || k.order+k.refundOf == "" {
		g = &group{line: line, refund: k.refundOf != ""}
		s.byKey[k], s.groups = g, append(s.groups, g)
	}
	var p product
	for i, column := range s.header {
		if text := strings.TrimSpace(cells[i]); text != "" && !g.put(&p, column, s.plain(column, text)) {
			s.blame(Invalid(at(line, column), "is not what line %d of the same order says", g.line))
		}
	}
	if p.said() {
		g.Products, g.lines = append(g.Products, p), append(g.lines, line)
	}
}

func at(line int, column string) string { return "line " + strconv.Itoa(line) + ", " + column }

func (p *product) said() bool {
	return p.id() != "" || p.Line != "" || p.Name != "" || p.Price != "" || p.Quantity != "" || p.Net != ""
}

// plain spells a cell as requests do: times as RFC 3339, and numbers with a
// point, where columns are separated by semicolons because numbers have commas.
func (s *sheet) plain(column, text string) string {
	if s.semicolons && slices.Contains(amounts, column) && strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		return strings.Replace(text, ",", ".", 1)
	}
	for _, layout := range layouts[column] {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	return text
}

// moment is the time of a group, of which a day may be all that is said. An
// order's is the end of that day, as far as it is over: a click of the same day
// came before the order. It may differ when the file is sent again, as orders are
// known by their ids. A refund without an id is known by its time, so that a
// refund's is the beginning of the day.
func (g *group) moment(now time.Time) word {
	day, err := time.Parse(time.DateOnly, string(g.Time))
	if err != nil {
		return g.Time
	}
	at := day
	if end := day.Add(24*time.Hour - time.Millisecond); !g.refund && !now.Before(end) {
		at = end
	} else if !g.refund && now.After(day) {
		at = now.UTC()
	}
	return word(at.Format(time.RFC3339Nano))
}

// put puts a cell where its column belongs: to the order, all of whose rows have
// to say the same or nothing, or to the row's product. It is false if they differ.
func (g *group) put(p *product, column, text string) bool {
	switch column {
	case "store":
		return same(&g.Store, text)
	case "order_id", "refund_of":
		return same(&g.Number, text)
	case "time":
		return same(&g.Time, text)
	case "updated_at":
		return same(&g.Updated, text)
	case "currency":
		return same(&g.Currency, text)
	case "revenue":
		return same(&g.Revenue, text)
	case "subtotal":
		return same(&g.Subtotal, text)
	case "total":
		return same(&g.Total, text)
	case "shipping":
		return same(&g.Shipping, text)
	case "tax":
		return same(&g.Tax, text)
	case "discount":
		return same(&g.Discount, text)
	case "customer_email":
		return same(&g.Customer, text)
	case "user_id":
		return same(&g.User, text)
	case "anonymous_id":
		return same(&g.Anonymous, text)
	case "click_id":
		return same(&g.Click, text)
	case "refund_id":
		return same(&g.Refund, text)
	}
	g.putProduct(p, column, text)
	return true
}

func (g *group) putProduct(p *product, column, text string) {
	switch column {
	case "coupon":
		g.Coupons.add(text)
	case "line_id":
		p.Line = word(text)
	case "product_id":
		p.ID = word(text)
	case "sku":
		p.SKU = word(text)
	case "name":
		p.Name = word(text)
	case "price":
		p.Price = number(text)
	case "quantity":
		p.Quantity = number(text)
	case "net", "refund_amount":
		p.Net = number(text)
	}
}

// same sets what is not set yet; false if it is something else.
func same[T ~string](into *T, text string) bool {
	if *into == "" {
		*into = T(text)
	}
	return string(*into) == text
}

func (g *group) report(o RequestOptions) (Report, error) {
	if !g.refund {
		return g.orderReport(FromCSV, o)
	}
	if len(g.Products) == 1 { // an amount of no product is of the order as a whole
		if p := g.Products[0]; p.id() == "" && p.Line == "" {
			g.Products, g.Revenue = nil, p.Net
		}
	}
	return g.refundReport(FromCSV, o)
}

// where says in which line something is wrong.
func (g *group) where(err error) error {
	bad, ok := err.(*InvalidError)
	if !ok {
		return err
	}
	line, field := g.line, bad.Field
	if place, rest, ok := strings.Cut(strings.TrimPrefix(field, "products["), "]."); ok {
		if i, err := strconv.Atoi(place); err == nil && i < len(g.lines) {
			line, field = g.lines[i], rest
		}
	}
	return &InvalidError{at(line, field), bad.Why}
}
