package main

import (
	"context"
	"encoding/json"
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

	"footfall/account"
	"footfall/api"
	"footfall/event"
	"footfall/history"
	"footfall/period"
	"footfall/segment"
)

// people tells of visitors and their segments what doors ask.
type people struct{ h *house }

// VisitorHistory is api.Visitors.
func (p people) VisitorHistory(ctx context.Context, q api.HistoryQuery) (api.VisitorHistory, error) {
	definitions, err := p.h.segments.of(ctx, q.Site.ID)
	if err != nil {
		return api.VisitorHistory{}, err
	}
	wanted := map[history.Item]bool{}
	for _, id := range q.Products {
		wanted[history.Item{Kind: history.Product, Value: id}] = true
	}
	for _, name := range q.Categories {
		wanted[history.Item{Kind: history.Category, Value: name}] = true
	}
	var items []history.Item
	if len(wanted) > 0 {
		items = append(slices.Collect(maps.Keys(wanted)), segment.Items(definitions...)...)
	}
	person, err := p.h.live.Visitor(ctx, q.Site.ID, q.Visitor, items...)
	if err != nil {
		return api.VisitorHistory{}, err
	}
	out := api.VisitorHistory{Site: q.Site.ID, Visitor: q.Visitor, Traits: person.Traits, Currency: q.Site.Currency, Items: []api.HistoryItem{},
		Segments:  spellMemberships(segment.Memberships(definitions, person.History, person.Traits, person.Today)),
		Freshness: freshness(q.Site, person.Complete, person.AsOf)}
	for _, item := range person.History.Items() {
		days := slices.DeleteFunc(slices.Clone(person.History[item]), func(d history.DayCounts) bool { return d.Date < q.From || d.Date >= q.To })
		if len(days) > 0 && (len(wanted) == 0 || wanted[item]) {
			out.Items = append(out.Items, api.HistoryItem{Kind: string(item.Kind), Value: item.Value, Months: spellMonths(days)})
		}
	}
	if basis, made, err := p.h.histories.Basis(ctx, q.Site.ID); err != nil {
		return out, err
	} else if made && basis != (history.Basis{}) { // else they are being made anew
		out.KeptSince = basis.Counted.String()
	}
	return out, nil
}

// spellMonths spells an item's days, which are in order.
func spellMonths(days []history.DayCounts) (months []api.HistoryMonth) {
	for len(days) > 0 {
		first := days[0].Date.MonthStart()
		next := first.NextMonth()
		month := api.HistoryMonth{Month: strings.TrimPrefix(first.Month(), "M")}
		var sum history.Counts
		for ; len(days) > 0 && days[0].Date < next; days = days[1:] {
			sum.Add(&days[0].Counts)
			month.Days = append(month.Days, api.HistoryDay{Date: days[0].Date.String(), HistoryFigures: spellFigures(days[0].Counts)})
		}
		month.HistoryFigures = spellFigures(sum)
		months = append(months, month)
	}
	return months
}

func spellFigures(c history.Counts) api.HistoryFigures {
	return api.HistoryFigures{Views: c[history.Views], Adds: c[history.Adds], Orders: c[history.Orders], Revenue: units(c[history.Revenue]),
		Refunds: c[history.Refunds], Refunded: units(c[history.Refunded])}
}

// units spells an amount; none is "".
func units(thousandths int64) json.Number {
	if thousandths == 0 {
		return ""
	}
	return json.Number(event.Decimal(thousandths))
}

func spellMemberships(in []segment.Membership) []api.Membership {
	all := make([]api.Membership, len(in))
	for i, m := range in {
		all[i] = api.Membership(m)
	}
	return all
}

func freshness(site account.Site, complete bool, asOf time.Time) api.Freshness {
	f := api.Freshness{Complete: complete}
	if !asOf.IsZero() {
		f.AsOf = asOf.In(site.Location()).Format(time.RFC3339)
	}
	return f
}

