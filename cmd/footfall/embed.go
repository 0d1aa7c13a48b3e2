package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"footfall/account"
	"footfall/metric"
)

var embedCommands = []command{
	{"embed sign", "--site S [--affiliate ID] --metrics A,B [--expires DAYS]", "sign a token that shows these figures in a page of yours", signEmbed},
	{"embed renew", "", "make every embed token worth nothing", renewEmbed},
}

var embedFlags = map[string][][3]string{
	"embed sign": {{"site", "", "site"}, {"affiliate", "", "id of the only affiliate whose figures it shows"}, {"metrics", "", "what it shows, such as Clicks,Conversions,Commissions"}, {"expires", "1", "days from now, at most 366"}},
}

func signEmbed(ctx context.Context, c *call) error {
	var out map[string]string
	return c.once(ctx, "POST", "/embed/sign", c.form("embed sign"), &out, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n\nUntil %s. Send it as: Authorization: Bearer %[1]s\n", out["token"], out["expires"])
	})
}

func renewEmbed(ctx context.Context, c *call) error {
	var out map[string]bool
	return c.once(ctx, "POST", "/embed/renew", nil, &out, func(w io.Writer) { fmt.Fprintln(w, "No embed token of before is valid any more.") })
}

func (k *control) signEmbed(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	e := account.Embed{Site: site.ID, Affiliate: r.FormValue("affiliate")}
	if e.Affiliate != "" {
		a, err := k.named(r, "affiliate")
		if err != nil {
			return err
		}
		e.Affiliate = a.ID
	}
	if e.Expires, err = expiry(r); err != nil {
		return err
	}
	for name := range strings.FieldsFuncSeq(r.FormValue("metrics"), func(c rune) bool { return c == ',' || c == ' ' }) {
		m, err := metric.Parse(name)
		if err != nil {
			return err
		}
		e.Metrics = append(e.Metrics, string(m))
	}
	token, err := k.office().SignEmbed(r.Context(), account.Operator(), e)
	if err != nil {
		return err
	}
	return answer(w, map[string]string{"token": token, "expires": e.Expires.UTC().Format(time.RFC3339)})
}

func (k *control) renewEmbed(w http.ResponseWriter, r *http.Request) error {
	if err := k.office().RenewEmbed(r.Context(), account.Operator()); err != nil {
		return err
	}
	return answer(w, map[string]bool{"renewed": true})
}

// readEmbed is what an embed token shows, or account.ErrEmbed.
func (h *house) readEmbed(ctx context.Context, token string) (account.Embed, error) {
	secret, err := h.control.Secret(ctx, account.EmbedSecret)
	if err != nil {
		return account.Embed{}, err
	}
	return account.ReadEmbed(secret, token, time.Now())
}
