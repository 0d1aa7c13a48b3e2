// Package schedule does named jobs when they are due: at a time of day of each
// site's zone, for every date that is over, or again and again after an
// interval. Dates that were missed while nothing ran are caught up, in order.
package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"footfall/period"
)

// Site is whose dates a job is done for. Zone nil is UTC.
type Site struct {
	ID   string
	Zone *time.Location
}

// Due is what a job is done for; it is zero for a job with an interval.
type Due struct {
	Site Site
	Date period.Date
}

// Job is what is to be done, and when.
type Job struct {
	Name string
	// At is the time of day, of the clock at the site, at which the job is done
	// for the date before.
	At time.Duration
	// Every, if not zero, makes it a job with an interval instead: it is done
	// once at the start, then so long after it ended.
	Every time.Duration
	// Apart has it done by a runner of its own: where it writes to may hang, and nothing
	// else waits for that.
	Apart bool
	// Do must bear being done again for the same Due, as after a crash.
	Do func(ctx context.Context, due Due) error
	// Advice is said in the log when the job fails: what the operator can do.
	Advice string
}

// Memory remembers durably up to which date a job was done for a site.
type Memory interface {
	// Done is the last date; known is false if the job was never done there.
	Done(ctx context.Context, job, site string) (last period.Date, known bool, err error)
	// SetDone is on disk when it returns nil.
	SetDone(ctx context.Context, job, site string, last period.Date) error
}

// Options of a Scheduler; the zero value works.
type Options struct {
	Log   *slog.Logger
	Retry time.Duration // pause after a first failure, doubled after each further one; 30 s if zero
	Most  time.Duration // longest pause; one hour if zero
	// Passing reports of an error that it ends by itself and that whoever caused
	// it knows: a job that fails so is tried again, and nothing is logged. Nil is never.
	Passing func(err error) bool
}

// Scheduler does jobs one after the other, but for those that are apart. A job that is new at a site begins
// with the newest date that is over: what lies before is the job's own matter.
type Scheduler struct {
	jobs   []Job
	memory Memory
	sites  func() []Site
	o      Options

	running  chan struct{} // room for one runner
	mu       sync.Mutex    // guards what follows
	troubles map[at]*trouble
	ended    map[string]time.Time // by job: when one with an interval ended last
}

// Standing is how far a job is: at a site, or one with an interval.
type Standing struct {
	Job, Site string        // Site is "" for a job with an interval
	Every     time.Duration // 0 is one for each date
	Last      period.Date   // for which it was done; 0 is none yet
	Ended     time.Time     // when one with an interval was done last in this process; zero is not yet
	Err       error         // of the last try, if it failed
	Again     time.Time     // from then on that is tried again
}

// Standings tells how far all jobs are, by job and site.
func (s *Scheduler) Standings(ctx context.Context) (all []Standing, err error) {
	for _, job := range s.jobs {
		sites := s.sites()
		if job.Every > 0 {
			sites = []Site{{}}
		}
		for _, site := range sites {
			one := Standing{Job: job.Name, Site: site.ID, Every: job.Every}
			if job.Every == 0 {
				if one.Last, _, err = s.memory.Done(ctx, job.Name, site.ID); err != nil {
					return nil, err
				}
			}
			s.mu.Lock()
			one.Ended = s.ended[job.Name]
			if t := s.troubles[at{job.Name, site.ID}]; t != nil {
				one.Err, one.Again = t.err, t.until
			}
			s.mu.Unlock()
			all = append(all, one)
		}
	}
	return all, nil
}

// at is a job at a site.
type at struct{ job, site string }

// trouble is a job that failed.
type trouble struct {
	err   error
	pause time.Duration
	until time.Time // not tried again before
}

// New makes a Scheduler. Sites is asked each time it looks what is due.
func New(jobs []Job, memory Memory, sites func() []Site, o Options) *Scheduler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Retry <= 0 {
		o.Retry = 30 * time.Second
	}
	if o.Passing == nil {
		o.Passing = func(error) bool { return false }
	}
	if o.Most <= 0 {
		o.Most = time.Hour
	}
	return &Scheduler{jobs: jobs, memory: memory, sites: sites, o: o, running: make(chan struct{}, 1), troubles: map[at]*trouble{}, ended: map[string]time.Time{}}
}

// look is how often it looks what is due: sites come and change, and clocks are set.
const look = time.Minute

