package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"footfall/event"
)

// Snapshot is the store at one moment, in a read transaction of its own
// connection: what is written meanwhile does not show. It does not hold up the
// writer, but the write-ahead log grows until it is closed. It is for one
// goroutine at a time. A query that is interrupted ends it: take another then.
type Snapshot struct {
	held
	at   event.Position
	rows int // of a slice
}

// Snapshot takes a snapshot of what is stored.
func (s *Store) Snapshot(ctx context.Context) (*Snapshot, error) {
	h, err := s.hold(ctx)
	if err != nil {
		return nil, fmt.Errorf("event store: snapshot: %w", err)
	}
	p := &Snapshot{held: h, rows: sliceRows}
	if err := p.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("event store: snapshot: %w", err), p.Close())
	}
	return p, nil
}

// begin starts the transaction. It sees what is committed before it first
// reads, which is the position.
func (p *Snapshot) begin(ctx context.Context) error {
	if _, err := p.conn.(driver.ExecerContext).ExecContext(ctx, "BEGIN TRANSACTION READ ONLY", nil); err != nil {
		return p.opened.found(err)
	}
	return p.each(ctx, "SELECT epoch, seq, total FROM state", nil, 3, func(row []driver.Value) {
		p.at = event.Position{Epoch: row[0].(uint64), Seq: row[1].(uint64), Total: row[2].(uint64)}
	})
}

// Position is in the queue: every event up to it is in the snapshot.
func (p *Snapshot) Position() event.Position { return p.at }

// Sites lists the sites that have events, in order.
func (p *Snapshot) Sites(ctx context.Context) (sites []string, err error) {
	err = p.each(ctx, "SELECT DISTINCT site FROM events ORDER BY site", nil, 1, func(row []driver.Value) {
		sites = append(sites, row[0].(string))
	})
	return sites, wrapped(err)
}

// Days lists the UTC days on which a site has events, by their time, in order.
func (p *Snapshot) Days(ctx context.Context, site string) (days []event.Day, err error) {
	// Division cuts towards zero, but days before 1970 begin earlier, too.
	err = p.each(ctx, "SELECT DISTINCT (time_ms - ((time_ms % 86400000) + 86400000) % 86400000) // 86400000 AS day FROM events WHERE site = ? ORDER BY day",
		[]any{site}, 1, func(row []driver.Value) { days = append(days, event.Day(row[0].(int64))) })
	return days, wrapped(err)
}

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("event store: snapshot: %w", err)
}

// usable is nil if a question can be asked. A dead context must not come as far
// as DuckDB, whose transaction would be lost.
func (p *Snapshot) usable(ctx context.Context) error {
	if p.conn == nil {
		return errors.New("it is closed")
	}
	return ctx.Err()
}

