package dash

import (
	"strings"
	"testing"

	"footfall/account"
)

// TestSharingPage: a site is published by its settings; its page of sharing has what goes
// into other pages, and shows how it looks there.
func TestSharingPage(t *testing.T) {
	x, b := setUp(t, account.Owner, "shop-example")
	b.want(b.do("GET", "/sites/atelier-example/share", nil), 404, "not yours to change")
	b.want(b.send("/sites/atelier-example/share/frame"), 404)
	b.want(b.send("/sites/atelier-example/share/figure", "metric", "Visitors", "days", "9"), 404)
	page := b.want(b.do("GET", "/sites/shop-example/share", nil), 200, "Nobody sees the figures without an account", `action="/sites/shop-example/share/frame"`)
	without(t, page, "<iframe class")
	b.want(b.do("GET", "/sites/shop-example/share", nil, "Accept-Language", "de"), 200, ">7 Tage</option>", "Übersicht in einer eigenen Seite", `href="/sites?site=shop-example">← Websites`)
	b.want(b.send("/sites/shop-example/share/frame", "days", "x"), 422, "whole number")
	made := b.want(b.send("/sites/shop-example/share/frame", "theme", "dark", "background", "transparent", "period", "Today", "name", "the portal"), 200,
		`<iframe src="http://example.com/embed/shop.example?background=transparent&amp;period=Today&amp;theme=dark&amp;token=ffr_`, `;color-scheme:normal"`, `<iframe class="preview" src="/embed/shop.example?`)
	b.want(b.send("/sites/shop-example/share/frame"), 200, "ffr_")
	if all, err := x.Shares(t.Context()); err != nil || len(all) != 2 || min(all[0].Name, all[1].Name) != "Frame" || max(all[0].Name, all[1].Name) != "Frame: the portal" { // made at one moment, in any order
		t.Errorf("frames are listed as %+v, %v", all, err)
	}
	if strings.Contains(made, `nonce`) {
		t.Error("a page has a nonce")
	}
	if csp := b.do("GET", "/sites/shop-example/share", nil).Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors 'none'; frame-src 'self'") {
		t.Error(csp)
	}
	b.want(b.send("/sites/shop-example/share/figure", "metric", "Likes", "days", "9"), 422, "none of the list")
	b.want(b.send("/sites/shop-example/share/figure", "metric", "Orders", "days", "999"), 422, "within a year")
	b.want(b.send("/sites/shop-example/share/figure", "metric", "Orders", "days", "9", "period", "Today", "chart", "on"), 200,
		`<footfall-figure site="shop.example" metric="Orders" window="Today" token="ffe_`, `" chart></footfall-figure>`, `<script defer src="/js/figures.js">`)

	b.want(b.send("/sites/shop-example/settings", "timezone", "UTC", "currency", "EUR", "public", "on", "shows", "revenue"), 303)
	site := func() account.Site {
		sites, _ := x.Sites(t.Context())
		return sites[1]
	}
	if got := account.SpellParts(site().Public); got != "board,revenue" {
		t.Errorf("the settings publish %s", got)
	}
	b.want(b.do("GET", "/sites/shop-example/settings", nil), 200, `name="public" value="on" checked`, `value="revenue" checked`, `value="files">`)
	b.want(b.do("GET", "/sites/shop-example/share?lists=off", nil), 200, "orders, revenue and products", ">http://example.com/public/shop.example<", `src="/public/shop.example/card.png"`, `<iframe class="preview" src="/embed/shop.example?lists=off"`)
	b.want(b.send("/sites/shop-example/settings", "timezone", "UTC", "currency", "EUR", "shows", "revenue"), 303)
	if s := site(); s.Shows(account.TheBoard) || len(s.Public) > 0 {
		t.Errorf("the settings still publish %v", s.Public)
	}
	_, admin := setUp(t, account.Admin, "shop-example")
	admin.want(admin.do("GET", "/sites/shop-example/share", nil), 200, "An owner of the site makes links for frames.")
	admin.want(admin.send("/sites/shop-example/share/frame"), 403)
	admin.want(admin.send("/sites/shop-example/share/figure", "metric", "Visitors", "days", "9"), 403)
}
