// Package event holds what happened: the Event every other room talks about,
// its kinds, its checks and its two spellings (JSON for people, binary for the
// queue). It imports nothing but the standard library.
package event

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Kind says what sort of thing happened, in Segment's words.
type Kind string

// The six kinds an event can have.
const (
	Page     Kind = "page"
	Track    Kind = "track"
	Identify Kind = "identify"
	Group    Kind = "group"
	Screen   Kind = "screen"
	Alias    Kind = "alias"
)

// Kinds lists every kind, in the order of the documentation.
var Kinds = []Kind{Page, Track, Identify, Group, Screen, Alias}

// Download is the name of the track event that counts as a download.
const Download = "File Downloaded"

// Exposure is the name of the track event by which a visitor has come to see an arm of
// an experiment: Segment's, with the properties experiment_id, experiment_name,
// variation_id and variation_name.
const Exposure = "Experiment Viewed"

// Limits of one event; a batch or body limit is the collector's affair.
const (
	MaxBytes = 32 << 10 // of one event as JSON, batch context merged in
	MaxID    = 256      // bytes of an id (messageId, userId, anonymousId, groupId)
	MaxText  = 2048     // bytes of any other single field
)

// Event is one thing that happened, as it is kept: everything derived from the
// sender's address or raw user agent is already a label here, and neither of
// the two is a field. All times are UTC with millisecond precision.
type Event struct {
	ID   string // messageId; with Site and the day of Original it counts once
	Site string // id of the site
	Kind Kind
	Name string // of a track event, page or screen

	Time     time.Time     // when it happened, corrected for the client's clock
	Original time.Time     // what the client's clock said; Received if it said nothing
	Sent     time.Time     // what the client's clock said when sending; zero if unknown
	Received time.Time     // when the collector had it
	Skew     time.Duration // Time - Original where a correction was applied
	Flag     string        // why Time is not what the client said: "skew", "future", "" if it is

	UserID      string
	AnonymousID string
	GroupID     string
	PreviousID  string
	Visitor     uint64 // pseudonymous visitor; 0 is unknown
	Session     uint64 // session as seen at the door; figures cut sessions by gaps, see docs/words.md

	Host     string // of the page, lower case
	Path     string // of the page or the downloaded file
	Search   string // query string of the page without "?"
	Title    string
	Referrer string // URL without user info, query and fragment
	Class    string // of the referrer: direct internal search social ai email campaign other invalid spam
	Source   string // name of the source: Google, Mastodon, a host, a utm_source
	Campaign Campaign
	Country  string // ISO 3166-1 alpha-2, upper case; "" unknown
	Device   string // desktop phone tablet tv other; "" unknown
	Browser  string
	OS       string
	Bot      string // why it is a bot; "" is a person
	Channel  string // how it came: web server pixel redirect import plain

	Properties string // JSON object or ""
	Traits     string // JSON object or ""
	Context    string // JSON object or "": what the client said of itself, without what became a field

	Labels
}

// Labels are what figures can be split by more finely than by country, browser
// and system. Each says of itself what it belongs to; "" is unknown.
type Labels struct {
	Region         string // "Bavaria (DE-BY)": name and ISO 3166-2 code, or the country's
	City           string // "Munich (DE-BY)": name and code of the region, or the country's
	BrowserVersion string // "Firefox 128": the major version only
	OSVersion      string // "iOS 18", "macOS 10.15 or later"
	Language       string // "de-AT": ISO 639 code and region
	Screen         string // its class by width: "992 to 1439 px"
}

// Place is where something happened, no finer than the city, in the labels of an
// event; "" is unknown.
type Place struct{ Country, Region, City string }

// Campaign is the five UTM parameters.
type Campaign struct{ Source, Medium, Name, Term, Content string }

// AdParams are parameters that search engines add to an advertisement's link:
// Google's three and Microsoft's.
var AdParams = [...]string{"gclid", "gbraid", "wbraid", "msclkid"}

// Clone is the event with texts of its own: those of one that is handed over for a
// moment may be somebody else's.
func (e *Event) Clone() Event {
	own := *e
	size := 0
	for i := range texts {
		size += len(*e.text(i))
	}
	var all strings.Builder
	all.Grow(size)
	for i := range texts {
		all.WriteString(*e.text(i))
	}
	rest := all.String()
	for i := range texts {
		text := own.text(i)
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
	return own
}

// View reports whether the event counts as a page view (of a page or a screen).
func (e *Event) View() bool { return e.Kind == Page || e.Kind == Screen }

// Day is the UTC day of the client's original time: the partition in which the
// event's id counts once, for ever.
func (e *Event) Day() Day { return DayOf(e.Original) }

// Day is a UTC day as days since 1970-01-01.
type Day int32

// DayOf is the UTC day t lies in.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / 86400
	if s%86400 < 0 {
		d--
	}
	return Day(d)
}

