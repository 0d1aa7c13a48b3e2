package dash

import (
	"errors"
	"net/http"
	"slices"

	"footfall/account"
	"footfall/metric"
)

// Shows is what the dashboard of a share shows: metrics, and what they are split by.
func Shows() (metrics []metric.Name, by []metric.Dimension) {
	for _, c := range cells {
		if c.shared {
			metrics = append(metrics, c.name)
			if r, divided := metric.Ratios[c.name]; divided && !slices.Contains(metrics, r.Of) {
				metrics = append(metrics, r.Of) // Sessions are there
			}
		}
	}
	for _, b := range (state{token: "any"}).shown() {
		for _, li := range b.lists {
			if !slices.Contains(by, li.by) {
				by = append(by, li.by)
			}
		}
	}
	return metrics, by
}

// share draws the dashboard of one site for whoever has its link.
func (d *Door) share(w http.ResponseWriter, r *http.Request, _ visit) {
	if s, ok := d.shared(w, r); ok {
		d.board(w, r, visit{tongue: s.tongue}, s, []account.Site{s.site})
	}
}

// shared is the state of the URL below a share's link; if there is no such
// share it answers the request. Whatever the URL names, the site is the share's.
func (d *Door) shared(w http.ResponseWriter, r *http.Request) (state, bool) {
	share, err := d.control.Share(r.Context(), r.PathValue("token"))
	var sites []account.Site
	if err == nil {
		sites, err = d.sites.Sites(r.Context())
	}
	at := slices.IndexFunc(sites, func(s account.Site) bool { return share.Who().May(account.ReadFigures, s.ID) })
	switch {
	case errors.Is(err, account.ErrNotFound) || err == nil && at < 0:
		d.refuse(w, http.StatusNotFound, "There is no such link, or it was taken back.")
		return state{}, false
	case err != nil:
		d.noControl(w, err)
		return state{}, false
	}
	s := readState(tongueOf(w), r.URL.Query(), sites[at:at+1])
	s.token = r.PathValue("token")
	s.origin = d.origin(r)
	s.base = "/share/" + s.token
	s.readFilters(r.URL.Query()) // by what is shown alone
	if !figureOf(s.metric).shared {
		s.metric = string(cells[0].name)
	}
	return s, true
}
