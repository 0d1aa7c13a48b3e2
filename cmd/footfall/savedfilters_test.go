package main

import (
	"net/http"
	"strings"
	"testing"

	"footfall/account"
	"footfall/api"
)

// TestSavedFilters: what a site keeps is listed by command and HTTP, and removed; what a
// person keeps alone is not.
func TestSavedFilters(t *testing.T) {
	h := newHome(t)
	h.must(nil, "site", "add", "a.example")
	h.must(nil, "user", "add", "ann@a.example", "--role", "viewer", "--site", "a.example")
	people, err := h.control.People(t.Context())
	must(t, err)
	for _, f := range []account.SavedFilters{{Name: "Phones", Query: "device=phone"}, {Name: "Alone", Query: "device=tablet", Person: people[0].ID}} {
		f.Site = "a-example"
		_, err := h.control.PutFilters(t.Context(), f)
		must(t, err)
	}
	key, _, err := h.control.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: []account.Scope{account.Read}})
	must(t, err)
	var typed api.FilterList
	h.must(&typed, "filters", "list", "--site", "a.example")
	answer := h.asking()(key, http.MethodGet, "/v1/filters", "")
	if len(typed.Filters) != 1 || typed.Filters[0] != (api.NamedFilters{Name: "Phones", Query: "device=phone"}) || strings.TrimSpace(answer) != `{"site":"a-example","filters":[{"name":"Phones","query":"device=phone"}]}` {
		t.Errorf("%+v, %s", typed, answer)
	}
	if fault, code := h.typed(nil, "filters", "remove", "Alone", "--site", "a.example"); code == 0 || !strings.Contains(fault, "there are no filters") {
		t.Errorf("of a person: %d %s", code, fault)
	}
	h.must(nil, "filters", "remove", "Phones", "--site", "a.example")
	if h.must(&typed, "filters", "list"); len(typed.Filters) != 0 {
		t.Errorf("left are %+v", typed)
	}
}
