package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// deletes remembers what it is to delete, and takes as long as hold says.
type deletes struct {
	asked []Deletion
	dry   []bool
	hold  chan struct{}
	left  int
	fails error
}

func (d *deletes) DeleteEvents(ctx context.Context, is Deletion, dry bool) (Deleted, error) {
	if !dry && d.hold != nil {
		<-d.hold
	}
	d.asked, d.dry = append(d.asked, is), append(d.dry, dry)
	return Deleted{DryRun: dry, Site: is.Site.ID, From: is.Window.From.Format(time.RFC3339), To: is.Window.To.Format(time.RFC3339), Events: d.left, Days: []DeletedDay{{Date: "2024-01-01", Events: d.left}}}, errors.Join(d.fails, ctx.Err())
}

// startDeletes is a server whose clock can be put on, and keys that may delete.
func startDeletes(t *testing.T) (f fixture, d *deletes, key, other string, at *time.Time) {
	t.Helper()
	f, d, at = start(t), &deletes{left: 7}, new(now)
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return *at }, Timeout: 200 * time.Millisecond, Deletes: d})
	var keys [2]string
	for i := range keys {
		var err error
		if keys[i], _, err = f.memory.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: []account.Scope{account.Everything}}); err != nil {
			t.Fatal(err)
		}
	}
	return f, d, keys[0], keys[1], at
}

const toDelete = `{"date_range":["2024-01-01","2024-01-31"],"filters":[["contains","referrer",["spam.example"]]]}`

// planned asks what would go.
func (f fixture) planned(t *testing.T, key string) (plan string) {
	t.Helper()
	status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, toDelete)
	var told Deleted
	if err := json.Unmarshal([]byte(answer), &told); err != nil || status != 200 || !told.DryRun || told.Plan == "" {
		t.Fatalf("%d %s: %v", status, answer, err)
	}
	readDocument(t).check(t, "a plan", "Deleted", answer)
	return `{"plan":"` + told.Plan + `"}`
}

// TestDeletePlans: only what was looked at goes, once, and only for who looked, soon.
func TestDeletePlans(t *testing.T) {
	f, d, key, other, at := startDeletes(t)
	document := readDocument(t)
	document.check(t, "a deletion", "Deletion", toDelete)
	plan := f.planned(t, key)
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", other, plan); status != 404 || len(d.asked) != 1 {
		t.Errorf("another's key: %d %s", status, answer)
	}
	*at = now.Add(14 * time.Minute)
	status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, plan)
	if document.check(t, "what went", "Deleted", answer); status != 200 || strings.Contains(answer, `"plan"`) || !strings.Contains(answer, `"dry_run":false`) {
		t.Errorf("%d %s", status, answer)
	}
	if one, two := d.asked[0], d.asked[1]; one.Who != two.Who || !strings.HasPrefix(one.Who, "key ") || one.At != now || two.At != now || one.Window != two.Window || string(two.Filters) != `[["contains","referrer",["spam.example"]]]` || d.dry[1] {
		t.Errorf("looked at %+v, deleted %+v", one, two)
	}
	if status, _, _ := f.do(t, "POST", "/v1/events/delete", key, plan); status != 404 {
		t.Errorf("again: %d", status)
	}
	plan, *at = f.planned(t, key), at.Add(16*time.Minute)
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, plan); status != 404 || !strings.Contains(answer, "of the last 15 minutes") {
		t.Errorf("an old plan: %d %s", status, answer)
	}
	if d.left = 0; len(d.asked) != 3 {
		t.Errorf("%d were asked", len(d.asked))
	}
	if _, answer, _ := f.do(t, "POST", "/v1/events/delete", key, toDelete); strings.Contains(answer, `"plan"`) {
		t.Errorf("a plan to delete nothing: %s", answer)
	}
	d.fails = ErrOtherWork
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, toDelete); status != 503 || !strings.Contains(answer, "is under way") {
		t.Errorf("while other work is done: %d %s", status, answer)
	}
}

// TestDeleteTakesLong: it goes on when the answer is given, and is told with the plan.
func TestDeleteTakesLong(t *testing.T) {
	f, d, key, _, at := startDeletes(t)
	d.hold = make(chan struct{})
	plan := f.planned(t, key)
	for range 2 { // the second time when a plan that nobody asked for would be forgotten
		if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, plan); status != 202 || !strings.Contains(answer, "ask again with this plan") {
			t.Errorf("%d %s", status, answer)
		}
		*at = at.Add(16 * time.Minute)
		for range maxPlans {
			f.planned(t, key)
		}
	}
	close(d.hold)
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, plan); status != 200 || !strings.Contains(answer, `"dry_run":false`) || len(d.asked) != 2+2*maxPlans {
		t.Errorf("%d %s, asked %d times", status, answer, len(d.asked))
	}
}

// TestDeleteAgain: a plan for which there was no room is not spent, and good as long as
// it was.
func TestDeleteAgain(t *testing.T) {
	f, d, key, _, at := startDeletes(t)
	old := f.planned(t, key)
	d.fails, *at = ErrOtherWork, at.Add(10*time.Minute)
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, old); status != 503 {
		t.Errorf("%d %s", status, answer)
	}
	d.fails, *at = nil, at.Add(10*time.Minute)
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, old); status != 404 {
		t.Errorf("an old plan: %d %s", status, answer)
	}
	plan := f.planned(t, key)
	d.fails = ErrOtherWork
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, plan); status != 503 || !strings.Contains(answer, "try again") {
		t.Errorf("%d %s", status, answer)
	}
	d.fails = nil
	if status, answer, _ := f.do(t, "POST", "/v1/events/delete", key, plan); status != 200 || !strings.Contains(answer, `"dry_run":false`) {
		t.Errorf("again: %d %s", status, answer)
	}
}

// TestDeleteIsStrict: who may not is refused, and what is wrong is told where it stands.
func TestDeleteIsStrict(t *testing.T) {
	f, d, key, _, _ := startDeletes(t)
	for _, x := range []struct {
		token, body string
		status      int
		want        string
	}{
		{f.bound, toDelete, 403, "scope admin"}, {"", toDelete, 401, "no key"},
		{key, `{}`, 400, "date_range: of which time?"}, {key, `{"date_range":"30d"}`, 400, "date_range: of which time?"}, {key, `{"date_range":["2024-02-01","2024-01-01"]}`, 400, "date_range: ends before it begins"},
		{key, `{"site_id":"b.example","date_range":["2024-01-01","2024-01-02"]}`, 400, "site_id: unknown site"}, {key, `{"date_range":["2024-01-01","2024-01-02"],"filters":[["is","colour",["x"]]]}`, 400, "filters[0][1]: unknown dimension"},
		{key, `{"plan":"x","date_range":["2024-01-01","2024-01-02"]}`, 400, "date_range: the plan says it"}, {key, `{"plan":""}`, 400, "plan: has no name"}, {key, `{"plan":"del_x"}`, 404, "no such plan"}, {key, `{"dry_run":true}`, 400, "dry_run: there is no such field"},
	} {
		status, answer, _ := f.do(t, "POST", "/v1/events/delete", x.token, x.body)
		if status != x.status || !strings.Contains(answer, x.want) {
			t.Errorf("%s: %d %s, want %d %s", x.body, status, answer, x.status, x.want)
		}
	}
	if len(d.asked) > 0 {
		t.Errorf("%+v were asked", d.asked)
	}
}
