package demo

import (
	"container/heap"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"footfall/event"
)

// Crowd is page views as they are kept, of one large site and many small ones, for
// measuring: days and weeks have their rhythm, a few pages, sources and countries
// have most of the views, and visitors come in sessions, many of them again. What
// follows from the same Crowd is always the same.
type Crowd struct {
	Events int       // page views of all sites together
	Small  int       // small sites beside the large one; they share a twelfth of the views
	Days   int       // that the views are spread over
	End    time.Time // when the last session may begin
	Zone   *time.Location
	Seed   uint64
}

// What a crowd is made of.
const (
	crowdPages   = 5000 // of the large site; a small one has a hundredth
	crowdHosts   = 400  // that link to the sites
	crowdReturns = 0.45 // of sessions: by somebody who was there before
	crowdOnce    = 0.45 // of sessions: a single view
	crowdMore    = 0.78 // of views in longer sessions: one more follows
	crowdPause   = 70   // seconds between views, on average; at most 25 minutes
)

// Host is the n-th site's; 0 is the large one.
func (Crowd) Host(n int) string {
	if n == 0 {
		return "large.example"
	}
	return fmt.Sprintf("small-%03d.example", n)
}

// Batches makes the views, in the order of their times, n at a time. sites are the
// ids of the large site and the small ones. A batch is good until the next.
func (c Crowd) Batches(sites []string, n int) iter.Seq[[]event.Event] {
	return func(yield func([]event.Event) bool) {
		m := c.mill(sites)
		batch := make([]event.Event, 0, n)
		give := func(until time.Time) bool {
			for len(m.due) > 0 && m.due[0].next.Before(until) {
				if batch = append(batch, m.view()); len(batch) < n {
					continue
				}
				if !yield(batch) {
					return false
				}
				batch = batch[:0]
			}
			return true
		}
		for at, views := range c.quarters() {
			for m.made < views {
				m.begin(at.Add(time.Duration(m.r.IntN(15*60*1000)) * time.Millisecond))
			}
			if !give(at.Add(15 * time.Minute)) {
				return
			}
		}
		if give(c.End.Add(24*time.Hour)) && len(batch) > 0 {
			yield(batch)
		}
	}
}

// weekly is how much goes on from Sunday to Saturday.
var weekly = [7]float64{1.15, 1.05, 1, 1, 0.97, 0.9, 1}

// quarters are the quarters of an hour, each with how many views there are until its end.
func (c Crowd) quarters() iter.Seq2[time.Time, int] {
	begin, n := c.End.AddDate(0, 0, -c.Days), c.Days*96
	until, sum := make([]float64, n), 0.0
	for i := range until {
		at := begin.Add(time.Duration(i) * 15 * time.Minute).In(c.Zone)
		sum += busy[at.Hour()] * weekly[at.Weekday()] * (1 + 0.3*float64(i)/float64(n)) // and it grows
		until[i] = sum
	}
	return func(yield func(time.Time, int) bool) {
		for i, part := range until {
			if !yield(begin.Add(time.Duration(i)*15*time.Minute), int(math.Round(float64(c.Events)*part/sum))) {
				return
			}
		}
	}
}

// mill makes views out of sessions under way.
type mill struct {
	Crowd
	r        *rand.Rand
	sites    []string
	visitors []uint64 // of each site, so far
	pages    []*rand.Zipf
	hosts    *rand.Zipf
	names    [2][]string // paths and titles
	due      underway
	made     int // views of all sessions begun
}

// going is a session under way.
type going struct {
	next  time.Time
	order int // decides between two at the same time
	left  int
	event.Event
}

type underway []*going

func (u underway) Len() int { return len(u) }
func (u underway) Less(i, j int) bool {
	return u[i].next.Before(u[j].next) || u[i].next.Equal(u[j].next) && u[i].order < u[j].order
}
func (u underway) Swap(i, j int) { u[i], u[j] = u[j], u[i] }
func (u *underway) Push(g any)   { *u = append(*u, g.(*going)) }
func (u *underway) Pop() any {
	last := len(*u) - 1
	g := (*u)[last]
	*u = (*u)[:last]
	return g
}

