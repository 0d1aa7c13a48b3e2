package portal

import (
	"slices"
	"strings"

	"footfall/affiliate"
)

// hook is what is known of a site's webhook of a kind of shop.
type hook struct {
	affiliate.Shop
	Domain string
	Name   string   // of the service
	Where  string   // in it webhooks are made
	Events []string // to choose there
	URL    string   // to paste there
	Secret string   // masked; "" if none is kept
	Both   bool     // the secret of before is valid beside it
	Form   *form    // that was wrong
}

// services says of each kind of shop where its webhooks are made. The events
// are those that package shop reads.
var services = map[string]hook{
	"paddle": {Name: "Paddle", Where: "Developer tools › Notifications", Events: []string{"transaction.completed", "adjustment.created", "adjustment.updated"}},
	"stripe": {Name: "Stripe", Where: "Developers › Webhooks", Events: []string{"checkout.session.completed", "checkout.session.async_payment_succeeded", "invoice.paid", "charge.refunded",
		"charge.dispute.created", "charge.dispute.closed"}},
	"lemonsqueezy": {Name: "Lemon Squeezy", Where: "Settings › Webhooks", Events: []string{"order_created", "order_refunded", "subscription_payment_success", "subscription_payment_refunded"}},
}

// hooks are the webhooks of the programme's sites, those that are there first,
// with the form that was wrong.
func (v *visit) hooks(wrong *form) (all []hook) {
	for _, site := range v.program.Sites {
		domain := site
		if s, ok := v.Site(v.ctx(), site); ok {
			domain = s.Domain
		}
		for _, kind := range affiliate.ShopKinds() {
			h := services[kind]
			kept, ok := v.desk.Shop(site, kind)
			if h.Shop = kept; !ok {
				h.Site, h.Kind = site, kind
			} else {
				h.Secret, h.Both = masked(kept.Secrets[0]), len(kept.Secrets) > 1
			}
			h.Domain, h.URL = domain, v.origin()+"/hooks/"+site+"/"+kind
			if wrong != nil && wrong.get("site") == site && wrong.get("kind") == kind {
				h.Form = wrong
			}
			all = append(all, h)
		}
	}
	slices.SortStableFunc(all, func(a, b hook) int {
		switch {
		case (a.Secret == "") == (b.Secret == ""):
			return 0
		case a.Secret != "":
			return -1
		}
		return 1
	})
	return all
}

// masked shows the end of a secret that is long enough not to be told by it.
func masked(secret string) string {
	const dots, end = "••••••••", 4
	if len(secret) < 8*end {
		return dots
	}
	return dots + secret[len(secret)-end:]
}

// saveShop sets the secret of a shop's webhook, or only the shop's name. What
// was typed as the secret is never shown again.
func (v *visit) saveShop() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	site, kind, secret := f.get("site"), f.get("kind"), f.get("secret")
	if !slices.Contains(v.program.Sites, site) || !slices.Contains(affiliate.ShopKinds(), kind) {
		return affiliate.ErrNotFound
	}
	f.values.Del("secret")
	checkText(f, "store", 200, false)
	if old, ok := v.desk.Shop(site, kind); ok && secret == "" {
		secret = old.Secrets[0]
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		f.wrong("secret", "This has a space or a letter that no secret has: copy it again.")
	}
	if f.ok() {
		_, err := v.desk.SetShop(v.ctx(), affiliate.Shop{Site: site, Kind: kind, Store: f.get("store")}, secret)
		if err := f.take(err, "secret", "store"); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showSettings(422, nil, nil, f, nil)
	}
	return v.done(v.path("/settings"), "shop")
}
