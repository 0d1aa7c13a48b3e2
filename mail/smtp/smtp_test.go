package smtp

import (
	"context"
	"errors"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"footfall/mail"
	"footfall/mail/mailtest"
)

var from = mail.Address{Name: "Kurse für Köche", Email: "affiliates@shop.example"}

func message(to mail.Address) mail.Message {
	return mail.Write(mail.LoginLink, "m1", to, mail.About{Server: "stats.example", Link: "https://stats.example/login?link=ffl_x", Life: "an hour"})
}

// sender makes a Sender for a server; words stand behind the question mark.
func sender(t *testing.T, s *mailtest.Server, scheme, user, words string, o Options) *Sender {
	t.Helper()
	o.Roots = s.Roots
	if user != "" {
		user += "@"
	}
	made, err := New(scheme+"://"+user+s.Address+words, from, o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func failure(t *testing.T, err error) *mail.Failure {
	t.Helper()
	var f *mail.Failure
	if !errors.As(err, &f) {
		t.Fatalf("want a Failure, got %v", err)
	}
	return f
}

// TestSend: each way of encrypting, with what a reader gets.
func TestSend(t *testing.T) {
	for _, c := range []struct {
		name, scheme, user, words string
		o                         mailtest.Options
	}{
		{"this machine", "smtp", "", "", mailtest.Options{}},
		{"this machine, with a password", "smtp", "ann", "", mailtest.Options{User: "ann", Password: "s3cret@:/%"}},
		{"STARTTLS", "smtp", "", "?tls=starttls", mailtest.Options{StartTLS: true}},
		{"STARTTLS with a password", "smtp", "ann", "?tls=starttls", mailtest.Options{StartTLS: true, User: "ann", Password: "s3cret@:/%"}},
		{"TLS", "smtps", "ann", "", mailtest.Options{Implicit: true, User: "ann", Password: "s3cret@:/%"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := mailtest.Start(t, c.o)
			s := sender(t, server, c.scheme, c.user, c.words, Options{Password: c.o.Password, Hello: "stats.example"})
			if said, err := s.Check(t.Context()); err != nil || !strings.Contains(said, "stats.example") {
				t.Errorf("Check: %q, %v", said, err)
			}
			m := message(mail.Address{Name: "Ada, Lovelace \"Åse\"", Email: "ada@people.example"})
			said, err := s.Send(t.Context(), m)
			if err != nil || !strings.Contains(said, "queued") {
				t.Fatalf("%q, %v", said, err)
			}
			got := server.Taken()
			if len(got) != 1 || got[0].From != from.Email || got[0].To != "ada@people.example" {
				t.Fatalf("came: %+v", got)
			}
			l := got[0].Read(t)
			wantHeaders(t, l, m)
			if l.Text != m.Text || l.HTML != m.HTML || l.Subject != m.Subject {
				t.Errorf("came:\n%s\n%s\n%s", l.Subject, l.Text, l.HTML)
			}
		})
	}
}

func wantHeaders(t *testing.T, l mailtest.Letter, m mail.Message) {
	t.Helper()
	for name, want := range map[string]netmail.Address{"From": {Name: from.Name, Address: from.Email}, "To": {Name: m.To.Name, Address: m.To.Email}} {
		if all, err := l.AddressList(name); err != nil || len(all) != 1 || *all[0] != want {
			t.Errorf("%s: %v %v, want %v", name, all, err, want)
		}
	}
	for name, want := range map[string]string{"Message-Id": "<m1@shop.example>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "User-Agent": "", "X-Mailer": ""} {
		if got := l.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if at, err := l.Date(); err != nil || at.Unix() != m.Time.Unix() {
		t.Errorf("Date: %v %v", at, err)
	}
}

// TestFailures: how far it came and whether another try may help, and nobody's
// address in what may be logged.
func TestFailures(t *testing.T) {
	refuse := func(code int, status [3]int) func(string) *mailtest.Refusal {
		return func(to string) *mailtest.Refusal {
			return &mailtest.Refusal{Code: code, Status: status, Text: "<" + to + "> is nobody here"}
		}
	}
	for _, c := range []struct {
		name, scheme, user, words, password string
		o                                   mailtest.Options
		want                                string
		final                               bool
	}{
		{"no STARTTLS", "smtp", "", "?tls=starttls", "", mailtest.Options{}, "offers no TLS", false},
		{"a wrong password", "smtps", "ann", "", "wrong", mailtest.Options{Implicit: true, User: "ann", Password: "right"}, "did not take the user and password (535 5.7.8)", false},
		{"no password", "smtps", "", "", "", mailtest.Options{Implicit: true, User: "ann", Password: "right"}, "refused the sender (502 5.7.0)", false},
		{"nobody asked for a password", "smtps", "ann", "", "right", mailtest.Options{Implicit: true}, "did not take the user and password", false},
		{"a recipient", "smtp", "", "", "", mailtest.Options{Refuse: refuse(550, [3]int{5, 1, 1})}, "refused the recipient (550 5.1.1)", true},
		{"a recipient, for now", "smtp", "", "", "", mailtest.Options{Refuse: refuse(450, [3]int{4, 2, 1})}, "refused the recipient (450 4.2.1)", false},
		{"a message", "smtp", "", "", "", mailtest.Options{Answer: func(m mailtest.Received) *mailtest.Refusal { return refuse(554, [3]int{5, 7, 1})(m.To) }}, "did not take the message (554 5.7.1)", true},
		{"a message, for now", "smtp", "", "", "", mailtest.Options{Answer: func(m mailtest.Received) *mailtest.Refusal { return refuse(452, [3]int{4, 3, 1})(m.To) }}, "did not take the message (452 4.3.1)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := mailtest.Start(t, c.o)
			_, err := sender(t, server, c.scheme, c.user, c.words, Options{Password: c.password}).Send(t.Context(), message(mail.Address{Email: "ada@people.example"}))
			f := failure(t, err)
			if !strings.Contains(f.Error(), c.want) || f.Final() != c.final {
				t.Errorf("%v, final %v; want %q, %v", f, f.Final(), c.want, c.final)
			}
			if strings.Contains(f.Error(), "ada") || c.password != "" && strings.Contains(f.Error()+f.Said, c.password) {
				t.Errorf("%v tells too much", f)
			}
			if c.o.Refuse != nil && !strings.Contains(f.Said, "<ada@people.example> is nobody here") {
				t.Errorf("the server's words are lost: %q", f.Said)
			}
			if len(server.Taken()) != 0 {
				t.Error("and yet it came")
			}
		})
	}
}

// TestCertificate: a server that is not whom it says it is gets nothing.
func TestCertificate(t *testing.T) {
	for scheme, o := range map[string]mailtest.Options{"smtps": {Implicit: true}, "smtp": {StartTLS: true}} {
		server := mailtest.Start(t, o)
		words := map[string]string{"smtp": "?tls=starttls"}[scheme]
		s, err := New(scheme+"://"+server.Address+words, from, Options{}) // the system's roots
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Send(t.Context(), message(mail.Address{Email: "ada@people.example"}))
		if f := failure(t, err); f.Step != mail.Encrypting || server.Tried() != 0 {
			t.Errorf("%s: %v (%s), %d tried", scheme, f, f.Said, server.Tried())
		}
	}
}

// TestSilence: a server that is down, or says nothing at some step, is waited
// for no longer than configured.
func TestSilence(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	stop := make(chan struct{})
	defer close(stop)
	slow := mailtest.Start(t, mailtest.Options{Answer: func(mailtest.Received) *mailtest.Refusal { <-stop; return nil }})
	for _, c := range []struct{ name, at, want string }{
		{"down", down.Addr().String(), "was not reached"},
		{"no greeting", silent.Addr().String(), "was not reached in time"},
		{"no answer to the message", slow.Address, "did not take the message in time"},
	} {
		s, err := New("smtp://"+c.at, from, Options{Timeout: 200 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = s.Send(t.Context(), message(mail.Address{Email: "ada@people.example"}))
		if f := failure(t, err); !strings.HasSuffix(f.Error(), c.want) || f.Final() || time.Since(began) > 2*time.Second {
			t.Errorf("%s: %v (%s) after %v", c.name, f, f.Said, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		s.o.Timeout = time.Minute
		began = time.Now()
		if _, err = s.Send(ctx, message(mail.Address{Email: "ada@people.example"})); err == nil || time.Since(began) > 2*time.Second {
			t.Errorf("%s: %v after %v, of a context that ended", c.name, err, time.Since(began))
		}
		cancel()
	}
}

// TestAddress: what an address may say, and that no error names the password.
func TestAddress(t *testing.T) {
	for _, c := range []struct{ address, password, want string }{
		{"smtp://mail.example", "", ""},
		{"smtp://ann@mail.example:2525", "pw123", ""},
		{"smtp://ann:pw123@mail.example", "", ""},
		{"smtps://ann%40example.com:pw123@mail.example", "", ""},
		{"smtp://mail.example?tls=none", "", ""},
		{"smtp://ann:pw123@127.0.0.1", "", ""},
		{"smtp://ann:pw123@[::1]:2525", "", ""},
		{"smtp://ann:pw123@mail.example?tls=none", "", "anybody on the way"},
		{"smtp://ann@mail.example", "", "mail-password-file"},
		{"smtp://:pw123@mail.example", "", "for nobody"},
		{"smtp://mail.example?tls=maybe", "", "tls=starttls"},
		{"smtps://mail.example?tls=none", "", "use smtps://"},
		{"smtp://mail.example?port=25", "", "unknown word"},
		{"smtp://ann:pw123%zz@mail.example", "", "smtp://user@mail.example.com:587"},
		{"smtp://ann:pw123@mail.example:port", "", "smtp://user@mail.example.com:587"},
		{"smtp://mail.example:0", "", "no port"},
		{"http://mail.example", "", "smtp://user@mail.example.com:587"},
		{"mail.example:587", "", "smtp://user@mail.example.com:587"},
		{"smtp://mail.example/inbox", "", "smtp://user@mail.example.com:587"},
	} {
		_, err := New(c.address, from, Options{Password: c.password})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "pw123")) {
			t.Errorf("%s: %v, want %q", c.address, err, c.want)
		}
	}
}

// TestInjection: an address or a name that would add a line to the message, or
// another recipient, does not.
func TestInjection(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	s := sender(t, server, "smtp", "", "", Options{})
	bad := "x\r\nBcc: eve@evil.example\r\n\r\nHello"
	m := mail.Write(mail.Application, "m1", mail.Address{Name: bad, Email: "ada@people.example"}, mail.About{Server: "s", Link: "https://s/", Who: bad, Program: bad})
	m.Subject = bad // as if a text had let it through
	m.To.Name = bad
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Taken()
	if l := got[0].Read(t); len(got) != 1 || got[0].To != "ada@people.example" || l.Get("Bcc") != "" || l.HTML != m.HTML {
		t.Errorf("came:\n%s", got[0].Raw)
	}
	for _, address := range []string{"ada@people.example\r\nRCPT TO:<eve@evil.example>", "ada@people.example>\r\n<eve@evil.example", "a b@people.example", ""} {
		m.To.Email = address
		if _, err := s.Send(t.Context(), m); err == nil || !failure(t, err).Final() || len(server.Taken()) != 1 {
			t.Errorf("%q was sent: %v", address, err)
		}
	}
}

// TestPictures: a letter with figures comes with its picture inside, and with what
// mail readers need to offer to end it.
func TestPictures(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	m := mail.WriteReport("sub_a.2026-11-22", mail.Address{Email: "ada@people.example"}, mail.Report{Server: "stats.example", Title: "a.com", Subject: "a.com: a week", Button: "Go", Link: "https://stats.example/",
		Chart: &mail.Chart{PNG: []byte("\x89PNG\r\n\x1a\nno picture"), Alt: "Bars"}, Unsubscribe: "https://stats.example/unsubscribe/ffu_" + strings.Repeat("x", 60)})
	if _, err := sender(t, server, "smtp", "", "", Options{}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	l := server.Taken()[0].Read(t)
	id := m.Images[0].ID
	if string(l.Images[id]) != "\x89PNG\r\n\x1a\nno picture" || !strings.Contains(l.HTML, `src="cid:`+id+`"`) || l.Text != m.Text || l.HTML != m.HTML {
		t.Errorf("the picture %s is not in %s", id, server.Taken()[0].Raw)
	}
	if l.Get("List-Unsubscribe") != "<"+m.Unsubscribe+">" || l.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.Contains(l.Get("Message-Id"), "sub_a.2026-11-22@") {
		t.Errorf("headers %v", l.Header)
	}
}
