package affiliate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/mail"
	"footfall/webhook"
)

// postbox is a mail server that answers with the next of its errors.
type postbox struct {
	fails []error
	came  []mail.Message
	kinds []mail.Kind
}

func (p *postbox) send(_ context.Context, kind mail.Kind, m mail.Message) (string, error) {
	var err error
	if len(p.fails) > 0 {
		err, p.fails = p.fails[0], p.fails[1:]
	}
	if err == nil {
		p.came, p.kinds = append(p.came, m), append(p.kinds, kind)
	}
	return "250 ok", err
}

// mailed opens a desk that writes to affiliates.
func mailed(t *testing.T, change func(p *ledger.Program)) (*desk, *postbox, *affiliate.Mailing) {
	d := openDesk(t, change)
	made, err := affiliate.Open(t.Context(), d.book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return d.now }, Mail: true,
		Money: func(string) string { return "EUR" }, Hosts: func(site string) []string { return []string{site + ".example"} }})
	if err != nil {
		t.Fatal(err)
	}
	d.Desk = made
	p := &postbox{}
	return d, p, affiliate.NewMailing(d.Desk, affiliate.MailingOptions{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Origin: "https://s.example", Server: "s.example", Send: p.send,
		Login: func(_ context.Context, a affiliate.Affiliate) (string, error) {
			return map[bool]string{true: "", false: "/password?link=ffl_1"}[a.Login != ""], nil
		}})
}

// approved approves what anna has.
func (d *desk) approved() ledger.Payout {
	d.t.Helper()
	d.now = d.now.AddDate(0, 0, 40)
	all, err := d.Propose(d.t.Context(), d.program.ID, d.now)
	if err != nil || len(all) != 1 {
		d.t.Fatalf("%v %v", all, err)
	}
	made, err := d.Approve(d.t.Context(), d.program.ID, d.now, affiliate.Exactly(all[0].Payout))
	if err != nil {
		d.t.Fatal(err)
	}
	return made[0]
}

func (d *desk) letters() (all []ledger.Notice) {
	d.t.Helper()
	all, err := d.Notices(d.t.Context(), ledger.NoticeFilter{To: ledger.To(ledger.ToAffiliate, d.anna.ID)})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// run lets a Mailing look once.
func run(t *testing.T, m *affiliate.Mailing) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m.Run(ctx)
}

func (d *desk) earns() {
	d.write(click("c", "v", "anna", noon.Add(-time.Hour)))
	if _, err := d.Take(d.t.Context(), order("1", "v", 10000, noon)); err != nil {
		d.t.Fatal(err)
	}
}

// TestPayoutLetters: a payout that is approved and one that is paid are told, each
// once, with what stands in it; the states between are not.
func TestPayoutLetters(t *testing.T) {
	d, box, m := mailed(t, nil)
	d.earns()
	if _, err := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.Payout = "Anna's account" }); err != nil {
		t.Fatal(err)
	}
	p := d.approved()
	for _, state := range []ledger.PayoutState{ledger.Sent, ledger.Paid} {
		if _, err := d.Advance(t.Context(), p.ID, state, "transfer-7", ""); err != nil {
			t.Fatal(err)
		}
	}
	run(t, m)
	d.reopen()
	time.Sleep(time.Millisecond)
	run(t, m)
	run(t, m)
	if fmt.Sprint(box.kinds) != "[payout-approved payout-paid]" {
		t.Fatalf("came %v", box.kinds)
	}
	for i, wants := range [][]string{{"50.00 EUR", "Anna's account", p.ID, "https://s.example/portal/payouts"}, {"50.00 EUR", "Anna's account", p.ID, "transfer-7"}} {
		for _, want := range wants {
			if !strings.Contains(box.came[i].Text, want) || box.came[i].To != (mail.Address{Name: "anna", Email: "anna@example.com"}) {
				t.Errorf("letter %d lacks %q: %+v", i, want, box.came[i])
			}
		}
	}
	for _, n := range d.letters() {
		if n.State != ledger.Delivered || n.Tries != 1 || len(n.Answers) != 1 || n.Settled.IsZero() {
			t.Errorf("%+v", n)
		}
	}
}

