package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/mapping"
	"github.com/duckdb/duckdb-go/v2"

	"footfall/metric"
	"footfall/store"
)

var _ store.Selector = (*Store)(nil)

// selects is how many selections may run at a time: each has all processors and
// shares the memory limit with the writer.
const selects = 2

// MaxSelect is the longest text of a selection, in bytes.
const MaxSelect = 32 << 10

// DuckDB copies what a WITH within a WITH holds, again and again, and for each
// of its names; nothing interrupts that.
const (
	maxWith = 2
	maxAs   = 120
)

var (
	with = regexp.MustCompile(`(?i)\bwith\b`)
	as   = regexp.MustCompile(`(?i)\bas\b`)
)

// answer is the table that an answer lies in while it is read: DuckDB counts
// and spills what is in a table, but not what is in a result.
const answer = `temp.main."footfall answer"`

// selection is a selection under way, on a connection of its own.
type selection struct {
	store.Selection
	held
	handle mapping.Connection
	heads  []string // names of the answer's columns
}

// Select answers a query of somebody else's making. What it may name is decided
// by the parse tree (allow.go); tables are views of this connection that hold
// the rows of the asker and no others (views.go). docs/decisions/0007-sql-on-the-live-store.md
func (s *Store) Select(ctx context.Context, q store.Selection, out store.Selected) error {
	switch {
	case len(q.Query) > MaxSelect:
		return &store.SelectError{At: -1, Why: fmt.Sprintf("the query has %d bytes, and may have %d", len(q.Query), MaxSelect)}
	case strings.ContainsRune(q.Query, 0) || !utf8.ValidString(q.Query):
		return &store.SelectError{At: -1, Why: "the query is no text: it has a zero byte, or is not UTF-8"}
	case len(with.FindAllStringIndex(q.Query, maxWith+1)) > maxWith:
		return &store.SelectError{At: -1, Why: fmt.Sprintf("the query has more than %d times WITH: write its names with commas between", maxWith)}
	case len(as.FindAllStringIndex(q.Query, maxAs+1)) > maxAs:
		return &store.SelectError{At: -1, Why: fmt.Sprintf("the query has more than %d times AS: make it simpler", maxAs)}
	}
	if q.Rows <= 0 {
		q.Rows = store.MaxRows
	}
	select {
	case s.selecting <- struct{}{}:
		defer func() { <-s.selecting }()
	default:
		return store.ErrBusy
	}
	p, err := s.selection(ctx, q)
	if err != nil {
		return fmt.Errorf("event store: SQL: %w", err)
	}
	defer p.Close()
	ctx, stop := guard(ctx, p.handle)
	defer stop()
	if err := p.run(ctx, out); err != nil {
		return p.explain(ctx, err)
	}
	return nil
}

