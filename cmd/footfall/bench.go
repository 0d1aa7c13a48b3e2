package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"footfall/account"
)

// measurement is one line of the benchmark's result. An event counts when it
// was answered 200, which means it is on disk.
type measurement struct {
	Connections int     `json:"connections"`
	Batch       int     `json:"batch"`
	Seconds     float64 `json:"seconds"`
	Events      int64   `json:"events"`
	PerSecond   float64 `json:"events_per_second"`
	P50         float64 `json:"p50_ms"` // of a request, sent to answered
	P99         float64 `json:"p99_ms"`
	VisibleP50  float64 `json:"visible_p50_ms"` // answered to counted by a query
	VisibleP99  float64 `json:"visible_p99_ms"`
	Probes      int     `json:"probes"`
	Behind      uint64  `json:"behind"` // events accepted and not yet stored when sending ended
	MemoryMB    float64 `json:"memory_mb"`
	StorePerSec float64 `json:"stored_per_second"`
	// What a server reached that only reads, syncs and answers, right after and from the
	// same senders; 0 where a rate was asked for.
	BarePerSecond float64 `json:"bare_events_per_second,omitempty"`
	BareP50       float64 `json:"bare_p50_ms,omitempty"`
}

// benchResult is the whole result.
type benchResult struct {
	IdleMemoryMB    float64       `json:"idle_memory_mb"`
	Runs            []measurement `json:"runs"`
	StoreBytes      float64       `json:"store_bytes_per_event"`
	ArchiveBytes    float64       `json:"archive_bytes_per_event"`
	PeakMemoryMB    float64       `json:"peak_memory_mb"`
	Stored          uint64        `json:"stored"`
	AcknowledgedSum int64         `json:"acknowledged"`
}

// againstBare are the bare server's columns.
func (m measurement) againstBare() string {
	if m.BarePerSecond == 0 {
		return "\t\t"
	}
	return fmt.Sprintf("%.0f\t%.2f\t%.0f %%", m.BarePerSecond, m.BareP50, 100*m.PerSecond/m.BarePerSecond)
}

// bench drives a server of its own, as another process, from this one.
type bench struct {
	*call
	server  *exec.Cmd
	address string
	key     string
	probe   string // write key of the site that probes freshness
	client  *client
	next    atomic.Uint64 // makes message ids unique
	rate    int
	events  [pages]benchEvent
}

func benchIngest(ctx context.Context, c *call) (err error) {
	seconds, err := strconv.ParseFloat(c.flags.Lookup("seconds").Value.String(), 64)
	if err != nil {
		return misused("--seconds takes a number")
	}
	connections, err1 := numbers(c.flags.Lookup("connections").Value.String())
	batches, err2 := numbers(c.flags.Lookup("batches").Value.String())
	rate, err3 := strconv.Atoi(c.flags.Lookup("rate").Value.String())
	if err := errors.Join(err1, err2, err3); err != nil {
		return misused("%v", err)
	}
	remove, err := c.benchDir()
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{call: c, rate: rate, events: benchEvents()}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer b.server.Process.Kill() // already gone when all went well
	var result benchResult
	time.Sleep(time.Second)
	result.IdleMemoryMB = b.memory("VmRSS")
	for _, n := range connections {
		result.Runs = append(result.Runs, b.measure(ctx, int(n), 1, seconds))
	}
	for _, n := range batches {
		result.Runs = append(result.Runs, b.measure(ctx, 16, int(n), seconds))
	}
	if err := b.finish(ctx, &result); err != nil {
		return err
	}
	return c.print(result, func(w io.Writer) { printBench(w, result) })
}

