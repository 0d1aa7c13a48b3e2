package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/history"
)

var siteCommands = []command{
	{"site add", "DOMAIN [--timezone Z] [--currency C]", "add a site and print its write key", addSite},
	{"site set", "DOMAIN [--timezone Z] [--currency C] [--dnt on|off] [--origins A,B] [--history MONTHS|off] [--keep-events DAYS|off] [--public on|off|PARTS] [--webhook URL|off]", "change a site's settings", setSite},
	{"site list", "", "list the sites", listSites},
}

var asideCommands = []command{
	{"aside list", "[--reader R] [--limit N]", "list what was set aside: the newest 50, or N; 0 is all", asideList},
	{"aside show", "N", "show one thing set aside", asideShow},
	{"aside redrive", "N… | --all [--reader R]", "try again to store what was set aside", asideMove("redrive", "redriven")},
	{"aside drop", "N… | --all [--reader R]", "remove what was set aside for good", asideMove("drop", "dropped")},
}

// ownFlags are the flags of single commands: name, default, help.
var ownFlags = merged(serverFlags, backupFlags, archiveFlags, userFlags, embedFlags, programFlags, shopFlags, orderFlags, hookFlags, sqlFlags, copyFlags, eventFlags, goalFlags, filterFlags, noteFlags, reportFlags, alertFlags, visitFlags, reprocessFlags)

func merged(all ...map[string][][3]string) map[string][][3]string {
	out := map[string][][3]string{}
	for _, flags := range all {
		maps.Copy(out, flags)
	}
	return out
}

// switches are flags that are given without a value.
var switches = []string{"all", "dry-run", "totp", "coupon", "unattributed", "nobody", "rotate", "only", "csv", "yes", "always"}

var serverFlags = map[string][][3]string{
	"site add": {{"timezone", "UTC", "IANA time zone of the site's days"}, {"currency", "USD", "ISO 4217 code"}},
	"site set": {{"timezone", "", "IANA time zone of the site's days, also the past ones"}, {"currency", "", "ISO 4217 code"}, {"dnt", "", "on: who asks not to be tracked (Do Not Track, Global Privacy Control) is not counted; off: is"}, {"origins", "", "hosts a browser may send from, such as www.example.com,shop.example.com; '' allows all"},
		{"history", "", "months of visitor history to keep, such as 24; off: none, what there is is removed"}, {"keep-events", "", "days of raw events to keep, such as 400; off: for ever"},
		{"public", "", "on: anybody sees the board at /public/DOMAIN; or what of events,revenue,affiliates,files,search as well; off: nobody"},
		{"webhook", "", "URL that is told who enters and leaves a segment; its secret is shown once, and new each time it is set; off: none"}},
	"query":            {{"site", "", "site"}, {"metric", "PageViews", "what to count"}, {"window", "", "such as Last7Days"}, {"from", "", "first day"}, {"to", "", "day after the last"}, {"step", "", "total, 15m, hour, day, week, month, year"}, {"by", "", "split by page, source, country, …"}, {"limit", "", "largest series only"}, {"timezone", "", "instead of the site's"}, {"bots", "", "true counts bots too"}, {"recount", "", "true counts the events instead of reading stored figures"}, {"report", "", "file with a question for a table, as POST /v1/query takes it, or - for what comes in"}, {"format", "", "of the table of --report: csv, ndjson, parquet or arrow"}},
	"import":           {{"site", "", "site"}, {"format", "combined", "combined or common"}, {"bots", "", "words: only the words bot, crawl, spider, slurp mark a bot"}},
	"retention":        {{"site", "", "site; none is every site"}, {"dry-run", "false", "true: only say what would be removed"}},
	"person erase":     {{"site", "", "site; of a programme's sites the others, too"}, {"user", "", "user id"}, {"anonymous", "", "anonymous id, as the SDK has it"}, {"email", "", "e-mail address of a customer"}, {"order", "", "the shop's number of an order"}, {"store", "", "shop that has the order, if it has a name"}, {"only", "false", "true: follow no links from these ids to others"}, {"dry-run", "false", "true: only say whose ids these are and what there is"}},
	"reconcile":        {{"site", "", "site; none is every site"}, {"from", "", "first day"}, {"to", "", "day after the last"}},
	"daily":            {{"site", "", "site"}, {"from", "", "first day"}, {"to", "", "day after the last"}, {"format", "csv", "csv, json, ndjson, parquet or arrow"}},
	"export":           {{"site", "", "site"}, {"from", "", "first day"}, {"to", "", "day after the last"}, {"format", "ndjson", "ndjson, csv, parquet or arrow"}},
	"segment list":     {{"site", "", "site"}},
	"segment set":      {{"site", "", "site"}},
	"segment remove":   {{"site", "", "site"}},
	"segment test":     {{"site", "", "site"}},
	"segment counts":   {{"site", "", "site"}, {"from", "", "first day"}, {"to", "", "day after the last"}},
	"visitor history":  {{"site", "", "site"}, {"product", "", "only this product"}, {"category", "", "only this category"}, {"from", "", "first day"}, {"to", "", "day after the last"}},
	"visitor segments": {{"site", "", "site"}, {"explain", "", "true tells why"}},
	"aside list":       {{"reader", "", "store, archive, collect or import"}, {"limit", "", "at most so many"}},
	"aside redrive":    {{"reader", "", "store or archive"}, {"all", "false", "true: all of them"}},
	"aside drop":       {{"reader", "", "store, archive, collect or import"}, {"all", "false", "true: all of them"}},
	"bench ingest":     {{"seconds", "10", "how long each measurement takes"}, {"connections", "1,16,64,256", "numbers of connections for single events"}, {"batches", "20,100", "events a batch"}, {"rate", "0", "send so many events a second instead of as many as possible"}},
	"bench ask":        {{"events", "10000000", "page views to ask about; a --data directory keeps them for the next time"}, {"small", "200", "small sites beside the large one"}, {"days", "90", "that the views are spread over"}, {"seed", "1", "other views with another one"}, {"times", "40", "how often each question is asked"}, {"about", "", "ask only what has this in its name, such as \"page of\""}},
	"bench live":       {{"boards", "1000", "dashboards that are open"}, {"sites", "20,1", "numbers of sites that they are of, and the events"}, {"rate", "1000", "events a second"}, {"seconds", "60", "how long each measurement takes"}, {"views", "100000", "page views of the last 30 days that there are before"}},
	"bench redirect":   {{"rate", "1000", "links followed a second"}, {"seconds", "10", "how long"}, {"connections", "64", "that are open"}},
}

