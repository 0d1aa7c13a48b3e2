package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/bins"
	"footfall/metric"
	"footfall/period"
	"footfall/schedule"
)

var dailyCommands = []command{
	{"daily", "--site S [--from DAY] [--to DAY] [--format csv|json|ndjson|parquet|arrow]", "print how many views and visitors each page got a day", printDaily},
}

const (
	dailyJob  = "daily"
	lateJob   = "daily, late events"
	copiesJob = "exports"
	dailyAt   = 15 * time.Minute // of the clock at the site
)

// dailyTable writes the daily table and its files from the bins.
type dailyTable struct {
	h       *house
	began   time.Time // when the house was opened
	writing sync.Mutex
}

// runSchedule does what is due until the house begins to stop, or the returned
// function is called, which waits for a job under way to end.
func (h *house) runSchedule() (stop func()) {
	h.daily = &dailyTable{h: h, began: time.Now().Truncate(time.Millisecond)}
	const advice = "the table and the files in daily/ are older than the figures until then: look for room on the disk and for a rebuild under way"
	jobs := []schedule.Job{
		{Name: dailyJob, At: dailyAt, Do: h.daily.date, Advice: advice},
		{Name: lateJob, Every: period.Bucket, Do: func(ctx context.Context, _ schedule.Due) error { return h.daily.late(ctx) }, Advice: advice},
		{Name: copiesJob, Every: period.Bucket, Apart: true, Do: h.copies.serve,
			Advice: "the files of scheduled exports are older than the events until then: footfall export schedule list tells which, and why"},
		{Name: historyJob, At: historyAt, Do: h.mover.date,
			Advice: "members of segments are not counted and histories that are too old not removed until then: look for room on the disk and for a rebuild under way"},
		{Name: retentionJob, At: retentionAt, Do: h.retainDate,
			Advice: "old events stay until then: look for room on the disk and for a rebuild under way, and try: footfall retention"},
	}
	h.schedule = schedule.New(jobs, h.bins, h.sites.scheduled, schedule.Options{Log: h.log, Passing: rebuilding})
	ctx, cancel := context.WithCancel(h.ending)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.schedule.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// scheduled lists the sites as the schedule needs them.
func (b *siteBook) scheduled() []schedule.Site {
	all := b.now.Load().all
	sites := make([]schedule.Site, len(all))
	for i, s := range all {
		sites[i] = schedule.Site{ID: s.ID, Zone: s.Location()}
	}
	return sites
}

// date writes what the table lacks up to a date that is over: its bins must
// have been rolled after its end.
func (t *dailyTable) date(ctx context.Context, due schedule.Due) error {
	if err := t.rolled(ctx, due.Date.Window(due.Site.Zone).To.Add(dailyAt)); err != nil {
		return err
	}
	return t.write(ctx, due.Site, due.Date)
}

// rolled makes sure that bins were rolled after a moment, and since the start.
func (t *dailyTable) rolled(ctx context.Context, after time.Time) error {
	if after.Before(t.began) {
		after = t.began
	}
	state, err := t.h.bins.State(ctx)
	if err == nil && state.Seal.At.Before(after) {
		_, err = t.h.roller.Roll(ctx)
	}
	return err
}

// late writes dates that events came for after the table should have had them:
// again, or, at a site that the schedule has not come to yet, for the first time.
func (t *dailyTable) late(ctx context.Context) error {
	if err := t.rolled(ctx, t.began); err != nil {
		return err
	}
	for _, site := range t.h.sites.scheduled() {
		last, known, err := t.h.bins.Done(ctx, dailyJob, site.ID)
		upTo := schedule.Newest(time.Now(), site.Zone, dailyAt)
		if known {
			upTo = min(last, upTo)
		}
		if err == nil {
			err = t.write(ctx, site, upTo)
		}
		if err != nil {
			return fmt.Errorf("site %s: %w", site.ID, err)
		}
	}
	return nil
}

// write brings the lines and files of a site's stale dates up to one up to date.
func (t *dailyTable) write(ctx context.Context, site schedule.Site, upTo period.Date) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	state, err := t.h.bins.State(ctx)
	if err != nil {
		return err
	}
	if state.Zones[site.ID] != bins.Basis(site.Zone, t.h.sites.currency(site.ID)) {
		return nil // no bins yet, or of another zone: the roll that makes them makes their dates stale
	}
	stale, err := t.h.bins.StaleDates(ctx, site.ID)
	if err != nil {
		return err
	}
	months := map[period.Date]map[period.Date]int64{}
	for date, mark := range stale {
		if date > upTo {
			continue
		}
		first := date.MonthStart()
		if months[first] == nil {
			months[first] = map[period.Date]int64{}
		}
		months[first][date] = mark
	}
	for _, first := range slices.Sorted(maps.Keys(months)) {
		if err := t.month(ctx, site.ID, first, months[first]); err != nil {
			return err
		}
	}
	return nil
}

