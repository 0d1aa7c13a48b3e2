package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/alert"
	"footfall/metric"
)

var alertCommands = []command{
	{"alert add", "(spike | drop | silence | set-aside | lag) (--to EMAIL | --webhook URL) [--site S] [--metric M] [--times N] [--least N] [--minutes N] [--always]", "tell somebody when something is unusual, and when it is over", addAlert},
	{"alert list", "", "list alerts, how they stand, and what came of telling it", listAlerts},
	{"alert remove", "ID", "remove an alert", removeAlert},
	{"alert test", "ID", "tell somebody now that something began, though nothing did", testAlert},
}

var alertFlags = map[string][][3]string{
	"alert add": {{"site", "", "site of a spike, drop or silence"}, {"to", "", "e-mail address that is told"}, {"webhook", "", "URL that is told; its secret is shown once"},
		{"metric", "", "of a spike or drop: PageViews, which is usual, or Visitors"}, {"times", "", "of a spike or drop: how many times the usual, or the usual how many times it; 3"},
		{"least", "", "what a spike has at least, what usually is where something drops, what is set aside within an hour; 100"},
		{"minutes", "", "without an event (60), or that events wait (10)"}, {"always", "false", "true: a silence is told also when there usually is one"}},
}

// alertRoutes are the control door's routes of alerts.
func (k *control) alertRoutes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /alert/add": k.addAlert, "GET /alert/list": k.listAlerts, "POST /alert/remove": k.removeAlert, "POST /alert/test": k.testAlert,
	}
}

// shownAlert is an alert as lists tell it.
type shownAlert struct {
	account.Alert
	Words  string      `json:"words"`
	Stands alert.State `json:"stands"`
	Secret string      `json:"secret,omitempty"` // when it was just made
	Mail   bool        `json:"mailed"`           // mail is sent at all
}

func (k *control) showAlert(a account.Alert) (shownAlert, error) {
	rule, err1 := alert.ParseRule(a.Rule)
	state, err2 := alert.ParseState(a.State)
	return shownAlert{Alert: a, Words: rule.String(), Stands: state, Mail: k.h.post != nil}, errors.Join(err1, err2)
}

// addAlert reads a rule and keeps the alert.
func (k *control) addAlert(w http.ResponseWriter, r *http.Request) error {
	rule := alert.Rule{Kind: alert.Kind(r.FormValue("name-of")), Always: r.FormValue("always") == "true"}
	if m := r.FormValue("metric"); m != "" {
		found, err := metric.Parse(m)
		if err != nil {
			return err
		}
		rule.Metric = found
	}
	for name, into := range map[string]*int64{"times": &rule.Times, "least": &rule.Least} {
		if text := r.FormValue(name); text != "" {
			n, ok := new(big.Rat).SetString(text)
			if name == "times" && ok {
				n.Mul(n, big.NewRat(100, 1)) // hundredths
			}
			if !ok || !n.IsInt() || !n.Num().IsInt64() || n.Sign() <= 0 {
				return fmt.Errorf("%s: %q is no such number", name, text)
			}
			*into = n.Num().Int64()
		}
	}
	var err error
	if text := r.FormValue("minutes"); text != "" {
		if rule.Minutes, err = strconv.Atoi(text); err != nil || rule.Minutes <= 0 {
			return fmt.Errorf("minutes: %q is no whole number of minutes", text)
		}
	}
	if rule, err = rule.Complete(); err != nil {
		return err
	}
	a := account.Alert{Rule: rule.Spell(), Email: r.FormValue("to"), Webhook: r.FormValue("webhook")}
	if rule.Kind.OfServer() != (r.FormValue("site") == "") {
		return fmt.Errorf("site: %s is of %s", rule.Kind, map[bool]string{true: "the server: leave it out", false: "a site: name it"}[rule.Kind.OfServer()])
	}
	if a.Site, err = k.anySite(r); err != nil {
		return err
	}
	if a, err = k.h.control.AddAlert(r.Context(), a); err == nil {
		err = k.note(r, "alert add", a.ID, "", rule.String())
	}
	if err != nil {
		return err
	}
	out, err := k.showAlert(a)
	if err != nil {
		return err
	}
	out.Secret = a.Secret
	return answer(w, out)
}

