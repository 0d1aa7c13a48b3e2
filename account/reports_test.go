package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/event"
)

// TestSubscribe: everybody has the reports that they may read, another address is
// named by who may change the site, and an affiliate's is for doors that know who
// that is.
func TestSubscribe(t *testing.T) {
	ctx := t.Context()
	kept := &accounttest.Memory{}
	office := account.NewOffice(kept, nil)
	site, err := kept.AddSite(ctx, account.Site{Domain: "a.com"})
	check(t, err)
	other, err := kept.AddSite(ctx, account.Site{Domain: "b.com"})
	check(t, err)
	who := map[string]account.Who{"operator": account.Operator(), "nobody": {}}
	ids := map[string]string{}
	for _, role := range account.Roles {
		p, err := kept.AddPerson(ctx, account.Person{Email: string(role) + "@people.example"})
		check(t, err)
		who[string(role)], ids[string(role)] = p.Who([]account.Grant{{Site: site.ID, Role: role}}), p.ID
	}
	named := account.Subscription{Site: site.ID, Email: "x@people.example"}
	for _, c := range []struct {
		by  string
		sub account.Subscription
		may bool
	}{
		{"viewer", account.Subscription{Site: site.ID, Person: ids["viewer"]}, true},
		{"viewer", account.Subscription{Site: other.ID, Person: ids["viewer"]}, false},
		{"viewer", account.Subscription{Site: site.ID, Person: ids["owner"]}, false},
		{"viewer", named, false},
		{"affiliate", account.Subscription{Site: site.ID, Person: ids["affiliate"]}, false},
		{"affiliate", named, false},
		{"affiliate", account.Subscription{Affiliate: "01OTHER"}, false},
		{"admin", named, true},
		{"admin", account.Subscription{Site: other.ID, Email: "x@people.example"}, false},
		{"admin", account.Subscription{Affiliate: "01OTHER"}, false},
		{"owner", named, true},
		{"operator", named, true},
		{"operator", account.Subscription{Affiliate: "01OTHER"}, true},
		{"nobody", named, false},
		{"nobody", account.Subscription{Site: site.ID}, false},
	} {
		c.sub.Rhythm = account.Weekly
		made, err := office.Subscribe(ctx, who[c.by], c.sub)
		if (err == nil) != c.may || err != nil && !errors.Is(err, account.ErrNotYourReport) {
			t.Errorf("%s subscribes %+v: %v", c.by, c.sub, err)
		}
		if err != nil {
			continue
		}
		for _, other := range []string{"nobody", "affiliate"} {
			if err := office.Unsubscribe(ctx, who[other], made.ID); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s ends what is of %s: %v", other, c.by, err)
			}
		}
		check(t, office.Unsubscribe(ctx, who[c.by], made.ID))
	}
	lines, err := kept.Changes(ctx, account.ChangeFilter{Kind: "report"})
	if err != nil || len(lines) != 10 || strings.Contains(lines[1].New, "@") {
		t.Errorf("the audit log has %+v, %v", lines, err)
	}
}

// TestSubscribeBounds: who may change a site can't have letters sent to everybody.
func TestSubscribeBounds(t *testing.T) {
	ctx := t.Context()
	kept := &accounttest.Memory{}
	office := account.NewOffice(kept, nil)
	site, err := kept.AddSite(ctx, account.Site{Domain: "a.com"})
	check(t, err)
	p, err := kept.AddPerson(ctx, account.Person{Email: "admin@people.example"})
	check(t, err)
	admin := p.Who([]account.Grant{{Site: site.ID, Role: account.Admin}})
	named := func(i int) account.Subscription {
		return account.Subscription{Site: site.ID, Email: fmt.Sprintf("x%d@people.example", i), Rhythm: account.Daily}
	}
	for i := range account.MaxNamed {
		_, err := office.Subscribe(ctx, admin, named(i))
		check(t, err)
	}
	_, err = office.Subscribe(ctx, admin, named(account.MaxNamed))
	if _, invalid := errors.AsType[*event.InvalidError](err); !invalid {
		t.Errorf("one more: %v", err)
	}
	_, err = office.Subscribe(ctx, account.Operator(), named(account.MaxNamed))
	check(t, err)
	_, err = office.Subscribe(ctx, admin, account.Subscription{Site: site.ID, Person: p.ID, Rhythm: account.Daily})
	check(t, err)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestUnsubscribeByLink: the link of a letter ends that subscription without a
// log-in, twice is once, and no other text is one.
func TestUnsubscribeByLink(t *testing.T) {
	ctx := t.Context()
	kept := &accounttest.Memory{}
	office := account.NewOffice(kept, nil)
	site, err := kept.AddSite(ctx, account.Site{Domain: "a.com"})
	check(t, err)
	var made []account.Subscription
	for _, rhythm := range account.Rhythms {
		s, err := office.Subscribe(ctx, account.Operator(), account.Subscription{Site: site.ID, Email: "x@people.example", Rhythm: rhythm})
		check(t, err)
		made = append(made, s)
	}
	secret, err := kept.Secret(ctx, account.MailSecret)
	check(t, err)
	token := account.SignUnsubscribe(secret, made[1].ID)
	foreign := account.SignUnsubscribe([]byte("another secret"), made[1].ID)
	for _, bad := range []string{"", "ffu_", "ffu_.", foreign, token[:len(token)-1], token + "A", token + "\n", strings.Replace(token, made[1].ID, made[0].ID, 1),
		strings.TrimPrefix(token, "ffu_"), "ffu_" + made[1].ID, strings.Repeat("x", 1000)} {
		if err := office.UnsubscribeBy(ctx, bad); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for range 2 {
		check(t, office.UnsubscribeBy(ctx, token))
	}
	if all, err := kept.Subscriptions(ctx); err != nil || len(all) != 2 || all[0].ID != made[0].ID || all[1].ID != made[2].ID {
		t.Errorf("left are %+v, %v", all, err)
	}
	lines, err := kept.Changes(ctx, account.ChangeFilter{Kind: "report"})
	if err != nil || len(lines) != 4 || lines[0].Who != "link of "+made[1].ID || lines[0].What != "report remove" {
		t.Errorf("the audit log has %+v, %v", lines, err)
	}
}

// TestReceives: who lost the right, or is let in nowhere, is written to no more.
func TestReceives(t *testing.T) {
	for _, c := range []struct {
		p      account.Person
		grants []account.Grant
		want   bool
	}{
		{account.Person{ID: "p"}, []account.Grant{{Site: "a", Role: account.Viewer}}, true},
		{account.Person{ID: "p"}, []account.Grant{{Site: "", Role: account.Owner}}, true},
		{account.Person{ID: "p", Disabled: true}, []account.Grant{{Site: "a", Role: account.Viewer}}, false},
		{account.Person{ID: "p"}, []account.Grant{{Site: "b", Role: account.Owner}}, false},
		{account.Person{ID: "p"}, []account.Grant{{Site: "a", Role: account.Affiliate}}, false},
		{account.Person{ID: "p"}, nil, false},
	} {
		if got := c.p.Receives(c.grants, "a"); got != c.want {
			t.Errorf("%+v with %+v: %v", c.p, c.grants, got)
		}
	}
}
