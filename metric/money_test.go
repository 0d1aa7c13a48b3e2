package metric

import (
	"math"
	"math/big"
	"testing"
)

func TestSpellIsExact(t *testing.T) {
	for value, want := range map[int64]string{0: "0", 12_500: "12.5", 1: "0.001", -1: "-0.001", -12_340: "-12.34", 999: "0.999", 1_000: "1", -1_000: "-1",
		10_010: "10.01", 9_007_199_254_740_993: "9007199254740.993", // no float64 holds it
		math.MaxInt64: "9223372036854775.807", math.MinInt64: "-9223372036854775.808"} {
		if got := Revenue.Spell(value); got != want {
			t.Errorf("%d thousandths are spelled %s, want %s", value, got, want)
		}
	}
	if got := Orders.Spell(12_500); got != "12500" {
		t.Errorf("12500 orders are spelled %s", got)
	}
}

func FuzzSpell(f *testing.F) {
	f.Add(int64(-1_050))
	f.Fuzz(func(t *testing.T, value int64) {
		spelled := Refunded.Spell(value)
		if r, ok := new(big.Rat).SetString(spelled); !ok || r.Cmp(big.NewRat(value, 1000)) != 0 {
			t.Errorf("%d thousandths are spelled %s", value, spelled)
		}
	})
}
