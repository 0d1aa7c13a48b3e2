package collect

import (
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"footfall/enrich"
	"footfall/event"
)

// origin is what a request says of all its events.
type origin struct {
	site        string
	received    time.Time
	channel     string // web, pixel, plain; server is found by its library
	ip          netip.Addr
	userAgent   string
	language    string // the request's Accept-Language
	referer     string // stands in for the page's URL if pixel
	anonymousID string // from the header, where an event has none
	moment      moment // the last time that was read: of a batch, all events tell the same of sending
	keep        int    // days that the site keeps events; 0 is for ever
	oldest      time.Time
}

// moment is a time as it was spelled and what it means.
type moment struct {
	spelled string
	t       time.Time
}

// members of an event, of its context, and of what describes its page, as
// found; nil where absent.
type (
	eventMembers struct {
		kind, id, user, anonymous, group, previous, event, name, category *fastjson.Value
		original, timestamp, sent, properties, traits, context, channel   *fastjson.Value
	}
	contextMembers struct {
		ip, userAgent, page, campaign, library, traits, locale, screen *fastjson.Value
	}
	pageMembers struct{ url, path, referrer, title, search, name, file, category *fastjson.Value }
)

// decoder makes events of parsed JSON. It is used again and again and not safe
// for concurrent use.
type decoder struct {
	origin
	shared     *fastjson.Object // a batch's context, merged into each event's
	sharedSent *fastjson.Value  // a batch's sentAt

	m          eventMembers
	ctx        contextMembers
	page       pageMembers // of context.page
	props      pageMembers // of properties
	own        *fastjson.Object
	tookTraits bool
	into       *pageMembers
	e          *event.Event
	from       enrich.Sender // of the event
	out        writer

	// The visitors below are bound once: a method value made on each use would
	// be allocated each time.
	onEvent, onContext, onShared, onPage func(key []byte, v *fastjson.Value)
	skipContext, skipShared, skipProps   func(key []byte, v *fastjson.Value) bool
}

func newDecoder() *decoder {
	d := &decoder{}
	d.onEvent, d.onContext, d.onShared, d.onPage = d.seeEvent, d.seeContext, d.seeShared, d.seePage
	d.skipContext, d.skipShared, d.skipProps = d.isOwnContext, d.isOverridden, d.isDuplicate
	return d
}

// forget lets go of everything of the last request.
func (d *decoder) forget() {
	out := d.out.b[:0]
	onEvent, onContext, onShared, onPage := d.onEvent, d.onContext, d.onShared, d.onPage
	skipContext, skipShared, skipProps := d.skipContext, d.skipShared, d.skipProps
	*d = decoder{out: writer{b: out}, onEvent: onEvent, onContext: onContext, onShared: onShared, onPage: onPage,
		skipContext: skipContext, skipShared: skipShared, skipProps: skipProps}
}

func (d *decoder) seeEvent(key []byte, v *fastjson.Value) {
	switch string(key) {
	case "type":
		d.m.kind = v
	case "messageId":
		d.m.id = v
	case "userId":
		d.m.user = v
	case "anonymousId":
		d.m.anonymous = v
	case "groupId":
		d.m.group = v
	case "previousId":
		d.m.previous = v
	case "event":
		d.m.event = v
	case "name":
		d.m.name = v
	case "category":
		d.m.category = v
	case "originalTimestamp":
		d.m.original = v
	case "timestamp":
		d.m.timestamp = v
	case "sentAt":
		d.m.sent = v
	case "properties":
		d.m.properties = v
	case "traits":
		d.m.traits = v
	case "context":
		d.m.context = v
	case "channel":
		d.m.channel = v
	}
}

func (c *contextMembers) at(key []byte) **fastjson.Value {
	switch string(key) {
	case "ip":
		return &c.ip
	case "userAgent":
		return &c.userAgent
	case "page":
		return &c.page
	case "campaign":
		return &c.campaign
	case "library":
		return &c.library
	case "traits":
		return &c.traits
	case "locale":
		return &c.locale
	case "screen":
		return &c.screen
	}
	return nil
}

func (d *decoder) seeContext(key []byte, v *fastjson.Value) {
	if at := d.ctx.at(key); at != nil {
		*at = v
	}
}

// seeShared takes from a batch's context what the event's own doesn't have.
func (d *decoder) seeShared(key []byte, v *fastjson.Value) {
	if at := d.ctx.at(key); at != nil && *at == nil {
		*at = v
	}
}

