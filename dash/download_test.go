package dash

import (
	"encoding/csv"
	"html"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"footfall/account"
)

var (
	fullList = regexp.MustCompile(`(?s)<section class="card list full">.*?</section>`)
	listRow  = regexp.MustCompile(`<span class="label">([^<]*)</span><span class="share">[^<]*</span><span class="n">([^<]*)</span>`)
	listFile = regexp.MustCompile(`href="([^"]*)" download`)
)

// TestEveryListHasItsFile: the file that a list links to has the list's rows, in its
// order and with its figures, also those that the page leaves out.
func TestEveryListHasItsFile(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	for _, b := range boxes {
		names := []string{string(detailOf(b))}
		for _, tab := range b.tabs {
			names = append(names, string(tab.by))
		}
		for _, name := range names {
			where := "/?site=" + w.site.ID + "&period=Last7Days&country=DE&detail=" + name
			if name != names[0] {
				where += "&tab=" + name
			}
			list := fullList.FindString(w.get(t, where))
			link := listFile.FindStringSubmatch(list)
			if link == nil {
				t.Errorf("%s: no link in %q", name, list)
				continue
			}
			rows, err := csv.NewReader(strings.NewReader(w.get(t, html.UnescapeString(link[1])))).ReadAll()
			shown := listRow.FindAllStringSubmatch(list, -1)
			if err != nil || len(rows) < 2 || len(shown) != len(rows)-1 || rows[0][1] != string(b.counts) {
				t.Errorf("%s: %d rows, in the file %v, %v", name, len(shown), rows, err)
				continue
			}
			for i, r := range shown {
				if n, err := strconv.ParseInt(rows[i+1][1], 10, 64); err != nil || whole(n) != r[2] {
					t.Errorf("%s: %v is %v in the file", name, r[1:], rows[i+1])
				}
			}
		}
	}
	invented["page"] = slices.Concat([]string{"=HYPERLINK(1)"}, invented["page"])
	defer func() { invented["page"] = invented["page"][1:] }()
	if file := w.get(t, "/?csv=page"); !strings.Contains(file, "\n'=HYPERLINK(1),") {
		t.Errorf("a formula stands in the file:\n%s", file)
	}
	if short := w.get(t, "/"); strings.Count(w.get(t, "/?csv=page"), "\n") <= rowsShort+1 || strings.Count(short, " download") != len(boxes) {
		t.Errorf("%d links on the page", strings.Count(short, " download"))
	}
}

// TestFilesOfShares: a share's lists link to files of the share's site, whatever the
// URL names; who has neither a share nor a session gets none.
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
	w.source.asked = nil
	if rec := ask("/share/" + token + "?csv=page&site=shop-example"); rec.Code != 200 || !strings.HasPrefix(rec.Body.String(), "page,PageViews\n/,") {
		t.Error(rec.Code, rec.Body)
	}
	for _, q := range w.source.asked {
		if q.Site != w.site.ID {
			t.Errorf("a share of %s shows %s", w.site.ID, q.Site)
		}
	}
	if rec := ask("/share/" + token + "?csv=property"); rec.Code != 404 {
		t.Error("a list that there is not", rec.Code)
	}
	if rec := ask("/?csv=page"); rec.Code == 200 && strings.Contains(rec.Body.String(), "PageViews") {
		t.Error("nobody gets a file")
	}
}
