package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"footfall/engine/postgres/postgrestest"
)

// affiliates is a server with a programme at 50 % without a hold, and three
// affiliates with a link and a coupon each: A0, A1, A2.
type affiliates struct {
	*server
	at  site
	key string
}

func newAffiliates(t *testing.T, env ...string) *affiliates {
	t.Helper()
	a := &affiliates{server: newServer(t)}
	a.env = env
	a.at = a.addSite("shop.example")
	a.ask(nil, "program", "set", "Courses", "--site", a.at.ID, "--rate", "50%", "--hold", "0")
	for i := range 3 {
		email := fmt.Sprintf("a%d@example.com", i)
		a.ask(nil, "affiliate", "add", email, "--name", fmt.Sprintf("A%d", i), "--site", a.at.ID)
		a.ask(nil, "code", "add", fmt.Sprintf("A%d", i), "--affiliate", email, "--site", a.at.ID, "--coupon")
		a.ask(nil, "code", "add", fmt.Sprintf("link-%d", i), "--affiliate", email, "--site", a.at.ID, "--landing", "https://shop.example/")
	}
	var key struct{ Token string }
	a.ask(&key, "key", "add", "--site", a.at.ID, "--scope", "orders")
	a.key = key.Token
	return a
}

// seller is a shop and its visitors as the test sent them, and what must follow.
type seller struct {
	*affiliates
	ended  atomic.Bool
	mu     sync.Mutex
	earned [3]int64 // cents
	orders int
	clicks int
}

// sell sends clicks, orders and refunds, each until it is answered: the server
// is killed meanwhile.
func (s *seller) sell(worker int) {
	for n := 0; !s.ended.Load(); n++ {
		who, visitor := (worker+n)%3, fmt.Sprintf("v-%d-%d", worker, n)
		number, net := fmt.Sprintf("%d-%d", worker, n), int64(1001+37*n)
		s.until("/v1/page", "", map[string]any{"messageId": visitor, "anonymousId": visitor, "writeKey": s.at.WriteKey,
			"context": map[string]any{"page": map[string]any{"url": fmt.Sprintf("https://shop.example/?ref=link-%d", who)}}})
		order := map[string]any{"order_id": number, "time": "2026-03-01T10:00:00Z", "currency": "USD", "coupon": fmt.Sprintf("a%d", who),
			"products": []any{map[string]any{"product_id": "p", "price": dollars(net), "quantity": 1}}}
		s.until("/v1/orders", s.key, order)
		if n%2 == 0 {
			back := net / int64(2+n%3)
			s.until("/v1/refunds", s.key, map[string]any{"order_id": number, "time": "2026-03-02T10:00:00Z", "refund_id": "r", "revenue": dollars(back)})
			net -= back
		}
		s.mu.Lock()
		s.earned[who] += (net + 1) / 2
		s.orders++
		s.clicks++
		s.mu.Unlock()
	}
}

func dollars(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// until sends a request again until it is answered 2xx. It is a browser's: what
// machines say of clicks does not count.
func (s *seller) until(path, key string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Error(err)
		return
	}
	for {
		r, err := http.NewRequest("POST", s.url(path)+"?site="+s.at.ID, bytes.NewReader(text))
		if err != nil {
			s.t.Error(err)
			return
		}
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		if r.Header.Set("Content-Type", "application/json"); key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		res, err := http.DefaultClient.Do(r)
		if err == nil {
			answer, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode/100 == 2 {
				return
			}
			if res.StatusCode != http.StatusServiceUnavailable && res.StatusCode != http.StatusTooManyRequests {
				s.t.Errorf("%s: %d %s", path, res.StatusCode, answer)
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// control asks what a command asks the server, without a process of its own for
// each; a server that is gone says nothing.
func (s *seller) control(method, path string, form url.Values, into any) {
	door := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.data, "footfall.sock"))
	}}}
	r, err := http.NewRequest(method, "http://x"+path+"?"+form.Encode(), nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	if res, err := door.Do(r); err == nil {
		_ = json.NewDecoder(res.Body).Decode(into)
		res.Body.Close()
	}
}

