package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"footfall/account"
	"footfall/period"
	"footfall/query"
)

// LiveEarnings is how a stream spells what an affiliate has. Amounts are exact.
type LiveEarnings struct {
	Affiliate string        `json:"affiliate"` // id
	Today     LiveToday     `json:"today"`     // of the programme's first site
	Balances  []LiveBalance `json:"balances"`
	Last      *LiveOrder    `json:"last_order"` // null: there is none
	AsOf      string        `json:"as_of"`      // RFC 3339
}

// LiveToday is what an affiliate's links led to today, of the whole programme.
type LiveToday struct {
	Clicks int64        `json:"clicks"`
	Orders int64        `json:"orders"`
	Earned []LiveAmount `json:"earned"` // less what was taken back
}

// LiveAmount is money.
type LiveAmount struct {
	Value json.Number `json:"value"`
	Unit  string      `json:"unit"` // ISO 4217
}

// LiveBalance is GraphQL's Balance.
type LiveBalance struct {
	Unit      string      `json:"unit"`
	Pending   json.Number `json:"pending"`
	Held      json.Number `json:"held"`
	Available json.Number `json:"available"`
	InPayout  json.Number `json:"in_payout"`
	Paid      json.Number `json:"paid"`
	Earned    json.Number `json:"earned"`
	Reversed  json.Number `json:"reversed"`
}

// LiveOrder is an order of an affiliate.
type LiveOrder struct {
	ID         string      `json:"id"`
	Number     string      `json:"number"`
	Time       string      `json:"time"` // RFC 3339
	Net        json.Number `json:"net"`
	Commission json.Number `json:"commission"`
	Unit       string      `json:"unit"`
	States     []string    `json:"states"` // of its commissions
}

// earnings is the question what an affiliate has: see knows for who may ask it.
func (d *door) earnings(id string, sites []account.Site) (w query.Watched, err error) {
	programme, ok := d.knows(id)
	if !ok {
		return w, wrong("earnings are an affiliate's: log in as one, send a key with the scope affiliate:…, or name with affiliate=ID one of a programme that you manage")
	}
	zone := zoneIn(sites, programme[0])
	w.Feed, w.Key = query.LedgerFeed, `{"earnings":"`+id+`","zone":"`+zone.String()+`"}`
	w.Ask = func(ctx context.Context) (t query.Told, err error) {
		today, _, err := period.Named("Today", d.Now(), zone)
		if err != nil {
			return t, err
		}
		a, err := d.Affiliates.Affiliate(ctx, id, today)
		if errors.Is(err, account.ErrNotFound) {
			return t, wrong("there is no such affiliate")
		}
		if err != nil {
			return t, err
		}
		orders, err := d.Affiliates.Orders(ctx, id, "", 1)
		if err != nil {
			return t, err
		}
		return tellEarnings(a, orders, d.Now())
	}
	return w, nil
}

// tellEarnings spells them. Commissions become available as time goes by, which
// is looked at every quarter of an hour.
func tellEarnings(a Affiliate, orders []Order, now time.Time) (t query.Told, err error) {
	number := func(minor int64, currency string) json.Number { return json.Number(amount(minor, currency)) }
	e := LiveEarnings{Affiliate: a.ID, Today: LiveToday{Clicks: a.Clicks, Orders: a.Orders, Earned: []LiveAmount{}}, Balances: []LiveBalance{}, AsOf: moment(a.AsOf)}
	for _, m := range a.Made {
		e.Today.Earned = append(e.Today.Earned, LiveAmount{number(m.Minor, m.Currency), m.Currency})
	}
	for _, b := range a.Balances {
		c := b.Currency
		e.Balances = append(e.Balances, LiveBalance{c, number(b.Pending, c), number(b.Held, c), number(b.Available, c), number(b.InPayout, c), number(b.Paid, c), number(b.Earned, c), number(b.Reversed, c)})
	}
	for _, o := range orders {
		e.Last = &LiveOrder{o.ID, o.Number, moment(o.Time), number(o.Net, o.Currency), number(o.Commission, o.Currency), o.Currency, append([]string{}, o.States...)}
	}
	if t.Text, err = json.Marshal(e); err != nil {
		return t, err
	}
	e.AsOf = ""
	t.Sum, err = sum(e)
	t.AsOf, t.Until = a.AsOf, now.Truncate(period.Bucket).Add(period.Bucket)
	return t, err
}