func printBench(w io.Writer, r benchResult) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "connections\tbatch\tevents/s\tp50 ms\tp99 ms\tvisible p50 ms\tvisible p99 ms\tbehind\tstored/s\tMB\tbare events/s\tbare p50 ms\tof bare\t")
	for _, m := range r.Runs {
		fmt.Fprintf(t, "%d\t%d\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%d\t%.0f\t%.0f\t%s\t\n", m.Connections, m.Batch, m.PerSecond, m.P50, m.P99, m.VisibleP50, m.VisibleP99, m.Behind, m.StorePerSec, m.MemoryMB, m.againstBare())
	}
	t.Flush()
	fmt.Fprintf(w, "%d acknowledged, %d stored; %.0f B an event in the store, %.0f B in the archive; memory idle %.0f MB, at most %.0f MB\n",
		r.AcknowledgedSum, r.Stored, r.StoreBytes, r.ArchiveBytes, r.IdleMemoryMB, r.PeakMemoryMB)
}

func (b *bench) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.values["listen"] = freeAddress("127.0.0.1:18080")
	if strings.HasSuffix(b.values["listen"], ":0") {
		if b.values["listen"], err = unusedAddress(); err != nil {
			return err
		}
	}
	b.server = exec.Command(self, "serve", "--data", b.values["data"], "--listen", b.values["listen"], "--archive", "",
		"--archive-age", b.values["archive-age"], "--archive-bytes", b.values["archive-bytes"], "--store-memory", b.values["store-memory"])
	b.server.Env = append(os.Environ(), "FOOTFALL_CONTROL="+b.values["control"]) // not in the list of processes
	b.server.Stderr = b.stderr
	if err := b.server.Start(); err != nil {
		return err
	}
	b.address = "http://" + b.values["listen"]
	for range 300 {
		if res, err := http.Get(b.address + "/readyz"); err == nil {
			res.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if b.client, err = b.dial(ctx); err != nil {
		return err
	}
	for domain, key := range map[string]*string{"bench.example": &b.key, "probe.example": &b.probe} {
		var s account.Site
		if err := b.client.ask(ctx, "POST", "/site/add", url.Values{"domain": {domain}, "timezone": {"UTC"}, "currency": {"EUR"}}, &s); err != nil {
			return err
		}
		*key = s.WriteKey
	}
	return nil
}

// measure sends for some seconds from n connections and probes freshness meanwhile.
func (b *bench) measure(ctx context.Context, n, batch int, seconds float64) measurement {
	var events atomic.Int64
	before := b.state(ctx)
	var probing sync.WaitGroup
	sending, cancel := context.WithCancel(ctx)
	var visible []time.Duration
	probing.Go(func() { visible = b.probeVisible(sending) })
	took, times := b.sendFor(ctx, b.values["listen"], n, batch, seconds, &events)
	cancel()
	after := b.state(ctx)
	probing.Wait()
	m := measurement{Connections: n, Batch: batch, Seconds: took, Events: events.Load(), PerSecond: float64(events.Load()) / took,
		Probes: len(visible), Behind: after.Waiting, MemoryMB: b.memory("VmRSS"), StorePerSec: float64(after.Stored-before.Stored) / took}
	m.P50, m.P99 = quantiles(times)
	m.VisibleP50, m.VisibleP99 = quantiles(visible)
	for range 600 { // the next run starts with an empty queue
		if b.state(ctx).Waiting == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if b.rate == 0 {
		if err := b.bare(ctx, seconds, &m); err != nil {
			fmt.Fprintln(b.stderr, "bench: the bare server:", err)
		}
	}
	return m
}

// sendFor sends from n connections to an address for some seconds.
func (b *bench) sendFor(ctx context.Context, address string, n, batch int, seconds float64, events *atomic.Int64) (took float64, times []time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
	defer cancel()
	of := make([][]time.Duration, n)
	var work sync.WaitGroup
	began := time.Now()
	for i := range n {
		work.Go(func() { of[i] = b.send(ctx, address, n, batch, events) })
	}
	work.Wait()
	return time.Since(began).Seconds(), slices.Concat(of...)
}

func quantiles(ds []time.Duration) (p50, p99 float64) {
	if len(ds) == 0 {
		return 0, 0
	}
	slices.Sort(ds)
	at := func(q float64) float64 { return float64(ds[int(q*float64(len(ds)-1))].Microseconds()) / 1000 }
	return at(0.5), at(0.99)
}

func (b *bench) state(ctx context.Context) (s status) {
	if err := b.client.ask(ctx, "GET", "/status", nil, &s); err != nil {
		fmt.Fprintln(b.stderr, "bench:", err)
	}
	return s
}

// send posts over one connection until ctx ends. It speaks HTTP by hand, as a
// client library would take most of the time on the cores it shares.
func (b *bench) send(ctx context.Context, address string, senders, batch int, events *atomic.Int64) (times []time.Duration) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(b.stderr, "bench:", err)
		return nil
	}
	defer conn.Close()
	answers := bufio.NewReaderSize(conn, 4096)
	var body []byte
	path := map[bool]string{true: "/v1/page", false: "/v1/batch"}[batch == 1]
	pace := time.Duration(0)
	if b.rate > 0 {
		pace = time.Duration(float64(time.Second) * float64(batch*senders) / float64(b.rate))
	}
	due := time.Now()
	for ctx.Err() == nil {
		if pace > 0 {
			time.Sleep(time.Until(due))
			due = due.Add(pace)
		}
		body = b.body(body[:0], batch)
		head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nContent-Length: %d\r\n\r\n",
			path, basic(b.key), len(body))
		began := time.Now()
		if _, err = (&net.Buffers{head, body}).WriteTo(conn); err == nil {
			err = readOK(answers)
		}
		if err != nil {
			fmt.Fprintln(b.stderr, "bench:", err)
			return times
		}
		times = append(times, time.Since(began))
		events.Add(int64(batch))
	}
	return times
}

