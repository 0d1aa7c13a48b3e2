package affiliate

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"footfall/event"
	"footfall/ledger"
)

// Destination is where a link leads to.
type Destination struct {
	Code  ledger.Code
	Site  string   // whose event a click is
	Hosts []string // that it may lead to
}

// Follow finds where a link with this code leads to. A code that is one letter
// off is noted, so that its affiliate can be told.
func (d *Desk) Follow(text string) (Destination, bool) {
	set := d.set.Load()
	c, ok := set.code("", text, d.now())
	if !ok || c.Landing == "" {
		return Destination{}, false
	}
	p, ok := set.programs[c.Program]
	if !ok || len(p.Sites) == 0 {
		return Destination{}, false
	}
	out := Destination{Code: c, Site: p.Sites[0], Hosts: d.hosts(p)}
	if u, err := url.Parse(c.Landing); err == nil {
		for _, site := range p.Sites {
			if slices.Contains(d.o.Hosts(site), strings.ToLower(u.Hostname())) {
				out.Site = site
			}
		}
	}
	return out, true
}

// Missed notes a code that nobody has, if it is one letter off one that somebody has.
func (d *Desk) Missed(ctx context.Context, text string) error {
	set := d.set.Load()
	canonical := Canonical(text)
	if _, known := set.codes[canonical]; known || canonical == "" {
		return nil
	}
	near, ok := Nearest(canonical, func(yield func(string) bool) {
		for code := range set.codes {
			if !yield(code) {
				return
			}
		}
	})
	if !ok {
		return nil
	}
	err := d.book.Change(ctx, func(tx ledger.Tx) error {
		misses := tx.Set().Misses()
		m, err := misses.Get(canonical)
		if errors.Is(err, ledger.ErrNotFound) {
			return misses.Add(ledger.Miss{ID: canonical, Code: near, Affiliate: set.codes[near].Affiliate, Count: 1, Last: d.now()})
		}
		if err != nil {
			return err
		}
		m.Count, m.Last = m.Count+1, d.now()
		return misses.Put(m)
	})
	if err != nil {
		return fmt.Errorf("affiliates: noting a code that is nearly right: %w", err)
	}
	return nil
}

// CodeOf is the code that an event says its visitor came by, as it was written
// when it was given: in its page's address or, as the snippet carries it, in its
// context. "" if there is none that leads to an affiliate of the site's programme.
func (d *Desk) CodeOf(e *event.Event) string {
	set := d.set.Load()
	p, ok := set.program(e.Site)
	if !ok {
		return ""
	}
	texts := []string{say(e.Context, `"affiliate"`).Referral.Code}
	for _, name := range p.Params {
		texts = append(texts, parameter(e.Search, name))
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		if c, ok := set.code(p.ID, text, e.Time); ok {
			return c.Text
		}
	}
	return ""
}
