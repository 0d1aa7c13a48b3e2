package api

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	graphql "github.com/graph-gophers/graphql-go"

	"footfall/account"
	"footfall/money"
	"footfall/period"
)

// Cost of a GraphQL request in rows of lists.
const (
	maxRows   = 500
	maxFirst  = 100 // of one list
	leastCost = 20  // of an affiliate and each of its lists: to find no row costs, too
)

// take counts rows before they are read.
func (r *root) take(n int) error {
	if r.rows.Add(int64(n)) > maxRows {
		return refused("an answer has 500 rows at most, and an affiliate or a list of one counts as 20 at least: ask for fewer with first, and for the rest with after")
	}
	return nil
}

var errNotTheirs = &problem{"FORBIDDEN", "this key cannot read that affiliate: an affiliate's key reads its own, and a key with the scope admin of all the programme's sites reads every one of it"}

// Affiliate resolves the field of that name. Who asks must be the affiliate, or
// manage all sites of its programme. A token for embedding is nobody's.
func (r *root) Affiliate(ctx context.Context, a struct{ ID *graphql.ID }) (*earner, error) {
	id := r.door.affiliate
	switch {
	case a.ID != nil:
		id = string(*a.ID)
	case id == "" && r.door.who.MaySomewhere(account.ManageProgramme):
		return nil, refused("which affiliate? give its id; footfall affiliate list tells which there are")
	}
	sites, ok := r.door.knows(id)
	if !ok {
		return nil, errNotTheirs
	}
	if err := r.take(leastCost); err != nil {
		return nil, err
	}
	e := &earner{root: r, zone: zoneIn(r.sites, sites[0])}
	var err error
	e.is, err = e.home(ctx, id, "Last24Hours")
	return e, err
}

// knows reports whether who asks is an affiliate, or manages all sites of its
// programme, which these are. A token for embedding is nobody's.
func (d *door) knows(id string) (sites []string, ok bool) {
	if d.Affiliates == nil || d.Options.Affiliate == nil || d.shows != nil {
		return nil, false
	}
	action := account.ManageProgramme
	if d.affiliate == id {
		action = account.OwnFigures
	}
	_, sites, known := d.Options.Affiliate(id)
	if known && d.affiliate == id && d.who.Person != "" { // as Options.Session found
		return sites, len(sites) > 0
	}
	if !known || len(sites) == 0 || slices.ContainsFunc(sites, func(site string) bool { return !d.who.May(action, site) }) {
		return nil, false
	}
	return sites, true
}

// zoneIn is the time zone of one of the sites, UTC if it is none.
func zoneIn(sites []account.Site, id string) *time.Location {
	i := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == id })
	if i < 0 {
		return time.UTC
	}
	return sites[i].Location()
}

// earner is an affiliate that the key may see.
type earner struct {
	root *root
	is   Affiliate
	zone *time.Location // of the programme's first site
}

func (e *earner) home(ctx context.Context, id, window string) (Affiliate, error) {
	w, _, err := period.Named(window, e.root.door.Now(), e.zone)
	if err != nil {
		return Affiliate{}, refused(err.Error())
	}
	a, err := e.root.door.Affiliates.Affiliate(ctx, id, w)
	if errors.Is(err, account.ErrNotFound) {
		return a, errNotTheirs
	}
	return a, e.root.untold(ctx, err)
}

// untold is what is said of an error of Affiliates.
func (r *root) untold(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, account.ErrNotFound):
		return errNotBehind
	case ctx.Err() != nil:
		return r.failed(ctx.Err())
	}
	r.door.Log.Error("api: the ledger does not answer", "error", err)
	return &problem{"UNAVAILABLE", "the ledger does not answer: try again; the reason is in the server's log"}
}

var errNotBehind = refused("after: this affiliate has no such row; give the id of the last one of the page before")

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func amount(minor int64, currency string) exact { return exact(money.Format(minor, currency)) }

func count(n int64) exact { return exact(strconv.FormatInt(n, 10)) }

// ID and the next ones resolve the fields of their names.
func (e *earner) ID() graphql.ID    { return graphql.ID(e.is.ID) }
func (e *earner) Name() string      { return e.is.Name }
func (e *earner) Status() string    { return e.is.Status }
func (e *earner) Programme() string { return e.is.Programme }
func (e *earner) Terms() string     { return e.is.Terms }
func (e *earner) AsOf() string      { return moment(e.is.AsOf) }

type balance struct {
	Pending, Held, Available, InPayout, Paid, Earned, Reversed exact
	Unit                                                       string
}

// Balances resolves the field of that name.
func (e *earner) Balances() []*balance {
	all := []*balance{}
	for _, b := range e.is.Balances {
		spell := func(minor int64) exact { return amount(minor, b.Currency) }
		all = append(all, &balance{spell(b.Pending), spell(b.Held), spell(b.Available), spell(b.InPayout), spell(b.Paid), spell(b.Earned), spell(b.Reversed), b.Currency})
	}
	return all
}

// page is what is asked for of a list.
type page struct {
	First int32
	After *graphql.ID
}

// pay counts what a page costs.
func (r *root) pay(p page) (first int, after string, err error) {
	if p.First < 1 || p.First > maxFirst {
		return 0, "", refused("first must be 1 to 100")
	}
	if p.After != nil {
		if after = string(*p.After); after == "" {
			return 0, "", errNotBehind
		}
	}
	return int(p.First), after, r.take(max(int(p.First), leastCost))
}

// cut is the page of a list that is there as a whole.
func cut[T any](all []T, first int, after string, id func(T) string) ([]T, error) {
	if after != "" {
		at := slices.IndexFunc(all, func(x T) bool { return id(x) == after })
		if at < 0 {
			return nil, errNotBehind
		}
		all = all[at+1:]
	}
	return all[:min(first, len(all))], nil
}

