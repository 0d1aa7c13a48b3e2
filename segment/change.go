package segment

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/history"
	"footfall/period"
)

// Membership is a segment that a visitor is in, with the version of the
// definition that said so.
type Membership struct {
	Segment string `json:"segment"`
	Version int    `json:"version"`
}

// Memberships lists the segments that a visitor is in on a day of the site's
// zone, by name.
func Memberships(definitions []Definition, h history.History, traits map[string]string, today period.Date) []Membership {
	in := []Membership{}
	for _, d := range definitions {
		if d.Match(h, traits, today) {
			in = append(in, Membership{d.Name, d.Version})
		}
	}
	slices.SortFunc(in, func(a, b Membership) int { return cmp.Compare(a.Segment, b.Segment) })
	return in
}

// Names of the notices, as in their field type.
const (
	Entered = "segment.entered"
	Left    = "segment.left"
)

// Change is a segment entered or left.
type Change struct {
	Type string // Entered or Left
	Membership
}

// Changes tells what differs between a visitor's memberships, by name. A new
// version of a definition that leaves the visitor in the segment is no change;
// a segment left has the version it was entered or last confirmed with.
func Changes(before, after []Membership) []Change {
	has := func(in []Membership, segment string) bool {
		return slices.ContainsFunc(in, func(m Membership) bool { return m.Segment == segment })
	}
	var changes []Change
	for _, m := range before {
		if !has(after, m.Segment) {
			changes = append(changes, Change{Left, m})
		}
	}
	for _, m := range after {
		if !has(before, m.Segment) {
			changes = append(changes, Change{Entered, m})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Segment, b.Segment) })
	return changes
}

// Notice tells a webhook of a change. Its JSON is the body of the request.
type Notice struct {
	ID   string `json:"id"` // the same whenever the same change is told
	Type string `json:"type"`
	Site string `json:"site"`
	Membership
	Visitor string    `json:"visitor"` // the id under which history.Known keeps the history
	At      time.Time `json:"at"`      // when the change was seen, UTC, to the millisecond
}

// Notice is what to tell of a change that was seen at a time.
func (c Change) Notice(site, visitor string, at time.Time) Notice {
	at = at.UTC().Truncate(time.Millisecond)
	n := Notice{Type: c.Type, Site: site, Membership: c.Membership, Visitor: visitor, At: at}
	parts, _ := json.Marshal([]any{n.Type, n.Site, n.Segment, n.Version, n.Visitor, at.UnixMilli()}) // texts and numbers always have JSON
	sum := sha256.Sum256(parts)
	n.ID = hex.EncodeToString(sum[:16])
	return n
}

// SignatureHeader carries the signature of a notice.
const SignatureHeader = "Footfall-Signature"

// SignatureAge is how old a signature may be when it is verified, and how far
// ahead the sender's clock.
const SignatureAge = 5 * time.Minute

// Sign makes the value of SignatureHeader: t=SECONDS,v1=HEX, the Unix time of
// sending and the HMAC-SHA-256 with the secret of that number, a full stop and
// the body. The secret must not be empty.
func Sign(secret, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret []byte, t string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

var errSignature = errors.New("the signature is not right")

// Verify checks a body against the value of SignatureHeader, in a time that
// does not tell how much of it is right. Of several v1 one must be right: while
// a secret is changed, the body may be signed with both. Nil is right.
func Verify(secret, body []byte, header string, now time.Time) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: there is no secret", errSignature)
	}
	var t string
	var signatures []string
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			t = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(signatures) == 0 {
		return fmt.Errorf("%w: the header must be t=SECONDS,v1=HEX", errSignature)
	}
	want, right := mac(secret, t, body), false
	for _, s := range signatures {
		got, err := hex.DecodeString(s)
		right = err == nil && hmac.Equal(got, want) || right
	}
	if !right {
		return errSignature
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > SignatureAge || age < -SignatureAge {
		return fmt.Errorf("%w: it is of %s", errSignature, time.Unix(seconds, 0).UTC().Format(time.RFC3339))
	}
	return nil
}
