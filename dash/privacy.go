package dash

import (
	"net/http"
	"slices"
	"strings"

	"footfall/account"
)

// privacy tells a site's visitors what is kept of them and for how long. It
// needs no log-in, so that the site's own pages can link to it.
func (d *Door) privacy(w http.ResponseWriter, r *http.Request, _ visit) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		d.noControl(w, err)
		return
	}
	name := r.PathValue("site")
	i := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == name || strings.EqualFold(s.Domain, name) })
	if i < 0 {
		d.refuse(w, http.StatusNotFound, "There is no such site here.")
		return
	}
	d.show(w, http.StatusOK, "privacy.html", visit{}, sites[i])
}
