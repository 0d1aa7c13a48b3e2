package affiliate

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/ledger"
	"footfall/money"
	"footfall/sheet"
)

// Select picks what the next payouts of an affiliate take, by currency, sorted by
// id (rule 16): of the affiliate's entries those that are ready. A currency
// whose sum is not above zero, or below the programme's least, is left for later:
// so what was taken back after a payout lowers the next one (rule 12).
func Select(p ledger.Program, entries []ledger.Entry, held func(order, currency string) bool, cutoff time.Time) map[string][]ledger.Entry {
	all := ready(entries, held, cutoff)
	for currency, list := range all {
		if sum := amountOf(list); sum <= 0 || sum < p.MinPayout[currency] {
			delete(all, currency)
			continue
		}
		slices.SortFunc(list, byID)
	}
	return all
}

// ready are the entries, by currency, that are commissions, in no payout, of no
// order that is held, and available before the cut-off. Of an order that has one
// of these, what was taken back since the cut-off goes with it: else money would
// be paid that was given back or is disputed by then.
func ready(entries []ledger.Entry, held func(order, currency string) bool, cutoff time.Time) map[string][]ledger.Entry {
	type lot struct{ order, currency string }
	all, begun := map[string][]ledger.Entry{}, map[lot]bool{}
	for _, since := range []bool{false, true} {
		for _, e := range entries {
			of := lot{e.Order, e.Currency}
			switch {
			case !e.Kind.Payable() || e.Payout != "" || held(e.Order, e.Currency):
			case e.Available.Before(cutoff) == since || since && (e.Amount >= 0 || !begun[of]):
			default:
				begun[of] = true
				all[e.Currency] = append(all[e.Currency], e)
			}
		}
	}
	return all
}

func byID(a, b ledger.Entry) int { return cmp.Compare(a.ID, b.ID) }

func amountOf(entries []ledger.Entry) (sum int64) {
	for _, e := range entries {
		sum += e.Amount
	}
	return sum
}

// DraftOf is a payout of entries of one affiliate and currency. ID is left to
// the caller.
func DraftOf(program, affiliate, currency string, entries []ledger.Entry, cutoff, now time.Time) ledger.Payout {
	return ledger.Payout{
		Program: program, Affiliate: affiliate, Currency: currency, Cutoff: stamp(cutoff),
		Hash: HashOf(entries), Entries: len(entries), Amount: amountOf(entries),
		State: ledger.Draft, Created: stamp(now), Changed: stamp(now),
	}
}

// HashOf is what tells whether entries are the same: the SHA-256, in hexadecimal
// digits, of their ids and amounts in minor units ("id amount" and a line feed
// each), sorted by id.
func HashOf(entries []ledger.Entry) string {
	h := sha256.New()
	for _, e := range slices.SortedFunc(slices.Values(entries), byID) {
		fmt.Fprintf(h, "%s %d\n", e.ID, e.Amount)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// moves are the states that a payout can go to.
var moves = map[ledger.PayoutState][]ledger.PayoutState{
	ledger.Draft:    {ledger.Approved, ledger.Failed},
	ledger.Approved: {ledger.Sent, ledger.Failed},
	ledger.Sent:     {ledger.Paid, ledger.Failed},
}

// Move checks that a payout may go to another state: from draft to approved, sent
// and paid, one after the other. Until it is paid it can fail, which lets its
// entries go. What is paid or failed is never changed. The error is for whoever
// wanted it.
func Move(p ledger.Payout, to ledger.PayoutState) error {
	if slices.Contains(moves[p.State], to) {
		return nil
	}
	if len(moves[p.State]) == 0 {
		return fmt.Errorf("payout %s is %s, which is for good: make a new one", p.ID, p.State)
	}
	next := make([]string, len(moves[p.State]))
	for i, state := range moves[p.State] {
		next[i] = string(state)
	}
	return fmt.Errorf("payout %s is %s and can't be %s: it can be %s", p.ID, p.State, to, strings.Join(next, " or "))
}

// WriteCSV writes payouts for whoever sends the money: RFC 4180 in UTF-8 with a
// header, sorted by currency, affiliate and payout, amounts with exactly the
// currency's decimals. A row tells nothing that changes while its payout is on
// the way, so that the same payouts are the same bytes again (rule 16).
func WriteCSV(w io.Writer, rows []ledger.Payout) error {
	sorted := slices.SortedFunc(slices.Values(rows), func(a, b ledger.Payout) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Affiliate, b.Affiliate), cmp.Compare(a.ID, b.ID))
	})
	table := [][]string{{"payout", "affiliate", "name", "email", "payout_reference", "currency", "amount", "entries", "cut_off", "entries_hash"}}
	for _, p := range sorted {
		table = append(table, []string{cell(p.ID), cell(p.Affiliate), cell(p.Name), cell(p.Email), cell(p.Account), cell(p.Currency),
			money.Format(p.Amount, p.Currency), strconv.Itoa(p.Entries), moment(p.Cutoff), cell(p.Hash)})
	}
	return write(w, table)
}

// WriteStatement writes a payout's commissions as WriteCSV does payouts, sorted
// by time and id. They must be those that the payout was made of: their sum and
// hash are its own, else it is an error and nothing is written.
func WriteStatement(w io.Writer, p ledger.Payout, entries []ledger.Entry) error {
	mine := slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool { return !e.Kind.Payable() })
	if HashOf(mine) != p.Hash || amountOf(mine) != p.Amount {
		return fmt.Errorf("payout %s is of %d entries that add up to %s, and these are %d that add up to %s: if it failed its entries are in another one, else restore the ledger from a backup",
			p.ID, p.Entries, money.Format(p.Amount, p.Currency), len(mine), money.Format(amountOf(mine), p.Currency))
	}
	slices.SortFunc(mine, func(a, b ledger.Entry) int { return cmp.Or(a.Occurred.Compare(b.Occurred), byID(a, b)) })
	table := [][]string{{"payout", "entry", "occurred_at", "available_at", "site", "order", "line", "product", "kind", "amount", "currency", "cause"}}
	for _, e := range mine {
		table = append(table, []string{cell(p.ID), cell(e.ID), moment(e.Occurred), moment(e.Available), cell(e.Site), cell(e.Order), cell(e.Line), cell(e.Product),
			cell(string(e.Kind)), money.Format(e.Amount, e.Currency), cell(e.Currency), cell(e.Cause)})
	}
	return write(w, table)
}

func write(w io.Writer, table [][]string) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return c.WriteAll(table)
}

// cell is a text that a spreadsheet shows and does not run: one that begins as a
// formula gets an apostrophe before it (OWASP, CSV injection).
func cell(text string) string { return sheet.Harmless(text) }

// moment is a time to the millisecond, in UTC.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
