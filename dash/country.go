package dash

import (
	"cmp"
	_ "embed"
	"strings"
	"sync"
)

// countries.txt has a line for every ISO 3166-1 country: its code, its name.
//
//go:embed countries.txt
var countryList string

var countryNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(countryList) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		names[code] = name
	}
	return names
})

// country is the name of an ISO 3166-1 code; an unknown code is its own name. In English
// it is that of the list, elsewhere of CLDR.
func (l tongue) country(code string) string {
	name, known := countryNames()[code]
	if !known {
		return code
	}
	return cmp.Or(l.Country(code), name)
}
