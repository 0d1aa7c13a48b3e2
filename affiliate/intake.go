package affiliate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"footfall/event"
	"footfall/ledger"
)

// clicked is the name of the track event that a click on an affiliate's link is.
const clicked = Clicked

// Clicked is the name of the track event that a click on an affiliate's link is.
const Clicked = "Affiliate Link Clicked"

// clickBytes is how long a click id is: a redirect's ULID, and what the snippet
// makes where a page is reached by a code. Other people's parameters named cid
// are those of campaigns, and shared by all who came by them.
const clickBytes = 26

// maxSub is how many characters of a sub id are kept.
const maxSub = 64

// isClick reports whether a text has the form of a click id.
func isClick(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(s) == clickBytes
}

// said is what an event's properties and context say of a click.
type said struct {
	Click    string `json:"click_id"`
	Code     string `json:"affiliate_code"`
	Landing  string `json:"landing_url"`
	Sub      string `json:"sub_id"`
	Source   string `json:"source"`
	Machine  string `json:"machine"`
	Carried  string `json:"affiliate_cid"`
	Referral struct {
		Click string `json:"cid"`
		Code  string `json:"code"`
	} `json:"affiliate"`
}

// say reads an object's members of that type; what is of another type is not said.
func say(object string, hint string) (s said) {
	if strings.Contains(object, hint) {
		_ = json.Unmarshal([]byte(object), &s) // goes on behind a member of the wrong type
	}
	return s
}

