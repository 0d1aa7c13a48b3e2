// Package maxmind looks up the country, region and city of an address in a file
// of the MaxMind DB format (GeoLite2, DB-IP and others publish such files). The
// file is the operator's; none comes with the program.
package maxmind

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"footfall/event"
)

// Every is how often a DB looks whether its file has changed.
const Every = time.Minute

// DB is an open database. It follows its file: a replaced file is taken over
// within Every, a broken one is reported and the last good one kept.
type DB struct {
	path  string
	log   *slog.Logger
	now   atomic.Pointer[version]
	seen  stamp // of the file last read; only Open and follow touch it
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once
}

// version is what the file held when it was read. Many networks share a record:
// what each says is kept in mind.
type version struct {
	reader *maxminddb.Reader

	mu    sync.RWMutex
	known map[uintptr]event.Place // by the record's offset in the file
}

// mostKnown bounds the records that are kept in mind, some 5 MB of them.
const mostKnown = 1 << 15

// stamp tells one version of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

// Open reads the file and follows its changes until Close. A nil log means
// slog.Default.
//
// The file is read into memory (a country file has about 10 MB) rather than
// mapped: whoever copies a new version over a mapped file ends the process.
func Open(path string, log *slog.Logger) (*DB, error) {
	if log == nil {
		log = slog.Default()
	}
	db := &DB{path: path, log: log, stop: make(chan struct{}), ended: make(chan struct{})}
	if err := db.load(false); err != nil {
		return nil, fmt.Errorf("country file %s: %w; give a file of the MaxMind DB format (.mmdb) or leave the setting empty", path, err)
	}
	go db.follow()
	return db, nil
}

// Place is where the address is, as far as the file says so: the country's ISO
// 3166-1 code, and names of region and city, in English, with the ISO 3166-2 code
// of the region or, without one, the country's, as there are several of one name.
// The country where the network is registered is no substitute: it may be another
// one. An IPv4 address written as IPv6 (::ffff:192.0.2.1) is looked up as IPv4.
func (db *DB) Place(ip netip.Addr) event.Place {
	if !ip.IsValid() {
		return event.Place{}
	}
	v := db.now.Load()
	result := v.reader.Lookup(ip.Unmap().WithZone(""))
	if result.Err() != nil || !result.Found() {
		return event.Place{}
	}
	at := result.Offset()
	v.mu.RLock()
	p, ok := v.known[at]
	v.mu.RUnlock()
	if !ok {
		p = read(result)
		v.mu.Lock()
		if len(v.known) >= mostKnown {
			clear(v.known)
		}
		v.known[at] = p
		v.mu.Unlock()
	}
	return p
}

// name is what something is called in the languages of the file.
type name struct {
	English string `maxminddb:"en"`
}

// read makes a place of a record. One that cannot be read is nowhere: a damaged
// file must not cost events.
func read(result maxminddb.Result) event.Place {
	var record struct {
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
		Regions []struct { // the largest first
			Code  string `maxminddb:"iso_code"`
			Names name   `maxminddb:"names"`
		} `maxminddb:"subdivisions"`
		City struct {
			Names name `maxminddb:"names"`
		} `maxminddb:"city"`
	}
	if err := result.Decode(&record); err != nil || len(record.Country.Code) != 2 {
		return event.Place{}
	}
	p, code := event.Place{Country: record.Country.Code}, record.Country.Code
	if len(record.Regions) > 0 {
		r := record.Regions[0]
		if 0 < len(r.Code) && len(r.Code) <= 3 {
			code += "-" + r.Code
			p.Region = code
		}
		if r.Names.English != "" {
			p.Region = label(r.Names.English, code)
		}
	}
	if record.City.Names.English != "" {
		p.City = label(record.City.Names.English, code)
	}
	return p
}

// label is a name with the code that tells it from others of that name.
func label(name, code string) string {
	const most = 100 // bytes; the longest names have less
	return strings.ToValidUTF8(strings.ReplaceAll(name[:min(len(name), most)], "\x00", ""), "") + " (" + code + ")"
}

// Close ends following the file. Place keeps answering from the last version.
func (db *DB) Close() error {
	db.once.Do(func() { close(db.stop) })
	<-db.ended
	return nil
}

func (db *DB) follow() {
	defer close(db.ended)
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-db.stop:
			return
		case <-tick.C:
		}
		switch err := db.load(true); {
		case errors.Is(err, errSame):
		case err != nil:
			db.log.Warn("country file cannot be read, keeping the last good one", "file", db.path, "error", err)
		default:
			db.log.Info("country file changed and was read again", "file", db.path)
		}
	}
}

var errSame = errors.New("the file is the same as before")

// load reads the file if it is another one than the last time, also if the last
// one was broken: each version is tried, and complained of, once. To verify is
// to walk the whole file, seconds for a large one: there is time for that when
// a good version is in use, not at the start.
func (db *DB) load(verify bool) error {
	info, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == db.seen {
		return errSame
	}
	b, err := os.ReadFile(db.path)
	if err != nil {
		return err
	}
	db.seen = now
	reader, err := maxminddb.OpenBytes(b)
	if err != nil {
		return err
	}
	if verify {
		if err := reader.Verify(); err != nil {
			return err
		}
	}
	db.now.Store(&version{reader: reader, known: map[uintptr]event.Place{}})
	return nil
}
