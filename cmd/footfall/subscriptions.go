package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/digest"
	"footfall/mail"
)

var reportCommands = []command{
	{"report add", "(EMAIL | --affiliate EMAIL) --site S [--every daily|weekly|monthly]", "send somebody the figures of a site, or an affiliate its own, after each period", addReport},
	{"report list", "[--site S]", "list who is sent reports, and what came of the last one", listReports},
	{"report remove", "ID", "send a report no more", removeReport},
	{"report send", "ID [--preview FILE]", "send the newest report now; or write it into a file that a browser shows", sendReport},
}

var reportFlags = map[string][][3]string{
	"report add": {{"site", "", "site; of an affiliate, one of the programme"}, {"every", "weekly", "daily, weekly or monthly"},
		{"affiliate", "", "e-mail or id of an affiliate, who gets own figures alone"}},
	"report list": {{"site", "", "site; none is all, with affiliates"}},
	"report send": {{"preview", "", "file for the page; nothing is sent"}},
}

// reportRoutes are the control door's routes of reports by mail.
func (k *control) reportRoutes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /report/add": k.addReport, "GET /report/list": k.listReports, "POST /report/remove": k.removeReport, "POST /report/send": k.sendReport,
	}
}

// mailing writes and sends reports.
func (h *house) mailing() *digest.Mailing {
	o := digest.Options{Log: h.log, Origin: h.public(), Server: h.c.serverName(), Stored: h.storedBefore}
	if h.post != nil {
		o.Send = h.post.Send
	}
	return digest.NewMailing(h.control, digest.Sources{Tables: h, Earned: earned{h}, Desk: h.desk}, o)
}

// storedBefore reports whether what was accepted before a moment is in the event
// store, and in the ledger if there is one.
func (h *house) storedBefore(ctx context.Context, before time.Time) (bool, error) {
	now := time.Now()
	s, err := h.status(ctx)
	for _, reader := range []string{"store", "ledger"} {
		oldest := now.Add(-time.Duration(s.LagSeconds[reader] * float64(time.Second)))
		if oldest.Before(before) {
			return false, err
		}
	}
	return err == nil, err
}

// noMail is said of reports and alerts where no mail is sent, and errNoMail of sending one now.
const noMail = "No mail is sent, so nothing comes of it: give the server --mail, --mail-from and --public-url."

var errNoMail = errors.New("no mail is sent: give the server --mail, --mail-from and --public-url")

// toldReport is a subscription as lists tell it.
type toldReport struct {
	account.Subscription
	To     string `json:"to"`     // address; "" is not known
	ToldTo string `json:"up_to"`  // date before which all is told; "" is nothing yet
	Mail   bool   `json:"mailed"` // mail is sent at all
}

// tell completes a subscription.
func (k *control) tell(ctx context.Context, s account.Subscription) (t toldReport, err error) {
	t = toldReport{Subscription: s, To: s.Email, Mail: k.h.post != nil}
	if s.Told > 0 {
		t.ToldTo = s.Told.String()
	}
	switch {
	case s.Person != "":
		p, err := k.h.control.Person(ctx, s.Person)
		t.To = p.Email
		return t, err
	case s.Affiliate != "":
		a, err := k.h.desk.Affiliate(ctx, s.Affiliate)
		t.To = a.Email
		return t, err
	}
	return t, nil
}

// addReport subscribes a person who may read the site, an affiliate, or an address
// that the operator names.
func (k *control) addReport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	s := account.Subscription{Rhythm: account.Rhythm(cmp.Or(r.FormValue("every"), string(account.Weekly)))}
	if r.FormValue("affiliate") != "" {
		a, err := k.named(r, "affiliate")
		if err != nil {
			return err
		}
		s.Affiliate = a.ID
	} else {
		site, err := k.h.sites.find(r.FormValue("site"))
		if err != nil {
			return err
		}
		if s.Site, s.Email = site.ID, r.FormValue("name-of"); s.Email == "" {
			return errors.New("whose? give an e-mail address")
		}
		p, err := k.h.control.Person(ctx, s.Email)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		grants, err2 := k.h.control.Grants(ctx, p.ID)
		if err2 != nil {
			return err2
		}
		if err == nil && p.Receives(grants, site.ID) { // who loses the role gets no more
			s.Email, s.Person = "", p.ID
		}
	}
	s, err := k.office().Subscribe(ctx, account.Operator(), s)
	if errors.Is(err, account.ErrExists) {
		return errors.New("this report is sent there already; footfall report list shows them")
	}
	if err != nil {
		return err
	}
	t, err := k.tell(ctx, s)
	if err != nil {
		return err
	}
	return answer(w, t)
}

func (k *control) listReports(w http.ResponseWriter, r *http.Request) error {
	site, err := k.anySite(r)
	if err != nil {
		return err
	}
	all, err := k.office().Subscriptions(r.Context(), account.Operator())
	if err != nil {
		return err
	}
	out := []toldReport{}
	for _, s := range all {
		if site != "" && s.Site != site {
			continue
		}
		t, err := k.tell(r.Context(), s)
		if err != nil {
			return err
		}
		out = append(out, t)
	}
	return answer(w, out)
}

func (k *control) removeReport(w http.ResponseWriter, r *http.Request) error {
	id := r.FormValue("name-of")
	err := k.office().Unsubscribe(r.Context(), account.Operator(), id)
	if errors.Is(err, account.ErrNotFound) {
		return noReport(id)
	}
	if err != nil {
		return err
	}
	return answer(w, map[string]string{"removed": id})
}

