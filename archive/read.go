package archive

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	"footfall/event"
)

// column is how a column's values become a field of an event: exactly one of
// text and number is set.
type column struct {
	name   string
	text   func(*event.Event) *string
	number func(*event.Event, int64)
	later  bool // objects from before it came don't have it
}

// columns are those of row, read one by one: several times faster than row by
// row, and equal texts of a column share their memory.
var columns = []column{
	{name: idColumn, text: func(e *event.Event) *string { return &e.ID }},
	{name: "type", text: func(e *event.Event) *string { return (*string)(&e.Kind) }},
	{name: "name", text: func(e *event.Event) *string { return &e.Name }},
	{name: "time", number: func(e *event.Event, n int64) { e.Time = instant(n) }},
	{name: originalColumn, number: func(e *event.Event, n int64) { e.Original = instant(n) }},
	{name: "sent_time", number: func(e *event.Event, n int64) { e.Sent = instant(n) }},
	{name: "received_time", number: func(e *event.Event, n int64) { e.Received = instant(n) }},
	{name: "skew_ms", number: func(e *event.Event, n int64) { e.Skew = time.Duration(n) * time.Millisecond }},
	{name: "flag", text: func(e *event.Event) *string { return &e.Flag }},
	{name: "user_id", text: func(e *event.Event) *string { return &e.UserID }},
	{name: "anonymous_id", text: func(e *event.Event) *string { return &e.AnonymousID }},
	{name: "group_id", text: func(e *event.Event) *string { return &e.GroupID }},
	{name: "previous_id", text: func(e *event.Event) *string { return &e.PreviousID }},
	{name: "visitor", number: func(e *event.Event, n int64) { e.Visitor = uint64(n) }},
	{name: "session", number: func(e *event.Event, n int64) { e.Session = uint64(n) }},
	{name: "host", text: func(e *event.Event) *string { return &e.Host }},
	{name: "path", text: func(e *event.Event) *string { return &e.Path }},
	{name: "search", text: func(e *event.Event) *string { return &e.Search }},
	{name: "title", text: func(e *event.Event) *string { return &e.Title }},
	{name: "referrer", text: func(e *event.Event) *string { return &e.Referrer }},
	{name: "referrer_class", text: func(e *event.Event) *string { return &e.Class }},
	{name: "source", text: func(e *event.Event) *string { return &e.Source }},
	{name: "utm_source", text: func(e *event.Event) *string { return &e.Campaign.Source }},
	{name: "utm_medium", text: func(e *event.Event) *string { return &e.Campaign.Medium }},
	{name: "utm_campaign", text: func(e *event.Event) *string { return &e.Campaign.Name }},
	{name: "utm_term", text: func(e *event.Event) *string { return &e.Campaign.Term }},
	{name: "utm_content", text: func(e *event.Event) *string { return &e.Campaign.Content }},
	{name: "country", text: func(e *event.Event) *string { return &e.Country }},
	{name: "device", text: func(e *event.Event) *string { return &e.Device }},
	{name: "browser", text: func(e *event.Event) *string { return &e.Browser }},
	{name: "os", text: func(e *event.Event) *string { return &e.OS }},
	{name: "bot", text: func(e *event.Event) *string { return &e.Bot }},
	{name: "channel", text: func(e *event.Event) *string { return &e.Channel }},
	{name: "properties", text: func(e *event.Event) *string { return &e.Properties }},
	{name: "traits", text: func(e *event.Event) *string { return &e.Traits }},
	{name: "context", text: func(e *event.Event) *string { return &e.Context }},
	{name: "region", later: true, text: func(e *event.Event) *string { return &e.Region }},
	{name: "city", later: true, text: func(e *event.Event) *string { return &e.City }},
	{name: "browser_version", later: true, text: func(e *event.Event) *string { return &e.BrowserVersion }},
	{name: "os_version", later: true, text: func(e *event.Event) *string { return &e.OSVersion }},
	{name: "language", later: true, text: func(e *event.Event) *string { return &e.Language }},
	{name: "screen", later: true, text: func(e *event.Event) *string { return &e.Screen }},
}

