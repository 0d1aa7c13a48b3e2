package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"footfall/account"
	"footfall/collect"
	"footfall/segment"
)

// siteBook is the sites in memory, for doors that ask at every request.
type siteBook struct {
	kept account.Sites
	now  atomic.Pointer[sitesNow]
}

type sitesNow struct {
	all    []account.Site
	byKey  map[string]collect.Site
	byHost map[string]collect.Site
	byID   map[string]account.Site

	remembered []segment.Site
}

func newSiteBook(ctx context.Context, kept account.Sites) (*siteBook, error) {
	b := &siteBook{kept: kept}
	return b, b.reload(ctx)
}

func (b *siteBook) reload(ctx context.Context) error {
	all, err := b.kept.Sites(ctx)
	if err != nil {
		return err
	}
	n := &sitesNow{all: all, byKey: map[string]collect.Site{}, byHost: map[string]collect.Site{}, byID: map[string]account.Site{}}
	for _, s := range all {
		door := collect.Site{ID: s.ID, Key: s.WriteKey, Domain: s.Domain, Origins: s.Origins, HonourDNT: s.DNT, Keep: s.Keep, Oldest: s.Oldest}
		n.byKey[s.WriteKey] = door
		n.byID[s.ID] = s
		n.remembered = append(n.remembered, segment.Site{ID: s.ID, Zone: s.Location(), Currency: s.Currency, Months: s.History})
		for _, host := range hostsOf(s) {
			n.byHost[host] = door
		}
	}
	b.now.Store(n)
	return nil
}

// hostsOf are the hosts that a site's pages are on, in lower case.
func hostsOf(s account.Site) []string {
	all := append([]string{s.Domain, "www." + s.Domain}, s.Internal...)
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return all
}

// ByKey finds the site of a write key.
func (b *siteBook) ByKey(key string) (collect.Site, bool) {
	s, ok := b.now.Load().byKey[key]
	return s, ok
}

// ByHost finds the site whose page stands on host.
func (b *siteBook) ByHost(host string) (collect.Site, bool) {
	s, ok := b.now.Load().byHost[host]
	return s, ok
}

// door is a site as the collector knows it.
func (b *siteBook) door(id string) collect.Site {
	n := b.now.Load()
	return n.byKey[n.byID[id].WriteKey]
}

// internal reports whether host is one of the site's own.
func (b *siteBook) internal(site, host string) bool {
	n := b.now.Load()
	if s, ok := n.byHost[host]; ok && s.ID == site {
		return true
	}
	s, ok := n.byID[site]
	return ok && strings.HasSuffix(host, "."+s.Domain)
}

// Sites lists the sites.
func (b *siteBook) Sites(context.Context) ([]account.Site, error) { return b.now.Load().all, nil }

// AddSite adds a site.
func (b *siteBook) AddSite(ctx context.Context, s account.Site) (account.Site, error) {
	s, err := b.kept.AddSite(ctx, s)
	if err != nil {
		return s, err
	}
	return s, b.reload(ctx)
}

// UpdateSite changes a site's settings, for the doors at once.
func (b *siteBook) UpdateSite(ctx context.Context, s account.Site) (account.Site, error) {
	s, err := b.kept.UpdateSite(ctx, s)
	if err != nil {
		return s, err
	}
	return s, b.reload(ctx)
}

// find takes a site's id or domain; "" is the only one there is.
func (b *siteBook) find(name string) (account.Site, error) {
	all := b.now.Load().all
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	var known []string
	for _, s := range all {
		if s.ID == name || strings.EqualFold(s.Domain, name) {
			return s, nil
		}
		known = append(known, s.ID)
	}
	if len(all) == 0 {
		return account.Site{}, fmt.Errorf("there is no site yet; add one with: footfall site add example.com")
	}
	if name == "" {
		return account.Site{}, fmt.Errorf("give --site: one of %s", strings.Join(known, ", "))
	}
	return account.Site{}, fmt.Errorf("there is no site %q; there are: %s", name, strings.Join(known, ", "))
}
