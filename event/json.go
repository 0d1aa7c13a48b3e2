package event

import (
	"encoding/json"
	"time"
)

// jsonForm is the JSON spelling of an event: what export prints and what a
// set-aside event shows. docs/format/event.md describes it.
type jsonForm struct {
	MessageID   string          `json:"messageId"`
	Site        string          `json:"site"`
	Type        Kind            `json:"type"`
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

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

func spell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// MarshalJSON spells the event for people; docs/format/event.md.
func (e *Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonForm{
		e.ID, e.Site, e.Kind, e.Name, spell(e.Time), spell(e.Original), spell(e.Sent), spell(e.Received),
		e.Skew.Milliseconds(), e.Flag, e.UserID, e.AnonymousID, e.GroupID, e.PreviousID, FormatID(e.Visitor), FormatID(e.Session),
		e.Host, e.Path, e.Search, e.Title, e.Referrer, e.Class, e.Source,
		e.Campaign.Source, e.Campaign.Medium, e.Campaign.Name, e.Campaign.Term, e.Campaign.Content,
		e.Country, e.Device, e.Browser, e.OS, e.Bot, e.Channel,
		json.RawMessage(e.Properties), json.RawMessage(e.Traits), json.RawMessage(e.Context),
		e.Region, e.City, e.BrowserVersion, e.OSVersion, e.Language, e.Screen,
	})
}
