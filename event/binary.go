package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The binary form, version 1, is described in docs/format/event.md: it is what
// a queue message holds. Texts come first, in the order of texts(), then the
// numbers, each a varint.

type text struct {
	name string
	text *string
	max  int
}

// texts lists every text field once, in the order of the binary form. New
// fields go to the end, with a new version in docs/format/event.md.
func (e *Event) texts() [textCount]text {
	return [textCount]text{
		{"messageId", &e.ID, MaxID}, {"site", &e.Site, MaxID}, {"type", (*string)(&e.Kind), MaxID}, {"name", &e.Name, MaxText},
		{"flag", &e.Flag, MaxID}, {"userId", &e.UserID, MaxID}, {"anonymousId", &e.AnonymousID, MaxID},
		{"groupId", &e.GroupID, MaxID}, {"previousId", &e.PreviousID, MaxID},
		{"host", &e.Host, MaxText}, {"path", &e.Path, MaxText}, {"search", &e.Search, MaxText}, {"title", &e.Title, MaxText},
		{"referrer", &e.Referrer, MaxText}, {"class", &e.Class, MaxID}, {"source", &e.Source, MaxText},
		{"utm_source", &e.Campaign.Source, MaxText}, {"utm_medium", &e.Campaign.Medium, MaxText}, {"utm_campaign", &e.Campaign.Name, MaxText},
		{"utm_term", &e.Campaign.Term, MaxText}, {"utm_content", &e.Campaign.Content, MaxText},
		{"country", &e.Country, MaxID}, {"device", &e.Device, MaxID}, {"browser", &e.Browser, MaxID}, {"os", &e.OS, MaxID},
		{"bot", &e.Bot, MaxID}, {"channel", &e.Channel, MaxID},
		{"properties", &e.Properties, MaxBytes}, {"traits", &e.Traits, MaxBytes}, {"context", &e.Context, MaxBytes},
	}
}

const textCount = 30

// AppendBinary appends the event's binary form to b.
func (e *Event) AppendBinary(b []byte) []byte {
	for _, f := range e.texts() {
		b = binary.AppendUvarint(b, uint64(len(*f.text)))
		b = append(b, *f.text...)
	}
	for _, t := range [4]time.Time{e.Time, e.Original, e.Sent, e.Received} {
		b = binary.AppendVarint(b, millis(t))
	}
	b = binary.AppendVarint(b, e.Skew.Milliseconds())
	b = binary.LittleEndian.AppendUint64(b, e.Visitor)
	return binary.LittleEndian.AppendUint64(b, e.Session)
}

var errShort = errors.New("event: binary form ends too early")

// DecodeBinary reads one event from the front of b and returns what is left.
// Its texts are parts of b; an empty one holds on to nothing, which spares the
// garbage collector most of an event's pointers.
func (e *Event) DecodeBinary(b string) (rest string, err error) {
	for _, f := range e.texts() {
		n, w := uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return "", fmt.Errorf("%w (field %s)", errShort, f.name)
		}
		*f.text = ""
		if n > 0 {
			*f.text = b[w : w+int(n)]
		}
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

func fixed64(b string) uint64 {
	var x uint64
	for i := range 8 {
		x |= uint64(b[i]) << (8 * i)
	}
	return x
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
