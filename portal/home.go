package portal

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/affiliate"
	"footfall/period"
)

// usual is the window that a page begins with.
const usual = 1

// windows that the page offers.
var windows = []struct{ name, label, long string }{
	{"Last7Days", "7 d", "last 7 days"}, {"Last30Days", "30 d", "last 30 days"}, {"Last90Days", "90 d", "last 90 days"}, {"Last365Days", "365 d", "last 365 days"},
}

// homeView is what home.html shows.
type homeView struct {
	affiliate.Home
	Zone       *time.Location
	Period     string
	Periods    []tab
	Purses     []purse
	Conversion string
	Chart      bars
	Tables     []table
	Links      []ownLink
	Standing   string // why nothing new is earned; "" if it is
	Today      today
}

// today is what came since midnight, and the last order of all.
type today struct {
	Clicks, Orders int64
	Earned         []string // by currency
	Last           affiliate.OrderSum
	When           string // of the last order; "" if there is none
}

// purse is a currency's money as it is spelled.
type purse struct {
	affiliate.Purse
	PerClick, Exact string
	Next            string // what the next payout will be, in a sentence
}

// table is the parts of the window's figures.
type table struct {
	Title, Name string
	Rows        []row
	More        int // rows that are not shown
	Empty       string
}

type row struct {
	Name            string
	Clicks, Orders  int64
	Revenue, Earned []string // by currency
	PerClick        []string
	ShowsClicks     bool
	ShowsPerClick   bool // clicks and earnings are of the same
}

// mostRows is how many rows of a list are shown.
const mostRows = 12

func (v *visit) home() error {
	chosen := windows[usual]
	for _, w := range windows {
		if w.name == v.r.URL.Query().Get("period") {
			chosen = w
		}
	}
	window, _, err := period.Named(chosen.name, v.Now(), v.zone)
	if err != nil {
		return err
	}
	h, err := v.desk.Home(v.ctx(), v.affiliate.ID, window, v.zone)
	if err != nil {
		return err
	}
	links, err := v.links()
	if err != nil {
		return err
	}
	x := homeView{Home: h, Zone: v.zone, Period: chosen.long, Links: slices.DeleteFunc(links, func(l ownLink) bool { return l.Address == "" || l.Ended }), Conversion: percent(h.Orders, h.Clicks), Standing: standing(h.Affiliate.Status)}
	if x.Today, err = v.sinceMidnight(h.Today); err != nil {
		return err
	}
	for _, w := range windows {
		x.Periods = append(x.Periods, tab{link: link{"/portal?" + url.Values{"period": {w.name}}.Encode(), w.label}, Current: w == chosen})
	}
	for _, p := range h.Purses {
		x.Purses = append(x.Purses, purse{p, perClick(p.Commission, h.Clicks, p.Currency),
			spellMoney(p.Commission, p.Currency) + " / " + whole(h.Clicks) + " clicks", v.next(p)})
	}
	x.Misses = x.Misses[:min(len(x.Misses), mostRows)]
	x.Chart = v.chart(&h, chosen.name)
	x.Tables = v.tables(&h)
	return v.show(200, "home.html", "Your figures", x)
}

// tables are the parts of a window. Websites are shown where there are several.
func (v *visit) tables(h *affiliate.Home) []table {
	all := []table{
		newTable("Links and coupons", "What brought it", "No clicks and no orders in this time: copy your link and send it.", h.Ways, spellWay),
		newTable("Sub ids", "Sub id", "Add ?sub=newsletter to a link to see here what each place brings.", h.Subs, func(p affiliate.Part) string { return cmp.Or(p.Name, "without a sub id") }),
		newTable("Products", "Product", "No orders in this time.", h.Products, func(p affiliate.Part) string { return cmp.Or(p.Name, "without a product") }),
	}
	if len(h.Subs) == 1 && h.Subs[0].Name == "" {
		all[1].Rows = nil
	}
	if len(h.Program.Sites) > 1 {
		all = append(all, newTable("Websites", "Website", "No clicks and no orders in this time.", h.Sites, v.spellSite))
	}
	return all
}

// spellSite is a site's domain. Clicks are of where they were made, orders of the
// shop's.
func (v *visit) spellSite(p affiliate.Part) string {
	if s, ok := v.Site(v.ctx(), p.Name); ok {
		return s.Domain
	}
	return cmp.Or(p.Name, "without an order")
}

// sinceMidnight tells what /v1/live tells with earnings=true, in the same way.
func (v *visit) sinceMidnight(s affiliate.Today) (t today, err error) {
	t.Clicks, t.Orders = s.Clicks, s.Orders
	for _, currency := range slices.Sorted(maps.Keys(s.Made)) {
		t.Earned = append(t.Earned, spellMoney(s.Made[currency].Commission, currency))
	}
	orders, err := v.desk.OrdersOf(v.ctx(), v.affiliate.ID, "", 1)
	for _, o := range orders {
		t.Last, t.When = o, o.Time.In(v.zone).Format("2 Jan, 15:04")
	}
	return t, err
}

func standing(s affiliate.Status) string {
	switch s {
	case "applied":
		return "Your application is being looked at. Orders are yours from when on it is accepted."
	case "paused":
		return "You are paused: new orders are not yours. What you have earned stays. Ask who runs the programme."
	case "banned":
		return "You take part no more: new orders are not yours. Ask who runs the programme."
	}
	return ""
}

