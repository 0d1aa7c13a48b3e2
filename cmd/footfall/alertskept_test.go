package main

import (
	"testing"
	"time"

	"footfall/account"
	"footfall/alert"
	"footfall/metric"
	"footfall/period"
)

// TestAlertsOfKeptDays: an alert of a site that keeps events for fewer days than the
// usual is made of goes by the weeks that there are.
func TestAlertsOfKeptDays(t *testing.T) {
	a := newAged(t, 3, "Europe/Berlin")
	a.set(func(s *account.Site) { s.Keep = 16 })
	a.do(nil, "retention", "--site", "shop.example")
	now := time.Now()
	w := a.watcher(now.Add(-9 * time.Hour))
	end := now.Truncate(period.Bucket)
	weeks, err := w.weeks(t.Context(), a.site, metric.PageViews, period.Window{From: end.Add(-time.Hour), To: end}, now)
	if err != nil || len(weeks) != alert.Enough {
		t.Errorf("%d weeks are known, want %d (%v)", len(weeks), alert.Enough, err)
	}
	a.set(func(s *account.Site) { s.Keep = 0 }) // what is removed stays so
	if again, err := w.weeks(t.Context(), a.site, metric.PageViews, period.Window{From: end.Add(-time.Hour), To: end}, now); err != nil || len(again) != alert.Enough {
		t.Errorf("of a site that keeps all from now on %d weeks are known, want %d (%v)", len(again), alert.Enough, err)
	}
}

// TestLetterAcrossCurrencies: where a site's money was counted in another currency and
// its events are not kept, a letter says so of money and has all other figures.
func TestLetterAcrossCurrencies(t *testing.T) {
	a := newAged(t, 4, "Europe/Berlin")
	a.set(func(s *account.Site) { s.Keep = 2 })
	a.do(nil, "retention", "--site", "shop.example")
	a.set(func(s *account.Site) { s.Currency = "USD" })
	text := a.letterAt(time.Now(), account.Subscription{ID: "sub", Site: a.site.ID, Email: "a@a.com", Rhythm: account.Weekly}).Text
	told := letterFigures(text)
	if told["Page views"][0] == "" || told["Revenue"] != [2]string{"–", "–"} {
		t.Errorf("told %v in\n%s", told, text)
	}
}
