package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"footfall/account"
	"footfall/period"
)

// people answers with what it was asked.
type people struct{ asked []string }

func (p *people) note(site account.Site, format string, args ...any) {
	p.asked = append(p.asked, site.ID+" "+fmt.Sprintf(format, args...))
}

func (p *people) VisitorHistory(_ context.Context, q HistoryQuery) (VisitorHistory, error) {
	p.note(q.Site, "history %q %q %q %d %d", q.Visitor, q.Products, q.Categories, q.From, q.To)
	day := HistoryFigures{Views: 3, Orders: 1, Revenue: "19.90"}
	return VisitorHistory{Site: q.Site.ID, Visitor: q.Visitor, Traits: map[string]string{"plan": "pro"}, Segments: []Membership{{"fans", 2}}, Currency: "EUR",
		Items:     []HistoryItem{{Kind: "product", Value: "B4", Months: []HistoryMonth{{"2024-03", day, []HistoryDay{{"2024-03-09", day}}}}}},
		KeptSince: "2022-04-01", Freshness: Freshness{true, "2024-03-10T15:32:07+01:00"}}, nil
}

func (p *people) VisitorSegments(_ context.Context, site account.Site, visitor string, explain bool) (VisitorSegments, error) {
	p.note(site, "segments %q %t", visitor, explain)
	in := VisitorSegments{Site: site.ID, Visitor: visitor, Segments: []Membership{{"fans", 2}}, Freshness: Freshness{false, "2024-03-10T15:32:07+01:00"}}
	if explain {
		in.Explanations = []Explanation{{Membership{"fans", 2}, json.RawMessage(`{"held":true}`), "yes"}}
	}
	return in, nil
}

func (p *people) Segments(_ context.Context, site account.Site) ([]Segment, error) {
	p.note(site, "list")
	return []Segment{{"fans", 2, json.RawMessage(`{"views":{"at_least":3}}`), "2024-03-10T14:32:07Z"}}, nil
}

func (p *people) PutSegments(ctx context.Context, site account.Site, text []byte) ([]Segment, error) {
	if string(text) == "bad" {
		return nil, wrong("line 1: bad")
	}
	p.note(site, "put %s", text)
	return p.Segments(ctx, site)
}

func (p *people) RemoveSegment(_ context.Context, site account.Site, name string) error {
	if name != "fans" {
		return fmt.Errorf("remove: %w", account.ErrNotFound)
	}
	p.note(site, "remove %s", name)
	return nil
}

func (p *people) TestSegments(_ context.Context, site account.Site, text []byte) (DryRun, error) {
	switch string(text) {
	case "broken":
		return DryRun{}, errors.New("the disk is gone")
	case "one too many":
		return DryRun{}, fmt.Errorf("site: %w", ErrBusy)
	case "endless":
		return DryRun{}, context.DeadlineExceeded
	}
	p.note(site, "test %s", text)
	return DryRun{Site: site.ID, Visitors: 9, Segments: []SegmentMembers{{"fans", 4}}, TookMS: 1, Freshness: Freshness{true, "x"}}, nil
}

func (p *people) SegmentMembers(_ context.Context, site account.Site, name string, from, to period.Date) ([]DayMembers, error) {
	p.note(site, "members %s %d %d", name, from, to)
	return []DayMembers{{"2024-03-09", 4}}, nil
}