const (
	idColumn       = "message_id"
	originalColumn = "original_time"
	internMax      = 10_000 // different texts of a column that are shared; beyond, sharing does not pay
)

// instant is the time of a millisecond count; the zero time, which is the
// first instant of the year 1, comes back as such.
func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// decode appends the events of an object of the site to events.
func decode(f *parquet.File, site string, events []event.Event) ([]event.Event, error) {
	start := len(events)
	for range f.NumRows() {
		events = append(events, event.Event{Site: site})
	}
	for _, c := range columns {
		if _, there := f.Schema().Lookup(c.name); c.later && !there {
			continue
		}
		shared := map[string]string{}
		rows := events[start:]
		err := eachValue(f, c.name, func(row int64, v parquet.Value) {
			if row < int64(len(rows)) && !v.IsNull() {
				c.set(&rows[row], v, shared)
			}
		})
		if err != nil {
			return events[:start], err
		}
	}
	return events, nil
}

func (c *column) set(e *event.Event, v parquet.Value, shared map[string]string) {
	if c.number != nil {
		c.number(e, v.Int64())
		return
	}
	b := v.ByteArray()
	text, ok := shared[string(b)]
	if !ok {
		text = string(b)
		if len(shared) < internMax && c.name != idColumn {
			shared[text] = text
		}
	}
	*c.text(e) = text
}

// fetch reads an object, checking it against the manifest: a Parquet reader
// panics, or worse believes, what a damaged file says.
func fetch(ctx context.Context, objects Objects, o object) (*parquet.File, error) {
	r, err := objects.Open(ctx, o.Name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, o.Bytes)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("reading its %d bytes: %w", o.Bytes, err)
	}
	if crc32.Checksum(b, castagnoli) != o.Checksum {
		return nil, &damageError{"its checksum is not the manifest's"}
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), o.Bytes, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if v, _ := f.Lookup(formatKey); v != formatVersion {
		return nil, fmt.Errorf("archive format version %q, this program reads %q", v, formatVersion)
	}
	if f.NumRows() != o.Rows {
		return nil, fmt.Errorf("%d rows, the manifest says %d", f.NumRows(), o.Rows)
	}
	return f, nil
}

// decodeIDs calls fn with every event's id and original time in milliseconds,
// looking at nothing but those two columns.
func decodeIDs(f *parquet.File, fn func(id string, original int64)) error {
	originals := make([]int64, 0, f.NumRows())
	err := eachValue(f, originalColumn, func(_ int64, v parquet.Value) { originals = append(originals, v.Int64()) })
	if err != nil {
		return err
	}
	return eachValue(f, idColumn, func(row int64, v parquet.Value) {
		if row < int64(len(originals)) {
			fn(string(v.ByteArray()), originals[row])
		}
	})
}

// eachValue calls fn with every value of a column and the number of its row. A
// column that ends before the file's last row is an error.
func eachValue(f *parquet.File, name string, fn func(row int64, v parquet.Value)) error {
	leaf, ok := f.Schema().Lookup(name)
	if !ok {
		return fmt.Errorf("there is no column %s", name)
	}
	row := int64(0)
	for _, g := range f.RowGroups() {
		pages := g.ColumnChunks()[leaf.ColumnIndex].Pages()
		err := eachPage(pages, func(v parquet.Value) {
			fn(row, v)
			row++
		})
		pages.Close()
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	if row != f.NumRows() {
		return fmt.Errorf("column %s has %d of %d rows", name, row, f.NumRows())
	}
	return nil
}

func eachPage(pages parquet.Pages, fn func(parquet.Value)) error {
	var buffer [256]parquet.Value
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for values := page.Values(); err == nil; {
			var n int
			n, err = values.ReadValues(buffer[:])
			for _, v := range buffer[:n] {
				fn(v)
			}
		}
		parquet.Release(page)
		if err != io.EOF {
			return err
		}
	}
}
