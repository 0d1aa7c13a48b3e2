package main

import (
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
)

var copyCommands = []command{
	{"export schedule add", "--site S --to DIR|s3://… [--format F] [--table events|daily] [--from DAY]", "write every day of a site into a file when it is over", scheduleExport},
	{"export schedule list", "", "list the scheduled exports, and how far they are", listExports},
	{"export schedule remove", "N", "end a scheduled export; its files stay", unscheduleExport},
}

var copyFlags = map[string][][3]string{
	"export schedule add": {{"site", "", "site"}, {"to", "", "directory on the server, or file:///… or s3://bucket/prefix"}, {"format", "", "ndjson, csv, parquet or arrow; without it ndjson, of the daily table csv"},
		{"table", "events", "events, or daily: views and visitors of each page"}, {"from", "", "first day; without it yesterday"}},
}

func formatNames() string { return strings.Join(slices.Sorted(maps.Keys(exportFormats)), ", ") }

// copied is what is told of a scheduled export.
type copied struct {
	copying
	Last   string `json:"last,omitempty"` // newest date that is written
	Behind int    `json:"behind"`         // dates that are over and not written as they are now
}

func (k *control) addCopying(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	one, err := k.h.copies.add(r.Context(), site, r.Form)
	if err == nil {
		err = k.note(r, "export schedule add", site.ID, "", one.Table+" as "+one.Format+" to "+one.To)
	}
	if err != nil {
		return err
	}
	return answer(w, one)
}

func (k *control) removeCopying(w http.ResponseWriter, r *http.Request) error {
	var gone copying
	err := k.h.copies.change(func(all []copying) ([]copying, error) {
		i := slices.IndexFunc(all, func(c copying) bool { return strconv.Itoa(c.ID) == r.FormValue("id") })
		if i < 0 {
			return nil, fmt.Errorf("there is no scheduled export %q; see: footfall export schedule list", r.FormValue("id"))
		}
		gone = all[i]
		return slices.Delete(all, i, i+1), nil
	})
	if err == nil {
		err = k.note(r, "export schedule remove", gone.Site, gone.Table+" as "+gone.Format+" to "+gone.To, "")
	}
	if err != nil {
		return err
	}
	return answer(w, gone)
}

func (k *control) listCopying(w http.ResponseWriter, r *http.Request) error {
	all := []copied{}
	for _, one := range k.h.copies.list() {
		c := copied{copying: one}
		site, err := k.h.sites.find(one.Site)
		if err != nil {
			return err
		}
		dates, _, err := k.h.copies.lacking(r.Context(), &one, site)
		if err != nil {
			return err
		}
		if c.Behind = len(dates); len(one.Written) > 0 {
			c.Last = slices.Max(slices.Collect(maps.Keys(one.Written)))
		}
		c.Written = nil
		all = append(all, c)
	}
	return answer(w, all)
}

func scheduleExport(ctx context.Context, c *call) error {
	form := c.form("export schedule add")
	if form.Get("to") == "" {
		return misused("--to is missing: a directory on the server that the files are written to, or s3://bucket/prefix")
	}
	to, err := named(form.Get("to"))
	if err != nil {
		return err
	}
	form.Set("to", to)
	var one copying
	return c.once(ctx, "POST", "/export/schedule/add", form, &one, func(w io.Writer) {
		fmt.Fprintf(w, "Scheduled as %d: a server writes %s of %s from %s on to %s, folder %s, each day after a quarter past midnight.\n", one.ID, one.Table, one.Site, one.From, one.To, one.Site)
	})
}

func unscheduleExport(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one to end, by the number that footfall export schedule list shows")
	}
	var gone copying
	return c.once(ctx, "POST", "/export/schedule/remove", url.Values{"id": {c.args[0]}}, &gone, func(w io.Writer) {
		fmt.Fprintf(w, "Ended: %s of %s to %s. What is written stays.\n", gone.Table, gone.Site, gone.To)
	})
}

func listExports(ctx context.Context, c *call) error {
	var all []copied
	return c.once(ctx, "GET", "/export/schedule/list", nil, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tSITE\tTABLE\tFORMAT\tTO\tLAST\tBEHIND\tERROR")
		for _, one := range all {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", one.ID, one.Site, one.Table, one.Format, one.To, orDash(one.Last), one.Behind, orDash(one.Error))
		}
		t.Flush()
	})
}

// copies tells how far the scheduled exports are.
func (k *client) copies(ctx context.Context) finding {
	var all []copied
	if err := k.ask(ctx, "GET", "/export/schedule/list", nil, &all); err != nil {
		return finding{"exports", false, err.Error()}
	}
	if len(all) == 0 {
		return finding{"exports", true, "none is scheduled"}
	}
	ok, says := true, make([]string, len(all))
	for i, one := range all {
		says[i] = fmt.Sprintf("%d (%s of %s): last day %s", one.ID, one.Table, one.Site, orDash(one.Last))
		if one.Behind > 0 {
			says[i] += fmt.Sprintf(", %d days to write, which a server does every quarter of an hour", one.Behind)
		}
		if one.Error != "" {
			ok = false
			says[i] += fmt.Sprintf(", fails since %s and is tried again: %s", one.Since.Format(time.RFC3339), one.Error)
		}
	}
	return finding{"exports", ok, strings.Join(says, "; ")}
}
