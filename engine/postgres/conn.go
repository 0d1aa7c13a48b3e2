package postgres

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes connections that take SQL as it is written for SQLite.
type connector struct{ driver.Connector }

// Connect is driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{made.(*stdlib.Conn)}, nil
}

type conn struct{ *stdlib.Conn }

// QueryContext is driver.QueryerContext.
func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, rebind(query, len(args)), args)
}

// ExecContext is driver.ExecerContext.
func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, rebind(query, len(args)), args)
}

// CheckNamedValue is driver.NamedValueChecker.
func (c conn) CheckNamedValue(v *driver.NamedValue) (err error) {
	if v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value); err != nil {
		return err
	}
	switch is := v.Value.(type) {
	case bool:
		v.Value = int64(0)
		if is {
			v.Value = int64(1)
		}
	case string:
		v.Value = clean(is)
	}
	return nil
}

// clean is a text without what PostgreSQL refuses.
func clean(s string) string {
	const instead = "\uFFFD"
	if s = strings.ToValidUTF8(s, instead); strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", instead)
	}
	return s
}

// rebind writes parameters as PostgreSQL has them: ? and ?1 become $1. Without
// values there are none. What stands between single quotes stays.
func rebind(query string, values int) string {
	if values == 0 || strings.IndexByte(query, '?') < 0 {
		return query
	}
	var out strings.Builder
	out.Grow(len(query) + 2*values)
	n, quoted := 0, false
	for i := 0; i < len(query); i++ {
		c := query[i]
		quoted = quoted != (c == '\'')
		if c != '?' || quoted {
			out.WriteByte(c)
			continue
		}
		out.WriteByte('$')
		if i+1 < len(query) && query[i+1] >= '0' && query[i+1] <= '9' {
			continue // it has its number
		}
		n++
		out.WriteString(strconv.Itoa(n))
	}
	return out.String()
}
