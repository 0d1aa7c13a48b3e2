package api

import (
	"net/http"

	"footfall/account"
)

// FilterList is the answer to GET /v1/filters.
type FilterList struct {
	Site    string         `json:"site"`
	Filters []NamedFilters `json:"filters"`
}

// NamedFilters are filters that a site keeps for everybody who reads its figures.
type NamedFilters struct {
	Name  string `json:"name"`
	Query string `json:"query"` // as an address of the dashboard has them
}

// SpellFilters spells those of a site.
func SpellFilters(site account.Site, all []account.SavedFilters) FilterList {
	list := FilterList{Site: site.ID, Filters: []NamedFilters{}}
	for _, f := range all {
		list.Filters = append(list.Filters, NamedFilters{f.Name, f.Query})
	}
	return list
}

// listFilters is GET /v1/filters: a key is nobody, and has none of its own.
func (d *door) listFilters(w http.ResponseWriter, r *http.Request, sites []account.Site) {
	site, err := pickSite(r.URL.Query(), sites)
	var all []account.SavedFilters
	if err == nil {
		all, err = d.Kept.Filters(r.Context(), site.ID, "")
	}
	d.tell(w, SpellFilters(site, all), err)
}