// Run does what is due until ctx ends. A second Run waits for the first to end.
func (s *Scheduler) Run(ctx context.Context) {
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
	case <-ctx.Done():
		return
	}
	var lanes sync.WaitGroup
	var others []*Job
	for i := range s.jobs {
		if job := &s.jobs[i]; job.Apart {
			lanes.Go(func() { s.lane(ctx, job) })
		} else {
			others = append(others, job)
		}
	}
	s.lane(ctx, others...)
	lanes.Wait()
}

// lane does what is due of some jobs until ctx ends.
func (s *Scheduler) lane(ctx context.Context, jobs ...*Job) {
	for ctx.Err() == nil {
		s.pass(ctx, jobs)
		wait := time.NewTimer(time.Until(time.Now().Truncate(look).Add(look)))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
}

// pass does everything that is due now of some jobs.
func (s *Scheduler) pass(ctx context.Context, jobs []*Job) {
	for _, job := range jobs {
		if job.Every > 0 {
			s.mu.Lock()
			ended, once := s.ended[job.Name]
			s.mu.Unlock()
			if once && time.Since(ended) < job.Every {
				continue
			}
			if s.try(ctx, job, Due{}, func() error { return job.Do(ctx, Due{}) }) {
				s.mu.Lock()
				s.ended[job.Name] = time.Now()
				s.mu.Unlock()
			}
			continue
		}
		for _, site := range s.sites() {
			s.catchUp(ctx, job, site)
		}
	}
}

// catchUp does a job for the dates of a site that are due, in order, until one fails.
func (s *Scheduler) catchUp(ctx context.Context, job *Job, site Site) {
	for ctx.Err() == nil {
		due := Due{Site: site, Date: Newest(time.Now(), site.Zone, job.At)}
		var nothing bool
		done := s.try(ctx, job, due, func() error {
			last, known, err := s.memory.Done(ctx, job.Name, site.ID)
			switch {
			case err != nil:
				return fmt.Errorf("what was done last can't be read: %w", err)
			case known && last >= due.Date:
				nothing = true
				return nil
			case known:
				due.Date = last + 1
			default: // if it fails for days, it must begin here all the same
				if err := s.memory.SetDone(ctx, job.Name, site.ID, due.Date-1); err != nil {
					return err
				}
			}
			if err := job.Do(ctx, due); err != nil {
				return fmt.Errorf("%s: %w", due.Date, err)
			}
			return s.memory.SetDone(ctx, job.Name, site.ID, due.Date)
		})
		if !done || nothing {
			return
		}
	}
}

// try does something unless it failed too short a time ago, and reports whether
// it is done. Only the first failure is logged.
func (s *Scheduler) try(ctx context.Context, job *Job, due Due, do func() error) bool {
	key := at{job.Name, due.Site.ID}
	s.mu.Lock()
	t := s.troubles[key]
	s.mu.Unlock()
	if t != nil && time.Now().Before(t.until) { // changed by the job's lane alone
		return false
	}
	err := do()
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.o.Log.With("job", job.Name)
	if due.Site.ID != "" {
		log = log.With("site", due.Site.ID)
	}
	switch {
	case err == nil:
		if t != nil {
			log.Info("a job that had failed is done")
			delete(s.troubles, key)
		}
		return true
	case ctx.Err() != nil: // stopped, not failed
		return false
	case t == nil && s.o.Passing(err): // looked at again with the next pass
		return false
	case t == nil:
		t = &trouble{pause: s.o.Retry}
		s.troubles[key] = t
		log.Error("a job failed and is tried again with growing pauses; "+job.Advice, "error", err)
	default:
		t.pause = min(2*t.pause, s.o.Most)
	}
	t.err, t.until = err, time.Now().Add(t.pause)
	return false
}

// Newest is the newest date of a zone (nil is UTC) that a job at a time of day
// is due for.
func Newest(now time.Time, zone *time.Location, timeOfDay time.Duration) period.Date {
	date := period.DateOf(now, zone) - 1
	if now.Before(moment(date, zone, timeOfDay)) {
		date--
	}
	return date
}

// moment is when the clock shows a time of day on the day after the date. Where
// that time is skipped it is an hour off, but never before the date is over.
func moment(date period.Date, zone *time.Location, timeOfDay time.Duration) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	end := date.Window(zone).To
	y, m, d := end.In(zone).Date()
	clock := time.Date(y, m, d, 0, 0, 0, int(timeOfDay), zone)
	if clock.Before(end) {
		return end
	}
	return clock
}
