package affiliate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"footfall/event"
	"footfall/ledger"
)

// AmountUnclear is a flag on an order whose amounts can't be counted with.
const AmountUnclear = "amount_unclear"

// Types of flags (rule 15).
const (
	SelfReferral   = "self_referral"   // the affiliate is its own customer
	FastOrder      = "fast_order"      // the order came sooner after the click than FastestOrder
	ManyClicks     = "many_clicks"     // a visitor clicked more than MostClicks times in a day
	BannedReferrer = "banned_referrer" // the visitor came from a site that the programme bans
	PaidSearch     = "paid_search"     // the visitor came by an advertisement
	ClaimedUser    = "claimed_user"    // only what a browser said of its user ties the click to the order: see Claim
	RefundUnclear  = "refund_unclear"  // nobody knows what a refund of the order is worth: see Uncounted
)

const (
	// FastestOrder is the time from a click to an order that a person needs.
	FastestOrder = 5 * time.Second
	// MostClicks is how many touches of one visitor are no flag, in 24 hours.
	MostClicks = 20
)

// Suspicion is what is known of an order that an affiliate has. What is unknown
// stays empty and raises nothing.
type Suspicion struct {
	Program   ledger.Program
	Affiliate ledger.Affiliate // who has the order
	Order     ledger.Order
	Winner    *ledger.Touch  // the touch that earned; nil: a coupon, a binding or a hand did
	Recent    []ledger.Touch // the visitor's touches of this affiliate, of a day before the order or more

	Person   []ledger.Key // whoever bought: the order's keys, and what is linked to them
	Address  []ledger.Key // what the affiliate's own address is kept as: of a customer, or of a user where addresses are ids
	Claim    Claim        // how the touch that earned was found
	OwnCodes []string     // the affiliate's codes, canonical
}

// Suspect raises what looks like fraud in an order, at most one flag of each
// type, in the order of the types. A flag holds a commission until somebody looks
// at its evidence; nothing is dropped. Evidence is for people and names no
// address. Created and Changed are left to the caller.
func Suspect(s Suspicion) []ledger.Flag {
	var flags []ledger.Flag
	for _, check := range []struct {
		flag     string
		evidence func() string
	}{
		{SelfReferral, s.selfReferral},
		{FastOrder, s.fastOrder},
		{ManyClicks, s.manyClicks},
		{BannedReferrer, s.bannedReferrer},
		{PaidSearch, s.paidSearch},
		{ClaimedUser, s.claimedUser},
	} {
		if evidence := check.evidence(); evidence != "" {
			flags = append(flags, ledger.Flag{ID: flagID(s.Order.ID, s.Affiliate.ID, check.flag), Program: s.Program.ID,
				Affiliate: s.Affiliate.ID, Order: s.Order.ID, Type: check.flag, Evidence: evidence, State: ledger.Open})
		}
	}
	return flags
}

// flagID is the same whenever the same suspicion comes up again.
func flagID(order, affiliate, flag string) string {
	parts, _ := json.Marshal([]string{order, affiliate, flag}) // texts always have JSON
	sum := sha256.Sum256(parts)
	return hex.EncodeToString(sum[:16])
}

func (s *Suspicion) selfReferral() string {
	keys := append(slices.Concat(s.Order.Keys, s.Person), s.Order.Customer)
	if s.Winner != nil {
		keys = append(keys, s.Winner.Keys...)
	}
	var why string
	switch {
	case slices.ContainsFunc(s.Address, func(own ledger.Key) bool { return own != "" && slices.Contains(keys, own) }):
		why = "the customer's e-mail address is the affiliate's own"
	case s.Affiliate.User != "" && slices.Contains(keys, ledger.Key("user:"+s.Affiliate.User)):
		why = "the customer's log-in at the shop is the affiliate's own"
	default:
		return ""
	}
	for _, coupon := range s.Order.Coupons {
		if slices.Contains(s.OwnCodes, coupon) {
			return why + ", and so is the coupon " + coupon
		}
	}
	return why
}

