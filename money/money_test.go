package money_test

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"footfall/money"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text, currency string
		minor          int64
		err            error
	}{
		{"12.50", "EUR", 1250, nil}, {"12.5", "EUR", 1250, nil}, {"12", "EUR", 1200, nil}, {" -0.07 ", "EUR", -7, nil},
		{"1250", "JPY", 1250, nil}, {"1250.00", "JPY", 1250, nil}, {"1250.5", "JPY", 0, money.ErrTooFine},
		{"0.125", "KWD", 125, nil}, {"0.1255", "KWD", 0, money.ErrTooFine}, {"12.505", "EUR", 0, money.ErrTooFine},
		{"", "EUR", 0, money.ErrNotNumber}, {".", "EUR", 0, money.ErrNotNumber}, {"1e3", "EUR", 0, money.ErrNotNumber},
		{"--1", "EUR", 0, money.ErrNotNumber}, {"+1", "EUR", 0, money.ErrNotNumber}, {"1.", "EUR", 0, money.ErrNotNumber},
		{".5", "EUR", 0, money.ErrNotNumber}, {"1,5", "EUR", 0, money.ErrNotNumber}, {"NaN", "EUR", 0, money.ErrNotNumber},
		{"10000000000.00", "EUR", money.Max, nil}, {"10000000000.01", "EUR", 0, money.ErrTooLarge},
		{strings.Repeat("9", 400), "EUR", 0, money.ErrTooLarge}, {strings.Repeat("0", 400) + "7", "EUR", 700, nil},
	} {
		got, err := money.Parse(c.text, c.currency)
		if got != c.minor || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("Parse(%q, %s) = %d, %v; want %d, %v", c.text, c.currency, got, err, c.minor, c.err)
		}
	}
	for text, want := range map[string]int64{"12.505": 1251, "12.504": 1250, "-12.505": -1251, "0.005": 1, "0.004": 0} {
		if got, err := money.Round(text, "EUR"); got != want || err != nil {
			t.Errorf("Round(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{1250, "EUR", "12.50"}, {-7, "EUR", "-0.07"}, {0, "EUR", "0.00"}, {1250, "JPY", "1250"}, {125, "KWD", "0.125"},
		{math.MinInt64, "JPY", "-9223372036854775808"}, {math.MaxInt64, "EUR", "92233720368547758.07"},
	} {
		if got := money.Format(c.minor, c.currency); got != c.want {
			t.Errorf("Format(%d, %s) = %s, want %s", c.minor, c.currency, got, c.want)
		}
	}
}

func TestKnownAndThousandths(t *testing.T) {
	for currency, want := range map[string]bool{"EUR": true, "eur": false, "EURO": false, "": false, "CLF": false} {
		if money.Known(currency) != want {
			t.Errorf("Known(%q) is not %v", currency, want)
		}
	}
	for currency, want := range map[string]int64{"EUR": -70, "JPY": -7000, "KWD": -7} {
		if got := money.Thousandths(-7, currency); got != want {
			t.Errorf("Thousandths(-7, %s) = %d, want %d", currency, got, want)
		}
	}
}

func TestParseReadsFormat(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		minor, currency := r.Int64N(2*money.Max)-money.Max, []string{"EUR", "JPY", "KWD", "USD"}[r.IntN(4)]
		if got, err := money.Parse(money.Format(minor, currency), currency); got != minor || err != nil {
			t.Fatalf("%d %s: %d, %v", minor, currency, got, err)
		}
	}
}

// TestShare has the cases of the affiliate rules (rule 10), and compares with
// rational numbers.
func TestShare(t *testing.T) {
	for _, c := range []struct {
		minor int64
		ppm   int32
		want  int64
	}{{1000, 200_000, 200}, {7, 200_000, 1}, {2, 200_000, 0}, {15, 100_000, 2}, {500, 29_000, 15}, {-15, 100_000, -2}, {0, 5, 0}, {money.Max, money.PPM, money.Max}} {
		if got := money.Share(c.minor, c.ppm); got != c.want {
			t.Errorf("Share(%d, %d) = %d, want %d", c.minor, c.ppm, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 10_000 {
		minor, ppm := r.Int64N(2*money.Max)-money.Max, r.Int32N(2*money.PPM)-money.PPM
		exact := new(big.Rat).Mul(big.NewRat(minor, 1), big.NewRat(int64(ppm), money.PPM))
		if got, want := money.Share(minor, ppm), exact.FloatString(0); big.NewInt(got).String() != strings.Replace(want, "-0", "0", 1) && want != "-0" {
			t.Fatalf("Share(%d, %d) = %d, want %s", minor, ppm, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		total   int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}}, {-100, []int64{1, 1, 1}, []int64{-34, -33, -33}}, {10, []int64{0, 0}, []int64{5, 5}},
		{5, []int64{0, 7}, []int64{0, 5}}, {1, []int64{2, 3}, []int64{0, 1}}, {7, nil, nil}, {money.Max, []int64{money.Max, money.Max}, []int64{money.Max / 2, money.Max / 2}},
	} {
		if got := money.Spread(c.total, c.weights); !slices.Equal(got, c.want) {
			t.Errorf("Spread(%d, %v) = %v, want %v", c.total, c.weights, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		weights := make([]int64, 1+r.IntN(9))
		for i := range weights {
			weights[i] = r.Int64N(1000)
		}
		total, sum := r.Int64N(20_000)-10_000, int64(0)
		for _, part := range money.Spread(total, weights) {
			sum += part
		}
		if sum != total {
			t.Fatalf("Spread(%d, %v) adds up to %d", total, weights, sum)
		}
	}
}
