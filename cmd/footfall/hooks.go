package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/affiliate"
	"footfall/ledger"
	hooks "footfall/ledger/webhook"
)

var hookCommands = []command{
	{"hook add", "URL --site S [--kinds A,B] [--note TEXT]", "tell an address what happens in an affiliate programme", addHook},
	{"hook list", "[--site S]", "list the addresses that are told, and how they do", listHooks},
	{"hook set", "ID [--url URL] [--kinds A,B|all] [--note TEXT] [--state active|paused] [--rotate [--overlap HOURS]]", "change such an address, pause or resume it, give it a new secret", setHook},
	{"hook remove", "ID", "tell an address nothing any more", removeHook},
	{"hook test", "ID", "send a test message, and say what was answered", testHook},
	{"hook log", "ID [--state waiting|sent|dead] [--limit N]", "list what an address was told, newest first, and what it answered", logHook},
	{"hook replay", "ID (NOTICE… | --all)", "send again what was given up; a notice that was sent, too, if it is named", replayHook},
}

var hookFlags = map[string][][3]string{
	"hook add":  {{"site", "", "a site of the programme"}, {"kinds", "", "what it is told, with commas between: " + strings.Join(affiliate.NoticeKinds, ", ") + "; all"}, {"note", "", "your word for it"}},
	"hook list": {{"site", "", "a site of the programme; none is every programme"}},
	"hook set": {{"url", "", "new address"}, {"kinds", "", "what it is told from now on; all"}, {"note", "", "your word for it"}, {"state", "", "active or paused; what happens while it is paused is kept to be replayed"},
		{"rotate", "false", "true: make a new secret"}, {"overlap", "24", "hours for which the old secret signs beside the new one"}},
	"hook log":    {{"state", "", "only those: waiting, sent or dead"}, {"limit", "50", "at most so many; 0 is all"}},
	"hook replay": {{"all", "false", "true: all that were given up"}},
}

// hookRoutes are the control door's routes of programmes' webhooks.
func (k *control) hookRoutes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /hook/add": k.addHook, "GET /hook/list": k.listHooks, "POST /hook/set": k.setHook, "POST /hook/remove": k.removeHook,
		"POST /hook/test": k.testHook, "POST /hook/log": k.logHook, "POST /hook/replay": k.replayHook,
	}
}

// tellHooks tells programmes' webhooks what happens, until ctx ends.
func (h *house) tellHooks(ctx context.Context) {
	hooks.New(h.ledger, hooks.Options{Log: h.log, Count: h.meters.count}).Run(ctx)
}

