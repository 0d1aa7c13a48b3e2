package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"footfall/account"
)

// watching is what open dashboards cost.
type watching struct {
	Boards int     `json:"boards"`
	Rate   int     `json:"events_per_second"`
	Before int     `json:"views_before"` // that the sites had
	Load   string  `json:"load_average"` // of the machine when it began: what else ran
	Runs   []watch `json:"runs"`
}

// watch is one measurement: so many sites, with all boards open.
type watch struct {
	Sites    int     `json:"sites"`
	Alone    float64 `json:"cpu_alone"`                // processors that the server takes of the events, while nobody looks
	Idle     float64 `json:"cpu_idle"`                 // with all boards open, while nothing comes
	CPU      float64 `json:"cpu"`                      // and with all boards open
	Wire     float64 `json:"bytes_a_board_per_second"` // that went to one, compressed as it is
	Ratio    float64 `json:"cpu_ratio"`                // of the two
	MemoryKB float64 `json:"kb_a_board"`               // that the server grew by
	Draws    float64 `json:"redraws_per_second"`
	DrawP50  float64 `json:"redraw_p50_ms"` // asked to drawn
	DrawP99  float64 `json:"redraw_p99_ms"`
	Bytes    int     `json:"redraw_bytes"`
	Told     float64 `json:"told_per_second"` // figures that boards were told, by their streams
	SeenP50  float64 `json:"seen_p50_ms"`     // an event answered to the number of visitors on a board
	SeenP99  float64 `json:"seen_p99_ms"`
	WholeP50 float64 `json:"whole_p50_ms"` // and to all of the board
	WholeP99 float64 `json:"whole_p99_ms"`
	Lost     int     `json:"lost"` // streams and redraws that failed
}

// boardsEach is how many boards one of the bench's people has open, of the 30 that a
// person may.
const boardsEach = 25

func benchLive(ctx context.Context, c *call) error {
	numbersOf := map[string]int{}
	for _, name := range []string{"boards", "rate", "seconds", "views"} {
		n, err := strconv.Atoi(c.flags.Lookup(name).Value.String())
		if err != nil || n < 1 {
			return misused("--%s takes a number above zero", name)
		}
		numbersOf[name] = n
	}
	sites, err := numbers(c.flags.Lookup("sites").Value.String())
	if err != nil || len(sites) == 0 {
		return misused("--sites takes numbers of sites, such as 20,1")
	}
	remove, err := c.benchDir()
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{call: c, rate: numbersOf["rate"], events: benchEvents()}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer b.server.Process.Kill() // already gone when all went well
	r := watching{Boards: numbersOf["boards"], Rate: b.rate, Before: numbersOf["views"], Load: load()}
	crowd, err := b.viewers(ctx, int(slices.Max(sites)), r.Boards)
	if err == nil {
		err = crowd.past(ctx, r.Before)
	}
	if err != nil {
		return err
	}
	for _, n := range sites {
		run, err := crowd.watch(ctx, int(n), r.Boards, time.Duration(numbersOf["seconds"])*time.Second)
		if err != nil {
			return err
		}
		r.Runs = append(r.Runs, run)
	}
	if err := b.finish(ctx, &benchResult{}); err != nil {
		return err
	}
	return c.print(r, func(w io.Writer) { printWatching(w, r) })
}

func printWatching(w io.Writer, r watching) {
	fmt.Fprintf(w, "%d dashboards open, %d events/s, %d page views before; load average before: %s\n\n", r.Boards, r.Rate, r.Before, r.Load)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "sites\tcpu alone\tidle\tcpu\tratio\tKB a board\tbytes/s\ttold/s\tseen p50 ms\tp99\tredraws/s\tp50 ms\tp99\tKB\twhole p50 ms\tp99\tlost\t")
	for _, x := range r.Runs {
		fmt.Fprintf(t, "%d\t%.3f\t%.3f\t%.3f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t\n", x.Sites, x.Alone, x.Idle, x.CPU, x.Ratio, x.MemoryKB, x.Wire,
			x.Told, x.SeenP50, x.SeenP99, x.Draws, x.DrawP50, x.DrawP99, float64(x.Bytes)/1000, x.WholeP50, x.WholeP99, x.Lost)
	}
	t.Flush()
	fmt.Fprintln(w, "\ncpu: processors that the server takes, alone of the events, idle of the boards; bytes/s: to a board; seen: from an event's answer to the number of visitors on an open board, by the oldest figure that is told with it; whole: to all of the board.")
}

