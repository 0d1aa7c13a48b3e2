package dash

import (
	"net/http/httptest"
	"strings"
	"testing"

	"footfall/account"
)

// TestReportsPage: somebody gets the reports of what one may read and ends them;
// who may change a site names other addresses, and sees all of its reports.
func TestReportsPage(t *testing.T) {
	o := newOffice(t)
	at := o.sites["a.example"]
	o.person(t, "vera@example.com", account.Viewer, at)
	vera := o.browser(t)
	vera.login("vera@example.com")
	vera.want(vera.do("GET", "/reports", nil), 200, `aria-current="page">Reports`, "No reports yet", "sends no mail yet", `value="`+at+`"`)
	if page := vera.do("GET", "/reports", nil).Body.String(); strings.Contains(page, "b.example") || strings.Contains(page, `name="email"`) {
		t.Error("a viewer is offered another site, or another address")
	}
	done := func(b *browser, rec *httptest.ResponseRecorder, says string) {
		t.Helper()
		b.want(b.do("GET", rec.Header().Get("Location"), nil), 200, says)
	}
	done(vera, vera.send("/reports", "site", at, "rhythm", "daily"), "The report is sent from now on")
	vera.want(vera.send("/reports", "site", at, "rhythm", "daily"), 422, "Report is sent there already")
	vera.want(vera.send("/reports", "site", at, "rhythm", "hourly"), 422, `Rhythm "hourly" is unknown`)
	vera.want(vera.send("/reports", "site", at, "rhythm", "daily", "email", "other@example.com"), 422, "E-mail is not yours to name")
	vera.want(vera.send("/reports", "site", o.sites["b.example"], "rhythm", "daily"), 422, "E-mail is not yours to name")
	done(o.admin, o.admin.send("/reports", "site", at, "rhythm", "monthly", "email", "Boss@example.com"), "boss@example.com")
	wrong := o.admin.send("/reports", "site", at, "rhythm", "monthly", "email", evil)
	if o.admin.want(wrong, 422, "E-mail is not an address"); strings.Contains(wrong.Body.String(), "<script>alert") {
		t.Error("what was typed is markup")
	}
	all, err := o.control.Subscriptions(t.Context())
	if err != nil || len(all) != 2 || all[0].Person == "" || all[1].Email != "boss@example.com" {
		t.Fatalf("kept %+v, %v", all, err)
	}
	if page := o.admin.do("GET", "/reports", nil).Body.String(); !strings.Contains(page, "somebody of the site") || strings.Contains(page, "vera@example.com") {
		t.Error("an admin sees the address of a person")
	}
	o.owner.want(o.owner.do("GET", "/reports", nil), 200, "vera@example.com", "boss@example.com")
	if page := vera.do("GET", "/reports", nil).Body.String(); strings.Contains(page, "boss@example.com") {
		t.Error("a viewer sees the report of another")
	}
	vera.want(vera.send("/reports/"+all[1].ID+"/remove"), 404, "not yours to change")
	done(vera, vera.send("/reports/"+all[0].ID+"/remove"), "This report is sent no more")
	done(o.one, o.one.send("/reports/"+all[1].ID+"/remove"), "No reports yet")
}

// TestUnsubscribePage: a letter's link asks a person, and one POST of a mail program
// ends the report: without cookies, and nothing else.
func TestUnsubscribePage(t *testing.T) {
	o := newOffice(t)
	s, err := o.control.AddSubscription(t.Context(), account.Subscription{Site: o.sites["a.example"], Email: "boss@example.com", Rhythm: account.Daily})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := o.control.Secret(t.Context(), account.MailSecret)
	if err != nil {
		t.Fatal(err)
	}
	b, path := o.browser(t), "/unsubscribe/"+account.SignUnsubscribe(secret, s.ID)
	left := func(want int) {
		t.Helper()
		if all, err := o.control.Subscriptions(t.Context()); err != nil || len(all) != want {
			t.Errorf("left %+v, %v", all, err)
		}
	}
	b.want(b.do("GET", path, nil), 200, "No more of this report?", `action="`+path+`"`)
	left(1)
	b.want(b.do("POST", path, fields("List-Unsubscribe", "One-Click"), "Origin", "https://evil.example"), 403, "another site")
	b.want(b.do("POST", path[:len(path)-1], fields("List-Unsubscribe", "One-Click")), 404, "not whole")
	left(1)
	for range 2 {
		b.want(b.do("POST", path, fields("List-Unsubscribe", "One-Click")), 200, "sent no more")
		left(0)
	}
}
