package dash

import (
	"encoding/csv"
	"html"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/sheet"
	_ "footfall/sheet/columnar"
)

var (
	tableRow  = regexp.MustCompile(`<tr[^>]*><th scope="row">.*</tr>`)
	tableCell = regexp.MustCompile(`<td>([^<]*)</td>`)
	tableFile = regexp.MustCompile(`href="([^"]*)" download`)
)

// TestEveryListHasItsFile: the file that a list's details link to has their rows and
// columns, in their order and with their figures, also those of other pages.
func TestEveryListHasItsFile(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	for _, b := range boxes {
		for _, li := range b.lists {
			if invented[li.by] == nil {
				continue
			}
			page := w.get(t, "/?site="+w.site.ID+"&period=Last7Days&country=DE&order="+string(li.figures[0])+"+asc&detail="+li.key())
			links := tableFile.FindAllStringSubmatch(page, -1)
			if len(links) != len(sheet.Offers) {
				t.Errorf("%s: %d links to files, of %d formats", li.key(), len(links), len(sheet.Offers))
				continue
			}
			link := links[0]
			if lines := w.get(t, html.UnescapeString(links[1][1])); strings.Count(lines, "\n{") != strings.Count(w.get(t, html.UnescapeString(link[1])), "\n")-2 {
				t.Errorf("%s as JSON lines: %s", li.key(), lines)
			}
			if file := w.get(t, html.UnescapeString(links[2][1])); !strings.HasPrefix(file, "PAR1") || !strings.HasSuffix(file, "PAR1") {
				t.Errorf("%s is no Parquet: %.40q", li.key(), file)
			}
			rows, err := csv.NewReader(strings.NewReader(w.get(t, html.UnescapeString(link[1])))).ReadAll()
			shown := tableRow.FindAllString(page, -1)
			if err != nil || len(rows) < 2 || len(shown) != len(rows)-1 || rows[0][1] != string(li.figures[0]) || len(rows[0]) != 1+len(li.figures)+len(li.more) {
				t.Errorf("%s: %d rows, in the file %v, %v", li.key(), len(shown), rows, err)
				continue
			}
			for i, row := range shown {
				cells := tableCell.FindAllStringSubmatch(row, -1)
				if cells[0][1] != thousands(rows[i+1][1]) {
					t.Errorf("%s: %v is %v in the file", li.key(), cells, rows[i+1])
				}
			}
		}
	}
	invented["page"] = slices.Concat([]string{"=HYPERLINK(1)"}, invented["page"])
	defer func() { invented["page"] = invented["page"][1:] }()
	if file := w.get(t, "/?csv=page"); !strings.Contains(file, "\n'=HYPERLINK(1),") {
		t.Errorf("a formula stands in the file:\n%s", file)
	}
	if file := w.get(t, "/?csv=page&offset=3"); strings.Count(file, "\n") != 1+len(invented["page"]) {
		t.Errorf("rows are missing:\n%s", file)
	}
}

// thousands is a whole number as pages show it.
func thousands(digits string) string {
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// TestFilesOfShares: a share's lists are those of the share's site, whatever the URL
// names, and none of what visitors do; who has neither a share nor a session gets none.
func TestFilesOfShares(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	token, _, err := w.control.AddShare(t.Context(), account.Share{Site: w.site.ID})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		return rec
	}
	w.source.asked, w.source.reports = nil, nil
	if rec := ask("/share/" + token + "?csv=page&site=shop-example"); rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), "page,Visitors,PageViews,Sessions,BounceRate,") {
		t.Error(rec.Code, rec.Body)
	}
	for _, r := range w.source.reports {
		if r.Site != w.site.ID {
			t.Errorf("a share of %s shows %s", w.site.ID, r.Site)
		}
	}
	for _, name := range []string{"property", "event", "goal", "product", "segment"} {
		if rec := ask("/share/" + token + "?csv=" + name); rec.Code != 404 {
			t.Error("a list that a share has not", name, rec.Code)
		}
	}
	for path, says := range map[string]string{
		"?goal=Order":        "can’t be filtered by “goal”",
		"?segment.is_not=x":  "can’t be filtered by “segment”",
		"?add=event":         "",
		"?property:email=me": "can’t be filtered by “property:email”",
	} {
		w.source.asked = nil
		rec := ask("/share/" + token + path)
		page := rec.Body.String()
		if rec.Code != 200 || !strings.Contains(page, says) || strings.Contains(page, `name="set"`) || strings.Contains(page, "add=event") || strings.Contains(page, "Revenue") {
			t.Errorf("%s: %d", path, rec.Code)
		}
		for _, q := range w.source.asked { // of sources, affiliates' codes are left out
			if q.Where != nil && q.By != "source" || len(q.Filters) > 0 && q.Filters[0].Dimension != "class" || slices.Contains(metric.Traded, q.Metric) {
				t.Errorf("%s asks %+v", path, q)
			}
		}
	}
	if rec := ask("/?csv=page"); rec.Code == 200 && strings.Contains(rec.Body.String(), "PageViews") {
		t.Error("nobody gets a file")
	}
}

// TestProductsNobodyBuys: without revenue products are ordered by what there is, on the
// page, among all and in the file, and the head of that column says so.
func TestProductsNobodyBuys(t *testing.T) {
	s := state{site: account.Site{ID: "shop"}}
	_, li, _ := s.find("product")
	for _, columns := range [][]metric.Name{li.figures, slices.Concat(li.figures, li.more)} {
		r := s.rowsOf(span{zone: time.UTC}, li, columns)
		var by []metric.Name
		for _, o := range r.Order {
			by = append(by, o.Metric)
		}
		if want := []metric.Name{metric.Revenue, metric.Orders, metric.CartAdds, metric.ProductViews}; !slices.Equal(by, want) {
			t.Errorf("ordered by %v, want %v", by, want)
		}
		for most, want := range []metric.Name{metric.Revenue, metric.Orders, metric.CartAdds, metric.ProductViews, metric.Revenue} {
			row := metric.Row{Values: make([]metric.Value, len(columns))}
			for i := most; i < len(li.figures); i++ {
				row.Values[i].N = 7
			}
			if got := s.orderedBy(r, []metric.Row{row}); got.Metric != want || !got.Descending {
				t.Errorf("the first has %v: the head of %s says so, not that of %s", row.Values, got.Metric, want)
			}
		}
	}
	rows := []metric.Row{{Values: []metric.Value{{}, {}, {N: 3}, {}}}, {Values: []metric.Value{{}, {}, {N: 3}, {N: 1}}}}
	for _, x := range []struct {
		rows  []metric.Row
		short bool
		want  []bool
	}{{rows, true, []bool{false, false, true, true}}, {rows, false, []bool{true, true, true, true}}, {nil, true, []bool{true, true, true, true}}} {
		if got := tellingOf(li.figures, x.rows, x.short); !slices.Equal(got, x.want) {
			t.Errorf("of %v columns %v are told, want %v", x.rows, got, x.want)
		}
	}
	s.order = order{string(metric.Revenue), true} // as somebody wants it
	if got := s.orderedBy(s.rowsOf(span{zone: time.UTC}, li, li.figures), []metric.Row{{Values: make([]metric.Value, 4)}}); got.Metric != metric.Revenue {
		t.Errorf("ordered by %s", got.Metric)
	}
}
