package enrich

import (
	"cmp"
	_ "embed"
	"maps"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"footfall/event"
	"footfall/metric"
)

// Classes of a referrer; docs/enrichment.md says what each means.
const (
	classDirect    = "direct"
	classInternal  = "internal"
	classSearch    = "search"
	classSocial    = "social"
	classAI        = "ai"
	classEmail     = "email"
	classCampaign  = "campaign"
	classAffiliate = metric.ClassAffiliate
	classOther     = "other"
	classInvalid   = "invalid"
	classSpam      = "spam"
)

//go:embed data/referrers.txt
var referrerList string

//go:embed data/spam.txt
var spamList string

// ownReferrers are web mail and apps that the lists don't have, in their notation.
const ownReferrers = `email	Gmail	mail.google.com com.google.android.gm
email	Outlook	outlook.live.com outlook.office.com outlook.office365.com outlook.com com.microsoft.office.outlook
email	Yahoo! Mail	mail.yahoo.com mail.yahoo.co.jp com.yahoo.mobile.client.android.mail
email	Proton Mail	mail.proton.me mail.protonmail.com
email	iCloud Mail	mail.icloud.com
email	GMX	navigator.gmx.net navigator-bs.gmx.net deref-gmx.net
email	WEB.DE	navigator.web.de deref-web.de deref-web-02.de
email	Mail.ru	e.mail.ru
email	Yandex Mail	mail.yandex.ru mail.yandex.com
email	AOL Mail	mail.aol.com
email	Zoho Mail	mail.zoho.com mail.zoho.eu
email	Fastmail	app.fastmail.com
email	Orange Mail	webmail.orange.fr messagerie.orange.fr
email	QQ Mail	mail.qq.com
social	Facebook	com.facebook.katana
social	Instagram	com.instagram.android
social	LinkedIn	com.linkedin.android
social	Pinterest	com.pinterest
social	Twitter	com.twitter.android
ai	ChatGPT	com.openai.chatgpt`

// ownNames are short names that people write into utm_source, beside the names
// in the lists. A newsletter is nobody's in particular: it has one spelling.
var ownNames = map[string]string{
	"fb": "Facebook", "ig": "Instagram", "insta": "Instagram", "x": "Twitter", "li": "LinkedIn", "linked-in": "LinkedIn", "yt": "YouTube",
	"ddg": "DuckDuckGo", "hn": "Hacker News", "hackernews": "Hacker News", "chat-gpt": "ChatGPT", "vk": "Vkontakte", "yahoo": "Yahoo!", "newsletter": "newsletter",
}

// hostMost bounds the hosts whose class is remembered, hostMax their length
// (that of a DNS name).
const (
	hostMost = 1 << 15
	hostMax  = 253
)

// directory knows the class and the name of hosts.
type directory struct {
	names   map[string]string // name in lower case, or a short one → name
	spam    map[string]bool
	named   map[string]map[string]string // class → host → name; the host's subdomains too
	engines map[string]string            // host → name; of several the first in the list
	wild    []engine                     // those with a country in the host
}

// engine is a search engine in many countries: "{}" in host stands for one.
type engine struct{ name, host string }

var knownHosts = sync.OnceValue(func() *directory {
	d := &directory{names: maps.Clone(ownNames), spam: map[string]bool{}, engines: map[string]string{},
		named: map[string]map[string]string{classAI: {}, classSocial: {}, classEmail: {}}}
	for host := range strings.FieldsSeq(spamList) {
		d.spam[host] = true
	}
	for line := range strings.Lines(referrerList + ownReferrers) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		// Where two classes spell a name differently, classify asks search last.
		if low := strings.ToLower(fields[1]); d.names[low] == "" || fields[0] != classSearch {
			d.names[low] = fields[1]
		}
		for _, host := range strings.Fields(fields[2]) {
			switch _, known := d.engines[host]; {
			case fields[0] != classSearch:
				d.named[fields[0]][host] = fields[1]
			case strings.Contains(host, "{}"):
				d.wild = append(d.wild, engine{fields[1], host})
			case !known:
				d.engines[host] = fields[1]
			}
		}
	}
	return d
})

// site is what is known of a host.
type site struct {
	class, source string
	domain        string // registrable: example.co.uk of shop.example.co.uk
}

// host classifies a host (lower case) as a referrer, once.
func (x *Enricher) host(host string) site {
	key := hashOf(host)
	known, ok := x.hosts.get(key)
	if ok {
		return known
	}
	if len(host) > hostMax {
		return site{class: classOther, source: host, domain: host}
	}
	// A clone: the host is a piece of a URL that must not be kept.
	host = strings.Clone(host)
	known = x.directory.classify(strings.TrimPrefix(host, "www."))
	known.domain = domainOf(host)
	x.hosts.put(key, known)
	return known
}

