package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/digest"
	"footfall/event"
	"footfall/mail"
	"footfall/mail/mailtest"
	"footfall/metric"
	"footfall/period"
	"footfall/query"
)

// letterAt writes a subscription's report as it is at a moment.
func (h *home) letterAt(now time.Time, s account.Subscription) mail.Message {
	h.t.Helper()
	m := digest.NewMailing(h.control, digest.Sources{Tables: h, Earned: earned{h.house}, Desk: h.desk}, digest.Options{Now: func() time.Time { return now }, Origin: "https://stats.example", Server: "stats.example"})
	letter, why, err := m.Newest(h.t.Context(), s)
	must(h.t, err)
	if why != "" {
		h.t.Fatal(why)
	}
	return letter
}

// letterFigures are the figures of a letter's text, now and before, without spaces
// between thousands: by the name of a sum, or the title of a list and a value.
func letterFigures(text string) map[string][2]string {
	all, list, before := map[string][2]string{}, "", ""
	for _, line := range strings.Split(strings.ReplaceAll(text, "\u202f", ""), "\n") {
		cells := regexp.MustCompile(` {3,}`).Split(line, -1)
		switch {
		case strings.HasPrefix(line, "    ") && before != "":
			list = before + ": "
		case len(cells) >= 3 && cells[0] != "":
			all[list+cells[0]] = [2]string{cells[1], cells[2]}
		}
		before = line
	}
	return all
}

// traded makes people who look at pages, download and buy, over the days of three weeks.
func traded(site string, from time.Time) (all []event.Event) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 600 {
		at := from.Add(time.Duration(rnd.Int64N(int64(21 * 24 * time.Hour)))).Truncate(time.Second)
		e := view(site, fmt.Sprint("/p", rnd.IntN(12)), at.Format(time.RFC3339), 1+rnd.Uint64N(200))
		e.ID = fmt.Sprint("e", i)
		e.Source, e.Class, e.Country = []string{"", "Google", "shop.example", "Mastodon"}[rnd.IntN(4)], []string{"direct", "search", "internal", "social"}[rnd.IntN(4)], []string{"DE", "FR", ""}[rnd.IntN(3)]
		switch rnd.IntN(12) {
		case 0:
			e.Kind, e.Name = event.Track, event.Download
		case 1:
			e.Kind, e.Name, e.Properties = event.Track, "Order Completed", fmt.Sprintf(`{"order_id":"o%d","revenue":%d.25,"currency":"EUR"}`, i, rnd.IntN(4000))
		}
		all = append(all, e)
	}
	return all
}

// TestLetterIsTheQuery (law 8): each figure of a letter is that of the same query at
// any door, and what can be recounted plainly is the recount.
func TestLetterIsTheQuery(t *testing.T) {
	h := newHome(t)
	zone, err := time.LoadLocation("Asia/Kathmandu")
	must(t, err)
	site, err := h.sites.AddSite(t.Context(), account.Site{Domain: "shop.example", Zone: zone.String(), Currency: "EUR"})
	must(t, err)
	all := traded(site.ID, time.Date(2026, 5, 4, 0, 0, 0, 0, zone).UTC())
	h.publish(all...)
	now := time.Date(2026, 5, 25, 3, 0, 0, 0, zone)
	for _, rolled := range []bool{false, true} {
		if rolled {
			if fault, code := h.typed(nil, "roll"); code != 0 {
				t.Fatal(fault)
			}
		}
		for _, rhythm := range account.Rhythms {
			if rolled && rhythm != account.Weekly {
				continue // bins answer as the events did
			}
			letter := h.letterAt(now, account.Subscription{ID: "sub", Site: site.ID, Email: "a@a.com", Rhythm: rhythm})
			told, p := letterFigures(letter.Text), digest.Last(rhythm, now, zone)
			asked := 0
			for name, figures := range told {
				for i, w := range []period.Window{p.Window(zone), p.Before().Window(zone)} {
					if want, known := h.asLetter(site, w, name); !known || figures[i] != want {
						t.Errorf("%s, rolled %v: %s is %q, the query says %q", rhythm, rolled, name, figures[i], want)
					}
					asked++
				}
			}
			least := map[account.Rhythm]int{account.Daily: 30, account.Weekly: 40, account.Monthly: 0}[rhythm]
			if asked < least || len(letter.Images) == 0 && rhythm != account.Monthly {
				t.Errorf("%s: only %d figures and %d pictures in\n%s", rhythm, asked, len(letter.Images), letter.Text)
			}
			views, people := 0, map[uint64]bool{}
			for _, e := range all {
				if w := p.Window(zone); e.Kind == event.Page && !e.Time.Before(w.From) && e.Time.Before(w.To) {
					views++
					people[e.Visitor] = true
				}
			}
			if told["Page views"][0] != fmt.Sprint(views) || told["Visitors"][0] != fmt.Sprint(len(people)) {
				t.Errorf("%s: %v, recounted %d and %d", rhythm, told, views, len(people))
			}
			for name, figures := range told {
				if html := strings.ReplaceAll(letter.HTML, "\u202f", ""); !strings.Contains(html, ">"+figures[0]+"<") || !strings.Contains(html, ">"+figures[1]+"<") {
					t.Errorf("%s %s: %q is not in the page", rhythm, name, figures)
				}
			}
		}
	}
}

