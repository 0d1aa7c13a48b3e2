package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"footfall/event"
)

// Embed is what a token for a page of somebody else's portal may show.
type Embed struct {
	Site      string    `json:"s"`           // id
	Affiliate string    `json:"a,omitempty"` // id; "" is the whole site
	Metrics   []string  `json:"m"`           // names; nothing else is shown
	Expires   time.Time `json:"x"`           // to the second
}

// ErrEmbed means that an embed token is not signed by this installation's
// secret, or is over.
var ErrEmbed = errors.New("the embed token is not valid (any more): sign another one")

const (
	maxEmbedLife = 366 * 24 * time.Hour
	maxEmbed     = 4 << 10 // bytes
)

var embedText = base64.RawURLEncoding.Strict()

// SignEmbed makes a token: what it shows, as JSON, and an HMAC-SHA256 of that.
// All tokens are revoked together, by renewing the secret. What is wrong with e
// is an event.InvalidError.
func SignEmbed(secret []byte, e Embed, now time.Time) (string, error) {
	e.Expires = e.Expires.UTC().Truncate(time.Second)
	switch {
	case e.Site == "":
		return "", event.Invalid("site", "is missing")
	case len(e.Metrics) == 0 || slices.Contains(e.Metrics, ""):
		return "", event.Invalid("metrics", "are missing: name what may be shown")
	case !e.Expires.After(now) || e.Expires.After(now.Add(maxEmbedLife)):
		return "", event.Invalid("expires", "is not within a year from now")
	}
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	token := EmbedPrefix + embedText.EncodeToString(text) + "." + embedText.EncodeToString(signEmbed(secret, text))
	if len(token) > maxEmbed {
		return "", event.Invalid("metrics", "are too many")
	}
	return token, nil
}

func signEmbed(secret, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(EmbedPrefix))
	mac.Write(text)
	return mac.Sum(nil)
}

// ReadEmbed is what a token may show, or ErrEmbed.
func ReadEmbed(secret []byte, token string, now time.Time) (Embed, error) {
	body, prefixed := strings.CutPrefix(token, EmbedPrefix)
	first, second, _ := strings.Cut(body, ".")
	text, err1 := embedText.DecodeString(first)
	sum, err2 := embedText.DecodeString(second)
	var e Embed
	if !prefixed || len(token) > maxEmbed || strings.ContainsAny(token, "\r\n") || // which base64 leaves out
		err1 != nil || err2 != nil || !hmac.Equal(sum, signEmbed(secret, text)) ||
		json.Unmarshal(text, &e) != nil || !now.Before(e.Expires) {
		return Embed{}, ErrEmbed
	}
	return e, nil
}
