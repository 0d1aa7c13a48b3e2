package enrich

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/mileusna/useragent"

	"footfall/event"
)

//go:embed data/bots.txt
var botList string

// knownBots is the embedded list, see data/README.md.
var knownBots = sync.OnceValue(func() *words { return newWords(readWords(botList)) })

// agentMost bounds the user agents whose labels are remembered.
const agentMost = 1 << 16

// agentMax is how many bytes of a user agent are looked at; longer ones are
// made up.
const agentMax = 1024

// agent is what a user agent says, in labels of few values: none of them is a
// piece of the user agent itself.
type agent struct{ bot, device, browser, os, browserVersion, osVersion string }

// agent looks the user agent up, by its hash: the text itself is not kept.
func (x *Enricher) agent(ua string) agent {
	key := hashOf(ua)
	a, ok := x.agents.get(key)
	if !ok {
		a = x.readAgent(ua)
		x.agents.put(key, a)
	}
	return a
}

// agentMark is before the word of a user agent that a bot was known by.
const agentMark = "ua: "

// botOf is the label of a text that holds a word of the list; "" if none is in it.
func (x *Enricher) botOf(text string) string {
	word := x.bots.find(text)
	switch word {
	case "":
		return ""
	case "://":
		word = "link" // to a page about the crawler: no browser has one
	}
	return agentMark + strings.ToValidUTF8(word[:min(len(word), event.MaxID-len(agentMark))], "")
}

func (x *Enricher) readAgent(ua string) agent {
	ua = ua[:min(len(ua), agentMax)]
	a := agent{bot: x.botOf(ua)}
	if ua == "" || ua == "-" {
		return a
	}
	low := strings.ToLower(ua)
	told := useragent.Parse(ua)
	a.os = systemOf(low, told)
	a.browser = browserOf(low, told)
	a.device = deviceOf(low, told, a.os)
	a.browserVersion, a.osVersion = browserVersion(low, a.browser), systemVersion(low, a.os)
	return a
}

// clients are words of the list that name a program's HTTP library. A plain POST
// is written by hand and sent by such a program: that makes it no crawler.
var clients = map[string]bool{
	"ua: curl": true, "ua: wget": true, "ua: python-requests": true, "ua: python-urllib": true, "ua: aiohttp": true, "ua: httpx": true,
	"ua: go-http-client": true, "ua: okhttp": true, "ua: axios": true, "ua: node-fetch": true, "ua: apache-httpclient": true,
	"ua: httpie/": true, "ua: libwww-perl": true, "ua: sindresorhus/got": true, "ua: httpurlconnection": true, "ua: php-curl-class": true,
}

// botStep labels crawlers and tools with the reason. A browser always names
// itself; a server library, an import or a plain POST need not.
func (x *Enricher) botStep(e *event.Event, from Sender) {
	e.Bot = x.agent(from.UserAgent).bot
	switch {
	case x.ownWords:
	case written(e):
		e.Bot = ""
	case from.UserAgent == "" && namesItself(e):
		e.Bot = noAgent
	}
}

const noAgent = "no user agent"

// written reports whether a bot is a program that somebody sends a plain POST with.
func written(e *event.Event) bool { return e.Channel == "plain" && clients[e.Bot] }

// namesItself reports whether an event is of a browser, if it is of a person.
func namesItself(e *event.Event) bool {
	return e.Channel == "web" || e.Channel == "pixel" || e.Channel == "redirect"
}

func (x *Enricher) deviceStep(e *event.Event, from Sender) {
	a := x.agent(from.UserAgent)
	e.Device, e.Browser, e.OS, e.BrowserVersion, e.OSVersion = a.device, a.browser, a.os, a.browserVersion, a.osVersion
}

// sign maps a piece of a lower-case user agent to a name; tables of signs are
// in order, the first that is there wins.
type sign struct{ piece, name string }

func first(low string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(low, s.piece) {
			return s.name
		}
	}
	return ""
}

