package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"footfall/account"
)

// maxWays is how many questions about visitors' ways a GraphQL request may ask: an answer
// has up to 10,000 pages.
const maxWays = 10

// asWritten is a value of a scalar that is spelled as in HTTP's questions.
type asWritten struct{ value any }

// ImplementsGraphQLType tells which.
func (asWritten) ImplementsGraphQLType(name string) bool {
	return name == "DateRange" || name == "Conditions"
}

// UnmarshalGraphQL takes what is written: what reads the question says what is wrong.
func (a *asWritten) UnmarshalGraphQL(value any) error {
	a.value = value
	return nil
}

// wayArguments are those of every question about visitors' ways.
type wayArguments struct {
	Site, Timezone *string
	DateRange      asWritten
	Filters        *asWritten
	Bots           *bool
}

// body is a question as HTTP takes it.
type body map[string]any

// put adds what is given.
func put[V any](b body, name string, value *V) {
	if value != nil {
		b[name] = *value
	}
}

func (b body) written(name string, a *asWritten) {
	if a != nil {
		b[name] = a.value
	}
}

// body are the fields that they are in HTTP.
func (a wayArguments) body() body {
	b := body{"date_range": a.DateRange.value}
	put(b, "site_id", a.Site)
	put(b, "timezone", a.Timezone)
	put(b, "bots", a.Bots)
	b.written("filters", a.Filters)
	return b
}

// argumentNames are the schema's names of HTTP's fields, where they are others.
var argumentNames = map[string]string{"site_id": "site", "date_range": "dateRange", "funnel": "name"}

// ways asks a question in the form of HTTP, where HTTP would let the asker ask it.
func ways[A any](r *root, of body, known bool, ask func(body []byte) (A, error)) (a A, err error) {
	if !known {
		return a, refused("this server tells nothing of visitors' ways")
	}
	if r.door.own != nil || r.door.shows != nil {
		return a, &problem{"FORBIDDEN", "no key may do this that sees a part: visitors did more elsewhere"}
	}
	if name, ok := of["site_id"].(string); ok && !slices.ContainsFunc(r.sites, func(s account.Site) bool { return s.ID == name || s.Domain == name }) {
		return a, forbidden(name)
	}
	if r.asked.Add(1) > maxWays {
		return a, refused("a request has at most 10 of funnel, retention and journey: send several")
	}
	text, err := json.Marshal(of)
	if err != nil {
		return a, refused(err.Error())
	}
	if a, err = ask(text); err == nil {
		return a, nil
	}
	err = r.failed(err)
	if p, ok := err.(*problem); ok {
		if field, why, found := strings.Cut(p.why, ":"); found && argumentNames[field] != "" {
			p.why = argumentNames[field] + ":" + why
		}
	}
	return a, err
}

// countOf is null where there is nothing to count.
func countOf(n int64) *exact { e := count(n); return &e }

type stepArgument struct {
	Name, Goal, Page, Event *string
	Filters                 *asWritten
}

// Funnel resolves the field of that name.
func (r *root) Funnel(ctx context.Context, a struct {
	wayArguments
	Name, Within *string
	Steps        *[]stepArgument
}) (*passed, error) {
	of := a.body()
	put(of, "funnel", a.Name)
	put(of, "within", a.Within)
	if a.Steps != nil {
		steps := make([]body, len(*a.Steps))
		for i, s := range *a.Steps {
			steps[i] = body{}
			for name, text := range map[string]*string{"name": s.Name, "goal": s.Goal, "page": s.Page, "event": s.Event} {
				put(steps[i], name, text)
			}
			steps[i].written("filters", s.Filters)
		}
		of["steps"] = steps
	}
	d := r.door
	t, err := ways(r, of, d.Funnels != nil && d.Reports != nil && d.Goals != nil, func(body []byte) (FunnelTable, error) {
		return AskFunnel(ctx, d.funnels(), body, r.sites, d.Now())
	})
	if err != nil {
		return nil, err
	}
	out := &passed{Source: t.Meta.Source, AsOf: t.Meta.AsOf, Experiments: graphExposed(t.Meta.Experiments)}
	if t.Meta.Funnel != "" {
		out.Name = &t.Meta.Funnel
	}
	for _, s := range t.Results {
		out.Steps = append(out.Steps, &passedStep{s.Name, count(s.Visitors), (*exact)(s.Rate), (*exact)(s.StepRate), count(s.Dropoff), (*exact)(s.DropRate)})
	}
	return out, nil
}

