package maxmind

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"footfall/enrich"
)

var _ enrich.Country = (*DB)(nil)

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

type lookup struct{ DB, IP, Country string }

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
		if got := dbs[c.DB].Country(ip); got != c.Country {
			t.Errorf("%s: %s is in %q, want %q", c.DB, c.IP, got, c.Country)
		}
		n++
		if c.Country != "" {
			known++
		}
		if ip.Is4() {
			mapped++
			if got := dbs[c.DB].Country(netip.AddrFrom16(ip.As16())); got != c.Country {
				t.Errorf("%s: %s as IPv6 is in %q, want %q", c.DB, c.IP, got, c.Country)
			}
		}
	}
	t.Logf("%d cases, %d with a country, %d also IPv4-mapped", n, known, mapped)
	if n != 2398 || known != 964 {
		t.Errorf("%d cases with %d countries, want 2398 with 964", n, known)
	}
	if got := dbs["GeoLite2-Country-Test"].Country(netip.Addr{}); got != "" {
		t.Errorf("no address is in %q", got)
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
			if got := db.Country(ip); got != step.want {
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

func BenchmarkCountry(b *testing.B) {
	db := open(b, filepath.Join(reference(b), "GeoLite2-City-Test.mmdb"))
	ip := netip.MustParseAddr("2.125.160.216")
	for b.Loop() {
		db.Country(ip)
	}
}
