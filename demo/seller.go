package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// Domains of the demo's course seller: Paddle sells on the first one, Lemon
// Squeezy on the other.
const (
	Courses   = "courses.example"
	Workshops = "workshops.example"
)

// Seed is that of the month to show: orders go on to its end, and the payment that
// a bank asks back is for one of Anna's.
const Seed = 13

// Affiliate takes part in the course seller's programme.
type Affiliate struct {
	Name, Email string
	Link        string // code
	Coupon      string // code that takes 15 % off
	Landing     string // where the link leads
	visitors    int    // a day, about
	subs        []string
}

// Affiliates are those of the programme.
var Affiliates = []Affiliate{
	{"Anna", "anna@example.com", "Anna", "ANNA15", "https://" + Courses + "/", 11, []string{"newsletter", "video", ""}},
	{"Ben", "ben@example.com", "Ben", "BEN15", "https://" + Courses + "/go", 6, []string{"podcast", ""}},
	{"Cleo", "cleo@example.com", "Cleo", "CLEO15", "https://" + Workshops + "/", 3, []string{""}},
}

// Month is four weeks and a day of the course seller, the last one of which ends now. The same
// seed gives the same month: when now is moves it in time, and changes nothing else.
type Month struct {
	Hits    []Hit         // on both sites, by time
	Clicks  int           // of Hits: that came by an affiliate's link
	Reports []shop.Report // that the shops' servers made, by time; Site is a domain
	Payout  time.Time     // when what was available then was paid out
}

const (
	month     = 29 // days, which begin in the 30 that the portal shows first
	payoutDay = 15 // at whose end there is a payout
	oneDay    = 24 * time.Hour
)

// NewMonth makes up the course seller's month.
func NewMonth(now time.Time, seed uint64) Month {
	now = now.Truncate(time.Millisecond)
	m := monthly{clock: newCurve(now), now: now, seed: seed}
	for m.day = range month {
		m.Rand = rand.New(rand.NewPCG(seed, uint64(m.day)))
		for i := range Affiliates {
			for range Affiliates[i].visitors + m.IntN(5) {
				m.visit(&Affiliates[i])
			}
		}
		for range 9 + m.IntN(6) {
			m.visit(nil)
		}
	}
	m.ownOrder()
	for i, r := range slices.Clone(m.Reports) {
		m.after(i, r)
	}
	m.Payout = m.end(payoutDay)
	m.Reports = slices.DeleteFunc(m.Reports, func(r shop.Report) bool { return r.Time.After(now) })
	slices.SortStableFunc(m.Reports, func(a, b shop.Report) int { return a.Time.Compare(b.Time) })
	slices.SortStableFunc(m.Hits, func(a, b Hit) int { return a.Time.Compare(b.Time) })
	for i := range m.Hits {
		m.Hits[i].ID = fmt.Sprintf("demo-seller-%x-%x-%05d", seed, now.Unix(), i)
	}
	return m.Month
}

// monthly is a month that is being made up.
type monthly struct {
	Month
	*rand.Rand // of the day
	clock      *curve
	now        time.Time
	seed       uint64
	day        int // 0 is the first one
	visitors   int
}

// end is when a day is over: days have 24 hours, and the last one ends now.
func (m *monthly) end(day int) time.Time { return m.now.Add(time.Duration(day+1-month) * oneDay) }

// product is what the seller sells; cents of EUR without tax.
type product struct {
	id, name, domain string
	price            int64
}

var products = []weighted[product]{
	{5, product{"go", "Go from the ground up", Courses, 9900}},
	{4, product{"sql", "SQL for analysts", Courses, 7900}},
	{2, product{"team", "Courses for teams", Courses, 24900}},
	{2, product{"live-go", "Live workshop: Go", Workshops, 14900}},
	{1, product{"review", "Code review, two hours", Workshops, 19500}},
}

// sellerOrigins are where visitors come from that no affiliate sent.
var sellerOrigins = []weighted[origin]{
	{5, origin{"https://www.google.com/", ""}},
	{4, origin{}},
	{2, origin{"https://news.ycombinator.com/", ""}},
	{1, origin{"", "utm_source=newsletter&utm_medium=email&utm_campaign=new-courses"}},
}

// trip is one visitor's way through the sites; times are those after its first
// hit until it is placed in its day.
type trip struct {
	hits         []Hit
	at           []time.Duration
	from, search string // of the next page: referrer and query
	with         Hit    // what all hits have
}

func (t *trip) view(domain, path, title string, after time.Duration) {
	h := t.with
	h.Domain, h.Path, h.Title, h.Referrer = domain, path, title+" | Course Seller Example", t.from
	if t.search != "" {
		h.Search = "?" + t.search
	}
	last := time.Duration(0)
	if n := len(t.at); n > 0 {
		last = t.at[n-1] + after
	}
	t.hits, t.at = append(t.hits, h), append(t.at, last)
	t.from, t.search = "https://"+domain+path, ""
}

