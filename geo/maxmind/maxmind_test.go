package maxmind

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/enrich"
	"footfall/event"
)

var _ enrich.Places = (*DB)(nil)

// reference is the folder of look-ups with known answers, beside the repository.
func reference(t testing.TB) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data", "geo-reference")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the reference data is missing: %v", err)
		}
		t.Skipf("NOT TESTED: the reference data is missing: %v", err)
	}
	return dir
}

type lookup struct{ DB, IP, Country, City, Subdivision string }

func cases(t testing.TB, dir string) []lookup {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "cases.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []lookup
	for s := bufio.NewScanner(z); s.Scan(); {
		var c lookup
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Every case has its country, and none where the file has none: the ASN file
// knows no country at all.
func TestCountry(t *testing.T) {
	dir := reference(t)
	dbs := map[string]*DB{}
	n, known, mapped := 0, 0, 0
	for _, c := range cases(t, dir) {
		if dbs[c.DB] == nil {
			dbs[c.DB] = open(t, filepath.Join(dir, c.DB+".mmdb"))
		}
		ip := netip.MustParseAddr(c.IP)
		if got := dbs[c.DB].Place(ip).Country; got != c.Country {
			t.Errorf("%s: %s is in %q, want %q", c.DB, c.IP, got, c.Country)
		}
		checkPlace(t, c, dbs[c.DB].Place(ip))
		n++
		if c.Country != "" {
			known++
		}
		if ip.Is4() {
			mapped++
			if got := dbs[c.DB].Place(netip.AddrFrom16(ip.As16())).Country; got != c.Country {
				t.Errorf("%s: %s as IPv6 is in %q, want %q", c.DB, c.IP, got, c.Country)
			}
		}
	}
	t.Logf("%d cases, %d with a country, %d also IPv4-mapped", n, known, mapped)
	if n != 2398 || known != 964 {
		t.Errorf("%d cases with %d countries, want 2398 with 964", n, known)
	}
	if got := dbs["GeoLite2-Country-Test"].Place(netip.Addr{}); got != (event.Place{}) {
		t.Errorf("no address is in %+v", got)
	}
}

func checkPlace(t *testing.T, c lookup, got event.Place) {
	t.Helper()
	code := c.Country
	if c.Subdivision != "" {
		code += "-" + c.Subdivision
	}
	if c.Country == "" {
		c.City, c.Subdivision = "", ""
	}
	if (c.Subdivision == "") != (got.Region == "") || c.Subdivision != "" && got.Region != code && !strings.HasSuffix(got.Region, " ("+code+")") {
		t.Errorf("%s: %s is in the region %q, want one of %s", c.DB, c.IP, got.Region, code)
	}
	if want := c.City + " (" + code + ")"; c.City == "" && got.City != "" || c.City != "" && got.City != want {
		t.Errorf("%s: %s is in the city %q, want %q", c.DB, c.IP, got.City, want)
	}
}

// Names come with a code that tells them from others, and records beyond those
// that are kept in mind are read again.
func TestPlace(t *testing.T) {
	db := open(t, filepath.Join(reference(t), "GeoLite2-City-Test.mmdb"))
	ip := netip.MustParseAddr("2.125.160.216")
	want := event.Place{Country: "GB", Region: "England (GB-ENG)", City: "Boxford (GB-ENG)"}
	known := db.now.Load().known
	for range 2 {
		if got := db.Place(ip); got != want || len(known) != 1 {
			t.Errorf("got %+v, want %+v; %d records are kept in mind", got, want, len(known))
		}
	}
	clear(known)
	for i := range uintptr(mostKnown) {
		known[1<<40+i] = event.Place{}
	}
	if got := db.Place(ip); got != want || len(known) != 1 {
		t.Errorf("got %+v, want %+v; %d records are kept in mind after too many", got, want, len(known))
	}
}

// A replaced file is taken over, a broken or missing one is not.
func TestFollow(t *testing.T) {
	dir := reference(t)
	path := filepath.Join(t.TempDir(), "country.mmdb")
	put := func(name string, cut int) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b[:len(b)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ip := netip.MustParseAddr("2.125.160.216") // in GB in the City file, unknown in the ASN file
	put("GeoLite2-ASN-Test.mmdb", 0)
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, step := range []struct {
			name string
			do   func()
			want string
		}{
			{"as opened", func() {}, ""},
			{"replaced", func() { put("GeoLite2-City-Test.mmdb", 0) }, "GB"},
			{"cut short", func() { put("GeoLite2-City-Test.mmdb", 9000) }, "GB"},
			{"missing", func() { os.Remove(path) }, "GB"},
			{"other file", func() { put("GeoLite2-ASN-Test.mmdb", 0) }, ""},
		} {
			step.do()
			time.Sleep(Every + time.Second)
			synctest.Wait()
			if got := db.Place(ip).Country; got != step.want {
				t.Errorf("%s: country %q, want %q", step.name, got, step.want)
			}
		}
	})
}

func TestOpenFails(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none.mmdb"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	path := filepath.Join(t.TempDir(), "text.mmdb")
	if err := os.WriteFile(path, []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err := Open(path, nil); err == nil {
		db.Close()
		t.Error("a text file was opened")
	}
}

func BenchmarkPlace(b *testing.B) {
	db := open(b, filepath.Join(reference(b), "GeoLite2-City-Test.mmdb"))
	ip := netip.MustParseAddr("2.125.160.216")
	for b.Loop() {
		db.Place(ip)
	}
}
