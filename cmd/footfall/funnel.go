package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/dash"
	"footfall/metric"
	"footfall/query"
	"footfall/store/duckdb"
)

// Funnel answers a funnel from the event store, if it has the events.
func (h *house) Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error) {
	if err := h.reports.Kept(ctx, f.Site, f.Window); err != nil {
		return metric.Passage{}, err
	}
	return ofEvents(h, func(st *duckdb.Store) (p metric.Passage, err error) {
		if f.Members, err = h.members(ctx, f.Report()); err != nil {
			return p, err
		}
		p, err = st.Funnel(ctx, f)
		if asOf := h.asOf(st); err == nil && asOf.Before(p.AsOf) {
			p.AsOf = asOf
		}
		return p, err
	})
}

// funnelsInTurn answers funnels that wait for their turn with all other questions.
type funnelsInTurn struct {
	api.Funnels
	turns query.Turns
}

// Funnel waits for a turn and answers.
func (t funnelsInTurn) Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error) {
	leave, err := t.turns.Take(ctx)
	if err != nil {
		return metric.Passage{}, err
	}
	defer leave()
	return t.Funnels.Funnel(ctx, f)
}

// askedInTurn answers all that one query can't ask, in turn with all other questions:
// reports once for all who ask the same.
type askedInTurn struct {
	*query.Shared
	visitsInTurn
	funnelsInTurn
}

var _ dash.Questions = askedInTurn{}

// funnelBook is the funnels that control data keeps, as doors ask for them.
type funnelBook struct{ kept account.Funnels }

var _ api.FunnelBook = funnelBook{}

// Funnels lists a site's funnels by name.
func (b funnelBook) Funnels(ctx context.Context, site string) ([]metric.SavedFunnel, error) {
	kept, err := b.kept.Funnels(ctx, site)
	if err != nil {
		return nil, err
	}
	all := make([]metric.SavedFunnel, len(kept))
	for i, k := range kept {
		if all[i], err = api.ReadSavedFunnel([]byte(k.Definition), k.Name); err != nil {
			return nil, fmt.Errorf("funnel %s of %s: %v", k.Name, site, err) // no fault of who asks
		}
	}
	return all, nil
}

// PutFunnel keeps a funnel.
func (b funnelBook) PutFunnel(ctx context.Context, site string, f metric.SavedFunnel) error {
	text, err := json.Marshal(api.SpellSavedFunnel(f))
	if err != nil {
		return err
	}
	_, err = b.kept.PutFunnel(ctx, account.Definition{Site: site, Name: f.Name, Definition: string(text)})
	return err
}

// RemoveFunnel removes one.
func (b funnelBook) RemoveFunnel(ctx context.Context, site, name string) error {
	return b.kept.RemoveFunnel(ctx, site, name)
}

// funnel answers a funnel in the form of POST /v1/funnel, or one that is named.
func (k *control) funnel(w http.ResponseWriter, r *http.Request) error {
	body, sites, err := k.visitQuestion(r, func(form url.Values, q map[string]any) error {
		if q["date_range"] == nil {
			q["date_range"] = "30d"
		}
		q["funnel"] = form.Get("name")
		return nil
	})
	if err != nil {
		return err
	}
	from := api.FunnelSource{Funnels: k.h, Reports: k.h, Goals: goalBook{k.h.control}, Saved: funnelBook{k.h.control}}
	t, err := api.AskFunnel(r.Context(), from, body, sites, time.Now())
	if err != nil {
		return err
	}
	return answer(w, t)
}

// askFunnel asks for the funnel of a file or, if there is no such file, of a name.
func askFunnel(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one funnel that is saved, or file with one (- for what comes in)")
	}
	var out api.FunnelTable
	name, form := c.args[0], c.form("funnel")
	print, err := c.printing(form, func(w io.Writer) { printFunnel(w, out) }, func() [][]string { return funnelLines(out) })
	if err != nil {
		return err
	}
	if _, err := os.Stat(name); err != nil && name != "-" {
		form.Set("name", name)
		return c.once(ctx, "POST", "/funnel", form, &out, print)
	}
	site := form.Get("site")
	if form.Del("site"); len(form) > 0 {
		return misused("%s is a file and has the whole question: leave --%s out", name, strings.Join(slices.Sorted(maps.Keys(form)), ", --"))
	}
	return c.sendNamed(ctx, name, "/funnel", url.Values{"site": {site}}, &out, print)
}

