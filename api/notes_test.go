package api

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
)

// TestNotes: they are written, listed and removed by who may, and each change is in the
// audit log.
func TestNotes(t *testing.T) {
	f := start(t)
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Now: func() time.Time { return now }, Notes: f.memory, Record: f.memory.Record})
	admin, _, err := f.memory.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: []account.Scope{account.Everything}})
	if err != nil {
		t.Fatal(err)
	}
	d := readDocument(t)
	id := ""
	for _, x := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"GET", "/v1/notes", f.bound, "", 200, `{"site":"a-example","notes":[]}`},
		{"POST", "/v1/notes", admin, `{"when":"2024-05-01","text":"New shop"}`, 200, `"when":"2024-05-01","text":"New shop","who":"key `},
		{"POST", "/v1/notes?site=a.example", admin, `{"when":"2024-04-01T14:30:00+02:00","text":"Newsletter"}`, 200, `"when":"2024-04-01T12:30:00Z"`},
		{"GET", "/v1/notes", f.bound, "", 200, `"text":"Newsletter"`},
		{"POST", "/v1/notes", f.bound, `{"when":"2024-05-01","text":"x"}`, 403, "scope admin"}, {"DELETE", "/v1/notes/ID", f.bound, "", 403, "scope admin"}, {"GET", "/v1/notes", "", "", 401, "no key"},
		{"POST", "/v1/notes", admin, `{"when":"soon","text":"x"}`, 400, "when: is a day such as"}, {"POST", "/v1/notes", admin, `{"when":"2024-05-01"}`, 400, "text: is a line of 1 to 500 characters"},
		{"POST", "/v1/notes", admin, `{"when":"2024-05-01","text":"x","who":"me"}`, 400, "who: there is no such field"}, {"POST", "/v1/notes?site=b.example", admin, `{"when":"2024-05-01","text":"x"}`, 400, "unknown site"},
		{"DELETE", "/v1/notes/ID", admin, "", 200, `"removed":"not_`}, {"DELETE", "/v1/notes/ID", admin, "", 404, "GET /v1/notes lists them"}, {"PUT", "/v1/notes", admin, "", 405, "use GET"},
	} {
		status, answer, _ := f.do(t, x.method, strings.Replace(x.path, "ID", id, 1), x.token, x.body)
		if status != x.status || !strings.Contains(answer, x.want) {
			t.Errorf("%s %s: %d %s", x.method, x.path, status, answer)
		}
		if x.method != "DELETE" && status == 200 {
			d.check(t, x.method+" "+x.path, "Notes", answer)
		}
		if found := regexp.MustCompile(`not_\w+`).FindString(answer); found != "" && x.method == "POST" {
			id = found
		}
	}
	if all, err := f.memory.Notes(t.Context(), "a-example"); err != nil || len(all) != 1 || all[0].Text != "New shop" {
		t.Errorf("kept are %+v, %v", all, err)
	}
	changes, err := f.memory.Changes(t.Context(), account.ChangeFilter{Kind: "note"})
	var said []string
	for _, c := range changes {
		said = append(said, c.What+" "+c.New)
	}
	if err != nil || !slices.Equal(said, []string{"note remove ", "note add 2024-04-01T12:30:00Z Newsletter", "note add 2024-05-01 New shop"}) {
		t.Errorf("the audit log says %q, %v", said, err)
	}
}
