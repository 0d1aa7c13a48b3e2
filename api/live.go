package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

// livePattern is where figures are told as they change, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
const livePattern = "/v1/live"

// mostMetrics is how many figures one stream may have.
const mostMetrics = 12

// live is GET /v1/live.
func (d *door) live(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	questions, err := d.watched(r.URL.Query(), sites)
	if err != nil {
		refuse(w, http.StatusBadRequest, d.askable(err.Error()))
		return
	}
	leave, ok := d.streams.enter(d.asker, d.Client(r), questions)
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(10+rand.IntN(20)))
		refuse(w, http.StatusServiceUnavailable, "too many streams are open, or too many different questions: close those that nobody looks at, or ask GET /v1/query now and then")
		return
	}
	defer leave()
	heard, err := d.Live.Listen(questions...)
	if err != nil {
		d.failLive(w, err)
		return
	}
	defer heard.Close()
	s := &stream{door: d, w: w, r: r, out: http.NewResponseController(w), heard: heard, looked: d.streams.of(r), questions: questions, beside: beside(r.URL.Query())}
	s.seen, s.sure = s.looked.found(d.asker), time.Now()
	defer s.out.SetWriteDeadline(time.Time{}) // of what else comes by this connection
	s.run()
}

// besides are what a stream tells beside figures, in this order.
var besides = []string{"earnings", "server"}

// beside are those that are asked for.
func beside(v url.Values) (names []string) {
	for _, name := range besides {
		if on, err := flag(v, name); on && err == nil {
			names = append(names, name)
		}
	}
	return names
}

// watched are the questions of a stream: one for each metric, and one for each of
// what is beside. What is wrong is a *metric.QueryError.
func (d *door) watched(v url.Values, sites []account.Site) (all []query.Watched, err error) {
	others, metrics := beside(v), metricsOf(v)
	for _, name := range besides {
		if _, err := flag(v, name); err != nil {
			return nil, err
		}
		v.Del(name)
	}
	v.Del("token")
	language := v.Get("language")
	if slices.Contains(others, "server") {
		v.Del("language") // of its texts
	}
	switch {
	case len(metrics) == 0 && len(others) > 0:
		if err := only(v, "affiliate"); err != nil {
			return nil, err
		}
	case len(metrics) == 0:
		return nil, wrong("which figures? give metric=%s, or more of them with commas between, each with a window of its own if it needs one (%[1]s@Today), or earnings=true", metric.PageViews)
	case len(metrics) > mostMetrics:
		return nil, wrong("a stream has at most %d metrics: open another one", mostMetrics)
	}
	for _, m := range metrics {
		one := clone(v)
		name, window, own := strings.Cut(m, "@")
		if one.Set("metric", name); own {
			one.Set("window", window)
			for _, other := range [...]string{"from", "to", "step"} {
				one.Del(other)
			}
		}
		q, err := d.figures(one, sites)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	for _, name := range others {
		var q query.Watched
		if name == "server" {
			q, err = d.server(language)
		} else {
			q, err = d.earnings(cmp.Or(v.Get("affiliate"), d.affiliate), sites)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	for i := range all {
		all[i].By = d.asker.name
	}
	return all, nil
}

// serverPace is how often it is looked what the server does, while somebody watches.
const serverPace = 2 * time.Second

// server is the question what the server does: one for all who watch it in a language.
func (d *door) server(language string) (w query.Watched, err error) {
	if d.Server == nil || !d.asker.page || !d.asker.who.MaySomewhere(account.ReadServer) {
		return w, wrong("server=true is for who is logged in and has a role on every site")
	}
	w.Key, w.Feed = fmt.Sprintf(`{"server":true,"language":%q}`, language), " server"
	w.Ask = func(ctx context.Context) (t query.Told, err error) {
		now := d.Now()
		says, err := d.Server(ctx, language)
		if err == nil {
			t.Text, err = json.Marshal(says)
		}
		if err == nil {
			t.Sum, err = sum(says)
		}
		t.AsOf, t.Until = now, now.Add(serverPace)
		return t, err
	}
	return w, nil
}

// metricsOf lists the metrics that are asked for.
func metricsOf(v url.Values) []string {
	return strings.FieldsFunc(strings.Join(v["metric"], ","), func(c rune) bool { return c == ',' || c == ' ' })
}

func flag(v url.Values, name string) (on bool, err error) {
	if s := v.Get(name); s != "" {
		if on, err = strconv.ParseBool(s); err != nil {
			return false, wrong("%s=%q is neither true nor false", name, s)
		}
	}
	return on, nil
}

// figures is a question of /v1/query. Its key has all of it, with what keeps who
// asks to own figures, and the window by name: it is asked without looking again
// at who asks.
func (d *door) figures(v url.Values, sites []account.Site) (w query.Watched, err error) {
	ask := func() (q metric.Query, err error) {
		if q, err = ParseQuery(v, sites, d.Now()); err != nil {
			return q, err
		}
		if q.Affiliate = d.asker.own; q.Affiliate != nil {
			err = ofOwn(q)
		}
		return q, err
	}
	q, err := ask()
	if err == nil && d.shows != nil {
		err = d.shows.only(q)
	}
	if err != nil {
		return w, err
	}
	site := sites[slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == q.Site })] // ParseQuery found it there
	source := d.unbound
	w.Ask = func(ctx context.Context) (query.Told, error) {
		q, err := ask()
		if err != nil {
			return query.Told{}, err
		}
		set, err := source.Answer(ctx, q)
		if err != nil {
			return query.Told{}, err
		}
		return tell(q, set, v.Get("window"), site, d.Now())
	}
	if w.Feed = q.Site; q.Metric.Earned() {
		w.Feed = query.LedgerFeed
	}
	zone := q.Zone.String()
	q.Window, q.Zone = period.Window{}, nil
	slices.SortFunc(q.Filters, func(a, b metric.Filter) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Value, b.Value))
	})
	key, err := json.Marshal([]any{q, zone, v.Get("window"), v.Get("from"), v.Get("to"), site.Domain, site.Currency})
	w.Key = string(key)
	return w, err
}