type passed struct {
	Steps        []*passedStep
	Name         *string
	Source, AsOf string
	Experiments  []*graphExperiment
}

type passedStep struct {
	Name                               string
	Visitors                           exact
	ConversionRate, ConversionRateStep *exact
	Dropoff                            exact
	DropoffPercentage                  *exact
}

// Retention resolves the field of that name.
func (r *root) Retention(ctx context.Context, a struct {
	wayArguments
	Step      string
	Returning *asWritten
}) (*retained, error) {
	of := a.body()
	of["step"] = strings.ToLower(a.Step)
	of.written("returning", a.Returning)
	d := r.door
	t, err := ways(r, of, d.Visits != nil, func(body []byte) (Retention, error) {
		return AskRetention(ctx, d.Visits, body, r.sites, d.Now())
	})
	if err != nil {
		return nil, err
	}
	out := &retained{Known: count(t.Visitors.Known), LeftOut: count(t.Visitors.LeftOut), Source: t.Meta.Source, AsOf: t.Meta.AsOf, Warnings: append([]string{}, t.Meta.Warnings...)}
	for _, c := range t.Cohorts {
		row := &retainedRow{Start: c.Start, Size: count(c.Size), Partial: c.Partial, Returned: []*retainedStep{}}
		for _, b := range c.Returned {
			row.Returned = append(row.Returned, &retainedStep{b.Start, count(b.Visitors), (*exact)(b.Rate), b.Partial})
		}
		out.Cohorts = append(out.Cohorts, row)
	}
	for _, s := range t.Average {
		out.Average = append(out.Average, &retainedAverage{int32(s.Step), count(s.Of), count(s.Visitors), (*exact)(s.Rate)})
	}
	return out, nil
}

type retained struct {
	Cohorts        []*retainedRow
	Average        []*retainedAverage
	Known, LeftOut exact
	Source, AsOf   string
	Warnings       []string
}

type retainedRow struct {
	Start    string
	Size     exact
	Partial  bool
	Returned []*retainedStep
}

type retainedStep struct {
	Start    string
	Visitors exact
	Rate     *exact
	Partial  bool
}

type retainedAverage struct {
	Step         int32
	Of, Visitors exact
	Rate         *exact
}

// Journey resolves the field of that name.
func (r *root) Journey(ctx context.Context, a struct {
	wayArguments
	Page, Event  *string
	Direction    string
	Depth, Limit int32
}) (*followed, error) {
	of := a.body()
	put(of, "page", a.Page)
	put(of, "event", a.Event)
	of["direction"], of["depth"], of["limit"] = strings.ToLower(a.Direction), a.Depth, a.Limit
	d := r.door
	t, err := ways(r, of, d.Visits != nil, func(body []byte) (Journey, error) {
		return AskJourney(ctx, d.Visits, body, r.sites, d.Now())
	})
	if err != nil {
		return nil, err
	}
	return &followed{count(t.Views), count(t.Apart), (*exact)(t.ApartShare), placeOf(t.From), t.Meta.Source, t.Meta.AsOf}, nil
}

type followed struct {
	Views, Apart exact
	ApartShare   *exact
	From         *place
	Source, AsOf string
}

type place struct {
	Page                string
	Views               exact
	Share               *exact
	Ended, EndedShare   *exact
	Pages               *[]*place
	Others, OthersShare *exact
	TotalPages          *exact
}

func placeOf(p JourneyPlace) *place {
	out := &place{Page: p.Page, Views: count(p.Views), Share: (*exact)(p.Share)}
	if p.JourneyOn == nil {
		return out
	}
	on := p.JourneyOn
	pages := make([]*place, len(on.Pages))
	for i, next := range on.Pages {
		pages[i] = placeOf(next)
	}
	out.Ended, out.EndedShare, out.Pages = countOf(on.Ended), (*exact)(on.EndedShare), &pages
	out.Others, out.OthersShare, out.TotalPages = countOf(on.Others), (*exact)(on.OthersShare), countOf(on.TotalPages)
	return out
}
