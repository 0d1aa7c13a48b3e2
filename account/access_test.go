package account

import (
	"slices"
	"testing"
)

// TestRights spells the whole table of who may do what, so that a change of it
// is seen.
func TestRights(t *testing.T) {
	all := []Action{ReadFigures, ReadServer, ChangeServer, ErasePerson, ReadAudit, ReadVisitors, ReadMemberships, ChangeSegments, ChangeSite, ChangePeople, ManageProgramme, PayOut, WriteOrders, DeleteEvents, AskSQL, OwnFigures}
	if len(all) != len(rights) {
		t.Errorf("%d actions, %d lines", len(all), len(rights))
	}
	role := func(r Role) Who { return Person{ID: "per_x"}.Who([]Grant{{Site: "", Role: r}}) }
	key := func(s Scope) Who { return Key{Scopes: []Scope{s}}.Who() }
	for _, x := range []struct {
		name string
		who  Who
		may  []Action
	}{
		{"nobody", Who{}, nil},
		{"operator", Operator(), all[:15]},
		{"owner", role(Owner), all[:14]},
		{"admin", role(Admin), []Action{ReadFigures, ReadServer, ChangeServer, ReadVisitors, ReadMemberships, ChangeSegments, ChangeSite, DeleteEvents, ManageProgramme, WriteOrders}},
		{"viewer", role(Viewer), []Action{ReadFigures, ReadServer, ReadVisitors, ReadMemberships}},
		{"affiliate", role(Affiliate), []Action{OwnFigures}},
		{"share", Share{Site: "a"}.Who(), []Action{ReadFigures}},
		{"key read", key(Read), []Action{ReadFigures, ReadVisitors, ReadMemberships}},
		{"key sql", key(SQL), []Action{AskSQL}},
		{"key define", key(Define), []Action{ChangeSegments}},
		{"key segments", key(InPages), []Action{ReadMemberships}},
		{"key orders", key(Orders), []Action{WriteOrders}},
		{"key admin", key(Everything), []Action{ReadFigures, ReadVisitors, ReadMemberships, ChangeSegments, ChangeSite, ManageProgramme, WriteOrders, AskSQL, DeleteEvents}},
		{"key erase", key(Erase), []Action{ErasePerson}},
		{"key affiliate", key("affiliate:01J"), []Action{OwnFigures}},
		{"key unknown", key("king"), nil},
	} {
		for _, a := range all {
			if got, want := x.who.MaySomewhere(a), slices.Contains(x.may, a); got != want {
				t.Errorf("%s may %s: %v", x.name, a, got)
			}
		}
		if x.who.MaySomewhere("") || x.who.May("", "") || x.who.May("nonsense", "a") || !x.who.May(Public, "a") {
			t.Errorf("%s may do what has no line, or not what is public", x.name)
		}
	}
}

// TestRightsAreOfSites: a grant of one site is worth nothing on another.
func TestRightsAreOfSites(t *testing.T) {
	sites := []Site{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	p := Person{ID: "per_x"}
	mixed := p.Who([]Grant{{Site: "a", Role: Owner}, {Site: "b", Role: Viewer}, {Site: "c", Role: Affiliate}})
	for _, x := range []struct {
		name string
		who  Who
		do   Action
		on   string // sites, "*" is every site
	}{
		{"mixed", mixed, ReadFigures, "ab"}, {"mixed", mixed, ChangeSite, "a"}, {"mixed", mixed, OwnFigures, "c"}, {"mixed", mixed, ReadServer, "ab"},
		{"all", p.Who([]Grant{{Role: Viewer}, {Site: "c", Role: Admin}}), ReadFigures, "abc*"},
		{"all", p.Who([]Grant{{Role: Viewer}, {Site: "c", Role: Admin}}), ChangeSite, "c"},
		{"key", Key{Site: "b", Scopes: []Scope{Everything}}.Who(), ReadFigures, "b"}, {"key", Key{Scopes: []Scope{Read}}.Who(), ReadFigures, "abc*"},
		{"share", Share{Site: "b"}.Who(), ReadFigures, "b"}, {"operator", Operator(), PayOut, "abc*"}, {"nobody", Who{}, ReadFigures, ""},
	} {
		got := ""
		for _, s := range x.who.Sites(x.do, sites) {
			got += s.ID
		}
		if x.who.May(x.do, "") {
			got += "*"
		}
		if got != x.on {
			t.Errorf("%s may %s on %q, want %q", x.name, x.do, got, x.on)
		}
	}
	if mixed.MaySomewhere(ReadServer) || mixed.MaySomewhere(ReadAudit) {
		t.Error("who sees one site sees the sums, or the audit log, of all")
	}
	if len(sites) != 3 || sites[0].ID != "a" {
		t.Error("Sites changed the list")
	}
	if got := (Key{Scopes: []Scope{Read, "affiliate:01J"}}).Who().Affiliates(); !slices.Equal(got, []string{"01J"}) {
		t.Errorf("affiliates %q", got)
	}
}

// TestRoutes: no line twice, and each with an action that is known.
func TestRoutes(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Routes {
		route := r.Method + " " + r.Pattern
		_, known := rights[r.Action]
		if seen[route] || !known && r.Action != Public && r.Action != LoggedIn || ActionOf(route) != r.Action {
			t.Errorf("%s: %q", route, r.Action)
		}
		seen[route] = true
	}
	if ActionOf("GET /nowhere") != "" || ActionOf("PUT /login") != "" {
		t.Error("a route without a line has an action")
	}
}
