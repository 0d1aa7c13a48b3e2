package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/demo"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// asking is the result of asking what a dashboard asks.
type asking struct {
	crowdMade
	Load    string  `json:"load_average"` // of the machine when the asking began: what else ran
	Answers []asked `json:"answers"`
}

// asked is how long one question took, of one who asks at a time and of several at
// once, in milliseconds.
type asked struct {
	Of      string                `json:"of"`
	Ask     string                `json:"ask"`
	Source  string                `json:"source"` // that answered
	Aim     float64               `json:"aim_ms"`
	Reached bool                  `json:"reached"` // p95 of one at a time
	First   quantity              `json:"first"`   // of days that nobody asked for since the start
	Took    [len(askers)]quantity `json:"took"`    // of days that were asked for before
	// What an answer took of the processors, whatever else ran, in milliseconds: the
	// first of some days, and one of those behind it, of who asks alone.
	FirstCPU float64 `json:"first_cpu_ms"`
	CPU      float64 `json:"cpu_ms"`
	Fault    string  `json:"fault,omitempty"`
}

// askers is how many ask at once.
var askers = [...]int{1, 4}

// quantity is how long something took, in milliseconds.
type quantity struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
}

// crowdMade is what is in the directory of a benchmark.
type crowdMade struct {
	Events int      `json:"events"`
	Small  int      `json:"small"`
	Days   int      `json:"days"`
	Seed   uint64   `json:"seed"`
	Sites  []string `json:"sites"` // ids: the large one, then the small ones
	Stored float64  `json:"stored_per_second"`
	Rolled float64  `json:"rolled_per_second"`
}

// The crowd that is asked about. Its time is a fixed one: the same views are in the
// same steps, whenever they are made.
const (
	crowdBatch = 20_000
	crowdZone  = "Europe/Berlin"
	crowdFile  = "crowd.json"
	crowdEnds  = 10 // stretches of 30 days are asked for, each ending a day before the last
)

var crowdEnd = time.Date(2026, 5, 31, 22, 0, 0, 0, time.UTC) // a midnight in Berlin; its clocks changed on 29 March

func benchAsk(ctx context.Context, c *call) (err error) {
	numbers := map[string]int{}
	for _, name := range []string{"events", "small", "days", "seed", "times"} {
		if numbers[name], err = strconv.Atoi(c.flags.Lookup(name).Value.String()); err != nil || numbers[name] < 1 {
			return misused("--%s takes a number above zero", name)
		}
	}
	times, about := numbers["times"], c.flags.Lookup("about").Value.String()
	if c.values["control"] != inDirectory {
		return misused("the benchmark's sites are no others': leave control out")
	}
	remove, err := c.benchDir()
	if err != nil {
		return err
	}
	defer remove()
	h, err := c.benchHouse(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	made, err := h.crowd(ctx, c, crowdMade{Events: numbers["events"], Small: numbers["small"], Days: numbers["days"], Seed: uint64(numbers["seed"])})
	if err != nil {
		return err
	}
	r := asking{crowdMade: made, Load: load()}
	for _, q := range dashboard(made.Sites) {
		if !strings.Contains(q.of+" "+q.ask, about) {
			continue
		}
		a, err := h.time(ctx, q, times)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			a.Fault = err.Error()
		}
		r.Answers = append(r.Answers, a)
	}
	loaded, err := h.loads(ctx, made.Sites, about, times)
	if err != nil {
		return err
	}
	r.Answers = append(r.Answers, loaded...)
	return c.print(r, func(w io.Writer) { printAsking(w, r, times) })
}

// benchHouse is as much of a house as answers: nothing comes in by a queue, and
// nobody rolls or cares meanwhile.
func (c *call) benchHouse(ctx context.Context) (*house, error) {
	c.values["hot"] = "memory"
	h := &house{c: c.config, log: slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), pumps: map[string]*running{},
		meters: newMeters(), care: make(chan struct{}, 1)}
	h.ending, h.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := h.openBench(ctx, c); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *house) openBench(ctx context.Context, c *call) (err error) {
	dir := c.values["data"]
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unusable(err, dir)
	}
	if h.lock, err = lockDir(dir); err != nil {
		return err
	}
	if err := c.onlyCrowds(); err != nil {
		return err
	}
	if err := h.openTables(ctx, dir); err != nil {
		return err
	}
	events, err := h.openStore(dir)
	if err != nil {
		return err
	}
	h.store.Store(events)
	if err := h.openBins(ctx); err != nil {
		return err
	}
	return h.startBins(ctx, false)
}

// onlyCrowds refuses a directory that holds something else, as invented visitors
// must not get among real ones.
func (c *call) onlyCrowds() error {
	dir := c.values["data"]
	_, crowd := os.Stat(filepath.Join(dir, crowdFile))
	if _, used := os.Stat(filepath.Join(dir, "control.sqlite")); used == nil && crowd != nil {
		return fmt.Errorf("%s is no benchmark's, or its making was broken off: remove it, name another one, or leave --data out", dir)
	}
	return nil
}