// startPeople is a door with histories of a.example; b.example keeps none.
func startPeople(t *testing.T) (f fixture, p *people, tokens map[account.Scope]string) {
	t.Helper()
	f, p = start(t), &people{}
	for _, s := range []account.Site{{ID: "a-example", Zone: "Europe/Berlin", History: 24}, {ID: "b-example"}} {
		if _, err := f.memory.UpdateSite(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	tokens = map[account.Scope]string{}
	for _, scope := range account.Scopes {
		var err error
		if tokens[scope], _, err = f.memory.AddKey(t.Context(), account.Key{Site: "a-example", Scopes: []account.Scope{scope}}); err != nil {
			t.Fatal(err)
		}
	}
	f.Server = httptest.NewServer(New(f.source, f.memory, f.memory, Options{Log: slog.New(slog.DiscardHandler), Visitors: p, Segments: p}))
	t.Cleanup(f.Close)
	return f, p, tokens
}

func TestVisitorsAndSegments(t *testing.T) {
	f, p, tokens := startPeople(t)
	for _, x := range []struct {
		scope              account.Scope
		method, path, body string
		status             int
		answer, asked      string
	}{
		{account.Read, "GET", "/v1/visitors/u1/history", "", 200, `{"site":"a-example","visitor":"u1","traits":{"plan":"pro"},"segments":[{"segment":"fans","version":2}],"currency":"EUR",` +
			`"items":[{"kind":"product","value":"B4","months":[{"month":"2024-03","views":3,"orders":1,"revenue":19.90,"days":[{"date":"2024-03-09","views":3,"orders":1,"revenue":19.90}]}]}],` +
			`"kept_since":"2022-04-01","complete":true,"as_of":"2024-03-10T15:32:07+01:00"}`, fmt.Sprintf(`a-example history "u1" [] [] %d %d`, -1<<30, 1<<30)},
		{account.Read, "GET", "/v1/visitors/u1/history?product=B4&product=C5&category=x+y&from=1970-01-03&to=1970-02-01", "", 200, ``, `a-example history "u1" ["B4" "C5"] ["x y"] 2 31`},
		{account.Read, "GET", "/v1/visitors/" + url.PathEscape("ä/b ?@x.com") + "/history", "", 200, `"visitor":"ä/b ?@x.com"`, `history "ä/b ?@x.com"`},
		{account.InPages, "GET", "/v1/visitors/u1/segments", "", 200, `{"site":"a-example","visitor":"u1","segments":[{"segment":"fans","version":2}],"complete":false,"as_of":"2024-03-10T15:32:07+01:00"}`, `a-example segments "u1" false`},
		{account.Everything, "GET", "/v1/visitors/u1/segments?explain=true&site=a.example", "", 200, `"explanations":[{"segment":"fans","version":2,"why":{"held":true},"text":"yes"}]`, `a-example segments "u1" true`},
		{account.Read, "GET", "/v1/segments", "", 200, `{"site":"a-example","segments":[{"name":"fans","version":2,"when":{"views":{"at_least":3}},"created":"2024-03-10T14:32:07Z"}]}`, "a-example list"},
		{account.Define, "PUT", "/v1/segments", "text", 200, `{"site":"a-example","segments":[{"name":"fans","version":2`, "a-example put text\na-example list"},
		{account.Define, "DELETE", "/v1/segments/fans", "", 200, `{"removed":"fans","site":"a-example"}`, "a-example remove fans"},
		{account.Read, "POST", "/v1/segments/dry-run", "text", 200, `{"site":"a-example","visitors":9,"segments":[{"segment":"fans","members":4}],"took_ms":1,`, "a-example test text"},
		{account.Read, "GET", "/v1/segments/fans/members?from=1970-01-02&to=1970-01-05", "", 200, `{"site":"a-example","segment":"fans","days":[{"date":"2024-03-09","members":4}]}`, "a-example members fans 1 4"},

		{account.InPages, "GET", "/v1/visitors/u1/segments?explain=true", "", 403, "scope read or admin", ""},
		{account.InPages, "GET", "/v1/visitors/u1/history", "", 403, "scope read or admin", ""},
		{account.Orders, "GET", "/v1/segments", "", 403, "scope read or admin", ""},
		{account.Define, "GET", "/v1/visitors/u1/history", "", 403, "scope read or admin", ""},
		{account.Define, "GET", "/v1/visitors/u1/segments", "", 403, "scope read or segments or admin", ""},
		{account.InPages, "GET", "/v1/segments", "", 403, "scope read or admin", ""},
		{account.InPages, "GET", "/v1/segments/fans/members", "", 403, "scope read or admin", ""},
		{account.InPages, "POST", "/v1/segments/dry-run", "text", 403, "scope read or admin", ""},
		{account.Read, "PUT", "/v1/segments", "text", 403, "the scope define or admin,", ""},
		{account.Read, "DELETE", "/v1/segments/fans", "", 403, "the scope define or admin,", ""},
		{account.Define, "PUT", "/v1/segments", "bad", 400, "line 1: bad", ""},
		{account.Define, "PUT", "/v1/segments", strings.Repeat("x", MaxBody+1), 413, "64 KiB", ""},
		{account.Define, "DELETE", "/v1/segments/others", "", 404, "there is no such segment", ""},
		{account.Everything, "POST", "/v1/segments/dry-run", "broken", 503, "log", ""},
		{account.Everything, "POST", "/v1/segments/dry-run", "endless", 503, "footfall segment test", ""},
		{account.Everything, "POST", "/v1/segments/dry-run", "one too many", 503, "are being tried", ""},
		{account.Define, "POST", "/v1/segments", "text", 405, "use GET, PUT", ""},
		{account.Read, "GET", "/v1/visitors/u1/history?page=/", "", 400, "unknown parameter", ""},
		{account.Read, "GET", "/v1/visitors/u1/history?from=May", "", 400, "is not a day", ""},
		{account.Read, "GET", "/v1/visitors/u1/segments?explain=why", "", 400, "neither true nor false", ""},
		{account.Read, "GET", "/v1/visitors/" + strings.Repeat("u", MaxVisitor+1) + "/segments", "", 400, "1 to 1000", ""},
		{account.Read, "GET", "/v1/visitors/u1/history?site=b-example", "", 400, "unknown site", ""},
	} {
		p.asked = nil
		status, answer, h := f.do(t, x.method, x.path, tokens[x.scope], x.body)
		if x.body == "one too many" && h.Get("Retry-After") == "" {
			t.Errorf("%s: it does not say when to try again", x.body)
		}
		if status != x.status || !strings.Contains(answer, x.answer) {
			t.Errorf("%s %s %s: %d %s, want %d %s", x.scope, x.method, x.path, status, answer, x.status, x.answer)
		}
		if asked := strings.Join(p.asked, "\n"); !strings.Contains(asked, x.asked) || x.asked == "" && asked != "" {
			t.Errorf("%s %s: asked %q, want %q", x.method, x.path, asked, x.asked)
		}
	}
}

// TestChangesAreAudited: what was done stands in the audit log with its key,
// what was refused does not.
func TestChangesAreAudited(t *testing.T) {
	f, p, tokens := startPeople(t)
	f.Server = httptest.NewServer(New(f.source, f.memory, f.memory, Options{Log: slog.New(slog.DiscardHandler), Visitors: p, Segments: p, Record: f.memory.Record}))
	t.Cleanup(f.Close)
	for _, x := range [][3]string{{"PUT", "/v1/segments?site=a-example", "text"}, {"PUT", "/v1/segments", "bad"}, {"DELETE", "/v1/segments/fans", ""}, {"DELETE", "/v1/segments/others", ""}, {"POST", "/v1/segments/dry-run", "text"}} {
		f.do(t, x[0], x[1], tokens[account.Everything], x[2])
	}
	f.do(t, "DELETE", "/v1/segments/fans", tokens[account.Read], "")
	key, err := f.memory.Key(t.Context(), tokens[account.Everything])
	if err != nil {
		t.Fatal(err)
	}
	changes, err := f.memory.Changes(t.Context(), account.ChangeFilter{})
	if err != nil || len(changes) != 2 || changes[0].What != "segment remove" || changes[0].Target != "a-example fans" || changes[1].What != "segment set" ||
		changes[1].Target != "a-example fans" || changes[0].Who != "key "+key.ID {
		t.Errorf("the audit log has %+v, %v", changes, err)
	}
}

func TestHistoryIsOff(t *testing.T) {
	f, p, _ := startPeople(t)
	owner, _, err := f.memory.AddKey(t.Context(), account.Key{Site: "b-example", Scopes: []account.Scope{account.Everything}})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range [][2]string{{"GET", "/v1/visitors/u1/history"}, {"GET", "/v1/visitors/u1/segments"}, {"PUT", "/v1/segments"},
		{"POST", "/v1/segments/dry-run"}, {"GET", "/v1/segments/fans/members"}} {
		status, answer, _ := f.do(t, at[0], at[1], owner, "text")
		if status != http.StatusConflict || !strings.Contains(answer, "turn it on with: footfall site set b.example --history 24") {
			t.Errorf("%v: %d %s, want 409 with what to type", at, status, answer)
		}
	}
	if len(p.asked) > 0 {
		t.Errorf("asked %q", p.asked)
	}
	for at, want := range map[[2]string]int{{"GET", "/v1/segments"}: 200, {"DELETE", "/v1/segments/fans"}: 200, {"DELETE", "/v1/segments/others"}: 404} {
		if status, answer, _ := f.do(t, at[0], at[1], owner, ""); status != want {
			t.Errorf("%v: %d %s, want %d: definitions stay while histories are off", at, status, answer, want)
		}
	}
	if status, _, _ := f.do(t, "GET", "/v1/visitors/u1/history?site=b-example", f.all, ""); status != http.StatusConflict {
		t.Errorf("key of all sites: %d, want 409", status)
	}
	if status, answer, _ := f.do(t, "GET", "/v1/visitors/u1/history", f.all, ""); status != http.StatusBadRequest || !strings.Contains(answer, "which site?") {
		t.Errorf("no site named: %d %s", status, answer)
	}
}
