package affiliate_test

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/ledger/ledgertest"
	"footfall/metric"
	"footfall/period"
)

// overlay is the affiliates' part of shop-orders' truth.json.
type overlay struct {
	Affiliates struct {
		Total    map[string]int64            `json:"commission_pence_total"`
		PerMonth map[string]map[string]int64 `json:"commission_pence_per_month"`
	} `json:"affiliate_overlay"`
}

func readTruth(t *testing.T) (truth overlay, rows *csv.Reader) {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "data", "shop-orders")
	text, err := os.ReadFile(filepath.Join(folder, "truth.json"))
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	if err != nil {
		t.Fatalf("REAL DATA IS MISSING: %v", err)
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(folder, "order-lines.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return truth, csv.NewReader(z)
}

// invoiceEvents makes an event of each invoice that has a customer: an order
// with its revenue and the coupon of the affiliate that the truth gives it to.
// A refund note names no order, so it is a credit note: an order of its own with
// a negative revenue.
func invoiceEvents(t *testing.T, rows *csv.Reader) (events []event.Event) {
	t.Helper()
	type invoice struct {
		at          time.Time
		customer    string
		thousandths int64
	}
	found, first := map[string]*invoice{}, map[string]*invoice{}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		number, price := row[0], row[5]
		quantity, err := strconv.ParseInt(row[3], 10, 64)
		if err != nil { // the header
			continue
		}
		if first[number] == nil {
			at, err := time.Parse("2006-01-02 15:04:05", row[4][:10]+" 12:00:00")
			if err != nil {
				t.Fatal(err)
			}
			first[number] = &invoice{at: at, customer: row[6]}
		}
		unit := decimals(t, price)
		sale := strings.Trim(number, "0123456789") == "" && quantity > 0
		if note := strings.HasPrefix(number, "C") && quantity < 0; unit <= 0 || !sale && !note {
			continue
		}
		found[number] = first[number]
		found[number].thousandths += quantity * unit
	}
	for number, in := range found {
		if in.customer == "" {
			continue
		}
		customer, err := strconv.Atoi(in.customer)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event.Event{ID: number, Site: "shop", Kind: event.Track, Name: "Order Completed", Time: in.at, Original: in.at, Received: in.at, UserID: in.customer,
			Properties: fmt.Sprintf(`{"order_id":%q,"revenue":%s,"currency":"GBP","coupon":"AFF%d"}`, number, event.Decimal(in.thousandths), customer%7)})
	}
	slices.SortFunc(events, func(a, b event.Event) int { return strings.Compare(a.ID, b.ID) })
	return events
}

// decimals reads a price of at most three decimals as thousandths.
func decimals(t *testing.T, price string) int64 {
	t.Helper()
	whole, rest, _ := strings.Cut(price, ".")
	n, err := strconv.ParseInt(whole+(rest + "000")[:3], 10, 64)
	if err != nil || len(rest) > 3 {
		t.Fatalf("price %q: %v", price, err)
	}
	return n
}

// TestShopOrdersTruth: commissions of seven affiliates at 8 % by month equal the
// truth to the penny, through real events, in order and shuffled, with every
// event twice.
func TestShopOrdersTruth(t *testing.T) {
	truth, rows := readTruth(t)
	events := invoiceEvents(t, rows)
	if len(events) < 8000 || len(truth.Affiliates.PerMonth) != 7 {
		t.Fatalf("%d events, %d months", len(events), len(truth.Affiliates.PerMonth))
	}
	t.Run("in order", func(t *testing.T) { commissionsEqual(t, truth, events) })
	twice := slices.Concat(events, events)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
	t.Run("shuffled and twice", func(t *testing.T) { commissionsEqual(t, truth, twice) })
}

func commissionsEqual(t *testing.T, truth overlay, events []event.Event) {
	d, err := affiliate.Open(t.Context(), ledgertest.NewMemory(), affiliate.Options{Secret: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	p := affiliate.Usual()
	p.Name, p.Sites, p.TrustEvents = "Shop", []string{"shop"}, true
	if p, err = d.PutProgram(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddRule(t.Context(), ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: 80_000}); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for i := range 7 {
		name := fmt.Sprintf("AFF%d", i)
		a, err := d.Join(t.Context(), ledger.Affiliate{Program: p.ID, Name: name, Email: name + "@example.com", Status: ledger.Active})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.AddCode(t.Context(), ledger.Code{Text: name, Affiliate: a.ID, Kind: ledger.CouponCode}); err != nil {
			t.Fatal(err)
		}
		names[a.ID] = name
	}
	for part := range slices.Chunk(events, 500) {
		if err := d.Write(t.Context(), part, event.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]map[string]int64{}
	for month := range truth.Affiliates.PerMonth {
		from, _ := time.Parse("2006-01", month)
		set, err := d.Answer(t.Context(), metric.Query{Site: "shop", Metric: metric.Commissions, By: "affiliate", Currency: "GBP", Step: period.Total,
			Window: period.Window{From: from, To: from.AddDate(0, 1, 0)}})
		if err != nil {
			t.Fatal(err)
		}
		got[month] = map[string]int64{}
		for _, point := range set.Points {
			got[month][names[point.Series]] = point.Value / 10 // pence
		}
	}
	for month, want := range truth.Affiliates.PerMonth {
		for name, pence := range want {
			if got[month][name] != pence {
				t.Errorf("%s in %s earned %d pence, want %d", name, month, got[month][name], pence)
			}
		}
	}
	balances, err := d.Balances(t.Context(), p.ID)
	for id, name := range names {
		if b := balances[id]["GBP"]; err != nil || b.Earned != truth.Affiliates.Total[name] {
			t.Errorf("%s earned %d pence in all, want %d (%v)", name, b.Earned, truth.Affiliates.Total[name], err)
		}
	}
}
