package dash

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// sharingView is the page on which a site is shared and embedded.
type sharingView struct {
	siteTop
	Origin  string
	Address string // of the public page
	Open    bool   // anybody sees it
	Shown   []string
	Owner   bool // one may make links and tokens

	Periods []period.Known
	Period  string
	Look    *look
	Frame   *piece // nil: there is none yet
	Token   string // that is in it; "" is none

	Metrics []metricBox
	Chosen  string // of them
	Figure  *piece
	Until   string
}

// piece is what is put into a page, and how it looks there.
type piece struct {
	Snippet string
	Src     string // of a frame
	Element *element
}

// element is a <footfall-figure>.
type element struct {
	Site, Metric, Window, Token string
	Chart                       bool
}

// shownWords says what parts show, for people.
var shownWords = map[account.Part]key{
	account.TheBoard: "visitors, where they come from and what they look at", account.Doings: "events and goals", account.Money: "orders, revenue and products",
	account.Earners: "affiliates by their codes, among the sources", account.Files: "lists as CSV files", account.Search: "found by search engines",
}

// ofSharing begins the page. It may have frames of this server, to show how they look.
func (d *Door) ofSharing(w http.ResponseWriter, r *http.Request, in visit, action account.Action) (v sharingView, ok bool) {
	top, ok := d.ofSite(w, r, in, "sharing.html", action)
	if !ok {
		return v, false
	}
	w.Header().Set("Content-Security-Policy", policy("'none'")+"; frame-src 'self'")
	v = sharingView{siteTop: top, Origin: d.origin(r), Open: top.Site.Shows(account.TheBoard), Owner: in.who.May(account.ChangePeople, top.Site.ID), Periods: choices}
	for _, m := range metric.Names {
		v.Metrics = append(v.Metrics, metricBox{Name: m, Title: in.metricTitle(m)})
	}
	v.Chosen = string(metric.Visitors)
	if name := r.FormValue("metric"); name != "" {
		v.Chosen = name
	}
	v.Address = v.Origin + "/public/" + top.Site.Domain
	for _, p := range top.Site.Public {
		v.Shown = append(v.Shown, in.Say(shownWords[p]))
	}
	_ = r.ParseForm() // what can't be read is not chosen
	v.Period, v.Look = usualPeriod, lookOf(r.Form)
	if k, known := known(r.Form.Get("period")); known {
		v.Period = k.Name
	}
	if v.Open {
		v.Frame = v.frame("")
	}
	return v, true
}

// sharing shows how a site is shared, and what is put into pages for that.
func (d *Door) sharing(w http.ResponseWriter, r *http.Request, in visit) {
	if v, ok := d.ofSharing(w, r, in, account.ChangeSite); ok {
		d.show(w, http.StatusOK, "sharing.html", in, v)
	}
}

// frame is the site's board in a frame.
func (v sharingView) frame(token string) *piece {
	q := v.Look.values()
	if v.Period != usualPeriod {
		q.Set("period", v.Period)
	}
	if token != "" {
		q.Set("token", token)
	}
	src := "/embed/" + v.Site.Domain
	if len(q) > 0 {
		src += "?" + q.Encode()
	}
	height := "1700"
	if v.Look.Brief {
		height = "620"
	}
	scheme := ""
	if v.Look.Clear {
		scheme = ";color-scheme:normal" // else browsers paint a background where schemes differ
	}
	return &piece{Src: src, Snippet: `<iframe src="` + html.EscapeString(v.Origin+src) + `" title="Figures of ` + v.Site.Domain + `" width="100%" height="` + height + `" loading="lazy" style="border:0` + scheme + `"></iframe>
<script async src="` + v.Origin + `/js/frame.js"></script>`}
}

// makeFrame makes a link for a frame of a site that is not public. It is shown this once.
func (d *Door) makeFrame(w http.ResponseWriter, r *http.Request, in visit) {
	v, ok := d.ofSharing(w, r, in, account.ChangePeople)
	if !ok {
		return
	}
	s := account.Share{Site: v.Site.ID, Name: strings.TrimSuffix("Frame: "+strings.TrimSpace(r.PostFormValue("name")), ": ")}
	var err error
	if s.Expires, err = d.expiry(r); err == nil {
		v.Token, _, err = d.office.AddShare(r.Context(), in.who, s)
	}
	if err != nil {
		d.acted(w, r, err, "", "", func(status int, told said) { d.showSharing(w, in, status, v, told) })
		return
	}
	v.Frame = v.frame(v.Token)
	d.show(w, http.StatusOK, "sharing.html", in, v)
}

func (d *Door) showSharing(w http.ResponseWriter, in visit, status int, v sharingView, told said) {
	v.said = told
	d.show(w, status, "sharing.html", in, v)
}

// makeFigure signs a token for one figure and shows it as an element, this once.
func (d *Door) makeFigure(w http.ResponseWriter, r *http.Request, in visit) {
	v, ok := d.ofSharing(w, r, in, account.ChangePeople)
	if !ok {
		return
	}
	e := account.Embed{Site: v.Site.ID}
	m, err := metric.Parse(r.PostFormValue("metric"))
	if err != nil {
		err = event.Invalid("metric", "is none of the list")
	}
	if e.Metrics = []string{string(m)}; err == nil {
		e.Expires, err = d.expiry(r)
	}
	token := ""
	if err == nil {
		token, err = d.office.SignEmbed(r.Context(), in.who, e)
	}
	if err != nil {
		d.acted(w, r, err, "", "", func(status int, told said) { d.showSharing(w, in, status, v, told) })
		return
	}
	el := element{v.Site.Domain, string(m), v.Period, token, r.PostFormValue("chart") != ""}
	v.Figure, v.Until = &piece{Snippet: figureScript(v.Origin) + el.String(), Element: &el}, in.Date(e.Expires.UTC(), minute)
	d.show(w, http.StatusOK, "sharing.html", in, v)
}

// figureScript is what a page needs once to show figures.
func figureScript(origin string) string {
	return `<script async src="` + origin + `/js/figures.js"></script>` + "\n"
}

// String is the element as a page has it.
func (e element) String() string {
	chart := ""
	if e.Chart {
		chart = " chart"
	}
	return `<footfall-figure site="` + e.Site + `" metric="` + e.Metric + `" window="` + e.Window + `" token="` + e.Token + `"` + chart + `></footfall-figure>`
}

// snippet is a piece of a page that shows an embed token's figures of 30 days.
func snippet(origin, token, site string, metrics []string) string {
	text := figureScript(origin)
	for _, m := range metrics {
		text += element{site, m, cardPeriod, token, false}.String() + "\n"
	}
	return strings.TrimSpace(text)
}

// partBox is a part of a public page to tick.
type partBox struct {
	Part    account.Part
	Words   string
	Checked bool
}

// Parts are the parts to tick, below the one that anybody sees the board at all.
func (v settingsView) Parts() (boxes []partBox) {
	for _, p := range account.Parts[1:] {
		boxes = append(boxes, partBox{p, string(shownWords[p]), v.Site.Shows(p)})
	}
	return boxes
}

// Public reports whether the form says that anybody sees the board.
func (v settingsView) Public() bool { return v.Site.Shows(account.TheBoard) }

// partsOf reads what a form of settings publishes.
func partsOf(form url.Values) (parts []account.Part) {
	if form.Get("public") == "" {
		return nil
	}
	parts = []account.Part{account.TheBoard}
	for _, p := range account.Parts[1:] {
		if slices.Contains(form["shows"], string(p)) {
			parts = append(parts, p)
		}
	}
	return parts
}
