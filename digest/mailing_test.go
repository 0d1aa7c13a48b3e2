package digest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/affiliate"
	"footfall/ledger"
	"footfall/mail"
	"footfall/metric"
	"footfall/period"
)

// figures answer every question with numbers that the question itself tells, and
// note what was asked.
type figures struct {
	asked  []metric.Query
	broken error
}

func (f *figures) Tabulate(_ context.Context, r metric.Report) (metric.Table, error) {
	if f.broken != nil {
		return metric.Table{}, f.broken
	}
	rows := r.Fill(nil)
	if len(r.By) > 0 {
		rows = []metric.Row{{Keys: []string{"some " + string(r.By[0])}, Time: r.Window.From, Values: make([]metric.Value, len(r.Metrics))}}
	}
	for i := range rows {
		for j := range r.Metrics {
			rows[i].Values[j] = metric.Value{N: int64(1000*i + j + 1)}
		}
		rows[i].Before = slices.Clone(rows[i].Values)
	}
	return metric.Table{Rows: rows}, r.Check()
}

func (f *figures) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	f.asked = append(f.asked, q)
	values := map[string][]int64{"": slices.Repeat([]int64{7}, len(q.Step.Cut(q.Window, q.Zone)))}
	if q.By != "" {
		values = map[string][]int64{"some " + string(q.By): {7}}
	}
	return metric.Dataset{Points: q.Answer(values, map[string]int64{}, q.Window.To)}, q.Check()
}

// desk has two affiliates, Ann and Bob.
type desk struct{ status ledger.Status }

func (d desk) Affiliate(_ context.Context, id string) (ledger.Affiliate, error) {
	return ledger.Affiliate{ID: id, Program: "prg", Name: id, Email: id + "@people.example", Status: d.status}, nil
}
func (d desk) Figures(id string) (metric.Affiliate, []string, bool) {
	return metric.Affiliate{ID: id, Codes: []string{id}}, []string{"a-com", "b-com"}, true
}
func (d desk) Payouts(context.Context, string, string) (all []ledger.Payout, err error) {
	at := time.Date(1999, 12, 10, 0, 0, 0, 0, time.UTC)
	for i, who := range []string{"ann", "bob"} {
		all = append(all, ledger.Payout{Affiliate: who, Currency: "EUR", Amount: int64(100_000 + i), State: ledger.Paid, Created: at, Changed: at})
	}
	return all, nil
}
func (d desk) Made(_ context.Context, id string, w period.Window) (map[string]affiliate.Made, error) {
	if id != "ann" {
		return map[string]affiliate.Made{"GBP": {Revenue: 666_00, Commission: 66_60}}, nil
	}
	if w.From.Month() == time.December {
		return map[string]affiliate.Made{"EUR": {Revenue: 55_55, Commission: 5_55}, "GBP": {Revenue: 120_00, Commission: 12_00}}, nil
	}
	return map[string]affiliate.Made{"GBP": {Revenue: 40_00, Commission: 4_00}}, nil
}
func (d desk) Programs(context.Context) ([]ledger.Program, error) {
	return []ledger.Program{{ID: "prg", Name: "Courses"}}, nil
}

// world is control data with a site, and a mail server.
type world struct {
	*accounttest.Memory
	t      *testing.T
	site   account.Site
	asked  *figures
	stored bool
	fails  []error // of the next tries
	sent   []string
	ids    []string
}

