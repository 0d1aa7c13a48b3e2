package dash

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"footfall/account"
)

// Public pages are drawn for many at once: what was drawn a while ago is shown to who
// comes by a link, and what was drawn just now to a page that was told of new figures.
// No more than some are drawn at a time, so that they leave room for who has an account.
const (
	publicFor   = 10 * time.Second
	publicAgain = 100 * time.Millisecond
	publicMost  = 256 // that are kept
	publicRooms = 2
)

// shelf has public pages as they were drawn last, by their address.
type shelf struct {
	mu    sync.Mutex
	all   map[string]*shelved
	rooms chan struct{}
}

// shelved is one of them; mu is held while it is drawn.
type shelved struct {
	mu   sync.Mutex
	last *printed // nil: there is none yet
}

// printed is an answer as it was drawn. Nobody changes it afterwards: it is sent while
// others are, so that who reads slowly keeps nobody waiting.
type printed struct {
	began  time.Time
	status int
	head   http.Header
	body   bytes.Buffer
	late   bool // some figures are still being counted
}

// fresh reports whether the page may be given to somebody who wants one that was begun
// after since. One without all figures is for those who came with who had it drawn.
func (p *printed) fresh(since, now time.Time) bool {
	late := p.late && now.Sub(p.began) > brief+time.Second
	return p.status == http.StatusOK && !p.began.Before(since) && !late
}

func newShelf() *shelf {
	return &shelf{all: map[string]*shelved{}, rooms: make(chan struct{}, publicRooms)}
}

// Header, Write and WriteHeader are http.ResponseWriter.
func (p *printed) Header() http.Header         { return p.head }
func (p *printed) Write(b []byte) (int, error) { return p.body.Write(b) }
func (p *printed) WriteHeader(status int)      { p.status = status }

// send answers with it.
func (p *printed) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), p.head)
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body.Bytes()) // fails only if the client is gone
}

// at is the page at an address. Where there are too many, the one that was drawn
// first goes.
func (k *shelf) at(key string) *shelved {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.all[key]
	if p == nil {
		if len(k.all) >= publicMost {
			delete(k.all, k.oldest())
		}
		p = &shelved{}
		k.all[key] = p
	}
	return p
}

func (k *shelf) oldest() (key string) {
	var first time.Time
	for name, p := range k.all {
		if !p.mu.TryLock() {
			continue // it is being drawn
		}
		var began time.Time
		if p.last != nil {
			began = p.last.began
		}
		if p.mu.Unlock(); key == "" || began.Before(first) {
			key, first = name, began
		}
	}
	return key
}

// show answers with the page at a key, if it was begun after since, or draws it. Who has
// left meanwhile is answered nothing.
func (k *shelf) show(ctx context.Context, w http.ResponseWriter, key string, since time.Time, now func() time.Time, draw func(http.ResponseWriter)) {
	if page := k.newest(ctx, w, key, since, now, draw); page != nil {
		page.send(w)
	}
}

func (k *shelf) newest(ctx context.Context, w http.ResponseWriter, key string, since time.Time, now func() time.Time, draw func(http.ResponseWriter)) *printed {
	p := k.at(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil && p.last.fresh(since, now()) {
		return p.last
	}
	page := k.print(ctx, w, now, draw)
	if page != nil {
		p.last = page
	}
	return page
}

// print draws what w is to be answered, when there is room; nil: who asks has left before.
func (k *shelf) print(ctx context.Context, w http.ResponseWriter, now func() time.Time, draw func(http.ResponseWriter)) *printed {
	select {
	case k.rooms <- struct{}{}:
		defer func() { <-k.rooms }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return nil
	}
	page := &printed{began: now(), status: http.StatusOK, head: http.Header{spoken: w.Header()[spoken]}}
	draw(page)
	return page
}

// public draws the dashboard of a site that shows it to anybody.
func (d *Door) public(w http.ResponseWriter, r *http.Request, in visit) {
	site, err := d.shownSite(r)
	if err != nil {
		d.notShown(w, err)
		return
	}
	if !site.Shows(account.Search) {
		unlisted(w)
	}
	g := &guest{token: account.PublicToken, parts: site.Public, kept: url.Values{}}
	d.onShelf(w, r, in, d.guests(in.tongue, r, site, g, "/public/"+site.Domain))
}

// shownSite is the site of a path that shows its board to anybody.
func (d *Door) shownSite(r *http.Request) (account.Site, error) {
	return d.siteOf(r.Context(), func(s account.Site) bool {
		return strings.EqualFold(s.Domain, r.PathValue("domain")) && s.Shows(account.TheBoard)
	})
}

// notShown tells nothing of a site: neither whether there is one, nor what it does not show.
func (d *Door) notShown(w http.ResponseWriter, err error) {
	if !errors.Is(err, account.ErrNotFound) {
		d.noControl(w, err)
		return
	}
	unlisted(w)
	d.show(w, http.StatusNotFound, "gone.html", visit{}, nil)
}

// onShelf shows the board of a state that anybody may see. Forms, files, and addresses
// that hold more than the state are drawn for who asks, also in turn.
func (d *Door) onShelf(w http.ResponseWriter, r *http.Request, in visit, s state) {
	v := r.URL.Query()
	own := s.beyond != "" || len(s.amiss) > 0 || slices.ContainsFunc([]string{"csv", "set", "add", "wait"}, v.Has)
	if own {
		page := d.shelf.print(r.Context(), w, d.Now, func(w http.ResponseWriter) { d.board(w, r, in, s, []account.Site{s.site}) })
		if page != nil {
			page.send(w)
		}
		return
	}
	fresh := publicFor
	if r.Header.Get("Sec-Fetch-Dest") == "empty" { // the page's script, which was told of news
		fresh = publicAgain
	}
	key := strings.Join([]string{in.Or().Tag, s.origin, s.href(), account.SpellParts(s.site.Public), s.site.Zone, s.site.Currency, strconv.FormatBool(waits(r) > brief)}, "\n")
	d.shelf.show(r.Context(), w, key, d.Now().Add(-fresh), d.Now, func(w http.ResponseWriter) {
		d.board(w, r.WithContext(context.WithoutCancel(r.Context())), in, s, []account.Site{s.site})
	})
}

// publicity is what a public page tells those who link to it.
type publicity struct{ URL, Title, Words, Card string }

// publicity of a state; nil where the page is for those who have its link.
func (s state) publicity() *publicity {
	if s.guest == nil || s.guest.token != account.PublicToken || s.guest.look != nil {
		return nil
	}
	at := s.origin + "/public/" + s.site.Domain
	return &publicity{at, s.Say("{site}: visitors", s.site.Domain), s.Say("How many visit {site}, where they come from and what they look at.", s.site.Domain), at + "/card.png"}
}
