package affiliate

import (
	"context"
	"errors"
	"slices"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// ShopKinds lists the kinds of shops whose webhooks are understood.
func ShopKinds() (all []string) {
	for _, h := range shop.Hooks {
		all = append(all, h.Name)
	}
	return all
}

// leastSecret is how many bytes a webhook's secret has at least.
const leastSecret = 16

// oldSecret is how long a secret is valid beside the one that took its place.
const oldSecret = 24 * time.Hour

// SetShop tells what a shop's webhook is to be proved by. A secret that is there
// already stays valid beside the new one for a day, so that a shop can change it
// without losing a message; the same secret again ends the old one at once.
func (d *Desk) SetShop(ctx context.Context, s ledger.Shop, secret string) (ledger.Shop, error) {
	if _, ok := shop.HookOf(s.Kind); !ok {
		return s, shop.Invalid("kind", "must be %s, %s or %s", shop.FromPaddle, shop.FromStripe, shop.FromLemonSqueezy)
	}
	if _, ok := d.set.Load().program(s.Site); !ok {
		return s, ErrNoProgram
	}
	if len(secret) < leastSecret {
		return s, shop.Invalid("secret", "has less than %d bytes: take the one that %s shows for this webhook", leastSecret, s.Kind)
	}
	s.ID, s.Secrets, s.Created, s.Changed = s.Site+"/"+s.Kind, []string{secret}, d.now(), d.now()
	err := d.change(ctx, func(tx ledger.Tx) error {
		shops := tx.Orders().Shops()
		old, err := shops.Get(s.ID)
		if errors.Is(err, ledger.ErrNotFound) {
			return shops.Add(s)
		}
		if err != nil {
			return err
		}
		if len(old.Secrets) > 0 && old.Secrets[0] != secret {
			s.Secrets = append(s.Secrets, old.Secrets[0])
		}
		s.Created = old.Created
		return shops.Put(s)
	})
	return s, err
}

// Shop is what is expected of a site's webhook of a kind of shop.
func (d *Desk) Shop(site, kind string) (ledger.Shop, bool) {
	s, ok := d.set.Load().shops[site+"/"+kind]
	if s.Secrets = slices.Clone(s.Secrets); len(s.Secrets) > 1 && !d.now().Before(s.Changed.Add(oldSecret)) {
		s.Secrets = s.Secrets[:1]
	}
	return s, ok
}
