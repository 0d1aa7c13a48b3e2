package segment

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"footfall/history"
	"footfall/period"
)

// TestLiveIsTheEvents does anything to histories that may happen to them: at every
// moment at which they say that they are complete, they are what is counted
// directly from the events. LIVE_SEED repeats the run of a seed.
func TestLiveIsTheEvents(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6, 7, 8}
	for range 24 {
		seeds = append(seeds, rand.Uint64())
	}
	if s := os.Getenv("LIVE_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	complete, uncertain, incomplete, notices := 0, 0, 0, 0
	for _, seed := range seeds {
		w := newWorks(t, seed)
		for range 40 {
			w.step()
			w.check()
		}
		w.note("at last")
		w.roll()
		w.check()
		w.roll()
		w.check()
		w.tick()
		complete, uncertain, incomplete, notices = complete+w.complete, uncertain+w.uncertain, incomplete+w.incomplete, notices+int(w.heard)
	}
	t.Logf("%d complete answers, %d not certain, %d not complete, %d notices", complete, uncertain, incomplete, notices)
	if len(seeds) > 1 && (complete < 2000 || incomplete < 500 || uncertain*20 > complete || notices < 100) {
		t.Error("the test tests less than it should")
	}
}

func (w *works) step() {
	switch n := w.r.IntN(30); {
	case n < 10:
		w.write(pickOf(w.r, "", "", "", "", "", "", "", "", "before", "behind"))
	case n < 18:
		w.roll()
	case n < 21:
		w.shakenRoll()
	case n < 22:
		w.note("opened")
		w.open()
	case n < 23:
		w.rezone()
	case n < 24:
		w.turn()
	case n < 25:
		w.now = w.now.Add(pickOf(w.r, time.Hour, 24*time.Hour, 20*24*time.Hour))
		w.note("now it is %s", w.now)
	case n < 26:
		w.forget()
	case n < 28:
		w.pass()
	default:
		w.tick()
	}
}

func (w *works) roll() {
	w.note("roll")
	_, err := w.roller.Roll(w.t.Context())
	w.must(err)
	w.calm = true
}

// shakenRoll is a roll into which anything comes, and which may stop.
func (w *works) shakenRoll() {
	w.note("shaken roll {")
	n, stop, within := 0, w.r.IntN(8), false
	ctx, end := context.WithCancel(w.t.Context())
	defer end()
	w.kept.replacing = func() error {
		if n++; n == stop {
			if w.r.IntN(2) == 0 {
				w.note("it is stopped")
				end()
			}
			w.note("a day fails")
			return errShaken
		}
		if within { // a roll waits for nobody
			return nil
		}
		within = true
		defer func() { within = false }()
		w.calm = false
		switch w.r.IntN(9) {
		case 0, 1, 2:
			w.write(pickOf(w.r, "", "", "", "before", "behind"))
		case 3:
			w.rezone()
		case 4:
			w.turn()
		case 5:
			w.forget()
		case 6:
			w.tick()
		}
		w.check()
		return nil
	}
	w.log.walks = func() { w.check() }
	_, err := w.roller.Roll(ctx)
	w.kept.replacing, w.log.walks, w.calm = nil, nil, false
	w.note("} %v", err)
	if err != nil && ctx.Err() == nil {
		w.fail("%v", err)
	}
	if err == nil && w.r.IntN(2) == 0 {
		w.note("and dies")
		w.open()
	}
}

// rezone gives a site another zone or currency, sometimes only for a while.
func (w *works) rezone() {
	i := w.r.IntN(len(w.sites))
	s := &w.sites[i]
	if old := *s; w.r.IntN(2) == 0 {
		defer func() {
			w.write("")
			w.sites[i].Zone, w.sites[i].Currency = old.Zone, old.Currency
			w.note("%s is in %s and %s again", s.ID, s.Zone, s.Currency)
		}()
	}
	if w.r.IntN(2) == 0 {
		s.Currency = pickOf(w.r, "INR", "USD", "WST")
	} else {
		s.Zone = w.zone(pickOf(w.r, places...).zone)
	}
	w.calm = false
	w.note("%s is in %s and %s", s.ID, s.Zone, s.Currency)
}

// turn turns a site's histories off or on, or has them kept longer or shorter.
func (w *works) turn() {
	s := &w.sites[w.r.IntN(len(w.sites))]
	s.Months, w.calm = pickOf(w.r, 0, 0, 1, 2, 20), false
	w.note("%s keeps %d months", s.ID, s.Months)
	if w.r.IntN(2) == 0 {
		w.forget()
	}
}