// each hands over the rows of a query that has few.
func (p *Snapshot) each(ctx context.Context, query string, args []any, columns int, fn func(row []driver.Value)) (err error) {
	defer func() { err = p.opened.found(err) }()
	if err := p.usable(ctx); err != nil {
		return err
	}
	named := make([]driver.NamedValue, len(args))
	for i, x := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: x}
	}
	rows, err := p.conn.(driver.QueryerContext).QueryContext(ctx, query, named)
	if err != nil {
		return err
	}
	defer rows.Close()
	row := make([]driver.Value, columns)
	for {
		switch err := rows.Next(row); err {
		case nil:
			fn(row)
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// sliceRows is about how many events a slice of a walk has. DuckDB hands over a
// result as a whole: in slices, a walk of any length needs some 100 MB.
const sliceRows = 400_000

// Walk hands over a site's events from one time up to another, ordered by
// visitor, then time, then arrival. Of an event it fills what bins.Tally needs:
// site, kind, name, time, visitor, bot, path, source, class, country, device,
// browser, OS, the campaign's source, medium and name, and the properties of
// trade events. In the same order come the page views of people whose session may go
// on behind: see beyond. Of known visitors (those with a user's or an anonymous id, no
// bots) it hands over only what views, trades or identifies, ordered by the id,
// and fills site, kind, name, time, both ids, the properties of trade events and
// the traits of identify. The event is only valid until fn returns; its texts stay.
func (p *Snapshot) Walk(ctx context.Context, site string, from, to time.Time, known bool, fn func(*event.Event) error) error {
	by, out := byVisitor, newWalker(site)
	if known {
		by, out.read = byKnown, out.known
	}
	within := fmt.Sprintf("site = ? AND time_ms >= %d AND time_ms < %d AND %s", ceilMillis(from), ceilMillis(to), by.only)
	rows, sites := fmt.Sprintf("SELECT %s, rowid AS stored FROM events WHERE %s", by.columns, within), []string{site}
	if !known {
		rows, sites = rows+" UNION ALL "+beyond(ceilMillis(from), ceilMillis(to)), []string{site, site, site}
	}
	slices, err := p.slices(ctx, by, site, within)
	if err != nil {
		return wrapped(err)
	}
	for _, slice := range slices {
		query := fmt.Sprintf("SELECT * FROM (%s) WHERE true%s ORDER BY %s, time_ms, stored", rows, slice.where, by.id)
		if err := p.walkSlice(ctx, out, query, append(sites[:len(sites):len(sites)], slice.ids...), fn); err != nil {
			return err
		}
	}
	return nil
}

// beyond is the page views of the sessionDay behind a stretch of time, of people with
// one in the last sessionGap of it: of their sessions it is told how long they are.
// Nothing else of such a view is read.
func beyond(from, to int64) string {
	views := func(from, to int64) string {
		return fmt.Sprintf("site = ? AND time_ms >= %d AND time_ms < %d AND bot = '' AND visitor <> 0 AND %s", from, to, isView)
	}
	return fmt.Sprintf("SELECT time_ms, visitor, kind%s, NULL, rowid FROM events WHERE %s AND visitor IN (SELECT visitor FROM events WHERE %s)",
		strings.Repeat(", ''", 12), views(to, to+sessionDay), views(max(from, to-sessionGap), to))
}

// order is what a walk goes by, and what it reads.
type order struct {
	id      string // expression
	as      string // its type
	only    string // condition
	columns string
}

var byVisitor = order{"visitor", "UBIGINT", "true", `time_ms, visitor, kind, name, bot, path, source, class, country, device, browser, os, utm_source, utm_medium, utm_campaign,
CASE WHEN trade IS NOT NULL THEN properties END AS traded`}

// Absent ids are NULL. Texts are ordered by their bytes.
var byKnown = order{"coalesce(user_id, anonymous_id)", "VARCHAR",
	"bot = '' AND coalesce(user_id, anonymous_id) IS NOT NULL AND (kind IN ('page', 'screen', 'identify') OR trade IS NOT NULL)",
	"time_ms, kind, name, user_id, anonymous_id, CASE WHEN trade IS NOT NULL THEN properties END, CASE WHEN kind = 'identify' THEN traits END"}

// place is a point in the order of a walk.
type place struct {
	id   string
	time int64
}

// slice is a condition that cuts a piece out of a walk, with the ids in it.
type slice struct {
	where string
	ids   []string
}

// slices cuts a walk into pieces, in order.
func (p *Snapshot) slices(ctx context.Context, by order, site, within string) ([]slice, error) {
	var n int64
	if err := p.each(ctx, "SELECT count(*) FROM events WHERE "+within, []any{site}, 1, func(row []driver.Value) { n = row[0].(int64) }); err != nil {
		return nil, err
	}
	if n <= 2*int64(p.rows) {
		return []slice{{}}, nil
	}
	// Where slices begin is taken from a part of the events: a slice may have
	// more or less, but together they have everything.
	const part = 64
	var begins []place
	err := p.each(ctx, fmt.Sprintf(`SELECT id::VARCHAR, time_ms FROM (SELECT id, time_ms, row_number() OVER (ORDER BY id, time_ms) AS n
FROM (SELECT %s AS id, time_ms FROM events WHERE %s AND rowid %% %d = 0)) WHERE n %% %d = 0 ORDER BY n`, by.id, within, part, max(1, p.rows/part)), []any{site}, 2,
		func(row []driver.Value) { begins = append(begins, place{row[0].(string), row[1].(int64)}) })
	if err != nil {
		return nil, err
	}
	return by.between(begins), nil
}

// between is slices for what lies before, between and behind places.
func (by order) between(begins []place) []slice {
	var slices []slice
	var lower slice
	for i, b := range begins {
		if i > 0 && b == begins[i-1] {
			continue
		}
		// The first half of each alone lets DuckDB skip what it need not read.
		next, ids := by.id, []string{b.id, b.id}
		slices = append(slices, slice{lower.where + fmt.Sprintf(" AND %s <= ?::%s AND (%s < ?::%s OR time_ms < %d)", next, by.as, next, by.as, b.time),
			append(lower.ids[:len(lower.ids):len(lower.ids)], ids...)})
		lower = slice{fmt.Sprintf(" AND %s >= ?::%s AND (%s > ?::%s OR time_ms >= %d)", next, by.as, next, by.as, b.time), ids}
	}
	return append(slices, lower)
}

func (p *Snapshot) walkSlice(ctx context.Context, out *walker, query string, parameters []string, fn func(*event.Event) error) error {
	if err := p.usable(ctx); err != nil {
		return wrapped(err)
	}
	conn, err := handle(p.conn)
	if err != nil {
		return wrapped(err)
	}
	r, err := ask(ctx, conn, query, parameters...)
	if err != nil {
		return wrapped(p.opened.found(err))
	}
	defer r.close()
	for r.next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		for row := range r.rows {
			if err := fn(out.read(&r.block, row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// walker makes events of the rows of a walk. Texts repeat: each is made once.
type walker struct {
	site  string
	e     event.Event
	texts [13]repeated                         // by column, from kind
	read  func(r *block, row int) *event.Event // makes the event of a row, which is overwritten by the next
}

func newWalker(site string) *walker {
	w := &walker{site: site}
	w.read = w.tallied
	return w
}

// tallied reads the columns of byVisitor.
func (w *walker) tallied(r *block, row int) *event.Event {
	text := func(i int) string { return r.text(&w.texts[i], i+2, row) }
	w.e = event.Event{
		Site: w.site, Time: time.UnixMilli(r.int64(0, row)).UTC(), Visitor: uint64(r.int64(1, row)),
		Kind: event.Kind(text(0)), Name: text(1), Bot: text(2), Path: text(3), Source: text(4), Class: text(5), Country: text(6),
		Device: text(7), Browser: text(8), OS: text(9),
		Campaign:   event.Campaign{Source: text(10), Medium: text(11), Name: text(12)},
		Properties: r.text(nil, 15, row), // seldom the same
	}
	return &w.e
}

// known reads the columns of byKnown.
func (w *walker) known(r *block, row int) *event.Event {
	text := func(i int) string { return r.text(&w.texts[i], i+1, row) }
	w.e = event.Event{
		Site: w.site, Time: time.UnixMilli(r.int64(0, row)).UTC(), Kind: event.Kind(text(0)), Name: text(1), UserID: text(2), AnonymousID: text(3),
		Properties: r.text(nil, 5, row), Traits: r.text(nil, 6, row),
	}
	return &w.e
}
