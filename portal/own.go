package portal

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/period"
)

// pageSize is how many rows a page of a list has.
const pageSize = 25

// own is the pages of an affiliate.
func (d *door) own() map[string]serve {
	return map[string]serve{
		"GET /portal":                                (*visit).home,
		"GET /portal/links":                          func(v *visit) error { return v.showLinks(200, nil) },
		"POST /portal/links":                         (*visit).makeLink,
		"GET /portal/orders":                         (*visit).ownOrders,
		"GET /portal/orders/{order}":                 (*visit).ownOrder,
		"GET /portal/payouts":                        (*visit).ownPayouts,
		"GET /portal/payouts/{payout}/statement.csv": (*visit).ownStatement,
		"GET /portal/profile":                        func(v *visit) error { return v.showProfile(200, nil) },
		"POST /portal/profile":                       (*visit).saveProfile,
	}
}

// tabs is the navigation of where the visit is.
func (v *visit) tabs() (home string, tabs []tab) {
	add := func(root string, names ...string) {
		for _, name := range names {
			href, label := root, name
			if label != "Overview" {
				href += "/" + strings.ToLower(name)
			}
			current := v.r.URL.Path == href || label != "Overview" && strings.HasPrefix(v.r.URL.Path, href+"/")
			tabs = append(tabs, tab{link: link{href, label}, Current: current})
		}
	}
	switch {
	case v.affiliate.ID != "":
		home = "/portal"
		add(home, "Overview", "Links", "Orders", "Payouts", "Profile")
	case v.program.ID != "" && v.person.ID != "":
		home = "/program/" + v.program.ID
		add(home, "Affiliates", "Applications", "Orders", "Flags", "Payouts", "Ledger", "Webhooks", "Settings")
	}
	return home, tabs
}

// ownLink is a code of an affiliate, as it can be sent.
type ownLink struct {
	affiliate.Code
	Address string // of a link
	QR      string
	Ended   bool
}

// links are the affiliate's codes, the newest first.
func (v *visit) links() ([]ownLink, error) {
	codes, err := v.desk.Codes(v.ctx(), v.affiliate.ID)
	slices.SortStableFunc(codes, func(a, b affiliate.Code) int { return b.Created.Compare(a.Created) })
	all := make([]ownLink, len(codes))
	for i, c := range codes {
		all[i] = ownLink{Code: c, Ended: !affiliate.ValidAt(c, v.Now())}
		if c.Kind == "link" {
			path := "/r/" + url.PathEscape(c.Text)
			all[i].Address, all[i].QR = v.origin()+path, path+"/qr.svg"
		}
	}
	return all, err
}

type linksView struct {
	Links   []ownLink
	Hosts   []string
	Example string // of a link with a sub id
	Active  bool
	Form    *form
	Zone    *time.Location
}

func (v *visit) showLinks(status int, f *form) error {
	links, err := v.links()
	if err != nil {
		return err
	}
	x := linksView{Links: links, Hosts: v.desk.LandingHosts(v.program), Active: v.affiliate.Status == "active", Form: f, Zone: v.zone}
	for _, l := range links {
		if l.Address != "" && !l.Ended {
			x.Example = l.Address + "?sub=newsletter"
			break
		}
	}
	return v.show(status, "links.html", "Your links", x)
}

// makeLink gives an affiliate a link of its own choice, of which there may be a
// hundred.
func (v *visit) makeLink() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	codes, err := v.desk.Codes(v.ctx(), v.affiliate.ID)
	if err != nil {
		return err
	}
	code, landing := f.get("code"), f.get("landing_url")
	switch {
	case v.affiliate.Status != "active":
		f.Problem = "Only active affiliates make links: ask who runs the programme."
	case len(codes) >= 100:
		f.Problem = "You have 100 codes, and more are not made here: use sub ids instead."
	case len(affiliate.Canonical(code)) < 3:
		f.wrong("code", "Take three letters or digits at least.")
	}
	if f.ok() {
		_, err := v.desk.AddCode(v.ctx(), affiliate.Code{Text: code, Affiliate: v.affiliate.ID, Kind: "link", Landing: landing})
		if err := f.take(err, "code", "landing_url"); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showLinks(422, f)
	}
	return v.done("/portal/links", "link")
}

type ordersView struct {
	Orders []affiliate.OrderSum
	Zone   *time.Location
	Older  string
	File   string // all of them
	Later  bool   // this is not the newest page
}

func (v *visit) ownOrders() error {
	if v.asFile() {
		return v.ownOrdersFile()
	}
	before := v.r.URL.Query().Get("before")
	orders, err := v.desk.OrdersOf(v.ctx(), v.affiliate.ID, before, pageSize+1)
	if err != nil {
		return err
	}
	x := ordersView{Zone: v.zone, File: v.fileOf(), Later: before != ""}
	if len(orders) > pageSize {
		orders = orders[:pageSize]
		x.Older = "/portal/orders?before=" + url.QueryEscape(orders[pageSize-1].ID)
	}
	x.Orders = orders
	return v.show(200, "orders.html", "Your orders", x)
}

