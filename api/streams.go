package api

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"footfall/account"
	"footfall/query"
)

// Streams bounds the streams of /v1/live; the zero value works.
type Streams struct {
	Most      int           // open at a time; 0 is 4,000
	PerToken  int           // of a key, share or token for embedding; 0 is 1,000
	PerPerson int           // 0 is 30
	PerPlace  int           // of public sites, from one network of the Internet; 0 is 100
	Questions int           // different ones of a key, share, token or person; 0 is 100
	Heartbeat time.Duration // longest silence; 0 is 15 s
	Recheck   time.Duration // how often it is looked at who may listen; 0 is 3 s
	Unsure    time.Duration // how long a stream goes on while nobody can tell who may listen; 0 is 30 s
}

// Session is who has a browser's session.
type Session struct {
	Who       account.Who
	Affiliate string // id of the one that the person is; "" is none
}

// streams are those that are open.
type streams struct {
	Streams
	mu     sync.Mutex
	all    int
	by     map[string]int            // by who asks
	asked  map[string]map[string]int // by who asks and question: of how many streams
	looked map[string]*looked
}

// looked is what was found out last of a credential, for all its streams.
type looked struct {
	mu sync.Mutex
	at time.Time
	a  *asker // another one only if something has changed
	no *refusal
}

func newStreams(o Streams) *streams {
	o.Most, o.PerToken, o.PerPerson, o.PerPlace = cmp.Or(o.Most, 4000), cmp.Or(o.PerToken, 1000), cmp.Or(o.PerPerson, 30), cmp.Or(o.PerPlace, 100)
	o.Unsure = cmp.Or(o.Unsure, 30*time.Second)
	o.Questions = cmp.Or(o.Questions, 100)
	o.Heartbeat, o.Recheck = cmp.Or(o.Heartbeat, 15*time.Second), cmp.Or(o.Recheck, 3*time.Second)
	return &streams{Streams: o, by: map[string]int{}, asked: map[string]map[string]int{}, looked: map[string]*looked{}}
}

// bounds are who a stream counts for, and how many each may have: who has a key or an
// account finds room beside those who look at public sites, and each of these beside one
// who opens many.
func (s *streams) bounds(a asker, from netip.Addr) map[string]int {
	if a.page {
		return map[string]int{a.name: s.PerPerson}
	}
	all := map[string]int{a.name: s.PerToken}
	if strings.HasPrefix(a.name, account.PublicToken+" ") {
		all[account.PublicToken] = s.Most / 2
		if from.IsGlobalUnicast() && !from.IsPrivate() { // else it may be a proxy, before everybody
			all[account.PublicToken+" from "+account.Network(from)] = s.PerPlace
		}
	}
	return all
}

// enter counts a stream in, if there is room for it.
func (s *streams) enter(a asker, from netip.Addr, questions []query.Watched) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, bounds := a.name, s.bounds(a, from)
	if s.all >= s.Most {
		return nil, false
	}
	for n, most := range bounds {
		if s.by[n] >= most {
			return nil, false
		}
	}
	asked := s.asked[name]
	fresh := map[string]bool{}
	for _, q := range questions {
		if asked[q.Key] == 0 {
			fresh[q.Key] = true
		}
	}
	if len(asked)+len(fresh) > s.Questions {
		return nil, false
	}
	if asked == nil {
		asked = map[string]int{}
		s.asked[name] = asked
	}
	for _, q := range questions {
		asked[q.Key]++
	}
	s.all++
	for n := range bounds {
		s.by[n]++
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		for _, q := range questions {
			if asked[q.Key]--; asked[q.Key] == 0 {
				delete(asked, q.Key)
			}
		}
		for n := range bounds {
			if s.by[n]--; s.by[n] == 0 {
				delete(s.by, n)
				delete(s.asked, n)
			}
		}
		if s.all == 0 {
			clear(s.looked)
		}
	}, true
}

// of is what is known of a request's credential.
func (s *streams) of(r *http.Request) *looked {
	token := r.URL.Query().Get("token")
	if token == account.PublicToken { // which is let in to one site
		token += " " + r.URL.Query().Get("site")
	}
	credential := r.Header.Get("Authorization") + "\n" + token + "\n" + r.Header.Get("Cookie")
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.looked[credential]
	if l == nil {
		for other, l := range s.looked { // of who has left
			if l.mu.TryLock() {
				if time.Since(l.at) > 2*s.Recheck {
					delete(s.looked, other)
				}
				l.mu.Unlock()
			}
		}
		l = &looked{}
		s.looked[credential] = l
	}
	return l
}

