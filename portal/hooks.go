package portal

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"footfall/affiliate"
)

// hooked is the pages of a programme's webhooks.
func (d *door) hooked() map[string]serve {
	const root = "/program/{program}/webhooks"
	return map[string]serve{
		"GET " + root:                     func(v *visit) error { return v.showHooks(200, nil) },
		"POST " + root:                    (*visit).addHook,
		"GET " + root + "/{hook}":         func(v *visit) error { return v.showHook(200, nil, "") },
		"POST " + root + "/{hook}":        (*visit).saveHook,
		"POST " + root + "/{hook}/state":  (*visit).pauseHook,
		"POST " + root + "/{hook}/test":   (*visit).testHook,
		"POST " + root + "/{hook}/secret": (*visit).rotateHook,
		"POST " + root + "/{hook}/replay": (*visit).replayHook,
		"POST " + root + "/{hook}/remove": (*visit).removeHook,
	}
}

// kind is what a hook can be told, as a box to tick.
type kind struct {
	Name    string
	Checked bool
}

// kinds are all, with those ticked that a form or else a hook names.
func kinds(f *form, of []string) (all []kind) {
	if f != nil {
		of = f.values["kinds"]
	}
	for _, name := range affiliate.NoticeKinds {
		all = append(all, kind{name, slices.Contains(of, name)})
	}
	return all
}

type hooksView struct {
	Hooks []affiliate.Hook
	Form  *form
	Kinds []kind
	Zone  *time.Location
}

func (v *visit) showHooks(status int, f *form) error {
	x := hooksView{Form: f, Kinds: kinds(f, nil), Zone: v.zone}
	var err error
	if x.Hooks, err = v.desk.Hooks(v.ctx(), v.program.ID); err != nil {
		return err
	}
	return v.show(status, "webhooks.html", "Webhooks", x)
}

// fields of a hook, as Desk names what is wrong with them.
var hookFields = []string{"url", "note", "kinds"}

// addHook makes a hook. Its secret is shown once, and so there is no redirect.
func (v *visit) addHook() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	if checkText(f, "note", 200, false); f.ok() {
		h, secret, err := v.desk.AddHook(v.ctx(), affiliate.Hook{Program: v.program.ID, URL: f.get("url"), Note: f.get("note"), Kinds: f.values["kinds"]})
		if err := f.take(err, hookFields...); err != nil {
			return err
		}
		if f.ok() {
			v.r.SetPathValue("hook", h.ID)
			return v.showHook(200, nil, secret)
		}
	}
	return v.showHooks(422, f)
}

// hook is the one that the path names; another programme's is not found.
func (v *visit) hook() (affiliate.Hook, error) {
	h, err := v.desk.Hook(v.ctx(), v.r.PathValue("hook"))
	if err = absent(err); err == nil && h.Program != v.program.ID {
		err = affiliate.ErrNotFound
	}
	return h, err
}

// message is a notice of the log.
type message struct {
	affiliate.Notice
	Last string // what was answered last
}

type hookView struct {
	affiliate.Hook
	Form     *form
	Boxes    []kind
	Secret   string // shown once
	Rotating bool   // the secret before signs, too
	Self     string
	Messages []message
	States   []tab
	Dead     bool   // there are some that were given up
	Older    string // address of older messages
	Zone     *time.Location
}

func (v *visit) showHook(status int, f *form, secret string) error {
	h, err := v.hook()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	x := hookView{Hook: h, Form: f, Boxes: kinds(f, h.Kinds), Secret: secret, Rotating: v.Now().Before(h.Until), Self: v.path("/webhooks/" + h.ID), Zone: v.zone}
	filter := affiliate.NoticeFilter{To: affiliate.ToHook(h.ID), State: affiliate.NoticeState(q.Get("state")), Before: q.Get("before"), Limit: pageSize + 1}
	for _, s := range []string{"", "waiting", "sent", "dead"} {
		x.States = append(x.States, tab{link: link{x.Self + "?state=" + s + "#log", cmp.Or(capital(words(s)), "All")}, Current: s == q.Get("state")})
	}
	all, err := v.desk.Notices(v.ctx(), filter)
	if err != nil {
		return err
	}
	if len(all) > pageSize {
		all = all[:pageSize]
		x.Older = x.Self + "?" + url.Values{"state": {q.Get("state")}, "before": {all[pageSize-1].ID}}.Encode() + "#log"
	}
	for _, n := range all {
		x.Messages = append(x.Messages, message{n, answered(n)})
	}
	dead, err := v.desk.Notices(v.ctx(), affiliate.NoticeFilter{To: affiliate.ToHook(h.ID), State: "dead", Limit: 1})
	if err != nil {
		return err
	}
	x.Dead = len(dead) > 0 && h.State == "active"
	return v.show(status, "webhook.html", "Webhook", x)
}

// answered says what came of a notice's last try.
func answered(n affiliate.Notice) string {
	switch {
	case n.Why != "":
		return n.Why
	case len(n.Answers) == 0:
		return "not tried yet"
	}
	return affiliate.SpellAnswer(n.Answers[len(n.Answers)-1])
}

// changeHook does something to the path's hook, and goes on to its page.
func (v *visit) changeHook(notice string, change func(h affiliate.Hook, f *form) error) error {
	h, err := v.hook()
	if err != nil {
		return err
	}
	f, err := v.sent()
	if err != nil {
		return err
	}
	if err := f.take(change(h, f), hookFields...); err != nil {
		return err
	}
	if !f.ok() {
		return v.showHook(422, f, "")
	}
	return v.done(v.path("/webhooks/"+h.ID), notice)
}

func (v *visit) saveHook() error {
	return v.changeHook("saved", func(h affiliate.Hook, f *form) error {
		if checkText(f, "note", 200, false); !f.ok() {
			return nil
		}
		_, err := v.desk.AlterHook(v.ctx(), h.ID, func(h *affiliate.Hook) {
			h.Inside = h.Inside && h.URL == f.get("url")
			h.URL, h.Note, h.Kinds = f.get("url"), f.get("note"), f.values["kinds"]
		})
		return err
	})
}

func (v *visit) pauseHook() error {
	return v.changeHook("saved", func(h affiliate.Hook, f *form) error {
		_, err := v.desk.AlterHook(v.ctx(), h.ID, func(h *affiliate.Hook) { h.State = affiliate.HookState(f.get("state")) })
		return err
	})
}

func (v *visit) testHook() error {
	return v.changeHook("tested", func(h affiliate.Hook, _ *form) error {
		_, err := v.desk.TestHook(v.ctx(), h.ID)
		return err
	})
}

func (v *visit) replayHook() error {
	return v.changeHook("replayed", func(h affiliate.Hook, f *form) error {
		if notice := f.get("notice"); notice != "" {
			_, err := v.desk.Replay(v.ctx(), h.ID, notice)
			return err
		}
		_, err := v.desk.Replay(v.ctx(), h.ID)
		return err
	})
}

// rotateHook shows a new secret once, and so there is no redirect.
func (v *visit) rotateHook() error {
	h, err := v.hook()
	if err != nil {
		return err
	}
	_, secret, err := v.desk.RotateHook(v.ctx(), h.ID, affiliate.Overlap)
	if err != nil {
		return err
	}
	return v.showHook(200, nil, secret)
}

func (v *visit) removeHook() error {
	h, err := v.hook()
	if err != nil {
		return err
	}
	if _, err := v.desk.RemoveHook(v.ctx(), h.ID); err != nil {
		return err
	}
	return v.done(v.path("/webhooks"), "removed")
}

// host is what of an address tells one from another.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.TrimSuffix(u.Host+u.Path, "/")
}