// sumNames and listNames say which question a line of a letter answers.
var (
	sumNames = map[string]metric.Name{"Visitors": metric.Visitors, "Page views": metric.PageViews, "Sessions": metric.Sessions, "Bounce rate": metric.BounceRate, "Downloads": metric.Downloads,
		"Orders": metric.Orders, "Revenue": metric.Revenue, "Refunded": metric.Refunded}
	listNames = map[string]metric.Query{"Pages": {Metric: metric.PageViews, By: "page"}, "Sources": {Metric: metric.Visitors, By: "source"}, "Came by": {Metric: metric.Visitors, By: "class"}, "Countries": {Metric: metric.Visitors, By: "country"}}
)

// asLetter asks the question behind a line, and spells the answer independently.
func (h *home) asLetter(site account.Site, w period.Window, name string) (text string, known bool) {
	h.t.Helper()
	ask := func(q metric.Query) metric.Dataset {
		h.t.Helper()
		q.Site, q.Window, q.Zone = site.ID, w, site.Location()
		d, err := query.Route(h, earned{h.house}).Answer(h.t.Context(), q)
		must(h.t, err)
		return d
	}
	if title, value, of := strings.Cut(name, ": "); of && listNames[title].Metric != "" {
		for _, point := range ask(listNames[title]).Points {
			if point.Series == value || point.Series == "" && value == "not known" {
				return fmt.Sprint(point.Value), true
			}
		}
		return "0", true
	}
	m, known := sumNames[name]
	if m == metric.BounceRate {
		bounces, sessions := ask(metric.Query{Metric: metric.Bounces}).Sum(), ask(metric.Query{Metric: metric.Sessions}).Sum()
		if sessions == 0 {
			return "–", true
		}
		thousandths := new(big.Rat).SetFrac64(100*bounces, sessions).FloatString(3) // as the query spells it
		r, _ := new(big.Rat).SetString(thousandths)
		return r.FloatString(1) + "%", true
	}
	if !known {
		return "", false
	}
	n := ask(metric.Query{Metric: m}).Sum()
	if m.Money() {
		return new(big.Rat).SetFrac64(n, 1000).FloatString(2) + " EUR", true
	}
	return fmt.Sprint(n), true
}