// month writes lines of dates of a month, and the month's file.
func (t *dailyTable) month(ctx context.Context, site string, first period.Date, stale map[period.Date]int64) error {
	dates := slices.Sorted(maps.Keys(stale))
	var lines []metric.PageDay
	err := t.h.bins.Read(ctx, bins.Range{Site: site, By: "page", Each: true, From: dates[0], To: dates[len(dates)-1] + 1, Visitors: true},
		func(page string, span bins.Span, b *bins.Bin) error {
			views := b.Counts[bins.Place(metric.PageViews)]
			if _, wanted := stale[span.From]; wanted && views > 0 {
				lines = append(lines, metric.PageDay{Date: span.From, Page: page, Views: views,
					Visitors: b.Visitors.Count(), Estimate: !b.Visitors.Exact()})
			}
			return nil
		})
	if err == nil {
		err = t.h.bins.PutPages(ctx, site, dates, lines)
	}
	if err == nil {
		err = t.file(ctx, site, first)
	}
	if err != nil {
		return err
	}
	// Last: what is cut short is done again.
	return t.h.bins.Settle(ctx, site, stale)
}

// file writes a month's lines as daily/SITE/2026-11.csv, whole or not at all.
func (t *dailyTable) file(ctx context.Context, site string, first period.Date) error {
	dir := filepath.Join(t.h.c.values["data"], "daily", site)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	q := api.DailyQuery{Site: account.Site{ID: site}, From: first, To: first.NextMonth(), Format: "csv"}
	return writeFile(filepath.Join(dir, strings.TrimPrefix(first.Month(), "M")+".csv"), func(w io.Writer) error {
		_, err := api.WriteDaily(ctx, w, q, t.h.bins)
		return err
	})
}

// dailyDone is how far the daily table is at a site.
type dailyDone struct {
	Site   string `json:"site"`
	Last   string `json:"last"`   // date; empty if none was written
	Behind bool   `json:"behind"` // it should be further
}

func (k *control) dailyDone(w http.ResponseWriter, r *http.Request) error {
	all := []dailyDone{}
	for _, site := range k.h.sites.scheduled() {
		last, known, err := k.h.bins.Done(r.Context(), dailyJob, site.ID)
		if err != nil {
			return err
		}
		// An hour is enough for what is due.
		d := dailyDone{Site: site.ID, Behind: !known || last < schedule.Newest(time.Now().Add(-time.Hour), site.Zone, dailyAt)}
		if known {
			d.Last = last.String()
		}
		all = append(all, d)
	}
	return answer(w, all)
}

// daily tells up to which date the daily table is written.
func (k *client) daily(ctx context.Context) finding {
	var all []dailyDone
	behind := func() bool { return slices.ContainsFunc(all, func(d dailyDone) bool { return d.Behind }) }
	for try := 0; try == 0 || try < 50 && behind(); try++ { // a house that was just opened catches up
		if try > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		if err := k.ask(ctx, "GET", "/daily/done", nil, &all); err != nil {
			return finding{"daily", false, err.Error()}
		}
	}
	says := make([]string, len(all))
	for i, d := range all {
		says[i] = d.Site + " " + orDash(d.Last)
	}
	text := "last date in the daily table: " + strings.Join(says, ", ")
	if len(all) == 0 {
		text = "no site yet"
	}
	if behind() {
		text += "; behind: a server catches up within a minute of its start or of a new site, else its log says why not"
	}
	return finding{"daily", !behind(), text}
}

func (k *control) dailyPages(w http.ResponseWriter, r *http.Request) error {
	params := r.URL.Query()
	site, err := k.h.sites.find(params.Get("site"))
	if err != nil {
		return err
	}
	params.Set("site", site.ID)
	q, err := api.ParseDaily(params, []account.Site{site})
	if err != nil {
		return err
	}
	begun, err := api.WriteDaily(r.Context(), w, q, k.h.bins)
	if err != nil && begun {
		panic(http.ErrAbortHandler) // as for an export
	}
	return err
}

func printDaily(ctx context.Context, c *call) error {
	form := c.form("daily")
	if c.json {
		form.Set("format", "json")
	}
	if err := binary(c, form.Get("format")); err != nil {
		return err
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	res, err := k.do(ctx, "GET", "/daily", form, nil)
	if err == nil {
		_, err = io.Copy(c.stdout, res.Body)
		res.Body.Close()
	}
	return errors.Join(err, k.close())
}
