package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"footfall/account"
	"footfall/affiliate"
	"footfall/api"
	"footfall/commerce"
	"footfall/ledger"
	"footfall/money"
	shops "footfall/shop"
)

var shopCommands = []command{
	{"shop set", "KIND --site S --secret-file FILE [--store NAME]", "take a payment service's signed webhooks: paddle, stripe or lemonsqueezy", setShop},
}

var shopFlags = map[string][][3]string{
	"shop set": {{"site", "", "site whose orders they are"}, {"store", "", "name of the shop, if the site has several; the site's id"}, {"secret-file", "", "file with the webhook's signing secret; - is what comes in"}},
}

// commerce is the door by which shops tell of orders.
func (h *house) commerce(client func(*http.Request) netip.Addr) http.Handler {
	return commerce.New(taker{h.desk}, commerce.Options{
		Allow: h.mayWriteOrders, Client: client, Count: h.meters.count, Log: h.log,
		Currency: func(site string) (string, bool) {
			s, ok := h.sites.now.Load().byID[site]
			return s.Currency, ok
		},
		Hooks: func(site, kind string) (o shops.HookOptions, ok bool) {
			s, ok := h.desk.Shop(site, kind)
			o = shops.HookOptions{Site: s.Site, Store: s.Store}
			for _, secret := range s.Secrets {
				o.Secrets = append(o.Secrets, []byte(secret))
			}
			return o, ok
		},
	})
}

// mayWriteOrders reports whether a request has a key that may write a site's orders.
func (h *house) mayWriteOrders(r *http.Request, site string) (bool, error) {
	key, err := h.control.Key(r.Context(), api.Bearer(r))
	if errors.Is(err, account.ErrNotFound) {
		return false, nil
	}
	return err == nil && key.Who().May(account.WriteOrders, site), err
}

// taker gives what shops say to the desk of affiliate programmes.
type taker struct{ desk *affiliate.Desk }

// Take takes one report.
func (t taker) Take(ctx context.Context, r shops.Report) (commerce.Answer, error) {
	taken, err := t.desk.Take(ctx, r)
	if err != nil {
		return commerce.Answer{}, err
	}
	a := commerce.Answer{Order: taken.Order.ID, Duplicate: taken.Duplicate, Attributed: taken.Order.Affiliate != "", Affiliate: taken.Order.Affiliate,
		Revision: taken.Order.Revision, Commission: []commerce.Amount{}, Explain: taken.Decision.Explain}
	sum := int64(0)
	for _, e := range taken.Entries {
		if e.Affiliate == taken.Order.Affiliate && e.Currency == taken.Order.Currency && e.Kind.Payable() {
			sum += e.Amount
		}
	}
	if a.Attributed {
		a.Commission = append(a.Commission, commerce.Amount{Currency: taken.Order.Currency, Amount: money.Format(sum, taken.Order.Currency)})
	}
	return a, nil
}

// keptShop is a shop's webhook and where the shop is to send it.
type keptShop struct {
	ledger.Shop
	URL string `json:"url"`
}

func (k *control) setShop(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	secret, err := io.ReadAll(io.LimitReader(r.Body, 1<<10))
	if err != nil {
		return err
	}
	s, err := k.h.desk.SetShop(r.Context(), ledger.Shop{Site: site.ID, Kind: r.FormValue("kind"), Store: r.FormValue("store")}, strings.TrimSpace(string(secret)))
	if err != nil {
		return err
	}
	return answer(w, keptShop{s, k.h.address + "/hooks/" + s.ID})
}

// setShop reads the secret from a file, so that it stands in no list of processes.
func setShop(ctx context.Context, c *call) error {
	form := c.form("shop set")
	name := form.Get("secret-file")
	if len(c.args) != 1 || name == "" {
		return misused("name the kind of shop, and --secret-file with the secret that it shows for the webhook")
	}
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	form.Del("secret-file")
	form.Set("kind", c.args[0])
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	var out keptShop
	if err := errors.Join(k.send(ctx, "POST", "/shop/set", form, in, &out), k.close()); err != nil {
		return err
	}
	return c.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "Have %s send its webhooks to %s\n", out.Kind, out.URL)
	})
}
