package affiliate

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/ledger"
	"footfall/money"
)

func nobodyHeld(_, _ string) bool { return false }

// due is a commission that is available some days before the cut-off, which is
// the time of the tests' order.
func due(id string, amount int64, days int) ledger.Entry {
	return ledger.Entry{ID: id, Program: "courses", Affiliate: "A", Order: "o" + id, Line: "a", Kind: ledger.Earn, Amount: amount, Currency: "EUR",
		Occurred: after(-days - 30), Available: after(-days), Cause: CauseOrder}
}

func TestRule16Select(t *testing.T) {
	with := func(e ledger.Entry, change func(*ledger.Entry)) ledger.Entry { change(&e); return e }
	dollars := func(e *ledger.Entry) { e.Currency = "USD" }
	least := map[string]int64{"EUR": 100}
	for _, c := range []struct {
		name    string
		entries []ledger.Entry
		want    string
	}{
		{"enough, sorted by id", []ledger.Entry{due("2", 60, 1), due("1", 40, 2)}, "EUR: 1 2;"},
		{"one too few", []ledger.Entry{due("1", 40, 1), due("2", 59, 2)}, ""},
		{"at the cut-off is too late", []ledger.Entry{due("1", 100, 0), due("2", 100, 1)}, "EUR: 2;"},
		{"1 ms before it is not", []ledger.Entry{with(due("1", 100, 0), func(e *ledger.Entry) { e.Available = e.Available.Add(-time.Millisecond) })}, "EUR: 1;"},
		{"in a payout", []ledger.Entry{with(due("1", 100, 1), func(e *ledger.Entry) { e.Payout = "p" }), due("2", 100, 1)}, "EUR: 2;"},
		{"none of a held order", []ledger.Entry{with(due("1", 100, 1), func(e *ledger.Entry) { e.Order = "held" }), with(due("2", -30, 1), func(e *ledger.Entry) { e.Order = "held" }), due("3", 100, 1)}, "EUR: 3;"},
		{"money that left is no commission", []ledger.Entry{due("1", 100, 1), with(due("2", -100, 1), func(e *ledger.Entry) { e.Kind = ledger.PaidOut })}, "EUR: 1;"},
		{"by currency", []ledger.Entry{with(due("1", 1, 1), dollars), due("2", 99, 1)}, "USD: 1;"},
		{"nothing of nothing", []ledger.Entry{with(due("1", 10, 1), dollars), with(due("2", -10, 1), dollars)}, ""},
		{"with what came back since", []ledger.Entry{with(due("2", -40, -5), func(e *ledger.Entry) { e.Order = "o1" }), due("1", 140, 1), due("3", -90, -5), with(due("4", 90, -5), func(e *ledger.Entry) { e.Order = "o1" })}, "EUR: 1 2;"},
		{"of another currency since", []ledger.Entry{with(with(due("2", -40, -5), func(e *ledger.Entry) { e.Order = "o1" }), dollars), due("1", 100, 1)}, "EUR: 1;"},
		{"in a payout since", []ledger.Entry{with(due("2", -40, -5), func(e *ledger.Entry) { e.Order, e.Payout = "o1", "p" }), due("1", 100, 1)}, "EUR: 1;"},
		{"a negative balance waits", []ledger.Entry{due("1", 100, 1), due("2", -101, 1)}, ""},
	} {
		got := ""
		selected := Select(ledger.Program{MinPayout: least}, c.entries, func(order, _ string) bool { return order == "held" }, ordered)
		for _, currency := range []string{"EUR", "USD"} {
			if list := selected[currency]; len(list) > 0 {
				got += currency + ": " + strings.Join(idsOf(list), " ") + ";"
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func idsOf(entries []ledger.Entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

// A refund after a payout lowers the next one; what was paid stays as it was.
func TestRule12NextPayout(t *testing.T) {
	program := ledger.Program{ID: "courses"}
	entries := []ledger.Entry{due("1", 100, 40)}
	first := DraftOf("courses", "A", "EUR", Select(program, entries, nobodyHeld, after(-30))["EUR"], after(-30), after(-30))
	entries[0].Payout = "p1"
	paid := entries[0]
	entries = append(entries, due("2", -70, 20), due("3", 50, 10))
	if got := Select(program, entries, nobodyHeld, after(-5)); len(got) > 0 {
		t.Errorf("a payout of %+v", got)
	}
	entries = append(entries, due("4", 60, 4))
	next := DraftOf("courses", "A", "EUR", Select(program, entries, nobodyHeld, ordered)["EUR"], ordered, ordered)
	if first.Amount != 100 || next.Amount != 40 || next.Entries != 3 || entries[0] != paid {
		t.Errorf("first %+v\nnext %+v", first, next)
	}
}

// Whatever cut-offs there are, each entry is paid once and all sums agree.
func TestRule16EachEntryOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 17))
	for range 100 {
		var entries []ledger.Entry
		program := ledger.Program{MinPayout: map[string]int64{"EUR": r.Int64N(200)}}
		var paid int64
		for round := range 10 {
			for range r.IntN(4) {
				entries = append(entries, due(fmt.Sprintf("%03d", len(entries)), r.Int64N(200)-80, r.IntN(20)-round))
			}
			cutoff := after(round)
			selected := Select(program, entries, nobodyHeld, cutoff)["EUR"]
			paid += DraftOf("courses", "A", "EUR", selected, cutoff, cutoff).Amount
			for i := range entries {
				if slices.Contains(idsOf(selected), entries[i].ID) {
					if entries[i].Payout != "" {
						t.Fatalf("%s is paid twice", entries[i].ID)
					}
					entries[i].Payout = fmt.Sprint("p", round)
				}
			}
		}
		for _, e := range entries {
			if e.Payout != "" {
				paid -= e.Amount
			}
		}
		if paid != 0 {
			t.Fatalf("%d were paid for nothing", paid)
		}
	}
}

func TestRule16Draft(t *testing.T) {
	entries := []ledger.Entry{due("b", 60, 1), due("a", -10, 1)}
	p := DraftOf("courses", "A", "EUR", entries, ordered.Add(time.Microsecond), after(1))
	const hash = "1fe65d34d190b56a" // of "a -10\nb 60\n"
	want := ledger.Payout{Program: "courses", Affiliate: "A", Currency: "EUR", Cutoff: ordered, Hash: p.Hash, Entries: 2, Amount: 50, State: ledger.Draft, Created: after(1), Changed: after(1)}
	if p != want || len(p.Hash) != 64 || !strings.HasPrefix(p.Hash, hash) {
		t.Errorf("the draft is %+v", p)
	}
	slices.Reverse(entries)
	if HashOf(entries) != p.Hash {
		t.Error("the order of entries changes the hash")
	}
	entries[0].Amount++
	if HashOf(entries) == p.Hash || HashOf(entries[:1]) == p.Hash {
		t.Error("other entries have the same hash")
	}
}

func TestRule12Moves(t *testing.T) {
	states := []ledger.PayoutState{ledger.Draft, ledger.Approved, ledger.Sent, ledger.Paid, ledger.Failed}
	allowed := "draft>approved draft>failed approved>sent approved>failed sent>paid sent>failed "
	got := ""
	for _, from := range states {
		for _, to := range states {
			err := Move(ledger.Payout{ID: "p7", State: from}, to)
			if err == nil {
				got += fmt.Sprintf("%s>%s ", from, to)
			} else if !strings.Contains(err.Error(), "payout p7 is "+string(from)) {
				t.Errorf("the error is %v", err)
			}
		}
	}
	if got != allowed {
		t.Errorf("allowed are %s, want %s", got, allowed)
	}
}

func TestRule16CSV(t *testing.T) {
	row := func(id, affiliate, currency string, amount int64, name string) ledger.Payout {
		p := ledger.Payout{ID: id, Affiliate: affiliate, Currency: currency, Amount: amount, Entries: 2, Cutoff: ordered, Hash: "ab", State: ledger.Approved}
		p.Name, p.Email, p.Account = name, affiliate+"@example.org", "+49"
		return p
	}
	rows := []ledger.Payout{row("p3", "B", "KWD", 1250, "Zoë, \"Z\""), row("p2", "B", "EUR", 1250, "=1+1"), row("p1", "A", "JPY", 1250, "@x"), row("p0", "A", "EUR", 5, "-y\nz")}
	var first bytes.Buffer
	if err := WritePayouts(&first, "csv", rows); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`payout,affiliate,name,email,payout_reference,currency,amount,entries,cut_off,entries_hash
p0,A,"'-y
z",A@example.org,'+49,EUR,0.05,2,2026-03-31T12:00:00.000Z,ab
p2,B,'=1+1,B@example.org,'+49,EUR,12.50,2,2026-03-31T12:00:00.000Z,ab
p1,A,'@x,A@example.org,'+49,JPY,1250,2,2026-03-31T12:00:00.000Z,ab
p3,B,"Zoë, ""Z""",B@example.org,'+49,KWD,1.250,2,2026-03-31T12:00:00.000Z,ab
`, "\n", "\r\n")
	if first.String() != want {
		t.Errorf("the file is\n%q\nwant\n%q", first.String(), want)
	}
	// Later, and listed otherwise: the same bytes.
	slices.Reverse(rows)
	for i := range rows {
		rows[i].State, rows[i].External, rows[i].Changed = ledger.Paid, "x", after(9)
	}
	var again bytes.Buffer
	if err := WritePayouts(&again, "csv", rows); err != nil || again.String() != first.String() {
		t.Errorf("again it is\n%q, %v", again.String(), err)
	}
	if err := WritePayouts(full{}, "csv", rows); err == nil {
		t.Error("a full disk is no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left") }

// The sum of a statement is the payout's amount.
func TestRule17Statement(t *testing.T) {
	entries := []ledger.Entry{due("2", 60, 1), due("1", -10, 0), due("3", 5, 9)}
	for i := range entries {
		entries[i].Product = "=cmd"
	}
	p := DraftOf("courses", "A", "EUR", entries, ordered, ordered)
	p.ID = "p1"
	left := ledger.Entry{ID: "0", Kind: ledger.PaidOut, Amount: -55, Currency: "EUR", Payout: "p1"}
	var out, again bytes.Buffer
	if err := WriteStatement(&out, "csv", p, append(entries, left)); err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(table) != 4 || table[1][1] != "3" || table[3][1] != "1" || table[1][7] != "'=cmd" {
		t.Fatalf("the table is %v, %v", table, err)
	}
	sum := int64(0)
	for _, row := range table[1:] {
		amount, err := money.Parse(row[9], row[10])
		if err != nil {
			t.Fatal(err)
		}
		sum += amount
	}
	if sum != p.Amount {
		t.Errorf("the statement adds up to %d, the payout is of %d", sum, p.Amount)
	}
	slices.Reverse(entries)
	if err := WriteStatement(&again, "csv", p, entries); err != nil || again.String() != out.String() {
		t.Errorf("again it is %q, %v", again.String(), err)
	}
	again.Reset()
	if err := WriteStatement(&again, "csv", p, entries[1:]); err == nil || again.Len() > 0 {
		t.Errorf("a statement of other entries: %v, %q", err, again.String())
	}
}
