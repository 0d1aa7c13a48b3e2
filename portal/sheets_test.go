package portal

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"footfall/affiliate"
	"footfall/sheet"
	_ "footfall/sheet/columnar"
)

var fileLink = regexp.MustCompile(`href="([^"]*)" download`)

// table reads the file that a page links to.
func (w *world) table(page string) (rows []map[string]string) {
	w.t.Helper()
	link := fileLink.FindStringSubmatch(w.get(page))
	if link == nil {
		w.t.Fatalf("%s links to no file", page)
	}
	all, err := csv.NewReader(strings.NewReader(w.get(html.UnescapeString(link[1])))).ReadAll()
	if err != nil || len(all) == 0 {
		w.t.Fatal(page, all, err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestTablesAsFiles: the files of a programme's pages have all rows that the filters
// of the page let through, with the figures of the pages, and no formula.
func TestTablesAsFiles(t *testing.T) {
	w, _ := trading(t)
	w.seller(w.program)
	defer func(n int) { fileRows = n }(fileRows)
	fileRows = 4
	var last string
	for n := range pageSize + 3 {
		last = w.sell("anna", fmt.Sprintf("=%d", n), int64(100+n)).ID
	}
	w.sell("nobody", "without", 700)
	all := must(w.desk.Orders(t.Context(), affiliate.OrderFilter{Program: w.program.ID}))
	rows := w.table(w.path("/orders"))
	if len(rows) != len(all) || len(all) <= pageSize {
		t.Fatalf("%d of %d orders", len(rows), len(all))
	}
	for i, o := range all {
		r := rows[i]
		if r["order"] != o.ID || r["number"] != strings.Replace(o.Number, "=", "'=", 1) || r["net"] != string(amount(netOf(o), o.Currency)) || r["affiliate"] != o.Affiliate || r["currency"] != o.Currency {
			t.Errorf("%+v is %v in the file", o, r)
		}
	}
	first := w.get(w.path("/orders"))
	has(t, first, spellMoney(netOf(all[0]), "EUR"))
	for _, show := range []string{"with", "without"} {
		n := 0
		for _, o := range all {
			if (o.Affiliate != "") == (show == "with") {
				n++
			}
		}
		if rows := w.table(w.path("/orders?show=" + show)); len(rows) != n {
			t.Errorf("%s an affiliate: %d orders of %d", show, len(rows), n)
		}
	}
	if rows := w.table(w.path("/orders?number=" + fmt.Sprintf("%%3D%d", pageSize+2))); len(rows) != 1 || rows[0]["order"] != last {
		t.Errorf("one order: %v", rows)
	}
	w.ownOrders()
	w.seller(w.program)
	of := must(w.desk.Balances(t.Context(), w.program.ID))
	rows = w.table(w.path("/affiliates?search=anna"))
	if len(rows) != 1 || rows[0]["affiliate"] != w.anna.ID || rows[0]["pending"] != string(amount(of[w.anna.ID]["EUR"].Pending, "EUR")) || rows[0]["pending"] == "0.00" {
		t.Errorf("anna is %v, with %+v", rows, of[w.anna.ID])
	}
	if rows = w.table(w.path("/flags")); len(rows) != 1 || rows[0]["evidence"] == "" || rows[0]["state"] != "open" {
		t.Errorf("flags: %v", rows)
	}
	if rows = w.table(w.path("/flags?state=cleared")); len(rows) != 0 {
		t.Errorf("cleared flags: %v", rows)
	}
}

// ownOrders compares the file of an affiliate's own page.
func (w *world) ownOrders() {
	t := w.t
	t.Helper()
	w.as(w.anna)
	own := must(w.desk.OrdersOf(t.Context(), w.anna.ID, "", 10*pageSize))
	rows := w.table("/portal/orders")
	if len(rows) != len(own) || len(own) <= pageSize {
		t.Fatalf("%d of her %d orders", len(rows), len(own))
	}
	for i, o := range own {
		if r := rows[i]; r["order"] != o.ID || r["net"] != string(amount(o.Net, "EUR")) || r["commission"] != string(amount(o.Commission, "EUR")) || len(r) != 8 {
			t.Errorf("her %+v is %v in the file", o, r)
		}
	}
}

// TestEveryTableInEveryFormat: what a page links to as a file it links to in each format
// that is offered, and all of them have the same rows; no page names a format of its own.
func TestEveryTableInEveryFormat(t *testing.T) {
	w, ids := trading(t)
	d := &door{}
	linked := map[string]int{}
	walk := func(routes [][2]string) {
		for _, r := range routes {
			if r[0] != "GET" {
				continue
			}
			rec := w.send(r)
			if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
				continue
			}
			links := fileLink.FindAllStringSubmatch(rec.Body.String(), -1)
			if len(links)%len(sheet.Offers) != 0 {
				t.Errorf("%s: %d links to files, of %d formats", r[1], len(links), len(sheet.Offers))
				continue
			}
			for i := 0; i < len(links); i += len(sheet.Offers) {
				rows := -1
				for n, o := range sheet.Offers {
					path := html.UnescapeString(links[i+n][1])
					file := w.send([2]string{"GET", path})
					if file.Code != 200 || file.Header().Get("Content-Type") != sheet.Formats[o.Format] || !strings.HasSuffix(file.Header().Get("Content-Disposition"), "."+o.Format+`"`) {
						t.Errorf("%s of %s: %d %v", path, r[1], file.Code, file.Header())
						continue
					}
					got := rowsOf(t, o.Format, file.Body.Bytes())
					if rows < 0 {
						rows = got
					}
					if got != rows && o.Format != "parquet" {
						t.Errorf("%s: %d rows, of CSV %d", path, got, rows)
					}
					name, _, _ := strings.Cut(path, "?")
					linked[name] = rows
				}
			}
		}
	}
	w.as(w.anna)
	walk(routes(d.own(), ids))
	w.seller(w.program)
	walk(routes(d.managed(), ids))
	for _, path := range []string{"/portal/orders", "/portal/payouts/" + ids["payout"] + "/statement.csv", w.path("/orders"), w.path("/affiliates"), w.path("/flags"), w.path("/ledger.csv"), w.path("/payouts/" + ids["payout"] + "/statement.csv")} {
		if linked[path] == 0 {
			t.Errorf("no page links to the file %s, or it has no rows: %v", path, linked)
		}
	}
	if _, linked := linked[w.path("/payouts.csv")]; !linked {
		t.Error("no page links to the payouts as a file")
	}
}

// rowsOf counts the rows of a file.
func rowsOf(t *testing.T, format string, file []byte) int {
	t.Helper()
	switch format {
	case "csv":
		rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return len(rows) - 1
	case "ndjson":
		return bytes.Count(file, []byte("\n"))
	}
	if !bytes.HasPrefix(file, []byte("PAR1")) || !bytes.HasSuffix(file, []byte("PAR1")) {
		t.Errorf("this is no %s: %.40q", format, file)
	}
	return -1 // what is in it the tests of sheet/columnar tell
}
