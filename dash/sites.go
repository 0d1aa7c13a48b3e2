package dash

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"footfall/account"
	"footfall/event"
	"footfall/metric"
	"footfall/period"
)

// Setup is what sites are set up by. What is wrong with a site is an
// event.InvalidError; each change has its line in the audit log.
type Setup interface {
	AddSite(ctx context.Context, by account.Who, s account.Site) (account.Site, error)
	// ChangeSite changes settings and tells how many visitors' histories went with that.
	ChangeSite(ctx context.Context, by account.Who, s account.Site) (forgotten int, err error)
	// Export writes a site's events; name is that of the file. An error before the first byte is told.
	Export(ctx context.Context, site account.Site, q url.Values, begin func(name string) io.Writer) error
	Refusals(site string) []Refusal // newest first
	Sight(r *http.Request) Sight    // of who asks
}

// Refusal is an event that a door refused.
type Refusal struct {
	At     time.Time
	Reason string
}

// Sight is as whom the server sees somebody. It must not be kept.
type Sight struct {
	Addr   netip.Addr // zero: not known
	Told   bool       // by a trusted proxy in Header, else the connection is from there
	Header string     // that proxies are believed in
	Unused []string   // headers that name an address and are not believed
	Ours   bool       // the connection comes from a trusted proxy
}

// siteTop is what the pages of a site begin with.
type siteTop struct {
	said
	Site  account.Site
	Ways  []tab // pages of the site
	Erase bool  // one may erase persons
}

// siteWays are the pages of a site, by the template that draws each.
var siteWays = []struct {
	path  string
	label key
	of    string
}{
	{"", "Set-up", "site.html"}, {"/libraries", "Libraries", "libraries.html"}, {"/settings", "Settings", "settings.html"}, {"/share", "Share and embed", "sharing.html"}, {"/privacy", "Privacy and data", "data.html"}, {"/erase", "Erase a person", "erase.html"}, {"/delete", "Delete events", "delete.html"},
}

// ofSite finds the site that a path names, for who may do the action to it. One that
// is not there, and one of somebody else, are told alike.
func (d *Door) ofSite(w http.ResponseWriter, r *http.Request, in visit, of string, action account.Action) (v siteTop, ok bool) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		d.noControl(w, err)
		return v, false
	}
	i := slices.IndexFunc(sites, func(s account.Site) bool { return s.ID == r.PathValue("site") && in.who.May(action, s.ID) })
	if i < 0 || d.Setup == nil {
		d.refuse(w, http.StatusNotFound, "There is no such site here, or it is not yours to change.")
		return v, false
	}
	v = siteTop{said: read(in.tongue, r), Site: sites[i], Erase: in.who.May(account.ErasePerson, sites[i].ID)}
	for _, way := range siteWays {
		shown := true
		switch way.of {
		case "erase.html":
			shown = v.Erase
		case "delete.html":
			shown = d.Deleter != nil && in.who.May(account.DeleteEvents, v.Site.ID)
		}
		if shown {
			v.Ways = append(v.Ways, tab{"/sites/" + v.Site.ID + way.path, in.Say(way.label), way.of == of})
		}
	}
	return v, true
}

type sitesView struct {
	said
	Sites []account.Site
	Adds  bool // one may add another
	Zones []string
}

func (d *Door) listSites(w http.ResponseWriter, r *http.Request, in visit) {
	d.showSites(w, r, in, http.StatusOK, sitesView{said: read(in.tongue, r)})
}

// showSites fills the view in.
func (d *Door) showSites(w http.ResponseWriter, r *http.Request, in visit, status int, v sitesView) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		d.noControl(w, err)
		return
	}
	v.Sites, v.Adds, v.Zones = in.who.Sites(account.ChangeSite, sites), d.Setup != nil && in.who.MaySomewhere(account.ChangeServer), zones
	d.show(w, status, "sites.html", in, v)
}

// addSite adds a site and leads to its snippet.
func (d *Door) addSite(w http.ResponseWriter, r *http.Request, in visit) {
	again := func(status int, s said) { d.showSites(w, r, in, status, sitesView{said: s}) }
	if d.Setup == nil {
		d.refuse(w, http.StatusNotFound, "Sites are not added here.")
		return
	}
	s := account.Site{Domain: domainOf(r.PostFormValue("domain")), Zone: r.PostFormValue("timezone"), Currency: r.PostFormValue("currency"), DNT: true}
	s, err := d.Setup.AddSite(r.Context(), in.who, s)
	if errors.Is(err, account.ErrExists) {
		err = event.Invalid("domain", "is that of a site already")
	}
	d.acted(w, r, err, "/sites/"+s.ID, "site", again)
}

// domainOf is the domain in what people take from the line of their browser's address:
// without scheme, www, port and path, and other scripts in their xn-- form. What is no
// domain stays what it is, and is told.
func domainOf(typed string) string {
	name := strings.ToLower(strings.TrimSpace(typed))
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	if at := strings.IndexAny(name, "/?#"); at > 0 {
		name = name[:at]
	}
	if host, port, ok := strings.Cut(name, ":"); ok && port != "" && strings.Trim(port, "0123456789") == "" {
		name = host
	}
	if rest, ok := strings.CutPrefix(name, "www."); ok && strings.Contains(rest, ".") {
		name = rest
	}
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		name = ascii
	}
	return name
}

// siteView is the page that waits for a site's first event.
type siteView struct {
	siteTop
	Snippet, Pixel string
	Origin         string
	LiveAt         string
	Came           []series // events of seven days by channel, bots' among them
	Names          []series // by name
	All, People    int64
	Quiet          bool // nothing came in these days
	Refusals       []Refusal
	Broken         bool // nobody can tell what came
}

