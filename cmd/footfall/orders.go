package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/affiliate"
	"footfall/event"
	"footfall/ledger"
	"footfall/money"
	"footfall/sheet"
)

var orderCommands = []command{
	{"order list", "[--site S] [--affiliate EMAIL] [--unattributed] [--limit N]", "list orders, newest first", listOrders},
	{"order show", "ID", "tell all of an order: whose it is and why, what it earned", showOrder},
	{"order assign", "ID (--affiliate EMAIL | --nobody) --why TEXT", "give an order to an affiliate by hand", assignOrder},
	{"flag list", "--site S", "list what looks wrong and is held", listFlags},
	{"flag clear", "ID", "let go what a flag holds", judge("clear", ledger.Cleared)},
	{"flag confirm", "ID", "hold for good what a flag holds", judge("confirm", ledger.Confirmed)},
	{"payout preview", "--site S [--until DAY] [--affiliate EMAIL]", "show what could be paid out", previewPayouts},
	{"payout approve", "--site S [--until DAY] [--affiliate EMAIL] [--seen HASHES]", "make payouts of what could be paid out", approvePayouts},
	{"payout list", "--site S", "list payouts", listPayouts},
	{"payout csv", "--site S [--format F]", "write the approved and sent payouts as CSV or in another format", csvPayouts},
	{"payout statement", "ID [--format F]", "write the commissions that a payout is made of", statePayout},
	{"payout sent", "ID [--reference R]", "note that a payout's money is on its way", advance("sent", ledger.Sent)},
	{"payout paid", "ID [--reference R]", "note that a payout arrived", advance("paid", ledger.Paid)},
	{"payout failed", "ID --why TEXT", "note that a payout failed: what was in it can be paid again", advance("failed", ledger.Failed)},
}

var orderFlags = map[string][][3]string{
	"order list":     {{"site", "", "site; none is every site"}, {"affiliate", "", "e-mail or id; needs --site"}, {"unattributed", "false", "true: only orders that nobody has"}, {"limit", "50", "at most so many; 0 is all"}},
	"order assign":   {{"affiliate", "", "e-mail or id"}, {"nobody", "false", "true: take it away from who has it"}, {"why", "", "reason"}},
	"flag list":      {{"site", "", "a site of the programme"}},
	"payout preview": {{"site", "", "a site of the programme"}, {"until", "", "what is available before this day; now"}, {"affiliate", "", "only this one: e-mail or id"}},
	"payout approve": {{"site", "", "a site of the programme"}, {"until", "", "what is available before this day; now"}, {"affiliate", "", "only this one: e-mail or id"},
		{"seen", "", "hashes that payout preview shows, with commas: exactly these payouts, or none if one has changed since"}},
	"payout list": {{"site", "", "a site of the programme"}},
	"payout csv":  {{"site", "", "a site of the programme"}, tableFlag}, "payout statement": {tableFlag},
	"payout sent":   {{"reference", "", "of the payment service"}},
	"payout paid":   {{"reference", "", "of the payment service"}},
	"payout failed": {{"why", "", "reason"}},
}

// operator is who decides at the command line.
const operator = "operator"

// spelledBalance is a balance as exact decimals.
type spelledBalance map[string]string

func spellBalances(all map[string]affiliate.Balance) map[string]spelledBalance {
	out := map[string]spelledBalance{}
	for currency, b := range all {
		out[currency] = spelledBalance{}
		for state, amount := range map[string]int64{"pending": b.Pending, "held": b.Held, "available": b.Available, "in_payout": b.InPayout,
			"paid": b.Paid, "earned": b.Earned, "reversed": b.Reversed, "disputed": b.Disputed} {
			out[currency][state] = money.Format(amount, currency)
		}
	}
	return out
}

// amounts spells what balances have in a state.
func amounts(all map[string]spelledBalance, state string) string {
	var parts []string
	for currency, b := range all {
		parts = append(parts, b[state]+" "+currency)
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ", ")
}

func (k *control) listOrders(w http.ResponseWriter, r *http.Request) error {
	f := ledger.OrderFilter{Unattributed: r.FormValue("unattributed") == "true"}
	var err error
	if f.Limit, err = strconv.Atoi(r.FormValue("limit")); err != nil || f.Limit < 0 {
		return fmt.Errorf("limit: %q is no number", r.FormValue("limit"))
	}
	if r.FormValue("site") != "" {
		p, err := k.programOf(r)
		if err != nil {
			return err
		}
		site, _ := k.h.sites.find(r.FormValue("site"))
		f.Site = site.ID
		if name := r.FormValue("affiliate"); name != "" {
			a, err := k.affiliateOf(r.Context(), p.ID, name)
			if err != nil {
				return err
			}
			f.Affiliate = a.ID
		}
	}
	all, err := k.h.desk.Orders(r.Context(), f)
	if err != nil {
		return err
	}
	return answer(w, append([]ledger.Order{}, all...))
}

