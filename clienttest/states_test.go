package clienttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/dash"
	"footfall/metric"
	"footfall/query"
)

// odd answers for sites that are in every state which a page may have to show.
type odd struct {
	now  time.Time
	of   map[string]string // what a site is, by its id
	many int64             // of everything, at the site that has much
}

// names that are hard to draw: without a space to break at, from right to left, of many
// code points that are one sign.
var hard = []string{
	"/" + strings.Repeat("averylongnamewithoutanyspace", 72)[:1999],
	"/مقالات/كيف-تختار-أفضل-متجر-إلكتروني-لشراء-الملابس-الشتوية-في-هذا-العام-وكل-عام",
	"/בלוג/שלום-עולם", "/👩‍👩‍👧‍👦/🏳️‍🌈/🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉", "/日本語のとても長いページの名前がここにあります日本語のとても長いページの名前がここにあります",
	"/\u202egnp.exe", "/<b>&amp;\"'", "/a",
}

func (o odd) Answer(_ context.Context, q metric.Query) (metric.Dataset, error) {
	is, late := o.of[q.Site], time.Duration(0)
	switch {
	case is == "broken" && (q.By == "source" || q.By == "country" || q.By == "page" && q.Metric == metric.Downloads || q.Metric == metric.Bounces):
		return metric.Dataset{}, errors.New("the disk is gone")
	case is == "gone":
		return metric.Dataset{}, errGone
	case is == "slow" && q.By != "":
		return metric.Dataset{}, context.DeadlineExceeded
	case is == "late":
		late = 11 * time.Minute
	}
	names := []string{""}
	if q.By != "" {
		names = hard
	}
	if q.By == "country" {
		names = []string{"DE", "FR", "AT"}
	}
	set := metric.Dataset{Source: "events", AsOf: time.Now().Add(-late)}
	for i, name := range names[:min(len(names), max(q.Limit, len(names)*min(1, 1-min(q.Limit, 1))))] {
		for _, at := range q.Step.Cut(q.Window, q.Zone) {
			n := int64(1000 / (i + 1))
			switch is {
			case "empty":
				n = 0
			case "much":
				n = o.many/int64(i+1) - 1
			}
			set.Points = append(set.Points, metric.Point{Series: name, Time: at, Value: n})
		}
	}
	return set, nil
}

// Tabulate answers for several figures at once, as late as for one.
func (o odd) Tabulate(ctx context.Context, r metric.Report) (metric.Table, error) {
	t, err := query.Tabulated(o, time.Now).Tabulate(ctx, r)
	if o.of[r.Site] == "late" {
		t.AsOf = t.AsOf.Add(-11 * time.Minute)
	}
	return t, err
}

var errGone = errors.New("nothing answers")

func (odd) Funnel(context.Context, metric.Funnel) (metric.Passage, error) {
	return metric.Passage{}, errGone
}
func (odd) Retain(context.Context, metric.Retention) (metric.Cohorts, error) {
	return metric.Cohorts{}, errGone
}
func (odd) Follow(context.Context, metric.Journey) (metric.Paths, error) {
	return metric.Paths{}, errGone
}

// telling is a page that has to say something.
type telling struct {
	shown
	Says []string `json:"says"`
}

// TestStates: a site without events, one with long and strange names and huge figures, and
// one whose figures fail, come late or not at all are drawn whole, in every size and
// scheme: what fails says so in its own box, and the rest is there.
func TestStates(t *testing.T) {
	needChromium(t)
	t.Parallel()
	control, o := &accounttest.Memory{}, odd{now: time.Now(), of: map[string]string{}, many: 1_000_000_000_000}
	ids := map[string]string{}
	for _, is := range []string{"empty", "broken", "gone", "slow", "late", "much"} {
		domain := is + ".example"
		if is == "much" {
			domain = strings.Repeat("m", 48) + ".example.org"
		}
		site, err := control.AddSite(t.Context(), account.Site{Domain: domain, Zone: "Europe/Berlin", Currency: "EUR", WriteKey: "ffw_" + is})
		if err != nil {
			t.Fatal(err)
		}
		o.of[site.ID], ids[is] = is, site.ID
	}
	note := account.Note{Site: ids["much"], When: o.now.AddDate(0, 0, -3).Format(time.DateOnly), Text: strings.Repeat("averylongnamewithoutanyspace", 7) + " שלום 🎉", Who: "operator"}
	if _, err := control.AddNote(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	door := dash.New(o, control, control, dash.Options{Questions: o, Log: slog.New(slog.DiscardHandler), Notes: control, Status: func(context.Context) (dash.Status, error) {
		return dash.Status{Accepted: 1_000_000_000_301, Stored: 999_999_999_988, Duplicates: 301, Waiting: 12}, nil
	}})
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	login, err := control.AddLink(t.Context(), account.ForLogin, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var pages []telling
	add := func(name, is, path, open string, says ...string) {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		pages = append(pages, telling{shown{Name: "state-" + name, As: "operator", At: fmt.Sprint(path, join, "site=", ids[is]), Open: open}, says})
	}
	failed := "This could not be counted."
	add("empty", "empty", "/", "", "Listening…", "data-site=\"ffw_empty\"")
	add("empty-retention", "empty", "/retention", "")
	add("broken", "broken", "/", "", failed, "Pages", "1,000", "averylong")
	add("gone", "gone", "/", "", failed, "Visitors", "what is kept of visitors")
	add("gone-details", "gone", "/?detail=page", "", failed)
	add("gone-filter", "gone", "/?add=page", "", "There are no suggestions")
	add("gone-retention", "gone", "/retention", "")
	add("gone-journeys", "gone", "/journeys", "")
	add("slow", "slow", "/", "", "This took too long.", "Visitors", "1,000")
	add("late", "late", "/", "", " min behind")
	add("late-known", "late", "/", "#known-Visitors summary", "As of")
	add("much", "much", "/?period=Today", "", "999,999,999,999")
	add("much-known", "much", "/?period=Today", "#known-Visitors summary", "999,999,999,999")
	add("much-table", "much", "/?period=Today", "#table summary")
	add("much-compared", "much", "/?metric=PageViews", "#period summary")
	add("much-details", "much", "/?detail=page&period=Today", "", "averylong", "שלום")
	add("much-filtered", "much", "/?page="+hard[0][:1900]+"&page.contains="+hard[3]+"&title.is_not="+hard[1], ".add summary")
	add("much-asking", "much", "/?add=page", "")
	add("much-notes", "much", "/notes", "", "שלום")
	add("much-sites", "much", "/sites", "")
	checkPages(t, server.URL, map[string]string{"operator": server.URL + "/login?link=" + login}, pages)
}
