package segment

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
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
