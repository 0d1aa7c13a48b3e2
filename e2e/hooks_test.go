package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// books is a webhook of an affiliate programme that keeps what it is told. It
// checks signatures by itself, and has every seventh event sent again.
type books struct {
	t      testing.TB
	hook   string // id
	secret string
	mu     sync.Mutex
	n      int
	bodies map[string]string // by event id
}

// tellBooks has a programme tell a new receiver everything.
func tellBooks(a *affiliates) *books {
	b := &books{t: a.t, bodies: map[string]string{}}
	server := httptest.NewServer(b)
	a.t.Cleanup(server.Close)
	var made struct{ Hook, Secret string }
	a.ask(&made, "hook", "add", server.URL, "--site", a.at.ID)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hook, b.secret = made.Hook, made.Secret
	return b
}

func (b *books) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	at, signed, _ := strings.Cut(r.Header.Get("Footfall-Signature"), ",v1=")
	mac := hmac.New(sha256.New, []byte(b.secret))
	mac.Write([]byte(strings.TrimPrefix(at, "t=") + "."))
	mac.Write(body)
	if err != nil || signed != hex.EncodeToString(mac.Sum(nil)) {
		b.t.Errorf("%v, the signature %s of %s is not right", err, r.Header.Get("Footfall-Signature"), body)
	}
	var told struct{ ID string }
	if err := json.Unmarshal(body, &told); err != nil || told.ID == "" {
		b.t.Errorf("%v: %s", err, body)
	}
	before, known := b.bodies[told.ID]
	if known && before != string(body) {
		b.t.Errorf("%s is %s, and was %s", told.ID, body, before)
	}
	b.bodies[told.ID] = string(body)
	if b.n++; !known && len(b.bodies)%7 == 0 {
		http.Error(w, "kept, but once more, please", http.StatusInternalServerError)
	}
}

// ledger is what was told: orders that were attributed, by affiliate how much is
// earned, and payouts by kind.
func (b *books) ledger() (orders map[string]int, earned map[string]int64, payouts map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	orders, earned, payouts = map[string]int{}, map[string]int64{}, map[string]int{}
	for _, body := range b.bodies {
		var told struct {
			Kind string
			Data struct {
				Order     struct{ Number string }
				Affiliate struct{ Name string }
				Amount    struct{ Minor int64 }
			}
		}
		if err := json.Unmarshal([]byte(body), &told); err != nil {
			b.t.Error(err)
		}
		switch d := told.Data; told.Kind {
		case "order.attributed":
			orders[d.Order.Number]++
		case "commission.created":
			earned[d.Affiliate.Name] += d.Amount.Minor
		case "commission.reversed":
			earned[d.Affiliate.Name] -= d.Amount.Minor
		default:
			payouts[told.Kind]++
		}
	}
	return orders, earned, payouts
}

// toldAll checks that the seller's webhook was told everything, each event by one
// id, whatever was killed.
func (s *seller) toldAll(t *testing.T, b *books) {
	t.Helper()
	within(t, 90*time.Second, func() error { // what failed is tried again after ten seconds and more
		for _, state := range []string{"waiting", "dead"} {
			var left []struct{ Notice, Why string }
			if s.ask(&left, "hook", "log", b.hook, "--state", state, "--limit", "0"); len(left) > 0 {
				return fmt.Errorf("%d notices are %s, such as %+v", len(left), state, left[0])
			}
		}
		return nil
	})
	orders, earned, payouts := b.ledger()
	if twice := slices.DeleteFunc(slices.Collect(maps.Values(orders)), func(n int) bool { return n == 1 }); len(orders) != s.orders || len(twice) > 0 {
		t.Errorf("told of %d orders, %d of them by several ids; there are %d", len(orders), len(twice), s.orders)
	}
	for i, want := range s.earned {
		if got := earned[fmt.Sprint("A", i)]; got != want {
			t.Errorf("told that A%d earned %s, it is %s", i, dollars(got), dollars(want))
		}
	}
	var all []struct{ State string }
	s.ask(&all, "payout", "list", "--site", s.at.ID)
	states := map[string]int{}
	for _, p := range all {
		states[p.State]++
	}
	if payouts["payout.approved"] != len(all) || payouts["payout.paid"] != states["paid"] || payouts["payout.failed"] != states["failed"] ||
		payouts["payout.sent"] != states["sent"]+states["paid"]+states["failed"] || payouts["commission.available"] == 0 {
		t.Errorf("told %v, payouts are %v", payouts, states)
	}
	t.Logf("told %d events in %d messages", len(b.bodies), b.n)
}