// readOK reads one answer and expects 200.
func readOK(r *bufio.Reader) error {
	length, status := 0, ""
	for line := 0; ; line++ {
		s, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		text := strings.TrimRight(string(s), "\r\n")
		if line == 0 {
			status = text
		}
		if v, ok := strings.CutPrefix(text, "Content-Length: "); ok {
			length, _ = strconv.Atoi(v)
		}
		if text == "" {
			break
		}
	}
	if !strings.Contains(status, " 200 ") {
		return errors.New("the collector answered " + status)
	}
	_, err := r.Discard(length)
	return err
}

func basic(key string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(key, "")
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}

// pages is how many pages the benchmark's visitors see.
const pages = 200

// benchEvent is a page view as a browser SDK sends it, of one of the pages. Ids
// and times, of fixed lengths, are written over what stands in their places.
type benchEvent struct {
	text                      []byte
	id, visitor, made, sentAt int // where they begin
}

const benchTime = "2006-01-02T15:04:05.000000Z"

// benchEvents makes one of each page: composing text anew would take a good part
// of the cores that the generator shares with the server.
func benchEvents() (all [pages]benchEvent) {
	for page := range all {
		id, visitor := strings.Repeat("i", 36), strings.Repeat("v", 12)
		text := fmt.Sprintf(`{"type":"page","messageId":"%s","anonymousId":"b7a1c0de-0000-4000-8000-%s","originalTimestamp":"%s","sentAt":"%s",`+
			`"properties":{"url":"https://bench.example/shop/item-%d?utm_source=news","path":"/shop/item-%d","title":"Item %d","referrer":"https://www.google.com/","price":%d},`+
			`"context":{"page":{"url":"https://bench.example/shop/item-%d?utm_source=news","path":"/shop/item-%d","title":"Item %d","referrer":"https://www.google.com/"},`+
			`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","locale":"en-US","library":{"name":"analytics.js","version":"next-1.84.3"}}}`,
			id, visitor, benchTime, benchTime, page, page, page, page, page, page, page)
		all[page] = benchEvent{text: []byte(text), id: strings.Index(text, id), visitor: strings.Index(text, visitor),
			made: strings.Index(text, benchTime), sentAt: strings.LastIndex(text, benchTime)}
	}
	return all
}

