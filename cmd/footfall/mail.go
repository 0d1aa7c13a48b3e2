package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/ledger"
	"footfall/mail"
	"footfall/mail/smtp"
)

var mailCommands = []command{
	{"mail test", "ADDRESS", "send a message there and print what the mail server said", testMail},
	{"mail list", "", "list the letters to affiliates that wait in the ledger, or were given up, and why", listMail},
}

// mailWait is how long somebody waits for the mail server.
const mailWait = 15 * time.Second

// mailRoots stand in for the system's certificates in tests.
var mailRoots *x509.CertPool

// mail makes what sends; nil if no mail is sent. What can't work is an error
// that names the setting.
func (c *config) mail() (*smtp.Sender, error) {
	address := c.values["mail"]
	if address == "" {
		return nil, nil
	}
	public, err := url.Parse(c.publicOrigin())
	if err != nil || public.Host == "" {
		return nil, fmt.Errorf("public-url (from %s): is needed for mail, whose links must work everywhere: give it as https://stats.example.com", c.from["public-url"])
	}
	from, err := mail.ParseAddress(c.values["mail-from"])
	if err != nil {
		return nil, fmt.Errorf("mail-from (from %s): %w", c.from["mail-from"], err)
	}
	o := smtp.Options{Hello: public.Hostname(), Roots: mailRoots}
	if path := c.values["mail-password-file"]; path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("mail-password-file (from %s): %w", c.from["mail-password-file"], err)
		}
		if o.Password = strings.TrimRight(string(b), "\r\n"); o.Password == "" {
			return nil, fmt.Errorf("mail-password-file (from %s): %s is empty", c.from["mail-password-file"], path)
		}
	}
	s, err := smtp.New(address, from, o)
	if err != nil {
		return nil, fmt.Errorf("mail (from %s): %w", c.from["mail"], err)
	}
	return s, nil
}

// serverName is how letters name the server.
func (c *config) serverName() string {
	_, host, _ := strings.Cut(c.publicOrigin(), "://")
	return host
}

// openMail makes what sends; where no mail is sent, nothing.
func (h *house) openMail() error {
	sender, err := h.c.mail()
	if sender != nil {
		h.letters = account.NewQuota(nil)
		h.post = mail.NewPost(sender, mail.Options{Log: h.log, Count: h.meters.count})
	}
	return err
}

// runMail sends what is put into the post, what waits for affiliates in the ledger,
// and reports of periods that are over, until ctx ends.
func (h *house) runMail(ctx context.Context) {
	if h.post == nil {
		return
	}
	var done sync.WaitGroup
	done.Go(func() { h.post.Run(ctx) })
	done.Go(func() {
		affiliate.NewMailing(h.desk, affiliate.MailingOptions{Log: h.log, Origin: h.public(), Server: h.c.serverName(), Send: h.post.Send, Login: h.loginOf}).Run(ctx)
	})
	done.Go(func() { h.mailing().Run(ctx) })
	done.Wait()
}

// loginOf gives an affiliate who is accepted a log-in: the path of a link to set
// a password with, or "" for who has an account.
func (h *house) loginOf(ctx context.Context, a affiliate.Affiliate) (path string, err error) {
	path, err = h.inviteAffiliate(ctx, a, false)
	if errors.Is(err, errHasAccount) {
		return "", nil
	}
	return path, err
}

// public is where people reach the server; "" is not known.
func (h *house) public() string {
	return cmp.Or(h.address, strings.TrimSuffix(h.c.values["public-url"], "/"))
}

// letter writes a letter about what lies at a path of the server.
func (h *house) letter(kind mail.Kind, to mail.Address, path string, about mail.About) mail.Message {
	about.Server, about.Link = h.c.serverName(), h.public()+path
	return mail.Write(kind, account.NewToken("", 15), to, about)
}

