package affiliate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/shop"
)

// TestOldSecretEnds: a secret that was replaced is valid for a day, and not for
// good; also after a restart.
func TestOldSecretEnds(t *testing.T) {
	d := openDesk(t, nil)
	set := func(secret string) {
		t.Helper()
		if _, err := d.SetShop(t.Context(), ledger.Shop{Site: "one", Kind: "paddle"}, secret+"-of-sixteen-bytes"); err != nil {
			t.Fatal(err)
		}
	}
	valid := func(want ...string) {
		t.Helper()
		s, ok := d.Shop("one", "paddle")
		for i := range want {
			want[i] += "-of-sixteen-bytes"
		}
		if !ok || fmt.Sprint(s.Secrets) != fmt.Sprint(want) {
			t.Errorf("valid are %v, want %v", s.Secrets, want)
		}
	}
	set("a")
	d.now = d.now.Add(48 * time.Hour)
	valid("a")
	set("b")
	d.now = d.now.Add(24*time.Hour - time.Millisecond)
	valid("b", "a")
	d.now = d.now.Add(time.Millisecond)
	valid("b")
	d.reopen()
	valid("b")
	set("c")
	valid("c", "b")
	set("c")
	valid("c")
}

// TestNumbered: an order is found by its number, also in a store with a name of its
// own: a webhook's by the number alone, any other by both.
func TestNumbered(t *testing.T) {
	d := openDesk(t, nil)
	if _, err := d.SetShop(t.Context(), ledger.Shop{Site: "two", Kind: shop.FromPaddle, Store: "eu"}, "a secret of sixteen"); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, store := range []string{"", "eu", "till"} {
		r := order("N-1", "v", 10000, noon)
		r.Store = store
		ids[store] = d.take(r).Order.ID
	}
	for number, want := range map[string][]string{"N-1": {"", "eu"}, "eu/N-1": {"eu"}, "till/N-1": {"till"}, "two/N-1": {""}, "N-2": nil, "": nil, "/": nil} {
		got, err := d.Numbered(t.Context(), d.program.ID, number)
		var found, wanted []string
		for _, o := range got {
			found = append(found, o.ID)
		}
		for _, store := range want {
			wanted = append(wanted, ids[store])
		}
		if err != nil || !slices.Equal(found, wanted) {
			t.Errorf("%q: %v, %v, want %v", number, found, err, wanted)
		}
	}
}
