// Package smtp sends messages by SMTP (RFC 5321), with TLS unless the mail
// server is on this machine. Each message has a connection of its own: they are
// few, and one that stood idle would be closed by the server.
package smtp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	client "github.com/wneessen/go-mail/smtp"

	"footfall/mail"
)

// Options of a Sender; the zero value works.
type Options struct {
	Password string         // in place of the one of the address
	Hello    string         // name of this machine towards the server; "" is localhost
	Timeout  time.Duration  // of a message, from connecting on; 0 is half a minute
	Roots    *x509.CertPool // whose certificates are believed; nil is the system's
}

// encryption is how a connection is kept from being read.
type encryption int

const (
	starttls encryption = iota // encrypted before anything is said
	implicit                   // from the first byte
	none
)

// Sender gives messages to one server. It has nothing to close.
type Sender struct {
	host     string
	port     int
	user     string
	password string
	encrypt  encryption
	from     mail.Address
	o        Options
}

// New makes a Sender from an address such as smtp://user:password@mail.example.com:587
// (STARTTLS) or smtps://… (TLS from the first byte). "?tls=none" does without; to
// this machine that is so unless "?tls=starttls" is asked for. An error names
// nothing of a password.
func New(address string, from mail.Address, o Options) (*Sender, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return nil, errors.New("is no address such as smtp://user@mail.example.com:587, or smtps:// for TLS from the first byte; write signs of a password such as @ : / % # as %40 %3A %2F %25 %23, or put it into a file")
	}
	s := &Sender{host: u.Hostname(), user: u.User.Username(), password: o.Password, from: from, o: o}
	if inside, given := u.User.Password(); given && o.Password == "" {
		s.password = inside
	}
	if s.encrypt, err = encrypted(u); err != nil {
		return nil, err
	}
	usual := map[encryption]string{starttls: "587", implicit: "465", none: "25"}[s.encrypt]
	if s.port, err = strconv.Atoi(cmp.Or(u.Port(), usual)); err != nil || s.port < 1 || s.port > 65535 {
		return nil, errors.New("names no port from 1 to 65535")
	}
	switch {
	case s.user == "" && s.password != "":
		return nil, errors.New("has a password for nobody: write the user before the @, as %40 for one in its name")
	case s.user != "" && s.password == "":
		return nil, errors.New("names a user without a password: put it into a file, and name that with mail-password-file")
	case s.user != "" && s.encrypt == none && !loopback(s.host):
		return nil, errors.New("would send a password that anybody on the way can read: leave out tls=none")
	}
	s.o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	s.o.Hello = cmp.Or(o.Hello, "localhost")
	return s, nil
}

// encrypted reads how an address is to be encrypted.
func encrypted(u *url.URL) (encryption, error) {
	for name := range u.Query() {
		if name != "tls" {
			return 0, fmt.Errorf("has an unknown word %q behind the question mark: there is tls=none, and tls=starttls", name)
		}
	}
	wish := u.Query().Get("tls")
	switch {
	case u.Scheme == "smtps" && wish == "":
		return implicit, nil
	case u.Scheme == "smtp" && (wish == "none" || wish == "" && loopback(u.Hostname())):
		return none, nil
	case u.Scheme == "smtp" && (wish == "starttls" || wish == ""):
		return starttls, nil
	}
	return 0, fmt.Errorf("%s with tls=%s is unknown: use smtps://, or smtp:// with tls=starttls, which is usual, or tls=none", u.Scheme, wish)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send gives the server one message.
func (s *Sender) Send(ctx context.Context, m mail.Message) (said string, err error) {
	letter, err := s.write(m)
	if err != nil {
		return "", err
	}
	err = s.talk(ctx, func(line *client.Client) error { return s.give(line, letter) })
	if letter.IsDelivered() { // whatever went wrong behind it: to send it again would be once too often
		return letter.ServerResponse(), nil
	}
	return "", err
}

// Check connects and logs in.
func (s *Sender) Check(ctx context.Context) (said string, err error) {
	err = s.talk(ctx, func(line *client.Client) error {
		said = line.HelloResponse()
		return nil
	})
	return said, err
}

// write makes the bytes of a message.
func (s *Sender) write(m mail.Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	letter.FromMailAddress(&netmail.Address{Name: s.from.Name, Address: s.from.Email})
	if _, err := netmail.ParseAddress("<" + m.To.Email + ">"); err != nil { // what it says has the address in it
		return nil, &mail.Failure{Step: mail.To, Code: 501, Status: "5.1.3"}
	}
	letter.ToMailAddress(&netmail.Address{Name: m.To.Name, Address: m.To.Email})
	letter.Subject(m.Subject)
	letter.SetDateWithValue(m.Time)
	letter.SetMessageIDWithValue(m.ID + "@" + s.from.Domain())
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence answers
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	letter.SetBodyString(gomail.TypeTextPlain, m.Text)
	letter.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	for _, i := range m.Images {
		letter.EmbedReadSeeker(i.Name, bytes.NewReader(i.PNG), gomail.WithFileContentID(i.ID), gomail.WithFileContentType("image/png"))
	}
	if m.Unsubscribe != "" {
		letter.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+m.Unsubscribe+">")
		letter.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click") // RFC 8058
	}
	return letter, nil
}

