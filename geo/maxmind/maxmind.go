// Package maxmind looks up the country of an address in a file of the MaxMind
// DB format (GeoLite2, DB-IP, IPinfo and others publish such files). The file is
// the operator's; none comes with the program.
package maxmind

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Every is how often a DB looks whether its file has changed.
const Every = time.Minute

// DB is an open database. It follows its file: a replaced file is taken over
// within Every, a broken one is reported and the last good one kept.
type DB struct {
	path   string
	log    *slog.Logger
	reader atomic.Pointer[maxminddb.Reader]
	seen   stamp // of the file last read; only Open and follow touch it
	stop   chan struct{}
	ended  chan struct{}
	once   sync.Once
}

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

// Country is the ISO 3166-1 alpha-2 code of the country the address is in, or
// "" if the file does not say so. The country where the network is registered
// is no substitute: it may be another one. An IPv4 address written as IPv6
// (::ffff:192.0.2.1) is looked up as IPv4.
func (db *DB) Country(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	var record struct {
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
	}
	// A record that cannot be read is an unknown country: a damaged file must
	// not cost events.
	if err := db.reader.Load().Lookup(ip.Unmap().WithZone("")).Decode(&record); err != nil || len(record.Country.Code) != 2 {
		return ""
	}
	return record.Country.Code
}

// Close ends following the file. Country keeps answering from the last version.
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
	db.reader.Store(reader)
	return nil
}
