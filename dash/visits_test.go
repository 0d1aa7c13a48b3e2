package dash

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"footfall/metric"
	"footfall/period"
)

func TestRetentionPage(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	_, b := w.two(t)
	path := "/retention?site=" + w.site.ID + "&period=Last90Days"
	page := b.want(b.do("GET", path+"&country=DE", nil), 200, "Who came back", ">Week<", `class="num h7"`, "50%<", "33%", `<span class="unseen"> so far</span>`, "(not over yet)", "1,630 of 2,032 visitors are left out", "Filters are on the visitor’s first event")
	r := w.besides.put[len(w.besides.put)-1].(metric.Retention)
	if r.Step != period.Week || r.Where == nil || r.Return != nil || strings.Contains(page, ">Day<") {
		t.Errorf("asked %+v", r)
	}
	c, err := w.besides.Retain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	first, last := c.Rows[0], c.Rows[len(c.Rows)-1] // which has no step behind it
	lacks(t, page, whole(tongue{}, first.Returned[0].Visitors)+" of "+whole(tongue{}, first.Size)+", "+tongue{}.percent(share(first.Returned[0].Visitors, first.Size)))
	if rows := strings.Count(page, `<th scope="row">`); rows != len(c.Rows)+1 {
		t.Errorf("%d rows of %d cohorts", rows, len(c.Rows))
	}
	b.want(b.do("GET", path+"&show=visitors", nil), 200, `>`+whole(tongue{}, first.Returned[0].Visitors)+`<`)
	b.want(b.do("GET", path+"&cohorts=month&returning=Order+Completed", nil), 200, `value="Order Completed"`, "an event “Order Completed”")
	r = w.besides.put[len(w.besides.put)-1].(metric.Retention)
	if r.Step != period.Month || r.Return == nil || r.Return.Values[0] != "Order Completed" {
		t.Errorf("asked %+v", r)
	}
	if err := w.besides.PutGoal(t.Context(), w.site.ID, metric.Goal{Name: "Say <b>thanks</b>", Act: metric.Act{Page: "/thanks"}}); err != nil {
		t.Fatal(err)
	}
	b.want(b.do("GET", path, nil), 200, "<option>Say <b>thanks</b></option>")
	b.want(b.do("GET", path+"&reached=Say+%3Cb%3Ethanks%3C%2Fb%3E&returning=x", nil), 200, "<option selected>Say", "reaching the goal “Say <b>thanks</b>”", `name="returning" value=""`)
	if q := w.besides.put[len(w.besides.put)-1].(metric.Retention); q.Return == nil || q.Return.Dimension != metric.OfGoal || q.Return.Values[0] != "Say <b>thanks</b>" {
		t.Errorf("asked %+v", q)
	}
	wantFile(t, b, path+"&csv=cohorts", "cohort,size,step,start,visitors,rate,partial", first.Start.In(r.Zone).Format("2006-01-02")+",200,0,", ",200,100,false", ",66,33,false", last.Start.In(r.Zone).Format("2006-01-02")+",")
	w.source.scale = 0
	b.want(b.do("GET", path, nil), 200, "no visitor has an id that lasts")
	w.besides.failing = errors.New("secret reason")
	if page := b.want(b.do("GET", path, nil), 200, "could not be counted"); strings.Contains(page, "secret") {
		t.Error("the page tells what is for the log")
	}
	w.besides.failing = &metric.QueryError{Why: "step: take a longer one"}
	b.want(b.do("GET", path, nil), 200, "take a longer one")
}

func TestJourneysPage(t *testing.T) {
	w := newWorld(t, now, "atelier.example")
	_, b := w.two(t)
	path := "/journeys?site=" + w.site.ID
	// Without a page it is the one that was seen most.
	b.want(b.do("GET", path, nil), 200, `value="/"`, "Came before", "/checkout/previous", "Came next", "/checkout/next", "42%", "Entered here", "Left here", "33%", "Other pages", "3 of them in no session")
	page := b.want(b.do("GET", path+"&at=/pricing&country=DE&period=Last7Days", nil), 200, `<h3 class="long">/pricing</h3>`)
	asked := w.besides.put[len(w.besides.put)-2:]
	for _, q := range asked {
		if j := q.(metric.Journey); j.Page != "/pricing" || j.Where == nil || j.Site != w.site.ID {
			t.Errorf("asked %+v", j)
		}
	}
	if on := regexp.MustCompile(`href="(/journeys\?[^"]*)" title="/checkout/next"`).FindStringSubmatch(page); on == nil || !strings.Contains(on[1], "at=%2Fcheckout%2Fnext") || !strings.Contains(on[1], "period=Last7Days") || !strings.Contains(on[1], "country=DE") {
		t.Errorf("the next page leads to %q", on)
	}
	b.want(b.do("GET", path+"&kind=event&at=Order+Completed", nil), 200, "events", "Of each event")
	if j := w.besides.put[len(w.besides.put)-1].(metric.Journey); j.Event != "Order Completed" || j.Page != "" {
		t.Errorf("asked %+v", j)
	}
	wantFile(t, b, path+"&at=/pricing&csv=journeys", "direction,page,what,views", "previous,/checkout/previous,page,50", "next,,ended,40", "next,,others,7")
	w.besides.failing = errors.New("secret reason")
	b.want(b.do("GET", path, nil), 200, "could not be counted")
	empty := newWorld(t, now, "new.example")
	empty.source.scale = 0
	lacks(t, empty.get(t, "/journeys"), "Nobody came in this period")
}

