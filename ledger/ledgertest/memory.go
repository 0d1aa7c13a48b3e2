// Package ledgertest is the law of those who keep a ledger, and a model of them in
// memory.
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"footfall/event"
	"footfall/ledger"
)

// Memory is the model: a Book that keeps nothing on disk. It holds on to what
// it is told in the simplest way and looks through all of it, but for an order's
// entries. Tests of others
// use it, too.
type Memory struct {
	changing chan struct{} // full while a Change runs
	now      atomic.Pointer[state]
}

// NewMemory makes an empty Book.
func NewMemory() *Memory {
	m := &Memory{changing: make(chan struct{}, 1)}
	m.now.Store(newState())
	return m
}

// View is ledger.Book. It looks at a state that no Change touches.
func (m *Memory) View(ctx context.Context, fn func(ledger.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(&memoryTx{state: m.now.Load(), viewing: true})
}

// Change is ledger.Book. It works on a copy, which takes the state's place.
func (m *Memory) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case m.changing <- struct{}{}:
		defer func() { <-m.changing }()
	}
	next := m.now.Load().copy()
	if err := fn(&memoryTx{state: next}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.now.Store(next)
	return nil
}

// Close is ledger.Book. What is kept stays.
func (m *Memory) Close() error { return nil }

// state is everything. What is in it is never changed, only replaced: so a copy
// is one of the maps.
type state struct {
	programs   map[string]ledger.Program
	affiliates map[string]ledger.Affiliate
	codes      map[string]ledger.Code
	rules      map[string]ledger.Rule
	misses     map[string]ledger.Miss
	payouts    map[string]ledger.Payout
	flags      map[string]ledger.Flag
	shops      map[string]ledger.Shop
	hooks      map[string]ledger.Hook
	notices    map[string]ledger.Notice

	touches   map[string]ledger.Touch
	links     map[ledger.Link]time.Time // since when, by the rest of the link
	orders    map[string]ledger.Order
	names     map[ledger.Name]string // order
	facts     map[string][]ledger.Fact
	decisions map[string][]ledger.Decision
	entries   map[string]ledger.Entry
	ofOrder   map[string][]string   // ids of entries
	causes    map[ledger.Entry]bool // that have an entry: see cause
	position  event.Position
	told      map[string]time.Time // by programme
}

func newState() *state {
	return &state{programs: map[string]ledger.Program{}, affiliates: map[string]ledger.Affiliate{}, codes: map[string]ledger.Code{},
		rules: map[string]ledger.Rule{}, misses: map[string]ledger.Miss{}, payouts: map[string]ledger.Payout{}, flags: map[string]ledger.Flag{}, shops: map[string]ledger.Shop{},
		hooks: map[string]ledger.Hook{}, notices: map[string]ledger.Notice{}, told: map[string]time.Time{},
		touches: map[string]ledger.Touch{}, links: map[ledger.Link]time.Time{}, orders: map[string]ledger.Order{}, names: map[ledger.Name]string{},
		facts: map[string][]ledger.Fact{}, decisions: map[string][]ledger.Decision{}, entries: map[string]ledger.Entry{}, ofOrder: map[string][]string{}, causes: map[ledger.Entry]bool{}}
}

func (s *state) copy() *state {
	return &state{programs: maps.Clone(s.programs), affiliates: maps.Clone(s.affiliates), codes: maps.Clone(s.codes),
		rules: maps.Clone(s.rules), misses: maps.Clone(s.misses), payouts: maps.Clone(s.payouts), flags: maps.Clone(s.flags), shops: maps.Clone(s.shops),
		hooks: maps.Clone(s.hooks), notices: maps.Clone(s.notices), told: maps.Clone(s.told),
		touches: maps.Clone(s.touches), links: maps.Clone(s.links), orders: maps.Clone(s.orders), names: maps.Clone(s.names),
		facts: maps.Clone(s.facts), decisions: maps.Clone(s.decisions), entries: maps.Clone(s.entries), ofOrder: maps.Clone(s.ofOrder), causes: maps.Clone(s.causes), position: s.position}
}

// memoryTx is a state that is looked at or changed.
type memoryTx struct {
	*state
	viewing bool
}

func (x *memoryTx) Set() ledger.Setup       { return memorySetup{x} }
func (x *memoryTx) Traffic() ledger.Traffic { return memoryTraffic{x} }
func (x *memoryTx) Orders() ledger.Orders   { return memoryOrders{x} }
func (x *memoryTx) Money() ledger.Money     { return memoryMoney{x} }
func (x *memoryTx) Reading() ledger.Reading { return memoryReading{x} }

func (x *memoryTx) writable() error {
	if x.viewing {
		return errors.New("a View does not write")
	}
	return nil
}

type memoryReading struct{ *memoryTx }

func (x memoryReading) Position() (event.Position, error) { return x.position, nil }

func (x memoryReading) SetPosition(p event.Position) error {
	if err := x.writable(); err != nil {
		return err
	}
	x.position = p
	return nil
}

func (x memoryReading) Told(program string) (time.Time, error) { return x.told[program], nil }

func (x memoryReading) SetTold(program string, at time.Time) error {
	if err := x.writable(); err != nil {
		return err
	}
	x.told[program] = ms(at)
	return nil
}

// memoryTable is a ledger.Table.
type memoryTable[T any] struct {
	*memoryTx
	rows  map[string]T
	own   func(T) (id string, copy T)
	keys  map[string]func(T) string
	taken func(T) bool // what else is unique is another row's; nil: nothing else is
}

func (t memoryTable[T]) Add(row T) error { return t.keep(row, false) }

func (t memoryTable[T]) Put(row T) error { return t.keep(row, true) }

