package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/api"
	"footfall/archive"
	"footfall/event"
)

// exportFormats are the formats of exported events, and what begins to write one.
var exportFormats = map[string]func(w io.Writer) exporter{
	"ndjson":  func(w io.Writer) exporter { return &ndjson{bufio.NewWriterSize(w, 1<<16)} },
	"csv":     newCSV,
	"parquet": func(w io.Writer) exporter { return archive.NewWriter(w) },
}

// writeExport writes a site's events, in a window, in a format.
func (h *house) writeExport(ctx context.Context, w io.Writer, q api.ExportQuery) error {
	x := exportFormats[q.Format](w)
	if err := h.export(ctx, q.Site.ID, q.Window, x.Add); err != nil {
		return err
	}
	return x.Close()
}

// begun notes that something was written.
type begun struct {
	w   io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.w.Write(p)
}

func runExport(ctx context.Context, c *call) error {
	format := c.flags.Lookup("format").Value.String()
	if exportFormats[format] == nil {
		return misused("%q can't be exported; the formats are %s", format, strings.Join(slices.Sorted(maps.Keys(exportFormats)), ", "))
	}
	if format == "parquet" && isTerminal(c.stdout) {
		return misused("parquet is nothing for a terminal: send it to a file, with > events.parquet")
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	res, err := k.do(ctx, "GET", "/export", c.form("export"), nil)
	if err == nil {
		_, err = io.Copy(c.stdout, res.Body)
		res.Body.Close()
	}
	return errors.Join(err, k.close())
}

// exporter writes events in a format.
type exporter interface {
	Add(e *event.Event) error
	Close() error // what was added is written then
}

// ndjson is a JSON object on a line for each event: docs/format/event.md.
type ndjson struct{ *bufio.Writer }

func (x *ndjson) Add(e *event.Event) error {
	line, err := e.MarshalJSON()
	if err == nil {
		_, err = x.Write(line)
	}
	if err == nil {
		err = x.WriteByte('\n')
	}
	return err
}

func (x *ndjson) Close() error { return x.Flush() }

// csvColumns are the names of ndjson, so that both are read alike.
var csvColumns = []string{"messageId", "site", "type", "name", "timestamp", "originalTimestamp", "sentAt", "receivedAt", "skew_ms", "flag",
	"userId", "anonymousId", "groupId", "previousId", "visitor", "session", "host", "path", "search", "title", "referrer", "referrer_class", "source",
	"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "country", "device", "browser", "os", "bot", "channel", "properties", "traits", "context",
	"region", "city", "browser_version", "os_version", "language", "screen"}

type csvExport struct {
	*csv.Writer
	line []string
}

func newCSV(w io.Writer) exporter {
	x := &csvExport{csv.NewWriter(bufio.NewWriterSize(w, 1<<16)), slices.Clone(csvColumns)}
	_ = x.Write(x.line) // an error stays until Close
	return x
}

func (x *csvExport) Add(e *event.Event) error {
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	c := &e.Campaign
	x.line = append(x.line[:0], e.ID, e.Site, string(e.Kind), e.Name, moment(e.Time), moment(e.Original), moment(e.Sent), moment(e.Received), strconv.FormatInt(e.Skew.Milliseconds(), 10), e.Flag,
		e.UserID, e.AnonymousID, e.GroupID, e.PreviousID, event.FormatID(e.Visitor), event.FormatID(e.Session), e.Host, e.Path, e.Search, e.Title, e.Referrer, e.Class, e.Source,
		c.Source, c.Medium, c.Name, c.Term, c.Content, e.Country, e.Device, e.Browser, e.OS, e.Bot, e.Channel, e.Properties, e.Traits, e.Context,
		e.Region, e.City, e.BrowserVersion, e.OSVersion, e.Language, e.Screen)
	for i, text := range x.line {
		x.line[i] = api.Harmless(text)
	}
	return x.Write(x.line)
}

func (x *csvExport) Close() error {
	x.Flush()
	return x.Error()
}
