package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
)

var userCommands = []command{
	{"user add", "EMAIL [--name N] [--role R] [--site S]", "add a person, or a role of one, and print a link to set a password", addUser},
	{"user list", "", "list people and their roles", listUsers},
	{"user remove", "EMAIL [--site S]", "remove a person, or only the role on a site", removeUser},
	{"user reset", "EMAIL [--totp]", "print a link that sets another password", resetUser},
	{"user disable", "EMAIL", "let a person in no more, and keep who it was", switchUser("disable")},
	{"user enable", "EMAIL", "let a disabled person in again", switchUser("enable")},
	{"key add", "[--site S] [--scope A,B] [--expires DAYS]", "add a key for programs", addKey},
	{"key list", "", "list the keys", listKeys},
	{"key revoke", "KEY", "revoke a key for good", revoke("key")},
	{"share add", "--site S [--name N] [--expires DAYS]", "add a link that shows a site's dashboard to whoever has it", addShare},
	{"share list", "", "list such links", listShares},
	{"share revoke", "SHARE", "take such a link back for good", revoke("share")},
	{"audit", "[--limit N]", "list who changed what: the newest 50, or N; 0 is all", listChanges},
}

var userFlags = map[string][][3]string{
	"user add":    {{"name", "", "the person's name"}, {"role", "", "owner, admin, viewer (which is usual) or affiliate"}, {"site", "", "site of the role; none is every site"}},
	"user remove": {{"site", "", "take only the role on this site away; all: the one on every site"}},
	"user reset":  {{"totp", "false", "turn the second factor off, too, for who lost the phone and the recovery codes"}},
	"key add": {{"site", "", "site the key is for; none is every site"},
		{"scope", "", "read: reads all (which is usual); sql: asks in SQL; define: changes segments; segments: for a page, reads only which segments a visitor is in; orders: writes orders and refunds; affiliate:ID: reads the figures of one affiliate, also in SQL; erase: erases persons; admin: all of it but erase, and the affiliate programme. Several with commas between"},
		{"role", "", "as older versions named scopes: viewer is read, owner is read,define"}, {"expires", "", "days from now, such as 90; none is never"}},
	"share add": {{"site", "", "site"}, {"name", "", "whom it is for"}, {"expires", "", "days from now, such as 90; none is never"}},
	"audit":     {{"limit", "", "at most so many"}},
}

// oneName sends a command that is about one thing that its argument names.
func (c *call) oneName(ctx context.Context, command, thing string, out any, text func(io.Writer)) error {
	return c.named(ctx, thing, "name-of", "/"+strings.ReplaceAll(command, " ", "/"), c.form(command), out, text)
}

// invited is what a command tells of a person and a one-time link.
type invited struct {
	account.Member
	Path  string `json:"path,omitempty"`
	URL   string `json:"url,omitempty"`            // if it is known how people reach the server
	Ended bool   `json:"password_ended,omitempty"` // that of before, for the role
	mailed
}

func addUser(ctx context.Context, c *call) error {
	if err := c.makeData(); err != nil {
		return err
	}
	var out invited
	return c.oneName(ctx, "user add", "e-mail to add", &out, func(w io.Writer) {
		fmt.Fprintf(w, "%s is %s.\n", out.Email, account.SpellRoles(out.Roles))
		if out.Ended {
			fmt.Fprintln(w, "The password and sessions of before have ended: nobody had proven by mail whose the account is, and the role is bigger now.")
		}
		printLink(w, out, "a week")
	})
}

// printLink prints a one-time link, if there is one.
func printLink(w io.Writer, out invited, life string) {
	out.tell(w)
	switch {
	case out.URL != "":
		fmt.Fprintf(w, "\nTo set a password, once, within %s:\n\n  %s\n", life, out.URL)
	case out.Path != "":
		fmt.Fprintf(w, "\nTo set a password, once, within %s, open this at the server's address:\n\n  %s\n", life, out.Path)
	}
}

func resetUser(ctx context.Context, c *call) error {
	var out invited
	return c.oneName(ctx, "user reset", "e-mail", &out, func(w io.Writer) {
		fmt.Fprintf(w, "%s keeps the password of now until the link is used.\n", out.Email)
		printLink(w, out, "a day")
	})
}

func removeUser(ctx context.Context, c *call) error {
	var out account.Member
	return c.oneName(ctx, "user remove", "e-mail", &out, func(w io.Writer) {
		if len(out.Roles) > 0 || c.flags.Lookup("site").Value.String() != "" {
			fmt.Fprintf(w, "%s is now %s.\n", out.Email, cmp.Or(account.SpellRoles(out.Roles), "nobody on any site"))
		} else {
			fmt.Fprintf(w, "Removed %s.\n", out.Email)
		}
	})
}

