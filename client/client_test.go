package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/api"
	"footfall/client"
	"footfall/metric"
	"footfall/query"
)

var now = time.Date(2024, 3, 10, 14, 32, 7, 0, time.UTC)

// tables answers every row with 1.5 of what has thousandths, 1500 of what has not.
type tables struct{ asked []metric.Report }

func (s *tables) Tabulate(_ context.Context, r metric.Report) (metric.Table, error) {
	s.asked = append(s.asked, r)
	t := metric.Table{Source: "events", AsOf: now, Total: 7, Estimate: true}
	for _, at := range r.Step.Cut(r.Window, r.Zone) {
		row := metric.Row{Keys: make([]string, len(r.By)), Time: at, Partial: true}
		for range r.Metrics {
			row.Values, row.Before = append(row.Values, metric.Value{N: 1500}), append(row.Before, metric.Value{N: 1000})
		}
		row.Values[len(row.Values)-1].None = true
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

func (s *tables) Retain(_ context.Context, r metric.Retention) (metric.Cohorts, error) {
	c := metric.Cohorts{Rows: r.Rows(now), Known: 4, LeftOut: 6, Source: "events", AsOf: now}
	for i := range c.Rows {
		if c.Rows[i].Size = 8; i == 0 {
			c.Rows[i].Returned[0].Visitors = 3
		}
	}
	return c, r.Check()
}

func (s *tables) Follow(_ context.Context, j metric.Journey) (metric.Paths, error) {
	on := metric.Place{Page: "/b", Views: 5, Pages: 1, Others: 5}
	return metric.Paths{Views: 8, Apart: 1, Source: "events", AsOf: now, From: metric.Place{Page: j.Page, Views: 7, Ended: 1, Others: 1, Pages: 3, Places: []metric.Place{on}}}, j.Check()
}

// open is a server's door with one site, and a key.
func open(t *testing.T) (client.Client, *tables) {
	t.Helper()
	var m accounttest.Memory
	_, err := m.AddSite(t.Context(), account.Site{Domain: "a.example", Zone: "Europe/Berlin", Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := m.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	if err != nil {
		t.Fatal(err)
	}
	s := &tables{}
	server := httptest.NewServer(api.New(query.Source(nil), &m, &m, api.Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Reports: s, Visits: s, Goals: funnels{}, Funnels: funnels{}, Saved: kept{}}))
	t.Cleanup(server.Close)
	return client.Client{Address: server.URL + "/", Key: token}, s
}

// TestClient: everything that a question can say arrives, and everything that an
// answer says.
func TestClient(t *testing.T) {
	c, s := open(t)
	before := client.Named("previous_period")
	out, err := c.Query(t.Context(), client.Query{Site: "a.example", Metrics: []client.Metric{client.Visitors, client.Revenue, client.BounceRate}, Range: client.Days("2024-03-01", "2024-03-02"), Dimensions: []client.Dimension{client.ByPage, client.Property("plan"), client.ByTimeDay},
		Filters: []client.Filter{client.Is(client.ByCountry, "DE", "AT"), client.Or(client.Not(client.Contains(client.ByPage, "x")), client.And(client.HasDone(client.Matches(client.ByEvent, "^y"))))},
		Order:   []client.Order{{By: "Revenue", Descending: true}, {By: "page"}}, Include: &client.Include{TimeLabels: true, TotalRows: true, Compare: &before}, Page: &client.Page{Limit: 5, Offset: 2}, Zone: "Asia/Kathmandu", Bots: true})
	if err != nil {
		t.Fatal(err)
	}
	r := s.asked[0]
	where, _ := json.Marshal(r.Where)
	if got := fmt.Sprint(r.Site, r.Metrics, r.By, r.Step, r.Window.From.Format(time.RFC3339), r.Window.To.Format(time.RFC3339), r.Compare.From.Format(time.RFC3339), r.Order, r.Limit, r.Offset, r.Zone, r.Bots); got !=
		"a-example[Visitors Revenue BounceRate] [page property:plan]day2024-03-01T00:00:00+05:452024-03-03T00:00:00+05:452024-02-28T00:00:00+05:45[{Revenue  true} { page false}] 5 2 Asia/Kathmandu true" || strings.Count(string(where), "Dimension") < 4 || !strings.Contains(string(where), "^y") {
		t.Errorf("asked %s where %s", got, where)
	}
	row := out.Rows[1]
	if len(out.Rows) != 2 || row.Metrics[0].String() != "1500" || row.Metrics[1].String() != "1.5" || row.Metrics[2] != nil || strings.Join(row.Dimensions, "|") != "||2024-03-02" || !row.Partial || row.Comparison.Change[0].String() != "50" || row.Comparison.Dimensions[2] != "2024-02-29" {
		t.Errorf("rows %+v", out.Rows)
	}
	if m := out.Meta; m.Units[client.Revenue] != "EUR" || !m.AsOf.Equal(now) || !m.Sealed.IsZero() || !m.Estimate || m.Source != "events" || m.TotalRows != 7 || len(m.TimeLabels) != 2 {
		t.Errorf("meta %+v", m)
	}
	again, err := c.Query(t.Context(), out.Query)
	if err != nil || fmt.Sprint(s.asked[1].Window, s.asked[1].Order, len(s.asked[1].Where.All)) != fmt.Sprint(r.Window, r.Order, len(r.Where.All)) || len(again.Rows) != 2 {
		t.Errorf("asked again: %v, %+v", err, s.asked[1])
	}
	if _, err = c.Query(t.Context(), client.Query{Metrics: []client.Metric{client.Visitors}, Range: client.Between(now.Add(-time.Hour), now)}); err != nil || !s.asked[2].Window.To.Equal(now) || !s.asked[2].Window.From.Equal(now.Add(-time.Hour)) {
		t.Errorf("between: %v, %+v", err, s.asked[2].Window)
	}
}

// TestClientOfVisits: likewise of who came back, and of journeys.
func TestClientOfVisits(t *testing.T) {
	c, _ := open(t)
	r, err := c.Retention(t.Context(), client.RetentionQuery{Site: "a.example", Range: client.Days("2024-02-26", "2024-03-10"), Step: "week", Returning: []client.Filter{client.Is(client.ByEvent, "Order Completed")}, Filters: []client.Filter{client.Is(client.BySource, "x")}, Zone: "Europe/Berlin", Bots: true})
	if err != nil {
		t.Fatal(err)
	}
	back := r.Cohorts[0].Returned[0]
	if len(r.Cohorts) != 2 || r.Cohorts[0].Start != "2024-02-26" || r.Cohorts[0].Size != 8 || !r.Cohorts[1].Partial || back.Rate.String() != "37.5" || back.Visitors != 3 || !back.Partial || r.Average[0].Rate != nil ||
		r.Visitors.Known != 4 || r.Visitors.LeftOut != 6 || len(r.Meta.Warnings) != 1 || !r.Meta.AsOf.Equal(now) || len(r.Query.Returning) != 1 {
		t.Errorf("%+v", r)
	}
	if again, err := c.Retention(t.Context(), r.Query); err != nil || fmt.Sprint(again.Query) != fmt.Sprint(r.Query) {
		t.Errorf("asked again: %v, %+v", err, again)
	}
	page := "/"
	j, err := c.Journey(t.Context(), client.JourneyQuery{Range: client.Named("7d"), Page: &page, Direction: "previous", Depth: 2, Limit: 1, Filters: []client.Filter{client.Is(client.ByDevice, "phone")}})
	if err != nil {
		t.Fatal(err)
	}
	if p := j.From; j.Views != 8 || j.Apart != 1 || j.ApartShare.String() != "12.5" || p.Page != "/" || p.Ended != 1 || p.OthersShare.String() != "12.5" || p.TotalPages != 3 || p.Pages[0].Page != "/b" || p.Pages[0].Share.String() != "62.5" || p.Pages[0].Others != 5 || j.Query.Direction != "previous" {
		t.Errorf("%+v", j)
	}
	_, err = c.Journey(t.Context(), client.JourneyQuery{Range: client.Named("7d")})
	if refused, ok := errors.AsType[*client.Error](err); !ok || !strings.HasPrefix(refused.Why, "page: from what?") {
		t.Errorf("%v", err)
	}
}

// TestClientIsRefused: what the server says of a wrong question and key.
func TestClientIsRefused(t *testing.T) {
	c, _ := open(t)
	ask := func(c client.Client, m client.Metric) *client.Error {
		_, err := c.Query(t.Context(), client.Query{Metrics: []client.Metric{m}, Range: client.Named("7d")})
		var refused *client.Error
		if !errors.As(err, &refused) {
			t.Fatalf("%s: %v", m, err)
		}
		return refused
	}
	if e := ask(c, "likes"); e.Status != 400 || !strings.HasPrefix(e.Error(), `footfall: metrics[0]: unknown metric "likes": use one of`) {
		t.Errorf("%+v", e)
	}
	c.Key = "ffk_x"
	if e := ask(c, client.Visitors); e.Status != 401 || !strings.Contains(e.Why, "unknown key") {
		t.Errorf("%+v", e)
	}
	c.Address = "http://127.0.0.1:1"
	if _, err := c.Query(t.Context(), client.Query{}); err == nil || !strings.HasPrefix(err.Error(), "footfall: ") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestScriptClient asks the same door from Node.
func TestScriptClient(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is missing: apt-get install nodejs")
		}
		t.Skip("SKIPPED: node is missing: apt-get install nodejs")
	}
	c, s := open(t)
	const script = `import { Footfall, FootfallError } from './footfall.js'
const [address, key] = process.argv.slice(1)
const footfall = new Footfall(address, key)
const answer = await footfall.query({ metrics: ['visitors', 'bounce_rate'], date_range: '7d', dimensions: ['event:page'], filters: [['is', 'visit:country', ['DE']]] })
const refused = async (f, q) => { try { await f.query(q) } catch (e) { return e instanceof FootfallError && [e.status, e.message.slice(0, 40), e.retryAfter] } }
const wrong = await refused(footfall, { metrics: ['likes'], date_range: '7d' })
const nobody = await refused(new Footfall(address, 'ffk_x'), { metrics: ['visitors'], date_range: '7d' })
const page = await refused(new Footfall(address, key, { fetch: async () => new Response('<html>', { status: 502, headers: { 'Retry-After': '7' } }) }), {})
const back = await footfall.retention({ date_range: '14d' })
const journey = await footfall.journey({ date_range: '7d', page: '/' })
console.log(JSON.stringify([back.visitors, journey.from.pages[0].views, answer.results[0].metrics, answer.query.dimensions, wrong, nobody, page]))`
	out, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", script, c.Address, c.Key).CombinedOutput()
	if want := `[{"known":4,"left_out":6},5,[1500,null],["page"],[400,"metrics[0]: unknown metric \"likes\": use ",0],[401,"unknown key: send the header Authorizati",0],[502,"the server answers 502",7]]`; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
	if len(s.asked) != 1 || s.asked[0].Where.Dimension != "country" {
		t.Errorf("asked %+v", s.asked)
	}
}

// funnels is a site with one goal, of whose visitors half take each next step.
type funnels struct{ unchanged }

type unchanged = api.Goals // a field of another name than the method

func (funnels) Goals(context.Context, string) ([]metric.Goal, error) {
	return []metric.Goal{{Name: "Sign up", Act: metric.Act{Event: "Signed Up"}}}, nil
}

func (funnels) Funnel(_ context.Context, f metric.Funnel) (metric.Passage, error) {
	if len(f.Steps) != 2 || f.Steps[1].Event != "Signed Up" || f.Within != 24*time.Hour || f.Steps[0].Where == nil {
		return metric.Passage{}, fmt.Errorf("asked %+v", f)
	}
	return metric.Passage{Visitors: []int64{8, 4}, Source: "events", AsOf: now}, nil
}

// kept is one funnel that the site keeps.
type kept struct{ api.FunnelBook }

func (kept) Funnels(context.Context, string) ([]metric.SavedFunnel, error) {
	f, err := api.ReadSavedFunnel([]byte(`{"within":"24h","steps":[{"name":"Prices","page":"/pricing*","filters":[["is","country",["DE"]]]},{"goal":"Sign up"}]}`), "Order")
	return []metric.SavedFunnel{f}, err
}

// TestFunnels: the client asks for a funnel, and can ask what the answer says was asked.
func TestFunnels(t *testing.T) {
	c, _ := open(t)
	f := client.Funnel{Range: client.Days("2024-03-01", "2024-03-09"), Within: "24h",
		Steps: []client.Step{{Name: "Prices", Page: "/pricing*", Filters: []client.Filter{client.Is(client.ByCountry, "DE")}}, {Goal: "Sign up"}}}
	for range 2 {
		out, err := c.Funnel(t.Context(), f)
		if err != nil || len(out.Steps) != 2 || out.Steps[1].Visitors != 4 || out.Steps[1].StepRate.String() != "50" || out.Steps[0].StepRate != nil || out.Steps[1].Dropoff != 4 || out.Steps[0].Name != "Prices" || !out.Meta.AsOf.Equal(now) {
			t.Fatalf("%+v, %v", out, err)
		}
		f = out.Query
	}
	if out, err := c.Funnel(t.Context(), client.Funnel{Saved: "Order", Range: f.Range}); err != nil || out.Meta.Saved != "Order" || out.Steps[1].Visitors != 4 || out.Query.Steps[0].Name != "Prices" {
		t.Errorf("by its name: %+v, %v", out, err)
	}
	var refused *client.Error
	if _, err := c.Funnel(t.Context(), client.Funnel{Range: client.Named("7d")}); !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(refused.Why, "steps") {
		t.Errorf("without steps: %v", err)
	}
}

// TestExport: events come as the server sends them, and a refusal says why.
func TestExport(t *testing.T) {
	var asked api.ExportQuery
	c, fails := openExport(t, func(_ context.Context, w io.Writer, q api.ExportQuery) error {
		asked = q
		_, err := io.WriteString(w, "a\nb\n")
		return err
	})
	body, err := c.Export(t.Context(), client.Export{Site: "a.example", From: "2024-03-01", To: "2024-03-02", Format: "csv"})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); err != nil || string(text) != "a\nb\n" || asked.Format != "csv" || asked.Window.From.Day() != 1 {
		t.Errorf("%q, %v, asked %+v", text, err, asked)
	}
	var refused *client.Error
	if _, err := c.Export(t.Context(), client.Export{From: "yesterday"}); !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("a wrong day: %v", err)
	}
	if body, err = fails.Export(t.Context(), client.Export{}); err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); err == nil {
		t.Errorf("what was broken off reads as %q", text)
	}
}

