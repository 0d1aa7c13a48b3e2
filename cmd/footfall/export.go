package main

import (
	"context"
	"errors"
	"io"

	"footfall/api"
	"footfall/archive"
	"footfall/event"
	"footfall/sheet"
	_ "footfall/sheet/columnar" // for all doors
)

// exportFormats are the formats of exported events, and what begins to write one.
var exportFormats = map[string]func(w io.Writer) exporter{
	"ndjson":  func(w io.Writer) exporter { return event.NewLines(w) },
	"csv":     func(w io.Writer) exporter { return event.NewCSV(w) },
	"parquet": func(w io.Writer) exporter { return archive.NewWriter(w) },
	"arrow":   func(w io.Writer) exporter { return event.NewTable(sheet.Begin(w, "arrow", event.Columns()...)) },
}

// writeExport writes a site's events, in a window, in a format.
func (h *house) writeExport(ctx context.Context, w io.Writer, q api.ExportQuery) error {
	x := exportFormats[q.Format](w)
	if err := h.export(ctx, q.Site.ID, q.Window, x.Add); err != nil {
		return err
	}
	return x.Close()
}

func runExport(ctx context.Context, c *call) error {
	format := c.flags.Lookup("format").Value.String()
	if exportFormats[format] == nil {
		return misused("%q can't be exported; the formats are %s", format, formatNames())
	}
	if err := binary(c, format); err != nil {
		return err
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

// binary refuses what would go to a terminal and is no text.
func binary(c *call, format string) error {
	if (format == "parquet" || format == "arrow") && isTerminal(c.stdout) {
		return misused("%s is nothing for a terminal: send it to a file, with > file.%[1]s", format)
	}
	return nil
}

// exporter writes events in a format.
type exporter interface {
	Add(e *event.Event) error
	Close() error // what was added is written then
}