func TestNotesPage(t *testing.T) {
	w := newWorld(t, now, "atelier.example", "shop.example")
	admin, viewer := w.two(t)
	at := "?site=" + w.site.ID
	viewer.want(viewer.do("GET", "/notes"+at, nil), 200, "No notes yet")
	note := []string{"day", "2024-05-13", "text", "New <b>shop</b>"}
	w.refuses(t, admin, viewer, "/notes", note...)
	admin.want(admin.send("/notes"+at, note...), http.StatusSeeOther)
	admin.want(admin.send("/notes"+at, "day", "2024-05-14", "time", "14:30", "text", "Newsletter"), http.StatusSeeOther)
	admin.want(admin.send("/notes"+at, "day", "2023-05-14", "text", "Long ago"), http.StatusSeeOther)
	admin.want(admin.send("/notes"+at, "day", "2024-06-01", "text", "To come"), http.StatusSeeOther)
	admin.want(admin.send("/notes"+at, "day", "soon", "text", "Kept in the form"), http.StatusUnprocessableEntity, "Day is a day such as", `value="Kept in the form"`, `aria-invalid="true"`)
	admin.want(admin.send("/notes"+at, "day", "2999-01-01", "text", "Far"), http.StatusUnprocessableEntity, "Day is from 1990-01-01 to ", ", a year ahead", `value="2999-01-01" required aria-invalid="true"`)
	admin.want(admin.send("/notes"+at, "day", "2024-05-14", "time", "late", "text", "x"), http.StatusUnprocessableEntity, "Time is one such as 14:30")
	page := viewer.want(viewer.do("GET", "/notes"+at, nil), 200, "Monday 13 May 2024", "Tuesday 14 May 2024, 14:30", "somebody of the site", "Long ago")
	if strings.Contains(page, "<button>Remove") || strings.Index(page, "Newsletter") > strings.Index(page, "Long ago") {
		t.Error("a viewer may remove notes, or the oldest comes first")
	}
	// In the chart, those of the period, at their steps; not for who has a share's link.
	board := viewer.want(viewer.do("GET", "/"+at, nil), 200, "13 May: New <b>shop</b>", "14 May, 14:30: Newsletter")
	if n := strings.Count(board, `<g class="mark">`); n != 2 || strings.Contains(board, "Long ago") || strings.Contains(board, "To come") {
		t.Errorf("%d marks", n)
	}
	viewer.want(viewer.send("/notes"+at, "day", "2024-05-14", "text", "x"), http.StatusForbidden)
	if n := strings.Count(board, ` data-notes="14 May, 14:30: Newsletter"`); n != 1 { // its step tells it, too
		t.Errorf("%d steps tell the note", n)
	}
	if text := isolated("שלום (2)"); text != "\u2068שלום (2)\u2069" || isolated("New (2)") != "New (2)" {
		t.Errorf("%q stands in its own direction", text)
	}
	if raw := viewer.do("GET", "/"+at, nil).Body.String(); strings.Contains(raw, "<b>shop") {
		t.Error("the text is not escaped")
	}
	all, err := w.control.Notes(t.Context(), w.site.ID)
	if err != nil || len(all) != 4 || all[2].When != "2024-05-14T12:30:00Z" {
		t.Fatalf("kept are %+v, %v", all, err)
	}
	// A note is changed in the form that it was written in.
	admin.want(admin.do("GET", "/notes"+at+"&edit="+all[2].ID, nil), 200, "Change a note", `value="2024-05-14"`, `value="14:30"`, `value="Newsletter"`)
	admin.want(admin.send("/notes"+at, "note", all[2].ID, "day", "2024-05-14", "time", "late", "text", "Letter"), http.StatusUnprocessableEntity, "Change a note", `value="Letter"`)
	admin.want(admin.send("/notes"+at, "note", all[2].ID, "day", "2024-05-14", "time", "15:30", "text", "Letter"), http.StatusSeeOther)
	if now, err := w.control.Notes(t.Context(), w.site.ID); err != nil || len(now) != 4 || now[2].ID != all[2].ID || now[2].Text != "Letter" || now[2].When != "2024-05-14T13:30:00Z" {
		t.Errorf("changed are %+v, %v", now, err)
	}
	if page := viewer.do("GET", "/notes"+at+"&edit="+all[0].ID, nil).Body.String(); strings.Contains(page, "Change a note") {
		t.Error("a viewer may change notes")
	}
	w.refuses(t, admin, viewer, "/notes/"+all[0].ID+"/remove")
	admin.want(admin.send("/notes/"+all[0].ID+"/remove"+at), http.StatusSeeOther)
	admin.want(admin.send("/notes/"+all[0].ID+"/remove"+at), http.StatusNotFound)
	// What is changed while somebody removes it is kept.
	admin.want(admin.send("/notes"+at, "note", all[0].ID, "day", "2023-05-15", "text", "Later"), http.StatusSeeOther)
	admin.want(admin.do("GET", "/notes"+at, nil), 200, "Monday 15 May 2023", "Later")
	if got := w.changes(t); len(got) != 7 || !slices.Contains(got, "note change atelier-example "+all[2].ID) || !slices.Contains(got, "note remove atelier-example "+all[0].ID) {
		t.Errorf("the audit log says %q", got)
	}
}

// TestDarkestOf: colours are of a round rate above all others, and few are pale.
func TestDarkestOf(t *testing.T) {
	for highest, want := range map[float64]float64{0: 10, 0.1: 10, 10: 10, 10.1: 25, 33: 50, 50.1: 100, 100: 100} {
		if got := darkestOf(highest); got != want {
			t.Errorf("of %v the darkest is %v, want %v", highest, got, want)
		}
	}
	v := &retentionView{}
	if c := v.cell(tongue{}, 1, 1000, darkestOf(0.1), "x"); c.Heat != 1 {
		t.Errorf("0.1 %% has heat %d", c.Heat)
	}
}
