package api

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
)

// startPart is the programme of startProgramme with reports.
func startPart(t *testing.T) (programme, *tables) {
	t.Helper()
	p, s := startProgramme(t), &tables{}
	p.Config.Handler = New(p.source, p.memory, p.memory, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Reports: s,
		Affiliate: func(id string) (metric.Affiliate, []string, bool) {
			sites := map[string][]string{anna: {"a-example", "b-example"}, ben: {"a-example", "b-example"}, carl: {"other-example"}}[id]
			return metric.Affiliate{ID: id, Codes: []string{id}}, sites, sites != nil
		},
		Share: func(context.Context, string) (account.Share, error) { return account.Share{Site: "a-example"}, nil },
		Embed: func(_ context.Context, token string) (account.Embed, error) {
			e := account.Embed{Site: "a-example", Metrics: []string{"Visitors", "PageViews"}}
			if strings.HasSuffix(token, "anna") {
				e.Affiliate, e.Metrics = anna, []string{"Clicks", "PageViews"}
			}
			return e, nil
		}})
	return p, s
}

// everywhere spells questions that name a dimension in each place that a
// question has; harmless tells of those that ask of nothing but what is counted.
func everywhere(m metric.Name, d metric.Dimension, site string) (harmless, done []string) {
	ask := func(fields string) string {
		return fmt.Sprintf(`{"site_id":%q,"metrics":[%q],"date_range":"7d",%s}`, site, m, fields)
	}
	is := fmt.Sprintf(`["is",%q,[%q]]`, d, ben)
	harmless = []string{
		ask(fmt.Sprintf(`"dimensions":[%q]`, d)), ask(fmt.Sprintf(`"dimensions":["time:day",%q],"order_by":[[%[1]q,"desc"],[%q,"asc"]],"include":{"compare":"previous_period","total_rows":true}`, d, m)),
		ask(`"filters":[` + is + `],"include":{"compare":["2020-01-01","2020-01-02"]}`), ask(`"filters":[["not",` + is + `]]`), ask(`"filters":[["or",[` + is + `,["and",[["is_not","page",["/"]],` + is + `]]]]]`),
		ask(fmt.Sprintf(`"filters":[["matches_not",%q,["^b"]],["contains",%[1]q,["e"],{"case_sensitive":true}]]`, d)), strings.Replace(ask(`"filters":[`+is+`],"bots":true`), `"7d"`, `"all"`, 1),
	}
	for _, word := range []string{"has_done", "has_not_done"} {
		done = append(done, ask(`"filters":[["`+word+`",`+is+`]]`), ask(`"filters":[["not",["or",[["is","page",["/"]],["`+word+`",["and",[`+is+`]]]]]]]`))
	}
	return harmless, done
}

// TestReportOfAPart: whatever metric, dimension, condition, order and comparison who
// sees only a part asks for, the source is asked of this part, or not at all; and what
// visitors did besides is asked by nobody who does.
func TestReportOfAPart(t *testing.T) {
	p, s := startPart(t)
	beyond := []metric.Dimension{metric.EntryPage, metric.ExitPage, metric.Property("plan"), metric.Property("email")}
	for _, key := range []string{"anna", "embed", "embed of anna"} {
		told := 0
		for _, m := range metric.Names {
			for _, d := range slices.Concat(metric.Dimensions, beyond[2:]) {
				if !slices.Contains([]metric.Name{metric.PageViews, metric.Clicks}, m) && !slices.Contains([]metric.Dimension{"source", "affiliate", metric.EntryPage}, d) {
					continue // each with some is enough
				}
				harmless, done := everywhere(m, d, "a-example")
				for i, body := range slices.Concat(harmless, done) {
					s.asked = nil
					status, answer := p.post(t, p.keys[key], body)
					if status != 200 && status != 400 || status == 200 && (i >= len(harmless) || slices.Contains(beyond, d)) || status == 400 && len(s.asked) > 0 && !strings.Contains(body, `"all"`) {
						t.Fatalf("%s, asked %d times: %s: %d %.300s", key, len(s.asked), body, status, answer)
					}
					for _, r := range s.asked {
						told++
						if own := r.Affiliate; r.Site != "a-example" || key != "embed" && (own == nil || own.ID != anna || fmt.Sprint(own.Codes) != "["+anna+"]") || key != "anna" && !slices.Contains([]metric.Name{"Visitors", "PageViews", "Clicks"}, r.Metrics[0]) || key != "embed" && r.Metrics[0] == metric.Events {
							t.Fatalf("%s: %s asked %+v", key, body, r)
						}
					}
				}
			}
		}
		if least := map[string]int{"anna": 400, "embed": 200, "embed of anna": 100}[key]; told < least {
			t.Errorf("%s was told %d times only", key, told)
		}
	}
}

