package dash

import (
	"context"
	"slices"
	"strings"
	"sync"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
)

// inventions keeps goals and funnels, and answers questions with invented figures.
type inventions struct {
	*plausible
	mu      sync.Mutex
	goals   map[string][]metric.Goal // by site
	saved   map[string][]metric.SavedFunnel
	failing error
	put     []any // what was asked
}

func (k *inventions) note(q any) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put = append(k.put, q)
	return k.failing
}

func (k *inventions) Goals(_ context.Context, site string) ([]metric.Goal, error) {
	return k.goals[site], nil
}

func (k *inventions) PutGoal(_ context.Context, site string, g metric.Goal) error {
	if len(k.goals[site]) >= 3 {
		return event.Invalid("goal", "is one too many")
	}
	if k.goals == nil {
		k.goals = map[string][]metric.Goal{}
	}
	others := slices.DeleteFunc(k.goals[site], func(old metric.Goal) bool { return old.Name == g.Name })
	k.goals[site] = append(others, g)
	slices.SortFunc(k.goals[site], func(a, b metric.Goal) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (k *inventions) RemoveGoal(_ context.Context, site, name string) error {
	before := len(k.goals[site])
	k.goals[site] = slices.DeleteFunc(k.goals[site], func(g metric.Goal) bool { return g.Name == name })
	if len(k.goals[site]) == before {
		return account.ErrNotFound
	}
	return nil
}

func (k *inventions) Funnels(_ context.Context, site string) ([]metric.SavedFunnel, error) {
	return k.saved[site], nil
}

func (k *inventions) PutFunnel(_ context.Context, site string, f metric.SavedFunnel) error {
	if k.saved == nil {
		k.saved = map[string][]metric.SavedFunnel{}
	}
	k.saved[site] = append(k.saved[site], f)
	return nil
}

func (k *inventions) RemoveFunnel(_ context.Context, site, name string) error {
	before := len(k.saved[site])
	k.saved[site] = slices.DeleteFunc(k.saved[site], func(f metric.SavedFunnel) bool { return f.Name == name })
	if len(k.saved[site]) == before {
		return account.ErrNotFound
	}
	return nil
}

// Tabulate tells of the goals, and of anything else what is plausible.
func (k *inventions) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	if len(r.By) != 1 || r.By[0] != metric.OfGoal {
		return k.plausible.Tabulate(ctx, r)
	}
	if err := r.Check(); err != nil {
		return metric.Table{}, err
	}
	t := metric.Table{Source: "events", AsOf: k.now()}
	for i, g := range r.Goals {
		n := int64(1000 / (i + 1))
		row := metric.Row{Keys: []string{g.Name}, Values: []metric.Value{{N: n}, {N: n - 10}, {N: 12_345}, {N: n * g.Value}}}
		row.Before = []metric.Value{{N: n / 2}, {N: n}, {N: 10_345}, {N: 0}}
		t.Rows = append(t.Rows, row)
	}
	return t, k.note(r)
}

func (k *inventions) Funnel(_ context.Context, f metric.Funnel) (metric.Passage, error) {
	p := metric.Passage{Source: "events", AsOf: k.now()}
	for i := range f.Steps {
		p.Visitors = append(p.Visitors, []int64{1200, 300, 120, 0, 0, 0, 0, 0}[i])
	}
	return p, k.note(f)
}

func (k *inventions) Retain(_ context.Context, r metric.Retention) (metric.Cohorts, error) {
	if err := r.Check(); err != nil {
		return metric.Cohorts{}, err
	}
	c := metric.Cohorts{Rows: r.Rows(k.now()), Source: "events", AsOf: k.now(), Known: 402, LeftOut: 1630}
	for i := range c.Rows {
		c.Rows[i].Size = int64(200 + 37*i)
		for j := range c.Rows[i].Returned {
			c.Rows[i].Returned[j].Visitors = c.Rows[i].Size / int64(3+2*j)
		}
	}
	if k.scale == 0 {
		c.Rows = nil
	}
	return c, k.note(r)
}

func (k *inventions) Follow(_ context.Context, j metric.Journey) (metric.Paths, error) {
	if err := j.Check(); err != nil {
		return metric.Paths{}, err
	}
	p := metric.Paths{Views: 120, Apart: 3, Source: "events", AsOf: k.now(), From: metric.Place{Page: j.Page, Views: 117, Ended: 40, Others: 7, Pages: 9}}
	p.From.Places = []metric.Place{{Page: "/checkout/" + string(j.Way), Views: 50}, {Page: "/" + strings.Repeat("long/", 40), Views: 20}}
	return p, k.note(j)
}