func (k *control) listAlerts(w http.ResponseWriter, r *http.Request) error {
	all, err := k.h.control.Alerts(r.Context())
	if err != nil {
		return err
	}
	out := []shownAlert{}
	for _, a := range all {
		shown, err := k.showAlert(a)
		if err != nil {
			return err
		}
		out = append(out, shown)
	}
	return answer(w, out)
}

// oneAlert finds the alert that a request names.
func (k *control) oneAlert(r *http.Request) (account.Alert, error) {
	all, err := k.h.control.Alerts(r.Context())
	at := slices.IndexFunc(all, func(a account.Alert) bool { return a.ID == r.FormValue("name-of") })
	if err == nil && at < 0 {
		err = fmt.Errorf("there is no alert %q; footfall alert list shows them", r.FormValue("name-of"))
	}
	if err != nil {
		return account.Alert{}, err
	}
	return all[at], nil
}

func (k *control) removeAlert(w http.ResponseWriter, r *http.Request) error {
	a, err := k.oneAlert(r)
	if err == nil {
		err = k.h.control.RemoveAlert(r.Context(), a.ID)
	}
	if err == nil {
		err = k.note(r, "alert remove", a.ID, "", "")
	}
	if err != nil {
		return err
	}
	return answer(w, map[string]string{"removed": a.ID})
}

// testAlert tells that something began, once; how the alert stands is not changed.
func (k *control) testAlert(w http.ResponseWriter, r *http.Request) error {
	a, err := k.oneAlert(r)
	if err != nil {
		return err
	}
	rule, err := alert.ParseRule(a.Rule)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	c := alert.Change{Began: now, At: now, Usual: -1}
	if err := k.h.watcher(now).send(r.Context(), a, rule, c, a.ID+".test."+account.NewToken("", 5)); err != nil {
		return spoken(err)
	}
	return answer(w, map[string]string{"told": a.Email + a.Webhook})
}

func addAlert(ctx context.Context, c *call) error {
	var out shownAlert
	return c.oneName(ctx, "alert add", "kind: spike, drop, silence, set-aside or lag", &out, func(w io.Writer) {
		fmt.Fprintf(w, "%s tells %s%s when %s.\n", out.ID, out.Email, out.Webhook, out.Words)
		if out.Secret != "" {
			fmt.Fprintf(w, "\nEach message is signed with this secret, which is shown this once:\n\n  %s\n", out.Secret)
		} else if !out.Mail {
			fmt.Fprintln(w, noMail)
		}
	})
}

func listAlerts(ctx context.Context, c *call) error {
	var all []shownAlert
	return c.once(ctx, "GET", "/alert/list", nil, &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "ALERT\tOF\tTELLS\tWHEN\tNOW\tSINCE\tWHY NOT TOLD")
		for _, a := range all {
			stands, since := "usual", ""
			if a.Stands.Firing {
				stands = "UNUSUAL"
			}
			if !a.Stands.Since.IsZero() {
				since = a.Stands.Since.Format(time.RFC3339)
			}
			of := a.Site
			if of == "" {
				of = "the server"
			}
			fmt.Fprintln(t, strings.Join([]string{a.ID, of, a.Email + a.Webhook, a.Words, stands, orDash(since), orDash(a.Stands.Why)}, "\t"))
		}
		t.Flush()
	})
}

func removeAlert(ctx context.Context, c *call) error {
	var out map[string]string
	return c.oneName(ctx, "alert remove", "alert that footfall alert list shows", &out, func(w io.Writer) { fmt.Fprintf(w, "Removed %s.\n", out["removed"]) })
}

func testAlert(ctx context.Context, c *call) error {
	var out map[string]string
	return c.oneName(ctx, "alert test", "alert that footfall alert list shows", &out, func(w io.Writer) { fmt.Fprintf(w, "Told %s.\n", out["told"]) })
}
