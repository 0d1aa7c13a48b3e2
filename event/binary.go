package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"
)

// The binary form is described in docs/format/event.md: it is what a queue
// message holds. Texts come first, in the order of texts, then the numbers, each
// a varint.

// BinaryVersion is of the form that AppendBinary makes. Whoever keeps the form
// keeps its version, for DecodeBinary.
const BinaryVersion = 2

// textsOf is how many texts a version of the form has; 2 added the Labels.
var textsOf = [BinaryVersion + 1]int{1: 30, 2: len(texts)}

// texts lists every text field once, in the order of the binary form: its name
// in messages, where it lies in an Event, and its limit in bytes. New fields go
// to the end, with a new version in docs/format/event.md.
var texts = [...]struct {
	name string
	at   uintptr
	max  int
}{
	{"messageId", unsafe.Offsetof(Event{}.ID), MaxID}, {"site", unsafe.Offsetof(Event{}.Site), MaxID},
	{"type", unsafe.Offsetof(Event{}.Kind), MaxID}, {"name", unsafe.Offsetof(Event{}.Name), MaxText},
	{"flag", unsafe.Offsetof(Event{}.Flag), MaxID}, {"userId", unsafe.Offsetof(Event{}.UserID), MaxID},
	{"anonymousId", unsafe.Offsetof(Event{}.AnonymousID), MaxID}, {"groupId", unsafe.Offsetof(Event{}.GroupID), MaxID},
	{"previousId", unsafe.Offsetof(Event{}.PreviousID), MaxID},
	{"host", unsafe.Offsetof(Event{}.Host), MaxText}, {"path", unsafe.Offsetof(Event{}.Path), MaxText},
	{"search", unsafe.Offsetof(Event{}.Search), MaxText}, {"title", unsafe.Offsetof(Event{}.Title), MaxText},
	{"referrer", unsafe.Offsetof(Event{}.Referrer), MaxText}, {"class", unsafe.Offsetof(Event{}.Class), MaxID},
	{"source", unsafe.Offsetof(Event{}.Source), MaxText},
	{"utm_source", campaign + unsafe.Offsetof(Campaign{}.Source), MaxText}, {"utm_medium", campaign + unsafe.Offsetof(Campaign{}.Medium), MaxText},
	{"utm_campaign", campaign + unsafe.Offsetof(Campaign{}.Name), MaxText}, {"utm_term", campaign + unsafe.Offsetof(Campaign{}.Term), MaxText},
	{"utm_content", campaign + unsafe.Offsetof(Campaign{}.Content), MaxText},
	{"country", unsafe.Offsetof(Event{}.Country), MaxID}, {"device", unsafe.Offsetof(Event{}.Device), MaxID},
	{"browser", unsafe.Offsetof(Event{}.Browser), MaxID}, {"os", unsafe.Offsetof(Event{}.OS), MaxID},
	{"bot", unsafe.Offsetof(Event{}.Bot), MaxID}, {"channel", unsafe.Offsetof(Event{}.Channel), MaxID},
	{"properties", unsafe.Offsetof(Event{}.Properties), MaxBytes}, {"traits", unsafe.Offsetof(Event{}.Traits), MaxBytes},
	{"context", unsafe.Offsetof(Event{}.Context), MaxBytes},
	{"region", labels + unsafe.Offsetof(Labels{}.Region), MaxID}, {"city", labels + unsafe.Offsetof(Labels{}.City), MaxID},
	{"browser_version", labels + unsafe.Offsetof(Labels{}.BrowserVersion), MaxID}, {"os_version", labels + unsafe.Offsetof(Labels{}.OSVersion), MaxID},
	{"language", labels + unsafe.Offsetof(Labels{}.Language), MaxID}, {"screen", labels + unsafe.Offsetof(Labels{}.Screen), MaxID},
}

const (
	campaign = unsafe.Offsetof(Event{}.Campaign)
	labels   = unsafe.Offsetof(Event{}.Labels)
)

// text is the field that texts[i] is about.
func (e *Event) text(i int) *string { return (*string)(unsafe.Add(unsafe.Pointer(e), texts[i].at)) }

// AppendBinary appends the event's binary form to b.
func (e *Event) AppendBinary(b []byte) []byte {
	for i := range texts {
		t := *e.text(i)
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	for _, t := range [4]time.Time{e.Time, e.Original, e.Sent, e.Received} {
		b = binary.AppendVarint(b, millis(t))
	}
	b = binary.AppendVarint(b, e.Skew.Milliseconds())
	b = binary.LittleEndian.AppendUint64(b, e.Visitor)
	return binary.LittleEndian.AppendUint64(b, e.Session)
}

var errShort = errors.New("event: binary form ends too early")

// DecodeBinary reads one event, in a version of the form up to BinaryVersion,
// from the front of b and returns what is left. Its texts are parts of b; an
// empty one holds on to nothing, which spares the garbage collector most of an
// event's pointers. What the version does not have is unknown.
func (e *Event) DecodeBinary(b string, version int) (rest string, err error) {
	if version < 1 || version > BinaryVersion {
		return "", fmt.Errorf("event: binary form of version %d, this footfall knows 1 to %d", version, BinaryVersion)
	}
	if version < 2 {
		e.Labels = Labels{}
	}
	for i := range textsOf[version] {
		n, w := uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return "", fmt.Errorf("%w (field %s)", errShort, texts[i].name)
		}
		t := ""
		if n > 0 {
			t = b[w : w+int(n)]
		}
		*e.text(i) = t
		b = b[w+int(n):]
	}
	for _, t := range [4]*time.Time{&e.Time, &e.Original, &e.Sent, &e.Received} {
		n, w := varint(b)
		if w <= 0 {
			return "", errShort
		}
		*t, b = fromMillis(n), b[w:]
	}
	n, w := varint(b)
	if w <= 0 || len(b)-w < 16 {
		return "", errShort
	}
	e.Skew, b = time.Duration(n)*time.Millisecond, b[w:]
	e.Visitor, e.Session = fixed64(b), fixed64(b[8:])
	return b[16:], nil
}

func uvarint(b string) (uint64, int) {
	var x uint64
	for i := 0; i < len(b) && i < binary.MaxVarintLen64; i++ {
		c := b[i]
		if c < 0x80 {
			return x | uint64(c)<<(7*i), i + 1
		}
		x |= uint64(c&0x7f) << (7 * i)
	}
	return 0, 0
}

func varint(b string) (int64, int) {
	u, n := uvarint(b)
	x := int64(u >> 1)
	if u&1 != 0 {
		x = ^x
	}
	return x, n
}

// fixed64 is spelled so that it becomes one load.
func fixed64(b string) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// noTime stands for the zero time, which has no sensible millisecond count.
const noTime = -1 << 62

func millis(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
