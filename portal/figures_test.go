package portal

import (
	"html"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
	"footfall/shop"
)

var (
	tableRow  = regexp.MustCompile(`(?s)<tr><th scope="row">(.*?)</th>(.*?)</tr>`)
	tableCell = regexp.MustCompile(`(?s)<td data-label="([^"]*)"[^>]*>(.*?)</td>`)
	tag       = regexp.MustCompile(`<[^>]*>`)
)

// rows reads a list of the page: the cells of each row by their names.
func rows(page, title string) map[string]map[string]string {
	all := map[string]map[string]string{}
	_, page, _ = strings.Cut(page, "<h2>"+title+"<span>")
	page, _, _ = strings.Cut(page, "</section>")
	for _, row := range tableRow.FindAllStringSubmatch(page, -1) {
		cells := map[string]string{}
		for _, cell := range tableCell.FindAllStringSubmatch(row[2], -1) {
			cells[cell[1]] = html.UnescapeString(tag.ReplaceAllString(cell[2], ""))
		}
		all[html.UnescapeString(tag.ReplaceAllString(row[1], ""))] = cells
	}
	return all
}

// TestRule17ThePageIsTheAPI: what the page shows by link, coupon, sub id, product
// and website is what the analytics API answers.
func TestRule17ThePageIsTheAPI(t *testing.T) {
	w := newWorld(t)
	w.program.Sites = append(w.program.Sites, "three")
	must(w.desk.PutProgram(t.Context(), w.program))
	w.sell("anna", "a", 10000)
	w.sell("ben", "b", 7000)
	for i, coupon := range []string{"anna15", "anna15", "ben15"} {
		must(w.desk.Take(t.Context(), shop.Report{Site: "three", Number: string(rune('0' + i)), Time: w.now, Said: w.now, From: shop.FromAPI, Verified: true,
			Order: &shop.Order{Currency: "EUR", Coupons: []string{coupon}, Lines: []ledger.Line{{ID: "1", Product: "book", Quantity: 1, Net: 1999}}}}))
	}
	zone, _ := time.LoadLocation("Europe/Berlin")
	window, _, _ := period.Named("Last7Days", w.now, zone)
	answer := func(m metric.Name, by metric.Dimension) map[string]int64 {
		q := metric.Query{Site: "one", Sites: w.program.Sites, Metric: m, By: by, Window: window, Zone: zone, Currency: "EUR", Affiliate: &metric.Affiliate{ID: w.anna.ID}}
		all := map[string]int64{}
		for _, p := range must(w.desk.Answer(t.Context(), q)).Points {
			if all[p.Series] = p.Value; p.None {
				delete(all, p.Series)
			}
		}
		return all
	}
	spells := map[metric.Name]func(int64) string{metric.Clicks: whole, metric.Conversions: whole}
	for _, m := range []metric.Name{metric.Sales, metric.Commissions, metric.EPC} {
		spells[m] = func(n int64) string { return spellMoney(n/10, "EUR") }
	}
	page := w.as(w.anna).get("/portal?period=Last7Days")
	cells := map[string]metric.Name{"Clicks": metric.Clicks, "Orders": metric.Conversions, "Revenue": metric.Sales, "Earned": metric.Commissions, "Per click": metric.EPC}
	for _, x := range []struct {
		title string
		by    metric.Dimension
		names map[string]string // of the page, by the API's
		cells []string
	}{
		{"Links and coupons", "code", map[string]string{"ANNA": "Link ANNA"}, []string{"Clicks", "Orders", "Revenue", "Earned", "Per click"}},
		{"Links and coupons", "coupon", map[string]string{"ANNA15": "Coupon ANNA15"}, []string{"Orders", "Revenue", "Earned"}},
		{"Sub ids", "sub", map[string]string{"blog": "blog"}, []string{"Clicks", "Orders", "Revenue", "Earned", "Per click"}},
		{"Products", "product", map[string]string{"course": "course", "book": "book"}, []string{"Orders", "Revenue", "Earned"}},
		{"Websites", "website", map[string]string{"one": "one.example", "three": "three.example"}, []string{"Clicks", "Orders", "Revenue", "Earned"}},
	} {
		shown := rows(page, x.title)
		for _, cell := range x.cells {
			figures := answer(cells[cell], x.by)
			maps.DeleteFunc(figures, func(name string, _ int64) bool { return x.names[name] == "" })
			for name, label := range x.names {
				if got, want := shown[label][cell], spells[cells[cell]](figures[name]); strings.Trim(got, "–") != strings.Trim(want, "–") && !(got == "–" && figures[name] == 0) {
					t.Errorf("%s, %s, %s: the page shows %q, the API says %q", x.title, label, cell, got, want)
				}
			}
		}
	}
	if n := money.Thousandths(2*1000, "EUR"); answer(metric.Commissions, "coupon")["ANNA15"] != n || len(rows(page, "Websites")) != 2 || len(rows(page, "Links and coupons")) != 2 {
		t.Errorf("the world is not what it should be: %v, %v", answer(metric.Commissions, "coupon"), rows(page, "Links and coupons"))
	}
}
