package affiliate

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/money"
	"footfall/shop"
)

// Usual is a programme with the usual settings: a window of 30 days, the last
// touch, coupons first, a hold of 30 days.
func Usual() ledger.Program {
	return ledger.Program{Window: 30, Model: ledger.LastTouch, CouponPriority: true, Bind: ledger.BindNone, Hold: 30,
		MinPayout: map[string]int64{}, Params: []string{"ref", "via", "aff", "a"}}
}

// PutProgram makes a programme (without an ID) or changes one.
func (d *Desk) PutProgram(ctx context.Context, p ledger.Program) (ledger.Program, error) {
	if err := checkProgram(p); err != nil {
		return p, err
	}
	var err error
	if p.Banned, err = banned(p.Banned); err != nil {
		return p, err
	}
	made := p.ID == ""
	if made {
		p.ID, p.Created = d.id(), d.now()
	}
	err = d.change(ctx, func(tx ledger.Tx) error {
		all, err := tx.Set().Programs().Find("", "")
		if err != nil {
			return err
		}
		for _, other := range all {
			for _, site := range other.Sites {
				if other.ID != p.ID && slices.Contains(p.Sites, site) {
					return shop.Invalid("sites", "%s is in the programme %s already", site, other.Name)
				}
			}
		}
		if made {
			return tx.Set().Programs().Add(p)
		}
		return tx.Set().Programs().Put(p)
	})
	return p, err
}

func checkProgram(p ledger.Program) error {
	switch {
	case strings.TrimSpace(p.Name) == "":
		return shop.Invalid("name", "is missing")
	case len(p.Sites) == 0:
		return shop.Invalid("sites", "are missing: name at least one")
	case p.Window < 1 || p.Window > 3650:
		return shop.Invalid("window_days", "must be 1 to 3650")
	case p.Hold < 0 || p.Hold > 3650:
		return shop.Invalid("hold_days", "must be 0 to 3650")
	case p.Model != ledger.LastTouch && p.Model != ledger.FirstTouch:
		return shop.Invalid("model", "must be last or first")
	case p.Bind != ledger.BindNone && p.Bind != ledger.BindCustomer:
		return shop.Invalid("bind", "must be none or customer")
	}
	for currency, least := range p.MinPayout {
		if !money.Known(currency) || least < 0 {
			return shop.Invalid("min_payout", "must be amounts by currency, such as EUR")
		}
	}
	return nil
}

// banned is hosts as referrers of touches are kept: in small letters, without
// "www.", each once.
func banned(hosts []string) ([]string, error) {
	var all []string
	for _, text := range hosts {
		host := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "www.")
		if host == "" || host != hostOf(host) {
			return nil, shop.Invalid("banned_hosts", "%q is no host: write it as coupons.example, without https:// and path", text)
		}
		all = append(all, host)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// How many bytes a user id and a note may have.
const (
	maxUser = 512
	maxNote = 2000
)

var (
	errUser = shop.Invalid("user_id", "is longer than %d bytes", maxUser)
	errNote = shop.Invalid("note", "is longer than %d bytes: shorten the notes", maxNote)
)

// Programs lists the programmes by ID.
func (d *Desk) Programs(ctx context.Context) (all []ledger.Program, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Set().Programs().Find("", "")
		return err
	})
	return all, err
}

// Program is the programme that covers a site.
func (d *Desk) Program(site string) (ledger.Program, bool) { return d.set.Load().program(site) }

// Join makes an affiliate of a programme: applied for it, or invited and active
// at once.
func (d *Desk) Join(ctx context.Context, a ledger.Affiliate) (ledger.Affiliate, error) {
	folded, ok := FoldEmail(a.Email)
	switch {
	case !ok:
		return a, shop.Invalid("email", "%q is no address", a.Email)
	case strings.TrimSpace(a.Name) == "" || len(a.Name) > 200:
		return a, shop.Invalid("name", "is missing or longer than 200 bytes")
	case len(a.Note) > maxNote:
		return a, errNote
	case len(a.User) > maxUser:
		return a, errUser
	case a.Status != ledger.Applied && a.Status != ledger.Active:
		return a, shop.Invalid("status", "must be applied or active at first")
	}
	a.ID, a.Created = d.id(), d.now()
	err := d.change(ctx, func(tx ledger.Tx) error {
		if _, err := tx.Set().Programs().Get(a.Program); err != nil {
			return absent(err, "program", a.Program)
		}
		same, err := tx.Set().Affiliates().Find("email", folded)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(same, func(b ledger.Affiliate) bool { return b.Program == a.Program }) {
			return shop.Invalid("email", "is an affiliate's of this programme already")
		}
		return tx.Set().Affiliates().Add(a)
	})
	return a, err
}

