package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"footfall/weblog"
)

var dataCommands = []command{
	{"import", "--site S --format combined|common FILE…", "import web server logs, plain or gzipped", runImport},
	{"query", "--site S --metric M (--window W | --from D [--to D]) [--country C …] | --report FILE|-", "answer a question with a dataset, or with a table", runQuery},
	{"export", "--site S [--from D --to D] [--format ndjson|csv|parquet|arrow]", "print every stored event", runExport},
	{"rebuild", "", "make the event store anew from archive and queue", runRebuild},
}

// makeData makes the data directory for a command that may be the first.
func (c *call) makeData() error {
	return unusable(os.MkdirAll(c.values["data"], 0o700), c.values["data"])
}

func runImport(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return misused("name the log files")
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	// One salt for all files of the log, forgotten afterwards, so that a
	// visitor who is in two of them is one.
	salt := make([]byte, 16)
	rand.Read(salt)
	form := c.form("import")
	form.Set("salt", hex.EncodeToString(salt))
	total := weblog.Report{MalformedLineNumbers: []int64{}} // in JSON a list, also of none
	began := time.Now()
	for _, path := range c.args {
		if err = c.importFile(ctx, k, form, path, &total); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
			break
		}
	}
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(total, func(w io.Writer) { printReport(w, total, time.Since(began)) })
}

func (c *call) importFile(ctx context.Context, k *client, form url.Values, path string, total *weblog.Report) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	form.Set("name", info.Name())
	res, err := k.do(ctx, "POST", "/import", form, f)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := json.NewDecoder(res.Body)
	bar := newBar(c.stderr, info.Name(), info.Size())
	for {
		var p importProgress
		if err := lines.Decode(&p); err != nil {
			return errIncomplete
		}
		if p.Error != "" {
			return errors.New(p.Error)
		}
		if p.Done {
			bar.end()
			total.Add(p.Report)
			return nil
		}
		bar.show(p.Read, fmt.Sprintf("%d lines", p.Lines))
	}
}

func printReport(w io.Writer, r weblog.Report, took time.Duration) {
	fmt.Fprintf(w, "%d lines in %v (%.0f a second): %d valid, %d malformed\n", r.Lines, took.Round(time.Millisecond),
		float64(r.Lines)/took.Seconds(), r.Valid, r.Malformed)
	if len(r.MalformedLineNumbers) > 0 {
		fmt.Fprintf(w, "malformed lines (set aside, see: footfall aside list --reader import): %s\n", strings.Trim(fmt.Sprint(r.MalformedLineNumbers), "[]"))
	}
	fmt.Fprintf(w, "%d page views, %d of them by bots; %d downloads\n", r.PageViews, r.Bots, r.Downloads)
	switch all := r.PageViews + r.Downloads - r.TooOld; {
	case all > 0 && r.Duplicates == all:
		fmt.Fprintln(w, "nothing new: all of them were there already")
	case all > 0:
		fmt.Fprintf(w, "%d of them are new, %d were there already\n", all-r.Duplicates, r.Duplicates)
	}
	if r.TooOld > 0 {
		fmt.Fprintf(w, "%d of them were refused: they are older than the days the site keeps events (footfall site set --keep-events)\n", r.TooOld)
	}
}

// bar is a progress bar, on terminals only.
type bar struct {
	w     io.Writer
	name  string
	total int64
	last  time.Time
}

func newBar(w io.Writer, name string, total int64) *bar {
	if !isTerminal(w) {
		w = nil
	}
	return &bar{w: w, name: name, total: max(total, 1)}
}

// isTerminal reports whether a person reads what is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const barWidth = 30

func (b *bar) show(done int64, note string) {
	if b.w == nil || time.Since(b.last) < 100*time.Millisecond {
		return
	}
	b.last = time.Now()
	full := int(min(done, b.total) * barWidth / b.total)
	fmt.Fprintf(b.w, "\r%s [%s%s] %3d %%  %s\x1b[K", b.name, strings.Repeat("█", full), strings.Repeat("·", barWidth-full), min(done, b.total)*100/b.total, note)
}

func (b *bar) end() {
	if b.w != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

func runRebuild(ctx context.Context, c *call) error {
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	var last rebuildProgress
	res, err := k.do(ctx, "POST", "/rebuild", nil, nil)
	if err == nil {
		lines := json.NewDecoder(res.Body)
		for err == nil && !last.Done {
			if err = lines.Decode(&last); err != nil {
				if err = errIncomplete; ctx.Err() != nil {
					err = errors.New("stopped; the event store from before stays")
				}
			} else if last.Error != "" {
				err = errors.New(last.Error)
			} else if last.Waiting != "" {
				fmt.Fprintln(c.stderr, last.Waiting)
				last.Waiting = ""
			}
		}
		res.Body.Close()
	}
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(last, func(w io.Writer) {
		fmt.Fprintf(w, "rebuilt from %d archived events and the queue in %v\n", last.Events, time.Since(began).Round(time.Millisecond))
	})
}
