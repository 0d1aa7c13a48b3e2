package collect

import (
	"strings"

	"github.com/valyala/fastjson"

	"footfall/event"
)

func (d *decoder) seePage(key []byte, v *fastjson.Value) {
	switch string(key) {
	case "url":
		d.into.url = v
	case "path":
		d.into.path = v
	case "referrer":
		d.into.referrer = v
	case "title":
		d.into.title = v
	case "search":
		d.into.search = v
	case "name":
		d.into.name = v
	case "file":
		d.into.file = v
	case "category":
		d.into.category = v
	}
}

// readPage finds the page an event happened on. A page view describes it in its
// properties, with context.page as the second best; any other event's properties
// are its own affair (their url may be that of a link), but for want of
// context.page their url is taken for the page's.
func (d *decoder) readPage() error {
	props, err := object("properties", d.m.properties)
	if err != nil {
		return err
	}
	page, err := object("context.page", d.ctx.page)
	if err != nil {
		return err
	}
	if props != nil {
		d.into = &d.props
		props.Visit(d.onPage)
	}
	if page != nil {
		d.into = &d.page
		page.Visit(d.onPage)
	}
	first, second := d.page, pageMembers{url: d.props.url}
	if d.e.View() {
		first, second = d.props, d.page
	}
	d.from.URL = either(first.url, second.url)
	d.from.Referrer = either(first.referrer, second.referrer)
	d.e.Title = either(first.title, second.title)
	if d.from.URL == "" && d.channel == "pixel" {
		d.from.URL = d.referer
	}
	d.e.Host, d.e.Path, d.e.Search = splitURL(d.from.URL)
	if d.from.URL == "" {
		path, query, _ := strings.Cut(either(first.path, second.path), "?")
		d.e.Path, d.e.Search = path, query
		if search := either(first.search, second.search); search != "" {
			d.e.Search = strings.TrimPrefix(search, "?")
		}
	}
	if d.e.Kind == event.Track && loose(d.m.event) == event.Download {
		d.readDownload()
	}
	return nil
}

// readDownload makes the downloaded file the event's page.
func (d *decoder) readDownload() {
	file := either(d.props.url, d.props.file)
	if host, path, _ := splitURL(file); path != "" {
		d.e.Path, d.e.Search = path, ""
		if host != "" {
			d.e.Host = host
		}
	}
}

func either(a, b *fastjson.Value) string {
	if s := loose(a); s != "" {
		return s
	}
	return loose(b)
}

// splitURL takes a URL apart without decoding anything: host in lower case
// without user and port, path as sent, query without "?". What is no absolute
// URL is a path if it begins like one.
func splitURL(raw string) (host, path, query string) {
	raw, _, _ = strings.Cut(raw, "#")
	raw, query, _ = strings.Cut(raw, "?")
	_, rest, absolute := strings.Cut(raw, "://")
	if !absolute {
		if strings.HasPrefix(raw, "/") {
			return "", raw, query
		}
		return "", "", ""
	}
	path = "/"
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		rest, path = rest[:slash], rest[slash:]
	}
	return hostname(rest), path, query
}

// hostname is the host of an authority, lower case, without user and port.
func hostname(authority string) string {
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
	} else {
		host, _, _ = strings.Cut(host, ":")
	}
	return strings.ToLower(host)
}

// keepProperties keeps the properties without what became a field already. A
// page's category stands at the top or in the properties: one is kept.
func (d *decoder) keepProperties() error {
	props, err := object("properties", d.m.properties)
	if err != nil {
		return err
	}
	d.out.begin()
	if props != nil {
		d.out.members(props, d.skipProps)
	}
	if d.e.View() && d.m.category != nil && d.props.category == nil && d.m.category.Type() == fastjson.TypeString &&
		!d.out.tells(d.m.category.GetStringBytes(), false) {
		d.out.comma()
		d.out.b = append(d.out.b, `"category":`...)
		d.out.value(d.m.category)
	}
	d.e.Properties, err = d.out.end("properties")
	return err
}

// isDuplicate reports whether a property says what a field of the event says.
func (d *decoder) isDuplicate(key []byte, v *fastjson.Value) bool {
	if v.Type() != fastjson.TypeString {
		return false
	}
	s := v.GetStringBytes()
	switch string(key) {
	case "url":
		return string(s) == d.from.URL
	case "path":
		return string(s) == d.e.Path
	case "referrer":
		return string(s) == d.from.Referrer
	case "title":
		return string(s) == d.e.Title
	case "search":
		return strings.TrimPrefix(string(s), "?") == d.e.Search
	case "name":
		return d.e.View() && string(s) == d.e.Name
	}
	return false
}

// keepTraits keeps the traits; an identify call of some libraries has them in
// its context.
func (d *decoder) keepTraits() error {
	field, v := "traits", d.m.traits
	if v == nil && d.e.Kind == event.Identify {
		field, v = "context.traits", d.ctx.traits
		d.tookTraits = true
	}
	traits, err := object(field, v)
	if traits == nil || err != nil {
		return err
	}
	d.out.begin()
	d.out.members(traits, nil)
	d.e.Traits, err = d.out.end("traits")
	return err
}

// keepContext keeps what the client said of itself: the event's context, and of
// the batch's what the event's doesn't have.
func (d *decoder) keepContext() (err error) {
	d.out.begin()
	d.out.judge = true
	if d.own != nil {
		d.out.members(d.own, d.skipContext)
	}
	if d.shared != nil {
		d.out.members(d.shared, d.skipShared)
	}
	d.e.Context, err = d.out.end("context")
	return err
}

// isOwnContext reports whether a member of the context became something else.
func (d *decoder) isOwnContext(key []byte, v *fastjson.Value) bool {
	switch string(key) {
	case "page", "campaign":
		return true
	case "screen": // the snippet's
		return v.Type() == fastjson.TypeObject && v.GetObject().Len() == 1 && member(v, "width") != nil
	case "traits":
		return d.tookTraits
	}
	return false
}

// isOverridden reports whether a member of the batch's context is not the event's.
func (d *decoder) isOverridden(key []byte, v *fastjson.Value) bool {
	return d.isOwnContext(key, v) || d.own != nil && d.own.Get(string(key)) != nil
}

// begin starts an object.
func (w *writer) begin() { w.b, w.fault, w.judge = append(w.b[:0], '{'), "", false }

// end ends the object that begin started: its text, "" if it has no member.
func (w *writer) end(field string) (string, error) {
	switch {
	case w.fault != "":
		return "", event.Invalid(field, "%s", w.fault)
	case len(w.b) == 1:
		return "", nil
	}
	return string(append(w.b, '}')), nil
}