// TestAffiliateLetter: an affiliate's letter has the figures of own queries, and
// nothing of another, who had clicks on the same orders.
func TestAffiliateLetter(t *testing.T) {
	h := newHome(t)
	ids := h.twoEarners()
	own, sites, _ := h.desk.Figures(ids["Anna"])
	now := time.Now().AddDate(0, 0, 1)
	letter := h.letterAt(now, account.Subscription{ID: "sub", Affiliate: ids["Anna"], Rhythm: account.Daily})
	told, p := letterFigures(letter.Text), digest.Last(account.Daily, now, time.UTC)
	for name, m := range map[string]metric.Name{"Clicks": metric.Clicks, "Orders": metric.Conversions, "Sales": metric.Sales, "Commissions": metric.Commissions} {
		figures := told[name]
		for i, w := range []period.Window{p.Window(time.UTC), p.Before().Window(time.UTC)} {
			d, err := earned{h.house}.Answer(t.Context(), metric.Query{Site: sites[0], Metric: m, Window: w, Affiliate: &own})
			must(t, err)
			want := fmt.Sprint(d.Sum())
			if m.Money() {
				want = new(big.Rat).SetFrac64(d.Sum(), 1000).FloatString(2) + " EUR"
			}
			if figures[i] != want {
				t.Errorf("%s is %v, the query says %s in\n%s", name, figures, want, letter.Text)
			}
		}
	}
	for _, text := range []string{letter.Text, letter.HTML, letter.Subject} {
		if text := strings.ToLower(text); strings.Contains(text, "theirs") || strings.Contains(text, strings.ToLower(ids["Theirs"])) || strings.Contains(strings.ReplaceAll(text, "\u202f", ""), "9876.") {
			t.Errorf("it tells of another: %s", text)
		}
	}
	if letter.To.Name != "Anna" || letter.To.Email != "Anna@example.com" {
		t.Errorf("to %s:\n%s", letter.To, letter.Text)
	}
}

// backdate makes a home's subscriptions old, while no server runs, so that their
// letters are due.
func (h *home) backdate() {
	h.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(h.dir, "control.sqlite"))
	must(h.t, err)
	_, err = db.ExecContext(h.t.Context(), "UPDATE subscriptions SET created = 0")
	must(h.t, err)
	must(h.t, db.Close())
}

// TestReportCommands: what is added is sent by the server once, by hand as often as
// one likes, and ended by the letter's own link.
func TestReportCommands(t *testing.T) {
	h, post := mailHome(t, mailtest.Options{})
	h.do(nil, "site", "add", "shop.example")
	var viewer, named toldReport
	h.do(nil, "user", "add", "vera@people.example", "--role", "viewer", "--site", "shop.example")
	post.Wait(t, 1) // the invitation
	h.do(&viewer, "report", "add", "Vera@people.example", "--site", "shop.example", "--every", "daily")
	h.do(&named, "report", "add", "boss@people.example", "--site", "shop.example")
	if viewer.Person == "" || viewer.To != "vera@people.example" || named.Person != "" || named.To != "boss@people.example" || named.Rhythm != account.Weekly || !named.Mail {
		t.Errorf("added %+v and %+v", viewer, named)
	}
	for why, args := range map[string][]string{"sent there already": {"boss@people.example", "--site", "shop.example"}, "is unknown: use daily": {"x@people.example", "--site", "shop.example", "--every", "hourly"},
		"not an address": {"nobody", "--site", "shop.example"}, "no site": {"x@people.example", "--site", "nowhere.example"}, "no affiliate programme": {"--affiliate", "x@people.example", "--site", "shop.example"}} {
		if fault, code := h.typed(nil, append([]string{"report", "add"}, args...)...); code != 1 || !strings.Contains(fault, why) {
			t.Errorf("report add %v: %d %s", args, code, fault)
		}
	}
	page := filepath.Join(h.dir, "page.html")
	h.do(nil, "report", "send", named.ID, "--preview", page)
	if b, err := os.ReadFile(page); err != nil || !strings.Contains(string(b), "shop.example") || len(post.Taken()) != 1 {
		t.Errorf("the preview is %s, %v", b, err)
	}
	var sent sentReport
	for range 2 {
		h.do(&sent, "report", "send", named.ID)
	}
	if all := post.Taken(); len(all) != 3 || sent.To != "boss@people.example" || all[1].Read(t).Get("Message-Id") == all[2].Read(t).Get("Message-Id") {
		t.Errorf("sent %+v: %d letters", sent, len(all))
	}
	h.backdate()
	h.sentOnce(post, "vera@people.example", "boss@people.example")
	h.ended(regexp.MustCompile(`https://stats\.example(/unsubscribe/\S+)`).FindStringSubmatch(letterTo(post, "vera@people.example").Read(t).Text)[1])
	var all []toldReport
	h.do(&all, "report", "list")
	if len(all) != 1 || all[0].ID != named.ID || all[0].ToldTo == "" || all[0].Why != "" {
		t.Errorf("left: %+v", all)
	}
	h.do(nil, "report", "remove", named.ID)
	var lines []account.Change
	h.do(&lines, "audit", "--limit", "0")
	words := []string{}
	for _, l := range lines {
		if text, _ := json.Marshal(l); strings.HasPrefix(l.What, "report") {
			words = append(words, l.What+" by "+strings.Replace(l.Who, viewer.ID, "ID", 1))
			if strings.Contains(string(text), "@") {
				t.Errorf("an address is in the audit log: %s", text)
			}
		}
	}
	if got := strings.Join(words, ", "); got != "report remove by operator, report remove by link of ID, report add by operator, report add by operator" {
		t.Errorf("audit: %s", got)
	}
}

