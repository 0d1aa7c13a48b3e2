package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/mapping"
)

// A part of an answer that is read at once is in Go's memory, which DuckDB does
// not count: a list of ten million numbers is one value.
const (
	maxPart = 256 << 20 // bytes
	inList  = 100       // bytes of Go's for a value in a list, struct or map, at least
)

// light refuses an answer with a part that is too large to be read.
func (p *selection) light(ctx context.Context) error {
	weights, err := p.weights()
	if err != nil || len(weights) == 0 {
		return err
	}
	var most float64
	query := fmt.Sprintf("SELECT max(w) FROM (SELECT sum(%s)::DOUBLE AS w FROM %s GROUP BY rowid // %d)", total(weights), answer, slicesOf)
	err = p.one(ctx, query, nil, func(v driver.Value) { most, _ = v.(float64) })
	if err == nil && most > maxPart {
		err = refused(-1, "the answer's lists or texts are too long: unnest lists, or ask for less")
	}
	return err
}

// weights are expressions of how many bytes the answer's columns have, but for those
// that never have many.
func (p *selection) weights() (all []string, err error) {
	var statement mapping.PreparedStatement
	defer mapping.DestroyPrepare(&statement)
	if mapping.Prepare(p.handle, "SELECT * FROM "+answer, &statement) == mapping.StateError {
		return nil, fmt.Errorf("event store: SQL: %s", mapping.PrepareError(statement))
	}
	for i := range mapping.PreparedStatementColumnCount(statement) {
		kind := mapping.PreparedStatementColumnLogicalType(statement, i)
		if w := weight(kind, name(mapping.PreparedStatementColumnName(statement, i)), 0); w != "" {
			all = append(all, w)
		}
		mapping.DestroyLogicalType(&kind)
	}
	return all, nil
}

// total is the sum of expressions, which may be thousands.
func total(all []string) string { return "list_sum([" + strings.Join(all, ", ") + "])" }

// weight is an expression of how many bytes a value of a type has; "": never many.
// deep is how many lists it is in.
func weight(kind mapping.LogicalType, of string, deep int) string {
	child := func(kind mapping.LogicalType, of string, deep int) string {
		defer mapping.DestroyLogicalType(&kind)
		return weight(kind, of, deep)
	}
	list := func(of string, kind mapping.LogicalType) string {
		all := fmt.Sprintf("coalesce(len(%s), 0) * %d", of, inList)
		one := fmt.Sprintf("x%d", deep)
		if w := child(kind, one, deep+1); w != "" {
			all += fmt.Sprintf(" + coalesce(list_sum(list_transform(%s, lambda %s: %s)), 0)", of, one, w)
		}
		return all
	}
	switch mapping.GetTypeId(kind) {
	case mapping.TypeVarchar, mapping.TypeBlob:
		return "coalesce(strlen(" + of + "::VARCHAR), 0)"
	case mapping.TypeList:
		return list(of, mapping.ListTypeChildType(kind))
	case mapping.TypeMap:
		return list("map_keys("+of+")", mapping.MapTypeKeyType(kind)) + " + " + list("map_values("+of+")", mapping.MapTypeValueType(kind))
	case mapping.TypeStruct:
		n := mapping.StructTypeChildCount(kind)
		all := []string{fmt.Sprint(n * inList)}
		for i := range n {
			field := quoted(mapping.StructTypeChildName(kind, i))
			if field == "''" {
				field = fmt.Sprint(i + 1)
			}
			if w := child(mapping.StructTypeChildType(kind, i), fmt.Sprintf("struct_extract(%s, %s)", of, field), deep); w != "" {
				all = append(all, w)
			}
		}
		return total(all)
	}
	return ""
}