// VisitorSegments is api.Visitors.
func (p people) VisitorSegments(ctx context.Context, site account.Site, visitor string, explain bool) (api.VisitorSegments, error) {
	out := api.VisitorSegments{Site: site.ID, Visitor: visitor}
	definitions, err := p.h.segments.of(ctx, site.ID)
	if err != nil {
		return out, err
	}
	if !explain {
		in, person, err := p.h.live.Memberships(ctx, site.ID, visitor, definitions)
		out.Segments, out.Freshness = spellMemberships(in), freshness(site, person.Complete, person.AsOf)
		return out, err
	}
	why, person, err := p.h.live.Explain(ctx, site.ID, visitor, definitions)
	if err != nil {
		return out, err
	}
	out.Segments, out.Freshness = []api.Membership{}, freshness(site, person.Complete, person.AsOf)
	for i, d := range definitions {
		m := api.Membership{Segment: d.Name, Version: d.Version}
		tree, err := json.Marshal(why[i])
		if err != nil {
			return out, err
		}
		out.Explanations = append(out.Explanations, api.Explanation{Membership: m, Why: tree, Text: why[i].String()})
		if why[i].Held {
			out.Segments = append(out.Segments, m)
		}
	}
	return out, nil
}

// Segments is api.Segments.
func (p people) Segments(ctx context.Context, site account.Site) ([]api.Segment, error) {
	kept, err := p.h.control.Segments(ctx, site.ID)
	if err != nil {
		return nil, err
	}
	return spellSegments(kept)
}

// PutSegments is api.Segments.
func (p people) PutSegments(ctx context.Context, site account.Site, text []byte) ([]api.Segment, error) {
	definitions, err := parseSegments(text)
	if err != nil {
		return nil, err
	}
	kept, err := p.h.segments.put(ctx, site.ID, definitions)
	if err != nil {
		return nil, err
	}
	p.h.mover.change(site.ID)
	return spellSegments(kept)
}

// RemoveSegment is api.Segments. Nobody is told that its members left.
func (p people) RemoveSegment(ctx context.Context, site account.Site, name string) error {
	return p.h.mover.remove(ctx, site.ID, name)
}

// trials is how many definitions are tried at a time: each goes over all visitors.
const trials = 2

// TestSegments is api.Segments.
func (p people) TestSegments(ctx context.Context, site account.Site, text []byte) (api.DryRun, error) {
	definitions, err := parseSegments(text)
	if err != nil {
		return api.DryRun{}, err
	}
	select {
	case p.h.trials <- struct{}{}:
		defer func() { <-p.h.trials }()
	default:
		return api.DryRun{}, api.ErrBusy
	}
	began := time.Now()
	m, err := p.h.live.Matching(ctx, site.ID, definitions)
	if err != nil {
		return api.DryRun{}, err
	}
	run := api.DryRun{Site: site.ID, Visitors: m.Visitors, TookMS: time.Since(began).Milliseconds(), Freshness: freshness(site, m.Complete, m.AsOf)}
	for _, d := range definitions {
		run.Segments = append(run.Segments, api.SegmentMembers{Segment: d.Name, Members: m.In[d.Name]})
	}
	return run, nil
}

// SegmentMembers is api.Segments.
func (p people) SegmentMembers(ctx context.Context, site account.Site, name string, from, to period.Date) ([]api.DayMembers, error) {
	definitions, err := p.h.segments.of(ctx, site.ID)
	if err != nil {
		return nil, err
	}
	if !defined(definitions, name) {
		return nil, fmt.Errorf("segment %q: %w", name, account.ErrNotFound)
	}
	counts, err := p.h.histories.Counts(ctx, site.ID, name, from, to)
	days := make([]api.DayMembers, len(counts))
	for i, c := range counts {
		days[i] = api.DayMembers{Date: c.Date.String(), Members: c.Members}
	}
	return days, err
}

// wholly asks again after a roll if the first answer is not complete: a house
// that a command has just opened has not been told of what came before.
func wholly[T any](ctx context.Context, h *house, ask func() (answer T, complete bool, err error)) (T, error) {
	first, complete, err := ask()
	if err != nil || complete {
		return first, err
	}
	if err := h.settled(ctx); err != nil {
		return first, err
	}
	if _, err := h.roller.Roll(ctx); err != nil {
		return first, err
	}
	again, _, err := ask()
	return again, err
}

