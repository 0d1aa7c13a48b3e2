package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"footfall/account"
	"footfall/api"
	"footfall/metric"
)

var goalCommands = []command{
	{"goal add", "NAME --page PATH | --event NAME [--filters JSON] [--value AMOUNT | --value-property NAME] [--site S]", "define what visitors should do: come to a page (* is any characters), or send an event", addGoal},
	{"goal list", "[--site S]", "list a site's goals", listGoals},
	{"goal remove", "NAME [--site S]", "remove a goal", removeGoal},
	{"funnel", "NAME [--site S] [--window W | --from D [--to D]] [--goal G] [--segment S] [--filters JSON] [--csv | --format F] | FILE [--csv | --format F]", "how many visitors did some things one after another: the steps of a funnel that is saved, or of a file as POST /v1/funnel takes it (- is what comes in)", askFunnel},
	{"funnel save", "NAME FILE [--site S]", "save a funnel under a name, as PUT /v1/funnels/NAME takes it; - is what comes in", saveFunnel},
	{"funnel list", "[--site S]", "list a site's saved funnels", listFunnels},
	{"funnel remove", "NAME [--site S]", "remove a saved funnel", removeFunnel},
}

var goalFlags = map[string][][3]string{
	"goal add": {{"site", "", "site"}, {"page", "", "path of a page, such as /thanks or /blog/*"}, {"event", "", "name of an event"}, {"filters", "", `what else holds of it, as POST /v1/query takes it: [["is", "property:plan", ["pro"]]]`},
		{"value", "", "what each completion is worth, in the site's currency"}, {"value-property", "", "or the event's property that has the amount, such as revenue"}},
	"goal list":   {{"site", "", "site"}},
	"goal remove": {{"site", "", "site"}},
	"funnel":      slices.Concat([][3]string{{"site", "", "site"}, {"window", "", "of a saved one: such as 7d, 6mo, Last90Days or all; 30d without"}, {"from", "", "first day"}, {"to", "", "day after the last"}, {"timezone", "", "instead of the site's"}, {"bots", "", "true counts bots too"}}, asTable, whoFlags),

	"funnel save":   {{"site", "", "site"}},
	"funnel list":   {{"site", "", "site"}},
	"funnel remove": {{"site", "", "site"}},
}

// goalBook is the goals that control data keeps, as doors ask for them.
type goalBook struct{ kept account.Goals }

var _ api.Goals = goalBook{}

// Goals lists a site's goals by name.
func (b goalBook) Goals(ctx context.Context, site string) ([]metric.Goal, error) {
	kept, err := b.kept.Goals(ctx, site)
	if err != nil {
		return nil, err
	}
	all := make([]metric.Goal, len(kept))
	for i, k := range kept {
		if all[i], err = api.ReadGoal([]byte(k.Definition), k.Name); err != nil {
			return nil, fmt.Errorf("goal %s of %s: %v", k.Name, site, err) // no fault of who asks
		}
	}
	return all, nil
}

// PutGoal defines a goal.
func (b goalBook) PutGoal(ctx context.Context, site string, g metric.Goal) error {
	text, err := json.Marshal(api.SpellGoal(g))
	if err != nil {
		return err
	}
	_, err = b.kept.PutGoal(ctx, account.Definition{Site: site, Name: g.Name, Definition: string(text)})
	return err
}

// RemoveGoal removes one.
func (b goalBook) RemoveGoal(ctx context.Context, site, name string) error {
	return b.kept.RemoveGoal(ctx, site, name)
}

// withGoals gives a report that asks for goals, and brings none of its own, those of its
// site.
func (h *house) withGoals(ctx context.Context, r metric.Report) (metric.Report, error) {
	if !r.AsksGoals() || len(r.Goals) > 0 {
		return r, nil
	}
	all, err := goalBook{h.control}.Goals(ctx, r.Site)
	if err != nil {
		return r, err
	}
	return r.WithGoals(all)
}

// definitionOf is the text of a site's goal or funnel as it is kept, for the audit log; "" if
// there is none.
func definitionOf(ctx context.Context, kept func(context.Context, string) ([]account.Definition, error), site, name string) (string, error) {
	all, err := kept(ctx, site)
	for _, d := range all {
		if d.Name == name {
			return d.Definition, nil
		}
	}
	return "", err
}

