package account

import (
	"slices"
	"strings"
)

// Action is what a route does, to a site if it is about one. The zero Action
// is that of a route without a line in Routes: nobody may do it.
type Action string

// Actions.
const (
	Public          Action = "public"           // anybody; the route itself may ask for a signature or a token
	LoggedIn        Action = "own account"      // whoever has a session
	ReadFigures     Action = "read figures"     //
	ReadServer      Action = "read server"      // sums over all sites
	ChangeServer    Action = "change server"    // its sites, what is set aside, recounts
	ReadAudit       Action = "read audit log"   // which is of all sites
	ReadVisitors    Action = "read visitors"    // single ones, and segments
	AskSQL          Action = "ask in SQL"       // which tells of single events and orders
	ReadMemberships Action = "read memberships" // of one visitor whose id is known
	ChangeSegments  Action = "change segments"  //
	ChangeSite      Action = "change site"      // its settings, goals, funnels and notes
	DeleteEvents    Action = "delete events"    // of a time, by conditions, for good
	ErasePerson     Action = "erase person"     // out of events, histories and ledger
	ChangePeople    Action = "change people"    // also keys and shares
	ManageProgramme Action = "manage programme" //
	PayOut          Action = "pay out"          //
	WriteOrders     Action = "write orders"     //
	OwnFigures      Action = "own figures"      // of the affiliate that one is
)

// rights is the authorisation table: which roles of people and which scopes of
// keys may do what. The operator, who has the data directory, may do all of it
// but see own figures.
var rights = map[Action]struct {
	roles  []Role
	scopes []Scope
}{
	ReadFigures:     {[]Role{Owner, Admin, Viewer}, []Scope{Read, Everything}},
	ReadServer:      {[]Role{Owner, Admin, Viewer}, nil},
	ChangeServer:    {[]Role{Owner, Admin}, nil},
	ReadAudit:       {[]Role{Owner}, nil},
	ReadVisitors:    {[]Role{Owner, Admin, Viewer}, []Scope{Read, Everything}},
	AskSQL:          {nil, []Scope{SQL, Everything}},
	ReadMemberships: {[]Role{Owner, Admin, Viewer}, []Scope{Read, InPages, Everything}},
	ChangeSegments:  {[]Role{Owner, Admin}, []Scope{Define, Everything}},
	ChangeSite:      {[]Role{Owner, Admin}, []Scope{Everything}},
	DeleteEvents:    {[]Role{Owner, Admin}, []Scope{Everything}},
	ErasePerson:     {[]Role{Owner}, []Scope{Erase}},
	ChangePeople:    {[]Role{Owner}, nil},
	ManageProgramme: {[]Role{Owner, Admin}, []Scope{Everything}},
	PayOut:          {[]Role{Owner}, nil},
	WriteOrders:     {[]Role{Owner, Admin}, []Scope{Orders, Everything}},
	OwnFigures:      {[]Role{Affiliate}, []Scope{OfAffiliate}},
}

// ScopesFor lists the scopes of which a key needs one for an action.
func ScopesFor(a Action) []Scope { return rights[a].scopes }

// Who asks. The zero Who is somebody unknown, who may do what is public.
type Who struct {
	Name     string // for the audit log, such as "person per_x"
	Person   string // id, if a person asks
	operator bool
	grants   []Grant
	site     string // what scopes or a share are for; "" is every site
	scopes   []Scope
	shared   bool // reads the figures of site, and nothing else
}

// Operator is who has the data directory.
func Operator() Who { return Who{Name: "operator", operator: true} }

// Who is the person with the grants.
func (p Person) Who(grants []Grant) Who {
	return Who{Name: "person " + p.ID, Person: p.ID, grants: grants}
}

// Who is the program that has the key.
func (k Key) Who() Who { return Who{Name: "key " + k.ID, site: k.Site, scopes: k.Scopes} }

// Who is somebody who was given the share.
func (s Share) Who() Who {
	return Who{Name: "share " + s.ID, site: s.Site, shared: true}
}

// May reports whether one may do it to a site; "" is every site.
func (w Who) May(a Action, site string) bool {
	return w.may(a, func(granted string) bool { return granted == "" || granted == site })
}

// MaySomewhere reports whether one may do it to a site or more.
func (w Who) MaySomewhere(a Action) bool {
	if a == ReadServer || a == ChangeServer || a == ReadAudit {
		return w.May(a, "")
	}
	return w.may(a, func(string) bool { return true })
}

func (w Who) may(a Action, on func(granted string) bool) bool {
	switch {
	case a == Public:
		return true
	case a == LoggedIn:
		return w.operator || w.Person != ""
	}
	r, known := rights[a]
	switch {
	case w.operator:
		return known && a != OwnFigures
	case w.shared:
		return a == ReadFigures && on(w.site)
	}
	return slices.ContainsFunc(w.grants, func(g Grant) bool { return on(g.Site) && slices.Contains(r.roles, g.Role) }) ||
		on(w.site) && slices.ContainsFunc(w.scopes, func(s Scope) bool { return slices.Contains(r.scopes, s.kind()) })
}

// Sites are those of all to which one may do it; all stays as it is.
func (w Who) Sites(a Action, all []Site) []Site {
	return slices.DeleteFunc(slices.Clone(all), func(s Site) bool { return !w.May(a, s.ID) })
}

// Affiliates are the ids of affiliates that a key may read.
func (w Who) Affiliates() (ids []string) {
	for _, s := range w.scopes {
		if id, ok := strings.CutPrefix(string(s), OfAffiliate); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Route is an address of a door: a method and a pattern as http.ServeMux has it.
type Route struct {
	Method, Pattern string
	Action          Action
}

// ActionOf is the action of a route such as "GET /audit". Doors ask it for
// what they serve, so that a route without a line is refused to everybody.
func ActionOf(route string) Action {
	method, pattern, _ := strings.Cut(route, " ")
	for _, r := range Routes {
		if r.Method == method && r.Pattern == pattern {
			return r.Action
		}
	}
	return ""
}