// classify has the order and the rules of the reference: subdomains count for
// spam, AI assistants, social networks and web mail, not for search engines.
func (d *directory) classify(host string) site {
	for part := host; part != ""; _, part, _ = strings.Cut(part, ".") {
		if d.spam[part] {
			return site{class: classSpam, source: host}
		}
	}
	for _, class := range [...]string{classEmail, classAI, classSocial} {
		for part := host; part != ""; _, part, _ = strings.Cut(part, ".") {
			if name := d.named[class][part]; name != "" {
				return site{class: class, source: name}
			}
		}
	}
	if name := d.engines[host]; name != "" {
		return site{class: classSearch, source: name}
	}
	for _, w := range d.wild {
		if w.matches(host) {
			return site{class: classSearch, source: w.name}
		}
	}
	return site{class: classOther, source: host}
}

// named is the name that a referrer of the same source would have had, for a
// host or name as people write it into a campaign link, whatever its case; the
// text itself if nobody is known by it. Only a known host tells the class, too.
func (x *Enricher) named(text string) (class, name string) {
	low := strings.ToLower(text)
	if strings.Contains(low, ".") { // else it is no host
		if known := x.host(low); known.class != classOther && known.class != classSpam {
			return known.class, known.source
		}
	}
	return "", cmp.Or(x.directory.names[low], text)
}

// matches puts a country in the place of "{}": two or three letters, or
// "co." or "com." and two letters.
func (w engine) matches(host string) bool {
	front, back, _ := strings.Cut(w.host, "{}")
	if len(host) < len(front)+len(back) || !strings.HasPrefix(host, front) || !strings.HasSuffix(host, back) {
		return false
	}
	country := host[len(front) : len(host)-len(back)]
	for _, prefix := range [...]string{"co.", "com."} {
		if rest, ok := strings.CutPrefix(country, prefix); ok && len(rest) == 2 {
			country = rest
			break
		}
	}
	return (len(country) == 2 || len(country) == 3) && strings.Trim(country, "abcdefghijklmnopqrstuvwxyz") == ""
}

// domainOf is the domain that somebody registered, by the public suffix list;
// the host itself if it is an address or has no such domain.
func domainOf(host string) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

// referrerStep cleans the referrer of what may be personal and says where the
// event came from, unless the campaign has.
func (x *Enricher) referrerStep(e *event.Event, from Sender) {
	sent := e.Referrer
	if sent == "" {
		sent = from.Referrer
	}
	class, source, kept := x.refer(e, strings.TrimSpace(sent))
	e.Referrer = fit(kept)
	if e.Class == "" {
		e.Class, e.Source = class, fit(source)
	}
}

// refer is the class and source of a referrer, and what of it is kept.
func (x *Enricher) refer(e *event.Event, sent string) (class, source, kept string) {
	if sent == "" || sent == "-" {
		if !e.View() && e.Host == "" && e.Path == "" {
			return "", "", "" // a server's event that no page belongs to
		}
		return classDirect, "", ""
	}
	l := parseURL(sent)
	host := strings.TrimSuffix(l.host, ".")
	if l.scheme == "android-app" && host != "" {
		known := x.host(host)
		return known.class, known.source, l.scheme + "://" + l.host
	}
	if l.scheme != "http" && l.scheme != "https" || host == "" {
		return classInvalid, "", "" // may be anything, a mail address too
	}
	kept, known := l.kept(sent), x.host(host)
	if x.internal(e, host, known) {
		return classInternal, strings.TrimPrefix(host, "www."), kept
	}
	return known.class, known.source, kept
}

// internal is true for the page's own host, the hosts of its registrable
// domain, and those the site names.
func (x *Enricher) internal(e *event.Event, host string, known site) bool {
	if e.Host != "" && (host == e.Host || x.host(e.Host).domain == known.domain) {
		return true
	}
	return x.isInternal != nil && x.isInternal(e.Site, host)
}

// kept is the URL as sent without user info, query and fragment.
func (l location) kept(sent string) string {
	size := len(l.scheme) + len("://") + len(l.host) + len(l.port) + len(l.path)
	if !l.user && size <= len(sent) && strings.HasPrefix(sent, l.scheme) && sent[len(l.scheme)+3:len(l.scheme)+3+len(l.host)] == l.host {
		return sent[:size] // the usual one: it is the beginning of what was sent
	}
	return l.scheme + "://" + l.host + l.port + l.path
}