// declareOwn declares a command's own flags.
func declareOwn(name string, flags *flag.FlagSet) {
	if name == "query" || name == "events delete" {
		declareFilters(flags)
	}
	for _, f := range ownFlags[name] {
		if slices.Contains(switches, f[0]) {
			flags.Bool(f[0], false, f[2])
			continue
		}
		flags.String(f[0], f[1], f[2])
	}
}

// form is a command's own flags as they are sent to the control door.
func (c *call) form(name string) url.Values {
	form := url.Values{}
	for _, f := range ownFlags[name] {
		if v := c.flags.Lookup(f[0]).Value.String(); v != "" {
			form.Set(f[0], v)
		}
	}
	return form
}

func addSite(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one domain to add")
	}
	form := c.form("site add")
	form.Set("domain", c.args[0])
	if err := c.makeData(); err != nil {
		return err
	}
	var s account.Site
	return c.once(ctx, "POST", "/site/add", form, &s, func(w io.Writer) {
		fmt.Fprintf(w, "Added %s as %s; its days are those of %s.\n\nPut this into the head of its pages:\n\n  %s\n\n"+
			"If scripts of the page itself call footfall('Signed Up'), this, too, so that they need not wait for it:\n\n  %s\n\n", s.Domain, s.ID, s.Zone,
			`<script defer data-site="`+s.WriteKey+`" src="https://YOUR-FOOTFALL/js/footfall.js"></script>`,
			`<script>function footfall(){(footfall.q=footfall.q||[]).push(arguments)}</script>`)
	})
}