// TestWhoMayAskForAReport: the answer to each sort of key.
func TestWhoMayAskForAReport(t *testing.T) {
	p, s := startPart(t)
	p.keys["nobody"], p.keys["share"], p.keys["unknown"] = "", "ffr_x", "ffk_x"
	ask := func(metrics, site, more string) string {
		return fmt.Sprintf(`{"site_id":%q,"metrics":[%s],"date_range":"7d"%s}`, site, metrics, more)
	}
	for _, x := range []struct {
		key, body string
		status    int
		says      string
	}{
		{"nobody", ask(`"visitors"`, "a.example", ""), 401, "no key"}, {"unknown", ask(`"visitors"`, "a.example", ""), 401, "unknown key"}, {"share", ask(`"visitors"`, "a.example", ""), 401, "unknown key"},
		{"anna of a site", ask(`"clicks"`, "b.example", ""), 200, "results"}, {"two who read", ask(`"clicks"`, "other.example", ""), 200, "results"},
		{"anna", ask(`"clicks"`, "other.example", ""), 400, "site_id: unknown site"}, {"anna", ask(`"revenue"`, "a.example", ""), 400, "Revenue is not told of one affiliate"}, {"anna", ask(`"clicks","average_revenue"`, "a.example", ""), 400, "AverageOrder is not told of one affiliate"},
		{"anna", ask(`"events"`, "a.example", ""), 400, "Events is not told of one affiliate"}, {"anna", ask(`"visitors"`, "a.example", `,"filters":[["has_done",["is","source",["theirs"]]]]`), 400, "leave has_done"},
		{"anna", ask(`"visitors"`, "a.example", `,"dimensions":["visit:entry_page"]`), 400, "not by entry_page"}, {"anna", ask(`"visitors"`, "a.example", `,"dimensions":["event:props:x"]`), 400, "not by property:x"},
		{"embed", ask(`"visitors","visits"`, "a.example", ""), 400, "this token shows Visitors, PageViews, not Sessions"}, {"embed", ask(`"visitors"`, "b.example", ""), 400, "site_id: unknown site"}, {"embed", ask(`"visitors"`, "a.example", `,"filters":[["has_not_done",["is","event",["Order Completed"]]]]`), 400, "leave has_done"},
		{"embed of anna", ask(`"clicks"`, "a.example", `,"filters":[["is","affiliate",["theirs01"]]]`), 200, "results"}, {"embed of anna", ask(`"commissions"`, "a.example", ""), 400, "this token shows Clicks, PageViews"},
		{"embed", ask(`"nonsense"`, "a.example", ""), 400, "use one of Visitors, PageViews\"}"}, {"embed", `{"site_id":"a.example","date_range":"7d"}`, 400, "use some of Visitors, PageViews\"}"}, {"embed of anna", ask(`"nonsense"`, "a.example", ""), 400, "use one of Clicks, PageViews\"}"},
		{"anna", ask(`"nonsense"`, "a.example", ""), 400, "Commissions, "}, {"read", ask(`"nonsense"`, "a.example", ""), 400, "Revenue, "},
		{"read", ask(`"visitors"`, "other.example", `,"filters":[["has_done",["is","property:x",["y"]]]]`), 200, "results"}, {"admin of a site", ask(`"visitors"`, "b.example", ""), 400, "unknown site"},
	} {
		s.asked = nil
		status, answer := p.post(t, p.keys[x.key], x.body)
		if x.key == "anna of a site" { // its programme has a site that the key has not
			if ids := asked(s); strings.Contains(ids, ben) {
				t.Errorf("%s: %s", x.key, ids)
			}
			continue
		}
		if status != x.status || !strings.Contains(answer, x.says) || status != 200 && len(s.asked) > 0 {
			t.Errorf("%s asked %s: %d %s, want %d %s", x.key, x.body, status, answer, x.status, x.says)
		}
	}
	if status, _ := start(t).post(t, "", "{}"); status != 405 {
		t.Errorf("a server without reports: %d", status)
	}
}

func asked(s *tables) (all string) {
	for _, r := range s.asked {
		all += fmt.Sprint(r.Site, r.Affiliate)
	}
	return all
}

// TestAskable: who may see a part is told of what is in it, and an affiliate of nothing that
// is refused to one.
func TestAskable(t *testing.T) {
	all := asker{own: &metric.Affiliate{ID: "anna"}}.metrics()
	for _, m := range []metric.Name{metric.Clicks, metric.Commissions, metric.Visitors, metric.Revenue, metric.Events, metric.GoalCompletions} {
		if want := !slices.Contains([]metric.Name{metric.Revenue, metric.Events, metric.GoalCompletions}, m); slices.Contains(all, m) != want {
			t.Errorf("%s may be asked for by an affiliate: %v, of %v", m, !want, all)
		}
	}
	if why := (asker{}).askable("use one of " + listed(metric.Names)); why != "use one of "+listed(metric.Names) {
		t.Errorf("who may see everything is told %s", why)
	}
}