func clone(v url.Values) url.Values {
	c := make(url.Values, len(v))
	for name, values := range v {
		c[name] = slices.Clone(values)
	}
	return c
}

// LiveFigure is how a stream spells one metric.
type LiveFigure struct {
	Metric metric.Name `json:"metric"`
	Window string      `json:"window,omitempty"` // by name, as it was asked for
	Answer
}

// tell spells an answer for all who listen to it.
func tell(q metric.Query, set metric.Dataset, window string, site account.Site, now time.Time) (t query.Told, err error) {
	f := LiveFigure{q.Metric, window, Spell(q, set, []account.Site{site})}
	if t.Text, err = json.Marshal(f); err != nil {
		return t, err
	}
	f.Source, f.AsOf, f.Sealed = "", "", "" // which is not what it says
	if q.Step == period.Total || q.Step == "total" {
		for i := range f.Dataset {
			f.Dataset[i].Timestamp = "" // of a window that moves
		}
	}
	t.Sum, err = sum(f)
	t.AsOf, t.Until = set.AsOf, until(q.Window, set, now)
	return t, err
}

// sum is a number that is the same for the same figures.
func sum(v any) (uint64, error) {
	h := fnv.New64a()
	err := json.NewEncoder(h).Encode(v)
	return h.Sum64(), err
}

// leastUntil is how often time alone makes a question be asked again, at most.
const leastUntil = 5 * time.Second

// until is when the window is another one: a figure that time alone may change. In a
// short window where there is nothing, nothing can fall out of it.
func until(w period.Window, set metric.Dataset, now time.Time) time.Time {
	switch {
	case !w.To.After(now):
		return time.Time{} // it is over
	case w.To.Sub(w.From) < time.Hour && !slices.ContainsFunc(set.Points, func(p metric.Point) bool { return p.Value != 0 }):
		return time.Time{}
	case w.To.Sub(now) < leastUntil:
		return now.Add(leastUntil)
	}
	return w.To
}

// stream is one listener at the other end of a connection.
type stream struct {
	*door
	w         http.ResponseWriter
	r         *http.Request
	out       *http.ResponseController
	heard     *query.Listener
	questions []query.Watched
	beside    []string // what the last ones of them are
	looked    *looked
	seen      *asker    // who may ask these questions
	sure      time.Time // when that was known last
	begun     bool
	wrote     time.Time
	sum       uint64 // of what was sent last
	line      bytes.Buffer
}

// patience is how long a write may take: who reads more slowly is left behind.
const patience = 5 * time.Second

