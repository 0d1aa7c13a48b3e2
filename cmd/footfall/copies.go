package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/archive"
	"footfall/period"
	"footfall/schedule"
)

// copying is a scheduled export: a file for every date of a site that is over.
// docs/format/exports.md describes where it is kept.
type copying struct {
	ID      int              `json:"id"`
	Site    string           `json:"site"`
	Table   string           `json:"table"`             // events or daily
	Format  string           `json:"format"`            // of exportFormats; csv for daily
	To      string           `json:"to"`                // URL of a directory, or in a bucket
	From    string           `json:"from"`              // first date
	Written map[string]int64 `json:"written,omitempty"` // by date: the mark that it had, 0 if it was never rolled
	Error   string           `json:"error,omitempty"`   // of the last try
	Since   time.Time        `json:"since,omitzero"`    // when that error came first
}

// copies are the scheduled exports.
type copies struct {
	h       *house
	writing sync.Mutex // one at a time

	mu   sync.Mutex // guards all and the file
	all  []copying
	path string
}

// openCopies reads the schedule.
func (h *house) openCopies() error {
	x := &copies{h: h, path: filepath.Join(h.c.values["data"], "exports.json")}
	h.copies = x
	text, err := os.ReadFile(x.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &x.all)
	}
	if err != nil {
		return fmt.Errorf("%s can't be read: restore it from a backup, or move it away and add the scheduled exports again: %w", x.path, err)
	}
	return nil
}

// list is the schedule as it is now.
func (x *copies) list() []copying {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.all)
}

// change lets fn change the schedule, and has it on disk when it returns nil.
func (x *copies) change(fn func(all []copying) ([]copying, error)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	all, err := fn(slices.Clone(x.all))
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err == nil {
		err = putFile(x.path, text)
	}
	if err == nil {
		x.all = all
	}
	return err
}

// update replaces a scheduled export, unless it was removed meanwhile.
func (x *copies) update(one copying) error {
	return x.change(func(all []copying) ([]copying, error) {
		if i := slices.IndexFunc(all, func(c copying) bool { return c.ID == one.ID }); i >= 0 {
			all[i] = one
		}
		return all, nil
	})
}

// add schedules an export. Its directory is made and its bucket written to now, so that
// a wrong one is told.
func (x *copies) add(ctx context.Context, site account.Site, form url.Values) (one copying, err error) {
	one = copying{Site: site.ID, Table: cmp.Or(form.Get("table"), "events"), Format: cmp.Or(form.Get("format"), "ndjson"),
		From: cmp.Or(form.Get("from"), schedule.Newest(time.Now(), site.Location(), dailyAt).String()), Written: map[string]int64{}}
	switch {
	case one.Table != "events" && one.Table != "daily":
		return one, misused("--table %q can't be scheduled; there are events and daily", one.Table)
	case one.Table == "daily":
		one.Format = "csv"
	case exportFormats[one.Format] == nil:
		return one, misused("%q can't be exported; the formats are %s", one.Format, formatNames())
	}
	if _, err = dateOf(one.From); err != nil {
		return one, err
	}
	to, err := keeperOf(form.Get("to"))
	if err != nil {
		return one, fmt.Errorf("--to: %w", err)
	}
	folder, err := to.below(site.ID).open(ctx)
	if err == nil {
		err = probe(ctx, folder)
	}
	if err != nil {
		return one, fmt.Errorf("--to: %w", err)
	}
	one.To = to.String()
	return one, x.change(func(all []copying) ([]copying, error) {
		for _, c := range all {
			if c.Site == one.Site && c.Table == one.Table && c.Format == one.Format && c.To == one.To {
				return nil, fmt.Errorf("that is scheduled already, as %d; to begin with another date remove it first: footfall export schedule remove %[1]d", c.ID)
			}
			one.ID = max(one.ID, c.ID)
		}
		one.ID++
		return append(all, one), nil
	})
}

func dateOf(text string) (period.Date, error) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, misused("%q is not a day such as 2026-11-21", text)
	}
	return period.DateOf(at, nil), nil
}