func (k *control) visitorHistory(w http.ResponseWriter, r *http.Request) error {
	site, params, id, err := k.ofVisitor(r)
	if err != nil {
		return err
	}
	q, err := api.ParseHistory(params, []account.Site{site}, id)
	if err != nil {
		return err
	}
	out, err := wholly(r.Context(), k.h, func() (api.VisitorHistory, bool, error) {
		out, err := people{k.h}.VisitorHistory(r.Context(), q)
		return out, out.Complete, err
	})
	if err != nil {
		return err
	}
	return answer(w, out)
}

func (k *control) visitorSegments(w http.ResponseWriter, r *http.Request) error {
	site, params, id, err := k.ofVisitor(r)
	if err != nil {
		return err
	}
	_, explain, err := api.ParseVisitorSegments(params, []account.Site{site}, id)
	if err != nil {
		return err
	}
	out, err := wholly(r.Context(), k.h, func() (api.VisitorSegments, bool, error) {
		out, err := people{k.h}.VisitorSegments(r.Context(), site, id, explain)
		return out, out.Complete, err
	})
	if err != nil {
		return err
	}
	return answer(w, out)
}

// ofVisitor reads whose visitor is asked for; params are left for the API's own parser.
func (k *control) ofVisitor(r *http.Request) (site account.Site, params url.Values, id string, err error) {
	params = r.URL.Query()
	id = params.Get("id")
	params.Del("id")
	site, err = k.h.sites.find(params.Get("site"))
	params.Set("site", site.ID)
	return site, params, id, err
}

func visitorHistory(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one visitor by the id that the site has")
	}
	form := c.form("visitor history")
	form.Set("id", c.args[0])
	var out api.VisitorHistory
	return c.once(ctx, "GET", "/visitor/history", form, &out, func(w io.Writer) { printHistory(w, out) })
}

func printHistory(w io.Writer, v api.VisitorHistory) {
	for _, name := range slices.Sorted(maps.Keys(v.Traits)) {
		fmt.Fprintf(w, "%s: %s\n", name, v.Traits[name])
	}
	printMemberships(w, v.Segments)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "DATE\tOF\tVIEWS\tADDS\tORDERS\tREVENUE\tREFUNDS\tREFUNDED\n")
	for _, item := range v.Items {
		for _, month := range item.Months {
			for _, d := range month.Days {
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%d\t%s\n", d.Date, strings.TrimSpace(item.Kind+" "+item.Value), d.Views, d.Adds, d.Orders,
					orDash(d.Revenue.String()), d.Refunds, orDash(d.Refunded.String()))
			}
		}
	}
	t.Flush()
	fmt.Fprintf(w, "Money is in %s. Kept since %s; as of %s%s\n", v.Currency, orDash(v.KeptSince), orDash(v.AsOf), incomplete(v.Freshness))
}

func printMemberships(w io.Writer, in []api.Membership) {
	for _, m := range in {
		fmt.Fprintf(w, "in %s (version %d)\n", m.Segment, m.Version)
	}
}

// incomplete says that something may be missing.
func incomplete(f api.Freshness) string {
	if f.Complete {
		return ""
	}
	return "; what came since the last roll may be missing"
}

func visitorSegments(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one visitor by the id that the site has")
	}
	form := c.form("visitor segments")
	form.Set("id", c.args[0])
	var out api.VisitorSegments
	return c.once(ctx, "GET", "/visitor/segments", form, &out, func(w io.Writer) {
		printMemberships(w, out.Segments)
		for _, e := range out.Explanations {
			fmt.Fprintf(w, "\n%s (version %s):\n%s", e.Segment, strconv.Itoa(e.Version), e.Text)
		}
		fmt.Fprintf(w, "as of %s%s\n", orDash(out.AsOf), incomplete(out.Freshness))
	})
}
