package weblog

import (
	"bytes"
	"strings"
	"time"
)

// entry is one valid line, cut into fields. The byte fields are parts of the
// line as it stands in the file (ISO-8859-1, escapes kept).
type entry struct {
	host      []byte
	time      time.Time // UTC
	request   []byte
	status    int
	referrer  []byte // combined only
	userAgent []byte // combined only
}

// fault says why a line is malformed. It never quotes the line: that would
// carry an address or a user agent along.
type fault string

const (
	noFault      fault = ""
	faultWho     fault = "host, ident and user are not three words"
	faultTime    fault = "the time stamp is not [DD/Mon/YYYY:HH:MM:SS +ZZZZ]"
	faultFar     fault = "the time stamp lies before 1971 or more than 400 days ahead"
	faultRequest fault = "the request is not in quotes"
	faultStatus  fault = "the status is not three digits"
	faultBytes   fault = "the size is neither digits nor -"
	faultAgent   fault = "referrer and user agent are not in quotes"
	faultEnd     fault = "something follows the last field"
	faultLong    fault = "the line is longer than 1 MiB"
)

// parse cuts a line (without its LF) into fields.
func parse(line []byte, f Format) (entry, fault) {
	var e entry
	var ok bool
	rest := line
	for i := range 3 {
		var word []byte
		if word, rest, ok = cutWord(rest); !ok {
			return e, faultWho
		}
		if i == 0 {
			e.host = word
		}
	}
	if e.time, ok = parseTime(rest); !ok {
		return e, faultTime
	}
	rest = rest[stampLen:]
	if len(rest) < 2 || rest[0] != ' ' || rest[1] != '"' {
		return e, faultRequest
	}
	if f == Common {
		return parseCommonTail(e, rest[1:])
	}
	return parseCombinedTail(e, rest[1:])
}

// parseCommonTail reads "REQUEST" STATUS BYTES from the right: the request may
// hold quotes and ends at the last one that status and size follow.
func parseCommonTail(e entry, b []byte) (entry, fault) {
	i := bytes.LastIndexByte(b, ' ')
	if i < 0 || !isSize(b[i+1:]) {
		return e, faultBytes
	}
	b = b[:i]
	n := len(b)
	if n < 4 || b[n-4] != ' ' {
		return e, faultStatus
	}
	var ok bool
	if e.status, ok = number(b[n-3:]); !ok {
		return e, faultStatus
	}
	b = b[:n-4]
	if len(b) < 2 || b[len(b)-1] != '"' {
		return e, faultRequest
	}
	e.request = b[1 : len(b)-1]
	return e, noFault
}

// parseCombinedTail reads "REQUEST" STATUS BYTES "REFERRER" "USERAGENT" and
// optional spaces from the left.
func parseCombinedTail(e entry, b []byte) (entry, fault) {
	var ok bool
	if e.request, b, ok = cutQuoted(b); !ok {
		return e, faultRequest
	}
	if len(b) < 5 || b[0] != ' ' || b[4] != ' ' {
		return e, faultStatus
	}
	if e.status, ok = number(b[1:4]); !ok {
		return e, faultStatus
	}
	b = b[5:]
	i := bytes.IndexByte(b, ' ')
	if i < 0 || !isSize(b[:i]) {
		return e, faultBytes
	}
	if e.referrer, b, ok = cutQuoted(b[i+1:]); !ok || len(b) == 0 || b[0] != ' ' {
		return e, faultAgent
	}
	if e.userAgent, b, ok = cutQuoted(b[1:]); !ok {
		return e, faultAgent
	}
	for _, c := range b {
		if c != ' ' {
			return e, faultEnd
		}
	}
	return e, noFault
}

// cutWord takes a word without white space and the one space after it.
func cutWord(b []byte) (word, rest []byte, ok bool) {
	for i, c := range b {
		if !isSpace(c) {
			continue
		}
		if c != ' ' || i == 0 {
			return nil, nil, false
		}
		return b[:i], b[i+1:], true
	}
	return nil, nil, false
}

// isSpace knows the white space of ISO-8859-1 as Unicode sees it.
func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r' || c >= 0x1c && c <= 0x1f || c == 0x85 || c == 0xa0
}

