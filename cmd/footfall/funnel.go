package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"footfall/api"
	"footfall/dash"
	"footfall/metric"
	"footfall/query"
)

// Funnel answers a funnel from the event store, if it has the events.
func (h *house) Funnel(ctx context.Context, f metric.Funnel) (metric.Passage, error) {
	if err := h.reports.Kept(ctx, f.Site, f.Window); err != nil {
		return metric.Passage{}, err
	}
	if !h.questions.enter() {
		return metric.Passage{}, errRebuilding
	}
	defer h.questions.leave()
	st := h.store.Load()
	if st == nil {
		return metric.Passage{}, errRebuilding
	}
	var err error
	if f.Members, err = h.members(ctx, f.Report()); err != nil {
		return metric.Passage{}, err
	}
	p, err := st.Funnel(ctx, f)
	if asOf := h.asOf(st); err == nil && asOf.Before(p.AsOf) {
		p.AsOf = asOf
	}
	return p, err
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

// askedInTurn answers all that one query can't ask, in turn with all other questions.
type askedInTurn struct {
	visitsInTurn
	funnelsInTurn
}

var _ dash.Questions = askedInTurn{}

// funnel answers a funnel in the form of POST /v1/funnel.
func (k *control) funnel(w http.ResponseWriter, r *http.Request) error {
	sites, body, err := k.question(r)
	if err != nil {
		return err
	}
	t, err := api.AskFunnel(r.Context(), api.FunnelSource{Funnels: k.h, Reports: k.h, Goals: goalBook{k.h.control}}, body, sites, time.Now())
	if err != nil {
		return err
	}
	return answer(w, t)
}

func askFunnel(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one file with the funnel, or - for what comes in")
	}
	c.json = c.json || !isTerminal(c.stdout)
	var out api.FunnelTable
	return c.sendNamed(ctx, c.args[0], "/funnel", c.form("funnel"), &out, func(w io.Writer) { printFunnel(w, out) })
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
}