// mailed is what became of a letter that somebody waited for.
type mailed struct {
	To      string `json:"mailed_to,omitempty"`
	Problem string `json:"mail_problem,omitempty"`
	Many    bool   `json:"mail_many,omitempty"` // the problem is that the address had many letters
}

// tell prints it.
func (m mailed) tell(w io.Writer) {
	switch {
	case m.To != "":
		fmt.Fprintf(w, "Sent to %s.\n", m.To)
	case m.Many:
		fmt.Fprintf(w, "It was not sent: %s.\n", m.Problem)
	case m.Problem != "":
		fmt.Fprintf(w, "It could not be sent: %s. What is wrong says: footfall mail test ADDRESS\n", m.Problem)
	}
}

// mayWrite counts a letter with a link to an address, and is an
// *account.SlowError if it had as many as it may have: nobody fills another's
// mailbox. Addresses that differ in what stands behind a + are one.
func (h *house) mayWrite(address string) error {
	if folded, ok := affiliate.FoldEmail(address); ok {
		address = folded
	}
	return h.letters.Take("to " + address)
}

// send sends a letter now, with who asked waiting; where no mail is sent it does
// nothing.
func (h *house) send(ctx context.Context, kind mail.Kind, to mail.Address, path string, about mail.About) mailed {
	if h.post == nil {
		return mailed{}
	}
	if err := h.mayWrite(to.Email); err != nil {
		h.log.Warn("a message is not sent, as its address had many", "kind", kind)
		problem := err.Error()
		if slow, ok := errors.AsType[*account.SlowError](err); ok {
			problem = fmt.Sprintf("this address had many letters already, and may have the next one in %d minutes", (slow.Seconds()+59)/60)
		}
		return mailed{Problem: problem, Many: true}
	}
	ctx, cancel := context.WithTimeout(ctx, mailWait)
	defer cancel()
	if _, err := h.post.Send(ctx, kind, h.letter(kind, to, path, about)); err != nil {
		h.log.Warn("a message could not be sent", "kind", kind, "error", err)
		return mailed{Problem: err.Error()}
	}
	return mailed{To: to.Email}
}

// sendInvited sends a link to set a password: to who is invited by a grant, or,
// with none, to who forgot the password.
func (h *house) sendInvited(ctx context.Context, made account.Invited, g account.Grant) mailed {
	if made.Token == "" {
		return mailed{}
	}
	kind, about := mail.Reset, mail.About{Life: "a day"}
	if g.Role != "" {
		kind, about = mail.Invitation, mail.About{Role: string(g.Role), Life: "a week"}
		if site, err := h.sites.find(g.Site); err == nil && g.Site != "" {
			about.Site = site.Domain
		}
	}
	return h.send(ctx, kind, mail.Address{Name: made.Name, Email: made.Email}, "/password?link="+made.Token, about)
}

