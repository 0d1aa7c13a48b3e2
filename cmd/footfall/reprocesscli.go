package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/reprocess"
)

var reprocessCommands = []command{
	{"reprocess", "[--site S] [--from DAY] [--to DAY] [--dry-run | --yes]", "derive sources, campaigns, bots and sessions of archived events again, by the lists and rules of now", runReprocess},
}

var reprocessFlags = map[string][][3]string{
	"reprocess": {{"site", "", "site; none is every site"}, {"from", "", "first day"}, {"to", "", "day after the last"}, {"dry-run", "false", "true: only show what would change"}, {"yes", "false", "true: put it in place without asking"}},
}

// reprocessProgress is one line of an answer; the last has Done.
type reprocessProgress struct {
	Doing  string           `json:"doing,omitempty"` // "looking through shop-example"
	Events int64            `json:"events"`
	Of     int64            `json:"of"` // about
	Done   bool             `json:"done"`
	Error  string           `json:"error,omitempty"`
	Report *reprocessReport `json:"report,omitempty"`
}

// reprocessReport is what was found, and whether it is in place.
type reprocessReport struct {
	Plan    string            `json:"plan,omitempty"` // that can be swapped; "" if nothing changes, or nothing may be
	Sites   []reprocessedSite `json:"sites"`
	Swapped bool              `json:"swapped"`
}

type reprocessedSite struct {
	Site   string           `json:"site"`
	Frozen string           `json:"frozen_before,omitempty"` // date: events of earlier ones are removed, which stay as they are
	Counts reprocess.Counts `json:"events"`
	Dates  []reprocess.Date `json:"dates"` // that change
}

// changed is of how many events what was derived changes.
func (r *reprocessReport) changed() (n int) {
	for _, s := range r.Sites {
		n += s.Counts.Changed
	}
	return n
}

func (k *control) reprocess(w http.ResponseWriter, r *http.Request) error {
	only, err := k.anySite(r)
	if err != nil {
		return err
	}
	from, to, err := formDates(r)
	if err != nil {
		return err
	}
	var sites []account.Site
	for _, s := range k.h.sites.now.Load().all {
		if only == "" || s.ID == only {
			sites = append(sites, s)
		}
	}
	return k.tellReprocess(w, func(progress func(reprocessProgress)) (*reprocessReport, error) {
		return k.h.look(r.Context(), sites, from, to, r.FormValue("dry-run") == "true", progress)
	})
}

func (k *control) swapReprocessed(w http.ResponseWriter, r *http.Request) error {
	return k.tellReprocess(w, func(progress func(reprocessProgress)) (*reprocessReport, error) {
		return k.h.swap(r.Context(), r.FormValue("plan"), progress)
	})
}

// tellReprocess answers with progress, line by line.
func (k *control) tellReprocess(w http.ResponseWriter, do func(progress func(reprocessProgress)) (*reprocessReport, error)) error {
	flush := http.NewResponseController(w)
	told, doing := time.Time{}, ""
	report, err := do(func(p reprocessProgress) {
		if p.Doing == doing && time.Since(told) < 50*time.Millisecond {
			return
		}
		told, doing = time.Now(), p.Doing
		_ = answer(w, p) // who left ends it by its context
		_ = flush.Flush()
	})
	last := reprocessProgress{Done: true, Report: report}
	if err != nil {
		last.Error, last.Report = err.Error(), nil
	}
	return answer(w, last)
}

