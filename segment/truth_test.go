package segment

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"footfall/event"
	"footfall/history"
	"footfall/period"
)

// truthOf opens a real data set, which lies in ../shared/data beside the
// checkout, and reads its truth.
func truthOf(t *testing.T, set, data string, truth any) io.Reader {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "data", set)
	text, err := os.ReadFile(filepath.Join(folder, "truth.json"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("REAL DATA IS MISSING: %v", err)
		}
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	if err := json.Unmarshal(text, truth); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(folder, data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// visitors are histories by the id that Known gives.
type visitors map[string]history.History

func (v visitors) add(t *testing.T, e *event.Event, day period.Date) {
	t.Helper()
	id, ok := history.Known(e)
	if !ok {
		t.Fatalf("%+v has no visitor", e)
	}
	if v[id] == nil {
		v[id] = history.History{}
	}
	Count(v[id], e, "", day)
}

// kept is the histories after they were rows.
func (v visitors) kept(t *testing.T) visitors {
	back := visitors{}
	for id, h := range v {
		back[id] = fromRows(t, h)
	}
	return back
}

// in counts the visitors in a segment.
func (v visitors) in(t *testing.T, when string, today period.Date) (n int) {
	t.Helper()
	d, err := ParseOne([]byte("name: truth\nwhen: {" + when + "}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range v {
		if d.Match(h, nil, today) {
			n++
		}
	}
	return n
}

// sum adds up a metric of every item of a kind in a month, for all visitors.
func (v visitors) sum(kind history.Kind, m history.Metric, month period.Date) map[string]int64 {
	sums := map[string]int64{}
	for _, h := range v {
		for item := range h {
			if n := h.Sum(item, month, month.NextMonth())[m]; item.Kind == kind && n != 0 {
				sums[item.Value] += n
			}
		}
	}
	return sums
}

func TestClickstreamTruth(t *testing.T) {
	var truth struct {
		Segments []struct {
			Month    string `json:"month"`
			Product  string `json:"product"`
			MinViews int    `json:"min_views"`
			Sessions int    `json:"sessions"`
		} `json:"segments"`
		Products   map[string]map[string]int64 `json:"views_of_all_products_per_month"`
		Categories map[string]map[string]int64 `json:"views_per_category_per_month"`
	}
	lines := csv.NewReader(truthOf(t, "shop-clickstream", "clicks.csv.gz", &truth))
	lines.Comma, lines.ReuseRecord = ';', true
	all := visitors{}
	var events []event.Event
	for row, err := lines.Read(); err != io.EOF; row, err = lines.Read() {
		if err != nil {
			t.Fatal(err)
		}
		if row[0] == "year" {
			continue
		}
		e := track("Product Viewed", fmt.Sprintf(`{"product_id":%q,"category":%q,"price":%s}`, row[7], row[6], row[11]))
		e.AnonymousID = strings.Clone(row[5])
		day := date(t, fmt.Sprintf("%s-%02s-%02s", row[0], row[1], row[2]))
		all.add(t, e, day)
		events = append(events, on(e, day))
	}
	live := throughLive(t, events)
	all = all.kept(t)
	for _, s := range truth.Segments {
		month := date(t, s.Month+"-01")
		named := fmt.Sprintf("views: {product: %s, months: %s, at_least: %d}", s.Product, s.Month, s.MinViews)
		last := fmt.Sprintf("views: {product: %s, last: 1 month, at_least: %d}", s.Product, s.MinViews)
		live.expect(all, named, month+200, s.Sessions)
		live.expect(all, last, month.NextMonth()-1, s.Sessions)
	}
	live.check()
	for month, want := range truth.Products {
		if got := all.sum(history.Product, history.Views, date(t, month+"-01")); !maps.Equal(got, want) {
			t.Errorf("views of products in %s: %v, want %v", month, got, want)
		}
	}
	for month, want := range truth.Categories {
		if got := all.sum(history.Category, history.Views, date(t, month+"-01")); !maps.Equal(got, want) {
			t.Errorf("views of categories in %s: %v, want %v", month, got, want)
		}
	}
	if len(truth.Segments) != 27 || len(truth.Products) != 3 || len(truth.Categories) != 3 {
		t.Errorf("the truth has %d segments, %d and %d months", len(truth.Segments), len(truth.Products), len(truth.Categories))
	}
}

// invoice is an order or refund of the shop.
type invoice struct {
	customer, day string
	lines         []string
}

// invoices reads what truth.py calls orders and refund notes, by number and
// name of the event.
func invoices(t *testing.T, data io.Reader) map[[2]string]*invoice {
	t.Helper()
	lines := csv.NewReader(data)
	lines.ReuseRecord = true
	found, first := map[[2]string]*invoice{}, map[string]string{}
	for row, err := lines.Read(); err != io.EOF; row, err = lines.Read() {
		if err != nil {
			t.Fatal(err)
		}
		number, product, quantity, price := row[0], row[1], row[3], row[5]
		if first[number] == "" {
			first[number] = strings.Clone(row[4][:10])
		}
		name := ""
		switch free, back := strings.Trim(price, "0.") == "" || price[0] == '-', quantity[0] == '-'; {
		case strings.Trim(number, "0123456789") == "" && !back && quantity != "0" && !free:
			name = "Order Completed"
		case number[0] == 'C' && back && !free:
			name = "Order Refunded"
		default:
			continue
		}
		key := [2]string{strings.Clone(number), name}
		if found[key] == nil {
			found[key] = &invoice{customer: strings.Clone(row[6]), day: first[number]}
		}
		found[key].lines = append(found[key].lines, fmt.Sprintf(`{"product_id":%q,"price":%s,"quantity":%s}`, product, price, quantity))
	}
	return found
}

func TestOrdersTruth(t *testing.T) {
	var truth struct {
		Segments []struct {
			Product   string    `json:"product"`
			Months    [2]string `json:"months"`
			MinOrders int       `json:"min_orders"`
			Customers int       `json:"customers"`
		} `json:"segments"`
		PerMonth map[string]struct {
			Orders    int64 `json:"orders"`
			Refunds   int64 `json:"refund_notes"`
			Sales     int64 `json:"sales_m"`
			Refunded  int64 `json:"refunds_m"`
			Customers int   `json:"customers"`
		} `json:"per_month"`
	}
	data := truthOf(t, "shop-orders", "order-lines.csv.gz", &truth)
	customers, everybody := visitors{}, visitors{}
	var events []event.Event
	for key, in := range invoices(t, data) {
		e := track(key[1], `{"order_id":"`+key[0]+`","products":[`+strings.Join(in.lines, ",")+`]}`)
		e.UserID, e.AnonymousID = in.customer, "nobody"
		everybody.add(t, e, date(t, in.day))
		if in.customer != "" {
			customers.add(t, e, date(t, in.day))
			events = append(events, on(e, date(t, in.day)))
		}
	}
	live := throughLive(t, events)
	customers = customers.kept(t)
	for _, s := range truth.Segments {
		named := fmt.Sprintf("orders: {product: %s, months: %s..%s, at_least: %d}", s.Product, s.Months[0], s.Months[1], s.MinOrders)
		last := fmt.Sprintf("orders: {product: %s, last: 3 months, at_least: %d}", s.Product, s.MinOrders)
		live.expect(customers, named, date(t, "2011-06-30"), s.Customers)
		live.expect(customers, last, date(t, "2011-02-28"), s.Customers)
	}
	for month, want := range truth.PerMonth {
		first, got := date(t, month+"-01"), history.Counts{}
		for _, h := range everybody {
			sum := h.Sum(history.Whole, first, first.NextMonth())
			got.Add(&sum)
		}
		if got != (history.Counts{history.Orders: want.Orders, history.Revenue: want.Sales, history.Refunds: want.Refunds, history.Refunded: want.Refunded}) {
			t.Errorf("%s: %v, want %+v", month, got, want)
		}
		live.expect(customers, "orders: {months: "+month+", at_least: 1}", date(t, "2011-07-01"), want.Customers)
	}
	live.check()
	if len(truth.Segments) != 15 || len(truth.PerMonth) != 7 {
		t.Errorf("the truth has %d segments and %d months", len(truth.Segments), len(truth.PerMonth))
	}
}