// letterTo is the last letter to somebody.
func letterTo(post *mailtest.Server, to string) (last mailtest.Received) {
	for _, m := range post.Taken() {
		if m.To == to {
			last = m
		}
	}
	return last
}

// sentOnce lets two servers run, one after the other: each of these gets one letter.
func (h *home) sentOnce(post *mailtest.Server, to ...string) {
	h.t.Helper()
	before := len(post.Taken())
	for range 2 {
		log := h.logged(func(string) {
			post.Wait(h.t, before+len(to))
			for _, who := range to {
				if l := letterTo(post, who).Read(h.t); !strings.Contains(l.Text, strings.Trim(l.Get("List-Unsubscribe"), "<> ")) {
					h.t.Errorf("the letter to %s is %v", who, l)
				}
			}
		})
		if post.Tried() != before+len(to) || strings.Contains(log, "people.example") {
			h.t.Errorf("%d letters, and the log says %s", post.Tried()-before, log)
		}
	}
}

// ended ends a report by a letter's link: opening it changes nothing, and twice is once.
func (h *home) ended(link string) {
	h.t.Helper()
	h.logged(func(server string) {
		b := browser(h.t)
		for _, step := range []struct {
			method, path, want string
			code               int
		}{{"GET", link, "No more of this report?", 200}, {"POST", link + "x", "not whole", 404}, {"POST", link, "sent no more", 200}, {"POST", link, "sent no more", 200}} {
			if code, text := one(h.t, b, step.method, server+step.path); code != step.code || !strings.Contains(text, step.want) {
				h.t.Errorf("%s %s: %d %s", step.method, step.path, code, text)
			}
		}
	})
}

// one sends a request as a mail program does: without cookies, and with the words of RFC 8058.
func one(t *testing.T, c *http.Client, method, address string) (int, string) {
	t.Helper()
	if method == "POST" {
		return form(t, c, address, "List-Unsubscribe", "One-Click")
	}
	answer, err := c.Get(address)
	must(t, err)
	defer answer.Body.Close()
	var b strings.Builder
	_ = answer.Write(&b)
	return answer.StatusCode, b.String()
}

// TestReportsWithoutMail: they say so, and a preview works.
func TestReportsWithoutMail(t *testing.T) {
	h := newHome(t)
	h.do(nil, "site", "add", "shop.example")
	var made toldReport
	h.do(&made, "report", "add", "boss@people.example", "--site", "shop.example")
	if made.Mail {
		t.Error("it does not say that no mail is sent")
	}
	if fault, code := h.typed(nil, "report", "send", made.ID); code != 1 || !strings.Contains(fault, "no mail is sent: give the server --mail") {
		t.Errorf("report send: %d %s", code, fault)
	}
	h.do(nil, "report", "send", made.ID, "--preview", filepath.Join(h.dir, "page.html"))
}
