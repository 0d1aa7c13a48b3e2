package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"footfall/ledger"
)

// must types a command that must do what it is to.
func (h *home) must(into any, args ...string) {
	h.t.Helper()
	if fault, code := h.typed(into, args...); code != 0 {
		h.t.Fatalf("footfall %s: %s", strings.Join(args, " "), fault)
	}
}

// TestHookCommands types what an operator does with a programme's webhook, from
// its making to its end.
func TestHookCommands(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.address = "http://127.0.0.1"
	var status atomic.Int64
	status.Store(200)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer server.Close()
	stop := h.work(t.Context())
	defer stop()
	typed := h.must
	typed(nil, "site", "add", "a.example")
	typed(nil, "program", "set", "Courses", "--site", "a.example", "--rate", "50%")
	var made, rotated keptHook
	typed(&made, "hook", "add", server.URL+"/?token=hidden", "--site", "a.example", "--kinds", "payout.paid,order.attributed", "--note", "books")
	if !strings.HasPrefix(made.Secret, "ffh_") || len(made.Secret) < 28 || strings.Join(made.Kinds, " ") != "order.attributed payout.paid" {
		t.Errorf("%+v", made)
	}
	var n ledger.Notice
	if typed(&n, "hook", "test", made.ID); n.State != ledger.Delivered || n.Answers[0].Status != 200 {
		t.Errorf("the test: %+v", n)
	}
	status.Store(500)
	if fault, code := h.typed(nil, "hook", "test", made.ID); code == 0 || !strings.Contains(fault, "the answer was 500") {
		t.Errorf("a test that fails: %d %s", code, fault)
	}
	var dead []ledger.Notice
	if typed(&dead, "hook", "log", made.ID, "--state", "dead"); len(dead) != 1 || dead[0].Why != "the answer was 500" {
		t.Errorf("dead: %+v", dead)
	}
	worriesDoctor(t, h, made)
	status.Store(200)
	var count map[string]int
	if typed(&count, "hook", "replay", made.ID, "--all"); count["replayed"] != 1 {
		t.Errorf("replayed %v", count)
	}
	for end := time.Now().Add(10 * time.Second); len(dead) > 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		typed(&dead, "hook", "log", made.ID, "--state", "dead")
	}
	var all []ledger.Notice
	if typed(&all, "hook", "log", made.ID, "--limit", "0"); len(all) != 2 {
		t.Errorf("the log: %+v", all)
	}
	if typed(&count, "hook", "replay", made.ID, all[0].ID); count["replayed"] != 1 {
		t.Errorf("replayed by name %v", count)
	}
	if typed(&rotated, "hook", "set", made.ID, "--rotate", "--overlap", "2", "--kinds", "all"); rotated.Secret == made.Secret || rotated.Secret == "" || len(rotated.Kinds) != 0 || time.Until(rotated.Until) > 2*time.Hour {
		t.Errorf("%+v", rotated)
	}
	typed(nil, "hook", "set", made.ID, "--state", "paused")
	refusesHooks(t, h, made)
	typed(nil, "hook", "remove", made.ID)
	var hooks []ledger.Hook
	if typed(&hooks, "hook", "list", "--site", "a.example"); len(hooks) != 0 {
		t.Errorf("after it was removed: %+v", hooks)
	}
	notesHooks(t, h, made)
}

// notesHooks reads what of it is in the audit log.
func notesHooks(t *testing.T, h *home, made keptHook) {
	t.Helper()
	text, _ := told(t, h.dir, "audit")
	for _, want := range []string{"hook add", "hook test", "hook set", "hook replay", "hook remove", "hook " + made.ID} {
		if !strings.Contains(text, want) {
			t.Errorf("the audit log lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hidden") || strings.Contains(text, made.Secret) || strings.Contains(text, "hook log") {
		t.Errorf("the audit log tells too much:\n%s", text)
	}
}

// worriesDoctor has a hook fail for an hour.
func worriesDoctor(t *testing.T, h *home, made keptHook) {
	t.Helper()
	k, err := (&call{config: h.c}).dial(t.Context())
	must(t, err)
	defer k.close()
	if f := k.hooks(t.Context()); !f.OK {
		t.Errorf("the doctor is worried by a failure of now: %+v", f)
	}
	must(t, h.ledger.Change(t.Context(), func(tx ledger.Tx) error {
		hook, err := tx.Money().Tables().Hooks().Get(made.ID)
		hook.Failing = time.Now().Add(-time.Hour)
		return errors.Join(err, tx.Money().Tables().Hooks().Put(hook))
	}))
	if f := k.hooks(t.Context()); f.OK || !strings.Contains(f.Says, made.ID+" fails since") {
		t.Errorf("the doctor says %+v", f)
	}
}

// refusesHooks types what is wrong with a hook that is paused.
func refusesHooks(t *testing.T, h *home, made keptHook) {
	t.Helper()
	for args, says := range map[string]string{
		"hook test " + made.ID:                              "is paused (by hand): resume it first",
		"hook replay " + made.ID + " --all":                 "is paused",
		"hook replay " + made.ID:                            "name the webhook and which notices, or --all",
		"hook set " + made.ID:                               "say what to change",
		"hook set " + made.ID + " --state off":              "must be active or paused",
		"hook set " + made.ID + " --kinds clicks":           "is none of order.attributed",
		"hook log " + made.ID + " --state lost":             "none of waiting, sent and dead",
		"hook log x":                                        "is not there",
		"hook add ftp://x --site a.example":                 "is no address",
		"hook add https://x --site b.example":               "b.example",
		"hook set " + made.ID + " --rotate --overlap 10000": "must be from 0 to 168 hours",
	} {
		if text, code := told(t, h.dir, strings.Fields(args)...); code == 0 || !strings.Contains(text, says) {
			t.Errorf("footfall %s: %d %s", args, code, text)
		}
	}
}

// TestWhatIsShownOnceIsNoted: a form that is answered with what is shown once, a
// secret or a link, is in the audit log as one that leads on; one that is refused is not.
func TestWhatIsShownOnceIsNoted(t *testing.T) {
	for status, want := range map[int]int{http.StatusOK: 1, http.StatusSeeOther: 1, http.StatusUnprocessableEntity: 0, http.StatusForbidden: 0, http.StatusNotFound: 0} {
		noted := 0
		(&changed{ResponseWriter: httptest.NewRecorder(), note: func() { noted++ }}).WriteHeader(status)
		if noted != want {
			t.Errorf("%d is noted %d times, want %d", status, noted, want)
		}
	}
}
