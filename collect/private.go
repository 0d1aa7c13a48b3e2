package collect

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fastjson"
)

// What of an event's JSON tells an address or a user agent is not kept (law 6),
// whatever it is called and however deep it lies.
//
// Keys are judged by how they are built, since every proxy, framework and SDK
// has its own spelling: userIp, USER_IP, $ip, x-original-forwarded-for,
// client_ip_address. In doubt a key is taken for an address: that costs the site
// a property, while one that is missed costs a visitor what they were promised.
// But recipe, zip, iPad, VoIP, ip_country and shipAddress are no doubtful cases.
//
// Values are judged in context only, where a library describes the sender's
// surroundings: a text that is wholly an address, or a list of them, is the
// sender's or that of a machine on the way. A text under a key that ends in
// "version" is a version (4.2.0.1) and stays. Properties and traits are what the
// site itself chose to tell, and may be about addresses without being about the
// sender's (a hosting shop's, a status page's): there only the key counts, and
// whether a text holds the very address that the request came from, which is
// kept nowhere. A key that is such an address goes like a value.

// private reports whether a key's value is an address or a user agent. It is
// asked for every key: most are let go by their pairs of letters.
func private(key []byte) bool {
	if len(key) > maxKey {
		key = key[len(key)-maxKey:] // what a long key is about stands at its end
	}
	if !suspicious(key) {
		return false
	}
	var buffer [maxKey]byte
	folded := string(fold(buffer[:0], key))
	return tellsAgent(folded) || tellsSender(folded) || tellsIP(key)
}

const maxKey = 64 // bytes of a key that are looked at

// signs are the letters that suspicious looks at: rare ones of what it seeks.
var signs = [256]bool{'p': true, 'P': true, 'u': true, 'U': true, 'w': true, 'W': true, 'h': true, 'H': true,
	'g': true, 'G': true, 'd': true, 'D': true, 'x': true, 'X': true}

