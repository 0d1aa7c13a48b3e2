// Package mailtest is a mail server on loopback that keeps what it takes, for
// the tests of everything that sends.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options of a server; the zero value takes everything, unencrypted.
type Options struct {
	Address  string                    // to listen on; "" is any port of loopback
	StartTLS bool                      // offers STARTTLS
	Implicit bool                      // TLS from the first byte
	User     string                    // and Password: who may send; "" is anybody
	Password string                    //
	Refuse   func(to string) *Refusal  // of a recipient; nil takes all
	Answer   func(m Received) *Refusal // before a message is answered; nil takes all. It may wait
}

// Refusal is an answer that is no yes.
type Refusal struct {
	Code   int
	Status [3]int
	Text   string
}

func (r *Refusal) err() error {
	if r == nil {
		return nil
	}
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: r.Status, Message: r.Text}
}

// Received is a message as it came.
type Received struct {
	From, To string // of the envelope
	Raw      string
}

// Server is a mail server.
type Server struct {
	Address string         // host and port
	Roots   *x509.CertPool // that its certificate is believed by
	PEM     []byte         // of the same

	o     Options
	mu    sync.Mutex
	taken []Received
	tried int
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{o: o}
	certificate := s.certify(t)
	address := o.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		if o.User != "" {
			return &guarded{session{s: s}}, nil
		}
		return &session{s: s, in: true}, nil
	}))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mail.example", !o.StartTLS, log.New(io.Discard, "", 0)
	if o.StartTLS {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	if o.Implicit {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-served })
	return s
}

// certify makes a certificate for loopback.
func (s *Server) certify(t testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(s.PEM)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Taken is what the server took, in order.
func (s *Server) Taken() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received{}, s.taken...)
}

// Tried is how many messages were brought, taken or not.
func (s *Server) Tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

// Wait waits until so many messages are taken.
func (s *Server) Wait(t testing.TB, n int) []Received {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := s.Taken(); len(all) >= n {
			return all
		}
	}
	t.Fatalf("%d messages came, want %d", len(s.Taken()), n)
	return nil
}

// Letter is a message as its reader sees it.
type Letter struct {
	mail.Header
	Subject, Text, HTML string
	Images              map[string][]byte // by Content-ID
}

// Read reads a message of a plain and an HTML part, and perhaps pictures beside them.
func (m Received) Read(t testing.TB) (l Letter) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		t.Fatalf("%v:\n%s", err, m.Raw)
	}
	l.Header, l.Images = parsed.Header, map[string][]byte{}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(l.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(l.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" && kind != "multipart/related" {
		t.Fatalf("the message is %s %v", kind, err)
	}
	l.parts(t, parsed.Body, params["boundary"])
	return l
}

// parts reads the parts of a body, and theirs.
func (l *Letter) parts(t testing.TB, body io.Reader, boundary string) {
	t.Helper()
	parts := multipart.NewReader(body, boundary)
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if kind == "multipart/alternative" {
			l.parts(t, p, params["boundary"])
			continue
		}
		decoded := map[string]io.Reader{"quoted-printable": quotedprintable.NewReader(p), "base64": base64.NewDecoder(base64.StdEncoding, p)}[p.Header.Get("Content-Transfer-Encoding")]
		if decoded == nil {
			t.Fatalf("a part is %s", p.Header.Get("Content-Transfer-Encoding"))
		}
		b, err := io.ReadAll(decoded)
		if err != nil {
			t.Fatal(err)
		}
		switch text := string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))); kind {
		case "text/html":
			l.HTML = text
		case "text/plain":
			l.Text = text
		default:
			l.Images[strings.Trim(p.Header.Get("Content-Id"), "<>")] = b
		}
	}
}

// session is one connection.
type session struct {
	s  *Server
	in bool
	m  Received
}

func (c *session) Reset()        { c.m = Received{} }
func (c *session) Logout() error { return nil }

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if !c.in {
		return smtp.ErrAuthRequired
	}
	c.m.From = from
	return nil
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if c.s.o.Refuse != nil {
		if err := c.s.o.Refuse(to).err(); err != nil {
			return err
		}
	}
	c.m.To = to
	return nil
}

func (c *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.m.Raw = string(b)
	c.s.mu.Lock()
	c.s.tried++
	c.s.mu.Unlock()
	if c.s.o.Answer != nil {
		if err := c.s.o.Answer(c.m).err(); err != nil {
			return err
		}
	}
	c.s.mu.Lock()
	c.s.taken = append(c.s.taken, c.m)
	c.s.mu.Unlock()
	return nil
}

// guarded asks for a password.
type guarded struct{ session }

func (c *guarded) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *guarded) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if c.in = user == c.s.o.User && password == c.s.o.Password; !c.in {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}
