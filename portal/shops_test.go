package portal

import (
	"fmt"
	"strings"
	"testing"

	"footfall/affiliate"
	"footfall/ledger"
)

// TestShops: a webhook's secret is set, changed and never shown; the address to
// paste is the one that the door serves.
func TestShops(t *testing.T) {
	w := newWorld(t)
	w.seller(w.program)
	self, first, second := w.path("/settings"), "whsec_0123456789abcdefghijklmnopqrst", "pdl_ntfset_another_secret_of_some_length"
	has(t, w.get(self), "https://s.example/hooks/one/paddle", "https://s.example/hooks/one/stripe", "https://s.example/hooks/one/lemonsqueezy", "transaction.completed", "charge.refunded", "order_created")
	set := func(more ...string) []string { return append([]string{"site", "one", "kind", "stripe"}, more...) }
	w.refused("Has less than 16 bytes", self+"/shops", set("secret", "short", "store", "my shop")...)
	w.refused("a space or a letter", self+"/shops", set("secret", "a secret with spaces in it")...)
	w.refused("Has less than 16 bytes", self+"/shops", set("secret", "")...)
	w.refused("longer than 200 bytes", self+"/shops", set("secret", first, "store", strings.Repeat("x", 201))...)
	wrong := w.post(self+"/shops", set("secret", "short-but-kept?", "store", "my shop")...).Body.String()
	if has(t, wrong, `value="my shop"`); strings.Contains(wrong, "short-but-kept?") {
		t.Error("a secret is shown again")
	}
	for _, other := range [][]string{{"site", "two", "kind", "stripe"}, {"site", "one", "kind", "x"}, {"site", "", "kind", ""}} {
		if rec := w.post(self+"/shops", append(other, "secret", first)...); rec.Code != 404 {
			t.Errorf("%q: %d", other, rec.Code)
		}
	}
	page := w.done(self+"/shops", set("secret", " "+first+" ", "store", evil)...)
	has(t, page, "The webhook is set", "••••••••qrst", "set on 10 Mar 2026")
	page += w.done(self+"/shops", set("secret", second, "store", "new shop")...)
	has(t, page, "••••••••ngth", "the one before it is still valid")
	if strings.Contains(page, first) || strings.Contains(page, second) || strings.Contains(page, "<script>alert") {
		t.Error("a page shows a secret, or what was typed as markup")
	}
	if s, ok := w.desk.Shop("one", "stripe"); !ok || fmt.Sprint(s.Secrets) != fmt.Sprint([]string{second, first}) || s.Store != "new shop" {
		t.Errorf("the webhook is %+v", s)
	}
	w.done(self+"/shops", set("secret", "", "store", "renamed")...)
	if s, _ := w.desk.Shop("one", "stripe"); s.Secrets[0] != second || s.Store != "renamed" {
		t.Errorf("renamed, the webhook is %+v", s)
	}
	if got := masked("a secret of 24 letters.."); strings.Trim(got, "•") != "" {
		t.Errorf("of a short secret %q is shown", got)
	}
	for _, kind := range affiliate.ShopKinds() {
		if services[kind].Name == "" || len(services[kind].Events) == 0 {
			t.Errorf("nothing is said of webhooks of %s", kind)
		}
	}
}

// TestStanding: somebody is paused or banned with a reason, which is kept in the
// notes; the affiliate does not see them.
func TestStanding(t *testing.T) {
	w := newWorld(t)
	w.seller(w.program)
	self := w.path("/affiliates/" + w.anna.ID)
	w.refused("Something must be here", self, "status", "banned", "why", " ")
	w.refused("longer than 300 bytes", self, "status", "paused", "why", strings.Repeat("x", 301))
	w.done(self, "status", "paused", "why", "sends "+evil)
	has(t, w.done(self, "status", "active", "why", ""), "2026-03-10 paused: sends &#34;&gt;")
	w.done(self, "name", "Anna", "payout_reference", "acc", "user_id", "u-7", "note", "line one\r\nline two")
	has(t, w.get(self), `name="user_id" value="u-7"`, "line one\nline two", w.anna.ID+"</code>")
	w.refused("longer than 2000 bytes", self, "name", "Anna", "note", strings.Repeat("x", 2001))
	w.refused("longer than 512 bytes", self, "name", "Anna", "user_id", strings.Repeat("x", 513))
	has(t, w.done(self, "status", "banned", "why", "fraud"), ">banned<", "2026-03-10 banned: fraud")
	a, err := w.desk.Affiliate(t.Context(), w.anna.ID)
	if err != nil || a.Status != ledger.Banned || a.User != "u-7" || a.Note != "line one\nline two\n2026-03-10 banned: fraud" || a.Payout != "acc" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, path := range []string{"/portal", "/portal/profile", "/portal/orders"} {
		if page := w.as(a).get(path); strings.Contains(page, "fraud") || strings.Contains(page, "line one") {
			t.Errorf("the affiliate sees the notes at %s", path)
		}
	}
}