// again finds who asks as at the beginning, once for all streams of a credential.
func (l *looked) again(r *http.Request, d *door) (*asker, *refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) >= d.streams.Recheck/2 {
		a, no := d.let(r, account.ActionOf("GET "+livePattern), livePattern)
		l.find(a, no)
	}
	return l.a, l.no
}

// found keeps who asks, as it was found when a stream was let in.
func (l *looked) found(a asker) *asker {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.find(a, nil)
	return l.a
}

func (l *looked) find(a asker, no *refusal) {
	if l.no, l.at = no, time.Now(); l.a == nil || !reflect.DeepEqual(a, *l.a) {
		l.a = &a
	}
}

// letPage finds who asks from a page, which can't send a header by EventSource: by
// a token for embedding or a share's in the address, or by the browser's session.
func (d *door) letPage(r *http.Request, action account.Action, pattern string) (a asker, no *refusal) {
	token := r.URL.Query().Get("token")
	switch {
	case token != "" && pattern != livePattern: // programs send headers
		return a, &refusal{http.StatusUnauthorized, "no key: " + howToAuthorize, `Bearer realm="footfall"`}
	case strings.HasPrefix(token, account.EmbedPrefix):
		return d.embedded(r.Context(), token, livePattern)
	case strings.HasPrefix(token, account.SharePrefix) && d.Share != nil:
		return d.letShare(r, token, action)
	case token == account.PublicToken:
		return d.letAnybody(r)
	case token != "":
		return a, &refusal{http.StatusUnauthorized, "no key that may stand in an address: token is one for embedding (ffe_…), a share's (ffr_…), or the word public; " + howToAuthorize, `Bearer realm="footfall"`}
	}
	nobody := &refusal{http.StatusUnauthorized, "no key: " + howToAuthorize + "; in a page of this server log in", `Bearer realm="footfall"`}
	if from := r.Header.Get("Sec-Fetch-Site"); d.Session == nil || from != "" && from != "same-origin" && from != "none" {
		return a, nobody // another site's page must not listen as who looks at it
	}
	s, err := d.Session(r)
	if errors.Is(err, account.ErrNotFound) {
		return a, nobody
	}
	if err != nil {
		return a, d.silent(err)
	}
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		return a, d.silent(err)
	}
	a.who, a.name, a.affiliate, a.page = s.Who, s.Who.Name, s.Affiliate, true
	if a.who.MaySomewhere(action) {
		a.allowed = a.who.Sites(action, sites)
		return a, nil
	}
	own, covered := d.figuresOf(a.affiliate, pattern)
	if own == nil {
		return a, &refusal{status: http.StatusForbidden, why: "your account may not see this: ask an owner of the site for it"}
	}
	a.own = own
	a.allowed = slices.DeleteFunc(a.who.Sites(account.OwnFigures, sites), func(s account.Site) bool { return !slices.Contains(covered, s.ID) })
	return a, nil
}

// letAnybody lets the page of a public site listen to what a share shows.
func (d *door) letAnybody(r *http.Request) (a asker, no *refusal) {
	sites, err := d.sites.Sites(r.Context())
	if err != nil {
		return a, d.silent(err)
	}
	asked := r.URL.Query().Get("site")
	a.shows, a.name = &Shown{Metrics: d.Shared.Metrics}, account.PublicToken+" "+asked // whole figures alone: sources may name affiliates
	a.allowed = slices.DeleteFunc(slices.Clone(sites), func(s account.Site) bool { return s.ID != asked || !s.Shows(account.TheBoard) })
	if len(a.allowed) == 0 {
		return a, &refusal{http.StatusUnauthorized, "no key: this site is not shown to anybody, or there is no such site", `Bearer realm="footfall"`}
	}
	return a, nil
}

func (d *door) letShare(r *http.Request, token string, action account.Action) (a asker, no *refusal) {
	share, err := d.Share(r.Context(), token)
	if errors.Is(err, account.ErrNotFound) {
		return a, &refusal{http.StatusUnauthorized, "unknown key: there is no such share, or it was taken back", `Bearer realm="footfall", error="invalid_token"`}
	}
	var sites []account.Site
	if err == nil {
		sites, err = d.sites.Sites(r.Context())
	}
	if err != nil {
		return a, d.silent(err)
	}
	a.who, a.shows = share.Who(), &d.Shared
	a.name, a.allowed = a.who.Name, a.who.Sites(action, sites)
	return a, nil
}
