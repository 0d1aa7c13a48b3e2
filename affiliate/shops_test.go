package affiliate_test

import (
	"fmt"
	"testing"
	"time"

	"footfall/ledger"
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
