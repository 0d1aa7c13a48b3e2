package event

import (
	"encoding/json"
	"strconv"
	"time"
	"unsafe"

	"footfall/sheet"
)

// field is a field of an event's spellings.
type field struct {
	name   string
	at     uintptr // where it lies in an Event
	kind   fieldKind
	always bool   // in JSON also if it is empty
	key    string // as it stands in JSON, with what is before it
}

type fieldKind int

const (
	text   fieldKind = iota
	object           // a text that is JSON
	moment
	number // of a visitor or a session
	millisecond
)

// fields are the fields in the order of JSON lines and of CSV: what export prints
// and what a set-aside event shows. docs/format/event.md describes them.
var fields = withKeys([]field{
	{name: "messageId", at: unsafe.Offsetof(Event{}.ID), always: true},
	{name: "site", at: unsafe.Offsetof(Event{}.Site), always: true},
	{name: "type", at: unsafe.Offsetof(Event{}.Kind), always: true},
	{name: "name", at: unsafe.Offsetof(Event{}.Name)},
	{name: "timestamp", at: unsafe.Offsetof(Event{}.Time), kind: moment, always: true},
	{name: "originalTimestamp", at: unsafe.Offsetof(Event{}.Original), kind: moment},
	{name: "sentAt", at: unsafe.Offsetof(Event{}.Sent), kind: moment},
	{name: "receivedAt", at: unsafe.Offsetof(Event{}.Received), kind: moment, always: true},
	{name: "skew_ms", at: unsafe.Offsetof(Event{}.Skew), kind: millisecond},
	{name: "flag", at: unsafe.Offsetof(Event{}.Flag)},
	{name: "userId", at: unsafe.Offsetof(Event{}.UserID)},
	{name: "anonymousId", at: unsafe.Offsetof(Event{}.AnonymousID)},
	{name: "groupId", at: unsafe.Offsetof(Event{}.GroupID)},
	{name: "previousId", at: unsafe.Offsetof(Event{}.PreviousID)},
	{name: "visitor", at: unsafe.Offsetof(Event{}.Visitor), kind: number},
	{name: "session", at: unsafe.Offsetof(Event{}.Session), kind: number},
	{name: "host", at: unsafe.Offsetof(Event{}.Host)},
	{name: "path", at: unsafe.Offsetof(Event{}.Path)},
	{name: "search", at: unsafe.Offsetof(Event{}.Search)},
	{name: "title", at: unsafe.Offsetof(Event{}.Title)},
	{name: "referrer", at: unsafe.Offsetof(Event{}.Referrer)},
	{name: "referrer_class", at: unsafe.Offsetof(Event{}.Class)},
	{name: "source", at: unsafe.Offsetof(Event{}.Source)},
	{name: "utm_source", at: campaign + unsafe.Offsetof(Campaign{}.Source)},
	{name: "utm_medium", at: campaign + unsafe.Offsetof(Campaign{}.Medium)},
	{name: "utm_campaign", at: campaign + unsafe.Offsetof(Campaign{}.Name)},
	{name: "utm_term", at: campaign + unsafe.Offsetof(Campaign{}.Term)},
	{name: "utm_content", at: campaign + unsafe.Offsetof(Campaign{}.Content)},
	{name: "country", at: unsafe.Offsetof(Event{}.Country)},
	{name: "device", at: unsafe.Offsetof(Event{}.Device)},
	{name: "browser", at: unsafe.Offsetof(Event{}.Browser)},
	{name: "os", at: unsafe.Offsetof(Event{}.OS)},
	{name: "bot", at: unsafe.Offsetof(Event{}.Bot)},
	{name: "channel", at: unsafe.Offsetof(Event{}.Channel)},
	{name: "properties", at: unsafe.Offsetof(Event{}.Properties), kind: object},
	{name: "traits", at: unsafe.Offsetof(Event{}.Traits), kind: object},
	{name: "context", at: unsafe.Offsetof(Event{}.Context), kind: object},
	{name: "region", at: labels + unsafe.Offsetof(Labels{}.Region)},
	{name: "city", at: labels + unsafe.Offsetof(Labels{}.City)},
	{name: "browser_version", at: labels + unsafe.Offsetof(Labels{}.BrowserVersion)},
	{name: "os_version", at: labels + unsafe.Offsetof(Labels{}.OSVersion)},
	{name: "language", at: labels + unsafe.Offsetof(Labels{}.Language)},
	{name: "screen", at: labels + unsafe.Offsetof(Labels{}.Screen)},
})