// crowd makes the views, or takes those that are there.
func (h *house) crowd(ctx context.Context, c *call, wanted crowdMade) (made crowdMade, err error) {
	path := filepath.Join(c.values["data"], crowdFile)
	if text, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(text, &made); err != nil {
			return made, fmt.Errorf("%s: %w", path, err)
		}
		if made.Events != wanted.Events || made.Small != wanted.Small || made.Days != wanted.Days || made.Seed != wanted.Seed {
			return made, misused("%s has %d events of seed %d, of %d small sites, in %d days: ask for these, or name another directory",
				c.values["data"], made.Events, made.Seed, made.Small, made.Days)
		}
		_, err := h.roller.Roll(ctx) // of bins of an older version, all
		return made, err
	}
	made = wanted
	zone, err := time.LoadLocation(crowdZone)
	if err != nil {
		return made, err
	}
	crowd := demo.Crowd{Events: made.Events, Small: made.Small, Days: made.Days, End: crowdEnd, Zone: zone, Seed: made.Seed}
	for n := range made.Small + 1 {
		s, err := h.sites.AddSite(ctx, account.Site{Domain: crowd.Host(n), Zone: crowdZone, Currency: "EUR"})
		if err != nil {
			return made, err
		}
		made.Sites = append(made.Sites, s.ID)
	}
	began, at := time.Now(), event.Position{Epoch: 1}
	for batch := range crowd.Batches(made.Sites, crowdBatch) {
		at.Seq, at.Total = at.Seq+1, at.Total+uint64(len(batch))
		if err := errors.Join(ctx.Err(), h.keep(ctx, batch, at)); err != nil {
			return made, err
		}
	}
	made.Stored = float64(made.Events) / time.Since(began).Seconds()
	fmt.Fprintf(c.stderr, "%d events stored in %s; making bins of them\n", at.Total, time.Since(began).Round(time.Second))
	report, err := h.roller.Roll(ctx)
	if err != nil {
		return made, err
	}
	made.Rolled = float64(made.Events) / report.Took.Seconds()
	text, err := json.Marshal(made)
	if err != nil {
		return made, err
	}
	return made, os.WriteFile(path, text, 0o600)
}

// keep stores a batch as the pump does.
func (h *house) keep(ctx context.Context, batch []event.Event, at event.Position) error {
	return h.roller.Write(ctx, batch, at, func() ([]event.Event, error) { return batch, h.store.Load().Write(ctx, batch, at) })
}

// dashQuestion is a question of those that a dashboard asks.
type dashQuestion struct {
	of, ask string
	aim     time.Duration
	query   metric.Query
}

// dashboard is what is asked, of 30 days unless it says another time.
func dashboard(sites []string) (all []dashQuestion) {
	country, source := metric.Filter{Dimension: "country", Value: "DE"}, metric.Filter{Dimension: "source", Value: "Google"}
	page, device := metric.Filter{Dimension: "page", Value: "/"}, metric.Filter{Dimension: "device", Value: "phone"}
	city := metric.Filter{Dimension: "city", Value: "City 1 (DE-1)"}
	of := func(m metric.Name, by metric.Dimension, step period.Step, filters ...metric.Filter) metric.Query {
		return metric.Query{Metric: m, By: by, Step: step, Filters: filters, Limit: map[bool]int{true: 10}[by != ""]}
	}
	plain := []dashQuestion{
		{ask: "views by day", query: of(metric.PageViews, "", period.Day)},
		{ask: "visitors by day", query: of(metric.Visitors, "", period.Day)},
		{ask: "visitors, whole", query: of(metric.Visitors, "", period.Total)},
		{ask: "bounces, whole", query: of(metric.Bounces, "", period.Total)},
		{ask: "top pages", query: of(metric.PageViews, "page", period.Total)},
		{ask: "top sources", query: of(metric.Visitors, "source", period.Total)},
		{ask: "top countries", query: of(metric.Visitors, "country", period.Total)},
	}
	filtered := []dashQuestion{
		{ask: "views by day, country", query: of(metric.PageViews, "", period.Day, country)},
		{ask: "visitors by day, country", query: of(metric.Visitors, "", period.Day, country)},
		{ask: "views by day, country and device", query: of(metric.PageViews, "", period.Day, country, device)},
		{ask: "visitors by day, country and device", query: of(metric.Visitors, "", period.Day, country, device)},
		{ask: "visitors by day, city", query: of(metric.Visitors, "", period.Day, city)},
		{ask: "top pages, source", query: of(metric.PageViews, "page", period.Total, source)},
		{ask: "top pages, country", query: of(metric.PageViews, "page", period.Total, country)},
		{ask: "top sources, country", query: of(metric.Visitors, "source", period.Total, country)},
		{ask: "top sources, page", query: of(metric.Visitors, "source", period.Total, page)},
		{ask: "top countries, source", query: of(metric.Visitors, "country", period.Total, source)},
		{ask: "sessions, country", query: of(metric.Sessions, "", period.Total, country, device)},
		{ask: "bounces, country and device", query: of(metric.Bounces, "", period.Total, country, device)},
	}
	for _, x := range []struct {
		of        string
		site      string
		questions []dashQuestion
		aim       time.Duration
	}{
		{"large site", sites[0], plain, 5 * time.Millisecond},
		{"large site, filtered", sites[0], filtered, 300 * time.Millisecond},
		{"small site", sites[len(sites)/2], append(slices.Clone(plain), filtered...), 50 * time.Millisecond},
	} {
		for _, q := range x.questions {
			q.of, q.aim, q.query.Site = x.of, x.aim, x.site
			all = append(all, q)
		}
	}
	return all
}

