package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"footfall/affiliate"
	"footfall/ledger"
	"footfall/mail/mailtest"
)

// mailHome is a home whose server and commands send mail.
func mailHome(t *testing.T, o mailtest.Options) (*home, *mailtest.Server) {
	t.Helper()
	post := mailtest.Start(t, o)
	t.Setenv("FOOTFALL_MAIL", "smtp://"+post.Address)
	t.Setenv("FOOTFALL_MAIL_FROM", "Kurse für Köche <stats@shop.example>")
	t.Setenv("FOOTFALL_PUBLIC_URL", "https://stats.example/")
	return &home{t: t, dir: shortDir(t)}, post
}

// do types a command that must work.
func (h *home) do(into any, args ...string) {
	h.t.Helper()
	if fault, code := h.typed(into, args...); code != 0 {
		h.t.Fatalf("footfall %v: %s", args, fault)
	}
}

// logged serves the home with its log kept, and what is done with the address of
// its listener.
func (h *home) logged(do func(address string)) (log string) {
	h.t.Helper()
	ctx, stop := context.WithCancel(h.t.Context())
	defer stop()
	var out, fault said
	ended := make(chan int, 1)
	listener := "127.0.0.1:" + freePort(h.t)
	go func() {
		ended <- run(ctx, []string{"serve", "--data", h.dir, "--listen", listener}, &out, &fault)
	}()
	eventually(h.t, "the server greets", func() bool { return strings.Contains(out.String(), "Dashboard:") })
	do("http://" + listener)
	stop()
	if code := <-ended; code != 0 {
		h.t.Errorf("the server ended with %d: %s", code, fault.String())
	}
	return fault.String()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, _, err := listen("127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return port
}

// link is the one of a letter.
func link(t *testing.T, m mailtest.Received) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^https://stats\.example(/\S+)$`).FindStringSubmatch(m.Read(t).Text)
	if found == nil {
		t.Fatalf("no link in %s", m.Raw)
	}
	return found[1]
}

