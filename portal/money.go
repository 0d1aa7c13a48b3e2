package portal

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/affiliate"
	"footfall/period"
)

type ledgerView struct {
	Entries              []affiliate.Stated
	Names                map[string]string
	Affiliates           []affiliate.Affiliate
	Affiliate, From, To  string
	Problem, Older, File string
	Zone                 *time.Location
}

// filter is what the URL picks of the ledger.
func (v *visit) filter(q url.Values) (f affiliate.EntryFilter, problem string) {
	f = affiliate.EntryFilter{Program: v.program.ID, Affiliate: q.Get("affiliate")}
	for _, end := range []struct {
		name string
		days int
		at   *time.Time
	}{{"from", 0, &f.From}, {"to", 1, &f.To}} { // the last day is meant with all of it
		text := q.Get(end.name)
		if text == "" {
			continue
		}
		w, err := period.Between(text, text, v.zone)
		if err != nil {
			return f, "A day is written as 2026-05-17."
		}
		*end.at = w.From.In(v.zone).AddDate(0, 0, end.days)
	}
	return f, ""
}

func (v *visit) ledger() error {
	q := v.r.URL.Query()
	f, problem := v.filter(q)
	x := ledgerView{Affiliate: f.Affiliate, From: q.Get("from"), To: q.Get("to"), Problem: problem, Zone: v.zone}
	f.Before, f.Limit = q.Get("before"), pageSize+1
	var err error
	if problem == "" {
		if x.Entries, err = v.desk.Entries(v.ctx(), f); err != nil {
			return err
		}
	}
	if len(x.Entries) > pageSize {
		x.Entries = x.Entries[:pageSize]
		q.Set("before", x.Entries[pageSize-1].ID)
		x.Older = v.path("/ledger") + "?" + q.Encode()
	}
	q.Del("before")
	x.File = v.path("/ledger.csv") + "?" + q.Encode()
	if x.Names, x.Affiliates, err = v.names(); err != nil {
		return err
	}
	return v.show(200, "ledger.html", "Ledger", x)
}

func (v *visit) ledgerFile() error {
	f, problem := v.filter(v.r.URL.Query())
	if problem != "" {
		return affiliate.ErrNotFound
	}
	return v.file("ledger", func(b *bytes.Buffer, format string) error { return v.desk.ExportEntries(v.ctx(), b, format, f) })
}

type programPayoutsView struct {
	Proposals []affiliate.Proposal
	More      pages  // of proposals
	Cutoff    string // a day
	Total     map[string]int64
	Payouts   []affiliate.Payout // newest first
	Names     map[string]string
	Accounts  map[string]string // payout references, by affiliate
	Pages     pages
	Pays      bool
	Form      *form
	Zone      *time.Location
}

// cutoff is the beginning of a day that is not to come; of this month if none
// is named.
func (v *visit) cutoff(text string) (at time.Time, problem string) {
	if text == "" {
		return period.Month.Start(v.Now(), v.zone), ""
	}
	w, err := period.Between(text, text, v.zone)
	switch {
	case err != nil || len(text) != len("2006-01-02"):
		return at, "Write the day as 2026-05-17."
	case w.From.After(v.Now()):
		return at, "A cut-off is not in the future: what is pending then is not earned yet."
	}
	return w.From.In(v.zone), ""
}

// mostProposed is how many payouts are approved at once.
const mostProposed = 100