// talk connects, logs in and lets say do the rest. The connection ends with it,
// and with ctx.
func (s *Sender) talk(ctx context.Context, say func(*client.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	conn, step, err := s.connect(ctx)
	if err != nil {
		return failed(ctx, step, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	line, err := client.NewClient(conn, s.host)
	if err == nil {
		err = line.Hello(s.o.Hello)
	}
	if err != nil {
		return failed(ctx, mail.Connecting, err)
	}
	if s.encrypt == starttls {
		if err := line.StartTLS(s.tls()); err != nil {
			return failed(ctx, mail.Encrypting, err)
		}
	}
	if s.user != "" {
		if err := s.login(line); err != nil {
			return failed(ctx, mail.LoggingIn, err)
		}
	}
	if err := say(line); err != nil {
		return failed(ctx, mail.Giving, err)
	}
	_ = line.Quit() // what was to be done is done
	return nil
}

func (s *Sender) connect(ctx context.Context) (net.Conn, mail.Step, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	if err != nil || s.encrypt != implicit {
		return conn, mail.Connecting, err
	}
	secure := tls.Client(conn, s.tls())
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, mail.Encrypting, err
	}
	return secure, "", nil
}

func (s *Sender) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.o.Roots, MinVersion: tls.VersionTLS12}
}

// login proves who the user is in the best way that the server offers. That the
// connection is encrypted, or stays on this machine, was seen to before.
func (s *Sender) login(line *client.Client) error {
	_, offered := line.Extension("AUTH")
	for mechanism := range strings.FieldsSeq("SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5") {
		if !slices.Contains(strings.Fields(strings.ToUpper(offered)), mechanism) {
			continue
		}
		switch mechanism {
		case "SCRAM-SHA-256":
			return line.Auth(client.ScramSHA256Auth(s.user, s.password))
		case "PLAIN":
			return line.Auth(client.PlainAuth("", s.user, s.password, s.host, s.encrypt == none))
		case "LOGIN":
			return line.Auth(client.LoginAuth(s.user, s.password, s.host, s.encrypt == none))
		}
		return line.Auth(client.CRAMMD5Auth(s.user, s.password))
	}
	return fmt.Errorf("it offers %q, and none of SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5", offered)
}

// give gives the server a message. The library's own client stands around the
// connection for this, and does nothing else.
func (s *Sender) give(line *client.Client, letter *gomail.Msg) error {
	c, err := gomail.NewClient(s.host, gomail.WithTimeout(2*s.o.Timeout), gomail.WithoutNoop()) // talk ends it before
	if err != nil {
		return err
	}
	return c.SendWithSMTPClient(line, letter)
}

// steps are where the library's errors belong; what is not here was between
// giving and taking.
var steps = map[gomail.SendErrReason]mail.Step{gomail.ErrSMTPMailFrom: mail.From, gomail.ErrSMTPRcptTo: mail.To}

// failed tells the codes and the words of an error apart.
func failed(ctx context.Context, step mail.Step, err error) error {
	f := &mail.Failure{Step: step, Said: err.Error(), Timeout: ctx.Err() != nil}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		f.Code, f.Said = answer.Code, fmt.Sprint(answer.Code, " ", answer.Msg)
	}
	if sent, ok := errors.AsType[*gomail.SendError](err); ok {
		f.Code = sent.ErrorCode()
		if at, known := steps[sent.Reason]; known {
			f.Step = at
		}
		_, words, _ := strings.Cut(sent.Error(), ": ")
		f.Said, _, _ = strings.Cut(words, ", affected ")
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		f.Timeout = true
	}
	if f.Code != 0 {
		f.Status = enhanced.FindString(f.Said)
		f.Timeout = false
	}
	return f
}

// enhanced is an enhanced status code (RFC 3463).
var enhanced = regexp.MustCompile(`\b[45]\.\d{1,3}\.\d{1,3}\b`)