type link struct {
	Code, Kind   string
	URL, Landing *string
	Clicks       exact
}

// Links resolves the field of that name.
func (e *earner) Links(ctx context.Context, a struct {
	TimeWindow string
	page
}) ([]*link, error) {
	first, after, err := e.root.pay(a.page)
	if err != nil {
		return nil, err
	}
	is, err := e.home(ctx, e.is.ID, a.TimeWindow)
	if err != nil {
		return nil, err
	}
	some, err := cut(is.Links, first, after, func(l Link) string { return l.Code })
	all := []*link{}
	for _, l := range some {
		all = append(all, &link{l.Code, l.Kind, orNull(l.URL), orNull(l.Landing), count(l.Clicks)})
	}
	return all, err
}

// orNull is null of a text that is not there.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Orders resolves the field of that name.
func (e *earner) Orders(ctx context.Context, a page) ([]*order, error) {
	first, after, err := e.root.pay(a)
	if err != nil {
		return nil, err
	}
	some, err := e.root.door.Affiliates.Orders(ctx, e.is.ID, after, first)
	all := []*order{}
	for _, o := range some {
		all = append(all, &order{root: e.root, of: e.is.ID, is: o, ID: graphql.ID(o.ID), Number: o.Number, Site: o.Site, Time: moment(o.Time), Confirmed: o.Confirmed,
			Net: amount(o.Net, o.Currency), Commission: amount(o.Commission, o.Currency), Unit: o.Currency, States: append([]string{}, o.States...)})
	}
	return all, e.root.untold(ctx, err)
}

type order struct {
	root *root
	of   string // affiliate
	is   Order
	once sync.Once
	why  Decision
	err  error

	ID                 graphql.ID
	Number, Site, Time string
	Confirmed          bool
	Net, Commission    exact
	Unit               string
	States             []string
}

type line struct {
	Product, Name string
	Quantity, Net exact
}

// Lines resolves the field of that name.
func (o *order) Lines() ([]*line, error) {
	all := []*line{}
	for _, l := range o.is.Lines {
		all = append(all, &line{l.Product, l.Name, count(l.Quantity), amount(l.Net, o.is.Currency)})
	}
	return all, o.root.take(max(1, len(all)))
}

// Decision resolves the field of that name. Reading it costs a row, once.
func (o *order) Decision(ctx context.Context) (*decision, error) {
	if err := o.root.take(1); err != nil {
		return nil, err
	}
	o.once.Do(func() { o.why, o.err = o.root.door.Affiliates.Decision(ctx, o.of, o.is.ID) })
	if errors.Is(o.err, account.ErrNotFound) || o.err == nil && o.why.Rule == "" {
		return nil, nil // it has become another's meanwhile, or nothing was decided
	}
	if o.err != nil {
		return nil, o.root.untold(ctx, o.err)
	}
	return &decision{root: o.root, is: o.why, Rule: o.why.Rule, Time: moment(o.why.Time)}, nil
}

type decision struct {
	root       *root
	is         Decision
	Rule, Time string
}

type candidate struct {
	Kind, Reason, Time string
	ID                 *graphql.ID
	Own, Kept          bool
}

// Explain resolves the field of that name.
func (d *decision) Explain() ([]*candidate, error) {
	all := []*candidate{}
	for _, c := range d.is.Explain {
		all = append(all, &candidate{c.Kind, c.Reason, moment(c.Time), idOrNull(c.ID), c.Own, c.Kept})
	}
	return all, d.root.take(max(1, len(all)))
}

func idOrNull(id string) *graphql.ID {
	if id == "" {
		return nil
	}
	return (*graphql.ID)(&id)
}

type entry struct {
	ID                  graphql.ID
	Kind, State         string
	Reason              *string
	Order, Payout       *graphql.ID
	Number, Product     *string
	Amount              exact
	Unit                string
	Occurred, Available string
}

// Ledger resolves the field of that name.
func (e *earner) Ledger(ctx context.Context, a page) ([]*entry, error) {
	first, after, err := e.root.pay(a)
	if err != nil {
		return nil, err
	}
	some, err := e.root.door.Affiliates.Ledger(ctx, e.is.ID, after, first)
	all := []*entry{}
	for _, x := range some {
		all = append(all, &entry{graphql.ID(x.ID), x.Kind, x.State, orNull(x.Reason), idOrNull(x.Order), idOrNull(x.Payout), orNull(x.Number), orNull(x.Product),
			amount(x.Amount, x.Currency), x.Currency, moment(x.Occurred), moment(x.Available)})
	}
	return all, e.root.untold(ctx, err)
}

type payout struct {
	ID               graphql.ID
	State            string
	Amount           exact
	Unit             string
	Entries          int32
	Reference, Why   *string
	Created, Changed string
}

// Payouts resolves the field of that name.
func (e *earner) Payouts(ctx context.Context, a page) ([]*payout, error) {
	first, after, err := e.root.pay(a)
	if err != nil {
		return nil, err
	}
	every, err := e.root.door.Affiliates.Payouts(ctx, e.is.ID)
	if err != nil {
		return nil, e.root.untold(ctx, err)
	}
	some, err := cut(every, first, after, func(p Payout) string { return p.ID })
	all := []*payout{}
	for _, p := range some {
		all = append(all, &payout{graphql.ID(p.ID), p.State, amount(p.Amount, p.Currency), p.Currency, int32(p.Entries), orNull(p.Reference), orNull(p.Why), moment(p.Created), moment(p.Changed)})
	}
	return all, err
}