func (w *works) forget() {
	for _, s := range w.sites {
		w.note("%s forgets", s.ID)
		_, err := w.live.Forget(w.t.Context(), s.ID)
		w.must(err)
		for _, visitor := range everybody {
			p, err := w.kept.Read(w.t.Context(), s.ID, visitor)
			w.must(err)
			if s.Months == 0 && len(p.Rows)+len(p.Traits)+len(p.In) > 0 {
				w.fail("left: %+v", p)
			}
			for _, d := range w.definitions {
				if s.Months == 0 { // nobody is told
					delete(w.told, s.ID+" "+visitor+" "+d.Name)
				}
			}
		}
	}
}

// tick tests who did something, and compares with all notices.
func (w *works) tick() {
	w.note("tick")
	w.must(w.live.Tick(w.t.Context(), func(string) []Definition { return w.definitions }))
	w.hear()
}

// pass tests everybody as of now, and counts as of a date.
func (w *works) pass() {
	for _, s := range w.sites {
		if s.Months == 0 {
			continue
		}
		today := w.live.today(s)
		date := today - period.Date(w.r.IntN(3))
		w.note("pass of %s at %s", s.ID, date)
		err := w.live.Pass(w.t.Context(), s.ID, w.definitions, date)
		if errors.Is(err, ErrIncomplete) {
			continue
		}
		w.must(err)
		w.hear()
		members, uncertain := map[string]int{}, false
		for _, visitor := range everybody {
			p, err := w.live.Visitor(w.t.Context(), s.ID, visitor)
			w.must(err)
			if !p.Complete {
				uncertain = true
				continue
			}
			h, traits := w.truth(s, visitor, max(date, w.latest(date, today)))
			if len(p.History)+len(p.Traits) == 0 {
				if len(p.In) > 0 {
					w.fail("nothing is kept of %s, who is in %v", visitor, p.In)
				}
				continue
			}
			for _, m := range Memberships(w.definitions, h, traits, date) {
				members[m.Segment]++
			}
			if want := Memberships(w.definitions, p.History, p.Traits, today); !slices.Equal(inOf(p), want) {
				w.fail("%s is in %v, want %v", visitor, p.In, want)
			}
		}
		for _, d := range w.definitions {
			counts, err := w.kept.Counts(w.t.Context(), s.ID, d.Name, date, date+1)
			w.must(err)
			if len(counts) != 1 || !uncertain && counts[0].Members != members[d.Name] {
				w.fail("%s had %v members, want %d", d.Name, counts, members[d.Name])
			}
		}
	}
}

// latest is the last date that counts for a pass.
func (w *works) latest(date, today period.Date) period.Date {
	if date == today {
		return 1 << 30
	}
	return date
}

func inOf(p Person) []Membership {
	in := []Membership{}
	for _, m := range p.In {
		in = append(in, Membership{m.Segment, m.Version})
	}
	return in
}

// hear reads the notices: of a visitor and segment they alternate, and the last
// one says what is kept.
func (w *works) hear() {
	messages, err := w.kept.Due(w.t.Context(), w.now, 1e9)
	w.must(err)
	for _, m := range messages {
		if m.ID <= w.heard {
			continue
		}
		w.heard = m.ID
		var n Notice
		w.must(json.Unmarshal(m.Body, &n))
		key := n.Site + " " + n.Visitor + " " + n.Segment
		if was := w.told[key]; n.Type == Entered && len(was)%2 != 0 || n.Type == Left && len(was)%2 != 1 {
			w.fail("%s: %s after %v", key, n.Type, was)
		}
		w.told[key] = append(w.told[key], n.Type)
	}
	for _, s := range w.sites {
		for _, visitor := range everybody {
			past, err := w.kept.Read(w.t.Context(), s.ID, visitor)
			w.must(err)
			for _, d := range w.definitions {
				key := s.ID + " " + visitor + " " + d.Name
				in := slices.ContainsFunc(past.In, func(m history.Member) bool { return m.Segment == d.Name })
				if s.Months > 0 && in != (len(w.told[key])%2 == 1) {
					w.fail("%s: in %v, told %v", key, in, w.told[key])
				}
			}
		}
	}
}

func TestPatch(t *testing.T) {
	said := []string{`{"a":1.50,"b":{"c":"x","d":null},"l":[1,"z",{}]}`, `{"a":null,"b":"plain"}`, `[1]`, `{"b":{"c":"y"},"t":true,"a b":""}`}
	direct, p := map[string]string{"b.d": "old", "keep": "1"}, patch{}
	at := map[string]string{"b.d": "old", "keep": "1"}
	for _, s := range said {
		identify(direct, s)
		p.add(s)
	}
	identify(at, p.json())
	if !reflect.DeepEqual(at, direct) || direct["b"] != "plain" || direct["b.c"] != "y" {
		t.Errorf("the sum says %v (%s), one by one they say %v", at, p.json(), direct)
	}
}
