package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// figures are those of all days by day, from bins alone, which must be the events'.
func (h *home) figures(site string) string {
	h.t.Helper()
	var all []string
	for _, m := range []metric.Name{metric.PageViews, metric.Visitors, metric.Sessions, metric.Revenue} {
		for _, step := range []period.Step{period.Day, period.Total} {
			zone, from := h.sites.now.Load().byID[site].Location(), period.DateOf(time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC), nil)
			q := metric.Query{Site: site, Metric: m, Step: step, Zone: zone, Currency: h.sites.currency(site),
				Window: period.Window{From: from.Window(zone).From, To: (from + 61).Window(zone).From}}
			got, err := h.Answer(h.t.Context(), q)
			must(h.t, err)
			want, err := h.answerFromEvents(h.t.Context(), q)
			must(h.t, err)
			if got.Source != "bins" || fmt.Sprint(got.Points) != fmt.Sprint(want.Points) {
				h.t.Errorf("%s by %q, from %s:\n%v\nwant\n%v", m, step, got.Source, got.Points, want.Points)
			}
			all = append(all, fmt.Sprint(got.Points))
		}
	}
	found, err := h.reconcile(h.t.Context(), "", 0, 0)
	if err != nil || found.Count > 0 || found.Figures == 0 || len(found.Unrolled) > 0 {
		h.t.Errorf("reconcile: %v, %+v", err, found)
	}
	return fmt.Sprint(all)
}

// rolled rolls and gives the figures.
func (h *home) rolled(site string) string {
	h.t.Helper()
	_, err := h.roller.Roll(h.t.Context())
	must(h.t, err)
	return h.figures(site)
}

// sold is a home with some days of a site, rolled.
func sold(t *testing.T) (h *home, site string) {
	h = newHome(t)
	var added account.Site
	if fault, code := h.typed(&added, "site", "add", "shop.example", "--timezone", "UTC"); code != 0 {
		t.Fatal(fault)
	}
	for i := range 40 {
		e := events(fmt.Sprint("e", i), 1, true)[0]
		e.Site, e.Visitor = added.ID, uint64(i%7+1)
		e.Time = e.Time.Add(time.Duration(i*i) * 20 * time.Minute)
		e.Original = e.Time
		if i%4 == 0 {
			e.Kind, e.Name, e.Properties = event.Track, "Order Completed", pickOf(rand.New(rand.NewPCG(uint64(i), 1)), `{"revenue":7,"currency":"USD"}`, `{"revenue":5,"currency":"EUR"}`)
		}
		must(t, h.queue.Publish(t.Context(), e))
	}
	h.settle()
	return h, added.ID
}

// TestSiteChangesItsBins: with another zone or currency all days are rolled
// anew, and until then the figures come from the events.
func TestSiteChangesItsBins(t *testing.T) {
	t.Parallel()
	h, site := sold(t)
	before := h.rolled(site)
	for _, change := range [][]string{{"--timezone", "Pacific/Apia"}, {"--currency", "EUR"}, {"--currency", "USD", "--timezone", "UTC"}} {
		if fault, code := h.typed(nil, append([]string{"site", "set", site}, change...)...); code != 0 {
			t.Fatal(fault)
		}
		if now := h.rolled(site); (now == before) != (len(change) == 4) {
			t.Errorf("after %v the figures are\n%s\nand were\n%s", change, now, before)
		}
	}
	h.rebuilt()
	if now := h.rolled(site); now != before {
		t.Errorf("after a rebuild the figures are\n%s\nand were\n%s", now, before)
	}
	h.reopen()
	if now := h.figures(site); now != before {
		t.Errorf("after a restart the figures are\n%s\nand were\n%s", now, before)
	}
}

// TestDamagedBins: whatever happens to their file, bins are made again.
func TestDamagedBins(t *testing.T) {
	t.Parallel()
	h, site := sold(t)
	before := h.rolled(site)
	path := filepath.Join(h.dir, "bins.sqlite")
	garbage := func(at, n int64) func() {
		return func() {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			defer f.Close()
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(i*7 + 1)
			}
			_, err = f.WriteAt(b, at)
			must(t, err)
		}
	}
	moved := 0
	for _, x := range []struct {
		name  string
		aside int
		spoil func()
	}{
		{"truncated", 1, func() { must(t, os.Truncate(path, 5000)) }},
		{"to a part of the first page", 1, func() { must(t, os.Truncate(path, 300)) }},
		{"a damaged beginning", 1, garbage(0, 200)},
		{"a damaged page", 1, garbage(4096, 4096)},
		{"something else", 1, func() { must(t, os.WriteFile(path, []byte("once upon a time there was a file of bins"), 0o600)) }},
		{"nothing", 0, func() { must(t, os.Truncate(path, 0)) }},
		{"gone", 0, func() { must(t, os.Remove(path)) }},
	} {
		must(t, h.leaveAnd(x.spoil))
		if now := h.rolled(site); now != before {
			t.Errorf("%s: the figures are\n%s\nand were\n%s", x.name, now, before)
		}
		if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) != moved+x.aside {
			t.Errorf("%s: moved aside are %v", x.name, aside)
		}
		moved += x.aside
	}
}
