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

// scanColumns are what an event is made of, behind them its site where that is not known.
const scanColumns = `id, time_ms, screen, kind, name, skew_ms, received_lag_ms, sent_lag_ms, flag, user_id, anonymous_id, group_id, previous_id,
visitor, session, host, path, search, title, referrer, class, source, utm_source, utm_medium, utm_campaign, utm_term, utm_content,
country, device, browser, os, bot, channel, properties, traits, context,
region, city, browser_version, os_version, language`

// scanRows is about how many events a part of a scan has. DuckDB hands a part over
// as a whole, so that a scan of any length needs the memory of two: one that is
// read, and the next.
const scanRows = 30_000

// Scan hands over events by time, part after part: what is written meanwhile may
// be among them or not. An event is good until fn returns, and so are its texts, which
// lie in DuckDB's memory: who keeps any of it makes a Clone.
func (s *Store) Scan(ctx context.Context, site string, w period.Window, fn func(*event.Event) error) error {
	o, err := s.reading()
	if err != nil {
		return err
	}
	var failed error // fn's is returned as it is
	err = o.lend(ctx, func(conn mapping.Connection) error {
		x := newScanner(conn, site, w)
		x.fn = func(e *event.Event) error {
			failed = fn(e)
			return failed
		}
		return x.run(ctx, s.part)
	})
	if failed != nil || err == nil {
		return failed
	}
	return fmt.Errorf("event store: %w", o.found(err))
}

// lend lends a connection until fn returns.
func (o *opening) lend(ctx context.Context, fn func(mapping.Connection) error) error {
	conn, err := o.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		of, err := handle(c.(driver.Conn))
		if err != nil {
			return err
		}
		return fn(of)
	})
}

// scanner reads events of a site, "" is all, and of a window, zero is all.
type scanner struct {
	conn  mapping.Connection
	where string
	args  []string
	sites string // the site's column, if it is not known
	fn    func(*event.Event) error
	e     event.Event
	texts []field // of e
}

func newScanner(conn mapping.Connection, site string, w period.Window) *scanner {
	x := &scanner{conn: conn, where: "true", sites: ", site"}
	x.texts = textsOf(&x.e)
	if site != "" {
		x.where, x.args, x.sites, x.e.Site = "site = ?", []string{site}, "", site
	} else {
		x.texts = append(x.texts, field{siteColumn, &x.e.Site})
	}
	if !w.From.IsZero() || !w.To.IsZero() {
		x.where += fmt.Sprintf(" AND time_ms >= %d AND time_ms < %d", ceilMillis(w.From), ceilMillis(w.To))
	}
	return x
}

// field is a text of an event, and its column in scanColumns.
type field struct {
	column int
	text   *string
}

func textsOf(e *event.Event) (all []field) {
	c := &e.Campaign
	for i, text := range [...]*string{idColumn: &e.ID, 2: &e.Screen, 3: (*string)(&e.Kind), 4: &e.Name, 8: &e.Flag, 9: &e.UserID, 10: &e.AnonymousID, 11: &e.GroupID, 12: &e.PreviousID,
		15: &e.Host, 16: &e.Path, 17: &e.Search, 18: &e.Title, 19: &e.Referrer, 20: &e.Class, 21: &e.Source, 22: &c.Source, 23: &c.Medium, 24: &c.Name, 25: &c.Term, 26: &c.Content,
		27: &e.Country, 28: &e.Device, 29: &e.Browser, 30: &e.OS, 31: &e.Bot, 32: &e.Channel, 33: &e.Properties, 34: &e.Traits, 35: &e.Context,
		36: &e.Region, 37: &e.City, 38: &e.BrowserVersion, 39: &e.OSVersion, 40: &e.Language} {
		if text != nil {
			all = append(all, field{i, text})
		}
	}
	return all
}

// run asks for parts in a goroutine of its own, while those before are handed over.
func (x *scanner) run(ctx context.Context, most int64) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var asked, handed error
	parts := make(chan *part)
	go func() {
		defer close(parts)
		asked = x.ask(asking, most, parts)
	}()
	for p := range parts {
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

// ask asks for one part after the other, and waits until each can be handed over.
func (x *scanner) ask(ctx context.Context, most int64, parts chan<- *part) error {
	all, err := x.plan(ctx, most)
	if err != nil {
		return err
	}
	for _, of := range all {
		p, err := x.gather(ctx, of)
		if err != nil {
			return err
		}
		select {
		case parts <- p:
		case <-ctx.Done():
			p.close()
			return ctx.Err()
		}
	}
	return nil
}

// stretch is events of some time, in milliseconds since 1970.
type stretch struct{ from, to, rows int64 }

func (x *scanner) within(of stretch) string {
	return fmt.Sprintf("%s AND time_ms >= %d AND time_ms < %d", x.where, of.from, of.to)
}

// plan cuts the events into parts of about most.
func (x *scanner) plan(ctx context.Context, most int64) ([]stretch, error) {
	return x.cut(ctx, nil, most, time.Hour.Milliseconds(), x.where)
}

// cut cuts what is within a condition at multiples of width milliseconds. More than
// some times too many in one width are cut finer.
func (x *scanner) cut(ctx context.Context, parts []stretch, most, width int64, within string) ([]stretch, error) {
	r, err := ask(ctx, x.conn, fmt.Sprintf("SELECT from_ms, count(*) FROM (SELECT time_ms - ((time_ms %% %d) + %[1]d) %% %[1]d AS from_ms FROM events WHERE %s) GROUP BY ALL ORDER BY ALL", width, within), x.args...)
	if err != nil {
		return nil, err
	}
	var cut []stretch
	for r.next() {
		for row := range r.rows {
			from, n := r.int64(0, row), r.int64(1, row)
			if last := len(cut) - 1; last >= 0 && cut[last].rows+n <= most {
				cut[last].to, cut[last].rows = from+width, cut[last].rows+n
				continue
			}
			cut = append(cut, stretch{from, from + width, n})
		}
	}
	r.close()
	for _, p := range cut {
		if p.rows <= 3*most || width == 1 {
			parts = append(parts, p)
		} else if parts, err = x.cut(ctx, parts, most, max(width/60, 1), x.within(p)); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// gather asks for a part.
func (x *scanner) gather(ctx context.Context, of stretch) (*part, error) {
	return gather(ctx, x.conn, "SELECT "+scanColumns+x.sites+" FROM events WHERE "+x.within(of), x.args...)
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
