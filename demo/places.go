package demo

import (
	"net/netip"
	"strings"

	"footfall/event"
)

// Places tells where the demo's addresses are. They are documentation addresses
// (RFC 5737) whose last byte is the data set's country code; in which of the
// nets they lie stands for a city of the country, of those that most come from.
type Places struct{}

// Place is where one of the demo's addresses is, nowhere of others.
func (Places) Place(ip netip.Addr) event.Place {
	if !ip.Is4() {
		return event.Place{}
	}
	b := ip.As4()
	for i, r := range ranges {
		if [3]byte(b[:3]) == r && int(b[3]) < len(countries) {
			p := cities[countries[b[3]]][i]
			p.Country = countries[b[3]]
			return p
		}
	}
	return event.Place{}
}

var cities = map[string][len(ranges)]event.Place{
	"PL": {{Region: "Mazovia (PL-14)", City: "Warsaw (PL-14)"}, {Region: "Lesser Poland (PL-12)", City: "Kraków (PL-12)"}},
	"CZ": {{Region: "Prague (CZ-10)", City: "Prague (CZ-10)"}, {Region: "South Moravian (CZ-64)", City: "Brno (CZ-64)"}},
	"DE": {{Region: "Land Berlin (DE-BE)", City: "Berlin (DE-BE)"}, {Region: "Bavaria (DE-BY)", City: "Munich (DE-BY)"}},
	"US": {{Region: "New York (US-NY)", City: "New York (US-NY)"}, {Region: "Illinois (US-IL)", City: "Chicago (US-IL)"}},
	"GB": {{Region: "England (GB-ENG)", City: "London (GB-ENG)"}, {Region: "Scotland (GB-SCT)", City: "Edinburgh (GB-SCT)"}},
	"LT": {{Region: "Vilnius (LT-VL)", City: "Vilnius (LT-VL)"}, {Region: "Kaunas (LT-KU)", City: "Kaunas (LT-KU)"}},
	"FR": {{Region: "Île-de-France (FR-IDF)", City: "Paris (FR-IDF)"}, {Region: "Auvergne-Rhône-Alpes (FR-ARA)", City: "Lyon (FR-ARA)"}},
	"SE": {{Region: "Stockholm County (SE-AB)", City: "Stockholm (SE-AB)"}, {Region: "Skåne County (SE-M)", City: "Malmo (SE-M)"}},
	"IE": {{Region: "Leinster (IE-L)", City: "Dublin (IE-L)"}, {Region: "Munster (IE-M)", City: "Cork (IE-M)"}},
	"AT": {{Region: "Vienna (AT-9)", City: "Vienna (AT-9)"}, {Region: "Styria (AT-6)", City: "Graz (AT-6)"}},
}

// locales are what browsers say in a country; elsewhere they say English.
var locales = map[string]string{"PL": "pl-PL", "CZ": "cs-CZ", "DE": "de-DE", "GB": "en-GB", "LT": "lt-LT", "FR": "fr-FR", "SE": "sv-SE", "IE": "en-IE",
	"AT": "de-AT", "IT": "it-IT", "ES": "es-ES", "NL": "nl-NL", "SK": "sk-SK", "HU": "hu-HU", "UA": "uk-UA"}

// locale is what the visitor's browser says, or one of those who prefer English.
func (h Hit) locale() string {
	if l := locales[h.Country]; l != "" && len(h.Visitor) > 0 && h.Visitor[len(h.Visitor)-1]%7 > 0 {
		return l
	}
	return "en-US"
}

// screen is the width of a screen that goes with the user agent.
func (h Hit) screen() int {
	n := 0
	for _, c := range []byte(h.Visitor) {
		n += int(c)
	}
	widths := []int{1920, 1366, 1536, 1440, 1280, 2560}
	switch {
	case strings.Contains(h.UserAgent, "iPad"):
		widths = []int{820, 1024, 810}
	case strings.Contains(h.UserAgent, "Mobile"):
		widths = []int{390, 360, 412, 430}
	case strings.Contains(h.UserAgent, "Macintosh"):
		widths = []int{1440, 1512, 1728, 2560}
	}
	return widths[n%len(widths)]
}
