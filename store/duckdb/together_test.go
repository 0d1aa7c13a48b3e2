package duckdb_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"footfall/event"
)

// TestTogether: ids that stand beside one of those asked for, of that site only;
// that of before is one of an alias only.
func TestTogether(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	defer s.Close()
	var all []event.Event
	for i, e := range []event.Event{{UserID: "u", AnonymousID: "a"}, {UserID: "u", AnonymousID: "a"}, {AnonymousID: "a"}, {UserID: "u", AnonymousID: "b"}, {UserID: "v", AnonymousID: "c"},
		{UserID: "v", PreviousID: "a"}, {UserID: "w", PreviousID: "c", Kind: event.Page}, {UserID: "u", AnonymousID: "elsewhere", Site: "two"}} {
		at := time.Date(2026, 5, 1, 12, 0, i, 0, time.UTC)
		e.ID, e.Time, e.Original, e.Received = fmt.Sprint(i), at, at, at
		if e.Site == "" {
			e.Site = "one"
		}
		if e.Kind == "" && e.PreviousID != "" {
			e.Kind = event.Alias
		} else {
			e.Kind = event.Page
		}
		all = append(all, e)
	}
	if err := s.Write(t.Context(), all, event.Position{Epoch: 1, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		users, anonymous []string
		want             string
	}{
		{[]string{"u"}, nil, "[{u a } {u b }]"}, {nil, []string{"a"}, "[{ a } {u a } {v  a}]"}, {[]string{"v"}, []string{"b"}, "[{u b } {v  a} {v c }]"},
		{nil, nil, "[]"}, {[]string{"x'"}, nil, "[]"},
	} {
		found, err := s.Together(t.Context(), "one", c.users, c.anonymous)
		var got []string
		for _, ids := range found {
			got = append(got, fmt.Sprint(ids))
		}
		slices.Sort(got)
		if fmt.Sprint(got) != c.want || err != nil {
			t.Errorf("%v %v: %v %v, want %s", c.users, c.anonymous, got, err, c.want)
		}
	}
}