func (v *visit) showPayouts(status int, f *form) error {
	x := programPayoutsView{Total: map[string]int64{}, Accounts: map[string]string{}, Form: f, Pays: v.pays(), Zone: v.zone}
	if x.Form == nil {
		x.Form = &form{values: url.Values{}}
	}
	at, problem := v.cutoff(cmp.Or(x.Form.get("cutoff"), v.r.URL.Query().Get("cutoff")))
	if problem != "" {
		x.Form.wrong("cutoff", problem)
		at, _ = v.cutoff("")
	}
	x.Cutoff = at.Format("2006-01-02")
	proposals, err := v.desk.Propose(v.ctx(), v.program.ID, at)
	if err != nil {
		return err
	}
	x.Proposals, x.More = cutBy(v, proposals, "proposed", mostProposed)
	for _, p := range x.Proposals {
		x.Total[p.Payout.Currency] += p.Payout.Amount
	}
	all, err := v.desk.Payouts(v.ctx(), v.program.ID, "")
	if err != nil {
		return err
	}
	slices.Reverse(all)
	x.Payouts, x.Pages = cut(v, all)
	names, affiliates, err := v.names()
	for _, a := range affiliates {
		x.Accounts[a.ID] = a.Payout
	}
	if x.Names = names; err != nil {
		return err
	}
	return v.show(status, "program_payouts.html", "Payouts", x)
}

func (v *visit) pays() bool { return slices.Contains(v.person.Pays, v.program.ID) }

// mayPay refuses who may not move money.
func (v *visit) mayPay() bool {
	if !v.pays() {
		v.message(http.StatusForbidden, "You can't make payouts", "An owner of the site makes them.", link{v.path("/payouts"), "Back to the payouts"})
	}
	return v.pays()
}

// approve makes payouts of the proposals that were ticked, exactly as they were
// shown: each says its affiliate, currency and the hash of its entries.
func (v *visit) approve() error {
	f, err := v.sent()
	if err != nil || !v.mayPay() {
		return err
	}
	at, problem := v.cutoff(f.get("cutoff"))
	if problem != "" {
		f.wrong("cutoff", problem)
	}
	var seen []affiliate.Payout
	for _, s := range f.values["seen"] {
		parts := strings.Split(s, " ")
		if len(parts) != 3 {
			return affiliate.ErrNotFound
		}
		seen = append(seen, affiliate.Payout{Affiliate: parts[0], Currency: parts[1], Hash: parts[2]})
	}
	if len(seen) == 0 {
		f.Problem = "Tick the payouts to make."
	}
	if f.ok() {
		_, err := v.desk.Approve(v.ctx(), v.program.ID, at, affiliate.Exactly(seen...))
		if err := f.take(err); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showPayouts(422, f)
	}
	return v.done(v.path("/payouts"), "approved")
}

func (v *visit) payoutsFile() error {
	return v.file("payouts", func(b *bytes.Buffer, format string) error {
		return v.desk.ExportPayouts(v.ctx(), b, format, v.program.ID)
	})
}

func (v *visit) anyStatement() error {
	all, err := v.desk.Payouts(v.ctx(), v.program.ID, "")
	if err != nil {
		return err
	}
	return v.statement(all, v.r.PathValue("payout"))
}

// advance marks a payout as sent, paid or failed.
func (v *visit) advance() error {
	f, err := v.sent()
	if err != nil || !v.mayPay() {
		return err
	}
	all, err := v.desk.Payouts(v.ctx(), v.program.ID, "")
	if err != nil {
		return err
	}
	id, to := v.r.PathValue("payout"), affiliate.PayoutState(f.get("state"))
	at := slices.IndexFunc(all, func(p affiliate.Payout) bool { return p.ID == id })
	if at < 0 {
		return affiliate.ErrNotFound
	}
	checkText(f, "external", 200, false)
	checkText(f, "why", 500, to == "failed")
	if problem := cmp.Or(f.problems["external"], f.problems["why"]); problem != "" {
		f.Problem = "Say why it failed, in a line, and give a reference of one line. " + problem
	}
	if err := affiliate.Move(all[at], to); err != nil {
		f.Problem = capital(err.Error()) + "."
	}
	if !f.ok() {
		return v.showPayouts(422, f)
	}
	if _, err := v.desk.Advance(v.ctx(), id, to, f.get("external"), f.get("why")); err != nil {
		return err
	}
	return v.done(v.path("/payouts"), "moved")
}