func (k *control) showOrder(w http.ResponseWriter, r *http.Request) error {
	t, err := k.h.desk.Tell(r.Context(), r.FormValue("order"))
	if err != nil {
		return err
	}
	return answer(w, t)
}

func (k *control) assignOrder(w http.ResponseWriter, r *http.Request) error {
	t, err := k.h.desk.Tell(r.Context(), r.FormValue("order"))
	if err != nil {
		return err
	}
	to := ""
	if r.FormValue("nobody") != "true" {
		a, err := k.affiliateOf(r.Context(), t.Order.Program, r.FormValue("affiliate"))
		if err != nil {
			return err
		}
		to = a.ID
	}
	if _, err := k.h.desk.Assign(r.Context(), t.Order.ID, to, operator, r.FormValue("why")); err != nil {
		return err
	}
	return k.showOrder(w, r)
}

func (k *control) listFlags(w http.ResponseWriter, r *http.Request) error {
	p, err := k.programOf(r)
	if err != nil {
		return err
	}
	all, err := k.h.desk.Flags(r.Context(), p.ID)
	if err != nil {
		return err
	}
	return answer(w, append([]ledger.Flag{}, all...))
}

func (k *control) judgeFlag(w http.ResponseWriter, r *http.Request) error {
	f, err := k.h.desk.Judge(r.Context(), r.FormValue("flag"), ledger.FlagState(r.FormValue("state")), operator)
	if err != nil {
		return err
	}
	return answer(w, f)
}

// cutoff is the moment before which commissions are available.
func (k *control) cutoff(r *http.Request) (time.Time, error) {
	at, err := dayOrNot(r.FormValue("until"))
	if at.IsZero() {
		at = time.Now().UTC()
	}
	return at, err
}

func (k *control) previewPayouts(w http.ResponseWriter, r *http.Request) error {
	a, err := k.asked(r)
	if err != nil {
		return err
	}
	all, err := k.h.desk.Propose(r.Context(), a.program, a.until)
	if err == nil {
		all, err = a.pick(all)
	}
	if err != nil {
		return err
	}
	out := make([]ledger.Payout, len(all))
	for i := range all {
		out[i] = all[i].Payout
	}
	return k.tellPayouts(w, r, a.program, out)
}

// payoutsAsked is which payouts a preview or an approval is about.
type payoutsAsked struct {
	program   string
	until     time.Time
	affiliate string          // id; "" is every one
	seen      []ledger.Payout // what was shown of them: these payouts and no others; none is all
}

func (k *control) asked(r *http.Request) (a payoutsAsked, err error) {
	p, err := k.programOf(r)
	if err != nil {
		return a, err
	}
	a.program = p.ID
	if a.until, err = k.cutoff(r); err != nil {
		return a, err
	}
	if name := r.FormValue("affiliate"); name != "" {
		one, err := k.affiliateOf(r.Context(), p.ID, name)
		if err != nil {
			return a, err
		}
		a.affiliate = one.ID
	}
	for _, hash := range strings.FieldsFunc(r.FormValue("seen"), func(c rune) bool { return c == ',' || c == ' ' }) {
		if len(hash) < shownHash {
			return a, event.Invalid("seen", "%q is not a hash as footfall payout preview shows it", hash)
		}
		a.seen = append(a.seen, ledger.Payout{Affiliate: a.affiliate, Hash: hash})
	}
	return a, nil
}

// pick is an affiliate.Pick.
func (a payoutsAsked) pick(all []affiliate.Proposal) ([]affiliate.Proposal, error) {
	if a.seen != nil {
		return affiliate.Exactly(a.seen...)(all)
	}
	return slices.DeleteFunc(all, func(p affiliate.Proposal) bool { return a.affiliate != "" && p.Payout.Affiliate != a.affiliate }), nil
}

// spelledPayout is a payout with its amount as an exact decimal, and who gets it.
type spelledPayout struct {
	ledger.Payout
	Decimal string `json:"decimal"`
	Name    string `json:"name"`
	Email   string `json:"email"`
}

func (k *control) tellPayouts(w io.Writer, r *http.Request, program string, all []ledger.Payout) error {
	affiliates, err := k.h.desk.Affiliates(r.Context(), program)
	if err != nil {
		return err
	}
	out := make([]spelledPayout, len(all))
	for i, p := range all {
		out[i] = spelledPayout{Payout: p, Decimal: money.Format(p.Amount, p.Currency)}
		if at := slices.IndexFunc(affiliates, func(a ledger.Affiliate) bool { return a.ID == p.Affiliate }); at >= 0 {
			out[i].Name, out[i].Email = affiliates[at].Name, affiliates[at].Email
		}
	}
	return answer(w, out)
}