// form sends a form as a browser of the server's own pages does.
func form(t *testing.T, c *http.Client, address string, pairs ...string) (int, string) {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	answer, err := c.PostForm(address, values)
	must(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(b)
}

func browser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// arrivals are letters in the order in which they come.
type arrivals struct {
	t    *testing.T
	post *mailtest.Server
	n    int
}

// next waits for one more, which must be to somebody, and about something.
func (a *arrivals) next(to, subject string) mailtest.Received {
	a.t.Helper()
	a.n++
	all := a.post.Wait(a.t, a.n)
	if got := all[a.n-1]; len(all) != a.n || got.To != to || got.From != "stats@shop.example" || got.Read(a.t).Subject != subject {
		a.t.Fatalf("letter %d of %d is to %s: %s", a.n, len(all), got.To, got.Raw)
	}
	return all[a.n-1]
}

// TestMailToPeople: who is invited, and who asks for a link, gets it, and it
// works; nobody else gets any, and no address is in the log.
func TestMailToPeople(t *testing.T) {
	h, post := mailHome(t, mailtest.Options{})
	letters := arrivals{t: t, post: post}
	log := h.logged(func(server string) {
		h.do(nil, "site", "add", "shop.example")
		var added invited
		h.do(&added, "user", "add", "ada@people.example", "--name", "Ada", "--role", "owner", "--site", "shop.example")
		invitation := letters.next("ada@people.example", "You are invited to stats.example")
		if added.To != "ada@people.example" || added.URL != "https://stats.example"+link(t, invitation) {
			t.Errorf("user add tells %+v", added)
		}
		path, token, _ := strings.Cut(link(t, invitation), "?link=")
		if code, page := form(t, browser(t), server+path, "link", token, "password", "a few good words"); code != 303 {
			t.Errorf("the invitation: %d %s", code, page)
		}
		h.do(nil, "user", "reset", "ada@people.example")
		letters.next("ada@people.example", "A new password for stats.example")
		for what, subject := range map[string]string{"login": "Your link to log in to stats.example", "reset": "A new password for stats.example"} {
			for _, who := range []string{"nobody@people.example", "ada@people.example"} {
				if code, page := form(t, browser(t), server+"/login/mail", "email", who, "for", what); code != 200 || !strings.Contains(page, "Look at your mail") {
					t.Errorf("%s asks for %s: %d %s", who, what, code, page)
				}
			}
			m := letters.next("ada@people.example", subject)
			path, token, _ := strings.Cut(link(t, m), "?link=")
			if code, page := form(t, browser(t), server+path, "link", token, "password", "some other words"); code != 303 || !strings.Contains(m.Read(t).Text, "within an hour") {
				t.Errorf("the link to %s: %d %s", what, code, page)
			}
		}
		answer, err := http.Get(server + "/metrics")
		must(t, err)
		defer answer.Body.Close()
		if b, _ := io.ReadAll(answer.Body); !bytes.Contains(b, []byte(`footfall_mail_sent_total{reason="reset"} 2`)) || bytes.Contains(b, []byte("people.example")) {
			t.Error("/metrics does not count letters")
		}
	})
	if strings.Contains(log, "people.example") {
		t.Errorf("an address is in the log: %s", log)
	}
}

// TestMailboxesAreNotFilled: an address gets five letters with links within an
// hour, whoever asks and in whichever way, and whoever waits is told with the link;
// who runs a programme gets as many about applications, and sees them all.
func TestMailboxesAreNotFilled(t *testing.T) {
	h, post := mailHome(t, mailtest.Options{})
	h.logged(func(server string) {
		h.do(nil, "site", "add", "shop.example")
		for range 2 {
			h.do(nil, "user", "add", "ada@people.example", "--role", "owner")
		}
		for i, what := range []string{"login", "reset"} {
			if code, page := form(t, browser(t), server+"/login/mail", "email", "ada@people.example", "for", what); code != 200 {
				t.Errorf("asking for a link: %d %s", code, page)
			}
			post.Wait(t, 3+i)
		}
		h.do(nil, "program", "set", "Courses", "--site", "shop.example", "--rate", "50%")
		h.do(nil, "affiliate", "add", "Ada+courses@people.example", "--name", "Ada", "--site", "shop.example")
		var asked invitedAffiliate
		for _, want := range []string{"Ada+courses@people.example", ""} {
			h.do(&asked, "affiliate", "invite", "Ada+courses@people.example", "--site", "shop.example")
			if asked.To != want || asked.URL == "" || asked.Many != (want == "") {
				t.Errorf("affiliate invite tells %+v, want it sent to %q", asked, want)
			}
			asked = invitedAffiliate{}
		}
		var reset invited
		h.do(&reset, "user", "reset", "ada@people.example")
		if reset.To != "" || !reset.Many || !strings.Contains(reset.Problem, "may have the next one in 60 minutes") || reset.URL == "" {
			t.Errorf("user reset tells %+v", reset)
		}
		if code, page := form(t, browser(t), server+"/login/mail", "email", "ada+more@people.example", "for", "login"); code != 429 || !strings.Contains(page, "Try again in 60 minutes") {
			t.Errorf("asking for a link too many: %d %s", code, page)
		}
		var programs []toldProgram
		h.do(&programs, "program", "list")
		for i := range 8 {
			if code, page := form(t, browser(t), server+"/join/"+programs[0].ID, "name", "N", "email", string(rune('a'+i))+"@many.example", "note", "hi"); code != 200 && code != 429 {
				t.Errorf("applying: %d %s", code, page)
			}
		}
		h.do(&programs, "program", "list")
	})
	var links, applications int
	for _, m := range post.Taken() {
		if strings.Contains(m.Read(t).Subject, "applied for") {
			applications++
		} else {
			links++
		}
	}
	if links != 5 || applications != 5 {
		t.Errorf("%d letters with links, and %d about applications, want 5 of each", links, applications)
	}
}

// TestMailToAffiliates: who runs a programme is told of an application, who
// applied that it is accepted, and who is invited gets a link.
func TestMailToAffiliates(t *testing.T) {
	h, post := mailHome(t, mailtest.Options{})
	letters := arrivals{t: t, post: post}
	log := h.logged(func(server string) {
		h.do(nil, "site", "add", "shop.example")
		for email, role := range map[string]string{"ada@people.example": "admin", "vera@people.example": "viewer"} {
			h.do(nil, "user", "add", email, "--role", role, "--site", "shop.example")
			letters.next(email, "You are invited to stats.example")
		}
		h.do(nil, "program", "set", "Kurse <b>", "--site", "shop.example", "--rate", "50%")
		var programs []toldProgram
		h.do(&programs, "program", "list")
		join := server + "/join/" + programs[0].ID
		if code, page := form(t, browser(t), join, "name", "Åse", "email", "ase@people.example", "note", "hi"); code != 200 {
			t.Fatalf("applying: %d %s", code, page)
		}
		form(t, browser(t), join, "name", "Åse", "email", "ASE+again@people.example", "note", "hi") // is known, which nobody learns
		application := letters.next("ada@people.example", "Åse applied for Kurse <b>")
		if link(t, application) != "/program/"+programs[0].ID+"/applications" {
			t.Errorf("the application leads to %s", link(t, application))
		}
		h.do(nil, "affiliate", "set", "ase@people.example", "--site", "shop.example", "--status", "active")
		accepted := letters.next("ase@people.example", "You are in: Kurse <b>")
		path, token, _ := strings.Cut(link(t, accepted), "?link=")
		var asked invitedAffiliate
		h.do(&asked, "affiliate", "invite", "ase@people.example", "--site", "shop.example")
		if m := letters.next("ase@people.example", "Your access to the affiliate programme Kurse <b>"); asked.To != "ase@people.example" || asked.URL != "https://stats.example"+link(t, m) {
			t.Errorf("affiliate invite tells %+v", asked)
		}
		b := browser(t)
		if code, page := form(t, b, server+path, "link", token, "password", "a few good words"); code != 303 {
			t.Errorf("who is accepted: %d %s", code, page)
		}
	})
	if strings.Contains(log, "people.example") {
		t.Errorf("an address is in the log: %s", log)
	}
}

// TestMailRefused: what the mail server does not take is told to who waits, with
// the link to pass on, and logged without an address.
func TestMailRefused(t *testing.T) {
	h, post := mailHome(t, mailtest.Options{Refuse: func(to string) *mailtest.Refusal {
		return &mailtest.Refusal{Code: 550, Status: [3]int{5, 1, 1}, Text: "<" + to + "> is nobody here"}
	}})
	log := h.logged(func(string) {
		h.do(nil, "site", "add", "shop.example")
		var added invited
		h.do(&added, "user", "add", "ada@people.example")
		if added.To != "" || !strings.Contains(added.Problem, "refused the recipient (550 5.1.1)") || !strings.HasPrefix(added.URL, "https://stats.example/password?link=") {
			t.Errorf("user add tells %+v", added)
		}
	})
	if len(post.Taken()) != 0 || strings.Contains(log, "people.example") || !strings.Contains(log, "550 5.1.1") {
		t.Errorf("the log says %s", log)
	}
	if fault, code := h.typed(nil, "mail", "test", "ada@people.example"); code != 1 || !strings.Contains(fault, "<ada@people.example> is nobody here") {
		t.Errorf("mail test: %d %s", code, fault)
	}
}

// TestMailList: letters to affiliates that the mail server does not take are
// listed with the reason, and none of anything else.
func TestMailList(t *testing.T) {
	h, _ := mailHome(t, mailtest.Options{Refuse: func(to string) *mailtest.Refusal {
		if strings.HasPrefix(to, "bob") {
			return &mailtest.Refusal{Code: 550, Status: [3]int{5, 1, 1}, Text: "<" + to + "> is nobody here"}
		}
		return &mailtest.Refusal{Code: 451, Status: [3]int{4, 7, 1}, Text: "<" + to + "> later"}
	}})
	log := h.logged(func(string) {
		h.do(nil, "site", "add", "shop.example")
		h.do(nil, "program", "set", "Kurse", "--site", "shop.example", "--rate", "50%")
		for _, name := range []string{"ann", "bob"} {
			h.do(nil, "affiliate", "add", name+"@people.example", "--name", name, "--site", "shop.example", "--status", "applied")
			h.do(nil, "affiliate", "set", name+"@people.example", "--site", "shop.example", "--status", "active")
		}
		var all []ledger.Notice
		eventually(t, "both letters are tried", func() bool {
			h.do(&all, "mail", "list")
			return len(all) == 2 && all[0].Why != "" && all[1].Why != ""
		})
		if ann, bob := all[1], all[0]; ann.State != ledger.Waiting || !strings.Contains(ann.Why, "(451 4.7.1)") || bob.State != ledger.Dead || !strings.Contains(bob.Why, "(550 5.1.1)") || ann.Kind != affiliate.AffiliateAccepted {
			t.Errorf("listed: %+v", all)
		}
	})
	if strings.Contains(log, "people.example") || !strings.Contains(log, "given up") {
		t.Errorf("the log says %s", log)
	}
}

// TestMailSettings: what can't work refuses to start with the setting's name; a
// test and the doctor say what the server said; no password is printed.
func TestMailSettings(t *testing.T) {
	h, post := mailHome(t, mailtest.Options{User: "ann", Password: "s3cret"})
	h.do(nil, "site", "add", "shop.example") // without a server: nothing is sent
	refuses := func(want string, args ...string) {
		t.Helper()
		for _, command := range []string{"serve", "config"} {
			if fault, code := h.typed(nil, append([]string{command}, args...)...); code != 1 || !strings.Contains(fault, want) || strings.Contains(fault, "s3cret") {
				t.Errorf("%s %v: %d %s, want %q", command, args, code, fault, want)
			}
		}
	}
	refuses("public-url (from flag): is needed for mail", "--public-url", "")
	refuses("public-url (from flag): is needed for mail", "--public-url", "stats.example")
	refuses("mail-from (from flag)", "--mail-from", "")
	refuses("mail (from flag): is no address", "--mail", "smtp://ann:s3cret%zz@"+post.Address)
	refuses("mail (from flag): would send a password that anybody", "--mail", "smtp://ann:s3cret@mail.example?tls=none")
	refuses("mail-password-file (from flag)", "--mail-password-file", filepath.Join(h.dir, "none"))

	file := filepath.Join(h.dir, "password")
	must(t, os.WriteFile(file, []byte("s3cret\n"), 0o600))
	ann := []string{"--mail", "smtp://ann@" + post.Address, "--mail-password-file", file}
	var out map[string]string
	h.do(&out, append([]string{"mail", "test", "Ada <ada@people.example>"}, ann...)...)
	if got := post.Taken(); len(got) != 1 || got[0].To != "ada@people.example" || !strings.Contains(out["said"], "queued") {
		t.Errorf("mail test tells %v, came %v", out, got)
	}
	doctor := func(args ...string) finding {
		var out, fault bytes.Buffer
		run(t.Context(), append([]string{"doctor", "--data", h.dir}, args...), &out, &fault)
		line := regexp.MustCompile(`(?m)^(\w+) +mail +(.*)$`).FindStringSubmatch(out.String())
		if line == nil {
			return finding{}
		}
		return finding{"mail", line[1] == "ok", line[2]}
	}
	if f := doctor(ann...); !f.OK || !strings.Contains(f.Says, "answers") {
		t.Errorf("the doctor finds %+v", f)
	}
	if f := doctor("--mail", "smtp://ann:wrong@"+post.Address); f.OK || !strings.Contains(f.Says, "did not take the user and password (535 5.7.8)") {
		t.Errorf("the doctor finds %+v", f)
	}
	if f := doctor("--mail", ""); f.Check != "" {
		t.Errorf("the doctor finds %+v where no mail is sent", f)
	}
	for _, args := range [][]string{{"config"}, {"config", "--json"}} {
		var out, fault bytes.Buffer
		if code := run(t.Context(), append(args, "--data", h.dir, "--mail", "smtp://ann:s3cret@"+post.Address), &out, &fault); code != 0 || strings.Contains(out.String(), "s3cret") || !strings.Contains(out.String(), "smtp://ann:xxxxx@") {
			t.Errorf("footfall %v prints %s%s", args, out.String(), fault.String())
		}
	}
	for v, want := range map[string]string{"redis://u:p%zz@h": "redis://xxxxx@h", "smtp://u:p@h:25": "smtp://u:xxxxx@h:25", "https://x/@y": "https://x/@y", "plain": "plain", "a@b": "a@b", "x://a:b@c@d": "x://a:xxxxx@d",
		"postgres://h/a?sslmode=require&sslpassword=p": "postgres://h/a?sslmode=require&sslpassword=xxxxx", "postgres://u:p@h/a?PassWord=p%40&x=1": "postgres://u:xxxxx@h/a?PassWord=xxxxx&x=1",
		"postgres://h/a?ssl%70assword=p@q": "postgres://h/a?ssl%70assword=xxxxx", "postgres://u:p%zz@h/a?sslpassword=p": "postgres://xxxxx@h/a?sslpassword=xxxxx", "postgres://u:p@h/a?password=p@q": "postgres://u:xxxxx@h/a?password=xxxxx"} {
		if got := redacted(v); got != want {
			t.Errorf("%s is shown as %s", v, got)
		}
	}
}
