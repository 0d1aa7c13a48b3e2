package portal

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"footfall/affiliate"
)

// names are a programme's affiliates by id, for pages that tell who.
func (v *visit) names() (map[string]string, []affiliate.Affiliate, error) {
	all, err := v.desk.Affiliates(v.ctx(), v.program.ID)
	names := make(map[string]string, len(all))
	for _, a := range all {
		names[a.ID] = a.Name
	}
	slices.SortStableFunc(all, func(a, b affiliate.Affiliate) int { return cmp.Compare(a.Name, b.Name) })
	return names, all, err
}

type allOrdersView struct {
	Orders  []sold
	Filters []tab
	Number  string
	Older   string
	File    string // all of them
	Zone    *time.Location
}

// sold is an order in the list.
type sold struct {
	affiliate.Order
	Net  int64
	Name string // of who has it
}

func (v *visit) allOrders() error {
	q := v.r.URL.Query()
	names, _, err := v.names()
	if err != nil {
		return err
	}
	x := allOrdersView{Number: q.Get("number"), File: v.fileOf(), Zone: v.zone}
	show := q.Get("show")
	for _, s := range [][2]string{{"", "All"}, {"with", "With an affiliate"}, {"without", "Without"}} {
		values := url.Values{"show": {s[0]}}
		x.Filters = append(x.Filters, tab{link: link{v.path("/orders") + "?" + values.Encode(), s[1]}, Current: s[0] == show && x.Number == ""})
	}
	var orders []affiliate.Order
	f := affiliate.OrderFilter{Program: v.program.ID, Affiliate: q.Get("affiliate"), Before: q.Get("before"), Unattributed: show == "without"}
	if x.Number != "" {
		if orders, err = v.desk.Numbered(v.ctx(), v.program.ID, x.Number); orders == nil {
			orders = []affiliate.Order{}
		}
	}
	switch {
	case err != nil:
		return err
	case v.asFile():
		return v.ordersFile(names, orders, f, show == "with")
	case x.Number == "":
		if orders, err = v.list(f, show == "with"); err != nil {
			return err
		}
	}
	if len(orders) > pageSize {
		orders = orders[:pageSize]
		q.Set("before", orders[pageSize-1].ID)
		x.Older = v.path("/orders") + "?" + q.Encode()
	}
	for _, o := range orders {
		x.Orders = append(x.Orders, sold{o, netOf(o), names[o.Affiliate]})
	}
	return v.show(200, "sold.html", "Orders", x)
}

// list reads one order more than a page has, with an affiliate only if that is
// wanted.
func (v *visit) list(f affiliate.OrderFilter, with bool) (all []affiliate.Order, err error) {
	if f.Limit = pageSize + 1; with {
		f.Limit = 10 * pageSize
	}
	for {
		some, err := v.desk.Orders(v.ctx(), f)
		if err != nil {
			return nil, err
		}
		for _, o := range some {
			if !with || o.Affiliate != "" {
				all = append(all, o)
			}
		}
		if !with || len(some) < f.Limit || len(all) > pageSize {
			return all, nil
		}
		f.Before = some[len(some)-1].ID
	}
}

type toldView struct {
	affiliate.Told
	Net        int64
	Names      map[string]string
	Affiliates []affiliate.Affiliate
	Form       *form
	Zone       *time.Location
}

// Latest is the decision in force; nil if there is none.
func (t toldView) Latest() any {
	if n := len(t.Decisions); n > 0 {
		return t.Decisions[n-1]
	}
	return nil
}

// told is the order that the path names; another programme's is not found.
func (v *visit) told() (affiliate.Told, error) {
	t, err := v.desk.Tell(v.ctx(), v.r.PathValue("order"))
	if err = absent(err); err == nil && t.Order.Program != v.program.ID {
		err = affiliate.ErrNotFound
	}
	return t, err
}

func (v *visit) showOrder(status int, f *form) error {
	t, err := v.told()
	if err != nil {
		return err
	}
	x := toldView{Told: t, Form: f, Zone: v.zone}
	x.Net = netOf(t.Order)
	if x.Names, x.Affiliates, err = v.names(); err != nil {
		return err
	}
	return v.show(status, "told.html", "Order "+cmp.Or(t.Order.Number, t.Order.ID), x)
}

// assign gives an order to an affiliate by hand, or to nobody.
func (v *visit) assign() error {
	t, err := v.told()
	if err != nil {
		return err
	}
	f, err := v.sent()
	if err != nil {
		return err
	}
	names, _, err := v.names()
	if err != nil {
		return err
	}
	to := f.get("affiliate")
	if _, known := names[to]; !known && to != "" {
		f.wrong("affiliate", "This is no affiliate of the programme.")
	}
	if checkText(f, "why", 500, true); f.ok() {
		_, err := v.desk.Assign(v.ctx(), t.Order.ID, to, v.person.ID, f.get("why"))
		if err := f.take(err, "affiliate"); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showOrder(422, f)
	}
	return v.done(v.path("/orders/"+t.Order.ID), "assigned")
}

type flagsView struct {
	Flags  []affiliate.Flag
	Names  map[string]string
	States []tab
	Pages  pages
	File   string // all of them
	Zone   *time.Location
}

// flags lists what is to be looked at, the newest first.
func (v *visit) flags() error {
	all, err := v.desk.Flags(v.ctx(), v.program.ID)
	if err != nil {
		return err
	}
	state := cmp.Or(v.r.URL.Query().Get("state"), "open")
	x := flagsView{File: v.fileOf(), Zone: v.zone}
	for _, s := range []string{"open", "cleared", "confirmed"} {
		x.States = append(x.States, tab{link: link{v.path("/flags") + "?state=" + s, capital(s)}, Current: s == state})
	}
	all = slices.DeleteFunc(all, func(f affiliate.Flag) bool { return string(f.State) != state })
	slices.SortStableFunc(all, func(a, b affiliate.Flag) int { return b.Created.Compare(a.Created) })
	if x.Names, _, err = v.names(); err != nil {
		return err
	}
	if v.asFile() {
		return v.flagsFile(all, x.Names)
	}
	x.Flags, x.Pages = cut(v, all)
	return v.show(200, "flags.html", "Flags", x)
}

func (v *visit) judge() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	all, err := v.desk.Flags(v.ctx(), v.program.ID)
	if err != nil {
		return err
	}
	id := v.r.PathValue("flag")
	if !slices.ContainsFunc(all, func(f affiliate.Flag) bool { return f.ID == id }) {
		return affiliate.ErrNotFound
	}
	if _, err := v.desk.Judge(v.ctx(), id, affiliate.FlagState(f.get("state")), v.person.ID); err != nil {
		return err
	}
	return v.done(v.path("/flags"), "judged")
}