// Time is the first instant of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Position is a place in the queue: everything up to and including message Seq
// of stream epoch Epoch. Total is how many events the queue had accepted up to
// there. The zero Position is the very beginning.
type Position struct {
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
	Total uint64 `json:"total"`
}

// Less orders positions by epoch, then by sequence: a damaged stream can reuse
// sequence numbers, and its epoch tells the reused ones apart.
func (p Position) Less(q Position) bool {
	if p.Epoch != q.Epoch {
		return p.Epoch < q.Epoch
	}
	return p.Seq < q.Seq
}

// InvalidError says which field of an event is wrong and why: the sender's
// fault, a 400 or a per-event rejection.
type InvalidError struct{ Field, Why string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Why }

// Invalid makes an InvalidError.
func Invalid(field, why string, args ...any) error {
	return &InvalidError{Field: field, Why: fmt.Sprintf(why, args...)}
}

// Times an event may carry. What lies before Earliest is a clock that was never
// set, or seconds taken for milliseconds; what lies more than Ahead in the
// future comes of no clock worth correcting, and the day in which its id counts
// once would be one of a far year.
var Earliest = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)

// Ahead is how far beyond the server's clock a time may lie.
const Ahead = 400 * 24 * time.Hour

// Timely reports what is wrong with a field's time as an InvalidError, or nil.
func Timely(field string, t, now time.Time) error {
	switch {
	case t.Before(Earliest):
		return Invalid(field, "lies before 1971")
	case t.After(now.Add(Ahead)):
		return Invalid(field, "lies more than 400 days ahead of the server's clock")
	}
	return nil
}

// Check reports what makes the event unfit to be kept, as an InvalidError, or nil.
func (e *Event) Check() error {
	switch {
	case e.ID == "":
		return Invalid("messageId", "is missing")
	case e.Site == "":
		return Invalid("site", "is missing")
	case !e.Kind.valid():
		return Invalid("type", "%q is not one of page, track, identify, group, screen, alias", e.Kind)
	case e.Kind == Track && e.Name == "":
		return Invalid("event", "a track event needs a name")
	case e.Time.IsZero() || e.Original.IsZero() || e.Received.IsZero():
		return Invalid("timestamp", "is missing")
	}
	size := 0
	for i, f := range texts {
		t := *e.text(i)
		if t == "" {
			continue
		}
		if why := textFault(t, f.max); why != "" {
			return Invalid(f.name, "%s", why)
		}
		size += len(t)
	}
	if size > MaxBytes {
		return Invalid("event", "is %d bytes, the limit is %d", size, MaxBytes)
	}
	return nil
}

func (k Kind) valid() bool {
	for _, x := range Kinds {
		if k == x {
			return true
		}
	}
	return false
}

func textFault(s string, max int) string {
	switch {
	case len(s) > max:
		return fmt.Sprintf("is %d bytes, the limit is %d", len(s), max)
	case plain(s):
		return ""
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.IndexByte(s, 0) >= 0:
		return "holds a NUL byte"
	}
	return ""
}

// plain reports whether s is ASCII without a NUL byte, as most texts are: eight
// bytes at a time, the last eight once more if they are no whole step.
func plain(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if s[i]-1 >= 0x7f {
				return false
			}
		}
		return true
	}
	for i := 0; i < len(s)-8; i += 8 {
		if odd(fixed64(s[i:])) {
			return false
		}
	}
	return !odd(fixed64(s[len(s)-8:]))
}

// odd reports whether one of eight bytes is 0 or above 0x7f. Taking 1 from each
// borrows from a neighbour only where one is 0.
func odd(x uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return (x|(x-ones))&tops != 0
}

// FormatID spells a visitor or session id: 16 hexadecimal digits, "" for 0.
func FormatID(id uint64) string { return string(appendID(nil, id)) }

func appendID(b []byte, id uint64) []byte {
	if id == 0 {
		return b
	}
	return hex.AppendEncode(b, binary.BigEndian.AppendUint64(nil, id))
}

// Size is about how many bytes the event takes in memory.
func (e *Event) Size() int {
	n := int(unsafe.Sizeof(*e))
	for i := range texts {
		n += len(*e.text(i))
	}
	return n
}
