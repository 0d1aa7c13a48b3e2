package affiliate

import (
	"cmp"
	"slices"
	"time"

	"footfall/ledger"
	"footfall/period"
)

// parts gathers what a window made, and its shares.
type parts struct {
	*viewing
	home                  *Home
	total                 map[string]Made
	ways                  map[[2]string]*Part
	subs, products, sites map[string]*Part
}

// made tells what the window of a Home made: all together by currency, and its
// parts. It adds up the figures that Answer does.
func (v *viewing) made(h *Home, zone *time.Location) (map[string]Made, error) {
	cut := ledger.Cut{Program: v.program.ID, Affiliate: v.affiliate.ID, From: h.Window.From, To: h.Window.To, Steps: period.Day.Cut(h.Window, zone)}
	p := parts{v, h, map[string]Made{}, map[[2]string]*Part{}, map[string]*Part{}, map[string]*Part{}, map[string]*Part{}}
	for _, start := range cut.Steps {
		h.Days = append(h.Days, Part{Time: start, Made: map[string]Made{}})
	}
	f := v.tx.Figures()
	for _, count := range []func(ledger.Figures, ledger.Cut) error{p.clicks, p.orders, p.money} {
		if err := count(f, cut); err != nil {
			return nil, err
		}
	}
	for key, part := range p.ways {
		part.Kind, part.Name = key[0], key[1]
		h.Ways = append(h.Ways, *part)
	}
	slices.SortFunc(h.Ways, byUse)
	if h.Subs, h.Products = named(p.subs), named(p.products); len(p.program.Sites) > 1 {
		h.Sites = named(p.sites)
	}
	return p.total, nil
}

// byUse sorts parts: most clicks, then most orders first.
func byUse(a, b Part) int {
	return cmp.Or(cmp.Compare(b.Clicks, a.Clicks), cmp.Compare(b.Orders, a.Orders), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

func named(parts map[string]*Part) (list []Part) {
	for name, p := range parts {
		p.Name = name
		list = append(list, *p)
	}
	slices.SortFunc(list, byUse)
	return list
}

// under is the part with a key, made if there is none.
func under[K comparable](parts map[K]*Part, key K) *Part {
	if parts[key] == nil {
		parts[key] = &Part{Made: map[string]Made{}}
	}
	return parts[key]
}

func (p *parts) clicks(f ledger.Figures, cut ledger.Cut) (err error) {
	if p.home.Visitors, err = f.Visitors(cut); err != nil {
		return err
	}
	cut.By = p.by(ledger.ByCode, ledger.BySub)
	sums, err := f.Clicks(cut)
	for _, s := range sums {
		p.home.Clicks += s.Value
		for _, part := range []*Part{&p.home.Days[s.Step], under(p.ways, [2]string{KindTouch, s.Code}), under(p.subs, s.Sub), under(p.sites, s.Site)} {
			part.Clicks += s.Value
		}
	}
	return err
}

// by is a split, by sites too where there are several: each takes its time.
func (p *parts) by(columns ...ledger.By) []ledger.By {
	if len(p.program.Sites) > 1 {
		columns = append(columns, ledger.BySite)
	}
	return columns
}

// of are the parts that a figure of orders or of what they made is in.
func (p *parts) of(s *ledger.Sum) []*Part {
	all := []*Part{&p.home.Days[s.Step], under(p.sites, s.Site)}
	switch {
	case s.Coupon != "":
		return append(all, under(p.ways, [2]string{KindCoupon, s.Coupon}))
	case s.Rule == RuleLast || s.Rule == RuleFirst:
		return append(all, under(p.ways, [2]string{KindTouch, s.Code}), under(p.subs, s.Sub))
	case s.Rule == RuleCustomer:
		return append(all, under(p.ways, [2]string{KindCustomer}))
	case s.Rule == RuleManual:
		return append(all, under(p.ways, [2]string{KindManual}))
	}
	return append(all, under(p.ways, [2]string{}))
}

// orders counts orders. Of several products in one each has it.
func (p *parts) orders(f ledger.Figures, cut ledger.Cut) error {
	cut.By = p.by(ledger.ByCode, ledger.BySub, ledger.ByRule, ledger.ByCoupon, ledger.ByVerified)
	sums, err := f.Orders(cut)
	if err != nil {
		return err
	}
	for i := range sums {
		s := &sums[i]
		p.home.Orders += s.Value
		if !s.Verified && !p.program.TrustEvents {
			p.home.Unconfirmed += s.Value
		}
		for _, part := range p.of(s) {
			part.Orders += s.Value
		}
	}
	cut.By, cut.Steps = []ledger.By{ledger.ByProduct}, nil
	sums, err = f.Orders(cut)
	for _, s := range sums {
		under(p.products, s.Product).Orders += s.Value
	}
	return err
}

// money adds up what orders sold, before anything was given back, and what they
// earned.
func (p *parts) money(f ledger.Figures, cut ledger.Cut) error {
	cut.By = p.by(ledger.ByCode, ledger.BySub, ledger.ByRule, ledger.ByCoupon, ledger.ByProduct, ledger.ByCurrency)
	for _, x := range []struct {
		sums func(ledger.Cut) ([]ledger.Sum, error)
		made func(value int64) Made
	}{{f.Sales, func(n int64) Made { return Made{Revenue: n} }}, {f.Commissions, func(n int64) Made { return Made{Commission: n} }}} {
		sums, err := x.sums(cut)
		if err != nil {
			return err
		}
		for i := range sums {
			s := &sums[i]
			more := x.made(s.Value)
			p.total[s.Currency] = p.total[s.Currency].plus(more)
			for _, part := range append(p.of(s), under(p.products, s.Product)) {
				part.Made[s.Currency] = part.Made[s.Currency].plus(more)
			}
		}
	}
	return nil
}

func (m Made) plus(more Made) Made {
	return Made{m.Revenue + more.Revenue, m.Commission + more.Commission}
}
