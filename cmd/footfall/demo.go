package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"footfall/account"
	"footfall/demo"
)

// runDemo serves a temporary directory, sends a real data set through the real
// collector, and goes on with a trickle so that the live figure moves. Invented
// visitors must not get among real ones: only its own command line gives it
// another directory.
func runDemo(ctx context.Context, c *call) error {
	if c.from["data"] == "flag" {
		if err := c.mayShow(ctx); err != nil {
			return err
		}
	} else {
		dir, err := os.MkdirTemp("", "footfall-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		c.values["data"] = dir
	}
	c.values["mail"] = "" // its people are invented
	if c.from["control"] != "flag" {
		c.values["control"] = inDirectory
	}
	if c.from["listen"] == "default" {
		c.values["listen"] = freeAddress(c.values["listen"])
	}
	if c.from["log"] == "default" {
		c.stderr = quiet{c.stderr}
	}
	return serve(ctx, c, demo.Places{}, func(h *house, address string) {
		go func() {
			if err := feed(ctx, c, h, address); err != nil && ctx.Err() == nil {
				fmt.Fprintln(c.stdout, "demo:", err)
			}
		}()
	})
}

// mayShow refuses a data directory that is used for more than the demo.
func (c *call) mayShow(ctx context.Context) error {
	const instead = "the demo needs a directory of its own: leave --data out, or name another one"
	dir := c.values["data"]
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil // serve makes it
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	var sites []account.Site
	if err := errors.Join(k.ask(ctx, "GET", "/site/list", nil, &sites), k.close()); err != nil {
		return err
	}
	if !k.own {
		return fmt.Errorf("a server runs on %s; %s", dir, instead)
	}
	for _, s := range sites {
		if !slices.Contains([]string{demo.Domain, demo.Courses, demo.Workshops}, s.Domain) {
			return fmt.Errorf("%s has the site %s; %s", dir, s.Domain, instead)
		}
	}
	return nil
}

// quiet lets only warnings and errors of the text log through: the demo prints
// its own lines.
type quiet struct{ io.Writer }

func (q quiet) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("level=INFO")) {
		return len(b), nil
	}
	return q.Writer.Write(b)
}

// freeAddress is address if nobody listens there, else a free port.
func freeAddress(address string) string {
	l, _, err := listen(address)
	if err != nil {
		return "127.0.0.1:0"
	}
	l.Close()
	return address
}

func feed(ctx context.Context, c *call, h *house, address string) error {
	site, err := h.demoSite(ctx, demo.Domain)
	if err != nil {
		return err
	}
	const perBatch, about = 500, 60_000
	now := time.Now()
	sent, began := 0, now
	fmt.Fprintf(c.stdout, "footfall demo: sending about %d real page views of a shop through %s\n", about, address)
	line := newBar(c.stdout, "page views", about)
	for body := range demo.Batches(demo.Hits(now, 1), perBatch, now) {
		if err := post(ctx, address, site.WriteKey, body); err != nil {
			return err
		}
		sent += perBatch
		line.show(int64(sent), "")
	}
	line.end()
	if err := h.showSeller(ctx, address, now); err != nil {
		return err
	}
	if err := h.settled(ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%d events collected, stored and counted in %.1f s.\n", h.store.Load().State().Stored, time.Since(began).Seconds())
	if err := h.printLinks(ctx, c.stdout, address); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "A few visitors a minute keep coming. Stop with Ctrl-C; %s\n", whatRemains(c))
	for hit, pause := range demo.Trickle(time.Now, uint64(now.UnixNano())) {
		for body := range demo.Batches(func(yield func(demo.Hit) bool) { yield(hit) }, 1, hit.Time) {
			if err := post(ctx, address, site.WriteKey, body); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	return nil
}

// demoSite is one of the demo's sites, made if it is not there.
func (h *house) demoSite(ctx context.Context, domain string) (account.Site, error) {
	site, err := h.sites.find(domain)
	if err != nil {
		site, err = h.sites.AddSite(ctx, account.Site{Domain: domain, Zone: localZone(), Currency: "EUR", DNT: true})
	}
	return site, err
}

func whatRemains(c *call) string {
	if c.from["data"] == "flag" {
		return "the data stays in " + c.values["data"] + "."
	}
	return "nothing remains."
}

// localZone is this machine's time zone by its IANA name, else UTC.
func localZone() string {
	if name := time.Local.String(); name != "Local" {
		return name
	}
	if to, err := os.Readlink("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(to, "zoneinfo/"); ok {
			return name
		}
	}
	return "UTC"
}

func post(ctx context.Context, address, key string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, "POST", address+"/v1/batch", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(key, "")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the collector answered %s: %s", res.Status, answer)
	}
	return err
}
