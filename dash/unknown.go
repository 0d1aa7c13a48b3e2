package dash

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/period"
)

// unknown are the words of a URL that stand where only some can, and are none of these:
// each is left out, and the page says so. Who follows an old link or types one must not
// take other figures for those that were asked for.
func (s state) unknown(v url.Values) (all []string) {
	date := func(text string) bool { _, ok := dateOf(text); return ok }
	list := func(name string) bool { _, _, ok := s.find(name); return ok }
	for _, word := range []struct {
		name string
		is   func(string) bool
	}{
		{"period", func(text string) bool { _, ok := known(text); return ok }},
		{"compare", func(text string) bool { return text == lastYear || text == noCompare }},
		{"match", func(text string) bool { return text == "dates" }},
		{"step", func(text string) bool { return titled[period.Step(text)] != "" }},
		{"metric", func(text string) bool { return string(figureOf(text).name) == text }},
		{"from", date}, {"to", date}, {"last", date},
		{"detail", list}, {"tab", list},
	} {
		for _, text := range v[word.name] {
			if text != "" && !word.is(text) {
				all = append(all, s.Say("The address says {name}={text}, which is not known here: it is left out.", word.name, cut(text)))
			}
		}
	}
	return all
}

// boardNames are what a board's URL can say beside its filters, its forms' fields among it.
var boardNames = []string{"site", "period", "from", "to", "last", "compare", "match", "step", "metric", "tab", "detail", "search", "order", "offset",
	savedKey, "csv", "format", "add", "set", "was", "how", "text", "value", "back", "done"}

// foreignNames are what others hang on to every link that they lead people by, where they
// end in * whatever follows: of campaigns, clicks and mails. Who follows such a link has
// asked for nothing by them.
var foreignNames = []string{"utm_*", "gclid", "gclsrc", "gbraid", "wbraid", "dclid", "gad_*", "_ga", "_gl", "srsltid", "fbclid", "fb_*", "igshid", "igsh", "msclkid", "ttclid", "twclid", "li_fat_id", "epik", "scid",
	"yclid", "rdt_cid", "mc_*", "mkt_tok", "_hs*", "hsa_*", "vero_*", "oly_*", "ck_subscriber_id", "mtm_*", "pk_*", "piwik_*", "at_*", "wt_*", "ref", "ref_src", "referrer_id", "source", "token", "link", "next", "_"}

// mostStrange is how many unknown names of a URL are told.
const mostStrange = 3

// strange tells of the names in a board's URL that are none of it, as unknown does of
// words. Not on pages of anybody's, to which the world links as it likes, nor in frames.
func (s state) strange(v url.Values) (all []string) {
	if s.guest != nil && (s.guest.token == account.PublicToken || s.guest.look != nil) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		_, _, filter := readKey(name)
		foreign := slices.ContainsFunc(foreignNames, func(of string) bool {
			begin, any := strings.CutSuffix(of, "*")
			return of == name || any && strings.HasPrefix(strings.ToLower(name), begin)
		})
		if !filter && !foreign && !slices.Contains(boardNames, name) && len(all) < mostStrange {
			all = append(all, s.Say("The address says {name}={text}, which is not known here: it is left out.", cut(name), cut(v.Get(name))))
		}
	}
	return all
}