func switchUser(what string) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		var out account.Member
		return c.oneName(ctx, "user "+what, "e-mail", &out, func(w io.Writer) { fmt.Fprintf(w, "%s is %sd.\n", out.Email, what) })
	}
}

func listUsers(ctx context.Context, c *call) error {
	var all []account.Member
	return c.once(ctx, "GET", "/user/list", nil, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "E-MAIL\tNAME\tROLES\tSECOND FACTOR\tSINCE")
		for _, u := range all {
			roles, second := orDash(account.SpellRoles(u.Roles)), "off"
			if u.TOTP {
				second = "on"
			}
			if u.Disabled {
				roles = "disabled"
			}
			fmt.Fprintln(t, strings.Join([]string{u.Email, orDash(u.Name), roles, second, u.Created.Format(time.DateOnly)}, "\t"))
		}
		t.Flush()
	})
}

// login prints a link of the operator, or of the person it names.
func login(ctx context.Context, c *call) error {
	form := url.Values{}
	switch len(c.args) {
	case 0:
	case 1:
		form.Set("name-of", c.args[0])
	default:
		return misused("name one e-mail, or none")
	}
	var out map[string]string
	return c.once(ctx, "POST", "/login", form, &out, func(w io.Writer) { fmt.Fprintln(w, out["url"]) })
}

// madeKey is a key and its token, which is shown once.
type madeKey struct {
	Token string `json:"token"`
	account.Key
}

func spellScopes(scopes []account.Scope) string {
	var all []string
	for _, s := range scopes {
		all = append(all, string(s))
	}
	return strings.Join(all, ",")
}

func spellExpiry(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Format(time.DateOnly)
}

func addKey(ctx context.Context, c *call) error {
	var out madeKey
	return c.once(ctx, "POST", "/key/add", c.form("key add"), &out, func(w io.Writer) {
		of, ends := "every site", ""
		if out.Site != "" {
			of = "the site " + out.Site
		}
		if !out.Expires.IsZero() {
			ends = " until " + spellExpiry(out.Expires)
		}
		fmt.Fprintf(w, "%s\n\nIt may %s and is for %s%s. It is shown this once. Send it as: Authorization: Bearer %[1]s\n", out.Token, spellScopes(out.Scopes), of, ends)
	})
}

func listKeys(ctx context.Context, c *call) error {
	var all []account.Key
	return c.once(ctx, "GET", "/key/list", nil, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "KEY\tSITE\tMAY\tMADE\tENDS")
		for _, k := range all {
			fmt.Fprintln(t, strings.Join([]string{k.ID, cmp.Or(k.Site, "every site"), spellScopes(k.Scopes), k.Created.Format(time.DateOnly), spellExpiry(k.Expires)}, "\t"))
		}
		t.Flush()
	})
}

// revoke takes a key or a share back.
func revoke(thing string) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		var out map[string]string
		return c.oneName(ctx, thing+" revoke", thing+" that footfall "+thing+" list shows", &out, func(w io.Writer) { fmt.Fprintf(w, "Revoked %s.\n", out["revoked"]) })
	}
}

// madeShare is a share and its link, which is shown once.
type madeShare struct {
	account.Share
	Path string `json:"path"`
	URL  string `json:"url,omitempty"`
}

func addShare(ctx context.Context, c *call) error {
	var out madeShare
	return c.once(ctx, "POST", "/share/add", c.form("share add"), &out, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n\nWhoever has it sees the dashboard of %s and can change nothing. It is shown this once; take it back with: footfall share revoke %s\n",
			cmp.Or(out.URL, out.Path), out.Site, out.ID)
	})
}

func listShares(ctx context.Context, c *call) error {
	var all []account.Share
	return c.once(ctx, "GET", "/share/list", nil, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "SHARE\tSITE\tFOR\tMADE\tENDS")
		for _, s := range all {
			fmt.Fprintln(t, strings.Join([]string{s.ID, s.Site, orDash(s.Name), s.Created.Format(time.DateOnly), spellExpiry(s.Expires)}, "\t"))
		}
		t.Flush()
	})
}

// shownChanges is how many lines of the audit log a person is shown.
const shownChanges = 50

func listChanges(ctx context.Context, c *call) error {
	form := c.form("audit")
	limit, err := wholeNumber(form, "limit", shownChanges)
	if err != nil {
		return err
	}
	form.Set("limit", fmt.Sprint(limit))
	var all []account.Change
	return c.once(ctx, "GET", "/audit", form, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "WHEN\tWHO\tWHAT\tOF\tBEFORE\tNOW")
		for _, c := range all {
			fmt.Fprintln(t, strings.Join([]string{c.At.Format(time.RFC3339), c.Who, c.What, orDash(c.Target), orDash(c.Old), orDash(c.New)}, "\t"))
		}
		t.Flush()
	})
}
