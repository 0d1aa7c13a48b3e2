// Package redis keeps hot buckets in a Redis (7 or newer), where they outlive the
// process that fills them and take none of its memory.
//
// Keys begin with footfall:{name}: and expire. "state" is a hash: whose buckets
// these are (drawn at Reset), where they stand, and where each generation
// starts. A generation has an index and a hash for each dimension, bucket and
// site, with the counts of each value, a bins.Sketch of its visitors and a tail of
// sketches that came lately. One script counts a batch and moves the position;
// when a tail gets long, another puts the sketch that Go made of all in its place.
//
// Redis may lose keys (flushed, evicted, expired, an older copy after a restart),
// so keys count their batches: state counts those of an index, an index those of
// each hash. Where two don't agree, or the state is not what this process wrote,
// the buckets are lost, and the figures come from the event store.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"footfall/bins"
	"footfall/event"
)

// Options of hot buckets in Redis.
type Options struct {
	// Name tells the buckets of one Footfall from another's in the same Redis:
	// letters, digits, dots, dashes and underscores. Default is the URL's ?name=,
	// else "footfall".
	Name string
	// Currency tells a site's currency (ISO 4217): amounts in another are not
	// added. Without it only amounts without a currency are.
	Currency func(site string) string
	// Keep is how long a key lives after it was written, 48 hours if zero.
	Keep time.Duration
}

const (
	// mostBins is how many bins a batch may touch: a script must not hold up
	// Redis. A batch with more is not counted, and the buckets are lost.
	mostBins = 100_000
	// longTail is how many bytes of sketches may wait to be merged.
	longTail = 8 * bins.ExactUpTo
)

// Hot is a bins.Hot in Redis. Many may use it at once. Several processes may
// share buckets: each goes on where another stopped, and a batch, told by its
// positions, counts once. One that opens before a Reset and comes after it has
// lost them until it resets or opens anew.
type Hot struct {
	client   *redis.Client
	prefix   string
	currency func(site string) string
	keep     time.Duration
	most     int // mostBins, but in tests

	writing sync.Mutex // one Apply, Cut, Forget or Reset at a time
	mu      sync.Mutex // guards what follows
	owner   string     // of the buckets; "" if they are lost
	open    int64      // the generation that is counted to
	seen    int64      // the least changes that the state must have had
}

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Open connects to the Redis at a URL: redis://user:password@host:port/db, with
// rediss:// for TLS. If there are buckets of the name, it goes on with them. No
// error holds the password.
func Open(ctx context.Context, address string, o Options) (*Hot, error) {
	options, name, err := parse(address)
	if err != nil {
		return nil, err
	}
	if o.Name != "" {
		name = o.Name
	}
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("bins/redis: the name %q may have letters, digits, dots, dashes and underscores, up to 64", name)
	}
	if o.Currency == nil {
		o.Currency = func(string) string { return "" }
	}
	if o.Keep <= 0 {
		o.Keep = 48 * time.Hour
	}
	h := &Hot{client: redis.NewClient(options), prefix: "footfall:{" + name + "}:", currency: o.Currency, keep: o.Keep, most: mostBins}
	if err = h.check(ctx); err == nil {
		err = h.adopt(ctx)
	}
	if err != nil {
		_ = h.client.Close()
		return nil, fmt.Errorf("bins/redis: %s: %w", options.Addr, err)
	}
	return h, nil
}

// Close ends the connections; the buckets stay.
func (h *Hot) Close() error { return h.client.Close() }

// Ping reports whether Redis answers. What can't be read of it is ErrLost in either case.
func (h *Hot) Ping(ctx context.Context) error { return h.client.Ping(ctx).Err() }

// errURL says nothing of what was given: a wrong URL may have parts of the
// password anywhere.
var errURL = errors.New("bins/redis: this is no URL of a Redis: it looks like redis://user:password@host:6379/0?name=footfall (rediss:// with TLS); write characters of the password other than letters and digits as %2F and so on")

func parse(address string) (o *redis.Options, name string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.Fragment != "" {
		return nil, "", errURL
	}
	query := u.Query()
	name = "footfall"
	if query.Has("name") {
		name = query.Get("name")
	}
	query.Del("name")
	u.RawQuery = query.Encode()
	if o, err = redis.ParseURL(u.String()); err != nil {
		return nil, "", errURL
	}
	// Every script can be sent again: it knows that it was run.
	if !query.Has("max_retries") {
		o.MaxRetries = 2
	}
	if !query.Has("dial_timeout") {
		o.DialTimeout = 2 * time.Second
	}
	o.DialerRetries = 1 // those above are enough
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, name, nil
}

// check refuses a Redis that is too old.
func (h *Hot) check(ctx context.Context) error {
	info, err := h.client.Info(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("asking for its version: %w", err)
	}
	return checkVersion(info)
}

func checkVersion(info string) error {
	for line := range strings.Lines(info) {
		version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:")
		if !ok {
			continue
		}
		major, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(major); err != nil || n < 7 {
			return fmt.Errorf("its version is %s, and Footfall needs Redis 7 or newer", version)
		}
		return nil
	}
	return errors.New("it does not say its version, and Footfall needs Redis 7 or newer")
}

// adopt goes on with the buckets that are there.
func (h *Hot) adopt(ctx context.Context) error {
	fields, err := h.client.HGetAll(ctx, h.prefix+"state").Result()
	if err != nil {
		return fmt.Errorf("reading the state of hot buckets: %w", err)
	}
	if s, ok := parseState(fields); ok {
		h.stand(s.owner, s.last, s.changes)
	}
	return nil
}

// stand notes whose buckets are used; owner "" is none.
func (h *Hot) stand(owner string, open, seen int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owner, h.open, h.seen = owner, open, seen
}

func (h *Hot) standing() (owner string, open, seen int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owner, h.open, h.seen
}

func (h *Hot) lose() { h.stand("", 0, 0) }

// state is what the hash of that name says.
type state struct {
	owner       string
	at          event.Position
	changes     int64 // counts up with each
	first, last int64 // generations; the last is open
	starts      map[int64]event.Position
	batches     map[int64]int64 // counted in each generation
}

// format of what is kept; a state of another is none.
const format = "2" // 2 counts events, too

// parseState reports false if there is no whole state.
func parseState(fields map[string]string) (s state, ok bool) {
	ok = fields["format"] == format && fields["owner"] != ""
	number := func(name string) int64 {
		n, err := strconv.ParseInt(fields[name], 10, 64)
		ok = ok && err == nil
		return n
	}
	place := func(name string) event.Position {
		p, err := parsePosition(fields[name])
		ok = ok && err == nil
		return p
	}
	s = state{owner: fields["owner"], at: place("at"), changes: number("changes"), first: number("first"), last: number("last"),
		starts: map[int64]event.Position{}, batches: map[int64]int64{}}
	for n := s.first; ok && n <= s.last; n++ {
		s.starts[n], s.batches[n] = place(fmt.Sprint("start", n)), number(fmt.Sprint("batches", n))
	}
	return s, ok
}

func spell(p event.Position) string { return fmt.Sprintf("%d %d %d", p.Epoch, p.Seq, p.Total) }

func parsePosition(s string) (p event.Position, err error) {
	_, err = fmt.Sscanf(s, "%d %d %d", &p.Epoch, &p.Seq, &p.Total)
	return p, err
}

// draw makes a name that no other has.
func draw() string { return rand.Text() }

// index is the key of a generation's index.
func (h *Hot) index(owner string, generation int64) string {
	return fmt.Sprintf("%s%s:%d", h.prefix, owner, generation)
}