// openExport is a server that exports, and one that breaks off behind the first bytes.
func openExport(t *testing.T, export api.Export) (works, breaks client.Client) {
	t.Helper()
	var m accounttest.Memory
	if _, err := m.AddSite(t.Context(), account.Site{Domain: "a.example", Zone: "UTC", Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Read}})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(export api.Export) client.Client {
		server := httptest.NewServer(api.New(query.Source(nil), &m, &m, api.Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Export: export}))
		t.Cleanup(server.Close)
		return client.Client{Address: server.URL, Key: token}
	}
	return serve(export), serve(func(ctx context.Context, w io.Writer, q api.ExportQuery) error {
		_, err := io.WriteString(w, strings.Repeat("x", 1<<16))
		return errors.Join(err, errors.New("the store is away"))
	})
}

// removed answers what is to be deleted and erased, the second time it is asked: the first
// takes too long.
type removed struct{ times *int }

func (r removed) DeleteEvents(ctx context.Context, d api.Deletion, dry bool) (api.Deleted, error) {
	return api.Deleted{DryRun: dry, Site: d.Site.ID, Events: 7, Days: []api.DeletedDay{{Date: "2024-03-01", Events: 7}}}, nil
}

func (r removed) ErasePerson(_ context.Context, e api.Erasure, dry bool) (api.Erased, error) {
	if !dry {
		time.Sleep(300 * time.Millisecond) // longer than an answer may take
		*r.times++
	}
	return api.Erased{DryRun: dry, Site: e.Site.ID, Keys: []string{"user:" + e.User}, Places: []api.ErasedPlace{{Place: "archive", Count: 3}}, Left: []string{}}, nil
}