// serve writes once this is a server: who looks into a data directory, or restores a copy
// of one, must not write over the files of the server that it was made from.
func (x *copies) serve(ctx context.Context, _ schedule.Due) error {
	select {
	case <-x.h.serving:
		return x.write(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write brings all files up to date. One export that fails does not keep others.
func (x *copies) write(ctx context.Context) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	var faults []error
	for _, one := range x.list() {
		site, err := x.h.sites.find(one.Site)
		if err == nil {
			err = x.bring(ctx, &one, site)
		}
		if ctx.Err() != nil {
			return ctx.Err() // stopped, not failed
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("scheduled export %d: %w", one.ID, err))
		}
		faults = append(faults, x.note(one, err))
	}
	return errors.Join(faults...)
}

// note keeps the error of the last try.
func (x *copies) note(one copying, failed error) error {
	said, since := "", time.Time{}
	if failed != nil {
		said, since = failed.Error(), time.Now().UTC().Truncate(time.Second)
	}
	if said == one.Error {
		return nil
	}
	one.Error, one.Since = said, since
	return x.update(one)
}

// lacking is the dates of an export that are to be written: those that never were,
// and those that were rolled since, as events came late, were deleted or erased.
// Dates whose events are removed stay as they were written.
func (x *copies) lacking(ctx context.Context, one *copying, site account.Site) (dates []period.Date, marks map[period.Date]int64, err error) {
	first, err := dateOf(one.From)
	if err != nil {
		return nil, nil, err
	}
	state, err := x.h.bins.State(ctx)
	if err != nil {
		return nil, nil, err
	}
	if f, ok := state.Frozen[site.ID]; ok {
		first = max(first, f.Before)
	}
	if marks, err = x.h.bins.Counted(ctx, site.ID); err != nil {
		return nil, nil, err
	}
	for date := first; date <= schedule.Newest(time.Now(), site.Location(), dailyAt); date++ {
		if mark, ok := one.Written[date.String()]; !ok || mark != marks[date] {
			dates = append(dates, date)
		}
	}
	return dates, marks, nil
}

// bring brings the files of one export up to date.
func (x *copies) bring(ctx context.Context, one *copying, site account.Site) error {
	newest := schedule.Newest(time.Now(), site.Location(), dailyAt)
	if err := x.h.daily.rolled(ctx, newest.Window(site.Location()).To.Add(dailyAt)); err != nil {
		return err
	}
	dates, marks, err := x.lacking(ctx, one, site)
	if err != nil || len(dates) == 0 {
		return err
	}
	to, err := destination(ctx, one, site)
	if err != nil {
		return err
	}
	if one.Table == "daily" {
		if err := x.h.daily.write(ctx, schedule.Site{ID: site.ID, Zone: site.Location()}, newest); err != nil {
			return err
		}
	}
	for _, date := range dates {
		switch err := x.file(ctx, to, one, site, date); {
		case errors.Is(err, errRemoved):
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", date, err)
		}
		// The mark is older than the file: what was rolled meanwhile is written again.
		written := map[string]int64{} // one that has written nothing yet is read from disk without any
		maps.Copy(written, one.Written)
		written[date.String()], one.Written = marks[date], written
		if err := x.update(*one); err != nil {
			return err
		}
	}
	return nil
}

// destination opens where a scheduled export is written to. The folder of the site in a
// directory was made when the export was added: where it is not, the disk that it is on
// is away, and files must not be written beside it and taken for delivered.
func destination(ctx context.Context, one *copying, site account.Site) (archive.Objects, error) {
	to, err := keeperOf(one.To)
	if err != nil {
		return nil, err
	}
	if to.dir != "" {
		folder := to.below(site.ID).dir
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("the folder %s is not there; is its disk mounted? If it is to begin empty: mkdir -p %[1]s (%w)", folder, err)
		}
	}
	return to.open(ctx)
}

// errRemoved is why a date's file stays as it was: what was read may be a part.
var errRemoved = errors.New("events of the date are being removed, or were")

// file writes the file of a date: SITE/events-2026-11-20.ndjson, whole or not at all.
func (x *copies) file(ctx context.Context, to archive.Objects, one *copying, site account.Site, date period.Date) error {
	name := fmt.Sprintf("%s/%s-%s.%s", site.ID, one.Table, date, one.Format)
	return to.Put(ctx, name, func(w io.Writer) error {
		if one.Table == "daily" {
			_, err := api.WriteDaily(ctx, w, api.DailyQuery{Site: site, From: date, To: date + 1, CSV: true}, x.h.bins)
			return err
		}
		err := x.h.writeExport(ctx, w, api.ExportQuery{Site: site, Window: date.Window(site.Location()), Format: one.Format})
		if err != nil {
			return err
		}
		state, err := x.h.bins.State(ctx) // a date is frozen before its events go
		if f, ok := state.Frozen[site.ID]; err == nil && ok && date < f.Before {
			return errRemoved
		}
		return err
	})
}