func (k *control) approvePayouts(w http.ResponseWriter, r *http.Request) error {
	a, err := k.asked(r)
	if err != nil {
		return err
	}
	made, err := k.h.desk.Approve(r.Context(), a.program, a.until, a.pick)
	if err != nil {
		return err
	}
	return k.tellPayouts(w, r, a.program, made)
}

func (k *control) listPayouts(w http.ResponseWriter, r *http.Request) error {
	p, err := k.programOf(r)
	if err != nil {
		return err
	}
	all, err := k.h.desk.Payouts(r.Context(), p.ID, "")
	if err != nil {
		return err
	}
	return k.tellPayouts(w, r, p.ID, all)
}

func (k *control) csvPayouts(w http.ResponseWriter, r *http.Request) error {
	p, err := k.programOf(r)
	if err != nil {
		return err
	}
	return fileOf(w, r, func(b *bytes.Buffer, format string) error {
		return k.h.desk.ExportPayouts(r.Context(), b, format, p.ID)
	})
}

func (k *control) statePayout(w http.ResponseWriter, r *http.Request) error {
	return fileOf(w, r, func(b *bytes.Buffer, format string) error {
		return k.h.desk.Statement(r.Context(), b, format, r.FormValue("payout"))
	})
}

// tableFlag is the format of a table.
var tableFlag = [3]string{"format", "csv", "csv, ndjson, parquet or arrow"}

// fileOf answers with a table in the format that is asked for: CSV as a text, another
// one as bytes.
func fileOf(w http.ResponseWriter, r *http.Request, write func(b *bytes.Buffer, format string) error) error {
	format, b := sheet.Asked(r.FormValue("format")), &bytes.Buffer{}
	if err := write(b, format); err != nil {
		return err
	}
	if format == "csv" {
		return answer(w, map[string]string{"csv": b.String()})
	}
	return answer(w, map[string][]byte{format: b.Bytes()})
}

func (k *control) advancePayout(w http.ResponseWriter, r *http.Request) error {
	p, err := k.h.desk.Advance(r.Context(), r.FormValue("payout"), ledger.PayoutState(r.FormValue("state")), r.FormValue("reference"), r.FormValue("why"))
	if err != nil {
		return err
	}
	return answer(w, p)
}

func listOrders(ctx context.Context, c *call) error {
	var all []ledger.Order
	return c.once(ctx, "GET", "/order/list", c.form("order list"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "ORDER\tTIME\tNUMBER\tSTORE\tNET\tVERIFIED\tAFFILIATE")
		for _, o := range all {
			net := int64(0)
			for _, l := range o.Lines {
				net += l.Net
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s\t%v\t%s\n", o.ID, o.Time.Format(time.RFC3339), o.Number, o.Store, money.Format(net, o.Currency), o.Currency, o.Verified, o.Affiliate)
		}
		t.Flush()
	})
}

func showOrder(ctx context.Context, c *call) error {
	var t affiliate.Told
	return c.named(ctx, "order", "order", "/order/show", url.Values{}, &t, func(w io.Writer) { printOrder(w, t) })
}

func printOrder(w io.Writer, t affiliate.Told) {
	o := t.Order
	fmt.Fprintf(w, "Order %s of %s, %s, verified: %v, revision %d\n", o.Number, o.Store, o.Time.Format(time.RFC3339), o.Verified, o.Revision)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, l := range o.Lines {
		fmt.Fprintf(table, "  line %s\t%s\t%d ×\t%s %s\n", l.ID, l.Product, l.Quantity, money.Format(l.Net, o.Currency), o.Currency)
	}
	for _, d := range t.Decisions {
		fmt.Fprintf(table, "%s\tdecided: %s\tby %s\n", d.Time.Format(time.RFC3339), orNobody(d.Affiliate), d.Rule)
		for _, e := range d.Explain {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", e.Kind, e.ID, e.Affiliate, kept(e.Kept), e.Reason)
		}
	}
	for _, e := range t.Entries {
		fmt.Fprintf(table, "%s\t%s\tline %s\t%s %s\t%s\t%s\n", e.Occurred.Format(time.RFC3339), e.Kind, e.Line, money.Format(e.Amount, e.Currency), e.Currency, e.State, e.Affiliate)
	}
	for _, f := range t.Flags {
		fmt.Fprintf(table, "flag %s\t%s\t%s\t%s\n", f.ID, f.Type, f.State, f.Evidence)
	}
	table.Flush()
}

func orNobody(affiliate string) string {
	if affiliate == "" {
		return "nobody"
	}
	return affiliate
}

func kept(is bool) string {
	if is {
		return "earns"
	}
	return "does not"
}

