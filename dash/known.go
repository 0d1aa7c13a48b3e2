package dash

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"footfall/metric"
	"footfall/period"
)

// evidence answers "how do you know?" of a figure, or of all figures of a list or table.
type evidence struct {
	ID, Label                           string
	Exact, Window, Before, BeforeWindow string
	Part                                string // of the window that is compared, where it is not the whole; with its figure
	Meaning, Source, Precision, AsOf    string
	Figures                             []meant // of a table's columns, instead of Meaning
	Shares                              string  // what these are of; "" is none
	Curl, Answer                        string  // Answer is the URL of the same question at the API, "" if one may not ask there
}

// meant is what a figure of a table means.
type meant struct{ Label, Meaning string }

// evidence is that of what an answer told.
func (s state) evidence(id, label string, x span, told metric.Table) *evidence {
	return &evidence{ID: "known-" + id, Label: label, Window: s.words(x.window, x.zone), Source: s.sources(told), AsOf: s.moments(told.AsOf, x.zone), Precision: s.Say("exact")}
}

// know tells how a figure is known.
func know(s state, x span, f number, t *total) *evidence {
	k := s.evidence(string(f.name), s.Say(f.label), x, t.told)
	k.Exact, k.Meaning = s.exact(f.name, t.Value, s.site.Currency), s.Say(key(f.name.Meaning()))
	k.rough(s, t.told, f.name)
	now, before := x.fair()
	if !t.before.None {
		k.Before, k.BeforeWindow = s.exact(f.name, t.before, s.site.Currency), s.words(before, x.zone)
		if now != x.window {
			k.Part = s.Say("{figure} in the days that are over, {days}", s.exact(f.name, t.over, s.site.Currency), s.words(now, x.zone))
		}
	}
	k.ask(s, x, f.name, period.Total)
	return k
}

// knowPresent tells how it is known who is there now.
func (s state) knowPresent(x span, set metric.Dataset) *evidence {
	told := toldOf(set)
	k := s.evidence("now", s.Say("There now"), x, told)
	k.Exact, k.Meaning = whole(s.tongue, set.Sum()), s.Say(key(metric.Visitors.Meaning()))
	k.rough(s, told, metric.Visitors)
	k.ask(s, x, metric.Visitors, period.Total)
	return k
}

// rough says that visitors were estimated, if an answer says so and has some.
func (k *evidence) rough(s state, told metric.Table, all ...metric.Name) {
	switch {
	case !told.Estimate || !slices.Contains(all, metric.Visitors):
	case len(all) == 1:
		k.Precision = s.Say("an estimate, less than 1 % off in 98 of 100 cases")
	default:
		k.Precision = s.Say("exact but for visitors, which are estimates, less than 1 % off in 98 of 100 cases")
	}
}

// evidence is that of a list, of which the first figure is shown: the question tells what
// its first rows are.
func (li listing) evidence(s state, x span, told metric.Table) *evidence {
	k := s.evidence("list-"+li.key(), li.called(s.tongue), x, told)
	li.figures = li.figures[:1]
	k.Meaning = s.Say(key(li.figures[0].Meaning()))
	k.rough(s, told, li.figures...)
	r := s.details(li).rowsOf(x, li, li.figures)
	r.Limit = rowsShort
	k.post(s, "/v1/query", s.tabled(x, r))
	return k
}

// evidenceOf is that of a table with several columns.
func (li listing) evidenceOf(s state, x span, r metric.Report, told metric.Table) *evidence {
	k := s.evidence("list-"+li.key(), li.called(s.tongue), x, told)
	for _, m := range r.Metrics {
		k.Figures = append(k.Figures, meant{li.titleOf(s.tongue, m), s.Say(key(m.Meaning()))})
	}
	k.rough(s, told, r.Metrics...)
	k.post(s, "/v1/query", s.tabled(x, r))
	return k
}

// toldOf is how the figures of an answer are known, as a report tells it.
func toldOf(set metric.Dataset) metric.Table {
	return metric.Table{Source: set.Source, AsOf: set.AsOf, Estimate: set.Estimate}
}

// also adds what another answer for the same figures told: the older one, and both sources.
func also(told, other metric.Table) metric.Table {
	if other.AsOf.Before(told.AsOf) {
		told.AsOf = other.AsOf
	}
	for _, name := range strings.Split(other.Source, "+") {
		if !slices.Contains(strings.Split(told.Source, "+"), name) {
			told.Source += "+" + name
		}
	}
	told.Estimate = told.Estimate || other.Estimate
	return told
}

