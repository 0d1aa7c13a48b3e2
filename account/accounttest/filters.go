package accounttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/event"
)

// PutFilters is account.FilterBook.
func (m *Memory) PutFilters(ctx context.Context, f account.SavedFilters) (account.SavedFilters, error) {
	f, err := account.PrepareFilters(f, time.Now())
	if err = errors.Join(err, ctx.Err()); err != nil {
		return account.SavedFilters{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known(f.Site) || f.Person != "" && m.people[f.Person] == nil {
		return account.SavedFilters{}, account.ErrNotFound
	}
	others := 0
	for i, old := range m.filters {
		switch {
		case old.Site != f.Site || old.Person != f.Person:
		case old.Name == f.Name:
			m.filters[i].Query = f.Query
			return m.filters[i], nil
		default:
			others++
		}
	}
	if others >= account.MaxFilters {
		return account.SavedFilters{}, account.ErrFilters(f.Site)
	}
	m.filters = append(m.filters, f)
	return f, nil
}

// Filters is account.FilterBook.
func (m *Memory) Filters(ctx context.Context, site, person string) ([]account.SavedFilters, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(m.filters), func(f account.SavedFilters) bool {
		return f.Site != site || f.Person != "" && f.Person != person
	})
	slices.SortFunc(all, func(a, b account.SavedFilters) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Person, b.Person))
	})
	return all, ctx.Err()
}

// RemoveFilters is account.FilterBook.
func (m *Memory) RemoveFilters(ctx context.Context, site, person, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.filters, func(f account.SavedFilters) bool { return f.Site == site && f.Person == person && f.Name == name })
	if at < 0 {
		return account.ErrNotFound
	}
	m.filters = slices.Delete(m.filters, at, at+1)
	return nil
}

// savedFilters: the site's are everybody's and a person's nobody else's; of one name the
// newer ones hold, and a person who goes takes what is hers along.
func savedFilters(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: "a.example", Zone: "UTC", Currency: "EUR"})
	must(t, err)
	b, err := s.AddSite(ctx, account.Site{Domain: "b.example", Zone: "UTC", Currency: "EUR"})
	must(t, err)
	var ann, bob string
	for email, into := range map[string]*string{"ann@a.example": &ann, "bob@a.example": &bob} {
		p, err := s.AddPerson(ctx, account.Person{Email: email})
		must(t, err)
		*into = p.ID
	}
	put := func(site, person, name, query string) account.SavedFilters {
		t.Helper()
		f, err := s.PutFilters(ctx, account.SavedFilters{Site: site, Person: person, Name: name, Query: query})
		must(t, err)
		return f
	}
	first := put(a.ID, "", "Phones", "device=phone")
	put(a.ID, ann, " Mine ", "country=DE&page.contains=%2Fä")
	put(a.ID, ann, "Phones", "device=tablet")
	put(b.ID, "", "Elsewhere", "device=phone")
	if again := put(a.ID, "", "Phones", "device=phone&country=AT"); !again.Created.Equal(first.Created) || again.Query != "device=phone&country=AT" {
		t.Errorf("%+v was %+v", again, first)
	}
	has := func(site, person string, want ...string) {
		t.Helper()
		all, err := s.Filters(ctx, site, person)
		must(t, err)
		var got []string
		for _, f := range all {
			got = append(got, fmt.Sprint(f.Name, " ", f.Query, " ", f.Person == ""))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	has(a.ID, "", "Phones device=phone&country=AT true")
	has(a.ID, bob, "Phones device=phone&country=AT true")
	has(a.ID, ann, "Mine country=DE&page.contains=%2Fä false", "Phones device=phone&country=AT true", "Phones device=tablet false")
	has(b.ID, ann, "Elsewhere device=phone true")
	is(t, s.RemoveFilters(ctx, a.ID, bob, "Phones"), account.ErrNotFound)
	must(t, s.RemoveFilters(ctx, a.ID, ann, "Phones"))
	is(t, s.RemoveFilters(ctx, a.ID, ann, "Phones"), account.ErrNotFound)
	must(t, s.RemovePerson(ctx, ann))
	has(a.ID, ann, "Phones device=phone&country=AT true")
}

// badFilters: nothing is kept of what fails.
func badFilters(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: "a.example", Zone: "UTC", Currency: "EUR"})
	must(t, err)
	bob, err := s.AddPerson(ctx, account.Person{Email: "bob@a.example"})
	must(t, err)
	for _, bad := range []account.SavedFilters{{Site: "nowhere", Name: "x", Query: "a=b"}, {Site: a.ID, Person: "per_nobody", Name: "x", Query: "a=b"}} {
		_, err := s.PutFilters(ctx, bad)
		is(t, err, account.ErrNotFound)
	}
	for _, bad := range []account.SavedFilters{{Site: a.ID, Name: " ", Query: "a=b"}, {Site: a.ID, Name: "x\n", Query: "a=b\n"}, {Site: a.ID, Name: "x"}, {Site: a.ID, Name: strings.Repeat("x", account.MaxFilterName+1), Query: "a=b"}} {
		if _, err := s.PutFilters(ctx, bad); !isInvalid(err) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	put := func(person, name string) {
		t.Helper()
		_, err := s.PutFilters(ctx, account.SavedFilters{Site: a.ID, Person: person, Name: name, Query: "a=b"})
		must(t, err)
	}
	for i := range account.MaxFilters {
		put(bob.ID, fmt.Sprint(i))
	}
	if _, err := s.PutFilters(ctx, account.SavedFilters{Site: a.ID, Person: bob.ID, Name: "more", Query: "a=b"}); !isInvalid(err) {
		t.Errorf("one more: %v", err)
	}
	put(bob.ID, "0")
	put("", strings.Repeat("ß", account.MaxFilterName)) // characters, not bytes
	if all, err := s.Filters(ctx, a.ID, bob.ID); err != nil || len(all) != account.MaxFilters+1 {
		t.Errorf("%d are kept, %v", len(all), err)
	}
}

func isInvalid(err error) bool {
	_, ok := errors.AsType[*event.InvalidError](err)
	return ok
}