// carriedOf lists the click ids that an event carries: in its context, as the
// snippet sends it, in the property affiliate_cid, as a form may have it, and in
// its page's address.
func carriedOf(e *event.Event) (ids []string) {
	for _, id := range [...]string{
		say(e.Context, `"affiliate"`).Referral.Click,
		say(e.Properties, `"affiliate_cid"`).Carried,
		parameter(e.Search, "cid"),
	} {
		if isClick(id) && (len(ids) == 0 || ids[len(ids)-1] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// carries reports whether an event may tell of a click: by its id or, of a page,
// by one of the programme's parameters.
func carries(e *event.Event, p ledger.Program) bool {
	if len(carriedOf(e)) > 0 {
		return true
	}
	for _, name := range p.Params {
		if e.View() && parameter(e.Search, name) != "" {
			return true
		}
	}
	return false
}

// KeysOf tells whose an event is: by the clicks it carries, its anonymous id or,
// where the client has none, its visitor of the day, and its user id.
func KeysOf(e *event.Event) (keys []ledger.Key) {
	for _, id := range carriedOf(e) {
		keys = append(keys, ledger.Key("click:"+id))
	}
	switch {
	case e.AnonymousID != "":
		keys = append(keys, ledger.Key("anon:"+e.AnonymousID))
	case e.Visitor != 0:
		keys = append(keys, ledger.Key("visitor:"+event.FormatID(e.Visitor)))
	}
	if e.UserID != "" {
		keys = append(keys, ledger.Key("user:"+e.UserID))
	}
	return keys
}

// LinksOf tells which keys an event shows to be of one person: a page view, and
// who makes oneself known. A visitor of the day is no person's key: people behind
// one address with the same browser share it. Machines tell nothing.
func LinksOf(e *event.Event, program string) (links []ledger.Link) {
	if e.Bot != "" || !e.View() && e.Kind != event.Identify && e.Kind != event.Alias {
		return nil
	}
	var keys []ledger.Key
	for _, k := range KeysOf(e) {
		if !strings.HasPrefix(string(k), "visitor:") {
			keys = append(keys, k)
		}
	}
	if e.Kind == event.Alias && e.PreviousID != "" && e.PreviousID != e.UserID { // of a person who may have been known or not
		keys = append(keys, ledger.Key("anon:"+e.PreviousID), ledger.Key("user:"+e.PreviousID))
	}
	for i := 1; i < len(keys); i++ {
		if keys[0] != keys[i] {
			links = append(links, ledger.Link{Program: program, A: keys[0], B: keys[i], Since: e.Time})
		}
	}
	return links
}

// TouchOf reads the touch that an event is: a click on a link, or the view of a
// page with a code in its address (rule 5). If the address has a click's id too,
// it is that click's touch, which mostly is there already: of two with one id
// the first that comes is kept. code finds a code by what somebody wrote. The same event is
// always the same touch; whether it counts is decided where it is kept.
func TouchOf(e *event.Event, p ledger.Program, code func(text string) (ledger.Code, bool)) (t ledger.Touch, ok bool) {
	var found ledger.Code
	switch {
	case e.Kind == event.Track && e.Name == clicked:
		t, found, ok = clickOf(e, code)
	case e.View():
		t, found, ok = landingOf(e, p.Params, code)
	}
	if !ok {
		return ledger.Touch{}, false
	}
	t.Program, t.Site, t.Time = p.ID, e.Site, e.Time
	t.Code, t.Affiliate = found.ID, found.Affiliate
	t.Referrer, t.Paid = hostOf(e.Referrer), paidBy(e.Search)
	if own := ledger.Key("click:" + t.ID); !slices.Contains(t.Keys, own) { // so that every touch is found by its id
		t.Keys = append([]ledger.Key{own}, t.Keys...)
	}
	return t, true
}

// clickOf reads the touch that a click on a link is.
func clickOf(e *event.Event, code func(text string) (ledger.Code, bool)) (t ledger.Touch, found ledger.Code, ok bool) {
	s := say(e.Properties, `"click_id"`)
	if !isClick(s.Click) {
		return t, found, false
	}
	if found, ok = code(s.Code); !ok {
		return t, found, false
	}
	t = ledger.Touch{ID: s.Click, Keys: KeysOf(e), Source: sourceOf(s.Source), Sub: subOf(s.Sub), Landing: e.Host + e.Path, Machine: e.Bot}
	if u, err := url.Parse(s.Landing); err == nil && u.Host != "" {
		t.Landing = strings.ToLower(u.Host) + u.EscapedPath()
	}
	if t.Machine == "" {
		t.Machine = s.Machine
	}
	return t, found, true
}

// landingOf reads the touch that the view of a page with a code in its address is.
func landingOf(e *event.Event, names []string, code func(text string) (ledger.Code, bool)) (t ledger.Touch, found ledger.Code, ok bool) {
	for _, name := range names {
		text := parameter(e.Search, name)
		if text == "" {
			continue
		}
		if found, ok = code(text); ok {
			break
		}
	}
	if !ok {
		return t, found, false
	}
	id := parameter(e.Search, "cid")
	if !isClick(id) {
		sum := sha256.Sum256([]byte(e.Site + "\x00" + e.ID))
		id = "pv-" + hex.EncodeToString(sum[:16])
	}
	t = ledger.Touch{ID: id, Keys: KeysOf(e), Source: sourceOf(parameter(e.Search, "src")),
		Landing: e.Host + e.Path, Machine: e.Bot}
	for _, name := range [...]string{"sub", "subid", "s"} {
		if t.Sub == "" {
			t.Sub = subOf(parameter(e.Search, name))
		}
	}
	return t, found, true
}

// sourceOf is the source that a text names; a link's if it names none.
func sourceOf(text string) ledger.Source {
	switch s := ledger.Source(text); s {
	case ledger.FromQR, ledger.FromEmail, ledger.FromCoupon:
		return s
	}
	return ledger.FromLink
}

// subOf makes a sub id fit to be kept.
func subOf(text string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) || n == maxSub {
			return -1
		}
		n++
		return r
	}, text)
}

// parameter is the first value in a query string that a name has and that says
// something: unescaped, or as it is if it can't be; "" if there is none.
func parameter(query, name string) string {
	if !strings.Contains(query, name) {
		return ""
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key != name {
			continue
		}
		if text, err := url.QueryUnescape(value); err == nil {
			value = text
		}
		if value = strings.TrimSpace(strings.ToValidUTF8(value, "")); value != "" {
			return value
		}
	}
	return ""
}