func setSite(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one site to change")
	}
	form := url.Values{}
	c.flags.Visit(func(f *flag.Flag) {
		for _, own := range ownFlags["site set"] {
			if own[0] == f.Name {
				form.Set(f.Name, f.Value.String()) // an empty one, too
			}
		}
	})
	if len(form) == 0 {
		return misused("say what to change: --timezone, --currency, --dnt, --origins, --history, --keep-events, --public or --webhook")
	}
	form.Set("domain", c.args[0])
	var s changedSite
	return c.once(ctx, "POST", "/site/set", form, &s, func(w io.Writer) {
		printSites(w, s.Site)
		if s.Secret != "" {
			fmt.Fprintf(w, "\nThe webhook's secret is %s\nIt is shown this once; set the webhook again to get another.\n", s.Secret)
		}
		if s.Removed != (history.Removed{}) {
			fmt.Fprintf(w, "\nRemoved from histories: %d rows; of %d visitors nothing is left.\n", s.Removed.Rows, s.Removed.Visitors)
		}
	})
}

func listSites(ctx context.Context, c *call) error {
	var all []account.Site
	return c.once(ctx, "GET", "/site/list", nil, &all, func(w io.Writer) { printSites(w, all...) })
}

func printSites(w io.Writer, all ...account.Site) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SITE\tDOMAIN\tTIME ZONE\tCURRENCY\tDO NOT TRACK\tORIGINS\tHISTORY\tEVENTS KEPT\tPUBLIC\tWEBHOOK\tWRITE KEY")
	for _, s := range all {
		dnt, origins, months, days := "ignored", "all", "off", "for ever"
		if s.DNT {
			dnt = "honoured"
		}
		if len(s.Origins) > 0 {
			origins = strings.Join(s.Origins, ",")
		}
		if s.History > 0 {
			months = fmt.Sprintf("%d months", s.History)
		}
		if s.Keep > 0 {
			days = fmt.Sprintf("%d days", s.Keep)
		}
		fmt.Fprintln(t, strings.Join([]string{s.ID, s.Domain, s.Zone, s.Currency, dnt, origins, months, days, account.SpellParts(s.Public), orDash(s.Webhook), s.WriteKey}, "\t"))
	}
	t.Flush()
}

// asideLine is what a list shows of a thing set aside.
type asideLine struct {
	ID                   uint64
	At                   time.Time
	Reader, Site, Reason string
}

// shownAside is how many a person is shown at a time.
const shownAside = 50

func asideList(ctx context.Context, c *call) error {
	form := c.form("aside list")
	limit, err := wholeNumber(form, "limit", shownAside)
	if err != nil {
		return err
	}
	if c.json { // all of them, or the oldest
		return c.once(ctx, "GET", "/aside/list", form, new(any), nil)
	}
	form.Del("limit")
	var lines []asideLine
	return c.once(ctx, "GET", "/aside/list", form, &lines, func(w io.Writer) {
		all, part := len(lines), ""
		slices.Reverse(lines)
		if limit > 0 && all > limit {
			lines, part = lines[:limit], fmt.Sprintf(", of which these are the newest %d (--limit 0 lists all)", limit)
		}
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "NUMBER\tWHEN\tBY\tSITE\tREASON")
		for _, it := range lines {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", it.ID, it.At.Format(time.RFC3339), it.Reader, orDash(it.Site), it.Reason)
		}
		t.Flush()
		fmt.Fprintf(w, "%d set aside%s; footfall aside show N tells more, footfall aside redrive N tries again\n", all, part)
	})
}

// wholeNumber reads a number of the form; usual if it is not given.
func wholeNumber(form url.Values, name string, usual int) (int, error) {
	text := form.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, misused("--%s: %q is not a whole number", name, text)
	}
	return n, nil
}

func asideShow(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one to show")
	}
	var out any
	return c.once(ctx, "GET", "/aside/show", url.Values{"ids": {c.args[0]}}, &out, nil)
}

func asideMove(what, done string) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		form := c.form("aside " + what)
		if len(c.args) == 0 && form.Get("all") != "true" {
			return misused("name the numbers that footfall aside list shows, or --all")
		}
		form.Set("ids", strings.Join(c.args, ","))
		var out map[string]int
		return c.once(ctx, "POST", "/aside/"+what, form, &out, func(w io.Writer) { fmt.Fprintf(w, "%d %s\n", out["moved"], done) })
	}
}

// errIncomplete ends a command whose work was cut short.
var errIncomplete = errors.New("the server went away before it had finished; the same command again goes on where it stopped")
