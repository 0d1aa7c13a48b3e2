package dash

import (
	"errors"
	"slices"
	"testing"

	"footfall/metric"
)

func TestPathOf(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "/": "/", "/cart": "/cart", " /cart": "/cart", "cart": "/cart", "shop/cart": "/shop/cart", "shop/*": "/shop/*",
		"*": "*", "*/thanks": "*/thanks", "https://shop.example/cart": "/cart", "HTTP://shop.example:8080/a%20b/?q=1#top": "/a%20b/",
		"https://shop.example": "/", "www.shop.example/cart": "/cart", "Shop.Example/Cart": "/Cart", "https://shop.example?q=1": "/", "https://shop.example/blog/*": "/blog/*", "https://": "https://", "shop.example/cart": "/cart", "shop.example": "/", "shop.examples/cart": "/shop.examples/cart",
	} {
		if got := pathOf(text, "shop.example"); got != want {
			t.Errorf("%q is meant to be %q, want %q", text, got, want)
		}
	}
}

// TestTypedPaths: a slash that was left out is put there on every page that takes a path,
// and shown; a page that is there is what it is called.
func TestTypedPaths(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	admin, _ := w.two(t)
	at := "?site=" + w.site.ID
	pages := invented["page"]
	defer func() { invented["page"] = pages }()
	last := func() any { return w.besides.put[len(w.besides.put)-1] }
	admin.want(admin.do("GET", "/funnels"+at+"&kind=page&what=shop/cart&kind=page&what=https://atelier.example/thanks?x=1", nil), 200, `value="/shop/cart"`, `value="/thanks"`)
	if f := last().(metric.Funnel); f.Steps[0].Page != "/shop/cart" || f.Steps[1].Page != "/thanks" {
		t.Errorf("asked %+v", f)
	}
	admin.want(admin.send("/goals"+at, "name", "Cart", "kind", "page", "what", "cart", "do", "test"), 200, `value="/cart"`)
	admin.want(admin.send("/goals"+at, "name", "Cart", "kind", "page", "what", "cart"), 303)
	admin.want(admin.send("/goals"+at, "name", "Sign up", "kind", "event", "what", "cart"), 303)
	if all, err := w.besides.Goals(t.Context(), w.site.ID); err != nil || len(all) != 2 || all[0].Page+all[1].Page != "/cart" || all[0].Event+all[1].Event != "cart" {
		t.Errorf("kept %+v, %v", all, err)
	}
	for text, want := range map[string]string{"Settings": "Settings", "Sett*": "Sett*", "ettings*": "/ettings*", "Set": "/Set"} { // as a page of an app is called
		invented["page"] = append(slices.Clip(pages), "Settings")
		admin.want(admin.do("GET", "/funnels"+at+"&kind=page&what="+text, nil), 200, `value="`+want+`"`)
	}
	w.source.broken = map[metric.Dimension]error{"page": errors.New("gone")}
	admin.want(admin.do("GET", "/funnels"+at+"&kind=page&what=cart", nil), 200, `value="cart"`)
	w.source.broken = nil
	for query, want := range map[string]string{"&kind=page&at=pricing": "/pricing", "&at=pricing": "pricing", "&kind=page&at=https://atelier.example/pricing": "/pricing"} {
		admin.want(admin.do("GET", "/journeys"+at+query, nil), 200, `value="`+want+`"`)
		if j := last().(metric.Journey); j.Page != want {
			t.Errorf("%s asks of %q", query, j.Page)
		}
	}
}