// series is one line of what came.
type series struct {
	Name string
	N    int64
}

// oneSite shows the snippet and what came.
func (d *Door) oneSite(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofSite(w, r, in, "site.html", account.ChangeSite)
	if !ok {
		return
	}
	v := siteView{siteTop: top, Origin: d.origin(r), Refusals: d.Setup.Refusals(top.Site.ID)}
	v.Snippet = d.snippet(r, v.Site)
	v.Pixel = `<noscript><img src="` + v.Origin + `/pixel/v1/page?writeKey=` + v.Site.WriteKey + `" alt="" width="1" height="1"></noscript>`
	v.LiveAt = "/v1/live?" + url.Values{"site": {v.Site.ID}, "metric": {string(metric.Events)}, "bots": {"true"}, "window": {"Last7Days"}, "step": {"total"}}.Encode()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := d.came(ctx, &v); err != nil {
		v.Broken = true
	}
	v.Quiet = v.All == 0 && !v.Broken
	d.show(w, http.StatusOK, "site.html", in, v)
}

// came asks what came in seven days.
func (d *Door) came(ctx context.Context, v *siteView) error {
	zone := v.Site.Location()
	window, _, err := period.Named("Last7Days", d.Now(), zone)
	if err != nil {
		return err
	}
	q := metric.Query{Site: v.Site.ID, Metric: metric.Events, Window: window, Zone: zone, Step: period.Total}
	people, err := d.ask(ctx, q)
	if err != nil {
		return err
	}
	v.People, q.Bots = people.Sum(), true
	for by, into := range map[metric.Dimension]*[]series{"channel": &v.Came, "event": &v.Names} {
		q.By = by
		set, err := d.ask(ctx, q)
		if err != nil {
			return err
		}
		for _, p := range set.Points {
			if p.Value > 0 {
				*into = append(*into, series{p.Series, p.Value})
			}
		}
		slices.SortFunc(*into, func(a, b series) int { return int(b.N - a.N) })
	}
	for _, c := range v.Came {
		v.All += c.N
	}
	v.Names = v.Names[:min(len(v.Names), 8)]
	return nil
}

// Bots is how many of the events are of bots.
func (v siteView) Bots() int64 { return v.All - v.People }

// librariesView is how libraries send to a site.
type librariesView struct {
	siteTop
	Origin string
}

func (d *Door) libraries(w http.ResponseWriter, r *http.Request, in visit) {
	if top, ok := d.ofSite(w, r, in, "libraries.html", account.ChangeSite); ok {
		d.show(w, http.StatusOK, "libraries.html", in, librariesView{top, d.origin(r)})
	}
}

type settingsView struct {
	siteTop
	Zones []string
}

func (d *Door) siteSettings(w http.ResponseWriter, r *http.Request, in visit) {
	if top, ok := d.ofSite(w, r, in, "settings.html", account.ChangeSite); ok {
		d.show(w, http.StatusOK, "settings.html", in, settingsView{top, zones})
	}
}

// changeSettings changes what the form of settings has, and leaves the rest.
func (d *Door) changeSettings(w http.ResponseWriter, r *http.Request, in visit) {
	top, ok := d.ofSite(w, r, in, "settings.html", account.ChangeSite)
	if !ok {
		return
	}
	s := top.Site
	s.Zone, s.Currency, s.DNT = r.PostFormValue("timezone"), r.PostFormValue("currency"), r.PostFormValue("dnt") != ""
	s.Public = partsOf(r.PostForm)
	s.Origins, s.Internal = strings.Fields(r.PostFormValue("origins")), strings.Fields(r.PostFormValue("internal"))
	_, err := d.Setup.ChangeSite(r.Context(), in.who, s)
	d.acted(w, r, err, "/sites/"+s.ID+"/settings", "settings", func(status int, what said) {
		top.said, top.Site = what, s
		d.show(w, status, "settings.html", in, settingsView{top, zones})
	})
}

// zoneField is the field of a time zone.
type zoneField struct {
	Zone  string
	Zones []string
	Wrong bool
}

// Zone is the field of a new site's: as a rule it is in the zone of the others.
func (v sitesView) Zone() zoneField {
	usual := "UTC"
	if len(v.Sites) > 0 {
		usual = v.Sites[0].Zone
	}
	return zoneField{cmp.Or(v.In.Get("timezone"), usual), v.Zones, v.Field == "timezone"}
}

// Zone is the field of the site's.
func (v settingsView) Zone() zoneField {
	return zoneField{v.Site.Zone, v.Zones, v.Field == "timezone"}
}

// zones are time zones to choose from; others can be typed.
var zones = strings.Fields(`UTC Europe/Berlin Europe/Vienna Europe/Zurich Europe/London Europe/Dublin Europe/Lisbon Europe/Madrid Europe/Paris Europe/Brussels Europe/Amsterdam Europe/Rome Europe/Copenhagen Europe/Stockholm
Europe/Oslo Europe/Helsinki Europe/Warsaw Europe/Prague Europe/Budapest Europe/Athens Europe/Bucharest Europe/Kyiv Europe/Istanbul Africa/Cairo Africa/Lagos Africa/Nairobi Africa/Johannesburg America/New_York
America/Chicago America/Denver America/Los_Angeles America/Toronto America/Vancouver America/Mexico_City America/Bogota America/Lima America/Santiago America/Sao_Paulo America/Argentina/Buenos_Aires Asia/Dubai Asia/Jerusalem
Asia/Kolkata Asia/Dhaka Asia/Bangkok Asia/Jakarta Asia/Singapore Asia/Manila Asia/Hong_Kong Asia/Shanghai Asia/Taipei Asia/Seoul Asia/Tokyo Australia/Perth Australia/Adelaide Australia/Sydney Pacific/Auckland`)