// TestFailedPayoutLetters: of a payout that failed is told, with the reason and where
// to look; that it was approved is told no more if that still waited. The next one
// is told again.
func TestFailedPayoutLetters(t *testing.T) {
	for name, told := range map[string]bool{"before the first letter": false, "after it": true} {
		d, box, m := mailed(t, nil)
		d.earns()
		if _, err := d.Alter(t.Context(), d.anna.ID, func(a *ledger.Affiliate) { a.Payout = "Anna's account" }); err != nil {
			t.Fatal(err)
		}
		p := d.approved()
		if told {
			run(t, m)
		}
		if _, err := d.Advance(t.Context(), p.ID, ledger.Sent, "transfer-7", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Advance(t.Context(), p.ID, ledger.Failed, "", "there is no such account"); err != nil {
			t.Fatal(err)
		}
		run(t, m)
		run(t, m) // one of an affiliate at a time
		want := map[bool]string{true: "[payout-approved payout-failed]", false: "[payout-failed]"}[told]
		if fmt.Sprint(box.kinds) != want {
			t.Fatalf("%s: came %v, want %s: %+v", name, box.kinds, want, d.letters())
		}
		letter := box.came[len(box.came)-1]
		for _, part := range []string{"50.00 EUR", "Anna's account", "there is no such account", "next payout", "check in your profile", p.ID, "https://s.example/portal/profile"} {
			if !strings.Contains(letter.Text, part) {
				t.Errorf("%s: the letter lacks %q: %s", name, part, letter.Text)
			}
		}
		first := d.letters()[1]
		if told != (first.State == ledger.Delivered) || !told && (first.State != ledger.Dead || first.Why != "the payout failed meanwhile") {
			t.Errorf("%s: of the approval is kept %+v", name, first)
		}
		d.approved()
		run(t, m)
		if last := box.kinds[len(box.kinds)-1]; last != mail.PayoutApproved || !strings.Contains(box.came[len(box.came)-1].Text, "50.00 EUR") {
			t.Errorf("%s: of the next payout came %v", name, box.kinds)
		}
	}
}

// TestQuietPayouts: no letter of a programme that keeps quiet, nor where no mail
// is sent, nor to who has no address; one that waits when it is turned off is
// given up.
func TestQuietPayouts(t *testing.T) {
	d, box, m := mailed(t, func(p *ledger.Program) { p.QuietPayouts = true })
	d.earns()
	if _, err := d.Advance(t.Context(), d.approved().ID, ledger.Failed, "", "no account"); err != nil {
		t.Fatal(err)
	}
	p := d.approved()
	d.program.QuietPayouts = false
	if _, err := d.PutProgram(t.Context(), d.program); err != nil {
		t.Fatal(err)
	}
	for _, state := range []ledger.PayoutState{ledger.Sent, ledger.Paid} {
		if _, err := d.Advance(t.Context(), p.ID, state, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	d.program.QuietPayouts = true
	if _, err := d.PutProgram(t.Context(), d.program); err != nil {
		t.Fatal(err)
	}
	run(t, m)
	if all := d.letters(); len(box.came) != 0 || len(all) != 1 || all[0].State != ledger.Dead || !strings.Contains(all[0].Why, "no e-mail about payouts") {
		t.Errorf("came %v, kept %+v", box.kinds, all)
	}
	off := openDesk(t, nil) // sends no mail
	off.earns()
	if _, err := off.Advance(t.Context(), off.approved().ID, ledger.Failed, "", "no account"); err != nil {
		t.Fatal(err)
	}
	if all := off.letters(); len(all) != 0 {
		t.Errorf("kept %+v", all)
	}
}

// TestAcceptanceLetter: who applied and is accepted is told, once, with a link to
// set a password or, with an account, to the pages; who was invited is not.
func TestAcceptanceLetter(t *testing.T) {
	d, box, m := mailed(t, nil)
	for i, login := range []string{"", "per_1"} {
		a, err := d.Join(t.Context(), ledger.Affiliate{Program: d.program.ID, Email: fmt.Sprintf("eve%d@example.com", i), Name: "Eve", Status: ledger.Applied})
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []ledger.Status{ledger.Active, ledger.Paused, ledger.Active} {
			if _, err := d.Alter(t.Context(), a.ID, func(a *ledger.Affiliate) { a.Status, a.Login = status, login }); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, m)
	run(t, m) // one of an affiliate at a time
	if fmt.Sprint(box.kinds) != "[acceptance acceptance]" || !strings.Contains(box.came[0].Text, "https://s.example/password?link=ffl_1") || !strings.Contains(box.came[1].Text, "To your pages:\nhttps://s.example/portal\n") {
		t.Errorf("came %v: %+v", box.kinds, box.came)
	}
}

// TestLettersWait: while the mail server does not work a letter is tried again
// with growing pauses, under the same ID, for three days; one that is refused is
// given up at once; and why is kept without an address.
func TestLettersWait(t *testing.T) {
	down := &mail.Failure{Step: mail.Connecting, Said: "anna@example.com is unknown"}
	refused := &mail.Failure{Step: mail.To, Code: 550, Status: "5.1.1", Said: "<anna@example.com> is nobody"}
	for _, c := range []struct {
		name  string
		fails []error
		state ledger.NoticeState
		came  int
		tries int
	}{
		{"down twice", []error{down, down}, ledger.Delivered, 1, 3},
		{"refused", []error{refused}, ledger.Dead, 0, 1},
		{"down for good", slicesOf(down, 100), ledger.Dead, 0, 0},
	} {
		d, box, m := mailed(t, nil)
		box.fails = c.fails
		d.earns()
		d.approved()
		began := d.now
		for range 60 {
			run(t, m)
			n := d.letters()[0]
			if n.State != ledger.Waiting {
				break
			}
			if want := d.now.Add(webhook.Pause(n.Tries - 1)); !n.Due.Equal(want) {
				t.Fatalf("%s: try %d is followed at %v, want %v", c.name, n.Tries, n.Due, want)
			}
			d.now = n.Due
		}
		n := d.letters()[0]
		if n.State != c.state || len(box.came) != c.came || c.tries > 0 && n.Tries != c.tries || strings.Contains(fmt.Sprint(n.Why, n.Answers), "@") {
			t.Errorf("%s: %d came, %+v", c.name, len(box.came), n)
		}
		if c.name == "down for good" && (d.now.Sub(began) < webhook.Life || len(n.Answers) > 8) {
			t.Errorf("given up after %v with %d answers", d.now.Sub(began), len(n.Answers))
		}
	}
}

// full is a ledger that can be read, and is not written while it is on.
type full struct {
	ledger.Book
	on atomic.Bool
}

func (f *full) Change(ctx context.Context, fn func(ledger.Tx) error) error {
	if f.on.Load() {
		return errors.New("the disk is full")
	}
	return f.Book.Change(ctx, fn)
}

// TestLettersUnkept: while the ledger can be read and not written no letter is
// sent; one that was on its way then comes again after the pause, once, under the
// same ID.
func TestLettersUnkept(t *testing.T) {
	d, box, _ := mailed(t, nil)
	d.earns()
	d.approved()
	book := &full{Book: d.book}
	made, err := affiliate.Open(t.Context(), book, affiliate.Options{Secret: []byte("0123456789abcdef"), Now: func() time.Time { return d.now }, Mail: true,
		Money: func(string) string { return "EUR" }, Hosts: func(site string) []string { return []string{site + ".example"} }})
	if err != nil {
		t.Fatal(err)
	}
	m := affiliate.NewMailing(made, affiliate.MailingOptions{Log: slog.New(slog.DiscardHandler), Origin: "https://s.example", Send: func(ctx context.Context, kind mail.Kind, l mail.Message) (string, error) {
		book.on.Store(len(box.came) == 0) // it fills up while the first is sent
		return box.send(ctx, kind, l)
	}})
	run(t, m)
	for range 5 {
		d.now = d.now.Add(time.Hour)
		run(t, m)
	}
	if n := d.letters()[0]; len(box.came) != 1 || n.State != ledger.Waiting || n.Tries != 1 {
		t.Errorf("%d came while nothing is kept: %+v", len(box.came), n)
	}
	book.on.Store(false)
	run(t, m)
	run(t, m)
	if n := d.letters()[0]; len(box.came) != 2 || box.came[0].ID != box.came[1].ID || n.State != ledger.Delivered || n.Tries != 2 {
		t.Errorf("%d came: %+v", len(box.came), n)
	}
}

// TestAcceptedAndBanned: who was banned while the letter waited gets neither letter
// nor log-in.
func TestAcceptedAndBanned(t *testing.T) {
	d, box, _ := mailed(t, nil)
	a, err := d.Join(t.Context(), ledger.Affiliate{Program: d.program.ID, Email: "eve@example.com", Name: "Eve", Status: ledger.Applied})
	for _, status := range []ledger.Status{ledger.Active, ledger.Banned} {
		if err == nil {
			_, err = d.Alter(t.Context(), a.ID, func(a *ledger.Affiliate) { a.Status = status })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, affiliate.NewMailing(d.Desk, affiliate.MailingOptions{Log: slog.New(slog.DiscardHandler), Origin: "https://s.example", Send: box.send,
		Login: func(context.Context, affiliate.Affiliate) (string, error) {
			t.Error("a log-in was made")
			return "", nil
		}}))
	all, err := d.Notices(t.Context(), ledger.NoticeFilter{To: ledger.To(ledger.ToAffiliate, a.ID)})
	if err != nil || len(all) != 1 || all[0].State != ledger.Dead || all[0].Why != "the affiliate is not accepted any more, but banned" || len(box.came) != 0 {
		t.Errorf("%v %+v, came %v", err, all, box.kinds)
	}
}

func slicesOf(err error, n int) (all []error) {
	for range n {
		all = append(all, err)
	}
	return all
}

// TestLettersOfOthers: a recipient who is put off keeps nobody else waiting; a
// mail server that does not work is not asked for each letter.
func TestLettersOfOthers(t *testing.T) {
	for tries, fail := range map[int]*mail.Failure{2: {Step: mail.To, Code: 451}, 1: {Step: mail.LoggingIn, Code: 535}} {
		d, box, m := mailed(t, nil)
		for i := range 2 {
			a, err := d.Join(t.Context(), ledger.Affiliate{Program: d.program.ID, Email: fmt.Sprintf("eve%d@example.com", i), Name: "Eve", Status: ledger.Applied})
			if err == nil {
				_, err = d.Alter(t.Context(), a.ID, func(a *ledger.Affiliate) { a.Status = ledger.Active })
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		box.fails = []error{fail}
		run(t, m)
		if len(box.came) != tries-1 {
			t.Errorf("%v: %d came in the same round", fail, len(box.came))
		}
	}
}

// TestLetterTwice: one that was cut off before it was noted comes again under the
// same ID.
func TestLetterTwice(t *testing.T) {
	d, box, m := mailed(t, nil)
	d.earns()
	d.approved()
	before := d.letters()[0]
	run(t, m)
	err := d.book.Change(t.Context(), func(tx ledger.Tx) error { return tx.Money().Tables().Outbox().Put(before) }) // as if the note had not been made
	if err != nil {
		t.Fatal(err)
	}
	run(t, m)
	if len(box.came) != 2 || box.came[0].ID != box.came[1].ID || box.came[0].ID == "" {
		t.Errorf("came %+v", box.came)
	}
}