// TestRemoves: both clients delete what was looked at, erase who was looked for, also where
// that takes longer than an answer, and keep funnels.
func TestRemoves(t *testing.T) {
	var m accounttest.Memory
	times := 0
	if _, err := m.AddSite(t.Context(), account.Site{Domain: "a.example", Zone: "UTC", Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.AddKey(t.Context(), account.Key{Scopes: []account.Scope{account.Everything, account.Erase}})
	if err != nil {
		t.Fatal(err)
	}
	book := &shelf{}
	server := httptest.NewServer(api.New(query.Source(nil), &m, &m, api.Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Timeout: 100 * time.Millisecond, Deletes: removed{&times}, Erases: removed{&times}, Goals: funnels{}, Saved: book}))
	t.Cleanup(server.Close)
	c := client.Client{Address: server.URL, Key: token}
	look, err := c.LookToDelete(t.Context(), client.Deletion{Range: client.Days("2024-03-01", "2024-03-02"), Filters: []client.Filter{client.Contains(client.ByReferrer, "spam.example")}})
	if err != nil || !look.DryRun || look.Plan == "" || look.Days[0].Events != 7 {
		t.Fatalf("%+v, %v", look, err)
	}
	if did, err := c.DeletePlanned(t.Context(), look.Plan); err != nil || did.DryRun || did.Events != 7 {
		t.Errorf("%+v, %v", did, err)
	}
	her, err := c.LookToErase(t.Context(), client.Person{User: "u1"})
	if err != nil || !her.DryRun || her.Keys[0] != "user:u1" {
		t.Fatalf("%+v, %v", her, err)
	}
	if did, err := c.ErasePlanned(t.Context(), her.Plan); err != nil || did.DryRun || did.Places[0].Count != 3 || times != 1 {
		t.Errorf("%+v, %v, %d times", did, err, times)
	}
	var refused *client.Error
	if _, err := c.ErasePlanned(t.Context(), her.Plan); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("again: %v", err)
	}
	of := client.SavedFunnel{Name: "Or/der", Steps: []client.Step{{Page: "/"}, {Goal: "Sign up"}}, Within: "24h"}
	if err := c.SaveFunnel(t.Context(), "a.example", of); err != nil {
		t.Fatal(err)
	}
	if all, err := c.SavedFunnels(t.Context(), "a.example"); err != nil || len(all) != 1 || all[0].Name != "Or/der" || all[0].Steps[1].Goal != "Sign up" || all[0].Within != "24h" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := c.RemoveFunnel(t.Context(), "", "Or/der"); err != nil || len(book.all) > 0 {
		t.Errorf("%v, left %+v", err, book.all)
	}
	const script = `const { Footfall } = await import(process.cwd() + '/footfall.js')
const footfall = new Footfall(...process.argv.slice(1))
const look = await footfall.lookToDelete({ date_range: ['2024-03-01', '2024-03-02'] })
const gone = await footfall.deletePlanned(look.plan)
const her = await footfall.lookToErase({ user_id: 'u2' })
const erased = await footfall.erasePlanned(her.plan)
await footfall.saveFunnel({ name: 'B/y', steps: [{ page: '/' }, { page: '/b' }] }, { site: 'a.example' })
const kept = await footfall.savedFunnels()
await footfall.removeFunnel('B/y')
console.log(JSON.stringify([gone.dry_run, gone.events, erased.dry_run, erased.keys, kept.map(f => f.name), await footfall.savedFunnels()]))`
	out, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", script, c.Address, c.Key).CombinedOutput()
	if want := `[false,7,false,["user:u2"],["B/y"],[]]`; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

// shelf keeps funnels.
type shelf struct{ all []metric.SavedFunnel }

func (s *shelf) Funnels(context.Context, string) ([]metric.SavedFunnel, error) { return s.all, nil }

func (s *shelf) PutFunnel(_ context.Context, _ string, f metric.SavedFunnel) error {
	s.all = append(s.all, f)
	return nil
}

func (s *shelf) RemoveFunnel(context.Context, string, string) error { s.all = nil; return nil }
