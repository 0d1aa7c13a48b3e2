package collect

import (
	"bytes"
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
// sender's or that of a machine on the way. Under a key that ends in "version"
// it is a version (4.2.0.1) and stays. Properties and traits are what the site
// itself chose to tell, and may be about addresses without being about the
// sender's (a hosting shop's, a status page's): there only the key counts.

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
// ip, ua, addr, forward, proxied, agent or host.
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
			found = next == 'i'
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
	if strings.Contains(folded, "forwardedfor") || strings.Contains(folded, "proxiedfor") {
		return true
	}
	if who, ok := strings.CutSuffix(folded, "host"); ok && endsIn(who, "remote", "client", "peer") {
		return true
	}
	for _, what := range [...]string{"address", "addresses", "addr"} {
		who, ok := strings.CutSuffix(folded, what)
		if ok && endsIn(who, "remote", "client", "peer", "sock", "socket", "source", "src", "network", "external", "inet") {
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
	return endsIn(run, "user", "client", "remote", "real", "source", "src", "dest", "dst", "destination", "peer", "host", "visitor", "viewer",
		"customer", "caller", "login", "signup", "public", "private", "external", "internal", "local", "lan", "wan", "connecting", "true", "proxy",
		"forwarded", "origin", "original", "originating", "server", "request", "sender", "device", "session", "http", "socket", "geo")
}

// formOfIP reports whether what follows the word ip says how the address is
// written, and not something about it such as its country.
func formOfIP(rest string) bool {
	for _, form := range [...]string{"v4", "v6", "4", "6"} {
		rest = strings.TrimPrefix(rest, form)
	}
	for _, form := range [...]string{"addresses", "address", "addrs", "addr"} {
		rest = strings.TrimPrefix(rest, form)
	}
	switch rest {
	case "", "s", "v4", "v6", "list", "raw", "full", "string", "text", "value", "override", "int", "number", "hash", "hashed", "masked", "anonymized":
		return true
	}
	return false
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

// isAddress reports whether v is a text that is wholly an address, with or
// without a port and zone, or a list of them.
func isAddress(v *fastjson.Value) bool {
	if v.Type() != fastjson.TypeString {
		return false
	}
	for part := range bytes.SplitSeq(v.GetStringBytes(), []byte{','}) {
		part, _, _ = bytes.Cut(bytes.TrimSpace(part), []byte{'%'})
		if !likeAddress(part) {
			return false
		}
		if _, err := parseHop(string(part)); err != nil {
			return false
		}
	}
	return true
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
