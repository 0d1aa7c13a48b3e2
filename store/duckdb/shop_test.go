package duckdb_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/event"
	"footfall/metric"
	"footfall/period"
	"footfall/store/duckdb"
)

// The real data of two shops, which lie in ../shared/data beside the checkout,
// as events, and the figures that a few lines of another language counted.

func dataFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("REAL DATA IS MISSING: %v", err)
		}
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	return path
}

func readTruth(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(dataFile(t, name))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rows hands over a table's rows without its head.
func rows(t *testing.T, name string, comma rune, fn func(row []string)) {
	t.Helper()
	f, err := os.Open(dataFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	table := csv.NewReader(plain)
	table.Comma = comma
	for head := true; ; head = false {
		row, err := table.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !head {
			fn(row)
		}
	}
}

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// load writes events in batches, each a second time.
func load(t *testing.T, events []event.Event) *duckdb.Store {
	t.Helper()
	s := open(t, t.TempDir(), time.Now)
	t.Cleanup(func() { s.Close() })
	for i := 0; i < len(events); i += 7001 {
		batch := events[i:min(i+7001, len(events))]
		for range 2 {
			if err := s.Write(context.Background(), batch, at(i+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.State(); got.Stored != uint64(len(events)) || got.Duplicates != got.Stored {
		t.Fatalf("of %d events: %+v", len(events), got)
	}
	return s
}

// answerBy is the store's figures by what spell makes of a point; zeros are left out.
func answerBy(t *testing.T, s *duckdb.Store, q metric.Query, spell func(metric.Point) string) map[string]int64 {
	t.Helper()
	d, err := s.Answer(context.Background(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	values := map[string]int64{}
	for _, p := range d.Points {
		if p.Value != 0 {
			values[spell(p)] += p.Value
		}
	}
	return values
}

func compare(t *testing.T, what string, got, want map[string]int64) {
	t.Helper()
	want = maps.Clone(want)
	maps.DeleteFunc(want, func(_ string, n int64) bool { return n == 0 })
	if !maps.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
	if len(want) == 0 {
		t.Errorf("%s: the truth is empty", what)
	}
}

func series(p metric.Point) string { return p.Series }

func dated(layout string) func(metric.Point) string {
	return func(p metric.Point) string { return p.Time.Format(layout) }
}

// invoice is an order or a refund note of shop-orders.
type invoice struct {
	id, name, customer, country string
	first                       time.Time
	total                       *big.Rat
	products                    []string // as JSON
}

// orderEvents makes an event of each invoice with a sale, and of each refund
// note. It has the time of the invoice's first line; lines of one invoice are
// at most two minutes apart, and on the busiest day at one time.
func orderEvents(t *testing.T, zone *time.Location) []event.Event {
	t.Helper()
	var invoices []*invoice
	byID := map[string]*invoice{}
	begun := map[string]time.Time{}
	rows(t, "shop-orders/order-lines.csv.gz", ',', func(row []string) {
		id, product, customer, country := row[0], row[1], row[6], row[7]
		quantity, err := strconv.Atoi(row[3])
		price, ok := new(big.Rat).SetString(row[5])
		when, wrong := time.ParseInLocation(time.DateTime, row[4], zone)
		if err != nil || !ok || wrong != nil {
			t.Fatal(row)
		}
		if begun[id].IsZero() {
			begun[id] = when
		}
		name := ""
		switch {
		case price.Sign() <= 0:
		case strings.Trim(id, "0123456789") == "" && quantity > 0:
			name = "Order Completed"
		case strings.HasPrefix(id, "C") && quantity < 0:
			name, quantity = "Order Refunded", -quantity
		}
		if name == "" {
			return
		}
		of := byID[id]
		if of == nil {
			of = &invoice{id, name, customer, country, begun[id], new(big.Rat), nil}
			byID[id] = of
			invoices = append(invoices, of)
		}
		of.total.Add(of.total, price.Mul(price, big.NewRat(int64(quantity), 1)))
		// Short, as the longest has 705 lines and an event 32 KB; the price as it stands in the file.
		of.products = append(of.products, fmt.Sprintf(`{"sku":%q,"price":%s,"quantity":%d}`, product, row[5], quantity))
	})
	var events []event.Event
	for _, of := range invoices {
		e := event.Event{ID: of.id, Site: "shop", Kind: event.Track, Name: of.name, Time: of.first, Original: of.first, Received: of.first,
			UserID: of.customer, Country: of.country, Properties: fmt.Sprintf(`{"order_id":%q,"currency":"GBP","revenue":%s,"products":[%s]}`,
				of.id, of.total.FloatString(3), strings.Join(of.products, ","))}
		if of.customer != "" {
			if e.Visitor, _ = strconv.ParseUint(of.customer, 10, 64); e.Visitor == 0 {
				t.Fatal(of.customer)
			}
		}
		events = append(events, e)
	}
	return events
}

// traded are the figures of a day, month or country.
type traded struct {
	Orders   int64 `json:"orders"`
	Refunds  int64 `json:"refund_notes"`
	Revenue  int64 `json:"sales_m"`
	Refunded int64 `json:"refunds_m"` // negative
}

func (x traded) of(m metric.Name) int64 {
	return map[metric.Name]int64{metric.Orders: x.Orders, metric.Refunds: x.Refunds, metric.Revenue: x.Revenue, metric.Refunded: -x.Refunded}[m]
}

func column(m metric.Name, table map[string]traded) map[string]int64 {
	values := map[string]int64{}
	for key, x := range table {
		values[key] = x.of(m)
	}
	return values
}

func TestShopOrders(t *testing.T) {
	var truth struct {
		traded
		Days      map[string]traded `json:"per_day"`
		Months    map[string]traded `json:"per_month"`
		Countries map[string]traded `json:"per_country"`
		Top       [][2]any          `json:"top_products_by_sales_m"`
		Busiest   struct {
			Day    string           `json:"day"`
			Orders map[string]int64 `json:"orders_bucket15"`
			Sales  map[string]int64 `json:"sales_m_bucket15"`
		} `json:"busiest_day"`
	}
	readTruth(t, "shop-orders/truth.json", &truth)
	zone := zoneOf(t, "Europe/London")
	events := orderEvents(t, zone)
	if n := truth.Orders + truth.Refunds; n != int64(len(events)) || n == 0 {
		t.Fatalf("%d events, want %d", len(events), n)
	}
	s := load(t, events)
	whole := metric.Query{Site: "shop", Zone: zone, Currency: "GBP",
		Window: period.Window{From: time.Date(2010, 12, 1, 0, 0, 0, 0, zone), To: time.Date(2011, 7, 1, 0, 0, 0, 0, zone)}}
	for _, m := range []metric.Name{metric.Orders, metric.Refunds, metric.Revenue, metric.Refunded} {
		q := whole
		q.Metric = m
		compare(t, string(m), answerBy(t, s, q, series), map[string]int64{"": truth.of(m)})
		q.Step = period.Day
		compare(t, string(m)+" of days", answerBy(t, s, q, dated(time.DateOnly)), column(m, truth.Days))
		q.Step = period.Month
		compare(t, string(m)+" of months", answerBy(t, s, q, dated("2006-01")), column(m, truth.Months))
		if m == metric.Refunds {
			continue // the truth doesn't count them by country
		}
		q.Step, q.By = period.Total, "country"
		compare(t, string(m)+" of countries", answerBy(t, s, q, series), column(m, truth.Countries))
	}
	day, err := time.ParseInLocation(time.DateOnly, truth.Busiest.Day, zone)
	if err != nil {
		t.Fatal(err)
	}
	for m, want := range map[metric.Name]map[string]int64{metric.Orders: truth.Busiest.Orders, metric.Revenue: truth.Busiest.Sales} {
		q := whole
		q.Metric, q.Step, q.Window = m, period.Quarter, period.Window{From: day, To: day.AddDate(0, 0, 1)}
		compare(t, string(m)+" of quarters", answerBy(t, s, q, dated("2006-01-02 15:04")), want)
	}
	shopProducts(t, s, whole, truth.Top)
}

// shopProducts checks the largest products and all of them.
func shopProducts(t *testing.T, s *duckdb.Store, q metric.Query, top [][2]any) {
	q.Metric, q.By, q.Limit = metric.Revenue, "product", len(top)
	d, err := s.Answer(context.Background(), q)
	if err != nil || len(d.Points) != len(top) || len(top) == 0 {
		t.Fatalf("%d products, %v, want %d", len(d.Points), err, len(top))
	}
	for i, p := range d.Points {
		if p.Series != top[i][0] || float64(p.Value) != top[i][1] {
			t.Errorf("product %d is %s with %d, want %v", i, p.Series, p.Value, top[i])
		}
	}
	q.Limit = 0
	sales, refunds := map[string]int64{}, map[string]int64{}
	rows(t, "shop-orders/truth-products.csv.gz", ',', func(row []string) {
		sold, err := strconv.ParseInt(row[2], 10, 64)
		back, wrong := strconv.ParseInt(row[4], 10, 64)
		if err != nil || wrong != nil {
			t.Fatal(row)
		}
		sales[row[0]], refunds[row[0]] = sold, -back
	})
	compare(t, "revenue of products", answerBy(t, s, q, series), sales)
	q.Metric = metric.Refunded
	compare(t, "refunds of products", answerBy(t, s, q, series), refunds)
}

func TestShopClickstream(t *testing.T) {
	var truth struct {
		Rows       int64                       `json:"rows"`
		Days       map[string]int64            `json:"views_per_day"`
		Months     map[string]int64            `json:"views_per_month"`
		Products   map[string]map[string]int64 `json:"views_of_all_products_per_month"`
		Categories map[string]map[string]int64 `json:"views_per_category_per_month"`
		Whole      map[string]int64            `json:"views_per_category"`
	}
	readTruth(t, "shop-clickstream/truth.json", &truth)
	zone := zoneOf(t, "Europe/Warsaw")
	var events []event.Event
	rows(t, "shop-clickstream/clicks.csv.gz", ';', func(row []string) {
		day, err := time.ParseInLocation("2006-1-2", strings.Join(row[:3], "-"), zone)
		click, wrong := strconv.Atoi(row[3])
		session, bad := strconv.ParseUint(row[5], 10, 64)
		if err != nil || wrong != nil || bad != nil {
			t.Fatal(row)
		}
		// The data has no time of day.
		when := day.Add(time.Duration(session%86400)*time.Second + time.Duration(click)*time.Millisecond)
		events = append(events, event.Event{ID: row[5] + "-" + row[3], Site: "shop", Kind: event.Track, Name: "Product Viewed", Time: when,
			Original: when, Received: when, Visitor: session, Country: row[4],
			Properties: fmt.Sprintf(`{"product_id":%q,"category":%q,"price":%s}`, row[7], row[6], row[11])})
	})
	if int64(len(events)) != truth.Rows {
		t.Fatalf("%d events, want %d", len(events), truth.Rows)
	}
	s := load(t, events)
	q := metric.Query{Site: "shop", Metric: metric.ProductViews, Zone: zone, Step: period.Day,
		Window: period.Window{From: time.Date(2008, 4, 1, 0, 0, 0, 0, zone), To: time.Date(2008, 7, 1, 0, 0, 0, 0, zone)}}
	compare(t, "views of days", answerBy(t, s, q, dated(time.DateOnly)), truth.Days)
	q.Step = period.Month
	compare(t, "views of months", answerBy(t, s, q, dated("2006-01")), truth.Months)
	for by, want := range map[metric.Dimension]map[string]map[string]int64{"product": truth.Products, "category": truth.Categories} {
		q.By = by
		got := answerBy(t, s, q, func(p metric.Point) string { return p.Time.Format("2006-01 ") + p.Series })
		flat := map[string]int64{}
		for month, of := range want {
			for value, n := range of {
				flat[month+" "+value] = n
			}
		}
		compare(t, fmt.Sprintf("views of months by %s", by), got, flat)
	}
	q.Step, q.By = period.Total, "category"
	compare(t, "views by category", answerBy(t, s, q, series), truth.Whole)
	clickFunnels(t, s, q)
	clickGoals(t, s, q)
}