func assignOrder(ctx context.Context, c *call) error {
	var t affiliate.Told
	form := c.form("order assign")
	if (form.Get("affiliate") == "") == (form.Get("nobody") != "true") {
		return misused("give --affiliate EMAIL or --nobody")
	}
	return c.named(ctx, "order", "order", "/order/assign", form, &t, func(w io.Writer) { printOrder(w, t) })
}

func listFlags(ctx context.Context, c *call) error {
	var all []ledger.Flag
	return c.once(ctx, "GET", "/flag/list", c.form("flag list"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "FLAG\tTYPE\tSTATE\tORDER\tAFFILIATE\tEVIDENCE")
		for _, f := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", f.ID, f.Type, f.State, f.Order, f.Affiliate, f.Evidence)
		}
		t.Flush()
	})
}

func judge(word string, state ledger.FlagState) func(ctx context.Context, c *call) error {
	return func(ctx context.Context, c *call) error {
		var f ledger.Flag
		return c.named(ctx, "flag", "flag", "/flag/judge", url.Values{"state": {string(state)}}, &f, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %s\n", f.Type, f.State)
		})
	}
}

func printPayouts(w io.Writer, all []spelledPayout) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "PAYOUT\tAFFILIATE\tE-MAIL\tAMOUNT\tENTRIES\tSTATE\tREFERENCE")
	for _, p := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s %s\t%d\t%s\t%s\n", p.ID, p.Name, p.Email, p.Decimal, p.Currency, p.Entries, p.State, p.External)
	}
	t.Flush()
}

// shownHash is how much of a payout's hash people see, and must name at least.
const shownHash = 12

func previewPayouts(ctx context.Context, c *call) error {
	var all []spelledPayout
	return c.once(ctx, "GET", "/payout/preview", c.form("payout preview"), &all, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(w, "Nothing can be paid out: footfall affiliate list tells what is pending and held.")
			return
		}
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "AFFILIATE\tE-MAIL\tAMOUNT\tENTRIES\tHASH")
		seen := make([]string, len(all))
		for i, p := range all {
			seen[i] = p.Hash[:shownHash]
			fmt.Fprintf(t, "%s\t%s\t%s %s\t%d\t%s\n", p.Name, p.Email, p.Decimal, p.Currency, p.Entries, seen[i])
		}
		t.Flush()
		fmt.Fprintf(w, "\nNothing was changed. To make exactly these payouts: footfall payout approve, with the same --site and --until, and --seen %s\n", strings.Join(seen, ","))
	})
}

func approvePayouts(ctx context.Context, c *call) error {
	var all []spelledPayout
	return c.once(ctx, "POST", "/payout/approve", c.form("payout approve"), &all, func(w io.Writer) {
		printPayouts(w, all)
		fmt.Fprintln(w, "\nFor your bank or payment service: footfall payout csv; when the money is on its way: footfall payout sent ID")
	})
}

func listPayouts(ctx context.Context, c *call) error {
	var all []spelledPayout
	return c.once(ctx, "GET", "/payout/list", c.form("payout list"), &all, func(w io.Writer) { printPayouts(w, all) })
}

func csvPayouts(ctx context.Context, c *call) error {
	return c.table("payout csv", func(form url.Values, out any, text func(io.Writer)) error {
		return c.once(ctx, "GET", "/payout/csv", form, out, text)
	})
}

func statePayout(ctx context.Context, c *call) error {
	return c.table("payout statement", func(form url.Values, out any, text func(io.Writer)) error {
		return c.named(ctx, "payout", "payout", "/payout/statement", form, out, text)
	})
}

// table prints what fileOf answers to a command.
func (c *call) table(name string, ask func(form url.Values, out any, text func(io.Writer)) error) error {
	form := c.form(name)
	format := form.Get("format")
	if sheet.Formats[format] == "" {
		return misused("--format %q is unknown: use %s", format, tableFormats())
	}
	if err := binary(c, format); err != nil && !c.json {
		return err
	}
	if format == "csv" {
		var out map[string]string
		return ask(form, &out, func(w io.Writer) { fmt.Fprint(w, out[format]) })
	}
	var out map[string][]byte
	return ask(form, &out, func(w io.Writer) { _, _ = w.Write(out[format]) })
}

// tableFormats names the formats of tables.
func tableFormats() string { return strings.Join(slices.Sorted(maps.Keys(sheet.Formats)), ", ") }

func advance(word string, state ledger.PayoutState) func(ctx context.Context, c *call) error {
	return func(ctx context.Context, c *call) error {
		form := c.form("payout " + word)
		form.Set("state", string(state))
		var p ledger.Payout
		return c.named(ctx, "payout", "payout", "/payout/advance", form, &p, func(w io.Writer) {
			fmt.Fprintf(w, "%s is %s.\n", p.ID, p.State)
		})
	}
}
