package demo

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed clicks.csv.gz
var packed []byte

// visit is what one session did on one day.
type visit struct {
	day     int // 0 is the first day of the data
	session int
	country int // code of the data set
	clicks  []click
}

type click struct {
	category int
	model    string
	price    int // US dollars
}

// visits unpacks the data, once: by day, then by session. It panics if the
// embedded file is broken, which a test would have told.
var visits = sync.OnceValue(func() []visit {
	all, err := readVisits(packed)
	if err != nil {
		panic(fmt.Sprintf("demo: embedded clicks.csv.gz: %v", err))
	}
	return all
})

func readVisits(packed []byte) ([]visit, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var all []visit
	lines := bufio.NewScanner(z)
	lines.Scan() // the header
	for n := 2; lines.Scan(); n++ {
		f := strings.Split(lines.Text(), ";")
		if len(f) != 7 {
			return nil, fmt.Errorf("line %d has %d fields, not 7", n, len(f))
		}
		var day, session, country, category, price int
		for i, to := range map[int]*int{0: &day, 1: &session, 3: &country, 4: &category, 6: &price} {
			if *to, err = strconv.Atoi(f[i]); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
		if category < 1 || category >= len(categories) || country < 1 || country >= len(countries) {
			return nil, fmt.Errorf("line %d: no such category or country", n)
		}
		if k := len(all); k == 0 || all[k-1].day != day || all[k-1].session != session {
			all = append(all, visit{day: day, session: session, country: country})
		}
		v := &all[len(all)-1]
		v.clicks = append(v.clicks, click{category, f[5], price})
	}
	return all, lines.Err()
}

// days is how many days the data covers.
func days() int {
	all := visits()
	return all[len(all)-1].day + 1
}