// onlookers are who looks at dashboards, and what of.
type onlookers struct {
	*bench
	sites    []account.Site
	sessions []string      // cookies
	read     *atomic.Int64 // bytes that came from the server
	http     *http.Client
}

// counted is a connection whose bytes are counted.
type counted struct {
	net.Conn
	read *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

// viewers adds sites, and people who may see them.
func (b *bench) viewers(ctx context.Context, sites, boards int) (*onlookers, error) {
	read := &atomic.Int64{}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return counted{conn, read}, nil
	}
	c := &onlookers{bench: b, read: read, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: boards, DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for i := range sites {
		var s account.Site
		if err := b.client.ask(ctx, "POST", "/site/add", url.Values{"domain": {fmt.Sprintf("live%d.example", i)}, "timezone": {"Europe/Berlin"}, "currency": {"EUR"}}, &s); err != nil {
			return nil, err
		}
		c.sites = append(c.sites, s)
	}
	for i := range (boards + boardsEach - 1) / boardsEach {
		email := url.Values{"name-of": {fmt.Sprintf("viewer%d@bench.example", i)}}
		var link map[string]string
		err := b.client.ask(ctx, "POST", "/user/add", email, new(any))
		if err == nil {
			err = b.client.ask(ctx, "POST", "/login", email, &link)
		}
		if err != nil {
			return nil, err
		}
		_, token, _ := strings.Cut(link["url"], "link=")
		session, err := c.login(ctx, token)
		if err != nil {
			return nil, err
		}
		c.sessions = append(c.sessions, session)
	}
	return c, nil
}

// login is the cookie of a session.
func (c *onlookers) login(ctx context.Context, link string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", c.address+"/login", strings.NewReader(url.Values{"link": {link}}.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := c.http.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	for _, cookie := range answer.Cookies() {
		if strings.HasSuffix(cookie.Name, "session") {
			return cookie.Name + "=" + cookie.Value, nil
		}
	}
	return "", fmt.Errorf("nobody is logged in: %s", answer.Status)
}