// mailLink sends a link to whoever the log-in page finds of an address, behind
// its answer. The letter counts for the address before anybody looks whether
// somebody has it, so that its error, of mayWrite, tells nobody that.
func (h *house) mailLink(email string, purpose account.Purpose, find func(context.Context) (account.Person, string, error)) error {
	if err := h.mayWrite(email); err != nil {
		return err
	}
	kind := mail.LoginLink
	if purpose == account.ForProof {
		kind = mail.Reset
	}
	h.post.Put(kind, func(ctx context.Context) ([]mail.Message, error) {
		p, path, err := find(ctx)
		if errors.Is(err, account.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []mail.Message{h.letter(kind, mail.Address{Name: p.Name, Email: p.Email}, path, mail.About{Life: "an hour"})}, nil
	})
	return nil
}

// mailApplied tells those who run a programme that somebody applied for it. The
// letters are few, however many apply from wherever: the page lists them all.
func (h *house) mailApplied(p affiliate.Program, a affiliate.Affiliate) {
	if h.letters.Take("applied "+p.ID) != nil {
		h.log.Warn("an application is not told by mail, as its programme had many: its page lists them all", "program", p.ID)
		return
	}
	h.post.Put(mail.Application, func(ctx context.Context) (all []mail.Message, err error) {
		people, err := h.control.People(ctx)
		if err != nil {
			return nil, err
		}
		for _, person := range people {
			grants, err := h.control.Grants(ctx, person.ID)
			if err != nil {
				return nil, err
			}
			if !person.Disabled && mayEverywhere(person.Who(grants), account.ManageProgramme, p.Sites) {
				all = append(all, h.letter(mail.Application, mail.Address{Name: person.Name, Email: person.Email},
					"/program/"+url.PathEscape(p.ID)+"/applications", mail.About{Who: a.Name, Program: p.Name}))
			}
		}
		return all, nil
	})
}

// testMail sends a message, and prints what the server said.
func testMail(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one address to send to")
	}
	to, err := mail.ParseAddress(c.args[0])
	if err != nil {
		return err
	}
	sender, err := c.mail()
	if err == nil && sender == nil {
		err = errors.New("no mail is sent: give --mail, such as smtp://USER@mail.example.com:587, --mail-from and --public-url, as the server has them")
	}
	if err != nil {
		return err
	}
	h := &house{c: c.config}
	said, err := sender.Send(ctx, h.letter(mail.Trial, to, "/", mail.About{}))
	if err != nil {
		return spoken(err)
	}
	return c.print(map[string]string{"to": to.Email, "said": said}, func(w io.Writer) {
		fmt.Fprintf(w, "Sent to %s. The mail server said: %s\n", to.Email, said)
	})
}

// spoken is an error with what the server said, for who stands before it.
func spoken(err error) error {
	if f, ok := errors.AsType[*mail.Failure](err); ok && f.Said != "" {
		return fmt.Errorf("%w: %s", err, f.Said)
	}
	return err
}

// listMail answers with the letters to affiliates that wait or were given up,
// newest first.
func (k *control) listMail(w http.ResponseWriter, r *http.Request) error {
	all := []ledger.Notice{}
	for _, state := range []ledger.NoticeState{ledger.Waiting, ledger.Dead} {
		some, err := k.h.desk.Notices(r.Context(), ledger.NoticeFilter{State: state})
		if err != nil {
			return err
		}
		all = append(all, slices.DeleteFunc(some, func(n ledger.Notice) bool {
			sort, _ := ledger.Recipient(n.To)
			return sort != ledger.ToAffiliate
		})...)
	}
	slices.SortFunc(all, func(a, b ledger.Notice) int { return cmp.Compare(b.ID, a.ID) })
	return answer(w, all)
}

func listMail(ctx context.Context, c *call) error {
	var all []ledger.Notice
	return c.once(ctx, "GET", "/mail/list", nil, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "MADE\tTO\tABOUT\tSTATE\tTRIES\tNEXT\tWHY")
		for _, n := range all {
			next := ""
			if n.State == ledger.Waiting {
				next = n.Due.Format(time.RFC3339)
			}
			fmt.Fprintln(t, strings.Join([]string{n.Created.Format(time.RFC3339), n.To, n.Kind, string(n.State), strconv.Itoa(n.Tries), orDash(next), orDash(n.Why)}, "\t"))
		}
		t.Flush()
	})
}

// checkMail reports whether the mail server lets Footfall in; nothing if no mail
// is sent.
func (c *call) checkMail(ctx context.Context) []finding {
	sender, err := c.mail()
	if sender == nil || err != nil {
		return nil // config refuses what is wrong
	}
	ctx, cancel := context.WithTimeout(ctx, mailWait)
	defer cancel()
	if _, err := sender.Check(ctx); err != nil {
		return []finding{{"mail", false, spoken(err).Error() + "; look at mail and mail-password-file, and try: footfall mail test ADDRESS"}}
	}
	return []finding{{"mail", true, "the mail server answers; whether it delivers says: footfall mail test ADDRESS"}}
}