// run tells what there is at once, and then what changes, until one end leaves,
// the server stops, or who asks may not any more.
func (s *stream) run() {
	s.sum, _ = strconv.ParseUint(after(s.r.Header.Get("Last-Event-ID"), "-"), 16, 64)
	look := time.NewTicker(s.streams.Recheck)
	defer look.Stop()
	for ok := true; ok; {
		select {
		case <-s.heard.Fresh():
			ok = s.tell()
		case <-look.C:
			ok = s.may() && s.beat()
		case <-s.Live.Ended():
			if ok = false; !s.begun {
				s.failLive(s.w, query.ErrEnded)
			}
		case <-s.r.Context().Done():
			ok = false
		}
	}
}

func after(text, mark string) string {
	_, text, _ = strings.Cut(text, mark)
	return text
}

// tell sends the newest figures, if they are others than before.
func (s *stream) tell() bool {
	all, err := s.heard.Told()
	switch {
	case err != nil && !s.begun:
		s.failLive(s.w, err)
		return false
	case err != nil:
		return false
	case all == nil:
		return true // not all of them are known yet
	}
	asOf, both := all[0].AsOf, fnv.New64a()
	for i, t := range all {
		if t.AsOf.Before(asOf) {
			asOf = t.AsOf // true of all of them
		}
		_ = binary.Write(both, binary.BigEndian, t.Sum) // never fails
		_, _ = both.Write([]byte(s.questions[i].Key))
	}
	sum := both.Sum64()
	s.line.Reset()
	if !s.begun {
		s.begin()
	}
	if sum == s.sum && s.line.Len() > 0 {
		s.line.WriteString(": nothing new\n\n")
		return s.send()
	}
	if sum == s.sum {
		return true
	}
	s.sum = sum
	fmt.Fprintf(&s.line, "id: %d-%016x\ndata: {", asOf.UnixMilli(), sum)
	s.spell(all)
	s.line.WriteString("}\n\n")
	return s.send()
}

// spell writes the figures, and behind them what is beside.
func (s *stream) spell(all []query.Told) {
	figures := all[:len(all)-len(s.beside)]
	s.line.WriteString(`"figures":[`)
	for i, t := range figures {
		if i > 0 {
			s.line.WriteByte(',')
		}
		s.line.Write(t.Text)
	}
	s.line.WriteByte(']')
	for i, t := range all[len(figures):] {
		s.line.WriteString(`,"` + s.beside[i] + `":`)
		s.line.Write(t.Text)
	}
}

// begin sends the head, and after how long to come again when the connection
// is lost: not everybody at the same time.
func (s *stream) begin() {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	s.begun = true
	fmt.Fprintf(&s.line, "retry: %d\n", 1000+rand.IntN(1000))
}

// send writes the line within patience.
func (s *stream) send() bool {
	_ = s.out.SetWriteDeadline(time.Now().Add(patience)) // one without deadlines is a test's
	_, err := s.w.Write(s.line.Bytes())
	s.wrote = time.Now()
	return err == nil && s.out.Flush() == nil
}

// beat shows proxies, and this server, that somebody is there.
func (s *stream) beat() bool {
	if !s.begun || time.Since(s.wrote) < s.streams.Heartbeat {
		return true
	}
	s.line.Reset()
	s.line.WriteString(":\n\n")
	return s.send()
}

// may looks again whether who asks may still ask the same: a key may be revoked,
// a session over, a site another's. Any change ends the stream; the browser asks
// again, and is told.
func (s *stream) may() bool {
	a, no := s.looked.again(s.r, s.door)
	switch {
	case no != nil:
		return no.status == http.StatusServiceUnavailable && time.Since(s.sure) < s.streams.Unsure // nobody knows: it is looked at again soon
	}
	s.sure = time.Now()
	switch {
	case a == s.seen:
		return true
	}
	s.seen = a
	now := *s.door
	now.asker = *a
	questions, err := now.watched(s.r.URL.Query(), a.allowed)
	return err == nil && slices.EqualFunc(questions, s.questions, func(a, b query.Watched) bool { return a.Key == b.Key })
}

// failLive answers a stream that has not begun.
func (d *door) failLive(w http.ResponseWriter, err error) {
	status, why := d.explain(err)
	switch {
	case errors.Is(err, query.ErrEnded):
		status, why = http.StatusServiceUnavailable, "the server is stopping: try again"
	case errors.Is(err, context.DeadlineExceeded):
		why = "this took too long to be asked again and again: ask for a shorter window or a longer step"
	}
	refuse(w, status, why)
}
