package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	"footfall/api"
)

var filterCommands = []command{
	{"filters list", "[--site S]", "list the filters that a site keeps under a name, for everybody who reads its figures", listFilters},
	{"filters remove", "NAME [--site S]", "remove them", removeFilters},
}

var filterFlags = map[string][][3]string{"filters list": {{"site", "", "site"}}, "filters remove": {{"site", "", "site"}}}

func (k *control) listFilters(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	all, err := k.h.control.Filters(r.Context(), site.ID, "")
	if err != nil {
		return err
	}
	return answer(w, api.SpellFilters(site, all))
}

func (k *control) removeFilters(w http.ResponseWriter, r *http.Request) error {
	return k.takeOut(w, r, "filters", "name", "there are no filters %q at %s for everybody", unsaid, func(ctx context.Context, site, name string) error {
		return k.h.control.RemoveFilters(ctx, site, "", name)
	})
}

func listFilters(ctx context.Context, c *call) error {
	var out api.FilterList
	return c.once(ctx, "GET", "/filters/list", c.form("filters list"), &out, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tFILTERS")
		for _, f := range out.Filters {
			fmt.Fprintln(t, strings.Join([]string{readable(f.Name), readable(f.Query)}, "\t"))
		}
		t.Flush()
	})
}

func removeFilters(ctx context.Context, c *call) error {
	var out map[string]string
	return c.named(ctx, "filters to remove", "name", "/filters/remove", c.form("filters remove"), &out, func(w io.Writer) { fmt.Fprintf(w, "removed: %s\n", out["removed"]) })
}