// selection opens a connection for a query.
func (s *Store) selection(ctx context.Context, q store.Selection) (*selection, error) {
	h, err := s.hold(ctx)
	if err != nil {
		return nil, err
	}
	p := &selection{Selection: q, held: h}
	if p.handle, err = handle(h.conn); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// explain says which errors are the query's.
func (p *selection) explain(ctx context.Context, err error) error {
	var known *store.SelectError
	if errors.As(err, &known) {
		return err
	}
	err = p.opened.found(err)
	if cause := context.Cause(ctx); cause != nil {
		return cause // also what the guard found
	}
	if fatal(err) {
		return refused(-1, "the database failed on this query by an error of its own: write the query in another way")
	}
	if t, is := errors.AsType[*metric.TroubleError](err); is && t.Why == metric.Damaged {
		return err
	}
	var d *duckdb.Error
	if errors.As(err, &d) {
		return wrong(p.Query, d.Msg, 1)
	}
	return fmt.Errorf("event store: SQL: %w", err)
}

func (p *selection) run(ctx context.Context, out store.Selected) error {
	if err := p.exec(ctx, functions(p.Now)); err != nil {
		return err
	}
	names, err := p.check(ctx)
	if err != nil {
		return err
	}
	if err := p.views(ctx, names); err != nil {
		return err
	}
	if err := p.exec(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil { // temporary tables may be written
		return err
	}
	values, err := p.prepare(ctx)
	if err != nil {
		return err
	}
	// The line break ends a comment.
	query := fmt.Sprintf("CREATE TEMP TABLE %s AS SELECT * FROM (\n%s\n) LIMIT %d", answer, p.Query, p.Rows+1)
	if _, err := p.conn.(driver.ExecerContext).ExecContext(ctx, query, values); err != nil {
		return err
	}
	if err := p.exec(ctx, "COMMIT"); err != nil { // from here on its rows are numbered from 0
		return err
	}
	return p.read(ctx, out)
}

func (p *selection) exec(ctx context.Context, query string) error {
	_, err := p.conn.(driver.ExecerContext).ExecContext(ctx, query, nil)
	return err
}

// prepare lets DuckDB look at the query as it is, so that errors say where they
// are, and collects its parameters.
func (p *selection) prepare(ctx context.Context) ([]driver.NamedValue, error) {
	var statement mapping.PreparedStatement
	defer mapping.DestroyPrepare(&statement)
	if mapping.Prepare(p.handle, p.Query, &statement) == mapping.StateError {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		text := mapping.PrepareError(statement)
		if err := errors.New(text); fatal(err) {
			return nil, err
		}
		return nil, wrong(p.Query, text, 0)
	}
	if mapping.PreparedStatementType(statement) != mapping.StatementTypeSelect {
		return nil, refused(-1, "only one SELECT can be asked")
	}
	for i := range mapping.PreparedStatementColumnCount(statement) {
		p.heads = append(p.heads, mapping.PreparedStatementColumnName(statement, i))
	}
	var values []driver.NamedValue
	for i := range mapping.NParams(statement) {
		name := mapping.ParameterName(statement, i+1)
		value, known := p.Parameters[name]
		if !known {
			return nil, refused(-1, fmt.Sprintf("the parameter :%s has no value: give one in params", name))
		}
		values = append(values, driver.NamedValue{Name: name, Ordinal: int(i) + 1, Value: value})
	}
	for name := range p.Parameters {
		if !hasValue(values, name) {
			return nil, refused(-1, fmt.Sprintf("params has %q, and the query has no :%[1]s", name))
		}
	}
	return values, nil
}

func hasValue(values []driver.NamedValue, name string) bool {
	for _, v := range values {
		if v.Name == name {
			return true
		}
	}
	return false
}

// slicesOf is how many rows of the answer are in Go's memory at a time.
const slicesOf = 2048

// read hands over the answer, some rows at a time.
func (p *selection) read(ctx context.Context, out store.Selected) error {
	var n int64
	if err := p.one(ctx, "SELECT count(*) FROM "+answer, nil, func(v driver.Value) { n = v.(int64) }); err != nil {
		return err
	}
	if n > int64(p.Rows) {
		return refused(-1, fmt.Sprintf("the answer has more than %d rows: count, or add a LIMIT, a shorter time or another condition", p.Rows))
	}
	if err := p.light(ctx); err != nil {
		return err
	}
	for from := int64(0); from == 0 || from < n; from += slicesOf {
		query := fmt.Sprintf("SELECT * FROM %s WHERE rowid >= %d AND rowid < %d ORDER BY rowid", answer, from, from+slicesOf)
		rows, err := p.conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
		if err != nil {
			return err
		}
		if from == 0 {
			err = out.Head(p.columns(rows))
		}
		if err == nil {
			err = hand(rows, len(p.heads), out)
		}
		if err = errors.Join(err, rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

// columns are those of the answer, by the names that the query gives them.
func (p *selection) columns(rows driver.Rows) (columns []store.Column) {
	if made := rows.Columns(); len(made) != len(p.heads) {
		p.heads = made // before parameters had values, nobody knew
	}
	types := rows.(driver.RowsColumnTypeDatabaseTypeName)
	for i, name := range p.heads {
		columns = append(columns, store.Column{Name: name, Type: types.ColumnTypeDatabaseTypeName(i)})
	}
	return columns
}

func hand(rows driver.Rows, columns int, out store.Selected) error {
	row, values := make([]driver.Value, columns), make([]any, columns)
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range values {
			values[i] = plain(row[i])
		}
		if err := out.Row(values); err != nil {
			return err
		}
	}
}

// patience is how often a query that should end is interrupted: the mark is
// lost when the next step of it begins.
const patience = 5 * time.Millisecond

// guard interrupts what runs on a connection when ctx ends, or when the process
// has grown by more than may be; until stop is called, which waits.
func guard(ctx context.Context, conn mapping.Connection) (guarded context.Context, stop func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		begin := resident()
		for tick := time.NewTicker(patience); ; {
			select {
			case <-ended:
				tick.Stop()
				return
			case <-tick.C:
			}
			if guarded.Err() == nil && begin > 0 && resident() > begin+maxGrowth {
				cancel(refused(-1, "this query needs too much memory: ask for less at a time"))
			}
			if guarded.Err() != nil {
				mapping.Interrupt(conn)
			}
		}
	}()
	return guarded, func() {
		close(ended)
		<-watched
		cancel(nil)
	}
}