func (k *control) saveFunnel(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.URL.Query().Get("site"))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, api.MaxBody))
	if err != nil {
		return err
	}
	goals, err := goalBook{k.h.control}.Goals(r.Context(), site.ID)
	if err != nil {
		return err
	}
	f, err := api.ReadSavedFunnel(text, r.URL.Query().Get("name"))
	if err == nil {
		err = f.Check(goals)
	}
	if err != nil {
		return err
	}
	put := func(ctx context.Context) error { return funnelBook{k.h.control}.PutFunnel(ctx, site.ID, f) }
	if err := k.define(r, "funnel", site.ID, f.Name, k.h.control.Funnels, put); err != nil {
		return err
	}
	return answer(w, api.SpellFunnels(site, []metric.SavedFunnel{f}))
}

func (k *control) listFunnels(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	all, err := funnelBook{k.h.control}.Funnels(r.Context(), site.ID)
	if err != nil {
		return err
	}
	return answer(w, api.SpellFunnels(site, all))
}

func (k *control) removeFunnel(w http.ResponseWriter, r *http.Request) error {
	return k.undefine(w, r, "funnel", k.h.control.Funnels, k.h.control.RemoveFunnel)
}

func saveFunnel(ctx context.Context, c *call) error {
	if len(c.args) != 2 {
		return misused("name the funnel and the file with its steps, or - for what comes in")
	}
	form := c.form("funnel save")
	form.Set("name", c.args[0])
	var out api.FunnelList
	return c.sendNamed(ctx, c.args[1], "/funnel/save", form, &out, func(w io.Writer) { printFunnels(w, out) })
}

func listFunnels(ctx context.Context, c *call) error {
	var out api.FunnelList
	return c.once(ctx, "GET", "/funnel/list", c.form("funnel list"), &out, func(w io.Writer) { printFunnels(w, out) })
}

func removeFunnel(ctx context.Context, c *call) error {
	var out map[string]string
	return c.named(ctx, "funnel to remove", "name", "/funnel/remove", c.form("funnel remove"), &out, func(w io.Writer) { fmt.Fprintf(w, "removed: %s\n", out["removed"]) })
}

func printFunnels(w io.Writer, list api.FunnelList) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "FUNNEL\tSTEPS\tWITHIN")
	for _, f := range list.Funnels {
		steps := make([]string, len(f.Steps))
		for i, s := range f.Steps {
			steps[i] = readable(cmp.Or(s.Name, s.Goal, s.Page, s.Event))
		}
		fmt.Fprintln(t, strings.Join([]string{readable(f.Name), strings.Join(steps, ", "), cmp.Or(f.Within, "-")}, "\t"))
	}
	t.Flush()
}

// funnelLines are the answer as a table, the same as the file of the dashboard's page.
func funnelLines(t api.FunnelTable) [][]string {
	lines := [][]string{{"step BIGINT", "name", "visitors BIGINT", "conversion_rate " + rates, "conversion_rate_step " + rates, "dropoff BIGINT", "dropoff_percentage " + rates}}
	for i, s := range t.Results {
		lines = append(lines, []string{strconv.Itoa(i + 1), s.Name, strconv.FormatInt(s.Visitors, 10), orNothing(s.Rate), orNothing(s.StepRate), strconv.FormatInt(s.Dropoff, 10), orNothing(s.DropRate)})
	}
	return lines
}

// printFunnel prints a line for each step.
func printFunnel(w io.Writer, t api.FunnelTable) {
	rows := [][]string{{"step", "visitors", "of the first %", "of the step before %", "dropped", "dropped %"}}
	for i, s := range t.Results {
		row := []string{readable(s.Name), strconv.FormatInt(s.Visitors, 10), figure(api.Point{Value: s.Rate}, "%"), "", "", ""}
		if i > 0 {
			row[3], row[4], row[5] = figure(api.Point{Value: s.StepRate}, "%"), strconv.FormatInt(s.Dropoff, 10), figure(api.Point{Value: s.DropRate}, "%")
		}
		rows = append(rows, row)
	}
	printRows(w, rows, 1)
	fmt.Fprintf(w, "\n%s to %s as of %s\n", t.Query.Range[0], t.Query.Range[1], clock(t.Meta.AsOf))
	warnOfArms(w, t.Meta.Experiments)
}
