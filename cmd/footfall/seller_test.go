package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/demo"
	"footfall/money"
	shops "footfall/shop"
)

// purse is what the demo's orders must bring an affiliate, in cents.
type purse struct{ earned, paid, held, rest int64 }

// purses adds the month up anew: whose an order is, what it earns, what is taken
// back, and what of it was in the payout.
func purses(m demo.Month) map[string]*purse {
	all, codes := map[string]*purse{}, map[string]string{}
	for _, a := range demo.Affiliates {
		all[a.Name] = &purse{}
		codes[a.Link], codes[a.Coupon], codes[a.Email] = a.Name, a.Name, a.Name
	}
	sum := map[string]int64{} // that the payout takes
	orders := map[string]shops.Report{}
	owner, left := map[string]string{}, map[string]int64{}
	for _, r := range m.Reports {
		if r.Order != nil {
			orders[r.Number], owner[r.Number] = r, codes[came(m, r)]
			for _, coupon := range r.Order.Coupons {
				owner[r.Number] = codes[coupon]
			}
			left[r.Number] = r.Order.Lines[0].Net
		}
		p, order, before := all[owner[r.Number]], orders[r.Number], left[r.Number]
		if p == nil {
			continue // nobody's
		}
		move := (before + 1) / 2
		switch {
		case r.Refund != nil && r.Refund.Full:
			left[r.Number], move = 0, -move
		case r.Refund != nil:
			left[r.Number] -= r.Refund.Amount
			move = (left[r.Number]+1)/2 - move
		case r.Dispute != nil:
			p.held += move
			move = -move
		}
		p.earned += move
		ready := order.Time.AddDate(0, 0, demoHold)
		switch {
		case codes[order.Email] != "":
			p.held += move // a flag
		case !r.Time.After(m.Payout) && ready.Before(m.Payout):
			sum[owner[r.Number]] += move
		default:
			p.rest += move
		}
	}
	for name, amount := range sum {
		if p := all[name]; amount >= 50_00 {
			p.paid = amount
		} else {
			p.rest += amount
		}
	}
	return all
}

var ref = regexp.MustCompile(`^\?ref=(\w+)`)

// came is the code of the last link that an order's customer came by.
func came(m demo.Month, order shops.Report) (code string) {
	for _, h := range m.Hits {
		if found := ref.FindStringSubmatch(h.Search); found != nil && h.Visitor == order.Anonymous && !h.Time.After(order.Time) {
			code = found[1]
		}
	}
	return code
}

// TestDemoSeller: the demo's three affiliates have to the cent what the orders
// bring, and the printed links show it.
func TestDemoSeller(t *testing.T) {
	dir := filepath.Join(shortDir(t), "d")
	want := purses(demo.NewMonth(time.Now(), demo.Seed))
	for name, p := range want {
		if p.paid == 0 || p.rest == 0 || (p.held == 0) != (name == "Ben") {
			t.Errorf("the demo shows too little of %s: %+v", name, p)
		}
	}
	beside(t, "Ctrl-C", func(said string) {
		h := &home{t: t, dir: dir}
		var all []struct {
			Name     string
			Balances map[string]map[string]string
		}
		if fault, code := h.typed(&all, "affiliate", "list", "--site", demo.Courses); code != 0 || len(all) != len(want) {
			t.Fatalf("%d affiliates: %d %s", len(all), code, fault)
		}
		for _, a := range all {
			got := map[string]int64{}
			for state, text := range a.Balances["EUR"] {
				n, err := money.Parse(text, "EUR")
				must(t, err)
				got[state] = n
			}
			if is := (purse{got["earned"], got["paid"], got["held"], got["pending"] + got["available"]}); is != *want[a.Name] || got["in_payout"] != 0 {
				t.Errorf("%s has %+v, want %+v", a.Name, is, *want[a.Name])
			}
		}
		anna := want["Anna"]
		page := follow(t, said, "Anna's portal")
		page = strings.ReplaceAll(page, ",", "")
		for label, amount := range map[string]int64{"Earned last 30 days": anna.earned, "Paid": anna.paid, "Held": anna.held} {
			if text := fmt.Sprintf("<dt>%s</dt><dd>%s\u00a0EUR</dd>", label, money.Format(amount, "EUR")); !strings.Contains(page, text) {
				t.Errorf("Anna's portal does not say %s", text)
			}
		}
		if page := follow(t, said, "Affiliates"); !strings.Contains(page, "cleo@example.com") {
			t.Error("the programme's page names no affiliates")
		}
		if page := follow(t, said, "Dashboard"); !strings.Contains(page, demo.Workshops) {
			t.Error("the dashboard names no site")
		}
	}, "demo", "--listen", "127.0.0.1:0", "--data", dir)
}

// follow logs in by a link that the demo printed, as its button does, and reads
// the page that it leads to.
func follow(t *testing.T, said, name string) string {
	t.Helper()
	found := regexp.MustCompile(`  ` + name + `: +(\S+)`).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("the demo prints no link %q: %s", name, said)
	}
	link, err := url.Parse(found[1])
	must(t, err)
	jar, _ := cookiejar.New(nil) // never fails
	browser := http.Client{Jar: jar}
	res, err := browser.PostForm("http://"+link.Host+link.Path, link.Query())
	must(t, err)
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	must(t, err)
	if next := link.Query().Get("next"); res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Request.URL.RequestURI(), next) {
		t.Fatalf("%s leads to %s: %d", found[1], res.Request.URL, res.StatusCode)
	}
	return string(page)
}
