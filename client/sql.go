package client

import "context"

// SQL is a query over events, orders and commissions, in the dialect of docs/sql.md.
type SQL struct {
	Query  string         `json:"query"`
	Params map[string]any `json:"params,omitempty"` // values of $name in the query: texts, numbers, booleans and nil
}

// Rows is the answer to one.
type Rows struct {
	Columns []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"columns"`
	Rows [][]any `json:"rows"` // a value for each column, as JSON has it: times are texts, such as 2024-03-01 14:30:00.000, in UTC
}

// SQL asks a query. It needs a key of the scope sql. What the server refuses is an
// *Error, which names the line and column of the query where it can.
func (c Client) SQL(ctx context.Context, q SQL) (*Rows, error) {
	return posted[Rows](ctx, c, "/v1/sql", q)
}