// suspicious reports whether a key holds what every private one holds a part of:
// ip, ua, addr, forward, proxied, xff, agent or host.
func suspicious(key []byte) bool {
	for i, c := range key {
		if !signs[c] {
			continue
		}
		var next, third byte
		if i+1 < len(key) {
			next = key[i+1] | 0x20
		}
		if i+2 < len(key) {
			third = key[i+2] | 0x20
		}
		found := false
		switch c | 0x20 {
		case 'p':
			found = i > 0 && key[i-1]|0x20 == 'i'
		case 'u', 'w':
			found = next == 'a'
		case 'd':
			found = next == 'd'
		case 'x':
			found = next == 'i' || next == 'f'
		case 'h':
			found = next == 'o' && third == 's'
		case 'g':
			found = next == 'e' && third == 'n'
		}
		if found {
			return true
		}
	}
	return false
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func capital(c byte) bool { return c >= 'A' && c <= 'Z' }

// fold appends the letters and digits of s to b, in lower case.
func fold(b, s []byte) []byte {
	for _, c := range s {
		switch {
		case letter(c):
			b = append(b, c|0x20)
		case c >= '0' && c <= '9':
			b = append(b, c)
		}
	}
	return b
}

// tellsAgent reports whether a folded key names a user agent or its client
// hints. Not every key that ends in ua does: title_ua is a Ukrainian title.
func tellsAgent(folded string) bool {
	switch folded {
	case "ua", "uastring", "uaraw", "uadata", "uafull", "rawua", "fullua", "clientua", "browserua", "visitorua", "requestua", "httpua":
		return true
	}
	return strings.Contains(folded, "useragent") || strings.Contains(folded, "secchua")
}

// tellsSender reports whether a folded key names the connection's other end in
// words other than ip. A user's, sender's or shipping address is a postal one.
func tellsSender(folded string) bool {
	switch folded {
	case "forwarded", "xforwarded", "httpforwarded", "httpxforwarded":
		return true
	}
	for _, list := range [...]string{"forwardedfor", "proxiedfor", "xff"} {
		if strings.Contains(folded, list) {
			return true
		}
	}
	folded = strings.TrimRight(folded, "0123456789")
	if who, ok := strings.CutSuffix(folded, "host"); ok && endsIn(who, "remote", "client", "peer") {
		return true
	}
	for _, what := range [...]string{"address", "addresses", "addr"} {
		who, ok := strings.CutSuffix(folded, what)
		if ok && endsIn(who, "remote", "client", "peer", "sock", "socket", "source", "src", "network", "external", "inet", "host", "visitor") {
			return true
		}
	}
	return false
}

// tellsIP reports whether a key names an IP address by the word ip: whose it is
// may stand before it, apart or run together, and its form behind it.
func tellsIP(key []byte) bool {
	at := len(key) - 2
	for ; at >= 0 && (key[at]|0x20 != 'i' || key[at+1]|0x20 != 'p'); at-- {
	}
	if at < 0 {
		return false
	}
	var buffer [maxKey]byte
	if !formOfIP(string(fold(buffer[:0], key[at+2:]))) {
		return false
	}
	from := at // of the letters that run into ip
	for ; from > 0 && letter(key[from-1]) && (!capital(key[from]) || capital(key[from-1])); from-- {
	}
	run := string(fold(buffer[:0], key[from:at]))
	if run == "" {
		return !endsIn(string(fold(buffer[:0], key[:at])), "vo", "over", "tcp") // voice over IP, TCP/IP
	}
	switch run {
	case "c", "u", "my": // GA's uip, Matomo's cip
		return true
	}
	return endsIn(run, whose...) || endsIn(run, "http", "socket", "geo")
}

// whose are the words that say whose or which address an ip is. One that begins
// another stands behind it.
var whose = []string{"user", "client", "remote", "real", "source", "src", "destination", "dest", "dst", "peer", "host", "visitor", "viewer",
	"customer", "caller", "login", "signup", "public", "private", "external", "internal", "local", "lan", "wan", "connecting", "connection",
	"true", "proxy", "forwarded", "original", "originating", "origin", "server", "request", "sender", "device", "session", "last", "first",
	"current", "previous", "browser", "registration", "register", "buyer", "seller", "shopper", "home", "cf", "account", "member", "owner",
	"author", "admin", "guest", "payment", "billing", "order", "access"}

// forms are the words for how an address is written, in the same order.
var forms = []string{"addresses", "address", "addrs", "addr", "v4", "v6", "4", "6", "list", "raw", "full", "string", "text", "value", "override",
	"int", "number", "hashed", "hash", "masked", "anonymized", "of"}

// formOfIP reports whether what follows the word ip says how the address is
// written or whose it is, and not something about it such as its country. Two
// digits are a grade of protection (IP67) where no word for an address precedes.
func formOfIP(rest string) bool {
	for address := false; rest != "" && rest != "s"; {
		if strings.Trim(rest, "0123456789") == "" {
			return address || len(rest) == 1
		}
		word := beginning(rest, whose)
		if word == "" {
			word = beginning(rest, forms)
		}
		if word == "" {
			return false
		}
		address = address || strings.HasPrefix(word, "addr")
		rest = rest[len(word):]
	}
	return true
}

// beginning is the first of words that s begins with; "" if there is none.
func beginning(s string, words []string) string {
	for _, word := range words {
		if strings.HasPrefix(s, word) {
			return word
		}
	}
	return ""
}

func endsIn(s string, ends ...string) bool {
	for _, end := range ends {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

// tellsVersion reports whether a key names a version, which may look like an address.
func tellsVersion(key []byte) bool {
	const word = "version"
	return len(key) >= len(word) && bytes.EqualFold(key[len(key)-len(word):], []byte(word))
}

// separates are the bytes between the parts of a text that may be addresses: of
// lists, of headers (for=192.0.2.1;proto=https), of queries.
var separates = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, ',': true, ';': true, '=': true, '"': true, '\'': true, '|': true,
	'&': true, '?': true, '(': true, ')': true, '<': true, '>': true, '{': true, '}': true}

// tells reports whether a text or key may not be kept since an address of the
// sender is a part of it, in whatever spelling; or, if it is judged, since
// nothing but addresses is. Names and values joined by = may stand beside them.
func (w *writer) tells(s []byte, judged bool) bool {
	if len(s) < 2 || bytes.Count(s, []byte{'.'}) < 3 && bytes.Count(s, []byte{':'}) < 2 {
		return false
	}
	found, others := false, false
	for i := 0; i < len(s); i++ {
		from := i
		for i < len(s) && !separates[s[i]] {
			i++
		}
		if from == i {
			continue
		}
		addr, ok := partAddr(s[from:i])
		if ok && (addr == w.own[0] || addr == w.own[1]) {
			return true
		}
		found = found || ok
		others = others || !ok && (i == len(s) || s[i] != '=') && (from == 0 || s[from-1] != '=')
	}
	return judged && found && !others
}

// partAddr is the address that a part of a text is, with or without a port,
// brackets, zone and length of a prefix.
func partAddr(part []byte) (netip.Addr, bool) {
	part, bits, _ := bytes.Cut(part, []byte{'/'})
	part, _, _ = bytes.Cut(part, []byte{'%'})
	if !likeAddress(part) || len(bytes.Trim(bits, "0123456789")) > 0 {
		return netip.Addr{}, false
	}
	addr, err := parseHop(string(part))
	return addr, err == nil
}

// likeAddress reports whether s has the signs of an address and no others, which
// spares nearly every text the parsing.
func likeAddress(s []byte) bool {
	dots, colons := 0, 0
	for _, c := range s {
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case c-'0' > 9 && (c|0x20)-'a' > 5 && c != '[' && c != ']':
			return false
		}
	}
	return dots == 3 || colons > 1
}

// dropOwn empties the fields of an event that tell an address of its sender, and
// takes the parameters that do out of the page's query.
func (d *decoder) dropOwn() error {
	e, c := d.e, &d.e.Campaign
	for _, s := range [...]*string{&e.UserID, &e.AnonymousID, &e.GroupID, &e.PreviousID, &e.Name, &e.Title, &c.Source, &c.Medium, &c.Name, &c.Term, &c.Content} {
		if d.tells(*s) {
			*s = ""
		}
	}
	if d.tells(e.Search) {
		e.Search = strings.Join(slices.DeleteFunc(strings.Split(e.Search, "&"), d.tells), "&")
	}
	return nil
}

// tells reports whether a field tells an address of the event's sender.
func (d *decoder) tells(s string) bool {
	d.out.b = append(d.out.b[:0], s...) // so that nothing is allocated
	return d.out.tells(d.out.b, false)
}

// scrubbed is x, an event that can't be kept, as JSON without addresses and user
// agents, and with broken texts mended. All but properties and traits is judged
// like context: it may be anything.
func (d *decoder) scrubbed(x *fastjson.Value) string {
	told := member(member(x, "context"), "ip")
	if told == nil && d.shared != nil {
		told = d.shared.Get("ip")
	}
	w := writer{odd: true, mend: true, judge: true, own: [2]netip.Addr{d.ip, toldAddr(loose(told))}}
	switch {
	case x.Type() == fastjson.TypeObject:
		w.b = append(w.b, '{')
		x.GetObject().Visit(func(key []byte, v *fastjson.Value) {
			w.judge = string(key) != "properties" && string(key) != "traits" || v.Type() != fastjson.TypeObject
			w.member(key, v)
		})
		w.b = append(w.b, '}')
	case x.Type() == fastjson.TypeString && w.tells(x.GetStringBytes(), true):
		return `""`
	default:
		w.value(x)
	}
	return string(w.b)
}