// ripen looks each minute for commissions that have become available.
func (h *house) ripen(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := h.desk.Ripen(ctx); err != nil && ctx.Err() == nil {
			h.log.Error("affiliates: what became available is not told; it is tried again in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keptHook is a hook, with its secret when it was just made.
type keptHook struct {
	ledger.Hook
	Secret string `json:"secret,omitempty"`
}

func (k *control) addHook(w http.ResponseWriter, r *http.Request) error {
	p, err := k.programOf(r)
	if err != nil {
		return err
	}
	h, secret, err := k.h.desk.AddHook(r.Context(), ledger.Hook{Program: p.ID, URL: r.FormValue("url"), Inside: true, Note: r.FormValue("note"), Kinds: kinds(r)})
	if err != nil {
		return err
	}
	return answer(w, keptHook{h, secret})
}

// kinds are those that a request names; none is all.
func kinds(r *http.Request) []string {
	if r.FormValue("kinds") == "all" {
		return nil
	}
	return commas(r.FormValue("kinds"))
}

func (k *control) listHooks(w http.ResponseWriter, r *http.Request) error {
	programs, err := k.h.desk.Programs(r.Context())
	if err != nil {
		return err
	}
	if r.FormValue("site") != "" {
		p, err := k.programOf(r)
		if err != nil {
			return err
		}
		programs = []ledger.Program{p}
	}
	out := []ledger.Hook{}
	for _, p := range programs {
		all, err := k.h.desk.Hooks(r.Context(), p.ID)
		if err != nil {
			return err
		}
		out = append(out, all...)
	}
	return answer(w, out)
}

func (k *control) setHook(w http.ResponseWriter, r *http.Request) error {
	overlap, err := strconv.Atoi(cmp.Or(r.FormValue("overlap"), "24"))
	if err != nil {
		return fmt.Errorf("overlap: %q is no whole number of hours", r.FormValue("overlap"))
	}
	h, err := k.h.desk.AlterHook(r.Context(), r.FormValue("hook"), func(h *ledger.Hook) {
		for name, field := range map[string]*string{"url": &h.URL, "note": &h.Note, "state": (*string)(&h.State)} {
			if r.Form.Has(name) {
				*field = r.FormValue(name)
			}
		}
		if r.Form.Has("kinds") {
			h.Kinds = kinds(r)
		}
		h.Inside = h.Inside || r.Form.Has("url")
	})
	out := keptHook{Hook: h}
	if err == nil && r.FormValue("rotate") == "true" {
		out.Hook, out.Secret, err = k.h.desk.RotateHook(r.Context(), h.ID, time.Duration(overlap)*time.Hour)
	}
	if err != nil {
		return err
	}
	return answer(w, out)
}

func (k *control) removeHook(w http.ResponseWriter, r *http.Request) error {
	h, err := k.h.desk.RemoveHook(r.Context(), r.FormValue("hook"))
	if err != nil {
		return err
	}
	return answer(w, h)
}

// testWait is how long an answer to a test is waited for: longer than a try takes.
const testWait = 13 * time.Second

func (k *control) testHook(w http.ResponseWriter, r *http.Request) error {
	n, err := k.h.desk.TestHook(r.Context(), r.FormValue("hook"))
	if err != nil {
		return err
	}
	for end := time.Now().Add(testWait); k.h.address != "" && n.State == ledger.Waiting && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		found, err := k.h.desk.Notices(r.Context(), ledger.NoticeFilter{ID: n.ID})
		if err != nil || len(found) == 0 {
			return errors.Join(err, r.Context().Err())
		}
		n = found[0]
	}
	return answer(w, n)
}

func (k *control) logHook(w http.ResponseWriter, r *http.Request) error {
	limit, err := strconv.Atoi(cmp.Or(r.FormValue("limit"), "50"))
	if err != nil || limit < 0 {
		return fmt.Errorf("limit: %q is no number such as 50", r.FormValue("limit"))
	}
	state := ledger.NoticeState(r.FormValue("state"))
	if state != "" && state != ledger.Waiting && state != ledger.Delivered && state != ledger.Dead {
		return fmt.Errorf("state: %q is none of waiting, sent and dead", state)
	}
	if _, err := k.h.desk.Hook(r.Context(), r.FormValue("hook")); err != nil {
		return err
	}
	all, err := k.h.desk.Notices(r.Context(), ledger.NoticeFilter{To: ledger.To(ledger.ToHook, r.FormValue("hook")), State: state, Limit: limit})
	if err != nil {
		return err
	}
	return answer(w, all)
}

func (k *control) replayHook(w http.ResponseWriter, r *http.Request) error {
	n, err := k.h.desk.Replay(r.Context(), r.FormValue("hook"), r.Form["notice"]...)
	if err != nil {
		return err
	}
	return answer(w, map[string]int{"replayed": n})
}

func addHook(ctx context.Context, c *call) error {
	var h keptHook
	return c.named(ctx, "address", "url", "/hook/add", c.form("hook add"), &h, func(w io.Writer) {
		fmt.Fprintf(w, "%s is told %s, as %s.\n", h.URL, spellKinds(h.Kinds), h.ID)
		printSecret(w, h)
		fmt.Fprintf(w, "Try it: footfall hook test %s\n", h.ID)
	})
}

// printSecret says a secret that was just made.
func printSecret(w io.Writer, h keptHook) {
	if h.Secret == "" {
		return
	}
	fmt.Fprintf(w, "\nIts secret is %s\nIt is shown this once. ", h.Secret)
	if !h.Until.IsZero() {
		fmt.Fprintf(w, "The one before signs beside it until %s.\n\n", h.Until.Format(time.RFC3339))
		return
	}
	fmt.Fprintf(w, "Another is made with: footfall hook set %s --rotate\n\n", h.ID)
}

func spellKinds(kinds []string) string {
	return cmp.Or(strings.Join(kinds, ", "), "everything")
}

func listHooks(ctx context.Context, c *call) error {
	var all []ledger.Hook
	return c.once(ctx, "GET", "/hook/list", c.form("hook list"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "HOOK\tSTATE\tADDRESS\tTOLD\tNOTE\tHOW IT DOES")
		for _, h := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.State, h.URL, spellKinds(h.Kinds), orDash(h.Note), spellHook(h))
		}
		t.Flush()
	})
}

