package accounttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// PutSegments is account.Segments.
func (m *Memory) PutSegments(ctx context.Context, site string, all []account.Segment) ([]account.Segment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known(site) {
		return nil, account.ErrNotFound
	}
	if m.segments == nil {
		m.segments, m.removed = map[segmentName][]account.Segment{}, map[segmentName]bool{}
	}
	put := slices.Clone(all)
	for i, d := range put {
		at := segmentName{site, d.Name}
		versions := m.segments[at]
		if n := len(versions); n > 0 && !m.removed[at] && versions[n-1].Definition == d.Definition {
			put[i] = versions[n-1]
			continue
		}
		put[i] = account.Segment{Site: site, Name: d.Name, Version: len(versions) + 1, Definition: d.Definition,
			Created: time.Now().UTC().Truncate(time.Millisecond)}
		m.segments[at] = append(versions, put[i])
		delete(m.removed, at)
	}
	return put, nil
}

// Segments is account.Segments.
func (m *Memory) Segments(ctx context.Context, site string) ([]account.Segment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var current []account.Segment
	for at, versions := range m.segments {
		if at.site == site && !m.removed[at] {
			current = append(current, versions[len(versions)-1])
		}
	}
	slices.SortFunc(current, func(a, b account.Segment) int { return strings.Compare(a.Name, b.Name) })
	return current, ctx.Err()
}

// SegmentVersions is account.Segments.
func (m *Memory) SegmentVersions(ctx context.Context, site, name string) ([]account.Segment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.segments[segmentName{site, name}]), ctx.Err()
}

// RemoveSegment is account.Segments.
func (m *Memory) RemoveSegment(ctx context.Context, site, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := segmentName{site, name}
	if len(m.segments[at]) == 0 || m.removed[at] {
		return account.ErrNotFound
	}
	m.removed[at] = true
	return nil
}

func segments(t *testing.T, s Store) {
	ctx := t.Context()
	a, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	must(t, err)
	b, err := s.AddSite(ctx, account.Site{Domain: "b.com"})
	must(t, err)
	put := func(site string, texts ...string) (versions []int) {
		t.Helper()
		var all []account.Segment
		for i := 0; i < len(texts); i += 2 {
			all = append(all, account.Segment{Name: texts[i], Definition: texts[i+1]})
		}
		got, err := s.PutSegments(ctx, site, all)
		must(t, err)
		for i, d := range got {
			if d.Site != site || d.Name != texts[2*i] || d.Definition != texts[2*i+1] || d.Created.IsZero() {
				t.Errorf("PutSegments = %+v", d)
			}
			versions = append(versions, d.Version)
		}
		return versions
	}
	want := func(got []int, want ...int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("versions %v, want %v", got, want)
		}
	}
	first := time.Now()
	want(put(a.ID, "fans", "one", "buyers", "x"), 1, 1)
	time.Sleep(time.Hour)
	want(put(a.ID, "fans", "one"), 1)
	want(put(b.ID, "fans", "two"), 1)
	want(put(a.ID, "buyers", "x", "fans", "two"), 1, 2)
	want(put(a.ID, "fans", "one"), 3)
	is(t, s.RemoveSegment(ctx, a.ID, "nobody"), account.ErrNotFound)
	must(t, s.RemoveSegment(ctx, a.ID, "fans"))
	is(t, s.RemoveSegment(ctx, a.ID, "fans"), account.ErrNotFound)
	current(t, s, a.ID, "buyers 1 x")
	current(t, s, b.ID, "fans 1 two")
	want(put(a.ID, "fans", "one"), 4) // not the three that went
	current(t, s, a.ID, "buyers 1 x", "fans 4 one")
	versions, err := s.SegmentVersions(ctx, a.ID, "fans")
	must(t, err)
	if got := spell(versions); !slices.Equal(got, []string{"fans 1 one", "fans 2 two", "fans 3 one", "fans 4 one"}) {
		t.Errorf("SegmentVersions = %q", got)
	}
	if at := versions[0].Created; !at.Equal(first) || at.Location() != time.UTC || !versions[1].Created.Equal(first.Add(time.Hour)) {
		t.Errorf("versions were made at %v and %v", at, versions[1].Created)
	}
	if none, err := s.SegmentVersions(ctx, b.ID, "buyers"); err != nil || len(none) != 0 {
		t.Errorf("SegmentVersions of another site = %+v, %v", none, err)
	}
}

// badSegments: nothing is kept of what fails.
func badSegments(t *testing.T, s Store) {
	site, err := s.AddSite(t.Context(), account.Site{Domain: "a.com"})
	must(t, err)
	_, err = s.PutSegments(t.Context(), "nowhere", []account.Segment{{Name: "fans", Definition: "one"}})
	is(t, err, account.ErrNotFound)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.PutSegments(gone, site.ID, []account.Segment{{Name: "fans", Definition: "one"}}); err == nil {
		t.Error("PutSegments worked with a cancelled context")
	}
	current(t, s, site.ID)
	_, err = s.PutSegments(t.Context(), site.ID, []account.Segment{{Name: "fans", Definition: "one"}})
	must(t, err)
	if err := s.RemoveSegment(gone, site.ID, "fans"); err == nil {
		t.Error("RemoveSegment worked with a cancelled context")
	}
	current(t, s, site.ID, "fans 1 one")
}

func current(t *testing.T, s Store, site string, want ...string) {
	t.Helper()
	all, err := s.Segments(t.Context(), site)
	must(t, err)
	if got := spell(all); !slices.Equal(got, want) {
		t.Errorf("Segments = %q, want %q", got, want)
	}
}

func spell(all []account.Segment) (texts []string) {
	for _, d := range all {
		texts = append(texts, fmt.Sprintf("%s %d %s", d.Name, d.Version, d.Definition))
	}
	return texts
}