// cutQuoted takes a quoted text in which a quote only occurs as \".
func cutQuoted(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[1:i], b[i+1:], true
		}
	}
	return nil, nil, false
}

func isSize(b []byte) bool {
	if len(b) == 1 && b[0] == '-' {
		return true
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// number reads a short run of digits.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

const (
	stampForm = "[00/Mon/0000:00:00:00 +0000]" // 0 is a digit
	stampLen  = len(stampForm)
)

// parseTime reads the time stamp at the front of b, as UTC.
func parseTime(b []byte) (time.Time, bool) {
	if len(b) < stampLen {
		return time.Time{}, false
	}
	for i := range stampLen {
		switch c := stampForm[i]; c {
		case '0':
			if b[i] < '0' || b[i] > '9' {
				return time.Time{}, false
			}
		case '[', ']', '/', ':', ' ':
			if b[i] != c {
				return time.Time{}, false
			}
		}
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	month := monthOf(b[4:7])
	day, year := two(1), two(8)*100+two(10)
	hour, minute, second := two(13), two(16), two(19)
	if month == 0 || year == 0 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if t.Day() != day {
		return time.Time{}, false // there is no such day
	}
	offset := time.Duration(two(23))*time.Hour + time.Duration(two(25))*time.Minute
	switch b[22] {
	case '+':
		return t.Add(-offset), true
	case '-':
		return t.Add(offset), true
	}
	return time.Time{}, false
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func monthOf(b []byte) time.Month {
	for i := 0; i < len(months); i += 3 {
		if string(b) == months[i:i+3] {
			return time.Month(i/3 + 1)
		}
	}
	return 0
}

// target is what a readable request asked for.
type target struct {
	method string
	path   string // without query and fragment; may be empty ("?a=b")
	search string // the query, without "?"
	ext    string // of the path's last segment, lower case
}

// readTarget reads a request line, already as UTF-8 text; false if it is not
// readable.
func readTarget(request string) (target, bool) {
	method, rest, found := strings.Cut(request, " ")
	if !found || !isMethod(method) {
		return target{}, false
	}
	if i := strings.LastIndexByte(rest, ' '); isProtocol(rest[i+1:]) {
		rest = rest[:max(i, 0)]
	}
	if rest == "" {
		return target{}, false
	}
	t := target{method: method, path: withoutHost(rest)}
	if i := strings.IndexAny(t.path, "?#"); i >= 0 {
		if t.path[i] == '?' {
			t.search, _, _ = strings.Cut(t.path[i+1:], "#")
		}
		t.path = t.path[:i]
	}
	t.ext = extension(t.path)
	return t, true
}

func isMethod(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// isProtocol matches HTTP/digit.digit.
func isProtocol(s string) bool {
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	return len(s) == 8 && s[:5] == "HTTP/" && digit(s[5]) && s[6] == '.' && digit(s[7])
}

// withoutHost removes "http://host" or "https://host" in front.
func withoutHost(s string) string {
	for _, scheme := range [2]string{"http://", "https://"} {
		if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
			continue
		}
		i := strings.IndexAny(s[len(scheme):], "/?#")
		if i < 0 {
			return "/"
		}
		return s[len(scheme)+i:]
	}
	return s
}

func extension(path string) string {
	segment := path[strings.LastIndexByte(path, '/')+1:]
	i := strings.LastIndexByte(segment, '.')
	if i < 0 {
		return ""
	}
	return strings.ToLower(segment[i+1:])
}

// isPage and isDownload follow the rules in the package comment.
func (t target) isPage(status int) bool {
	if t.method != "GET" || (status < 200 || status > 299) && status != 304 {
		return false
	}
	switch t.ext {
	case "", "html", "htm", "shtml", "php", "asp", "aspx", "jsp", "cgi", "pl":
		return true
	}
	return false
}

func (t target) isDownload(status int) bool {
	if t.method != "GET" || status != 200 && status != 206 {
		return false
	}
	switch t.ext {
	case "gz", "tgz", "zip", "tar", "bz2", "xz", "7z", "rar", "exe", "msi", "dmg", "pdf", "ps", "doc", "xls", "ppt",
		"mpg", "mpeg", "avi", "mov", "mp3", "mp4", "wav", "pcap", "iso", "deb", "rpm", "jar":
		return true
	}
	return false
}