// spellHook says how a hook does.
func spellHook(h ledger.Hook) string {
	switch {
	case h.State == ledger.HookPaused:
		return "paused since " + h.Changed.Format(time.RFC3339) + ": " + h.Why
	case !h.Failing.IsZero():
		return "fails since " + h.Failing.Format(time.RFC3339)
	}
	return "well"
}

func setHook(ctx context.Context, c *call) error {
	form := c.given("hook set")
	if len(c.args) == 1 && len(form) == 0 {
		return misused("say what to change: --url, --kinds, --note, --state or --rotate")
	}
	var h keptHook
	return c.named(ctx, "webhook", "hook", "/hook/set", form, &h, func(w io.Writer) {
		fmt.Fprintf(w, "%s is %s, and told %s.\n", h.URL, h.State, spellKinds(h.Kinds))
		if form.Get("state") == string(ledger.HookActive) {
			fmt.Fprintf(w, "What it missed: footfall hook replay %s --all\n", h.ID)
		}
		printSecret(w, h)
	})
}

func removeHook(ctx context.Context, c *call) error {
	var h ledger.Hook
	return c.named(ctx, "webhook", "hook", "/hook/remove", url.Values{}, &h, func(w io.Writer) {
		fmt.Fprintf(w, "%s is told nothing any more.\n", h.URL)
	})
}

// hooks tells the doctor whether programmes' webhooks take their messages. One
// that was paused by hand is none of its business, nor one that fails for minutes.
func (k *client) hooks(ctx context.Context) finding {
	var all []ledger.Hook
	if err := k.ask(ctx, "GET", "/hook/list", nil, &all); err != nil {
		return finding{"affiliate webhooks", false, err.Error()}
	}
	var sick []string
	for _, h := range all {
		if h.State == ledger.HookPaused && h.Why != affiliate.PausedByHand || !h.Failing.IsZero() && time.Since(h.Failing) > 30*time.Minute {
			sick = append(sick, h.ID+" "+spellHook(h))
		}
	}
	if len(sick) > 0 {
		return finding{"affiliate webhooks", false, strings.Join(sick, "; ") + "; see: footfall hook log"}
	}
	return finding{"affiliate webhooks", true, fmt.Sprintf("%d, which take their messages", len(all))}
}

func testHook(ctx context.Context, c *call) error {
	var n ledger.Notice
	if err := c.named(ctx, "webhook", "hook", "/hook/test", url.Values{}, &n, func(w io.Writer) {
		switch n.State {
		case ledger.Delivered:
			fmt.Fprintf(w, "It was taken, with the answer %d, in %d ms.\n", n.Answers[0].Status, n.Answers[0].Took.Milliseconds())
		case ledger.Waiting:
			fmt.Fprintf(w, "It waits to be sent by the server. See what came of it: footfall hook log %s\n", strings.TrimPrefix(n.To, ledger.ToHook+":"))
		}
	}); err != nil {
		return err
	}
	if n.State == ledger.Dead {
		return fmt.Errorf("the test was not taken: %s", n.Why)
	}
	return nil
}

func logHook(ctx context.Context, c *call) error {
	var all []ledger.Notice
	return c.named(ctx, "webhook", "hook", "/hook/log", c.form("hook log"), &all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "NOTICE\tHAPPENED\tKIND\tEVENT\tSTATE\tTRIES\tNEXT TRY\tLAST ANSWER")
		for _, n := range all {
			next, last := "-", cmp.Or(n.Why, "-")
			if n.State == ledger.Waiting {
				next = n.Due.Format(time.RFC3339)
			}
			if len(n.Answers) > 0 && n.Why == "" {
				last = strconv.Itoa(n.Answers[len(n.Answers)-1].Status)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", n.ID, n.Created.Format(time.RFC3339), n.Kind, n.Event, n.State, n.Tries, next, last)
		}
		t.Flush()
	})
}

func replayHook(ctx context.Context, c *call) error {
	form := url.Values{}
	if all := c.form("hook replay").Get("all") == "true"; len(c.args) == 0 || all == (len(c.args) > 1) {
		return misused("name the webhook and which notices, or --all")
	}
	form.Set("hook", c.args[0])
	form["notice"] = c.args[1:]
	var out map[string]int
	return c.once(ctx, "POST", "/hook/replay", form, &out, func(w io.Writer) {
		fmt.Fprintf(w, "Notices that are sent again: %d\n", out["replayed"])
	})
}