// absent says what was not found.
func absent(err error, field, id string) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return shop.Invalid(field, "%q is not there", id)
	}
	return err
}

// Alter changes an affiliate: its name, status, payout reference, login, user id
// and note.
func (d *Desk) Alter(ctx context.Context, id string, change func(a *ledger.Affiliate)) (a ledger.Affiliate, err error) {
	err = d.change(ctx, func(tx ledger.Tx) (err error) {
		if a, err = tx.Set().Affiliates().Get(id); err != nil {
			return absent(err, "affiliate", id)
		}
		before := a
		change(&a)
		a.ID, a.Program, a.Email, a.Created = before.ID, before.Program, before.Email, before.Created
		if !slices.Contains([]ledger.Status{ledger.Applied, ledger.Active, ledger.Paused, ledger.Banned}, a.Status) {
			return shop.Invalid("status", "must be applied, active, paused or banned")
		}
		if len(a.User) > maxUser {
			return errUser
		}
		if accepted(before, a) {
			if err := d.write(tx, a, AffiliateAccepted, NoticeAffiliate{a.ID, a.Name}); err != nil {
				return err
			}
		}
		if len(a.Note) > maxNote {
			return errNote
		}
		return tx.Set().Affiliates().Put(a)
	})
	return a, err
}

// Affiliates lists a programme's affiliates by ID.
func (d *Desk) Affiliates(ctx context.Context, program string) (all []ledger.Affiliate, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Set().Affiliates().Find("program", program)
		return err
	})
	return all, err
}

// Affiliate reads one.
func (d *Desk) Affiliate(ctx context.Context, id string) (a ledger.Affiliate, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		a, err = tx.Set().Affiliates().Get(id)
		return absent(err, "affiliate", id)
	})
	return a, err
}

// AddCode gives an affiliate a code. Its canonical form is unique for ever.
func (d *Desk) AddCode(ctx context.Context, c ledger.Code) (ledger.Code, error) {
	c.ID, c.Created = Canonical(c.Text), d.now()
	switch {
	case c.ID == "":
		return c, shop.Invalid("code", "needs letters or digits, at most 64")
	case c.Kind != ledger.LinkCode && c.Kind != ledger.CouponCode:
		return c, shop.Invalid("kind", "must be link or coupon")
	case !c.To.IsZero() && !c.From.Before(c.To):
		return c, shop.Invalid("valid_to", "is not after valid_from")
	}
	err := d.change(ctx, func(tx ledger.Tx) error {
		a, err := tx.Set().Affiliates().Get(c.Affiliate)
		if err != nil {
			return absent(err, "affiliate", c.Affiliate)
		}
		p, err := tx.Set().Programs().Get(a.Program)
		if err != nil {
			return err
		}
		if c.Program = p.ID; c.Kind == ledger.LinkCode {
			if err := checkLanding(c.Landing, d.hosts(p)); err != nil {
				return err
			}
		}
		if err := tx.Set().Codes().Add(c); errors.Is(err, ledger.ErrTaken) {
			return shop.Invalid("code", "%s is taken already, and codes are never given again", c.ID)
		} else if err != nil {
			return err
		}
		return nil
	})
	return c, err
}

// hosts are those that a programme's links may lead to: its sites' and those it allows.
func (d *Desk) hosts(p ledger.Program) (all []string) {
	for _, site := range p.Sites {
		all = append(all, d.o.Hosts(site)...)
	}
	return append(all, p.Hosts...)
}