// body appends a batch of page views.
func (b *bench) body(to []byte, batch int) []byte {
	now := time.Now().UTC().AppendFormat(make([]byte, 0, len(benchTime)), benchTime)
	if batch > 1 {
		to = append(to, `{"batch":[`...)
	}
	for i := range batch {
		if i > 0 {
			to = append(to, ',')
		}
		n := b.next.Add(1)
		mixed := n * 0x9e3779b97f4a7c15
		e := &b.events[mixed>>20%pages]
		to = append(to, e.text...)
		made := to[len(to)-len(e.text):]
		putUUID(made[e.id:], mixed, n)
		putHex(made[e.visitor:e.visitor+12], mixed>>40%5000)
		copy(made[e.made:], now)
		copy(made[e.sentAt:], now)
	}
	if batch > 1 {
		to = append(to, "]}"...)
	}
	return to
}

// putUUID writes a UUID (version 4) of 64 mixed bits and a number.
func putUUID(to []byte, mixed, n uint64) {
	putHex(to[:8], mixed>>32)
	putHex(to[9:13], mixed>>16)
	putHex(to[14:18], 0x4000|mixed&0xfff)
	putHex(to[19:23], 0xa000|n&0xfff)
	putHex(to[24:36], n)
	to[8], to[13], to[18], to[23] = '-', '-', '-', '-'
}

// putHex fills to with the last hexadecimal digits of n.
func putHex(to []byte, n uint64) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

// probeVisible sends single events to a site of its own and asks until a query counts them.
func (b *bench) probeVisible(ctx context.Context) (visible []time.Duration) {
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		sent := time.Now()
		event := fmt.Sprintf(`{"messageId":"probe-%d","anonymousId":"probe","properties":{"url":"https://probe.example/"},"context":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"}}`, sent.UnixNano())
		r, err := http.NewRequest("POST", b.address+"/v1/page", strings.NewReader(event))
		if err != nil {
			return visible
		}
		r.SetBasicAuth(b.probe, "")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return visible
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		answered := time.Now()
		for !b.counted(ctx, sent) && time.Since(answered) < 30*time.Second {
			time.Sleep(100 * time.Millisecond) // asking takes time from the cores it is measured on
		}
		visible = append(visible, time.Since(answered))
	}
	return visible
}

// counted asks for the probe's page views since it was sent.
func (b *bench) counted(ctx context.Context, sent time.Time) bool {
	form := url.Values{"site": {"probe.example"}, "metric": {"PageViews"}, "step": {"total"},
		"from": {sent.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)}, "to": {sent.UTC().Add(time.Hour).Format(time.RFC3339)}}
	var a struct{ Dataset []struct{ Value int64 } }
	err := b.client.ask(context.WithoutCancel(ctx), "GET", "/query", form, &a)
	return err == nil && len(a.Dataset) > 0 && a.Dataset[0].Value > 0
}

// memory reads a figure of the server's from the kernel, in MB.
func (b *bench) memory(what string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.server.Process.Pid)) // 0 where there is no /proc
	for _, line := range strings.Split(string(text), "\n") {
		if v, ok := strings.CutPrefix(line, what+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// finish stops the server, which checkpoints, and weighs what is on disk.
func (b *bench) finish(ctx context.Context, r *benchResult) error {
	s := b.state(ctx)
	r.Stored, r.PeakMemoryMB = s.Stored, b.memory("VmHWM")
	for _, m := range r.Runs {
		r.AcknowledgedSum += m.Events + int64(m.Probes)
	}
	if err := b.server.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if err := b.server.Wait(); err != nil {
		return fmt.Errorf("the server ended badly: %w", err)
	}
	if r.Stored > 0 {
		r.StoreBytes = folderSize(filepath.Join(b.values["data"], "store")) / float64(r.Stored)
		r.ArchiveBytes = folderSize(filepath.Join(b.values["data"], "archive")) / float64(r.Stored)
	}
	if uint64(r.AcknowledgedSum) > r.Stored+s.Waiting { // what waits is in the queue
		out, _ := json.Marshal(r)
		return fmt.Errorf("LOST EVENTS: %s", out)
	}
	return nil
}

func folderSize(dir string) (n float64) {
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error { // what can't be read weighs nothing
		if err == nil && !info.IsDir() {
			n += float64(info.Size())
		}
		return nil
	})
	return n
}
