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
	"footfall/store"
	"footfall/store/duckdb"
)

// exportFormats are the formats of exported events, and what begins to write one.
var exportFormats = map[string]func(w io.Writer) exporter{
	"ndjson":  func(w io.Writer) exporter { return ofLines(event.NewLines(w)) },
	"csv":     func(w io.Writer) exporter { return ofLines(event.NewCSV(w)) },
	"parquet": ofGroups,
	"arrow": func(w io.Writer) exporter {
		t := event.NewTable(sheet.Begin(w, "arrow", event.Columns()...))
		return exporter{add: t.Add, close: t.Close}
	},
}

// exporter writes events in a format: one after the other, or in stretches.
type exporter struct {
	add   func(*event.Event) error // without it, stretches of
	rows  int64
	taker func() store.Taker
	close func() error // what was added is written then
}

// linesRows are the events of a stretch of lines: what waits for its turn in memory.
const linesRows = 30_000

func ofLines(l *event.Lines) exporter {
	return exporter{rows: linesRows, taker: func() store.Taker { return l.Stretch() }, close: l.Close}
}

func ofGroups(w io.Writer) exporter {
	f := archive.NewWriter(w)
	return exporter{rows: archive.GroupRows, taker: func() store.Taker { return f.Group() }, close: f.Close}
}

// writeExport writes a site's events, in a window, in a format.
func (h *house) writeExport(ctx context.Context, w io.Writer, q api.ExportQuery) error {
	x := exportFormats[q.Format](w)
	err := h.reads(ctx, func(st *duckdb.Store) error {
		if x.add != nil {
			return st.Scan(ctx, q.Site.ID, q.Window, x.add)
		}
		return st.Share(ctx, q.Site.ID, q.Window, x.rows, x.taker)
	})
	if err != nil {
		return err
	}
	return x.close()
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
