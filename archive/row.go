package archive

import (
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"footfall/event"
)

// row is one event as it lies in a Parquet object; the site is in the object's
// name only. Labels are dictionary-encoded; a column whose values turn out to
// be all different falls back to plain by itself (dictionaryMax). Times are
// nearly in order, so their differences are stored. Absent JSON and an unknown
// time of sending are null, any other absent text is empty.
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
	Properties  string `parquet:"properties,optional,dict"`
	Traits      string `parquet:"traits,optional,dict"`
	Context     string `parquet:"context,optional,dict"`

	Region         string `parquet:"region,dict"` // these are not in objects from before they came
	City           string `parquet:"city,dict"`
	BrowserVersion string `parquet:"browser_version,dict"`
	OSVersion      string `parquet:"os_version,dict"`
	Language       string `parquet:"language,dict"`
	Screen         string `parquet:"screen,dict"`
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
		w: parquet.NewGenericWriter[row](io.Discard, append(unbounded(),
			// The fastest level stores pages without repetition, such as random
			// ids, as they are: 46.6 bytes a row where this one makes 34.7.
			parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
			parquet.MaxRowsPerRowGroup(groupRows),
			parquet.DictionaryMaxBytes(dictionaryMax),
			parquet.PageBufferSize(pageBytes),
			// For sent_time: a tag can't ask a column that may be null for it.
			parquet.DefaultEncodingFor(parquet.Int64, &parquet.DeltaBinaryPacked),
			parquet.CreatedBy("footfall", formatVersion, ""),
			parquet.KeyValueMetadata(formatKey, formatVersion),
		)...),
		rows: make([]row, chunk),
		sent: make([]int64, chunk),
	}
}

// unbounded leaves the least and greatest text out of each page: nobody skips a
// page for them, and finding them took a quarter of the time.
func unbounded() (options []parquet.WriterOption) {
	for _, column := range parquet.SchemaOf(row{}).Columns() {
		if leaf, _ := parquet.SchemaOf(row{}).Lookup(column...); leaf.Node.Type().Kind() == parquet.ByteArray {
			options = append(options, parquet.SkipPageBounds(column...), parquet.SkipPageStatistics(column...))
		}
	}
	return options
}

// encode writes the events at the given indexes as one object and returns its
// size in bytes and its checksum.
func (c *encoder) encode(w io.Writer, events []event.Event, index []int) (size int64, checksum uint32, err error) {
	sum := summer{w: w}
	c.w.Reset(&sum)
	for len(index) > 0 {
		n := min(len(index), chunk)
		for i, at := range index[:n] {
			c.rows[i].from(&events[at], &c.sent[i])
		}
		if _, err := c.w.Write(c.rows[:n]); err != nil {
			return 0, 0, err
		}
		index = index[n:]
	}
	clear(c.rows) // let go of the events' texts
	err = c.w.Close()
	return sum.n, sum.checksum, err
}

// summer counts and sums up what is written.
type summer struct {
	w        io.Writer
	n        int64
	checksum uint32
}

func (s *summer) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.n += int64(n)
	s.checksum = crc32.Update(s.checksum, castagnoli, b[:n])
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
		Region: e.Region, City: e.City, BrowserVersion: e.BrowserVersion, OSVersion: e.OSVersion, Language: e.Language, Screen: e.Screen,
	}
	if !e.Sent.IsZero() {
		*sent = e.Sent.UnixMilli()
		r.Sent = sent
	}
}