func (k *control) addGoal(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	fields := map[string]any{}
	for form, field := range map[string]string{"page": "page", "event": "event", "value": "value", "value-property": "value_property"} {
		if v := r.FormValue(form); v != "" {
			fields[field] = v
		}
	}
	if v := r.FormValue("filters"); v != "" {
		if !json.Valid([]byte(v)) {
			return fmt.Errorf(`filters: %s is no JSON: write [["is", "property:plan", ["pro"]]]`, v)
		}
		fields["filters"] = json.RawMessage(v)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	g, err := api.ReadGoal(text, r.FormValue("name"))
	if err != nil {
		return err
	}
	put := func(ctx context.Context) error { return goalBook{k.h.control}.PutGoal(ctx, site.ID, g) }
	if err := k.define(r, "goal", site.ID, g.Name, k.h.control.Goals, put); err != nil {
		return err
	}
	return answer(w, api.SpellGoals(site, []metric.Goal{g}))
}

// unsaid is what the audit log does not tell the text of.
func unsaid(context.Context, string, string) (string, error) { return "", nil }

// define keeps a goal or a funnel, with a line in the audit log.
func (k *control) define(r *http.Request, what, site, name string, kept func(context.Context, string) ([]account.Definition, error), put func(context.Context) error) error {
	before, err := definitionOf(r.Context(), kept, site, name)
	if err == nil {
		err = put(r.Context())
	}
	if err != nil {
		return err
	}
	now, err := definitionOf(r.Context(), kept, site, name)
	if err == nil {
		err = k.note(r, what+" set", site+" "+name, before, now)
	}
	return err
}

func (k *control) listGoals(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	all, err := goalBook{k.h.control}.Goals(r.Context(), site.ID)
	if err != nil {
		return err
	}
	return answer(w, api.SpellGoals(site, all))
}

func (k *control) removeGoal(w http.ResponseWriter, r *http.Request) error {
	return k.undefine(w, r, "goal", k.h.control.Goals, k.h.control.RemoveGoal)
}

// undefine removes a goal or a funnel.
func (k *control) undefine(w http.ResponseWriter, r *http.Request, what string, kept func(context.Context, string) ([]account.Definition, error), remove func(ctx context.Context, site, name string) error) error {
	was := func(ctx context.Context, site, name string) (string, error) {
		return definitionOf(ctx, kept, site, name)
	}
	return k.takeOut(w, r, what, "name", "there is no "+what+" %q at %s", was, remove)
}

// takeOut removes what a site keeps under what a field of the form names, with a line in
// the audit log of what it was; none says that there is no such thing, of its name and the site.
func (k *control) takeOut(w http.ResponseWriter, r *http.Request, what, field, none string, was func(ctx context.Context, site, name string) (string, error), remove func(ctx context.Context, site, name string) error) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	name := r.FormValue(field)
	before, err := was(r.Context(), site.ID, name)
	if err == nil {
		err = remove(r.Context(), site.ID, name)
	}
	if errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf(none+"; footfall %s list shows them", name, site.ID, what)
	}
	if err == nil {
		err = k.note(r, what+" remove", site.ID+" "+name, before, "")
	}
	if err != nil {
		return err
	}
	return answer(w, map[string]string{"site": site.ID, "removed": name})
}

func addGoal(ctx context.Context, c *call) error {
	var out api.GoalList
	return c.named(ctx, "goal to define, and what it is: --page or --event", "name", "/goal/add", c.form("goal add"), &out, func(w io.Writer) { printGoals(w, out) })
}

func listGoals(ctx context.Context, c *call) error {
	var out api.GoalList
	return c.once(ctx, "GET", "/goal/list", c.form("goal list"), &out, func(w io.Writer) { printGoals(w, out) })
}

func removeGoal(ctx context.Context, c *call) error {
	var out map[string]string
	return c.named(ctx, "goal to remove", "name", "/goal/remove", c.form("goal remove"), &out, func(w io.Writer) { fmt.Fprintf(w, "removed: %s\n", out["removed"]) })
}

func printGoals(w io.Writer, list api.GoalList) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "GOAL\tREACHED BY\tWHERE\tVALUE")
	for _, g := range list.Goals {
		what, where, value := "page "+g.Page, "-", "-"
		if g.Page == "" {
			what = "event " + g.Event
		}
		if len(g.Filters) > 0 {
			text, err := json.Marshal(g.Filters)
			if err == nil {
				where = string(text)
			}
		}
		switch {
		case g.Value != nil:
			value = g.Value.String() + " " + list.Currency
		case g.ValueProperty != "":
			value = "of property " + g.ValueProperty
		}
		fmt.Fprintln(t, strings.Join([]string{readable(g.Name), readable(what), readable(where), value}, "\t"))
	}
	t.Flush()
}
