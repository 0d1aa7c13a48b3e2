package duckdb

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/duckdb/duckdb-go/mapping"
)

// part is the events of a stretch of time, with the order to read them in. They
// are sorted here: DuckDB would copy all columns to sort them, which takes more
// time than reading them, and events lie nearly in order.
type part struct {
	result *result
	blocks []block
	order  []lying
}

// lying is where an event lies in a part.
type lying struct {
	time       int64
	block, row int32
}

// Columns of a part that events are ordered by.
const (
	idColumn   = 0
	timeColumn = 1
	skewColumn = 5 // what time is more than the original one, whose day is the id's
	siteColumn = 41
)

// gather asks for scanColumns of a part, which must be closed.
func gather(ctx context.Context, conn mapping.Connection, query string, parameters ...string) (*part, error) {
	r, err := ask(ctx, conn, query, parameters...)
	if err != nil {
		return nil, err
	}
	p := &part{result: r}
	for {
		b, more := r.fetch()
		if !more {
			b.close()
			break
		}
		for row := range b.rows {
			p.order = append(p.order, lying{b.int64(timeColumn, row), int32(len(p.blocks)), int32(row)})
		}
		p.blocks = append(p.blocks, b)
	}
	if !slices.IsSortedFunc(p.order, p.compare) {
		slices.SortFunc(p.order, p.compare)
	}
	return p, nil
}

// compare orders events by time, site, id and original time: an id comes again on another
// of its days only.
func (p *part) compare(a, b lying) int {
	if a.time != b.time {
		return cmp.Compare(a.time, b.time)
	}
	one, two := &p.blocks[a.block], &p.blocks[b.block]
	i, j, site := int(a.row), int(b.row), 0
	if len(one.columns) > siteColumn {
		site = bytes.Compare(one.bytes(siteColumn, i), two.bytes(siteColumn, j))
	}
	return cmp.Or(site, bytes.Compare(one.bytes(idColumn, i), two.bytes(idColumn, j)), cmp.Compare(two.int64(skewColumn, j), one.int64(skewColumn, i)))
}

func (p *part) close() {
	for i := range p.blocks {
		p.blocks[i].close()
	}
	p.result.close()
}