// visit makes up one visitor, whom an affiliate sent or, of nil, nobody; some buy.
func (m *monthly) visit(by *Affiliate) {
	m.visitors++
	ip := address(1+m.IntN(len(countries)-1), m.Rand)
	t := &trip{with: Hit{Visitor: fmt.Sprintf("demo-learner-%x-%d", m.seed, m.visitors), UserAgent: draw(agents, m.Rand), IP: ip, Country: Places{}.Place(ip).Country}}
	if by == nil {
		from := draw(sellerOrigins, m.Rand)
		t.from, t.search = from.referrer, from.search
		t.view(Courses, "/", "Courses", 0)
	} else {
		if other := &Affiliates[m.IntN(len(Affiliates))]; other != by && m.IntN(6) == 0 {
			m.land(t, other) // the last one counts
		}
		m.land(t, by)
	}
	for range m.IntN(4) {
		p := draw(products, m.Rand)
		t.view(p.domain, "/"+p.id, p.name, m.pause())
	}
	buys := m.IntN(100) < 9 && !strings.Contains(t.with.UserAgent, "compatible")
	bought := draw(products, m.Rand)
	if buys {
		t.view(bought.domain, "/"+bought.id, bought.name, m.pause())
		t.view(bought.domain, "/thanks", "Thank you", m.pause()+2*time.Minute)
	}
	start := m.place(t)
	coupon := m.coupon(by)
	if buys {
		m.order(bought, start.Add(t.at[len(t.at)-1]-10*time.Second), t.with.Visitor, coupon)
	}
}

func (m *monthly) pause() time.Duration {
	return time.Duration(6_000+m.ExpFloat64()*40_000) * time.Millisecond
}

// land makes a visitor come by an affiliate's link.
func (m *monthly) land(t *trip, a *Affiliate) {
	t.from, t.search = "", "ref="+a.Link
	if sub := a.subs[m.IntN(len(a.subs))]; sub != "" {
		t.search += "&sub=" + sub
	}
	domain, path, _ := strings.Cut(strings.TrimPrefix(a.Landing, "https://"), "/")
	t.view(domain, "/"+path, "Courses", 20*time.Minute+m.pause())
	m.Clicks++
}

// place puts a trip into its day, all of it.
func (m *monthly) place(t *trip) (start time.Time) {
	end, last := m.end(m.day), t.at[len(t.at)-1]
	start = end.Add(m.clock.draw(m.Rand) - oneDay)
	if over := start.Add(last + time.Second).Sub(end); over > 0 {
		start = start.Add(-over)
	}
	for i, h := range t.hits {
		h.Time = start.Add(t.at[i])
		m.Hits = append(m.Hits, h)
	}
	return start
}

// coupon is what a buyer has: often that of who sent it, now and then another
// one, "" none.
func (m *monthly) coupon(by *Affiliate) string {
	other := Affiliates[m.IntN(len(Affiliates))].Coupon
	switch n := m.IntN(12); {
	case by != nil && n < 5:
		return by.Coupon
	case n == 11 || by == nil && n > 8:
		return other
	}
	return ""
}

// order makes what the shop's server tells of an order.
func (m *monthly) order(p product, at time.Time, visitor, coupon string) *shop.Report {
	n := len(m.Reports) + 1
	net := p.price
	r := shop.Report{Site: p.domain, Number: fmt.Sprintf("txn_demo%04d", n), Time: at, Said: at, From: shop.FromPaddle, Verified: true,
		Anonymous: visitor, Email: fmt.Sprintf("customer-%d@example.net", n)}
	if p.domain == Workshops {
		r.Number, r.From = fmt.Sprint(700_000+n), shop.FromLemonSqueezy
	}
	r.Order = &shop.Order{Currency: "EUR"}
	if coupon != "" {
		net -= (p.price*15 + 50) / 100
		r.Order.Coupons = []string{coupon}
	}
	r.Order.Lines = []ledger.Line{{ID: r.Number + "-1", Product: p.id, Name: p.name, Quantity: 1, Net: net}}
	r.Order.Total = net + (net*19+50)/100
	m.Reports = append(m.Reports, r)
	return &m.Reports[len(m.Reports)-1]
}

// ownOrder is what the affiliate Cleo buys with her own coupon, which is flagged.
func (m *monthly) ownOrder() {
	cleo := Affiliates[2]
	m.order(products[0].value, m.end(month-4).Add(-3*time.Hour), "demo-cleo", cleo.Coupon).Email = cleo.Email
}

// after makes what becomes of some orders: a part is given back after two days, or
// all after ten, which may be after the payout; a bank asks one payment back.
func (m *monthly) after(i int, order shop.Report) {
	r := order
	r.Order = nil
	switch {
	case i%9 == 4:
		r.Time = order.Time.Add(2 * oneDay)
		r.Refund = &shop.Refund{ID: order.Number + "-refund", Currency: "EUR", Amount: order.Order.Lines[0].Net / 3}
	case i%13 == 7:
		r.Time = order.Time.Add(10 * oneDay)
		r.Refund = &shop.Refund{ID: order.Number + "-refund", Currency: "EUR", Full: true}
	case i == disputed:
		r.Time = order.Time.Add(6 * oneDay)
		r.Dispute = &shop.Dispute{ID: order.Number + "/chargeback", State: shop.Disputed}
	default:
		return
	}
	r.Said = r.Time
	m.Reports = append(m.Reports, r)
}

// disputed is which of the orders a bank asks back.
const disputed = 44
