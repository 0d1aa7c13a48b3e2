package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// redirects is the result of following affiliates' links. A time is from when the
// request was due to its whole answer, so that one that waited for the one before
// it counts with its wait.
type redirects struct {
	Rate      int     `json:"rate"` // that was asked for, a second
	Seconds   float64 `json:"seconds"`
	Followed  int     `json:"followed"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Most      float64 `json:"max_ms"`
	Unkept    int     `json:"unkept"` // led on, but without a click's id: it was not on disk in time
	Counted   int64   `json:"counted"`
	Load      string  `json:"load_average"` // of the machine when it began: what else ran
}

// benchDir is a data directory that ends with the benchmark, unless one is named.
func (c *call) benchDir() (remove func(), err error) {
	if c.from["data"] != "default" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "footfall-bench-")
	c.values["data"], c.values["control"], c.values["archive"] = dir, inDirectory, ""
	return func() { os.RemoveAll(dir) }, err
}

func benchRedirect(ctx context.Context, c *call) error {
	seconds, err1 := strconv.ParseFloat(c.flags.Lookup("seconds").Value.String(), 64)
	rate, err2 := strconv.Atoi(c.flags.Lookup("rate").Value.String())
	connections, err3 := strconv.Atoi(c.flags.Lookup("connections").Value.String())
	if err := errors.Join(err1, err2, err3); err != nil || seconds <= 0 || rate < 1 || connections < 1 {
		return misused("--seconds, --rate and --connections take a number above zero")
	}
	remove, err := c.benchDir()
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{call: c, rate: rate}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer b.server.Process.Kill() // already gone when all went well
	if err := b.makeLink(ctx); err != nil {
		return err
	}
	r := redirects{Rate: rate, Load: load()}
	if err := b.follow(ctx, &r, int(seconds*float64(rate)), connections); err != nil {
		return err
	}
	if r.Counted, err = b.clicks(ctx, r.Followed-r.Unkept); err != nil {
		return err
	}
	if err := b.finish(ctx, &benchResult{}); err != nil {
		return err
	}
	return c.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%d links followed at %.0f/s over %d connections: p50 %.2f ms, p99 %.2f ms, at most %.2f ms\n%d clicks counted, %d not kept in time; load average before: %s\n",
			r.Followed, r.PerSecond, connections, r.P50, r.P99, r.Most, r.Counted, r.Unkept, r.Load)
	})
}

// makeLink makes a programme with the link /r/bench.
func (b *bench) makeLink(ctx context.Context) error {
	for _, x := range []struct {
		path string
		form url.Values
	}{
		{"/program/set", url.Values{"name": {"Bench"}, "site": {"bench.example"}, "rate": {"50%"}}},
		{"/affiliate/add", url.Values{"site": {"bench.example"}, "email": {"anna@example.com"}, "name": {"Anna"}, "status": {"active"}}},
		{"/code/add", url.Values{"site": {"bench.example"}, "affiliate": {"anna@example.com"}, "code": {"bench"}, "landing": {"https://bench.example/course"}}},
	} {
		if err := b.client.ask(ctx, "POST", x.path, x.form, new(any)); err != nil {
			return err
		}
	}
	return nil
}

// follow asks for the link n times, each when it is due, over some connections.
func (b *bench) follow(ctx context.Context, r *redirects, n, connections int) error {
	var next, unkept atomic.Int64
	times, faults := make([][]time.Duration, connections), make([]error, connections)
	var work sync.WaitGroup
	began := time.Now().Add(50 * time.Millisecond)
	for i := range connections {
		work.Go(func() {
			conn, err := net.Dial("tcp", b.values["listen"])
			if err != nil {
				faults[i] = err
				return
			}
			defer conn.Close()
			answers := bufio.NewReaderSize(conn, 4096)
			for ctx.Err() == nil && faults[i] == nil {
				number := next.Add(1) - 1
				if number >= int64(n) {
					return
				}
				due := began.Add(time.Duration(number) * time.Second / time.Duration(b.rate))
				if wait := time.Until(due); wait > 0 {
					time.Sleep(wait)
					due = time.Now() // waking up to a millisecond late is not the server's
				}
				var kept bool
				kept, faults[i] = followOnce(conn, answers, number)
				times[i] = append(times[i], time.Since(due))
				if !kept {
					unkept.Add(1)
				}
			}
		})
	}
	work.Wait()
	r.Seconds = time.Since(began).Seconds()
	if err := errors.Join(append(faults, ctx.Err())...); err != nil {
		return err
	}
	all := slices.Concat(times...)
	r.Followed, r.Unkept, r.PerSecond = len(all), int(unkept.Load()), float64(len(all))/r.Seconds
	r.P50, r.P99 = quantiles(all)
	r.Most = float64(slices.Max(all).Microseconds()) / 1000
	return nil
}

// followOnce follows the link as one of five thousand visitors, and tells whether
// the answer carries a click's id.
func followOnce(conn net.Conn, answers *bufio.Reader, number int64) (kept bool, err error) {
	_, err = fmt.Fprintf(conn, "GET /r/bench?sub=place%d HTTP/1.1\r\nHost: bench\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.%d.0 Safari/537.36\r\n\r\n",
		number%20, number%5000)
	if err != nil {
		return false, err
	}
	for line := 0; ; line++ {
		s, err := answers.ReadSlice('\n')
		if err != nil {
			return kept, err
		}
		text := strings.TrimRight(string(s), "\r\n")
		if line == 0 && !strings.Contains(text, " 302 ") {
			return false, errors.New("the link was answered " + text)
		}
		if location, ok := strings.CutPrefix(text, "Location: "); ok {
			kept = strings.Contains(location, "cid=")
		}
		if text == "" {
			return kept, nil // an answer to a link has no body
		}
	}
}

// clicks waits until the ledger has so many touches, and counts the clicks: one an
// hour of each visitor.
func (b *bench) clicks(ctx context.Context, kept int) (n int64, err error) {
	want := int64(min(kept, 5000))
	for range 600 {
		var a struct{ Dataset []struct{ Value int64 } }
		err := b.client.ask(ctx, "GET", "/query", url.Values{"site": {"bench.example"}, "metric": {"Clicks"}, "window": {"Last24Hours"}, "step": {"total"}}, &a)
		if err != nil {
			return n, err
		}
		if len(a.Dataset) > 0 {
			n = a.Dataset[0].Value
		}
		if n >= want-want/100 { // the visitor's id changes at midnight UTC, and an hour may end
			return n, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return n, fmt.Errorf("the ledger counted %d of %d clicks within a minute: look for errors above, and at footfall doctor", n, want)
}

// load is the machine's load average of the last minute; "" where that is not known.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg") // "" where there is no /proc
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