func checkLanding(landing string, hosts []string) error {
	u, err := url.Parse(landing)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return shop.Invalid("landing_url", "%q is no address such as https://example.com/course", landing)
	}
	if host := strings.ToLower(u.Hostname()); !slices.Contains(hosts, host) && !slices.Contains(hosts, strings.ToLower(u.Host)) {
		return shop.Invalid("landing_url", "is on %s, and links of this programme may only lead to %s", host, strings.Join(hosts, ", "))
	}
	return nil
}

// EndCode sets when a code ends to lead to its affiliate.
func (d *Desk) EndCode(ctx context.Context, code string, at time.Time) (c ledger.Code, err error) {
	err = d.change(ctx, func(tx ledger.Tx) (err error) {
		if c, err = tx.Set().Codes().Get(Canonical(code)); err != nil {
			return absent(err, "code", code)
		}
		c.To = at.UTC()
		return tx.Set().Codes().Put(c)
	})
	return c, err
}

// Codes lists an affiliate's codes by their canonical form.
func (d *Desk) Codes(ctx context.Context, affiliate string) (all []ledger.Code, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Set().Codes().Find("affiliate", affiliate)
		return err
	})
	return all, err
}

// AddRule adds a version of what is earned. It is for orders to come: those
// there are keep the version they were made under.
func (d *Desk) AddRule(ctx context.Context, r ledger.Rule) (ledger.Rule, error) {
	r.ID, r.Created = d.id(), d.now()
	if err := checkRule(r); err != nil {
		return r, err
	}
	err := d.book.Change(ctx, func(tx ledger.Tx) error {
		p, err := tx.Set().Programs().Get(r.Program)
		if err != nil {
			return absent(err, "program", r.Program)
		}
		if r.Affiliate != "" {
			if _, err := tx.Set().Affiliates().Get(r.Affiliate); err != nil {
				return absent(err, "affiliate", r.Affiliate)
			}
		}
		switch last, found, err := lastConfirmed(tx, p, r.From); {
		case err != nil:
			return err
		case found:
			return shop.Invalid("valid_from", "is before orders that were made under the rules of their time: take a moment after %s", last.Time.Format(time.RFC3339))
		}
		return tx.Set().Rules().Add(r)
	})
	return r, err
}

// lastConfirmed is the newest order of a programme that earns, of those from a
// time on. It reads a few at a time: where one is confirmed, it is mostly among
// the newest.
func lastConfirmed(tx ledger.Tx, p ledger.Program, from time.Time) (last ledger.Order, found bool, err error) {
	const few = 50
	filter := ledger.OrderFilter{Program: p.ID, From: from, Limit: few}
	for {
		page, err := tx.Orders().List(filter)
		if err != nil {
			return last, false, err
		}
		for _, o := range page {
			if confirmed(p, o) {
				return o, true, nil
			}
		}
		if len(page) < few {
			return last, false, nil
		}
		filter.Before = page[few-1].ID
	}
}

func checkRule(r ledger.Rule) error {
	switch r.Kind {
	case ledger.Percent:
		if r.Rate <= 0 || r.Rate > money.PPM {
			return shop.Invalid("rate", "must be more than 0 and at most 100 per cent (1000000 parts per million)")
		}
	case ledger.PerOrder, ledger.PerUnit:
		if r.Amount <= 0 || r.Amount > money.Max || !money.Known(r.Currency) {
			return shop.Invalid("amount", "must be more than 0, with its currency")
		}
	default:
		return shop.Invalid("kind", "must be percent, order or unit")
	}
	switch {
	case r.Cap < 0 || r.Cap > 0 && !money.Known(r.Currency):
		return shop.Invalid("cap", "must be an amount with its currency")
	case r.Recurring < 0:
		return shop.Invalid("orders", "must be a number of orders, or 0 for all")
	case !r.To.IsZero() && !r.From.Before(r.To):
		return shop.Invalid("valid_to", "is not after valid_from")
	}
	return nil
}

// Rules lists a programme's rules, all versions, by ID.
func (d *Desk) Rules(ctx context.Context, program string) (all []ledger.Rule, err error) {
	err = d.book.View(ctx, func(tx ledger.Tx) (err error) {
		all, err = tx.Set().Rules().Find("program", program)
		return err
	})
	return all, err
}