// systemSigns are systems that the library does not know or takes for another:
// Windows Phone claims to be Android and iPhone, televisions to be Linux.
var systemSigns = []sign{
	{"windows phone", "Windows Phone"}, {"; wds ", "Windows Phone"}, {"xblwp7", "Windows Phone"}, {"zunewp7", "Windows Phone"}, {"windows ce", "Windows Mobile"}, {"windows mobile", "Windows Mobile"}, {"iemobile", "Windows Phone"},
	{"watchos", "watchOS"}, {"watch os", "watchOS"}, {"tvos", "tvOS"}, {"apple tv", "tvOS"}, {"appletv", "tvOS"},
	{"kaios", "KaiOS"}, {"tizen", "Tizen"}, {"bada", "Bada"}, {"web0s", "webOS"}, {"webos", "webOS"}, {"hpwos", "webOS"}, {"netcast", "webOS"},
	{"openharmony", "HarmonyOS"}, {"harmonyos", "HarmonyOS"}, {"roku", "Roku OS"}, {"googletv", "Android"},
	{"symbian", "Symbian"}, {"symbos", "Symbian"}, {"series60", "Symbian"}, {"series 60", "Symbian"}, {"s60;", "Symbian"}, {"s60v", "Symbian"}, {"s60/", "Symbian"}, {"series40", "Series 40"},
	{"blackberry", "BlackBerry OS"}, {"bb10", "BlackBerry OS"}, {"rim tablet", "BlackBerry OS"},
	{"playstation", "PlayStation"}, {"nintendo", "Nintendo"}, {"xbox", "Xbox"},
	{"android", "Android"}, {"silk/", "Android"}, {"silk-", "Android"}, {"kfot", "Android"}, {"dalvik", "Android"}, {"; adr ", "Android"}, {"oculusbrowser", "Android"},
	{"iphone", "iOS"}, {"ipad", "iOS"}, {"ipod", "iOS"}, {"ios/", "iOS"}, {"ios ", "iOS"}, {"(ios;", "iOS"}, {"like mac os x", "iOS"},
	{"(mobile; rv:", "Firefox OS"}, {"(tablet; rv:", "Firefox OS"}, {"(mobile; ", "Firefox OS"}, {"cros ", "ChromeOS"},
	{"windows", "Windows"}, {"winnt", "Windows"}, {"win98", "Windows"}, {"win95", "Windows"}, {"win32", "Windows"}, {"win64", "Windows"}, {"win 9x", "Windows"},
	{"macos", "macOS"}, {"macintosh", "macOS"}, {"mac os x", "macOS"}, {"mac_powerpc", "macOS"}, {"osx", "macOS"}, {"os x", "macOS"},
	{"freebsd", "FreeBSD"}, {"openbsd", "OpenBSD"}, {"netbsd", "NetBSD"}, {"sunos", "Solaris"},
	{"linux", "Linux"}, {"ubuntu", "Linux"}, {"x11", "Linux"},
}

func systemOf(low string, told useragent.UserAgent) string {
	// Apple's library names the kernel only; on a Mac also the processor.
	if strings.Contains(low, "cfnetwork/") && strings.Contains(low, "darwin/") {
		if strings.Contains(low, "x86_64") || strings.Contains(low, "i386") {
			return "macOS"
		}
		return "iOS"
	}
	if name := first(low, systemSigns); name != "" {
		return name
	}
	switch told.OS {
	case useragent.Windows, useragent.Android, useragent.IOS, useragent.MacOS, useragent.Linux, useragent.ChromeOS, useragent.FreeBSD:
		return told.OS
	}
	return "Other"
}

