package archive

import (
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"footfall/event"
)

// row is one event as it lies in a Parquet object; the site is in the object's
// name only. Labels are dictionary-encoded; a column whose values turn out to
// be all different falls back to plain by itself (dictionaryMax). Times are
// nearly in order, so their differences are stored.
type row struct {
	ID          string `parquet:"message_id,delta"`
	Kind        string `parquet:"type,dict"`
	Name        string `parquet:"name,dict"`
	Time        int64  `parquet:"time,timestamp(millisecond),delta"`
	Original    int64  `parquet:"original_time,timestamp(millisecond),delta"`
	Sent        *int64 `parquet:"sent_time,timestamp(millisecond),optional"`
	Received    int64  `parquet:"received_time,timestamp(millisecond),delta"`
	Skew        int64  `parquet:"skew_ms,delta"`
	Flag        string `parquet:"flag,dict"`
	UserID      string `parquet:"user_id,dict"`
	AnonymousID string `parquet:"anonymous_id,dict"`
	GroupID     string `parquet:"group_id,dict"`
	PreviousID  string `parquet:"previous_id,dict"`
	Visitor     uint64 `parquet:"visitor,dict"`
	Session     uint64 `parquet:"session,dict"`
	Host        string `parquet:"host,dict"`
	Path        string `parquet:"path,dict"`
	Search      string `parquet:"search,dict"`
	Title       string `parquet:"title,dict"`
	Referrer    string `parquet:"referrer,dict"`
	Class       string `parquet:"referrer_class,dict"`
	Source      string `parquet:"source,dict"`
	UTMSource   string `parquet:"utm_source,dict"`
	UTMMedium   string `parquet:"utm_medium,dict"`
	UTMCampaign string `parquet:"utm_campaign,dict"`
	UTMTerm     string `parquet:"utm_term,dict"`
	UTMContent  string `parquet:"utm_content,dict"`
	Country     string `parquet:"country,dict"`
	Device      string `parquet:"device,dict"`
	Browser     string `parquet:"browser,dict"`
	OS          string `parquet:"os,dict"`
	Bot         string `parquet:"bot,dict"`
	Channel     string `parquet:"channel,dict"`
	Properties  string `parquet:"properties,dict"`
	Traits      string `parquet:"traits,dict"`
	Context     string `parquet:"context,dict"`
}

const (
	formatKey     = "footfall.archive" // key in the Parquet metadata that holds the version
	formatVersion = "1"

	chunk         = 1024      // rows converted at a time
	groupRows     = 122_880   // rows of a row group: what a reader must hold, and the writer too
	dictionaryMax = 1 << 20   // bytes of a column's dictionary before it is given up
	pageBytes     = 256 << 10 // of a column before it is compressed
)

// encoder makes Parquet objects, reusing its buffers.
type encoder struct {
	w    *parquet.GenericWriter[row]
	rows []row
	sent []int64
}

func newEncoder() *encoder {
	return &encoder{
		w: parquet.NewGenericWriter[row](io.Discard,
			// Below this level the encoder stores pages without repetition, such
			// as random ids, as they are.
			parquet.Compression(&zstd.Codec{Level: zstd.SpeedBetterCompression}),
			parquet.MaxRowsPerRowGroup(groupRows),
			parquet.DictionaryMaxBytes(dictionaryMax),
			parquet.PageBufferSize(pageBytes),
			// For sent_time: a tag can't ask a column that may be null for it.
			parquet.DefaultEncodingFor(parquet.Int64, &parquet.DeltaBinaryPacked),
			parquet.CreatedBy("footfall", formatVersion, ""),
			parquet.KeyValueMetadata(formatKey, formatVersion),
		),
		rows: make([]row, chunk),
		sent: make([]int64, chunk),
	}
}

