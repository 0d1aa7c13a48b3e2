package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/ledger"
	"footfall/money"
)

// given is the form of the flags that were given, empty ones too.
func (c *call) given(name string) url.Values {
	form := url.Values{}
	for _, own := range ownFlags[name] {
		if f := c.flags.Lookup(own[0]); f.Value.String() != own[1] {
			form.Set(own[0], f.Value.String())
		}
	}
	return form
}

// named sends a command about the one thing that is named.
func (c *call) named(ctx context.Context, what, field, path string, form url.Values, out any, text func(io.Writer)) error {
	if len(c.args) != 1 {
		return misused("name the one %s", what)
	}
	form.Set(field, c.args[0])
	return c.once(ctx, "POST", path, form, out, text)
}

func setProgram(ctx context.Context, c *call) error {
	var p toldProgram
	return c.named(ctx, "programme", "name", "/program/set", c.given("program set"), &p, func(w io.Writer) {
		printPrograms(w, []toldProgram{p})
		fmt.Fprintf(w, "\nAdd an affiliate: footfall affiliate add EMAIL --name NAME --site %s\n", p.Sites[0])
	})
}

func listPrograms(ctx context.Context, c *call) error {
	var all []toldProgram
	return c.once(ctx, "GET", "/program/list", nil, &all, func(w io.Writer) { printPrograms(w, all) })
}

func printPrograms(w io.Writer, all []toldProgram) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "PROGRAMME\tSITES\tWINDOW\tHOLD\tEARNS")
	for _, p := range all {
		fmt.Fprintf(t, "%s\t%s\t%d days\t%d days\t%s\n", p.Name, strings.Join(p.Sites, ","), p.Window, p.Hold, strings.Join(spellRules(p.Rules), "; "))
	}
	t.Flush()
}

// spellRules says what rules pay, the newest last.
func spellRules(rules []ledger.Rule) (all []string) {
	slices.SortFunc(rules, func(a, b ledger.Rule) int { return a.From.Compare(b.From) })
	for _, r := range rules {
		s := spellPercent(r.Rate)
		if r.Kind != ledger.Percent {
			s = money.Format(r.Amount, r.Currency) + " " + r.Currency + " per " + string(r.Kind)
		}
		if r.Product != "" {
			s += " of " + r.Product
		}
		if r.Affiliate != "" {
			s += " for " + r.Affiliate
		}
		if !r.From.IsZero() {
			s += " from " + r.From.Format(time.DateOnly)
		}
		all = append(all, s)
	}
	return all
}

func addAffiliate(ctx context.Context, c *call) error {
	var a ledger.Affiliate
	return c.named(ctx, "e-mail address", "email", "/affiliate/add", c.form("affiliate add"), &a, func(w io.Writer) {
		fmt.Fprintf(w, "Added %s as %s (%s).\nGive a link: footfall code add CODE --affiliate %[1]s --site SITE --landing https://…\n", a.Email, a.ID, a.Status)
	})
}

func listAffiliates(ctx context.Context, c *call) error {
	var all []balanced
	return c.once(ctx, "GET", "/affiliate/list", c.form("affiliate list"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "AFFILIATE\tNAME\tE-MAIL\tSTATUS\tPENDING\tHELD\tAVAILABLE\tPAID")
		for _, a := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Name, a.Email, a.Status, amounts(a.Balances, "pending"),
				amounts(a.Balances, "held"), amounts(a.Balances, "available"), amounts(a.Balances, "paid"))
		}
		t.Flush()
	})
}

func setAffiliate(ctx context.Context, c *call) error {
	var a ledger.Affiliate
	return c.named(ctx, "affiliate", "email", "/affiliate/set", c.given("affiliate set"), &a, func(w io.Writer) {
		fmt.Fprintf(w, "%s (%s) is %s.\n", a.Name, a.Email, a.Status)
	})
}

func inviteAffiliate(ctx context.Context, c *call) error {
	var out invitedAffiliate
	return c.named(ctx, "affiliate", "email", "/affiliate/invite", c.form("affiliate invite"), &out, func(w io.Writer) {
		if out.URL == "" {
			fmt.Fprintf(w, "There is an account with this address: it sees the portal now, too, at /portal.\n")
			return
		}
		out.tell(w)
		fmt.Fprintf(w, "%s this link, which works once, within a week: %s\n", map[bool]string{true: "If it does not arrive, send", false: "Send"}[out.To != ""], out.URL)
	})
}

func addCode(ctx context.Context, c *call) error {
	var code linked
	return c.named(ctx, "code", "code", "/code/add", c.form("code add"), &code, func(w io.Writer) {
		if code.Link == "" {
			fmt.Fprintf(w, "Orders with the coupon %s are this affiliate's.\n", code.Text)
			return
		}
		fmt.Fprintf(w, "Link: %s\nIt leads to %s.\n", code.Link, code.Landing)
	})
}

func listCodes(ctx context.Context, c *call) error {
	var all []linked
	return c.once(ctx, "GET", "/code/list", c.form("code list"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "CODE\tKIND\tLINK\tLEADS TO\tENDS")
		for _, code := range all {
			end := ""
			if !code.To.IsZero() {
				end = code.To.Format(time.RFC3339)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", code.Text, code.Kind, code.Link, code.Landing, end)
		}
		t.Flush()
	})
}

func endCode(ctx context.Context, c *call) error {
	var code ledger.Code
	return c.named(ctx, "code", "code", "/code/end", url.Values{}, &code, func(w io.Writer) {
		fmt.Fprintf(w, "%s ended. Clicks and orders from before stay.\n", code.Text)
	})
}

func addRule(ctx context.Context, c *call) error {
	var rule ledger.Rule
	return c.once(ctx, "POST", "/rule/add", c.form("rule add"), &rule, func(w io.Writer) {
		fmt.Fprintf(w, "Orders from %s on earn %s.\n", rule.From.Format(time.RFC3339), spellRules([]ledger.Rule{rule})[0])
	})
}
