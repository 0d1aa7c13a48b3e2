package affiliate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/ledger"
)

// Case is all that an order's entries are made of.
type Case struct {
	Program   ledger.Program
	Order     ledger.Order      // as Current made it
	Facts     []ledger.Fact     // of the order, in any order
	Decisions []ledger.Decision // of the order, the first one first
	Rules     []ledger.Rule     // of the programme
	Ordinal   int               // which of the customer's orders it is, from 1
	Posted    []ledger.Entry    // of the order
	Now       time.Time
}

// Ledger is what an order's entries should add up to, by affiliate, line,
// currency, kind, time and cause. It is a function of facts, decisions and rules,
// and of nothing that was posted.
//
// The order earns at its time, by its first content that holds; CauseOrder is the
// cause. Later contents post what differs, when they were said; refunds and
// disputes when they happened; the fact's id is the cause. Of the decisions that
// the rules made the last one holds from the order's time on, whenever it was
// made. One by hand moves what there is, then, with its id as cause. An entry is
// available when the order's hold is over, or at once if that is later.
//
// An order that is not verified earns nothing, and what is not verified takes
// nothing away, unless the programme trusts events (rule 7).
func Ledger(c Case) ([]ledger.Entry, error) {
	t, err := play(&c)
	if err != nil {
		return nil, err
	}
	return t.entries, nil
}

// Uncounted lists the refunds, by fact id, that take nothing away because nobody
// knows what they are worth: they are in another currency than the order, or of
// lines that it doesn't have.
func Uncounted(c Case) ([]string, error) {
	t, err := play(&c)
	if err != nil {
		return nil, err
	}
	return t.odd, nil
}

// key is what entries are compared by. The root of a cause is what comes before
// the number that a correction adds.
type key struct {
	affiliate, line, currency string
	kind                      ledger.EntryKind
	occurred                  int64 // ms
	root                      string
}

func keyOf(e *ledger.Entry) key {
	root, _, _ := strings.Cut(e.Cause, "#")
	return key{e.Affiliate, e.Line, e.Currency, e.Kind, e.Occurred.UnixMilli(), root}
}

// Settle is what is to be posted of an order, with everything but ID: what
// brings the sums of what is posted to those of Ledger. It is empty if all is as
// it should be. So neither the order in which facts come nor their number
// matters, nor who else posts, nor where somebody stopped.
//
// A correction is of the kind of what it corrects, at the same time, with "#2",
// "#3" … behind its cause; its amount may have any sign. From an affiliate who
// has lost an order to another by a decision of the rules, all is taken by a
// reverse with that decision as cause (rule 4).
func Settle(c Case) ([]ledger.Entry, error) {
	canon, err := Ledger(c)
	if err != nil {
		return nil, err
	}
	p := posting{c: &c, missing: map[key]*ledger.Entry{}, causes: map[string]bool{}}
	for i := range canon {
		p.add(canon[i], canon[i].Amount)
	}
	gone, decision := p.losers()
	for _, e := range c.Posted {
		if e.Kind != ledger.Earn && e.Kind != ledger.Reverse && e.Kind != ledger.DisputeHold && e.Kind != ledger.DisputeRelease {
			continue
		}
		p.causes[cause(&e, e.Cause)] = true
		if gone(e.Affiliate) {
			e = lost(e, decision)
		}
		p.add(e, -e.Amount)
	}
	return p.entries(), nil
}

// posting finds what is missing.
type posting struct {
	c       *Case
	missing map[key]*ledger.Entry
	causes  map[string]bool // that are taken, see cause
}

// cause is what must be unique of an order's entries.
func cause(e *ledger.Entry, cause string) string {
	return strings.Join([]string{e.Affiliate, e.Line, string(e.Kind), cause}, "\x00")
}

// add adds an amount to what is missing under an entry's key. What is missing is
// available when the last of these entries is.
func (p *posting) add(e ledger.Entry, amount int64) {
	k := keyOf(&e)
	m := p.missing[k]
	if m == nil {
		e.Amount, e.Cause = 0, k.root
		m = &e
		p.missing[k] = m
	}
	m.Amount += amount
	if m.Available.Before(e.Available) {
		m.Available = e.Available
	}
}

// losers tells which affiliates decisions of the rules gave the order to, and
// the last one took it from; nobody if there is no such decision.
func (p *posting) losers() (gone func(affiliate string) bool, decision string) {
	has := map[string]bool{}
	automatic := ""
	for _, d := range p.c.Decisions {
		if d.Rule == RuleManual {
			has[d.Affiliate] = true
		} else {
			decision, automatic = d.ID, d.Affiliate
		}
	}
	has[automatic] = true
	return func(affiliate string) bool { return decision != "" && !has[affiliate] }, decision
}

// lost is what was posted as it is taken from who has lost the order: by line
// and time, by the decision.
func lost(e ledger.Entry, decision string) ledger.Entry {
	switch e.Kind {
	case ledger.Earn, ledger.Reverse:
		e.Kind = ledger.Reverse
	default:
		e.Kind = ledger.DisputeRelease
	}
	e.Cause = decision
	return e
}

// entries are what is missing, by time.
func (p *posting) entries() (all []ledger.Entry) {
	for _, e := range p.missing {
		if e.Amount != 0 {
			all = append(all, *e)
		}
	}
	slices.SortFunc(all, func(a, b ledger.Entry) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.Affiliate, b.Affiliate), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Cause, b.Cause),
			cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Kind, b.Kind))
	})
	for i := range all {
		e := &all[i]
		e.ID, e.Payout, e.Posted = "", "", stamp(p.c.Now)
		root := e.Cause
		for n := 2; p.causes[cause(e, e.Cause)]; n++ {
			e.Cause = root + "#" + strconv.Itoa(n)
		}
		p.causes[cause(e, e.Cause)] = true
	}
	return all
}
