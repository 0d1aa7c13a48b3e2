package api

import (
	"context"
	"encoding/json"
	"net/http"

	"footfall/account"
	"footfall/metric"
)

// FunnelBook keeps the funnels that sites have under a name. An unknown name is
// account.ErrNotFound.
type FunnelBook interface {
	Funnels(ctx context.Context, site string) ([]metric.SavedFunnel, error) // by name
	PutFunnel(ctx context.Context, site string, f metric.SavedFunnel) error
	RemoveFunnel(ctx context.Context, site, name string) error
}

// SavedFunnel is how JSON spells a funnel that is kept.
type SavedFunnel struct {
	Name   string      `json:"name"`
	Steps  []AskedStep `json:"steps"`
	Within string      `json:"within,omitempty"` // as in a question
}

// FunnelList is the answer to GET /v1/funnels.
type FunnelList struct {
	Site    string        `json:"site"`
	Funnels []SavedFunnel `json:"funnels"`
}

var savedFields = []string{"name", "steps", "within"}

// ReadSavedFunnel reads a funnel as SavedFunnel spells it; its Check says whether a site
// can have it. A name that is given need not stand in it. What can't be read is a
// *metric.QueryError.
func ReadSavedFunnel(text []byte, name string) (f metric.SavedFunnel, err error) {
	in := readStrictly(text, &err, savedFields...)
	if err != nil {
		return f, err
	}
	f.Name = readName(in["name"], name)
	f.Steps, f.Within = readSteps(in["steps"]), readWithin(in["within"])
	return f, err
}

// readName is the name of a definition, which need not stand in it if it is given.
func readName(n node, given string) string {
	name := textOr(n, given)
	if given != "" && name != given {
		n.fail("%q is not %q, which is to be defined: leave it out", name, given)
	}
	return name
}

// SpellSavedFunnel spells a funnel as ReadSavedFunnel reads it.
func SpellSavedFunnel(f metric.SavedFunnel) SavedFunnel {
	return SavedFunnel{f.Name, spellSteps(f.Steps), metric.SpellWithin(f.Within)}
}

// SpellFunnels spells the funnels of a site.
func SpellFunnels(site account.Site, all []metric.SavedFunnel) FunnelList {
	list := FunnelList{Site: site.ID, Funnels: []SavedFunnel{}}
	for _, f := range all {
		list.Funnels = append(list.Funnels, SpellSavedFunnel(f))
	}
	return list
}

// listFunnels is GET /v1/funnels.
func (d *door) listFunnels(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, err := pickSite(r.URL.Query(), sites)
	var all []metric.SavedFunnel
	if err == nil {
		all, err = d.Saved.Funnels(r.Context(), site.ID)
	}
	d.tell(w, SpellFunnels(site, all), err)
}

// putFunnel is PUT /v1/funnels/{name}.
func (d *door) putFunnel(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	site, err := pickSite(r.URL.Query(), sites)
	var goals []metric.Goal
	if err == nil {
		goals, err = d.Goals.Goals(ctx, site.ID)
	}
	var f metric.SavedFunnel
	if err == nil {
		f, err = ReadSavedFunnel(body, r.PathValue("name"))
	}
	if err == nil {
		err = f.Check(goals)
	}
	var before string
	if err == nil {
		before, err = d.keptFunnel(ctx, site.ID, f.Name)
	}
	if err == nil {
		err = d.Saved.PutFunnel(ctx, site.ID, f)
	}
	if err == nil {
		d.note(ctx, account.Change{What: "funnel set", Target: site.ID + " " + f.Name, Old: before, New: spelledAs(SpellSavedFunnel(f))})
	}
	d.tell(w, SpellFunnels(site, []metric.SavedFunnel{f}), err)
}

// removeFunnel is DELETE /v1/funnels/{name}.
func (d *door) removeFunnel(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	d.remove(w, r, sites, "funnel", r.PathValue("name"), d.keptFunnel, d.Saved.RemoveFunnel)
}

// keptFunnel spells what is kept under a name, for the audit log; "" is nothing.
func (d *door) keptFunnel(ctx context.Context, site, name string) (string, error) {
	all, err := d.Saved.Funnels(ctx, site)
	for _, f := range all {
		if f.Name == name {
			return spelledAs(SpellSavedFunnel(f)), nil
		}
	}
	return "", err
}

// spelledAs is a definition as JSON.
func spelledAs(definition any) string {
	text, err := json.Marshal(definition)
	if err != nil {
		return "" // of what was read from JSON: never
	}
	return string(text)
}