func newWorld(t *testing.T, zone string) *world {
	w := &world{Memory: &accounttest.Memory{}, t: t, asked: &figures{}, stored: true}
	var err error
	if w.site, err = w.AddSite(t.Context(), account.Site{Domain: "a.com", Zone: zone, Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) subscribe(s account.Subscription) account.Subscription {
	w.t.Helper()
	s, err := w.AddSubscription(w.t.Context(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// mailing is that of a server that was just started.
func (w *world) mailing() *Mailing {
	return NewMailing(w.Memory, Sources{w.asked, w.asked, desk{ledger.Active}}, Options{Log: slog.New(slog.DiscardHandler), Origin: "https://stats.example", Server: "stats.example",
		Stored: func(context.Context, time.Time) (bool, error) { return w.stored, nil },
		Send: func(_ context.Context, kind mail.Kind, m mail.Message) (string, error) {
			w.ids = append(w.ids, m.ID)
			if len(w.fails) > 0 {
				err := w.fails[0]
				w.fails = w.fails[1:]
				if err != nil {
					return "", err
				}
			}
			w.sent = append(w.sent, fmt.Sprintf("%s %s: %s", time.Now().UTC().Format("01-02 15:04"), m.To.Email, m.Subject))
			return "ok", nil
		}})
}

// run lets a server run for a while.
func (w *world) run(d time.Duration) {
	ctx, stop := context.WithTimeout(w.t.Context(), d)
	defer stop()
	w.mailing().Run(ctx)
}

func (w *world) want(what string, sent ...string) {
	w.t.Helper()
	if !slices.Equal(w.sent, sent) {
		w.t.Errorf("%s: sent\n%s\nwant\n%s", what, strings.Join(w.sent, "\n"), strings.Join(sent, "\n"))
	}
	w.sent = nil
}

const oneDay = 24 * time.Hour

// TestOnce: each period is told once, soon after it is over at the site, however often
// the server is restarted; of several that went by meanwhile, the newest alone.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is Saturday, 1 January 2000, 00:00 UTC
		w := newWorld(t, "Asia/Kathmandu") // 05:45
		for _, rhythm := range account.Rhythms {
			w.subscribe(account.Subscription{Site: w.site.ID, Email: string(rhythm) + "@a.com", Rhythm: rhythm})
		}
		w.run(18*time.Hour + 29*time.Minute)
		w.want("the first day, almost")
		for range 60 {
			w.run(time.Minute) // restarted every minute
		}
		w.want("the first day", "01-01 18:30 daily@a.com: a.com: Saturday, 1 Jan 2000")
		time.Sleep(5*oneDay - 19*time.Hour - 29*time.Minute) // down until the 6th, 05:45 there
		w.run(12 * time.Hour)
		w.want("downtime", "01-06 00:00 daily@a.com: a.com: Wednesday, 5 Jan 2000", "01-06 00:00 weekly@a.com: a.com: 27 Dec 1999 – 2 Jan 2000")
		w.run(26 * oneDay)
		days, weeks := 0, 0
		for _, one := range w.sent {
			if strings.Contains(one, " daily@") {
				days++
			}
			if strings.Contains(one, " weekly@") {
				weeks++
			}
		}
		if all := len(w.sent); days != 26 || weeks != 4 || all != 31 || !slices.Contains(w.sent, "01-31 18:30 monthly@a.com: a.com: January 2000") {
			t.Errorf("in 26 days came %d daily and %d weekly of %d letters: %v", days, weeks, all, w.sent)
		}
		slices.Sort(w.ids)
		if n := len(w.ids); len(slices.Compact(w.ids)) != n {
			t.Error("two letters have the same id")
		}
	})
}

// TestTriedAgain: what the mail server does not take is tried again with the same
// id, what it refuses for good is not, and neither keeps others waiting for long.
func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "UTC")
		down, refused := &mail.Failure{Step: mail.Connecting}, &mail.Failure{Step: mail.To, Code: 550}
		a := w.subscribe(account.Subscription{Site: w.site.ID, Email: "a@a.com", Rhythm: account.Daily})
		b := w.subscribe(account.Subscription{Site: w.site.ID, Email: "b@a.com", Rhythm: account.Daily})
		w.fails = []error{down, nil, down, refused}
		w.run(oneDay + 2*time.Hour)
		w.want("down, then for good", "01-02 00:16 a@a.com: a.com: Saturday, 1 Jan 2000")
		if want := fmt.Sprint([]string{a.ID + ".2000-01-02", a.ID + ".2000-01-02", b.ID + ".2000-01-02", b.ID + ".2000-01-02"}); fmt.Sprint(w.ids) != want {
			t.Errorf("tried %v, want %v", w.ids, want)
		}
		all, err := w.Subscriptions(t.Context())
		if err != nil || all[0].Why != "" || all[0].Tries != 0 || !all[0].Due.IsZero() || !strings.Contains(all[1].Why, "550") || all[1].Told.String() != "2000-01-02" {
			t.Errorf("kept: %+v, %v", all, err)
		}
		w.run(oneDay)
		w.want("the next day", "01-03 00:15 a@a.com: a.com: Sunday, 2 Jan 2000", "01-03 00:15 b@a.com: a.com: Sunday, 2 Jan 2000")

		w.fails = slices.Repeat([]error{down}, 10000)
		w.ids = nil
		w.run(2 * oneDay)
		w.want("down for long")
		if n := len(w.ids); n < 10 || n > 60 {
			t.Errorf("%d tries in two days", n)
		}
		w.fails = nil
		w.run(7 * time.Hour)
		if len(w.sent) != 2 || !strings.HasSuffix(w.sent[0], "Tuesday, 4 Jan 2000") || !strings.HasSuffix(w.sent[1], "Tuesday, 4 Jan 2000") {
			t.Errorf("up again: %v", w.sent)
		}
	})
}

