package e2e

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"footfall/mail/mailtest"
)

// earn gives each affiliate an order, and approves what can be paid then.
func (a *affiliates) earn(t *testing.T, round int) {
	t.Helper()
	for i := range 3 {
		(&seller{affiliates: a}).until("/v1/orders", a.key, map[string]any{"order_id": fmt.Sprintf("%d-%d", round, i), "time": "2026-03-01T10:00:00Z", "currency": "USD", "coupon": fmt.Sprintf("a%d", i),
			"products": []any{map[string]any{"product_id": "p", "price": "100.00", "quantity": 1}}})
	}
	var made []struct{ Payout string }
	if a.ask(&made, "payout", "approve", "--site", a.at.ID); len(made) != 3 {
		t.Fatalf("%d payouts are made", len(made))
	}
}

// TestMailKill: the server is killed while the mail server has a letter about a
// payout and has not answered, and again as soon as payouts are approved. Every
// affiliate gets every letter. Only what was cut off after the mail server had it
// comes twice, with the same Message-ID, by which mail servers know it again.
func TestMailKill(t *testing.T) {
	t.Parallel()
	var first atomic.Bool
	arrived, gone := make(chan struct{}), make(chan struct{})
	post := mailtest.Start(t, mailtest.Options{Answer: func(mailtest.Received) *mailtest.Refusal {
		if first.CompareAndSwap(false, true) {
			close(arrived)
			<-gone
		}
		return nil
	}})
	a := newAffiliates(t, "FOOTFALL_MAIL=smtp://"+post.Address, "FOOTFALL_MAIL_FROM=stats@shop.example", "FOOTFALL_PUBLIC_URL=https://stats.example") // stopped
	a.start()
	a.earn(t, 1)
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("no letter was sent")
	}
	a.kill()
	close(gone)
	a.start()
	post.Wait(t, 4)
	a.earn(t, 2)
	a.kill()
	a.start()
	post.Wait(t, 7)
	time.Sleep(2 * time.Second) // nothing more may come

	ids, of := map[string]int{}, map[string]int{}
	for _, m := range post.Taken() {
		l := m.Read(t)
		if !strings.Contains(l.Subject, "50.00 USD is approved") {
			t.Errorf("came: %s", m.Raw)
		}
		if id := l.Get("Message-Id"); ids[id] == 0 {
			of[m.To]++
		}
		ids[l.Get("Message-Id")]++
	}
	doubled := 0
	for _, n := range ids {
		doubled += n - 1
	}
	if len(ids) != 6 || of["a0@example.com"] != 2 || of["a1@example.com"] != 2 || of["a2@example.com"] != 2 || doubled > 2 || doubled < 1 {
		t.Errorf("%d letters, by affiliate %v, %d came twice", len(ids), of, doubled)
	}
}
