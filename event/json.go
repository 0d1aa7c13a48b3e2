package event

import (
	"encoding/json"
	"strconv"
	"time"

	"footfall/sheet"
)

// field is a field of an event's spellings: its name, and one of the others.
type field struct {
	name   string
	text   func(*Event) *string
	time   func(*Event) time.Time
	id     func(*Event) uint64
	always bool // in JSON also if it is empty
	json   bool // a text that is JSON
}

// fields are the fields in the order of JSON lines and of CSV: what export prints
// and what a set-aside event shows. docs/format/event.md describes them.
var fields = [...]field{
	{name: "messageId", text: func(e *Event) *string { return &e.ID }, always: true},
	{name: "site", text: func(e *Event) *string { return &e.Site }, always: true},
	{name: "type", text: func(e *Event) *string { return (*string)(&e.Kind) }, always: true},
	{name: "name", text: func(e *Event) *string { return &e.Name }},
	{name: "timestamp", time: func(e *Event) time.Time { return e.Time }, always: true},
	{name: "originalTimestamp", time: func(e *Event) time.Time { return e.Original }},
	{name: "sentAt", time: func(e *Event) time.Time { return e.Sent }},
	{name: "receivedAt", time: func(e *Event) time.Time { return e.Received }, always: true},
	{name: "skew_ms"},
	{name: "flag", text: func(e *Event) *string { return &e.Flag }},
	{name: "userId", text: func(e *Event) *string { return &e.UserID }},
	{name: "anonymousId", text: func(e *Event) *string { return &e.AnonymousID }},
	{name: "groupId", text: func(e *Event) *string { return &e.GroupID }},
	{name: "previousId", text: func(e *Event) *string { return &e.PreviousID }},
	{name: "visitor", id: func(e *Event) uint64 { return e.Visitor }},
	{name: "session", id: func(e *Event) uint64 { return e.Session }},
	{name: "host", text: func(e *Event) *string { return &e.Host }},
	{name: "path", text: func(e *Event) *string { return &e.Path }},
	{name: "search", text: func(e *Event) *string { return &e.Search }},
	{name: "title", text: func(e *Event) *string { return &e.Title }},
	{name: "referrer", text: func(e *Event) *string { return &e.Referrer }},
	{name: "referrer_class", text: func(e *Event) *string { return &e.Class }},
	{name: "source", text: func(e *Event) *string { return &e.Source }},
	{name: "utm_source", text: func(e *Event) *string { return &e.Campaign.Source }},
	{name: "utm_medium", text: func(e *Event) *string { return &e.Campaign.Medium }},
	{name: "utm_campaign", text: func(e *Event) *string { return &e.Campaign.Name }},
	{name: "utm_term", text: func(e *Event) *string { return &e.Campaign.Term }},
	{name: "utm_content", text: func(e *Event) *string { return &e.Campaign.Content }},
	{name: "country", text: func(e *Event) *string { return &e.Country }},
	{name: "device", text: func(e *Event) *string { return &e.Device }},
	{name: "browser", text: func(e *Event) *string { return &e.Browser }},
	{name: "os", text: func(e *Event) *string { return &e.OS }},
	{name: "bot", text: func(e *Event) *string { return &e.Bot }},
	{name: "channel", text: func(e *Event) *string { return &e.Channel }},
	{name: "properties", text: func(e *Event) *string { return &e.Properties }, json: true},
	{name: "traits", text: func(e *Event) *string { return &e.Traits }, json: true},
	{name: "context", text: func(e *Event) *string { return &e.Context }, json: true},
	{name: "region", text: func(e *Event) *string { return &e.Region }},
	{name: "city", text: func(e *Event) *string { return &e.City }},
	{name: "browser_version", text: func(e *Event) *string { return &e.BrowserVersion }},
	{name: "os_version", text: func(e *Event) *string { return &e.OSVersion }},
	{name: "language", text: func(e *Event) *string { return &e.Language }},
	{name: "screen", text: func(e *Event) *string { return &e.Screen }},
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
func (e *Event) AppendJSON(b []byte) (_ []byte, err error) {
	before := byte('{')
	for i := range fields {
		f := &fields[i]
		start := len(b)
		b = append(append(append(b, before, '"'), f.name...), '"', ':')
		value := len(b)
		switch {
		case f.json:
			if b, err = appendObject(b, *f.text(e)); err != nil {
				return nil, err
			}
		case f.text != nil:
			if text := *f.text(e); text != "" || f.always {
				b = sheet.AppendText(b, text)
			}
		case f.name == "skew_ms":
			if skew := e.Skew.Milliseconds(); skew != 0 {
				b = strconv.AppendInt(b, skew, 10)
			}
		default:
			b = append(b, '"')
			if b = f.appendPlain(b, e); len(b) == value+1 && !f.always {
				b = b[:value]
			} else {
				b = append(b, '"')
			}
		}
		if len(b) == value { // empty
			b = b[:start]
			continue
		}
		before = ','
	}
	return append(b, '}'), nil
}

// appendPlain appends a time or an id; nothing if there is none.
func (f *field) appendPlain(b []byte, e *Event) []byte {
	if f.time != nil {
		return appendTime(b, f.time(e))
	}
	return append(b, FormatID(f.id(e))...)
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

// AppendCSV appends the fields as a line of CSV, line break included. Texts that
// are a formula to a spreadsheet are made harmless.
func (e *Event) AppendCSV(b []byte) []byte {
	for i := range fields {
		f := &fields[i]
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case f.text != nil:
			if text := *f.text(e); text != "" {
				b = sheet.AppendCell(b, text)
			}
		case f.name == "skew_ms":
			b = strconv.AppendInt(b, e.Skew.Milliseconds(), 10)
		default:
			b = f.appendPlain(b, e)
		}
	}
	return append(b, '\n')
}

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// appendTime appends a time as timeLayout says, in UTC; nothing for none.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, timeLayout)
	}
	hour, minute, second := t.Clock()
	b = append(digits(append(b, byte('0'+year/1000), byte('0'+year/100%10)), year%100), '-')
	b = append(digits(b, int(month)), '-')
	b = append(digits(b, day), 'T')
	b = append(digits(b, hour), ':')
	b = append(digits(b, minute), ':')
	b = append(digits(b, second), '.')
	milli := t.Nanosecond() / 1e6
	return append(digits(append(b, byte('0'+milli/100)), milli%100), 'Z')
}

// digits appends two digits.
func digits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
