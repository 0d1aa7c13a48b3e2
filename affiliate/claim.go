package affiliate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
)

// Anybody can tell in a browser of one's own that one is some user: a user's id
// may be guessed. So a touch that nothing but such a word ties to an order is
// looked at: neither the order's click nor its browser is the touch's. People do
// click on one device and buy on another, and so this alone raises nothing; but
// who guesses does it for many, or afterwards.
const (
	// MostUsers is how many users one browser may be, and raise no flag: a family's.
	MostUsers = 2
	// MostBrowsers is how many browsers beside the order's own may have clicked and
	// be its customer's.
	MostBrowsers = 5
)

// Claim is what ties an order to its touch, where that is only what a browser
// said of its user. The zero value is that there is more, or nothing odd.
type Claim struct {
	Users    int  // of the browser that clicked
	Browsers int  // that clicked, not the order's own, and are said to be its customer's
	Late     bool // it was said after the order
}

// claim is what is known of how an order's touch was found.
func (d *Desk) claim(tx ledger.Tx, p ledger.Program, o ledger.Order, winner *ledger.Touch, touches []ledger.Touch) (c Claim, err error) {
	if winner == nil || own(winner, o) {
		return c, nil
	}
	person, err := d.persons(tx, p.ID, o.Keys, false)
	if err != nil {
		return c, err
	}
	beside, err := tx.Traffic().Links().Of(p.ID, winner.Keys...)
	if err != nil {
		return c, err
	}
	keys := slices.Clone(winner.Keys)
	for _, l := range beside {
		keys = append(keys, l.A, l.B)
	}
	_, first := usersOf(beside, person) // a shop's server may tie the click itself to the user
	for _, browser := range distinct(keys, func(k ledger.Key) bool { return isBrowser(k) && slices.Contains(person, k) }) {
		said, err := tx.Traffic().Links().Of(p.ID, browser)
		if err != nil {
			return c, err
		}
		users, since := usersOf(said, person)
		c.Users = max(c.Users, users)
		if first.IsZero() || !since.IsZero() && since.Before(first) {
			first = since
		}
	}
	c.Late = first.After(o.Time) && !slices.ContainsFunc(winner.Keys, func(k ledger.Key) bool { return isUser(k) && slices.Contains(person, k) })
	var clicked []ledger.Key
	for i := range touches {
		if !own(&touches[i], o) {
			clicked = append(clicked, touches[i].Keys...)
		}
	}
	c.Browsers = len(distinct(clicked, isBrowser))
	return c, nil
}

// usersOf counts the users that links of a browser name, and tells when one of a
// person's keys was said first; the zero time if none was.
func usersOf(said []ledger.Link, person []ledger.Key) (users int, first time.Time) {
	var keys []ledger.Key
	for _, l := range said {
		keys = append(keys, l.A, l.B)
		known := isUser(l.A) && slices.Contains(person, l.A) || isUser(l.B) && slices.Contains(person, l.B)
		if known && (first.IsZero() || l.Since.Before(first)) {
			first = l.Since
		}
	}
	return len(distinct(keys, isUser)), first
}

// own reports whether a touch is found by the order's own click or browser.
func own(t *ledger.Touch, o ledger.Order) bool {
	return slices.ContainsFunc(t.Keys, func(k ledger.Key) bool { return !isUser(k) && slices.Contains(o.Keys, k) })
}

func isUser(k ledger.Key) bool    { return strings.HasPrefix(string(k), "user:") }
func isBrowser(k ledger.Key) bool { return strings.HasPrefix(string(k), "anon:") }

func distinct(keys []ledger.Key, wanted func(ledger.Key) bool) []ledger.Key {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k ledger.Key) bool { return !wanted(k) })
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (s *Suspicion) claimedUser() string {
	const tied = "only what a browser said of its user ties the click to the customer, and "
	switch c := s.Claim; {
	case c.Users > MostUsers:
		return fmt.Sprintf("%sthat browser said it of %d users", tied, c.Users)
	case c.Browsers > MostBrowsers:
		return fmt.Sprintf("%s%d browsers that clicked said it of the same customer", tied, c.Browsers)
	case c.Late:
		return tied + "it was said after the order"
	}
	return ""
}