// decode makes an event of v; d.from is who sent it. kind is what the path names;
// "" leaves it to the event. What is wrong is an event.InvalidError.
func (d *decoder) decode(v *fastjson.Value, kind event.Kind, e *event.Event) error {
	d.m, d.ctx, d.page, d.props, d.own, d.tookTraits = eventMembers{}, contextMembers{}, pageMembers{}, pageMembers{}, nil, false
	d.e, d.from = e, enrich.Sender{}
	if v.Type() != fastjson.TypeObject {
		return event.Invalid("event", "must be an object")
	}
	if d.out.odd {
		if err := d.checkTexts(v); err != nil {
			return err
		}
	}
	v.GetObject().Visit(d.onEvent)
	e.Site, e.Kind, e.Channel = d.site, kind, d.channel
	for _, step := range [...]func(*decoder) error{
		(*decoder).readContext, (*decoder).readIDs, (*decoder).readTimes, (*decoder).readSender, (*decoder).readPage,
		(*decoder).readNames, (*decoder).readCampaign, (*decoder).dropOwn, (*decoder).keepProperties, (*decoder).keepTraits, (*decoder).keepContext,
	} {
		if err := step(d); err != nil {
			return err
		}
	}
	return nil
}

// checkTexts finds broken texts anywhere in the event, also under keys that are
// not looked at otherwise.
func (d *decoder) checkTexts(v *fastjson.Value) error {
	w := writer{odd: true}
	w.value(v)
	if w.fault != "" {
		return event.Invalid("event", "%s", w.fault)
	}
	return nil
}

func (d *decoder) readContext() error {
	var err error
	if d.own, err = object("context", d.m.context); err != nil {
		return err
	}
	if d.own != nil {
		d.own.Visit(d.onContext)
	}
	if d.shared != nil {
		d.shared.Visit(d.onShared)
	}
	return nil
}

func (d *decoder) readIDs() (err error) {
	e := d.e
	if e.Kind == "" {
		kind, err := text("type", d.m.kind)
		if err != nil {
			return err
		}
		if e.Kind = event.Kind(kind); kindOf(kind, "") != e.Kind || kind == "" {
			return event.Invalid("type", "must be one of page, track, identify, group, screen, alias")
		}
	}
	for _, f := range [...]struct {
		field string
		v     *fastjson.Value
		to    *string
	}{
		{"messageId", d.m.id, &e.ID}, {"userId", d.m.user, &e.UserID}, {"anonymousId", d.m.anonymous, &e.AnonymousID},
		{"groupId", d.m.group, &e.GroupID}, {"previousId", d.m.previous, &e.PreviousID},
	} {
		if *f.to, err = id(f.field, f.v); err != nil {
			return err
		}
	}
	if e.ID == "" {
		e.ID = newID()
	}
	if e.AnonymousID == "" {
		e.AnonymousID = d.anonymousID
	}
	return nil
}

func (d *decoder) readTimes() error {
	e := d.e
	original, err := d.timeOf("originalTimestamp", d.m.original)
	if err == nil && original.IsZero() {
		original, err = d.timeOf("timestamp", d.m.timestamp)
	}
	if err != nil {
		return err
	}
	sent, err := d.timeOf("sentAt", d.m.sent)
	if err == nil && sent.IsZero() {
		sent, err = d.timeOf("sentAt", d.sharedSent)
	}
	if err != nil {
		return err
	}
	if original.IsZero() {
		original, sent = d.received, time.Time{} // the client's clock has no part in it
	}
	t, skew, flag := When(original, sent, d.received)
	if event.Timely("sentAt", t, d.received) != nil {
		return event.Invalid("sentAt", "moves the event to before 1971")
	}
	e.Time, e.Original, e.Sent, e.Received = millis(t), millis(original), millis(sent), millis(d.received)
	e.Skew, e.Flag = skew, flag
	return nil
}