func (c Crowd) mill(sites []string) *mill {
	r := rand.New(rand.NewPCG(c.Seed, 10))
	m := &mill{Crowd: c, r: r, sites: sites, visitors: make([]uint64, len(sites)), hosts: rand.NewZipf(r, 1.2, 3, crowdHosts-1),
		pages: []*rand.Zipf{rand.NewZipf(r, 1.15, 5, crowdPages-1), rand.NewZipf(r, 1.15, 5, crowdPages/100-1)}}
	for i := range crowdPages {
		m.names[0] = append(m.names[0], fmt.Sprintf("/%s/item-%04d", [...]string{"guides", "shop", "blog", "courses"}[i%4], i))
		m.names[1] = append(m.names[1], fmt.Sprintf("Item %d of what we have", i))
	}
	m.names[0][0] = "/"
	return m
}

// begin begins a session.
func (m *mill) begin(at time.Time) {
	site := 0
	if m.Small > 0 && m.r.IntN(12) == 0 {
		site = 1 + m.r.IntN(m.Small)
	}
	views := 1
	if m.r.Float64() > crowdOnce {
		for views = 2; views < 60 && m.r.Float64() < crowdMore; {
			views++
		}
	}
	views = min(views, m.Events-m.made)
	n := m.visitors[site]
	if n > 0 && m.r.Float64() < crowdReturns {
		n -= 1 + uint64(float64(n)*math.Pow(m.r.Float64(), 3)) // most of them were there lately
	} else {
		m.visitors[site]++
	}
	g := &going{next: at, order: m.made, left: views, Event: m.visitor(site, n)}
	g.Session = m.r.Uint64()
	m.arrive(&g.Event)
	m.made += views
	heap.Push(&m.due, g)
}

// visitor is an event with what all of the n-th visitor's have.
func (m *mill) visitor(site int, n uint64) event.Event {
	r := rand.New(rand.NewPCG(m.Seed^uint64(site)<<40, n))
	id := r.Uint64()
	e := event.Event{Site: m.sites[site], Host: m.Host(site), Kind: event.Page, Channel: "web", Visitor: id | 1,
		AnonymousID: uuid(id, r.Uint64())}
	p := draw(crowdPlaces, r)
	e.Country, e.Language = p.country, p.language
	city := r.IntN(8)
	e.Region, e.City = p.regions[city/2], p.cities[city]
	d := draw(crowdDevices, r)
	e.Device, e.Browser, e.OS, e.BrowserVersion, e.OSVersion, e.Screen = d[0], d[1], d[2], d[3], d[4], d[5]
	return e
}

// arrive says where a session came from.
func (m *mill) arrive(e *event.Event) {
	o := draw(crowdSources, m.r)
	if o.class == "other" {
		o.source = crowdSites[m.hosts.Uint64()]
		o.referrer = "https://" + o.source + "/"
	}
	e.Class, e.Source, e.Referrer, e.Campaign = o.class, o.source, o.referrer, o.campaign
}

// view is the next view of all sessions under way.
func (m *mill) view() event.Event {
	g := m.due[0]
	pages := m.pages[0]
	if g.Site != m.sites[0] {
		pages = m.pages[1]
	}
	page := pages.Uint64()
	g.Path, g.Title = m.names[0][page], m.names[1][page]
	g.ID = uuid(m.r.Uint64(), m.r.Uint64())
	g.Time, g.Original, g.Sent = g.next, g.next, g.next.Add(time.Duration(m.r.IntN(20))*time.Millisecond)
	g.Received = g.Sent.Add(time.Duration(20+m.r.IntN(80)) * time.Millisecond)
	e := g.Event
	if g.left--; g.left == 0 {
		heap.Pop(&m.due)
		return e
	}
	pause := min(m.r.ExpFloat64()*crowdPause, 25*60)
	g.next = g.next.Add(time.Second + time.Duration(pause*1000)*time.Millisecond)
	g.Class, g.Source, g.Campaign, g.Referrer = "internal", "", event.Campaign{}, "https://"+g.Host+g.Path
	heap.Fix(&m.due, 0)
	return e
}

// uuid is a UUID (version 4) of 122 of 128 bits.
func uuid(a, b uint64) string {
	a, b = a&^0xf000|0x4000, b&^(0xc<<60)|0x8<<60
	const digits = "0123456789abcdef"
	var text [36]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			text[at] = '-'
			at++
		}
		x := a
		if i >= 16 {
			x = b
		}
		text[at] = digits[x>>(60-4*(i%16))&15]
		at++
	}
	return string(text[:])
}