func noReport(id string) error {
	return fmt.Errorf("there is no report %q; footfall report list shows them", id)
}

// sentReport is what a command tells of a letter.
type sentReport struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Said    string `json:"said,omitempty"`
	Page    string `json:"page,omitempty"`
}

// sendReport writes the report of the newest period that is over, and sends it or
// answers with it. What is sent by itself stays as it was.
func (k *control) sendReport(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	all, err := k.h.control.Subscriptions(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(s account.Subscription) bool { return s.ID == r.FormValue("name-of") })
	if at < 0 {
		return noReport(r.FormValue("name-of"))
	}
	letter, why, err := k.h.mailing().Newest(ctx, all[at])
	if err == nil && why != "" {
		err = fmt.Errorf("nothing is sent: %s", why)
	}
	if err != nil {
		return err
	}
	out := sentReport{To: letter.To.Email, Subject: letter.Subject}
	if r.FormValue("preview") != "" {
		out.Page = letter.Page()
		return answer(w, out)
	}
	if k.h.post == nil {
		return fmt.Errorf("%w; what would be sent shows: footfall report send ID --preview FILE", errNoMail)
	}
	letter.ID += "." + account.NewToken("", 5) // another letter than the one that is sent by itself
	ctx, cancel := context.WithTimeout(ctx, mailWait)
	defer cancel()
	if out.Said, err = k.h.post.Send(ctx, mail.Figures, letter); err != nil {
		return spoken(err)
	}
	return answer(w, out)
}

// ownReports is how often an affiliate is sent its own figures. The portal says which
// affiliate somebody is.
type ownReports struct{ h *house }

// of lists an affiliate's.
func (o ownReports) of(ctx context.Context, affiliate string) ([]account.Subscription, error) {
	all, err := o.h.control.Subscriptions(ctx)
	return slices.DeleteFunc(all, func(s account.Subscription) bool { return s.Affiliate == "" || s.Affiliate != affiliate }), err
}

// Rhythm is the first one of those that there are.
func (o ownReports) Rhythm(ctx context.Context, affiliate string) (account.Rhythm, error) {
	all, err := o.of(ctx, affiliate)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0].Rhythm, nil
}

// SetRhythm puts one into the place of all there are; "" is none.
func (o ownReports) SetRhythm(ctx context.Context, affiliate string, rhythm account.Rhythm) error {
	all, err := o.of(ctx, affiliate)
	if err != nil {
		return err
	}
	kept := false
	for _, s := range all {
		if s.Rhythm == rhythm {
			kept = true // with how far it is told
			continue
		}
		if err := o.h.control.RemoveSubscription(ctx, s.ID); err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
	}
	if kept || rhythm == "" {
		return nil
	}
	_, err = o.h.control.AddSubscription(ctx, account.Subscription{Affiliate: affiliate, Rhythm: rhythm})
	return err
}

func addReport(ctx context.Context, c *call) error {
	form := c.form("report add")
	switch {
	case len(c.args) > 1, len(c.args) == 1 == (form.Get("affiliate") != ""):
		return misused("name the one e-mail address, or --affiliate")
	case len(c.args) == 1:
		form.Set("name-of", c.args[0])
	}
	var out toldReport
	return c.once(ctx, "POST", "/report/add", form, &out, func(w io.Writer) {
		fmt.Fprintf(w, "%s gets the report %s as %s. The first one is of the period that runs now; the one before shows: footfall report send %s --preview FILE\n", out.To, out.Of(), out.ID, out.ID)
		if !out.Mail {
			fmt.Fprintln(w, noMail)
		}
	})
}

func listReports(ctx context.Context, c *call) error {
	var all []toldReport
	return c.once(ctx, "GET", "/report/list", c.form("report list"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "REPORT\tTO\tOF\tEVERY\tTOLD BEFORE\tNEXT TRY\tWHY")
		for _, s := range all {
			of, next := s.Site, ""
			if s.Affiliate != "" {
				of = "affiliate " + s.Affiliate
			}
			if !s.Due.IsZero() {
				next = s.Due.Format(time.RFC3339)
			}
			fmt.Fprintln(t, strings.Join([]string{s.ID, orDash(s.To), of, string(s.Rhythm), orDash(s.ToldTo), orDash(next), orDash(s.Why)}, "\t"))
		}
		t.Flush()
		if len(all) > 0 && !all[0].Mail {
			fmt.Fprintln(w, noMail)
		}
	})
}

func removeReport(ctx context.Context, c *call) error {
	var out map[string]string
	return c.oneName(ctx, "report remove", "report that footfall report list shows", &out, func(w io.Writer) { fmt.Fprintf(w, "%s is sent no more.\n", out["removed"]) })
}

func sendReport(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one report that footfall report list shows")
	}
	form := c.form("report send")
	form.Set("name-of", c.args[0])
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	var out sentReport
	if err := errors.Join(k.ask(ctx, "POST", "/report/send", form, &out), k.close()); err != nil {
		return err
	}
	file := form.Get("preview")
	if file != "" {
		if err := os.WriteFile(file, []byte(out.Page), 0o600); err != nil {
			return err
		}
		out.Page = ""
	}
	return c.print(out, func(w io.Writer) {
		if file != "" {
			fmt.Fprintf(w, "%s to %s is in %s; nothing was sent.\n", out.Subject, out.To, file)
			return
		}
		fmt.Fprintf(w, "Sent to %s: %s. The mail server said: %s\n", out.To, out.Subject, out.Said)
	})
}