func runReprocess(ctx context.Context, c *call) error {
	form := c.form("reprocess")
	dry, yes := form.Get("dry-run") == "true", form.Get("yes") == "true"
	if dry && yes {
		return misused("--dry-run changes nothing: leave --yes out")
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	report, err := c.follow(ctx, k, "/reprocess", form)
	asked := false
	if err == nil && report.Plan != "" {
		if !yes && !c.json && isTerminal(c.stdout) && isTerminal(os.Stdin) {
			printReprocessed(c.stdout, report)
			asked = true
			yes = c.confirm("Put that in place?")
		}
		if yes {
			report, err = c.follow(ctx, k, "/reprocess/swap", url.Values{"plan": {report.Plan}})
		}
	}
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(report, func(w io.Writer) {
		if !asked {
			printReprocessed(w, report)
		}
		switch {
		case report.Swapped:
			fmt.Fprintln(w, "It is in place: event store, archive and figures.")
		case report.changed() > 0:
			fmt.Fprintln(w, "Nothing is changed yet: the same with --yes puts it in place.")
		}
	})
}

// confirm asks who types.
func (c *call) confirm(question string) bool {
	fmt.Fprintf(c.stdout, "%s [y/N] ", question)
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // who can't answer says no
	return strings.EqualFold(strings.TrimSpace(line), "y")
}

// follow sends a request and shows how it goes on.
func (c *call) follow(ctx context.Context, k *client, path string, form url.Values) (*reprocessReport, error) {
	res, err := k.do(ctx, "POST", path, form, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	lines := json.NewDecoder(res.Body)
	pace := pacer{w: c.stderr}
	for {
		var p reprocessProgress
		if err := lines.Decode(&p); err != nil {
			if ctx.Err() != nil {
				return nil, errors.New("stopped; the same command goes on where it stopped")
			}
			return nil, errIncomplete
		}
		if p.Error != "" {
			pace.end()
			return nil, errors.New(p.Error)
		}
		if p.Done {
			pace.end()
			return p.Report, nil
		}
		pace.show(p.Doing, p.Events, p.Of)
	}
}

// pacer shows how far something is, how fast it goes and how long it will take: as a
// bar on a terminal, else as a line now and then.
type pacer struct {
	w     io.Writer
	what  string
	bar   *bar
	began time.Time
	first int64 // done when it began
	told  time.Time
}

// tellEvery is how often a line is written where there is no terminal.
const tellEvery = 5 * time.Second

func (p *pacer) show(what string, done, of int64) {
	now := time.Now()
	if what != p.what {
		p.end()
		p.what, p.bar, p.began, p.first, p.told = what, newBar(p.w, what, of), now, done, time.Time{}
	}
	note := fmt.Sprintf("%d events", done)
	if took := now.Sub(p.began).Seconds(); took > 0.5 && done > p.first {
		rate := float64(done-p.first) / took
		note += fmt.Sprintf(", %.0f a second", rate)
		if of > done {
			note += fmt.Sprintf(", %v left", time.Duration(float64(of-done)/rate*float64(time.Second)).Round(time.Second))
		}
	}
	if isTerminal(p.w) {
		p.bar.show(done, note)
	} else if now.Sub(p.told) >= tellEvery {
		p.told = now
		fmt.Fprintf(p.w, "%s: %s of about %d\n", what, note, of)
	}
}

func (p *pacer) end() {
	if p.bar != nil {
		p.bar.end()
	}
}

// mostSeries is how many series of a date are printed; --json has all.
const mostSeries = 5

func printReprocessed(w io.Writer, r *reprocessReport) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, s := range r.Sites {
		fmt.Fprintf(w, "%s: of %d archived events %d change (source %d, campaign %d, bot %d, session %d, path or referrer %d)\n",
			s.Site, s.Counts.Events, s.Counts.Changed, s.Counts.Source, s.Counts.Campaign, s.Counts.Bot, s.Counts.Session, s.Counts.Other)
		if s.Frozen != "" {
			fmt.Fprintf(w, "%s: the events of days before %s are removed, and their figures stay as they are\n", s.Site, s.Frozen)
		}
		for _, d := range s.Dates {
			printDate(t, s.Site, d)
		}
	}
	t.Flush()
}

// printDate prints the figures of a date that change.
func printDate(t io.Writer, site string, d reprocess.Date) {
	said, more := map[string]int{}, 0
	for _, f := range d.Figures {
		of := f.Metric
		if f.By != "" {
			name := f.Series
			if name == "" {
				name = "(none)"
			}
			of += fmt.Sprintf(" of %s %s", f.By, name)
			if said[string(f.By)]++; said[string(f.By)] > mostSeries {
				more++
				continue
			}
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%d\t→ %d\t(%+d)\n", site, d.Date, of, f.Was, f.Now, f.Now-f.Was)
	}
	if more > 0 {
		fmt.Fprintf(t, "  %s\t%s\t%d more series, see --json\t\t\t\n", site, d.Date, more)
	}
}