// browserSigns are browsers and apps with a page view of their own that call
// themselves Chrome or Safari too.
var browserSigns = []sign{
	{"fban/messenger", "Messenger"}, {"messengerforios", "Messenger"}, {"instagram", "Instagram"}, {"fban/", "Facebook"}, {"fbav/", "Facebook"}, {"fb_iab", "Facebook"}, {"pinterest", "Pinterest"},
	{"musical_ly", "TikTok"}, {"tiktok", "TikTok"}, {"bytedancewebview", "TikTok"}, {"snapchat", "Snapchat"}, {"linkedinapp", "LinkedIn"}, {"twitter", "Twitter"},
	{"micromessenger", "WeChat"}, {"kakaotalk", "KakaoTalk"}, {" line/", "LINE"}, {"spotify", "Spotify"},
	{"opera mini", "Opera Mini"}, {"opios/", "Opera Mini"}, {"opr/", "Opera"}, {"opt/", "Opera"}, {"opera", "Opera"}, {"opx/", "Opera"}, {"coast/", "Opera"},
	{"mqqbrowser", "QQ Browser"}, {"iemobile", "Internet Explorer"}, {"edg/", "Edge"}, {"edge/", "Edge"}, {"edga/", "Edge"}, {"edgios/", "Edge"},
	{"oculusbrowser", "Oculus Browser"}, {"samsungbrowser", "Samsung Internet"}, {"ucbrowser", "UC Browser"}, {"ucweb", "UC Browser"}, {"uc browser", "UC Browser"}, {"ubrowser/", "UC Browser"}, {"ucmobile", "UC Browser"}, {"yabrowser", "Yandex Browser"}, {"yowser", "Yandex Browser"}, {"yasearchbrowser", "Yandex Browser"},
	{"vivaldi", "Vivaldi"}, {"brave", "Brave"}, {"qqbrowser", "QQ Browser"}, {"qq/", "QQ Browser"},
	{"duckduckgo", "DuckDuckGo"}, {"ddg/", "DuckDuckGo"}, {"gsa/", "Google App"}, {"whale/", "Whale"}, {"coc_coc", "Coc Coc"}, {"silk", "Amazon Silk"},
	{"miuibrowser", "MIUI Browser"}, {"huaweibrowser", "Huawei Browser"}, {"honorbrowser", "Honor Browser"}, {"heytapbrowser", "HeyTap Browser"}, {"vivobrowser", "vivo Browser"},
	{"puffin", "Puffin"}, {"dolphin", "Dolphin"}, {"baidubrowser", "Baidu"}, {"baiduboxapp", "Baidu"}, {"bidubrowser", "Baidu"}, {"phoenix", "Phoenix"}, {"avast", "Avast Secure Browser"}, {"seznam.cz", "Seznam"}, {"szn-", "Seznam"}, {" sznprohlizec", "Seznam"}, {"sogou", "Sogou"}, {"maxthon", "Maxthon"}, {"qupzilla", "QupZilla"}, {"falkon", "Falkon"},
	{"outlook-express", "Windows Live Mail"}, {"outlook", "Outlook"}, {"msoffice", "Outlook"}, {"windows live mail", "Windows Live Mail"}, {"thunderbird", "Thunderbird"},
	{"palemoon", "Pale Moon"}, {"seamonkey", "SeaMonkey"}, {"waterfox", "Waterfox"}, {"iron/", "Iron"}, {"iron ", "Iron"},
	{"kindle", "Kindle"}, {"obigo", "Obigo"}, {"teleca", "Obigo"}, {"netfront nx", "NetFront"}, {"nx/", "NetFront"}, {"netfront", "NetFront"}, {"roku", "Roku"},
	{"nokiabrowser", "Nokia Browser"}, {"browserng", "Nokia Browser"}, {"series60", "Nokia Browser"}, {"series40", "Nokia Browser"}, {"nokia", "Nokia Browser"},
	{"wosbrowser", "webOS Browser"}, {"webos", "webOS Browser"}, {"web0s", "webOS Browser"}, {"blackberry", "BlackBerry"}, {"bb10", "BlackBerry"}, {"playbook", "BlackBerry"},
	{"fxios/", "Firefox"}, {"focus/", "Firefox"}, {"klar/", "Firefox"}, {"firefox/", "Firefox"}, {"firefox-", "Firefox"}, {"camino", "Camino"}, {"konqueror", "Konqueror"}, {"epiphany", "Epiphany"},
	{"msie", "Internet Explorer"}, {"trident/", "Internet Explorer"},
	{"crios/", "Chrome"}, {"headlesschrome", "Chrome"}, {"chromium/", "Chrome"},
}

func browserOf(low string, told useragent.UserAgent) string {
	if name := first(low, browserSigns); name != "" {
		return name
	}
	// Whatever else the library names may be any piece of the user agent.
	switch {
	case strings.Contains(low, "chrome/"):
		return "Chrome"
	case strings.Contains(low, "android") && strings.Contains(low, "version/"):
		return "Android Browser"
	case strings.Contains(low, "safari/") || strings.Contains(low, "applewebkit/") && strings.Contains(low, "mobile/"):
		return "Safari"
	}
	switch told.Name {
	case useragent.Chrome, useragent.Firefox, useragent.Safari, useragent.Edge, useragent.Opera:
		return told.Name
	}
	return "Other"
}

