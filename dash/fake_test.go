package dash

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/event"
	"footfall/metric"
	"footfall/query"
)

// plausible is a source that invents a site with days, nights and week-ends,
// the same at every call.
type plausible struct {
	now   func() time.Time
	scale float64 // 0 is a site without events

	mu      sync.Mutex
	asked   []metric.Query
	reports []metric.Report
	broken  map[metric.Dimension]error
	wait    time.Duration
	slow    metric.Dimension // what alone waits; "" is all
	tests   bool             // there are experiments
	since   time.Time        // there is nothing before
	gone    string           // a goal or segment that there is not
}

var perHour = map[metric.Name]float64{metric.PageViews: 310, metric.Visitors: 118, metric.Sessions: 134, metric.Bounces: 57, metric.Downloads: 6, metric.GoalCompletions: 5,
	metric.SessionViews: 305, metric.SessionSeconds: 18_500_000, metric.Events: 322, metric.Orders: .8, metric.Revenue: 71_399.5, metric.PageSeconds: 9e6, metric.TimedViews: 200}

var invented = map[metric.Dimension][]string{
	"page": {"/", "/courses/watercolour", "/pricing", "/blog/how-to-mix-greens", "/courses/ink-and-wash", "/about", "/blog/a-very-long-title-that-will-not-fit-into-the-list-of-pages-on-any-phone",
		"/free-lesson", "/courses/portraits", "/affiliates", "/contact"},
	"source": {"", "Google", "atelier.example", "newsletter", "Instagram", "ChatGPT", "Mastodon", "YouTube", "DuckDuckGo", "news.ycombinator.com", "Bing"},
	"class":  {"direct"}, "country": {"DE", "US", "FR", "", "GB", "AT", "JP", "BR", "IN", "NL"}, "device": {"phone", "desktop", "tablet", "tv", ""},
	"region": {"Bavaria (DE-BY)", "Auvergne-Rhône-Alpes (FR-ARA)"}, "city": {"Munich (DE-BY)", "Lyon (FR-ARA)"}, "language": {"de-DE", "en-US"},
	"browser_version": {"Chrome 141", "Safari 26"}, "os": {"Windows", "iOS"}, "os_version": {"Windows 10 or 11", "iOS 26"}, "screen": {"under 576 px", "1920 px and more"},
	"browser":                        {"Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Opera"},
	metric.Property("experiment_id"): {"price-2024", "hero <b>"}, metric.Arm("price-2024"): {"control", "lower"}, metric.Arm("hero <b>"): {"a", "b"},
}

func (p *plausible) Answer(ctx context.Context, q metric.Query) (metric.Dataset, error) {
	if q.Metric == metric.Events && len(q.Filters) == 1 && q.Filters[0].Value == event.Exposure && !p.tests { // whatever the page is filtered by
		return metric.Dataset{Source: "bins", AsOf: p.now()}, nil
	}
	p.mu.Lock()
	p.asked = append(p.asked, q)
	p.mu.Unlock()
	if p.slow == "" || p.slow == q.By {
		select {
		case <-time.After(p.wait):
		case <-ctx.Done():
			return metric.Dataset{}, ctx.Err()
		}
	}
	if err := p.broken[q.By]; err != nil {
		return metric.Dataset{}, err
	}
	if asked, err := json.Marshal([]any{q.Filters, q.Where}); err != nil || p.gone != "" && strings.Contains(string(asked), p.gone) {
		return metric.Dataset{}, &metric.QueryError{Why: "filters: there is no " + p.gone, Gone: true}
	}
	if err := q.Check(); err != nil {
		return metric.Dataset{}, err
	}
	set := metric.Dataset{Source: "events", AsOf: p.now()}
	starts := q.Step.Cut(q.Window, q.Zone)
	series := []string{""}
	if q.By != "" {
		series = invented[q.By]
	}
	for i, name := range series[:min(len(series), max(q.Limit, len(series)*min(1, 1-min(q.Limit, 1))))] {
		part := 1.0
		if q.By != "" {
			part = .34 / math.Pow(float64(i+1), 1.05)
		}
		for j, t := range starts {
			end := q.Window.To
			if j+1 < len(starts) {
				end = starts[j+1]
			}
			n := p.count(q, t, end) * part
			set.Points = append(set.Points, metric.Point{Series: name, Time: t, Value: int64(n), Partial: end.After(p.now()) && q.Step != ""})
		}
	}
	return set, nil
}

// tables are a source's questions for tables; it answers no others.
type tables struct {
	alone
	of query.Tabulator
}

func (t tables) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	return t.of.Tabulate(ctx, r)
}