// keep keeps a row whose id must be there, or must not.
func (t memoryTable[T]) keep(row T, there bool) error {
	id, row := t.own(row)
	_, has := t.rows[id]
	switch err := t.writable(); {
	case err != nil:
		return err
	case there && !has:
		return fmt.Errorf("%s %w", id, ledger.ErrNotFound)
	case has != there || t.taken != nil && t.taken(row):
		return fmt.Errorf("%s %w", id, ledger.ErrTaken)
	}
	t.rows[id] = row
	return nil
}

func (t memoryTable[T]) Get(id string) (T, error) {
	row, ok := t.rows[id]
	if !ok {
		return row, fmt.Errorf("%s %w", id, ledger.ErrNotFound)
	}
	_, row = t.own(row)
	return row, nil
}

func (t memoryTable[T]) Find(key, value string) (found []T, err error) {
	of, ok := t.keys[key]
	switch {
	case key == "":
		of, value = func(T) string { return "" }, ""
	case !ok:
		return nil, fmt.Errorf("there is no key %q", key)
	case key == "email":
		value = ledger.FoldEmail(value)
	}
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		if _, row := t.own(t.rows[id]); of(row) == value {
			found = append(found, row)
		}
	}
	return found, nil
}

// ms is a time as it is kept.
func ms(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// own is a list that nobody else has.
func own[T any](list []T) []T { return append([]T{}, list...) }

type memorySetup struct{ *memoryTx }

func (x memorySetup) Programs() ledger.Table[ledger.Program] {
	return memoryTable[ledger.Program]{x.memoryTx, x.programs, func(p ledger.Program) (string, ledger.Program) {
		p.Sites, p.Hosts, p.Banned, p.Params, p.Created = own(p.Sites), own(p.Hosts), own(p.Banned), own(p.Params), ms(p.Created)
		least := map[string]int64{}
		maps.Copy(least, p.MinPayout)
		p.MinPayout = least
		return p.ID, p
	}, nil, func(p ledger.Program) bool {
		for _, other := range x.programs {
			if other.ID != p.ID && slices.ContainsFunc(p.Sites, func(site string) bool { return slices.Contains(other.Sites, site) }) {
				return true
			}
		}
		return false
	}}
}

func (x memorySetup) Affiliates() ledger.Table[ledger.Affiliate] {
	return memoryTable[ledger.Affiliate]{x.memoryTx, x.affiliates, func(a ledger.Affiliate) (string, ledger.Affiliate) {
		a.Created = ms(a.Created)
		return a.ID, a
	}, map[string]func(ledger.Affiliate) string{
		"program": func(a ledger.Affiliate) string { return a.Program },
		"login":   func(a ledger.Affiliate) string { return a.Login },
		"email":   func(a ledger.Affiliate) string { return ledger.FoldEmail(a.Email) },
	}, func(a ledger.Affiliate) bool {
		for _, other := range x.affiliates {
			if email := ledger.FoldEmail(a.Email); other.ID != a.ID && other.Program == a.Program && email != "" && ledger.FoldEmail(other.Email) == email {
				return true
			}
		}
		return false
	}}
}

func (x memorySetup) Codes() ledger.Table[ledger.Code] {
	return memoryTable[ledger.Code]{x.memoryTx, x.codes, func(c ledger.Code) (string, ledger.Code) {
		c.From, c.To, c.Created = ms(c.From), ms(c.To), ms(c.Created)
		return c.ID, c
	}, map[string]func(ledger.Code) string{
		"program":   func(c ledger.Code) string { return c.Program },
		"affiliate": func(c ledger.Code) string { return c.Affiliate },
	}, nil}
}

func (x memorySetup) Rules() ledger.Table[ledger.Rule] {
	return memoryTable[ledger.Rule]{x.memoryTx, x.rules, func(r ledger.Rule) (string, ledger.Rule) {
		r.From, r.To, r.Created = ms(r.From), ms(r.To), ms(r.Created)
		return r.ID, r
	}, map[string]func(ledger.Rule) string{"program": func(r ledger.Rule) string { return r.Program }}, nil}
}

func (x memorySetup) Misses() ledger.Table[ledger.Miss] {
	return memoryTable[ledger.Miss]{x.memoryTx, x.misses, func(m ledger.Miss) (string, ledger.Miss) {
		m.Last = ms(m.Last)
		return m.ID, m
	}, map[string]func(ledger.Miss) string{"affiliate": func(m ledger.Miss) string { return m.Affiliate }}, nil}
}

type memoryTables struct{ *memoryTx }

func (x memoryTables) Payouts() ledger.Table[ledger.Payout] {
	return memoryTable[ledger.Payout]{x.memoryTx, x.payouts, func(p ledger.Payout) (string, ledger.Payout) {
		p.Cutoff, p.Created, p.Changed = ms(p.Cutoff), ms(p.Created), ms(p.Changed)
		return p.ID, p
	}, map[string]func(ledger.Payout) string{
		"program":   func(p ledger.Payout) string { return p.Program },
		"affiliate": func(p ledger.Payout) string { return p.Affiliate },
	}, nil}
}

func (x memoryTables) Flags() ledger.Table[ledger.Flag] {
	return memoryTable[ledger.Flag]{x.memoryTx, x.flags, func(f ledger.Flag) (string, ledger.Flag) {
		f.Created, f.Changed = ms(f.Created), ms(f.Changed)
		return f.ID, f
	}, map[string]func(ledger.Flag) string{
		"program":   func(f ledger.Flag) string { return f.Program },
		"order":     func(f ledger.Flag) string { return f.Order },
		"affiliate": func(f ledger.Flag) string { return f.Affiliate },
	}, nil}
}
