package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/api"
	"footfall/metric"
	"footfall/period"
)

var eventCommands = []command{
	{"events delete", "--site S --from D --to D [--where CONDITIONS] [--source X …] [--dry-run] [--yes]", "delete events that should never have counted, or say which they are", deleteEvents},
}

var eventFlags = map[string][][3]string{
	"events delete": {{"site", "", "site"}, {"from", "", "first day, or instant"}, {"to", "", "day after the last, or instant"},
		{"where", "", `conditions, as filters of POST /v1/query: '["contains","referrer",["spam.example"]]'; without any, everything goes`},
		{"dry-run", "false", "true: only say what would be deleted"}, {"yes", "false", "true: don't ask"}},
}

// deleteEvents is the control door's.
func (k *control) deleteEvents(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	if r.FormValue("from") == "" || r.FormValue("to") == "" {
		return errors.New("say of which time: --from and --to, the day after the last")
	}
	window, err := period.Between(r.FormValue("from"), r.FormValue("to"), site.Location())
	if err != nil {
		return err
	}
	if !window.From.Before(window.To) {
		return noTime(r.FormValue("from"), r.FormValue("to"))
	}
	d := deletion{Site: site.ID, From: window.From.UTC(), To: window.To.UTC(), Zone: site.Zone, Filters: json.RawMessage(r.FormValue("filters")), At: time.Now().UTC().Truncate(time.Millisecond)}
	if _, err := d.rule(); err != nil {
		return err
	}
	did, err := k.h.deleteEvents(r.Context(), d, "", r.FormValue("dry-run") == "true", nil)
	if err != nil {
		return err
	}
	return answer(w, did)
}

// conditions are those of the flags as filters of POST /v1/query: that of --where, or
// all of them, and each dimension's.
func (c *call) conditions(form url.Values) (string, error) {
	all := []json.RawMessage{}
	if text := form.Get("where"); text != "" {
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) == 0 {
			return "", misused(`--where takes conditions as filters of POST /v1/query: '["is","page",["/a","/b"]]', or a list of such`)
		}
		if list[0][0] == '[' {
			all = append(all, list...)
		} else {
			all = append(all, json.RawMessage(text))
		}
	}
	for _, d := range metric.Dimensions {
		if values := *c.flags.Lookup(string(d)).Value.(*several); len(values) > 0 {
			one, err := json.Marshal([]any{metric.Is, d, []string(values)})
			if err != nil {
				return "", err
			}
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	text, err := json.Marshal(all)
	return string(text), err
}

func deleteEvents(ctx context.Context, c *call) error {
	form := c.form("events delete")
	filters, err := c.conditions(form)
	if err != nil {
		return err
	}
	form.Set("filters", filters)
	form.Del("where")
	sure, dry := form.Get("yes") == "true", form.Get("dry-run") == "true"
	if !sure && !dry && (c.json || !isTerminal(c.stdout)) {
		return misused("nobody can be asked here: look with --dry-run first, then say --yes")
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	var did deletedEvents
	if !sure {
		form.Set("dry-run", "true")
		err = k.ask(ctx, "POST", "/events/delete", form, &did)
		if err == nil && !dry && did.Match.Events+did.Aside > 0 {
			printDeleted(c.stdout, did)
			if sure = confirmed(c.stdout, os.Stdin); !sure {
				return errors.Join(errors.New("nothing was deleted"), k.close())
			}
		}
	}
	if err == nil && sure && !dry {
		did = deletedEvents{}
		form.Set("dry-run", "false")
		err = k.ask(ctx, "POST", "/events/delete", form, &did)
	}
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(did, func(w io.Writer) { printDeleted(w, did) })
}

// confirmed asks whether to go on.
func confirmed(w io.Writer, in io.Reader) bool {
	fmt.Fprint(w, "\nDelete them for good? Type yes: ")
	line, _ := bufio.NewReader(in).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

// mostDays is how many days are printed; JSON has all.
const mostDays = 60

func printDeleted(w io.Writer, d deletedEvents) {
	if d.Frozen != "" {
		fmt.Fprintf(w, "Dates before %s are left alone: their events are removed already, as the site keeps them for some days, and their figures stay.\n", d.Frozen)
	}
	if d.Match.Events+d.Aside == 0 {
		fmt.Fprintln(w, "no event matches: nothing is deleted")
		return
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "DAY\tEVENTS\tPAGE VIEWS\tVISITORS\tBY BOTS\tBYTES")
	row := func(name string, x deletedDay) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\n", name, x.Events, x.Views, x.Visitors, x.Bots, x.Bytes)
	}
	for i, day := range d.Days {
		if i == mostDays {
			fmt.Fprintf(t, "… %d days more\n", len(d.Days)-i)
			break
		}
		row(day.Date, *day)
	}
	row("in all", d.Match)
	t.Flush()
	fmt.Fprintln(w)
	printPlaces(w, d.Places)
	if d.DryRun {
		fmt.Fprintln(w, "nothing was deleted yet")
	}
}

// deletesEvents deletes events for who asks by HTTP.
type deletesEvents struct{ h *house }

var _ api.Deletes = deletesEvents{}

// DeleteEvents deletes, as the command does.
func (x deletesEvents) DeleteEvents(ctx context.Context, d api.Deletion, dry bool) (api.Deleted, error) {
	of := deletion{Site: d.Site.ID, From: d.Window.From.UTC(), To: d.Window.To.UTC(), Zone: d.Site.Zone, Filters: d.Filters, At: d.At}
	if _, err := of.rule(); err != nil {
		return api.Deleted{}, err
	}
	did, err := x.h.deleteEvents(ctx, of, d.Who, dry, nil)
	if errors.Is(err, errCared) {
		err = api.ErrOtherWork
	}
	if err != nil {
		return api.Deleted{}, err
	}
	out := api.Deleted{DryRun: did.DryRun, Site: did.Site, From: did.From.Format(time.RFC3339), To: did.To.Format(time.RFC3339), Frozen: did.Frozen, Days: []api.DeletedDay{},
		Events: did.Match.Events, Views: did.Match.Views, Bots: did.Match.Bots, Visitors: did.Match.Visitors, Archive: did.Archive.Events, Aside: did.Aside, Orders: did.Orders, Touches: did.Touches}
	for _, day := range did.Days {
		out.Days = append(out.Days, api.DeletedDay{Date: day.Date, Events: day.Events, Views: day.Views, Bots: day.Bots, Visitors: day.Visitors})
	}
	return out, nil
}