// Tabulate answers a report of one dimension out of the answers for each metric.
func (p *plausible) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	p.mu.Lock()
	p.reports = append(p.reports, r)
	p.mu.Unlock()
	if err := r.Check(); err != nil {
		return metric.Table{}, err
	}
	if len(r.By) == 0 {
		return query.Tabulated(p, p.now).Tabulate(ctx, r)
	}
	q := metric.Query{Site: r.Site, Window: r.Window, Zone: r.Zone, By: r.By[0]}
	var single bool
	if q.Filters, single = r.Where.Filters(); !single {
		q.Where = r.Where
	}
	parts, rows := r.Parts(), map[string]*metric.Row{}
	for i, m := range parts {
		q.Metric = m
		set, err := p.Answer(ctx, q)
		if err != nil {
			return metric.Table{}, err
		}
		for _, point := range set.Points {
			if rows[point.Series] == nil {
				rows[point.Series] = &metric.Row{Keys: append([]string{point.Series}, make([]string, len(r.By)-1)...), Values: make([]metric.Value, len(parts))}
			}
			rows[point.Series].Values[i].N = point.Value
		}
	}
	t := metric.Table{Source: "events", AsOf: p.now(), Total: len(rows)}
	for _, row := range rows {
		counts := make([]int64, len(parts))
		for i, v := range row.Values {
			counts[i] = v.N
		}
		t.Rows = append(t.Rows, metric.Row{Keys: row.Keys, Values: r.Values(parts, counts)})
	}
	t.Rows = r.Page(t.Rows)
	for _, experiment := range r.Experiments() {
		t.Exposed = append(t.Exposed, metric.Exposed{Experiment: experiment, Units: 1250, Mixed: 15})
	}
	return t, nil
}

// count invents how much happened between two instants.
func (p *plausible) count(q metric.Query, from, to time.Time) float64 {
	n := 0.0
	if p.now().Before(to) {
		to = p.now()
	}
	if from.Before(p.since) {
		from = p.since
	}
	for t := from; t.Before(to); t = t.Add(time.Hour) {
		hours := min(1, to.Sub(t).Hours())
		x := float64(t.Unix()) / 3600
		wave := 1 + .75*math.Sin((x-9)*math.Pi/12) + .12*math.Sin(x*1.7) + .2*math.Sin(x/61)
		if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
			wave *= .62
		}
		n += hours * wave * perHour[q.Metric] * p.scale * max(0, 1+.00009*(x-float64(p.now().Unix())/3600))
	}
	for range q.Filters {
		n *= .27
	}
	return max(0, n)
}

// world is a dashboard over invented figures, and what it stands on.
type world struct {
	http.Handler
	source  *plausible
	control *accounttest.Memory
	site    account.Site
	besides *inventions
}

var fixed = time.Date(2024, 5, 16, 14, 32, 7, 0, time.FixedZone("CEST", 2*3600))

func newWorld(t testing.TB, now func() time.Time, domains ...string) world {
	t.Helper()
	return newWorldWith(t, Options{Now: now}, domains...)
}

func newWorldWith(t testing.TB, o Options, domains ...string) world {
	t.Helper()
	w := world{source: &plausible{now: o.Now, scale: 1}, control: &accounttest.Memory{}}
	for _, domain := range slices.Backward(domains) {
		var err error
		if w.site, err = w.control.AddSite(t.Context(), account.Site{Domain: domain, Zone: "Europe/Berlin", WriteKey: "ffw_" + domain}); err != nil {
			t.Fatal(err)
		}
	}
	o.Status = func(context.Context) (Status, error) { return Status{1_204_311, 1_203_998, 301, 0, 12, 0}, nil }
	w.besides = &inventions{plausible: w.source}
	o.Questions, o.Goals, o.Funnels, o.Notes, o.Saved = w.besides, w.besides, w.besides, w.control, w.control
	w.Handler = New(w.source, w.control, w.control, o)
	return w
}

// TestLook serves the invented figures for a person to look at, for as long
// as the test runs: FOOTFALL_LOOK=127.0.0.1:8999 go test -run TestLook -timeout 1h ./dash
func TestLook(t *testing.T) {
	address := os.Getenv("FOOTFALL_LOOK")
	if address == "" {
		t.Skip("FOOTFALL_LOOK names no address to serve at")
	}
	full, empty := newWorld(t, time.Now, "atelier.example", "blog.atelier.example", "shop.example"), newWorld(t, time.Now, "new.example")
	empty.source.scale = 0
	broken := newWorld(t, time.Now, "broken.example")
	broken.source.broken = map[metric.Dimension]error{"source": context.DeadlineExceeded, "device": os.ErrClosed}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		_ = full.besides.PutGoal(t.Context(), full.site.ID, metric.Goal{Name: []string{"Sign up", "Order with a name that is long, much longer than any name should ever be, but may be", "Thanks"}[i], Act: metric.Act{Page: "/thanks*"}, Value: int64(i) * 1_234_567_890})
	}
	_ = full.besides.PutFunnel(t.Context(), full.site.ID, metric.SavedFunnel{Name: "Checkout", Steps: []metric.Step{{Act: metric.Act{Page: "/products/*"}}, {Act: metric.Act{Event: "Product Added"}}, {Goal: "Thanks"}}})
	for _, n := range []account.Note{{When: time.Now().AddDate(0, 0, -9).Format(time.DateOnly), Text: "New shop"}, {When: time.Now().AddDate(0, 0, -3).Format(time.RFC3339), Text: "Newsletter of a length that is nearly what is allowed, so that it takes more than a line of a phone, " + strings.Repeat("and on ", 12)}} {
		n.Site, n.Who = full.site.ID, "operator"
		_, _ = full.control.AddNote(t.Context(), n)
	}
	worlds := map[string]world{"": full, "empty": empty, "broken": broken, "none": newWorld(t, time.Now)}
	err = http.Serve(listener, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		which, _ := r.Cookie("world")
		w := full
		if which != nil {
			w = worlds[which.Value]
		}
		if guest, _ := r.Cookie("guest"); guest == nil {
			session, _ := w.control.AddSession(r.Context(), "")
			r.AddCookie(&http.Cookie{Name: cookie, Value: session})
		}
		w.ServeHTTP(rw, r)
	}))
	t.Log(err)
}
