package historytest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"

	"footfall/history"
)

// Erase removes visitors and what names them.
func (m *Model) Erase(ctx context.Context, name string, visitors ...string) (removed history.Removed, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return removed, err
	}
	s := m.site(name)
	for _, v := range visitors {
		if !s.known()[v] {
			continue
		}
		removed.Visitors++
		removed.Rows += len(s.rows(v))
		for _, day := range s.days[v] {
			if day.Traits != "" {
				removed.Rows++
			}
		}
		delete(s.days, v)
		delete(s.in, v)
	}
	m.messages = slices.DeleteFunc(m.messages, func(one history.Message) bool {
		return one.Site == name && slices.ContainsFunc(visitors, func(v string) bool {
			text, err := json.Marshal(v)
			return err == nil && bytes.Contains(one.Body, text)
		})
	})
	return removed, nil
}

// erases takes a visitor out of everything, and nobody else.
func erases(t *testing.T, open Open) {
	dir := t.TempDir()
	k := open(t, dir)
	defer func() { must(t, k.Close()) }()
	ctx := t.Context()
	fan := member("fans", 1, 0)
	tell := func(visitor string) [][]byte { return [][]byte{[]byte(`{"visitor":"` + visitor + `"}`)} }
	for _, site := range []string{"shop", "b"} {
		u1 := views("u1", 1)
		u1.Traits = `{"name":"Anna"}`
		replace(t, k, site, dates[0], u1, views("u10", 1))
		replace(t, k, site, dates[4], views("u1", 2))
		must(t, k.Move(ctx, site, history.Move{Visitor: "u1", In: []history.Member{fan}, Bodies: tell("u1")},
			history.Move{Visitor: "u10", In: []history.Member{fan}, Bodies: tell("u10")}, history.Move{Visitor: "u2", In: []history.Member{fan}}))
		must(t, k.Count(ctx, site, dates[0], map[string]int{"fans": 3}))
	}
	for _, want := range []history.Removed{{Visitors: 2, Rows: 3}, {}} {
		got, err := k.Erase(ctx, "shop", "u1", "u2", "nobody")
		must(t, err)
		if got != want {
			t.Errorf("removed %+v, want %+v", got, want)
		}
		must(t, k.Close())
		k = open(t, dir)
	}
	for site, left := range map[string]int{"shop": 1, "b": 3} {
		if all := each(t, k, site); len(all) != left {
			t.Errorf("%s has %q", site, all)
		}
	}
	if n, _, err := k.Waiting(ctx); n != 3 || err != nil {
		t.Errorf("%d messages wait, want 3: %v", n, err)
	}
	if counts, err := k.Counts(ctx, "shop", "fans", dates[0], dates[3]); err != nil || len(counts) != 1 {
		t.Errorf("counts are %v, %v", counts, err)
	}
	replace(t, k, "shop", dates[5], views("u1", 1))
	if again := each(t, k, "shop"); len(again) != 2 {
		t.Errorf("what came later is not kept: %q", again)
	}
}
