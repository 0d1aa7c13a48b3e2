package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"footfall/event"
)

// UUID is a random (version 4) UUID as browsers spell it.
func UUID(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), a&0xfff, 0x8000|b>>50, b&0xffffffffffff)
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// Busy makes events as a busy site sends them: random UUIDs as ids, one event
// every 30 ms, a thousand visitors with one device each on fifty pages, every
// tenth event a track event with properties.
type Busy struct {
	r        *rand.Rand
	visitors []event.Event
	at       time.Time
	since    []time.Time // each visitor's last event
}

// NewBusy makes the events that follow from the seed, the first at start.
func NewBusy(seed uint64, start time.Time) *Busy {
	b := &Busy{r: rand.New(rand.NewPCG(seed, 1)), at: start, visitors: make([]event.Event, 1000), since: make([]time.Time, 1000)}
	for i := range b.visitors {
		b.visitors[i] = visitor(b.r, "shop")
		b.visitors[i].AnonymousID = UUID(b.r)
	}
	return b
}

// Next is the next n events.
func (b *Busy) Next(n int) []event.Event {
	r, events := b.r, make([]event.Event, n)
	for i := range events {
		v := r.IntN(len(b.visitors))
		b.at = b.at.Add(time.Duration(20+r.IntN(21)) * time.Millisecond)
		if b.at.Sub(b.since[v]) > 30*time.Minute {
			b.visitors[v].Session = r.Uint64()
		}
		b.since[v] = b.at
		e := b.visitors[v]
		e.ID, e.Kind, e.Time, e.Original = UUID(r), event.Page, b.at, b.at
		e.Sent = e.Original.Add(time.Duration(r.IntN(20)) * time.Millisecond)
		e.Received = e.Sent.Add(time.Duration(20+r.IntN(80)) * time.Millisecond)
		page := r.IntN(50)
		e.Path, e.Title = fmt.Sprintf("/posts/number-%d/", page), fmt.Sprintf("Number %d of our many posts", page)
		if r.IntN(10) == 0 {
			e.Kind, e.Name = event.Track, "Product Added"
			e.Properties = fmt.Sprintf(`{"product_id":"sku-%d","price":%d.99,"quantity":%d}`, r.IntN(500), r.IntN(100), 1+r.IntN(3))
		}
		if r.IntN(3) > 0 {
			e.Class, e.Source, e.Referrer = "internal", "", fmt.Sprintf("https://example.com/posts/number-%d/", r.IntN(50))
		}
		events[i] = e
	}
	return events
}

// visitor is an event with what a visitor's events have in common.
func visitor(r *rand.Rand, site string) event.Event {
	e := event.Event{
		Site: site, Visitor: r.Uint64(), Session: r.Uint64(), Host: "example.com", Channel: "web",
		Country: pick(r, "DE", "DE", "DE", "AT", "CH", "US", "FR", ""), Device: pick(r, "desktop", "desktop", "phone", "tablet"),
		Browser: pick(r, "Chrome", "Chrome", "Safari", "Firefox", "Edge"), OS: pick(r, "Windows", "macOS", "Android", "iOS", "Linux"),
		Class: "direct",
	}
	e.Labels = labels(r, &e)
	switch r.IntN(4) {
	case 0:
		e.Class, e.Source, e.Referrer = "search", "Google", "https://www.google.com/"
	case 1:
		e.Class, e.Source = "campaign", "newsletter"
		e.Campaign = event.Campaign{Source: "newsletter", Medium: "email", Name: "autumn"}
	}
	return e
}

// labels go with an event's country, browser and system.
func labels(r *rand.Rand, e *event.Event) event.Labels {
	l := event.Labels{BrowserVersion: e.Browser + " " + pick(r, "127", "128", "141"), OSVersion: e.OS + " " + pick(r, "10 or 11", "18"),
		Language: pick(r, "de-DE", "de-AT", "en-US", "fr", ""), Screen: pick(r, "under 576 px", "992 to 1439 px", "1920 px and more", "")}
	if e.Country != "" {
		l.Region = pick(r, "Upper ", "Lower ") + e.Country + " (" + e.Country + "-1)"
		l.City = pick(r, "Old Town", "Newport", "O'Fallon") + " (" + e.Country + "-1)"
	}
	return l
}

// trade makes the event one that says something of products and money, not
// always in the form it should have.
func trade(r *rand.Rand, e *event.Event) {
	e.Kind, e.Name = event.Track, pick(r, "Product Viewed", "Product Added", "Order Completed", "Order Completed", "Order Refunded")
	product := func() string {
		return fmt.Sprintf(`%s,%s,%s`, pick(r, `"product_id":"a"`, `"product_id":"b"`, `"product_id":7`, `"sku":"a product of a long name"`, `"sku":""`),
			pick(r, `"category":"x"`, `"category":"y"`, `"category":"a category of a long name"`, `"category":null`),
			pick(r, `"price":12.5`, `"price":"0.0005"`, `"price":-3,"quantity":2`, `"price":19.99,"quantity":3`, `"quantity":0`, `"price":{}`))
	}
	said := pick(r, "", `"currency":"eur",`, `"currency":"EUR",`, `"currency":"USD",`, `"currency":1,`)
	said += pick(r, "", "", `"revenue":"100.10",`, `"total":-1.001,`, `"value":5,`)
	switch r.IntN(6) {
	case 0:
		e.Properties = fmt.Sprintf(`{%s%s}`, said, product())
	case 1:
		e.Properties = pick(r, "", "no JSON", `[]`, `{"products":7}`, `{"revenue":8}`)
	default:
		list := "{" + product() + "}"
		for range r.IntN(4) {
			list += ",{" + product() + "}"
		}
		e.Properties = fmt.Sprintf(`{%s"order_id":%d,"products":[%s]}`, said, r.IntN(5), list)
	}
}
