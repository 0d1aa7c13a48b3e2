package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// erases remembers whom it is to erase.
type erases struct {
	asked []Erasure
	dry   []bool
	fails error
}

func (x *erases) ErasePerson(ctx context.Context, e Erasure, dry bool) (Erased, error) {
	x.asked, x.dry = append(x.asked, e), append(x.dry, dry)
	return Erased{DryRun: dry, Site: e.Site.ID, Keys: []string{"user:u1", "anon:a"}, Places: []ErasedPlace{{"archive", 3, "events"}}, Until: "2024-03-17T15:32:07Z", Left: []string{}}, errors.Join(x.fails, ctx.Err())
}

// startErases is a server whose clock can be put on, and keys of which the first may erase.
func startErases(t *testing.T) (f fixture, x *erases, keys [3]string, at *time.Time) {
	t.Helper()
	f, x, at = start(t), &erases{}, new(now)
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return *at }, Timeout: 200 * time.Millisecond, Erases: x, Deletes: &deletes{left: 7}})
	for i, scopes := range [][]account.Scope{{account.Erase}, {account.Erase}, {account.Everything, account.SQL, account.Read}} {
		var err error
		if keys[i], _, err = f.memory.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: scopes}); err != nil {
			t.Fatal(err)
		}
	}
	return f, x, keys, at
}

// TestErasePlans: only who was looked at is erased, once, and only for who looked, soon.
func TestErasePlans(t *testing.T) {
	f, x, keys, at := startErases(t)
	document := readDocument(t)
	look := func() string {
		t.Helper()
		const body = `{"site_id":"a.example","order":" 7 ","store":"shop","only":true}`
		document.check(t, "an erasure", "Erasure", body)
		status, answer, _ := f.do(t, "POST", "/v1/persons/erase", keys[0], body)
		var told Erased
		if err := json.Unmarshal([]byte(answer), &told); err != nil || status != 200 || !told.DryRun || !strings.HasPrefix(told.Plan, "era_") || len(told.Keys) != 2 {
			t.Fatalf("%d %s: %v", status, answer, err)
		}
		document.check(t, "a look", "Erased", answer)
		return `{"plan":"` + told.Plan + `"}`
	}
	plan := look()
	if status, answer, _ := f.do(t, "POST", "/v1/persons/erase", keys[1], plan); status != 404 || len(x.asked) != 1 {
		t.Errorf("another's key: %d %s", status, answer)
	}
	if status, _, _ := f.do(t, "POST", "/v1/events/delete", keys[2], plan); status != 404 {
		t.Errorf("at the other route: %d", status)
	}
	*at = now.Add(14 * time.Minute)
	status, answer, _ := f.do(t, "POST", "/v1/persons/erase", keys[0], plan)
	if document.check(t, "what was erased", "Erased", answer); status != 200 || strings.Contains(answer, `"plan"`) || !strings.Contains(answer, `"dry_run":false`) {
		t.Errorf("%d %s", status, answer)
	}
	if one, two := x.asked[0], x.asked[1]; one.Number != "7" || one.Store != "shop" || !one.Only || one.User != "" || two.Number != one.Number || two.Site.ID != "a-example" || !strings.HasPrefix(two.By.Name, "key ") || x.dry[1] {
		t.Errorf("looked for %+v, erased %+v", one, two)
	}
	if status, _, _ := f.do(t, "POST", "/v1/persons/erase", keys[0], plan); status != 404 {
		t.Errorf("again: %d", status)
	}
	plan, *at = look(), at.Add(16*time.Minute)
	if status, answer, _ := f.do(t, "POST", "/v1/persons/erase", keys[0], plan); status != 404 || !strings.Contains(answer, "of the last 15 minutes") || len(x.asked) != 3 {
		t.Errorf("an old plan: %d %s", status, answer)
	}
}

// TestEraseIsStrict: who may not is refused, and what is wrong is told where it stands.
func TestEraseIsStrict(t *testing.T) {
	f, x, keys, _ := startErases(t)
	for _, c := range []struct {
		token, body string
		status      int
		want        string
	}{
		{keys[2], `{"user_id":"u1"}`, 403, "scope erase"}, {"", `{"user_id":"u1"}`, 401, "no key"},
		{keys[0], `{}`, 400, "user_id: who? name one of user_id, anonymous_id, email, order"}, {keys[0], `{"user_id":"u1","email":"a@b.example"}`, 400, "user_id: who?"},
		{keys[0], `{"user_id":" "}`, 400, "user_id: must be a text of 1 to 512 bytes"}, {keys[0], `{"email":"` + strings.Repeat("x", 513) + `"}`, 400, "email: must be a text"}, {keys[0], `{"user_id":7}`, 400, "user_id: must be a text, not a number"},
		{keys[0], `{"user_id":"u1","store":"x"}`, 400, "store: goes with order alone"}, {keys[0], `{"user_id":"u1","site_id":"b.example"}`, 400, "site_id: unknown site"},
		{keys[0], `{"plan":"era_x","user_id":"u1"}`, 400, "user_id: the plan says it"}, {keys[0], `{"plan":""}`, 400, "plan: has no name"}, {keys[0], `{"plan":"era_x"}`, 404, "no such plan"}, {keys[0], `{"dry_run":true}`, 400, "dry_run: there is no such field"},
	} {
		status, answer, _ := f.do(t, "POST", "/v1/persons/erase", c.token, c.body)
		if status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%.99s: %d %s, want %d %s", c.body, status, answer, c.status, c.want)
		}
	}
	if len(x.asked) > 0 {
		t.Errorf("%+v were asked", x.asked)
	}
	for want, fails := range map[string]error{"403 that needs a key of every site": account.ErrNotYours, "503 try again when it has ended": ErrOtherWork, "503 footfall person erase": context.DeadlineExceeded, "400 nothing leads": &metric.QueryError{Why: "user_id: nothing leads from there"}} {
		x.fails = fails
		status, why, _ := strings.Cut(want, " ")
		if got, answer, _ := f.do(t, "POST", "/v1/persons/erase", keys[0], `{"user_id":"u1"}`); got != int(status[0]-'0')*100+int(status[2]-'0') || !strings.Contains(answer, why) || strings.Contains(answer, "plan") && !strings.Contains(answer, "error") {
			t.Errorf("%v: %d %s", fails, got, answer)
		}
	}
}
