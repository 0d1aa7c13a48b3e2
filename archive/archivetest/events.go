package archivetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"footfall/event"
)

// Start is the time of the first event of Traffic: so shortly before midnight
// that the first thousand events cross it.
var Start = time.Date(2026, 11, 21, 23, 59, 45, 0, time.UTC)

// UUID is a random (version 4) UUID as browsers spell it.
func UUID(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), a&0xfff, 0x8000|b>>50, b&0xffffffffffff)
}

// Traffic is n events as a busy site sends them: random UUIDs as ids, one event
// every 30 ms, a thousand visitors with one device each on fifty pages, every
// tenth event a track event with properties. The same seed gives the same events.
func Traffic(seed uint64, site string, n int) []event.Event {
	r := rand.New(rand.NewPCG(seed, 1))
	visitors := make([]event.Event, 1000)
	for i := range visitors {
		visitors[i] = visitor(r)
	}
	events := make([]event.Event, n)
	for i := range events {
		e := visitors[r.IntN(len(visitors))]
		e.ID, e.Site = UUID(r), site
		e.Original = Start.Add(time.Duration(i)*30*time.Millisecond + time.Duration(r.IntN(30))*time.Millisecond)
		e.Time = e.Original
		e.Sent = e.Original.Add(time.Duration(r.IntN(20)) * time.Millisecond)
		e.Received = e.Sent.Add(time.Duration(20+r.IntN(80)) * time.Millisecond)
		page := r.IntN(50)
		e.Path = fmt.Sprintf("/posts/number-%d/", page)
		e.Title = fmt.Sprintf("Number %d of our many posts", page)
		e.Kind = event.Page
		if r.IntN(10) == 0 {
			e.Kind, e.Name = event.Track, "Product Added"
			e.Properties = fmt.Sprintf(`{"product_id":"sku-%d","price":%d.99,"quantity":%d}`, r.IntN(500), r.IntN(100), 1+r.IntN(3))
		}
		if r.IntN(3) > 0 {
			e.Class, e.Source, e.Referrer = "internal", "", "https://example.com"+fmt.Sprintf("/posts/number-%d/", r.IntN(50))
		}
		events[i] = e
	}
	return events
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func visitor(r *rand.Rand) event.Event {
	e := event.Event{
		AnonymousID: UUID(r), Visitor: r.Uint64(), Session: r.Uint64(), Host: "example.com", Channel: "web",
		Country: pick(r, "DE", "DE", "DE", "AT", "CH", "US", "FR", "GB", "NL", "IN"),
		Device:  pick(r, "desktop", "phone", "phone", "tablet"),
		Browser: pick(r, "Chrome", "Chrome", "Safari", "Firefox", "Edge"),
		OS:      pick(r, "Windows", "Android", "iOS", "macOS", "Linux"),
		Context: fmt.Sprintf(`{"library":{"name":"analytics-next","version":"1.70.0"},"locale":"de-DE","timezone":"Europe/Berlin","screen":{"width":%d,"height":%d}}`,
			640+r.IntN(20)*64, 480+r.IntN(20)*48),
	}
	switch r.IntN(3) {
	case 0:
		e.Class, e.Source, e.Referrer = "search", "Google", "https://www.google.com/"
	case 1:
		e.Class, e.Source = "campaign", "newsletter"
		e.Campaign = event.Campaign{Source: "newsletter", Medium: "email", Name: "autumn"}
	default:
		e.Class = "direct"
	}
	return e
}

// Random is an event with a random value in every field, whatever fields an
// Event has; about every fourth field is left zero.
func Random(r *rand.Rand) event.Event {
	var e event.Event
	fill(r, reflect.ValueOf(&e).Elem())
	return e
}

func fill(r *rand.Rand, v reflect.Value) {
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
		return
	}
	if r.IntN(4) == 0 {
		return
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = randomTime(r)
	case *time.Duration:
		*x = time.Duration(r.IntN(1_000_000)-500_000) * time.Millisecond
	case *uint64:
		*x = r.Uint64()
	default:
		if v.Kind() != reflect.String {
			panic("archivetest: no random value for an event field of type " + v.Type().String())
		}
		v.SetString(randomText(r))
	}
}

// randomTime is mostly of our days, sometimes the epoch itself, before it, or
// far in the future.
func randomTime(r *rand.Rand) time.Time {
	switch r.IntN(10) {
	case 0:
		return time.UnixMilli(0).UTC()
	case 1:
		return time.UnixMilli(-r.Int64N(1e13)).UTC()
	case 2:
		return time.Date(2099, 12, 31, 23, 59, 59, 999e6, time.UTC)
	}
	return Start.Add(time.Duration(r.Int64N(int64(6*time.Hour/time.Millisecond))) * time.Millisecond)
}

func randomText(r *rand.Rand) string {
	const letters = "abcXYZ0189-_/?&=%.\"'\\ \n\täöü€漢🦶"
	runes := []rune(letters)
	n := r.IntN(40)
	if r.IntN(50) == 0 {
		n = 4000
	}
	b := make([]rune, n)
	for i := range b {
		b[i] = runes[r.IntN(len(runes))]
	}
	return string(b)
}