// past sends page views of the last 30 days, and waits until they are stored.
func (c *onlookers) past(ctx context.Context, views int) error {
	const most = 500
	for sent := 0; sent < views; sent += most {
		if err := c.post(ctx, c.sites[sent/most%len(c.sites)], most, time.Duration(sent)*30*24*time.Hour/time.Duration(views)); err != nil {
			return err
		}
	}
	for range 600 {
		if c.state(ctx).Waiting == 0 { // days before are in bins, as they mostly are
			return errors.Join(ctx.Err(), c.client.ask(ctx, "POST", "/roll", nil, new(any)))
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("the event store did not take the page views of before within a minute")
}

// post sends a batch of page views, made some time ago.
func (c *onlookers) post(ctx context.Context, to account.Site, batch int, ago time.Duration) error {
	body := c.body(nil, batch)
	if ago > 0 {
		now := body[bytes.Index(body, []byte(`"originalTimestamp":"`))+len(`"originalTimestamp":"`):][:len(benchTime)]
		made := time.Now().UTC().Add(-ago).Format(benchTime)
		body = bytes.ReplaceAll(body, []byte(`"originalTimestamp":"`+string(now)), []byte(`"originalTimestamp":"`+made))
	}
	r, err := http.NewRequestWithContext(ctx, "POST", c.address+"/v1/batch", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(to.WriteKey, "")
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("the collector answered %s", answer.Status))
	}
	return nil
}

// flowBatch is how many events are sent together.
const flowBatch = 10

// flow sends events to some sites in turn until ctx ends, and tells when they were
// answered, by site.
func (c *onlookers) flow(ctx context.Context, sites int) (answered [][]time.Time, err error) {
	answered = make([][]time.Time, sites)
	for due, i := time.Now(), 0; ctx.Err() == nil; i++ {
		time.Sleep(time.Until(due))
		due = due.Add(flowBatch * time.Second / time.Duration(c.rate))
		if err := c.post(context.WithoutCancel(ctx), c.sites[i%sites], flowBatch, 0); err != nil {
			return nil, err
		}
		answered[i%sites] = append(answered[i%sites], time.Now())
	}
	return answered, nil
}

// watch measures without boards, and with so many of some sites.
func (c *onlookers) watch(ctx context.Context, sites, count int, length time.Duration) (w watch, err error) {
	w.Sites = sites
	var answered [][]time.Time
	during := func() (float64, error) { // processors taken
		flowing, stop := context.WithTimeout(ctx, length)
		defer stop()
		before, began := c.processor(), time.Now()
		answered, err = c.flow(flowing, sites)
		return (c.processor() - before) / time.Since(began).Seconds(), errors.Join(err, ctx.Err())
	}
	if w.Alone, err = during(); err != nil {
		return w, err
	}
	memory := c.memory("VmRSS")
	open, leave := context.WithCancel(ctx)
	defer leave()
	boards := make([]*board, count)
	var looking, opening sync.WaitGroup
	faults := make([]error, count)
	for i := range boards {
		boards[i] = &board{http: c.http, address: c.address, site: i % sites, path: "/?site=" + c.sites[i%sites].ID, session: c.sessions[i/boardsEach]}
		opening.Go(func() {
			if faults[i] = boards[i].load(open, "Cache-Control", "max-age=10"); faults[i] == nil {
				looking.Go(func() { boards[i].listen(open) })
			}
		})
		if i%boardsEach == boardsEach-1 {
			opening.Wait()
		}
	}
	opening.Wait()
	if at := slices.IndexFunc(faults, func(err error) bool { return err != nil }); at >= 0 {
		return w, fmt.Errorf("board %d: %w", at, faults[at])
	}
	time.Sleep(2 * time.Second)
	w.MemoryKB = 1000 * (c.memory("VmRSS") - memory) / float64(count)
	before, idle := c.processor(), 5*time.Second
	time.Sleep(idle)
	w.Idle = (c.processor() - before) / idle.Seconds()
	for _, b := range boards {
		b.begin()
	}
	read := c.read.Load()
	if w.CPU, err = during(); err != nil {
		return w, err
	}
	w.Wire = float64(c.read.Load()-read) / length.Seconds() / float64(count)
	time.Sleep(2 * time.Second) // what was sent last is told
	leave()
	looking.Wait()
	w.Ratio = w.CPU / w.Alone
	w.count(boards, answered, length)
	return w, nil
}

// count adds up what boards saw.
func (w *watch) count(boards []*board, answered [][]time.Time, length time.Duration) {
	var took, seen, whole []time.Duration
	told, bytes := 0, 0
	for _, b := range boards {
		told, bytes, w.Lost = told+len(b.told), bytes+b.bytes, w.Lost+b.lost
		took = append(took, b.took...)
		for i, at := range answered[b.site] {
			if i%10 == 0 { // a tenth of them is many enough
				seen, whole = since(seen, at, b.told), since(whole, at, b.drawn)
			}
		}
	}
	w.Told, w.Draws = float64(told)/length.Seconds(), float64(len(took))/length.Seconds()
	if len(took) > 0 {
		w.Bytes = bytes / len(took)
	}
	w.DrawP50, w.DrawP99 = quantiles(took)
	w.SeenP50, w.SeenP99 = quantiles(seen)
	w.WholeP50, w.WholeP99 = quantiles(whole)
}

// since adds how long after a moment there were figures of it.
func since(to []time.Duration, moment time.Time, there []figuresAt) []time.Duration {
	first, _ := slices.BinarySearchFunc(there, moment, func(f figuresAt, t time.Time) int { return f.asOf.Compare(t) })
	if first == len(there) {
		return to
	}
	return append(to, there[first].at.Sub(moment))
}

// processor is the processor time that the server has used, in seconds.
func (b *bench) processor() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.server.Process.Pid)) // 0 where there is no /proc
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100 // the kernel tells hundredths
}
