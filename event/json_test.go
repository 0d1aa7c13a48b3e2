package event_test

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/event"
)

// jsonForm is the JSON spelling of an event as encoding/json makes it.
type jsonForm struct {
	MessageID   string          `json:"messageId"`
	Site        string          `json:"site"`
	Type        event.Kind      `json:"type"`
	Name        string          `json:"name,omitempty"`
	Timestamp   string          `json:"timestamp"`
	Original    string          `json:"originalTimestamp,omitempty"`
	Sent        string          `json:"sentAt,omitempty"`
	Received    string          `json:"receivedAt"`
	SkewMS      int64           `json:"skew_ms,omitempty"`
	Flag        string          `json:"flag,omitempty"`
	UserID      string          `json:"userId,omitempty"`
	AnonymousID string          `json:"anonymousId,omitempty"`
	GroupID     string          `json:"groupId,omitempty"`
	PreviousID  string          `json:"previousId,omitempty"`
	Visitor     string          `json:"visitor,omitempty"`
	Session     string          `json:"session,omitempty"`
	Host        string          `json:"host,omitempty"`
	Path        string          `json:"path,omitempty"`
	Search      string          `json:"search,omitempty"`
	Title       string          `json:"title,omitempty"`
	Referrer    string          `json:"referrer,omitempty"`
	Class       string          `json:"referrer_class,omitempty"`
	Source      string          `json:"source,omitempty"`
	UTMSource   string          `json:"utm_source,omitempty"`
	UTMMedium   string          `json:"utm_medium,omitempty"`
	UTMCampaign string          `json:"utm_campaign,omitempty"`
	UTMTerm     string          `json:"utm_term,omitempty"`
	UTMContent  string          `json:"utm_content,omitempty"`
	Country     string          `json:"country,omitempty"`
	Device      string          `json:"device,omitempty"`
	Browser     string          `json:"browser,omitempty"`
	OS          string          `json:"os,omitempty"`
	Bot         string          `json:"bot,omitempty"`
	Channel     string          `json:"channel,omitempty"`
	Properties  json.RawMessage `json:"properties,omitempty"`
	Traits      json.RawMessage `json:"traits,omitempty"`
	Context     json.RawMessage `json:"context,omitempty"`
	Region      string          `json:"region,omitempty"`
	City        string          `json:"city,omitempty"`
	BrowserVer  string          `json:"browser_version,omitempty"`
	OSVersion   string          `json:"os_version,omitempty"`
	Language    string          `json:"language,omitempty"`
	Screen      string          `json:"screen,omitempty"`
}

func spell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func formOf(e *event.Event) jsonForm {
	return jsonForm{
		e.ID, e.Site, e.Kind, e.Name, spell(e.Time), spell(e.Original), spell(e.Sent), spell(e.Received),
		e.Skew.Milliseconds(), e.Flag, e.UserID, e.AnonymousID, e.GroupID, e.PreviousID, event.FormatID(e.Visitor), event.FormatID(e.Session),
		e.Host, e.Path, e.Search, e.Title, e.Referrer, e.Class, e.Source,
		e.Campaign.Source, e.Campaign.Medium, e.Campaign.Name, e.Campaign.Term, e.Campaign.Content,
		e.Country, e.Device, e.Browser, e.OS, e.Bot, e.Channel,
		json.RawMessage(e.Properties), json.RawMessage(e.Traits), json.RawMessage(e.Context),
		e.Region, e.City, e.BrowserVersion, e.OSVersion, e.Language, e.Screen,
	}
}

// FuzzSpellings: a JSON line has the bytes of encoding/json, and a line of CSV the
// same texts under the same names.
func FuzzSpellings(f *testing.F) {
	f.Add("m1", "/a b", "", int64(0), uint64(0), "")
	f.Add("m\"2", "=cmd|' /C calc'!A0", "a,\"b\"\n", int64(1772366400123), uint64(0xabc), `{"a": "b c", "d":"<é>"}`)
	f.Add("", "\u2028", "+1", int64(-62167219200000), uint64(1), `{"a\\":"\\\" x"}`)
	f.Add("x", "&", "\xff", int64(253402300800000), uint64(1), `{"a":"b c\u2028"}`)
	f.Fuzz(func(t *testing.T, id, path, title string, ms int64, visitor uint64, object string) {
		if object != "" && !json.Valid([]byte(object)) {
			return
		}
		at := time.UnixMilli(ms % (1 << 50))
		e := event.Event{ID: id, Kind: event.Page, Path: path, Title: title, Time: at, Original: at.Add(time.Second), Received: at, Visitor: visitor, Skew: time.Duration(visitor % 9999 * 1e6), Properties: object,
			Labels: event.Labels{Screen: title}}
		if visitor%2 == 1 {
			e.Sent, e.Site, e.Session, e.Context = at, "shop", visitor, object
		}
		want, err := json.Marshal(formOf(&e))
		if err != nil {
			t.Fatal(err)
		}
		line, err := e.AppendJSON([]byte("before"))
		if err != nil || string(line) != "before"+string(want) {
			t.Errorf("JSON is %s, %v\nby encoding/json %s", line[len("before"):], err, want)
		}
		cells, err := csv.NewReader(strings.NewReader(string(e.AppendCSV(nil)))).Read()
		if err != nil || len(cells) != len(event.Fields()) {
			t.Fatalf("%d cells: %v", len(cells), err)
		}
		var said map[string]any
		if err := json.Unmarshal(want, &said); err != nil {
			t.Fatal(err)
		}
		for i, name := range event.Fields() {
			text, _ := said[name].(string)
			switch {
			case name == "skew_ms":
				text = strconv.FormatInt(e.Skew.Milliseconds(), 10)
			case slices.Contains([]string{"properties", "context", "messageId", "path", "title", "screen"}, name): // as they were given
				text = map[string]string{"properties": e.Properties, "context": e.Context, "messageId": id, "path": path, "title": title, "screen": title}[name]
				if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
					text = "'" + text
				}
				text = strings.ReplaceAll(text, "\r\n", "\n") // a CSV reader does so
			}
			if cells[i] != text {
				t.Errorf("%s is %q in CSV, not %q", name, cells[i], text)
			}
		}
	})
}