func withKeys(fields []field) []field {
	for i := range fields {
		before := ","
		if i == 0 {
			before = "{" // the first is always there
		}
		fields[i].key = before + `"` + fields[i].name + `":`
	}
	return fields
}

// Fields names the fields of an event's spellings, in their order.
func Fields() []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	return names
}

// MarshalJSON spells the event for people; docs/format/event.md.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil) }

// AppendJSON appends what MarshalJSON makes; it fails if properties, traits or
// context are no JSON.
func (e *Event) AppendJSON(b []byte) ([]byte, error) { return e.appendJSON(b, new(second)) }

// AppendCSV appends the fields as a line of CSV, line break included. Texts that
// are a formula to a spreadsheet are made harmless.
func (e *Event) AppendCSV(b []byte) []byte { return e.appendCSV(b, new(second)) }

func (e *Event) appendJSON(b []byte, near *second) (_ []byte, err error) {
	for i := range fields {
		f := &fields[i]
		at := unsafe.Add(unsafe.Pointer(e), f.at)
		switch f.kind {
		case text:
			if t := *(*string)(at); t != "" || f.always {
				b = sheet.AppendText(append(b, f.key...), t)
			}
		case object:
			if t := *(*string)(at); t != "" {
				if b, err = appendObject(append(b, f.key...), t); err != nil {
					return nil, err
				}
			}
		case moment:
			if t := (*time.Time)(at); f.always || !t.IsZero() {
				b = append(near.appendTime(append(append(b, f.key...), '"'), *t), '"')
			}
		case number:
			if id := *(*uint64)(at); id != 0 {
				b = append(appendID(append(append(b, f.key...), '"'), id), '"')
			}
		case millisecond:
			if n := (*time.Duration)(at).Milliseconds(); n != 0 {
				b = strconv.AppendInt(append(b, f.key...), n, 10)
			}
		}
	}
	return append(b, '}'), nil
}

func (e *Event) appendCSV(b []byte, near *second) []byte {
	for i := range fields {
		f := &fields[i]
		if i > 0 {
			b = append(b, ',')
		}
		at := unsafe.Add(unsafe.Pointer(e), f.at)
		switch f.kind {
		case text, object:
			if t := *(*string)(at); t != "" {
				b = sheet.AppendCell(b, t)
			}
		case moment:
			b = near.appendTime(b, *(*time.Time)(at))
		case number:
			b = appendID(b, *(*uint64)(at))
		case millisecond:
			b = strconv.AppendInt(b, (*time.Duration)(at).Milliseconds(), 10)
		}
	}
	return append(b, '\n')
}

// cell is the field for a sheet: nil if it is empty and need not be there.
func (f *field) cell(e *Event) any {
	at := unsafe.Add(unsafe.Pointer(e), f.at)
	switch f.kind {
	case moment:
		if t := *(*time.Time)(at); !t.IsZero() {
			return t
		}
	case number:
		if id := *(*uint64)(at); id != 0 {
			return FormatID(id)
		}
	case millisecond:
		return (*time.Duration)(at).Milliseconds()
	default:
		if t := *(*string)(at); t != "" || f.always {
			return t
		}
	}
	return nil
}

// appendObject appends a JSON object as encoding/json would: without spaces
// between tokens, and with what a page could take for markup escaped. What has
// neither was checked when the event was accepted, and is copied.
func appendObject(b []byte, text string) ([]byte, error) {
	within, escaped := false, false // a string; by a backslash
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c == ' ' && !within || c == '<' || c == '>' || c == '&' || c == 0xe2: // which U+2028 and U+2029 begin with
			object, err := json.Marshal(json.RawMessage(text))
			return append(b, object...), err
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			within = !within
		}
	}
	return append(b, text...), nil
}

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// second is a second as it was spelled last: times of an event, and of those beside it
// in an export, mostly lie in one.
type second struct {
	at      int64 // since 1970
	spelled [len("2006-01-02T15:04:05.")]byte
	known   bool
}

// appendTime appends a time as timeLayout says, in UTC; nothing for none.
func (s *second) appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	if at := t.Unix(); !s.known || at != s.at {
		t := t.UTC()
		if year := t.Year(); year < 0 || year > 9999 {
			return t.AppendFormat(b, timeLayout)
		}
		s.at, s.known = at, true
		t.AppendFormat(s.spelled[:0], "2006-01-02T15:04:05.")
	}
	milli := t.Nanosecond() / 1e6
	return append(append(b, s.spelled[:]...), byte('0'+milli/100), byte('0'+milli/10%10), byte('0'+milli%10), 'Z')
}