type orderView struct {
	affiliate.Seen
	Zone *time.Location
}

func (v *visit) ownOrder() error {
	seen, err := v.desk.OrderOf(v.ctx(), v.affiliate.ID, v.r.PathValue("order"))
	if err != nil {
		return err
	}
	return v.show(200, "order.html", "Order "+seen.Number, orderView{seen, v.zone})
}

type payoutsView struct {
	Payouts []affiliate.Payout // newest first
	Purses  []purse
	Zone    *time.Location
	Where   string // the money goes
	Pages   pages
}

func (v *visit) ownPayouts() error {
	all, err := v.desk.Payouts(v.ctx(), v.program.ID, v.affiliate.ID)
	if err != nil {
		return err
	}
	slices.Reverse(all)
	h, err := v.desk.Home(v.ctx(), v.affiliate.ID, v.today(), v.zone)
	if err != nil {
		return err
	}
	x := payoutsView{Zone: v.zone, Where: v.affiliate.Payout}
	x.Payouts, x.Pages = cut(v, all)
	for _, p := range h.Purses {
		x.Purses = append(x.Purses, purse{Purse: p, Next: v.next(p)})
	}
	return v.show(200, "payouts.html", "Your payouts", x)
}

func (v *visit) ownStatement() error {
	id := v.r.PathValue("payout")
	all, err := v.desk.Payouts(v.ctx(), v.program.ID, v.affiliate.ID)
	if err != nil {
		return err
	}
	return v.statement(all, id)
}

// statement is the file of one of some payouts; a failed one has none.
func (v *visit) statement(all []affiliate.Payout, id string) error {
	at := slices.IndexFunc(all, func(p affiliate.Payout) bool { return p.ID == id })
	if at < 0 || all[at].State == "failed" {
		return affiliate.ErrNotFound
	}
	return v.file("statement-"+id, func(b *bytes.Buffer, format string) error { return v.desk.Statement(v.ctx(), b, format, id) })
}

type profileView struct {
	Affiliate affiliate.Affiliate
	Form      *form
	Zone      *time.Location
	Rhythms   []account.Rhythm // of reports, to choose from; none is offered
	Rhythm    string
}

func (v *visit) showProfile(status int, f *form) error {
	p := profileView{Affiliate: v.affiliate, Form: f, Zone: v.zone}
	if v.Reports != nil && v.Mail && v.affiliate.Email != "" {
		p.Rhythms = account.Rhythms
		rhythm, err := v.Reports.Rhythm(v.ctx(), v.affiliate.ID)
		if err != nil {
			return err
		}
		if p.Rhythm = string(rhythm); f != nil {
			p.Rhythm = f.get("report")
		}
	}
	return v.show(status, "profile.html", "Your profile", p)
}

func (v *visit) saveProfile() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	checkText(f, "name", 200, true)
	checkText(f, "payout_reference", 200, false)
	rhythm := account.Rhythm(f.get("report"))
	if rhythm != "" && !slices.Contains(account.Rhythms, rhythm) {
		f.wrong("report", "Choose one of these.")
	}
	if !f.ok() {
		return v.showProfile(422, f)
	}
	_, err = v.desk.Alter(v.ctx(), v.affiliate.ID, func(a *affiliate.Affiliate) { a.Name, a.Payout = f.get("name"), f.get("payout_reference") })
	if err == nil && v.Reports != nil && f.values.Has("report") {
		err = v.Reports.SetRhythm(v.ctx(), v.affiliate.ID, rhythm)
	}
	if err != nil {
		return err
	}
	return v.done("/portal/profile", "saved")
}

// checkText checks a line of text.
func checkText(f *form, name string, most int, required bool) {
	switch text := f.get(name); {
	case text == "" && required:
		f.wrong(name, "Something must be here.")
	case len(text) > most:
		f.wrong(name, "This is longer than "+strconv.Itoa(most)+" bytes.")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		f.wrong(name, "This holds a control character.")
	}
}

// pages are those of a list that is cut by number.
type pages struct{ Newer, Older string }

// cut is the page of a list that the URL names.
func cut[T any](v *visit, all []T) ([]T, pages) { return cutBy(v, all, "page", pageSize) }

// cutBy is cut of a list that has its own name in the URL, and its own size.
func cutBy[T any](v *visit, all []T, name string, size int) ([]T, pages) {
	n, _ := strconv.Atoi(v.r.URL.Query().Get(name))
	n = min(max(n, 0), max(len(all)-1, 0)/size)
	var p pages
	href := func(n int) string {
		q := v.r.URL.Query()
		q.Del("done")
		q.Set(name, strconv.Itoa(n))
		return v.r.URL.Path + "?" + q.Encode()
	}
	if n > 0 {
		p.Newer = href(n - 1)
	}
	if (n+1)*size < len(all) {
		p.Older = href(n + 1)
	}
	return all[n*size : min((n+1)*size, len(all))], p
}

// today is a short window, for what is as it is now.
func (v *visit) today() period.Window {
	start := period.Day.Start(v.Now(), v.zone)
	return period.Window{From: start, To: start.AddDate(0, 0, 1)}
}
