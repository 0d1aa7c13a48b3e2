package dash

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"footfall/account"
)

// kinds are the first words of what the audit log says.
var kinds = []string{"account", "affiliate", "code", "embed", "filters", "flag", "funnel", "goal", "hook", "key", "note", "order", "payout", "program", "rule", "segment", "share", "shop", "site", "user"}

type changesView struct {
	said
	Lines  []logLine
	Who    string
	Kind   string
	People []choice // to choose from
	Kinds  []string
	Older  string // address of the lines before these
	Newest string // address of the newest lines; "" if these are
}

// logLine is a line of the audit log as it is shown.
type logLine struct {
	account.Change
	When, By string
}

// linesOf is how many lines a page shows.
const linesOf = 50

// changes shows the audit log, the newest lines first.
func (d *Door) changes(w http.ResponseWriter, r *http.Request, in visit) {
	q := r.URL.Query()
	v := changesView{Who: q.Get("who"), Kind: q.Get("kind"), Kinds: kinds}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64)
	lines, err := d.control.Changes(r.Context(), account.ChangeFilter{Who: v.Who, Kind: v.Kind, Before: max(before, 0), Limit: linesOf + 1})
	if err != nil {
		d.noControl(w, err)
		return
	}
	people, err := d.gate.People(r.Context())
	if err != nil {
		d.noControl(w, err)
		return
	}
	names := map[string]string{}
	v.People = []choice{{account.Operator().Name, in.Say("operator")}}
	for _, p := range people {
		who := p.Who(nil).Name
		names[who] = p.Email
		v.People = append(v.People, choice{who, p.Email})
	}
	if v.Who != "" && !slices.ContainsFunc(v.People, func(c choice) bool { return c.ID == v.Who }) {
		v.People = append(v.People, choice{v.Who, v.Who}) // a key, or somebody who was removed
	}
	at := func(before int64) string {
		values := url.Values{"who": {v.Who}, "kind": {v.Kind}}
		if before > 0 {
			values.Set("before", strconv.FormatInt(before, 10))
		}
		return "/changes?" + values.Encode()
	}
	if len(lines) > linesOf {
		lines = lines[:linesOf]
		v.Older = at(lines[linesOf-1].ID)
	}
	if before > 0 {
		v.Newest = at(0)
	}
	for _, c := range lines {
		by := names[c.Who]
		if by == "" {
			by = strings.TrimPrefix(c.Who, "person ")
		}
		v.Lines = append(v.Lines, logLine{c, in.Date(c.At.UTC(), minute), by})
	}
	d.show(w, http.StatusOK, "changes.html", in, v)
}
