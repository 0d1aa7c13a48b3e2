package affiliate

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
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

// WritePayouts writes payouts for whoever sends the money, in one of sheet.Formats:
// sorted by currency, affiliate and payout, amounts with exactly the currency's decimals.
// A row tells nothing that changes while its payout is on the way, so that the same payouts
// are the same bytes of CSV again (rule 16).
func WritePayouts(w io.Writer, format string, rows []ledger.Payout) error {
	sorted := slices.SortedFunc(slices.Values(rows), func(a, b ledger.Payout) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Affiliate, b.Affiliate), cmp.Compare(a.ID, b.ID))
	})
	var table [][]any
	for _, p := range sorted {
		table = append(table, []any{p.ID, p.Affiliate, p.Name, p.Email, p.Account, p.Currency, exact(p.Amount, p.Currency), p.Entries, moment(p.Cutoff), p.Hash})
	}
	return write(w, format, table, "payout", "affiliate", "name", "email", "payout_reference", "currency", amountColumn, "entries BIGINT", "cut_off TIMESTAMP", "entries_hash")
}

// WriteStatement writes a payout's commissions as WritePayouts does payouts, sorted
// by time and id. They must be those that the payout was made of: their sum and
// hash are its own, else it is an error and nothing is written.
func WriteStatement(w io.Writer, format string, p ledger.Payout, entries []ledger.Entry) error {
	mine := slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool { return !e.Kind.Payable() })
	if HashOf(mine) != p.Hash || amountOf(mine) != p.Amount {
		return fmt.Errorf("payout %s is of %d entries that add up to %s, and these are %d that add up to %s: if it failed its entries are in another one, else restore the ledger from a backup",
			p.ID, p.Entries, money.Format(p.Amount, p.Currency), len(mine), money.Format(amountOf(mine), p.Currency))
	}
	slices.SortFunc(mine, func(a, b ledger.Entry) int { return cmp.Or(a.Occurred.Compare(b.Occurred), byID(a, b)) })
	var table [][]any
	for _, e := range mine {
		table = append(table, []any{p.ID, e.ID, moment(e.Occurred), moment(e.Available), e.Site, e.Order, e.Line, e.Product,
			string(e.Kind), exact(e.Amount, e.Currency), e.Currency, e.Cause})
	}
	return write(w, format, table, "payout", "entry", "occurred_at TIMESTAMP", "available_at TIMESTAMP", "site", "order", "line", "product", "kind", amountColumn, "currency", "cause")
}

// write writes a table in one of sheet.Formats, with columns as sheet.Columns has them.
// CSV is RFC 4180 to the letter, with its line breaks: banks read it.
func write(w io.Writer, format string, table [][]any, columns ...string) error {
	all := sheet.Columns(columns...)
	if format != "csv" {
		rows := sheet.Begin(w, format, all...)
		for _, cells := range table {
			if err := rows.Row(cells...); err != nil {
				return err
			}
		}
		return rows.Close()
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	line := make([]string, len(all))
	for i := range all {
		line[i] = all[i].Name
	}
	err := c.Write(line)
	for _, cells := range table {
		for i, cell := range cells {
			if text, is := cell.(string); is && all[i].Type == "" {
				line[i] = sheet.Harmless(text)
			} else {
				line[i] = fmt.Sprint(cell)
			}
		}
		err = cmp.Or(err, c.Write(line))
	}
	c.Flush()
	return cmp.Or(err, c.Error())
}

// amountColumn is of exact amounts: no currency has more than three decimals.
const amountColumn = "amount DECIMAL(18,3)"

// exact is an amount for a table.
func exact(minor int64, currency string) json.Number {
	return json.Number(money.Format(minor, currency))
}

// moment is a time to the millisecond, in UTC.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