func millis(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func (d *decoder) timeOf(field string, v *fastjson.Value) (time.Time, error) {
	if v != nil && v.Type() == fastjson.TypeString && d.moment.spelled != "" && string(v.GetStringBytes()) == d.moment.spelled {
		return d.moment.t, nil
	}
	s, err := text(field, v)
	if err != nil {
		return time.Time{}, err
	}
	t, err := readTime(field, s, d.received)
	if err == nil && s != "" {
		d.moment = moment{s, t}
	}
	return t, err
}

// readSender finds who sent the event: the request's address and user agent,
// unless the event brings its own. A server library speaks for somebody else:
// the request's are those of a machine of the site and say nothing.
func (d *decoder) readSender() error {
	from := &d.from
	from.IP, from.UserAgent, from.Language, from.Screen = d.ip, d.userAgent, d.language, d.screenWidth()
	if d.channel != "pixel" && (loose(d.m.channel) == "server" || serverLibrary(loose(member(d.ctx.library, "name")))) {
		d.e.Channel, from.Server = "server", true
		from.IP, from.UserAgent, from.Language = netip.Addr{}, "", ""
	}
	if own := loose(d.ctx.ip); own != "" {
		from.IP = toldAddr(own)
	}
	d.out.own = [2]netip.Addr{d.ip, from.IP}
	if own := loose(d.ctx.userAgent); own != "" {
		from.UserAgent = own
	}
	if own := loose(d.ctx.locale); own != "" {
		from.Language = own
	}
	return nil
}

// screenWidth is the width of the sender's screen in CSS pixels, 0 if it is not
// said. Libraries in Android apps say how many dots it has, and how many of them
// make a pixel.
func (d *decoder) screenWidth() int {
	width := decimal(member(d.ctx.screen, "width"))
	if width == 0 {
		return 0
	}
	if library := loose(member(d.ctx.library, "name")); strings.Contains(library, "android") || strings.Contains(library, "kotlin") {
		if density := decimal(member(d.ctx.screen, "density")); density > 1 {
			width /= density
		}
	}
	return int(min(width, 1<<16))
}

// decimal is the number v is; 0 if it is none, or less.
func decimal(v *fastjson.Value) float64 {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return 0
	}
	return max(0, v.GetFloat64())
}

// toldAddr is the address that a context.ip tells; none if it is no single one.
func toldAddr(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.IsUnspecified() {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// serverLibrary reports whether a context.library.name is that of a library
// that runs on servers.
func serverLibrary(name string) bool {
	name = strings.ToLower(name)
	name = name[strings.IndexByte(name, '/')+1:]
	switch name {
	case "analytics-node", "analytics-go", "analytics-python", "analytics-ruby", "analytics-php", "analytics-java",
		"analytics.net", "analytics-csharp", "analytics-rust", "analytics-kotlin-server",
		"rudder-sdk-node", "rudder-sdk-go", "rudder-sdk-python", "rudder-sdk-ruby", "rudder-sdk-php", "rudder-sdk-java",
		"rudder-analytics-python", "rudder-analytics-ruby", "rudder-analytics.net":
		return true
	}
	return false
}

func (d *decoder) readNames() (err error) {
	e := d.e
	switch {
	case e.Kind == event.Track:
		e.Name, err = text("event", d.m.event)
	case e.View():
		if e.Name, err = text("name", d.m.name); err == nil && e.Name == "" {
			e.Name = loose(d.props.name)
		}
	}
	return err
}

func (d *decoder) readCampaign() error {
	o, err := object("context.campaign", d.ctx.campaign)
	if o == nil || err != nil {
		return err
	}
	c := &d.e.Campaign
	for _, f := range [...]struct {
		key string
		to  *string
	}{{"source", &c.Source}, {"medium", &c.Medium}, {"name", &c.Name}, {"term", &c.Term}, {"content", &c.Content}} {
		if *f.to, err = id("context.campaign."+f.key, o.Get(f.key)); err != nil {
			return err
		}
	}
	return nil
}

// newID makes a random UUID for an event that has no id of its own.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// text is the text of a field that must be one; absent and null are "".
func text(field string, v *fastjson.Value) (string, error) {
	if v == nil {
		return "", nil
	}
	switch v.Type() {
	case fastjson.TypeNull:
		return "", nil
	case fastjson.TypeString:
		return string(v.GetStringBytes()), nil
	}
	return "", event.Invalid(field, "must be a text")
}

// id is the text of a field that some clients send as a number.
func id(field string, v *fastjson.Value) (string, error) {
	if v != nil && v.Type() == fastjson.TypeNumber {
		return string(v.MarshalTo(nil)), nil
	}
	return text(field, v)
}

// loose is the text of v, or "" if it is anything else.
func loose(v *fastjson.Value) string {
	if v == nil || v.Type() != fastjson.TypeString {
		return ""
	}
	return string(v.GetStringBytes())
}

// object is the object of a field that must be one; nil if absent or null.
func object(field string, v *fastjson.Value) (*fastjson.Object, error) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil, nil
	}
	if v.Type() != fastjson.TypeObject {
		return nil, event.Invalid(field, "must be an object")
	}
	return v.GetObject(), nil
}

// member is a member of v, nil if v is no object or has none such.
func member(v *fastjson.Value, key string) *fastjson.Value {
	if v == nil || v.Type() != fastjson.TypeObject {
		return nil
	}
	return v.GetObject().Get(key)
}
