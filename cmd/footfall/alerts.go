package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"footfall/account"
	"footfall/alert"
	"footfall/mail"
	"footfall/metric"
	"footfall/period"
	"footfall/schedule"
	"footfall/webhook"
)

// alertsEvery is how often alerts are looked at.
const alertsEvery = time.Minute

// toldAtOnce is how many alerts are told at a time.
const toldAtOnce = 16

// watcher looks at the figures that alerts are about, and tells what changed.
type watcher struct {
	h      *house
	began  time.Time
	poster *webhook.Poster
	hours  map[string]time.Time // by alert: end of the last hour that was looked at
}

func (h *house) watcher(began time.Time) *watcher {
	return &watcher{h, began, webhook.New(nil), map[string]time.Time{}}
}

// runAlerts looks at alerts until ctx ends. It is the server's work: what a command
// opens for a moment has nothing to tell.
func (h *house) runAlerts(ctx context.Context) {
	w := h.watcher(time.Now())
	job := schedule.Job{Name: "alerts", Every: alertsEvery, Do: func(ctx context.Context, _ schedule.Due) error { return w.look(ctx, time.Now()) },
		Advice: "nobody is told of what is unusual until then"}
	schedule.New([]schedule.Job{job}, h.bins, func() []schedule.Site { return nil }, schedule.Options{Log: h.log, Most: alertsEvery}).Run(ctx)
}

// look looks at every alert once, and tells what was not told yet. What is wrong
// with one keeps no other from it.
func (w *watcher) look(ctx context.Context, now time.Time) error {
	all, err := w.h.control.Alerts(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(all))
	var telling sync.WaitGroup
	defer telling.Wait()
	room := make(chan struct{}, toldAtOnce)
	for i, a := range all {
		if ctx.Err() != nil {
			return nil
		}
		a, err := w.step(ctx, a, now)
		telling.Go(func() { // a webhook that does not answer holds up no other
			room <- struct{}{}
			defer func() { <-room }()
			if err := errors.Join(err, w.tell(ctx, a, now)); err != nil && !errors.Is(err, account.ErrNotFound) { // removed, or another process did it
				errs[i] = fmt.Errorf("alert %s: %w", a.ID, err)
			}
		})
	}
	telling.Wait()
	return errors.Join(errs...)
}

// step gives an alert a reading, and keeps what came of it.
func (w *watcher) step(ctx context.Context, a account.Alert, now time.Time) (account.Alert, error) {
	rule, err1 := alert.ParseRule(a.Rule)
	state, err2 := alert.ParseState(a.State)
	if err := errors.Join(err1, err2); err != nil {
		return a, err
	}
	x, known, err := w.reading(ctx, a, rule, now)
	if err != nil || !known {
		return a, err
	}
	next := rule.Step(state, x).Spell()
	if next == state.Spell() {
		return a, nil
	}
	if err := w.h.control.MoveAlert(ctx, a.ID, a.State, next); err != nil {
		return a, err
	}
	a.State = next
	return a, nil
}

// reading is what a rule looks at now; not known is that there is nothing new to see.
func (w *watcher) reading(ctx context.Context, a account.Alert, rule alert.Rule, now time.Time) (x alert.Reading, known bool, err error) {
	x = alert.Reading{At: now.UTC(), From: w.began}
	if rule.Kind.OfServer() {
		s, err := w.h.status(ctx)
		for _, n := range s.Aside {
			x.Now += int64(n)
		}
		if x.Now += int64(s.Dropped + s.Discarded); rule.Kind == alert.Lag {
			x.Now = 0
			for _, seconds := range s.LagSeconds {
				x.Now = max(x.Now, int64(seconds)/60)
			}
		}
		return x, err == nil, err
	}
	site, ok := w.h.sites.now.Load().byID[a.Site]
	if !ok {
		return x, false, nil
	}
	of, window := rule.Metric, period.Window{From: now.Add(-time.Duration(rule.Minutes) * time.Minute), To: now}
	if rule.Kind == alert.Silence {
		of = metric.Events
	} else { // whole quarters, a moment after their end: events come a little late
		end := now.Add(-alertsEvery).Truncate(period.Bucket)
		window = period.Window{From: end.Add(-time.Hour), To: end}
		if !end.After(w.hours[a.ID]) {
			return x, false, nil
		}
	}
	stored, err := w.h.storedBefore(ctx, window.To.Add(-alertsEvery))
	if err != nil || !stored {
		return x, false, err
	}
	if x.Now, err = w.count(ctx, site, of, window); err != nil {
		return x, false, err
	}
	if rule.Kind != alert.Silence || x.Now == 0 && !rule.Always {
		if x.Weeks, err = w.weeks(ctx, site, of, window, now); err != nil {
			return x, false, err
		}
	}
	if rule.Kind != alert.Silence {
		w.hours[a.ID] = window.To
	}
	return x, true, nil
}

// count is a metric of a window.
func (w *watcher) count(ctx context.Context, site account.Site, m metric.Name, window period.Window) (int64, error) {
	t, err := w.h.Tabulate(ctx, metric.Report{Site: site.ID, Metrics: []metric.Name{m}, Window: window, Zone: site.Location()})
	if err != nil || len(t.Rows) == 0 {
		return 0, err
	}
	return t.Rows[0].Values[0].N, nil
}

