package duckdb

import "strings"

// maxWidth is by how often a query may take columns together or again: a struct of
// structs, a star beside a star, each over the other, have 2, 4, 8 … parts, and
// planning their types can't be interrupted.
const maxWidth = 64

// doubling are functions whose type has those of all their parameters in it.
var doubling = words(`struct_pack row map create_time_series interpolate_linear interpolate_locf interpolate_fill`)

// width bounds by how much a query's columns have more parts than its tables'.
type width struct {
	rows  map[string]bool // what a table is called here: as a column it is a struct of all of them
	total float64
}

// level is a SELECT.
type level struct{ stars, tables, structs, whole float64 }

// wide checks that a tree is not too wide.
func wide(tree any) error {
	w := &width{map[string]bool{}, 1}
	w.called(tree)
	w.visit(tree, &level{structs: 1, whole: 1}, 1)
	if w.total > maxWidth {
		return refused(-1, "the query takes columns together, or with *, too often over one another: name the columns that you need")
	}
	return nil
}

// called gathers what tables are called.
func (w *width) called(node any) {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			w.called(child)
		}
	case map[string]any:
		if o := object(n); o.text("class") == "" {
			w.rows[strings.ToLower(o.text("alias"))] = true
			w.rows[strings.ToLower(o.text("table_name"))] = true
		}
		for _, child := range n {
			w.called(child)
		}
	}
}

// visit counts what is in a SELECT; structs is how many parts the structs around have.
func (w *width) visit(node any, in *level, structs float64) {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			w.visit(child, in, structs)
		}
	case map[string]any:
		o := object(n)
		if o.text("type") == "SELECT_NODE" {
			own := &level{structs: 1, whole: 1}
			w.parts(o, own, 1)
			if own.stars > 0 {
				w.total *= own.stars * max(1, own.tables)
			}
			w.total *= own.structs * own.whole
			return
		}
		w.parts(o, in, w.one(o, in, structs))
	}
}

func (w *width) parts(o object, in *level, structs float64) {
	for _, child := range o {
		w.visit(child, in, structs)
	}
}

// one counts a node, and returns how many parts the structs around its children have.
func (w *width) one(o object, in *level, structs float64) float64 {
	children, _ := o["children"].([]any)
	switch o.text("class") {
	case "STAR":
		in.stars++
	case "FUNCTION":
		if doubling[strings.ToLower(o.text("function_name"))] {
			structs *= float64(max(1, len(children)))
			in.structs = max(in.structs, structs)
		}
	case "COLUMN_REF":
		if path, _ := o["column_names"].([]any); len(path) == 1 {
			if text, _ := path[0].(string); w.rows[strings.ToLower(text)] {
				in.whole = maxWidth
			}
		}
	case "OPERATOR":
		if strings.Contains(o.text("type"), "UNPACK") {
			in.whole = maxWidth
		}
	case "":
		switch o.text("type") {
		case "BASE_TABLE", "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST", "PIVOT":
			in.tables++
		}
	}
	return structs
}