func (s *Suspicion) fastOrder() string {
	if s.Winner == nil {
		return ""
	}
	if took := s.Order.Time.Sub(s.Winner.Time); took >= 0 && took < FastestOrder {
		return fmt.Sprintf("the order came %d milliseconds after the click", took.Milliseconds())
	}
	return ""
}

// manyClicks counts the most touches of a person in any 24 hours.
func (s *Suspicion) manyClicks() string {
	touches := slices.DeleteFunc(slices.Clone(s.Recent), func(t ledger.Touch) bool { return t.Machine != "" })
	slices.SortFunc(touches, func(a, b ledger.Touch) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	most, first := 0, 0
	for i, t := range touches {
		for t.Time.Sub(touches[first].Time) > 24*time.Hour {
			first++
		}
		most = max(most, i-first+1)
	}
	if most <= MostClicks {
		return ""
	}
	return fmt.Sprintf("the visitor clicked the affiliate's links %d times in 24 hours", most)
}

func (s *Suspicion) bannedReferrer() string {
	if s.Winner == nil {
		return ""
	}
	for _, host := range s.Program.Banned {
		if from := s.Winner.Referrer; from == host || strings.HasSuffix(from, "."+host) {
			return "the visitor came from " + host + ", which the programme bans"
		}
	}
	return ""
}

// hostOf is the host of a URL, or what is written as one, without "www.".
func hostOf(referrer string) string {
	host := strings.TrimSpace(referrer)
	if scheme, rest, ok := strings.Cut(host, "//"); ok && !strings.ContainsAny(scheme, "/?#") {
		host = rest
	}
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	u, err := url.Parse("//" + host) // with a name and a port, perhaps
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimRight(strings.ToLower(u.Hostname()), "."), "www.")
}

// paidMedium is a utm_medium of what was paid for.
var paidMedium = regexp.MustCompile(`(?i)^(cpc|ppc|paid.*)$`)

// paidMediumOf is what Touch.Paid says of a utm_medium.
const paidMediumOf = "utm_medium"

// paidBy is what in a landing page's query tells of an advertisement: the name of
// a parameter, without its value, which may hold anything; "" if nothing does.
func paidBy(query string) string {
	parameters, _ := url.ParseQuery(query) // what can't be read is left out
	has := map[string]bool{}
	for name, values := range parameters {
		name = strings.ToLower(name)
		for _, v := range values {
			has[name] = has[name] || v != "" && (name != paidMediumOf || paidMedium.MatchString(strings.TrimSpace(v)))
		}
	}
	for _, name := range append(event.AdParams[:], paidMediumOf) {
		if has[name] {
			return name
		}
	}
	return ""
}

func (s *Suspicion) paidSearch() string {
	switch {
	case s.Winner == nil || s.Winner.Paid == "":
		return ""
	case s.Winner.Paid == paidMediumOf:
		return "the landing page was opened with a utm_medium of paid advertisements"
	}
	return "the landing page was opened with " + s.Winner.Paid + ", which search engines add to advertisements"
}

// maxAddress is how many bytes an e-mail address may have (RFC 5321, 4.5.3.1.3,
// without the brackets).
const maxAddress = 254

// FoldEmail is ledger.FoldEmail of what is an address: the form in which two
// spellings of one mailbox are the same. False if the text is none.
func FoldEmail(address string) (folded string, ok bool) {
	s := strings.TrimSpace(address)
	folded = ledger.FoldEmail(s)
	local, domain, found := strings.Cut(folded, "@")
	strange := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>(),;:"\`, r)
	}
	switch {
	case !found || strings.Contains(domain, "@") || !utf8.ValidString(s) || strings.ContainsFunc(s, strange):
		return "", false
	case strings.Trim(local, ".") == "" || strings.HasPrefix(local, "+") || strings.Trim(domain, ".") == "":
		return "", false
	case max(len(s), len(folded)) > maxAddress:
		return "", false
	}
	return folded, true
}