// ask says how the question for a figure is put to the API: as an address, if one can
// say it.
func (k *evidence) ask(s state, x span, m metric.Name, step period.Step) {
	if _, others := s.conditions(); others != nil || len(s.only) > 0 {
		r := s.sumsOf(x.window, x.zone, m)
		r.Step = step
		k.post(s, "/v1/query", s.tabled(x, r))
		return
	}
	v := s.question(m, x)
	v.Set("step", cmp.Or(string(step), "total"))
	k.Curl = bearer + "'" + s.origin + "/v1/query?" + shell(v.Encode()) + "'"
	if s.guest == nil {
		k.Answer = "/v1/query?" + v.Encode()
	}
}

// bearer begins every question to the API.
const bearer = "curl -H 'Authorization: Bearer ffk_…' "

// put is a question as it is sent to the API, whose doors each take some of the fields.
type put struct {
	Site       string      `json:"site_id"`
	Metrics    []string    `json:"metrics,omitempty"`
	Dimensions []string    `json:"dimensions,omitempty"`
	Funnel     string      `json:"funnel,omitempty"`
	Steps      []putStep   `json:"steps,omitempty"`
	Within     string      `json:"within,omitempty"`
	Page       string      `json:"page,omitempty"`
	Event      string      `json:"event,omitempty"`
	Way        metric.Way  `json:"direction,omitempty"`
	Most       int         `json:"limit,omitempty"`
	Step       period.Step `json:"step,omitempty"`
	Returning  []any       `json:"returning,omitempty"`
	Range      any         `json:"date_range"`
	Filters    []any       `json:"filters,omitempty"`
	Order      [][2]string `json:"order_by,omitempty"`
	Rows       *putRows    `json:"pagination,omitempty"`
}

// putStep is a step of a funnel.
type putStep struct {
	Goal  string `json:"goal,omitempty"`
	Page  string `json:"page,omitempty"`
	Event string `json:"event,omitempty"`
}

type putRows struct {
	Limit  int `json:"limit"`
	Offset int `json:"offset,omitempty"`
}

// putting is a question about the state's period, under some conditions.
func (s state) putting(x span, where *metric.Where) put {
	q := put{Site: s.site.ID, Range: s.period, Filters: spelledWhere(where)}
	if s.own() || s.period == allTime && x.from > 0 {
		q.Range = metric.SpellRange(x.window, x.zone)
	}
	return q
}

// spelledWhere are conditions as the API reads them; none of nil.
func spelledWhere(where *metric.Where) []any {
	if where == nil {
		return nil
	}
	return []any{where.Spell()}
}

// tabled is a report as it is put to the API.
func (s state) tabled(x span, r metric.Report) put {
	q := s.putting(x, r.Where)
	for _, m := range r.Metrics {
		q.Metrics = append(q.Metrics, string(m))
	}
	for _, by := range r.By {
		q.Dimensions = append(q.Dimensions, string(by))
	}
	if r.Step != period.Total {
		q.Dimensions = append(q.Dimensions, "time:"+string(r.Step))
	}
	for _, o := range r.Order {
		way := "asc"
		if o.Descending {
			way = "desc"
		}
		q.Order = append(q.Order, [2]string{cmp.Or(string(o.Metric), string(o.Dimension)), way})
	}
	if r.Limit > 0 {
		q.Rows = &putRows{r.Limit, r.Offset}
	}
	return q
}

// post says how questions are sent to a path of the API.
func (k *evidence) post(s state, path string, all ...put) {
	for _, q := range all {
		var body bytes.Buffer
		to := json.NewEncoder(&body)
		to.SetEscapeHTML(false) // people read it, and the page escapes it
		_ = to.Encode(q)        // has nothing that can't be spelled
		if k.Curl != "" {
			k.Curl += "\n\n"
		}
		k.Curl += bearer + "-d '" + strings.ReplaceAll(strings.TrimSpace(body.String()), "'", `\u0027`) + "' '" + s.origin + path + "'"
	}
}

// shell is a text that may stand between single quotes of a shell; a query string
// has none by itself.
func shell(text string) string { return strings.ReplaceAll(text, "'", "%27") }

// sources says in words where figures came from.
func (l tongue) sources(t metric.Table) string {
	var all []string
	for _, name := range strings.Split(t.Source, "+") {
		all = append(all, l.Say(cmp.Or(map[string]key{"bins": "bins, the figures of each day that are kept ready",
			"hot": "hot buckets, what came since these were made", "events": "the events themselves, one by one"}[name], key(name))))
	}
	return strings.Join(all, "; ")
}

// moments spells a moment of today to the second.
func (l tongue) moments(t time.Time, zone *time.Location) string {
	return l.Date(t.In(zone), "2 January 2006, 15:04:05")
}