// deviceSigns tell the device's class where it is written down, televisions
// first: many of them claim to be phones.
var deviceSigns = []sign{
	{"hbbtv", "tv"}, {"smart-tv", "tv"}, {"smarttv", "tv"}, {"smart tv", "tv"}, {"netcast", "tv"}, {"web0s", "tv"}, {"googletv", "tv"}, {"google tv", "tv"}, {"android tv", "tv"}, {"apple tv", "tv"}, {"appletv", "tv"}, {"tvos", "tv"},
	{"bravia", "tv"}, {"roku", "tv"}, {"crkey", "tv"}, {"inettv", "tv"}, {"viera", "tv"}, {"dlnadoc", "tv"}, {"ce-html", "tv"}, {"nettv", "tv"}, {"aftb", "tv"}, {"aftm", "tv"}, {"afts", "tv"}, {"aftt", "tv"}, {"maple2", "tv"}, {"maple 5", "tv"}, {"maple 6", "tv"},
	{"watch", "other"}, {"playstation", "other"}, {"nintendo", "other"}, {"xbox", "other"}, {"quest", "other"}, {" vr ", "other"},
	{"ipad", "tablet"}, {"playbook", "tablet"}, {"rim tablet", "tablet"}, {"tablet pc", "desktop"}, {"tablet", "tablet"}, {"kindle", "tablet"}, {"silk/", "tablet"}, {"touchpad", "tablet"}, {"xoom", "tablet"}, {"sm-t", "tablet"}, {"sm-p", "tablet"}, {"gt-p", "tablet"}, {"nexus 7", "tablet"}, {"nexus 9", "tablet"}, {"nexus 10", "tablet"}, {"mi pad", "tablet"}, {"mediapad", "tablet"}, {"transformer", "tablet"}, {"ideatab", "tablet"}, {"iconia", "tablet"}, {"kfot", "tablet"}, {"kftt", "tablet"}, {"kfjw", "tablet"}, {"hp-tablet", "tablet"}, {"galaxy tab", "tablet"},
	{"iphone", "phone"}, {"ipod", "phone"},
}

// phoneSigns are phones without a system that is known for phones.
var phoneSigns = []sign{
	{"foma", "phone"}, {"midp", "phone"}, {"cldc", "phone"}, {"opera mini", "phone"}, {"opera mobi", "phone"}, {"up.browser", "phone"}, {"up.link", "phone"}, {"openwave", "phone"}, {"netfront", "phone"}, {"obigo", "phone"}, {"docomo", "phone"}, {"kddi", "phone"}, {"softbank", "phone"}, {"vodafone", "phone"}, {"j-phone", "phone"}, {"brew", "phone"},
	{"nokia", "phone"}, {"sonyericsson", "phone"}, {"samsung-", "phone"}, {"sec-", "phone"}, {"sie-", "phone"}, {"mot-", "phone"}, {"lge-", "phone"}, {"lg-", "phone"}, {"lg/", "phone"}, {"htc", "phone"}, {"palm", "phone"}, {"ucweb", "phone"}, {"ucbrowser", "phone"}, {"mobile", "phone"}, {"phone", "phone"},
}

func deviceOf(low string, told useragent.UserAgent, system string) string {
	if class := first(low, deviceSigns); class != "" {
		return class
	}
	switch system {
	case "Android", "HarmonyOS":
		// A phone's browser says so (before Android 3 there was nothing else); an
		// app's library says nothing of its kind.
		if strings.Contains(low, "mobi") || strings.Contains(low, "android 2.") || !strings.Contains(low, "applewebkit") && !told.Tablet {
			return "phone"
		}
		return "tablet"
	case "Tizen", "webOS":
		if !strings.Contains(low, "mobi") && system == "Tizen" {
			return "tv"
		}
		return "phone"
	case "iOS", "Windows Phone", "Windows Mobile", "Symbian", "Series 40", "BlackBerry OS", "KaiOS", "Bada", "Firefox OS":
		return "phone"
	case "Windows", "macOS", "ChromeOS", "FreeBSD", "OpenBSD", "NetBSD", "Solaris":
		return "desktop"
	}
	if class := first(low, phoneSigns); class != "" {
		return class
	}
	if system == "Linux" {
		return "desktop"
	}
	return "other"
}
