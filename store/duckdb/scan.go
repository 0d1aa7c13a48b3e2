package duckdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/duckdb/duckdb-go/mapping"

	"footfall/event"
	"footfall/period"
)

const scanColumns = `site, time_ms, id, kind, name, skew_ms, received_lag_ms, sent_lag_ms, flag, user_id, anonymous_id, group_id, previous_id,
visitor, session, host, path, search, title, referrer, class, source, utm_source, utm_medium, utm_campaign, utm_term, utm_content,
country, device, browser, os, bot, channel, properties, traits, context,
region, city, browser_version, os_version, language, screen, day::BIGINT`

// scanRows is about how many events a part of a scan has. DuckDB hands a part over
// as a whole, so that a scan of any length needs the memory of two: one that is
// read, and the next.
const scanRows = 30_000

// Scan hands over events by time, part after part: what is written meanwhile may
// be among them or not. An event is good until fn returns, and so are its texts, which
// lie in DuckDB's memory: who keeps any of it makes a Clone.
func (s *Store) Scan(ctx context.Context, site string, w period.Window, fn func(*event.Event) error) error {
	where, args := "true", []string(nil)
	if site != "" {
		where, args = "site = ?", []string{site}
	}
	if !w.From.IsZero() || !w.To.IsZero() {
		where += fmt.Sprintf(" AND time_ms >= %d AND time_ms < %d", ceilMillis(w.From), ceilMillis(w.To))
	}
	o, err := s.reading()
	if err != nil {
		return err
	}
	conn, err := o.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("event store: %w", o.found(err))
	}
	defer conn.Close()
	var failed error // fn's is returned as it is
	err = conn.Raw(func(c any) error {
		x := &scanner{where: where, args: args, most: s.part, parts: make(chan *part), fn: func(e *event.Event) error {
			failed = fn(e)
			return failed
		}}
		x.texts = textsOf(&x.e)
		if x.conn, err = handle(c.(driver.Conn)); err != nil {
			return err
		}
		return x.run(ctx)
	})
	if failed != nil || err == nil {
		return failed
	}
	return fmt.Errorf("event store: %w", o.found(err))
}

// scanner is a scan under way.
type scanner struct {
	conn  mapping.Connection
	where string
	args  []string
	most  int64 // events of a part, about
	parts chan *part
	fn    func(*event.Event) error
	e     event.Event
	texts []field // of e
}

// field is a text of an event, and its column in scanColumns.
type field struct {
	column int
	text   *string
}

func textsOf(e *event.Event) (all []field) {
	c := &e.Campaign
	for i, text := range [...]*string{0: &e.Site, 2: &e.ID, 3: (*string)(&e.Kind), 4: &e.Name, 8: &e.Flag, 9: &e.UserID, 10: &e.AnonymousID, 11: &e.GroupID, 12: &e.PreviousID,
		15: &e.Host, 16: &e.Path, 17: &e.Search, 18: &e.Title, 19: &e.Referrer, 20: &e.Class, 21: &e.Source, 22: &c.Source, 23: &c.Medium, 24: &c.Name, 25: &c.Term, 26: &c.Content,
		27: &e.Country, 28: &e.Device, 29: &e.Browser, 30: &e.OS, 31: &e.Bot, 32: &e.Channel, 33: &e.Properties, 34: &e.Traits, 35: &e.Context,
		36: &e.Region, 37: &e.City, 38: &e.BrowserVersion, 39: &e.OSVersion, 40: &e.Language, 41: &e.Screen} {
		if text != nil {
			all = append(all, field{i, text})
		}
	}
	return all
}

// run asks for parts in a goroutine of its own, while those before are handed over.
func (x *scanner) run(ctx context.Context) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var asked, handed error
	go func() {
		defer close(x.parts)
		asked = x.hours(asking, time.Hour.Milliseconds(), x.where)
	}()
	for p := range x.parts {
		if handed == nil {
			handed = x.hand(ctx, p)
		}
		p.close()
		if handed != nil {
			stop()
		}
	}
	if handed != nil {
		return handed
	}
	return asked
}

// stretch is events of some time, in milliseconds since 1970.
type stretch struct{ from, to, rows int64 }

// hours cuts what is within a condition at multiples of width milliseconds, and
// hands it over in parts of about scanRows events. More than some times so many in
// one width are cut finer.
func (x *scanner) hours(ctx context.Context, width int64, within string) error {
	r, err := ask(ctx, x.conn, fmt.Sprintf("SELECT from_ms, count(*) FROM (SELECT time_ms - ((time_ms %% %d) + %[1]d) %% %[1]d AS from_ms FROM events WHERE %s) GROUP BY ALL ORDER BY ALL", width, within), x.args...)
	if err != nil {
		return err
	}
	var parts []stretch
	for r.next() {
		for row := range r.rows {
			from, n := r.int64(0, row), r.int64(1, row)
			if last := len(parts) - 1; last >= 0 && parts[last].rows+n <= x.most {
				parts[last].to, parts[last].rows = from+width, parts[last].rows+n
				continue
			}
			parts = append(parts, stretch{from, from + width, n})
		}
	}
	r.close()
	for _, p := range parts {
		part := fmt.Sprintf("%s AND time_ms >= %d AND time_ms < %d", x.where, p.from, p.to)
		if p.rows > 3*x.most && width > 1 {
			err = x.hours(ctx, max(width/60, 1), part)
		} else {
			err = x.part(ctx, part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// part asks for a part, and waits until it can be handed over.
func (x *scanner) part(ctx context.Context, within string) error {
	p, err := gather(ctx, x.conn, "SELECT "+scanColumns+" FROM events WHERE "+within, x.args...)
	if err != nil {
		return err
	}
	select {
	case x.parts <- p:
		return nil
	case <-ctx.Done():
		p.close()
		return ctx.Err()
	}
}

// hand hands over the events of a part.
func (x *scanner) hand(ctx context.Context, p *part) error {
	for i, at := range p.order {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := x.fn(x.read(&p.blocks[at.block], int(at.row))); err != nil {
			return err
		}
	}
	return nil
}

// read makes the event of a row, which is overwritten by the next.
func (x *scanner) read(r *block, row int) *event.Event {
	e := &x.e
	for _, f := range x.texts {
		*f.text = r.lent(f.column, row)
	}
	at, skew, received := r.int64(1, row), r.int64(5, row), r.int64(6, row)
	e.Time = time.UnixMilli(at).UTC()
	e.Original, e.Received, e.Sent, e.Skew = time.UnixMilli(at-skew).UTC(), time.UnixMilli(at+received).UTC(), time.Time{}, 0
	if !r.null(7, row) {
		e.Sent = time.UnixMilli(at + received - r.int64(7, row)).UTC()
	}
	if e.Flag != "" {
		e.Skew = time.Duration(skew) * time.Millisecond
	}
	e.Visitor, e.Session = uint64(r.int64(13, row)), uint64(r.int64(14, row))
	return e
}
