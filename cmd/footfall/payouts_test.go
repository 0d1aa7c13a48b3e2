package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/ledger"
	trade "footfall/shop"
)

// earner makes a programme whose affiliate has an order of 100.00 with 50 % and no hold.
func earner(t *testing.T, h *home, site account.Site, email, code string) {
	t.Helper()
	for _, args := range []string{
		"affiliate add " + email + " --name " + code + " --site " + site.ID,
		"code add " + code + " --affiliate " + email + " --site " + site.ID + " --coupon",
	} {
		if fault, failed := h.typed(nil, strings.Fields(args)...); failed != 0 {
			t.Fatal(fault)
		}
	}
	order(t, h, site, code, code+"-1")
}

func order(t *testing.T, h *home, site account.Site, coupon, number string) {
	t.Helper()
	_, err := h.desk.Take(t.Context(), trade.Report{Site: site.ID, From: trade.FromAPI, Verified: true, Number: number, Time: time.Now().Add(-time.Hour),
		Order: &trade.Order{Currency: "EUR", Coupons: []string{coupon}, Lines: []ledger.Line{{ID: "1", Product: "p", Quantity: 1, Net: 10000}}}})
	must(t, err)
}

// TestApproveWhatWasSeen: payouts are made of exactly what a preview showed, or
// none are; without that, of what there is at the moment.
func TestApproveWhatWasSeen(t *testing.T) {
	h := newHome(t)
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "a.example", Currency: "EUR"})
	must(t, err)
	if fault, failed := h.typed(nil, "program", "set", "P", "--site", site.ID, "--rate", "50%", "--hold", "0"); failed != 0 {
		t.Fatal(fault)
	}
	earner(t, h, site, "a@example.com", "ANNA")
	earner(t, h, site, "b@example.com", "BERT")
	var shown, made []spelledPayout
	ask := func(into any, args string) string {
		fault, _ := h.typed(into, strings.Fields("payout "+args+" --site "+site.ID)...)
		return fault
	}
	if ask(&shown, "preview --affiliate a@example.com"); len(shown) != 1 || shown[0].Decimal != "50.00" {
		t.Fatalf("%+v", shown)
	}
	text, _ := told(t, h.dir, "payout", "preview", "--site", site.ID)
	if !strings.Contains(text, "--seen ") || !strings.Contains(text, shown[0].Hash[:shownHash]) {
		t.Error(text)
	}
	order(t, h, site, "ANNA", "late")
	if fault := ask(&made, "approve --seen "+shown[0].Hash[:shownHash]); !strings.Contains(fault, "look at the proposal again") || made != nil {
		t.Errorf("%s%+v", fault, made)
	}
	if fault := ask(&made, "approve --seen abc"); !strings.Contains(fault, "is not a hash") {
		t.Error(fault)
	}
	ask(&shown, "preview --affiliate a@example.com")
	if fault := ask(&made, "approve --affiliate b@example.com --seen "+shown[0].Hash); !strings.Contains(fault, "look at the proposal again") || made != nil {
		t.Errorf("%s%+v", fault, made)
	}
	if fault := ask(&made, "approve --seen "+shown[0].Hash); len(made) != 1 || made[0].Decimal != "100.00" || made[0].Name != "ANNA" {
		t.Errorf("%s%+v", fault, made)
	}
	if fault := ask(&made, "approve"); len(made) != 1 || made[0].Decimal != "50.00" || made[0].Name != "BERT" {
		t.Errorf("%s%+v", fault, made)
	}
	if text, _ := told(t, h.dir, "payout", "preview", "--site", site.ID); !strings.Contains(text, "Nothing can be paid out") {
		t.Error(text)
	}
}

// TestCareIsWaitedFor: a house that has just begun looks for old events to
// remove; who comes meanwhile waits for that, and not for ever.
func TestCareIsWaitedFor(t *testing.T) {
	h := newHome(t)
	must(t, h.takeCare(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := h.takeCare(ctx); err == nil {
		t.Error("two have it at a time")
	}
	time.AfterFunc(50*time.Millisecond, h.giveCare)
	must(t, h.takeCare(t.Context()))
	h.giveCare()
}