// TestKilled: a try that was cut off is made again, with the id that it had, and not
// at once; of two servers one sends.
func TestKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "UTC")
		s := w.subscribe(account.Subscription{Site: w.site.ID, Email: "a@a.com", Rhythm: account.Daily})
		time.Sleep(oneDay + time.Hour)
		p, end, due := w.mailing().due(s, time.UTC)
		if !due {
			t.Fatal("nothing is due")
		}
		stale := s
		// What is kept of a try whose server was killed behind the mail server's yes.
		if err := w.Advance(t.Context(), s.ID, s.Progress, account.Progress{Tries: 1, Due: time.Now().Add(10 * time.Second)}); err != nil {
			t.Fatal(err)
		}
		if err := w.mailing().send(t.Context(), stale, w.site, p, end); err != nil || len(w.ids) != 0 {
			t.Errorf("a second server sent %v, too: %v", w.ids, err)
		}
		w.run(5 * time.Minute)
		w.want("after a kill", "01-02 01:01 a@a.com: a.com: Saturday, 1 Jan 2000")
		if fmt.Sprint(w.ids) != "["+s.ID+".2000-01-02]" {
			t.Errorf("ids %v", w.ids)
		}
	})
}

// TestWaits: nothing is sent before all of the period is stored, and what can't be
// counted keeps no other letter waiting.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "UTC")
		w.subscribe(account.Subscription{Site: w.site.ID, Email: "a@a.com", Rhythm: account.Daily})
		w.subscribe(account.Subscription{Affiliate: "ann", Rhythm: account.Daily})
		w.stored = false
		w.run(oneDay + time.Hour)
		w.want("not stored")
		if all, _ := w.Subscriptions(t.Context()); all[0].Tries != 0 {
			t.Error("it counts as a try")
		}
		w.stored, w.asked.broken = true, errors.New("the event store is being rebuilt")
		w.run(time.Hour)
		w.want("a rebuild", "01-02 01:00 ann@people.example: Courses: your Saturday, 1 Jan 2000")
		w.asked.broken = nil
		w.run(6 * time.Hour)
		w.want("after it", "01-02 02:30 a@a.com: a.com: Saturday, 1 Jan 2000")
	})
}

// TestWhoReceives: who may not read the figures any more is not written to, and gets
// nothing late when that changes.
func TestWhoReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "UTC")
		ctx := t.Context()
		ada, err := w.AddPerson(ctx, account.Person{Email: "ada@a.com", Name: "Ada"})
		if err != nil {
			t.Fatal(err)
		}
		w.subscribe(account.Subscription{Site: w.site.ID, Person: ada.ID, Rhythm: account.Daily})
		w.run(oneDay + time.Hour)
		w.want("no role")
		if all, _ := w.Subscriptions(ctx); all[0].Why == "" || all[0].Told.String() != "2000-01-02" {
			t.Errorf("kept: %+v", all)
		}
		if err := w.PutGrant(ctx, account.Grant{Person: ada.ID, Site: w.site.ID, Role: account.Viewer}); err != nil {
			t.Fatal(err)
		}
		w.run(oneDay)
		w.want("a role", "01-03 00:15 ada@a.com: a.com: Sunday, 2 Jan 2000")
		if err := w.SetDisabled(ctx, ada.ID, true); err != nil {
			t.Fatal(err)
		}
		w.run(oneDay)
		w.want("disabled")
		for _, status := range []ledger.Status{ledger.Banned, ledger.Applied} {
			m := w.mailing()
			m.sources.Desk = desk{status}
			if _, why, err := m.Newest(ctx, account.Subscription{ID: "s", Affiliate: "ann", Rhythm: account.Daily}); why == "" || err != nil {
				t.Errorf("an affiliate who is %s gets a letter: %v", status, err)
			}
		}
	})
}

// TestOwnAlone: every question of an affiliate's letter is about that one, and no
// payout of another is in it.
func TestOwnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "UTC")
		letter, why, err := w.mailing().Newest(t.Context(), account.Subscription{ID: "s", Affiliate: "ann", Rhythm: account.Monthly})
		if err != nil || why != "" {
			t.Fatal(why, err)
		}
		for _, q := range w.asked.asked {
			if q.Affiliate == nil || q.Affiliate.ID != "ann" || !q.Metric.Earned() {
				t.Errorf("asked %+v", q)
			}
		}
		if len(w.asked.asked) < 15 || letter.To.Email != "ann@people.example" || !strings.Contains(letter.Text, "1 000.00 EUR") || strings.Contains(letter.Text, "1 000.01") || strings.Contains(letter.HTML, "1 000.01") {
			t.Errorf("%d questions, to %s:\n%s", len(w.asked.asked), letter.To, letter.Text)
		}
		for _, want := range []string{"Other currencies", "Sales in GBP", "120.00 GBP", "40.00 GBP", "Commissions in GBP", "12.00 GBP", "4.00 GBP"} {
			if !strings.Contains(letter.Text, want) || !strings.Contains(letter.HTML, want) {
				t.Errorf("the letter lacks %q:\n%s", want, letter.Text)
			}
		}
		if strings.Contains(letter.Text, "55.55") || strings.Contains(letter.Text, "666.00") {
			t.Errorf("the first currency is told twice, or another's money:\n%s", letter.Text)
		}
	})
}
