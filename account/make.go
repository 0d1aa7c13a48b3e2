package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"footfall/event"
)

// ErrExists means there is such a site already.
var ErrExists = errors.New("exists already")

// Prefixes tell the sorts of secrets apart when one turns up in the
// wrong place.
const (
	WriteKeyPrefix = "ffw_"
	KeyPrefix      = "ffk_"
	LinkPrefix     = "ffl_"
	SessionPrefix  = "ffs_"
	WebhookPrefix  = "ffh_"
	SharePrefix    = "ffr_"
	EmbedPrefix    = "ffe_"
	DevicePrefix   = "ffd_"

	UnsubscribePrefix = "ffu_"
)

var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewToken is prefix and 8 characters for every 5 random bytes, in lower case.
func NewToken(prefix string, bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return prefix + strings.ToLower(letters.EncodeToString(b))
}

// HashToken is what is kept of a token: its SHA-256. A token has at least 120
// random bits, so neither salt nor stretching would add anything.
func HashToken(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// Prepare checks a new site as an event.InvalidError and fills in what is not
// given: UTC, USD, a write key. A new site honours Do Not Track. Its ID is made
// from the domain, such that taken(ID) is false.
func Prepare(s Site, now time.Time, taken func(id string) bool) (Site, error) {
	domain, err := host(s.Domain)
	if err != nil {
		return Site{}, err
	}
	s.Domain, s.DNT, s.Created = domain, true, now.UTC().Truncate(time.Millisecond)
	if s, err = settings(s); err != nil {
		return Site{}, err
	}
	if s.WriteKey == "" {
		s.WriteKey = NewToken(WriteKeyPrefix, 15)
	}
	s.ID = shortID(domain, taken)
	return s, nil
}

// Revise is the site old with the settings of s, checked as Prepare does.
func Revise(old, s Site) (Site, error) {
	old.Zone, old.Currency, old.Origins, old.Internal, old.DNT = s.Zone, s.Currency, s.Origins, s.Internal, s.DNT
	old.History, old.Keep, old.Webhook, old.WebhookSecret, old.Public = s.History, s.Keep, s.Webhook, s.WebhookSecret, s.Public
	return settings(old)
}

// settings checks and completes what may change of a site.
func settings(s Site) (Site, error) {
	if s.Zone == "" {
		s.Zone = "UTC"
	}
	// "Local" would be another zone on every machine.
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		return Site{}, event.Invalid("timezone", "%q is unknown: write it like Europe/Berlin", s.Zone)
	}
	if s.Currency == "" {
		s.Currency = "USD"
	}
	s.Currency = strings.ToUpper(s.Currency)
	if len(s.Currency) != 3 || strings.Trim(s.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return Site{}, event.Invalid("currency", "%q is not three letters such as EUR", s.Currency)
	}
	origins := make([]string, len(s.Origins))
	for i, o := range s.Origins {
		var err error
		if origins[i], err = origin(o); err != nil {
			return Site{}, err
		}
	}
	s.Origins = origins
	s.Internal = append([]string{}, s.Internal...) // in JSON a list, also of none
	var err error
	if s.Public, err = published(s.Public); err != nil {
		return Site{}, err
	}
	return kept(s)
}

// Limits of what a site may keep.
const (
	MaxHistory = 120   // months
	MinKeep    = 2     // days: today in every time zone
	MaxKeep    = 36500 // days
)

// kept checks how long a site keeps what, and its webhook, which gets a new
// secret if it has none.
func kept(s Site) (Site, error) {
	if s.History < 0 || s.History > MaxHistory {
		return Site{}, event.Invalid("history", "%d is not a number of months from 0, which is off, to %d", s.History, MaxHistory)
	}
	if s.Keep != 0 && (s.Keep < MinKeep || s.Keep > MaxKeep) {
		return Site{}, event.Invalid("keep-events", "%d is neither 0, which is for ever, nor a number of days from %d to %d", s.Keep, MinKeep, MaxKeep)
	}
	if s.Webhook == "" {
		s.WebhookSecret = ""
		return s, nil
	}
	if err := checkWebhook(s.Webhook); err != nil {
		return Site{}, err
	}
	if s.WebhookSecret == "" {
		s.WebhookSecret = NewToken(WebhookPrefix, 20)
	}
	return s, nil
}

// checkWebhook checks the URL of a webhook.
func checkWebhook(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return event.Invalid("webhook", "is no address such as https://shop.example.com/footfall, without a name, password or #part")
	}
	return nil
}

// origin is a host, a host and port, or a whole origin with its scheme.
func origin(s string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(s))
	_, rest, full := strings.Cut(name, "://")
	if !full {
		rest = name
	}
	at, port, hasPort := strings.Cut(rest, ":")
	if _, err := strconv.ParseUint(port, 10, 16); hasPort && err != nil {
		return "", event.Invalid("origins", "%q has no port such as 8443", s)
	}
	if _, err := host(at); err != nil {
		return "", event.Invalid("origins", "%q is no host such as www.example.com, or origin such as https://www.example.com", s)
	}
	return name, nil
}

// host is a host name in lower case, or an InvalidError that shows what to
// write instead.
func host(s string) (string, error) {
	name := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
	if name == "" {
		return "", event.Invalid("domain", "is missing: write it like example.com")
	}
	if _, after, ok := strings.Cut(name, "://"); ok {
		after, _, _ = strings.Cut(after, "/")
		return "", event.Invalid("domain", "%q is an address, not a host name: write %s", s, after)
	}
	if len(name) > 253 {
		return "", event.Invalid("domain", "is %d bytes, the limit is 253", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return "", event.Invalid("domain", "%q is not a host name: write it like example.com, other scripts in their xn-- form", s)
		}
	}
	return name, nil
}

// shortID is at most 40 letters, digits and dashes: it names folders, too.
func shortID(domain string, taken func(string) bool) string {
	base := strings.ReplaceAll(domain, ".", "-")
	base = strings.Trim(base[:min(len(base), 36)], "-")
	id := base
	for n := 2; taken(id); n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	return id
}