// time asks a question so many times, of one at a time and of several at once, for
// some stretches of days in turn.
func (h *house) time(ctx context.Context, q dashQuestion, times int) (asked, error) {
	a := asked{Of: q.of, Ask: q.ask, Aim: q.aim.Seconds() * 1000}
	zone, err := time.LoadLocation(crowdZone)
	if err != nil {
		return a, err
	}
	q.query.Zone, q.query.Currency = zone, "EUR"
	ask := func(i int) (metric.Dataset, error) {
		x := q.query
		end := period.DateOf(crowdEnd, zone) - period.Date(i%crowdEnds)
		x.Window = period.Window{From: (end - 30).Window(zone).From, To: end.Window(zone).From}
		return h.planner.Answer(ctx, x)
	}
	only := func(i int) error {
		d, err := ask(i)
		if i == 0 {
			a.Source = d.Source
		}
		return err
	}
	err = a.time(times, only, only)
	return a, err
}

// time asks of each of the stretches of days, and then so many times.
func (a *asked) time(times int, first, then func(i int) error) (err error) {
	began := processorTime()
	each := func(times int) float64 {
		now := processorTime()
		took := now - began
		began = now
		return float64(took.Microseconds()) / 1000 / float64(times)
	}
	if a.First, err = together(1, crowdEnds, first); err != nil {
		return err
	}
	a.FirstCPU = each(crowdEnds)
	for i, n := range askers {
		if a.Took[i], err = together(n, times, then); err != nil {
			return err
		}
		if n == 1 {
			a.CPU = each(times)
		}
	}
	a.Reached = a.Took[0].P95 <= a.Aim
	return nil
}

// together has n ask at once, so many times in all.
func together(n, times int, ask func(i int) error) (quantity, error) {
	took, faults := make([]time.Duration, times), make([]error, n)
	var next atomic.Int64
	var work sync.WaitGroup
	for worker := range n {
		work.Go(func() {
			for faults[worker] == nil {
				i := int(next.Add(1) - 1)
				if i >= times {
					return
				}
				began := time.Now()
				faults[worker] = ask(i)
				took[i] = time.Since(began)
			}
		})
	}
	work.Wait()
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(times-1)+0.5)].Microseconds()) / 1000 }
	return quantity{at(0.5), at(0.95), at(0.99)}, errors.Join(faults...)
}

// processorTime is what this process has taken of the processors so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func printAsking(w io.Writer, r asking, times int) {
	fmt.Fprintf(w, "%d page views of %d sites in %d days; each question %d times; load average before: %s\n\n", r.Events, len(r.Sites), r.Days, times, r.Load)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "of\tquestion\tfrom\tfirst p50\tp95\tcpu\tthen cpu\t")
	for _, n := range askers {
		fmt.Fprintf(t, "p50 of %d\tp95\tp99\t", n)
	}
	fmt.Fprint(t, "aim\tof it\t\t\n")
	missed := 0
	for _, a := range r.Answers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t", a.Of, a.Ask, a.Source, a.First.P50, a.First.P95, a.FirstCPU, a.CPU)
		for _, q := range a.Took {
			fmt.Fprintf(t, "%.1f\t%.1f\t%.1f\t", q.P50, q.P95, q.P99)
		}
		result := "reached"
		if a.Fault != "" {
			fmt.Fprintf(w, "%s, %s: %s\n", a.Of, a.Ask, a.Fault)
			result = "failed"
		} else if !a.Reached {
			result = "missed"
		}
		if !a.Reached {
			missed++
		}
		fmt.Fprintf(t, "%.0f\t%.2f\t%s\t\n", a.Aim, a.Took[0].P95/a.Aim, result)
	}
	t.Flush()
	fmt.Fprintf(w, "\nMilliseconds; first: of days that nobody had asked for; cpu: time of processors for one answer. The aim is for p95 of one who asks at a time: %d of %d are reached.\n",
		len(r.Answers)-missed, len(r.Answers))
}
