package portal

import (
	"context"
	"net/http"
	"slices"

	"footfall/affiliate"
)

// site is one that a programme may be made of.
type site struct {
	ID, Domain string
	Ticked     bool
}

// beginView is what begin.html shows.
type beginView struct {
	SitesForm *form
	Free      []site
}

// asOwner lets who owns a site make a programme of it.
func (d *door) asOwner(next serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := d.enter(w, r)
		switch {
		case !ok:
		case len(v.person.Owns) == 0:
			v.message(http.StatusForbidden, "This is not for you", "An owner of the sites makes their programme.", link{})
		default:
			v.fail(next(v))
		}
	}
}

// free are the person's sites that are in no programme, ticked as in a form.
func (v *visit) free(f *form) (all []site, err error) {
	programs, err := v.desk.Programs(v.ctx())
	if err != nil {
		return nil, err
	}
	for _, id := range v.person.Owns {
		if slices.ContainsFunc(programs, func(p affiliate.Program) bool { return slices.Contains(p.Sites, id) }) {
			continue
		}
		s := site{ID: id, Domain: id, Ticked: f != nil && slices.Contains(f.values["site"], id)}
		if known, ok := v.Site(v.ctx(), id); ok {
			s.Domain = known.Domain
		}
		all = append(all, s)
	}
	return all, nil
}

func (v *visit) askProgram(status int, f *form) error {
	free, err := v.free(f)
	if err != nil {
		return err
	}
	if f == nil && len(free) == 1 {
		free[0].Ticked = true
	}
	return v.show(status, "begin.html", "A new programme", beginView{f, free})
}

// owned are the sites that a form ticks; one that is not the person's own is wrong.
func (v *visit) owned(f *form) []string {
	sites := f.values["site"]
	if len(sites) == 0 {
		f.wrong("sites", "Tick at least one site.")
	}
	if slices.ContainsFunc(sites, func(id string) bool { return !slices.Contains(v.person.Owns, id) }) {
		f.wrong("sites", "This is no site of yours.")
	}
	return sites
}

// makeProgram makes a programme with the usual terms, which its settings change
// then, and what every order earns.
func (v *visit) makeProgram() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	p := affiliate.Usual()
	p.Name, p.Sites = f.get("name"), v.owned(f)
	checkText(f, "name", 200, true)
	rate := f.percent("rate")
	if f.ok() {
		p, err = v.desk.PutProgram(v.ctx(), p)
		if err := f.take(err, "name", "sites"); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.askProgram(422, f)
	}
	if _, err := v.desk.AddRule(v.ctx(), affiliate.Rule{Program: p.ID, Kind: "percent", Rate: rate}); err != nil {
		return err
	}
	if v.Begun != nil {
		if err := v.Begun(context.WithoutCancel(v.ctx())); err != nil {
			return err
		}
	}
	v.r.SetPathValue("program", p.ID) // for the audit log
	v.program = p
	return v.done(v.path("/settings"), "made")
}

// addSites gives the programme more sites. None is taken out: what happened there
// is the programme's.
func (v *visit) addSites() error {
	if !v.pays() {
		v.message(http.StatusForbidden, "This is not for you", "An owner of the sites gives them to a programme.", link{v.path("/settings"), "Back to the settings"})
		return nil
	}
	f, err := v.sent()
	if err != nil {
		return err
	}
	p := v.program
	p.Sites = slices.Clone(p.Sites)
	for _, id := range v.owned(f) {
		if !slices.Contains(p.Sites, id) {
			p.Sites = append(p.Sites, id)
		}
	}
	if f.ok() {
		_, err := v.desk.PutProgram(v.ctx(), p)
		if err := f.take(err, "sites"); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showSettings(422, nil, nil, nil, f)
	}
	return v.done(v.path("/settings"), "sites")
}