// oldest is since when all events of a site are there: those that it keeps and, as it
// may have kept fewer days before, those that were not removed.
func (w *watcher) oldest(ctx context.Context, site account.Site, now time.Time) (time.Time, error) {
	s, err := w.h.bins.State(ctx)
	at := site.Oldest(now)
	if f, ok := s.Frozen[site.ID]; ok && f.At.After(at) {
		at = f.At
	}
	return at, err
}

// weeks are a metric in the same window of earlier weeks, as far back as the site
// has page views and keeps events.
func (w *watcher) weeks(ctx context.Context, site account.Site, m metric.Name, window period.Window, now time.Time) (all []int64, err error) {
	zone := site.Location()
	oldest, err := w.oldest(ctx, site, now)
	if err != nil {
		return nil, err
	}
	since := period.Window{From: period.Day.Start(alert.Back(window.From, alert.Weeks, zone), zone), To: now}
	if since.From.Before(oldest) {
		since.From = oldest
	}
	t, err := w.h.Tabulate(ctx, metric.Report{Site: site.ID, Metrics: []metric.Name{metric.PageViews}, Step: period.Day, Window: since, Zone: zone, Order: []metric.Order{{}}})
	if err != nil {
		return nil, err
	}
	first := slices.IndexFunc(t.Rows, func(r metric.Row) bool { return r.Values[0].N > 0 })
	if first < 0 {
		return nil, nil
	}
	for k := 1; k <= alert.Weeks; k++ {
		then := alert.Earlier(window, k, zone)
		if then.From.Before(t.Rows[first].Time) || then.From.Before(oldest) {
			break
		}
		n, err := w.count(ctx, site, m, then)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// tell tells the last change of an alert, if nobody was told yet. A try is counted
// before it is made, so that one that is cut off is made again after its pause, with
// the same id.
func (w *watcher) tell(ctx context.Context, a account.Alert, now time.Time) error {
	s, err := alert.ParseState(a.State)
	if err != nil || s.Last == nil || s.Told || now.Before(s.Due) {
		return err
	}
	before := s.Tries
	s.Tries, s.Due = before+1, now.Add(webhook.Pause(before)).UTC()
	claimed := s.Spell()
	if err := w.h.control.MoveAlert(ctx, a.ID, a.State, claimed); err != nil {
		return err
	}
	rule, err := alert.ParseRule(a.Rule)
	if err != nil {
		return err
	}
	err = w.send(context.WithoutCancel(ctx), a, rule, *s.Last, fmt.Sprintf("%s.%d", a.ID, s.Last.Number))
	s.Told, s.Why = err == nil || w.final(err) || webhook.Tried(before) >= webhook.Life, ""
	if err != nil {
		s.Why = err.Error()
		w.h.log.Warn("an alert could not be told", "alert", a.ID, "given_up", s.Told, "error", err)
	}
	return w.h.control.MoveAlert(ctx, a.ID, claimed, s.Spell())
}

// final reports whether another try would end in the same way.
func (w *watcher) final(err error) bool {
	failure, failed := errors.AsType[*mail.Failure](err)
	_, gone := errors.AsType[webhook.GoneError](err)
	_, refused := errors.AsType[webhook.RefusedError](err)
	return failed && failure.Final() || gone || refused || errors.Is(err, errNoMail)
}

// toldAlert is what a webhook is told.
type toldAlert struct {
	ID      string    `json:"id"` // the same for each try
	Kind    string    `json:"kind"`
	Created time.Time `json:"created"`
	Data    struct {
		Alert string    `json:"alert"`
		Site  string    `json:"site"` // "" is the server
		Watch string    `json:"watch"`
		Rule  string    `json:"rule"`
		Began time.Time `json:"began"`
		Now   int64     `json:"now"`
		Usual *float64  `json:"usual"` // null is not known
	} `json:"data"`
}

// Kinds of what webhooks are told.
const (
	alertBegan = "alert.began"
	alertOver  = "alert.over"
)

// send tells a change once.
func (w *watcher) send(ctx context.Context, a account.Alert, rule alert.Rule, c alert.Change, id string) error {
	if a.Webhook != "" {
		m := toldAlert{ID: id, Kind: alertBegan, Created: c.At.UTC()}
		if c.Over {
			m.Kind = alertOver
		}
		m.Data.Alert, m.Data.Site, m.Data.Watch, m.Data.Rule, m.Data.Began, m.Data.Now = a.ID, a.Site, string(rule.Kind), rule.String(), c.Began.UTC(), c.Now
		if c.Usual >= 0 {
			usual := float64(c.Usual) / 100
			m.Data.Usual = &usual
		}
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		_, err = w.poster.Post(ctx, a.Webhook, body, []byte(a.Secret))
		return err
	}
	if w.h.post == nil {
		return errNoMail
	}
	site := w.h.sites.now.Load().byID[a.Site] // the zero site is the server, whose clock is UTC
	kind, about := rule.About(c, site.Location())
	about.Site = site.Domain
	letter := w.h.letter(kind, mail.Address{Email: a.Email}, "/", about)
	letter.ID = id
	ctx, cancel := context.WithTimeout(ctx, mailWait)
	defer cancel()
	_, err := w.h.post.Send(ctx, kind, letter)
	return err
}