// encode writes the events at the given indexes as one object and returns its size in bytes.
func (c *encoder) encode(w io.Writer, events []event.Event, index []int32) (int64, error) {
	count := counter{w: w}
	c.w.Reset(&count)
	for len(index) > 0 {
		n := min(len(index), chunk)
		for i, at := range index[:n] {
			c.rows[i].from(&events[at], &c.sent[i])
		}
		if _, err := c.w.Write(c.rows[:n]); err != nil {
			return 0, err
		}
		index = index[n:]
	}
	clear(c.rows) // let go of the events' texts
	err := c.w.Close()
	return count.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// from fills the row; sent is memory for the one column that can be null.
func (r *row) from(e *event.Event, sent *int64) {
	*r = row{
		ID: e.ID, Kind: string(e.Kind), Name: e.Name,
		Time: e.Time.UnixMilli(), Original: e.Original.UnixMilli(), Received: e.Received.UnixMilli(),
		Skew: e.Skew.Milliseconds(), Flag: e.Flag,
		UserID: e.UserID, AnonymousID: e.AnonymousID, GroupID: e.GroupID, PreviousID: e.PreviousID,
		Visitor: e.Visitor, Session: e.Session,
		Host: e.Host, Path: e.Path, Search: e.Search, Title: e.Title, Referrer: e.Referrer, Class: e.Class, Source: e.Source,
		UTMSource: e.Campaign.Source, UTMMedium: e.Campaign.Medium, UTMCampaign: e.Campaign.Name,
		UTMTerm: e.Campaign.Term, UTMContent: e.Campaign.Content,
		Country: e.Country, Device: e.Device, Browser: e.Browser, OS: e.OS, Bot: e.Bot, Channel: e.Channel,
		Properties: e.Properties, Traits: e.Traits, Context: e.Context,
	}
	if !e.Sent.IsZero() {
		*sent = e.Sent.UnixMilli()
		r.Sent = sent
	}
}

// event is the row as an event of the site.
func (r *row) event(site string) event.Event {
	e := event.Event{
		ID: r.ID, Site: site, Kind: event.Kind(r.Kind), Name: r.Name,
		Time: instant(r.Time), Original: instant(r.Original), Received: instant(r.Received),
		Skew: time.Duration(r.Skew) * time.Millisecond, Flag: r.Flag,
		UserID: r.UserID, AnonymousID: r.AnonymousID, GroupID: r.GroupID, PreviousID: r.PreviousID,
		Visitor: r.Visitor, Session: r.Session,
		Host: r.Host, Path: r.Path, Search: r.Search, Title: r.Title, Referrer: r.Referrer, Class: r.Class, Source: r.Source,
		Campaign: event.Campaign{Source: r.UTMSource, Medium: r.UTMMedium, Name: r.UTMCampaign, Term: r.UTMTerm, Content: r.UTMContent},
		Country:  r.Country, Device: r.Device, Browser: r.Browser, OS: r.OS, Bot: r.Bot, Channel: r.Channel,
		Properties: r.Properties, Traits: r.Traits, Context: r.Context,
	}
	if r.Sent != nil {
		e.Sent = instant(*r.Sent)
	}
	return e
}

// instant is the time of a millisecond count; the zero time, which is the
// first instant of the year 1, comes back as such.
func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// decode appends the object's events to events.
func decode(o Object, site string, events []event.Event) ([]event.Event, error) {
	f, err := openParquet(o)
	if err != nil {
		return events, err
	}
	r := parquet.NewGenericReader[row](f)
	defer r.Close()
	rows := make([]row, chunk)
	for {
		n, err := r.Read(rows)
		for i := range rows[:n] {
			events = append(events, rows[i].event(site))
		}
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
	}
}

func openParquet(o Object) (*parquet.File, error) {
	f, err := parquet.OpenFile(o, o.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if v, _ := f.Lookup(formatKey); v != formatVersion {
		return nil, fmt.Errorf("archive format version %q, this program reads %q", v, formatVersion)
	}
	return f, nil
}

// decodeIDs calls fn with every event's id and original time in milliseconds,
// reading nothing but those two columns.
func decodeIDs(o Object, fn func(id string, original int64)) error {
	f, err := openParquet(o)
	if err != nil {
		return err
	}
	idColumn, _ := f.Schema().Lookup("message_id")
	timeColumn, _ := f.Schema().Lookup("original_time")
	for _, g := range f.RowGroups() {
		chunks := g.ColumnChunks()
		ids := columnValues{pages: chunks[idColumn.ColumnIndex].Pages()}
		times := columnValues{pages: chunks[timeColumn.ColumnIndex].Pages()}
		err := pair(&ids, &times, int(g.NumRows()), fn)
		ids.pages.Close()
		times.pages.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func pair(ids, times *columnValues, rows int, fn func(string, int64)) error {
	for range rows {
		id, err := ids.next()
		if err != nil {
			return err
		}
		t, err := times.next()
		if err != nil {
			return err
		}
		fn(string(id.ByteArray()), t.Int64())
	}
	return nil
}

// columnValues walks through the values of a column chunk.
type columnValues struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer [256]parquet.Value
	i, n   int
}

func (c *columnValues) next() (parquet.Value, error) {
	for c.i == c.n {
		if c.values != nil {
			n, err := c.values.ReadValues(c.buffer[:])
			c.i, c.n = 0, n
			if n > 0 {
				break
			}
			if err != io.EOF && err != nil {
				return parquet.Value{}, err
			}
			parquet.Release(c.page)
		}
		page, err := c.pages.ReadPage()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			c.values = nil
			return parquet.Value{}, err
		}
		c.page, c.values = page, page.Values()
	}
	c.i++
	return c.buffer[c.i-1], nil
}
