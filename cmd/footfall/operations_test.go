package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"footfall/account"
	"footfall/dash"
	"footfall/period"
	"footfall/schedule"
)

// TestAsideTellsWhy: an item that is not there is told from a queue that can't be read.
func TestAsideTellsWhy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.giveUp(events("odd", 1, true)...)
	id := h.items("store")[0].ID
	o := operations{h.house}
	if _, err := o.Aside(t.Context(), dash.AsideFilter{ID: id + 1}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an item that is not there: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Aside(gone, dash.AsideFilter{ID: id}); err == nil || errors.Is(err, account.ErrNotFound) {
		t.Errorf("an item that can't be read: %v", err)
	}
}

// TestJobLines: what a job of the schedule has done is one line for all sites at which
// it is as far, and says of how many sites that is.
func TestJobLines(t *testing.T) {
	day := period.DateOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), nil)
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	got := jobLines([]schedule.Standing{
		{Job: dailyJob, Site: "a", Last: day}, {Job: dailyJob, Site: "b", Last: day}, {Job: dailyJob, Site: "c"},
		{Job: dailyJob, Site: "d", Last: day, Err: errors.New("no room"), Again: at},
		{Job: historyJob, Site: "a", Last: day}, {Job: historyJob, Site: "b", Last: day},
		{Job: copiesJob, Every: time.Hour, Ended: at},
	}, func(site string) string { return site + ".example" })
	want := []dash.Job{
		{Name: "Daily table", Sites: 2, Site: "a.example", Last: "2026-03-01"}, {Name: "Daily table", Sites: 1, Site: "c.example"},
		{Name: "Daily table", Sites: 1, Site: "d.example", Last: "2026-03-01", Problem: "no room", Again: at},
		{Name: "Visitor histories", Last: "2026-03-01"},
		{Name: "Scheduled exports", Done: at},
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines\n%+v, want\n%+v", got, want)
	}
}