// next says what the next payout will be.
func (v *visit) next(p affiliate.Purse) string {
	n := p.Next
	on := day(n.Cutoff, v.zone)
	switch {
	case n.Held:
		return "Nothing is paid while your account is being looked at."
	case n.Amount > 0:
		return spellMoney(n.Amount, p.Currency) + " at the cut-off of " + on + ", if nothing changes."
	case n.Ready < 0:
		return "More was taken back than earned: " + spellMoney(n.Ready, p.Currency) + " goes off the next payout."
	case n.Ready > 0:
		return spellMoney(n.Ready, p.Currency) + " at the cut-off of " + on + " is less than the " + spellMoney(n.Least, p.Currency) + " that are paid at least: it waits for more."
	}
	return "Nothing is available at the cut-off of " + on + "."
}

func spellWay(p affiliate.Part) string {
	switch p.Kind {
	case affiliate.KindTouch:
		return "Link " + cmp.Or(p.Name, "that is forgotten")
	case affiliate.KindCoupon:
		return "Coupon " + p.Name
	case affiliate.KindCustomer:
		return "Earlier order of the customer"
	case affiliate.KindManual:
		return "Decided by hand"
	}
	return "Of no order of yours"
}

func newTable(title, name, empty string, parts []affiliate.Part, spell func(affiliate.Part) string) table {
	t := table{Title: title, Name: name, Empty: empty, More: max(0, len(parts)-mostRows)}
	for _, p := range parts[:len(parts)-t.More] {
		r := row{Name: spell(p), Clicks: p.Clicks, Orders: p.Orders, ShowsClicks: title != "Products", ShowsPerClick: title != "Products" && title != "Websites"}
		for _, currency := range slices.Sorted(maps.Keys(p.Made)) {
			m := p.Made[currency]
			r.Revenue = append(r.Revenue, spellMoney(m.Revenue, currency))
			r.Earned = append(r.Earned, spellMoney(m.Commission, currency))
			r.PerClick = append(r.PerClick, perClick(m.Commission, p.Clicks, currency))
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// bars is one figure by day.
type bars struct {
	Title, Summary string
	Choices        []tab
	Bars           []bar
	Zero           float64
	Ticks          []tick
	Labels         []tick
}

type bar struct {
	X, Width    string // percent
	Y, Height   float64
	When, Value string
	Below       bool
}

type tick struct {
	At    string
	Label string
}

// The chart's height, and the room above its highest bar, in pixels.
const (
	chartHeight = 168
	chartTop    = 14
)

// chart draws what was earned in a currency, clicks or orders by day.
func (v *visit) chart(h *affiliate.Home, window string) bars {
	type series struct {
		name, label string
		of          func(p affiliate.Part) int64
		spell       func(n int64) string
	}
	var all []series
	for _, p := range h.Purses {
		all = append(all, series{p.Currency, "Earned " + p.Currency, func(x affiliate.Part) int64 { return x.Made[p.Currency].Commission },
			func(n int64) string { return spellMoney(n, p.Currency) }})
	}
	all = append(all, series{"clicks", "Clicks", func(x affiliate.Part) int64 { return x.Clicks }, whole},
		series{"orders", "Orders", func(x affiliate.Part) int64 { return x.Orders }, whole})
	s := all[0]
	for _, other := range all {
		if other.name == v.r.URL.Query().Get("show") {
			s = other
		}
	}
	b := bars{Title: s.label}
	for _, other := range all {
		q := url.Values{"period": {window}, "show": {other.name}}
		b.Choices = append(b.Choices, tab{link: link{"/portal?" + q.Encode() + "#days", other.label}, Current: other.name == s.name})
	}
	values := make([]int64, len(h.Days))
	for i, p := range h.Days {
		values[i] = s.of(p)
	}
	b.draw(values, s.spell)
	for i, p := range h.Days {
		b.Bars[i].When = p.Time.In(v.zone).Format("Mon 2 January")
	}
	b.label(h.Days, v.zone)
	return b
}

// draw makes the bars; those below zero hang from its line.
func (b *bars) draw(values []int64, spell func(int64) string) {
	most, least := int64(0), int64(0)
	for _, n := range values {
		most, least = max(most, n), min(least, n)
	}
	scale := float64(chartHeight-chartTop) / float64(max(most-least, 1))
	b.Zero = chartTop + scale*float64(most)
	if most == 0 && least == 0 {
		b.Zero = chartHeight
	}
	for i, n := range values {
		x := bar{X: share(float64(i)+0.15, len(values)), Width: share(0.7, len(values)), Value: spell(n), Below: n < 0}
		x.Height = scale * float64(max(n, -n))
		if x.Y = b.Zero - x.Height; n < 0 {
			x.Y = b.Zero
		}
		b.Bars = append(b.Bars, x)
	}
	if most > 0 {
		b.Ticks = append(b.Ticks, tick{fmt.Sprint(chartTop), spell(most)})
	}
	b.Ticks = append(b.Ticks, tick{At: fmt.Sprintf("%.1f", b.Zero)}) // bars begin at nothing: no label needs to say so
	if least < 0 {
		b.Ticks = append(b.Ticks, tick{fmt.Sprint(chartHeight), spell(least)})
	}
	b.Summary = strings.TrimSuffix(fmt.Sprintf("%s by day; the highest is %s", b.Title, spell(most)), " ")
}

func share(i float64, n int) string { return fmt.Sprintf("%.3f%%", 100*i/float64(n)) }

// label names a few of the days.
func (b *bars) label(days []affiliate.Part, zone *time.Location) {
	every := max(1, (len(days)+3)/4)
	for i, p := range days {
		if i%every == every/2 {
			b.Labels = append(b.Labels, tick{share(float64(i)+0.5, len(days)), p.Time.In(zone).Format("2 Jan")})
		}
	}
}