// pay approves what can be paid and moves payouts on, again and again; what the
// kills cut off is tried again.
func (s *seller) pay() {
	for !s.ended.Load() {
		var made []struct{ Payout string }
		s.control("POST", "/payout/approve", url.Values{"site": {s.at.ID}}, &made)
		for i, p := range made {
			var ignored any
			for _, state := range [][]string{{"sent", "paid"}, {"sent", "failed"}, {"sent"}, {}}[i%4] {
				s.control("POST", "/payout/advance", url.Values{"payout": {p.Payout}, "state": {state}}, &ignored)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestLedgerKill kills the server at random moments while clicks, orders,
// refunds and payouts come: what was answered is in the ledger once, sums of the
// portal, the ledger and the files are the same, and so is what a webhook was told.
func TestLedgerKill(t *testing.T) {
	t.Parallel()
	ledgerKill(t, newAffiliates(t), 10, func(int) {})
}

// TestLedgerKillPostgreSQL has control data and ledger in a PostgreSQL, which
// crashes, too.
func TestLedgerKillPostgreSQL(t *testing.T) {
	engine := postgrestest.Start(t)
	ledgerKill(t, newAffiliates(t, "FOOTFALL_CONTROL="+engine.URL("shop")), 6, func(kill int) {
		if kill%3 == 1 {
			engine.Restart()
		}
	})
	if n := engine.Ask("SELECT count(*)::text FROM shop_ledger.orders"); n == "0" {
		t.Error("no order is in PostgreSQL")
	}
}

// ledgerKill has trouble of its own before each kill.
func ledgerKill(t *testing.T, a *affiliates, kills int, trouble func(kill int)) {
	s := &seller{affiliates: a}
	b := tellBooks(s.affiliates)
	s.start()
	var work sync.WaitGroup
	for worker := range 4 {
		work.Go(func() { s.sell(worker) })
	}
	work.Go(s.pay)
	for kill := range kills {
		time.Sleep(time.Duration(200+rand.IntN(600)) * time.Millisecond)
		trouble(kill)
		s.kill()
		s.start()
	}
	within(t, time.Minute, func() error { // payouts have had time between the kills, too
		var payouts []struct{ Payout string }
		if s.ask(&payouts, "payout", "list", "--site", s.at.ID); len(payouts) < 3 {
			return fmt.Errorf("%d payouts", len(payouts))
		}
		return nil
	})
	s.ended.Store(true)
	work.Wait()
	s.quiet()
	var balances []struct {
		Name     string
		Balances map[string]map[string]string
	}
	within(t, time.Minute, func() error { // the ledger reads the queue, too, with pauses where the database was away
		if got := s.query("--metric", "Clicks", "--from", "2020-01-01", "--to", "2030-01-01", "--step", "total")[0].Value; got != int64(s.clicks) {
			return fmt.Errorf("%d clicks, want %d", got, s.clicks)
		}
		return nil
	})
	s.ask(&balances, "affiliate", "list", "--site", s.at.ID)
	total := int64(0)
	for i, a := range balances {
		b := a.Balances["USD"]
		if b["earned"] != dollars(s.earned[i]) {
			t.Errorf("%s earned %s, want %s", a.Name, b["earned"], dollars(s.earned[i]))
		}
		total += s.earned[i]
	}
	var orders []struct{ Order string }
	s.ask(&orders, "order", "list", "--limit", "0")
	if len(orders) != s.orders {
		t.Errorf("%d orders, want %d", len(orders), s.orders)
	}
	var figure struct{ Dataset []struct{ Value json.Number } }
	s.ask(&figure, "query", "--metric", "Commissions", "--from", "2020-01-01", "--to", "2030-01-01", "--step", "total")
	if got, err := figure.Dataset[0].Value.Float64(); err != nil || int64(got*100+0.5) != total {
		t.Errorf("commissions are %v, want %s", figure.Dataset[0].Value, dollars(total))
	}
	n := s.checkPayouts(t, balances[0].Balances["USD"], balances[1].Balances["USD"], balances[2].Balances["USD"])
	s.toldAll(t, b)
	t.Logf("%d kills: %d clicks, %d orders, %s earned, %d payouts", kills, s.clicks, s.orders, dollars(total), n)
}

// checkPayouts compares payouts with their statements and with the balances.
func (s *seller) checkPayouts(t *testing.T, balances ...map[string]string) (n int) {
	t.Helper()
	var payouts []struct{ Payout, State, Decimal string }
	s.ask(&payouts, "payout", "list", "--site", s.at.ID)
	out := int64(0)
	for _, p := range payouts {
		if p.State == "failed" {
			continue
		}
		var file struct{ CSV string }
		s.control("POST", "/payout/statement", url.Values{"payout": {p.Payout}}, &file)
		rows, err := csv.NewReader(strings.NewReader(file.CSV)).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Fatalf("statement of %s: %v\n%s", p.Payout, err, file.CSV)
		}
		sum := int64(0)
		for _, row := range rows[1:] {
			sum += cents(t, row[9])
		}
		if dollars(sum) != p.Decimal {
			t.Errorf("payout %s is of %s, its statement adds up to %s", p.Payout, p.Decimal, dollars(sum))
		}
		out += sum
	}
	for _, b := range balances {
		out -= cents(t, b["paid"]) + cents(t, b["in_payout"])
	}
	if out != 0 || len(payouts) < 3 {
		t.Errorf("%d payouts, which differ from the balances by %d cents", len(payouts), out)
	}
	return len(payouts)
}

func cents(t *testing.T, decimal string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.ReplaceAll(decimal, ".", ""), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// within tries again until it is right.
func within(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Since(began) > limit {
			t.Error(err)
			return
		}
	}
}

// TestProgramIsAudited: what was changed stands in the audit log, without what
// was said of people.
func TestProgramIsAudited(t *testing.T) {
	t.Parallel()
	a := newAffiliates(t)
	var changes []struct{ Who, What, Target string }
	text := a.ask(&changes, "audit")
	found := map[string]int{}
	for _, c := range changes {
		found[c.What]++
	}
	if found["program set"] != 1 || found["affiliate add"] != 3 || found["code add"] != 6 || strings.Contains(text, "a0@example.com") {
		t.Errorf("%v\n%s", found, text)
	}
	before := len(changes)
	a.ask(nil, "order", "list")
	if a.ask(&changes, "audit"); len(changes) != before {
		t.Errorf("a look is in the log: %v", changes)
	}
}
